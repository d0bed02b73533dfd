//! Hook events: what was and is to be told to webhooks, sent again or by hand.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::hooks::deliveries::{self, Whole};
use oms_core::time::format_us;
use oms_store::hooks::deliveries::{Attempt, Delivery, LIST};
use oms_store::ids::IdKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::{self, Id};
use crate::once::{Once, answer, empty};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// One event for one webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    id: i64,
    hook: i64,
    /// The uuid the receiver knows it by.
    event: String,
    event_type: String,
    entity: String,
    entity_id: i64,
    /// Of the record's change.
    seq: i64,
    /// Of the record's change that this webhook was told of before.
    prev_seq: Option<i64>,
    /// Of the change in the feed; null for one that was published by hand.
    position: Option<i64>,
    /// `waiting`, `delivered` or `given_up`.
    state: String,
    /// Tries in all.
    attempts: i64,
    /// When a waiting one is tried.
    next_try_date: Option<String>,
    published_by: Option<String>,
    created_date: String,
    finished_date: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(d: Delivery) -> Self {
        let is_waiting = d.state == "waiting";
        Self {
            id: d.id,
            hook: d.hook_id,
            event: d.uuid,
            event_type: d.kind,
            entity: d.entity,
            entity_id: d.entity_id,
            seq: d.seq,
            prev_seq: d.prev_seq,
            position: d.published_by.is_none().then_some(d.position),
            state: d.state,
            attempts: d.attempts,
            next_try_date: is_waiting.then(|| format_us(d.due_us)),
            published_by: d.published_by,
            created_date: format_us(d.created_us),
            finished_date: d.finished_us.map(format_us),
        }
    }
}

/// One try.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// From 1.
    n: i64,
    date: String,
    /// Milliseconds.
    took_ms: i64,
    /// Null: there was no whole answer.
    status: Option<i64>,
    error: Option<String>,
    /// The head of the answer's body.
    answer: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(a: Attempt) -> Self {
        Self {
            n: a.n,
            date: format_us(a.at_us),
            took_ms: a.took_ms,
            status: a.status,
            error: a.error,
            answer: a.answer,
        }
    }
}

/// The same with its tries and what it says.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholeView {
    #[serde(flatten)]
    delivery: DeliveryView,
    tries: Vec<AttemptView>,
    /// The body that is sent, as text; null before it is first sent.
    body: Option<String>,
}

/// List hook events.
#[utoipa::path(get, path = "/api/v1/oms/oms_hook_events/", tag = "webhooks",
    responses((status = 200, body = Paged<DeliveryView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<DeliveryView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = deliveries::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, DeliveryView::from)?))
}

/// One hook event with all of its tries.
#[utoipa::path(get, path = "/api/v1/oms/oms_hook_events/{id}/", tag = "webhooks", params(("id" = i64, Path)),
    responses((status = 200, body = WholeView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<WholeView>, Problem> {
    let Whole { delivery, attempts, body } = deliveries::get(&state.app, id).await?;
    let tries = attempts.into_iter().map(AttemptView::from).collect();
    Ok(Json(WholeView { delivery: delivery.into(), tries, body }))
}

/// What is to be published.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishBody {
    /// The webhook's id.
    hook: i64,
    instance: Instance,
}

/// A record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    pk: i64,
    /// `order`, `package`, `transfer`, `shipment` or `stock_location`.
    model: String,
}

/// Tell a webhook of a record as it is now.
#[utoipa::path(post, path = "/api/v1/oms/oms_hook_events/publish-event/", tag = "webhooks", request_body = PublishBody,
    responses((status = 202, description = "It is sent behind what waits of the record.")))]
pub(crate) async fn publish(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let PublishBody { hook, instance } = body.read()?;
    let publication = deliveries::publication(&state.app, hook, &instance.model, instance.pk).await?;
    let actor = state.app.actor(once.who.actor()).await?;
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            deliveries::publish(tx, &actor, publication).await?;
            Ok(empty(StatusCode::ACCEPTED))
        })
    })
    .await
}

/// What is to be sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendBody {
    /// The uuid of the event.
    event: String,
    /// Ours: to this webhook alone.
    hook: Option<i64>,
}

/// Send an event again: the same bytes under the same uuid.
#[utoipa::path(post, path = "/api/v1/oms/oms_hook_events/resend-event/", tag = "webhooks", request_body = ResendBody,
    responses((status = 202, description = "It is sent at once, before what waits of the record.")))]
pub(crate) async fn resend(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let ResendBody { event, hook } = body.read()?;
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(oms_app::Error::from)?;
    let actor = state.app.actor(once.who.actor()).await?;
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            deliveries::resend(tx, audit, &actor, &event, hook).await?;
            Ok(empty(StatusCode::ACCEPTED))
        })
    })
    .await
}

/// Changes to be sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeBody {
    hook: i64,
    /// The position of the feed behind which to begin.
    after: i64,
    /// The last position, at most 10,000 behind it.
    until: i64,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
struct RangeView {
    /// Events the webhook had been told of.
    again: i64,
    /// Events it had not: it was passive, or not there yet.
    new: i64,
}

/// **Ours.** Send a webhook again what lies between two positions of the feed, also what it was never told of.
#[utoipa::path(post, path = "/api/v1/oms/oms_hook_events/resend-range/", tag = "webhooks", request_body = RangeBody,
    responses((status = 202, body = RangeView)))]
pub(crate) async fn resend_range(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let RangeBody { hook, after, until } = body.read()?;
    let range = deliveries::range(&state.app, hook, after, until).await?;
    let actor = state.app.actor(once.who.actor()).await?;
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let told: Value = deliveries::resend_range(tx, &actor, range).await?;
            answer(StatusCode::ACCEPTED, &told)
        })
    })
    .await
}
