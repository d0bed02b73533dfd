//! What changes, as it happens: positions for committed events, and word of them to whoever listens on this node.

use std::sync::atomic::{AtomicI64, Ordering};

use oms_store::events;
pub use oms_store::events::Placed;
use tokio::sync::broadcast;

use crate::{App, Result};

/// Events that get their positions in one step.
const PLACED_AT_ONCE: i64 = 5_000;
/// Changes told in one step.
const TOLD_AT_ONCE: i64 = 1_000;
/// Changes kept for a listener that is slow; after more it is told that it missed some.
const KEPT: usize = 4_096;

/// This node's place in the order of all changes, and its listeners.
pub(crate) struct Feed {
    told: AtomicI64,
    listeners: broadcast::Sender<Placed>,
}

/// Nothing was told yet.
const NEVER: i64 = -1;

impl Default for Feed {
    fn default() -> Self {
        Self { told: AtomicI64::new(NEVER), listeners: broadcast::Sender::new(KEPT) }
    }
}

/// Gives committed events their positions. Returns whether there may be more.
pub async fn place_tick(app: &App) -> Result<bool> {
    // Most looks find nothing, and hold nothing.
    if !events::is_waiting(&mut app.store.read().await?).await? {
        return Ok(false);
    }
    let mut tx = app.store.begin().await?;
    let placed = events::place(&mut tx, PLACED_AT_ONCE).await?;
    tx.commit().await?;
    Ok(placed == PLACED_AT_ONCE)
}

/// Tells this node's listeners what has changed since it was last called: one query a node, however many listen.
/// Returns whether there may be more. One loop a node runs it.
pub async fn tell_tick(app: &App) -> Result<bool> {
    let feed = &app.changes;
    let told = feed.told.load(Ordering::Acquire);
    let mut tx = app.store.read().await?;
    // In this order: who begins to listen after the count looks at the database after this look, and finds what it skips.
    let head = events::head(&mut tx).await?;
    if told == NEVER || feed.listeners.receiver_count() == 0 {
        feed.told.store(head, Ordering::Release);
        return Ok(false);
    }
    let changes = events::after(&mut tx, told, TOLD_AT_ONCE).await?;
    let is_full = changes.len() as i64 == TOLD_AT_ONCE;
    for change in changes {
        let position = change.position;
        // Nobody may be listening any more.
        let _ = feed.listeners.send(change);
        feed.told.store(position, Ordering::Release);
    }
    Ok(is_full)
}

/// A position before which everything is certainly visible to a transaction that begins now; what comes after it may be
/// visible too.
pub fn position(app: &App) -> i64 {
    app.changes.told.load(Ordering::Acquire).max(0)
}

/// Every change from now on.
pub(crate) fn listen(app: &App) -> broadcast::Receiver<Placed> {
    app.changes.listeners.subscribe()
}

/// What has changed since a position, and every change from now on. A change may come twice.
pub async fn follow(app: &App, since: i64) -> Result<(Followed, broadcast::Receiver<Placed>)> {
    // First the ear, then the look: nothing falls between them.
    let receiver = app.changes.listeners.subscribe();
    let mut tx = app.store.read().await?;
    let changes = events::after(&mut tx, since, TOLD_AT_ONCE).await?;
    let is_whole = (changes.len() as i64) < TOLD_AT_ONCE;
    Ok((Followed { changes, is_whole }, receiver))
}

/// What came before the ear was open.
pub struct Followed {
    pub changes: Vec<Placed>,
    /// There were no more; otherwise anything may have changed.
    pub is_whole: bool,
}
