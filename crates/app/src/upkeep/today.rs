//! What the day looks like: what is there, what is late, how planning goes, whether everything runs.

use oms_core::packages::STATES;
use oms_store::upkeep::today as store;
pub use oms_store::upkeep::today::{Day, Hour, Needs};

use crate::{App, Result};

/// The ages that unfinished packages are sorted into: younger than an hour, four, a day, three days; older.
pub const AGES_US: [i64; 4] = [3_600_000_000, 4 * 3_600_000_000, 86_400_000_000, 3 * 86_400_000_000];

/// See the module.
pub struct Today {
    pub totals: crate::views::Totals,
    pub hours: Vec<Hour>,
    pub days: Vec<Day>,
    /// State, place in [`AGES_US`] (its length: older), how many.
    pub ageing: Vec<(i64, usize, i64)>,
    /// To be packed, and to be gone.
    pub late: (i64, i64),
    /// Kind, state, how many.
    pub jobs: Vec<(String, String, i64)>,
    pub needs: Needs,
}

/// Codes of the states that packages do not stay in.
pub fn unfinished() -> Vec<i64> {
    STATES.iter().filter(|s| !s.terminal).map(|s| s.code).collect()
}

/// Counts it.
pub async fn read(app: &App) -> Result<Today> {
    /// Hours and days that are shown.
    const HOURS_US: i64 = 24 * 3_600_000_000;
    const DAYS_US: i64 = 7 * 86_400_000_000;
    let totals = crate::views::totals(app).await?;
    let now = app.now_us();
    let mut tx = app.store.read().await?;
    Ok(Today {
        totals,
        hours: store::hours(&mut tx, now - HOURS_US).await?,
        days: store::days(&mut tx, now - DAYS_US).await?,
        ageing: store::ageing(&mut tx, &unfinished(), now, &AGES_US).await?,
        late: store::late(&mut tx, now).await?,
        jobs: store::jobs(&mut tx).await?,
        needs: store::needs(&mut tx).await?,
    })
}

/// Unfinished packages by location and state.
pub async fn movements(app: &App) -> Result<Vec<(i64, i64, i64)>> {
    Ok(store::by_location(&mut app.store.read().await?, &unfinished()).await?)
}

/// Open transfers by location, state and side (0: they leave it, 1: they go to it).
pub async fn transfer_movements(app: &App) -> Result<Vec<(i64, i64, i64, i64)>> {
    Ok(store::transfers_by_location(&mut app.store.read().await?).await?)
}
