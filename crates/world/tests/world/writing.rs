//! Writing to the hub: status moves, orders, cancellations, batches, stores, and that it is all kept.

use crate::common::{Running, config, config_at, small};
use oms_world::data::{Dataset, GenerateSize};
use oms_world::hub::{self, HubError, NewOrder, Touch};
use serde_json::{Value, json};

async fn fresh() -> Running {
    Running::start(config(small())).await
}

async fn codes(run: &Running, order: i64) -> Vec<String> {
    let items = run.get(&format!("order_items/?order={order}&limit=100")).await;
    let rows = items["results"].as_array().expect("rows");
    rows.iter().map(|i| i["status"].as_str().expect("status").to_owned()).collect()
}

/// Moves all items of an order, in bulk.
async fn move_all(run: &Running, order: i64, status: &str) -> u16 {
    let set: Vec<Value> =
        run.hub.items_of(order).into_iter().map(|pk| json!({ "id": pk, "status": status })).collect();
    run.patch("order_items/bulk_status_update/", json!({ "orderitem_set": set })).await.0
}

fn order_with_lines(data: &Dataset, least: usize) -> i64 {
    data.orders.iter().position(|o| o.lines.len() >= least).expect("such an order") as i64 + 1
}

#[tokio::test]
async fn items_move_by_the_table_and_orders_follow() {
    let run = fresh().await;
    let order = order_with_lines(&small(), 2);
    let items = run.hub.items_of(order);
    let item = format!("order_items/{}/", items[0]);
    let (status, body) = run.patch(&item, json!({ "status": "500" })).await;
    assert_eq!((status, &body["from"], &body["to"]), (406, &json!("approved"), &json!("shipped")));
    assert_eq!(body["code"], "order_item_status_100_1");
    let (status, body) =
        run.patch(&item, json!({ "status": 450, "attributes": { "note": "x", "quantity": "2" } })).await;
    assert_eq!((status, &body["status"], &body["attributes"]["note"]), (200, &json!("450"), &json!("x")));
    assert_eq!(run.get(&format!("orders/{order}/")).await["status"], "400");
    let before = run.get(&format!("orders/{order}/")).await["modified_date"].clone();
    for pk in &items[1..] {
        assert_eq!(run.patch(&format!("order_items/{pk}/"), json!({ "status": "preparing" })).await.0, 200);
    }
    let after = run.get(&format!("orders/{order}/")).await;
    assert_eq!(after["status"], "450");
    assert!(after["modified_date"].as_str() > before.as_str());
    let last = run.get("orders/?sort=-modified_date&limit=1").await;
    assert_eq!(last["results"][0]["pk"], order);
    assert_eq!(run.get("orders/?status=450").await["count"], 1);
    assert_eq!(run.get("orders/detailed/?status__in=450").await["results"][0]["customer"]["channel"], 1);
}

#[tokio::test]
async fn a_patch_merges_replaces_and_leaves_alone() {
    let run = fresh().await;
    run.patch("order_items/1/", json!({ "extra_field": { "a": 1 } })).await;
    let (_, body) = run
        .patch("order_items/1/", json!({ "extra_field": { "b": 2 }, "tracking_number": "T", "price": "1" }))
        .await;
    assert_eq!(body["extra_field"], json!({ "a": 1, "b": 2 }));
    assert_ne!(body["price"], "1.00");
    let (_, again) = run.patch("order_items/1/", json!({ "tracking_number": "T", "status": "400" })).await;
    assert_eq!(again["modified_date"], body["modified_date"], "nothing changed");
    for (bad, field) in [
        (json!({ "status": "401" }), "status"),
        (json!({ "status": "425" }), "status"),
        (json!({ "extra_field": 1 }), "extra_field"),
        (json!({ "attributes": null }), "attributes"),
        (json!({ "invoice_date": "soon" }), "invoice_date"),
    ] {
        let (status, body) = run.patch("order_items/1/", bad).await;
        assert_eq!(status, 400);
        assert!(body[field].is_array(), "{body}");
    }
    assert_eq!(run.patch("order_items/99999/", json!({})).await.0, 404);
    let broken =
        run.client.patch(run.url("order_items/1/")).header("Authorization", format!("Token {}", run.token));
    assert_eq!(broken.body("{").send().await.expect("answer").status(), 400);
    assert_eq!(run.patch("orders/1/", json!({ "is_send": true })).await.1["is_send"], true);
    assert_eq!(run.patch("orders/1/", json!({ "status": "500" })).await.0, 400);
}

#[tokio::test]
async fn a_bulk_update_is_whole_or_not_at_all() {
    let run = fresh().await;
    let order = order_with_lines(&small(), 2);
    let items = run.hub.items_of(order);
    let set = json!({ "orderitem_set": [{ "id": items[0], "status": "450" }, { "id": items[1], "status": "550" }] });
    assert_eq!(run.patch("order_items/bulk_status_update/", set).await.0, 406);
    assert!(codes(&run, order).await.iter().all(|c| c == "400"));
    assert_eq!(move_all(&run, order, "450").await, 200);
    assert!(codes(&run, order).await.iter().all(|c| c == "450"));
    let none = json!({ "orderitem_set": [{ "id": 999_999, "status": "450" }] });
    assert_eq!(run.patch("order_items/bulk_status_update/", none).await.0, 400);
}

#[tokio::test]
async fn a_restart_keeps_what_was_changed() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("deep").join("hub.db");
    let token = {
        let run = Running::start(config_at(small(), &path)).await;
        run.patch("order_items/1/", json!({ "status": "450", "tracking_number": "T-1" })).await;
        let (status, _) = run.send("DELETE", "retail_stores/2/", None).await;
        assert_eq!(status, 204);
        let order = NewOrder {
            number: "N-1".into(),
            channel: 1,
            customer: 1,
            lines: vec![("SKU-0001".into(), 2, 150)],
        };
        assert_eq!(run.hub.create_order(order).await, Ok(31));
        run.token.clone()
    };
    let mut run = Running::start(config_at(small(), &path)).await;
    run.token = token;
    let item = run.get("order_items/1/").await;
    assert_eq!((&item["status"], &item["tracking_number"]), (&json!("450"), &json!("T-1")));
    assert_eq!(run.send("GET", "retail_stores/2/", None).await.0, 404);
    assert_eq!(run.get("retail_stores/").await["count"], 5);
    let order = run.get("orders/31/").await;
    assert_eq!((&order["number"], &order["amount"]), (&json!("N-1"), &json!("3.00")));
    let items = run.get("order_items/?order=31").await;
    assert_eq!((&items["count"], &items["results"][0]["attributes"]["quantity"]), (&json!(1), &json!("2")));
    let mut flat = run.get("orders/31/").await;
    let mut base = run.get("orders/1/").await;
    let names = |v: &mut Value| v.as_object().expect("order").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&mut flat), names(&mut base));

    let other = Dataset::generate(12, GenerateSize { orders: 30, ..GenerateSize::default() });
    let refused = hub::open(config_at(other, &path), crate::common::clock()).await.err().expect("refused");
    assert!(
        matches!(refused, HubError::OtherData { .. }) && refused.to_string().contains("hub.db"),
        "{refused}"
    );
}

#[tokio::test]
async fn orders_are_made_once() {
    let run = fresh().await;
    let body = json!({
        "order": { "number": "M-1", "customer": 1, "shipping_address": 1, "billing_address": 1,
            "date_placed": "2031-03-04 09:15:27", "extra_field": { "id": "r1" } },
        "order_item": [{ "product": 1, "price": "10.50", "attributes": { "quantity": 3 } }, { "product": 2, "price": 1 }],
    });
    let (status, order) = run.post("channel/2/create_orders/", body.clone()).await;
    assert_eq!((status, &order["amount"], &order["channel"]), (201, &json!("32.50"), &json!(2)), "{order}");
    assert_eq!(order["date_placed"], "2031-03-04T09:15:27.000000Z");
    assert_eq!(run.post("channel/2/create_orders/", body.clone()).await.0, 400);
    assert_eq!(run.post("channel/1/create_orders/", body).await.0, 201);
    assert_eq!(run.get("channel/2/orders/?number=M-1").await["count"], 1);
    assert_eq!(run.get("orders/?number=M-1").await["count"], 2);
    assert_eq!(run.get("channel/2/order_items/?limit=50").await["count"], 2);
    for bad in [
        json!({}),
        json!({ "order": {}, "order_item": [] }),
        json!({ "order": { "number": "x" }, "order_item": [{}] }),
    ] {
        assert_eq!(run.post("channel/1/create_orders/", bad).await.0, 400);
    }
    let pk = order["pk"].as_i64().expect("pk");
    let item = run.hub.items_of(pk)[0];
    let swap = json!([{ "order_item": item, "new_product_sku": "SKU-0005" }]);
    assert_eq!(run.post(&format!("channel/2/orders/{pk}/bulk_replace_product/"), swap).await.0, 200);
    let product = run.get(&format!("order_items/{item}/")).await["product"].clone();
    assert_eq!(run.get(&format!("products/{product}/")).await["sku"], "SKU-0005");
    run.hub
        .touch_order(1, Touch { notes: Some("ring twice".into()), ..Touch::default() })
        .await
        .expect("touched");
    assert_eq!(run.get("orders/?sort=-modified_date&limit=1").await["results"][0]["notes"], "ring twice");
    let mapping =
        run.post("order_items/1/create_mapping/", json!({ "update_stock": true, "code": "L-9" })).await;
    assert_eq!((mapping.0, &mapping.1["object_id"]), (201, &json!(1)));
}

#[tokio::test]
async fn a_cancellation_waits_for_the_oms() {
    let run = fresh().await;
    let order = order_with_lines(&small(), 2);
    let items = run.hub.items_of(order);
    run.patch(&format!("order_items/{}/", items[1]), json!({ "status": "450" })).await;
    let body = json!({ "order": order, "is_all": false, "cancel_items": [items[1]], "reasons": { items[1].to_string(): 2 } });
    let (status, answer) = run.post(&format!("orders/{order}/cancel/"), body).await;
    assert_eq!((status, &answer["status"]), (200, &json!("50")), "{answer}");
    let plan = run.get("cancellation_plans/?plan_type=cancel").await["results"][0].clone();
    assert_eq!((&plan["status"], &plan["order"]), (&json!("waiting"), &json!(order)));
    assert_eq!(plan["cancellationplanorderitem_set"][0]["reason"], 2);
    // Back is only where it came from.
    let item = format!("order_items/{}/", items[1]);
    assert_eq!(run.patch(&item, json!({ "status": "400" })).await.0, 406);
    assert_eq!(run.patch(&item, json!({ "status": "450" })).await.1["cancel_status"], "rejected");
    let path = format!("cancellation_plans/{}/", plan["pk"]);
    assert_eq!(run.get(&path).await["status"], "rejected");

    run.post(&format!("orders/{order}/cancel/"), json!({ "is_all": true })).await;
    assert_eq!(move_all(&run, order, "100").await, 200);
    assert_eq!(run.get(&format!("orders/{order}/")).await["status"], "100");
    assert_eq!(run.get("cancellation_plans/?status=completed").await["count"], 1);
    assert_eq!(run.get(&format!("cancellation_plans/?order_id={order}")).await["count"], 2);
    assert_eq!(run.post(&format!("orders/{order}/cancel/"), json!({ "is_all": true })).await.0, 406);
    let bare = run.get("channel/1/cancellation_plans/inserts_or_updates/").await;
    assert_eq!(bare.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn requests_are_approved_or_rejected() {
    let run = fresh().await;
    let ask = json!({ "order_item": 1, "reason": 1, "cancellation_type": "cancel", "description": "no" });
    let (status, request) = run.post("channel/1/cancellation_requests/", ask.clone()).await;
    assert_eq!((status, &request["status"]), (201, &json!("waiting")));
    let (_, rejected) = run.post("cancellation_requests/1/reject/", json!({})).await;
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(run.post("cancellation_requests/", ask).await.1["pk"], 2);
    assert_eq!(run.patch("cancellation_requests/2/", json!({ "status": "approved" })).await.0, 200);
    assert_eq!(run.get("order_items/1/").await["status"], "50");
    run.patch("order_items/1/", json!({ "status": "100" })).await;
    assert_eq!(run.get("cancellation_requests/?status=completed&cancellation_type=cancel").await["count"], 1);
    assert_eq!(run.send("DELETE", "cancellation_requests/1/", None).await.0, 204);
    assert_eq!(run.post("cancellation_requests/", json!({ "order_item": 0 })).await.0, 400);
    let pay = json!({ "payment_plan": [{ "transaction_type": "refund", "order_items": [1], "refund_amount": 1.5 }] });
    assert_eq!(run.post("cancellation_plans/1/create_payment_plan/", pay).await.0, 201);
}

#[tokio::test]
async fn a_delivered_order_is_refunded() {
    let run = fresh().await;
    for status in ["450", "500", "540", "500", "550"] {
        assert_eq!(move_all(&run, 1, status).await, 200, "{status}");
    }
    run.post("orders/1/cancel/", json!({ "is_all": true })).await;
    assert_eq!(run.get("cancellation_plans/1/").await["plan_type"], "refund");
    assert_eq!(run.get("orders/1/").await["status"], "550");
    assert_eq!(move_all(&run, 1, "600").await, 200);
    assert_eq!(run.get("orders/1/").await["status"], "600");
}

#[tokio::test]
async fn batches_hold_and_release() {
    let run = fresh().await;
    let updates =
        async || run.get("channel/1/orders/updates/?limit=100").await.as_array().expect("bare").len();
    assert_eq!(updates().await, 30);
    let (_, batch) = run.post("channel/1/batch_requests/", json!({ "channel": 1 })).await;
    let path = format!("channel/1/batch_requests/{}/", batch["pk"]);
    let version = run.get("orders/1/").await["modified_date"].clone();
    let commit = json!({ "status": "commit", "content_type": "order",
        "objects": [{ "pk": 1, "version_date": version, "content_type": "order" }] });
    assert_eq!(run.patch(&path, commit.clone()).await.0, 200);
    assert_eq!(updates().await, 29);
    let (_, other) = run.post("channel/1/batch_requests/", json!({})).await;
    let (status, refusal) = run.patch(&format!("channel/1/batch_requests/{}/", other["pk"]), commit).await;
    assert_eq!((status, &refusal["code"]), (406, &json!("batch_request_status_100_1")));
    for status in ["sent_to_remote", "ongoing", "done"] {
        assert_eq!(run.patch(&path, json!({ "status": status })).await.0, 200);
    }
    assert_eq!(run.patch(&path, json!({ "status": "commit", "content_type": "order" })).await.0, 406);
    assert_eq!(updates().await, 29);
    run.hub.touch_order(1, Touch::default()).await.expect("touched");
    assert_eq!(updates().await, 30);
    let found = run
        .get("channel/1/integration_actions/?content_type_name=order&object_id__in=1&status=success")
        .await;
    assert_eq!(found["count"], 1);
}

#[tokio::test]
async fn stores_people_and_addresses() {
    let run = fresh().await;
    let store = json!({ "name": "New", "address": "1 Road", "township_id": 1, "phone_number": "1", "erp_code": "N1",
        "extra_field": { "kind": "store" } });
    let (status, made) = run.post("retail_stores/", store.clone()).await;
    assert_eq!((status, &made["pk"], &made["township"]), (201, &json!(7), &json!(1)), "{made}");
    assert_eq!(run.post("retail_stores/", store).await.0, 400);
    assert_eq!(run.patch("retail_stores/7/", json!({ "is_active": false })).await.1["is_active"], false);
    assert_eq!(run.get("retail_stores/?is_active=False").await["count"], 1);
    assert_eq!(run.send("PUT", "retail_stores/7/", Some(&json!({ "name": "x" }))).await.0, 400);
    assert_eq!(run.get("retail_stores/7/detailed/").await["township"]["pk"], 1);
    let (status, customer) = run.post("channel/2/customers/", json!({ "email": "mira@shop.example" })).await;
    assert_eq!((status, &customer["channel"]), (201, &json!(2)));
    assert_eq!(run.post("channel/2/customers/", json!({ "email": "mira@shop.example" })).await.0, 400);
    let address = json!({ "email": "m@shop.example", "first_name": "M", "last_name": "S", "country": 1, "city": 1,
        "township": 1, "line": "9 Pier Rd", "customer": customer["pk"] });
    let (status, made) = run.post("channel/2/addresses/", address.clone()).await;
    assert_eq!(status, 201, "{made}");
    let (status, twin) = run.post("channel/2/addresses/", address).await;
    let hash = made["hash_data"].as_str().expect("hash");
    assert_eq!((status, &twin["non_field_errors"][0]), (400, &json!(format!("hash_data:{hash}"))));
    assert_eq!(run.get(&format!("addresses/?hash_data={hash}")).await["count"], 1);
}
