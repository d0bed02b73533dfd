//! Application settings and the installation's small facts.

use serde_json::Value as Json;

use crate::{Cols, StoreError, Tx, args};

/// A stored setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub id: i64,
    pub key: String,
    /// With its secrets; mask it before it is shown.
    pub value: Json,
}

fn read(row: &crate::Row) -> Result<Setting, StoreError> {
    let mut c: Cols<'_> = row.cols();
    Ok(Setting { id: c.i64()?, key: c.text()?, value: c.json()? })
}

/// Every setting, by id.
pub async fn all(tx: &mut Tx) -> Result<Vec<Setting>, StoreError> {
    tx.fetch("SELECT id, key, json_value FROM settings ORDER BY id", vec![]).await?.iter().map(read).collect()
}

/// One setting by id.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Setting>, StoreError> {
    let lock = tx.dialect().for_update();
    let sql = format!("SELECT id, key, json_value FROM settings WHERE id = $1{lock}");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// One setting by key.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<Setting>, StoreError> {
    let sql = "SELECT id, key, json_value FROM settings WHERE key = $1";
    tx.first(sql, args![key]).await?.as_ref().map(read).transpose()
}

/// Writes a new setting; `false` if the key is there already.
pub async fn insert(tx: &mut Tx, id: i64, key: &str, value: &Json, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO settings (id, key, json_value, created_us, modified_us) VALUES ($1, $2, $3, $4, $4) \
               ON CONFLICT (key) DO NOTHING";
    Ok(tx.execute(sql, args![id, key, value.to_string(), now_us]).await? == 1)
}

/// Gives a setting another value.
pub async fn update(tx: &mut Tx, id: i64, value: &Json, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE settings SET json_value = $2, modified_us = $3 WHERE id = $1";
    tx.execute(sql, args![id, value.to_string(), now_us]).await?;
    Ok(())
}

/// A small fact of the installation.
pub async fn fact(tx: &mut Tx, name: &str) -> Result<Option<String>, StoreError> {
    let row = tx.first("SELECT value FROM facts WHERE name = $1", args![name]).await?;
    row.map(|r| r.cols().text()).transpose()
}

/// Writes a small fact.
pub async fn set_fact(tx: &mut Tx, name: &str, value: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, args![name, value]).await?;
    Ok(())
}

/// Forgets a small fact.
pub async fn forget_fact(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM facts WHERE name = $1", args![name]).await?;
    Ok(())
}

/// Moves a fact that holds a moment on to `next_us` if it has come (or was never set); `false` if it has
/// not, or another node was first.
pub async fn advance_fact(tx: &mut Tx, name: &str, now_us: i64, next_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value \
               WHERE CAST(facts.value AS BIGINT) <= $3";
    Ok(tx.execute(sql, args![name, next_us.to_string(), now_us]).await? == 1)
}
