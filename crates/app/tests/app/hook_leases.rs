//! One node sends for a webhook, as long as it lives: also while its receiver is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oms_app::hooks::{self, HookInput, deliveries, sending};
use oms_testkit::Database;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::shop::Shop;
use crate::support::{SECOND_US, node, number};

/// Takes connections, counts them and never answers.
async fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, came) = (format!("http://{}/", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let count = came.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    (url, came)
}

#[tokio::test]
async fn a_slow_receiver_does_not_make_a_second_node_send_too() {
    for database in Database::each() {
        let shop = Shop::open(database, 1).await;
        let (first, second) = (&shop.app, node(&shop.database.url, &shop.time).await);
        let (url, came) = silent().await;
        let said = HookInput {
            event_type: json!("stock_location.updated"),
            target_url: url,
            config: json!({"timeout_ms": 15_000}),
            ..HookInput::default()
        };
        let (ids, actor) = (hooks::ids(first).await.unwrap(), first.actor("test").await.unwrap());
        let mut tx = first.store.begin().await.unwrap();
        let hook = hooks::create(&mut tx, first, ids, &actor, said).await.unwrap();
        tx.commit().await.unwrap();
        let location = number(first, "SELECT MIN(id) FROM locations").await;
        let told = deliveries::publication(first, hook.id, "stock_location", location).await.unwrap();
        let actor = first.actor("test").await.unwrap();
        let mut tx = first.store.begin().await.unwrap();
        deliveries::publish(&mut tx, &actor, told).await.unwrap();
        tx.commit().await.unwrap();
        while came.load(Ordering::SeqCst) == 0 {
            sending::tick(first).await.unwrap();
        }
        // Far beyond one lease, which the first node renews as it goes.
        for _ in 0..5 {
            shop.time.advance(6 * SECOND_US);
            sending::tick(first).await.unwrap();
            sending::tick(&second).await.unwrap();
        }
        assert_eq!(came.load(Ordering::SeqCst), 1, "the second node sent too");
        // Gone without a word, its lease ends, and the other goes on.
        shop.time.advance(11 * SECOND_US);
        while came.load(Ordering::SeqCst) == 1 {
            sending::tick(&second).await.unwrap();
        }
    }
}
