//! What the database holds, and whether anything is left to do.

use oms_store::upkeep::jobs::{self, Backlog, JobKind};
use oms_store::upkeep::totals;

pub use oms_store::upkeep::totals::Totals;

use crate::{App, Result};

/// Counts everything.
pub async fn read(app: &App) -> Result<Totals> {
    let mut tx = app.store.read().await?;
    Ok(totals::read(&mut tx).await?)
}

/// How far intake and planning have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Hub orders imported, filtered or rejected.
    pub hub_orders: i64,
    pub fetch: Backlog,
    pub plan: Backlog,
}

impl Progress {
    /// Whether no job waits or is being worked on.
    pub fn nothing_to_do(&self) -> bool {
        [self.fetch, self.plan].iter().all(|b| b.runnable == 0 && b.leased == 0)
    }
}

/// Reads it.
pub async fn progress(app: &App) -> Result<Progress> {
    let mut tx = app.store.read().await?;
    Ok(Progress {
        hub_orders: totals::hub_orders(&mut tx).await?,
        fetch: jobs::backlog(&mut tx, JobKind::Fetch).await?,
        plan: jobs::backlog(&mut tx, JobKind::Plan).await?,
    })
}

/// A small fact of the installation.
pub async fn fact(app: &App, name: &str) -> Result<Option<String>> {
    let mut tx = app.store.read().await?;
    Ok(oms_store::setup::settings::fact(&mut tx, name).await?)
}

/// Writes a small fact.
pub async fn set_fact(app: &App, name: &str, value: &str) -> Result<()> {
    let mut tx = app.store.begin().await?;
    oms_store::setup::settings::set_fact(&mut tx, name, value).await?;
    Ok(tx.commit().await?)
}
