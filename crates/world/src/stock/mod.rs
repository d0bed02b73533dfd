//! The demo world's stock service: a brand's system that says what stands where, in every shape and
//! with every way to sign in that the product supports.
//!
//! `/multiple/` and `/single/` answer as documented, `/odd/` as a brand of its own mind does, `/api/v1/`
//! as Whippy Ware; each asks for what [`Door`] says. `/token/` gives tokens.

mod answers;
mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::hub::listen;
pub use faults::Fault;

/// Rows a page of the Whippy Ware lists at most: so that tests meet a second page.
const PAGE_ROWS: usize = 100;

/// What a caller must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    Open,
    Basic {
        username: String,
        password: String,
    },
    /// A token from `/token/`, behind this word in the `Authorization` header.
    Token {
        username: String,
        password: String,
        prefix: String,
    },
}

/// What stands where: (SKU, location) to units as the service writes them.
pub type Shelf = BTreeMap<(String, String), String>;

struct State {
    door: Door,
    shelf: Shelf,
    fault: Option<(Fault, Option<u32>)>,
    tokens: BTreeSet<String>,
    /// SKUs of each request for stock.
    asked: Vec<Vec<String>>,
}

/// A stock service.
pub struct StockService {
    state: Mutex<State>,
    requests: AtomicU64,
    logins: AtomicU64,
}

impl StockService {
    /// A service with something on its shelves.
    pub fn new(door: Door, shelf: Shelf) -> Arc<Self> {
        let state = State { door, shelf, fault: None, tokens: BTreeSet::new(), asked: Vec::new() };
        Arc::new(Self { state: Mutex::new(state), requests: AtomicU64::new(0), logins: AtomicU64::new(0) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts units on a shelf; text, so that they may be anything.
    pub fn put(&self, sku: &str, location: &str, units: &str) {
        self.state().shelf.insert((sku.into(), location.into()), units.into());
    }

    /// Forgets a SKU.
    pub fn remove(&self, sku: &str) {
        self.state().shelf.retain(|(s, _), _| s != sku);
    }

    /// Misbehaves at the next `count` requests for stock, or until [`Self::behave`].
    pub fn misbehave(&self, fault: Fault, count: Option<u32>) {
        self.state().fault = Some((fault, count));
    }

    /// Behaves again.
    pub fn behave(&self) {
        self.state().fault = None;
    }

    /// Every token given so far is worth nothing.
    pub fn forget_tokens(&self) {
        self.state().tokens.clear();
    }

    /// Requests for stock so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Tokens given so far.
    pub fn logins(&self) -> u64 {
        self.logins.load(Ordering::SeqCst)
    }

    /// The SKUs of each request for stock so far.
    pub fn asked(&self) -> Vec<Vec<String>> {
        self.state().asked.clone()
    }
}

/// The service's routes.
pub fn router(service: Arc<StockService>) -> Router {
    Router::new()
        .route("/multiple/", get(answers::multiple))
        .route("/single/", get(answers::single))
        .route("/odd/", get(answers::odd))
        .route("/api/v1/stocks/", get(answers::whippy_stocks))
        .route("/api/v1/stock-locations/", get(answers::whippy_locations))
        .layer(axum::middleware::from_fn_with_state(service.clone(), faults::around))
        .route("/token/", post(answers::token))
        .with_state(service)
}

/// Serves until `shutdown` is done.
pub async fn serve(
    service: Arc<StockService>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let make = router(service).into_make_service_with_connect_info::<listen::Line>();
    axum::serve(listen::Cuttable(listener), make).with_graceful_shutdown(shutdown).await
}
