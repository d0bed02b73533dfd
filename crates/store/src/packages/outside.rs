//! Commands that wait for an answer from outside: their row holds what is needed to finish them after a
//! crash, and the key by which the far side knows them.

use crate::db::Dialect;
use crate::{Row, StoreError, Tx, args};

/// A command that is being executed outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideCommand {
    /// The command's id.
    pub id: i64,
    pub package_id: i64,
    pub transition: (i64, i64),
    pub package_version: i64,
    /// What the far side knows it by; stable for the package and attempt.
    pub outside_key: String,
    pub actor: String,
    /// The log entry's public attributes, as JSON.
    pub attributes: String,
    /// Scope and key of the answer, if the caller sent a key.
    pub once: Option<(String, String)>,
    /// Times the far side was asked.
    pub attempts: i64,
}

const COLUMNS: &str = "id, package_id, transition_id, transition_rev, package_version, outside_key, actor, attributes, \
    scope, idem_key, attempts";

fn read(row: &Row) -> Result<OutsideCommand, StoreError> {
    let mut c = row.cols();
    Ok(OutsideCommand {
        id: c.i64()?,
        package_id: c.i64()?,
        transition: (c.i64()?, c.i64()?),
        package_version: c.i64()?,
        outside_key: c.text()?,
        actor: c.text()?,
        attributes: c.text()?,
        once: c.opt_text()?.zip(c.opt_text()?),
        attempts: c.i64()?,
    })
}

/// Writes a command that begins, leased by this process.
pub async fn begin(
    tx: &mut Tx,
    o: &OutsideCommand,
    owner: &str,
    lease_us: i64,
    now_us: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO outside_commands (id, package_id, transition_id, transition_rev, package_version, outside_key, \
               actor, attributes, scope, idem_key, state, attempts, lease_owner, lease_until_us, created_us) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'executing', 1, $11, $12, $13)";
    let (scope, key) = o.once.clone().unzip();
    let values = args![
        o.id,
        o.package_id,
        o.transition.0,
        o.transition.1,
        o.package_version,
        &o.outside_key,
        &o.actor,
        &o.attributes,
        scope,
        key,
        owner,
        now_us + lease_us,
        now_us
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Takes over commands whose process is gone, or put them off.
pub async fn take_over(
    tx: &mut Tx,
    owner: &str,
    lease_us: i64,
    limit: usize,
    now_us: i64,
) -> Result<Vec<OutsideCommand>, StoreError> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "SELECT {COLUMNS} FROM outside_commands WHERE state = 'executing' AND lease_until_us < $1 \
         ORDER BY lease_until_us LIMIT $2{skip}"
    );
    let found = tx.fetch(sql, args![now_us, limit]).await?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for o in &found {
        let sql = "UPDATE outside_commands SET lease_owner = $2, lease_until_us = $3, attempts = attempts + 1 WHERE id = $1";
        tx.execute(sql, args![o.id, owner, now_us + lease_us]).await?;
    }
    Ok(found)
}

/// Holds a command that is still executing under this process's lease.
pub async fn hold(tx: &mut Tx, id: i64, owner: &str) -> Result<Option<OutsideCommand>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM outside_commands WHERE id = $1 AND state = 'executing' AND lease_owner = $2{}",
        tx.dialect().for_update()
    );
    tx.first(sql, args![id, owner]).await?.as_ref().map(read).transpose()
}

/// One command.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<OutsideCommand>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM outside_commands WHERE id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// Ends a command: `done` or `refused`, with what was said.
pub async fn finish(tx: &mut Tx, id: i64, state: &str, outcome: &str, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE outside_commands SET state = $2, outcome = $3, finished_us = $4, lease_owner = NULL, \
               lease_until_us = NULL WHERE id = $1";
    tx.execute(sql, args![id, state, outcome, now_us]).await?;
    Ok(())
}

/// At the start of the only process every lease of an earlier one is void.
pub async fn take_back_at_start(tx: &mut Tx) -> Result<u64, StoreError> {
    if tx.dialect() != Dialect::Sqlite {
        return Ok(0);
    }
    tx.execute("UPDATE outside_commands SET lease_until_us = 0 WHERE state = 'executing'", vec![]).await
}
