//! Who may call: logins, tokens and the login limit.

use std::collections::VecDeque;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Hub;
use super::reply::{Errors, Reply};
use super::world::Fields;

/// Live tokens at a time; a client that logs in for ever pushes out its own oldest ones.
const MAX_TOKENS: usize = 256;
/// The window of the login limit, the one public clients of the real hub pace themselves by.
const LOGIN_WINDOW_US: i64 = 360 * 1_000_000;

/// Tokens (hashed) in the order they were given out, and the times of recent logins.
pub(crate) struct Access {
    tokens: VecDeque<String>,
    logins: VecDeque<i64>,
}

impl Access {
    /// The tokens a state file remembers, oldest first.
    pub(crate) fn remembered(tokens: Vec<String>) -> Self {
        Self { tokens: tokens.into(), logins: VecDeque::new() }
    }

    /// Forgets every token.
    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
    }

    /// Notes a login; `Err` with the seconds to wait when there were too many.
    fn admit(&mut self, now_us: i64, limit: Option<u32>) -> Result<(), i64> {
        let Some(limit) = limit else { return Ok(()) };
        while self.logins.front().is_some_and(|at| *at <= now_us - LOGIN_WINDOW_US) {
            self.logins.pop_front();
        }
        if self.logins.len() >= limit as usize {
            let first = self.logins.front().copied().unwrap_or(now_us);
            return Err((first + LOGIN_WINDOW_US - now_us).div_euclid(1_000_000) + 1);
        }
        self.logins.push_back(now_us);
        Ok(())
    }
}

impl Hub {
    /// `POST auth/login/`.
    pub(crate) async fn login(&self, body: &Fields) -> Result<Reply, Reply> {
        let mut errors = Errors::default();
        let mut text = |name: &str| {
            let text = body.get(name).and_then(|v| v.as_str()).unwrap_or_default();
            if text.is_empty() {
                errors.add(name, "This field is required.");
            }
            text.to_owned()
        };
        let (username, password) = (text("username"), text("password"));
        errors.check()?;
        if let Err(wait_s) = self.access().admit(self.now(), self.config.login_limit) {
            let reply = Reply::detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.");
            return Err(reply.with(RETRY_AFTER, &wait_s.to_string()));
        }
        let given = (hash(&username), hash(&password));
        if given != (hash(&self.config.username), hash(&self.config.password)) {
            return Err(Reply::field("non_field_errors", "Unable to log in with provided credentials."));
        }
        let key =
            random_key().ok_or_else(|| Reply::detail(StatusCode::SERVICE_UNAVAILABLE, "No randomness."))?;
        let hashed = hash(&key);
        self.state.put_token(&hashed, MAX_TOKENS as i64).await.map_err(|e| Hub::broken(&e))?;
        let mut access = self.access();
        access.tokens.push_back(hashed);
        if access.tokens.len() > MAX_TOKENS {
            access.tokens.pop_front();
        }
        Ok(Reply::json(StatusCode::OK, &json!({ "key": key })))
    }

    /// `GET active_user/`.
    pub(crate) fn active_user(&self) -> Reply {
        let username = &self.config.username;
        let email = format!("{username}@example.com");
        let user = json!({ "id": 1, "pk": 1, "username": username, "email": email, "first_name": "", "last_name": "",
            "is_active": true, "is_staff": true });
        Reply::json(StatusCode::OK, &user)
    }

    /// Refuses a request without a live token.
    pub(crate) fn authorize(&self, headers: &HeaderMap) -> Result<(), Reply> {
        let header = headers.get("authorization").and_then(|h| h.to_str().ok());
        let Some(key) = header.and_then(|h| h.strip_prefix("Token ")) else {
            let detail = "Authentication credentials were not provided.";
            return Err(Reply::unauthorized(detail, "not_authenticated"));
        };
        let hashed = hash(key.trim());
        match self.access().tokens.contains(&hashed) {
            true => Ok(()),
            false => Err(Reply::unauthorized("Invalid token.", "authentication_failed")),
        }
    }
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn random_key() -> Option<String> {
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}
