//! Order execution plans: what was decided for an order, and why.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use oms_app::planning::decisions::Explained;
use oms_app::views::{self, PlanSet};
use oms_core::plan::Decision;
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::lists::tables::{PLANS, Plan};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::planning::dry_runs::stock_view;
use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;
use oms_app::objects::orders::{Reason, reason};

/// The planning record of an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    id: i64,
    /// `start`, `pending`, `cancelled` or `completed`.
    state: String,
    order: Option<PlanOrder>,
    /// What can be done now. The shape is ours.
    commands: Vec<PlanCommand>,
    created_date: String,
    modified_date: String,
    /// One an order item.
    orderexecutionplanitem_set: Vec<PlanItem>,
    /// Every decision, oldest first.
    context: Vec<DecisionView>,
    /// Ours: why the plan waits.
    reason: Option<Reason>,
    /// Ours: the scenario that took the order.
    scenario: Option<i64>,
    /// Ours.
    scenario_version: Option<i64>,
    /// Ours: how often planning was tried.
    tries: i64,
}

/// Something that can be done with an order's plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanCommand {
    /// `cancel`: cancel what is left of the order. `replan`: plan its packages anew that are out of stock.
    code: &'static str,
    /// Where to POST.
    path: String,
    #[schema(value_type = Object)]
    body: Value,
}

fn plan_commands(set: &PlanSet, plan: &Plan) -> Vec<PlanCommand> {
    let left = |i: &&oms_store::orders::order_views::OrderItem| {
        i.order_id == plan.id && i.quantity > i.quantity_cancelled
    };
    let mut commands = Vec::new();
    if plan.state != "cancelled" && set.items.iter().any(|i| left(&i)) {
        let path = format!("/api/v1/oms/orders/{}/cancel/", plan.id);
        commands.push(PlanCommand { code: "cancel", path, body: json!({}) });
    }
    let short = |p: &&oms_store::packages::Package| {
        p.order_id == plan.id && p.state == oms_core::packages::OUT_OF_STOCK
    };
    let packages: Vec<i64> = set.packages.iter().filter(short).map(|p| p.id).collect();
    if !packages.is_empty() {
        let path = "/api/v1/oms/packages/replan/".into();
        commands.push(PlanCommand { code: "replan", path, body: json!({"packages": packages}) });
    }
    commands
}

/// The planned order, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanOrder {
    id: i64,
    omnitron_id: Option<i64>,
    number: String,
    /// The channel's id here.
    channel: i64,
}

/// What the plan does with an order item. The fields are ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanItem {
    /// The order item's id.
    id: i64,
    order_item: i64,
    sku: Option<String>,
    /// Units asked for and not cancelled.
    quantity: i64,
    /// Units in packages that have stock.
    planned_quantity: i64,
    /// Units in packages that are out of stock.
    out_of_stock_quantity: i64,
    packages: Vec<PlanItemPackage>,
}

/// Units of an item in one package.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanItemPackage {
    id: i64,
    number: String,
    quantity: i64,
    /// State code.
    state: String,
    stock_location: i64,
    stock_location_erp_code: Option<String>,
}

/// One decision with its reasons. The fields are ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionView {
    /// Counts the order's decisions, from 1.
    n: i64,
    date: String,
    /// Orders decided together share a batch; the ordinal is the place in it.
    batch: i64,
    ordinal: i64,
    /// SHA-256 of all that was looked at.
    input_hash: String,
    /// `planned` or `waits`.
    result: &'static str,
    /// Packages decided on, each location with its `erp_code`.
    #[schema(value_type = Vec<Object>)]
    packages: Value,
    /// Why it waits.
    #[schema(value_type = Option<Object>)]
    reason: Option<Value>,
    /// Every rule's try: locations considered, what removed each, how the rest ranked, what was chosen.
    #[schema(value_type = Vec<Object>)]
    attempts: Value,
    /// The stock each attempt saw: `{"rule", "stock": [{"sku", "erp_code", "stock", "reserved"}]}`. Told of one
    /// plan, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>, required = false)]
    stock: Option<Value>,
}

/// Puts `erp_code` beside each location's id, at any depth.
pub(crate) fn with_erp_codes(value: &mut Value, erp_codes: &HashMap<i64, String>) {
    match value {
        Value::Object(map) => {
            let erp = map.get("location").and_then(Value::as_i64).and_then(|id| erp_codes.get(&id));
            if let Some(erp) = erp {
                map.insert("erp_code".into(), erp.clone().into());
            }
            map.values_mut().for_each(|v| with_erp_codes(v, erp_codes));
        }
        Value::Array(list) => list.iter_mut().for_each(|v| with_erp_codes(v, erp_codes)),
        _ => {}
    }
}

fn decision(d: &Explained, erp_codes: &HashMap<i64, String>) -> DecisionView {
    let shown = |value: Result<Value, serde_json::Error>| {
        let mut value = value.unwrap_or_default();
        with_erp_codes(&mut value, erp_codes);
        value
    };
    let (result, packages, attempts, reason) = match &d.decision {
        Decision::Planned(plan) => (
            "planned",
            shown(serde_json::to_value(&plan.packages)),
            shown(serde_json::to_value(&plan.attempts)),
            None,
        ),
        Decision::Waits(reason) => ("waits", json!([]), json!([]), serde_json::to_value(reason).ok()),
    };
    DecisionView {
        n: d.record.n,
        date: format_us(d.record.created_us),
        batch: d.record.batch_id,
        ordinal: d.record.ordinal,
        input_hash: hex::encode(&d.record.input_hash),
        result,
        packages,
        reason,
        attempts,
        stock: None,
    }
}

fn view(set: &PlanSet, plan: &Plan) -> PlanView {
    let order = set.orders.get(&plan.id);
    let items = set.items.iter().filter(|i| i.order_id == plan.id);
    let decisions = set.decisions.iter().filter(|d| d.record.plan_id == plan.id);
    PlanView {
        id: plan.id,
        state: plan.state.clone(),
        order: order.map(|o| PlanOrder {
            id: o.id,
            omnitron_id: o.omnitron_id,
            number: o.number.clone(),
            channel: o.channel_id,
        }),
        commands: plan_commands(set, plan),
        created_date: format_us(plan.created_us),
        modified_date: format_us(plan.modified_us),
        orderexecutionplanitem_set: items.map(|i| plan_item(set, i)).collect(),
        context: decisions.map(|d| decision(d, &set.erp_codes)).collect(),
        reason: reason(plan),
        scenario: plan.scenario_id,
        scenario_version: plan.scenario_version,
        tries: plan.tries,
    }
}

fn plan_item(set: &PlanSet, item: &oms_store::orders::order_views::OrderItem) -> PlanItem {
    let in_packages = set.package_items.iter().filter(|p| p.order_item_id == item.id);
    let (mut planned_quantity, mut out_of_stock_quantity, mut packages) = (0, 0, Vec::new());
    for inside in in_packages {
        let Some(package) = set.packages.iter().find(|p| p.id == inside.package_id) else { continue };
        if inside.state == oms_core::packages::OUT_OF_STOCK {
            out_of_stock_quantity += inside.quantity;
        } else if oms_core::packages::state(inside.state).is_some_and(|s| s.live) {
            planned_quantity += inside.quantity;
        }
        packages.push(PlanItemPackage {
            id: package.id,
            number: package.number.clone(),
            quantity: inside.quantity,
            state: inside.state.to_string(),
            stock_location: package.location_id,
            stock_location_erp_code: set.erp_codes.get(&package.location_id).cloned(),
        });
    }
    PlanItem {
        id: item.id,
        order_item: item.id,
        sku: set.products.get(&item.product_id).map(|p| p.sku.clone()),
        quantity: item.quantity - item.quantity_cancelled,
        planned_quantity,
        out_of_stock_quantity,
        packages,
    }
}

/// List plans.
#[utoipa::path(get, path = "/api/v1/oms/orderexecutionplans/", tag = "plans", responses((status = 200, body = Paged<PlanView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<PlanView>>, Problem> {
    let ask = query.ask(&PLANS)?;
    let mut set = views::plans(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |plan| view(&set, &plan))?))
}

/// One plan; its id is the order's.
#[utoipa::path(get, path = "/api/v1/oms/orderexecutionplans/{id}/", tag = "plans", params(("id" = i64, Path)),
    responses((status = 200, body = PlanView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<PlanView>, Problem> {
    let set = views::plan(&state.app, id).await?;
    let plan = set.page.rows.first().ok_or_else(Problem::failure)?;
    let mut shown = view(&set, plan);
    let skus = set.products.iter().map(|(id, p)| (*id, p.sku.clone())).collect();
    let seen = oms_app::planning::decisions::stock_of_attempts(&state.app, id).await?;
    for decision in &mut shown.context {
        decision.stock = seen.get(&decision.n).map(|s| stock_view(s, &set.erp_codes, &skus));
    }
    Ok(Json(shown))
}
