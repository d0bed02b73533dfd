//! Work to do: claimed with a lease, tried again with back-off, dead with its reason in the end.
//! A finished job leaves in the transaction of its effect.

use std::collections::HashSet;

use crate::batch::Rows;
use crate::db::Dialect;
use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// How long a lease lasts on PostgreSQL, where its process may be gone; heartbeats renew it.
pub const LEASE_US: i64 = 10_000_000;
/// Tries before a job is dead and a person must look.
pub const MAX_ATTEMPTS: i64 = 8;

/// Which work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Fetch what an inbox row tells of. `ref_id`: the inbox row.
    Fetch,
    /// Plan an order. `ref_id`: the order.
    Plan,
    /// Plan a package anew that was refused or is out of stock. `ref_id`: the package.
    Replan,
    /// Decide on what is asked to be cancelled. `ref_id`: the cancellation plan.
    Cancel,
    /// Ask many records for one command. `ref_id`: the bulk run.
    Bulk,
}

impl JobKind {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Plan => "plan",
            Self::Replan => "replan",
            Self::Cancel => "cancel",
            Self::Bulk => "bulk",
        }
    }
}

/// The words of all kinds.
pub const KINDS: &[&str] = &["fetch", "plan", "replan", "cancel", "bulk"];
/// What a job can be: due or due later, at work, given up after too many tries.
pub const STATES: &[&str] = &["runnable", "leased", "dead"];

/// A job to be written. Lower `sort` is claimed first.
#[derive(Debug, Clone, Copy)]
pub struct NewJob {
    pub id: i64,
    pub kind: JobKind,
    pub ref_id: i64,
    pub sort: (i64, i64),
}

/// A job this process has leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    pub ref_id: i64,
    pub attempts: i64,
}

/// Counts of jobs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    pub runnable: i64,
    pub leased: i64,
    pub dead: i64,
}

const INSERT: &str =
    "INSERT INTO jobs (id, kind, ref_id, state, sort_key, sort_tie, run_at_us, attempts, created_us)";

/// Writes jobs; one that already waits for the same record is kept as it is.
pub async fn add(tx: &mut Tx, jobs: &[NewJob], now_us: i64) -> Result<(), StoreError> {
    let mut rows = Rows::new(9);
    for job in jobs {
        let (sort, tie) = job.sort;
        rows.push(args![job.id, job.kind.as_str(), job.ref_id, "runnable", sort, tie, now_us, 0i64, now_us]);
    }
    let tail = "ON CONFLICT (kind, ref_id) DO UPDATE SET state = 'runnable', attempts = 0, last_error = NULL, \
                run_at_us = excluded.run_at_us WHERE jobs.state = 'dead'";
    tx.insert(INSERT, rows, tail).await?;
    Ok(())
}

/// Writes jobs, each due at its own moment. One that waits for the same record is due at the earlier of the two, and a
/// dead one lives again; one that is being worked on is left alone.
pub async fn add_due(tx: &mut Tx, jobs: &[(NewJob, i64)], now_us: i64) -> Result<(), StoreError> {
    let mut rows = Rows::new(9);
    for (job, due_us) in jobs {
        let (sort, tie) = job.sort;
        rows.push(args![job.id, job.kind.as_str(), job.ref_id, "runnable", sort, tie, *due_us, 0i64, now_us]);
    }
    let tail = "ON CONFLICT (kind, ref_id) DO UPDATE SET \
                run_at_us = CASE WHEN jobs.state = 'runnable' AND jobs.run_at_us < excluded.run_at_us \
                THEN jobs.run_at_us ELSE excluded.run_at_us END, state = 'runnable', attempts = 0, last_error = NULL \
                WHERE jobs.state <> 'leased'";
    tx.insert(INSERT, rows, tail).await?;
    Ok(())
}

/// Whether a job is due.
pub async fn any_due(tx: &mut Tx, kind: JobKind, now_us: i64) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM jobs WHERE kind = $1 AND state = 'runnable' AND run_at_us <= $2 LIMIT 1";
    Ok(tx.first(sql, args![kind.as_str(), now_us]).await?.is_some())
}

/// Leases up to `limit` jobs that are due, lowest sort first.
pub async fn claim(
    tx: &mut Tx,
    kind: JobKind,
    owner: &str,
    limit: usize,
    now_us: i64,
) -> Result<Vec<Job>, StoreError> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "SELECT id, ref_id, attempts FROM jobs WHERE kind = $1 AND state = 'runnable' AND run_at_us <= $2 \
         ORDER BY sort_key, sort_tie LIMIT $3{skip}"
    );
    let rows = tx.fetch(sql, args![kind.as_str(), now_us, limit]).await?;
    let read = |row: &crate::Row| {
        let mut c = row.cols();
        Ok::<_, StoreError>(Job { id: c.i64()?, ref_id: c.i64()?, attempts: c.i64()? })
    };
    let jobs = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut leased = Rows::new(3);
    jobs.iter().for_each(|j| leased.push(args![j.id, owner, now_us + LEASE_US]));
    let body = "UPDATE jobs SET state = 'leased', attempts = attempts + 1, lease_owner = v.owner, \
                lease_until_us = v.until FROM v WHERE jobs.id = v.id";
    tx.execute_values("id, owner, until", leased, body).await?;
    Ok(jobs)
}

/// Removes jobs whose effect this transaction holds. Returns those still leased by `owner`: a job
/// taken over meanwhile is not ours to finish.
pub async fn finish(tx: &mut Tx, ids: &[i64], owner: &str) -> Result<Vec<i64>, StoreError> {
    let mut rows = Rows::new(2);
    ids.iter().for_each(|&id| rows.push(args![id, owner]));
    let body = "DELETE FROM jobs WHERE EXISTS (SELECT 1 FROM v WHERE v.id = jobs.id AND v.owner = jobs.lease_owner) \
                AND state = 'leased' RETURNING id";
    let back = tx.with_values("id, owner", rows, body).await?;
    back.iter().map(|r| r.i64(0)).collect()
}

/// Which of these jobs `owner` still has.
pub async fn leased(
    tx: &mut Tx,
    owner: &str,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashSet<i64>, StoreError> {
    let rows = tx.fetch_in("SELECT id, lease_owner FROM jobs WHERE state = 'leased' AND id", ids, "").await?;
    let mut mine = HashSet::new();
    for row in rows {
        let mut c = row.cols();
        let (id, by) = (c.i64()?, c.opt_text()?);
        if by.as_deref() == Some(owner) {
            mine.insert(id);
        }
    }
    Ok(mine)
}

/// Removes a job whose work was done in another way.
pub async fn drop_one(tx: &mut Tx, kind: JobKind, ref_id: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM jobs WHERE kind = $1 AND ref_id = $2", args![kind.as_str(), ref_id]).await?;
    Ok(())
}

/// Gives jobs back: due again at `run_at_us`, or dead with the error after this many tries (0: at once).
pub async fn give_back(
    tx: &mut Tx,
    jobs: &[Job],
    owner: &str,
    run_at_us: i64,
    error: Option<&str>,
    tries: i64,
) -> Result<(), StoreError> {
    let error: Option<String> = error.map(|e| e.chars().take(2_000).collect());
    let mut rows = Rows::new(5);
    for job in jobs {
        let dead = error.is_some() && job.attempts + 1 >= tries;
        let state = if dead { "dead" } else { "runnable" };
        rows.push(args![job.id, owner, state, run_at_us, error.clone()]);
    }
    // A job given back without an error was not really tried.
    let body = "UPDATE jobs SET state = v.state, run_at_us = v.run_at, lease_owner = NULL, lease_until_us = NULL, \
                attempts = CASE WHEN v.error IS NULL THEN jobs.attempts - 1 ELSE jobs.attempts END, \
                last_error = COALESCE(v.error, jobs.last_error) FROM v \
                WHERE jobs.id = v.id AND jobs.lease_owner = v.owner AND jobs.state = 'leased'";
    tx.execute_values("id, owner, state, run_at, error", rows, body).await?;
    Ok(())
}

/// Makes the leases of this start: on SQLite, where one process works, every old lease is void.
pub async fn take_back_at_start(tx: &mut Tx) -> Result<u64, StoreError> {
    if tx.dialect() != Dialect::Sqlite {
        return Ok(0);
    }
    drop_leases(tx, None).await?;
    let sql = "UPDATE jobs SET state = 'runnable', lease_owner = NULL, lease_until_us = NULL WHERE state = 'leased'";
    tx.execute(sql, vec![]).await
}

/// Says that the process lives: renews the leases of what it has in hand, and takes back jobs whose
/// lease ended. A lease of this process that it does not name ends by itself: the step that held it
/// ended without giving it back, for example because the database was away.
pub async fn heartbeat(
    tx: &mut Tx,
    owner: &str,
    jobs: &[i64],
    tasks: &[&str],
    now_us: i64,
) -> Result<u64, StoreError> {
    let sql = "INSERT INTO nodes (id, started_us, heartbeat_us) VALUES ($1, $2, $2) \
               ON CONFLICT (id) DO UPDATE SET heartbeat_us = excluded.heartbeat_us";
    tx.execute(sql, args![owner, now_us]).await?;
    let until = now_us + LEASE_US;
    let mut rows = Rows::new(4);
    jobs.iter().for_each(|&id| rows.push(args![id, owner, until, now_us]));
    let body = "UPDATE jobs SET lease_until_us = v.until FROM v WHERE jobs.id = v.id AND jobs.lease_owner = v.owner \
                AND jobs.lease_until_us >= v.now RETURNING jobs.id";
    tx.with_values("id, owner, until, now", rows, body).await?;
    let sql = "UPDATE setup_tasks SET lease_until_us = $3 WHERE name = $1 AND lease_owner = $2 AND lease_until_us >= $4";
    for task in tasks {
        tx.execute(sql, args![*task, owner, until, now_us]).await?;
    }
    let sql = "UPDATE jobs SET state = 'runnable', lease_owner = NULL, lease_until_us = NULL \
               WHERE state = 'leased' AND lease_until_us < $1";
    tx.execute(sql, args![now_us]).await
}

/// Takes or renews a lease that one node at a time holds; `false` if another holds it.
pub async fn hold_lease(tx: &mut Tx, name: &str, owner: &str, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO leases (name, owner, until_us) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
               owner = excluded.owner, until_us = excluded.until_us WHERE leases.owner = $2 OR leases.until_us < $4";
    Ok(tx.execute(sql, args![name, owner, now_us + LEASE_US, now_us]).await? == 1)
}

/// Lets a lease go, at a clean stop or, on SQLite, at the start of the only process.
pub async fn drop_leases(tx: &mut Tx, owner: Option<&str>) -> Result<(), StoreError> {
    let sql = "DELETE FROM leases WHERE owner = COALESCE($1, owner)";
    tx.execute(sql, args![owner]).await?;
    Ok(())
}

/// How much of one kind there is.
pub async fn backlog(tx: &mut Tx, kind: JobKind) -> Result<Backlog, StoreError> {
    let mut backlog = Backlog::default();
    for row in tx
        .fetch("SELECT state, COUNT(*) FROM jobs WHERE kind = $1 GROUP BY state", args![kind.as_str()])
        .await?
    {
        let mut c = row.cols();
        match (c.text()?.as_str(), c.i64()?) {
            ("runnable", n) => backlog.runnable = n,
            ("leased", n) => backlog.leased = n,
            (_, n) => backlog.dead = n,
        }
    }
    Ok(backlog)
}

/// A job as it stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: i64,
    /// One of [`KINDS`].
    pub kind: String,
    /// What it is about: an inbox row, an order, a package or a cancellation plan, as the kind says.
    pub ref_id: i64,
    /// `runnable`, `leased` or `dead`.
    pub state: String,
    pub run_at_us: i64,
    pub attempts: i64,
    pub last_error: Option<String>,
    pub created_us: i64,
}

/// What a SELECT of jobs reads, for [`read`].
pub const COLUMNS: &str =
    "t.id, t.kind, t.ref_id, t.state, t.run_at_us, t.attempts, t.last_error, t.created_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Waiting, StoreError> {
    let mut c = row.cols();
    Ok(Waiting {
        id: c.i64()?,
        kind: c.text()?,
        ref_id: c.i64()?,
        state: c.text()?,
        run_at_us: c.i64()?,
        attempts: c.i64()?,
        last_error: c.opt_text()?,
        created_us: c.i64()?,
    })
}

/// The list of jobs.
pub const LIST: List = List {
    table: "jobs t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("kind", Kind::OneOf(KINDS), "t.kind = ?"),
        Filter::new("state", Kind::OneOf(STATES), "t.state = ?"),
        Filter::new("ref", Kind::Int, "t.ref_id = ?"),
        Filter::new("last_error", Kind::Contains, "t.last_error LIKE ? ESCAPE '\\'"),
    ],
    orders: &[("-id", "t.id DESC"), ("id", "t.id")],
};

/// Holds one job.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<Option<Waiting>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs t WHERE t.id = $1{}", tx.dialect().for_update());
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// Makes a job that is not being worked on due at once, with all its tries before it.
pub async fn retry(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE jobs SET state = 'runnable', attempts = 0, run_at_us = $2 WHERE id = $1 AND state <> 'leased'";
    tx.execute(sql, args![id, now_us]).await?;
    Ok(())
}
