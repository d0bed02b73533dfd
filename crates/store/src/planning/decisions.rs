//! Decisions as they were recorded, and the batches they were made in.

use crate::{Row, StoreError, Tx, args};

/// A decision without its explanation, which stands in its batch.
#[derive(Debug, Clone)]
pub struct Record {
    /// The plan's id, which is the order's.
    pub plan_id: i64,
    /// From 1 within its plan.
    pub n: i64,
    pub batch_id: i64,
    pub ordinal: i64,
    pub input_hash: Vec<u8>,
    pub scenario_id: Option<i64>,
    pub scenario_version: Option<i64>,
    pub decision: serde_json::Value,
    pub created_us: i64,
    pub result_hash: Option<Vec<u8>>,
    pub replaced_package_id: Option<i64>,
}

/// The input and the explanations of decisions that were made together, compressed.
#[derive(Debug, Clone)]
pub struct Batch {
    pub id: i64,
    pub snapshot: Vec<u8>,
    /// SHA-256 of the snapshot's JSON.
    pub hash: Vec<u8>,
    pub attempts: Option<Vec<u8>>,
    pub created_us: i64,
}

/// Kept is `n`, the sequence of the order's event that tells of the decision.
const COLUMNS: &str = "plan_id, (SELECT COUNT(*) FROM decisions e WHERE e.plan_id = decisions.plan_id AND e.n <= decisions.n), batch_id, ordinal, input_hash, scenario_id, scenario_version, decision, created_us, \
                       result_hash, replaced_package_id";
const BATCH_COLUMNS: &str = "id, snapshot, snapshot_hash, attempts, created_us";

fn read(row: &Row) -> Result<Record, StoreError> {
    let mut c = row.cols();
    Ok(Record {
        plan_id: c.i64()?,
        n: c.i64()?,
        batch_id: c.i64()?,
        ordinal: c.i64()?,
        input_hash: c.bytes()?,
        scenario_id: c.opt_i64()?,
        scenario_version: c.opt_i64()?,
        decision: c.json()?,
        created_us: c.i64()?,
        result_hash: c.opt_bytes()?,
        replaced_package_id: c.opt_i64()?,
    })
}

fn read_batch(row: &Row) -> Result<Batch, StoreError> {
    let mut c = row.cols();
    Ok(Batch {
        id: c.i64()?,
        snapshot: c.bytes()?,
        hash: c.bytes()?,
        attempts: c.opt_bytes()?,
        created_us: c.i64()?,
    })
}

/// The decisions of plans, oldest first.
pub async fn of_plans(tx: &mut Tx, plans: Vec<i64>) -> Result<Vec<Record>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM decisions WHERE plan_id");
    tx.fetch_in(&head, plans, "ORDER BY plan_id, n").await?.iter().map(read).collect()
}

/// The decisions of one plan, oldest first.
pub async fn of_plan(tx: &mut Tx, plan: i64) -> Result<Vec<Record>, StoreError> {
    of_plans(tx, vec![plan]).await
}

/// The decisions of batches, by batch and ordinal.
pub async fn of_batches(tx: &mut Tx, batches: Vec<i64>) -> Result<Vec<Record>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM decisions WHERE batch_id");
    tx.fetch_in(&head, batches, "ORDER BY batch_id, ordinal").await?.iter().map(read).collect()
}

/// Batches by id.
pub async fn batches(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Batch>, StoreError> {
    let head = format!("SELECT {BATCH_COLUMNS} FROM decision_batches WHERE id");
    tx.fetch_in(&head, ids, "ORDER BY id").await?.iter().map(read_batch).collect()
}

/// The next batches after an id.
pub async fn batches_after(tx: &mut Tx, id: i64, limit: usize) -> Result<Vec<Batch>, StoreError> {
    let sql = format!("SELECT {BATCH_COLUMNS} FROM decision_batches WHERE id > $1 ORDER BY id LIMIT $2");
    tx.fetch(sql, args![id, limit]).await?.iter().map(read_batch).collect()
}

/// The latest batches that hold a decision of a scenario, among the latest `among` of all.
pub async fn latest_batches(
    tx: &mut Tx,
    scenario: i64,
    among: i64,
    limit: i64,
) -> Result<Vec<Batch>, StoreError> {
    let sql = format!(
        "SELECT {BATCH_COLUMNS} FROM (SELECT * FROM decision_batches ORDER BY id DESC LIMIT $2) b \
         WHERE EXISTS (SELECT 1 FROM decisions d WHERE d.batch_id = b.id AND d.scenario_id = $1) \
         ORDER BY b.id DESC LIMIT $3"
    );
    tx.fetch(sql, args![scenario, among, limit]).await?.iter().map(read_batch).collect()
}
