//! Decisions asked about: what would have changed them, whether they replay, what another scenario would do.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::planning::{self, decisions};
use oms_core::plan::Decision;
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::planning::dry_runs::{losers_view, tried_scenario};
use crate::api::planning::plans::with_erp_codes;
use crate::input::{self, Id, Query};
use crate::once::{Once, answer};
use crate::problem::Problem;
use crate::state::WebState;

/// The most packages one call asks to be planned anew.
const MAX_PACKAGES: usize = 1_000;
/// Rows a page of stock information.
const PAGE: usize = 100;

/// How replaying went.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayView {
    decisions: usize,
    /// Of an older version's format, not replayed.
    older: usize,
    /// Number of the decision and what differs.
    #[schema(value_type = Vec<Object>)]
    different: Vec<Value>,
}

/// **Ours.** For every location that lost, the smallest change of one number that would have made it the
/// first choice, and where it would rank without the filters that removed it. Of the last decision.
#[utoipa::path(get, path = "/api/v1/oms/orderexecutionplans/{id}/counterfactuals/", tag = "plans",
    params(("id" = i64, Path)), responses((status = 200, body = Vec<Object>)))]
pub(crate) async fn counterfactuals(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<Json<Value>, Problem> {
    let losers = decisions::losers(&state.app, id).await?;
    let set = oms_app::views::plan(&state.app, id).await?;
    let skus = set.products.iter().map(|(id, p)| (*id, p.sku.clone())).collect();
    Ok(Json(losers_view(&losers, &set.erp_codes, &skus)))
}

/// **Ours.** Recompute an order's decisions from their kept input and compare them byte for byte.
#[utoipa::path(post, path = "/api/v1/oms/orderexecutionplans/{id}/replay/", tag = "plans",
    params(("id" = i64, Path)), responses((status = 200, body = ReplayView)))]
pub(crate) async fn replay(State(state): State<WebState>, Id(id): Id) -> Result<Json<ReplayView>, Problem> {
    let replayed = decisions::replay(&state.app, id).await?;
    let different =
        replayed.different.into_iter().map(|(_, n, what)| json!({"n": n, "what": what})).collect();
    Ok(Json(ReplayView { decisions: replayed.decisions, older: replayed.older, different }))
}

/// **Ours.** What another scenario would have decided on the same input: `{"scenario": {…}}`, or
/// `{"scenario_id", "version"}`.
#[utoipa::path(post, path = "/api/v1/oms/orderexecutionplans/{id}/compare/", tag = "plans", request_body = Object,
    params(("id" = i64, Path)), responses((status = 200, body = Object)))]
pub(crate) async fn compare(
    State(state): State<WebState>,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<Value>, Problem> {
    let scenario = tried_scenario(&state, &body.0).await?;
    let scenario = scenario.ok_or_else(|| {
        Refusal::invalid("scenario", "required", "A scenario, or scenario_id, is expected.")
    })?;
    let compared = decisions::compare(&state.app, id, &scenario).await?;
    let set = oms_app::views::plan(&state.app, id).await?;
    let told = |decision: &Decision| {
        let mut value = match decision {
            Decision::Planned(p) => {
                json!({"result": "planned", "packages": p.packages, "attempts": p.attempts})
            }
            Decision::Waits(r) => json!({"result": "waits", "reason": {"code": r.code(), "text": r.text()}}),
        };
        with_erp_codes(&mut value, &set.erp_codes);
        value
    };
    let same = match (&compared.kept, &compared.other) {
        (Decision::Planned(a), Decision::Planned(b)) => a.packages == b.packages,
        (a, b) => a == b,
    };
    Ok(Json(json!({"same": same, "kept": told(&compared.kept), "other": told(&compared.other)})))
}

/// What planning saw of an order's items at a location, as the documents have it: `quantity` is
/// `stock_count` less `reservation_count`. One row an item and decision, the newest decision first, as its
/// first attempt saw it.
#[utoipa::path(get, path = "/api/v1/oms/order-stock-info/", tag = "plans",
    params(("order_number" = String, Query), ("erp_code" = String, Query), ("page" = Option<i64>, Query)),
    responses((status = 200, body = Object)))]
pub(crate) async fn order_stock_info(
    State(state): State<WebState>,
    Query(given): Query,
) -> Result<Json<Value>, Problem> {
    let find = |name: &str| given.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
    let required = |name: &str| {
        find(name)
            .filter(|v| !v.is_empty())
            .ok_or_else(|| Refusal::invalid(name, "required", format!("{name} is required.")))
    };
    let (number, erp_code) = (required("order_number")?, required("erp_code")?);
    let page: usize = match find("page") {
        None => 1,
        Some(text) => text
            .parse()
            .ok()
            .filter(|p| *p > 0)
            .ok_or_else(|| Refusal::invalid("page", "invalid", "page is a whole number from 1."))?,
    };
    let rows = decisions::stock_seen(&state.app, number, erp_code).await?;
    let row = |r: &decisions::StockSeen| {
        let decimal = |n: i64| format!("{n}.00");
        json!({
            "date": format_us(r.at_us),
            "order_item": {"pk": r.order_item, "sku": r.sku, "omnitron_id": r.omnitron_id, "order_number": number},
            "stock_data": {"quantity": decimal(r.stock - r.reserved), "unit_type": "quantity",
                           "stock_count": decimal(r.stock), "reservation_count": decimal(r.reserved)},
        })
    };
    let results: Vec<Value> = rows.iter().skip((page - 1) * PAGE).take(PAGE).map(row).collect();
    let address = |page: usize| {
        format!("/api/v1/oms/order-stock-info/?order_number={number}&erp_code={erp_code}&page={page}")
    };
    let next = (page * PAGE < rows.len()).then(|| address(page + 1));
    let previous = (page > 1).then(|| address(page - 1));
    Ok(Json(json!({"count": rows.len(), "next": next, "previous": previous, "results": results})))
}

/// Which packages to plan anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplanBody {
    /// Ids, each once; left out: all that may be supplied now.
    packages: Option<Vec<i64>>,
}

/// What became of the wish.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplanView {
    /// How many are planned anew.
    requested: usize,
    /// By package, of those that were named.
    packages: Vec<ReplannedView>,
}

/// What became of one package's wish.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplannedView {
    package: i64,
    /// `requested`, `not_out_of_stock` or `not_found`.
    result: &'static str,
}

/// **Ours.** Plan packages anew that are out of stock: `{"packages": [ids]}`, or `{}` for all that may be supplied since
/// stock rose or something else changed. Every named package gets its answer.
#[utoipa::path(post, path = "/api/v1/oms/packages/replan/", tag = "packages", request_body = ReplanBody,
    responses((status = 200, body = ReplanView)))]
pub(crate) async fn replan(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    if body.0.get("packages").is_some_and(Value::is_null) {
        return Err(Refusal::invalid(
            "packages",
            "invalid",
            "null names no package; leave packages out for all.",
        )
        .into());
    }
    let named = body.read::<ReplanBody>()?.packages;
    if let Some(ids) = &named {
        let once: BTreeSet<i64> = ids.iter().copied().collect();
        if !(1..=MAX_PACKAGES).contains(&ids.len()) || once.len() < ids.len() {
            let message =
                format!("packages is a list of 1 to {MAX_PACKAGES} ids, each once, or left out for all.");
            return Err(Refusal::invalid("packages", "invalid", message).into());
        }
    }
    let states = planning::states_of(&state.app, named.as_deref().unwrap_or_default()).await?;
    let replans = planning::replans(&state.app, named.as_deref()).await?;
    let now_us = state.app.now_us();
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let requested: BTreeSet<i64> = replans.write(tx, now_us).await?.into_iter().collect();
            let result = |id: &i64| match states.contains_key(id) {
                _ if requested.contains(id) => "requested",
                true => "not_out_of_stock",
                false => "not_found",
            };
            let told = named.iter().flatten().map(|id| ReplannedView { package: *id, result: result(id) });
            answer(StatusCode::OK, &ReplanView { requested: requested.len(), packages: told.collect() })
        })
    })
    .await
}
