//! Secrets at rest: nothing in the database lets anybody in, what was moved does not open, and keys are changed without a stop.

use std::sync::Arc;

use oms_app::carriers::cargo_companies::{self, CompanyInput};
use oms_app::hooks::{self, HookInput};
use oms_app::setup::settings;
use oms_app::stock::engines::{self, EngineInput};
use oms_app::{App, random_bytes};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::seal::{KEY_BYTES, Keys};
use oms_store::seals::Seals;
use oms_store::{Options, Store, StoreError, args};
use oms_testkit::Database;
use serde_json::json;

use crate::support::Time;

const CANARY: &str = "canary-8f3a";

/// A node with these keys; the first seals.
async fn node(url: &str, keys: &[u8]) -> Result<Arc<App>, StoreError> {
    let text: String = keys.iter().map(|n| Keys::text([*n; KEY_BYTES])).collect();
    let store = Store::open(url, Options { durable: false }).await?;
    let keys = Keys::read(&text).unwrap();
    let store = store.sealed_with(Seals { keys, nonce: random_bytes }).await?;
    let http = HttpClient::new(NetPolicy::with_loopback()).unwrap();
    Ok(App::start(store, http, Time::new().clock()).await.unwrap())
}

async fn define(app: &App) {
    let hub = json!({"auth": {"username": "u", "password": CANARY}, "urls": {"base_url": "https://hub.example/api/v1",
        "oms_url": "https://oms.example/api/v1"}, "timeouts": {"read": 1000, "connect": 1000},
        "endpoint_conf": [{"endpoint": "orders", "base_url": "https://hub.example", "auth": {"token": CANARY}}]});
    settings::put(app, "test", "OMNITRON_CLIENT_SETTINGS", &hub).await.unwrap();
    let engine = EngineInput {
        name: "Stock".into(),
        stock_engine_type: "service".into(),
        config: json!({"auth": {"type": "basic_auth", "username": "u", "password": CANARY},
            "service": {"url": "https://stock.example/", "type": "multiple"}}),
        is_active: true,
    };
    let (ids, actor) = (engines::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    engines::create(&mut tx, ids, &actor, &engine).await.unwrap();
    tx.commit().await.unwrap();
    let company = CompanyInput {
        name: "Swift".into(),
        erp_code: "swift".into(),
        is_managed_by_oms: true,
        shipping_company: "ups".into(),
        conf: json!({"username": "u", "password": CANARY, "create_shipment_url": "https://cargo.example/shipments"}),
        ..CompanyInput::default()
    };
    let (ids, actor) = (cargo_companies::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    cargo_companies::create(&mut tx, app, ids, &actor, company).await.unwrap();
    tx.commit().await.unwrap();
    let hook = HookInput {
        event_type: json!("package.created"),
        target_url: "https://erp.example/".into(),
        secret_key: Some(CANARY.into()),
        callback: json!({}),
        additional_headers: json!({"X-Key": CANARY}),
        config: json!({}),
        retry_countdown_config: json!({}),
        is_active: true,
    };
    let (ids, actor) = (hooks::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    let made = hooks::create(&mut tx, app, ids, &actor, hook).await.unwrap();
    tx.commit().await.unwrap();
    let (ids, actor) = (hooks::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    hooks::update(&mut tx, app, ids, &actor, made.id, |h| h.secret_key = Some(format!("{CANARY} anew")))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

const STORED: &str = "SELECT json_value FROM settings UNION ALL SELECT config FROM stock_engines \
                      UNION ALL SELECT secret_key FROM hooks UNION ALL SELECT former_secret_key FROM hooks \
                      UNION ALL SELECT additional_headers FROM hooks UNION ALL SELECT conf FROM cargo_companies UNION ALL SELECT detail FROM audit_log";

/// What stands in the database, and whether all of it can be read as it was given.
async fn stored(app: &App) -> Vec<String> {
    let mut tx = app.store.read().await.unwrap();
    let hub = oms_store::setup::settings::by_key(&mut tx, "OMNITRON_CLIENT_SETTINGS").await.unwrap().unwrap();
    assert_eq!(
        (&hub.value["auth"]["password"], &hub.value["endpoint_conf"][0]["auth"]["token"]),
        (&json!(CANARY), &json!(CANARY))
    );
    let engine = &oms_store::stock::engines::all(&mut tx).await.unwrap()[0];
    assert_eq!(engine.config["auth"]["password"], CANARY);
    let hook = &oms_store::hooks::active(&mut tx, [1]).await.unwrap()[0];
    assert_eq!(hook.set.secret_key.as_deref(), Some("canary-8f3a anew"));
    assert_eq!(hook.former.as_ref().unwrap().0, CANARY);
    assert_eq!(hook.set.additional_headers["X-Key"], CANARY);
    drop(tx);
    let mut tx = app.store.begin().await.unwrap();
    let company = oms_store::carriers::cargo_companies::hold(&mut tx, 1).await.unwrap().unwrap();
    assert_eq!(company.set.conf["password"], CANARY);
    drop(tx);
    crate::support::texts(app, STORED, args![]).await
}

#[tokio::test]
async fn secrets_stand_sealed_and_keys_are_changed() {
    for database in Database::each() {
        // A database of before: nothing is sealed.
        let plain = crate::support::node(&database.url, &Time::new()).await;
        define(&plain).await;
        assert!(stored(&plain).await.iter().any(|text| text.contains(CANARY)));
        drop(plain);

        let old = node(&database.url, &[1]).await.unwrap();
        let before = stored(&old).await;
        assert!(before.iter().all(|text| !text.contains(CANARY)), "{before:#?}");
        drop(old);
        // The new key is known everywhere before it seals, and the old one goes when it seals nothing any more.
        drop(node(&database.url, &[1, 2]).await.unwrap());
        let anew = stored(&node(&database.url, &[2, 1]).await.unwrap()).await;
        assert_ne!(before[0], anew[0]);
        let new = node(&database.url, &[2]).await.unwrap();
        assert_eq!(stored(&new).await, anew, "what is sealed with the first key stays");
        for wrong in [1, 3] {
            let refused = node(&database.url, &[wrong]).await.err().expect("another key");
            assert!(matches!(refused, StoreError::Sealed { .. }), "{refused}");
        }
        // Without any key nothing opens.
        let none = crate::support::node(&database.url, &Time::new()).await;
        let mut tx = none.store.read().await.unwrap();
        assert!(matches!(oms_store::stock::engines::all(&mut tx).await, Err(StoreError::Sealed { .. })));
        drop(tx);
        // What is moved to another place does not open there.
        let mut tx = new.store.begin().await.unwrap();
        tx.execute("UPDATE hooks SET secret_key = former_secret_key", args![]).await.unwrap();
        assert!(matches!(oms_store::hooks::active(&mut tx, [1]).await, Err(StoreError::Sealed { .. })));
    }
}
