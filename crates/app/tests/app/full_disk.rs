//! A database that has no room: what was acknowledged stays, and writing goes on by itself when there is room again.

use oms_app::views;
use oms_store::db::Trouble;
use oms_testkit::{Database, Engine};
use serde_json::json;

use crate::support::shop::Shop;
use crate::support::{assert_sound, number};

#[tokio::test]
async fn a_write_that_finds_no_room_fails_alone() {
    for database in Database::each() {
        if database.engine() != Engine::Sqlite {
            // A server's own disk; the code of its refusal is told by the dialect's table.
            continue;
        }
        let shop = Shop::open(database, 1).await;
        shop.rules(json!([{"name": "Any", "products": "units"}])).await;
        shop.stock(&[("L0", "A", 100)]).await;
        let kept = shop.planned("KEPT", &[("A", 1)]).await;

        // The file may not grow: what SQLite does then is what it does on a full disk. The limit goes with the
        // connection, as a full disk is emptied.
        let mut tx = shop.app.store.begin().await.unwrap();
        let pages = tx.scalar("PRAGMA page_count", vec![]).await.unwrap();
        tx.execute(format!("PRAGMA max_page_count = {pages}"), vec![]).await.unwrap();
        tx.execute("CREATE TABLE filler (text TEXT)", vec![]).await.ok();
        let filled = tx
            .execute(
                format!("INSERT INTO facts (name, value) VALUES ('filler', '{}')", "x".repeat(9_000_000)),
                vec![],
            )
            .await;
        let error = filled.expect_err("there is no room");
        assert_eq!(error.trouble(), Some(Trouble::Full), "{error}");
        assert!(shop.app.store.write_failure().is_some(), "the store knows that it cannot write");
        drop(tx);

        // The next write is on another connection, and all is as it was.
        views::ready(&shop.app).await.unwrap();
        assert_eq!(shop.app.store.write_failure(), None, "looking has written");
        assert_eq!(shop.packages(kept).await, ["P1 at L0: 100, A 1"]);
        let next = shop.planned("NEXT", &[("A", 2)]).await;
        assert_eq!(shop.packages(next).await, ["P1 at L0: 100, A 2"]);
        assert_eq!(number(&shop.app, "SELECT COUNT(*) FROM facts WHERE name = 'filler'").await, 0);
        assert_sound(&shop.app).await;
    }
}
