//! Orders from the demo hub, which misbehaves in every way it can: each is taken once, or written
//! down with the reason, and none is lost.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{
    PASSWORD, Rig, RunningHub, SECOND_US, Time, ask, assert_sound, configure, define_scenario, fetch,
    load_stock, node, number, plan, poll, small, texts,
};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use oms_app::orders::intake::{self, PollCursor, Polled};
use oms_app::setup::settings;
use oms_app::setup::{self, SetupTask};
use oms_app::{App, HubErrorClass};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_store::args;
use oms_store::setup::TaskState;
use oms_testkit::{Database, Engine};
use oms_world::hub::{Fault, NewOrder, Touch};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A new order of one line at the hub; gives its key.
async fn new_order(rig: &Rig, number: &str) -> i64 {
    let line = (rig.data.products[0].sku.clone(), 2, 1_250);
    let order = NewOrder { number: number.into(), channel: 1, customer: 1, lines: vec![line] };
    rig.hub.hub.create_order(order).await.unwrap()
}

async fn disposition(app: &App, pk: i64) -> String {
    let sql = "SELECT disposition || ': ' || COALESCE(reason, '') FROM hub_orders WHERE hub_pk = $1";
    texts(app, sql, args![pk]).await.pop().unwrap_or_default()
}

async fn tell(app: &Arc<App>, mailbox: &intake::Mailbox, uuid: &str, pk: i64) {
    let body = json!({"event": {"type": "order.updated", "uuid": uuid}, "payload": {"pk": pk}});
    mailbox.submit(intake::read_event(&body, "order").unwrap()).await.unwrap();
    assert!(number(app, "SELECT COUNT(*) FROM inbox").await > 0);
}

/// Polls and fetches with a moving clock until the order is in; returns the errors met on the way.
async fn take_in_the_end(rig: &Rig, pk: i64) -> Vec<String> {
    let (mut cursor, mut errors) = (PollCursor::default(), Vec::new());
    for _ in 0..40 {
        loop {
            match intake::poll_tick(&rig.app, &mut cursor).await {
                Ok(Polled::Page { more: true, .. }) => {}
                Ok(_) => break,
                Err(error) => {
                    errors.push(error.to_string());
                    break;
                }
            }
        }
        fetch(&rig.app).await;
        if disposition(&rig.app, pk).await == "imported: " {
            return errors;
        }
        let given_back = "SELECT last_error FROM jobs WHERE kind = 'fetch' AND last_error IS NOT NULL";
        errors.extend(texts(&rig.app, given_back, vec![]).await);
        let dead = number(&rig.app, "SELECT COUNT(*) FROM jobs WHERE state = 'dead'").await;
        assert_eq!(dead, 0, "a fault that passes ends no job: {errors:?}");
        rig.time.advance(61 * SECOND_US);
        oms_app::upkeep::nodes::heartbeat_tick(&rig.app).await.unwrap();
    }
    panic!("order {pk} never comes in: {errors:?}");
}

#[tokio::test]
async fn every_fault_of_the_hub_passes_and_the_order_is_taken_once() {
    for database in Database::each() {
        let engine = database.engine();
        let rig = Rig::start(database, small()).await;
        poll(&rig.app).await;
        fetch(&rig.app).await;
        let faults = rig.hub.hub.faults();
        let kinds = [
            (Fault::Unauthorized, ""),
            (Fault::TooManyRequests { retry_after_s: 7 }, "fewer requests"),
            (Fault::ErrorPage, "status 500"),
            (Fault::PageForJson, "not JSON"),
            (Fault::Truncated, ""),
            (Fault::CutOff, ""),
            (Fault::Drop, ""),
        ];
        let mut orders = rig.data.orders.len() as i64;
        for (i, (fault, wanted)) in kinds.into_iter().enumerate() {
            for path in ["orders/", "order_items/"] {
                let pk = new_order(&rig, &format!("F{i}-{}", path.len())).await;
                orders += 1;
                // One 401 is a token that died, which the client mends by itself; the others last.
                let times = if fault == Fault::Unauthorized { 1 } else { 3 };
                faults.clear();
                let met = faults.met();
                faults.next_on(path, times, fault);
                let errors = take_in_the_end(&rig, pk).await;
                assert!(faults.met() > met, "on {engine}, nothing met {fault:?} at {path}");
                assert_eq!(
                    errors.is_empty(),
                    fault == Fault::Unauthorized,
                    "{fault:?} at {path}: {errors:?}"
                );
                assert!(errors.iter().all(|e| e.contains(wanted)), "{fault:?} at {path}: {errors:?}");
            }
        }
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM orders").await, orders);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn a_hub_that_refuses_our_user_needs_a_person_and_loses_nothing() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        poll(&rig.app).await;
        rig.hub.hub.faults().always_on("", Fault::Unauthorized);
        let error = intake::poll_tick(&rig.app, &mut PollCursor::default()).await.unwrap_err();
        let oms_app::Error::Hub(hub) = &error else { panic!("{error}") };
        assert_eq!(hub.class(), HubErrorClass::Operator);
        assert!(error.to_string().contains("check user and password in OMNITRON_CLIENT_SETTINGS"), "{error}");
        assert_eq!(fetch(&rig.app).await, 0);
        let backlog = intake::backlog(&rig.app).await.unwrap();
        assert_eq!((backlog.leased, backlog.dead), (0, 0));
        assert_eq!(backlog.runnable, rig.data.orders.len() as i64);

        rig.hub.hub.faults().clear();
        rig.time.advance(61 * SECOND_US);
        // Whoever mends the user also restarts or saves the setting again: a client of its own either way.
        let again = rig.another_node().await;
        rig.time.advance(11 * SECOND_US);
        assert_eq!(fetch(&again).await, rig.data.orders.len());
        assert_sound(&again).await;
    }
}

#[tokio::test]
async fn a_hub_that_goes_in_the_middle_of_a_copy_and_comes_back_is_copied() {
    for database in Database::each() {
        let (time, data) = (Time::new(), small());
        let mut hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        configure(&app, &hub).await;
        ask(&app, SetupTask::Addresses).await;
        hub.hub.faults().always_on("townships/", Fault::Drop);
        let status = async || setup::status(&app, SetupTask::Addresses).await.unwrap();
        assert_eq!(setup::tick(&app).await.unwrap(), Some(SetupTask::Addresses));
        let first = status().await;
        assert_eq!(first.state, TaskState::Working, "an outage does not end the task: {first:?}");
        assert!(first.error.is_some_and(|e| e.contains("cannot be reached")));
        assert!(number(&app, "SELECT COUNT(*) FROM cities").await > 0, "what was read before stays");

        hub.go().await;
        hub.hub.faults().clear();
        assert_eq!(setup::tick(&app).await.unwrap(), None, "it is not tried again at once");
        time.advance(5 * SECOND_US);
        assert_eq!(setup::tick(&app).await.unwrap(), Some(SetupTask::Addresses));
        assert_eq!(status().await.state, TaskState::Working);

        hub.come_back().await;
        time.advance(61 * SECOND_US);
        assert_eq!(setup::tick(&app).await.unwrap(), Some(SetupTask::Addresses));
        let last = status().await;
        assert_eq!((last.state, last.error), (TaskState::Finished, None));
        assert!(!setup::is_required(&app, SetupTask::Addresses).await.unwrap());
        assert_sound(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_process_dies_is_finished_by_the_next() {
    for database in Database::each() {
        let (time, data) = (Time::new(), small());
        let hub = RunningHub::start(&data, &time).await;
        let app = node(&database.url, &time).await;
        configure(&app, &hub).await;
        ask(&app, SetupTask::Addresses).await;
        hub.hub.faults().always_on("townships/", Fault::Delay { ms: 25_000 });
        let dying = tokio::spawn(async move { setup::tick(&app).await });
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        while hub.hub.faults().met() == 0 {
            assert!(
                tokio::time::Instant::now() < until && !dying.is_finished(),
                "the copy never gets to townships"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        hub.hub.faults().clear();

        let next = node(&database.url, &time).await;
        if database.engine() == Engine::Postgres {
            // Another process may live there: its lease is respected until it ends.
            assert_eq!(setup::tick(&next).await.unwrap(), None);
            time.advance(11 * SECOND_US);
        }
        let task = setup::tick(&next).await.unwrap();
        assert_eq!(task, Some(SetupTask::Addresses), "on {}", database.engine());
        let status = setup::status(&next, SetupTask::Addresses).await.unwrap();
        assert_eq!((status.state, status.error), (TaskState::Finished, None));
        assert_sound(&next).await;
    }
}

#[tokio::test]
async fn duplicates_and_old_versions_change_nothing() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let mailbox = intake::mailbox(rig.app.clone());
        for _ in 0..3 {
            tell(&rig.app, &mailbox, "d9428888-122b-11e1-b85c-61cd3cbb3210", 1).await;
        }
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM inbox").await, 1);
        assert_eq!(fetch(&rig.app).await, 1);
        tell(&rig.app, &mailbox, "d9428888122b11e1b85c61cd3cbb3210", 1).await;
        assert_eq!((fetch(&rig.app).await, number(&rig.app, "SELECT COUNT(*) FROM inbox").await), (0, 1));

        // Two versions read by the poll; the newer is worked on first.
        for notes in ["older", "newer"] {
            rig.time.advance(SECOND_US);
            let touch = Touch { notes: Some(notes.into()), ..Touch::default() };
            rig.hub.hub.touch_order(1, touch).await.unwrap();
            assert!(poll(&rig.app).await > 0);
            if notes == "older" {
                let mut tx = rig.app.store.begin().await.unwrap();
                let later = "UPDATE jobs SET run_at_us = run_at_us + 60000000 WHERE kind = 'fetch'";
                assert!(tx.execute(later, vec![]).await.unwrap() > 0);
                tx.commit().await.unwrap();
            }
        }
        let notes = "SELECT COALESCE(notes, '-') FROM orders WHERE omnitron_id = 1";
        fetch(&rig.app).await;
        assert_eq!(texts(&rig.app, notes, vec![]).await, ["newer"]);
        rig.time.advance(61 * SECOND_US);
        fetch(&rig.app).await;
        assert_eq!(texts(&rig.app, notes, vec![]).await, ["newer"]);
        let known =
            "SELECT COUNT(*) FROM inbox WHERE outcome = 'already known in this version or a newer one'";
        assert!(number(&rig.app, known).await > 0);
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM orders").await, rig.data.orders.len() as i64);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_told_by_webhook_and_found_by_poll_at_once_is_taken_once() {
    for database in Database::each() {
        let engine = database.engine();
        let rig = Rig::start(database, small()).await;
        let other = if engine == Engine::Postgres { rig.another_node().await } else { rig.app.clone() };
        let orders = rig.data.orders.len() as i64;
        let mailbox = intake::mailbox(other.clone());
        for pk in 1..=orders {
            tell(&other, &mailbox, &format!("00000000-0000-0000-0000-{pk:012}"), pk).await;
        }
        poll(&rig.app).await;
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM inbox").await, 2 * orders);
        // Each takes few at a time, so that the same order is in two hands at once.
        let tasks: Vec<_> = [rig.app.clone(), other.clone(), rig.app.clone(), other]
            .into_iter()
            .map(|app| tokio::spawn(async move { fetch(&app).await }))
            .collect();
        let mut taken = 0;
        for task in tasks {
            taken += task.await.unwrap();
        }
        rig.time.advance(61 * SECOND_US);
        taken += fetch(&rig.app).await;
        assert_eq!(taken as i64, orders, "on {engine}");
        assert_eq!(number(&rig.app, "SELECT COUNT(*) FROM orders").await, orders);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn an_order_is_taken_when_it_enters_the_filter_and_stays_when_it_leaves() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let filter = json!({"order_statuses": ["450"], "channels": [], "exclude_order_types": []});
        settings::put(&rig.app, "test", "ORDER_FILTERING", &filter).await.unwrap();
        poll(&rig.app).await;
        assert_eq!(fetch(&rig.app).await, 0);
        let orders = rig.data.orders.len() as i64;
        let filtered =
            "SELECT COUNT(*) FROM hub_orders WHERE disposition = 'filtered' AND reason IS NOT NULL";
        assert_eq!(number(&rig.app, filtered).await, orders);
        for status in ["450", "500"] {
            rig.time.advance(SECOND_US);
            for item in rig.hub.hub.items_of(3) {
                rig.hub.hub.update_item(item, json!({"status": status})).await.unwrap();
            }
            poll(&rig.app).await;
            assert_eq!(fetch(&rig.app).await, usize::from(status == "450"));
            assert_eq!(disposition(&rig.app, 3).await, "imported: ");
        }
        assert_eq!(number(&rig.app, filtered).await, orders - 1);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn quantities_are_honoured_or_refused_by_name() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let cases = [
            (json!(0), "quantity is zero"),
            (json!("-2"), "quantity -2 is negative"),
            (json!("1.5"), "quantity 1.5 is not whole"),
            (json!("4000000000"), "above the limit"),
            (json!(1e40), "above the limit"),
            (json!("many"), "not a number"),
            (json!({"of": 2}), "not a number"),
        ];
        for (pk, (quantity, _)) in (1..).zip(&cases) {
            let item = rig.hub.hub.items_of(pk)[0];
            let attributes = json!({"attributes": {"quantity": quantity}});
            rig.hub.hub.update_item(item, attributes).await.unwrap();
        }
        let merged = rig.hub.hub.items_of(20)[0];
        rig.hub.hub.update_item(merged, json!({"attributes": {"quantity": "17.00"}})).await.unwrap();
        poll(&rig.app).await;
        assert_eq!(fetch(&rig.app).await, rig.data.orders.len() - cases.len());
        for (pk, (quantity, why)) in (1..).zip(&cases) {
            let item = rig.hub.hub.items_of(pk)[0];
            let found = disposition(&rig.app, pk).await;
            let named =
                found.starts_with("rejected: ") && found.contains(why) && found.contains(&item.to_string());
            assert!(named, "{quantity}: {found}");
        }
        let units = format!("SELECT quantity FROM order_items WHERE omnitron_id = {merged}");
        assert_eq!(number(&rig.app, &units).await, 17);
        // Mended at the hub, it is taken.
        rig.time.advance(SECOND_US);
        let item = rig.hub.hub.items_of(1)[0];
        rig.hub.hub.touch_order(1, Touch { quantity: Some((item, 4)), ..Touch::default() }).await.unwrap();
        poll(&rig.app).await;
        assert_eq!((fetch(&rig.app).await, disposition(&rig.app, 1).await.as_str()), (1, "imported: "));
        assert_sound(&rig.app).await;
    }
}

/// What stands between the OMS and the hub: passes everything on, and rewrites what it is told to.
struct Proxy {
    to: String,
    http: HttpClient,
    rewrite: fn(&mut Value),
}

async fn pass_on(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let url = format!("{}{}", proxy.to, head.uri).parse().unwrap();
    let mut on = oms_connect::http::Request::new(head.method.clone(), url);
    if let Some(token) = head.headers.get("authorization") {
        on = on.header("Authorization", token.to_str().unwrap());
    }
    if head.method == Method::POST {
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        on.body = Some(oms_connect::http::Body::Json(serde_json::from_slice(&bytes).unwrap()));
    }
    let answer = proxy.http.send(on).await.unwrap();
    let mut value: Value = serde_json::from_slice(&answer.bytes).unwrap();
    value["results"].as_array_mut().into_iter().flatten().for_each(proxy.rewrite);
    (StatusCode::from_u16(answer.status).unwrap(), axum::Json(value)).into_response()
}

/// Records that a broken integration of a channel may leave at a hub.
fn break_records(record: &mut Value) {
    let is_item = record.get("product").is_some() && record.get("order").is_some();
    match (is_item, record["order"].as_i64(), record["pk"].as_i64()) {
        (true, Some(2), _) => record["product"] = json!(987_654),
        (true, Some(3), _) => record["price"] = json!("a lot"),
        (true, Some(4), _) => record["status"] = json!("what"),
        (false, None, Some(5)) if record.get("number").is_some() => record["amount"] = json!([]),
        (false, None, Some(6)) if record.get("number").is_some() => record["channel"] = json!(777),
        _ => {}
    }
}

#[tokio::test]
async fn orders_that_make_no_sense_are_recorded_and_hold_up_no_other() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        let http = HttpClient::new(NetPolicy::with_loopback()).unwrap();
        let proxy = Arc::new(Proxy { to: format!("http://{}", rig.hub.at), http, rewrite: break_records });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v1", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback(pass_on).with_state(proxy)).await.unwrap();
        });
        let auth = json!({"username": oms_world::hub::DEFAULT_USERNAME, "password": PASSWORD});
        let client = json!({"auth": auth, "urls": {"base_url": base, "oms_url": "http://127.0.0.1:9/api/v1"},
            "timeouts": {"read": 30_000, "connect": 6_000}, "endpoint_conf": []});
        settings::put(&rig.app, "test", "OMNITRON_CLIENT_SETTINGS", &client).await.unwrap();
        poll(&rig.app).await;
        assert_eq!(fetch(&rig.app).await, rig.data.orders.len() - 5);
        for (pk, why) in
            [(2, "product 987654"), (3, "price"), (4, "status"), (5, "amount"), (6, "channel 777")]
        {
            let found = disposition(&rig.app, pk).await;
            assert!(found.starts_with("rejected: ") && found.contains(why), "order {pk}: {found}");
        }
        assert_sound(&rig.app).await;
        server.abort();
    }
}

#[tokio::test]
async fn changed_lines_after_planning_are_written_down_and_not_applied() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        define_scenario(&rig.app, &rig.data).await;
        poll(&rig.app).await;
        fetch(&rig.app).await;
        // Before planning the newer version takes the copy's place.
        let before = rig.hub.hub.items_of(1)[0];
        rig.time.advance(SECOND_US);
        rig.hub.hub.touch_order(1, Touch { quantity: Some((before, 5)), ..Touch::default() }).await.unwrap();
        poll(&rig.app).await;
        fetch(&rig.app).await;
        let units = format!("SELECT quantity FROM order_items WHERE omnitron_id = {before}");
        assert_eq!(number(&rig.app, &units).await, 5);
        assert_eq!(plan(&rig.app).await, rig.data.orders.len());
        assert_sound(&rig.app).await;

        rig.time.advance(SECOND_US);
        let touch = Touch {
            quantity: Some((before, 9)),
            notes: Some("leave it at the door".into()),
            ..Touch::default()
        };
        rig.hub.hub.touch_order(1, touch).await.unwrap();
        poll(&rig.app).await;
        fetch(&rig.app).await;
        assert_eq!(number(&rig.app, &units).await, 5);
        let order = "(SELECT id FROM orders WHERE omnitron_id = 1)";
        let detail = texts(
            &rig.app,
            &format!("SELECT detail FROM hub_changes WHERE what = 'lines' AND order_id = {order}"),
            vec![],
        )
        .await;
        assert_eq!(detail.len(), 1);
        let detail: Value = serde_json::from_str(&detail[0]).unwrap();
        assert_ne!(detail["ours"], detail["theirs"]);
        let notes = "SELECT notes FROM orders WHERE omnitron_id = 1";
        assert_eq!(texts(&rig.app, notes, vec![]).await, ["leave it at the door"]);
        assert_eq!(plan(&rig.app).await, 0);
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn nothing_is_lost_when_orders_change_while_their_pages_are_read() {
    for database in Database::each() {
        let engine = database.engine();
        let size = oms_world::data::GenerateSize {
            orders: 460,
            customers: 20,
            locations: 4,
            warehouses: 1,
            skus: 20,
        };
        let mut data = oms_world::data::Dataset::generate(3, size);
        // 350 orders of one moment, as an import leaves them: more than three pages without an order among them.
        let moment = data.orders[50].placed_us;
        data.orders[50..400].iter_mut().for_each(|o| o.placed_us = moment);
        let rig = Rig::start(database, data).await;
        let mut cursor = PollCursor::default();
        let mut touched = 0;
        let mut more = true;
        for _ in 0..100 {
            if !more {
                break;
            }
            match intake::poll_tick(&rig.app, &mut cursor).await.unwrap() {
                Polled::Page { more: m, .. } => more = m,
                Polled::NotMine | Polled::Waiting => panic!("this node may poll"),
            }
            // Orders of pages already read change now: the pages behind them move up.
            if touched < 12 {
                for _ in 0..3 {
                    touched += 1;
                    rig.time.advance(600 * SECOND_US);
                    oms_app::upkeep::nodes::heartbeat_tick(&rig.app).await.unwrap();
                    let touch = Touch { notes: Some(format!("{touched}")), ..Touch::default() };
                    rig.hub.hub.touch_order(50 + touched, touch).await.unwrap();
                }
            }
        }
        assert!(!more, "the poll ends");
        poll(&rig.app).await;
        fetch(&rig.app).await;
        let all = rig.data.orders.len() as i64;
        let taken = number(&rig.app, "SELECT COUNT(*) FROM orders").await;
        assert_eq!(taken, all, "on {engine}, {} orders are lost", all - taken);
        let noted = "SELECT COUNT(*) FROM orders WHERE notes IS NOT NULL";
        assert_eq!(number(&rig.app, noted).await, touched, "each change is seen");
        load_stock(&rig.app, &rig.data).await;
        assert_sound(&rig.app).await;
    }
}

#[tokio::test]
async fn an_order_dated_in_the_future_is_taken_and_does_not_stop_the_poll() {
    const YEAR_US: i64 = 365 * 86_400 * SECOND_US;
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        poll(&rig.app).await;
        fetch(&rig.app).await;
        let note = async |pk: i64| {
            let sql = "SELECT COALESCE(notes, '') FROM orders WHERE omnitron_id = $1";
            texts(&rig.app, sql, args![pk]).await.remove(0)
        };
        let touch = async |pk: i64, notes: &str| {
            let touch = Touch { notes: Some(notes.into()), ..Touch::default() };
            rig.hub.hub.touch_order(pk, touch).await.unwrap();
        };
        rig.time.advance(YEAR_US);
        touch(1, "from next year").await;
        rig.time.advance(-YEAR_US);
        poll(&rig.app).await;
        fetch(&rig.app).await;
        assert_eq!(note(1).await, "from next year");
        for n in 0..3 {
            rig.time.advance(60 * SECOND_US);
            touch(2, &format!("today {n}")).await;
            // A new cursor each time, as after a restart.
            poll(&rig.app).await;
            fetch(&rig.app).await;
            assert_eq!(note(2).await, format!("today {n}"));
        }
        assert_sound(&rig.app).await;
    }
}
