//! Planning: jobs claimed in batches, decided on one snapshot, committed whole or tried again.

pub mod decisions;
pub mod dry_runs;
pub mod exclusions;

pub(crate) mod input;

use std::collections::{BTreeMap, BTreeSet};

use oms_core::plan::Decision;
use oms_core::scenarios::{Family, Rule};
use oms_store::access::logs;
use oms_store::ids::IdKind;
use oms_store::planning::loads::Slots;
use oms_store::planning::plans::{self as store, BatchInput, CommitIds, Decided, IdsNeeded, Outcome};
use oms_store::rules::scenarios;
use oms_store::upkeep::jobs::{self, Backlog, Job, JobKind, NewJob};
use oms_store::{StoreError, Tx};

use crate::guard::{blocking, caught};
use crate::{App, Result};
use input::Hold;

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
/// The fact that says when the next sweep is due.
pub(crate) const SWEEP: &str = "replan_next_us";
/// The most packages one sweep asks for; the next sweep takes the rest.
const REPLANS: usize = 10_000;
/// How long an order without a scenario waits before it is looked at again; a changed scenario wakes it.
const WAIT_US: i64 = 60_000_000;

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
        let committed: BTreeSet<i64> = outcome.committed.iter().copied().collect();
        let waits =
            |d: &&Decided| matches!(d.decision, Decision::Waits(_)) && committed.contains(&d.order.subject());
        let waiting = decided.iter().filter(waits).count();
        self.waiting += waiting;
        self.planned += outcome.committed.len() - waiting;
    }
}

/// Plans up to `limit` orders.
pub async fn tick(app: &App, limit: usize) -> Result<Tick> {
    run(app, JobKind::Plan, limit).await
}

/// Plans up to `limit` packages anew that are out of stock.
pub async fn replan_tick(app: &App, limit: usize) -> Result<Tick> {
    // There is seldom anything: looking must not take the writer from those who write.
    let mut tx = app.store.read().await?;
    let any = jobs::any_due(&mut tx, JobKind::Replan, app.now_us()).await?;
    drop(tx);
    if !any {
        return Ok(Tick::default());
    }
    run(app, JobKind::Replan, limit).await
}

async fn run(app: &App, kind: JobKind, limit: usize) -> Result<Tick> {
    let mut tx = app.store.begin().await?;
    let jobs = jobs::claim(&mut tx, kind, &app.node, limit.min(BATCH), app.now_us()).await?;
    if jobs.is_empty() {
        return Ok(Tick::default());
    }
    let _held = app.in_hand.jobs(&jobs);
    tx.commit().await?;
    let mut tick = Tick { claimed: jobs.len(), ..Tick::default() };
    let mut groups = vec![jobs];
    while let Some(group) = groups.pop() {
        let Err(error) = caught("planning", plan_jobs(app, kind, &group, &mut tick)).await else { continue };
        // What was planned before the failure is done.
        let mut left = still_mine(app, group).await?;
        if error.is_passing() || left.len() < 2 {
            give_back(app, &left, &error).await?;
            continue;
        }
        // Something is wrong with one of them: halved until it is alone, so that no neighbour dies with it.
        let second = left.split_off(left.len() / 2);
        groups.extend([second, left]);
    }
    Ok(tick)
}

/// The jobs that this process still has.
async fn still_mine(app: &App, jobs: Vec<Job>) -> Result<Vec<Job>> {
    let mut tx = app.store.read().await?;
    let mine = jobs::leased(&mut tx, &app.node, jobs.iter().map(|j| j.id)).await?;
    Ok(jobs.into_iter().filter(|j| mine.contains(&j.id)).collect())
}

/// Jobs whose planning failed are due again later; where the data is wrong, or it failed too often, they are dead.
async fn give_back(app: &App, jobs: &[Job], error: &crate::Error) -> Result<()> {
    let Some(attempts) = jobs.iter().map(|j| j.attempts).max() else { return Ok(()) };
    let subjects = subjects(jobs);
    tracing::warn!(%error, ?subjects, "planning failed; it is tried again, or is dead after the last try");
    let (tries, delay) = match error {
        crate::Error::Store(store) if store.is_constraint() => (0, 0),
        _ => (jobs::MAX_ATTEMPTS, crate::setup::retry_delay_us(error, attempts).unwrap_or(1_000_000)),
    };
    let mut tx = app.store.begin().await?;
    let (text, at) = (error.to_string(), app.now_us() + delay);
    jobs::give_back(&mut tx, jobs, &app.node, at, Some(&text), tries).await?;
    Ok(tx.commit().await?)
}

async fn plan_jobs(app: &App, kind: JobKind, jobs: &[Job], tick: &mut Tick) -> Result<()> {
    let mut waiting: Vec<Job> = jobs.to_vec();
    for _ in 0..TRIES {
        let mut missed = Vec::new();
        let batches = match kind {
            JobKind::Replan => one_package_an_order(app, waiting).await?,
            _ => cut_by_lines(app, waiting).await?,
        };
        for batch in batches {
            missed.extend(plan_batch(app, kind, batch, tick).await?);
        }
        waiting = missed;
        if waiting.is_empty() {
            return Ok(());
        }
        tick.missed += waiting.len();
    }
    for job in waiting {
        plan_alone(app, kind, job, tick).await?;
    }
    Ok(())
}

/// Cuts a batch so that no transaction plans many more than [`BATCH_LINES`] lines.
async fn cut_by_lines(app: &App, jobs: Vec<Job>) -> Result<Vec<Vec<Job>>> {
    let mut tx = app.store.read().await?;
    let lines = store::line_counts(&mut tx, &subjects(&jobs)).await?;
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

/// Cuts a batch so that no transaction plans two packages of one order, whose counters both would move.
async fn one_package_an_order(app: &App, jobs: Vec<Job>) -> Result<Vec<Vec<Job>>> {
    let mut tx = app.store.read().await?;
    let found = store::read_packages(&mut tx, &subjects(&jobs)).await?;
    let mut batches: Vec<Vec<Job>> = vec![Vec::new()];
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    for job in jobs {
        let order = found.get(&job.ref_id).map(|o| o.id);
        let nth = order.map_or(0, |order| *seen.entry(order).and_modify(|n| *n += 1).or_insert(0));
        if nth == batches.len() {
            batches.push(Vec::new());
        }
        batches[nth].push(job);
    }
    Ok(batches)
}

fn subjects(jobs: &[Job]) -> Vec<i64> {
    jobs.iter().map(|j| j.ref_id).collect()
}

/// Plans a batch on one snapshot and commits what fits; returns the jobs whose plan no longer did.
async fn plan_batch(app: &App, kind: JobKind, jobs: Vec<Job>, tick: &mut Tick) -> Result<Vec<Job>> {
    let anew = kind == JobKind::Replan;
    let engines = input::ask_engines(app, &jobs, anew).await?;
    input::ask_geocoder(app, &jobs, anew).await?;
    let mut tx = app.store.read().await?;
    let input = input::read(&mut tx, &jobs, anew, Hold::Nothing, &engines, app.now_us()).await?;
    drop(tx);
    let (decided, batch_input) = blocking("the planner", move || input::decide(input)).await?;
    let outcome = commit(app, &jobs, &decided, &batch_input).await?;
    tick.count(&decided, &outcome);
    Ok(jobs.into_iter().filter(|j| outcome.missed.contains(&j.ref_id)).collect())
}

/// Plans one order with the stock of its products held, so that nothing can come between.
async fn plan_alone(app: &App, kind: JobKind, job: Job, tick: &mut Tick) -> Result<()> {
    let jobs = [job];
    for last in (0..COMMIT_TRIES).rev() {
        match try_alone(app, kind, &jobs, tick).await {
            Err(crate::Error::Store(error)) if error.is_retryable() && last > 0 => {}
            other => return other,
        }
    }
    Ok(())
}

async fn try_alone(app: &App, kind: JobKind, jobs: &[Job], tick: &mut Tick) -> Result<()> {
    let (actor, mut ids) = (app.actor("system:planner").await?, CommitIds::empty());
    let anew = kind == JobKind::Replan;
    let engines = input::ask_engines(app, jobs, anew).await?;
    let mut reading = app.store.read().await?;
    let seen = input::read(&mut reading, jobs, anew, Hold::Nothing, &engines, app.now_us()).await?;
    let (lines, locations) = (seen.orders.iter().map(|o| o.lines.len()).sum::<usize>(), seen.locations());
    drop(reading);
    // At most a package a location and one out of stock; an item a line and package; a transfer a source
    // and package, of which each line has at most as many as there are locations.
    let packages = locations + 1;
    let items = lines * packages;
    let needed = IdsNeeded { packages, items, transfers: items, rows: items * 7 + packages * 2 + 4 };
    take_ids(app, &mut ids, needed).await?;
    let mut tx = app.store.begin().await?;
    let input = input::read(&mut tx, jobs, anew, Hold::Stock, &engines, app.now_us()).await?;
    let (decided, batch_input) = input::decide(input);
    logs::record_command(&mut tx, &actor, "plan").await?;
    let outcome = store::commit(&mut tx, &decided, &batch_input, &mut ids, &actor, Slots::default()).await?;
    if !outcome.missed.is_empty() {
        return Err(StoreError::Corrupt(format!("{} missed stock that it held", jobs[0].ref_id)).into());
    }
    settle_jobs(&mut tx, app, jobs, (&decided, &batch_input), &outcome).await?;
    tx.commit().await?;
    tick.count(&decided, &outcome);
    Ok(())
}

async fn take_ids(app: &App, ids: &mut CommitIds, needed: IdsNeeded) -> Result<()> {
    ids.packages = app.store.take_ids(IdKind::Package, needed.packages).await?;
    ids.items = app.store.take_ids(IdKind::PackageItem, needed.items).await?;
    if needed.transfers > 0 {
        ids.transfers = app.store.take_ids(IdKind::Transfer, needed.transfers).await?;
    }
    ids.rows = app.store.take_ids(IdKind::Row, needed.rows).await?;
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
    let outcome = store::commit(&mut tx, decided, input, &mut ids, &actor, Slots::default()).await?;
    settle_jobs(&mut tx, app, jobs, (decided, input), &outcome).await?;
    tx.commit().await?;
    Ok(outcome)
}

/// Ends the jobs of planned orders and of orders that need no plan any more; puts off those that wait.
async fn settle_jobs(
    tx: &mut Tx,
    app: &App,
    jobs: &[Job],
    (decided, input): (&[Decided], &BatchInput),
    outcome: &Outcome,
) -> Result<()> {
    let is_in = |list: &[i64]| list.iter().copied().collect::<BTreeSet<i64>>();
    let (committed, missed) = (is_in(&outcome.committed), is_in(&outcome.missed));
    let soonest = app.now_us() + WAIT_US;
    let waits: BTreeMap<i64, i64> = decided
        .iter()
        .filter(|d| matches!(d.decision, Decision::Waits(_)) && d.order.replaces.is_none_or(|r| r.is_refused))
        .map(|d| {
            (d.order.subject(), d.wait.as_ref().and_then(|w| w.until_us).unwrap_or(soonest).min(soonest))
        })
        .collect();
    let changed: BTreeSet<i64> = decided
        .iter()
        .map(|d| d.order.subject())
        .filter(|id| !committed.contains(id) && !missed.contains(id))
        .collect();
    let (again, rest): (Vec<_>, Vec<_>) = jobs.iter().cloned().partition(|j| changed.contains(&j.ref_id));
    let (mut put_off, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|j| waits.contains_key(&j.ref_id));
    let done: Vec<i64> = rest.iter().filter(|j| !missed.contains(&j.ref_id)).map(|j| j.id).collect();
    if jobs::finish(tx, &done, &app.node).await?.len() < done.len() {
        // The lease was lost while this batch was planned: the other process's work stands.
        return Err(StoreError::Corrupt("leases of plan jobs were lost to another process".into()).into());
    }
    let mut until: BTreeMap<i64, Vec<Job>> = BTreeMap::new();
    let stale = !put_off.is_empty() && scenarios::hold_generation(tx).await? != input.scenarios_generation;
    if stale {
        // A scenario came between the reading and now: it may take them.
        jobs::give_back(tx, &put_off, &app.node, app.now_us(), None, 0).await?;
        put_off = Vec::new();
    }
    put_off.into_iter().for_each(|j| until.entry(waits[&j.ref_id]).or_default().push(j));
    for (at_us, jobs) in until {
        jobs::give_back(tx, &jobs, &app.node, at_us, None, 0).await?;
    }
    Ok(jobs::give_back(tx, &again, &app.node, app.now_us(), None, 0).await?)
}

/// Asks for packages that are out of stock to be planned anew: those named, or those that may be supplied now since
/// stock rose or something else changed, oldest order first. Returns which were asked for.
pub async fn request_replans(app: &App, packages: Option<&[i64]>) -> Result<Vec<i64>> {
    let asked = replans(app, packages).await?;
    let mut tx = app.store.begin().await?;
    let packages = asked.write(&mut tx, app.now_us()).await?;
    tx.commit().await?;
    Ok(packages)
}

/// Packages to be planned anew, and the jobs that do it.
pub struct Replans {
    jobs: Vec<NewJob>,
}

impl Replans {
    /// Asks for them in this transaction; one that waits already is asked for once.
    pub async fn write(self, tx: &mut Tx, now_us: i64) -> Result<Vec<i64>> {
        jobs::add(tx, &self.jobs, now_us).await?;
        Ok(self.jobs.iter().map(|job| job.ref_id).collect())
    }
}

/// Finds what [`request_replans`] asks for.
pub async fn replans(app: &App, packages: Option<&[i64]>) -> Result<Replans> {
    let mut tx = app.store.read().await?;
    let wanted = match packages {
        Some(ids) => store::ToReplan::These(ids),
        None => {
            let active = scenarios::active(&mut tx, Family::Distribution).await?;
            let by_moment = active.iter().flat_map(|s| &s.scenario.rules).any(Rule::by_moment);
            store::ToReplan::Suppliable { by_moment }
        }
    };
    let found = store::packages_to_replan(&mut tx, wanted, REPLANS).await?;
    drop(tx);
    let mut ids = app.store.take_ids(IdKind::Row, found.len()).await?;
    let job = |&(package, placed_us): &(i64, i64)| NewJob {
        id: ids.next().expect("an id was taken for each"),
        kind: JobKind::Replan,
        ref_id: package,
        sort: (placed_us, package),
    };
    Ok(Replans { jobs: found.iter().map(job).collect() })
}

/// The states of packages that a person wants planned anew; absent: there is no such package.
pub async fn states_of(app: &App, packages: &[i64]) -> Result<BTreeMap<i64, i64>> {
    let mut tx = app.store.read().await?;
    let found = oms_store::packages::by_ids(&mut tx, packages.to_vec()).await?;
    Ok(found.into_iter().map(|p| (p.id, p.state)).collect())
}

/// Asks for what is out of stock to be planned anew, every so many minutes (setting `REPLANNING`), by one
/// node for all. `None`: it is not time, or another node does it.
pub async fn replan_sweep_tick(app: &App) -> Result<Option<usize>> {
    let mut tx = app.store.begin().await?;
    let every: Option<oms_core::settings::Replanning> =
        crate::setup::settings::typed(&mut tx, "REPLANNING").await?;
    let every_us = every.unwrap_or_default().every_minutes * 60_000_000;
    let now = app.now_us();
    let is_due = oms_store::setup::settings::advance_fact(&mut tx, SWEEP, now, now + every_us).await?;
    tx.commit().await?;
    if !is_due {
        return Ok(None);
    }
    Ok(Some(request_replans(app, None).await?.len()))
}

/// How much is still to be planned.
pub async fn backlog(app: &App) -> Result<Backlog> {
    let mut tx = app.store.read().await?;
    Ok(jobs::backlog(&mut tx, JobKind::Plan).await?)
}
