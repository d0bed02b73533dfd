//! Dry runs: what would be decided of an order or a basket now. Nothing is written.

use std::collections::HashMap;

use oms_core::geo::Point;
use oms_core::ids::ScenarioId;
use oms_core::plan::counterfactual::{self, Losers};
use oms_core::plan::{self, Area, Decision, ScenarioSnap, Seen};
use oms_core::queries::Facts;
use oms_core::refusal::Refusal;
use oms_core::scenarios::Scenario;
use oms_store::plans::{self as store, LineToPlan, OrderToPlan};
use oms_store::products;

use crate::guard::blocking;
use crate::planning::input::{self, Hold};
use crate::{App, Result, engines};

/// The most lines a basket may have.
pub const MAX_LINES: usize = 200;

/// What is asked about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A stored order, by id; all of its lines, whatever became of them.
    Order(i64),
    Basket(Basket),
}

/// A basket, or an order that is not there yet.
#[derive(Debug, Clone, Default)]
pub struct Basket {
    /// The hub's id of the channel.
    pub channel: i64,
    pub shipping_option: Option<String>,
    pub payment_option: Option<String>,
    pub customer_type: Option<String>,
    pub area: Area,
    pub point: Option<Point>,
    /// SKU, units, price of one in minor units.
    pub lines: Vec<(String, i64, Option<i64>)>,
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
    let mut tx = app.store.read().await?;
    let (order, product_skus) = match subject {
        Subject::Order(id) => {
            let found = store::read_whole(&mut tx, id).await?;
            let order = found.ok_or_else(|| Refusal::not_found("order", id))?;
            let ids: Vec<i64> = order.lines.iter().map(|l| l.product).collect();
            let products = oms_store::order_views::products(&mut tx, ids).await?;
            (order, products.into_iter().map(|(id, p)| (id, p.sku)).collect())
        }
        Subject::Basket(basket) => from_basket(&mut tx, basket).await?,
    };
    drop(tx);
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

async fn from_basket(tx: &mut oms_store::Tx, basket: Basket) -> Result<(OrderToPlan, HashMap<i64, String>)> {
    let skus: Vec<String> = basket.lines.iter().map(|l| l.0.clone()).collect();
    let known = products::by_sku(tx, &skus).await?;
    let mut lines = Vec::with_capacity(basket.lines.len());
    for (i, (sku, units, price_minor)) in basket.lines.iter().enumerate() {
        let product = known.get(sku).copied().ok_or_else(|| {
            Refusal::invalid(
                format!("lines[{i}].sku"),
                "not_found",
                format!("There is no product {sku:?} here."),
            )
        })?;
        let mut facts = Facts::from([("line.sku".to_owned(), sku.clone().into())]);
        if let Some(minor) = price_minor {
            facts.insert("line.price".to_owned(), oms_core::money::format_minor(*minor).into());
        }
        // No stored line has an id below 0.
        lines.push(LineToPlan {
            id: -(i as i64) - 1,
            product,
            units: *units,
            price_minor: *price_minor,
            facts,
        });
    }
    let mut facts = Facts::from([
        ("order.channel".to_owned(), basket.channel.to_string().into()),
        ("order.lines".to_owned(), lines.len().into()),
        ("order.units".to_owned(), lines.iter().map(|l| l.units).sum::<i64>().into()),
    ]);
    let texts = [
        ("order.shipping_option", &basket.shipping_option),
        ("order.payment_option", &basket.payment_option),
        ("order.customer_type", &basket.customer_type),
    ];
    for (name, value) in texts {
        value.as_ref().map(|v| facts.insert(name.to_owned(), v.clone().into()));
    }
    let area = basket.area;
    for (name, id) in [
        ("country", area.country),
        ("city", area.city),
        ("township", area.township),
        ("district", area.district),
    ] {
        id.map(|id| facts.insert(format!("order.{name}"), id.into()));
    }
    let order = OrderToPlan {
        id: 0,
        number: String::new(),
        revision: 0,
        replaces: None,
        packages: 0,
        channel: basket.channel,
        channel_id: 0,
        placed_us: 0,
        shipping_option: basket.shipping_option,
        payment_option: basket.payment_option,
        customer_type: basket.customer_type,
        address_id: None,
        point: basket.point,
        area,
        facts,
        lines,
        excluded: Vec::new(),
        excluded_sources: Vec::new(),
        bring_to: None,
    };
    Ok((order, known.into_iter().map(|(sku, id)| (id, sku)).collect()))
}
