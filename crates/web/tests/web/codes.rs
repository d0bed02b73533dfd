//! Codes are kept digit for digit or refused by name, look-alikes are refused, and every refusal names the path of what is
//! wrong; a basket is read as its order would be.

use serde_json::{Value, json};

use crate::support::{OMS, Server, on_each};

async fn stocked(s: &Server) -> i64 {
    s.warehouse("W1").await;
    s.warehouse("W2").await;
    s.stock("W1", "A", 9).await.is(200);
    let rules = json!([{"name": "dear", "products": "units", "when": {"field": "order.amount", "op": "gte", "value": "500.00"},
        "filters": [{"type": "locations", "erp_codes": ["W2"]}]}, {"name": "any", "products": "units", "sort": [{"by": "distance"}]}]);
    let scenario = json!({"name": "All", "default_stock_location": "W1", "rules": rules});
    s.post(&format!("{OMS}/distribution-scenarios/"), &scenario).await.is(201);
    s.channel().await
}

/// Sends a body as text, so that its numbers stand as they are written.
async fn send(s: &Server, path: &str, body: &str) -> Value {
    let token = format!("Token {}", s.token);
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
    s.send("POST", path, &headers, body).await.json()
}

fn order(channel: i64, number: &str, sku: &str) -> String {
    format!(
        r#"{{"orders": [{{"number": {number}, "channel": {channel}, "date_placed": "2031-03-04T09:15:27Z",
        "shipping_address": {{"line": "Street 1"}}, "lines": [{{"sku": {sku}, "quantity": 1, "price": "1.00"}}]}}]}}"#
    )
}

#[tokio::test]
async fn numbers_that_would_lose_digits_are_refused_where_codes_are_read() {
    on_each(|s| async move {
        let channel = stocked(&s).await;
        let orders = format!("{OMS}/orders/");
        let refused = async |number: &str, sku: &str, field: &str| {
            let answer = send(&s, &orders, &order(channel, number, sku)).await;
            let result = &answer["results"][0];
            assert_eq!(result["status"], "rejected", "{number} {sku}: {answer}");
            let message = result["error"][field][0].as_str().unwrap_or_else(|| panic!("{field}: {answer}"));
            assert!(message.contains("text"), "{message}");
        };
        refused("20261125000000000001", "\"A\"", "number").await;
        refused("20261125000000000002", "\"A\"", "number").await;
        refused("\"C-1\"", "90.750", "lines[0].sku").await;
        for (number, kept) in [
            ("\"20261125000000000001\"", "20261125000000000001"),
            ("20261125", "20261125"),
            ("\"00042\"", "00042"),
        ] {
            let answer = send(&s, &orders, &order(channel, number, "\"A\"")).await;
            assert_eq!(answer["results"][0]["status"], "created", "{answer}");
            // The filter is by how a number begins.
            let found = s.get(&format!("{orders}?number={kept}")).await.is(200).json();
            assert!(found["results"].as_array().unwrap().iter().any(|o| o["number"] == kept), "{found}");
        }
        let load = send(
            &s,
            &format!("{OMS}/stocks/"),
            r#"{"rows": [{"erp_code": "W1", "sku": 90.750, "on_hand": 1}]}"#,
        )
        .await;
        assert!(load["error"]["rows[0].sku"].is_array(), "{load}");
    })
    .await;
}

#[tokio::test]
async fn what_nobody_sees_is_refused_in_skus_and_blanks_are_trimmed_everywhere() {
    on_each(|s| async move {
        let channel = stocked(&s).await;
        let odd = ["\u{FEFF}A", "A\u{200B}", "A\u{200D}", "A\u{1B}"];
        for sku in odd {
            let load = json!({"rows": [{"erp_code": "W1", "sku": sku, "on_hand": 1}]});
            let refused = s.post(&format!("{OMS}/stocks/"), &load).await.is(400).json();
            assert!(
                refused["error"]["rows[0].sku"][0].as_str().is_some_and(|m| m.contains("U+")),
                "{refused}"
            );
            let body: Value =
                serde_json::from_str(&order(channel, "\"L-1\"", &json!(sku).to_string())).unwrap();
            let answer = s.post(&format!("{OMS}/orders/"), &body).await.is(200).json();
            assert!(answer["results"][0]["error"]["lines[0].sku"].is_array(), "{answer}");
            s.post(&format!("{OMS}/safety-stocks/"), &json!({"sku": sku, "units": 1})).await.is(400);
        }
        s.post(
            &format!("{OMS}/stocklocations/"),
            &json!({"erp_code": "W\u{200B}", "name": "W", "stock_location_type": "store"}),
        )
        .await
        .is(400);
        // Trimmed alike: in loads, baskets and safety stock.
        s.stock("W1", " A ", 7).await.is(200);
        let asked =
            s.get(&format!("{OMS}/query-stock-availability/?sku=%20A%20&erp_code=W1")).await.is(200).json();
        assert_eq!(asked.to_string().matches("true").count(), 1, "{asked}");
        let kept = s
            .post(&format!("{OMS}/safety-stocks/"), &json!({"sku": " A ", "erp_code": " W1 ", "units": 7}))
            .await
            .is(200)
            .json();
        assert_eq!((&kept["sku"], &kept["erp_code"]), (&json!("A"), &json!("W1")));
        assert_eq!(s.get(&format!("{OMS}/stocks/?sku=A")).await.is(200).json()["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_load_names_every_refused_row_and_refusals_name_paths() {
    on_each(|s| async move {
        stocked(&s).await;
        let mut rows: Vec<Value> =
            (0..50).map(|i| json!({"erp_code": "W1", "sku": format!("S{i}"), "on_hand": i})).collect();
        rows[36]["on_hand"] = json!("1.5");
        rows[40].as_object_mut().unwrap().remove("sku");
        let refused = s.post(&format!("{OMS}/stocks/"), &json!({"rows": rows})).await.is(400).json();
        let told = "rows[36].on_hand: a whole number is expected, found the text \"1.5\".";
        assert_eq!(refused["error"]["rows[36].on_hand"][0], told);
        assert_eq!(refused["error"]["rows[40].sku"][0], "rows[40].sku is required.");
        for (i, row) in rows.iter_mut().enumerate() {
            *row = json!({"erp_code": if i < 30 { "NOWHERE" } else { "W1" }, "sku": format!("S{i}"), "on_hand": -1});
        }
        let refused = s.post(&format!("{OMS}/stocks/"), &json!({"rows": rows})).await.is(400).json();
        let fields = refused["error"].as_object().unwrap();
        assert_eq!(fields.len(), 21, "twenty rows and the code: {refused}");
        assert!(fields.contains_key("rows[0].erp_code") && !fields.contains_key("rows[30].on_hand"));

        // The same for scenarios and settings.
        let scenario = json!({"name": "X", "default_stock_location": "W1", "rules": [{"name": "r", "products": "units", "max_packages": "two"}]});
        let refused = s.post(&format!("{OMS}/distribution-scenarios/"), &scenario).await.is(400).json();
        assert!(refused["error"]["rules[0].max_packages"].is_array(), "{refused}");
        let value = json!({"auth": {"username": 5, "password": "x"}, "urls": {"base_url": "https://x.example"}});
        let setting = json!({"key": "OMNITRON_CLIENT_SETTINGS", "json_value": value});
        let refused = s.post(&format!("{OMS}/settings/application_settings/"), &setting).await.is(400).json();
        assert_eq!(refused["error"]["auth.username"][0], "auth.username: a text is expected, found the number 5.");
    })
    .await;
}

#[tokio::test]
async fn a_basket_is_read_and_planned_as_its_order_would_be() {
    on_each(|s| async move {
        let channel = stocked(&s).await;
        let runs = format!("{OMS}/dry-runs/");
        let basket = json!({"channel": channel, "amount": "900.00", "customer_type": "vip",
            "shipping_address": {"line": "Street 1", "latitude": "41.0", "longitude": "29.0"},
            "lines": [{"sku": "A", "quantity": 1, "price": "900.00"}]});
        let dear = s.post(&runs, &json!({"basket": basket})).await.is(200).json();
        assert_eq!(dear["packages"][0]["erp_code"], "W1", "the dear rule finds nothing at W2: {dear}");
        assert_eq!(dear["attempts"][0]["skipped"], Value::Null, "the amount was read");
        let mut cheap = basket.clone();
        cheap["amount"] = json!("10.00");
        let cheap = s.post(&runs, &json!({"basket": cheap})).await.is(200).json();
        assert_eq!(cheap["attempts"][0]["skipped"], true);

        // What an order is refused for, a basket is, at the same place.
        let with = |key: &str, value: Value| {
            let mut basket = basket.clone();
            basket[key] = value;
            json!({"basket": basket})
        };
        let cases = [
            (with("amont", json!("1.00")), "basket.amont"),
            (with("channel", json!(987_654)), "basket.channel"),
            (
                with("lines", json!([{"sku": "A", "quantity": 0, "price": "1.00"}])),
                "basket.lines[0].quantity",
            ),
            (
                with("shipping_address", json!({"latitude": "north", "longitude": 29})),
                "basket.shipping_address.latitude",
            ),
            (with("shipping_address", json!({"city": 987_654})), "basket.shipping_address.city"),
            (json!({"basket": basket, "scenarioid": 1}), "scenarioid"),
        ];
        for (body, field) in cases {
            let refused = s.post(&runs, &body).await.is(400).json();
            assert!(refused["error"][field].is_array(), "{field}: {refused}");
        }
        // Nothing of it stays.
        for list in ["orders", "packages", "hub_orders"] {
            assert_eq!(s.get(&format!("{OMS}/{list}/")).await.is(200).json()["count"], 0, "{list}");
        }
        let mut tx = s.app.store.read().await.unwrap();
        assert_eq!(oms_store::check::run(&mut tx, s.app.now_us(), |_| {}).await.unwrap().len(), 0);
    })
    .await;
}
