//! The outbox: one row a change, in the sequence of its record, written with the change.

use crate::access::logs::Actor;
use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// One change to be told.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    pub id: i64,
    pub entity: &'a str,
    pub entity_id: i64,
    /// From the record's own row, which the same transaction moves on.
    pub seq: i64,
    pub kind: &'a str,
    /// The specific types the change also is.
    pub also: &'a [&'a str],
    pub delta: serde_json::Value,
}

/// Collects event rows of a batch.
pub struct EventRows(Rows);

impl Default for EventRows {
    fn default() -> Self {
        Self(Rows::new(11))
    }
}

impl EventRows {
    /// Adds an event.
    pub fn push(&mut self, event: &NewEvent<'_>, actor: &Actor) {
        let also = serde_json::to_string(event.also).expect("a list of words is JSON");
        self.0.push(args![
            event.id,
            event.entity,
            event.entity_id,
            event.seq,
            event.kind,
            also,
            uuid(event),
            actor.at_us,
            actor.command_id,
            &actor.name,
            event.delta.to_string(),
        ]);
    }

    /// Writes them.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let head = "INSERT INTO events (id, entity, entity_id, seq, type, also, uuid, at_us, command_id, actor, delta)";
        tx.insert(head, self.0, "").await?;
        Ok(())
    }
}

/// The event's uuid (version 8, ours): the digest of its record and sequence, which name it for good.
fn uuid(event: &NewEvent<'_>) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{}:{}:{}:{}", event.entity, event.entity_id, event.seq, event.id));
    let mut bytes: [u8; 16] = digest[..16].try_into().expect("a digest is longer than a uuid");
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
