//! This process among others: its start, its heartbeat, and the sweep of what has served.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oms_store::packages::outside;
use oms_store::upkeep::jobs;
use oms_store::{access, setup};

use crate::packages::bulk;
use crate::{App, Result};

/// How often a process says that it lives: three times a lease.
pub const HEARTBEAT_MS: u64 = 3_000;
/// How long an idempotency key keeps its answer.
const KEEP_KEYS_US: i64 = 24 * 3_600 * 1_000_000;

/// What this process works on now: only these leases are renewed. A step that ends, in whichever way,
/// lets go of its own, so that no lease lives on because its process does.
#[derive(Default)]
pub(crate) struct InHand(Mutex<Work>);

#[derive(Default)]
struct Work {
    jobs: BTreeSet<i64>,
    tasks: BTreeSet<String>,
}

impl InHand {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews these jobs' leases until the answer is dropped.
    pub(crate) fn jobs(&self, jobs: &[jobs::Job]) -> Held<'_> {
        let ids: Vec<i64> = jobs.iter().map(|j| j.id).collect();
        self.work().jobs.extend(&ids);
        Held { in_hand: self, jobs: ids, task: None }
    }

    /// Renews this setup task's lease until the answer is dropped.
    pub(crate) fn task(&self, name: &str) -> Held<'_> {
        self.work().tasks.insert(name.to_owned());
        Held { in_hand: self, jobs: Vec::new(), task: Some(name.to_owned()) }
    }
}

/// Leases held by a step.
pub(crate) struct Held<'a> {
    in_hand: &'a InHand,
    jobs: Vec<i64>,
    task: Option<String>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut work = self.in_hand.work();
        for id in &self.jobs {
            work.jobs.remove(id);
        }
        if let Some(name) = &self.task {
            work.tasks.remove(name);
        }
    }
}

/// Takes back leases that cannot be alive.
pub(crate) async fn begin(app: &App) -> Result<()> {
    let mut tx = app.store.begin().await?;
    let jobs = jobs::take_back_at_start(&mut tx).await?;
    setup::take_back_at_start(&mut tx, app.now_us()).await?;
    outside::take_back_at_start(&mut tx).await?;
    oms_store::hooks::take_back_at_start(&mut tx).await?;
    tx.commit().await?;
    if jobs > 0 {
        tracing::info!(jobs, "took back the jobs an earlier process had leased");
    }
    heartbeat_tick(app).await.map(|_| ())
}

/// Renews this process's leases and takes back those of dead ones; says how many.
pub async fn heartbeat_tick(app: &App) -> Result<u64> {
    let mut tx = app.store.begin().await?;
    let (held, tasks): (Vec<i64>, Vec<String>) = {
        let work = app.in_hand.work();
        (work.jobs.iter().copied().collect(), work.tasks.iter().cloned().collect())
    };
    let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
    let taken = jobs::heartbeat(&mut tx, &app.node, &held, &tasks, app.now_us()).await?;
    tx.commit().await?;
    if taken > 0 {
        tracing::warn!(jobs = taken, "took back jobs whose process stopped renewing them");
    }
    Ok(taken)
}

/// Drops what has served its time.
pub async fn sweep_tick(app: &App) -> Result<u64> {
    let mut tx = app.store.begin().await?;
    let keys = access::forget_keys(&mut tx, app.now_us() - KEEP_KEYS_US).await?;
    oms_store::packages::bulk::forget(&mut tx, app.now_us() - bulk::KEEP_US).await?;
    tx.commit().await?;
    crate::hooks::deliveries::sweep(app).await?;
    crate::events::sweep(app).await?;
    Ok(keys)
}

/// Lets go of the leases at a clean stop, so that another process need not wait for them to end.
pub async fn end(app: &App) -> Result<()> {
    crate::hooks::sending::end(app).await;
    let mut tx = app.store.begin().await?;
    jobs::drop_leases(&mut tx, Some(&app.node)).await?;
    oms_store::hooks::drop_leases(&mut tx, &app.node).await?;
    tx.commit().await?;
    Ok(())
}
