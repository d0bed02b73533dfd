//! The setup steps: asked whether they have something to do, started, followed.

pub(crate) mod hub_hooks;
pub(crate) mod settings;
pub(crate) mod steps;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::setup::{self, SetupTask};
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::once::{Once, empty};
use crate::problem::Problem;
use crate::state::WebState;

/// Whether the step has something to do.
#[derive(Serialize, ToSchema)]
pub(crate) struct IsRequired {
    result: bool,
}

/// Where the step stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct AsyncStatus {
    /// `READY`, `WORKING`, `FINISHED` or `FAILED`.
    result: &'static str,
    /// Ours: records done so far in this run.
    done: i64,
    /// Ours: records known so far in this run.
    total: i64,
    /// Ours: tries of this run.
    attempts: i64,
    /// Ours: what went wrong last.
    error: Option<String>,
    /// Ours.
    requested_date: Option<String>,
    /// Ours.
    finished_date: Option<String>,
}

fn task(name: &str) -> Result<SetupTask, Problem> {
    let name = if name == "retail_stores" { "stock_locations" } else { name };
    let found = SetupTask::ALL.into_iter().find(|t| t.name() == name);
    found.ok_or_else(|| Refusal::not_found("setup step", name).into())
}

async fn ask(state: &WebState, task: SetupTask) -> Result<Json<IsRequired>, Problem> {
    Ok(Json(IsRequired { result: setup::is_required(&state.app, task).await? }))
}

async fn start(state: &WebState, once: Once, task: SetupTask) -> Result<Response, Problem> {
    let now_us = state.app.now_us();
    once.run(state, &json!({}), move |tx| {
        Box::pin(async move {
            setup::execute(tx, task, now_us).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        })
    })
    .await
}

async fn follow(state: &WebState, task: SetupTask) -> Result<Json<AsyncStatus>, Problem> {
    let task = setup::status(&state.app, task).await?;
    Ok(Json(AsyncStatus {
        result: task.state.as_str(),
        done: task.done,
        total: task.total,
        attempts: task.attempts,
        error: task.error,
        requested_date: task.requested_us.map(format_us),
        finished_date: task.finished_us.map(format_us),
    }))
}

/// Whether a step has something to do.
#[utoipa::path(get, path = "/api/v1/oms/setup/{task}/is_required/", tag = "setup",
    params(("task" = String, Path, description = "`addresses`, `webhooks`; ours: `stock_locations`, `retail_stores`, `channels`.")),
    responses((status = 200, body = IsRequired)))]
pub(crate) async fn is_required(
    State(state): State<WebState>,
    Path(name): Path<String>,
) -> Result<Json<IsRequired>, Problem> {
    ask(&state, task(&name)?).await
}

/// Start a step. It runs in the background.
#[utoipa::path(post, path = "/api/v1/oms/setup/{task}/execute/", tag = "setup",
    params(("task" = String, Path, description = "As for `is_required`.")),
    responses((status = 204, description = "Started."), (status = 409, body = crate::problem::ErrorBody, description = "It is running.")))]
pub(crate) async fn execute(
    State(state): State<WebState>,
    Path(name): Path<String>,
    once: Once,
) -> Result<Response, Problem> {
    start(&state, once, task(&name)?).await
}

/// Where a step stands.
#[utoipa::path(get, path = "/api/v1/oms/setup/{task}/get_async_status/", tag = "setup",
    params(("task" = String, Path, description = "As for `is_required`.")),
    responses((status = 200, body = AsyncStatus)))]
pub(crate) async fn status(
    State(state): State<WebState>,
    Path(name): Path<String>,
) -> Result<Json<AsyncStatus>, Problem> {
    follow(&state, task(&name)?).await
}

/// Whether orders of the hub are taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrdersView {
    is_taken: bool,
    /// What has to be done first: `ORDER_FILTERING` has to be saved, `addresses`, `stock_locations`, `channels` copied.
    waits_for: Vec<&'static str>,
}

/// **Ours.** Whether orders of the hub are taken, and what that waits for.
#[utoipa::path(get, path = "/api/v1/oms/setup/orders/", tag = "setup", responses((status = 200, body = OrdersView)))]
pub(crate) async fn orders(State(state): State<WebState>) -> Result<Json<OrdersView>, Problem> {
    let waits_for = setup::orders_wait_for(&state.app).await?;
    Ok(Json(OrdersView { is_taken: waits_for.is_empty(), waits_for }))
}

/// Whether stores have to be copied: none are here, or they are out of step with the hub.
#[utoipa::path(get, path = "/api/v1/oms/stock_locations/is_required/", tag = "setup", responses((status = 200, body = IsRequired)))]
pub(crate) async fn stores_is_required(State(state): State<WebState>) -> Result<Json<IsRequired>, Problem> {
    ask(&state, SetupTask::StockLocations).await
}

/// Copy stores.
#[utoipa::path(post, path = "/api/v1/oms/stock_locations/execute/", tag = "setup", responses((status = 204, description = "Started.")))]
pub(crate) async fn stores_execute(State(state): State<WebState>, once: Once) -> Result<Response, Problem> {
    start(&state, once, SetupTask::StockLocations).await
}

/// How far the copy of stores is.
#[utoipa::path(get, path = "/api/v1/oms/stock_locations/get_async_status/", tag = "setup", responses((status = 200, body = AsyncStatus)))]
pub(crate) async fn stores_status(State(state): State<WebState>) -> Result<Json<AsyncStatus>, Problem> {
    follow(&state, SetupTask::StockLocations).await
}

/// Whether channels have to be copied.
#[utoipa::path(get, path = "/api/v1/oms/channels/is_required/", tag = "setup", responses((status = 200, body = IsRequired)))]
pub(crate) async fn channels_is_required(State(state): State<WebState>) -> Result<Json<IsRequired>, Problem> {
    ask(&state, SetupTask::Channels).await
}

/// Copy channels.
#[utoipa::path(post, path = "/api/v1/oms/channels/execute/", tag = "setup", responses((status = 204, description = "Started.")))]
pub(crate) async fn channels_execute(State(state): State<WebState>, once: Once) -> Result<Response, Problem> {
    start(&state, once, SetupTask::Channels).await
}

/// How far the copy of channels is.
#[utoipa::path(get, path = "/api/v1/oms/channels/get_async_status/", tag = "setup", responses((status = 200, body = AsyncStatus)))]
pub(crate) async fn channels_status(State(state): State<WebState>) -> Result<Json<AsyncStatus>, Problem> {
    follow(&state, SetupTask::Channels).await
}
