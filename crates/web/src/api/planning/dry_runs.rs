//! Dry runs: what would be decided of an order or a basket now. Nothing is written.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use oms_app::planning::dry_runs::{self, DryRun, Subject};
use oms_app::rules::scenarios;
use oms_core::plan::counterfactual::{Change, Losers};
use oms_core::plan::{Decision, Seen};
use oms_core::refusal::Refusal;
use oms_core::scenarios::{Family, Scenario};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::planning::plans::with_erp_codes;
use crate::api::rules::scenarios::without_read_only;
use crate::input;
use crate::problem::Problem;
use crate::state::WebState;

/// What would be decided now, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct DryRunView {
    /// `planned` or `waits`.
    result: &'static str,
    #[schema(value_type = Vec<Object>)]
    packages: Value,
    /// Why it would wait.
    #[schema(value_type = Option<Object>)]
    reason: Option<Value>,
    /// Every rule's try.
    #[schema(value_type = Vec<Object>)]
    attempts: Value,
    /// What would have made other locations win.
    #[schema(value_type = Vec<Object>)]
    counterfactuals: Value,
    /// The stock each attempt saw.
    #[schema(value_type = Vec<Object>)]
    stock: Value,
    /// SKUs by the lines' ids.
    #[schema(value_type = Object)]
    skus: HashMap<i64, String>,
}

/// Counterfactuals with the names people know.
pub(crate) fn losers_view(
    losers: &[Losers],
    erp_codes: &HashMap<i64, String>,
    skus: &HashMap<i64, String>,
) -> Value {
    let erp = |id: i64| erp_codes.get(&id).cloned();
    let change = |change: &Change| match change {
        Change::Units { add } => {
            let add: Vec<Value> =
                add.iter().map(|(product, n)| json!({"sku": skus.get(&product.0), "units": n})).collect();
            json!({"change": "units", "add": add})
        }
        Change::Stock { product, have, need } => {
            json!({"change": "stock", "sku": skus.get(&product.0), "have": have, "need": need})
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    };
    let attempts = losers.iter().map(|l| {
        let losers: Vec<Value> = l
            .losers
            .iter()
            .map(|loser| {
                json!({"location": loser.location.0, "erp_code": erp(loser.location.0), "rank": loser.rank,
                       "removed_by": loser.removed.as_ref().map(|r| &r.by), "have": loser.removed.as_ref().and_then(|r| r.have),
                       "need": loser.removed.as_ref().and_then(|r| r.need),
                       "changes": loser.changes.iter().map(change).collect::<Vec<_>>(), "without": loser.without})
            })
            .collect();
        json!({"rule": l.rule, "index": l.index, "winner": l.winner.map(|w| w.0), "winner_erp_code": l.winner.and_then(|w| erp(w.0)), "losers": losers})
    });
    attempts.collect()
}

/// The stock that attempts saw, with the names people know.
pub(crate) fn stock_view(
    stock: &[(usize, Vec<Seen>)],
    erp_codes: &HashMap<i64, String>,
    skus: &HashMap<i64, String>,
) -> Value {
    let row = |s: &Seen| json!({"sku": skus.get(&s.product.0), "erp_code": erp_codes.get(&s.location.0), "stock": s.stock, "reserved": s.reserved});
    stock
        .iter()
        .map(|(rule, seen)| json!({"rule": rule, "stock": seen.iter().map(row).collect::<Vec<_>>()}))
        .collect()
}

fn view(run: DryRun) -> DryRunView {
    let named = |value: Result<Value, serde_json::Error>| {
        let mut value = value.unwrap_or_default();
        with_erp_codes(&mut value, &run.erp_codes);
        value
    };
    let (result, packages, attempts, reason) = match &run.decision {
        Decision::Planned(p) => (
            "planned",
            named(serde_json::to_value(&p.packages)),
            named(serde_json::to_value(&p.attempts)),
            None,
        ),
        Decision::Waits(reason) => {
            ("waits", json!([]), json!([]), Some(json!({"code": reason.code(), "text": reason.text()})))
        }
    };
    DryRunView {
        result,
        packages,
        reason,
        attempts,
        counterfactuals: losers_view(&run.losers, &run.erp_codes, &run.product_skus),
        stock: stock_view(&run.stock, &run.erp_codes, &run.product_skus),
        skus: run.skus,
    }
}

fn subject(state: &WebState, body: &Value) -> Result<Subject, Refusal> {
    const KNOWN: [&str; 6] = ["order", "basket", "scenario", "scenario_id", "draft", "version"];
    let body = body
        .as_object()
        .ok_or_else(|| Refusal::invalid("non_field_errors", "invalid", "An object is expected."))?;
    if let Some(unknown) = body.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        let message = format!("{unknown:?} is not known here. Known: {}.", KNOWN.join(", "));
        return Err(Refusal::invalid(unknown, "unknown_field", message));
    }
    match (body.get("order").and_then(Value::as_i64), body.get("basket")) {
        (Some(id), None) => Ok(Subject::Order(id)),
        (None, Some(basket)) => Ok(Subject::Basket(dry_runs::read_basket(&state.app, basket)?)),
        _ => Err(Refusal::invalid("order", "invalid", "Either order (an id) or basket is expected.")),
    }
}

/// A scenario to try: its body, or the id of a stored one with its draft or a version.
pub(crate) async fn tried_scenario(state: &WebState, body: &Value) -> Result<Option<Scenario>, Problem> {
    if let Some(scenario) = body.get("scenario").filter(|s| !s.is_null()) {
        return Ok(Some(Scenario::from_json(&without_read_only(scenario))?));
    }
    let Some(id) = body.get("scenario_id").and_then(Value::as_i64) else { return Ok(None) };
    if body.get("draft").and_then(Value::as_bool) == Some(true) {
        return Ok(Some(scenarios::draft(&state.app, Family::Distribution, id).await?.scenario));
    }
    let version = body.get("version").and_then(Value::as_i64);
    Ok(Some(scenarios::version(&state.app, id, version).await?))
}

/// **Ours.** What would be decided now of `{"order": id}` or of `{"basket": {…}}`, an order as `orders/` takes it, whose
/// `number`, `date_placed` and `shipping_address` may be left out; by the published scenarios or by another:
/// `"scenario": {…}`, or `"scenario_id"` with `"draft": true` or `"version"`. Nothing is written.
#[utoipa::path(post, path = "/api/v1/oms/dry-runs/", tag = "plans", request_body = Object,
    responses((status = 200, body = DryRunView)))]
pub(crate) async fn run(
    State(state): State<WebState>,
    body: input::Json,
) -> Result<Json<DryRunView>, Problem> {
    let subject = subject(&state, &body.0)?;
    let scenario = tried_scenario(&state, &body.0).await?;
    Ok(Json(view(dry_runs::run(&state.app, subject, scenario).await?)))
}
