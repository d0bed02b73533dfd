//! Deliveries of webhooks: made from changes, sent in the sequence of each record, with every try kept.

use std::collections::{HashMap, HashSet};

use crate::batch::Rows;
use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// What a delivery can be.
pub const STATES: &[&str] = &["waiting", "delivered", "given_up"];

/// One change (or one type of it) to be told to one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: i64,
    pub hook_id: i64,
    /// Of its change; of one that a person published the last position there was.
    pub position: i64,
    /// Orders the types of one change.
    pub part: i64,
    /// Of this type of the change, for good; the receiver knows it by that.
    pub uuid: String,
    pub kind: String,
    /// Whose payload it carries.
    pub event_uuid: String,
    pub entity: String,
    pub entity_id: i64,
    pub seq: i64,
    /// The sequence of the record's change that this hook was told of before.
    pub prev_seq: Option<i64>,
    /// One of [`STATES`].
    pub state: String,
    /// Since it was last asked for.
    pub tries: i64,
    /// In all.
    pub attempts: i64,
    pub due_us: i64,
    /// Who published it, where no change did.
    pub published_by: Option<String>,
    pub created_us: i64,
    pub finished_us: Option<i64>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub n: i64,
    pub at_us: i64,
    pub took_ms: i64,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub answer: Option<String>,
}

impl Attempt {
    /// Whether the receiver took it.
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What a SELECT of deliveries reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.hook_id, t.position, t.part, t.uuid, t.type, t.event_uuid, t.entity, t.entity_id, t.seq, t.prev_seq, \
                           t.state, t.tries, t.attempts, t.due_us, t.published_by, t.created_us, t.finished_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Delivery, StoreError> {
    let mut c = row.cols();
    Ok(Delivery {
        id: c.i64()?,
        hook_id: c.i64()?,
        position: c.i64()?,
        part: c.i64()?,
        uuid: c.text()?,
        kind: c.text()?,
        event_uuid: c.text()?,
        entity: c.text()?,
        entity_id: c.i64()?,
        seq: c.i64()?,
        prev_seq: c.opt_i64()?,
        state: c.text()?,
        tries: c.i64()?,
        attempts: c.i64()?,
        due_us: c.i64()?,
        published_by: c.opt_text()?,
        created_us: c.i64()?,
        finished_us: c.opt_i64()?,
    })
}

/// The list of deliveries.
pub const LIST: List = List {
    table: "hook_deliveries t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("hook", Kind::Int, "t.hook_id = ?"),
        Filter::new("state", Kind::OneOf(STATES), "t.state = ?"),
        Filter::new("event", Kind::Text, "t.uuid = ?"),
        Filter::new("event_type", Kind::Text, "t.type = ?"),
        Filter::new("entity", Kind::OneOf(oms_core::events::ENTITIES), "t.entity = ?"),
        Filter::new("entity_id", Kind::Int, "t.entity_id = ?"),
    ],
    orders: &[("-id", "t.position DESC, t.part DESC, t.id DESC"), ("id", "t.position, t.part, t.id")],
};

/// Writes new deliveries.
pub async fn insert(tx: &mut Tx, new: &[Delivery]) -> Result<(), StoreError> {
    let mut rows = Rows::new(17);
    for d in new {
        rows.push(args![
            d.id,
            d.hook_id,
            d.position,
            d.part,
            &d.uuid,
            &d.kind,
            &d.event_uuid,
            &d.entity,
            d.entity_id,
            d.seq,
            d.prev_seq,
            &d.state,
            d.tries,
            d.attempts,
            d.due_us,
            d.published_by.clone(),
            d.created_us
        ]);
    }
    let head = "INSERT INTO hook_deliveries (id, hook_id, position, part, uuid, type, event_uuid, entity, entity_id, seq, prev_seq, \
                state, tries, attempts, due_us, published_by, created_us)";
    tx.insert(head, rows, "").await?;
    Ok(())
}

/// The sequences that hooks were last told of, by hook and record.
pub async fn last_seqs(
    tx: &mut Tx,
    of: impl IntoIterator<Item = (i64, String, i64)>,
) -> Result<HashMap<(i64, String, i64), i64>, StoreError> {
    let mut rows = Rows::new(3);
    of.into_iter().for_each(|(hook, entity, id)| rows.push(args![hook, entity, id]));
    let body = "SELECT v.hook, v.entity, v.record, (SELECT d.seq FROM hook_deliveries d WHERE d.hook_id = v.hook \
                AND d.entity = v.entity AND d.entity_id = v.record AND d.published_by IS NULL \
                ORDER BY d.position DESC, d.part DESC LIMIT 1) FROM v";
    let mut last = HashMap::new();
    for row in tx.with_values("hook, entity, record", rows, body).await? {
        let mut c = row.cols();
        let (hook, entity, record, seq) = (c.i64()?, c.text()?, c.i64()?, c.opt_i64()?);
        if let Some(seq) = seq {
            last.insert((hook, entity, record), seq);
        }
    }
    Ok(last)
}

/// Hooks that have something to be sent now, among those this node may send for.
pub async fn hooks_due(tx: &mut Tx, owner: &str, now_us: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT h.id FROM hooks h WHERE h.is_active = TRUE AND (h.paused_until_us IS NULL OR h.paused_until_us <= $1) \
               AND (h.lease_owner IS NULL OR h.lease_owner = $2 OR h.lease_until_us < $1) \
               AND EXISTS (SELECT 1 FROM hook_deliveries d WHERE d.hook_id = h.id AND d.state = 'waiting' AND d.due_us <= $1) \
               ORDER BY h.id";
    tx.fetch(sql, args![now_us, owner]).await?.iter().map(|r| r.i64(0)).collect()
}

/// What a hook is to be sent next, in order, at most so many: of each record only what comes first. Each is looked for by its
/// record's index, in words that leave PostgreSQL no other way: it compared every waiting delivery of the hook with every other.
pub async fn due(tx: &mut Tx, hook_id: i64, now_us: i64, most: i64) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM hook_deliveries t WHERE t.hook_id = $1 AND t.state = 'waiting' AND t.due_us <= $2 \
         AND (SELECT 1 FROM hook_deliveries b WHERE b.hook_id = t.hook_id AND b.entity = t.entity \
         AND b.entity_id = t.entity_id AND COALESCE(b.state, '') = 'waiting' \
         AND (b.position, b.part) < (t.position, t.part) LIMIT 1) IS NULL \
         ORDER BY t.position, t.part LIMIT $3"
    );
    tx.fetch(sql, args![hook_id, now_us, most]).await?.iter().map(read).collect()
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'d> {
    pub delivery: &'d Delivery,
    /// One of [`STATES`].
    pub state: &'static str,
    pub tries: i64,
    /// When it is tried again, and what waits behind it; of one that ended, when what waited behind it goes on.
    pub due_us: i64,
    pub finished_us: Option<i64>,
    pub attempt: Attempt,
}

/// Writes what tries came to.
pub async fn settle(tx: &mut Tx, outcomes: &[Outcome<'_>]) -> Result<(), StoreError> {
    let mut rows = Rows::new(6);
    for o in outcomes {
        rows.push(args![o.delivery.id, o.state, o.tries, o.attempt.n, o.due_us, o.finished_us]);
    }
    let body = "UPDATE hook_deliveries SET state = v.state, tries = v.tries, attempts = v.n, due_us = v.due, finished_us = v.finished \
                FROM v WHERE hook_deliveries.id = v.id AND hook_deliveries.state = 'waiting' RETURNING hook_deliveries.id";
    let hit = tx.with_values("id, state, tries, n, due, finished", rows, body).await?;
    // One that is gone with its hook meanwhile has no tries to be kept.
    let hit: HashSet<i64> = hit.iter().map(|row| row.i64(0)).collect::<Result<_, _>>()?;
    let (mut tried, mut behind) = (Rows::new(7), Rows::new(4));
    for o in outcomes.iter().filter(|o| hit.contains(&o.delivery.id)) {
        let (d, a) = (o.delivery, &o.attempt);
        tried.push(args![d.id, a.n, a.at_us, a.took_ms, a.status, a.error.clone(), a.answer.clone()]);
        // What follows one that failed is not looked at before that is tried again.
        if o.finished_us.is_none() || d.attempts > 0 {
            behind.push(args![d.hook_id, &d.entity, d.entity_id, o.due_us]);
        }
    }
    let head = "INSERT INTO hook_attempts (delivery_id, n, at_us, took_ms, status, error, answer)";
    tx.insert(head, tried, "ON CONFLICT (delivery_id, n) DO NOTHING").await?;
    let body = "UPDATE hook_deliveries SET due_us = v.due FROM v WHERE hook_deliveries.hook_id = v.hook \
                AND hook_deliveries.entity = v.entity AND hook_deliveries.entity_id = v.record AND hook_deliveries.state = 'waiting'";
    tx.execute_values("hook, entity, record, due", behind, body).await?;
    Ok(())
}

/// The tries of a delivery, first to last.
pub async fn attempts(tx: &mut Tx, id: i64) -> Result<Vec<Attempt>, StoreError> {
    let sql = "SELECT n, at_us, took_ms, status, error, answer FROM hook_attempts WHERE delivery_id = $1 ORDER BY n";
    tx.fetch(sql, args![id]).await?.iter().map(read_attempt).collect()
}

/// The last tries of a hook, oldest first: of its newest deliveries that ended and its oldest that wait, so many of each at
/// most.
pub async fn last_attempts(tx: &mut Tx, hook_id: i64, most: i64) -> Result<Vec<Attempt>, StoreError> {
    let of = |state: &str, order: &str| {
        format!(
            "SELECT id FROM (SELECT id FROM hook_deliveries WHERE hook_id = $1 AND state = '{state}' \
             ORDER BY position {order}, part {order} LIMIT $2) {state}"
        )
    };
    let sql = format!(
        "SELECT n, at_us, took_ms, status, error, answer FROM hook_attempts WHERE delivery_id IN ({} UNION ALL {} UNION ALL {}) \
         ORDER BY at_us DESC, delivery_id DESC, n DESC LIMIT $2",
        of("delivered", "DESC"),
        of("given_up", "DESC"),
        of("waiting", "ASC")
    );
    let mut last: Vec<Attempt> =
        tx.fetch(sql, args![hook_id, most]).await?.iter().map(read_attempt).collect::<Result<_, _>>()?;
    last.reverse();
    Ok(last)
}

fn read_attempt(row: &Row) -> Result<Attempt, StoreError> {
    let mut c = row.cols();
    Ok(Attempt {
        n: c.i64()?,
        at_us: c.i64()?,
        took_ms: c.i64()?,
        status: c.opt_i64()?,
        error: c.opt_text()?,
        answer: c.opt_text()?,
    })
}

/// A delivery.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Delivery>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM hook_deliveries t WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// The deliveries of one record, the last first, at most so many.
pub async fn of_record(
    tx: &mut Tx,
    entity: &str,
    entity_id: i64,
    most: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM hook_deliveries t WHERE t.entity = $1 AND t.entity_id = $2 \
         ORDER BY t.position DESC, t.part DESC, t.id DESC LIMIT $3"
    );
    tx.fetch(sql, args![entity, entity_id, most]).await?.iter().map(read).collect()
}

/// Where counting stops: more is said as so many and more.
pub const COUNTED: i64 = 10_000;

/// How many deliveries of each hook wait, and how many were given up; up to [`COUNTED`] of each.
pub async fn counts(
    tx: &mut Tx,
    hooks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, (i64, i64)>, StoreError> {
    let count = |state: &str| {
        format!(
            "(SELECT COUNT(*) FROM (SELECT 1 FROM hook_deliveries d WHERE d.hook_id = h.id AND d.state = '{state}' \
             LIMIT {COUNTED}) x)"
        )
    };
    let head = format!("SELECT h.id, {}, {} FROM hooks h WHERE h.id", count("waiting"), count("given_up"));
    let rows = tx.fetch_in(&head, hooks, "").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, (r.i64(1)?, r.i64(2)?)))).collect()
}

/// Deliveries of a uuid: one a hook that was told of that type of that change.
pub async fn by_uuid(tx: &mut Tx, uuid: &str) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM hook_deliveries t WHERE t.uuid = $1 ORDER BY t.hook_id");
    tx.fetch(sql, args![uuid]).await?.iter().map(read).collect()
}

/// Makes deliveries due at once, as if never tried, finished or not. Says how many.
pub async fn ask_again(
    tx: &mut Tx,
    ids: impl IntoIterator<Item = i64>,
    now_us: i64,
) -> Result<u64, StoreError> {
    let mut rows = Rows::new(2);
    ids.into_iter().for_each(|id| rows.push(args![id, now_us]));
    let body = "UPDATE hook_deliveries SET state = 'waiting', tries = 0, due_us = v.now, finished_us = NULL FROM v \
                WHERE hook_deliveries.id = v.id";
    tx.execute_values("id, now", rows, body).await
}

/// Does the same to what was given up for a hook, the oldest first, at most so many; says how many.
pub async fn ask_given_up_again(
    tx: &mut Tx,
    hook_id: i64,
    most: i64,
    now_us: i64,
) -> Result<u64, StoreError> {
    let sql = "UPDATE hook_deliveries SET state = 'waiting', tries = 0, due_us = $2, finished_us = NULL WHERE id IN \
               (SELECT id FROM hook_deliveries WHERE hook_id = $1 AND state = 'given_up' ORDER BY position, part LIMIT $3)";
    tx.execute(sql, args![hook_id, now_us, most]).await
}

/// Deliveries to one hook of these uuids.
pub async fn of_hook(
    tx: &mut Tx,
    hook_id: i64,
    uuids: impl IntoIterator<Item = &String>,
) -> Result<Vec<Delivery>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM hook_deliveries t WHERE t.uuid");
    // The hook is a number of ours: others may have been told of the same uuids.
    let rows = tx.fetch_in(&head, uuids, &format!("AND t.hook_id = {hook_id}")).await?;
    rows.iter().map(read).collect()
}

/// Payloads that are kept, compressed, by event.
pub async fn payloads(
    tx: &mut Tx,
    uuids: impl IntoIterator<Item = &String>,
) -> Result<HashMap<String, Vec<u8>>, StoreError> {
    let rows = tx.fetch_in("SELECT event_uuid, body FROM hook_payloads WHERE event_uuid", uuids, "").await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok((c.text()?, c.bytes()?))
    };
    rows.iter().map(one).collect()
}

/// Keeps payloads; one that is there already stays. Gives the events whose payload is the one given.
pub async fn keep_payloads(
    tx: &mut Tx,
    new: &[(String, Vec<u8>)],
    now_us: i64,
) -> Result<Vec<String>, StoreError> {
    let mut rows = Rows::new(3);
    new.iter().for_each(|(uuid, body)| rows.push(args![uuid, body.clone(), now_us]));
    let head = "INSERT INTO hook_payloads (event_uuid, body, created_us)";
    let tail = "ON CONFLICT (event_uuid) DO NOTHING RETURNING event_uuid";
    tx.insert_returning(head, rows, tail).await?.iter().map(|r| r.cols().text()).collect()
}

/// Drops deliveries that ended before a moment, and all of removed hooks, at most so many; says how many. What they said goes
/// with the last that may need it ([`sweep_payloads`]).
pub async fn sweep(tx: &mut Tx, before_us: i64, most: i64) -> Result<u64, StoreError> {
    let found = tx
        .fetch(
            "SELECT d.id FROM hooks h JOIN hook_deliveries d ON d.hook_id = h.id \
             WHERE h.deleted_us IS NOT NULL OR (d.state IN ('delivered', 'given_up') AND d.finished_us < $1) LIMIT $2",
            args![before_us, most],
        )
        .await?;
    let ids: Vec<i64> = found.iter().map(|r| r.i64(0)).collect::<Result<_, _>>()?;
    for table in ["hook_attempts WHERE delivery_id", "hook_deliveries WHERE id"] {
        let mut rows = Rows::new(1);
        ids.iter().for_each(|&id| rows.push(args![id]));
        tx.execute_values("id", rows, &format!("DELETE FROM {table} IN (SELECT id FROM v)")).await?;
    }
    let gone = "DELETE FROM hooks WHERE deleted_us IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM hook_deliveries d WHERE d.hook_id = hooks.id)";
    tx.execute(gone, args![]).await?;
    let sql = "UPDATE hook_cursor SET swept_us = $1 WHERE id = 1 AND swept_us < $1";
    tx.execute(sql, args![before_us]).await?;
    Ok(ids.len() as u64)
}

/// Drops payloads made before a moment, but those of deliveries that were tried and wait: their next try says the same.
pub async fn sweep_payloads(tx: &mut Tx, before_us: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM hook_payloads WHERE created_us < $1 AND event_uuid NOT IN (SELECT d.event_uuid FROM hooks h \
               JOIN hook_deliveries d ON d.hook_id = h.id AND d.state = 'waiting' WHERE d.attempts > 0)";
    tx.execute(sql, args![before_us]).await
}
