//! Lists with their filters that people keep under a name.

use oms_core::refusal::Refusal;
use oms_store::ids::IdKind;
use oms_store::upkeep::saved_views as store;
pub use oms_store::upkeep::saved_views::SavedView;

use crate::{App, Result};

/// The most views one person keeps of a list.
const MOST: usize = 30;
const NAME_CHARS: usize = 60;
const QUERY_BYTES: usize = 2_000;

/// The views of a list that a person sees.
pub async fn of(app: &App, list: &str, user_id: i64) -> Result<Vec<SavedView>> {
    Ok(store::of(&mut app.store.read().await?, list, user_id).await?)
}

/// Keeps the filters of a list under a name.
pub async fn keep(app: &App, list: &str, user_id: i64, name: &str, query: &str) -> Result<()> {
    if !(1..=NAME_CHARS).contains(&name.chars().count()) || query.len() > QUERY_BYTES {
        let message = format!("A name of 1 to {NAME_CHARS} characters is expected.");
        return Err(Refusal::invalid("name", "invalid", message).into());
    }
    let id = app.store.take_id(IdKind::Row).await?;
    let mut tx = app.store.begin().await?;
    if store::of(&mut tx, list, user_id).await?.len() >= MOST {
        let message = format!("You keep {MOST} views of this list, the most there can be; forget one first.");
        return Err(Refusal::invalid("name", "too_many", message).into());
    }
    let view = SavedView { id, name: name.to_owned(), query: query.to_owned() };
    store::insert(&mut tx, list, user_id, &view, app.now_us()).await?;
    Ok(tx.commit().await?)
}

/// Throws a person's view away.
pub async fn forget(app: &App, user_id: i64, id: i64) -> Result<()> {
    let mut tx = app.store.begin().await?;
    store::delete(&mut tx, user_id, id).await?;
    Ok(tx.commit().await?)
}
