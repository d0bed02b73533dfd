//! Packages that are out of stock are tried again: by call, and by themselves when more became available.

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound, number};
use oms_app::planning::{self, decisions};
use oms_testkit::Database;
use serde_json::json;

async fn shop(database: Database) -> Shop {
    let shop = Shop::open(database, 3).await;
    shop.rules(json!([{"name": "Any", "products": "units", "sort": [{"by": "distance"}]}])).await;
    shop
}

#[tokio::test]
async fn stock_that_rises_is_given_to_the_oldest_order_first() {
    for database in Database::each() {
        let shop = shop(database).await;
        shop.stock(&[("L1", "A", 1)]).await;
        shop.time.advance(60 * SECOND_US);
        let first = shop.planned("R-1", &[("A", 3)]).await;
        let second = shop.planned("R-2", &[("A", 2), ("B", 1)]).await;
        assert_eq!(shop.packages(first).await, ["P1 at L1: 100, A 1", "P2 at L0: 920, A 2"]);
        assert_eq!(
            planning::request_replans(&shop.app, None).await.unwrap().len(),
            0,
            "nothing became available"
        );
        shop.stock(&[("L2", "A", 3)]).await;
        assert_eq!(planning::request_replans(&shop.app, None).await.unwrap().len(), 2);
        assert_eq!(
            planning::request_replans(&shop.app, None).await.unwrap().len(),
            2,
            "asking twice is harmless"
        );
        assert_eq!(shop.replan().await, 2);
        assert_eq!(shop.packages(first).await, ["P1 at L1: 100, A 1", "P3 at L2: 100, A 2"]);
        assert_eq!(shop.packages(second).await, ["P2 at L2: 100, A 1", "P3 at L0: 920, A 1, B 1"]);
        assert_sound(&shop.app).await;
        let replayed = decisions::replay_all(&shop.app, |_| {}).await.unwrap();
        assert_eq!((replayed.decisions, replayed.different, replayed.older), (4, vec![], 0));
    }
}

#[tokio::test]
async fn a_call_tries_whatever_became_available_and_writes_nothing_if_nothing_fits() {
    for database in Database::each() {
        let shop = shop(database).await;
        shop.stock(&[("L0", "B", 1)]).await;
        let order = shop.planned("R-3", &[("A", 1)]).await;
        let package = number(&shop.app, "SELECT id FROM packages").await;
        let before = number(&shop.app, "SELECT COUNT(*) FROM events").await;
        assert_eq!(planning::request_replans(&shop.app, Some(&[package])).await.unwrap().len(), 1);
        assert_eq!(shop.replan().await, 1);
        assert_eq!(shop.packages(order).await, ["P1 at L0: 920, A 1"]);
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM events").await, before);
        assert_eq!(number(&shop.app, "SELECT last_tried_us FROM packages").await, shop.app.now_us());
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM jobs").await, 0);
        assert_sound(&shop.app).await;
        assert_eq!(planning::request_replans(&shop.app, Some(&[package + 77])).await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn a_changed_decision_does_not_replay() {
    for database in Database::each() {
        let shop = shop(database).await;
        shop.stock(&[("L1", "A", 5)]).await;
        let order = shop.planned("R-4", &[("A", 2)]).await;
        assert_eq!(decisions::replay(&shop.app, order).await.unwrap().different, vec![]);
        let mut tx = shop.app.store.begin().await.unwrap();
        let sql = "UPDATE decisions SET decision = replace(decision, ',2]', ',3]')";
        assert_eq!(tx.execute(sql, vec![]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let replayed = decisions::replay_all(&shop.app, |_| {}).await.unwrap();
        assert_eq!(replayed.different.len(), 1);
        assert!(replayed.different[0].2.contains("was changed"), "{}", replayed.different[0].2);
    }
}

#[tokio::test]
async fn every_thirty_minutes_one_node_sweeps_for_all() {
    for database in Database::each() {
        let shop = shop(database).await;
        let nodes = [shop.app.clone(), crate::support::node(&shop.database.url, &shop.time).await];
        shop.time.advance(60 * SECOND_US);
        shop.planned("R-5", &[("A", 1)]).await;
        let sweeps = async || {
            let mut done = Vec::new();
            for app in &nodes {
                done.extend(planning::replan_sweep_tick(app).await.unwrap());
            }
            done
        };
        assert_eq!(sweeps().await, [0], "the first node's look begins the count");
        shop.stock(&[("L2", "A", 1)]).await;
        shop.time.advance(29 * 60 * SECOND_US);
        assert_eq!(sweeps().await, Vec::<usize>::new());
        shop.time.advance(60 * SECOND_US);
        assert_eq!(sweeps().await, [1]);
        assert_eq!(shop.replan().await, 1);
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM packages WHERE state = 920").await, 0);
        oms_app::setup::settings::put(&shop.app, "test", "REPLANNING", &json!({"every_minutes": 1}))
            .await
            .unwrap();
        shop.time.advance(30 * 60 * SECOND_US);
        assert_eq!(sweeps().await, [0]);
        shop.time.advance(60 * SECOND_US);
        assert_eq!(sweeps().await, [0]);
        assert_sound(&shop.app).await;
    }
}
