//! An installation in the making: no order is taken before it can be read whole, and what came before its places gets
//! them when they come.

use oms_app::App;
use oms_app::orders::intake;
use oms_app::setup::settings;
use oms_app::setup::{self, SetupTask, hub_hooks};
use oms_testkit::Database;
use oms_world::hub::NewOrder;
use serde_json::json;

use crate::support::{
    RunningHub, SECOND_US, Time, ask, assert_sound, configure, copy_from_hub, define_scenario, fetch,
    load_stock, node, number, plan, poll, small,
};

async fn required(app: &App) -> Vec<bool> {
    let mut all = Vec::new();
    for task in [SetupTask::Addresses, SetupTask::StockLocations, SetupTask::Channels, SetupTask::Webhooks] {
        all.push(setup::is_required(app, task).await.unwrap());
    }
    all
}

async fn copy(app: &App, task: SetupTask) {
    ask(app, task).await;
    assert_eq!(setup::tick(app).await.unwrap(), Some(task));
}

#[tokio::test]
async fn no_order_is_taken_before_it_can_be_read_whole() {
    for database in Database::each() {
        let (time, data) = (Time::new(), small());
        let hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        assert_eq!(required(&app).await, [true; 4], "without a hub as well");
        let base_url = format!("http://{}/api/v1", hub.at);
        let auth =
            json!({"username": oms_world::hub::DEFAULT_USERNAME, "password": crate::support::PASSWORD});
        let client =
            json!({"auth": auth, "urls": {"base_url": base_url, "oms_url": "http://127.0.0.1:9/api/v1"}});
        settings::put(&app, "test", "OMNITRON_CLIENT_SETTINGS", &client).await.unwrap();
        assert_eq!(required(&app).await, [true; 4]);
        let all = ["ORDER_FILTERING", "addresses", "stock_locations", "channels"];
        assert_eq!(setup::orders_wait_for(&app).await.unwrap(), all);

        // What the hub tells meanwhile waits.
        let mailbox = intake::mailbox(app.clone());
        let told = json!({"event": {"type": "order.created", "uuid": "a-1"}, "payload": {"pk": 1}});
        mailbox.submit(intake::read_event(&told, "order").unwrap()).await.unwrap();
        let tasks =
            [None, Some(SetupTask::StockLocations), Some(SetupTask::Channels), Some(SetupTask::Addresses)];
        let left: [&[&str]; 4] =
            [&["addresses", "stock_locations", "channels"], &["addresses", "channels"], &["addresses"], &[]];
        for (task, left) in tasks.into_iter().zip(left) {
            assert_eq!((poll(&app).await, fetch(&app).await), (0, 0), "{left:?}");
            match task {
                None => configure(&app, &hub).await,
                Some(task) => copy(&app, task).await,
            }
            assert_eq!(setup::orders_wait_for(&app).await.unwrap(), left);
        }
        // Stores that came before the places have them now.
        assert_eq!(required(&app).await[..3], [false; 3]);
        let without = "SELECT COUNT(*) FROM locations l JOIN addresses a ON a.id = l.address_id WHERE a.city_id IS NULL";
        assert_eq!(number(&app, without).await, 0);
        assert_eq!(fetch(&app).await, 1);
        poll(&app).await;
        assert_eq!(fetch(&app).await, data.orders.len() - 1);
        assert_sound(&app).await;
    }
}

#[tokio::test]
async fn an_order_gets_its_place_when_it_comes_and_is_planned_at_once() {
    for database in Database::each() {
        let (time, data) = (Time::new(), small());
        let hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        configure(&app, &hub).await;
        copy_from_hub(&app).await;
        load_stock(&app, &data).await;
        // A district that the hub made after the copy.
        let mut tx = app.store.begin().await.unwrap();
        let sql = "DELETE FROM districts WHERE NOT EXISTS (SELECT 1 FROM addresses a WHERE a.district_id = districts.id)";
        assert!(tx.execute(sql, vec![]).await.unwrap() > 0, "some district is no store's");
        tx.commit().await.unwrap();
        time.advance(31 * SECOND_US);
        let line = (data.products[0].sku.clone(), 1, 1_250);
        for customer in 1..=data.customers.len() as i64 {
            let order =
                NewOrder { number: format!("P{customer}"), channel: 1, customer, lines: vec![line.clone()] };
            hub.hub.create_order(order).await.unwrap();
        }
        poll(&app).await;
        fetch(&app).await;
        let unresolved = "SELECT COUNT(*) FROM addresses WHERE hub_places IS NOT NULL";
        let partly = "SELECT COUNT(*) FROM addresses WHERE hub_places IS NOT NULL AND city_id IS NOT NULL AND district_id IS NULL";
        assert!(number(&app, unresolved).await > 0);
        assert_eq!(number(&app, unresolved).await, number(&app, partly).await);
        assert!(setup::is_required(&app, SetupTask::Addresses).await.unwrap());
        plan(&app).await;
        let waiting = "SELECT COUNT(*) FROM jobs WHERE kind = 'plan'";
        let orders = number(&app, waiting).await;
        assert!(orders > 0, "no scenario takes them");

        copy(&app, SetupTask::Addresses).await;
        assert_eq!(number(&app, unresolved).await, 0);
        assert!(!setup::is_required(&app, SetupTask::Addresses).await.unwrap());
        let due = format!("{waiting} AND run_at_us <= {}", time.now_us());
        assert_eq!(number(&app, &due).await, orders);
        define_scenario(&app, &data).await;
        assert_eq!(plan(&app).await as i64, orders);
        assert_sound(&app).await;
    }
}

#[tokio::test]
async fn what_is_registered_at_the_hub_is_seen_switched_and_renewed_with_another_secret() {
    for database in Database::each() {
        let (time, data) = (Time::new(), small());
        let hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        configure(&app, &hub).await;
        let webhooks = |secret: &str| {
            json!({"target_base_url": "http://127.0.0.1:9", "events": ["order.created", "order.updated"], "token": "t",
                "secret_key": secret})
        };
        settings::put(&app, "test", "OMNITRON_WEBHOOKS", &webhooks("first")).await.unwrap();
        copy(&app, SetupTask::Webhooks).await;
        let (all, unreadable) = hub_hooks::list(&app).await.unwrap();
        let types: Vec<&str> = all.iter().map(|r| r.webhook.event_type.as_str()).collect();
        assert_eq!((types, unreadable), (vec!["order.created", "order.updated"], 0));
        assert!(all.iter().all(|r| r.is_ours && r.webhook.is_active));
        assert!(!setup::is_required(&app, SetupTask::Webhooks).await.unwrap());

        // Off at the hub is missing for the set-up, and seen.
        let pk = all[1].webhook.pk;
        assert!(!hub_hooks::switch(&app, "test", pk, false).await.unwrap().is_active);
        assert!(!hub_hooks::list(&app).await.unwrap().0[1].webhook.is_active);
        assert!(hub_hooks::switch(&app, "test", pk, true).await.unwrap().is_active);
        let Err(oms_app::Error::Refused(none)) = hub_hooks::switch(&app, "test", 987, true).await else {
            panic!("there is no such webhook")
        };
        assert_eq!(none.code, "not_found");
        let noted = "SELECT COUNT(*) FROM audit_log WHERE action = 'hub.webhook'";
        assert_eq!(number(&app, noted).await, 2);

        // Another secret: the hub has to know it. The token stays where its mask is sent.
        settings::put(&app, "test", "OMNITRON_WEBHOOKS", &webhooks("second")).await.unwrap();
        assert!(setup::is_required(&app, SetupTask::Webhooks).await.unwrap());
        copy(&app, SetupTask::Webhooks).await;
        assert!(!setup::is_required(&app, SetupTask::Webhooks).await.unwrap());
        assert_eq!(hub_hooks::list(&app).await.unwrap().0.len(), 2, "renewed, not doubled");
        assert_sound(&app).await;
    }
}
