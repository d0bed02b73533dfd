//! Distribution scenarios.

use oms_core::scenarios::{Family, Scenario};

use crate::{StoreError, Tx, args};

/// A scenario as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: i64,
    /// Counts its changes, from 1.
    pub version: i64,
    pub scenario: Scenario,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of scenarios reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.version, t.body, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &crate::Row) -> Result<Stored, StoreError> {
    let mut c = row.cols();
    let (id, version, body) = (c.i64()?, c.i64()?, c.text()?);
    let scenario =
        serde_json::from_str(&body).map_err(|e| StoreError::Corrupt(format!("scenario {id}: {e}")))?;
    Ok(Stored { id, version, scenario, created_us: c.i64()?, modified_us: c.i64()? })
}

/// The active scenarios of a family in the order they are tried.
pub async fn active(tx: &mut Tx, family: Family) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM scenarios t WHERE t.is_active = TRUE AND t.family = $1 ORDER BY t.priority, t.id"
    );
    tx.fetch(sql, args![family.as_str()]).await?.iter().map(read).collect()
}

/// One scenario, held until the transaction ends.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scenarios t WHERE t.id = $1{}", tx.dialect().for_update());
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// One scenario by its name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scenarios t WHERE t.name = $1");
    tx.first(sql, args![name]).await?.as_ref().map(read).transpose()
}

fn body(scenario: &Scenario) -> String {
    serde_json::to_string(scenario).expect("a scenario is JSON")
}

/// Writes a new scenario; `false` if the name is taken.
pub async fn insert(tx: &mut Tx, id: i64, scenario: &Scenario, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO scenarios (id, name, is_active, priority, version, body, created_us, modified_us) \
               VALUES ($1, $2, $3, $4, 1, $5, $6, $6) ON CONFLICT (name) DO NOTHING";
    let values = args![id, &scenario.name, scenario.is_active, scenario.priority, body(scenario), now_us];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a scenario another content, as its next version.
pub async fn update(tx: &mut Tx, id: i64, scenario: &Scenario, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE scenarios SET name = $2, is_active = $3, priority = $4, body = $5, version = version + 1, \
               modified_us = $6 WHERE id = $1";
    let values = args![id, &scenario.name, scenario.is_active, scenario.priority, body(scenario), now_us];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Makes orders that wait for a scenario plannable again, now that scenarios changed.
pub async fn wake_waiting(tx: &mut Tx, now_us: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE jobs SET state = 'runnable', run_at_us = $1 WHERE kind = 'plan' AND state = 'runnable' AND run_at_us > $1";
    tx.execute(sql, args![now_us]).await
}
