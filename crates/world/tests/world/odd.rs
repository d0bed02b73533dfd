//! Odd requests get an answer that says so, never a broken connection or a server error.

use crate::common::{Running, config, small};
use serde_json::{Value, json};

#[tokio::test]
async fn odd_requests_are_answered() {
    let run = Running::start(config(small())).await;
    let resources = [
        "countries",
        "cities",
        "townships",
        "districts",
        "channels",
        "retail_stores",
        "orders",
        "order_items",
        "products",
        "customers",
        "addresses",
        "cargos",
        "cancellation_reasons",
        "cancellation_requests",
        "cancellation_plans",
        "batch_requests",
        "integration_actions",
        "content_types",
        "mappings",
        "webhooks",
        "nothing",
    ];
    let tails = [
        "",
        "1/",
        "0/",
        "-1/",
        "99999999999999999999/",
        "1/cancel/",
        "1/reject/",
        "detailed/",
        "1/detailed/",
        "updates/",
        "1/create_mapping/",
        "bulk_status_update/",
        "1/1/1/",
    ];
    let bodies = [
        json!(null),
        json!([]),
        json!({}),
        json!({ "pk": -1, "status": {}, "objects": [1], "is_all": true,
        "orderitem_set": [null], "order": 5, "order_item": {}, "name": "", "township": i64::MAX, "email": [], "reasons": [] }),
    ];
    for resource in resources {
        for prefix in ["", "channel/1/"] {
            for tail in tails {
                let path = format!("{prefix}{resource}/{tail}");
                for method in ["GET", "POST", "PATCH", "PUT", "OPTIONS"] {
                    for body in &bodies {
                        let (status, answer) = run.send(method, &path, Some(body)).await;
                        assert!(status < 500, "{method} {path} {body}: {status} {answer}");
                        if method == "GET" {
                            break;
                        }
                    }
                }
            }
        }
    }
    for query in [
        "page=0",
        "page=-1",
        "page=99999999999999999999",
        "limit=-5",
        "limit=0&page=2",
        "sort=,-,--id",
        "pk__in=,,",
        "pk=1.5",
        "__in=3",
        "status__in=",
        "amount__gt=x",
        "modified_date__date=2031-01-01",
        "order__in=-1,0,99999999999999999",
        "sort=extra_field",
        "%FF=%FE",
        "a&b=&=c",
    ] {
        for resource in resources {
            let (status, answer) = run.send("GET", &format!("{resource}/?{query}"), None).await;
            assert!(status < 500, "{resource} {query}: {status} {answer}");
        }
    }
    let (status, _) = run.send("GET", "orders", None).await;
    assert_eq!(status, 200, "a reader is sent on to the path with its slash");
    let big = Value::String("x".repeat(5 * 1024 * 1024));
    let sent = run.client.post(run.url("webhooks/")).header("Authorization", format!("Token {}", run.token));
    if let Ok(answer) = sent.json(&big).send().await {
        assert_eq!(answer.status(), 413);
    }
    assert_eq!(run.get("orders/1/").await["pk"], 1);
}
