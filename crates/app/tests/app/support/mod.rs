//! A real database, the demo hub on a real socket, and the use cases between them. The clock is the
//! test's: nothing here sleeps.

pub mod shop;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use oms_app::orders::intake::{self, PollCursor, Polled};
use oms_app::rules::scenarios;
use oms_app::setup::settings;
use oms_app::setup::{self, SetupTask};
use oms_app::stock::stocks;
use oms_app::{App, Clock, planning};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_store::setup::TaskState;
use oms_store::{Options, Store, Value, check};
use oms_testkit::Database;
use oms_world::data::{Dataset, GenerateSize, slice_dir};
use oms_world::hub::{self, Hub, HubConfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const PASSWORD: &str = "a password of tests";
/// Wednesday 2031-03-05 12:00 UTC, where every test's clock begins.
pub const NOW_US: i64 = 1_930_478_400_000_000;
pub const SECOND_US: i64 = 1_000_000;
/// Steps no loop of a test may exceed.
const MOST_STEPS: usize = 2_000;

/// A clock that a test moves, and that panics when it is told to.
#[derive(Clone)]
pub struct Time {
    now_us: Arc<AtomicI64>,
    /// Readings left until one panics; none does below zero.
    panics_in: Arc<AtomicI64>,
}

impl Time {
    pub fn new() -> Self {
        Self { now_us: Arc::new(AtomicI64::new(NOW_US)), panics_in: Arc::new(AtomicI64::new(-1)) }
    }

    pub fn clock(&self) -> Clock {
        let time = self.clone();
        Arc::new(move || {
            assert_ne!(time.panics_in.fetch_sub(1, Ordering::SeqCst), 0, "the clock was told to panic");
            time.now_us()
        })
    }

    /// The `n`-th reading from now panics, and no other.
    pub fn panic_at(&self, n: i64) {
        self.panics_in.store(n, Ordering::SeqCst);
    }

    /// No reading panics any more; says whether one did.
    pub fn calm(&self) -> bool {
        self.panics_in.swap(-1, Ordering::SeqCst) < 0
    }

    pub fn advance(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::SeqCst);
    }

    pub fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst)
    }
}

pub fn slice() -> Dataset {
    Dataset::load(&slice_dir()).unwrap()
}

pub fn small() -> Dataset {
    Dataset::generate(11, GenerateSize { orders: 30, customers: 12, locations: 6, warehouses: 1, skus: 20 })
}

/// A world where many want the same few things.
pub fn scarce(orders: usize) -> Dataset {
    let size = GenerateSize { orders, customers: 60, locations: 12, warehouses: 2, skus: 12 };
    let mut data = Dataset::generate(5, size);
    cut_stock(&mut data, |_| true);
    data
}

/// Leaves only half of what the orders ask for of the SKUs that `which` names by their place in the
/// list of products.
pub fn cut_stock(data: &mut Dataset, which: impl Fn(usize) -> bool) {
    let sums = demand_and_stock(data);
    let named = data.products.iter().enumerate().filter(|(i, _)| which(*i)).map(|(_, p)| &p.sku);
    let mut left: BTreeMap<&str, i64> =
        named.filter_map(|sku| Some((sku.as_str(), sums.get(sku)?.0 / 2))).collect();
    for row in &mut data.stock {
        if let Some(left) = left.get_mut(row.sku.as_str()) {
            row.quantity = row.quantity.min(*left);
            *left -= row.quantity;
        }
    }
}

/// Units of each SKU that the orders ask for and that the locations hold.
pub fn demand_and_stock(data: &Dataset) -> BTreeMap<String, (i64, i64)> {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for line in data.orders.iter().flat_map(|o| &o.lines) {
        sums.entry(line.sku.clone()).or_default().0 += line.quantity;
    }
    for row in &data.stock {
        sums.entry(row.sku.clone()).or_default().1 += row.quantity;
    }
    sums
}

/// A node of the OMS on this database.
pub async fn node(url: &str, time: &Time) -> Arc<App> {
    // What is tested here is not the disk: kill.rs of the binary does that with durable commits.
    let store = Store::open(url, Options { durable: false }).await.unwrap();
    let http = HttpClient::new(NetPolicy::with_loopback()).unwrap();
    App::start(store, http, time.clock()).await.unwrap()
}

/// A hub that listens.
pub struct RunningHub {
    pub hub: Arc<Hub>,
    pub at: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl RunningHub {
    pub async fn start(data: &Dataset, time: &Time) -> Self {
        let mut config = HubConfig::new(data.clone(), PASSWORD);
        config.keep_dates = true;
        let hub = hub::open(config, time.clock()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut running = Self { hub, at, stop: None, server: None };
        running.serve(listener);
        running
    }

    fn serve(&mut self, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel::<()>();
        let hub = self.hub.clone();
        let shutdown = async { drop(stopped.await) };
        self.server = Some(tokio::spawn(async move { hub::serve(hub, listener, shutdown).await.unwrap() }));
        self.stop = Some(stop);
    }

    /// The hub's host is gone: nothing listens at its address.
    pub async fn go(&mut self) {
        drop(self.stop.take());
        let server = self.server.take().unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(20), server).await.unwrap().unwrap();
    }

    /// It is back at the same address.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.at).await.unwrap();
        self.serve(listener);
    }
}

/// Tells a node where the hub is and what to take.
pub async fn configure(app: &App, hub: &RunningHub) {
    let put = async |key: &str, value: serde_json::Value| {
        settings::put(app, "test", key, &value).await.unwrap();
    };
    let base_url = format!("http://{}/api/v1", hub.at);
    let auth = json!({"username": oms_world::hub::DEFAULT_USERNAME, "password": PASSWORD});
    put(
        "OMNITRON_CLIENT_SETTINGS",
        json!({"auth": auth, "urls": {"base_url": base_url, "oms_url": "http://127.0.0.1:9/api/v1"},
               "timeouts": {"read": 30_000, "connect": 6_000}, "endpoint_conf": []}),
    )
    .await;
    put("ORDER_FILTERING", json!({"order_statuses": ["400"], "channels": [], "exclude_order_types": []}))
        .await;
    put("ORDER_ITEM_QUANTITY_KEY", json!({"key": oms_world::hub::DEFAULT_QUANTITY_KEY})).await;
    put("GEOLOCATION_DISCOVERY", json!({"enabled": true, "provider": "haversine"})).await;
}

/// Asks for a setup task.
pub async fn ask(app: &App, task: SetupTask) {
    let mut tx = app.store.begin().await.unwrap();
    setup::execute(&mut tx, task, app.now_us()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Copies everything an order needs.
pub async fn copy_from_hub(app: &App) {
    for task in [SetupTask::Addresses, SetupTask::StockLocations, SetupTask::Channels] {
        ask(app, task).await;
        assert_eq!(setup::tick(app).await.unwrap(), Some(task));
        let status = setup::status(app, task).await.unwrap();
        assert_eq!(status.state, TaskState::Finished, "{:?}", status.error);
    }
}

pub async fn load_stock(app: &App, data: &Dataset) {
    for rows in data.stock.chunks(stocks::MAX_ROWS) {
        let row = |r: &oms_world::data::StockRow| stocks::StockRow {
            erp_code: r.erp_code.clone(),
            sku: r.sku.clone(),
            on_hand: r.quantity,
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        let ids = stocks::ids(app, rows.len()).await.unwrap();
        let actor = app.actor("test").await.unwrap();
        let mut tx = app.store.begin().await.unwrap();
        stocks::set(&mut tx, ids, &actor, &rows).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The demo's scenario.
pub async fn define_scenario(app: &App, data: &Dataset) {
    let body = json!({
        "name": "Demo", "default_stock_location": data.locations[0].erp_code,
        "rules": [
            {"name": "All from one", "products": "all_from_one", "sort": [{"by": "distance"}, {"by": "priority"}]},
            {"name": "Nearest first", "products": "units", "sort": [{"by": "distance"}]}
        ]
    });
    scenarios::put(app, "test", &body).await.unwrap();
}

/// Polls to the end of the hub's changes; returns how many were news.
pub async fn poll(app: &App) -> usize {
    let (mut cursor, mut news) = (PollCursor::default(), 0);
    for _ in 0..MOST_STEPS {
        match intake::poll_tick(app, &mut cursor).await.unwrap() {
            Polled::Page { new, more: true } => news += new,
            Polled::Page { new, more: false } => return news + new,
            Polled::Waiting => return news,
            Polled::NotMine => panic!("this node may poll"),
        }
    }
    panic!("the poll does not end");
}

/// Fetches what is due; returns how many orders were taken.
pub async fn fetch(app: &App) -> usize {
    let mut taken = 0;
    for _ in 0..MOST_STEPS {
        let fetched = intake::fetch_tick(app).await.unwrap();
        taken += fetched.taken;
        if fetched.jobs == 0 {
            return taken;
        }
    }
    panic!("fetching does not end");
}

/// Plans what is due; returns how many orders were decided on.
pub async fn plan(app: &App) -> usize {
    let mut planned = 0;
    for _ in 0..MOST_STEPS {
        let tick = planning::tick(app, planning::BATCH).await.unwrap();
        planned += tick.planned;
        if tick.claimed == 0 {
            return planned;
        }
    }
    panic!("planning does not end");
}

/// Asserts that every check holds.
pub async fn assert_sound(app: &App) {
    let mut tx = app.store.read().await.unwrap();
    let findings = check::run(&mut tx, app.now_us(), |_| {}).await.unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
}

pub async fn number(app: &App, sql: &str) -> i64 {
    app.store.read().await.unwrap().scalar(sql, vec![]).await.unwrap()
}

/// The rows of a query whose columns are all texts.
pub async fn texts(app: &App, sql: &str, args: Vec<Value>) -> Vec<String> {
    let rows = app.store.read().await.unwrap().fetch(sql, args).await.unwrap();
    rows.iter().map(|r| r.cols().text().unwrap()).collect()
}

/// A node with the world of a running hub, nothing taken yet.
pub struct Rig {
    pub app: Arc<App>,
    pub hub: RunningHub,
    pub time: Time,
    pub data: Dataset,
    pub database: Database,
}

impl Rig {
    pub async fn start(database: Database, data: Dataset) -> Self {
        let time = Time::new();
        let hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        configure(&app, &hub).await;
        copy_from_hub(&app).await;
        load_stock(&app, &data).await;
        Self { app, hub, time, data, database }
    }

    /// With the demo's scenario and every order taken.
    pub async fn with_orders(database: Database, data: Dataset) -> Self {
        let rig = Self::start(database, data).await;
        define_scenario(&rig.app, &rig.data).await;
        poll(&rig.app).await;
        assert_eq!(fetch(&rig.app).await, rig.data.orders.len());
        rig
    }

    /// Another node on the same database.
    pub async fn another_node(&self) -> Arc<App> {
        node(&self.database.url, &self.time).await
    }
}
