//! Stock engines: the setup step, the integrations, their health and the trial question.

use oms_world::stock::{self, Door, Fault, StockService};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{OMS, on_each};

#[tokio::test]
async fn an_engine_is_defined_tried_attached_and_shows_its_health() {
    on_each(|s| async move {
        let password = "s3cret-value";
        let door = Door::Basic { username: "oms".into(), password: password.into() };
        let shelf = [("A", "W1", "5.50"), ("A", "NOWHERE", "1"), ("B", "W1", "-1")];
        let shelf = shelf.map(|(sku, at, n)| ((sku.to_owned(), at.to_owned()), n.to_owned())).into();
        let service = StockService::new(door, shelf);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/multiple/", listener.local_addr().unwrap());
        tokio::spawn(stock::serve(service.clone(), listener, std::future::pending()));
        let warehouse = s.warehouse("W1").await;
        for sku in ["A", "B"] {
            s.stock("W1", sku, 1).await.is(200);
        }

        // The documented setup step.
        let setup = format!("{OMS}/setup/product-stock-integration");
        let types = s.get(&format!("{setup}/available-stock-engines/")).await.is(200).json();
        let names: Vec<_> =
            types["result"].as_array().unwrap().iter().map(|t| &t["stock_engine_type"]).collect();
        assert_eq!(names, ["service", "whippy_ware", "built_in"]);
        let mut said =
            json!({"url": url, "stock_engine_type": "service", "username": "oms", "password": "wrong"});
        let execute = format!("{setup}/execute/");
        assert_eq!(s.post(&execute, &said).await.is(204).body, "");
        said["password"] = password.into();
        s.post(&execute, &said).await.is(204);
        let list = format!("{OMS}/stock-engines/");
        let found = s.get(&format!("{list}?stock_engine_type=service")).await.is(200);
        assert!(!found.body.contains(password) && !found.body.contains("wrong"));
        let found = found.json();
        assert_eq!(found["count"], 1, "the second call changed what the first made: {found}");
        let engine = &found["results"][0];
        assert_eq!(
            (&engine["health"]["state"], &engine["config"]["auth"]["password"]),
            (&json!("unknown"), &json!("********"))
        );
        said["stock_engine_type"] = "sap".into();
        assert!(s.post(&execute, &said).await.is(400).json()["error"]["stock_engine_type"].is_array());
        s.get(&format!("{list}?colour=red")).await.is(400);

        // Tried before it feeds anything.
        let one = format!("{list}{}/", engine["id"]);
        let trial = s.post(&format!("{one}test/"), &json!({"skus": ["A", "B"]})).await.is(200).json();
        let readings =
            json!([{"sku": "A", "erp_code": "W1", "units": 5}, {"sku": "B", "erp_code": "W1", "units": 0}]);
        assert_eq!((&trial["ok"], &trial["readings"]), (&json!(true), &readings), "{trial}");
        let i = &trial["ignored"];
        assert_eq!((&i["negative"], &i["rounded"]), (&json!(1), &json!(1)), "{trial}");
        s.post(&format!("{one}test/"), &json!({"skus": []})).await.is(400);
        s.post(&format!("{list}999/test/"), &json!({"skus": ["A"]})).await.is(404);

        // Attached: an engine that is not there is refused; counts are refused from then on.
        let location = format!("{OMS}/stocklocations/{warehouse}/");
        assert!(
            s.write("PATCH", &location, &json!({"engine": 999})).await.is(400).json()["error"]["engine"]
                .is_array()
        );
        s.write("PATCH", &location, &json!({"engine": engine["id"]})).await.is(200);
        assert_eq!(s.stock("W1", "A", 9).await.is(400).code(), "fed_by_engine");
        let ask = format!("{OMS}/query-stock-availability?sku=A&sku=A&sku=A&sku=A&sku=A");
        assert_eq!(s.get(&ask).await.is(200).json(), json!({"W1": true}));
        assert_eq!(s.get(&one).await.is(200).json()["health"]["state"], "answering");
        let balances = s.get(&format!("{OMS}/stocks/?engine={}", engine["id"])).await.is(200).json();
        assert_eq!(balances["count"], 1, "of what nobody asked for the old number stands: {balances}");

        // A record that was read may be sent back; an engine that is made knows its faults.
        let shown: Value = s.get(&one).await.is(200).json();
        s.write("PUT", &one, &shown).await.is(200);
        service.misbehave(Fault::Garbage, None);
        assert_eq!(s.get(&ask).await.is(200).json(), json!({"W1": false}));
        let health = s.get(&one).await.is(200).json()["health"].clone();
        assert_eq!((&health["state"], &health["failures"]), (&json!("failing"), &json!(1)));
        assert!(health["last_error"].as_str().unwrap().contains("JSON is expected"), "{health}");
        let trial = s.post(&format!("{one}test/"), &json!({"skus": ["A"]})).await.is(200).json();
        assert_eq!(trial["error"]["code"], "engine_wrong_shape");
        assert_eq!(s.get(&one).await.is(200).json()["health"]["failures"], 1, "a trial changes nothing");

        let body = json!({"name": "Ours", "stock_engine_type": "built_in"});
        let made = s.post(&list, &body).await.is(201).json();
        assert_eq!(s.post(&list, &body).await.is(400).code(), "unique");
        let ours = format!("{list}{}/test/", made["id"]);
        assert_eq!(s.post(&ours, &json!({"skus": ["A"]})).await.is(409).code(), "engine_built_in");
        let wrong =
            json!({"name": "X", "stock_engine_type": "service", "config": {"service": {"url": "ftp://x"}}});
        assert!(s.post(&list, &wrong).await.is(400).json()["error"]["service.url"].is_array());
    })
    .await;
}
