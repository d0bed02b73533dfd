//! What a location refused or did not have it is asked for neither to pack nor to send, until it counts it again; and a
//! count takes nothing off twice.

use oms_testkit::Database;
use serde_json::json;

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound, number};

/// Any location packs, the nearest first, and what it misses comes from the nearest that has it.
async fn shop(database: Database, places: usize) -> Shop {
    let shop = Shop::open(database, places).await;
    let rules = json!([{"name": "One place", "products": "all_from_one", "transferable": true, "sort": [{"by": "distance"}]},
        {"name": "Any", "products": "units", "sort": [{"by": "distance"}]}]);
    shop.rules(rules).await;
    shop.transfer_rules(json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}]))
        .await;
    shop
}

async fn done(shop: &Shop, package: i64, slug: &str, input: serde_json::Value) {
    assert_eq!(shop.command(package, slug, input).await, (204, String::new()), "{slug}");
    assert_sound(&shop.app).await;
}

#[tokio::test]
async fn who_reported_it_missing_is_not_asked_to_send_it() {
    for database in Database::each() {
        let shop = shop(database, 2).await;
        shop.stock(&[("L0", "A", 5)]).await;
        let order = shop.planned("M-1", &[("A", 2)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 2"]);
        let package = shop.package_ids(order).await[0];
        done(&shop, package, "PRODUCT_NOT_FOUND", json!({})).await;
        shop.replan().await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 920, A 2"]);
        assert_eq!(shop.transfers(order).await, []);
        assert_eq!(shop.balance("L0", "A").await, (5, 0, 2), "quarantined once");

        // It counts again: all of it is there, and it is asked.
        shop.time.advance(60 * SECOND_US);
        shop.stock(&[("L0", "A", 5)]).await;
        assert_eq!(shop.balance("L0", "A").await, (5, 0, 0));
        assert_sound(&shop.app).await;
        assert_eq!(oms_app::planning::request_replans(&shop.app, None).await.unwrap().len(), 1);
        assert_eq!(shop.replan().await, 1);
        assert_eq!(shop.packages(order).await, ["P2 at L0: 100, A 2"]);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn who_refused_is_not_asked_to_send_it_either() {
    for database in Database::each() {
        let shop = shop(database, 2).await;
        shop.stock(&[("L0", "A", 5), ("L1", "B", 5)]).await;
        let reason = shop.denial_reason(json!({"title": "Too busy", "excludes_location": true})).await;
        let order = shop.planned("M-2", &[("A", 2)]).await;
        let package = shop.package_ids(order).await[0];
        let slug = oms_app::rules::transitions::flow(&shop.app).await.unwrap();
        let slug = slug.all().iter().find(|t| t.definition.from == 100 && t.definition.to == 910).unwrap();
        done(&shop, package, &slug.definition.slug, json!({"denial_reason": reason})).await;
        shop.replan().await;
        assert_eq!(shop.transfers(order).await, [], "nobody else has it");
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM packages WHERE state = 300").await, 0);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_count_settles_what_was_missing_and_takes_it_off_once() {
    for database in Database::each() {
        let shop = shop(database, 1).await;
        shop.stock(&[("L0", "A", 10)]).await;
        let order = shop.planned("M-3", &[("A", 2)]).await;
        done(&shop, shop.package_ids(order).await[0], "PRODUCT_NOT_FOUND", json!({})).await;
        assert_eq!(shop.balance("L0", "A").await, (10, 0, 2));
        shop.stock(&[("L0", "A", 8)]).await;
        assert_eq!(shop.balance("L0", "A").await, (8, 0, 0));
        let open = "SELECT COUNT(*) FROM discrepancies WHERE state <> 'lost' OR closed_us IS NULL";
        assert_eq!(number(&shop.app, open).await, 0, "it was lost, and nobody can take it off again");
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn an_exclusion_is_listed_once_and_lifted() {
    for database in Database::each() {
        let shop = shop(database, 2).await;
        shop.stock(&[("L0", "A", 5)]).await;
        shop.time.advance(60 * SECOND_US);
        let order = shop.planned("M-4", &[("A", 2)]).await;
        done(&shop, shop.package_ids(order).await[0], "PRODUCT_NOT_FOUND", json!({})).await;
        shop.time.advance(60 * SECOND_US);
        let ask = oms_store::lists::Ask { page: 1, limit: 20, counts_all: true, ..Default::default() };
        let listed = oms_app::planning::exclusions::list(&shop.app, &ask).await.unwrap();
        assert_eq!((listed.count, listed.rows.len()), (1, 1));
        let found = &listed.rows[0];
        assert_eq!(
            (found.order_number.as_str(), found.sku.as_str(), found.erp_code.as_str()),
            ("M-4", "A", "L0")
        );
        let lift = async |location: i64| {
            let audit = shop.app.store.take_id(oms_store::ids::IdKind::Row).await.unwrap();
            let actor = shop.app.actor("test").await.unwrap();
            let mut tx = shop.app.store.begin().await.unwrap();
            let done =
                oms_app::planning::exclusions::lift(&mut tx, audit, &actor, found.order_item_id, location)
                    .await;
            tx.commit().await.unwrap();
            done
        };
        assert!(lift(found.location_id + 1).await.is_err());
        assert_eq!(oms_app::planning::request_replans(&shop.app, None).await.unwrap(), [0; 0]);
        lift(found.location_id).await.unwrap();
        assert_eq!(oms_app::planning::request_replans(&shop.app, None).await.unwrap().len(), 1);
        shop.replan().await;
        assert_eq!(shop.packages(order).await, ["P2 at L0: 100, A 2"]);
        assert_sound(&shop.app).await;
    }
}
