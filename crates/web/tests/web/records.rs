//! Settings, scenarios, locations, stock: created, read, changed, and refused by name.

use serde_json::{Value, json};

use crate::support::{OMS, on_each};

#[tokio::test]
async fn settings_are_masked_kept_and_checked() {
    on_each(|s| async move {
        let list = format!("{OMS}/settings/application_settings/");
        let value = json!({"auth": {"username": "oms.application", "password": "s3cret-value"},
                           "urls": {"base_url": "https://hub.example/api/v1"}});
        let made =
            s.post(&list, &json!({"key": "OMNITRON_CLIENT_SETTINGS", "json_value": value})).await.is(201);
        let id = made.json()["id"].as_i64().unwrap();
        assert!(!made.body.contains("s3cret"));
        let again =
            s.post(&list, &json!({"key": "OMNITRON_CLIENT_SETTINGS", "json_value": value})).await.is(400);
        assert_eq!(again.code(), "unique");
        let unknown = s.post(&list, &json!({"key": "NOPE", "json_value": {}})).await.is(400);
        assert!(unknown.json()["error"]["key"].is_array());
        s.post(&list, &json!({"key": "ORDER_FILTERING"})).await.is(400);
        s.post(&list, &json!({"key": "ORDER_FILTERING", "json_value": {"what": 1}})).await.is(400);
        s.post(&list, &json!({"key": "ORDER_FILTERING", "json_value": {"order_statuses": ["400"]}}))
            .await
            .is(201);

        let one = format!("{list}{id}/");
        let shown = s.get(&one).await.is(200).json();
        assert_eq!(shown["json_value"]["auth"]["password"], "********");
        for method in ["PUT", "PATCH"] {
            let reply = s.write(method, &one, &json!({"json_value": shown["json_value"]})).await.is(200);
            assert_eq!(reply.body, "");
        }
        let mut tx = s.app.store.read().await.unwrap();
        let stored =
            oms_store::setup::settings::by_key(&mut tx, "OMNITRON_CLIENT_SETTINGS").await.unwrap().unwrap();
        assert_eq!(stored.value["auth"]["password"], "s3cret-value");
        drop(tx);
        s.write("PUT", &one, &json!({"key": "OTHER", "json_value": {}})).await.is(400);

        let found = s.get(&format!("{list}?key=FILTER")).await.is(200).json();
        assert_eq!(
            (found["count"].as_i64(), &found["results"][0]["key"]),
            (Some(1), &json!("ORDER_FILTERING"))
        );
        let page = s.get(&format!("{list}?page_size=1&page=2")).await.is(200).json();
        let before = "http://oms.test/api/v1/oms/settings/application_settings/?page=1&page_size=1";
        assert_eq!((&page["next"], &page["previous"]), (&Value::Null, &json!(before)));
        s.get(&format!("{list}?page=9")).await.is(404);
        s.get(&format!("{list}?page=0")).await.is(400);
        s.get(&format!("{list}99999/")).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn scenarios_are_versioned_and_refused_by_name() {
    on_each(|s| async move {
        s.warehouse("W1").await;
        let list = format!("{OMS}/distribution-scenarios/");
        let good = json!({"name": "All", "default_stock_location": "W1",
                          "rules": [{"name": "one", "products": "units", "sort": [{"by": "priority"}]}]});
        let made = s.post(&list, &good).await.is(201).json();
        assert_eq!(made["version"], 1);
        assert_eq!(s.post(&list, &good).await.is(400).code(), "unique");
        let one = format!("{list}{}/", made["id"]);
        let mut changed = s.get(&one).await.is(200).json();
        changed["priority"] = json!(5);
        let put = s.write("PUT", &one, &changed).await.is(200).json();
        assert_eq!((put["version"].as_i64(), put["priority"].as_i64()), (Some(2), Some(5)));
        assert_eq!(s.get(&list).await.is(200).json()["count"], 1);
        s.write("PUT", &format!("{list}777/"), &good).await.is(404);

        let refused = async |field: &str, change: fn(&mut Value)| {
            let mut body = good.clone();
            body["name"] = json!("Other");
            change(&mut body);
            let reply = s.post(&list, &body).await.is(400).json();
            assert!(reply["error"][field].is_array(), "{field}: {reply}");
        };
        refused("name", |b| b["name"] = json!("")).await;
        refused("default_stock_location", |b| b["default_stock_location"] = json!("nowhere")).await;
        refused("rules", |b| b["rules"] = json!([])).await;
        refused("surprise", |b| b["surprise"] = json!(1)).await;
        refused("initial_status", |b| b["initial_status"] = json!(500)).await;
        refused("rules[0].filters", |b| {
            b["rules"][0]["filters"] = json!([{"type": "locations", "erp_codes": ["nowhere"]}]);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn locations_are_written_whole_and_in_part() {
    on_each(|s| async move {
        let list = format!("{OMS}/stocklocations/");
        let body = json!({
            "erp_code": "S1", "name": "Kadıköy", "stock_location_type": "store", "priority": 3, "max_quota": 40,
            "is_pickup_location": true, "is_return_available": true, "is_fast_delivery_available": true,
            "is_shipper": false, "is_delivery_location": false, "email": "s1@brand.example",
            "daytime_phone": "1", "evening_phone": "2", "fax_number": "3", "targeted_packaging_minutes": 30,
            "targeted_exit_minutes": 90, "conf": {"dock": 2}, "tags": [{"name": "express"}], "omnitron_id": 77,
            "address": {"line": "Moda 1", "postcode": "34710", "latitude": "40.98765", "longitude": 29.0321}
        });
        let made = s.post(&list, &body).await.is(201).json();
        for (key, value) in body.as_object().unwrap().iter().filter(|(k, _)| *k != "address") {
            assert_eq!(&made[key], value, "{key}");
        }
        assert_eq!(made["address"]["latitude"], "40.98765000");
        assert_eq!((&made["quota"], &made["available_quota"]), (&json!(0), &json!(40)));
        let one = format!("{list}{}/", made["id"]);
        assert_eq!(s.get(&one).await.is(200).json(), made);

        let patched = s.write("PATCH", &one, &json!({"max_quota": null, "address": {"notes": "back door"}})).await;
        let patched = patched.is(200).json();
        assert_eq!((&patched["max_quota"], &patched["available_quota"]), (&Value::Null, &Value::Null));
        assert_eq!(patched["address"]["line"], "Moda 1");
        assert_eq!(patched["version"], 2);
        let whole = s.write("PUT", &one, &patched).await.is(200).json();
        assert_eq!(whole["tags"], patched["tags"]);
        let short = json!({"erp_code": "S1", "name": "New", "stock_location_type": "warehouse"});
        let put = s.write("PUT", &one, &short).await.is(200).json();
        assert_eq!((&put["priority"], &put["tags"], &put["omnitron_id"]), (&json!(0), &json!([]), &Value::Null));

        let refused = async |field: &str, change: Value| {
            let reply = s.write("PATCH", &one, &change).await.is(400).json();
            assert!(reply["error"][field].is_array(), "{field}: {reply}");
        };
        refused("priority", json!({"priority": "high"})).await;
        refused("priority", json!({"priority": 1.5})).await;
        refused("max_quota", json!({"max_quota": -1})).await;
        refused("is_active", json!({"is_active": "yes"})).await;
        refused("stock_location_type", json!({"stock_location_type": "shop"})).await;
        refused("name", json!({"name": "x".repeat(256)})).await;
        refused("tags", json!({"tags": ["express"]})).await;
        refused("conf", json!({"conf": []})).await;
        refused("surprise", json!({"surprise": 1})).await;
        refused("address.surprise", json!({"address": {"surprise": 1}})).await;
        refused("address.city", json!({"address": {"city": 12345}})).await;
        refused("address.latitude", json!({"address": {"latitude": 91, "longitude": 0}})).await;
        assert_eq!(s.post(&list, &short).await.is(400).code(), "unique");
        s.post(&list, &json!({"name": "x"})).await.is(400);

        let simple = s.get(&format!("{list}list-simple/?erp_code=S1,S2")).await.is(200).json();
        assert_eq!((&simple["count"], simple["results"][0]["address"].is_i64()), (&json!(1), true));
        let unknown = s.get(&format!("{list}?colour=red")).await.is(400);
        assert_eq!(unknown.code(), "unknown_parameter");
        s.stock("S1", "A", 1).await.is(200);
        assert_eq!(s.write("DELETE", &one, &Value::Null).await.is(409).code(), "location_in_use");
        let empty = s.warehouse("W9").await;
        s.write("DELETE", &format!("{list}{empty}/"), &Value::Null).await.is(204);
        s.get(&format!("{list}{empty}/")).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn stock_is_set_and_baskets_are_answered() {
    on_each(|s| async move {
        s.warehouse("W1").await;
        s.warehouse("W2").await;
        s.stock("W1", "A", 5).await.is(200);
        s.stock("W1", "B", 1).await.is(200);
        s.stock("W2", "A", 1).await.is(200);
        let rows = s.get(&format!("{OMS}/stocks/?erp_code=W1&sku=A")).await.is(200).json();
        assert_eq!((&rows["count"], &rows["results"][0]["available"]), (&json!(1), &json!(5)));
        s.stock("W1", "A", 7).await.is(200);
        let shown = s.get(&format!("{OMS}/stocks/?sku=A&sort=sku&limit=1")).await.is(200).json();
        assert_eq!((&shown["count"], shown["next"].is_string()), (&json!(2), true));

        assert!(s.stock("W3", "A", 1).await.is(400).json()["error"]["rows[0].erp_code"].is_array());
        assert!(s.stock("W1", "A", -1).await.is(400).json()["error"]["rows[0].on_hand"].is_array());
        s.stock("W1", "A", 2_000_000_000_000).await.is(400);
        s.post(&format!("{OMS}/stocks/"), &json!({"rows": [{"erp_code": "W1", "sku": "A", "on_hand": 1.5}]}))
            .await
            .is(400);
        s.post(&format!("{OMS}/stocks/"), &json!({"rows": []})).await.is(400);

        let ask = async |query: &str| s.get(&format!("{OMS}/query-stock-availability?{query}")).await;
        assert_eq!(ask("sku=A").await.is(200).json(), json!({"W1": true, "W2": true}));
        assert_eq!(ask("sku=A&sku=A&sku=B").await.is(200).json(), json!({"W1": true, "W2": false}));
        assert_eq!(ask("sku=A&erp_code=W2").await.is(200).json(), json!({"W2": true}));
        assert_eq!(ask("sku=nothing").await.is(200).json(), json!({"W1": false, "W2": false}));
        assert_eq!(ask("sku=A&erp_code=nowhere").await.is(400).code(), "no_valid_location");
        assert_eq!(ask("sku=A&tag=nothing").await.is(400).code(), "no_valid_location");
        assert_eq!(ask("").await.is(422).code(), "validation_error");
        assert_eq!(ask(&["sku=A"; 101].join("&")).await.is(422).code(), "validation_error");
        let codes = format!("sku=A&{}", ["erp_code=W1"; 51].join("&"));
        assert_eq!(ask(&codes).await.is(422).code(), "validation_error");
        assert_eq!(ask("sku=A&colour=red").await.is(400).code(), "unknown_parameter");
        ask("sku=").await.is(400);
        s.get(&format!("{OMS}/query-stock-availability/?sku=A")).await.is(200);
    })
    .await;
}
