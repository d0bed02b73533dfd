//! Steps of packages and transfers from state to state, listed and shown.

use oms_core::refusal::Refusal;
use oms_store::lists::logs::{self as store, Step};
use oms_store::lists::{self, Ask, Page};

use crate::{App, Result};

/// A page of steps.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Step>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    Ok(page.with(rows))
}

/// One step.
pub async fn get(app: &App, id: i64) -> Result<Step> {
    let found = list(app, &Ask::id(id)).await?.rows.pop();
    Ok(found.ok_or_else(|| Refusal::not_found("state transition log", id))?)
}
