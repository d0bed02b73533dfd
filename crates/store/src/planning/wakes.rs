//! Waking what waits: a change that makes units plannable without moving any.

use crate::rules::scenarios;
use crate::setup::settings;
use crate::{StoreError, Tx, args};

/// The fact that says when something was last changed by which units may have become plannable.
const PLANNABLE: &str = "plannable_us";

/// Orders that wait are planned at once, and packages that are out of stock are tried by the next sweep: a scenario, a
/// location, an engine, safety stock, an exclusion or places have changed.
pub async fn wake(tx: &mut Tx, now_us: i64) -> Result<(), StoreError> {
    scenarios::raise_generation(tx).await?;
    settings::set_fact(tx, PLANNABLE, &now_us.to_string()).await?;
    let sql = "UPDATE jobs SET run_at_us = $1 WHERE kind = 'plan' AND state = 'runnable' AND run_at_us > $1";
    tx.execute(sql, args![now_us]).await?;
    Ok(())
}

/// When units may last have become plannable so; 0: never.
pub async fn plannable_us(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(settings::fact(tx, PLANNABLE).await?.and_then(|at| at.parse().ok()).unwrap_or(0))
}
