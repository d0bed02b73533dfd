//! Webhooks: told of changes in the sequence of each record, signed, tried again, and looked after.

use std::sync::atomic::Ordering;
use std::time::Duration;

use oms_app::hooks::{fan_out, sending};
use oms_app::upkeep::changes;
use serde_json::{Value, json};

use crate::commands::{begin, shop};
use crate::support::receiver::{Heard, Receiver, Say};
use crate::support::{OMS, Server, on_each};

const HOOKS: &str = "/api/v1/whisperer/hooks/";

/// What the loops of a node do, until nothing is left that is due.
async fn turn(s: &Server) {
    while changes::place_tick(&s.app).await.unwrap() {}
    while fan_out::tick(&s.app).await.unwrap() {}
    while sending::tick(&s.app).await.unwrap() {}
}

async fn hook(s: &Server, receiver: &Receiver, types: Value) -> i64 {
    // What has no position yet when a hook begins comes behind it.
    turn(s).await;
    let body = json!({"event_type": types, "target_url": receiver.url});
    s.post(HOOKS, &body).await.is(201).json()["id"].as_i64().unwrap()
}

async fn start_preparing(s: &Server, package: i64) {
    let body = json!({"transition": begin(s).await, "input_parameters": {}});
    s.post(&format!("{OMS}/packages/{package}/command/"), &body).await.is(204);
}

fn ahead(s: &Server, time: Duration) {
    s.ahead_us.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
}

async fn deliveries(s: &Server, query: &str) -> Vec<Value> {
    let list = s.get(&format!("{OMS}/oms_hook_events/?limit=100&sort=id&{query}")).await.is(200).json();
    list["results"].as_array().unwrap().clone()
}

fn told(heard: &[Heard]) -> Vec<(String, i64, i64)> {
    let one = |h: &Heard| {
        let event = h.json()["event"].clone();
        (
            event["type"].as_str().unwrap().to_owned(),
            event["entity_id"].as_i64().unwrap(),
            event["seq"].as_i64().unwrap(),
        )
    };
    heard.iter().map(one).collect()
}

#[tokio::test]
async fn changes_are_told_once_from_the_beginning_of_a_hook() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let receiver = Receiver::start().await;
        hook(&s, &receiver, json!(["package.status.transitioned", "package.status.preparing"])).await;
        turn(&s).await;
        assert_eq!(receiver.heard().len(), 0, "what was before is not told");
        start_preparing(&s, packages[1]).await;
        turn(&s).await;
        let heard = receiver.heard();
        let (general, specific) = ("package.status.transitioned", "package.status.preparing");
        assert_eq!(
            told(&heard),
            [(general.to_owned(), packages[1], 2), (specific.to_owned(), packages[1], 2)],
            "the general type first"
        );
        let first = heard[0].json();
        assert_eq!(first["payload"]["state"]["enum_value"], "200");
        assert_eq!(first["payload"], heard[1].json()["payload"]);
        assert_eq!(
            (&first["event"]["prev_seq"], &heard[1].json()["event"]["prev_seq"]),
            (&Value::Null, &json!(2))
        );
        assert_eq!(heard[0].header("webhook-id"), first["event"]["uuid"].as_str().unwrap());
        assert_eq!(heard[0].header("content-type"), "application/json");
        assert_eq!(heard[0].header("webhook-signature"), "", "without a secret nothing is signed");
        turn(&s).await;
        assert_eq!(receiver.heard().len(), 2);
        // The feed knows it by the same name.
        let feed = s.get(&format!("{OMS}/events/?type={specific}")).await.is(200).json();
        assert_eq!(feed["results"][0]["also"][0]["uuid"], heard[1].json()["event"]["uuid"]);
        assert_eq!(feed["results"][0]["position"], first["event"]["position"]);
    })
    .await;
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_with_the_same_bytes_and_holds_its_record_back_alone() {
    on_each(|s| async move {
        let packages = shop(&s, 2).await;
        let receiver = Receiver::start().await;
        let failing = packages[0];
        let once = std::sync::atomic::AtomicBool::new(true);
        receiver.chooses(move |body| {
            let is_it = body["event"]["entity_id"] == json!(failing) && once.swap(false, Ordering::SeqCst);
            is_it.then_some(Say::Status(500))
        });
        let hook = hook(&s, &receiver, json!("package.status.transitioned")).await;
        let block = |package: i64, s: std::sync::Arc<Server>| async move {
            let flow = s.get(&format!("{OMS}/state-transitions/?limit=100")).await.is(200).json();
            let all = flow["results"].as_array().unwrap();
            let id = &all.iter().find(|t| t["slug"] == "BLOCK_THE_PACKAGE_FROM_PREPARING").unwrap()["id"];
            let body = json!({"transition": id, "input_parameters": {}});
            s.post(&format!("{OMS}/packages/{package}/command/"), &body).await.is(204);
        };
        for package in &packages {
            start_preparing(&s, *package).await;
            block(*package, s.clone()).await;
        }
        turn(&s).await;
        let mine = |p: i64| move |h: &&Heard| h.json()["event"]["entity_id"] == json!(p);
        let heard = receiver.heard();
        assert_eq!(heard.iter().filter(mine(failing)).count(), 1, "what follows it waits");
        assert_eq!(heard.iter().filter(mine(packages[1])).count(), 2, "other records go on");
        let waiting = deliveries(&s, &format!("hook={hook}&state=waiting")).await;
        assert_eq!(waiting.iter().map(|d| d["attempts"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 0]);
        ahead(&s, Duration::from_secs(10));
        turn(&s).await;
        let heard = receiver.heard();
        let of_it: Vec<&Heard> = heard.iter().filter(mine(failing)).collect();
        assert_eq!(of_it.len(), 3);
        assert_eq!(of_it[0].body, of_it[1].body, "the same bytes");
        assert_eq!(of_it[0].header("webhook-id"), of_it[1].header("webhook-id"));
        assert_eq!(
            told(&heard).iter().filter(|t| t.1 == failing).map(|t| t.2).collect::<Vec<_>>(),
            [2, 2, 3]
        );
        let one = &deliveries(&s, &format!("hook={hook}&entity_id={failing}")).await[0];
        let whole = s.get(&format!("{OMS}/oms_hook_events/{}/", one["id"])).await.is(200).json();
        let tries: Vec<_> = whole["tries"].as_array().unwrap().iter().map(|t| &t["status"]).collect();
        assert_eq!(tries, [500, 204]);
        assert_eq!(whole["body"].as_str().unwrap(), of_it[0].body);
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_only_fails_is_left_alone_and_found_again_and_nothing_is_lost() {
    on_each(|s| async move {
        let packages = shop(&s, 14).await;
        let receiver = Receiver::start().await;
        let hook = hook(&s, &receiver, json!("package.status.transitioned")).await;
        receiver.says([Say::Status(503); 11]);
        for package in &packages {
            start_preparing(&s, *package).await;
        }
        turn(&s).await;
        let of_hook = |s: std::sync::Arc<Server>| async move {
            s.get(&format!("{HOOKS}{hook}/")).await.is(200).json()["health"].clone()
        };
        let health = of_hook(s.clone()).await;
        assert_eq!(
            (&health["state"], &health["last_error"]),
            (&json!("paused"), &json!("HTTP 503")),
            "{health}"
        );
        let tried = receiver.heard().len();
        assert!((10..=11).contains(&tried), "{tried} were tried");
        turn(&s).await;
        assert_eq!(receiver.heard().len(), tried, "nothing is sent while it is left alone");
        for _ in 0..4 {
            ahead(&s, Duration::from_secs(130));
            turn(&s).await;
        }
        let health = of_hook(s.clone()).await;
        assert_eq!((&health["state"], &health["failures"]), (&json!("answering"), &json!(0)), "{health}");
        assert_eq!(deliveries(&s, &format!("hook={hook}&state=delivered")).await.len(), 14);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_given_up_after_its_tries_and_sent_again_by_hand() {
    on_each(|s| async move {
        let packages = shop(&s, 1).await;
        let receiver = Receiver::start().await;
        let retry = json!({"type": "fixed", "base": 1, "max": 1, "attempts": 2});
        let body = json!({"event_type": "package.status.transitioned", "target_url": receiver.url,
            "retry_countdown_config": retry});
        let hook = s.post(HOOKS, &body).await.is(201).json()["id"].as_i64().unwrap();
        receiver.says([Say::Status(500), Say::With(429, "retry-after", "999999999")]);
        start_preparing(&s, packages[0]).await;
        turn(&s).await;
        ahead(&s, Duration::from_secs(3));
        turn(&s).await;
        ahead(&s, Duration::from_secs(3_600));
        turn(&s).await;
        assert_eq!(receiver.heard().len(), 2);
        let lost = deliveries(&s, "state=given_up").await;
        assert_eq!((lost.len(), &lost[0]["hook"], &lost[0]["attempts"]), (1, &json!(hook), &json!(2)));
        let resend = format!("{OMS}/oms_hook_events/resend-event/");
        let unknown = json!({"event": "11111111-1111-4111-8111-111111111111"});
        s.post(&resend, &unknown).await.is(400);
        s.post(&resend, &json!({"event": lost[0]["event"]})).await.is(202);
        turn(&s).await;
        let heard = receiver.heard();
        assert_eq!((heard.len(), &heard[2].body), (3, &heard[0].body));
        assert_eq!(deliveries(&s, "state=delivered").await[0]["attempts"], 3);
    })
    .await;
}

#[tokio::test]
async fn a_hook_is_tried_and_what_was_given_up_is_sent_again_from_its_screen() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let receiver = Receiver::start().await;
        let retry = json!({"type": "fixed", "base": 1, "max": 1, "attempts": 1});
        let body = json!({"event_type": "package.status.transitioned", "target_url": receiver.url,
            "retry_countdown_config": retry});
        turn(&s).await;
        let hook = s.post(HOOKS, &body).await.is(201).json()["id"].as_i64().unwrap();
        let ada = s.sign_in("ada", "a long password").await;
        let screen = format!("/en/oms/connections/hooks/{hook}");
        let page = s.see(&ada, &screen).await.is(200).body;
        assert!(page.contains("Send a test") && !page.contains("Send all given up again"), "{page}");

        // A test is the newest record, sent at once; the person waits for the answer.
        let attempt = format!("{screen}/try");
        let (answer, ()) = tokio::join!(s.fill(&ada, &attempt, &[]), async {
            while receiver.heard().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                turn(&s).await;
            }
        });
        let to = answer.is(303).header("location").unwrap().to_owned();
        let page = s.see(&ada, &to).await.is(200).body;
        assert!(page.contains("HTTP 204") && page.contains("It was sent"), "{page}");
        let told = receiver.heard()[0].json();
        assert_eq!(told["event"]["entity_id"], *packages.iter().max().unwrap());

        // Two are given up while the receiver is broken; mended, both go out again.
        receiver.chooses(|_| Some(Say::Status(500)));
        for package in &packages[..2] {
            start_preparing(&s, *package).await;
        }
        turn(&s).await;
        assert_eq!(deliveries(&s, "state=given_up").await.len(), 2);
        receiver.chooses(|_| None);
        let page = s.see(&ada, &screen).await.is(200).body;
        assert!(page.contains("Send all given up again") && page.contains("The last tries"), "{page}");
        let answer = s.fill(&ada, &format!("{screen}/again"), &[]).await.is(303);
        assert!(answer.header("location").unwrap().ends_with("?done=again"));
        turn(&s).await;
        assert_eq!(deliveries(&s, "state=given_up").await.len(), 0);
        assert_eq!(receiver.heard().len(), 1 + 2 + 2);

        // A passive one is not tried.
        s.write("PATCH", &format!("{HOOKS}{hook}/"), &json!({"is_active": false})).await.is(200);
        let refused = s.fill(&ada, &attempt, &[]).await.is(200).body;
        assert!(refused.contains("is passive"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_range_is_sent_again_also_what_was_never_told() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let receiver = Receiver::start().await;
        let hook = hook(&s, &receiver, json!("package.created")).await;
        turn(&s).await;
        let head = s.get(&format!("{OMS}/events/")).await.is(200).json()["head"].as_i64().unwrap();
        let range = format!("{OMS}/oms_hook_events/resend-range/");
        let body = json!({"hook": hook, "after": 0, "until": head});
        assert_eq!(s.post(&range, &body).await.is(202).json(), json!({"again": 0, "new": 3}));
        turn(&s).await;
        let mut told: Vec<i64> = told(&receiver.heard()).into_iter().map(|t| t.1).collect();
        told.sort_unstable();
        assert_eq!(told, packages);
        assert_eq!(s.post(&range, &body).await.is(202).json(), json!({"again": 3, "new": 0}));
        turn(&s).await;
        assert_eq!(receiver.heard().len(), 6);
        s.post(&range, &json!({"hook": hook, "after": 5, "until": 5})).await.is(400);
        s.post(&range, &json!({"hook": hook, "after": 0, "until": 10_001})).await.is(400);
        s.post(&range, &json!({"hook": 999, "after": 0, "until": 1})).await.is(404);
    })
    .await;
}

#[tokio::test]
async fn a_record_is_published_by_hand_as_it_is_now() {
    on_each(|s| async move {
        let packages = shop(&s, 1).await;
        let receiver = Receiver::start().await;
        let hook = hook(&s, &receiver, json!("package.created")).await;
        start_preparing(&s, packages[0]).await;
        turn(&s).await;
        assert_eq!(receiver.heard().len(), 0);
        let publish = format!("{OMS}/oms_hook_events/publish-event/");
        let body = |model: &str, pk: i64| json!({"hook": hook, "instance": {"pk": pk, "model": model}});
        assert_eq!(s.post(&publish, &body("package", packages[0])).await.is(202).body, "");
        turn(&s).await;
        let sent = receiver.heard()[0].json();
        assert_eq!((&sent["event"]["type"], &sent["event"]["seq"]), (&json!("package.created"), &json!(2)));
        assert_eq!(
            (&sent["payload"]["state"]["enum_value"], &sent["event"]["position"]),
            (&json!("200"), &Value::Null)
        );
        let wrong = s.post(&publish, &body("package", 999)).await.is(400).json();
        assert!(wrong["error"]["instance.pk"].is_array(), "{wrong}");
        s.post(&publish, &body("order", 1)).await.is(400);
        s.post(&publish, &body("basket", 1)).await.is(400);
        s.write("PATCH", &format!("{HOOKS}{hook}/"), &json!({"is_active": false})).await.is(200);
        assert_eq!(s.post(&publish, &body("package", packages[0])).await.is(409).code(), "hook_passive");
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_signed_with_the_secret_and_for_a_day_with_the_one_before() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let receiver = Receiver::start().await;
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = json!({"event_type": "package.status.transitioned", "target_url": receiver.url,
            "secret_key": secret, "additional_headers": {"X-Brand": "blue-and-secret"}});
        let made = s.post(HOOKS, &body).await.is(201);
        assert!(!made.body.contains(secret) && !made.body.contains("blue-and-secret"), "{}", made.body);
        let mut made = made.json();
        let one = format!("{HOOKS}{}/", made["id"]);
        let is_by = |heard: &Heard, secret: &str, n: usize| {
            let at = heard.header("webhook-timestamp").parse().unwrap();
            let id = heard.header("webhook-id");
            let wanted = oms_connect::hooks::signature(secret, id, at, heard.body.as_bytes());
            heard.header("webhook-signature").split(' ').nth(n) == Some(wanted.as_str())
        };
        start_preparing(&s, packages[0]).await;
        turn(&s).await;
        let heard = receiver.heard();
        assert!(is_by(&heard[0], secret, 0) && heard[0].header("x-brand") == "blue-and-secret");
        // Sent back as it was shown, the secrets stay; another address does not get them.
        s.write("PUT", &one, &made).await.is(200);
        made["target_url"] = json!("http://127.0.0.1:9/other");
        let refused = s.write("PUT", &one, &made).await.is(400).json();
        assert!(
            refused["error"]["secret_key"].is_array() || refused["error"]["additional_headers"].is_array()
        );
        s.write("PATCH", &one, &json!({"secret_key": "a plain key"})).await.is(200);
        start_preparing(&s, packages[1]).await;
        turn(&s).await;
        let heard = receiver.heard();
        assert!(is_by(&heard[1], "a plain key", 0) && is_by(&heard[1], secret, 1));
        ahead(&s, Duration::from_secs(25 * 3_600));
        start_preparing(&s, packages[2]).await;
        turn(&s).await;
        let last = receiver.heard()[2].clone();
        assert_eq!(last.header("webhook-signature").split(' ').count(), 1);
        assert!(is_by(&last, "a plain key", 0));
    })
    .await;
}

#[tokio::test]
async fn hooks_are_defined_with_care() {
    on_each(|s| async move {
        let good = json!({"event_type": "package-created", "target_url": "http://127.0.0.1:9/a"});
        let made = s.post(HOOKS, &good).await.is(201).json();
        assert_eq!(
            (&made["event_type"], &made["health"]["state"]),
            (&json!("package.created"), &json!("unknown"))
        );
        for (field, value) in [
            ("event_type", json!("package.lost")),
            ("event_type", json!([])),
            ("target_url", json!("nowhere")),
            ("target_url", json!("http://10.0.0.1/")),
            ("target_url", json!("http://user:secret@127.0.0.1/")),
            ("target_url", json!("ftp://127.0.0.1/")),
            ("secret_key", json!("whsec_short")),
            ("secret_key", json!("********")),
            ("callback", json!("text")),
            ("additional_headers.Host", json!({"Host": "x"})),
            ("additional_headers.X", json!({"X": "a\r\nY: b"})),
            ("config.timeout_ms", json!({"timeout_ms": 1})),
            ("config.colour", json!({"colour": 1})),
            ("retry_countdown_config.base", json!({"base": 0})),
            ("retry_countdown_config.type", json!({"type": "never"})),
        ] {
            let mut body = good.clone();
            body[field.split('.').next().unwrap()] = value.clone();
            let refused = s.post(HOOKS, &body).await.is(400).json();
            assert!(refused["error"][field].is_array(), "{field} {value}: {refused}");
        }
        // The documented address is the same.
        let list = s.get("/whisperer/hooks/?limit=999").await.is(200).json();
        assert_eq!((list["count"].as_i64(), &list["results"][0]["id"]), (Some(1), &made["id"]));
        let one = format!("/whisperer/hooks/{}/", made["id"]);
        assert_eq!(
            s.write("PATCH", &one, &json!({"is_active": false})).await.is(200).json()["health"]["state"],
            "passive"
        );
        assert_eq!(s.write("DELETE", &one, &json!({})).await.is(204).body, "");
        s.get(&one).await.is(404);
        assert_eq!(s.get(HOOKS).await.is(200).json()["count"], 0);
    })
    .await;
}

#[tokio::test]
async fn redirects_fail_and_a_receiver_that_is_gone_is_not_asked_again() {
    on_each(|s| async move {
        let packages = shop(&s, 3).await;
        let receiver = Receiver::start().await;
        let elsewhere = Receiver::start().await;
        let hook = hook(&s, &receiver, json!("package.status.transitioned")).await;
        let to: &'static str = Box::leak(elsewhere.url.clone().into_boxed_str());
        receiver.says([Say::With(307, "location", to), Say::Status(410)]);
        start_preparing(&s, packages[0]).await;
        turn(&s).await;
        assert_eq!((receiver.heard().len(), elsewhere.heard().len()), (1, 0));
        ahead(&s, Duration::from_secs(60));
        turn(&s).await;
        let shown = s.get(&format!("{HOOKS}{hook}/")).await.is(200).json();
        assert_eq!(
            (&shown["is_active"], &shown["health"]["last_error"]),
            (&json!(false), &json!("HTTP 410"))
        );
        start_preparing(&s, packages[1]).await;
        ahead(&s, Duration::from_secs(3_600));
        turn(&s).await;
        assert_eq!(receiver.heard().len(), 2);
        // Made active again, it goes on with what waited and hears of what comes from now on.
        s.write("PATCH", &format!("{HOOKS}{hook}/"), &json!({"is_active": true})).await.is(200);
        start_preparing(&s, packages[2]).await;
        turn(&s).await;
        let told: Vec<i64> = told(&receiver.heard()[2..]).into_iter().map(|t| t.1).collect();
        assert_eq!(told, [packages[0], packages[2]]);
    })
    .await;
}

#[tokio::test]
async fn a_slow_receiver_does_not_hold_others_back() {
    on_each(|s| async move {
        let packages = shop(&s, 12).await;
        let (slow, quick) = (Receiver::start().await, Receiver::start().await);
        slow.says([Say::After(Duration::from_millis(900)); 100]);
        let types = json!("package.status.transitioned");
        let body = json!({"event_type": types, "target_url": slow.url, "config": {"timeout_ms": 500}});
        s.post(HOOKS, &body).await.is(201);
        hook(&s, &quick, types).await;
        for package in &packages {
            start_preparing(&s, *package).await;
        }
        while changes::place_tick(&s.app).await.unwrap() {}
        while fan_out::tick(&s.app).await.unwrap() {}
        let began = std::time::Instant::now();
        while quick.heard().len() < 12 {
            sending::tick(&s.app).await.unwrap();
            assert!(began.elapsed() < Duration::from_secs(20), "{} of 12", quick.heard().len());
        }
        assert!(slow.heard().len() <= 8, "one hook has so many under way and no more");
        turn(&s).await;
        let timed_out = deliveries(&s, "state=waiting").await;
        assert_eq!(timed_out.len(), 12);
        let whole = s.get(&format!("{OMS}/oms_hook_events/{}/", timed_out[0]["id"])).await.is(200).json();
        let first = &whole["tries"][0];
        assert_eq!((&first["status"], first["error"].is_string()), (&Value::Null, true), "{first}");
    })
    .await;
}
