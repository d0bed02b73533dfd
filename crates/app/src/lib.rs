//! Use cases: the only place where core, store and connect meet. One file a noun, verbs inside, in the
//! room of its subject; rooms are the same in every layer (ARCHITECTURE.md).
//!
//! Loops are `tick` functions: one bounded step that says what it did. Only the binary sleeps.

pub mod events;
pub mod guard;
pub mod objects;
pub mod views;

pub mod access;
pub mod carriers;
pub mod hooks;
pub mod orders;
pub mod packages;
pub mod places;
pub mod planning;
pub mod rules;
pub mod setup;
pub mod stock;
pub mod upkeep;

use std::sync::Arc;

use oms_connect::http::HttpClient;
use oms_connect::hub::HubError;
pub use oms_connect::hub::HubErrorClass;
use oms_core::refusal::Refusal;
use oms_store::access::logs::Actor;
use oms_store::ids::IdKind;
use oms_store::{Store, StoreError};

/// Microseconds since 1970 UTC, passed in so that tests hold the clock.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the real clock comes in")]
    Arc::new(|| jiff::Timestamp::now().as_microsecond())
}

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller can act.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another company's system does not answer as it should; the text says what to do.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Too much is queued; the caller may come back.
    #[error("too much is waiting to be written; try again in a second")]
    Busy,
    /// This process is about to end; another node, or this one after its start, answers.
    #[error("this node is stopping; send the same request again")]
    Stopping,
    /// A mistake of ours: the step ended in the middle, and nothing of it was kept.
    #[error("{step} panicked: {message}")]
    Panicked { step: &'static str, message: String },
    /// What a whole batch failed of, told to each of its callers.
    #[error(transparent)]
    Batch(Arc<Error>),
    /// The operator must act.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Whether the same work may succeed if it is tried again as it is: something was in the way, not wrong.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Panicked { .. } => false,
            Self::Hub(hub) => hub.class() != HubErrorClass::Permanent,
            Self::Busy | Self::Stopping => true,
            Self::Batch(error) => error.is_passing(),
            Self::Store(error) => error.is_retryable() || error.trouble().is_some(),
        }
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What every use case needs.
pub struct App {
    pub store: Store,
    pub http: HttpClient,
    pub clock: Clock,
    /// This process, in leases and commands. New at every start.
    pub node: String,
    hub: setup::hub::HubCache,
    /// The set-up is far enough that orders of the hub are taken.
    is_set_up: std::sync::atomic::AtomicBool,
    places: places::geography::PlacesCache,
    in_hand: upkeep::nodes::InHand,
    geocoder: places::geocode::Health,
    engines: stock::engines::Engines,
    flow: rules::transitions::FlowCache,
    far: packages::commands::outside::FarSide,
    changes: upkeep::changes::Feed,
    hooks: hooks::sending::Sender,
}

impl App {
    /// Puts the parts together and takes back what an earlier process of this database had leased.
    pub async fn start(store: Store, http: HttpClient, clock: Clock) -> Result<Arc<Self>> {
        let app = Self::beside(store, http, clock);
        upkeep::nodes::begin(&app).await?;
        Ok(app)
    }

    /// Puts the parts together beside a node that may be running: for the command line.
    pub fn beside(store: Store, http: HttpClient, clock: Clock) -> Arc<Self> {
        let node = format!("node-{}", random_hex::<6>());
        Arc::new(Self {
            store,
            http,
            clock,
            node,
            hub: setup::hub::HubCache::default(),
            is_set_up: std::sync::atomic::AtomicBool::new(false),
            places: places::geography::PlacesCache::default(),
            in_hand: upkeep::nodes::InHand::default(),
            geocoder: places::geocode::Health::default(),
            engines: stock::engines::Engines::default(),
            flow: rules::transitions::FlowCache::default(),
            far: packages::commands::outside::FarSide::default(),
            changes: upkeep::changes::Feed::default(),
            hooks: hooks::sending::Sender::default(),
        })
    }

    /// Now.
    pub fn now_us(&self) -> i64 {
        (self.clock)()
    }

    /// An actor with a fresh command id. Call it before a transaction begins.
    pub async fn actor(&self, name: impl Into<String>) -> Result<Actor> {
        let command_id = self.store.take_id(IdKind::Row).await?;
        Ok(Actor { command_id, name: name.into(), node: self.node.clone(), at_us: self.now_us() })
    }
}

/// `N` bytes of the operating system's randomness.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

fn random_hex<const N: usize>() -> String {
    hex::encode(random_bytes::<N>())
}
