//! The demo hub: an Omnitron by its wire contract, over data of ours.
//!
//! Base records are a pure function of the data and live in memory; what callers change lives in a small
//! state file and is laid over them.

mod access;
mod base;
mod batches;
mod cancellations;
mod change;
mod faults;
mod hooks;
mod inside;
mod items;
mod kind;
pub(crate) mod listen;
mod orders;
mod query;
mod records;
mod reply;
mod route;
mod shape;
mod state;
mod status;
mod wire;
mod wire_orders;
mod wire_people;
mod world;

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;

use crate::data::Dataset;

use access::Access;
use base::Base;
use reply::Reply;
use world::World;

pub use faults::{Fault, Faults};
pub use inside::{NewOrder, Refused, Touch};
pub use state::HubError;

/// Tells the time in microseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The user the OMS logs in as, by the contract.
pub const DEFAULT_USERNAME: &str = "oms.application";
/// The item attribute that holds a merged line's count.
pub const DEFAULT_QUANTITY_KEY: &str = "quantity";

/// How a hub is set up.
#[derive(Clone)]
pub struct HubConfig {
    pub dataset: Dataset,
    pub username: String,
    pub password: String,
    /// Where changes are kept; `None` keeps them in memory until the hub is dropped.
    pub state_path: Option<PathBuf>,
    /// Logins allowed in six minutes; `None` is no limit.
    pub login_limit: Option<u32>,
    /// Leaves order times as the data has them.
    pub keep_dates: bool,
    pub quantity_key: String,
    /// Webhooks go to this machine only.
    pub loopback_only: bool,
}

impl HubConfig {
    /// The usual settings, in memory.
    pub fn new(dataset: Dataset, password: impl Into<String>) -> Self {
        Self {
            dataset,
            username: DEFAULT_USERNAME.to_owned(),
            password: password.into(),
            state_path: None,
            login_limit: None,
            keep_dates: false,
            quantity_key: DEFAULT_QUANTITY_KEY.to_owned(),
            loopback_only: true,
        }
    }
}

/// What the running hub needs of its configuration; the data has moved into the world.
struct Settings {
    username: String,
    password: String,
    login_limit: Option<u32>,
    loopback_only: bool,
}

/// A running demo hub.
pub struct Hub {
    config: Settings,
    clock: Clock,
    world: RwLock<World>,
    access: Mutex<Access>,
    state: state::State,
    /// Held by the one request that changes something.
    turn: tokio::sync::Mutex<()>,
    hooks: hooks::Hooks,
    faults: Faults,
}

/// Opens a hub: loads the state file, if there is one, over the base of the data.
pub async fn open(config: HubConfig, clock: Clock) -> Result<Arc<Hub>, HubError> {
    let mut dataset = config.dataset;
    let (state, remembered) = state::State::open(config.state_path.as_deref(), &dataset.identity()).await?;
    let weeks = match remembered.shift_weeks {
        Some(weeks) => weeks,
        None => {
            let weeks = if config.keep_dates { 0 } else { dataset.shift_weeks_for(clock()) };
            state.put_shift(weeks).await?;
            weeks
        }
    };
    dataset.apply_shift(weeks);
    let mut world = World::new(Arc::new(Base::new(dataset, config.quantity_key)));
    for change in &remembered.changes {
        world.apply(change);
    }
    let access = Access::remembered(remembered.tokens);
    Ok(Arc::new(Hub {
        config: Settings {
            username: config.username,
            password: config.password,
            login_limit: config.login_limit,
            loopback_only: config.loopback_only,
        },
        clock,
        world: RwLock::new(world),
        access: Mutex::new(access),
        state,
        turn: tokio::sync::Mutex::new(()),
        hooks: hooks::Hooks::start()?,
        faults: Faults::default(),
    }))
}

/// The hub's routes, under `/api/v1/` and `/api/i1/`.
pub fn router(hub: Arc<Hub>) -> Router {
    route::router(hub)
}

/// Serves a hub until `shutdown` is done.
pub async fn serve(
    hub: Arc<Hub>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HubError> {
    let service = router(hub).into_make_service_with_connect_info::<listen::Line>();
    Ok(axum::serve(listen::Cuttable(listener), service).with_graceful_shutdown(shutdown).await?)
}

impl Hub {
    /// The faults this hub is to show, for tests of its clients.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn now(&self) -> i64 {
        (self.clock)()
    }

    /// A panic elsewhere leaves whole records behind, since each change is put in at once: go on with them.
    fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broken(error: &HubError) -> Reply {
        tracing::error!(%error, "the hub cannot keep a change");
        Reply::detail(StatusCode::INTERNAL_SERVER_ERROR, "The change could not be kept.")
    }
}
