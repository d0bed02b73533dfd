//! Search, and the upkeep of what it reads and of the lists' counts.

use oms_store::upkeep::search as store;
use oms_store::{list_counts, packages};

pub use oms_store::upkeep::search::{Found, Hit};

use crate::{App, Result};

/// The most results of a kind.
pub const MOST: i64 = 50;
/// Records a turn that get what an older version did not write.
const FILL: i64 = 1_000;
/// Appended counts that are left alone: reading them takes less than a millisecond.
const APPENDED: i64 = 2_000;

/// What begins with the text: at most `limit` orders, packages, transfers and products each, in that order.
pub async fn find(app: &App, text: &str, limit: i64) -> Result<Vec<Hit>> {
    let mut tx = app.store.read().await?;
    Ok(store::find(&mut tx, text, limit.clamp(1, MOST)).await?)
}

/// One bounded step of upkeep: folds counts, and gives records of before their terms and packages their channel.
/// Returns whether there is more to do.
pub async fn tick(app: &App) -> Result<bool> {
    let appended = list_counts::appended(&mut app.store.read().await?).await?;
    let mut tx = app.store.begin().await?;
    if appended > APPENDED {
        list_counts::fold(&mut tx).await?;
    }
    let terms = store::fill(&mut tx, FILL).await?;
    let packages = packages::fill_from_orders(&mut tx, FILL).await?;
    tx.commit().await?;
    Ok(terms > 0 || packages > 0)
}
