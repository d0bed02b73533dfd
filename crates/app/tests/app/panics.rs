//! A step that panics, wherever it does, fails alone: the next one does its work, and nothing half done is seen.

use std::sync::Arc;

use oms_app::guard::caught;
use oms_app::packages::commands::{self, Request};
use oms_app::planning;
use oms_app::upkeep::idempotency::Key;
use oms_app::upkeep::nodes;
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_testkit::Database;
use serde_json::json;

use crate::support::shop::{Shop, refusal_text};
use crate::support::{SECOND_US, assert_sound, number};

/// More than any of these steps looks at the clock.
const READINGS: i64 = 40;

async fn shop(database: Database) -> Shop {
    let shop = Shop::open(database, 1).await;
    shop.rules(json!([{"name": "Any", "products": "units"}])).await;
    shop.stock(&[("L0", "A", 1_000)]).await;
    shop
}

#[tokio::test]
async fn planning_that_panics_anywhere_is_done_by_the_next_step() {
    for database in Database::each() {
        let shop = shop(database).await;
        let mut panicked = 0;
        for n in 0..READINGS {
            let orders = [
                shop.order(&format!("A-{n}"), &[("A", 1)]).await,
                shop.order(&format!("B-{n}"), &[("A", 2)]).await,
            ];
            shop.time.panic_at(n);
            // As the node's loop runs it.
            let first = caught("plan", planning::tick(&shop.app, planning::BATCH)).await;
            let did = shop.time.calm();
            panicked += i64::from(did);
            // Its leases end where it could not give them back, and what it gave back is due.
            for _ in 0..2 {
                shop.time.advance(11 * SECOND_US);
                nodes::heartbeat_tick(&shop.app).await.unwrap();
                planning::tick(&shop.app, planning::BATCH).await.unwrap();
            }
            for order in orders {
                assert_eq!(shop.packages(order).await.len(), 1, "reading {n}: {first:?}");
            }
            if !did {
                break;
            }
        }
        assert!((3..READINGS).contains(&panicked), "{panicked} readings of the clock panicked");
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM jobs").await, 0);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_command_that_panics_anywhere_is_a_failure_and_the_desk_goes_on() {
    for database in Database::each() {
        let shop = shop(database).await;
        let desk = Arc::new(commands::desk(shop.app.clone(), refusal_text));
        let mut panicked = 0;
        for n in 0..READINGS {
            let order = shop.planned(&format!("C-{n}"), &[("A", 1)]).await;
            let id = shop.package_ids(order).await[0];
            let body = json!({"slug": "PKG_DEALLOCATE_RESERVATIONS", "input_parameters": {}});
            let request = || Request {
                entity: Entity::Package,
                id,
                body: Body::read(Entity::Package, id, &body).unwrap(),
                actor: "user:1".into(),
                key: Some(Key { scope: "test".into(), key: format!("key-{n}"), fingerprint: [7; 32] }),
            };
            shop.time.panic_at(n);
            // As the web side calls it.
            let first = caught("a request", desk.run(request())).await;
            let did = shop.time.calm();
            panicked += i64::from(did);
            // The same key: it is done now, or was.
            let again = desk.run(request()).await.unwrap();
            assert_eq!(again.status, 204, "reading {n}: {first:?}, then {again:?}");
            assert_eq!(shop.packages(order).await, ["P1 at L0: 200, A 1"]);
            if !did {
                first.unwrap();
                break;
            }
        }
        assert!((1..READINGS).contains(&panicked), "{panicked} readings of the clock panicked");
        assert_sound(&shop.app).await;
    }
}
