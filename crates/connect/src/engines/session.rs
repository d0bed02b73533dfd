//! How we show an engine who we are: not at all, by password, or by a token that is fetched once.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use oms_core::engines::answers::{self, field};
use oms_core::engines::{Auth, AuthKind};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::error::EngineError;
use crate::http::{HttpClient, Request, Timeouts};

/// The longest token: beyond this no server takes a header.
const MAX_TOKEN: usize = 8 * 1024;

/// A token and which sign-in it came from.
struct Token {
    serial: u64,
    value: SecretString,
}

/// What is shown.
pub(super) enum Session {
    Nothing,
    Basic(SecretString),
    Token(Box<Door>),
}

/// Where tokens come from and the one in hand.
pub(super) struct Door {
    url: Url,
    username: String,
    password: SecretString,
    prefix: String,
    field: String,
    /// The sign-ins so far, and the token of the last one unless it was refused.
    current: Mutex<(u64, Option<Token>)>,
}

impl Session {
    pub(super) fn new(http: &HttpClient, auth: &Auth) -> Result<Self, EngineError> {
        let username = auth.username.clone().unwrap_or_default();
        let password = auth.password.clone().unwrap_or_default();
        Ok(match auth.kind {
            AuthKind::Anonymous => Self::Nothing,
            AuthKind::BasicAuth => Self::Basic(basic(&username, &password)),
            AuthKind::Token => Self::Token(Box::new(Door {
                url: super::parse_url(http, "auth.url", auth.url.as_deref().unwrap_or_default())?,
                username,
                password: password.into(),
                prefix: auth.prefix().to_owned(),
                field: auth.field().to_owned(),
                current: Mutex::default(),
            })),
        })
    }

    /// The `Authorization` header, with the sign-in it comes from. The first caller fetches the token
    /// while the others wait for it.
    pub(super) async fn header(
        &self,
        http: &HttpClient,
        limit: Duration,
    ) -> Result<(u64, Option<String>), EngineError> {
        match self {
            Self::Nothing => Ok((0, None)),
            Self::Basic(header) => Ok((0, Some(header.expose_secret().to_owned()))),
            Self::Token(door) => {
                let mut current = door.current.lock().await;
                let serial = current.0 + 1;
                if current.1.is_none() {
                    let value = door.fetch(http, limit).await?;
                    *current = (serial, Some(Token { serial, value }));
                }
                let token = current.1.as_ref().expect("just fetched");
                let text = format!("{} {}", door.prefix, token.value.expose_secret());
                Ok((token.serial, Some(text.trim_start().to_owned())))
            }
        }
    }

    /// The engine refused the token of this sign-in: another is fetched next. `false` where there is no
    /// other to be had.
    pub(super) async fn forget(&self, serial: u64) -> bool {
        let Self::Token(door) = self else { return false };
        let mut current = door.current.lock().await;
        if current.1.as_ref().is_some_and(|token| token.serial == serial) {
            current.1 = None;
        }
        true
    }
}

impl Door {
    async fn fetch(&self, http: &HttpClient, limit: Duration) -> Result<SecretString, EngineError> {
        let failed = |what: String, operator| EngineError::Token { what, operator };
        let body = json!({"username": self.username, "password": self.password.expose_secret()});
        let mut request = Request::post_json(self.url.clone(), body);
        request.timeouts = Timeouts { read: limit, total: limit };
        let answer = match http.send(request).await {
            Ok(answer) => answer,
            Err(error) => return Err(failed(error.to_string(), !error.is_retryable())),
        };
        if !answer.is_success() {
            let what = format!("it answered status {}", answer.status);
            return Err(match answer.status {
                429 | 500.. => failed(what, false),
                _ => failed(format!("{what}; correct auth.url, auth.username and auth.password"), true),
            });
        }
        let value = answers::json(&answer.bytes).map_err(|e| failed(e.0, true))?;
        let token = field(&value, &self.field).and_then(Value::as_str).unwrap_or_default();
        if token.is_empty() || token.len() > MAX_TOKEN || HeaderValue::from_str(token).is_err() {
            let what = format!("its answer holds no usable text at {:?}; correct auth.field", self.field);
            return Err(failed(what, true));
        }
        Ok(token.to_owned().into())
    }
}

/// The header of HTTP Basic.
fn basic(username: &str, password: &str) -> SecretString {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))).into()
}
