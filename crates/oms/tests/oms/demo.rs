//! The demo as people run it: the binary, its output, its exit code, and the database it leaves.

use std::path::Path;
use std::sync::Arc;

use crate::support::{
    Counts, Process, assert_replays, assert_sound, demo, oms, packages, query, run, slice_with_a_third_short,
    summary, wait_for,
};
use oms_app::App;
use oms_app::rules::scenarios;
use oms_app::setup::settings;
use oms_app::setup::{self, SetupTask};
use oms_app::stock::stocks;
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_store::setup::TaskState;
use oms_store::{Options, Store};
use oms_testkit::{Database, Engine};
use oms_world::data::{Dataset, slice_dir};
use serde_json::json;
use tempfile::tempdir;

const KEYS: [&str; 11] = [
    "database",
    "lines",
    "orders",
    "orders_per_second",
    "orders_split",
    "orders_this_run",
    "packages",
    "seconds",
    "units",
    "units_out_of_stock",
    "units_reserved",
];

fn becomes_what_the_files_say(data: &Path, database: &Database, workers: &str) {
    let folder = tempdir().unwrap();
    let expected = Counts::of_files(data);
    let first = summary(&run(demo(folder.path(), data, &database.url, &["--workers", workers])));
    let mut keys: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, KEYS);
    assert_eq!(Counts::of_summary(&first), expected);
    assert_eq!(first["orders_this_run"], expected.orders);
    assert!(first["seconds"].as_f64().unwrap() > 0.0 && first["orders_per_second"].as_f64().unwrap() > 0.0);
    assert_sound(folder.path(), &database.url);
    assert_replays(folder.path(), &database.url);
    let made = packages(database);
    let number = |sql: &str| query(database, sql)[0].parse::<i64>().unwrap();
    assert_eq!(first["packages"], number("SELECT CAST(COUNT(*) AS TEXT) FROM packages"));
    let split = "SELECT CAST(COUNT(*) AS TEXT) FROM (SELECT order_id FROM packages WHERE state <> 920 GROUP BY order_id \
                 HAVING COUNT(*) > 1) x";
    assert_eq!(first["orders_split"], number(split));

    // The same command again finds everything done.
    let second = summary(&run(demo(folder.path(), data, &database.url, &["--workers", workers])));
    assert_eq!(Counts::of_summary(&second), expected);
    assert_eq!((&second["orders_this_run"], &second["packages"]), (&json!(0), &first["packages"]));
    assert!(packages(database) == made, "the second run changed packages");
    assert_sound(folder.path(), &database.url);
}

#[test]
fn the_slice_becomes_what_its_files_say_with_one_worker_on_sqlite() {
    becomes_what_the_files_say(&slice_dir(), &Database::sqlite(), "1");
}

#[test]
fn the_slice_becomes_what_its_files_say_with_eight_workers_on_sqlite() {
    becomes_what_the_files_say(&slice_dir(), &Database::sqlite(), "8");
}

#[test]
fn the_slice_becomes_what_its_files_say_with_one_worker_on_postgres() {
    becomes_what_the_files_say(&slice_dir(), &Database::postgres(), "1");
}

#[test]
fn the_slice_becomes_what_its_files_say_with_eight_workers_on_postgres() {
    becomes_what_the_files_say(&slice_dir(), &Database::postgres(), "8");
}

#[test]
fn units_that_no_location_has_are_out_of_stock() {
    let data = tempdir().unwrap();
    slice_with_a_third_short(data.path());
    assert!(Counts::of_files(data.path()).units_out_of_stock > 500);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        becomes_what_the_files_say(data.path(), &Database::of(engine), "4");
    }
}

#[test]
fn a_database_of_other_data_is_refused_by_name() {
    let (folder, data) = (tempdir().unwrap(), tempdir().unwrap());
    slice_with_a_third_short(data.path());
    for database in Database::each() {
        // Enough of a first run to be this data's: the refusal must not depend on a run that ended well.
        let mut first = Process::start(demo(folder.path(), data.path(), &database.url, &[]));
        first.line("addresses copied");
        first.kill();
        let ended = run(demo(folder.path(), &slice_dir(), &database.url, &[]));
        assert!(!ended.status.success());
        let identity = |dir: &Path| Dataset::load(dir).unwrap().identity();
        for (dir, what) in [(data.path(), "theirs"), (&*slice_dir(), "ours")] {
            let named = &identity(dir)[..12];
            assert!(ended.stderr.contains(named), "{what} {named} is not named: {}", ended.stderr);
        }
        assert!(ended.stderr.contains("--fresh"), "what to do is not said: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

/// Everything but orders and planning, as an operator sets it up.
async fn set_up(app: &App, hub_url: &str, password: &str, data: &Dataset) {
    let put =
        async |key: &str, value: serde_json::Value| settings::put(app, "test", key, &value).await.unwrap();
    let auth = json!({"username": oms_world::hub::DEFAULT_USERNAME, "password": password});
    put(
        "OMNITRON_CLIENT_SETTINGS",
        json!({"auth": auth, "urls": {"base_url": hub_url, "oms_url": "http://127.0.0.1:9/api/v1"},
               "timeouts": {"read": 30_000, "connect": 6_000}, "endpoint_conf": []}),
    )
    .await;
    put("ORDER_FILTERING", json!({"order_statuses": ["400"], "channels": [], "exclude_order_types": []}))
        .await;
    put("ORDER_ITEM_QUANTITY_KEY", json!({"key": oms_world::hub::DEFAULT_QUANTITY_KEY})).await;
    put("GEOLOCATION_DISCOVERY", json!({"enabled": true, "provider": "haversine"})).await;
    for task in [SetupTask::Addresses, SetupTask::StockLocations, SetupTask::Channels] {
        let mut tx = app.store.begin().await.unwrap();
        setup::execute(&mut tx, task, app.now_us()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(setup::tick(app).await.unwrap(), Some(task));
        assert_eq!(setup::status(app, task).await.unwrap().state, TaskState::Finished);
    }
    for rows in data.stock.chunks(stocks::MAX_ROWS) {
        let row = |r: &oms_world::data::StockRow| stocks::StockRow {
            erp_code: r.erp_code.clone(),
            sku: r.sku.clone(),
            on_hand: r.quantity,
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        let (ids, actor) = (stocks::ids(app, rows.len()).await.unwrap(), app.actor("test").await.unwrap());
        let mut tx = app.store.begin().await.unwrap();
        stocks::set(&mut tx, ids, &actor, &rows).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn open(url: &str) -> Arc<App> {
    let store = Store::open(url, Options::default()).await.unwrap();
    App::beside(store, HttpClient::new(NetPolicy::with_loopback()).unwrap(), oms_app::system_clock())
}

#[test]
fn two_nodes_on_one_postgres_plan_the_backlog_together() {
    let (folder, data) = (tempdir().unwrap(), tempdir().unwrap());
    slice_with_a_third_short(data.path());
    let dataset = Dataset::load(data.path()).unwrap();
    let dir = data.path().to_str().unwrap();
    let database = Database::postgres();
    let mut hub = Process::start(oms(
        folder.path(),
        &[
            "hub",
            "--listen",
            "127.0.0.1:0",
            "--state",
            "hub.db",
            "--data",
            dir,
            "--password",
            "a password of tests",
        ],
    ));
    let line = hub.line("http://");
    let hub_url = line.split_whitespace().find(|w| w.starts_with("http://")).unwrap().trim_end_matches('/');
    assert!(!line.contains("a password of tests"));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(open(&database.url));
    runtime.block_on(set_up(&app, hub_url, "a password of tests", &dataset));

    let serve = ["serve", "--database", &database.url, "--listen", "127.0.0.1:0", "--workers", "2"];
    let serve = [&serve[..], &["--allow-net", "127.0.0.0/8"]].concat();
    let mut nodes = [0, 1].map(|_| Process::start(oms(folder.path(), &serve)));
    for node in &mut nodes {
        node.line("OMS at http://");
    }
    // Orders wait for a scenario until both nodes run; then both have work at the same moment.
    let number = |sql: &str| {
        runtime.block_on(async { app.store.read().await.unwrap().scalar(sql, vec![]).await.unwrap() })
    };
    let orders = dataset.orders.len() as i64;
    wait_for("every order waits", || number("SELECT COUNT(*) FROM plans WHERE state = 'pending'") == orders);
    wait_for("both nodes live", || number("SELECT COUNT(*) FROM nodes") == 2);
    let scenario = json!({
        "name": "Demo", "default_stock_location": dataset.locations[0].erp_code,
        "rules": [
            {"name": "All from one", "products": "all_from_one", "sort": [{"by": "distance"}, {"by": "priority"}]},
            {"name": "Nearest first", "products": "units", "sort": [{"by": "distance"}]}
        ]
    });
    runtime.block_on(scenarios::put(&app, "test", &scenario)).unwrap();
    wait_for("every order is planned", || {
        number("SELECT COUNT(*) FROM plans WHERE state = 'completed'") == orders
    });

    let totals = runtime.block_on(oms_app::upkeep::totals::read(&app)).unwrap();
    let expected = Counts::of_files(data.path());
    assert_eq!(
        (totals.orders, totals.lines, totals.units),
        (expected.orders, expected.lines, expected.units)
    );
    assert_eq!(totals.units_reserved, expected.units_reserved);
    assert_eq!(totals.units_out_of_stock, expected.units_out_of_stock);
    let planners = "SELECT COUNT(DISTINCT c.node) FROM stock_ledger l JOIN commands c ON c.id = l.command_id WHERE l.kind = 'reserve'";
    assert_eq!(number(planners), 2, "one node did all of it");
    for node in &mut nodes {
        assert!(node.is_running());
    }
    assert_sound(folder.path(), &database.url);
}
