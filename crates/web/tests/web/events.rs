//! The feed: all changes in order, each as it was then, read on from where one stands.

use oms_app::upkeep::changes;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::commands::{begin, shop};
use crate::support::{OMS, Server, on_each};

/// What the loops of a node do.
async fn turn(s: &Server) {
    while changes::place_tick(&s.app).await.unwrap() {}
    while changes::tell_tick(&s.app).await.unwrap() {}
}

async fn read(s: &Server, query: &str) -> Value {
    s.get(&format!("{OMS}/events/?{query}")).await.is(200).json()
}

fn results(part: &Value) -> &Vec<Value> {
    part["results"].as_array().unwrap()
}

async fn start_preparing(s: &Server, package: i64) {
    let body = json!({"transition": begin(s).await, "input_parameters": {}});
    s.post(&format!("{OMS}/packages/{package}/command/"), &body).await.is(204);
}

#[tokio::test]
async fn all_is_read_once_in_order_whatever_the_size_of_a_part() {
    on_each(|s| async move {
        let packages = shop(&s, 5).await;
        start_preparing(&s, packages[2]).await;
        turn(&s).await;
        let whole = read(&s, "limit=500").await;
        assert_eq!(whole["next"], whole["head"]);
        let mut parts = Vec::new();
        let mut after = 0;
        loop {
            let part = read(&s, &format!("after={after}&limit=3&payload=false")).await;
            assert!(results(&part).iter().all(|e| e["payload"].is_null()));
            parts.extend(results(&part).clone());
            after = part["next"].as_i64().unwrap();
            if part["next"] == part["head"] {
                break;
            }
        }
        let positions =
            |all: &[Value]| all.iter().map(|e| e["position"].as_i64().unwrap()).collect::<Vec<_>>();
        assert_eq!(positions(&parts), positions(results(&whole)));
        assert_eq!(positions(&parts), (1..=parts.len() as i64).collect::<Vec<_>>(), "without a gap");
        // Each record's changes count from one.
        for e in results(&whole) {
            let before = results(&whole).iter().filter(|b| {
                b["entity"] == e["entity"]
                    && b["entity_id"] == e["entity_id"]
                    && b["position"].as_i64() < e["position"].as_i64()
            });
            assert_eq!(e["seq"], json!(before.count() + 1), "{e}");
        }
        let nothing = read(&s, &format!("after={after}")).await;
        assert_eq!((results(&nothing).len(), &nothing["next"]), (0, &json!(after)));
    })
    .await;
}

#[tokio::test]
async fn a_late_reader_gets_each_record_as_it_was_then() {
    on_each(|s| async move {
        let packages = shop(&s, 2).await;
        start_preparing(&s, packages[0]).await;
        turn(&s).await;
        let query = format!("entity=package&entity_id={}", packages[0]);
        let of_one = read(&s, &query).await;
        let told: Vec<_> = results(&of_one)
            .iter()
            .map(|e| {
                (e["event"]["type"].as_str().unwrap(), e["payload"]["state"]["enum_value"].as_str().unwrap())
            })
            .collect();
        assert_eq!(told, [("package.created", "100"), ("package.status.transitioned", "200")]);
        let first = &results(&of_one)[0];
        assert_eq!(first["payload"]["packageitem_set"][0]["state"]["enum_value"], "100", "{first}");
        assert_eq!(first["payload"]["modified_date"], first["created_date"]);
        // The last payload is the record as the API shows it.
        let mut now = s.get(&format!("{OMS}/packages/{}/", packages[0])).await.is(200).json();
        let mut last = results(&of_one)[1]["payload"].clone();
        // What other records move is not told of this one.
        for counter in ["quota", "available_quota"] {
            now["stock_location"].as_object_mut().unwrap().remove(counter).unwrap();
        }
        for item in now["packageitem_set"].as_array_mut().unwrap() {
            for moved in ["quantity_cancelled", "state", "modified_date"] {
                item["order_item"].as_object_mut().unwrap().remove(moved).unwrap();
            }
        }
        for of in [&mut now, &mut last] {
            // The moment of the change and of the row's last write differ where a batch took time.
            of.as_object_mut().unwrap().remove("modified_date");
            for item in of["packageitem_set"].as_array_mut().unwrap() {
                item.as_object_mut().unwrap().remove("modified_date");
            }
        }
        assert_eq!(last, now);
        // Specific types are found, and named by a uuid of their own that stays.
        let specific = read(&s, "type=package.status.preparing").await;
        assert_eq!(results(&specific).len(), 1, "{specific}");
        let also = &results(&specific)[0]["also"][0];
        assert_eq!(also["type"], "package.status.preparing");
        assert_ne!(also["uuid"], results(&specific)[0]["event"]["uuid"]);
        assert_eq!(also, &results(&read(&s, "type=package.status.preparing").await)[0]["also"][0]);
        let orders = read(&s, "entity=order&type=order.created").await;
        assert_eq!(results(&orders)[0]["payload"]["number"], "N-0");
        let places = read(&s, "entity=stock_location").await;
        assert!(results(&places).iter().any(|e| e["payload"]["erp_code"] == "W1"), "{places}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_waits_for_the_first_change_and_not_for_ever() {
    on_each(|s| async move {
        let packages = shop(&s, 1).await;
        turn(&s).await;
        let head = read(&s, "payload=false").await["head"].as_i64().unwrap();
        let began = Instant::now();
        let (told, ()) = tokio::join!(read_now(&s, format!("after={head}&wait=20")), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            start_preparing(&s, packages[0]).await;
            turn(&s).await;
        });
        assert!(began.elapsed() < Duration::from_secs(15), "it came with the change");
        assert_eq!(results(&told)[0]["entity_id"], json!(packages[0]));
        let next = told["next"].as_i64().unwrap();
        let began = Instant::now();
        let nothing = read(&s, &format!("after={next}&wait=1")).await;
        assert!(results(&nothing).is_empty() && began.elapsed() >= Duration::from_secs(1));
    })
    .await;
}

async fn read_now(s: &Server, query: String) -> Value {
    read(s, &query).await
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_name() {
    on_each(|s| async move {
        for (query, field) in [
            ("after=-1", "after"),
            ("after=987654", "after"),
            ("limit=0", "limit"),
            ("wait=x", "wait"),
            ("entity=parcel", "entity"),
            ("entity_id=a", "entity_id"),
            ("payload=maybe", "payload"),
            ("since=2024-01-01", "since"),
        ] {
            let refused = s.get(&format!("{OMS}/events/?{query}")).await.is(400).json();
            assert!(refused["error"][field].is_array(), "{query}: {refused}");
        }
        let hub = [("Authorization", format!("Token {}", s.hub_token))];
        let hub = hub.each_ref().map(|(name, value)| (*name, value.as_str()));
        s.send("GET", &format!("{OMS}/events/"), &hub, "").await.is(403);
    })
    .await;
}
