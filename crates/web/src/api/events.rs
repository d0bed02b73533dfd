//! The feed: every change in one order without gaps, to be read on from where one stands.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use oms_app::events::{self, Asked, LONGEST_WAIT, MOST, specific_uuid};
use oms_core::events::ENTITIES;
use oms_core::time::format_us;
use oms_store::events::Event;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::Query;
use crate::paging::{whole, wrong};
use crate::problem::Problem;
use crate::state::WebState;

/// Changes of an answer where the caller does not say how many.
const DEFAULT_LIMIT: usize = 100;

/// The type and the name of an event.
#[derive(Serialize, ToSchema)]
pub(crate) struct Named {
    /// For example `package.status.transitioned`.
    #[serde(rename = "type")]
    kind: String,
    /// Of this event alone and for good.
    uuid: String,
}

/// One change.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventView {
    /// Its place in the order of all changes, counted from 1 without a gap.
    position: i64,
    event: Named,
    /// The specific types it also is, each as a webhook names it.
    also: Vec<Named>,
    /// `order`, `package`, `transfer`, `shipment` or `stock_location`.
    entity: String,
    entity_id: i64,
    /// Counts the record's changes from 1 without a gap.
    seq: i64,
    /// When the change was made.
    created_date: String,
    /// Who made it: `user:<id>` or a part of the system.
    actor: String,
    /// What of it may change again later: its state, ids of what was made.
    #[schema(value_type = Object)]
    delta: Value,
    /// The record as it was then, with the keys of its address of the API; null with `payload=false`.
    #[schema(value_type = Option<Object>)]
    payload: Value,
}

impl From<(Event, Value)> for EventView {
    fn from((e, payload): (Event, Value)) -> Self {
        let also =
            e.also.iter().map(|kind| Named { uuid: specific_uuid(&e, kind), kind: kind.clone() }).collect();
        Self {
            position: e.position,
            also,
            event: Named { kind: e.kind, uuid: e.uuid },
            entity: e.entity,
            entity_id: e.entity_id,
            seq: e.seq,
            created_date: format_us(e.at_us),
            actor: e.actor,
            delta: e.delta,
            payload,
        }
    }
}

/// A part of the feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Feed {
    results: Vec<EventView>,
    /// What `after` takes to go on.
    next: i64,
    /// The last position there is: with `next` equal to it, everything was read.
    head: i64,
}

/// **Ours.** Read changes in the order of their positions. Keep `next` beside what you made of the results, and ask with
/// `after=<next>`: nothing is missed and nothing comes twice, whatever fails on either side. With `wait` the answer is held
/// until there is a change.
#[utoipa::path(get, path = "/api/v1/oms/events/", tag = "events",
    params(("after" = Option<i64>, Query, description = "The position behind which to begin; 0 if it is not given."),
           ("limit" = Option<i64>, Query, description = "Changes at most, 1 to 500; 100 if it is not given."),
           ("wait" = Option<i64>, Query, description = "Seconds to wait for the first change, up to 30; 0 if it is not given."),
           ("type" = Option<String>, Query, description = "Types between commas, general or specific."),
           ("entity" = Option<String>, Query, description = "Kinds of record between commas."),
           ("entity_id" = Option<i64>, Query, description = "The record's id."),
           ("payload" = Option<bool>, Query, description = "`false`: without payloads.")),
    responses((status = 200, body = Feed)))]
pub(crate) async fn read(State(state): State<WebState>, Query(given): Query) -> Result<Json<Feed>, Problem> {
    let mut asked = Asked { most: DEFAULT_LIMIT, with_payload: true, ..Asked::default() };
    let mut longest = Duration::ZERO;
    for (name, text) in &given {
        let words = || text.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty());
        let from_nought = || match text.trim() {
            "0" => Ok(0),
            _ => whole(name, text).map_err(|_| wrong(name, format!("{name} is a whole number from 0."))),
        };
        match name.as_str() {
            "after" => asked.after = from_nought()?,
            "limit" => asked.most = usize::try_from(whole(name, text)?).unwrap_or(MOST).min(MOST),
            "wait" => longest = Duration::from_secs(from_nought()? as u64).min(LONGEST_WAIT),
            "type" => asked.kinds.extend(words()),
            "entity" => asked.entities.extend(words()),
            "entity_id" => asked.entity_id = Some(whole(name, text)?),
            "payload" if matches!(text.as_str(), "true" | "false") => asked.with_payload = text == "true",
            "payload" => return Err(wrong(name, "payload: true or false is expected.").into()),
            other => {
                let known = "after, limit, wait, type, entity, entity_id, payload";
                return Err(
                    wrong(other, format!("{other:?} is not a parameter here. Known: {known}.")).into()
                );
            }
        }
    }
    if let Some(unknown) = asked.entities.iter().find(|e| !ENTITIES.contains(&e.as_str())) {
        return Err(wrong("entity", format!("{unknown:?} is none of {}.", ENTITIES.join(", "))).into());
    }
    let told = match longest.is_zero() {
        true => events::read(&state.app, &asked).await?,
        false => {
            let _place = state.streams.clone().try_acquire_owned().map_err(|_| Problem::busy(10))?;
            events::wait(&state.app, &asked, longest).await?
        }
    };
    Ok(Json(Feed {
        results: told.events.into_iter().map(EventView::from).collect(),
        next: told.next,
        head: told.head,
    }))
}
