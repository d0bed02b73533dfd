//! This process among others: its start, its heartbeat, and the sweep of what has served.

use oms_store::{access, jobs, setup};

use crate::{App, Result};

/// How often a process says that it lives: three times a lease.
pub const HEARTBEAT_MS: u64 = 3_000;
/// How long an idempotency key keeps its answer.
const KEEP_KEYS_US: i64 = 24 * 3_600 * 1_000_000;

/// Takes back leases that cannot be alive.
pub(crate) async fn begin(app: &App) -> Result<()> {
    let mut tx = app.store.begin().await?;
    let jobs = jobs::take_back_at_start(&mut tx).await?;
    setup::take_back_at_start(&mut tx, app.now_us()).await?;
    tx.commit().await?;
    if jobs > 0 {
        tracing::info!(jobs, "took back the jobs an earlier process had leased");
    }
    heartbeat_tick(app).await.map(|_| ())
}

/// Renews this process's leases and takes back those of dead ones; says how many.
pub async fn heartbeat_tick(app: &App) -> Result<u64> {
    let mut tx = app.store.begin().await?;
    let taken = jobs::heartbeat(&mut tx, &app.node, app.now_us()).await?;
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
    tx.commit().await?;
    Ok(keys)
}

/// Lets go of the leases at a clean stop, so that another process need not wait for them to end.
pub async fn end(app: &App) -> Result<()> {
    let mut tx = app.store.begin().await?;
    jobs::drop_leases(&mut tx, Some(&app.node)).await?;
    tx.commit().await?;
    Ok(())
}
