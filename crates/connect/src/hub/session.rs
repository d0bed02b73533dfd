//! Signing in at the hub: one token for everybody, fetched by one caller while the others wait.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::HubError;

/// Sign-ins the hub's throttle is known to bear within [`LOGIN_WINDOW`].
pub const MAX_LOGINS: usize = 3;
/// See [`MAX_LOGINS`].
pub const LOGIN_WINDOW: Duration = Duration::from_secs(360);

/// A token and which sign-in it came from.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: SecretString,
    serial: u64,
}

/// What the last finished sign-in came to.
struct Door {
    recent: VecDeque<Instant>,
    last: Option<Result<Token, HubError>>,
}

/// The shared session.
pub(super) struct Session {
    current: RwLock<Option<Token>>,
    /// Sign-ins finished so far, whatever came of them.
    finished: AtomicU64,
    door: Mutex<Door>,
}

impl Session {
    pub(super) fn new() -> Self {
        let door = Door { recent: VecDeque::with_capacity(MAX_LOGINS), last: None };
        Self { current: RwLock::new(None), finished: AtomicU64::new(0), door: Mutex::new(door) }
    }

    fn peek(&self) -> Option<Token> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, token: Option<Token>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// The token, signing in if there is none, or if the one in hand (`dead`) was refused.
    /// Whoever waits for a sign-in of another takes its outcome, a failure included.
    pub(super) async fn token<F, Fut>(&self, dead: Option<&Token>, login: F) -> Result<Token, HubError>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<SecretString, HubError>>,
    {
        let alive = |token: &Token| dead.is_none_or(|dead| token.serial > dead.serial);
        let seen = self.finished.load(Ordering::Acquire);
        if let Some(token) = self.peek().filter(alive) {
            return Ok(token);
        }
        let mut door = self.door.lock().await;
        if let Some(token) = self.peek().filter(alive) {
            return Ok(token);
        }
        if self.finished.load(Ordering::Acquire) > seen
            && let Some(Err(failure)) = &door.last
        {
            return Err(failure.clone());
        }
        self.set(None);
        let outcome = self.enter(&mut door, login).await;
        if let Ok(token) = &outcome {
            self.set(Some(token.clone()));
        }
        door.last = Some(outcome.clone());
        self.finished.fetch_add(1, Ordering::AcqRel);
        outcome
    }

    async fn enter<F, Fut>(&self, door: &mut Door, login: F) -> Result<Token, HubError>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<SecretString, HubError>>,
    {
        let now = Instant::now();
        while door.recent.front().is_some_and(|first| now.duration_since(*first) >= LOGIN_WINDOW) {
            door.recent.pop_front();
        }
        if door.recent.len() >= MAX_LOGINS
            && let Some(first) = door.recent.front()
        {
            let left = LOGIN_WINDOW.saturating_sub(now.duration_since(*first));
            return Err(HubError::throttled(Some(left.as_secs() + 1)));
        }
        // Counted before it is sent: a caller that goes away half-way has still used one.
        door.recent.push_back(now);
        let answer = login().await;
        if matches!(answer, Err(HubError::Unreachable { .. } | HubError::Refused { .. })) {
            door.recent.pop_back();
        }
        let serial = self.finished.load(Ordering::Acquire) + 1;
        answer.map(|value| Token { value, serial })
    }
}
