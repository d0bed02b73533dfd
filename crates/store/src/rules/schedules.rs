//! Jobs that a brand defines.

use serde_json::Value as Json;

use crate::{Row, StoreError, Tx, args};

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub id: i64,
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub action: String,
    pub parameters: Json,
    pub is_active: bool,
    pub next_run_us: Option<i64>,
    pub last_run_us: Option<i64>,
    pub last_outcome: Option<String>,
    /// Failures in a row.
    pub failures: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of schedules reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.name, t.cron, t.time_zone, t.action, t.parameters, t.is_active, t.next_run_us, \
                           t.last_run_us, t.last_outcome, t.failures, t.created_us, t.modified_us";

/// The longest outcome kept, in characters.
const MAX_OUTCOME: usize = 500;

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Schedule, StoreError> {
    let mut c = row.cols();
    Ok(Schedule {
        id: c.i64()?,
        name: c.text()?,
        cron: c.text()?,
        time_zone: c.text()?,
        action: c.text()?,
        parameters: c.json()?,
        is_active: c.bool()?,
        next_run_us: c.opt_i64()?,
        last_run_us: c.opt_i64()?,
        last_outcome: c.opt_text()?,
        failures: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// One schedule.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Schedule>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM schedules t WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// What people set of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub action: String,
    pub parameters: Json,
    pub is_active: bool,
    pub next_run_us: Option<i64>,
}

/// Writes a new schedule; `false` if the name is taken.
pub async fn insert(tx: &mut Tx, id: i64, s: &NewSchedule, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO schedules (id, name, cron, time_zone, action, parameters, is_active, next_run_us, failures, \
               created_us, modified_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9) ON CONFLICT (name) DO NOTHING";
    let values = args![
        id,
        &s.name,
        &s.cron,
        &s.time_zone,
        &s.action,
        s.parameters.to_string(),
        s.is_active,
        s.next_run_us,
        now_us
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a schedule another content; `false` if there is none, or another has the name.
pub async fn update(tx: &mut Tx, id: i64, s: &NewSchedule, now_us: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET name = $2, cron = $3, time_zone = $4, action = $5, parameters = $6, is_active = $7, \
               next_run_us = $8, modified_us = $9 WHERE id = $1 \
               AND NOT EXISTS (SELECT 1 FROM schedules o WHERE o.name = $2 AND o.id <> $1)";
    let values = args![
        id,
        &s.name,
        &s.cron,
        &s.time_zone,
        &s.action,
        s.parameters.to_string(),
        s.is_active,
        s.next_run_us,
        now_us
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Removes a schedule; `false` if there is none.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM schedules WHERE id = $1", args![id]).await? == 1)
}

/// The active schedule that is due longest.
pub async fn due(tx: &mut Tx, now_us: i64) -> Result<Option<Schedule>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM schedules t WHERE t.is_active = TRUE AND t.next_run_us <= $1 ORDER BY t.next_run_us, t.id LIMIT 1"
    );
    tx.first(sql, args![now_us]).await?.as_ref().map(read).transpose()
}

/// Takes a run for this process: moves the next run on if it still is the one that was seen. `false`:
/// another node has it.
pub async fn take(
    tx: &mut Tx,
    seen: &Schedule,
    next_run_us: Option<i64>,
    now_us: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE schedules SET next_run_us = $2, last_run_us = $3, last_outcome = 'running' \
               WHERE id = $1 AND next_run_us = $4";
    Ok(tx.execute(sql, args![seen.id, next_run_us, now_us, seen.next_run_us]).await? == 1)
}

/// Keeps how a run ended.
pub async fn ended(tx: &mut Tx, id: i64, outcome: &str, failed: bool) -> Result<(), StoreError> {
    let outcome: String = outcome.chars().take(MAX_OUTCOME).collect();
    let sql = "UPDATE schedules SET last_outcome = $2, failures = CASE WHEN $3 = TRUE THEN failures + 1 ELSE 0 END WHERE id = $1";
    tx.execute(sql, args![id, outcome, failed]).await?;
    Ok(())
}
