//! Lists with their filters that people keep under a name.

use crate::{Row, StoreError, Tx, args};

/// A kept view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    pub id: i64,
    pub name: String,
    pub query: String,
}

/// The views of a list that a person sees.
pub async fn of(tx: &mut Tx, list: &str, user_id: i64) -> Result<Vec<SavedView>, StoreError> {
    let sql = "SELECT id, name, query FROM saved_views WHERE list = $1 AND (user_id IS NULL OR user_id = $2) ORDER BY id";
    let read = |row: &Row| {
        let mut c = row.cols();
        Ok(SavedView { id: c.i64()?, name: c.text()?, query: c.text()? })
    };
    tx.fetch(sql, args![list, user_id]).await?.iter().map(read).collect()
}

/// Keeps one.
pub async fn insert(
    tx: &mut Tx,
    list: &str,
    user_id: i64,
    view: &SavedView,
    now_us: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO saved_views (id, user_id, list, name, query, created_us) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, args![view.id, user_id, list, &view.name, &view.query, now_us]).await?;
    Ok(())
}

/// Throws one of a person's away.
pub async fn delete(tx: &mut Tx, user_id: i64, id: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM saved_views WHERE id = $1 AND user_id = $2", args![id, user_id]).await?;
    Ok(())
}
