//! The hash chains of the logs.

use crate::access::logs::{self, Actor, Step};
use crate::{Row, StoreError, Tx, args};

/// Chain entries read at once.
const PAGE: i64 = 5_000;

fn fixed(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("a hash is not 32 bytes".into()))
}

/// Recomputes every transition log, and compares the last hash with the head its record shows.
pub(super) async fn broken_steps(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT g.entity, g.entity_id, g.seq, g.old_state, g.new_state, g.transition_id, g.transition_rev, \
               g.command_id, g.actor, g.at_us, g.attributes, g.personal_digest, g.hash, \
               COALESCE(p.log_seq, t.log_seq), COALESCE(p.log_head, t.log_head) FROM transition_log g \
               LEFT JOIN packages p ON g.entity = 'package' AND p.id = g.entity_id \
               LEFT JOIN transfers t ON g.entity = 'transfer' AND t.id = g.entity_id \
               WHERE g.entity > $1 OR (g.entity = $1 AND g.entity_id > $2) OR (g.entity = $1 AND g.entity_id = $2 AND g.seq > $3) \
               ORDER BY g.entity, g.entity_id, g.seq LIMIT $4";
    let mut broken = Vec::new();
    let mut at = (String::new(), 0i64, 0i64);
    let mut prev = logs::CHAIN_START.to_vec();
    loop {
        let rows = tx.fetch(sql, args![&at.0, at.1, at.2, PAGE]).await?;
        if rows.is_empty() {
            return Ok(broken);
        }
        for row in &rows {
            let mut c = row.cols();
            let (entity, entity_id, seq) = (c.text()?, c.i64()?, c.i64()?);
            if (&entity, entity_id) != (&at.0, at.1) {
                prev = logs::CHAIN_START.to_vec();
            }
            let (old_state, new_state, transition) = (c.opt_i64()?, c.i64()?, (c.i64()?, c.i64()?));
            let actor = Actor { command_id: c.i64()?, name: c.text()?, node: String::new(), at_us: c.i64()? };
            let (attributes, personal_digest, hash) = (c.text()?, fixed(c.bytes()?)?, c.bytes()?);
            let step = Step {
                entity: &entity,
                entity_id,
                seq,
                old_state,
                new_state,
                transition,
                attributes: &attributes,
                personal_digest,
            };
            let (last_seq, head) = (c.opt_i64()?, c.opt_bytes()?);
            let sound = logs::step_hash(&prev, &step, &actor)[..] == hash[..];
            if !sound || (last_seq == Some(seq) && head.as_ref() != Some(&hash)) {
                broken.push(format!("{entity} {entity_id} step {seq}"));
            }
            prev = hash;
            at = (entity, entity_id, seq);
        }
    }
}

pub(super) async fn broken_audit(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT entity, entity_id, seq, action, actor, command_id, detail, at_us, hash FROM audit_log \
               ORDER BY entity, entity_id, seq";
    let mut broken = Vec::new();
    let mut at = (String::new(), 0i64, 0i64);
    let mut prev = logs::CHAIN_START.to_vec();
    for row in tx.fetch(sql, vec![]).await? {
        let read = |row: &Row| {
            let mut c = row.cols();
            Ok::<_, StoreError>((
                c.text()?,
                c.i64()?,
                c.i64()?,
                c.text()?,
                c.text()?,
                c.i64()?,
                c.text()?,
                c.i64()?,
                c.bytes()?,
            ))
        };
        let (entity, entity_id, seq, action, name, command_id, detail, at_us, hash) = read(&row)?;
        let next = if (&entity, entity_id) == (&at.0, at.1) { at.2 + 1 } else { 1 };
        if next == 1 {
            prev = logs::CHAIN_START.to_vec();
        }
        let actor = Actor { command_id, name, node: String::new(), at_us };
        let expected = logs::audit_hash(&prev, seq, &entity, entity_id, &action, &detail, &actor);
        if seq != next || expected[..] != hash[..] {
            broken.push(format!("audit of {entity} {entity_id} entry {seq}"));
        }
        prev = hash;
        at = (entity, entity_id, seq);
    }
    Ok(broken)
}
