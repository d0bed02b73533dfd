//! `oms decision` as people run it: what replays, what does not, and what another scenario would do.

use crate::support::{assert_replays, demo, oms, query, run};
use oms_store::{Options, Store};
use oms_testkit::Database;
use oms_world::data::slice_dir;
use tempfile::tempdir;

/// Changes one kept decision behind the product's back.
fn tamper(database: &Database, order: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&database.url, Options::default()).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let sql = format!("UPDATE decisions SET decision = replace(decision, '\"state\":', '\"state\":1') WHERE plan_id = {order}");
        assert_eq!(tx.execute(sql, vec![]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        store.close().await;
    });
}

#[test]
fn decisions_replay_differ_once_tampered_with_and_are_compared() {
    for database in Database::each() {
        let folder = tempdir().unwrap();
        let call = |arguments: &[&str]| {
            run(oms(folder.path(), &[arguments, &["--database", &database.url]].concat()))
        };
        assert!(run(demo(folder.path(), &slice_dir(), &database.url, &["--workers", "2"])).status.success());
        assert_replays(folder.path(), &database.url);
        let order = query(&database, "SELECT CAST(MIN(plan_id) AS TEXT) FROM decisions").remove(0);
        let scenario = query(&database, "SELECT CAST(MIN(id) AS TEXT) FROM scenarios").remove(0);

        let same = call(&["decision", "diff", &order, "--scenario", &scenario]);
        assert!(same.status.success(), "{same:#?}");
        assert_eq!(same.stdout.last().map(String::as_str), Some("The packages are the same."), "{same:#?}");
        let gone = call(&["decision", "diff", &order, "--scenario", &scenario, "--version", "77"]);
        assert!(!gone.status.success() && gone.stderr.contains("version 77"), "{gone:#?}");

        tamper(&database, &order);
        let one = call(&["decision", "replay", &order]);
        assert_eq!(one.status.code(), Some(1));
        assert!(
            one.stdout[0].contains(&format!("Order {order}, decision "))
                && one.stdout[0].contains("was changed"),
            "{one:#?}"
        );
        let all = call(&["decision", "replay", "--all"]);
        assert_eq!(all.status.code(), Some(1));
        assert_eq!(
            all.stdout.last().map(String::as_str),
            Some("1 of 800 decisions do not replay."),
            "{all:#?}"
        );

        let nobody = call(&["decision", "replay", "1234567890"]);
        assert!(!nobody.status.success() && nobody.stderr.contains("1234567890"), "{nobody:#?}");
        let neither = call(&["decision", "replay"]);
        assert!(!neither.status.success() && neither.stderr.contains("--all"), "{neither:#?}");
    }
    let folder = tempdir().unwrap();
    let none = run(oms(folder.path(), &["decision", "replay", "--all", "--database", "sqlite://nothing.db"]));
    assert!(!none.status.success() && none.stderr.contains("no database at nothing.db"), "{none:#?}");
}
