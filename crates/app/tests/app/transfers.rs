//! Missing products come from elsewhere: the package waits, is released by the last transfer, and what a
//! source does not have is looked for again at once.

use crate::support::shop::Shop;
use crate::support::{assert_sound, number};
use oms_testkit::Database;
use serde_json::json;

const READY: &str = "TRANSFER_READY_FOR_DISPATCH";
const DISPATCH: &str = "TRANSFER_DISPATCH";
const DELIVERED: &str = "TRANSFER_DELIVERED";
const NOT_FOUND: &str = "TRANSFER_PRODUCT_NOT_FOUND";

/// Runs a command that must be done.
async fn done(shop: &Shop, id: i64, slug: &str) {
    assert_eq!(shop.transfer(id, slug, json!({})).await, (204, String::new()), "{slug}");
}

fn texts(list: &[(i64, String)]) -> Vec<&str> {
    list.iter().map(|t| t.1.as_str()).collect()
}

/// One location packs; what it misses comes from the nearest that has it.
async fn shop(database: Database, places: usize) -> Shop {
    let shop = Shop::open(database, places).await;
    shop.rules(json!([{"name": "One place", "products": "all_from_one", "transferable": true,
        "filters": [{"type": "locations", "erp_codes": ["L0"]}], "sort": [{"by": "distance"}]}]))
        .await;
    shop.transfer_rules(json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}]))
        .await;
    shop
}

#[tokio::test]
async fn a_package_waits_for_its_transfers_and_the_last_one_releases_it() {
    for database in Database::each() {
        let shop = shop(database, 4).await;
        shop.stock(&[("L0", "A", 1), ("L1", "A", 1), ("L2", "B", 5), ("L3", "A", 9)]).await;
        let order = shop.planned("T-1", &[("A", 3), ("B", 1)]).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 300, A 3, B 1"]);
        let list = shop.transfers(order).await;
        assert_eq!(texts(&list), ["T1 from L1: 10, A 1", "T2 from L2: 10, B 1", "T3 from L3: 10, A 1"]);
        assert_eq!(shop.balance("L3", "A").await, (9, 1, 0));
        assert_sound(&shop.app).await;

        let early = shop.transfer(list[0].0, DELIVERED, json!({})).await;
        assert!(early.0 == 400 && early.1.contains("starts in In Transit"), "{early:?}");
        done(&shop, list[0].0, READY).await;
        let not_found = shop.transfer(list[0].0, NOT_FOUND, json!({})).await;
        assert_eq!(not_found.0, 400, "T09: once it is ready, nothing is missing any more");
        for (i, (id, _)) in list.iter().enumerate() {
            let dispatch = if i == 0 { "TRANSFER_DISPATCH_FROM_READY_TO_SHIPMENT" } else { DISPATCH };
            done(&shop, *id, dispatch).await;
            assert_sound(&shop.app).await;
            done(&shop, *id, DELIVERED).await;
            let state = if i == 2 { "P1 at L0: 100, A 3, B 1" } else { "P1 at L0: 300, A 3, B 1" };
            assert_eq!(shop.packages(order).await, [state], "the last one and no other releases the package");
            assert_sound(&shop.app).await;
        }
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 3, B 1"]);
        assert_eq!((shop.balance("L0", "A").await, shop.balance("L3", "A").await), ((3, 3, 0), (8, 0, 0)));
    }
}

#[tokio::test]
async fn what_a_source_does_not_have_comes_from_another_in_the_same_transaction() {
    for database in Database::each() {
        let shop = shop(database, 4).await;
        shop.stock(&[("L0", "A", 1), ("L1", "A", 5), ("L2", "A", 1), ("L3", "A", 5)]).await;
        let order = shop.planned("T-2", &[("A", 3)]).await;
        let list = shop.transfers(order).await;
        assert_eq!(texts(&list), ["T1 from L1: 10, A 2"]);
        done(&shop, list[0].0, NOT_FOUND).await;
        let list = shop.transfers(order).await;
        assert_eq!(texts(&list), ["T1 from L1: 90, A 2", "T2 from L2: 10, A 1", "T3 from L3: 10, A 1"]);
        assert_eq!(shop.balance("L1", "A").await, (5, 0, 2), "nobody promises what was not found");
        assert_sound(&shop.app).await;
        // And that one has nothing either: the first is not asked again though it says it has five.
        done(&shop, list[1].0, NOT_FOUND).await;
        assert_eq!(texts(&shop.transfers(order).await)[3], "T4 from L3: 10, A 1");
        assert_sound(&shop.app).await;
        let replayed = oms_app::planning::decisions::replay(&shop.app, order).await.unwrap();
        assert_eq!((replayed.decisions, replayed.different), (3, vec![]));
    }
}

#[tokio::test]
async fn what_no_source_has_is_split_off_and_the_rest_goes_its_way() {
    for database in Database::each() {
        let shop = shop(database, 3).await;
        shop.stock(&[("L0", "A", 1), ("L0", "B", 1), ("L1", "A", 2), ("L1", "C", 1)]).await;
        let order = shop.planned("T-3", &[("A", 3), ("B", 1), ("C", 1)]).await;
        let list = shop.transfers(order).await;
        assert_eq!(texts(&list), ["T1 from L1: 10, A 2, C 1"]);
        done(&shop, list[0].0, NOT_FOUND).await;
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 1, B 1", "P2 at L0: 920, A 2, C 1"]);
        assert_eq!(number(&shop.app, "SELECT units_out_of_stock FROM plans").await, 3);
        assert_sound(&shop.app).await;
        // What was split off is planned by itself as soon as there is some.
        assert_eq!(shop.replan().await, 1);
        assert_eq!(shop.packages(order).await[1], "P2 at L0: 920, A 2, C 1");
        shop.stock(&[("L2", "A", 2), ("L2", "C", 1)]).await;
        shop.time.advance(1_000_000);
        assert_eq!(oms_app::planning::request_replans(&shop.app, None).await.unwrap().len(), 1);
        assert_eq!(shop.replan().await, 1);
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 1, B 1", "P3 at L0: 300, A 2, C 1"]);
        assert_eq!(number(&shop.app, "SELECT units_out_of_stock FROM plans").await, 0);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_package_of_which_nothing_is_left_ends() {
    for database in Database::each() {
        let shop = shop(database, 2).await;
        shop.stock(&[("L1", "A", 2)]).await;
        let order = shop.planned("T-4", &[("A", 2)]).await;
        let list = shop.transfers(order).await;
        done(&shop, list[0].0, NOT_FOUND).await;
        assert_eq!(shop.packages(order).await, ["P2 at L0: 920, A 2"]);
        assert_eq!(number(&shop.app, "SELECT CAST(SUM(quota) AS BIGINT) FROM location_loads").await, 0);
        assert_sound(&shop.app).await;
    }
}
