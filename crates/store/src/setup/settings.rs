//! Application settings and the installation's small facts.

use oms_core::secrets::{self, Secrets};
use oms_core::settings::setting;
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

/// As it is stored.
fn read(row: &crate::Row) -> Result<Setting, StoreError> {
    let mut c: Cols<'_> = row.cols();
    Ok(Setting { id: c.i64()?, key: c.text()?, value: c.json()? })
}

/// The secrets of a setting, and the place they are sealed for.
fn secrets(key: &str) -> (&'static Secrets, String) {
    (setting(key).map_or(&secrets::NONE, |row| &row.secrets), format!("settings/{key}"))
}

fn opened(tx: &Tx, row: &crate::Row) -> Result<Setting, StoreError> {
    let stored = read(row)?;
    let (secrets, place) = secrets(&stored.key);
    Ok(Setting { value: tx.open_json(secrets, &place, stored.value)?, ..stored })
}

fn sealed(tx: &Tx, key: &str, value: &Json) -> String {
    let (secrets, place) = secrets(key);
    tx.seal_json(secrets, &place, value).to_string()
}

/// Seals what stands unsealed or under an older key.
pub(crate) async fn seal_anew(tx: &mut Tx) -> Result<(), StoreError> {
    let rows = tx.fetch("SELECT id, key, json_value FROM settings ORDER BY id", vec![]).await?;
    for row in &rows {
        // Read also where nothing is to be done: what does not open is told at the start.
        let (stored, whole) = (read(row)?, opened(tx, row)?);
        if tx.is_stale_json(secrets(&stored.key).0, &stored.value) {
            let sql = "UPDATE settings SET json_value = $2 WHERE id = $1";
            let value = sealed(tx, &whole.key, &whole.value);
            tx.execute(sql, args![stored.id, value]).await?;
        }
    }
    Ok(())
}

/// Every setting, by id.
pub async fn all(tx: &mut Tx) -> Result<Vec<Setting>, StoreError> {
    let rows = tx.fetch("SELECT id, key, json_value FROM settings ORDER BY id", vec![]).await?;
    rows.iter().map(|row| opened(tx, row)).collect()
}

/// One setting by id.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Setting>, StoreError> {
    let lock = tx.dialect().for_update();
    let sql = format!("SELECT id, key, json_value FROM settings WHERE id = $1{lock}");
    tx.first(sql, args![id]).await?.as_ref().map(|row| opened(tx, row)).transpose()
}

/// One setting by key.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<Setting>, StoreError> {
    let sql = "SELECT id, key, json_value FROM settings WHERE key = $1";
    tx.first(sql, args![key]).await?.as_ref().map(|row| opened(tx, row)).transpose()
}

/// Writes a new setting; `false` if the key is there already.
pub async fn insert(tx: &mut Tx, id: i64, key: &str, value: &Json, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO settings (id, key, json_value, created_us, modified_us) VALUES ($1, $2, $3, $4, $4) \
               ON CONFLICT (key) DO NOTHING";
    let value = sealed(tx, key, value);
    Ok(tx.execute(sql, args![id, key, value, now_us]).await? == 1)
}

/// Gives a setting another value.
pub async fn update(tx: &mut Tx, key: &str, value: &Json, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE settings SET json_value = $2, modified_us = $3 WHERE key = $1";
    let value = sealed(tx, key, value);
    tx.execute(sql, args![key, value, now_us]).await?;
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
