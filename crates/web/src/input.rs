//! What comes in: JSON bodies, ids in paths and query parameters, refused by name where they are wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use oms_core::reading;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

/// The largest body of most routes.
pub(crate) const BODY_BYTES: usize = 2 << 20;
/// The largest body of routes that take many records: 256 orders or 5,000 stock rows.
pub(crate) const BULK_BODY_BYTES: usize = 16 << 20;
/// The largest body of a webhook: one record of the hub.
pub(crate) const WEBHOOK_BODY_BYTES: usize = 1 << 20;
/// The most query parameters a request may have.
const MAX_PARAMETERS: usize = 300;

/// A JSON body.
pub(crate) struct Json(pub Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (headers, body) = Self::bytes(request, state).await?;
        Self::parse(&headers, &body)
    }
}

impl Json {
    /// The body as it came, whole, and the headers.
    pub(crate) async fn bytes<S: Send + Sync>(
        request: Request,
        state: &S,
    ) -> Result<(HeaderMap, Bytes), Problem> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let message = "The body is larger than this address takes; send it in parts.";
                Problem::plain(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
            } else {
                Problem::plain(StatusCode::BAD_REQUEST, "body_incomplete", "The body did not arrive whole.")
            }
        })?;
        Ok((headers, body))
    }

    /// Reads a body.
    pub(crate) fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Self, Problem> {
        if !body.is_empty() && !is_json(headers) {
            let message = "Send JSON with Content-Type: application/json.";
            return Err(Problem::plain(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                message,
            ));
        }
        let value: Value = serde_json::from_slice(body).map_err(|e| malformed(body, &e))?;
        match nul_in(&value) {
            Some(field) => {
                let message = format!("{field} holds a NUL character, which no text may.");
                Err(Problem::new(StatusCode::BAD_REQUEST, &field, "invalid", message))
            }
            None => Ok(Self(value)),
        }
    }

    /// Reads the body as a type; the refusal names the part.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        Ok(reading::read(&self.0, "")?)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(|p| p.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|p| {
            !p.starts_with("charset=") || p.trim_start_matches("charset=").trim_matches('"') == "utf-8"
        })
}

fn malformed(body: &Bytes, e: &serde_json::Error) -> Problem {
    let message = if body.is_empty() {
        "A JSON body is expected and there is none.".to_owned()
    } else {
        format!("The body is not JSON: {e}.")
    };
    Problem::plain(StatusCode::BAD_REQUEST, "malformed_json", message)
}

/// The first field with a NUL in it: PostgreSQL stores none, and it is never meant.
fn nul_in(value: &Value) -> Option<String> {
    match value {
        Value::String(s) if s.contains('\0') => Some("non_field_errors".into()),
        Value::Array(list) => list.iter().find_map(nul_in),
        Value::Object(map) => map.iter().find_map(|(key, v)| {
            let inner = if key.contains('\0') { Some(String::new()) } else { nul_in(v) };
            inner.map(|_| key.replace('\0', ""))
        }),
        _ => None,
    }
}

/// The id in the path. Anything but a whole number names no record.
pub(crate) struct Id(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text =
            Path::<String>::from_request_parts(parts, state).await.map(|Path(t)| t).unwrap_or_default();
        text.parse().map(Self).map_err(|_| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "detail",
                "not_found",
                "There is no such record: ids are whole numbers.",
            )
        })
    }
}

/// The query's parameters, in order.
pub(crate) struct Query(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given: Vec<(String, String)> = axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(q)| q)
            .map_err(|_| {
                Problem::plain(StatusCode::BAD_REQUEST, "invalid_query", "The query string cannot be read.")
            })?;
        if given.len() > MAX_PARAMETERS {
            let message = format!("A request has at most {MAX_PARAMETERS} parameters.");
            return Err(Problem::plain(StatusCode::BAD_REQUEST, "invalid_query", message));
        }
        if let Some((name, _)) = given.iter().find(|(k, v)| k.contains('\0') || v.contains('\0')) {
            let field = name.replace('\0', "");
            let message = "A parameter holds a NUL character.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, &field, "invalid", message));
        }
        Ok(Self(given))
    }
}
