//! The committed description is the served one.

use std::path::Path;

use crate::support::Server;
use oms_testkit::Database;

#[tokio::test]
async fn the_committed_description_is_the_served_one() {
    let s = Server::start_empty(Database::sqlite()).await;
    let served = s.send("GET", "/api/openapi.json", &[], "").await.is(200).body;
    assert_eq!(served, oms_web::openapi(s.state.clone()));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is old: run this test with UPDATE_OPENAPI=1 and commit it"
    );
}

#[tokio::test]
async fn every_operation_says_what_it_answers() {
    let s = Server::start_empty(Database::sqlite()).await;
    let document: serde_json::Value = serde_json::from_str(&oms_web::openapi(s.state.clone())).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|k| k.starts_with('2')), "{method} {path}");
            assert!(responses.contains_key("default"), "{method} {path}");
            let text =
                operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            assert!(!text.is_empty(), "{method} {path}");
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{method} {path}: {}",
                operation["operationId"]
            );
        }
    }
}
