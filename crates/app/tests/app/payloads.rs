//! What is told of an order and its lines: everything the hub says that integrators know, and as it was at each change.

use oms_app::events::{self, Asked};
use oms_app::orders::cancellations;
use oms_app::upkeep::changes;
use oms_testkit::Database;
use oms_world::hub::NewOrder;
use serde_json::{Value, json};

use crate::support::{Rig, SECOND_US, assert_sound, define_scenario, fetch, number, plan, poll, small};

async fn again(rig: &Rig) {
    rig.time.advance(SECOND_US);
    poll(&rig.app).await;
    fetch(&rig.app).await;
}

/// An order of three at the hub with one field or other on its line and product, taken here; its id, and the hub's line.
async fn order(rig: &Rig) -> (i64, i64) {
    let sku = rig.data.products[0].sku.clone();
    let product = rig.hub.hub.product_of(&sku).unwrap();
    let fields = json!({
        "productimage_set": [{"pk": 5, "image": "https://cdn.example/shoe.jpg"}],
        "attributes_kwargs": {"color": {"label": "Red"}}, "extra_attributes": {"season": "ss31"},
    });
    rig.hub.hub.update_product(product, fields).await.unwrap();
    let order = NewOrder { number: "P1".into(), channel: 1, customer: 1, lines: vec![(sku, 3, 1_605)] };
    let pk = rig.hub.hub.create_order(order).await.unwrap();
    let item = rig.hub.hub.items_of(pk)[0];
    let said = json!({"extra_field": {"gift": true}, "attributes_kwargs": {"size": {"label": "42"}}});
    rig.hub.hub.update_item(item, said).await.unwrap();
    again(rig).await;
    (number(&rig.app, &format!("SELECT id FROM orders WHERE omnitron_id = {pk}")).await, item)
}

/// Every payload of the order, in the order of its changes, as it is rendered now.
async fn told(rig: &Rig, order: i64) -> Vec<Value> {
    while changes::place_tick(&rig.app).await.unwrap() {}
    let asked = Asked {
        most: 100,
        entities: vec!["order".into()],
        entity_id: Some(order),
        with_payload: true,
        ..Asked::default()
    };
    events::read(&rig.app, &asked).await.unwrap().events.into_iter().map(|(_, payload)| payload).collect()
}

fn line(payload: &Value) -> &Value {
    &payload["orderitem_set"][0]
}

#[tokio::test]
async fn a_line_and_its_product_say_what_the_hub_says() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let (order, hub_item) = order(&rig).await;
        let payload = events::now(&rig.app, "order", order).await.unwrap();
        let line = line(&payload);
        let state = &line["state"];
        assert_eq!((&state["enum_class"], &state["enum_value"]), (&json!("OrderItemStatus"), &json!("400")));
        assert_eq!(line["omnitron_id"], hub_item);
        assert_eq!(line["extra_field"], json!({"gift": true}));
        assert_eq!(line["attributes_kwargs"], json!({"size": {"label": "42"}}));
        assert_eq!(line["installment_interest_amount"], "0.00");
        assert_eq!((&line["price_list"], &line["stock_list"]), (&json!(1), &json!(1)));
        for nothing in ["image", "net_amount", "tax_amount", "without_net_amount", "parent_omnitron_id"] {
            assert!(line.get(nothing).is_some_and(Value::is_null), "{nothing}: {line}");
        }
        assert_eq!(line["created_date"], payload["created_date"]);
        let product = &line["product"];
        assert_eq!(product["productimage_set"], json!([{"pk": 5, "image": "https://cdn.example/shoe.jpg"}]));
        assert_eq!(product["attributes_kwargs"], json!({"color": {"label": "Red"}}));
        assert_eq!(product["extra_attributes"], json!({"season": "ss31"}));
        assert!(product["omnitron_id"].is_i64() && product["remote_modified_date"].is_string(), "{product}");
    }
}

#[tokio::test]
async fn a_late_reader_gets_the_order_as_it_was_at_each_change() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let (order, hub_item) = order(&rig).await;
        define_scenario(&rig.app, &rig.data).await;
        rig.time.advance(61 * SECOND_US);
        plan(&rig.app).await;
        let then = told(&rig, order).await;
        assert_eq!(then.len(), 2, "created and planned: {then:?}");
        assert_eq!(then[0]["packages"], json!([]));
        assert_eq!(then[1]["packages"][0]["state"]["enum_value"], "920", "there is no stock");
        assert!(then[1]["packages"][0]["state"]["created_date"].is_string());

        // The hub moves the line on; one of three is cancelled; the package goes with it.
        rig.hub.hub.update_item(hub_item, json!({"status": "450"})).await.unwrap();
        again(&rig).await;
        rig.time.advance(SECOND_US);
        let wanted = cancellations::read_api(
            order,
            &json!({"items": [{"order_item": then[0]["orderitem_set"][0]["id"], "quantity": 1}]}),
        );
        let wanted = wanted.unwrap();
        let ids = cancellations::direct_ids(&rig.app, &wanted).await.unwrap();
        let actor = rig.app.actor("test").await.unwrap();
        let mut tx = rig.app.store.begin().await.unwrap();
        cancellations::cancel(&mut tx, &rig.app, ids, actor, &wanted).await.unwrap();
        tx.commit().await.unwrap();

        let now = told(&rig, order).await;
        assert_eq!(now[..2], then[..], "what was told stays as it was");
        let states: Vec<_> = now.iter().map(|p| line(p)["state"]["enum_value"].as_str().unwrap()).collect();
        assert_eq!(states[..2], ["400", "400"]);
        assert!(states[2..].iter().all(|s| *s == "450"), "{states:?}");
        let cancelled: Vec<_> = now.iter().map(|p| line(p)["quantity_cancelled"].as_i64().unwrap()).collect();
        assert!(cancelled[..cancelled.len() - 1].iter().all(|n| *n == 0), "{cancelled:?}");
        assert_eq!(cancelled.last(), Some(&1));
        let packages = |p: &Value| -> Vec<String> {
            let each = p["packages"].as_array().unwrap().iter();
            each.map(|p| p["state"]["enum_value"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(packages(now.last().unwrap()), ["900", "920"]);
        assert_eq!(now.last(), Some(&events::now(&rig.app, "order", order).await.unwrap()));
        assert_sound(&rig.app).await;
    }
}
