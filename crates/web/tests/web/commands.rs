//! Commands over HTTP: the documented answers, transitions as data, cancellations, and one effect a key whatever
//! is sent how often (properties P1 to P5).

use std::sync::Arc;

use oms_app::App;
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_store::{Options, Store};
use serde_json::{Value, json};

use crate::support::{OMS, Reply, Server, on_each};

/// Two warehouses, and as many planned orders of two units as asked for. Returns the packages' ids.
pub async fn shop(s: &Server, orders: usize) -> Vec<i64> {
    for (i, erp) in ["W1", "W2"].into_iter().enumerate() {
        let id = s.warehouse(erp).await;
        s.write("PATCH", &format!("{OMS}/stocklocations/{id}/"), &json!({"priority": i})).await.is(200);
        s.stock(erp, "A", 1000).await.is(200);
    }
    let rules = json!([{"name": "All", "products": "units", "sort": [{"by": "priority"}]}]);
    let scenario = json!({"name": "All", "default_stock_location": "W1", "rules": rules});
    s.post(&format!("{OMS}/distribution-scenarios/"), &scenario).await.is(201);
    let channel = s.channel().await;
    let order = |i: usize| {
        json!({"number": format!("N-{i}"), "channel": channel, "date_placed": "2031-03-04T09:15:27Z",
            "shipping_address": {"line": "Street 1"}, "lines": [{"sku": "A", "quantity": 2, "price": "129.90"}]})
    };
    let all: Vec<Value> = (0..orders).map(order).collect();
    s.post(&format!("{OMS}/orders/"), &json!({"orders": all})).await.is(200);
    assert_eq!(oms_app::planning::tick(&s.app, 256).await.expect("a tick").planned, orders);
    let list = s.get(&format!("{OMS}/packages/short/?limit=100&sort=id")).await.is(200).json();
    list["results"].as_array().expect("a list").iter().map(|p| p["id"].as_i64().expect("an id")).collect()
}

/// The transition that begins with a package.
pub async fn begin(s: &Server) -> i64 {
    let flow = s.get(&format!("{OMS}/state-transitions/?limit=100")).await.is(200).json();
    let all = flow["results"].as_array().expect("a transition");
    all.iter().find(|t| t["command_code"] == "PKG_DEALLOCATE_RESERVATIONS").expect("a transition")["id"]
        .as_i64()
        .expect("a transition")
}

fn path(package: i64) -> String {
    format!("{OMS}/packages/{package}/command/")
}

async fn with_key(s: &Server, key: &str, package: i64, body: &Value) -> Reply {
    s.write_with("POST", &path(package), &[("Idempotency-Key", key)], body).await
}

/// Everything but the logs of requests: a digest of what the database holds.
async fn everything(s: &Server) -> Vec<String> {
    let mut all = Vec::new();
    for table in [
        "packages",
        "package_items",
        "stocks",
        "reservations",
        "location_loads",
        "transition_log",
        "events",
        "commands",
        "stock_ledger",
        "orders",
        "plans",
        "shipments",
        "discrepancies",
    ] {
        let mut tx = s.app.store.read().await.expect("reads");
        let rows = tx.fetch(format!("SELECT COUNT(*) FROM {table}"), vec![]).await.expect("counts");
        all.push(format!("{table} {}", rows[0].i64(0).expect("a count")));
    }
    let mut tx = s.app.store.read().await.expect("reads");
    let sql = "SELECT id || ' ' || state || ' ' || version || ' ' || event_seq FROM packages ORDER BY id";
    for row in tx.fetch(sql, vec![]).await.expect("reads") {
        all.push(row.cols().text().expect("a text"));
    }
    all
}

async fn count(s: &Server, sql: &str) -> i64 {
    s.app.store.read().await.expect("reads").scalar(sql, vec![]).await.expect("a number")
}

#[tokio::test]
async fn a_command_is_done_or_refused_as_documented() {
    on_each(|s| async move {
        let p = shop(&s, 1).await[0];
        let one = format!("{OMS}/packages/{p}/");
        let shown = s.get(&one).await.is(200).json();
        let slugs: Vec<&str> =
            shown["commands"].as_array().expect("a list").iter().filter_map(|c| c["slug"].as_str()).collect();
        assert!(
            slugs.contains(&"PKG_DEALLOCATE_RESERVATIONS") && !slugs.contains(&"UPDATE_SHIPMENT_STATUS"),
            "{slugs:?}"
        );

        let none = s.post(&path(p), &json!({})).await.is(400).json();
        assert_eq!((&none["status_code"], none["error"]["transition"].is_array()), (&json!(400), true));
        assert_eq!(s.post(&path(p), &json!({"slug": "NOTHING"})).await.is(400).code(), "unknown_transition");
        assert_eq!(
            s.post(&path(p), &json!({"transition": 999_999})).await.is(400).code(),
            "unknown_transition"
        );
        let both = json!({"transition": shown["commands"][0]["id"], "slug": "UNBLOCK_THE_PACKAGE"});
        assert_eq!(s.post(&path(p), &both).await.is(400).code(), "transition_and_slug_differ");
        assert_eq!(
            s.post(&path(p), &json!({"slug": "UNBLOCK_THE_PACKAGE"})).await.is(400).code(),
            "wrong_state"
        );
        let other = json!({"slug": "BLOCK_THE_PACKAGE", "package": p + 1});
        assert!(s.post(&path(p), &other).await.is(400).json()["error"]["package"].is_array());
        let unknown = json!({"slug": "BLOCK_THE_PACKAGE", "why": "because"});
        assert!(s.post(&path(p), &unknown).await.is(400).json()["error"]["why"].is_array());
        s.post(&path(999_999), &json!({"slug": "BLOCK_THE_PACKAGE"})).await.is(404);
        s.post(&format!("{OMS}/transfer_orders/999999/command/"), &json!({"slug": "TRANSFER_DISPATCH"}))
            .await
            .is(404);
        let wrong_kind = s.post(&path(p), &json!({"slug": "TRANSFER_DISPATCH"})).await.is(400);
        assert_eq!(wrong_kind.code(), "wrong_entity");
        let hub = format!("Token {}", s.hub_token);
        let headers = [("Authorization", hub.as_str()), ("Content-Type", "application/json")];
        s.send("POST", &path(p), &headers, r#"{"slug": "BLOCK_THE_PACKAGE"}"#).await.is(403);

        let body = json!({"transition": shown["commands"][0]["id"], "package": p, "remote_user_pk": "7",
            "remote_user_mail": "clerk@example.com", "expected_version": shown["version"]});
        let done = s.post(&path(p), &body).await.is(204);
        assert_eq!(done.body, "");
        let again = s
            .post(
                &path(p),
                &json!({"slug": "BLOCK_THE_PACKAGE_FROM_PREPARING", "expected_version": shown["version"]}),
            )
            .await
            .is(409);
        assert_eq!(
            (again.code().as_str(), &again.json()["current"]["state"]),
            ("version_conflict", &json!("200"))
        );
        let logs = s
            .get(&format!("{OMS}/state-transition-logs/?object_id={p}&content_type=package"))
            .await
            .is(200)
            .json();
        let attributes = &logs["results"][0]["attributes"];
        assert_eq!(
            (&attributes["remote_user_pk"], &attributes["command.slug"]),
            (&json!("7"), &json!("PKG_DEALLOCATE_RESERVATIONS"))
        );
        assert!(!logs.to_string().contains("clerk@example.com"), "the public part of a log names nobody");
    })
    .await;
}

#[tokio::test]
async fn transitions_are_data() {
    on_each(|s| async move {
        let p = shop(&s, 1).await[0];
        let list = format!("{OMS}/state-transitions/");
        let codes = s.get(&format!("{list}command-codes/?source_state=100&destination_state=200")).await.is(200).json();
        let codes: Vec<&str> = codes.as_array().expect("a list").iter().filter_map(|c| c["code"].as_str()).collect();
        assert_eq!(codes, ["PKG_DEALLOCATE_RESERVATIONS", "PKG_STATE_TRANSITION"]);
        s.get(&format!("{list}command-codes/?source_state=1")).await.is(400);
        let body = json!({"name": "Straight to the table", "slug": "TO_TABLE", "command_code": "PKG_STATE_TRANSITION",
            "source_state": "100", "destination_state": "400", "visibility": "instore", "conf": {"sync_remote_order_status": false}});
        let made = s.post(&list, &body).await.is(201).json();
        assert!(made["id"].as_i64().expect("an id") >= 1_000 && made["rev"] == 1, "{made}");
        let taken = s.post(&list, &body).await.is(400);
        assert!(taken.json()["error"]["slug"].is_array(), "{}", taken.body);
        let mut impossible = body.clone();
        impossible["destination_state"] = json!("700");
        impossible["slug"] = json!("TO_DOOR");
        let refused = s.post(&list, &impossible).await.is(400);
        assert!(refused.code() == "no_such_step" && refused.body.contains("Waiting to Preparing"), "{}", refused.body);

        s.post(&path(p), &json!({"slug": "TO_TABLE"})).await.is(204);
        assert_eq!(s.get(&format!("{OMS}/packages/{p}/")).await.json()["state"]["enum_value"], "400");
        let one = format!("{list}{}/", made["id"]);
        // What was read can be sent back, changed.
        let mut changed = s.get(&one).await.is(200).json();
        changed["name"] = json!("To the table");
        assert_eq!(s.write("PUT", &one, &changed).await.is(200).json()["rev"], 2);
        s.write("DELETE", &one, &Value::Null).await.is(204);
        s.get(&one).await.is(404);
        assert_eq!(s.post(&path(p), &json!({"slug": "TO_TABLE"})).await.is(400).code(), "unknown_transition");
        let findings = oms_store::check::run(&mut s.app.store.read().await.expect("reads"), s.app.now_us(), |_| {}).await;
        assert!(findings.expect("checks").is_empty(), "the log still knows the step of its day");
        let chart = s.get(&format!("{list}flowchart/")).await.is(200).json();
        assert!(chart["states"].as_array().is_some_and(|l| l.len() == 18) && chart["transitions"].as_array().is_some_and(|l| l.len() > 50));
        assert!(s.get(&format!("{OMS}/states/")).await.is(200).json().as_array().is_some_and(|l| l.len() == 24));
        assert_eq!(s.get(&format!("{list}?slug=UNBLOCK_THE_PACKAGE")).await.is(200).json()["count"], 1);
    })
    .await;
}

#[tokio::test]
async fn cancellations_come_from_the_hub_and_from_people() {
    on_each(|s| async move {
        let p = shop(&s, 1).await[0];
        let order = s.get(&format!("{OMS}/packages/{p}/")).await.json()["order"].as_i64().expect("an id");
        let hub = format!("Token {}", s.hub_token);
        let headers = [("Authorization", hub.as_str()), ("Content-Type", "application/json")];
        let event = |pk: i64| {
            json!({"event": {"type": "cancellation_plan.created", "uuid": format!("{pk:032}")},
                "payload": {"pk": pk, "plan_type": "cancel", "order": {"pk": 999}, "cancellationplanorderitem_set": [{"order_item": 1}]}})
        };
        let url = format!("{OMS}/cancellation_plan/");
        for _ in 0..2 {
            s.send("POST", &url, &headers, &event(5).to_string()).await.is(200);
        }
        assert_eq!(s.get(&url).await.is(200).json()["count"], 1, "the same plan is one");
        s.send("POST", &url, &headers, r#"{"event": {"type": "order.created", "uuid": "1"}, "payload": {"pk": 1}}"#).await.is(400);

        s.post(&format!("{OMS}/orders/999999/cancel/"), &json!({})).await.is(404);
        s.post(&format!("{OMS}/orders/{order}/cancel/"), &json!({"all": true})).await.is(400);
        let item = s.get(&format!("{OMS}/orders/{order}/")).await.json()["orderitem_set"][0]["id"].clone();
        let body = json!({"items": [{"order_item": item, "quantity": 1}]});
        let key = [("Idempotency-Key", "cancel-1")];
        let first = s.write_with("POST", &format!("{OMS}/orders/{order}/cancel/"), &key, &body).await.is(200);
        let again = s.write_with("POST", &format!("{OMS}/orders/{order}/cancel/"), &key, &body).await.is(200);
        assert_eq!((first.json()["state"].as_str(), &first.body), (Some("accepted"), &again.body));
        let left = s.get(&format!("{OMS}/packages/short/?order={order}&state=100")).await.json();
        assert_eq!(left["count"], 1, "the rest goes on");
        let plan = first.json()["id"].as_i64().expect("an id");
        assert_eq!(s.get(&format!("{url}{plan}/")).await.is(200).json()["items"][0]["outcome"], "cancelled");
        assert_eq!(s.get(&format!("{OMS}/cancellation-reasons/")).await.is(200).json()["count"], 0);
        assert_eq!(s.get(&format!("{OMS}/cancellation-reasons/pull_from_omnitron/")).await.is(409).code(), "hub_not_configured");
    })
    .await;
}

#[tokio::test]
async fn reasons_are_kept_and_missing_units_found_again() {
    on_each(|s| async move {
        let p = shop(&s, 1).await[0];
        let list = format!("{OMS}/packages/package_denial_reason/");
        let made = s
            .post(&list, &json!({"title": "Broken", "stock_effect": "missing", "priority": 3}))
            .await
            .is(201)
            .json();
        assert!(s.post(&list, &json!({"title": "Broken"})).await.is(400).json()["error"]["title"].is_array());
        assert!(
            s.post(&list, &json!({"title": "x".repeat(256)})).await.is(400).json()["error"]["title"]
                .is_array()
        );
        let one = format!("{list}{}/", made["id"]);
        let changed =
            s.write("PATCH", &one, &json!({"priority": null, "is_active": false})).await.is(200).json();
        assert_eq!((&changed["priority"], &changed["stock_effect"]), (&Value::Null, &json!("missing")));
        let refuse = json!({"slug": "REFUSE_WITH_DENIAL_REASON", "denial_reason": made["id"]});
        assert_eq!(s.post(&path(p), &refuse).await.is(400).code(), "not_found", "an inactive reason is none");
        s.write("PATCH", &one, &json!({"is_active": true})).await.is(200);
        s.post(&path(p), &refuse).await.is(204);
        assert_eq!(s.write("DELETE", &one, &Value::Null).await.is(409).code(), "in_use");
        assert_eq!(s.get(&format!("{list}?title=roke&is_active=true")).await.is(200).json()["count"], 1);
        let old = s.get(&format!("{OMS}/packages/{p}/")).await.is(200).json();
        assert_eq!(
            (&old["state"]["enum_value"], &old["packageitem_set"][0]["denial_reason"]["title"]),
            (&json!("900"), &json!("Broken"))
        );
        let ada = s.sign_in("ada", "a long password").await;
        let page = s.see(&ada, &format!("/en/oms/packages/{p}")).await.is(200);
        let (_, happened) = page.body.split_once("class=\"timeline\"").unwrap();
        assert!(happened.contains(" · Broken"), "the timeline says why: {happened}");
        let open = s.get(&format!("{OMS}/discrepancies/?state=open")).await.is(200).json();
        assert_eq!(
            (&open["results"][0]["quantity"], &open["results"][0]["reason"]),
            (&json!(2), &json!("Broken"))
        );
        let close = format!("{OMS}/discrepancies/{}/close/", open["results"][0]["id"]);
        s.post(&close, &json!({"outcome": "perhaps"})).await.is(400);
        s.post(&close, &json!({"outcome": "found"})).await.is(204);
        assert_eq!(s.post(&close, &json!({"outcome": "found"})).await.is(409).code(), "closed");
    })
    .await;
}

#[tokio::test]
async fn one_key_is_one_effect_and_one_answer() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let body = json!({"slug": "PKG_DEALLOCATE_RESERVATIONS"});

        // P1: what was answered is there, under the command of its key.
        let first = with_key(&s, "k1", packages[0], &body).await.is(204);
        let effects = "SELECT COUNT(*) FROM idempotency_keys k JOIN commands c ON c.id = k.command_id \
                       JOIN transition_log g ON g.command_id = c.id JOIN stock_ledger l ON l.command_id = c.id \
                       WHERE k.idem_key = 'k1' AND k.status = 204";
        assert_eq!(count(&s, effects).await, 1);
        let refused = with_key(&s, "k2", packages[0], &body).await.is(400);

        // P2, P3: a hundred repeats are the same bytes and no second effect, also by another process.
        let before = everything(&s).await;
        for _ in 0..100 {
            let again = with_key(&s, "k1", packages[0], &body).await;
            assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
            let again = with_key(&s, "k2", packages[0], &body).await;
            assert_eq!((again.status, &again.bytes), (refused.status, &refused.bytes));
        }
        let node = s.another_node().await;
        for (key, earlier) in [("k1", &first), ("k2", &refused)] {
            let again = node.with_token(&s.token).command_with_key(&path(packages[0]), key, &body).await;
            assert_eq!((again.status, &again.bytes), (earlier.status, &earlier.bytes));
        }

        // P4: the same key for another body changes nothing at all.
        let other = json!({"slug": "BLOCK_THE_PACKAGE_FROM_PREPARING"});
        assert_eq!(with_key(&s, "k1", packages[0], &other).await.is(422).code(), "idempotency_key_reused");
        assert_eq!(everything(&s).await, before);

        // P5: sent by many at once it happens once, and nobody sees a failure.
        let mut sends = tokio::task::JoinSet::new();
        for i in 0..32 {
            let (s, body, package) = (s.clone(), body.clone(), packages[1]);
            // Without a key only one can find it Waiting.
            let keyed = i % 2 == 0;
            sends.spawn(async move {
                match keyed {
                    true => with_key(&s, "k5", package, &body).await,
                    false => s.post(&path(package), &body).await,
                }
            });
        }
        let (mut keyed, mut done) = (std::collections::BTreeSet::new(), 0);
        while let Some(reply) = sends.join_next().await {
            let reply = reply.expect("an answer");
            assert!(matches!(reply.status, 204 | 400 | 409), "{}", reply.body);
            done += usize::from(reply.status == 204);
            keyed.insert(reply.status);
        }
        assert!(done >= 1, "{keyed:?}");
        let steps = format!("SELECT COUNT(*) FROM transition_log WHERE entity = 'package' AND entity_id = {}", packages[1]);
        assert_eq!(count(&s, &steps).await, 2, "planned, and one step");
        let findings = oms_store::check::run(&mut s.app.store.read().await.expect("reads"), s.app.now_us(), |_| {}).await;
        assert!(findings.expect("checks").is_empty());
    })
    .await;
}

impl Server {
    /// Another process on the same database, behind a socket of its own.
    async fn another_node(&self) -> Node {
        let store = Store::open(self.database_url(), Options { durable: false }).await.expect("opens");
        let http = HttpClient::new(NetPolicy::with_loopback()).expect("a client");
        let app = App::beside(store, http, oms_app::system_clock());
        Node {
            state: oms_web::WebState::new(app.clone(), Arc::new(oms_app::orders::intake::mailbox(app))),
            token: String::new(),
        }
    }
}

struct Node {
    state: oms_web::WebState,
    token: String,
}

impl Node {
    fn with_token(&self, token: &str) -> Self {
        Self { state: self.state.clone(), token: token.to_owned() }
    }

    async fn command_with_key(&self, path: &str, key: &str, body: &Value) -> Reply {
        Server::send_to(self.state.clone(), &self.token, path, key, &body.to_string()).await
    }
}
