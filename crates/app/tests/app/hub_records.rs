//! Hub records that change, come late or cannot be read: products are read again, rejected orders are tried again, and
//! what cannot be applied to an order that is here is written down once.

use std::sync::Arc;

use oms_app::rules::scenarios;
use oms_app::stock::stocks::{self, StockRow};
use oms_store::args;
use oms_testkit::Database;
use oms_world::hub::NewOrder;
use serde_json::{Value, json};

use crate::support::{
    Rig, RunningHub, SECOND_US, Time, assert_sound, configure, copy_from_hub, fetch, load_stock, node,
    number, plan, poll, small, texts,
};

async fn new_order(rig: &Rig, number: &str, units: i64) -> i64 {
    let line = (rig.data.products[0].sku.clone(), units, 1_250);
    let order = NewOrder { number: number.into(), channel: 1, customer: 1, lines: vec![line] };
    rig.hub.hub.create_order(order).await.unwrap()
}

async fn take(rig: &Rig) -> usize {
    rig.time.advance(SECOND_US);
    poll(&rig.app).await;
    fetch(&rig.app).await
}

async fn count(rig: &Rig, sku: &str, on_hand: i64) {
    let row = StockRow { erp_code: rig.data.locations[0].erp_code.clone(), sku: sku.into(), on_hand };
    let ids = stocks::ids(&rig.app, 1).await.unwrap();
    let actor = rig.app.actor("test").await.unwrap();
    let mut tx = rig.app.store.begin().await.unwrap();
    stocks::set(&mut tx, ids, &actor, &[row]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn standing(rig: &Rig, pk: i64) -> String {
    let sql =
        "SELECT disposition || ' ' || tries || ' ' || COALESCE(reason, '') FROM hub_orders WHERE hub_pk = $1";
    texts(&rig.app, sql, args![pk]).await.pop().unwrap_or_default()
}

async fn publish(rig: &Rig, rules: Value) {
    let body =
        json!({"name": "Rules", "default_stock_location": rig.data.locations[0].erp_code, "rules": rules});
    scenarios::put(&rig.app, "test", &body).await.unwrap();
}

#[tokio::test]
async fn a_product_renamed_at_the_hub_is_ordered_under_its_new_sku() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        publish(&rig, json!([{"name": "All", "products": "units", "sort": [{"by": "priority"}]}])).await;
        new_order(&rig, "C6-before", 1).await;
        take(&rig).await;
        let product = rig.hub.hub.product_of(&rig.data.products[0].sku).unwrap();
        rig.hub.hub.update_product(product, json!({"sku": "H1-NEW"})).await.unwrap();
        count(&rig, "H1-NEW", 10).await;
        rig.time.advance(SECOND_US);
        let pk = new_order(&rig, "C6-after", 2).await;
        take(&rig).await;
        let sku = format!(
            "SELECT p.sku FROM order_items i JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id \
             WHERE o.omnitron_id = {pk}"
        );
        assert_eq!(texts(&rig.app, &sku, vec![]).await, ["H1-NEW"]);
        plan(&rig.app).await;
        let reserved =
            "SELECT reserved FROM stocks s JOIN products p ON p.id = s.product_id WHERE p.sku = 'H1-NEW'";
        assert_eq!(number(&rig.app, reserved).await, 2);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn a_product_first_met_by_a_stock_load_gets_its_attributes() {
    for database in Database::each() {
        let (time, data) = (Time::new(), small());
        let hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        configure(&app, &hub).await;
        copy_from_hub(&app).await;
        load_stock(&app, &data).await;
        let sku = data.products[0].sku.clone();
        let product = hub.hub.product_of(&sku).unwrap();
        hub.hub.update_product(product, json!({"attributes": {"fragile": true}})).await.unwrap();
        let rig = Rig { app: Arc::clone(&app), hub, time, data, database };
        publish(
            &rig,
            json!([{"name": "Fragile", "products": "units", "sort": [{"by": "priority"}],
                "when": {"field": "line.product.fragile", "op": "eq", "value": true}}]),
        )
        .await;
        count(&rig, &sku, 50).await;
        let pk = new_order(&rig, "C6-fragile", 1).await;
        take(&rig).await;
        let kept =
            texts(&rig.app, "SELECT attributes FROM products WHERE sku = $1", args![sku.as_str()]).await;
        assert_eq!(kept, [r#"{"fragile":true}"#]);
        // A later load of its stock leaves them alone.
        count(&rig, &sku, 51).await;
        plan(&rig.app).await;
        let packages = format!(
            "SELECT COUNT(*) FROM packages p JOIN orders o ON o.id = p.order_id WHERE o.omnitron_id = {pk} AND p.state = 100"
        );
        assert_eq!(number(&rig.app, &packages).await, 1);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn an_order_whose_product_comes_later_is_taken_when_it_comes() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        take(&rig).await;
        let product = rig.hub.hub.product_of(&rig.data.products[0].sku).unwrap();
        // Never read before: as a catalogue that is behind its orders.
        let mut tx = rig.app.store.begin().await.unwrap();
        tx.execute("DELETE FROM hub_products WHERE omnitron_id = $1", args![product]).await.unwrap();
        tx.commit().await.unwrap();
        rig.time.advance(SECOND_US);
        let pk = new_order(&rig, "C8-product", 1).await;
        let other = new_order(&rig, "C8-other", 1).await;
        rig.hub.hub.show_product(product, false).await.unwrap();
        assert_eq!(take(&rig).await, 0);
        let found = standing(&rig, pk).await;
        assert!(found.starts_with("rejected 1 ") && found.contains(&product.to_string()), "{found}");
        // Polls and webhooks meanwhile are no tries; each pause is twice the one before.
        take(&rig).await;
        assert_eq!(standing(&rig, pk).await, found);
        rig.time.advance(30 * SECOND_US);
        take(&rig).await;
        assert!(standing(&rig, pk).await.starts_with("rejected 2 "));
        rig.time.advance(30 * SECOND_US);
        take(&rig).await;
        assert!(standing(&rig, pk).await.starts_with("rejected 2 "));
        assert_sound(&rig.app).await;

        // It comes with another order's fetch; nobody waits for the pause.
        rig.hub.hub.show_product(product, true).await.unwrap();
        rig.hub.hub.touch_order(other, oms_world::hub::Touch::default()).await.unwrap();
        assert_eq!(take(&rig).await, 2);
        assert!(standing(&rig, pk).await.starts_with("imported"));
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM jobs WHERE kind = 'fetch'").await, 0);
        assert_sound(&rig.app).await;

        // Alone, it is taken after its pause.
        let mut tx = rig.app.store.begin().await.unwrap();
        tx.execute("DELETE FROM hub_products WHERE omnitron_id = $1", args![product]).await.unwrap();
        tx.commit().await.unwrap();
        let pk = new_order(&rig, "C8-alone", 1).await;
        rig.hub.hub.show_product(product, false).await.unwrap();
        assert_eq!(take(&rig).await, 0);
        rig.hub.hub.show_product(product, true).await.unwrap();
        assert_eq!(take(&rig).await, 0);
        rig.time.advance(30 * SECOND_US);
        assert_eq!(take(&rig).await, 1);
        assert!(standing(&rig, pk).await.starts_with("imported"));
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn an_item_that_becomes_unreadable_is_written_down_once_and_closed_when_it_is_mended() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        publish(&rig, json!([{"name": "All", "products": "units", "sort": [{"by": "priority"}]}])).await;
        let pk = new_order(&rig, "C8-unreadable", 2).await;
        take(&rig).await;
        plan(&rig.app).await;
        let item = rig.hub.hub.items_of(pk)[0];
        let quantity = |n: &str| json!({"attributes": {"quantity": n}});
        rig.hub.hub.update_item(item, quantity("0")).await.unwrap();
        for _ in 0..3 {
            take(&rig).await;
            rig.hub.hub.touch_order(pk, oms_world::hub::Touch::default()).await.unwrap();
        }
        let open = "SELECT what || ' ' || detail FROM hub_changes WHERE closed_us IS NULL";
        let found = texts(&rig.app, open, vec![]).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("unreadable") && found[0].contains("quantity is zero"), "{found:?}");
        assert_sound(&rig.app).await;
        rig.hub.hub.update_item(item, quantity("2")).await.unwrap();
        take(&rig).await;
        assert_eq!(texts(&rig.app, open, vec![]).await, [""; 0]);
        assert_sound(&rig.app).await;
    }
}
