//! Errors as callers see them: one shape for every answer that is not a success, with a stable code
//! and nothing of the machine inside.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oms_app::upkeep::idempotency::Answer;
use oms_app::{Error, HubErrorClass};
use oms_core::refusal::{Refusal, RefusalKind};
use oms_store::db::Trouble;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// `{"error": {"<field>": ["<message>"], "code": "<code>"}, "status_code": <status>}`.
#[derive(Debug, ToSchema)]
#[schema(as = Error)]
#[expect(dead_code, reason = "the shape for the document; answers are built as values")]
pub struct ErrorBody {
    /// Messages by field (`non_field_errors` where no field is to blame), and a stable `code`. Failures
    /// of this server add `request_id`.
    #[schema(value_type = Object)]
    error: Value,
    /// The HTTP status again.
    status_code: u16,
}

/// What a caller without a right to the answer gets.
#[derive(Debug, ToSchema)]
#[schema(as = AccessError)]
#[expect(dead_code, reason = "the shape for the document; answers are built as values")]
pub struct AccessErrorBody {
    /// What is missing.
    detail: String,
    /// `not_authenticated`, `invalid_token` or `permission_denied`.
    code: String,
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub body: Value,
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem of the usual shape.
    pub fn new(status: StatusCode, field: &str, code: &str, message: impl Into<String>) -> Self {
        // The stable code has this name: a message about an input of the same name must not be lost behind it.
        let field = if field == "code" { "non_field_errors" } else { field };
        let mut error = Map::new();
        error.insert(field.to_owned(), json!([message.into()]));
        error.insert("code".into(), code.into());
        let body = json!({"error": error, "status_code": status.as_u16()});
        Self { status, body, retry_after_s: None }
    }

    /// A problem with no field to blame.
    pub fn plain(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self::new(status, "non_field_errors", code, message)
    }

    /// The caller may come back after this many seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same under another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self.body["status_code"] = status.as_u16().into();
        self
    }

    /// This server failed; the operator finds the reason by the request's id.
    pub fn failure() -> Self {
        let message =
            "The server failed. Nothing was done by this request; tell the operator its request_id.";
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// No sign-in, or one that is not valid.
    pub fn access(status: StatusCode, code: &str, detail: &str) -> Self {
        Self { status, body: json!({"detail": detail, "code": code}), retry_after_s: None }
    }
}

fn status_of(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::Invalid => StatusCode::BAD_REQUEST,
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::Gone => StatusCode::GONE,
        RefusalKind::Conflict => StatusCode::CONFLICT,
        RefusalKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        RefusalKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl From<&Refusal> for Problem {
    fn from(r: &Refusal) -> Self {
        let mut problem = Self::new(status_of(r.kind), &r.field, r.code, r.message.clone());
        for (field, message) in &r.also {
            let field = if field == "code" { "non_field_errors" } else { field };
            match &mut problem.body["error"][field] {
                Value::Array(messages) => messages.push(message.as_str().into()),
                none => *none = json!([message]),
            }
        }
        if let Some(current) = &r.current {
            problem.body["current"] = current.as_ref().clone();
        }
        problem
    }
}

impl From<Refusal> for Problem {
    fn from(r: Refusal) -> Self {
        Self::from(&r)
    }
}

/// A refusal as it is kept for an idempotency key.
pub fn refusal_answer(r: &Refusal) -> Answer {
    let problem = Problem::from(r);
    Answer { status: problem.status.as_u16(), body: problem.body.to_string() }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        /// When a busy server wants to be asked again.
        const SOON_S: u64 = 1;
        /// When a hub that does not answer is worth another try.
        const HUB_BACK_S: u64 = 5;
        match error {
            Error::Refused(r) => Self::from(r),
            Error::Hub(hub) => match hub.class() {
                HubErrorClass::Retry { after_s } => {
                    Self::plain(StatusCode::SERVICE_UNAVAILABLE, hub.code(), hub.to_string())
                        .retry_after(after_s.unwrap_or(HUB_BACK_S))
                }
                HubErrorClass::Operator | HubErrorClass::Permanent => {
                    Self::plain(StatusCode::BAD_GATEWAY, hub.code(), hub.to_string())
                }
            },
            Error::Busy => Self::busy(SOON_S),
            Error::Stopping => Self::plain(StatusCode::SERVICE_UNAVAILABLE, "stopping", error.to_string())
                .retry_after(SOON_S),
            Error::Batch(error) => Self::from(error.as_ref()),
            Error::Panicked { .. } => Self::failure(),
            Error::Store(store) if store.is_retryable() => {
                tracing::warn!(error = %store, "the database asks to be tried again");
                Self::busy(SOON_S)
            }
            Error::Store(store) => {
                tracing::error!(error = ?store, "the database failed");
                store.trouble().map_or_else(Self::failure, Self::cannot_write)
            }
        }
    }
}

impl Problem {
    /// The database cannot take anything now. Nothing was done; it is tried again when there is room.
    pub fn cannot_write(trouble: Trouble) -> Self {
        /// When it is worth asking again: a person makes room meanwhile.
        const BACK_S: u64 = 10;
        let (status, code, message) = match trouble {
            Trouble::Full => (
                StatusCode::INSUFFICIENT_STORAGE,
                "database_full",
                "The database has no room left, so nothing was done. Make room on its disk; it goes on by itself.",
            ),
            Trouble::Io => (
                StatusCode::SERVICE_UNAVAILABLE,
                "database_io",
                "The database cannot read or write its files, so nothing was done. The operator finds the reason in \
                 the log; it goes on by itself when its disk does.",
            ),
        };
        Self::plain(status, code, message).retry_after(BACK_S)
    }

    /// Too much is waiting.
    pub fn busy(after_s: u64) -> Self {
        let message = "Too much is waiting to be written; send the same request again.";
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(after_s)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_an_input_named_code_is_not_lost() {
        let problem =
            Problem::from(&Refusal::invalid("code", "wrong_code", "This is not the customer's code."));
        let error = json!({"non_field_errors": ["This is not the customer's code."], "code": "wrong_code"});
        assert_eq!(problem.body, json!({"error": error, "status_code": 400}));
    }
}
