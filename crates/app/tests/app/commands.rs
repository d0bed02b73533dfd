//! Packages driven by commands: their lives, what each does to stock and quota, and what is refused.

use crate::support::shop::Shop;
use crate::support::{assert_sound, number};
use oms_testkit::Database;
use serde_json::json;

/// Locations that each may pack all of an order, the nearest first.
async fn shop(database: Database, places: usize) -> Shop {
    let shop = Shop::open(database, places).await;
    shop.rules(json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}])).await;
    shop
}

/// Runs a command that must be done, and checks every invariant after it.
async fn done(shop: &Shop, package: i64, slug: &str, input: serde_json::Value) {
    assert_eq!(shop.command(package, slug, input).await, (204, String::new()), "{slug}");
    assert_sound(&shop.app).await;
}

async fn quota(shop: &Shop, erp_code: &str) -> i64 {
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(d.quota), 0) AS BIGINT) FROM location_loads d JOIN locations l ON l.id = d.location_id \
         WHERE l.erp_code = '{erp_code}'"
    );
    number(&shop.app, &sql).await
}

#[tokio::test]
async fn a_package_goes_from_waiting_to_delivered() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 5), ("L0", "B", 5)]).await;
        let order = shop.planned("C-1", &[("A", 2), ("B", 1)]).await;
        let id = shop.package_ids(order).await[0];
        assert_eq!((shop.balance("L0", "A").await, quota(&shop, "L0").await), ((5, 2, 0), 1));
        done(&shop, id, "PKG_DEALLOCATE_RESERVATIONS", json!({})).await;
        assert_eq!((shop.balance("L0", "A").await, quota(&shop, "L0").await), ((3, 0, 0), 1));
        done(&shop, id, "PKG_STATE_TRANSITION_PREPARING_TO_READY_FOR_PACKAGING", json!({})).await;
        done(&shop, id, "COMPLETE_PACKAGING_WITHOUT_SHIPMENT_FROM_READY_FOR_PACKAGING", json!({})).await;
        assert_eq!((shop.balance("L0", "A").await, quota(&shop, "L0").await), ((3, 0, 0), 0));
        done(&shop, id, "UPDATE_INVOICE", json!({"invoice_number": "I-1", "invoice_date": "2031-03-05"}))
            .await;
        done(
            &shop,
            id,
            "ADVANCED_SHIPMENT",
            json!({"tracking_number": "TR1", "shipping_company": "yurtici"}),
        )
        .await;
        done(&shop, id, "UPDATE_SHIPMENT_INFO_FROM_SHIPPED", json!({"query_number": "Q1"})).await;
        done(&shop, id, "UPDATE_SHIPMENT_STATUS", json!({})).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 700, A 2, B 1"]);
        let again = shop.command(id, "UPDATE_SHIPMENT_STATUS", json!({})).await;
        assert!(again.0 == 400 && again.1.starts_with("wrong_state"), "{again:?}");
    }
}

#[tokio::test]
async fn a_refused_package_is_planned_elsewhere_in_the_same_transaction() {
    for database in Database::each() {
        let shop = shop(database, 3).await;
        shop.stock(&[("L0", "A", 2), ("L1", "A", 2)]).await;
        let busy = shop.denial_reason(json!({"title": "Too busy"})).await;
        let gone = shop.denial_reason(json!({"title": "Not there", "stock_effect": "missing"})).await;
        let order = shop.planned("C-2", &[("A", 2)]).await;
        let id = shop.package_ids(order).await[0];
        let without = shop.command(id, "REFUSE_WITH_DENIAL_REASON", json!({})).await;
        assert!(without.0 == 400 && without.1.starts_with("required"), "{without:?}");
        let unknown = shop.command(id, "REFUSE_WITH_DENIAL_REASON", json!({"denial_reason": 999})).await;
        assert!(unknown.0 == 400 && unknown.1.starts_with("not_found"), "{unknown:?}");
        done(&shop, id, "REFUSE_WITH_DENIAL_REASON", json!({"denial_reason": busy})).await;
        assert_eq!(shop.packages(order).await, ["P2 at L1: 100, A 2"]);
        assert_eq!((shop.balance("L0", "A").await, shop.balance("L1", "A").await), ((2, 0, 0), (2, 2, 0)));
        // The second says that they are not there: nobody may promise them, and nobody else has any.
        let id = shop.package_ids(order).await[0];
        done(&shop, id, "PKG_DEALLOCATE_RESERVATIONS", json!({})).await;
        done(&shop, id, "REFUSE_WITH_DENIAL_REASON_FROM_PREPARING", json!({"denial_reason": gone})).await;
        assert_eq!(
            shop.packages(order).await,
            ["P2 at L1: 920, A 2"],
            "the first location is not asked again"
        );
        assert_eq!(shop.balance("L1", "A").await, (2, 0, 2));
        assert_eq!(number(&shop.app, "SELECT units_out_of_stock FROM plans").await, 2);
    }
}

#[tokio::test]
async fn missing_products_alone_are_planned_elsewhere() {
    for database in Database::each() {
        let shop = shop(database, 2).await;
        shop.stock(&[("L0", "A", 3), ("L0", "B", 1), ("L1", "A", 1)]).await;
        let order = shop.planned("C-3", &[("A", 3), ("B", 1)]).await;
        let id = shop.package_ids(order).await[0];
        let items = shop.item_ids(id).await;
        let missing = json!({"package_items": [{"id": items[0], "quantity": 1}]});
        done(&shop, id, "PRODUCT_NOT_FOUND_ADVANCED", missing).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 2, B 1", "P3 at L1: 100, A 1"]);
        assert_eq!(shop.balance("L0", "A").await, (3, 2, 1));
        // After preparing, what is missing had left the books already; nobody else has it.
        done(&shop, id, "PKG_DEALLOCATE_RESERVATIONS", json!({})).await;
        done(&shop, id, "PRODUCT_NOT_FOUND_ADVANCED_FROM_PREPARING", json!({"package_items": [items[1]]}))
            .await;
        assert_eq!(
            shop.packages(order).await,
            ["P1 at L0: 200, A 2", "P3 at L1: 100, A 1", "P4 at L0: 920, B 1"]
        );
        assert_eq!(shop.balance("L0", "B").await, (1, 0, 1));
        // All of it missing is the same as the whole package not found.
        done(&shop, id, "PRODUCT_NOT_FOUND_ADVANCED_FROM_PREPARING", json!({"package_items": [items[0]]}))
            .await;
        assert_eq!(shop.packages(order).await[0], "P1 at L0: 920, A 2");
        let open = number(&shop.app, "SELECT COUNT(*) FROM discrepancies WHERE state = 'open'").await;
        assert_eq!(open, 3);
    }
}

#[tokio::test]
async fn a_blocked_package_keeps_what_it_holds_and_returns_to_its_state() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 2)]).await;
        let order = shop.planned("C-4", &[("A", 1)]).await;
        let id = shop.package_ids(order).await[0];
        done(&shop, id, "PKG_DEALLOCATE_RESERVATIONS", json!({})).await;
        done(&shop, id, "BLOCK_THE_PACKAGE_FROM_PREPARING", json!({"user": "12"})).await;
        let packed = shop.command(id, "COMPLETE_PACKAGING_WITHOUT_SHIPMENT_FROM_PREPARING", json!({})).await;
        assert!(
            packed.1.contains("Blocked") && packed.1.contains("UNBLOCK_THE_PACKAGE_TO_PREPARING"),
            "{packed:?}"
        );
        assert_eq!((shop.balance("L0", "A").await, quota(&shop, "L0").await), ((1, 0, 0), 1));
        // Whichever of its slugs is named, it goes back to where it was.
        done(&shop, id, "UNBLOCK_THE_PACKAGE", json!({})).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 200, A 1"]);
    }
}

#[tokio::test]
async fn a_person_says_who_packs_what() {
    for database in Database::each() {
        let shop = shop(database, 3).await;
        shop.stock(&[("L0", "A", 2), ("L0", "B", 2), ("L1", "A", 2), ("L2", "B", 1)]).await;
        let order = shop.planned("C-5", &[("A", 2), ("B", 2)]).await;
        let id = shop.package_ids(order).await[0];
        let items = shop.item_ids(id).await;
        let groups = |a: &str, b: &str| {
            json!({"assignment_groups": [{"package_items": [items[0]], "stock_location": a},
                                         {"package_items": [items[1]], "stock_location": b}]})
        };
        let short = shop.command(id, "MANUAL_PLANNING", groups("L1", "L2")).await;
        assert!(short.0 == 400 && short.1.contains("L2 does not have enough"), "{short:?}");
        let left_out = json!({"assignment_groups": [{"package_items": [items[0]], "stock_location": "L1"}]});
        let left_out = shop.command(id, "MANUAL_PLANNING", left_out).await;
        assert!(left_out.1.contains("left out"), "{left_out:?}");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 2, B 2"], "nothing happened");
        done(&shop, id, "MANUAL_PLANNING", groups("L1", "L0")).await;
        assert_eq!(shop.packages(order).await, ["P2 at L1: 100, A 2", "P3 at L0: 100, B 2"]);
        assert_eq!((quota(&shop, "L0").await, quota(&shop, "L1").await), (1, 1));
    }
}

#[tokio::test]
async fn what_is_set_aside_for_a_refund_ends_its_discrepancies() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 2)]).await;
        let order = shop.planned("C-6", &[("A", 2)]).await;
        let id = shop.package_ids(order).await[0];
        done(&shop, id, "PRODUCT_NOT_FOUND", json!({})).await;
        assert_eq!(
            (shop.packages(order).await[0].as_str(), shop.balance("L0", "A").await),
            ("P1 at L0: 920, A 2", (2, 0, 2))
        );
        done(&shop, id, "PACKED_FOR_REFUND_FROM_OUT_OF_STOCK", json!({})).await;
        assert_eq!(
            (shop.packages(order).await[0].as_str(), shop.balance("L0", "A").await),
            ("P1 at L0: 1100, A 2", (0, 0, 0))
        );
    }
}

#[tokio::test]
async fn a_customer_takes_a_package_in_the_store_with_a_code() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 2)]).await;
        let order = shop.planned("C-7", &[("A", 1)]).await;
        let id = shop.package_ids(order).await[0];
        done(&shop, id, "COMPLETE_PACKAGING_WITHOUT_SHIPMENT", json!({})).await;
        done(&shop, id, "READY_FOR_PICKUP", json!({})).await;
        let not_here = shop.command(id, "SELF_SERVICE_DELIVERY", json!({})).await;
        assert!(not_here.1.starts_with("not_in_store"), "{not_here:?}");
        let mut tx = shop.app.store.begin().await.unwrap();
        tx.execute("UPDATE orders SET delivery_type = 'in_store'", vec![]).await.unwrap();
        tx.commit().await.unwrap();
        oms_app::setup::settings::put(
            &shop.app,
            "test",
            "IS_OTP_ENABLED",
            &json!({"is_enabled_otp": true, "minutes": 5}),
        )
        .await
        .unwrap();
        let none = shop.command(id, "SELF_SERVICE_DELIVERY", json!({"code": "123456"})).await;
        assert!(none.1.starts_with("no_code"), "{none:?}");
        let made = oms_app::packages::pickup_codes::create(&shop.app, id).await.unwrap();
        let other = if made.code == "000000" { "000001" } else { "000000" };
        for _ in 0..oms_app::packages::pickup_codes::TRIES {
            let wrong = shop.command(id, "SELF_SERVICE_DELIVERY", json!({"code": other})).await;
            assert!(wrong.1.starts_with("wrong_code"), "{wrong:?}");
        }
        let dead = shop.command(id, "SELF_SERVICE_DELIVERY", json!({"code": made.code})).await;
        assert!(dead.1.starts_with("too_many_tries"), "{dead:?}");
        let made = oms_app::packages::pickup_codes::create(&shop.app, id).await.unwrap();
        shop.time.advance(6 * 60_000_000);
        let late = shop.command(id, "SELF_SERVICE_DELIVERY", json!({"code": made.code})).await;
        assert!(late.1.starts_with("expired"), "{late:?}");
        let made = oms_app::packages::pickup_codes::create(&shop.app, id).await.unwrap();
        done(&shop, id, "SELF_SERVICE_DELIVERY", json!({"code": made.code})).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 700, A 1"]);
    }
}

#[tokio::test]
async fn found_units_can_be_promised_again_and_lost_ones_leave_the_books() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 2), ("L0", "B", 1)]).await;
        let order = shop.planned("C-8", &[("A", 2), ("B", 1)]).await;
        let id = shop.package_ids(order).await[0];
        done(&shop, id, "PRODUCT_NOT_FOUND", json!({})).await;
        let ids = shop.app.store.read().await.unwrap();
        drop(ids);
        for (sku, was_found, after) in [("A", true, (2, 0, 0)), ("B", false, (0, 0, 0))] {
            let sql = format!(
                "SELECT d.id FROM discrepancies d JOIN products p ON p.id = d.product_id WHERE p.sku = '{sku}'"
            );
            let one = number(&shop.app, &sql).await;
            let close = async || {
                let (ids, actor) = (
                    oms_app::stock::discrepancies::ids(&shop.app).await.unwrap(),
                    shop.app.actor("test").await.unwrap(),
                );
                let mut tx = shop.app.store.begin().await.unwrap();
                let closed = oms_app::stock::discrepancies::close(&mut tx, ids, actor, one, was_found).await;
                tx.commit().await.unwrap();
                closed
            };
            close().await.unwrap();
            assert_eq!(shop.balance("L0", sku).await, after);
            assert!(close().await.is_err(), "once");
            assert_sound(&shop.app).await;
        }
    }
}
