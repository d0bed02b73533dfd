//! What the hub tells us: noted durably, fetched afterwards.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use oms_app::orders::intake::read_event;
use oms_app::setup::hub_hooks::{self, Proof};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::input;
use crate::problem::Problem;
use crate::state::WebState;

/// The hub's envelope.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct Envelope {
    event: EventHead,
    /// The record; only its `pk` is used, the record itself is read from the hub.
    #[schema(value_type = Object)]
    payload: Value,
}

/// What happened.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct EventHead {
    /// For example `order.created`.
    #[serde(rename = "type")]
    kind: String,
    /// An event sent twice is taken once.
    uuid: String,
}

/// Taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Taken {}

/// A call of the hub, whose signature was looked at where there is a secret.
pub(crate) struct HubCall(pub Value);

impl FromRequest<WebState> for HubCall {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Problem> {
        let (headers, body) = input::Json::bytes(request, state).await?;
        let said = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let proof = Proof {
            id: said("webhook-id"),
            timestamp: said("webhook-timestamp"),
            signatures: said("webhook-signature"),
        };
        if !hub_hooks::is_the_hubs(&state.app, proof, &body).await? {
            let message = "The call is not signed with the secret of OMNITRON_WEBHOOKS, or longer ago than five minutes. \
                           Headers webhook-id, webhook-timestamp and webhook-signature of Standard Webhooks are expected.";
            return Err(Problem::access(StatusCode::UNAUTHORIZED, "signature_invalid", message));
        }
        Ok(Self(input::Json::parse(&headers, &body)?.0))
    }
}

async fn take(state: &WebState, body: &Value, area: &str) -> Result<Json<Taken>, Problem> {
    let event = read_event(body, area)?;
    state.mailbox.submit(event).await?;
    Ok(Json(Taken {}))
}

/// The hub says that an order was created or changed.
#[utoipa::path(post, path = "/api/v1/oms/orders_omnitron/", tag = "hub", request_body = Envelope,
    responses((status = 200, body = Taken, description = "Noted; the order is fetched from the hub afterwards.")))]
pub(crate) async fn orders(State(state): State<WebState>, body: HubCall) -> Result<Json<Taken>, Problem> {
    take(&state, &body.0, "order").await
}

/// The hub says that a store was created or changed.
#[utoipa::path(post, path = "/api/v1/oms/stocklocations-webhook", tag = "hub", request_body = Envelope,
    responses((status = 200, body = Taken, description = "Noted; the store is fetched from the hub afterwards.")))]
pub(crate) async fn stores(State(state): State<WebState>, body: HubCall) -> Result<Json<Taken>, Problem> {
    take(&state, &body.0, "retail_store").await
}
