//! Webhooks of the hub: noted once, whoever sends them how often.

use serde_json::{Value, json};

use crate::support::{OMS, on_each};

fn event(kind: &str, uuid: &str, pk: &Value) -> Value {
    json!({"event": {"type": kind, "uuid": uuid}, "payload": {"pk": pk, "number": "R1"}})
}

#[tokio::test]
async fn an_event_sent_twice_is_noted_once() {
    on_each(|s| async move {
        let token = format!("Token {}", s.hub_token);
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        let send = async |path: &str, body: &Value| {
            s.send("POST", &format!("{OMS}/{path}"), &headers, &body.to_string()).await
        };
        let first = event("order.created", "d9428888-122b-11e1-b85c-61cd3cbb3210", &json!(7));
        for _ in 0..2 {
            assert_eq!(send("orders_omnitron/", &first).await.is(200).json(), json!({}));
        }
        // The same id without dashes is the same event.
        send("orders_omnitron/", &event("order.created", "d9428888122b11e1b85c61cd3cbb3210", &json!(7)))
            .await
            .is(200);
        let backlog = oms_app::orders::intake::backlog(&s.app).await.unwrap();
        assert_eq!(backlog.runnable, 1);
        for path in ["stocklocations-webhook", "stocklocations-webhook/"] {
            send(path, &event("retail_store.updated", "00000000-0000-0000-0000-000000000001", &json!(3)))
                .await
                .is(200);
        }
        assert_eq!(oms_app::orders::intake::backlog(&s.app).await.unwrap().runnable, 2);

        let refused = async |field: &str, body: Value| {
            let reply = send("orders_omnitron/", &body).await.is(400).json();
            assert!(reply["error"][field].is_array(), "{field}: {reply}");
        };
        refused("event.type", event("retail_store.created", "a", &json!(1))).await;
        refused("event.uuid", event("order.created", "a b", &json!(1))).await;
        refused("payload.pk", event("order.created", "a", &json!(0))).await;
        refused("payload.pk", event("order.created", "a", &json!("x"))).await;
        refused("event", json!([])).await;
        let large = event("order.created", &"a".repeat(2 << 20), &json!(1));
        send("orders_omnitron/", &large).await.is(413);
    })
    .await;
}
