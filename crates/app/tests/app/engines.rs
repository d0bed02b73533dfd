//! Outside stock engines over real sockets and on real databases: every way to ask, every way to fail,
//! and what the stock says afterwards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::support::{Rig, SECOND_US, Time, assert_sound, number, plan, small, texts};
use oms_app::places::locations;
use oms_app::stock::engines::{self, EngineInput, EngineState, refresh};
use oms_app::stock::stocks::{self, Basket, StockRow, has_basket};
use oms_app::{App, Error};
use oms_core::locations::LocationKind;
use oms_store::args;
use oms_store::ids::IdKind;
use oms_store::stock::engines::{self as store, Reading};
use oms_testkit::Database;
use oms_world::stock::{self, Door, Fault, Shelf, StockService};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Long enough that every reading is old.
const LATER_US: i64 = 31 * SECOND_US;

fn shelf(rows: &[(&str, &str, &str)]) -> Shelf {
    rows.iter().map(|(s, l, n)| (((*s).to_owned(), (*l).to_owned()), (*n).to_owned())).collect()
}

fn usual() -> Shelf {
    shelf(&[
        ("A", "WH1", "5.00"),
        ("A", "S1", "2"),
        ("B", "WH1", "7.9"),
        ("C", "S1", "-4"),
        ("A", "ELSEWHERE", "9"),
    ])
}

async fn listen(service: Arc<StockService>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { stock::serve(service, listener, std::future::pending()).await.unwrap() });
    at
}

/// A node with two locations for an engine and one of its own, and a stock service that listens.
struct World {
    app: Arc<App>,
    time: Time,
    service: Arc<StockService>,
    at: SocketAddr,
    database: Database,
}

impl World {
    async fn start(database: Database, door: Door, shelf: Shelf) -> Self {
        let time = Time::new();
        let app = crate::support::node(&database.url, &time).await;
        for erp_code in ["WH1", "S1", "OWN"] {
            let ids = locations::ids(&app).await.unwrap();
            let actor = app.actor("test").await.unwrap();
            let mut tx = app.store.begin().await.unwrap();
            let blank = locations::blank(erp_code, erp_code, LocationKind::Warehouse);
            locations::create(&mut tx, ids, &actor, &blank).await.unwrap();
            tx.commit().await.unwrap();
        }
        for sku in ["A", "B", "C"] {
            count(&app, "OWN", sku, 3).await.unwrap();
        }
        let service = StockService::new(door, shelf);
        let at = listen(service.clone()).await;
        Self { app, time, service, at, database }
    }

    /// An engine with this configuration, `AT` being the service's address, that feeds WH1 and S1.
    async fn engine(&self, kind: &str, config: &Value) -> i64 {
        let config = config.to_string().replace("AT", &format!("http://{}", self.at));
        let input = EngineInput {
            name: "Brand".into(),
            stock_engine_type: kind.into(),
            config: serde_json::from_str(&config).unwrap(),
            is_active: true,
        };
        let id = engines::put(&self.app, "test", &input).await.unwrap().id;
        for erp_code in ["WH1", "S1"] {
            attach(&self.app, erp_code, Some(id)).await.unwrap();
        }
        id
    }

    async fn products(&self) -> Vec<i64> {
        let mut tx = self.app.store.read().await.unwrap();
        let rows = tx.fetch("SELECT id FROM products ORDER BY sku", vec![]).await.unwrap();
        rows.iter().map(|r| r.i64(0).unwrap()).collect()
    }

    async fn refresh_on(&self, app: &App) -> EngineState {
        let mut states = refresh(app, &self.products().await).await.unwrap();
        assert_eq!(states.len(), 1, "{states:?}");
        states.pop().unwrap()
    }

    async fn refresh(&self) -> EngineState {
        self.refresh_on(&self.app).await
    }

    /// Asserts that everything is usable and what stands at the engine's places.
    async fn reads(&self, expected: &[&str]) {
        let state = self.refresh().await;
        assert!(state.usable, "{state:?}");
        assert_eq!(standing(&self.app).await, expected);
        assert_sound(&self.app).await;
    }
}

/// `SKU at LOCATION: units` of every place that an engine reads and that is not empty.
async fn standing(app: &App) -> Vec<String> {
    let sql = "SELECT p.sku || ' at ' || l.erp_code || ': ' || s.on_hand FROM stocks s JOIN products p ON p.id = s.product_id \
               JOIN locations l ON l.id = s.location_id WHERE s.engine_id IS NOT NULL AND s.on_hand > 0 ORDER BY 1";
    texts(app, sql, vec![]).await
}

async fn readings(app: &App) -> i64 {
    number(app, "SELECT COUNT(*) FROM stock_ledger WHERE kind = 'reading'").await
}

async fn count(app: &App, erp_code: &str, sku: &str, on_hand: i64) -> oms_app::Result<usize> {
    let row = StockRow { erp_code: erp_code.into(), sku: sku.into(), on_hand };
    let (ids, actor) = (stocks::ids(app, 1).await?, app.actor("test").await?);
    let mut tx = app.store.begin().await?;
    let counted = stocks::set(&mut tx, ids, &actor, &[row]).await?;
    tx.commit().await?;
    Ok(counted)
}

async fn attach(app: &App, erp_code: &str, engine: Option<i64>) -> oms_app::Result<()> {
    let mut tx = app.store.read().await?;
    let id = tx.scalar("SELECT id FROM locations WHERE erp_code = $1", args![erp_code]).await?;
    drop(tx);
    let (ids, actor) = (locations::ids(app).await?, app.actor("test").await?);
    let mut tx = app.store.begin().await?;
    let change = |p: &mut oms_store::places::locations::Properties| {
        p.engine = engine;
        Ok(())
    };
    locations::update(&mut tx, ids, &actor, id, change).await?;
    tx.commit().await?;
    engines::changed(app).await;
    Ok(())
}

fn refused<T: std::fmt::Debug>(result: oms_app::Result<T>) -> oms_core::refusal::Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("a refusal is expected: {other:?}"),
    }
}

fn door(kind: &str) -> Door {
    let (username, password) = ("oms".to_owned(), "s:ä cret".to_owned());
    match kind {
        "anonymous" => Door::Open,
        "basic_auth" => Door::Basic { username, password },
        _ => Door::Token { username, password, prefix: "Token".into() },
    }
}

fn auth(kind: &str) -> Value {
    json!({"type": kind, "username": "oms", "password": "s:ä cret", "url": "AT/token/"})
}

#[tokio::test]
async fn every_way_to_sign_in_and_both_ways_to_ask_read_the_same() {
    for (kind, mode) in
        [("anonymous", "multiple"), ("basic_auth", "single"), ("token", "multiple"), ("token", "single")]
    {
        for database in Database::each() {
            let w = World::start(database, door(kind), usual()).await;
            let config = json!({"auth": auth(kind), "service": {"url": format!("AT/{mode}/"), "type": mode}});
            w.engine("service", &config).await;
            // Rounded down; a negative one is nothing; a place of another location is none of ours.
            w.reads(&["A at S1: 2", "A at WH1: 5", "B at WH1: 7"]).await;
            assert_eq!(readings(&w.app).await, 3);
            let requests = if mode == "single" { 3 } else { 1 };
            assert_eq!(w.service.requests(), requests, "{kind} {mode}");

            // Fresh readings are not asked for again; old and equal ones only become fresh.
            w.reads(&["A at S1: 2", "A at WH1: 5", "B at WH1: 7"]).await;
            assert_eq!(w.service.requests(), requests);
            w.time.advance(LATER_US);
            w.reads(&["A at S1: 2", "A at WH1: 5", "B at WH1: 7"]).await;
            assert_eq!((w.service.requests(), readings(&w.app).await), (requests * 2, 3));

            // What changed has one row of the difference; what is not named any more is gone.
            w.service.put("A", "WH1", "1");
            w.service.remove("B");
            w.time.advance(LATER_US);
            w.reads(&["A at S1: 2", "A at WH1: 1"]).await;
            let rows = "SELECT CAST(d_on_hand AS TEXT) FROM stock_ledger WHERE kind = 'reading' ORDER BY id DESC LIMIT 2";
            let mut last = texts(&w.app, rows, vec![]).await;
            last.sort();
            assert_eq!(last, ["-4", "-7"]);
            assert_eq!(number(&w.app, "SELECT on_hand FROM stocks WHERE engine_id IS NULL LIMIT 1").await, 3);

            if kind == "token" {
                assert_eq!(w.service.logins(), 1, "a token is fetched once");
                w.service.forget_tokens();
                w.time.advance(LATER_US);
                w.reads(&["A at S1: 2", "A at WH1: 1"]).await;
                assert_eq!(w.service.logins(), 2, "a token that died is renewed once");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_password_says_what_to_correct_and_shows_no_secret() {
    for kind in ["basic_auth", "token"] {
        let w = World::start(Database::sqlite(), door(kind), usual()).await;
        let mut wrong = auth(kind);
        wrong["password"] = "not it".into();
        w.engine("service", &json!({"auth": wrong, "service": {"url": "AT/multiple/"}})).await;
        let state = w.refresh().await;
        let reason = state.reason.unwrap();
        assert!(!state.usable && reason.contains("auth"), "{reason}");
        assert!(!reason.contains("not it"), "{reason}");
        assert!(standing(&w.app).await.is_empty());
    }
}

#[tokio::test]
async fn a_brands_own_answer_is_read_by_its_mapping() {
    for database in Database::each() {
        let rows = [("A", "DEPOT-1", "5.5"), ("A", "S1", "1"), ("B", "DEPOT-1", "0.5"), ("B", "WH1", "9")];
        let w = World::start(database, Door::Open, shelf(&rows)).await;
        let mapping = json!({"at": "/data/rows", "shape": "rows", "sku": "/item/code", "location": "depot",
                             "units": "qty", "reserved": "held"});
        let service = json!({"url": "AT/odd/", "type": "multiple", "mapping": mapping,
                             "parameters": {"sku": "product", "location": ""}});
        let id = w.engine("service", &json!({"service": service, "locations": {"DEPOT-1": "WH1"}})).await;
        // 5.5 less the 1 held is 4; 1 less 1 is none; B at the code WH1 adds up with that at DEPOT-1.
        w.reads(&["A at WH1: 4", "B at WH1: 8"]).await;

        let trial = engines::test(&w.app, id, &["A".into(), "none".into()]).await.unwrap();
        assert_eq!(trial.readings, [("A".into(), "S1".into(), 0), ("A".into(), "WH1".into(), 4)]);
        assert_eq!((trial.requests, trial.ignored.rounded, trial.error), (1, 1, None));
        assert_eq!(refused(engines::test(&w.app, id, &[]).await).field, "skus");
    }
}

#[tokio::test]
async fn whippy_ware_is_read_page_by_page_with_its_location_codes() {
    for database in Database::each() {
        let mut shelf = usual();
        // More rows than a page holds.
        shelf.extend((0..150).map(|i| (("A".to_owned(), format!("FAR-{i:03}")), "1".to_owned())));
        let w = World::start(database, door("basic_auth"), shelf).await;
        w.engine("whippy_ware", &json!({"auth": auth("basic_auth"), "service": {"url": "AT"}})).await;
        // Two of each are reserved there.
        w.reads(&["A at WH1: 3", "B at WH1: 5"]).await;
        let requests = w.service.requests();
        assert_eq!(requests, 4, "two pages of stock and two of locations");
        w.time.advance(LATER_US);
        w.reads(&["A at WH1: 3", "B at WH1: 5"]).await;
        assert_eq!(w.service.requests(), requests + 2, "locations are known");
    }
}

#[tokio::test]
async fn each_fault_is_a_state_and_leaves_what_stands() {
    let faults = [
        (Fault::Slow { ms: 2_000 }, "longer than 300 ms"),
        (Fault::Status(500), "status 500"),
        (Fault::Status(404), "status 404"),
        (Fault::Status(429), "status 429"),
        (Fault::Status(302), "status 302"),
        (Fault::Status(401), "refused our credentials"),
        (Fault::Garbage, "JSON is expected"),
        (Fault::Truncated, "JSON is expected"),
        (Fault::WrongTypes, "an object by location is expected"),
        (Fault::Drip { ms: 50 }, "longer than 300 ms"),
        (Fault::Huge, "larger than 4194304 bytes"),
        (Fault::Cut, "could not be reached"),
    ];
    for database in Database::each() {
        let w = World::start(database, Door::Open, usual()).await;
        let service = json!({"url": "AT/multiple/", "type": "multiple", "timeout_ms": 300});
        let id = w.engine("service", &json!({"service": service})).await;
        let stands = ["A at S1: 2", "A at WH1: 5", "B at WH1: 7"];
        w.reads(&stands).await;
        w.service.put("A", "WH1", "99");
        for (fault, says) in faults {
            w.time.advance(LATER_US);
            w.service.misbehave(fault, None);
            let state = w.refresh().await;
            let reason = state.reason.unwrap_or_default();
            assert!(!state.usable && reason.contains(says), "{fault:?}: {reason}");
            assert!(state.next_try_us.unwrap() > w.app.now_us(), "{fault:?}");
            assert_eq!(standing(&w.app).await, stands, "{fault:?}");
            let engine = engines::get(&w.app, id).await.unwrap();
            assert_eq!(engine.failures, 1);
            assert!(engine.last_error.unwrap().contains(says));

            // It answers again: the next question closes the account. What was wrong is still to be read.
            w.service.behave();
            w.service.put("A", "WH1", "5");
            w.reads(&stands).await;
            assert_eq!(engines::get(&w.app, id).await.unwrap().failures, 0);
            w.service.put("A", "WH1", "99");
        }
        // What passes is tried again at once and nobody notices.
        for fault in [Fault::Status(503), Fault::Cut] {
            w.time.advance(LATER_US);
            w.service.misbehave(fault, Some(2));
            assert!(w.refresh().await.usable, "{fault:?}");
        }
        assert_sound(&w.app).await;
    }
}

#[tokio::test]
async fn the_breaker_opens_for_all_nodes_tries_once_and_closes() {
    for database in Database::each() {
        let w = World::start(database, Door::Open, usual()).await;
        let id = w.engine("service", &json!({"service": {"url": "AT/multiple/"}})).await;
        let other = crate::support::node(&w.database.url, &w.time).await;
        w.service.misbehave(Fault::Status(400), None);
        for n in 1..=5 {
            assert!(!w.refresh_on(if n % 2 == 0 { &other } else { &w.app }).await.usable);
            assert_eq!(w.service.requests(), n);
        }
        let open_until = async || engines::get(&w.app, id).await.unwrap().open_until_us;
        assert_eq!(open_until().await, Some(w.time.now_us() + 10 * SECOND_US));
        for app in [&w.app, &other] {
            let state = w.refresh_on(app).await;
            assert_eq!(state.next_try_us, open_until().await);
            let reason = state.reason.unwrap();
            assert!(reason.contains("5 failures") && reason.contains("status 400"), "{reason}");
        }
        assert_eq!(w.service.requests(), 5, "nobody calls while it is open");

        // The pause is over: one call tries, whoever comes first; the pause doubles.
        w.time.advance(10 * SECOND_US);
        w.service.misbehave(Fault::Slow { ms: 300 }, None);
        let (one, two) = tokio::join!(w.refresh_on(&other), w.refresh());
        assert_eq!(w.service.requests(), 6);
        assert!(one.usable != two.usable, "{one:?} {two:?}");
        assert_eq!((open_until().await, engines::get(&w.app, id).await.unwrap().failures), (None, 0));

        w.time.advance(LATER_US);
        w.service.misbehave(Fault::Status(400), None);
        for pause in [0, 0, 0, 0, 10, 20, 40, 80, 160, 300, 300] {
            assert!(!w.refresh().await.usable);
            assert_eq!(open_until().await, (pause > 0).then(|| w.time.now_us() + pause * SECOND_US));
            w.time.advance(pause * SECOND_US);
        }
        w.service.behave();
        w.reads(&["A at S1: 2", "A at WH1: 5", "B at WH1: 7"]).await;
    }
}

#[tokio::test]
async fn what_was_read_before_a_failure_is_kept_and_only_the_rest_is_asked_again() {
    for database in Database::each() {
        let w = World::start(database, Door::Open, usual()).await;
        for i in 0..250 {
            count(&w.app, "OWN", &format!("K{i:03}"), 1).await.unwrap();
        }
        w.engine("service", &json!({"service": {"url": "AT/multiple/"}})).await;
        assert!(w.refresh().await.usable);
        let mut sizes: Vec<_> = w.service.asked().iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [53, 100, 100]);
        w.time.advance(LATER_US);
        // One of the three meets it, and it is not one that passes.
        w.service.misbehave(Fault::Status(400), Some(1));
        assert!(!w.refresh().await.usable);
        let old = format!(
            "SELECT COUNT(*) FROM stock_readings WHERE read_at_us < {}",
            w.time.now_us() - 30 * SECOND_US
        );
        let left = number(&w.app, &old).await;
        assert!((53..=253).contains(&left), "{left}");
        let before = w.service.asked().len();
        assert!(w.refresh().await.usable);
        let asked: usize = w.service.asked()[before..].iter().map(Vec::len).sum();
        assert_eq!(asked as i64, left);
    }
}

#[tokio::test]
async fn many_places_are_stored_in_transactions_that_stay_short() {
    const LOCATIONS: usize = 60;
    const SKUS: usize = 200;
    for database in Database::each() {
        let w = World::start(database, Door::Open, Shelf::new()).await;
        let id = w.engine("service", &json!({"service": {"url": "AT/multiple/"}})).await;
        let codes: Vec<String> = (0..LOCATIONS).map(|i| format!("L{i:03}")).collect();
        for erp_code in &codes {
            let (ids, actor) = (locations::ids(&w.app).await.unwrap(), w.app.actor("test").await.unwrap());
            let mut blank = locations::blank(erp_code, erp_code, LocationKind::Store);
            blank.engine = Some(id);
            let mut tx = w.app.store.begin().await.unwrap();
            locations::create(&mut tx, ids, &actor, &blank).await.unwrap();
            tx.commit().await.unwrap();
        }
        for i in 0..SKUS {
            count(&w.app, "OWN", &format!("K{i:03}"), 1).await.unwrap();
            codes.iter().for_each(|l| w.service.put(&format!("K{i:03}"), l, "4"));
        }
        let begun = tokio::time::Instant::now();
        assert!(w.refresh().await.usable);
        let first = begun.elapsed();
        let rows = (LOCATIONS * SKUS) as i64;
        let commands = "SELECT COUNT(*) FROM commands WHERE kind = 'stock.read'";
        assert_eq!(readings(&w.app).await, rows);
        assert_eq!(number(&w.app, commands).await, 4, "{rows} rows, at most 5,000 a transaction");
        let largest = "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) n FROM stock_ledger WHERE kind = 'reading' \
                       GROUP BY command_id) x";
        assert!(number(&w.app, largest).await <= 5_000);
        // Nothing changed: nothing is written but when it was read.
        w.time.advance(LATER_US);
        let begun = tokio::time::Instant::now();
        assert!(w.refresh().await.usable);
        println!("{rows} places: {first:?} at first, {:?} when nothing changed", begun.elapsed());
        assert_eq!((readings(&w.app).await, number(&w.app, commands).await), (rows, 4));
        assert_sound(&w.app).await;
    }
}

#[tokio::test]
async fn an_older_reading_or_one_of_another_configuration_changes_nothing() {
    for database in Database::each() {
        let w = World::start(database, Door::Open, usual()).await;
        let id = w.engine("service", &json!({"service": {"url": "AT/multiple/"}})).await;
        w.reads(&["A at S1: 2", "A at WH1: 5", "B at WH1: 7"]).await;
        let products = w.products().await;
        let wh1 = number(&w.app, "SELECT id FROM locations WHERE erp_code = 'WH1'").await;
        let version = engines::get(&w.app, id).await.unwrap().version;
        let units = BTreeMap::from([((products[0], wh1), 77)]);
        let now = w.time.now_us();
        for (read_at_us, version, changed) in [
            (now - 1, version, Some(0)),
            (now, version, Some(0)),
            (now + 1, version - 1, None),
            (now + 1, version, Some(2)),
        ] {
            let reading = Reading {
                engine_id: id,
                version,
                read_at_us,
                products: &products,
                locations: &[wh1],
                units: &units,
            };
            let mut ids = w.app.store.take_ids(IdKind::Row, 10).await.unwrap();
            let actor = w.app.actor("test").await.unwrap();
            let mut tx = w.app.store.begin().await.unwrap();
            let places = store::differences(&mut tx, &reading).await.unwrap();
            assert_eq!(places.len(), 2, "A is 77 there and B is none");
            let stored = store::store(&mut tx, &reading, &places, &mut ids, &actor).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(stored, changed, "{read_at_us}");
        }
        assert_eq!(standing(&w.app).await, ["A at S1: 2", "A at WH1: 77"]);
        assert_sound(&w.app).await;
    }
}

#[tokio::test]
async fn an_engine_that_reads_less_than_is_reserved_shows_a_shortage_and_nothing_breaks() {
    for database in Database::each() {
        let rig = Rig::with_orders(database, small()).await;
        let stock = rig.data.stock.iter();
        let shelf: Shelf =
            stock.map(|r| ((r.sku.clone(), r.erp_code.clone()), r.quantity.to_string())).collect();
        let service = StockService::new(Door::Open, shelf);
        let at = listen(service.clone()).await;
        let input = EngineInput {
            name: "Brand".into(),
            stock_engine_type: "service".into(),
            config: json!({"service": {"url": format!("http://{at}/multiple/")}}),
            is_active: true,
        };
        let id = engines::put(&rig.app, "test", &input).await.unwrap().id;
        for location in &rig.data.locations {
            attach(&rig.app, &location.erp_code, Some(id)).await.unwrap();
        }
        let mut tx = rig.app.store.read().await.unwrap();
        let rows = tx.fetch("SELECT id FROM products", vec![]).await.unwrap();
        let products: Vec<i64> = rows.iter().map(|r| r.i64(0).unwrap()).collect();
        drop(tx);
        assert!(refresh(&rig.app, &products).await.unwrap()[0].usable);
        assert_eq!(readings(&rig.app).await, 0, "the engine says what stood there already");
        plan(&rig.app).await;
        let reserved = number(&rig.app, "SELECT COUNT(*) FROM stocks WHERE reserved > 0").await;
        assert!(reserved > 3);

        for row in &rig.data.stock {
            service.remove(&row.sku);
        }
        rig.time.advance(LATER_US);
        assert!(refresh(&rig.app, &products).await.unwrap()[0].usable);
        let short =
            "SELECT COUNT(*) FROM stocks WHERE on_hand = 0 AND reserved > on_hand AND engine_id IS NOT NULL";
        assert_eq!(number(&rig.app, short).await, reserved);
        assert_sound(&rig.app).await;
        let list = oms_store::lists::Ask {
            conditions: oms_app::views::conditions(
                &oms_store::lists::tables::STOCKS,
                &[("is_short".into(), "true".into())],
            )
            .unwrap(),
            page: 1,
            limit: 5,
            ..oms_store::lists::Ask::default()
        };
        assert_eq!(oms_app::views::stocks(&rig.app, &list).await.unwrap().count, reserved);

        // The built-in engine still promises nothing twice.
        let mut tx = rig.app.store.begin().await.unwrap();
        let broken = tx.execute("UPDATE stocks SET engine_id = NULL WHERE reserved > on_hand", vec![]).await;
        assert!(broken.unwrap_err().is_constraint());
    }
}

#[tokio::test]
async fn a_basket_is_refreshed_and_a_location_whose_engine_is_down_has_nothing() {
    for database in Database::each() {
        let w = World::start(database, Door::Open, usual()).await;
        let id = w.engine("service", &json!({"service": {"url": "AT/multiple/"}})).await;
        let basket = Basket { skus: [("A".to_owned(), 2)].into(), ..Basket::default() };
        let answer = async || {
            let answer = has_basket(&w.app, &basket).await.unwrap().unwrap();
            ["OWN", "S1", "WH1"].map(|erp_code| answer[erp_code])
        };
        assert_eq!(answer().await, [true, true, true]);
        w.service.put("A", "S1", "1");
        assert_eq!(answer().await, [true, true, true], "a fresh reading stands");
        w.time.advance(LATER_US);
        assert_eq!(answer().await, [true, false, true]);
        w.time.advance(LATER_US);
        w.service.misbehave(Fault::Garbage, None);
        assert_eq!(answer().await, [true, false, false]);
        w.service.behave();
        assert_eq!(answer().await, [true, false, true]);
        // A location that is given back keeps its last number until it is counted.
        attach(&w.app, "WH1", None).await.unwrap();
        count(&w.app, "WH1", "A", 1).await.unwrap();
        assert_eq!(answer().await, [true, false, false]);
        assert_sound(&w.app).await;
        assert_eq!(refresh(&w.app, &w.products().await).await.unwrap()[0].id, id);
    }
}

#[tokio::test]
async fn engines_are_defined_with_care() {
    for database in Database::each() {
        let w = World::start(database, door("basic_auth"), usual()).await;
        let config = json!({"auth": auth("basic_auth"), "service": {"url": "AT/multiple/"}});
        let id = w.engine("service", &config).await;
        w.reads(&["A at S1: 2", "A at WH1: 5", "B at WH1: 7"]).await;

        // Secrets are shown nowhere, and a mask keeps the stored one: it still signs in.
        let shown = engines::get(&w.app, id).await.unwrap();
        assert_eq!(shown.config["auth"]["password"], "********");
        let audit = texts(&w.app, "SELECT detail FROM audit_log WHERE entity = 'stock_engine'", vec![]).await;
        assert!(!audit.is_empty() && audit.iter().all(|d| !d.contains("cret")), "{audit:?}");
        let mut input = EngineInput {
            name: "Brand".into(),
            stock_engine_type: "service".into(),
            config: shown.config,
            is_active: true,
        };
        engines::put(&w.app, "test", &input).await.unwrap();
        w.service.put("A", "S1", "3");
        w.reads(&["A at S1: 3", "A at WH1: 5", "B at WH1: 7"]).await;
        // But not for another address.
        input.config["service"]["url"] = "http://127.0.0.1:9/".into();
        let refusal = refused(engines::put(&w.app, "test", &input).await);
        assert_eq!(refusal.field, "password");
        assert!(refusal.message.contains("address has changed"), "{refusal}");

        input.stock_engine_type = "sap".into();
        assert!(refused(engines::put(&w.app, "test", &input).await).message.contains("whippy_ware"));
        assert_eq!(refused(attach(&w.app, "OWN", Some(id + 77)).await).field, "engine");
        let refusal = refused(count(&w.app, "WH1", "A", 3).await);
        assert_eq!((refusal.code, refusal.message.contains("\"Brand\"")), ("fed_by_engine", true));

        // Switched off, it is not asked and says nothing.
        input.stock_engine_type = "service".into();
        input.config = json!({"service": {"url": format!("http://{}/multiple/", w.at)}});
        input.is_active = false;
        engines::put(&w.app, "test", &input).await.unwrap();
        let asked = w.service.requests();
        let state = w.refresh().await;
        assert!(!state.usable && state.allow_partial && state.next_try_us.is_none(), "{state:?}");
        assert_eq!(w.service.requests(), asked);
        assert_sound(&w.app).await;
    }
}

#[tokio::test]
async fn without_engines_nothing_is_looked_up() {
    for database in Database::each() {
        let w = World::start(database, Door::Open, usual()).await;
        let products = w.products().await;
        assert_eq!(refresh(&w.app, &products).await.unwrap(), []);
        // The next look needs no database: there is none.
        w.app.store.close().await;
        assert_eq!(refresh(&w.app, &products).await.unwrap(), []);
        w.time.advance(3 * SECOND_US);
        assert!(refresh(&w.app, &products).await.is_err());
    }
}
