//! Jobs of the brand's own: run once for all nodes, at the wall clock's time, and seen to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound};
use oms_app::App;
use oms_app::rules::schedules::{self, ScheduleInput};
use oms_store::rules::schedules::Schedule;
use oms_testkit::Database;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HOUR_US: i64 = 3_600 * SECOND_US;

async fn create(
    app: &App,
    name: &str,
    cron: &str,
    action: &str,
    parameters: Value,
) -> Result<Schedule, oms_app::Error> {
    let input = ScheduleInput {
        name: name.into(),
        cron: cron.into(),
        time_zone: "Europe/Istanbul".into(),
        action: action.into(),
        parameters,
        is_active: true,
    };
    let (ids, actor) = (schedules::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    let made = schedules::create(&mut tx, ids, &actor, &input).await?;
    tx.commit().await.unwrap();
    Ok(made)
}

/// An address of the brand that answers a status and counts who asks.
async fn brand(status: u16) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/nightly", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 2_048];
            let n = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..n]).to_lowercase();
            if head.starts_with("post /nightly")
                && head.contains("x-reason: test")
                && head.contains("\"day\"")
            {
                count.fetch_add(1, Ordering::SeqCst);
            }
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_run_happens_once_for_all_nodes_and_once_however_often_it_was_missed() {
    for database in Database::each() {
        let shop = Shop::open(database, 1).await;
        let nodes = [shop.app.clone(), crate::support::node(&shop.database.url, &shop.time).await];
        let (url, asked) = brand(200).await;
        let call =
            json!({"method": "POST", "url": url, "headers": {"X-Reason": "test"}, "body": {"day": "today"}});
        // The clock stands at 15:00 in Istanbul.
        let made = create(&shop.app, "Nightly", "30 15 * * *", "http_call", call).await.unwrap();
        assert_eq!(made.next_run_us, Some(shop.app.now_us() + HOUR_US / 2));
        let tick = async || {
            let mut ran = Vec::new();
            for result in futures::future::join_all(nodes.iter().map(|app| schedules::tick(app))).await {
                ran.extend(result.unwrap());
            }
            ran
        };
        assert_eq!(tick().await, Vec::<String>::new());
        shop.time.advance(HOUR_US / 2);
        assert!(!tick().await.is_empty());
        assert_eq!(asked.load(Ordering::SeqCst), 1, "two nodes ran it once");
        let stored = schedules::get(&shop.app, made.id).await.unwrap();
        assert_eq!((stored.last_outcome.as_deref(), stored.failures), (Some("answered 200"), 0));
        assert_eq!(stored.next_run_us, Some(shop.app.now_us() + 24 * HOUR_US));
        // Nobody was up for three days.
        shop.time.advance(75 * HOUR_US);
        assert!(!tick().await.is_empty());
        assert_eq!(tick().await, Vec::<String>::new());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn a_failure_is_seen_counted_and_tried_at_its_next_time() {
    for database in Database::each() {
        let shop = Shop::open(database, 1).await;
        let (url, asked) = brand(503).await;
        let call = json!({"method": "POST", "url": url, "headers": {"X-Reason": "test"}, "body": {"day": 1}});
        let made = create(&shop.app, "Broken", "0 * * * *", "http_call", call).await.unwrap();
        for n in 1..=2 {
            shop.time.advance(HOUR_US);
            assert_eq!(schedules::tick(&shop.app).await.unwrap().as_deref(), Some("Broken"));
            let stored = schedules::get(&shop.app, made.id).await.unwrap();
            assert_eq!((stored.failures, asked.load(Ordering::SeqCst)), (n, n as u64));
            assert!(stored.last_outcome.unwrap().contains("answered 503"));
        }
        let replan =
            create(&shop.app, "Again", "*/5 * * * *", "replan_out_of_stock", json!({})).await.unwrap();
        assert_eq!(schedules::run_now(&shop.app, &replan).await.unwrap(), "0 packages are planned anew");
        let stores = json!({"task": "stock_locations"});
        let copy = create(&shop.app, "Stores", "0 3 * * *", "run_setup_task", stores).await.unwrap();
        assert_eq!(schedules::run_now(&shop.app, &copy).await.unwrap(), "the setup task was started");
        let again = schedules::run_now(&shop.app, &copy).await.unwrap();
        assert!(again.starts_with("failed: "), "a task that works cannot be started twice: {again}");
    }
}

#[tokio::test]
async fn wrong_schedules_are_refused_by_name() {
    let shop = Shop::open(Database::sqlite(), 1).await;
    let app = &shop.app;
    create(app, "One", "0 3 * * *", "replan_out_of_stock", json!({})).await.unwrap();
    for (name, cron, action, parameters, field) in [
        ("One", "0 3 * * *", "replan_out_of_stock", json!({}), "name"),
        (" ", "0 3 * * *", "replan_out_of_stock", json!({}), "name"),
        ("Two", "0 3 * *", "replan_out_of_stock", json!({}), "cron"),
        ("Two", "0 3 30 2 *", "replan_out_of_stock", json!({}), "cron"),
        ("Two", "0 3 * * *", "sleep", json!({}), "action"),
        ("Two", "0 3 * * *", "http_call", json!({"method": "GET", "url": "x"}), "parameters.url"),
    ] {
        match create(app, name, cron, action, parameters).await {
            Err(oms_app::Error::Refused(refusal)) => assert_eq!(refusal.field, field, "{}", refusal.message),
            other => panic!("{cron} {action}: {other:?}"),
        }
    }
}
