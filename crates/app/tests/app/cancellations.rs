//! Cancellations of packages that wait for transfers, of orders not planned yet, and of packages that are busy.

use std::sync::Arc;

use crate::support::shop::{Shop, refusal_text};
use crate::support::{assert_sound, number, texts};
use futures::future::BoxFuture;
use oms_app::orders::cancellations;
use oms_app::packages::commands::outside::{self, Far, FarError, Parcel, Told};
use oms_app::packages::commands::{self, Outcome, Request};
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_store::args;
use oms_testkit::Database;
use serde_json::{Value, json};

/// One location packs; what it misses comes from the others.
async fn shop(database: Database, places: usize) -> Shop {
    let shop = Shop::open(database, places).await;
    let rules = json!([{"name": "One place", "products": "all_from_one", "transferable": true,
        "filters": [{"type": "locations", "erp_codes": ["L0"]}], "sort": [{"by": "distance"}]}]);
    shop.rules(rules).await;
    let rules = json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}]);
    shop.transfer_rules(rules).await;
    shop
}

/// Asks to cancel units of an order's lines by SKU; nothing named: all of it. Returns what became of it.
async fn cancel(shop: &Shop, order: i64, units: &[(&str, i64)]) -> Vec<String> {
    let mut items = Vec::new();
    for (sku, n) in units {
        let sql = format!(
            "SELECT t.id FROM order_items t JOIN products p ON p.id = t.product_id WHERE t.order_id = {order} AND p.sku = '{sku}'"
        );
        items.push(json!({"order_item": number(&shop.app, &sql).await, "quantity": n}));
    }
    let body = if units.is_empty() { json!({}) } else { json!({"items": items}) };
    let wanted = cancellations::read_api(order, &body).expect("a request");
    let ids = cancellations::direct_ids(&shop.app, &wanted).await.expect("ids");
    let actor = shop.app.actor("test").await.expect("an actor");
    let mut tx = shop.app.store.begin().await.expect("begins");
    let set = cancellations::cancel(&mut tx, &shop.app, ids, actor, &wanted).await.expect("decided");
    tx.commit().await.expect("commits");
    assert_sound(&shop.app).await;
    set.items.iter().map(|i| format!("{} {}", i.quantity.unwrap_or(0), i.state)).collect()
}

fn states(list: &[(i64, String)]) -> Vec<&str> {
    list.iter().map(|t| t.1.as_str()).collect()
}

#[tokio::test]
async fn transfers_that_have_not_left_are_cancelled_and_those_under_way_become_free_stock() {
    for database in Database::each() {
        let shop = shop(database, 3).await;
        shop.stock(&[("L0", "A", 1), ("L1", "A", 2), ("L2", "A", 9)]).await;
        let order = shop.planned("X-1", &[("A", 4)]).await;
        let list = shop.transfers(order).await;
        assert_eq!(states(&list), ["T1 from L1: 10, A 2", "T2 from L2: 10, A 1"]);
        assert_eq!(shop.transfer(list[0].0, "TRANSFER_DISPATCH", json!({})).await.0, 204);
        assert_eq!(shop.transfer(list[1].0, "TRANSFER_READY_FOR_DISPATCH", json!({})).await.0, 204);
        assert_eq!(cancel(&shop, order, &[]).await, ["4 accepted"]);
        assert!(shop.packages(order).await.is_empty());
        assert_eq!(states(&shop.transfers(order).await), ["T1 from L1: 30, A 2", "T2 from L2: 95, A 1"]);
        assert_eq!((shop.balance("L0", "A").await, shop.balance("L1", "A").await), ((1, 0, 0), (0, 0, 0)));
        assert_eq!(
            shop.balance("L2", "A").await,
            (9, 0, 0),
            "the promise of what had not left was taken back"
        );
        // What was under way arrives all the same, and belongs to nobody.
        assert_eq!(shop.transfer(list[0].0, "TRANSFER_DELIVERED", json!({})).await.0, 204);
        assert_eq!(shop.balance("L0", "A").await, (3, 0, 0));
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn the_rest_of_a_package_that_waits_for_transfers_is_planned_again() {
    for database in Database::each() {
        let shop = shop(database, 2).await;
        shop.stock(&[("L0", "B", 1), ("L1", "A", 5)]).await;
        let order = shop.planned("X-2", &[("A", 3), ("B", 1)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 300, A 3, B 1"]);
        assert_eq!(cancel(&shop, order, &[("A", 2)]).await, ["2 accepted"]);
        assert_eq!(
            shop.packages(order).await,
            ["P3 at L0: 300, A 1, B 1"],
            "planned anew, with a transfer of its own"
        );
        let list = shop.transfers(order).await;
        assert_eq!(states(&list), ["T1 from L1: 95, A 3", "T1 from L1: 10, A 1"]);
        assert_eq!((shop.balance("L1", "A").await, shop.balance("L0", "B").await), ((5, 1, 0), (1, 1, 0)));
        // Without what came from elsewhere nothing is awaited any more.
        assert_eq!(cancel(&shop, order, &[("A", 9)]).await, ["1 accepted", "8 refused"]);
        assert_eq!(shop.packages(order).await, ["P5 at L0: 100, B 1"]);
    }
}

#[tokio::test]
async fn an_order_is_cancelled_before_it_is_planned() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 5)]).await;
        let (whole, part) = (shop.order("X-3", &[("A", 2)]).await, shop.order("X-4", &[("A", 3)]).await);
        assert_eq!(cancel(&shop, whole, &[]).await, ["2 accepted"]);
        assert_eq!(cancel(&shop, part, &[("A", 1)]).await, ["1 accepted"]);
        crate::support::plan(&shop.app).await;
        assert!(shop.packages(whole).await.is_empty(), "nothing is left to plan");
        assert_eq!(shop.packages(part).await, ["P1 at L0: 100, A 2"]);
        let plans = texts(&shop.app, "SELECT state FROM plans ORDER BY id", args![]).await;
        assert_eq!(plans, ["cancelled", "completed"]);
        assert_eq!(cancel(&shop, whole, &[("A", 1)]).await, ["1 refused"], "nothing is left to cancel");
        assert_sound(&shop.app).await;
    }
}

/// A carrier that never says anything.
struct Silent;

impl Far for Silent {
    fn ask<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
        Box::pin(async { Err(FarError::Unknown("no answer".into())) })
    }

    fn find<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
        Box::pin(async { Err(FarError::Unknown("no answer".into())) })
    }
}

#[tokio::test]
async fn a_plan_waits_while_a_package_is_busy() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.app.set_far(Arc::new(Silent));
        shop.stock(&[("L0", "A", 5)]).await;
        let order = shop.planned("X-5", &[("A", 2)]).await;
        let package = shop.package_ids(order).await[0];
        let body = Body::read(Entity::Package, package, &json!({"slug": "COMPLETE_PACKAGING_WITH_SHIPMENT"}));
        let request = Request {
            entity: Entity::Package,
            id: package,
            body: body.expect("a body"),
            actor: "test".into(),
            key: None,
        };
        let begun = commands::run(&shop.app, vec![request], false, refusal_text).await.remove(0);
        assert!(matches!(begun, Ok(Outcome::Outside(_))));
        let payload: Value = json!({"pk": 7, "plan_type": "cancel", "order": {"pk": 1}});
        let wanted = cancellations::Wanted {
            is_withdrawn: false,
            order_id: Some(order),
            order_omnitron_id: None,
            ..cancellations::read_hub(&payload).expect("a plan")
        };
        let ids = cancellations::receive_ids(&shop.app, &wanted).await.expect("ids");
        let mut tx = shop.app.store.begin().await.expect("begins");
        cancellations::receive(&mut tx, ids, &wanted, "hub", shop.time.now_us()).await.expect("received");
        tx.commit().await.expect("commits");
        assert_eq!(cancellations::tick(&shop.app).await.expect("a tick"), 1);
        assert_eq!(texts(&shop.app, "SELECT state FROM cancellation_plans", args![]).await, ["received"]);
        assert_sound(&shop.app).await;
        // The carrier says no in the end; the package is free, and the plan goes on.
        struct Refuses;
        impl Far for Refuses {
            fn ask<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
                Box::pin(async { Err(FarError::Refused("no".into())) })
            }
            fn find<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
                Box::pin(async { Ok(None) })
            }
        }
        shop.app.set_far(Arc::new(Refuses));
        shop.time.advance(outside::LEASE_US + 1);
        assert_eq!(outside::tick(&shop.app, refusal_text).await.expect("a tick"), 1);
        assert_eq!(cancellations::tick(&shop.app).await.expect("a tick"), 1);
        assert!(shop.packages(order).await.is_empty());
        assert_sound(&shop.app).await;
    }
}
