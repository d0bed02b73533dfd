//! Where the fifteen steps of an installation stand.

use serde_json::{Value, json};

use crate::support::{OMS, on_each};

fn step<'v>(all: &'v Value, name: &str) -> &'v Value {
    all["steps"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap()
}

#[tokio::test]
async fn every_step_says_where_it_stands_and_what_to_do() {
    on_each(|s| async move {
        let setup = format!("{OMS}/setup/");
        let fresh = s.get(&setup).await.is(200).json();
        let numbers: Vec<i64> =
            fresh["steps"].as_array().unwrap().iter().map(|s| s["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=15).collect::<Vec<_>>());
        assert_eq!(fresh["is_ready"], json!(false));
        for step in fresh["steps"].as_array().unwrap() {
            for text in ["title", "about", "message"] {
                let said = step[text].as_str().unwrap();
                // A key without words would stand for itself.
                assert!(said.contains(' ') || text == "title", "{step}");
                assert!(!said.starts_with("step") && !said.contains('$'), "{step}");
            }
        }
        assert_eq!(step(&fresh, "credentials")["state"], "needs_you");
        assert_eq!(step(&fresh, "order-filtering")["state"], "needs_you");
        assert_eq!(step(&fresh, "users")["state"], "done");

        let filter = json!({"key": "ORDER_FILTERING", "json_value": {"order_statuses": ["400"], "channels": [], "exclude_order_types": []}});
        s.post(&format!("{OMS}/settings/application_settings/"), &filter).await.is(201);
        let after = s.get(&setup).await.is(200).json();
        assert_eq!(step(&after, "order-filtering")["state"], "done");
        assert_eq!(step(&after, "order-filtering")["screen"], "/en/oms/settings/basic-setup/order-filtering");
    })
    .await;
}
