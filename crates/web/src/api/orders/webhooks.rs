//! What the hub tells us: noted durably, fetched afterwards.

use axum::Json;
use axum::extract::State;
use oms_app::orders::intake::read_event;
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

async fn take(state: &WebState, body: &Value, area: &str) -> Result<Json<Taken>, Problem> {
    let event = read_event(body, area)?;
    state.mailbox.submit(event).await?;
    Ok(Json(Taken {}))
}

/// The hub says that an order was created or changed.
#[utoipa::path(post, path = "/api/v1/oms/orders_omnitron/", tag = "hub", request_body = Envelope,
    responses((status = 200, body = Taken, description = "Noted; the order is fetched from the hub afterwards.")))]
pub(crate) async fn orders(State(state): State<WebState>, body: input::Json) -> Result<Json<Taken>, Problem> {
    take(&state, &body.0, "order").await
}

/// The hub says that a store was created or changed.
#[utoipa::path(post, path = "/api/v1/oms/stocklocations-webhook", tag = "hub", request_body = Envelope,
    responses((status = 200, body = Taken, description = "Noted; the store is fetched from the hub afterwards.")))]
pub(crate) async fn stores(State(state): State<WebState>, body: input::Json) -> Result<Json<Taken>, Problem> {
    take(&state, &body.0, "retail_store").await
}
