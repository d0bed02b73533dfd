//! Missing products come from elsewhere: the package waits, is released by the last transfer, and what a
//! source does not have is looked for again at once.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod support;

use oms_app::transfers::{self, Step, Stepped};
use oms_store::args;
use oms_testkit::Database;
use serde_json::json;
use support::shop::Shop;
use support::{assert_sound, number};

async fn step(shop: &Shop, id: i64, step: Step) -> Result<Stepped, oms_app::Error> {
    let (ids, actor) =
        (transfers::ids(&shop.app, id, step).await.unwrap(), shop.app.actor("test").await.unwrap());
    let mut tx = shop.app.store.begin().await.unwrap();
    let stepped = transfers::step(&mut tx, ids, &actor, id, step).await?;
    tx.commit().await.unwrap();
    Ok(stepped)
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

async fn balance(shop: &Shop, erp: &str, sku: &str) -> (i64, i64) {
    let sql = "SELECT s.on_hand, s.reserved FROM stocks s JOIN locations l ON l.id = s.location_id \
               JOIN products p ON p.id = s.product_id WHERE l.erp_code = $1 AND p.sku = $2";
    let row = shop.app.store.read().await.unwrap().first(sql, args![erp, sku]).await.unwrap().unwrap();
    (row.i64(0).unwrap(), row.i64(1).unwrap())
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
        assert_eq!(balance(&shop, "L3", "A").await, (9, 1));
        assert_sound(&shop.app).await;

        let early = step(&shop, list[0].0, Step::Deliver).await;
        assert!(early.unwrap_err().to_string().contains("this step starts in In Transit"));
        assert_eq!(step(&shop, list[0].0, Step::Ready).await.unwrap().state, 20);
        let not_found = step(&shop, list[0].0, Step::NotFound).await;
        assert!(not_found.is_err(), "T09: once it is ready, nothing is missing any more");
        for (i, (id, _)) in list.iter().enumerate() {
            step(&shop, *id, Step::Dispatch).await.unwrap();
            assert_sound(&shop.app).await;
            let stepped = step(&shop, *id, Step::Deliver).await.unwrap();
            assert_eq!(stepped.released, i == 2, "the last one and no other releases the package");
            assert_sound(&shop.app).await;
        }
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 3, B 1"]);
        assert_eq!((balance(&shop, "L0", "A").await, balance(&shop, "L3", "A").await), ((3, 3), (8, 0)));
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
        let stepped = step(&shop, list[0].0, Step::NotFound).await.unwrap();
        assert_eq!((stepped.released, stepped.resent.unwrap().transfers), (false, 2));
        let list = shop.transfers(order).await;
        assert_eq!(texts(&list), ["T1 from L1: 90, A 2", "T2 from L2: 10, A 1", "T3 from L3: 10, A 1"]);
        assert_eq!(balance(&shop, "L1", "A").await, (5, 0), "the promise was taken back");
        assert_sound(&shop.app).await;
        // And that one has nothing either: the first is not asked again though it says it has five.
        let stepped = step(&shop, list[1].0, Step::NotFound).await.unwrap();
        assert_eq!(stepped.resent.unwrap().transfers, 1);
        assert_eq!(texts(&shop.transfers(order).await)[3], "T4 from L3: 10, A 1");
        assert_sound(&shop.app).await;
        let replayed = oms_app::decisions::replay(&shop.app, order).await.unwrap();
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
        let stepped = step(&shop, list[0].0, Step::NotFound).await.unwrap();
        assert!(stepped.released, "nothing is awaited any more");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 1, B 1", "P2 at L0: 920, A 2, C 1"]);
        assert_eq!(number(&shop.app, "SELECT units_out_of_stock FROM plans").await, 3);
        assert_sound(&shop.app).await;
        // What was split off is planned by itself as soon as there is some.
        assert_eq!(shop.replan().await, 1);
        assert_eq!(shop.packages(order).await[1], "P2 at L0: 920, A 2, C 1");
        shop.stock(&[("L2", "A", 2), ("L2", "C", 1)]).await;
        shop.time.advance(1_000_000);
        assert_eq!(oms_app::planning::request_replans(&shop.app, None).await.unwrap(), 1);
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
        let stepped = step(&shop, list[0].0, Step::NotFound).await.unwrap();
        assert!(stepped.resent.unwrap().ended && !stepped.released);
        assert_eq!(shop.packages(order).await, ["P2 at L0: 920, A 2"]);
        assert_eq!(number(&shop.app, "SELECT CAST(SUM(quota) AS BIGINT) FROM location_loads").await, 0);
        assert_sound(&shop.app).await;
    }
}
