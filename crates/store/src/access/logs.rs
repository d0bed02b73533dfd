//! Who changed what: commands, transition logs and audit entries, hash-chained per record.

use sha2::{Digest, Sha256};

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// Who acts, when and in which command; every effect of a use case carries it.
#[derive(Debug, Clone)]
pub struct Actor {
    pub command_id: i64,
    /// `system:planner`, `user:7`, `hub`.
    pub name: String,
    pub node: String,
    pub at_us: i64,
}

/// Collects the rows of commands of a batch.
pub struct CommandRows(Rows);

impl Default for CommandRows {
    fn default() -> Self {
        Self(Rows::new(5))
    }
}

impl CommandRows {
    /// Adds a command's own row.
    pub fn push(&mut self, actor: &Actor, kind: &str) {
        self.0.push(args![actor.command_id, kind, &actor.name, &actor.node, actor.at_us]);
    }

    /// Writes them.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.insert("INSERT INTO commands (id, kind, actor, node, at_us)", self.0, "").await?;
        Ok(())
    }
}

/// Writes the command's own row. Its effects follow in the same transaction.
pub async fn record_command(tx: &mut Tx, actor: &Actor, kind: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO commands (id, kind, actor, node, at_us) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![actor.command_id, kind, &actor.name, &actor.node, actor.at_us]).await?;
    Ok(())
}

/// What stands before the first entry of a chain.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// One step of a record's state.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    pub entity: &'a str,
    pub entity_id: i64,
    pub seq: i64,
    pub old_state: Option<i64>,
    pub new_state: i64,
    pub transition: (i64, i64),
    /// JSON, as stored.
    pub attributes: &'a str,
    pub personal_digest: [u8; 32],
}

/// Fields of an entry that name a person, with the salt of their digest. Erasure drops both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    pub salt: [u8; 16],
    /// JSON.
    pub text: String,
}

impl Personal {
    /// What stays after erasure: `SHA-256(salt ‖ fields)`.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.salt).chain_update(&self.text).finalize().into()
    }
}

/// The digest of an entry without personal fields.
pub fn no_personal_fields() -> [u8; 32] {
    Sha256::digest([]).into()
}

/// `SHA-256(prev ‖ seq ‖ public fields ‖ digest of the personal fields)`; each field with its length
/// before it, so that no two entries share their bytes.
pub fn step_hash(prev: &[u8], step: &Step<'_>, actor: &Actor) -> [u8; 32] {
    let number = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    let fields = [
        step.entity.to_owned(),
        step.entity_id.to_string(),
        number(step.old_state),
        step.new_state.to_string(),
        step.transition.0.to_string(),
        step.transition.1.to_string(),
        actor.command_id.to_string(),
        actor.name.clone(),
        actor.at_us.to_string(),
        step.attributes.to_owned(),
    ];
    chain_hash(prev, step.seq, &fields, &step.personal_digest)
}

fn chain_hash(prev: &[u8], seq: i64, fields: &[String], personal_digest: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(prev);
    hash.update(seq.to_be_bytes());
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hash.update(personal_digest);
    hash.finalize().into()
}

/// Collects transition log rows of a batch.
pub struct StepRows(Rows);

impl Default for StepRows {
    fn default() -> Self {
        Self(Rows::new(16))
    }
}

impl StepRows {
    /// Adds a step and returns its hash, the new head of the record's chain.
    pub fn push(&mut self, id: i64, prev: &[u8], step: &Step<'_>, actor: &Actor) -> [u8; 32] {
        self.push_personal(id, prev, step, None, actor)
    }

    /// The same with personal fields, whose digest the step has.
    pub fn push_personal(
        &mut self,
        id: i64,
        prev: &[u8],
        step: &Step<'_>,
        personal: Option<&Personal>,
        actor: &Actor,
    ) -> [u8; 32] {
        let hash = step_hash(prev, step, actor);
        self.0.push(args![
            id,
            step.entity,
            step.entity_id,
            step.seq,
            step.old_state,
            step.new_state,
            step.transition.0,
            step.transition.1,
            actor.command_id,
            &actor.name,
            step.attributes,
            actor.at_us,
            step.personal_digest,
            hash,
            personal.map(|p| p.salt.to_vec()),
            personal.map(|p| p.text.as_str()),
        ]);
        hash
    }

    /// Writes them.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let head = "INSERT INTO transition_log (id, entity, entity_id, seq, old_state, new_state, transition_id, \
                    transition_rev, command_id, actor, attributes, at_us, personal_digest, hash, salt, personal)";
        tx.insert(head, self.0, "").await?;
        Ok(())
    }
}

/// Writes an audit entry to the record's chain. Few a second, by people: one at a time.
pub async fn audit(
    tx: &mut Tx,
    id: i64,
    entity: &str,
    entity_id: i64,
    action: &str,
    detail: &serde_json::Value,
    actor: &Actor,
) -> Result<(), StoreError> {
    let sql =
        "SELECT seq, hash FROM audit_log WHERE entity = $1 AND entity_id = $2 ORDER BY seq DESC LIMIT 1";
    let last = tx.first(sql, args![entity, entity_id]).await?;
    let (seq, prev) = match last {
        Some(row) => {
            let mut c = row.cols();
            (c.i64()? + 1, c.bytes()?)
        }
        None => (1, CHAIN_START.to_vec()),
    };
    let detail = detail.to_string();
    let hash = audit_hash(&prev, seq, entity, entity_id, action, &detail, actor);
    let sql = "INSERT INTO audit_log (id, entity, entity_id, seq, action, actor, command_id, detail, at_us, hash) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values =
        args![id, entity, entity_id, seq, action, &actor.name, actor.command_id, detail, actor.at_us, hash];
    tx.execute(sql, values).await?;
    Ok(())
}

pub(crate) fn audit_hash(
    prev: &[u8],
    seq: i64,
    entity: &str,
    entity_id: i64,
    action: &str,
    detail: &str,
    actor: &Actor,
) -> [u8; 32] {
    let fields = [
        entity.to_owned(),
        entity_id.to_string(),
        action.to_owned(),
        actor.name.clone(),
        actor.command_id.to_string(),
        detail.to_owned(),
        actor.at_us.to_string(),
    ];
    chain_hash(prev, seq, &fields, &no_personal_fields())
}
