//! Idempotency keys on POST: the same key gives the same answer, and the effect happens once.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use oms_app::access::Principal;
use oms_app::upkeep::idempotency::{self, Answer, Key};
use oms_core::refusal::Refusal;
use oms_store::Tx;
use serde::Serialize;
use serde_json::Value;

use crate::problem::{Problem, refusal_answer};
use crate::state::WebState;

/// Who sends what to where: all that an idempotency key is valid for but the body.
pub(crate) struct Once {
    pub who: Principal,
    scope: String,
    key: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let who = parts.extensions.get::<Principal>().cloned().ok_or_else(Problem::failure)?;
        let route = parts.extensions.get::<MatchedPath>().map(|p| p.as_str().to_owned()).unwrap_or_default();
        let ids = RawPathParams::from_request_parts(parts, state).await;
        let ids: Vec<String> =
            ids.map(|params| params.iter().map(|(_, v)| v.to_owned()).collect()).unwrap_or_default();
        let scope = format!("{} {} {route} {}", who.user_id, parts.method, ids.join("/"));
        let key = match parts.headers.get("idempotency-key") {
            None => None,
            Some(value) => Some(idempotency::parse_key(value.to_str().unwrap_or_default())?),
        };
        Ok(Self { who, scope, key })
    }
}

impl Once {
    /// Runs the effect in a transaction, once a key, and answers what it answered.
    pub(crate) async fn run<F>(self, state: &WebState, body: &Value, work: F) -> Result<Response, Problem>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, oms_app::Result<Answer>> + Send,
    {
        let fingerprint = idempotency::fingerprint(body);
        let key = self.key.map(|key| Key { scope: self.scope, key, fingerprint });
        Ok(respond(idempotency::run(&state.app, key, refusal_answer, work).await?))
    }
}

impl Once {
    /// Runs an effect that calls outside, at most once a key, and answers what it answered.
    pub(crate) async fn run_outside(
        self,
        state: &WebState,
        body: &Value,
        work: impl Future<Output = oms_app::Result<Answer>>,
    ) -> Result<Response, Problem> {
        let (_, key) = self.key(body);
        Ok(respond(idempotency::run_outside(&state.app, key, refusal_answer, work).await?))
    }

    /// The key for an effect that keeps its answer itself.
    pub(crate) fn key(self, body: &Value) -> (Principal, Option<Key>) {
        let fingerprint = idempotency::fingerprint(body);
        (self.who, self.key.map(|key| Key { scope: self.scope, key, fingerprint }))
    }
}

/// An answer as it is kept.
pub(crate) fn answer(status: StatusCode, body: &impl Serialize) -> oms_app::Result<Answer> {
    let body = serde_json::to_string(body)
        .map_err(|e| Refusal::invalid("non_field_errors", "invalid", e.to_string()))?;
    Ok(Answer { status: status.as_u16(), body })
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    Answer { status: status.as_u16(), body: String::new() }
}

pub(crate) fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.body.is_empty() {
        return status.into_response();
    }
    let waits = status == StatusCode::CONFLICT && answer.body.contains(idempotency::IN_PROGRESS);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response();
    if waits {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(1));
    }
    response
}
