//! Dry runs: what would be decided of an order or a basket now. Nothing is written.

use std::collections::HashMap;

use oms_core::ids::ScenarioId;
use oms_core::plan::counterfactual::{self, Losers};
use oms_core::plan::{self, Decision, ScenarioSnap, Seen};
use oms_core::refusal::Refusal;
use oms_core::scenarios::Scenario;
use oms_store::orders::Accepted;
use oms_store::planning::plans::{self as store, OrderToPlan};
use oms_store::{StoreError, Tx};
use serde_json::{Value, json};

use crate::guard::blocking;
use crate::orders::{self, ApiBatch};
use crate::planning::input::{self, Hold};
use crate::stock::engines;
use crate::{App, Result};

/// What is asked about.
pub enum Subject {
    /// A stored order, by id; all of its lines, whatever became of them.
    Order(i64),
    /// A basket, or an order that is not there yet: a batch of one.
    Basket(ApiBatch),
}

/// Reads a basket by the reader of orders: what an order may say a basket may, and what an order is refused for a basket
/// is. Its number, its date and its address may be left out, and `customer_type` may stand beside the customer.
pub fn read_basket(app: &App, value: &Value) -> Result<ApiBatch, Refusal> {
    let mut order = value.as_object().cloned().ok_or_else(|| {
        Refusal::invalid("basket", "invalid", "An object is expected, as an order of orders/ has it.")
    })?;
    if let Some(kind) = order.remove("customer_type") {
        let customer = order.entry("customer").or_insert_with(|| json!({}));
        if let Some(customer) = customer.as_object_mut() {
            customer.entry("customer_type").or_insert(kind);
        }
    }
    // No number of an order is so long.
    order.entry("number").or_insert_with(|| format!("dry-run-{}", crate::random_hex::<24>()).into());
    order.entry("date_placed").or_insert_with(|| oms_core::time::format_us(app.now_us()).into());
    order.entry("shipping_address").or_insert_with(|| json!({}));
    let batch = orders::read_batch(&json!({"orders": [order]}))?;
    batch.refused().map_or(Ok(()), |refusal| Err(refusal.clone().below("basket")))?;
    Ok(batch)
}

/// What would be decided, and why.
#[derive(Debug, Clone)]
pub struct DryRun {
    pub decision: Decision,
    pub losers: Vec<Losers>,
    /// Per rule by its place in the chain: the stock its attempt saw.
    pub stock: Vec<(usize, Vec<Seen>)>,
    /// By line.
    pub skus: HashMap<i64, String>,
    /// By product.
    pub product_skus: HashMap<i64, String>,
    /// By location.
    pub erp_codes: HashMap<i64, String>,
}

/// Plans a subject now, with another scenario in place of the published ones if one is given.
pub async fn run(app: &App, subject: Subject, scenario: Option<Scenario>) -> Result<DryRun> {
    let (order, product_skus) = match subject {
        Subject::Order(id) => {
            let mut tx = app.store.read().await?;
            read(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("order", id))?
        }
        Subject::Basket(basket) => as_an_order(app, basket).await?,
    };
    if order.lines.is_empty() {
        return Err(
            Refusal::invalid("lines", "required", "There is nothing to plan: no line has units.").into()
        );
    }
    let products: Vec<i64> = order.lines.iter().map(|l| l.product).collect();
    let states = if engines::none(app).await { Vec::new() } else { engines::refresh(app, &products).await? };
    let skus = order.lines.iter().map(|l| (l.id, product_skus[&l.product].clone())).collect();

    let mut tx = app.store.read().await?;
    let mut input = input::read_for(&mut tx, vec![order], Hold::Nothing, &states, app.now_us()).await?;
    drop(tx);
    if let Some(scenario) = scenario {
        let scenario = Scenario { is_active: true, ..scenario };
        input.set_scenarios(vec![ScenarioSnap { id: ScenarioId(0), version: 0, scenario }]);
    }
    let erp_codes = input.places().0.into_iter().map(|l| (l.id.0, l.erp_code)).collect();
    let work = move || {
        let snapshot = input::build(&input);
        let decision = plan::plan(&snapshot).pop();
        (decision, counterfactual::losers(&snapshot, 0), plan::stock_seen(&snapshot, 0))
    };
    let (decision, losers, stock) = blocking("the planner", work).await?;
    let decision = decision
        .ok_or_else(|| oms_store::StoreError::Corrupt("a plan of one order has no decision".into()))?;
    Ok(DryRun { decision, losers, stock, skus, product_skus, erp_codes })
}

/// An order with the SKUs of its products.
type Found = (OrderToPlan, HashMap<i64, String>);

async fn read(tx: &mut Tx, id: i64) -> Result<Option<Found>> {
    let Some(order) = store::read_whole(tx, id).await? else { return Ok(None) };
    let ids: Vec<i64> = order.lines.iter().map(|l| l.product).collect();
    let products = oms_store::orders::order_views::products(tx, ids).await?;
    Ok(Some((order, products.into_iter().map(|(id, p)| (id, p.sku)).collect())))
}

/// Takes a basket as the order it would be, reads that as planning does, and takes all of it back: only so is a basket
/// certain to be planned as its order will be.
async fn as_an_order(app: &App, basket: ApiBatch) -> Result<Found> {
    let ids = orders::api_ids(app, &basket).await?;
    let actor = app.actor("system:dry-run").await?;
    let mut tx = app.store.begin().await?;
    let mut taken = orders::take_api_batch(&mut tx, basket, ids, &actor).await?;
    let id = match taken.pop() {
        Some(Ok(Accepted::New { order_id })) => order_id,
        Some(Err(refusal)) => return Err(refusal.below("basket").into()),
        other => return Err(StoreError::Corrupt(format!("a basket was answered with {other:?}")).into()),
    };
    let found = read(&mut tx, id).await?;
    let (mut order, skus) = found.ok_or_else(|| StoreError::Corrupt("a basket is gone".into()))?;
    // What is read by the ids of rows is not there to be read when they are taken back.
    store::read_line_facts(&mut tx, &mut [&mut order]).await?;
    input::place(&mut tx, std::slice::from_mut(&mut order), &mut []).await?;
    tx.rollback().await?;
    Ok((order, skus))
}
