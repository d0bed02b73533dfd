//! Cancellations as the demo hub makes them, from its own cancel call to our packages.

use crate::support::{Rig, assert_sound, number, plan, small};
use oms_app::orders::cancellations;
use oms_app::setup::hub;
use oms_testkit::Database;
use serde_json::{Value, json};

/// The event the hub sends of its newest plan.
async fn event(rig: &Rig) -> Value {
    let hub = hub::client(&rig.app).await.unwrap();
    let plans = hub.list_all("cancellation_plans/", &[("sort", "pk")], 100, |_| {}).await.unwrap();
    let payload = plans.last().unwrap().clone();
    json!({"event": {"type": "cancellation_plan.created", "uuid": format!("{:032}", plans.len())}, "payload": payload})
}

#[tokio::test]
async fn a_cancelled_order_of_the_hub_is_cancelled_here_once() {
    for database in Database::each() {
        let rig = Rig::with_orders(database, small()).await;
        assert!(cancellations::pull_reasons(&rig.app).await.unwrap() > 0);
        let reasons = number(&rig.app, "SELECT COUNT(*) FROM cancellation_reasons").await;
        cancellations::pull_reasons(&rig.app).await.unwrap();
        assert_eq!(
            number(&rig.app, "SELECT COUNT(*) FROM cancellation_reasons").await,
            reasons,
            "a copy, not a heap"
        );
        plan(&rig.app).await;

        let client = hub::client(&rig.app).await.unwrap();
        let whole = json!({"order": 1, "is_all": true, "cancel_items": [], "reasons": {}});
        client.post("orders/1/cancel/", whole).await.unwrap();
        let told = event(&rig).await;
        cancellations::receive_event(&rig.app, &told).await.unwrap();
        cancellations::receive_event(&rig.app, &told).await.unwrap();
        assert_eq!(cancellations::tick(&rig.app).await.unwrap(), 1);
        assert_eq!(cancellations::tick(&rig.app).await.unwrap(), 0);
        let live = "SELECT COUNT(*) FROM packages p JOIN orders o ON o.id = p.order_id WHERE o.omnitron_id = 1 AND p.state <> 900";
        assert_eq!(number(&rig.app, live).await, 0);
        assert_eq!(
            number(&rig.app, "SELECT COUNT(*) FROM cancellation_plans WHERE state = 'accepted'").await,
            1
        );
        assert_sound(&rig.app).await;

        // One item of another order; the rest of its packages go on.
        let item = rig.hub.hub.items_of(2)[0];
        let part = json!({"order": 2, "is_all": false, "cancel_items": [item], "reasons": {}});
        client.post("orders/2/cancel/", part).await.unwrap();
        cancellations::receive_event(&rig.app, &event(&rig).await).await.unwrap();
        assert_eq!(cancellations::tick(&rig.app).await.unwrap(), 1);
        let cancelled =
            format!("SELECT quantity - quantity_cancelled FROM order_items WHERE omnitron_id = {item}");
        assert_eq!(number(&rig.app, &cancelled).await, 0);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn a_plan_for_an_order_that_is_not_here_yet_waits_for_it() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        crate::support::define_scenario(&rig.app, &rig.data).await;
        let client = hub::client(&rig.app).await.unwrap();
        let item = rig.hub.hub.items_of(3)[0];
        let part = json!({"order": 3, "is_all": false, "cancel_items": [item], "reasons": {}});
        let told = {
            crate::support::poll(&rig.app).await;
            client.post("orders/3/cancel/", part).await.unwrap();
            event(&rig).await
        };
        cancellations::receive_event(&rig.app, &told).await.unwrap();
        assert_eq!(cancellations::tick(&rig.app).await.unwrap(), 1);
        assert_eq!(
            number(&rig.app, "SELECT COUNT(*) FROM cancellation_plans WHERE state = 'received'").await,
            1
        );
        crate::support::fetch(&rig.app).await;
        rig.time.advance(6 * crate::support::SECOND_US);
        assert_eq!(cancellations::tick(&rig.app).await.unwrap(), 1);
        assert_eq!(
            number(&rig.app, "SELECT COUNT(*) FROM cancellation_plans WHERE state = 'accepted'").await,
            1
        );
        assert_sound(&rig.app).await;
        plan(&rig.app).await;
        assert_sound(&rig.app).await;
    }
}
