//! **Ours.** What the hub told and what became of it: orders, changes that were not applied, and arrivals.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::BoxFuture;
use oms_app::orders::hub_records::{self, RetryIds};
use oms_core::time::format_us;
use oms_store::Tx;
use oms_store::access::logs::Actor;
use oms_store::orders::hub_changes::{self, HubChange};
use oms_store::orders::hub_orders::{self, HubOrder};
use oms_store::orders::inbox::{self, Arrival};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::input::Id;
use crate::once::{Once, empty};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// An order of the hub.
#[derive(Serialize, ToSchema)]
pub(crate) struct HubOrderView {
    /// Its key at the hub.
    id: i64,
    /// Empty: it could not be read.
    number: String,
    /// `imported`, `filtered` or `rejected`.
    disposition: String,
    /// Why it was not taken.
    reason: Option<String>,
    /// Ours, if it was taken.
    order: Option<i64>,
    /// How often it was refused in this version.
    tries: i64,
    /// When it is tried again; none: when the hub changes it, its product comes, or somebody asks.
    retry_date: Option<String>,
    /// When it changed at the hub.
    modified_date: Option<String>,
    seen_date: String,
}

impl From<HubOrder> for HubOrderView {
    fn from(o: HubOrder) -> Self {
        Self {
            id: o.pk,
            number: o.number,
            disposition: o.disposition,
            reason: o.reason,
            order: o.order_id,
            tries: o.tries,
            retry_date: o.retry_us.map(format_us),
            modified_date: o.modified_us.map(format_us),
            seen_date: format_us(o.seen_us),
        }
    }
}

/// A change at the hub that is not applied here.
#[derive(Serialize, ToSchema)]
pub(crate) struct HubChangeView {
    id: i64,
    order: i64,
    order_number: String,
    order_omnitron_id: Option<i64>,
    /// `contact`, `lines`, `prices`, `cancelled`, `unreadable` or `cancellation`.
    what: String,
    /// What is here and what is there, or the reason.
    #[schema(value_type = Object)]
    detail: Value,
    is_open: bool,
    /// When the order changed at the hub.
    modified_date: String,
    created_date: String,
    closed_date: Option<String>,
    closed_by: Option<String>,
}

impl From<HubChange> for HubChangeView {
    fn from(c: HubChange) -> Self {
        Self {
            id: c.id,
            order: c.order_id,
            order_number: c.order_number,
            order_omnitron_id: c.hub_pk,
            what: c.what,
            detail: c.detail,
            is_open: c.closed_us.is_none(),
            modified_date: format_us(c.modified_us),
            created_date: format_us(c.created_us),
            closed_date: c.closed_us.map(format_us),
            closed_by: c.closed_by,
        }
    }
}

/// Something the hub told, or the poll found.
#[derive(Serialize, ToSchema)]
pub(crate) struct ArrivalView {
    id: i64,
    /// `webhook`, `poll` or `retry`.
    source: String,
    event_type: String,
    /// The hub's key of the order or store it is about.
    hub_pk: i64,
    /// `received`, `done` or `refused`.
    state: String,
    /// What became of it, or why it was refused.
    outcome: Option<String>,
    received_date: String,
    done_date: Option<String>,
}

impl From<Arrival> for ArrivalView {
    fn from(a: Arrival) -> Self {
        Self {
            id: a.id,
            source: a.source,
            event_type: a.event_type,
            hub_pk: a.hub_pk,
            state: a.state,
            outcome: a.outcome,
            received_date: format_us(a.received_us),
            done_date: a.done_us.map(format_us),
        }
    }
}

/// **Ours.** List orders of the hub with what became of them.
#[utoipa::path(get, path = "/api/v1/oms/hub_orders/", tag = "hub", responses((status = 200, body = Paged<HubOrderView>)))]
pub(crate) async fn orders(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<HubOrderView>>, Problem> {
    let ask = query.ask(&hub_orders::LIST)?;
    let page = hub_records::orders(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, HubOrderView::from)?))
}

/// **Ours.** List changes at the hub that are not applied.
#[utoipa::path(get, path = "/api/v1/oms/hub_changes/", tag = "hub", responses((status = 200, body = Paged<HubChangeView>)))]
pub(crate) async fn changes(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<HubChangeView>>, Problem> {
    let ask = query.ask(&hub_changes::LIST)?;
    let page = hub_records::changes(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, HubChangeView::from)?))
}

/// **Ours.** List what came in from the hub.
#[utoipa::path(get, path = "/api/v1/oms/hub_inbox/", tag = "hub", responses((status = 200, body = Paged<ArrivalView>)))]
pub(crate) async fn arrivals(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<ArrivalView>>, Problem> {
    let ask = query.ask(&inbox::LIST)?;
    let page = hub_records::arrivals(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, ArrivalView::from)?))
}

async fn act<F>(state: &WebState, once: Once, work: F) -> Result<Response, Problem>
where
    F: for<'t> FnOnce(&'t mut Tx, RetryIds, &'t Actor) -> BoxFuture<'t, oms_app::Result<()>> + Send + 'static,
{
    let (ids, actor) = (hub_records::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(state, &json!({}), move |tx| {
        Box::pin(async move {
            work(tx, ids, &actor).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        })
    })
    .await
}

/// **Ours.** Fetch an order of the hub again, at once. Takes no body.
#[utoipa::path(post, path = "/api/v1/oms/hub_orders/{id}/retry/", tag = "hub", params(("id" = i64, Path, description = "Its key at the hub.")),
    responses((status = 204, description = "It is fetched.")))]
pub(crate) async fn retry_order(
    State(state): State<WebState>,
    Id(pk): Id,
    once: Once,
) -> Result<Response, Problem> {
    act(&state, once, move |tx, ids, actor| Box::pin(hub_records::retry_order(tx, ids, actor, pk))).await
}

/// **Ours.** Fetch the order of a change again: what can be applied by now is, and closes the change. Takes no body.
#[utoipa::path(post, path = "/api/v1/oms/hub_changes/{id}/retry/", tag = "hub", params(("id" = i64, Path)),
    responses((status = 204, description = "Its order is fetched.")))]
pub(crate) async fn retry_change(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
) -> Result<Response, Problem> {
    act(&state, once, move |tx, ids, actor| Box::pin(hub_records::retry_change(tx, ids, actor, id))).await
}

/// **Ours.** Say that a change is dealt with. Takes no body.
#[utoipa::path(post, path = "/api/v1/oms/hub_changes/{id}/close/", tag = "hub", params(("id" = i64, Path)),
    responses((status = 204, description = "Closed.")))]
pub(crate) async fn close_change(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
) -> Result<Response, Problem> {
    act(&state, once, move |tx, ids, actor| Box::pin(hub_records::close_change(tx, ids, actor, id))).await
}

/// **Ours.** Work on a refused arrival again. Takes no body.
#[utoipa::path(post, path = "/api/v1/oms/hub_inbox/{id}/retry/", tag = "hub", params(("id" = i64, Path)),
    responses((status = 204, description = "It is worked on.")))]
pub(crate) async fn retry_arrival(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
) -> Result<Response, Problem> {
    act(&state, once, move |tx, ids, actor| Box::pin(hub_records::retry_arrival(tx, ids, actor, id))).await
}
