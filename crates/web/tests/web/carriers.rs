//! Cargo companies and when they apply: set up by the seed's examples, each fault at its field, secrets never shown.

use serde_json::{Value, json};

use crate::support::{OMS, on_each};

fn company() -> Value {
    // The seed's example of a company.
    json!({
        "name": "Swift", "erp_code": "swift-erp", "is_managed_by_oms": true, "is_demo_client": false,
        "shipping_company": "yurtici",
        "conf": {
            "username": "brand", "password": "s3cret-value", "company_description": "Brand Inc.", "name": "Brand",
            "address": "1 Pier Rd", "query_shipment_url": "http://127.0.0.1:9/query",
            "create_shipment_url": "http://127.0.0.1:9/shipments",
        },
    })
}

#[tokio::test]
async fn companies_are_set_up_by_the_seeds_examples_and_their_secrets_stay_inside() {
    on_each(|s| async move {
        let path = format!("{OMS}/cargo-company/");
        let made = s.post(&path, &company()).await.is(201);
        assert!(!made.body.contains("s3cret-value"), "{}", made.body);
        let made = made.json();
        assert_eq!(made["conf"]["password"], "********");
        let one = format!("{path}{}/", made["id"]);
        // What was read may be sent back: the password stays, also at rest behind its seal or mask.
        assert_eq!(s.write("PUT", &one, &made).await.is(200).json()["version"], 2);
        let stored = async || {
            let mut tx = s.app.store.begin().await.unwrap();
            let held =
                oms_store::carriers::cargo_companies::hold(&mut tx, made["id"].as_i64().unwrap()).await;
            held.unwrap().unwrap().set.conf["password"].clone()
        };
        assert_eq!(stored().await, "s3cret-value");
        // But never for another address.
        let mut moved = made["conf"].clone();
        moved["create_shipment_url"] = "http://127.0.0.1:10/shipments".into();
        let refused = s.write("PATCH", &one, &json!({"conf": moved})).await.is(400).json();
        assert!(refused["error"]["conf.password"].is_array(), "{refused}");

        let demo = json!({
            "name": "Demo", "erp_code": "demo", "is_managed_by_oms": true, "is_demo_client": true,
            "conf": {"klass": "oms.shipments.clients.demo_client.AlwaysDelivered"},
        });
        let demo = s.post(&path, &demo).await.is(201).json();
        assert_eq!(demo["shipping_company"], "AlwaysDelivered");
        let list = s.get(&format!("{path}?is_demo_client=true")).await.is(200).json();
        assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &demo["id"]));

        for (field, wrong) in [
            ("name", json!({"name": "Swift"})),
            ("erp_code", json!({"name": "Other"})),
            ("name", json!({"name": " "})),
            ("shipping_company", json!({"name": "Other", "erp_code": "o", "shipping_company": "pigeon"})),
            ("conf.username", json!({"name": "Other", "erp_code": "o", "conf": {}})),
            (
                "conf.klass",
                json!({"name": "Other", "erp_code": "o", "is_demo_client": true, "conf": {"klass": "x"}}),
            ),
        ] {
            let mut body = company();
            body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            let refused = s.post(&path, &body).await.is(400).json();
            assert!(refused["error"][field].is_array(), "{field}: {refused}");
        }
        s.write("DELETE", &one, &json!({})).await.is(204);
        s.get(&one).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn every_company_that_can_be_chosen_comes_with_a_schema_that_its_example_fits() {
    on_each(|s| async move {
        let path = format!("{OMS}/cargo-company/");
        let all = s.get(&format!("{path}available/")).await.is(200).json();
        let all = all["result"].as_array().unwrap();
        let demos = all.iter().filter(|c| c["is_demo_client"] == true).count();
        assert_eq!((all.len() - demos, demos), (12, 7));
        for (n, company) in all.iter().enumerate() {
            let schema = jsonschema::validator_for(&company["conf_schema"]).unwrap();
            let mut conf = company["example"].clone();
            assert!(schema.is_valid(&conf), "{company}");
            if company["is_demo_client"] == false {
                conf["create_shipment_url"] = "http://127.0.0.1:9/shipments".into();
            }
            let body = json!({
                "name": format!("C{n}"), "erp_code": format!("c{n}"), "is_managed_by_oms": true,
                "is_demo_client": company["is_demo_client"], "shipping_company": company["shipping_company"], "conf": conf,
            });
            s.post(&path, &body).await.is(201);
        }
    })
    .await;
}

#[tokio::test]
async fn conditions_are_queries_over_the_parcel() {
    on_each(|s| async move {
        let company = s.post(&format!("{OMS}/cargo-company/"), &company()).await.is(201).json();
        let path = format!("{OMS}/cargo-company-conditions/");
        let rules = json!({"rules": [
            {"field": "order.amount", "op": "gte", "value": "500.00"},
            {"any": [{"field": "package.location", "op": "eq", "value": "W1"}, {"field": "line.units", "op": "gt", "value": 3}]},
        ]});
        let body = json!({"cargo_company": company["id"], "rules_configuration": rules});
        let made = s.post(&path, &body).await.is(201).json();
        assert_eq!((&made["cargo_company"], &made["rules_configuration"]), (&company["id"], &rules));
        let one = format!("{path}{}/", made["id"]);
        let always = json!({"cargo_company": company["id"], "rules_configuration": {"rules": []}});
        assert_eq!(s.write("PUT", &one, &always).await.is(200).json()["version"], 2);
        let list = s.get(&format!("{path}?cargo_company={}", company["id"])).await.is(200).json();
        assert_eq!((&list["count"], &list["results"][0]["rules_configuration"]), (&json!(1), &json!({"rules": []})));
        for (field, body) in [
            ("cargo_company", json!({"cargo_company": 987_654, "rules_configuration": {"rules": []}})),
            ("rules_configuration", json!({"cargo_company": company["id"], "rules_configuration": []})),
            (
                "rules_configuration.rules[0].field",
                json!({"cargo_company": company["id"], "rules_configuration": {"rules": [{"field": "order.colour", "op": "eq", "value": "x"}]}}),
            ),
        ] {
            let refused = s.post(&path, &body).await.is(400).json();
            assert!(refused["error"][field].is_array(), "{field}: {refused}");
        }
        // With its company a condition goes.
        s.write("DELETE", &format!("{OMS}/cargo-company/{}/", company["id"]), &json!({})).await.is(204);
        s.get(&one).await.is(404);
    })
    .await;
}
