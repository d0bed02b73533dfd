//! One command on many records: the run and its rows.

use crate::batch::Rows;
use crate::{Row, StoreError, Tx, args};

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: i64,
    /// `package` or `transfer`.
    pub entity: String,
    /// The command's body.
    pub body: String,
    pub actor: String,
    pub created_us: i64,
    pub finished_us: Option<i64>,
}

/// One record of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRow {
    /// From 1, in the order they were chosen.
    pub n: i64,
    pub record_id: i64,
    /// The command's answer, an HTTP status and body; none: it waits.
    pub answer: Option<(i64, String)>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub waiting: i64,
    pub done: i64,
    pub failed: i64,
}

/// Writes a run with its records.
pub async fn add(tx: &mut Tx, run: &Run, records: &[i64]) -> Result<(), StoreError> {
    let sql = "INSERT INTO bulk_runs (id, entity, body, actor, created_us) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![run.id, &run.entity, &run.body, &run.actor, run.created_us]).await?;
    let mut rows = Rows::new(3);
    records.iter().zip(1i64..).for_each(|(id, n)| rows.push(args![run.id, n, *id]));
    tx.insert("INSERT INTO bulk_rows (run_id, n, record_id)", rows, "").await?;
    Ok(())
}

/// A run.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Run>, StoreError> {
    let sql = "SELECT id, entity, body, actor, created_us, finished_us FROM bulk_runs WHERE id = $1";
    let read = |row: Row| {
        let mut c = row.cols();
        Ok(Run {
            id: c.i64()?,
            entity: c.text()?,
            body: c.text()?,
            actor: c.text()?,
            created_us: c.i64()?,
            finished_us: c.opt_i64()?,
        })
    };
    tx.first(sql, args![id]).await?.map(read).transpose()
}

/// How far it is.
pub async fn progress(tx: &mut Tx, id: i64) -> Result<Progress, StoreError> {
    let sql = "SELECT COALESCE(SUM(CASE WHEN status IS NULL THEN 1 ELSE 0 END), 0), \
               COALESCE(SUM(CASE WHEN status < 300 THEN 1 ELSE 0 END), 0), \
               COALESCE(SUM(CASE WHEN status >= 300 THEN 1 ELSE 0 END), 0) FROM bulk_rows WHERE run_id = $1";
    let Some(row) = tx.first(sql, args![id]).await? else { return Ok(Progress::default()) };
    Ok(Progress { waiting: row.i64(0)?, done: row.i64(1)?, failed: row.i64(2)? })
}

/// Which of a run's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    Waiting,
    Failed,
}

/// Rows of a run in their order, after one of them, at most so many.
pub async fn rows(
    tx: &mut Tx,
    id: i64,
    which: Which,
    after: i64,
    most: i64,
) -> Result<Vec<BulkRow>, StoreError> {
    let fits = match which {
        Which::All => "",
        Which::Waiting => " AND status IS NULL",
        Which::Failed => " AND status >= 300",
    };
    let sql = format!(
        "SELECT n, record_id, status, answer FROM bulk_rows WHERE run_id = $1 AND n > $2{fits} ORDER BY n LIMIT $3"
    );
    let read = |row: &Row| {
        let mut c = row.cols();
        let (n, record_id) = (c.i64()?, c.i64()?);
        Ok(BulkRow { n, record_id, answer: c.opt_i64()?.zip(c.opt_text()?) })
    };
    tx.fetch(sql, args![id, after, most]).await?.iter().map(read).collect()
}

/// Keeps what rows came to.
pub async fn settle(tx: &mut Tx, id: i64, answers: &[(i64, i64, &str)]) -> Result<(), StoreError> {
    let mut rows = Rows::new(4);
    answers.iter().for_each(|(n, status, body)| rows.push(args![id, *n, *status, *body]));
    let body = "UPDATE bulk_rows SET status = v.status, answer = v.answer FROM v \
                WHERE bulk_rows.run_id = v.run AND bulk_rows.n = v.n AND bulk_rows.status IS NULL";
    tx.execute_values("run, n, status, answer", rows, body).await?;
    Ok(())
}

/// The run is over.
pub async fn finish(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE bulk_runs SET finished_us = $2 WHERE id = $1 AND finished_us IS NULL";
    tx.execute(sql, args![id, now_us]).await?;
    Ok(())
}

/// Drops runs made before a moment; says how many.
pub async fn forget(tx: &mut Tx, before_us: i64) -> Result<u64, StoreError> {
    let old = "SELECT id FROM bulk_runs WHERE created_us < $1 AND finished_us IS NOT NULL";
    tx.execute(format!("DELETE FROM bulk_rows WHERE run_id IN ({old})"), args![before_us]).await?;
    tx.execute(format!("DELETE FROM bulk_runs WHERE id IN ({old})"), args![before_us]).await
}
