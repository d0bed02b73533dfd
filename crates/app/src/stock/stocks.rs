//! Stock: that of the built-in engine loaded in bulk; all of it asked for by baskets.

use std::collections::{BTreeMap, HashMap, HashSet};

use oms_core::ids::ProductId;
use oms_core::refusal::Refusal;
use oms_core::stocks::MAX_ON_HAND;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::orders::products::{self, NewProduct};
use oms_store::places::locations;
use oms_store::stock::stocks::{self as store, Count, NotCounted};
use serde_json::json;

use crate::planning::input::safety_snap;
use crate::stock::engines;
use crate::{App, Result};

/// The most rows one load may hold: a second of work, well inside a request's limits.
pub const MAX_ROWS: usize = 5_000;

/// How many units of a SKU stand at a location, as somebody states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRow {
    pub erp_code: String,
    pub sku: String,
    pub on_hand: i64,
}

/// Ids a load needs, taken before its transaction.
pub struct LoadIds {
    products: std::ops::RangeFrom<i64>,
    rows: std::ops::RangeFrom<i64>,
}

/// Takes them.
pub async fn ids(app: &App, rows: usize) -> Result<LoadIds> {
    Ok(LoadIds {
        products: app.store.take_ids(IdKind::Product, rows).await?,
        rows: app.store.take_ids(IdKind::Row, rows).await?,
    })
}

/// Sets what is on hand, all rows or none. Refused are unknown locations, counts outside the limits,
/// and counts below what is already promised.
pub async fn set(tx: &mut Tx, mut ids: LoadIds, actor: &Actor, rows: &[StockRow]) -> Result<usize> {
    if rows.is_empty() || rows.len() > MAX_ROWS {
        return Err(Refusal::invalid("rows", "invalid", format!("A load has 1 to {MAX_ROWS} rows.")).into());
    }
    let places: HashMap<String, i64> =
        locations::all(tx).await?.into_iter().map(|l| (l.properties.erp_code, l.id)).collect();
    let products =
        products_of(tx, rows.iter().map(|r| r.sku.as_str()), &mut ids.products, actor.at_us).await?;
    let (mut counts, mut refused) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut stated = HashSet::new();
    for (i, row) in rows.iter().enumerate() {
        match check(i, row, &places, &mut stated) {
            Ok(location) => {
                let ledger_id = ids.rows.next().expect("an id was taken for every row");
                counts.push(Count { place: (products[&row.sku], location), on_hand: row.on_hand, ledger_id });
            }
            Err(refusal) => refused.push(refusal),
        }
    }
    Refusal::of_all(refused)?;
    logs::record_command(tx, actor, "stock.set").await?;
    let mut refused = Vec::new();
    for not_counted in store::set_on_hand(tx, &counts, actor).await? {
        let i = counts.iter().position(|c| c.place == not_counted.place()).unwrap_or_default();
        refused.push((i, refusal_of(&not_counted, i, &rows[i])));
    }
    refused.sort_by_key(|(i, _)| *i);
    Refusal::of_all(refused.into_iter().map(|(_, refusal)| refusal))?;
    Ok(counts.len())
}

/// The location of a row that may be counted.
fn check<'r>(
    i: usize,
    row: &'r StockRow,
    places: &HashMap<String, i64>,
    stated: &mut HashSet<(i64, &'r str)>,
) -> Result<i64, Refusal> {
    let at = |field: &str| format!("rows[{i}].{field}");
    let location = *places.get(&row.erp_code).ok_or_else(|| {
        Refusal::invalid(at("erp_code"), "not_found", format!("There is no location {}.", row.erp_code))
    })?;
    if !(0..=MAX_ON_HAND).contains(&row.on_hand) {
        let message = format!("{} is not a count: 0 to {MAX_ON_HAND} whole units are expected.", row.on_hand);
        return Err(Refusal::invalid(at("on_hand"), "invalid", message));
    }
    if !stated.insert((location, &row.sku)) {
        let message = format!("{} at {} stands twice in this load; state it once.", row.sku, row.erp_code);
        return Err(Refusal::invalid(format!("rows[{i}]"), "duplicate", message));
    }
    Ok(location)
}

fn refusal_of(not_counted: &NotCounted, i: usize, row: &StockRow) -> Refusal {
    let StockRow { erp_code, sku, on_hand } = row;
    match not_counted {
        NotCounted::BelowPromised { reserved, quarantined, .. } => {
            let besides = match quarantined {
                0 => String::new(),
                n => format!(", and {n} more are set aside until their discrepancy is closed"),
            };
            let message = format!(
                "{on_hand} units of {sku} at {erp_code} are fewer than are promised: {reserved} are reserved{besides}."
            );
            Refusal::invalid(format!("rows[{i}].on_hand"), "below_reserved", message)
        }
        NotCounted::FedBy(_, engine) => {
            let message = format!(
                "The stock of {erp_code} comes from the stock engine {engine:?}; correct it there, or set engine of the \
                 location to null first."
            );
            Refusal::invalid(format!("rows[{i}].erp_code"), "fed_by_engine", message)
        }
    }
}

/// The product of each SKU; an unknown SKU becomes a product named after it.
pub(crate) async fn products_of<'a>(
    tx: &mut Tx,
    skus: impl Iterator<Item = &'a str>,
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<HashMap<String, i64>> {
    let mut skus: Vec<String> = skus.map(str::to_owned).collect();
    skus.sort_unstable();
    skus.dedup();
    let mut known = products::by_sku(tx, &skus).await?;
    let new = |sku: &String| NewProduct {
        id: ids.next().expect("an id was taken for every SKU"),
        omnitron_id: None,
        sku: sku.clone(),
        name: sku.clone(),
        base_code: None,
        barcode: None,
        attributes: json!({}).to_string(),
        hub_fields: None,
    };
    let missing: Vec<_> = skus.iter().filter(|s| !known.contains_key(*s)).map(new).collect();
    known.extend(products::upsert(tx, &missing, now_us).await?);
    Ok(known)
}

/// A basket to be asked for.
#[derive(Debug, Clone, Default)]
pub struct Basket {
    /// Units wanted of each SKU.
    pub skus: BTreeMap<String, i64>,
    /// Empty: all active locations.
    pub erp_codes: Vec<String>,
    /// Empty: any. Otherwise locations with one of these tags.
    pub tags: Vec<String>,
}

/// For each location asked about, whether it has the whole basket. `None` if no location fits the
/// question. A location whose outside engine does not answer has nothing that could be promised.
pub async fn has_basket(app: &App, basket: &Basket) -> Result<Option<BTreeMap<String, bool>>> {
    let mut tx = app.store.read().await?;
    let skus: Vec<String> = basket.skus.keys().cloned().collect();
    let products = products::by_sku(&mut tx, &skus).await?;
    drop(tx);
    let ids: Vec<i64> = products.values().copied().collect();
    let states = engines::refresh(app, &ids).await?;
    let is_said =
        |engine: Option<i64>, product| states.iter().all(|s| Some(s.id) != engine || s.vouches_for(product));
    let mut tx = app.store.read().await?;
    let available = store::of_products(&mut tx, &ids).await?;
    let all = locations::all(&mut tx).await?;
    let places = all.iter().enumerate().map(|(i, l)| (l.id, i)).collect();
    let kept = oms_store::stock::safety_stocks::all_for(&mut tx, &ids).await?;
    let kept: Vec<_> = kept.iter().filter_map(|s| safety_snap(s, &places)).collect();
    let has = |l: &locations::Location| {
        basket.skus.iter().all(|(sku, &units)| {
            let Some(&product) = products.get(sku) else { return false };
            is_said(l.properties.engine, product) && {
                // Which channel asks is not said: what is kept back from some channels only does not count.
                let safety = oms_core::plan::safety(&kept, ProductId(product), places[&l.id], None);
                available.get(&(product, l.id)).is_some_and(|free| free.available - safety >= units)
            }
        })
    };
    let asked = |l: &locations::Location| {
        let p = &l.properties;
        let named =
            |tag: &serde_json::Value| tag.as_str().or_else(|| tag["name"].as_str()).map(str::to_owned);
        let tags: Vec<_> = p.tags.as_array().into_iter().flatten().filter_map(named).collect();
        p.is_active
            && (basket.erp_codes.is_empty() || basket.erp_codes.contains(&p.erp_code))
            && (basket.tags.is_empty() || tags.iter().any(|t| basket.tags.contains(t)))
    };
    let answer: BTreeMap<_, _> =
        all.iter().filter(|l| asked(l)).map(|l| (l.properties.erp_code.clone(), has(l))).collect();
    Ok((!answer.is_empty()).then_some(answer))
}
