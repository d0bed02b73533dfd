//! What came in from the hub: each event once, with what became of it.

use crate::batch::Rows;
use crate::lists::{Filter, Kind, List};
use crate::upkeep::jobs::{self, JobKind, NewJob};
use crate::{StoreError, Tx, args};

/// One thing that came in.
#[derive(Debug, Clone)]
pub struct NewInbox {
    pub id: i64,
    pub job_id: i64,
    /// `webhook` or `poll`.
    pub source: &'static str,
    /// The event's uuid, or pk and version for a poll: the key that makes it once.
    pub event_key: String,
    pub event_type: String,
    pub hub_pk: i64,
    pub modified_us: Option<i64>,
    /// The order as the poll read it, so that it is not fetched twice.
    pub payload: Option<String>,
}

/// An inbox row to be worked on.
#[derive(Debug, Clone)]
pub struct Inbox {
    pub id: i64,
    pub event_type: String,
    pub hub_pk: i64,
    pub payload: Option<String>,
}

/// Writes rows with a fetch job each; those already known are left alone. Returns how many are new.
pub async fn receive(tx: &mut Tx, new: &[NewInbox], now_us: i64) -> Result<usize, StoreError> {
    let mut rows = Rows::new(9);
    for n in new {
        rows.push(args![
            n.id,
            n.source,
            &n.event_key,
            &n.event_type,
            n.hub_pk,
            n.modified_us,
            n.payload.as_deref(),
            "received",
            now_us
        ]);
    }
    let head = "INSERT INTO inbox (id, source, event_key, event_type, hub_pk, modified_us, payload, state, received_us)";
    let back =
        tx.insert_returning(head, rows, "ON CONFLICT (source, event_key) DO NOTHING RETURNING id").await?;
    let fresh = back.iter().map(|r| r.i64(0)).collect::<Result<std::collections::HashSet<_>, _>>()?;
    let job = |n: &NewInbox| NewJob {
        id: n.job_id,
        kind: JobKind::Fetch,
        ref_id: n.id,
        sort: (n.modified_us.unwrap_or(now_us), n.hub_pk),
    };
    let jobs: Vec<_> = new.iter().filter(|n| fresh.contains(&n.id)).map(job).collect();
    jobs::add(tx, &jobs, now_us).await?;
    Ok(fresh.len())
}

/// Has hub orders fetched once more, each not before its moment: one row a hub order, however often. Takes two ids each.
pub async fn ask_again(
    tx: &mut Tx,
    due: &[(i64, i64)],
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(7);
    for (pk, _) in due {
        let id = ids.next().expect("ids were taken");
        rows.push(args![id, "retry", pk.to_string(), "order.retry", *pk, "received", now_us]);
    }
    let head = "INSERT INTO inbox (id, source, event_key, event_type, hub_pk, state, received_us)";
    let tail = "ON CONFLICT (source, event_key) DO UPDATE SET state = excluded.state, done_us = NULL RETURNING hub_pk, id";
    let back = tx.insert_returning(head, rows, tail).await?;
    let rows_of: std::collections::HashMap<i64, i64> =
        back.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect::<Result<_, StoreError>>()?;
    let job = |&(pk, due_us): &(i64, i64)| {
        let id = ids.next().expect("ids were taken");
        (NewJob { id, kind: JobKind::Fetch, ref_id: rows_of[&pk], sort: (now_us, pk) }, due_us)
    };
    let jobs: Vec<_> = due.iter().map(job).collect();
    jobs::add_due(tx, &jobs, now_us).await
}

/// What became of a row, or that it still waits.
pub const STATES: &[&str] = &["received", "done", "refused"];

/// A row as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub id: i64,
    /// `webhook`, `poll` or `retry`.
    pub source: String,
    pub event_type: String,
    pub hub_pk: i64,
    /// One of [`STATES`].
    pub state: String,
    /// What became of it, or why it was refused.
    pub outcome: Option<String>,
    pub received_us: i64,
    pub done_us: Option<i64>,
}

/// What a SELECT of rows reads, for [`read_arrival`].
pub const COLUMNS: &str =
    "t.id, t.source, t.event_type, t.hub_pk, t.state, t.outcome, t.received_us, t.done_us";

/// Reads a row of [`COLUMNS`].
pub fn read_arrival(row: &crate::Row) -> Result<Arrival, StoreError> {
    let mut c = row.cols();
    Ok(Arrival {
        id: c.i64()?,
        source: c.text()?,
        event_type: c.text()?,
        hub_pk: c.i64()?,
        state: c.text()?,
        outcome: c.opt_text()?,
        received_us: c.i64()?,
        done_us: c.opt_i64()?,
    })
}

/// The list of what came in.
pub const LIST: List = List {
    table: "inbox t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("state", Kind::OneOf(STATES), "t.state = ?"),
        Filter::new("source", Kind::OneOf(&["webhook", "poll", "retry"]), "t.source = ?"),
        Filter::new("event_type", Kind::Text, "t.event_type = ?"),
        Filter::new("hub_pk", Kind::Int, "t.hub_pk = ?"),
        Filter::new("outcome", Kind::Contains, "t.outcome LIKE ? ESCAPE '\\'"),
        Filter::new("received_date__gte", Kind::Time, "t.received_us >= ?"),
        Filter::new("received_date__lt", Kind::Time, "t.received_us < ?"),
    ],
    orders: &[("-id", "t.id DESC"), ("id", "t.id")],
};

/// Has a refused row worked on again, with this id for its job; `false` if it was not refused.
pub async fn retry(tx: &mut Tx, id: i64, job_id: i64, now_us: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE inbox SET state = 'received', done_us = NULL WHERE id = $1 AND state = 'refused'";
    if tx.execute(sql, args![id]).await? == 0 {
        return Ok(false);
    }
    let job = NewJob { id: job_id, kind: JobKind::Fetch, ref_id: id, sort: (now_us, id) };
    jobs::add_due(tx, &[(job, now_us)], now_us).await?;
    Ok(true)
}

/// Reads rows by id.
pub async fn read(tx: &mut Tx, ids: impl IntoIterator<Item = i64>) -> Result<Vec<Inbox>, StoreError> {
    let rows =
        tx.fetch_in("SELECT id, event_type, hub_pk, payload FROM inbox WHERE id", ids, "ORDER BY id").await?;
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok(Inbox { id: c.i64()?, event_type: c.text()?, hub_pk: c.i64()?, payload: c.opt_text()? })
    };
    rows.iter().map(one).collect()
}

/// Notes what became of rows: `done` with an effect, or `refused` with the reason. The payload has
/// served and is dropped.
pub async fn settle(tx: &mut Tx, outcomes: &[(i64, bool, String)], now_us: i64) -> Result<(), StoreError> {
    let mut rows = Rows::new(4);
    for (id, done, outcome) in outcomes {
        let state = if *done { "done" } else { "refused" };
        rows.push(args![*id, state, outcome.chars().take(1_000).collect::<String>(), now_us]);
    }
    let body = "UPDATE inbox SET state = v.state, outcome = v.outcome, done_us = v.done_us, payload = NULL FROM v \
                WHERE inbox.id = v.id";
    tx.execute_values("id, state, outcome, done_us", rows, body).await?;
    Ok(())
}
