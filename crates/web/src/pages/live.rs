//! Screens that stay true by themselves: a stream that says which of the shown records changed and how many new
//! ones there are. The page then asks for itself again and puts the changed rows in.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use oms_app::upkeep::history::{self, Versioned};
use serde_json::json;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::visit::Visit;

/// How often a stream looks.
const EVERY: Duration = Duration::from_secs(2);
/// The most records one screen shows.
const MOST: usize = 200;
/// Looks of one stream; the browser then comes back by itself, and its session is looked at again.
const LOOKS: usize = 300;

/// The stream of one screen: `?of=packages&ids=1,2,3`.
pub(crate) async fn stream(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let of = match visit.asked("of") {
        Some("packages") => Versioned::Packages,
        Some("transfers") => Versioned::Transfers,
        Some("orders") => Versioned::Orders,
        _ => {
            let message = "of is packages, transfers or orders.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "of", "invalid", message));
        }
    };
    let given = visit.asked("ids").unwrap_or_default();
    let ids: Vec<i64> = given.split(',').filter_map(|id| id.parse().ok()).take(MOST).collect();
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| Problem::busy(10))?;
    let since_us = visit.now_us;
    let first = history::look(&state.app, of, ids.clone(), since_us).await?;
    let looks = stream::unfold((first, 0_usize), move |(before, looks)| {
        let (state, ids) = (state.clone(), ids.clone());
        let _held = &permit;
        async move {
            if looks == LOOKS {
                return None;
            }
            tokio::time::sleep(EVERY).await;
            // A database that does not answer now is asked again at the next look.
            let Ok(now) = history::look(&state.app, of, ids, since_us).await else {
                return Some((Event::default().comment("waiting"), (before, looks + 1)));
            };
            let event = if now == before { Event::default().comment("same") } else { told(&before, &now) };
            Some((event, (now, looks + 1)))
        }
    });
    let events = futures::StreamExt::map(looks, Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

type Look = (Vec<(i64, i64)>, i64);

fn told(before: &Look, now: &Look) -> Event {
    let changed: Vec<i64> = now.0.iter().filter(|row| !before.0.contains(row)).map(|(id, _)| *id).collect();
    Event::default().event("changed").data(json!({"ids": changed, "new": now.1}).to_string())
}
