//! Webhooks of the hub: noted once, whoever sends them how often.

use oms_app::setup::settings;
use oms_connect::hooks::signature;
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

#[tokio::test]
async fn what_the_hub_signs_is_taken_only_signed_and_lately() {
    on_each(|s| async move {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let setting = json!({"target_base_url": "http://127.0.0.1:9", "events": ["order.created"], "token": "t",
            "secret_key": secret});
        settings::put(&s.app, "test", "OMNITRON_WEBHOOKS", &setting).await.unwrap();
        let token = format!("Token {}", s.hub_token);
        let now_s = s.app.now_us() / 1_000_000;
        let send = async |path: &str, at_s: i64, signature: &str, body: &str| {
            let at = at_s.to_string();
            let headers = [
                ("Authorization", token.as_str()),
                ("Content-Type", "application/json"),
                ("webhook-id", "m-1"),
                ("webhook-timestamp", at.as_str()),
                ("webhook-signature", signature),
            ];
            s.send("POST", &format!("{OMS}/{path}"), &headers, body).await
        };
        let order = event("order.created", "d9428888-122b-11e1-b85c-61cd3cbb3210", &json!(7)).to_string();
        let store = event("retail_store.updated", "a1", &json!(3)).to_string();
        let plan = json!({"event": {"type": "cancellation_plan.created", "uuid": "b1"},
            "payload": {"pk": 5, "plan_type": "cancel", "order": {"pk": 1}}})
        .to_string();
        for (path, body) in
            [("orders_omnitron/", &order), ("stocklocations-webhook", &store), ("cancellation_plan/", &plan)]
        {
            let refused = send(path, now_s, "", body).await.is(401).json();
            assert_eq!(refused["code"], "signature_invalid", "{path}: {refused}");
            let sign = |at_s: i64| signature(secret, "m-1", at_s, body.as_bytes());
            send(path, now_s, &sign(now_s + 1), body).await.is(401);
            send(path, now_s - 400, &sign(now_s - 400), body).await.is(401);
            send(path, now_s, &sign(now_s), &body.replace("uuid", "uuld")).await.is(401);
            send(path, now_s, &sign(now_s), body).await.is(200);
        }
        let backlog = oms_app::orders::intake::backlog(&s.app).await.unwrap();
        assert_eq!(backlog.runnable, 2, "the order and the store, each once");
    })
    .await;
}
