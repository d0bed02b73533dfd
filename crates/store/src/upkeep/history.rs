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
    // A step is told longer than its event, which is kept as long as RETENTION says.
    let sql = "SELECT e.entity, e.entity_id, e.seq, e.type, e.at_us, e.actor, e.delta, g.old_state, g.new_state, g.attributes \
               FROM events e LEFT JOIN transition_log g \
               ON g.entity = e.entity AND g.entity_id = e.entity_id AND g.seq = e.seq \
               WHERE e.entity = $1 AND e.entity_id = $2 \
               UNION ALL \
               SELECT g.entity, g.entity_id, g.seq, g.entity || '.status.transitioned', g.at_us, g.actor, '{}', g.old_state, g.new_state, g.attributes \
               FROM transition_log g WHERE g.entity = $1 AND g.entity_id = $2 AND NOT EXISTS (SELECT 1 FROM events e \
               WHERE e.entity = g.entity AND e.entity_id = g.entity_id AND e.seq = g.seq) \
               ORDER BY 3 DESC LIMIT $3";
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
