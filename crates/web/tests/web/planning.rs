//! Scenarios with their versions, the linter, dry runs, and decisions that are asked about.

use serde_json::{Value, json};

use crate::support::{OMS, Server, on_each};

/// Two warehouses with stock, a scenario that takes the nearer by priority, and one planned order.
/// Returns the channel and the order's id.
async fn shop(s: &Server) -> (i64, i64) {
    for (i, erp) in ["W1", "W2"].into_iter().enumerate() {
        let id = s.warehouse(erp).await;
        let change = json!({"priority": i, "max_quota": 50});
        s.write("PATCH", &format!("{OMS}/stocklocations/{id}/"), &change).await.is(200);
        s.stock(erp, "A", 5).await.is(200);
    }
    s.post(&format!("{OMS}/distribution-scenarios/"), &scenario("All", "W1")).await.is(201);
    let channel = s.channel().await;
    let order = json!({"number": "N-1", "channel": channel, "date_placed": "2031-03-04T09:15:27Z",
        "shipping_address": {"line": "Street 1"}, "lines": [{"sku": "A", "quantity": 2, "price": "129.90"}]});
    s.post(&format!("{OMS}/orders/"), &json!({"orders": [order]})).await.is(200);
    assert_eq!(oms_app::planning::tick(&s.app, 256).await.expect("a tick").planned, 1);
    let plans = s.get(&format!("{OMS}/orderexecutionplans/")).await.is(200).json();
    (channel, plans["results"][0]["id"].as_i64().expect("a plan"))
}

fn scenario(name: &str, default: &str) -> Value {
    json!({"name": name, "default_stock_location": default,
           "rules": [{"name": "by priority", "products": "units", "sort": [{"by": "priority"}]}]})
}

#[tokio::test]
async fn a_scenario_is_drafted_linted_published_and_rolled_back() {
    on_each(|s| async move {
        shop(&s).await;
        let list = format!("{OMS}/distribution-scenarios/");
        let first = s.get(&list).await.is(200).json()["results"][0].clone();
        let one = format!("{list}{}/", first["id"]);

        s.get(&format!("{one}draft/")).await.is(404);
        let mut body = first.clone();
        body["rules"][0]["filters"] = json!([{"type": "location_type", "value": "store"}]);
        let draft = json!({"body": body, "comment": "stores only"});
        let kept = s.write("PUT", &format!("{one}draft/"), &draft).await.is(200).json();
        assert_eq!((&kept["comment"], &kept["body"]["rules"][0]["filters"][0]["value"]), (&json!("stores only"), &json!("store")));
        assert_eq!(s.get(&one).await.is(200).json()["version"], 1, "a draft changes nothing");

        let linted = s.post(&format!("{one}lint/"), &json!({})).await.is(200).json();
        assert_eq!((&linted["findings"][0]["code"], &linted["findings"][0]["at"]), (&json!("no_candidates"), &json!("rules[0].filters")));
        assert_eq!((&linted["unmatched"]["looked_at"], &linted["unmatched"]["count"]), (&json!(1), &json!(0)));
        let refused = s.post(&format!("{one}publish/"), &json!({})).await.is(400);
        assert_eq!(refused.code(), "no_candidates");
        let published = s.post(&format!("{one}publish/"), &json!({"force": true})).await.is(200).json();
        assert_eq!(published["version"], 2);
        s.get(&format!("{one}draft/")).await.is(404);
        s.post(&format!("{one}publish/"), &json!({})).await.is(404);

        s.post(&format!("{one}rollback/"), &json!({"version": 9})).await.is(404);
        let back = s.post(&format!("{one}rollback/"), &json!({"version": 1, "comment": "stores were a mistake"})).await.is(200).json();
        assert_eq!((&back["version"], &back["rules"]), (&json!(3), &first["rules"]));
        let versions = s.get(&format!("{one}versions/")).await.is(200).json();
        let told: Vec<_> = versions.as_array().unwrap().iter().map(|v| (v["version"].clone(), v["comment"].clone(), v["is_current"].clone())).collect();
        assert_eq!(told, [
            (json!(3), json!("stores were a mistake"), json!(true)),
            (json!(2), json!("stores only"), json!(false)),
            (json!(1), json!(""), json!(false)),
        ]);
        let second = s.get(&format!("{one}versions/2/")).await.is(200).json();
        assert_eq!(second["rules"][0]["filters"][0]["value"], "store");
        s.get(&format!("{one}versions/7/")).await.is(404);
        s.get(&format!("{list}x/versions/")).await.is(404);
        s.get(&format!("{OMS}/moon-scenarios/1/versions/")).await.is(404);

        // An unsaved one, and a draft dropped.
        let nobody = json!({"name": "New", "default_stock_location": "W1", "is_active": true,
            "rules": [{"name": "r", "products": "units", "when": {"field": "order.units", "op": "gt", "value": "x"}}]});
        let refused = s.post(&format!("{list}lint/"), &nobody).await.is(400);
        assert!(refused.json()["error"]["rules[0].when.value"].is_array(), "{}", refused.body);
        s.write("PUT", &format!("{one}draft/"), &json!({"body": first})).await.is(200);
        s.write("DELETE", &format!("{one}draft/"), &json!({})).await.is(204);
        s.write("DELETE", &format!("{one}draft/"), &json!({})).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn transfer_scenarios_are_a_family_of_their_own() {
    on_each(|s| async move {
        let list = format!("{OMS}/transfer-scenarios/");
        let body = json!({"name": "Bring", "rules": [{"name": "any", "products": "units",
            "when": {"field": "package.location", "op": "eq", "value": "W1"}}]});
        let made = s.post(&list, &body).await.is(201).json();
        assert_eq!((&made["version"], made.get("default_stock_location")), (&json!(1), None));
        let one = format!("{list}{}/", made["id"]);
        s.get(&one).await.is(200);
        s.get(&format!("{OMS}/distribution-scenarios/{}/", made["id"])).await.is(404);
        assert_eq!(s.get(&format!("{OMS}/distribution-scenarios/")).await.is(200).json()["count"], 0);
        assert_eq!(s.get(&list).await.is(200).json()["count"], 1);
        assert_eq!(s.write("PUT", &one, &made).await.is(200).json()["version"], 2);
        let mut wrong = body.clone();
        wrong["initial_status"] = json!(150);
        assert!(s.post(&list, &wrong).await.is(400).json()["error"]["initial_status"].is_array());
        assert_eq!(s.post(&format!("{one}lint/"), &json!({})).await.is(200).json()["unmatched"], Value::Null);
    })
    .await;
}

/// How many rows every table has.
async fn row_counts(s: &Server) -> Vec<(String, i64)> {
    let tables = [
        "orders",
        "plans",
        "packages",
        "package_items",
        "reservations",
        "stock_ledger",
        "decisions",
        "decision_batches",
        "events",
        "transition_log",
        "commands",
        "jobs",
        "audit_log",
        "transfers",
        "scenario_versions",
    ];
    let mut counts = Vec::new();
    let mut tx = s.app.store.read().await.expect("a transaction");
    for table in tables {
        counts.push((
            table.to_owned(),
            tx.scalar(format!("SELECT COUNT(*) FROM {table}"), vec![]).await.expect("a count"),
        ));
    }
    counts.push((
        "reserved".into(),
        tx.scalar("SELECT CAST(SUM(reserved) AS BIGINT) FROM stocks", vec![]).await.expect("a count"),
    ));
    counts
}

#[tokio::test]
async fn a_dry_run_decides_and_touches_nothing() {
    on_each(|s| async move {
        let (channel, order) = shop(&s).await;
        let before = row_counts(&s).await;
        let runs = format!("{OMS}/dry-runs/");
        let basket = json!({"channel": channel, "shipping_address": {"latitude": 41.0, "longitude": 29.0},
                            "lines": [{"sku": "A", "quantity": 4}]});
        let run = s.post(&runs, &json!({"basket": basket})).await.is(200).json();
        let places: Vec<_> = run["packages"].as_array().unwrap().iter().map(|p| p["erp_code"].clone()).collect();
        assert_eq!((&run["result"], places), (&json!("planned"), vec![json!("W1"), json!("W2")]), "{run}");
        assert_eq!(run["stock"][0]["stock"][0], json!({"sku": "A", "erp_code": "W1", "stock": 5, "reserved": 2}));
        assert_eq!(run["counterfactuals"][0]["winner_erp_code"], "W1");

        let again = s.post(&runs, &json!({"order": order, "scenario": {"name": "Try", "default_stock_location": "W2",
            "rules": [{"name": "r", "products": "units", "filters": [{"type": "locations", "erp_codes": ["W2"]}]}]}})).await.is(200).json();
        assert_eq!(again["packages"][0]["erp_code"], "W2");
        let without = &again["counterfactuals"][0]["losers"][0];
        assert_eq!((&without["erp_code"], &without["without"]), (&json!("W1"), &json!({"filters": ["locations"], "rank": 1})));
        assert_eq!(row_counts(&s).await, before, "a dry run wrote something");

        for (wrong, field) in [
            (json!({}), "order"),
            (json!({"order": 1, "basket": basket}), "order"),
            (json!({"basket": {"channel": channel, "lines": []}}), "basket.lines"),
            (json!({"basket": {"channel": channel, "lines": [{"quantity": 1}]}}), "basket.lines[0].sku"),
            (json!({"basket": {"channel": channel, "lines": [{"sku": "A", "quantity": 0}]}}), "basket.lines[0].quantity"),
        ] {
            let refused = s.post(&runs, &wrong).await.is(400);
            assert!(refused.json()["error"][field].is_array(), "{wrong}: {}", refused.body);
        }
        s.post(&runs, &json!({"order": 999_999})).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn decisions_tell_what_they_saw_replay_and_are_compared() {
    on_each(|s| async move {
        let (_, order) = shop(&s).await;
        let one = format!("{OMS}/orderexecutionplans/{order}/");
        let plan = s.get(&one).await.is(200).json();
        let seen = &plan["context"][0]["stock"][0]["stock"];
        assert_eq!(seen, &json!([{"sku": "A", "erp_code": "W1", "stock": 5, "reserved": 0}, {"sku": "A", "erp_code": "W2", "stock": 5, "reserved": 0}]));
        let listed = s.get(&format!("{OMS}/orderexecutionplans/")).await.is(200).json();
        assert_eq!(listed["results"][0]["context"][0].get("stock"), None);

        let info = format!("{OMS}/order-stock-info/?order_number=N-1&erp_code=W1");
        let info = s.get(&info).await.is(200).json();
        assert_eq!(info["count"], 1);
        let expected = json!({"quantity": "5.00", "unit_type": "quantity", "stock_count": "5.00", "reservation_count": "0.00"});
        assert_eq!(info["results"][0]["stock_data"], expected);
        assert_eq!(info["results"][0]["order_item"]["sku"], "A");
        assert!(s.get(&format!("{OMS}/order-stock-info/?order_number=N-1")).await.is(400).json()["error"]["erp_code"].is_array());
        s.get(&format!("{OMS}/order-stock-info/?order_number=N-2&erp_code=W1")).await.is(404);

        let losers = s.get(&format!("{one}counterfactuals/")).await.is(200).json();
        assert_eq!((&losers[0]["winner_erp_code"], &losers[0]["losers"][0]["erp_code"]), (&json!("W1"), &json!("W2")));
        let replayed = s.post(&format!("{one}replay/"), &json!({})).await.is(200).json();
        assert_eq!(replayed, json!({"decisions": 1, "older": 0, "different": []}));
        let other = json!({"scenario": {"name": "T", "default_stock_location": "W1", "rules":
            [{"name": "r", "products": "units", "sort": [{"by": "priority", "order": "desc"}]}]}});
        let compared = s.post(&format!("{one}compare/"), &other).await.is(200).json();
        assert_eq!((&compared["same"], &compared["other"]["packages"][0]["erp_code"]), (&json!(false), &json!("W2")));
        s.post(&format!("{one}compare/"), &json!({})).await.is(400);
        s.get(&format!("{OMS}/orderexecutionplans/999999/counterfactuals/")).await.is(404);

        let replan = format!("{OMS}/packages/replan/");
        let nothing = json!({"requested": 0, "packages": []});
        assert_eq!(s.post(&replan, &json!({})).await.is(200).json(), nothing);
        for wrong in [json!({"packages": "all"}), json!({"packages": null}), json!({"packages": [null]}), json!({"packages": []}),
            json!({"packages": [1, 1]}), json!({"pakages": [1]})] {
            s.post(&replan, &wrong).await.is(400);
        }
        let stocked = s.get(&format!("{OMS}/packages/")).await.is(200).json()["results"][0]["id"].clone();
        let short = order_out_of_stock(&s).await;
        let named = json!({"packages": [stocked, short, 987_654]});
        let key = [("Idempotency-Key", "replan-1")];
        let told = json!({"requested": 1, "packages": [{"package": stocked, "result": "not_out_of_stock"},
            {"package": short, "result": "requested"}, {"package": 987_654, "result": "not_found"}]});
        assert_eq!(s.write_with("POST", &replan, &key, &named).await.is(200).json(), told);
        assert_eq!(oms_app::planning::replan_tick(&s.app, 256).await.expect("a tick").claimed, 1);
        // The same key again asks for nothing.
        assert_eq!(s.write_with("POST", &replan, &key, &named).await.is(200).json(), told);
        assert_eq!(oms_app::planning::replan_tick(&s.app, 256).await.expect("a tick").claimed, 0);

        // What can be done with each plan; decisions count from 1.
        let plans = s.get(&format!("{OMS}/orderexecutionplans/?order__number=N-9")).await.is(200).json();
        let plan = &plans["results"][0];
        assert_eq!(plan["context"][0]["n"], 1);
        assert_eq!((&plan["commands"][0]["code"], &plan["commands"][1]["body"]), (&json!("cancel"), &json!({"packages": [short]})));
        // Nobody had it: what would have helped is told all the same.
        let id = &plan["id"];
        let losers = s.get(&format!("{OMS}/orderexecutionplans/{id}/counterfactuals/")).await.is(200).json();
        assert_eq!((&losers[0]["winner"], &losers[0]["losers"][0]["changes"][0]["add"][0]["units"]), (&Value::Null, &json!(1)));
    })
    .await;
}

/// An order that no location can supply; its package.
async fn order_out_of_stock(s: &Server) -> i64 {
    let channel = s.get(&format!("{OMS}/channels/")).await.is(200).json()["results"][0]["id"].clone();
    let order = json!({"number": "N-9", "channel": channel, "date_placed": "2031-03-04T09:15:27Z",
        "shipping_address": {"line": "Street 1"}, "lines": [{"sku": "Z", "quantity": 1, "price": "1.00"}]});
    s.post(&format!("{OMS}/orders/"), &json!({"orders": [order]})).await.is(200);
    assert_eq!(oms_app::planning::tick(&s.app, 256).await.expect("a tick").planned, 1);
    let found = s.get(&format!("{OMS}/packages/?state=920")).await.is(200).json();
    found["results"][0]["id"].as_i64().expect("a package")
}

#[tokio::test]
async fn safety_stock_and_calendars_are_set_shown_and_refused_by_name() {
    on_each(|s| async move {
        let (channel, _) = shop(&s).await;
        let list = format!("{OMS}/safety-stocks/");
        let made = s.post(&list, &json!({"sku": "A", "erp_code": "W2", "channel": channel, "units": 3})).await.is(200).json();
        let changed = s.post(&list, &json!({"sku": "A", "erp_code": "W2", "channel": channel, "units": 4})).await.is(200).json();
        assert_eq!((&made["id"], &changed["units"]), (&changed["id"], &json!(4)));
        assert_eq!(s.get(&format!("{list}?sku=A")).await.is(200).json()["count"], 1);
        s.post(&list, &json!({"units": -1})).await.is(400);
        assert!(s.post(&list, &json!({"erp_code": "gone", "units": 1})).await.is(400).json()["error"]["erp_code"].is_array());
        assert!(s.post(&list, &json!({"shop": "W1", "units": 1})).await.is(400).json()["error"]["shop"].is_array());
        s.write("DELETE", &format!("{list}{}/", made["id"]), &json!({})).await.is(204);
        s.write("DELETE", &format!("{list}{}/", made["id"]), &json!({})).await.is(404);

        let found = s.get(&format!("{OMS}/stocklocations/?erp_code=W1")).await.is(200).json();
        let location = format!("{OMS}/stocklocations/{}/", found["results"][0]["id"]);
        let calendar = json!({"time_zone": "Europe/Istanbul", "weekly": {"mon": [["09:00", "18:00"]]}, "cut_off": "16:00"});
        let shown = s.write("PATCH", &location, &json!({"calendar": calendar})).await.is(200).json();
        assert_eq!(shown["calendar"], calendar);
        s.write("PUT", &location, &shown).await.is(200);
        let wrong = json!({"calendar": {"time_zone": "Mars/Olympus"}});
        assert!(s.write("PATCH", &location, &wrong).await.is(400).json()["error"]["calendar.time_zone"].is_array());
        assert_eq!(s.write("PATCH", &location, &json!({"calendar": null})).await.is(200).json()["calendar"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_job_of_the_brands_own_is_set_shown_run_and_removed() {
    on_each(|s| async move {
        let list = format!("{OMS}/schedules/");
        let body = json!({"name": "Half-hourly", "cron": "*/30 * * * *", "time_zone": "Europe/Istanbul", "action": "replan_out_of_stock"});
        let made = s.post(&list, &body).await.is(201).json();
        assert!(made["next_run"].is_string() && made["last_run"].is_null(), "{made}");
        let one = format!("{list}{}/", made["id"]);
        let ran = s.post(&format!("{one}run/"), &json!({})).await.is(200).json();
        assert_eq!(ran["last_outcome"], "0 packages are planned anew");
        // Once a key: the second answer is the first.
        let key = [("Idempotency-Key", "run-1")];
        let first = s.write_with("POST", &format!("{one}run/"), &key, &json!({})).await.is(200).json();
        let mut tx = s.app.store.begin().await.unwrap();
        tx.execute("UPDATE schedules SET last_outcome = 'untouched'", vec![]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(s.write_with("POST", &format!("{one}run/"), &key, &json!({})).await.is(200).json(), first);
        assert_eq!(s.get(&one).await.is(200).json()["last_outcome"], "untouched");
        let mut changed = ran.clone();
        changed["is_active"] = json!(false);
        assert_eq!(s.write("PUT", &one, &changed).await.is(200).json()["is_active"], false);
        assert_eq!(s.get(&format!("{list}?is_active=false")).await.is(200).json()["count"], 1);
        assert!(s.post(&list, &body).await.is(400).json()["error"]["name"].is_array(), "the name is taken");
        changed["cron"] = json!("now and then");
        assert!(s.write("PUT", &one, &changed).await.is(400).json()["error"]["cron"].is_array());
        s.write("DELETE", &one, &json!({})).await.is(204);
        s.get(&one).await.is(404);
    })
    .await;
}
