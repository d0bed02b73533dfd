//! Answers: a status, headers and bytes; always JSON, as the contract asks.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer before it is sent.
pub(crate) struct Reply {
    pub status: StatusCode,
    pub body: Vec<u8>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// An answer whose body is already JSON.
    pub(crate) fn bytes(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, body, headers: Vec::new() }
    }

    /// An answer from a value.
    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::bytes(status, value.to_string().into_bytes())
    }

    /// `204` and nothing.
    pub(crate) fn none() -> Self {
        Self::bytes(StatusCode::NO_CONTENT, Vec::new())
    }

    /// A refusal that is about no single field.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::json(status, &json!({ "detail": detail }))
    }

    /// `404`.
    pub(crate) fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    /// `405`.
    pub(crate) fn no_method(method: &str) -> Self {
        Self::detail(StatusCode::METHOD_NOT_ALLOWED, &format!("Method \"{method}\" not allowed."))
    }

    /// `401`, with the code that says why.
    pub(crate) fn unauthorized(detail: &str, code: &str) -> Self {
        Self::json(StatusCode::UNAUTHORIZED, &json!({ "detail": detail, "code": code }))
    }

    /// `400` about one field.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        let mut errors = Errors::default();
        errors.add(field, message);
        errors.reply()
    }

    /// `406`: a rule of the hub refused it.
    pub(crate) fn refused(code: &str, mut more: Value) -> Self {
        if let Value::Object(fields) = &mut more {
            fields.insert("code".to_owned(), code.into());
        }
        Self::json(StatusCode::NOT_ACCEPTABLE, &more)
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The answer as axum sends it.
    pub(crate) fn into_response(self) -> Response<Body> {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        if has_body {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// Field errors of one request: `{"<field>": ["…"], "code": "invalid"}`.
#[derive(Default)]
pub(crate) struct Errors(serde_json::Map<String, Value>);

impl Errors {
    /// Notes what is wrong with a field.
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        let messages = self.0.entry(field.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(messages) = messages {
            messages.push(Value::String(message.into()));
        }
    }

    /// Nothing, or the `400`.
    pub(crate) fn check(self) -> Result<(), Reply> {
        if self.0.is_empty() { Ok(()) } else { Err(self.reply()) }
    }

    fn reply(mut self) -> Reply {
        self.0.insert("code".to_owned(), "invalid".into());
        Reply::json(StatusCode::BAD_REQUEST, &Value::Object(self.0))
    }
}
