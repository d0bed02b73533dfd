//! Webhooks call nobody inside the house, however the address is written: the corpus of the outgoing client, through hooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oms_app::hooks::{self, HookInput, deliveries, sending};
use oms_app::{App, Error};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_store::{Options, Store, args};
use oms_testkit::Database;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::shop::Shop;
use crate::support::{Time, number, texts};

/// Spellings of addresses inside the house, one a line.
const INSIDE: &str = include_str!("../../../connect/tests/connect/inside.txt");

/// Listens on this machine and counts who comes.
async fn door() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (port, came) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = came.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, came)
}

/// A hook at this address; `false`: it was refused at once.
async fn is_made(app: &App, url: &str) -> bool {
    let said = HookInput {
        event_type: json!("stock_location.updated"),
        target_url: url.to_owned(),
        secret_key: None,
        callback: json!({}),
        additional_headers: json!({}),
        config: json!({"timeout_ms": 500}),
        retry_countdown_config: json!({"type": "fixed", "base": 1, "max": 1, "attempts": 1}),
        is_active: true,
    };
    let (ids, actor) = (hooks::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    match hooks::create(&mut tx, app, ids, &actor, said).await {
        Ok(hook) => {
            tx.commit().await.unwrap();
            let location = number(app, "SELECT MIN(id) FROM locations").await;
            let told = deliveries::publication(app, hook.id, "stock_location", location).await.unwrap();
            let actor = app.actor("test").await.unwrap();
            let mut tx = app.store.begin().await.unwrap();
            deliveries::publish(&mut tx, &actor, told).await.unwrap();
            tx.commit().await.unwrap();
            true
        }
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.field, "target_url", "{url}: {refusal}");
            false
        }
        Err(other) => panic!("{url}: {other}"),
    }
}

#[tokio::test]
async fn no_webhook_reaches_into_the_house() {
    for database in Database::each() {
        let url = database.url.clone();
        // A location to be told of.
        let _shop = Shop::open(database, 1).await;
        let store = Store::open(&url, Options { durable: false }).await.unwrap();
        let http = HttpClient::new(NetPolicy::public_only()).unwrap();
        let app = App::start(store, http, Time::new().clock()).await.unwrap();
        let (port, came) = door().await;
        let (mut refused, mut made) = (0, 0);
        for host in INSIDE.lines().filter(|l| !l.is_empty()) {
            for address in [
                format!("http://{host}:{port}/"),
                format!("https://{host}:{port}/"),
                format!("http://{host}/"),
                format!("https://{host}/"),
                format!("https://{host}:8443/"),
                format!("http://ok.example@{host}:{port}/"),
                format!("https://{host}:{port}#@ok.example/"),
            ] {
                match is_made(&app, &address).await {
                    true => made += 1,
                    false => refused += 1,
                }
            }
        }
        // What is only a name is looked up when it is called.
        for _ in 0..200 {
            if !sending::tick(&app).await.unwrap()
                && number(&app, "SELECT COUNT(*) FROM hook_deliveries WHERE state = 'waiting'").await == 0
            {
                break;
            }
        }
        assert_eq!(number(&app, "SELECT COUNT(*) FROM hook_deliveries WHERE state <> 'given_up'").await, 0);
        let errors =
            texts(&app, "SELECT COALESCE(error, 'HTTP ' || status) FROM hook_attempts", args![]).await;
        assert_eq!(errors.len(), made);
        let inside = |e: &&String| e.contains("was not called") || e.contains("could not be resolved");
        assert_eq!(errors.iter().filter(inside).count(), made, "{errors:#?}");
        assert_eq!(came.load(Ordering::SeqCst), 0, "somebody came");
        assert!(refused > 300, "{refused} were refused at once, {made} when they were called");
    }
}
