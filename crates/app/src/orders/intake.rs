//! Orders arriving from the hub: told by webhook or found by polling, fetched, and taken once.
//!
//! Webhook and poll only write inbox rows with a job each. The fetch tick does the rest, with no
//! transaction open while it calls the hub.

mod fetch;
mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use oms_connect::hub::{HubOrder, Record};
use oms_core::refusal::Refusal;
use oms_store::ids::IdKind;
use oms_store::orders::hub_orders::{self, Rejected};
use oms_store::orders::inbox::{self, NewInbox};
use oms_store::setup::settings as facts;
use oms_store::upkeep::jobs::{self, JobKind};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::setup::hub;
use crate::upkeep::coalesce::Coalescer;
use crate::{App, Result};

pub use fetch::{FETCH, Fetched, fetch_tick};

/// The fact that holds how far the poll has come.
pub(crate) const WATERMARK: &str = "poll_watermark_us";
/// How far each poll looks back: hub clocks and late commits.
const LOOK_BACK_US: i64 = 5 * 60 * 1_000_000;
/// How far a hub's clock may be ahead of ours without a word.
const HUB_AHEAD_US: i64 = 60 * 1_000_000;
/// Orders a page of the poll.
const PAGE: u32 = 100;
/// The longest event id taken from outside.
const MAX_UUID: usize = 64;

/// One event as it came by webhook.
#[derive(Debug, Clone)]
pub struct HubEvent {
    uuid: String,
    event_type: String,
    pk: i64,
}

/// Reads the hub's envelope `{"event": {"type", "uuid"}, "payload": {"pk", …}}`.
pub fn read_event(body: &Value, area: &str) -> Result<HubEvent, Refusal> {
    let wrong = |field: &str, message: &str| Refusal::invalid(field, "invalid", message);
    let event = body
        .get("event")
        .filter(|e| e.is_object())
        .ok_or_else(|| wrong("event", "An object {type, uuid} is expected."))?;
    let event_type = event.get("type").and_then(Value::as_str).unwrap_or_default();
    if !event_type.starts_with(&format!("{area}.")) || event_type.len() > MAX_UUID {
        return Err(wrong(
            "event.type",
            &format!("An event of {area} is expected here, for example {area}.updated."),
        ));
    }
    let uuid = event.get("uuid").and_then(Value::as_str).unwrap_or_default();
    let fits = !uuid.is_empty()
        && uuid.len() <= MAX_UUID
        && uuid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !fits {
        return Err(wrong("event.uuid", "1 to 64 letters, digits and dashes are expected."));
    }
    let pk = body.get("payload").and_then(oms_connect::hub::key_of).filter(|pk| *pk > 0);
    let pk =
        pk.ok_or_else(|| wrong("payload.pk", "The record's pk, a positive whole number, is expected."))?;
    // A uuid is the same with and without dashes.
    Ok(HubEvent { uuid: uuid.replace('-', "").to_lowercase(), event_type: event_type.into(), pk })
}

/// Takes webhook events in batches; each answers whether it was new.
pub type Mailbox = Coalescer<HubEvent, ()>;

/// Starts the mailbox.
pub fn mailbox(app: Arc<App>) -> Mailbox {
    Coalescer::start(app, |app, events| {
        Box::pin(async move {
            receive(&app, &events).await?;
            Ok(vec![(); events.len()])
        })
    })
}

async fn receive(app: &App, events: &[HubEvent]) -> Result<usize> {
    let mut ids = app.store.take_ids(IdKind::Row, events.len() * 2).await?;
    let mut next = || ids.next().expect("ids were taken");
    let once: BTreeMap<&str, &HubEvent> = events.iter().map(|e| (e.uuid.as_str(), e)).collect();
    let new = |e: &&HubEvent| NewInbox {
        id: next(),
        job_id: next(),
        source: "webhook",
        event_key: e.uuid.clone(),
        event_type: e.event_type.clone(),
        hub_pk: e.pk,
        modified_us: None,
        payload: None,
    };
    let rows: Vec<_> = once.values().map(new).collect();
    let mut tx = app.store.begin().await?;
    let fresh = inbox::receive(&mut tx, &rows, app.now_us()).await?;
    tx.commit().await?;
    Ok(fresh)
}

/// Where a walk through the hub's changes stands.
#[derive(Debug, Clone, Default)]
pub struct PollCursor {
    since_us: Option<i64>,
    page: u32,
    /// Keys of the page before, while more orders than a page holds changed at one moment.
    read: Vec<i64>,
}

/// What one step of the poll did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// No hub is configured, or another node polls.
    NotMine,
    /// The set-up is not done: see [`crate::setup::orders_wait_for`].
    Waiting,
    /// A page was read; `new` of its orders were news. Another page follows at once if `more`.
    Page { new: usize, more: bool },
}

/// Whether orders can be taken as they are. It never ends: it is asked no more once it is so.
async fn is_set_up(app: &App) -> Result<bool> {
    if app.is_set_up.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let is_set_up = crate::setup::orders_wait_for(app).await?.is_empty();
    app.is_set_up.store(is_set_up, Ordering::Relaxed);
    Ok(is_set_up)
}

/// Reads one page of what changed at the hub and notes it in the inbox. Pages go by the time of change,
/// not by page number, because an order that changes meanwhile would shift the pages. Only within one
/// moment page numbers must do; there the page before is read once more after each page, and if it is
/// not what it was, that moment is read again from its beginning.
pub async fn poll_tick(app: &App, cursor: &mut PollCursor) -> Result<Polled> {
    let Some(hub) = hub::find(app).await? else { return Ok(Polled::NotMine) };
    if !is_set_up(app).await? {
        return Ok(Polled::Waiting);
    }
    let mut tx = app.store.begin().await?;
    let mine = jobs::hold_lease(&mut tx, "poll", &app.node, app.now_us()).await?;
    let watermark = facts::fact(&mut tx, WATERMARK).await?.and_then(|w| w.parse::<i64>().ok());
    tx.commit().await?;
    if !mine {
        *cursor = PollCursor::default();
        return Ok(Polled::NotMine);
    }
    let since = match (cursor.since_us, watermark) {
        (Some(since), Some(_)) => since,
        (_, Some(watermark)) => watermark - LOOK_BACK_US,
        (_, None) => 0,
    };
    let number = cursor.page.max(1);
    let page = hub.orders_modified_since(since, number, PAGE).await?;
    let shifted = number > 1 && {
        let before = hub.orders_modified_since(since, number - 1, PAGE).await?;
        keys(&before.results) != cursor.read
    };
    let last = page.results.iter().flatten().map(|o| o.modified_us).max().unwrap_or(since);
    // What shifted may hide orders of this moment: a process that starts here must not begin after it.
    let reached = if shifted { since } else { last };
    let now = app.now_us();
    if last > now + HUB_AHEAD_US {
        let ahead_s = (last - now) / 1_000_000;
        tracing::warn!(
            ahead_s,
            "the hub dates orders in the future; they are taken, and its changes are still looked for from now"
        );
    }
    // Never beyond our own clock: what the hub changes meanwhile would be behind it.
    let reached = reached.max(watermark.unwrap_or(reached)).min(now);
    let new = note_page(app, &page.results, reached).await?;
    *cursor = match page.next {
        _ if shifted => PollCursor { since_us: Some(since), page: 1, read: Vec::new() },
        true if last > since => PollCursor { since_us: Some(last), page: 1, read: Vec::new() },
        true => PollCursor { since_us: Some(since), page: number + 1, read: keys(&page.results) },
        false => PollCursor::default(),
    };
    Ok(Polled::Page { new, more: page.next || shifted })
}

fn keys(records: &[Record<HubOrder>]) -> Vec<i64> {
    records.iter().filter_map(|r| r.as_ref().map_or_else(|e| e.pk, |o| Some(o.pk))).collect()
}

async fn note_page(app: &App, records: &[Record<HubOrder>], watermark: i64) -> Result<usize> {
    let mut ids = app.store.take_ids(IdKind::Row, records.len() * 2).await?;
    let mut next = || ids.next().expect("ids were taken");
    let new = |o: &HubOrder| {
        let payload = o.raw.to_string();
        NewInbox {
            id: next(),
            job_id: next(),
            source: "poll",
            event_key: format!("{}@{}#{}", o.pk, o.modified_us, hex::encode(&Sha256::digest(&payload)[..8])),
            event_type: "order.polled".into(),
            hub_pk: o.pk,
            modified_us: Some(o.modified_us),
            payload: Some(payload),
        }
    };
    let rows: Vec<_> = records.iter().flatten().map(new).collect();
    let now = app.now_us();
    let mut unreadable = Vec::new();
    for wrong in records.iter().filter_map(|r| r.as_ref().err()) {
        tracing::warn!(error = %wrong, "an order of the hub cannot be read; it is recorded as rejected");
        unreadable.extend(Rejected::unreadable(wrong.pk, &wrong.reason));
    }
    let mut reject_ids = app.store.take_ids(IdKind::Row, unreadable.len() * hub_orders::IDS_EACH).await?;
    let mut tx = app.store.begin().await?;
    let fresh = inbox::receive(&mut tx, &rows, now).await?;
    hub_orders::reject(&mut tx, &unreadable, false, &mut reject_ids, now).await?;
    facts::set_fact(&mut tx, WATERMARK, &watermark.to_string()).await?;
    tx.commit().await?;
    Ok(fresh)
}

/// How much is still to be fetched.
pub async fn backlog(app: &App) -> Result<jobs::Backlog> {
    let mut tx = app.store.read().await?;
    Ok(jobs::backlog(&mut tx, JobKind::Fetch).await?)
}
