//! What makes units plannable wakes what waits, and one odd value of an engine holds up only those who want that product.

use std::collections::BTreeMap;

use oms_app::places::locations;
use oms_app::planning;
use oms_app::setup::settings;
use oms_app::stock::engines::{self, EngineInput};
use oms_app::stock::safety_stocks::{self, SafetyInput};
use oms_app::stock::stocks::{Basket, has_basket};
use oms_store::args;
use oms_store::places::locations::Properties;
use oms_testkit::Database;
use oms_world::stock::{self, Door, Shelf, StockService};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound, number, plan, texts};

async fn change(shop: &Shop, erp_code: &str, with: impl FnOnce(&mut Properties)) {
    let mut tx = shop.app.store.read().await.unwrap();
    let id = tx.scalar("SELECT id FROM locations WHERE erp_code = $1", args![erp_code]).await.unwrap();
    drop(tx);
    let (ids, actor) = (locations::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
    let mut tx = shop.app.store.begin().await.unwrap();
    let write = |p: &mut Properties| {
        with(p);
        Ok(())
    };
    locations::update(&mut tx, ids, &actor, id, write).await.unwrap();
    tx.commit().await.unwrap();
}

async fn keep_back(shop: &Shop, units: i64) {
    let input = SafetyInput { sku: Some("A".into()), erp_code: None, channel: None, units };
    let (ids, actor) = (safety_stocks::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
    let mut tx = shop.app.store.begin().await.unwrap();
    safety_stocks::set(&mut tx, ids, &actor, &input).await.unwrap();
    tx.commit().await.unwrap();
}

/// What is out of stock is asked for again after a change, once, and planned.
async fn comes_back(shop: &Shop, order: i64, what: &str) {
    assert_eq!(planning::request_replans(&shop.app, None).await.unwrap().len(), 1, "{what}");
    shop.replan().await;
    let packages = shop.packages(order).await;
    assert!(packages.iter().all(|p| !p.contains("920")), "{what}: {packages:?}");
    assert_sound(&shop.app).await;
    shop.time.advance(60 * SECOND_US);
}

#[tokio::test]
async fn units_that_become_plannable_without_moving_wake_back_orders() {
    for database in Database::each() {
        let shop = Shop::open(database, 2).await;
        shop.rules(json!([{"name": "Any", "products": "units"}])).await;
        shop.stock(&[("L1", "A", 100)]).await;
        shop.time.advance(60 * SECOND_US);
        let none = async || assert_eq!(planning::request_replans(&shop.app, None).await.unwrap(), [0; 0]);

        change(&shop, "L1", |p| p.is_active = false).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("C17-1", &[("A", 1)]).await;
        none().await;
        change(&shop, "L1", |p| p.is_active = true).await;
        comes_back(&shop, order, "a location is switched on again").await;

        keep_back(&shop, 100).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("C17-2", &[("A", 1)]).await;
        none().await;
        keep_back(&shop, 0).await;
        comes_back(&shop, order, "less is kept back").await;

        let quota = json!([{"name": "Any", "products": "units", "filters": [{"type": "SELECT_BY_QUOTA"}]}]);
        shop.rules(quota).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("C17-3", &[("A", 1)]).await;
        change(&shop, "L1", |p| p.max_quota = Some(100)).await;
        comes_back(&shop, order, "a quota is raised").await;

        let never = json!({"time_zone": "UTC", "weekly": {"sun": [["08:00", "09:00"]]}});
        change(&shop, "L1", |p| p.calendar = never.clone()).await;
        shop.rules(json!([{"name": "Any", "products": "units", "filters": [{"type": "open"}]}])).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("C17-4", &[("A", 1)]).await;
        change(&shop, "L1", |p| p.calendar = serde_json::Value::Null).await;
        comes_back(&shop, order, "a calendar is changed").await;

        shop.rules(json!([{"name": "None", "products": "units", "filters": [{"type": "locations", "erp_codes": ["L0"]}]}])).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("C17-5", &[("A", 1)]).await;
        none().await;
        shop.rules(json!([{"name": "Any", "products": "units"}])).await;
        comes_back(&shop, order, "a scenario is published").await;

        // An opening hour comes by itself: the sweep asks again while there are units.
        change(&shop, "L1", |p| {
            p.calendar = json!({"time_zone": "UTC", "weekly": {"wed": [["20:00", "21:00"]]}})
        })
        .await;
        shop.rules(json!([{"name": "Any", "products": "units", "filters": [{"type": "open"}]}])).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("C17-6", &[("A", 1)]).await;
        shop.time.advance(9 * 3600 * SECOND_US - (shop.time.now_us() - crate::support::NOW_US));
        shop.time.advance(-1800 * SECOND_US);
        comes_back(&shop, order, "it is open by now").await;
    }
}

#[tokio::test]
async fn an_order_that_waits_is_planned_at_once_when_it_can_be_and_a_new_interval_counts_from_now() {
    for database in Database::each() {
        let shop = Shop::open(database, 1).await;
        let body = json!({"name": "Shop", "default_stock_location": "L0", "rules": [{"name": "Any", "products": "units"}]});
        oms_app::rules::scenarios::put(&shop.app, "test", &body).await.unwrap();
        shop.stock(&[("L0", "A", 100)]).await;
        let at = format!("http://{}/multiple/", free_address().await);
        let input = EngineInput {
            name: "Away".into(),
            stock_engine_type: "service".into(),
            config: json!({"service": {"url": at, "timeout_ms": 500}}),
            is_active: true,
        };
        let engine = engines::put(&shop.app, "test", &input).await.unwrap().id;
        change(&shop, "L0", |p| p.engine = Some(engine)).await;
        let order = shop.planned("C17-7", &[("A", 1)]).await;
        let state = format!("SELECT state || ' ' || COALESCE(reason_code, '') FROM plans WHERE id = {order}");
        assert_eq!(texts(&shop.app, &state, vec![]).await, ["pending stock_engine_down"]);
        assert_eq!(plan(&shop.app).await, 0, "it is not due");
        change(&shop, "L0", |p| p.engine = None).await;
        shop.stock(&[("L0", "A", 100)]).await;
        assert_eq!(plan(&shop.app).await, 1, "no second has passed");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 1"]);
        assert_sound(&shop.app).await;

        assert_eq!(planning::replan_sweep_tick(&shop.app).await.unwrap(), Some(0));
        settings::put(&shop.app, "test", "REPLANNING", &json!({"every_minutes": 1})).await.unwrap();
        shop.time.advance(59 * SECOND_US);
        assert_eq!(planning::replan_sweep_tick(&shop.app).await.unwrap(), None);
        shop.time.advance(SECOND_US);
        assert_eq!(planning::replan_sweep_tick(&shop.app).await.unwrap(), Some(0));
    }
}

/// An address where nobody listens.
async fn free_address() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_value_that_is_no_number_holds_up_only_orders_of_its_product() {
    for database in Database::each() {
        let shop = Shop::open(database, 2).await;
        shop.rules(json!([{"name": "Any", "products": "units"}])).await;
        shop.stock(&[("L1", "A", 5), ("L1", "B", 5)]).await;
        let of = |sku: &str, units: &str| ((sku.to_owned(), "L0".to_owned()), units.to_owned());
        let shelf: Shelf = [of("A", "abc"), of("B", "7")].into_iter().collect();
        let service = StockService::new(Door::Open, shelf);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let serving = service.clone();
        tokio::spawn(async move { stock::serve(serving, listener, std::future::pending()).await.unwrap() });
        let mut input = EngineInput {
            name: "Brand".into(),
            stock_engine_type: "service".into(),
            config: json!({"service": {"url": format!("http://{at}/multiple/")}}),
            is_active: true,
        };
        let engine = engines::put(&shop.app, "test", &input).await.unwrap().id;
        change(&shop, "L0", |p| p.engine = Some(engine)).await;

        let b = shop.planned("C18-B", &[("B", 2)]).await;
        assert_eq!(shop.packages(b).await, ["P1 at L0: 100, B 2"]);
        let both = shop.planned("C18-AB", &[("A", 1), ("B", 1)]).await;
        let state = format!("SELECT state || ' ' || COALESCE(reason, '') FROM plans WHERE id = {both}");
        let found = texts(&shop.app, &state, vec![]).await.remove(0);
        assert!(found.starts_with("pending") && found.contains("no number for A"), "{found}");
        let asked = async |sku: &str| {
            let basket = Basket { skus: [(sku.to_owned(), 1)].into(), ..Basket::default() };
            has_basket(&shop.app, &basket).await.unwrap().unwrap()
        };
        let answer = |l0, l1| BTreeMap::from([("L0".to_owned(), l0), ("L1".to_owned(), l1)]);
        assert_eq!((asked("A").await, asked("B").await), (answer(false, true), answer(true, true)));

        // With allow_partial it is planned without the engine's word on it.
        input.config["allow_partial"] = json!(true);
        engines::put(&shop.app, "test", &input).await.unwrap();
        assert_eq!(plan(&shop.app).await, 1);
        assert_eq!(shop.packages(both).await, ["P1 at L0: 100, B 1", "P2 at L1: 100, A 1"]);
        // Corrected there, its word counts again.
        service.put("A", "L0", "4");
        shop.time.advance(31 * SECOND_US);
        assert_eq!(asked("A").await, answer(true, true));

        // Switched off, its locations are left out everywhere.
        input.is_active = false;
        engines::put(&shop.app, "test", &input).await.unwrap();
        assert_eq!((asked("A").await, asked("B").await), (answer(false, true), answer(false, true)));
        let off = shop.planned("C21", &[("B", 1)]).await;
        assert_eq!(shop.packages(off).await, ["P1 at L1: 100, B 1"]);
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM jobs WHERE kind = 'plan'").await, 0);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn no_transfer_goes_to_a_location_without_deliveries() {
    for database in Database::each() {
        let shop = Shop::open(database, 2).await;
        shop.rules(json!([{"name": "One", "products": "all_from_one", "transferable": true, "sort": [{"by": "distance"}]}]))
            .await;
        shop.transfer_rules(json!([{"name": "Any", "products": "units"}])).await;
        shop.stock(&[("L0", "A", 1), ("L1", "B", 1)]).await;
        change(&shop, "L0", |p| p.is_delivery_location = false).await;
        let order = shop.planned("C22", &[("A", 1), ("B", 1)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L1: 300, A 1, B 1"]);
        assert_sound(&shop.app).await;
    }
}
