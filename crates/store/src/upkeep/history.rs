//! What happened to one record: its events, and the step of state each was, if it was one.

use std::collections::HashMap;

use crate::{Row, StoreError, Tx, args};

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub entity: String,
    pub entity_id: i64,
    pub seq: i64,
    pub kind: String,
    pub at_us: i64,
    pub actor: String,
    pub delta: serde_json::Value,
    pub old_state: Option<i64>,
    pub new_state: Option<i64>,
    /// Of the step: its command, its reason.
    pub attributes: serde_json::Value,
}

const COLUMNS: &str =
    "e.entity, e.entity_id, e.seq, e.type, e.at_us, e.actor, e.delta, g.old_state, g.new_state, g.attributes";

fn read(row: &Row) -> Result<Entry, StoreError> {
    let mut c = row.cols();
    Ok(Entry {
        entity: c.text()?,
        entity_id: c.i64()?,
        seq: c.i64()?,
        kind: c.text()?,
        at_us: c.i64()?,
        actor: c.text()?,
        delta: c.json()?,
        old_state: c.opt_i64()?,
        new_state: c.opt_i64()?,
        attributes: c.opt_text()?.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default(),
    })
}

/// The newest changes of a record, oldest first.
pub async fn of(tx: &mut Tx, entity: &str, id: i64, most: i64) -> Result<Vec<Entry>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events e LEFT JOIN transition_log g \
         ON g.entity = e.entity AND g.entity_id = e.entity_id AND g.seq = e.seq \
         WHERE e.entity = $1 AND e.entity_id = $2 ORDER BY e.seq DESC LIMIT $3"
    );
    let mut all: Vec<Entry> =
        tx.fetch(sql, args![entity, id, most]).await?.iter().map(read).collect::<Result<_, _>>()?;
    all.reverse();
    Ok(all)
}

/// The names of users, by id.
pub async fn usernames(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, String>, StoreError> {
    let rows = tx.fetch_in("SELECT id, username FROM users WHERE id", ids, "").await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok((c.i64()?, c.text()?))
    };
    rows.iter().map(one).collect()
}
