//! What every handler shares.

use std::sync::Arc;

use oms_app::App;
use oms_app::orders::intake::Mailbox;
use oms_app::packages::commands::{self, Desk};
use tokio::sync::Semaphore;

use crate::auth::TokenCache;
use crate::throttle::Throttle;

/// Sign-ins that may wait for their password check; beyond them callers are told to come back, so that
/// a flood of guesses does not hold connections.
const LOGINS_AT_ONCE: usize = 32;

/// Screens that follow changes at once: each holds a connection.
const STREAMS_AT_ONCE: usize = 500;

/// The parts of the web side, shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct WebState(Arc<Parts>);

/// What [`WebState`] holds.
pub struct Parts {
    pub app: Arc<App>,
    pub mailbox: Arc<Mailbox>,
    pub desk: Arc<Desk>,
    pub(crate) tokens: TokenCache,
    pub(crate) throttle: Throttle,
    pub(crate) logins: Semaphore,
    /// Places for screens that follow changes.
    pub(crate) streams: Arc<Semaphore>,
}

impl WebState {
    /// Puts the parts together.
    pub fn new(app: Arc<App>, mailbox: Arc<Mailbox>) -> Self {
        let desk = Arc::new(commands::desk(app.clone(), crate::problem::refusal_answer));
        Self(Arc::new(Parts {
            app,
            desk,
            mailbox,
            tokens: TokenCache::default(),
            throttle: Throttle::default(),
            logins: Semaphore::new(LOGINS_AT_ONCE),
            streams: Arc::new(Semaphore::new(STREAMS_AT_ONCE)),
        }))
    }
}

impl std::ops::Deref for WebState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
