//! The outbox: one row a change, in the sequence of its record, written with the change; and the positions by which
//! it is read, in one gapless order over all records.
//!
//! A position must say that everything before it can be read already. SQLite has one writer, so its events get theirs
//! as they are written. PostgreSQL commits in any order: there positions are given to what is committed ([`place`]).

use std::collections::HashMap;

use crate::access::logs::Actor;
use crate::batch::Rows;
use crate::db::Dialect;
use crate::{Row, StoreError, Tx, Value, args};

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
#[derive(Default)]
pub struct EventRows(Vec<Vec<Value>>);

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
        if self.0.is_empty() {
            return Ok(());
        }
        let mut next = match tx.dialect() {
            Dialect::Sqlite => Some(advance(tx, self.0.len() as i64).await?),
            Dialect::Postgres => None,
        };
        let mut rows = Rows::new(12);
        for mut row in self.0 {
            next = next.map(|position| position + 1);
            row.push(next.into());
            rows.push(row);
        }
        let head = "INSERT INTO events (id, entity, entity_id, seq, type, also, uuid, at_us, command_id, actor, delta, position)";
        tx.insert(head, rows, "").await?;
        Ok(())
    }
}

/// Takes the next `n` positions; gives the one before them.
async fn advance(tx: &mut Tx, n: i64) -> Result<i64, StoreError> {
    let sql = "UPDATE event_head SET position = position + $1 WHERE id = 1 RETURNING position";
    Ok(tx.scalar(sql, args![n]).await? - n)
}

/// Gives positions to at most `most` committed events that have none; says how many. Any node may try at any time: the
/// head's row lets one through, and the others come back with nothing.
pub async fn place(tx: &mut Tx, most: i64) -> Result<i64, StoreError> {
    let lock = format!("SELECT position FROM event_head WHERE id = 1{}", tx.dialect().skip_locked());
    let Some(head) = tx.first(lock, args![]).await? else { return Ok(0) };
    // A record's events in its sequence, whatever the clocks said; a part of what waits is whole records but one.
    let placed = tx
        .execute(
            "UPDATE events SET position = placed.n + $1 FROM (\
                 SELECT id, ROW_NUMBER() OVER (ORDER BY moment, entity, entity_id, seq) AS n FROM (\
                     SELECT id, entity, entity_id, seq, \
                            MAX(at_us) OVER (PARTITION BY entity, entity_id ORDER BY seq) AS moment FROM (\
                         SELECT id, entity, entity_id, seq, at_us FROM events WHERE position IS NULL \
                         ORDER BY entity, entity_id, seq LIMIT $2\
                     ) AS waiting\
                 ) AS ordered\
             ) AS placed WHERE placed.id = events.id",
            args![head.i64(0)?, most],
        )
        .await? as i64;
    if placed > 0 {
        advance(tx, placed).await?;
    }
    Ok(placed)
}

/// Whether an event waits for its position.
pub async fn is_waiting(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.first("SELECT 1 FROM events WHERE position IS NULL LIMIT 1", args![]).await?.is_some())
}

/// The last position given.
pub async fn head(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT position FROM event_head WHERE id = 1", args![]).await
}

/// Changes up to this position may be gone.
pub async fn forgotten(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT forgotten FROM event_head WHERE id = 1", args![]).await
}

/// Drops changes from before a moment, the oldest first, up to a position and at most so many of them are looked at; says
/// how many were. The last change of each record stays: its row shows it.
pub async fn forget(tx: &mut Tx, before_us: i64, until: i64, most: i64) -> Result<i64, StoreError> {
    // The head's row lets one through.
    let lock = format!("SELECT forgotten FROM event_head WHERE id = 1{}", tx.dialect().for_update());
    let from = tx.scalar(lock, args![]).await?;
    let sql = "SELECT position, at_us FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3";
    let mut last = None;
    let mut looked_at = 0;
    for row in tx.fetch(sql, args![from, until, most]).await? {
        if row.i64(1)? >= before_us {
            break;
        }
        (last, looked_at) = (Some(row.i64(0)?), looked_at + 1);
    }
    let Some(last) = last else { return Ok(0) };
    let sql = "DELETE FROM events WHERE position > $1 AND position <= $2 AND EXISTS (SELECT 1 FROM events l \
               WHERE l.entity = events.entity AND l.entity_id = events.entity_id AND l.seq > events.seq)";
    tx.execute(sql, args![from, last]).await?;
    tx.execute("UPDATE event_head SET forgotten = $1 WHERE id = 1", args![last]).await?;
    Ok(looked_at)
}

/// A change by its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub position: i64,
    pub entity: String,
    pub entity_id: i64,
    /// 1: the record was made.
    pub seq: i64,
}

/// The changes after a position, in order, at most so many.
pub async fn after(tx: &mut Tx, position: i64, most: i64) -> Result<Vec<Placed>, StoreError> {
    let sql =
        "SELECT position, entity, entity_id, seq FROM events WHERE position > $1 ORDER BY position LIMIT $2";
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok(Placed { position: c.i64()?, entity: c.text()?, entity_id: c.i64()?, seq: c.i64()? })
    };
    tx.fetch(sql, args![position, most]).await?.iter().map(one).collect()
}

/// A change as it is told to other software.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub position: i64,
    pub entity: String,
    pub entity_id: i64,
    pub seq: i64,
    pub kind: String,
    /// The specific types it also is.
    pub also: Vec<String>,
    pub uuid: String,
    pub at_us: i64,
    /// As it is stored: `user:7`, `system`.
    pub actor: String,
    pub delta: serde_json::Value,
}

/// What a SELECT of told changes reads.
const TOLD: &str = "position, entity, entity_id, seq, type, also, uuid, at_us, actor, delta";

fn read_told(row: &Row) -> Result<Event, StoreError> {
    let mut c = row.cols();
    let mut event = Event {
        position: c.i64()?,
        entity: c.text()?,
        entity_id: c.i64()?,
        seq: c.i64()?,
        kind: c.text()?,
        also: Vec::new(),
        uuid: String::new(),
        at_us: 0,
        actor: String::new(),
        delta: serde_json::Value::Null,
    };
    let also = c.text()?;
    event.also = serde_json::from_str(&also)
        .map_err(|e| StoreError::Corrupt(format!("the types of event {}: {e}", event.position)))?;
    (event.uuid, event.at_us, event.actor, event.delta) = (c.text()?, c.i64()?, c.text()?, c.json()?);
    Ok(event)
}

/// The changes after a position, in order, at most so many.
pub async fn told_after(tx: &mut Tx, position: i64, most: i64) -> Result<Vec<Event>, StoreError> {
    let sql = format!("SELECT {TOLD} FROM events WHERE position > $1 ORDER BY position LIMIT $2");
    tx.fetch(sql, args![position, most]).await?.iter().map(read_told).collect()
}

/// The changes of these positions, in order.
pub async fn told_at(
    tx: &mut Tx,
    positions: impl IntoIterator<Item = i64>,
) -> Result<Vec<Event>, StoreError> {
    let head = format!("SELECT {TOLD} FROM events WHERE position");
    let mut events: Vec<Event> =
        tx.fetch_in(&head, positions, "").await?.iter().map(read_told).collect::<Result<_, _>>()?;
    events.sort_by_key(|e| e.position);
    Ok(events)
}

/// The sequence of a record's last change and when it was made; none: it has none.
pub async fn last_of(tx: &mut Tx, entity: &str, entity_id: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let sql = "SELECT seq, at_us FROM events WHERE entity = $1 AND entity_id = $2 ORDER BY seq DESC LIMIT 1";
    let last = tx.first(sql, args![entity, entity_id]).await?;
    last.map(|row| Ok((row.i64(0)?, row.i64(1)?))).transpose()
}

/// A step of a record into a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAt {
    pub seq: i64,
    pub state: i64,
    pub at_us: i64,
}

/// The steps of records, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Steps(HashMap<i64, Vec<StepAt>>);

impl Steps {
    /// The steps of records of a kind.
    pub async fn of(tx: &mut Tx, entity: &str, ids: Vec<i64>) -> Result<Self, StoreError> {
        let head = format!(
            "SELECT entity_id, seq, new_state, at_us FROM transition_log WHERE entity = '{entity}' AND entity_id"
        );
        let mut steps = Self::default();
        for row in tx.fetch_in(&head, ids, "ORDER BY entity_id, seq").await? {
            let mut c = row.cols();
            let of = steps.0.entry(c.i64()?).or_default();
            of.push(StepAt { seq: c.i64()?, state: c.i64()?, at_us: c.i64()? });
        }
        Ok(steps)
    }

    /// When a record came into the state it is in.
    pub fn since(&self, id: i64) -> Option<i64> {
        self.0.get(&id)?.last().map(|step| step.at_us)
    }

    /// The last step of a record up to its change `seq`.
    pub fn by_change(&self, id: i64, seq: i64) -> Option<StepAt> {
        self.0.get(&id)?.iter().take_while(|step| step.seq <= seq).last().copied()
    }

    /// The last step of a record up to a moment.
    pub fn by_moment(&self, id: i64, at_us: i64) -> Option<StepAt> {
        self.0.get(&id)?.iter().take_while(|step| step.at_us <= at_us).last().copied()
    }
}

/// The newest record of a kind that a change was told of.
pub async fn newest_of(tx: &mut Tx, entity: &str) -> Result<Option<i64>, StoreError> {
    let row = tx.first("SELECT MAX(entity_id) FROM events WHERE entity = $1", args![entity]).await?;
    row.map_or(Ok(None), |row| row.cols().opt_i64())
}

/// What the changes of records told, by record: the sequence of each and its delta, oldest first.
pub async fn deltas_of(
    tx: &mut Tx,
    entity: &str,
    ids: Vec<i64>,
) -> Result<HashMap<i64, Vec<(i64, serde_json::Value)>>, StoreError> {
    let head = format!("SELECT entity_id, seq, delta FROM events WHERE entity = '{entity}' AND entity_id");
    let mut deltas: HashMap<i64, Vec<(i64, serde_json::Value)>> = HashMap::new();
    for row in tx.fetch_in(&head, ids, "ORDER BY entity_id, seq").await? {
        let mut c = row.cols();
        deltas.entry(c.i64()?).or_default().push((c.i64()?, c.json()?));
    }
    Ok(deltas)
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
