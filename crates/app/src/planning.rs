//! Planning: jobs claimed in batches, decided on one snapshot, committed whole or tried again.

use std::collections::{BTreeSet, HashMap};

use oms_core::geo;
use oms_core::ids::{LineId, OrderId, ProductId, ScenarioId};
use oms_core::plan::{Decision, LineSnap, OrderSnap, ScenarioSnap, Snapshot, StockSnap, snapshot};
use oms_core::scenarios::{OrderTraits, SortBy};
use oms_store::ids::IdKind;
use oms_store::jobs::{self, Backlog, Job, JobKind};
use oms_store::plans::{self as store, BatchInput, Candidate, CommitIds, Decided, OrderToPlan, Outcome};
use oms_store::stocks::{self, Place};
use oms_store::{StoreError, Tx, logs, scenarios};
use sha2::{Digest, Sha256};

use crate::{App, Result, settings};

/// Orders a batch.
pub const BATCH: usize = 256;
/// Lines a batch plans in one transaction: the writer is held for some 0.1 s. A third of it (about
/// 5,000 rows) costs a third of the orders a second, because each batch writes the same index pages anew
/// (docs/adr/0004).
const BATCH_LINES: usize = 3_000;
/// Tries on fresh snapshots before an order stands alone, with its stock held while it is planned.
const TRIES: usize = 3;
/// Tries of one transaction that met another's lock.
const COMMIT_TRIES: usize = 5;
/// How long an order without a scenario waits before it is looked at again; a changed scenario wakes it.
const WAIT_US: i64 = 60_000_000;
/// zstd's fastest level: the snapshot is mostly distances.
const ZSTD_LEVEL: i32 = 1;

/// What one tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tick {
    /// Jobs claimed.
    pub claimed: usize,
    /// Orders with a plan now.
    pub planned: usize,
    /// Orders that wait with a reason.
    pub waiting: usize,
    /// Plans that another node's were faster than, planned again.
    pub missed: usize,
}

impl Tick {
    /// Adds what a commit made fact: an order that waits is decided on, and not planned.
    fn count(&mut self, decided: &[Decided], outcome: &Outcome) {
        let waits = |d: &&Decided| {
            matches!(d.decision, Decision::Waits(_)) && outcome.committed.contains(&d.order.id)
        };
        let waiting = decided.iter().filter(waits).count();
        self.waiting += waiting;
        self.planned += outcome.committed.len() - waiting;
    }
}

/// Plans up to `limit` orders.
pub async fn tick(app: &App, limit: usize) -> Result<Tick> {
    let mut tx = app.store.begin().await?;
    let jobs = jobs::claim(&mut tx, JobKind::Plan, &app.node, limit.min(BATCH), app.now_us()).await?;
    if jobs.is_empty() {
        return Ok(Tick::default());
    }
    let _held = app.in_hand.jobs(&jobs);
    tx.commit().await?;
    let mut tick = Tick { claimed: jobs.len(), ..Tick::default() };
    if let Err(error) = plan_jobs(app, &jobs, &mut tick).await {
        tracing::warn!(%error, jobs = jobs.len(), "a batch of plans failed; its jobs are given back");
        let attempts = jobs.iter().map(|j| j.attempts).max().unwrap_or(0);
        let delay = crate::setup::retry_delay_us(&error, attempts).unwrap_or(1_000_000);
        let mut tx = app.store.begin().await?;
        let (text, at) = (error.to_string(), app.now_us() + delay);
        jobs::give_back(&mut tx, &jobs, &app.node, at, Some(&text), jobs::MAX_ATTEMPTS).await?;
        tx.commit().await?;
    }
    Ok(tick)
}

async fn plan_jobs(app: &App, jobs: &[Job], tick: &mut Tick) -> Result<()> {
    let mut waiting: Vec<Job> = jobs.to_vec();
    for _ in 0..TRIES {
        let mut missed = Vec::new();
        for batch in cut_by_lines(app, waiting).await? {
            missed.extend(plan_batch(app, batch, tick).await?);
        }
        waiting = missed;
        if waiting.is_empty() {
            return Ok(());
        }
        tick.missed += waiting.len();
    }
    for job in waiting {
        plan_alone(app, job, tick).await?;
    }
    Ok(())
}

/// Cuts a batch so that no transaction plans many more than [`BATCH_LINES`] lines.
async fn cut_by_lines(app: &App, jobs: Vec<Job>) -> Result<Vec<Vec<Job>>> {
    let mut tx = app.store.read().await?;
    let lines = store::line_counts(&mut tx, &order_ids(&jobs)).await?;
    let mut batches = vec![Vec::new()];
    let mut sum = 0;
    for job in jobs {
        let n = lines.get(&job.ref_id).copied().unwrap_or(0);
        if sum + n > BATCH_LINES && sum > 0 {
            batches.push(Vec::new());
            sum = 0;
        }
        sum += n;
        batches.last_mut().expect("there is a first batch").push(job);
    }
    Ok(batches)
}

fn order_ids(jobs: &[Job]) -> Vec<i64> {
    jobs.iter().map(|j| j.ref_id).collect()
}

/// Plans a batch on one snapshot and commits what fits; returns the jobs whose plan no longer did.
async fn plan_batch(app: &App, jobs: Vec<Job>, tick: &mut Tick) -> Result<Vec<Job>> {
    let mut tx = app.store.read().await?;
    let input = read_input(&mut tx, &jobs, Hold::Nothing).await?;
    drop(tx);
    let (decided, batch_input) =
        tokio::task::spawn_blocking(move || decide(input)).await.expect("planning does not panic");
    let mut missed = Vec::new();
    // A constraint error halves the group until the culprit is alone.
    let mut groups = vec![(jobs, decided)];
    while let Some((group, decided)) = groups.pop() {
        match commit(app, &group, &decided, &batch_input).await {
            Ok(outcome) => {
                tick.count(&decided, &outcome);
                missed.extend(group.into_iter().filter(|j| outcome.missed.contains(&j.ref_id)));
            }
            Err(crate::Error::Store(error)) if error.is_constraint() && group.len() > 1 => {
                let (mut first, mut first_decided) = (group, decided);
                let second = first.split_off(first.len() / 2);
                let ids: BTreeSet<i64> = second.iter().map(|j| j.ref_id).collect();
                let second_decided = first_decided.extract_if(.., |d| ids.contains(&d.order.id)).collect();
                groups.push((second, second_decided));
                groups.push((first, first_decided));
            }
            Err(crate::Error::Store(error)) if error.is_constraint() => {
                tracing::error!(%error, order = group[0].ref_id, "an order cannot be planned; it goes to the dead jobs");
                let mut tx = app.store.begin().await?;
                jobs::give_back(&mut tx, &group, &app.node, app.now_us(), Some(&error.to_string()), 0)
                    .await?;
                tx.commit().await?;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(missed)
}

/// Plans one order with the stock of its products held, so that nothing can come between.
async fn plan_alone(app: &App, job: Job, tick: &mut Tick) -> Result<()> {
    let jobs = [job];
    for last in (0..COMMIT_TRIES).rev() {
        match try_alone(app, &jobs, tick).await {
            Err(crate::Error::Store(error)) if error.is_retryable() && last > 0 => {}
            other => return other,
        }
    }
    Ok(())
}

async fn try_alone(app: &App, jobs: &[Job], tick: &mut Tick) -> Result<()> {
    let (actor, mut ids) = (app.actor("system:planner").await?, CommitIds::empty());
    let mut reading = app.store.read().await?;
    let lines = store::line_counts(&mut reading, &order_ids(jobs)).await?.values().sum::<usize>();
    let locations = store::read_candidates(&mut reading).await?.len();
    drop(reading);
    // At most a package a location and one out of stock; an item a line and package, by units.
    let packages = locations + 1;
    take_ids(app, &mut ids, (packages, lines * packages, lines * packages * 2 + packages * 2 + 2)).await?;
    let mut tx = app.store.begin().await?;
    let input = read_input(&mut tx, jobs, Hold::Stock).await?;
    let (decided, batch_input) = decide(input);
    logs::record_command(&mut tx, &actor, "plan").await?;
    let outcome = store::commit(&mut tx, &decided, &batch_input, &mut ids, &actor).await?;
    if !outcome.missed.is_empty() {
        return Err(StoreError::Corrupt(format!("order {} missed stock that it held", jobs[0].ref_id)).into());
    }
    settle_jobs(&mut tx, app, jobs, &decided, &outcome).await?;
    tx.commit().await?;
    tick.count(&decided, &outcome);
    Ok(())
}

async fn take_ids(
    app: &App,
    ids: &mut CommitIds,
    (packages, items, rows): (usize, usize, usize),
) -> Result<()> {
    ids.packages = app.store.take_ids(IdKind::Package, packages).await?;
    ids.items = app.store.take_ids(IdKind::PackageItem, items).await?;
    ids.rows = app.store.take_ids(IdKind::Row, rows).await?;
    Ok(())
}

async fn commit(app: &App, jobs: &[Job], decided: &[Decided], input: &BatchInput) -> Result<Outcome> {
    for last in (0..COMMIT_TRIES).rev() {
        match try_commit(app, jobs, decided, input).await {
            Err(crate::Error::Store(error)) if error.is_retryable() && last > 0 => {}
            other => return other,
        }
    }
    unreachable!("the last try returns")
}

async fn try_commit(app: &App, jobs: &[Job], decided: &[Decided], input: &BatchInput) -> Result<Outcome> {
    let mut ids = CommitIds::empty();
    take_ids(app, &mut ids, store::ids_needed(decided)).await?;
    let actor = app.actor("system:planner").await?;
    let mut tx = app.store.begin().await?;
    logs::record_command(&mut tx, &actor, "plan").await?;
    let outcome = store::commit(&mut tx, decided, input, &mut ids, &actor).await?;
    settle_jobs(&mut tx, app, jobs, decided, &outcome).await?;
    tx.commit().await?;
    Ok(outcome)
}

/// Ends the jobs of planned orders and of orders that need no plan any more; puts off those that wait.
async fn settle_jobs(
    tx: &mut Tx,
    app: &App,
    jobs: &[Job],
    decided: &[Decided],
    outcome: &Outcome,
) -> Result<()> {
    let waits: BTreeSet<i64> =
        decided.iter().filter(|d| matches!(d.decision, Decision::Waits(_))).map(|d| d.order.id).collect();
    let changed: BTreeSet<i64> = decided
        .iter()
        .map(|d| d.order.id)
        .filter(|id| !outcome.committed.contains(id) && !outcome.missed.contains(id))
        .collect();
    let (again, rest): (Vec<_>, Vec<_>) = jobs.iter().cloned().partition(|j| changed.contains(&j.ref_id));
    let (put_off, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|j| waits.contains(&j.ref_id));
    let done: Vec<i64> = rest.iter().filter(|j| !outcome.missed.contains(&j.ref_id)).map(|j| j.id).collect();
    if jobs::finish(tx, &done, &app.node).await?.len() < done.len() {
        // The lease was lost while this batch was planned: the other process's work stands.
        return Err(StoreError::Corrupt("leases of plan jobs were lost to another process".into()).into());
    }
    jobs::give_back(tx, &put_off, &app.node, app.now_us() + WAIT_US, None, 0).await?;
    Ok(jobs::give_back(tx, &again, &app.node, app.now_us(), None, 0).await?)
}

/// Whether the stock read is also held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    Stock,
}

/// What a batch is decided on, before distances are measured.
struct Input {
    /// In the order of their jobs.
    orders: Vec<(i64, OrderToPlan)>,
    candidates: Vec<Candidate>,
    available: std::collections::BTreeMap<Place, i64>,
    scenarios: Vec<ScenarioSnap>,
    measures_distance: bool,
}

async fn read_input(tx: &mut Tx, jobs: &[Job], hold: Hold) -> Result<Input> {
    let mut found = store::read_orders(tx, &order_ids(jobs)).await?;
    let orders: Vec<_> = jobs.iter().filter_map(|j| Some((j.id, found.remove(&j.ref_id)?))).collect();
    let products: BTreeSet<i64> = orders.iter().flat_map(|(_, o)| &o.lines).map(|l| l.1).collect();
    let products = Vec::from_iter(products);
    let available = match hold {
        Hold::Nothing => stocks::of_products(tx, &products).await?,
        Hold::Stock => stocks::lock_products(tx, &products).await?,
    };
    let active = scenarios::active(tx).await?;
    let snap = |s: scenarios::Stored| ScenarioSnap {
        id: ScenarioId(s.id),
        version: s.version,
        scenario: s.scenario,
    };
    Ok(Input {
        orders,
        candidates: store::read_candidates(tx).await?,
        available,
        scenarios: active.into_iter().map(snap).collect(),
        measures_distance: settings::measures_distance(tx).await?,
    })
}

/// Builds the snapshot, plans it, and packs it for the record.
fn decide(input: Input) -> (Vec<Decided>, BatchInput) {
    let snapshot = build_snapshot(&input);
    let decisions = oms_core::plan::plan(&snapshot);
    let bytes = serde_json::to_vec(&snapshot).expect("a snapshot is JSON");
    let hash = Sha256::digest(&bytes).into();
    let compressed = zstd::bulk::compress(&bytes, ZSTD_LEVEL).expect("memory can be compressed");
    let decided = input.orders.into_iter().zip(decisions).enumerate();
    let decided =
        decided.map(|(ordinal, ((job_id, order), decision))| Decided { job_id, order, ordinal, decision });
    (decided.collect(), BatchInput { compressed, hash })
}

fn build_snapshot(input: &Input) -> Snapshot {
    let place: HashMap<i64, usize> =
        input.candidates.iter().enumerate().map(|(i, c)| (c.snap.id.0, i)).collect();
    let mut stock: Vec<StockSnap> = input
        .available
        .iter()
        .filter_map(|(&(product, location), &available)| {
            Some(StockSnap { product: ProductId(product), location: *place.get(&location)?, available })
        })
        .collect();
    stock.sort_unstable_by_key(|s| (s.product, s.location));
    let sorts_by_distance = input.measures_distance
        && input
            .scenarios
            .iter()
            .flat_map(|s| &s.scenario.rules)
            .flat_map(|r| &r.sort)
            .any(|s| s.by == SortBy::Distance);
    let order = |(_, o): &(i64, OrderToPlan)| OrderSnap {
        id: OrderId(o.id),
        traits: OrderTraits {
            channel: Some(o.channel.to_string()),
            shipping: o.shipping_option.clone(),
            payment: o.payment_option.clone(),
            customer_type: o.customer_type.clone(),
        },
        lines: o
            .lines
            .iter()
            .map(|&(id, product, units)| LineSnap { id: LineId(id), product: ProductId(product), units })
            .collect(),
        distances_m: if sorts_by_distance { distances(o, &input.candidates) } else { Vec::new() },
    };
    Snapshot {
        v: snapshot::FORMAT,
        locations: input.candidates.iter().map(|c| c.snap.clone()).collect(),
        stock,
        scenarios: input.scenarios.clone(),
        orders: input.orders.iter().map(order).collect(),
    }
}

fn distances(order: &OrderToPlan, candidates: &[Candidate]) -> Vec<Option<i64>> {
    candidates.iter().map(|c| Some(geo::distance_m(order.point?, c.point?))).collect()
}

/// How much is still to be planned.
pub async fn backlog(app: &App) -> Result<Backlog> {
    let mut tx = app.store.read().await?;
    Ok(jobs::backlog(&mut tx, JobKind::Plan).await?)
}
