//! The setup tasks: asked for by people, done in the background, followed while they run.

pub mod doctor;
pub mod settings;

use crate::upkeep::jobs::{LEASE_US, MAX_ATTEMPTS};
use crate::{StoreError, Tx, args};

/// Where a task stands. The words are documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Never asked for.
    Ready,
    Working,
    Finished,
    Failed,
}

impl TaskState {
    /// The documented word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Working => "WORKING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "READY" => Ok(Self::Ready),
            "WORKING" => Ok(Self::Working),
            "FINISHED" => Ok(Self::Finished),
            "FAILED" => Ok(Self::Failed),
            other => Err(StoreError::Corrupt(format!("setup task state {other:?}"))),
        }
    }
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub name: String,
    pub state: TaskState,
    pub done: i64,
    pub total: i64,
    pub attempts: i64,
    /// What went wrong last.
    pub error: Option<String>,
    pub requested_us: Option<i64>,
    pub finished_us: Option<i64>,
}

/// The task, if it was ever asked for.
pub async fn task(tx: &mut Tx, name: &str) -> Result<Option<Task>, StoreError> {
    let sql = "SELECT name, state, done, total, attempts, error, requested_us, finished_us FROM setup_tasks WHERE name = $1";
    let Some(row) = tx.first(sql, args![name]).await? else { return Ok(None) };
    let mut c = row.cols();
    Ok(Some(Task {
        name: c.text()?,
        state: TaskState::parse(&c.text()?)?,
        done: c.i64()?,
        total: c.i64()?,
        attempts: c.i64()?,
        error: c.opt_text()?,
        requested_us: c.opt_i64()?,
        finished_us: c.opt_i64()?,
    }))
}

/// Asks for a task; `false` while a run is under way. Any process may then pick it up.
pub async fn request(tx: &mut Tx, name: &str, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO setup_tasks (name, state, lease_until_us, done, total, attempts, requested_us) \
               VALUES ($1, 'WORKING', $2, 0, 0, 0, $2) ON CONFLICT (name) DO UPDATE SET state = 'WORKING', \
               lease_owner = NULL, lease_until_us = excluded.lease_until_us, done = 0, total = 0, attempts = 0, \
               error = NULL, requested_us = excluded.requested_us, finished_us = NULL \
               WHERE setup_tasks.state <> 'WORKING'";
    Ok(tx.execute(sql, args![name, now_us]).await? == 1)
}

/// Leases a task that was asked for and that no living process works on.
pub async fn claim(tx: &mut Tx, owner: &str, now_us: i64) -> Result<Option<String>, StoreError> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "SELECT name FROM setup_tasks WHERE state = 'WORKING' AND (lease_owner IS NULL OR lease_until_us < $1) \
         AND lease_until_us <= $1 ORDER BY requested_us LIMIT 1{skip}"
    );
    let Some(row) = tx.first(sql, args![now_us]).await? else { return Ok(None) };
    let name = row.cols().text()?;
    let sql = "UPDATE setup_tasks SET lease_owner = $2, lease_until_us = $3, attempts = attempts + 1 WHERE name = $1";
    tx.execute(sql, args![&name, owner, now_us + LEASE_US]).await?;
    Ok(Some(name))
}

/// Says how far the task is; `false` if it is no longer ours.
pub async fn progress(
    tx: &mut Tx,
    name: &str,
    owner: &str,
    done: i64,
    total: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE setup_tasks SET done = $3, total = $4 WHERE name = $1 AND lease_owner = $2 AND state = 'WORKING'";
    Ok(tx.execute(sql, args![name, owner, done, total]).await? == 1)
}

/// Ends a run that went well.
pub async fn finish(tx: &mut Tx, name: &str, owner: &str, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE setup_tasks SET state = 'FINISHED', lease_owner = NULL, lease_until_us = NULL, error = NULL, \
               finished_us = $3 WHERE name = $1 AND lease_owner = $2 AND state = 'WORKING'";
    tx.execute(sql, args![name, owner, now_us]).await?;
    Ok(())
}

/// Ends a run that failed: tried again at `retry_us`, or for good without one or after too many tries.
pub async fn fail(
    tx: &mut Tx,
    name: &str,
    owner: &str,
    error: &str,
    retry_us: Option<i64>,
    now_us: i64,
) -> Result<(), StoreError> {
    let error: String = error.chars().take(2_000).collect();
    let sql = "UPDATE setup_tasks SET lease_owner = NULL, error = $3, \
               state = CASE WHEN $4 = 0 OR attempts >= $5 THEN 'FAILED' ELSE 'WORKING' END, \
               lease_until_us = CASE WHEN $4 = 0 OR attempts >= $5 THEN NULL ELSE $4 END, \
               finished_us = CASE WHEN $4 = 0 OR attempts >= $5 THEN $6 ELSE NULL END \
               WHERE name = $1 AND lease_owner = $2 AND state = 'WORKING'";
    tx.execute(sql, args![name, owner, error, retry_us.unwrap_or(0), MAX_ATTEMPTS, now_us]).await?;
    Ok(())
}

/// On SQLite one process works: at its start nobody holds a task.
pub async fn take_back_at_start(tx: &mut Tx, now_us: i64) -> Result<(), StoreError> {
    if tx.dialect() == crate::db::Dialect::Sqlite {
        let sql = "UPDATE setup_tasks SET lease_owner = NULL, lease_until_us = $1 WHERE state = 'WORKING'";
        tx.execute(sql, args![now_us]).await?;
    }
    Ok(())
}
