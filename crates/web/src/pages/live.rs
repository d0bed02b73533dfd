//! Screens that stay true by themselves: a stream that says which of the shown records changed and how many new
//! ones there are. The page then asks for itself again and puts the changed rows in.
//!
//! All streams of a node share what its one reader of changes tells (`oms_app::upkeep::changes`): a page that is open
//! asks the database nothing.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use oms_app::upkeep::changes::{self, Placed};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::visit::Visit;

/// The least time between two words to one page: each makes it ask for itself again.
const PACE: Duration = Duration::from_millis(500);
/// The most records one screen shows.
const MOST: usize = 200;
/// How long a stream lasts; the browser then comes back by itself, and its session is looked at again.
const LASTS: Duration = Duration::from_secs(600);

/// The stream of one screen: `?of=packages&ids=1,2,3&after=<position>`. Without `after` from now on.
pub(crate) async fn stream(
    State(state): State<WebState>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let entity = match visit.asked("of") {
        Some("packages") => "package",
        Some("transfers") => "transfer",
        Some("orders") => "order",
        _ => {
            let message = "of is packages, transfers or orders.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "of", "invalid", message));
        }
    };
    let given = visit.asked("ids").unwrap_or_default();
    let ids = given.split(',').filter_map(|id| id.parse().ok()).take(MOST).collect();
    // A browser that comes back says what it heard last.
    let heard = headers.get("last-event-id").and_then(|p| p.to_str().ok()).or(visit.asked("after"));
    let after = heard.and_then(|p| p.parse().ok()).unwrap_or(visit.position);
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| Problem::busy(10))?;
    let (before, changes) = changes::follow(&state.app, after).await?;
    let mut listener =
        Listener { changes, entity, ids, heard: after, ends: Instant::now() + LASTS, _place: permit };
    let mut first = Word::default();
    before.changes.iter().for_each(|change| listener.hear(change, &mut first));
    if !before.is_whole {
        first.ids.clone_from(&listener.ids);
    }
    let words = stream::unfold((listener, first), |(mut listener, first)| async move {
        let word = if first.is_empty() { listener.listen().await? } else { first };
        Some((word.event().id(listener.heard.to_string()), (listener, Word::default())))
    });
    let events = futures::StreamExt::map(words, Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// One page that listens.
struct Listener {
    changes: Receiver<Placed>,
    entity: &'static str,
    /// What the page shows.
    ids: BTreeSet<i64>,
    /// The last change that was taken; one may come twice.
    heard: i64,
    ends: Instant,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next word for the page; none when its time is over or the node ends.
    async fn listen(&mut self) -> Option<Word> {
        tokio::time::sleep(PACE).await;
        let mut word = Word::default();
        while word.is_empty() {
            match tokio::time::timeout_at(self.ends, self.changes.recv()).await.ok()? {
                Ok(change) => self.hear(&change, &mut word),
                Err(RecvError::Lagged(_)) => word.ids.clone_from(&self.ids),
                Err(RecvError::Closed) => return None,
            }
            // What came together is told together.
            loop {
                match self.changes.try_recv() {
                    Ok(change) => self.hear(&change, &mut word),
                    Err(TryRecvError::Lagged(_)) => word.ids.clone_from(&self.ids),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        Some(word)
    }

    fn hear(&mut self, change: &Placed, word: &mut Word) {
        if change.position <= self.heard {
            return;
        }
        self.heard = change.position;
        if change.entity != self.entity {
            return;
        }
        if self.ids.contains(&change.entity_id) {
            word.ids.insert(change.entity_id);
        } else if change.seq == 1 {
            word.new += 1;
        }
    }
}

/// What a page is told at once.
#[derive(Default)]
struct Word {
    ids: BTreeSet<i64>,
    new: u64,
}

impl Word {
    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.new == 0
    }

    fn event(&self) -> Event {
        Event::default().event("changed").data(json!({"ids": self.ids, "new": self.new}).to_string())
    }
}
