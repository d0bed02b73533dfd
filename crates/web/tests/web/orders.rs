//! Orders of the API: taken, refused by name, planned, shown with their packages; once a key.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{OMS, Reply, Server, on_each};

fn order(number: &str, channel: i64, quantity: &Value) -> Value {
    json!({
        "number": number, "channel": channel, "date_placed": "2031-03-04T09:15:27.104233Z", "amount": "259.80",
        "customer": {"first_name": "Ada", "last_name": "Lovelace"},
        "shipping_address": {"first_name": "Ada", "line": "Street 1", "latitude": 41.0, "longitude": 29.0},
        "shipping_option_slug": "standard", "delivery_type": "home",
        "lines": [{"sku": "A", "quantity": quantity, "price": "129.90"}]
    })
}

async fn take(s: &Server, orders: &[Value]) -> Reply {
    s.post(&format!("{OMS}/orders/"), &json!({"orders": orders})).await
}

/// A warehouse with stock and a scenario; returns the channel.
async fn shop(s: &Server) -> i64 {
    s.warehouse("W1").await;
    s.stock("W1", "A", 10).await.is(200);
    let rule = json!({"name": "any", "products": "units"});
    let scenario = json!({"name": "All", "default_stock_location": "W1", "rules": [rule]});
    s.post(&format!("{OMS}/distribution-scenarios/"), &scenario).await.is(201);
    s.channel().await
}

#[tokio::test]
async fn quantities_are_refused_by_name() {
    on_each(|s| async move {
        let channel = s.channel().await;
        let wrong = [
            (json!(0), "quantity_zero"),
            (json!(-1), "quantity_negative"),
            (json!(1.5), "quantity_fractional"),
            (json!("2.5"), "quantity_fractional"),
            (json!(1_000_001), "quantity_too_large"),
            (json!(1e300), "quantity_too_large"),
            (json!("9223372036854775808"), "quantity_too_large"),
            (json!("5,00"), "quantity_not_a_number"),
            (json!("٣"), "quantity_not_a_number"),
            (json!(true), "quantity_not_a_number"),
            (json!([1]), "quantity_not_a_number"),
            (json!(null), "quantity_not_a_number"),
        ];
        let orders: Vec<_> =
            wrong.iter().enumerate().map(|(i, (q, _))| order(&format!("N{i}"), channel, q)).collect();
        let results = take(&s, &orders).await.is(200).json();
        for (i, (quantity, code)) in wrong.iter().enumerate() {
            let result = &results["results"][i];
            assert_eq!(result["status"], "rejected", "{quantity}");
            assert_eq!(result["error"]["code"], *code, "{quantity}: {result}");
            assert!(result["error"]["lines[0].quantity"].is_array(), "{result}");
        }
        let good = [json!(1), json!("2"), json!("3.00"), json!(1_000_000)];
        let orders: Vec<_> =
            good.iter().enumerate().map(|(i, q)| order(&format!("G{i}"), channel, q)).collect();
        let results = take(&s, &orders).await.is(200).json();
        assert!(results["results"].as_array().unwrap().iter().all(|r| r["status"] == "created"), "{results}");
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_taken_order_by_order_and_its_size_is_bounded() {
    on_each(|s| async move {
        let channel = s.channel().await;
        let mut unknown = order("N2", channel, &json!(1));
        unknown["surprise"] = json!(1);
        let orders = [
            order("N1", channel, &json!(1)),
            unknown,
            order("N1", channel, &json!(1)),
            order("N3", 999, &json!(1)),
        ];
        let results = take(&s, &orders).await.is(200).json()["results"].clone();
        let states: Vec<_> = (0..4).map(|i| results[i]["status"].as_str().unwrap()).collect();
        assert_eq!(states, ["created", "rejected", "rejected", "rejected"]);
        assert!(results[1]["error"]["surprise"].is_array());
        assert_eq!(results[2]["error"]["code"], "order_number_taken");
        assert!(results[3]["error"]["channel"].is_array());
        assert_eq!((&results[0]["number"], results[0]["plan"].is_i64()), (&json!("N1"), true));

        take(&s, &[]).await.is(400);
        let many: Vec<_> = (0..257).map(|i| order(&format!("M{i}"), channel, &json!(1))).collect();
        take(&s, &many).await.is(400);
        s.post(&format!("{OMS}/orders/"), &json!([])).await.is(400);
        assert_eq!(s.get(&format!("{OMS}/orders/")).await.is(200).json()["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_planned_order_shows_its_packages_and_reasons() {
    on_each(|s| async move {
        let channel = shop(&s).await;
        let taken =
            take(&s, &[order("N1", channel, &json!(4)), order("N2", channel, &json!(100))]).await.is(200);
        let id = taken.json()["results"][0]["order"].as_i64().unwrap();
        let plan = s.get(&format!("{OMS}/orderexecutionplans/{id}/")).await.is(200).json();
        assert_eq!((&plan["state"], &plan["context"]), (&json!("start"), &json!([])));
        oms_app::planning::tick(&s.app, 256).await.unwrap();

        let order = s.get(&format!("{OMS}/orders/{id}/")).await.is(200).json();
        assert_eq!((&order["amount"], &order["state"]["enum_value"]), (&json!("259.80"), &json!("400")));
        assert_eq!(order["packages"][0]["number"], "N1P1");
        assert_eq!(order["orderitem_set"][0]["product"]["sku"], "A");
        let plan = s.get(&format!("{OMS}/orderexecutionplans/{id}/")).await.is(200).json();
        assert_eq!((&plan["state"], &plan["context"][0]["result"]), (&json!("completed"), &json!("planned")));
        assert_eq!(plan["orderexecutionplanitem_set"][0]["planned_quantity"], 4);
        assert_eq!(plan["context"][0]["attempts"][0]["chosen"][0]["erp_code"], "W1");

        let list = async |query: &str| s.get(&format!("{OMS}/packages/{query}")).await.is(200).json();
        let all = list("").await;
        assert_eq!(all["count"], all["results"].as_array().unwrap().len() as i64);
        let package = list("?order_number=N1").await["results"][0].clone();
        assert_eq!(package["stock_location"]["erp_code"], "W1");
        assert_eq!(
            (&package["state"]["enum_value"], &package["state"]["enum_class"]),
            (&json!("100"), &json!("PackageStatus"))
        );
        assert_eq!(package["packageitem_set"][0]["quantity"], 4);
        assert_eq!(s.get(&format!("{OMS}/packages/{}/", package["id"])).await.is(200).json(), package);
        assert_eq!(s.get(&format!("{OMS}/packages/{}", package["id"])).await.is(200).json(), package);
        let item = format!("{OMS}/packages/package-items/{}/", package["packageitem_set"][0]["id"]);
        assert_eq!(s.get(&item).await.is(200).json(), package["packageitem_set"][0]);
        let count = async |query: &str| list(query).await["count"].as_i64().unwrap();
        let of_n1 = format!("?order={id}");
        for fits in [
            of_n1.as_str(),
            "?order__number=N1&state=100",
            "?order_number=N1&stock_location__erp_code=W1,W9&state__enum_value__in=100,150",
            "?order_number=N1&order__customer__last_name=Lovelace&order__date_placed=2031-03-04",
            "?order_number=N1&product_sku=A&state__enum_value__ne=920&created_date__gte=2020-01-01",
            "?order_number=N1&shipping_option_slug__in=standard,express&order__delivery_type=home",
            "?order_number=N1&stock_location__stock_location_type=warehouse&id__gt=0&format=json&sort=-id",
        ] {
            assert_eq!(count(fits).await, 1, "{fits}");
        }
        for none in [
            "?order_number=X",
            "?order_number=N1&product_sku=B",
            "?order_number=N1&shipping_option_slug__exclude=standard",
            "?order_number=N1&order__date_placed=2031-03-05",
            "?id__in=999999999",
            "?order_item__omnitron_id=5",
            "?country=1&city=2&township=3",
        ] {
            assert_eq!(count(none).await, 0, "{none}");
        }
        for wrong in [
            "?state=abc",
            "?created_date__gte=yesterday",
            "?sort=colour",
            "?nothing=1",
            "?id__in=,",
            "?page=2",
        ] {
            let reply = s.get(&format!("{OMS}/packages/{wrong}")).await;
            assert!(matches!(reply.status, 400 | 404), "{wrong}: {}", reply.status);
        }
        let short = s.get(&format!("{OMS}/packages/short/?order_number=N1")).await.is(200).json();
        assert_eq!(
            (&short["results"][0]["packageitem_count"], &short["results"][0]["state"]),
            (&json!(1), &json!("100"))
        );
        let plans = s.get(&format!("{OMS}/orderexecutionplans/?state=completed")).await.is(200).json();
        assert_eq!(plans["count"], 2);
        s.get(&format!("{OMS}/packages/package-items/?state__enum_value=100")).await.is(200);
        s.get(&format!("{OMS}/packages/99999/")).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn a_key_makes_an_effect_once() {
    on_each(|s| async move {
        let channel = s.channel().await;
        let path = format!("{OMS}/orders/");
        let body = json!({"orders": [order("K1", channel, &json!(1))]});
        let key = [("Idempotency-Key", "key-1")];
        let send = |body: Value| {
            let (s, path) = (s.clone(), path.clone());
            async move { s.write_with("POST", &path, &key, &body).await }
        };
        let answers = join_all((0..8).map(|_| send(body.clone()))).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
        }
        assert_eq!(answers[0].json()["results"][0]["status"], "created");
        assert_eq!(s.get(&path).await.json()["count"], 1);
        let other = json!({"orders": [order("K2", channel, &json!(1))]});
        assert_eq!(send(other.clone()).await.is(422).code(), "idempotency_key_reused");
        // Without the key the same body is a new request, and its number is taken.
        assert_eq!(s.post(&path, &body).await.json()["results"][0]["status"], "rejected");

        // A refusal is kept too; the scope is the path, so the same key elsewhere is another.
        let settings = format!("{OMS}/settings/application_settings/");
        let filter = json!({"key": "ORDER_FILTERING", "json_value": {"order_statuses": ["400"]}});
        let made = s.write_with("POST", &settings, &key, &filter).await.is(201);
        let kept = s.write_with("POST", &settings, &key, &filter).await.is(201);
        assert_eq!(made.body, kept.body);
        let refused = [("Idempotency-Key", "key-2")];
        s.write_with("POST", &settings, &refused, &filter).await.is(400);
        s.write_with("POST", &settings, &refused, &filter).await.is(400);
        for wrong in ["", "with space", &"x".repeat(256)] {
            let reply = s.write_with("POST", &settings, &[("Idempotency-Key", wrong)], &filter).await;
            assert_eq!(reply.is(400).code(), "idempotency_key_invalid");
        }
        let run = format!("{OMS}/setup/channels/execute/");
        for _ in 0..2 {
            assert_eq!(s.write_with("POST", &run, &key, &Value::Null).await.is(204).body, "");
        }
        assert_eq!(s.post(&run, &Value::Null).await.is(409).code(), "setup_task_running");
        let status = s.get(&format!("{OMS}/channels/get_async_status/")).await.is(200).json();
        assert_eq!(status["result"], "WORKING");
    })
    .await;
}

#[tokio::test]
async fn pages_end_and_their_links_lead_through_all() {
    on_each(|s| async move {
        let channel = s.channel().await;
        let orders: Vec<_> = (0..25).map(|i| order(&format!("P{i:02}"), channel, &json!(1))).collect();
        take(&s, &orders).await.is(200);
        let mut seen = Vec::new();
        let mut next = format!("{OMS}/orders/?limit=10&number=P");
        loop {
            let page = s.get(&next).await.is(200).json();
            assert_eq!(page["count"], 25);
            seen.extend(page["results"].as_array().unwrap().iter().map(|o| o["id"].as_i64().unwrap()));
            match page["next"].as_str() {
                Some(address) => next = address.trim_start_matches("http://oms.test").to_owned(),
                None => break,
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 25);
        s.get(&format!("{OMS}/orders/?limit=10&page=4")).await.is(404);
        let most = s.get(&format!("{OMS}/orders/?limit=999")).await.is(200).json();
        assert_eq!(most["results"].as_array().unwrap().len(), 25);
        for wrong in ["limit=-1", "limit=0", "limit=abc", "page=-3", "page=99999999999999999999"] {
            s.get(&format!("{OMS}/orders/?{wrong}")).await.is(400);
        }
        s.get(&format!("{OMS}/orders/?page=9223372036854775807")).await.is(404);
    })
    .await;
}
