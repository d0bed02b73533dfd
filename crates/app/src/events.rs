//! What is told to other software: each change with its payload, in the order of positions.

pub(crate) mod payloads;

use std::time::Duration;

use oms_core::refusal::Refusal;
use oms_core::settings::Retention;
use oms_store::events::{self, Event};
use oms_store::hooks;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::setup::settings;
use crate::upkeep::changes;
use crate::{App, Result};

/// Changes looked at for one answer where a filter leaves some of them.
const LOOKED_AT: i64 = 2_000;
/// Changes looked at in one transaction of [`sweep`].
const SWEPT: i64 = 2_000;
const DAY_US: i64 = 24 * 3_600 * 1_000_000;
/// Changes one answer has at most.
pub const MOST: usize = 500;
/// How long one question may wait for a change.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The uuid by which a specific type of an event is known: version 5, of the event's own and the type.
pub fn specific_uuid(event: &Event, kind: &str) -> String {
    let own = Uuid::parse_str(&event.uuid).unwrap_or_default();
    Uuid::new_v5(&own, kind.as_bytes()).to_string()
}

/// What of the feed is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What comes behind this position; 0: from the first.
    pub after: i64,
    pub most: usize,
    /// These types, also as the specific types of a change; empty: all.
    pub kinds: Vec<String>,
    /// These kinds of record; empty: all.
    pub entities: Vec<String>,
    pub entity_id: Option<i64>,
    pub with_payload: bool,
}

impl Asked {
    fn narrows(&self) -> bool {
        !self.kinds.is_empty() || !self.entities.is_empty() || self.entity_id.is_some()
    }

    fn fits(&self, e: &Event) -> bool {
        let is = |kind: &String| *kind == e.kind || e.also.contains(kind);
        (self.kinds.is_empty() || self.kinds.iter().any(is))
            && (self.entities.is_empty() || self.entities.contains(&e.entity))
            && self.entity_id.is_none_or(|id| id == e.entity_id)
    }
}

/// A part of the feed.
#[derive(Debug)]
pub struct Told {
    /// Each with its payload, null where none was asked for or the record is gone.
    pub events: Vec<(Event, Value)>,
    /// What `after` takes to go on: everything up to it was looked at.
    pub next: i64,
    /// The last position there is.
    pub head: i64,
}

/// A record as it is now, as the payload of its last change has it; null where there is none.
pub async fn now(app: &App, entity: &str, entity_id: i64) -> Result<Value> {
    Ok(payloads::now(app, entity, entity_id).await?.1)
}

/// Changes behind a position. A position is given when everything before it can be read, so whoever goes on from `next`
/// misses nothing and gets nothing twice.
pub async fn read(app: &App, asked: &Asked) -> Result<Told> {
    let mut tx = app.store.read().await?;
    let head = events::head(&mut tx).await?;
    if asked.after > head {
        let message = format!(
            "The last position is {head}. A position behind it is of another database: begin again at 0, or at {head}."
        );
        return Err(Refusal::invalid("after", "position_unknown", message).into());
    }
    let forgotten = events::forgotten(&mut tx).await?;
    if asked.after < forgotten {
        let message = format!(
            "Changes up to position {forgotten} are no longer kept (setting RETENTION). Copy the records from their lists, then \
             go on after {forgotten}."
        );
        return Err(Refusal::gone("after", "position_forgotten", message).into());
    }
    let most = if asked.narrows() { LOOKED_AT } else { asked.most as i64 };
    let looked_at = events::told_after(&mut tx, asked.after, most).await?;
    drop(tx);
    let mut next = looked_at.last().map_or(asked.after, |e| e.position);
    let mut fitting: Vec<Event> = looked_at.into_iter().filter(|e| asked.fits(e)).collect();
    if fitting.len() > asked.most {
        fitting.truncate(asked.most);
        next = fitting.last().map_or(asked.after, |e| e.position);
    }
    let payloads = match asked.with_payload {
        true => payloads::of(app, &fitting).await?,
        false => vec![Value::Null; fitting.len()],
    };
    Ok(Told { events: fitting.into_iter().zip(payloads).collect(), next, head })
}

/// Drops changes that were kept long enough (setting `RETENTION`) and are of no hook's future.
pub(crate) async fn sweep(app: &App) -> Result<()> {
    let kept: Option<Retention> = settings::typed(&mut app.store.read().await?, "RETENTION").await?;
    let Some(days) = kept.unwrap_or_default().events_days else { return Ok(()) };
    let before_us = app.now_us() - days * DAY_US;
    loop {
        let mut tx = app.store.begin().await?;
        let until = match hooks::subscriptions(&mut tx).await?.is_empty() {
            true => events::head(&mut tx).await?,
            false => hooks::cursor(&mut tx).await?,
        };
        let looked_at = events::forget(&mut tx, before_us, until, SWEPT).await?;
        tx.commit().await?;
        if looked_at < SWEPT {
            return Ok(());
        }
    }
}

/// The same; where there is none yet, the answer waits for the first, so long at most.
pub async fn wait(app: &App, asked: &Asked, longest: Duration) -> Result<Told> {
    let ends = Instant::now() + longest.min(LONGEST_WAIT);
    let mut asked = asked.clone();
    loop {
        // The ear first: what comes between the look and the waiting is heard.
        let mut changes = changes::listen(app);
        let told = read(app, &asked).await?;
        if !told.events.is_empty() || Instant::now() >= ends {
            return Ok(told);
        }
        asked.after = told.next;
        if told.next < told.head {
            continue;
        }
        // Time is up, or the node ends: the last look says so.
        if tokio::time::timeout_at(ends, changes.recv()).await.is_err() {
            return Ok(told);
        }
    }
}
