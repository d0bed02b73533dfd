//! Cancellations: what the hub or a person wants no more, and the hub's reasons.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::orders::cancellations::{self, PlanSet};
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::orders::cancellations::{Item, LIST, Plan, REASONS, Reason};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::orders::webhooks::{Envelope, HubCall, Taken};
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// What is asked to be cancelled or refunded, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancellationPlanView {
    id: i64,
    omnitron_id: Option<i64>,
    /// `hub` or `api`.
    source: String,
    order: Option<i64>,
    order_omnitron_id: Option<i64>,
    /// `cancel` or `refund`.
    plan_type: String,
    /// `received`, `waiting` (a location is asked), `accepted`, `refused` or `partly`.
    state: String,
    items: Vec<CancellationItemView>,
    created_date: String,
    decided_date: Option<String>,
}

/// One item of a plan, or the part of it that has a fate of its own.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancellationItemView {
    id: i64,
    order_item: Option<i64>,
    order_item_omnitron_id: Option<i64>,
    quantity: Option<i64>,
    reason: Option<i64>,
    /// `received`, `waiting`, `accepted` or `refused`.
    state: String,
    /// Why, in words.
    outcome: Option<String>,
    package: Option<i64>,
}

fn item(i: &Item) -> CancellationItemView {
    CancellationItemView {
        id: i.id,
        order_item: i.order_item_id,
        order_item_omnitron_id: i.order_item_omnitron_id,
        quantity: i.quantity,
        reason: i.reason_id,
        state: i.state.clone(),
        outcome: i.outcome.clone(),
        package: i.package_id,
    }
}

fn view(p: Plan, items: &[Item]) -> CancellationPlanView {
    CancellationPlanView {
        items: items.iter().filter(|i| i.plan_id == p.id).map(item).collect(),
        id: p.id,
        omnitron_id: p.omnitron_id,
        source: p.source,
        order: p.order_id,
        order_omnitron_id: p.order_omnitron_id,
        plan_type: p.plan_type,
        state: p.state,
        created_date: format_us(p.created_us),
        decided_date: p.decided_us.map(format_us),
    }
}

/// The hub asks whether items can still be cancelled or refunded. Noted at once, decided within seconds.
#[utoipa::path(post, path = "/api/v1/oms/cancellation_plan/", tag = "hub", request_body = Envelope,
    responses((status = 200, body = Taken, description = "Noted.")))]
pub(crate) async fn receive(State(state): State<WebState>, body: HubCall) -> Result<Json<Taken>, Problem> {
    cancellations::receive_event(&state.app, &body.0).await?;
    Ok(Json(Taken {}))
}

/// **Ours.** List what was asked to be cancelled, the newest first.
#[utoipa::path(get, path = "/api/v1/oms/cancellation_plan/", tag = "orders", responses((status = 200, body = Paged<CancellationPlanView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<CancellationPlanView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let mut set = cancellations::list(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |p| view(p, &set.items))?))
}

/// **Ours.** One plan.
#[utoipa::path(get, path = "/api/v1/oms/cancellation_plan/{id}/", tag = "orders", params(("id" = i64, Path)),
    responses((status = 200, body = CancellationPlanView)))]
pub(crate) async fn get(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<Json<CancellationPlanView>, Problem> {
    let PlanSet { mut page, items } = cancellations::get(&state.app, id).await?;
    let plan = page.rows.pop().ok_or_else(Problem::failure)?;
    Ok(Json(view(plan, &items)))
}

/// What of an order is not wanted.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct CancelBody {
    /// None: all of the order.
    #[schema(required = false)]
    items: Option<Vec<CancellationInput>>,
}

/// One line of it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct CancellationInput {
    /// The order item's id here.
    order_item: i64,
    /// Units; none: all that is left of the line.
    #[schema(required = false)]
    quantity: Option<i64>,
    /// The id of a cancellation reason.
    #[schema(required = false)]
    reason: Option<i64>,
}

/// **Ours.** Cancel an order, or some of it; answers what became of each item.
#[utoipa::path(post, path = "/api/v1/oms/orders/{id}/cancel/", tag = "orders", params(("id" = i64, Path)),
    request_body = CancelBody, responses((status = 200, body = CancellationPlanView)))]
pub(crate) async fn cancel(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let wanted = cancellations::read_api(id, &body.0)?;
    let ids = cancellations::direct_ids(&state.app, &wanted).await?;
    let actor = state.app.actor(once.who.actor()).await?;
    let app = state.app.clone();
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let set = cancellations::cancel(tx, &app, ids, actor, &wanted).await?;
            let PlanSet { mut page, items } = set;
            let plan = page.rows.pop().expect("the plan was just written");
            answer(StatusCode::OK, &view(plan, &items))
        })
    })
    .await
}

/// A reason of the hub for cancelling.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancellationReasonView {
    id: i64,
    omnitron_id: Option<i64>,
    subject: String,
    /// `cancel` or `refund`.
    cancellation_type: String,
    is_active: bool,
    extra_information_needed: bool,
    order: Option<i64>,
    created_date: String,
    modified_date: String,
}

fn reason(r: Reason) -> CancellationReasonView {
    CancellationReasonView {
        id: r.id,
        omnitron_id: r.omnitron_id,
        subject: r.subject,
        cancellation_type: r.cancellation_type,
        is_active: r.is_active,
        extra_information_needed: r.extra_information_needed,
        order: r.sort_order,
        created_date: format_us(r.created_us),
        modified_date: format_us(r.modified_us),
    }
}

/// List the hub's reasons for cancelling.
#[utoipa::path(get, path = "/api/v1/oms/cancellation-reasons/", tag = "orders", responses((status = 200, body = Paged<CancellationReasonView>)))]
pub(crate) async fn reasons(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<CancellationReasonView>>, Problem> {
    let ask = query.ask(&REASONS)?;
    let page = cancellations::reasons(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, reason)?))
}

/// Copy the reasons that the hub sends to the OMS.
#[utoipa::path(get, path = "/api/v1/oms/cancellation-reasons/pull_from_omnitron/", tag = "orders",
    responses((status = 200, body = Object, description = "Copied.")))]
pub(crate) async fn pull_reasons(State(state): State<WebState>) -> Result<Json<Value>, Problem> {
    cancellations::pull_reasons(&state.app).await?;
    Ok(Json(serde_json::json!({})))
}
