//! Decisions as they are kept: read, replayed to the byte, compared with what another version of a
//! scenario would do, and asked what would have made another location win.

use std::collections::HashMap;

use oms_core::plan::counterfactual::{self, Losers};
use oms_core::plan::{Attempt, Decision, ScenarioSnap, Snapshot, snapshot};
use oms_core::refusal::Refusal;
use oms_core::scenarios::Scenario;
use oms_store::planning::decisions::{self as store, Batch, Record};
use sha2::{Digest, Sha256};

use crate::guard::blocking;
use crate::{App, Result};

/// The most bytes a batch may unpack to: far above what 3,000 lines in a country of stores take.
const MAX_UNPACKED: usize = 1 << 30;
/// Batches replayed at once from the database.
const PAGE: usize = 16;

/// Takes the explanation out of a decision: it is kept apart, once a batch.
pub(crate) fn take_attempts(decision: &mut Decision) -> Vec<Attempt> {
    match decision {
        Decision::Planned(plan) => std::mem::take(&mut plan.attempts),
        Decision::Waits(_) => Vec::new(),
    }
}

/// Names a whole decision, result and explanation.
pub(crate) fn result_hash(decision: &Decision) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(decision).expect("a decision is JSON")).into()
}

fn corrupt(what: String) -> crate::Error {
    oms_store::StoreError::Corrupt(what).into()
}

fn unpack<T: serde::de::DeserializeOwned>(batch: i64, what: &str, bytes: &[u8]) -> Result<T> {
    let plain = zstd::bulk::decompress(bytes, MAX_UNPACKED)
        .map_err(|e| corrupt(format!("the {what} of decision batch {batch}: {e}")))?;
    serde_json::from_slice(&plain).map_err(|e| corrupt(format!("the {what} of decision batch {batch}: {e}")))
}

/// The snapshot of a batch.
pub(crate) fn snapshot_of(batch: &Batch) -> Result<Snapshot> {
    unpack(batch.id, "snapshot", &batch.snapshot)
}

/// The explanations of a batch, by ordinal; `None` for records of an older format.
pub(crate) fn attempts_of(batch: &Batch) -> Result<Option<Vec<Vec<Attempt>>>> {
    batch.attempts.as_deref().map(|bytes| unpack(batch.id, "explanations", bytes)).transpose()
}

/// A decision with its explanation.
#[derive(Debug, Clone)]
pub struct Explained {
    pub record: Record,
    pub decision: Decision,
}

/// The decisions of plans with their explanations, oldest first.
pub(crate) async fn explained(tx: &mut oms_store::Tx, plans: Vec<i64>) -> Result<Vec<Explained>> {
    let records = store::of_plans(tx, plans).await?;
    let mut ids: Vec<i64> = records.iter().map(|r| r.batch_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut attempts = HashMap::new();
    for batch in store::batches(tx, ids).await? {
        attempts.insert(batch.id, attempts_of(&batch)?.unwrap_or_default());
    }
    let one = |record: Record| {
        let mut decision = decision_of(&record)?;
        let kept = attempts.get(&record.batch_id).and_then(|a| a.get(record.ordinal as usize));
        if let (Decision::Planned(plan), Some(kept)) = (&mut decision, kept) {
            plan.attempts = kept.clone();
        }
        Ok(Explained { record, decision })
    };
    records.into_iter().map(one).collect()
}

fn decision_of(record: &Record) -> Result<Decision> {
    serde_json::from_value(record.decision.clone())
        .map_err(|e| corrupt(format!("decision {} of order {}: {e}", record.n, record.plan_id)))
}

/// How replaying went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    pub decisions: usize,
    /// Made by a version that kept another format; not replayed.
    pub older: usize,
    /// Those that came out differently: order, number of its decision, what differs.
    pub different: Vec<(i64, i64, String)>,
}

/// Replays every decision of an order.
pub async fn replay(app: &App, plan: i64) -> Result<Replayed> {
    let mut tx = app.store.read().await?;
    let records = store::of_plan(&mut tx, plan).await?;
    if records.is_empty() {
        return Err(Refusal::not_found("decided order", plan).into());
    }
    let mut replayed = Replayed::default();
    for record in records {
        let batch = batch_of(&mut tx, &record).await?;
        replayed.batch(&batch, &[record])?;
    }
    Ok(replayed)
}

async fn batch_of(tx: &mut oms_store::Tx, record: &Record) -> Result<Batch> {
    let found = store::batches(tx, vec![record.batch_id]).await?.pop();
    found.ok_or_else(|| {
        corrupt(format!("decision batch {} of order {} is gone", record.batch_id, record.plan_id))
    })
}

/// Replays every decision there is. `progress` hears how many were replayed.
pub async fn replay_all(app: &App, mut progress: impl FnMut(usize)) -> Result<Replayed> {
    let (mut replayed, mut after) = (Replayed::default(), 0);
    loop {
        let mut tx = app.store.read().await?;
        let batches = store::batches_after(&mut tx, after, PAGE).await?;
        let Some(last) = batches.last() else { return Ok(replayed) };
        after = last.id;
        let records = store::of_batches(&mut tx, batches.iter().map(|b| b.id).collect()).await?;
        drop(tx);
        for batch in &batches {
            let of_batch: Vec<Record> = records.iter().filter(|r| r.batch_id == batch.id).cloned().collect();
            replayed.batch(batch, &of_batch)?;
        }
        progress(replayed.decisions);
    }
}

impl Replayed {
    fn batch(&mut self, batch: &Batch, records: &[Record]) -> Result<()> {
        let Some(attempts) = attempts_of(batch)? else {
            self.older += records.len();
            return Ok(());
        };
        let input = snapshot_of(batch)?;
        if !snapshot::REPLAYED.contains(&input.v) {
            self.older += records.len();
            return Ok(());
        }
        let bytes = serde_json::to_vec(&input).expect("a snapshot is JSON");
        let sound = Sha256::digest(&bytes)[..] == batch.hash[..];
        let decisions = oms_core::plan::plan(&input);
        for record in records {
            self.decisions += 1;
            let ordinal = record.ordinal as usize;
            let problem = match (decisions.get(ordinal), attempts.get(ordinal)) {
                _ if !sound => Some("the kept input is not the one it was made on".to_owned()),
                (Some(made), Some(attempts)) => difference(record, made, attempts)?,
                _ => Some("the kept input does not hold this order".to_owned()),
            };
            if let Some(problem) = problem {
                self.different.push((record.plan_id, record.n, problem));
            }
        }
        Ok(())
    }
}

/// What differs between a decision as it is kept and as it is made now.
fn difference(record: &Record, made: &Decision, attempts: &[Attempt]) -> Result<Option<String>> {
    let mut kept = decision_of(record)?;
    if let Decision::Planned(plan) = &mut kept {
        plan.attempts = attempts.to_vec();
    }
    let (kept_bytes, made_bytes) =
        (serde_json::to_vec(&kept).expect("JSON"), serde_json::to_vec(made).expect("JSON"));
    if record.result_hash.as_deref() != Some(&Sha256::digest(&kept_bytes)[..]) {
        return Ok(Some("the kept decision was changed after it was made".into()));
    }
    if kept_bytes == made_bytes {
        return Ok(None);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(2_000).collect::<String>();
    Ok(Some(format!("kept {}, now {}", text(&kept_bytes), text(&made_bytes))))
}

/// A decision beside what another scenario would have made of the same input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub kept: Decision,
    pub other: Decision,
}

/// Plans an order's last decision again with a scenario in place of the one that took it, on the stock
/// as it stood after the orders before it.
pub async fn compare(app: &App, plan: i64, scenario: &Scenario) -> Result<Compared> {
    let (record, input) = last(app, plan).await?;
    let ordinal = record.ordinal as usize;
    let mut other = input.clone();
    let put = |s: &mut ScenarioSnap| s.scenario = Scenario { is_active: true, ..scenario.clone() };
    match record.scenario_id.and_then(|id| other.scenarios.iter().position(|s| s.id.0 == id)) {
        Some(i) => put(&mut other.scenarios[i]),
        None => {
            return Err(Refusal::invalid(
                "order",
                "invalid",
                "No scenario took this order; there is nothing to compare.",
            )
            .into());
        }
    }
    let at = |decisions: Vec<Decision>| decisions.into_iter().nth(ordinal);
    let kept = at(oms_core::plan::plan(&input));
    let other = oms_core::plan::plan_one_with(&input, &other, ordinal);
    match (kept, other) {
        (Some(kept), Some(other)) => Ok(Compared { kept, other }),
        _ => Err(corrupt(format!("the kept input of order {plan} does not hold it"))),
    }
}

/// What would have made each losing location win, for the order's last decision.
pub async fn losers(app: &App, plan: i64) -> Result<Vec<Losers>> {
    let (record, input) = last(app, plan).await?;
    let work = move || counterfactual::losers(&input, record.ordinal as usize);
    blocking("a counterfactual", work).await
}

/// The last decision of an order with its input.
async fn last(app: &App, plan: i64) -> Result<(Record, Snapshot)> {
    let mut tx = app.store.read().await?;
    let record = store::of_plan(&mut tx, plan).await?.pop();
    let record = record.ok_or_else(|| Refusal::not_found("decided order", plan))?;
    let batch = batch_of(&mut tx, &record).await?;
    let input = snapshot_of(&batch)?;
    Ok((record, input))
}

/// What planning saw of an order item at a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockSeen {
    /// When the decision was made.
    pub at_us: i64,
    pub order_item: i64,
    pub omnitron_id: Option<i64>,
    pub sku: String,
    pub stock: i64,
    pub reserved: i64,
}

/// What the decisions of the orders with a number saw at a location: the newest decision first, each
/// item as its first attempt saw it. An item whose product had no stock there is told with none.
pub async fn stock_seen(app: &App, number: &str, erp_code: &str) -> Result<Vec<StockSeen>> {
    let mut tx = app.store.read().await?;
    let location = oms_store::places::locations::find(&mut tx, erp_code, None).await?.pop();
    let location = location.ok_or_else(|| Refusal::not_found("location", erp_code))?.id;
    let orders = oms_store::orders::order_views::ids_by_number(&mut tx, number).await?;
    if orders.is_empty() {
        return Err(Refusal::not_found("order", number).into());
    }
    let items = oms_store::orders::order_views::items_of(&mut tx, orders.clone()).await?;
    let ids = items.iter().map(|i| i.product_id).collect();
    let products = oms_store::orders::order_views::products(&mut tx, ids).await?;
    let mut records = store::of_plans(&mut tx, orders).await?;
    records.sort_by_key(|r| (std::cmp::Reverse(r.created_us), r.plan_id, r.n));
    let mut rows = Vec::new();
    for record in records {
        let input = snapshot_of(&batch_of(&mut tx, &record).await?)?;
        let ordinal = record.ordinal as usize;
        let Some(order) = input.orders.get(ordinal) else { continue };
        let seen = oms_core::plan::stock_seen(&input, ordinal);
        let first = seen.first().map_or(&[][..], |(_, seen)| seen.as_slice());
        for line in &order.lines {
            let here = first.iter().find(|s| s.product == line.product && s.location.0 == location);
            let item = items.iter().find(|i| i.id == line.id.0);
            rows.push(StockSeen {
                at_us: record.created_us,
                order_item: line.id.0,
                omnitron_id: item.and_then(|i| i.omnitron_id),
                sku: products.get(&line.product.0).map(|p| p.sku.clone()).unwrap_or_default(),
                stock: here.map_or(0, |s| s.stock),
                reserved: here.map_or(0, |s| s.reserved),
            });
        }
    }
    Ok(rows)
}

/// The stock that each attempt of an order's decisions saw, by decision.
pub async fn stock_of_attempts(
    app: &App,
    plan: i64,
) -> Result<HashMap<i64, Vec<(usize, Vec<oms_core::plan::Seen>)>>> {
    let mut tx = app.store.read().await?;
    let mut all = HashMap::new();
    for record in store::of_plan(&mut tx, plan).await? {
        let input = snapshot_of(&batch_of(&mut tx, &record).await?)?;
        all.insert(record.n, oms_core::plan::stock_seen(&input, record.ordinal as usize));
    }
    Ok(all)
}

/// What a scenario's draft would have made of the latest orders it took.
#[derive(Debug, Clone, Default)]
pub struct Previewed {
    /// Orders planned again.
    pub orders: usize,
    /// Those that come out differently: order, as it was, as it would be. At most [`PREVIEW_SHOWN`].
    pub different: Vec<(i64, Decision, Decision)>,
    pub different_count: usize,
    /// Units that each of its rules would place, and last those no rule places.
    pub units: Vec<i64>,
}

/// Differences listed one by one.
pub const PREVIEW_SHOWN: usize = 20;
/// The most orders planned again.
const PREVIEW_ORDERS: usize = 500;
/// Batches looked at, and looked among.
const PREVIEW_BATCHES: (i64, i64) = (5, 200);

/// Plans the latest batches in which a scenario took orders again, with `draft` in its place.
pub async fn preview(app: &App, id: i64, draft: Scenario) -> Result<Previewed> {
    let mut tx = app.store.read().await?;
    let (most, among) = PREVIEW_BATCHES;
    let batches = store::latest_batches(&mut tx, id, among, most).await?;
    let records = store::of_batches(&mut tx, batches.iter().map(|b| b.id).collect()).await?;
    drop(tx);
    let inputs = batches.iter().map(|b| Ok((b.id, snapshot_of(b)?))).collect::<Result<Vec<_>>>()?;
    let work = move || {
        let mut previewed = Previewed { units: vec![0; draft.rules.len() + 1], ..Previewed::default() };
        for (batch, input) in &inputs {
            let mine: Vec<&Record> =
                records.iter().filter(|r| r.batch_id == *batch && r.scenario_id == Some(id)).collect();
            preview_batch(&mut previewed, input, &mine, id, &draft);
        }
        previewed
    };
    blocking("the planner", work).await
}

fn preview_batch(previewed: &mut Previewed, input: &Snapshot, mine: &[&Record], id: i64, draft: &Scenario) {
    let mut other = input.clone();
    for snap in other.scenarios.iter_mut().filter(|s| s.id.0 == id) {
        snap.scenario = Scenario { is_active: true, ..draft.clone() };
    }
    let (kept, made) = (oms_core::plan::plan(input), oms_core::plan::plan(&other));
    for record in mine.iter().take(PREVIEW_ORDERS.saturating_sub(previewed.orders)) {
        let at = record.ordinal as usize;
        let (Some(kept), Some(made)) = (kept.get(at), made.get(at)) else { continue };
        previewed.orders += 1;
        if let Decision::Planned(plan) = made {
            for attempt in &plan.attempts {
                let placed = attempt.chosen.iter().flat_map(|c| &c.lines).map(|(_, n)| n).sum::<i64>();
                previewed.units[attempt.index.min(draft.rules.len())] += placed;
            }
            let without =
                plan.packages.iter().filter(|p| !p.has_stock()).flat_map(|p| &p.items).map(|(_, n)| n);
            previewed.units[draft.rules.len()] += without.sum::<i64>();
        }
        if packages_of(kept) != packages_of(made) {
            previewed.different_count += 1;
            if previewed.different.len() < PREVIEW_SHOWN {
                previewed.different.push((record.plan_id, kept.clone(), made.clone()));
            }
        }
    }
}

/// What a decision comes to, its explanation aside.
fn packages_of(decision: &Decision) -> Option<&[oms_core::plan::PlannedPackage]> {
    match decision {
        Decision::Planned(plan) => Some(&plan.packages),
        Decision::Waits(_) => None,
    }
}
