//! What came in from the hub: each event once, with what became of it.

use crate::batch::Rows;
use crate::jobs::{self, JobKind, NewJob};
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
