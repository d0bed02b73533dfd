//! Positions of events: one gapless order over all records and nodes, given after commit, and told to each node.

use oms_app::upkeep::changes;
use oms_store::access::logs::Actor;
use oms_store::db::Dialect;
use oms_store::events::{EventRows, NewEvent, Placed};
use oms_store::ids::IdKind;
use oms_store::{Store, Tx, events};
use oms_testkit::Database;

use crate::support::{Time, node};

async fn write(tx: &mut Tx, id: i64, entity_id: i64, seq: i64, at_us: i64) {
    let actor = Actor { command_id: 1, name: "test".into(), node: "test".into(), at_us };
    let event = NewEvent {
        id,
        entity: "thing",
        entity_id,
        seq,
        kind: "thing.updated",
        also: &[],
        delta: serde_json::json!({}),
    };
    let mut rows = EventRows::default();
    rows.push(&event, &actor);
    rows.write(tx).await.unwrap();
}

/// One event in a transaction of its own.
async fn happens(store: &Store, entity_id: i64, seq: i64, at_us: i64) {
    // An id may cost a transaction, so it is taken before one begins.
    let id = store.take_id(IdKind::Row).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    write(&mut tx, id, entity_id, seq, at_us).await;
    tx.commit().await.unwrap();
}

async fn all(store: &Store) -> Vec<Placed> {
    events::after(&mut store.read().await.unwrap(), 0, 100_000).await.unwrap()
}

fn positions(placed: &[Placed]) -> Vec<i64> {
    placed.iter().map(|p| p.position).collect()
}

#[tokio::test]
async fn a_record_keeps_its_sequence_whatever_the_clocks_of_nodes_say() {
    for database in Database::each() {
        let app = node(&database.url, &Time::new()).await;
        // The second node's clock is behind.
        for (thing, seq, at_us) in [(7, 1, 500), (8, 1, 300), (7, 2, 100), (7, 3, 600)] {
            happens(&app.store, thing, seq, at_us).await;
        }
        while changes::place_tick(&app).await.unwrap() {}
        let placed = all(&app.store).await;
        let head = events::head(&mut app.store.read().await.unwrap()).await.unwrap();
        assert_eq!(positions(&placed), (1..=head).collect::<Vec<_>>(), "no gap");
        let things: Vec<_> =
            placed.iter().filter(|p| p.entity == "thing" && p.entity_id == 7).map(|p| p.seq).collect();
        assert_eq!(things, [1, 2, 3]);
    }
}

#[tokio::test]
async fn what_commits_last_comes_last_and_nobody_misses_it() {
    for database in Database::each() {
        let app = node(&database.url, &Time::new()).await;
        if app.store.dialect() == Dialect::Sqlite {
            // One writer: nobody can commit in between.
            continue;
        }
        let id = app.store.take_id(IdKind::Row).await.unwrap();
        let mut slow = app.store.begin().await.unwrap();
        write(&mut slow, id, 1, 1, 10).await;
        happens(&app.store, 2, 1, 20).await;
        changes::place_tick(&app).await.unwrap();
        let before = all(&app.store).await;
        let last = before.last().unwrap();
        assert_eq!((last.entity.as_str(), last.entity_id), ("thing", 2));
        slow.commit().await.unwrap();
        changes::place_tick(&app).await.unwrap();
        let after = events::after(&mut app.store.read().await.unwrap(), last.position, 10).await.unwrap();
        assert_eq!(after.iter().map(|p| p.entity_id).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test]
async fn nodes_that_give_positions_at_once_give_each_one_once() {
    for database in Database::each() {
        let time = Time::new();
        let first = node(&database.url, &time).await;
        let many: i64 = 400;
        let writer = async {
            for thing in 1..=many {
                happens(&first.store, 1 + thing % 40, 1 + thing / 40, thing).await;
            }
        };
        let other = match first.store.dialect() {
            // The file has one process.
            Dialect::Sqlite => first.clone(),
            Dialect::Postgres => oms_app::App::beside(
                Store::open(&database.url, oms_store::Options { durable: false }).await.unwrap(),
                oms_connect::http::HttpClient::new(oms_connect::policy::NetPolicy::with_loopback()).unwrap(),
                time.clock(),
            ),
        };
        let placer = async |app: &oms_app::App| {
            for _ in 0..600 {
                changes::place_tick(app).await.unwrap();
            }
        };
        tokio::join!(writer, placer(&first), placer(&other));
        while changes::place_tick(&first).await.unwrap() {}
        changes::place_tick(&first).await.unwrap();
        let placed = all(&first.store).await;
        assert_eq!(positions(&placed), (1..=placed.len() as i64).collect::<Vec<_>>(), "no gap, none twice");
        let things = placed.iter().filter(|p| p.entity == "thing").count();
        assert_eq!(things as i64, many);
        for thing in 1..=40 {
            let seqs: Vec<_> = placed
                .iter()
                .filter(|p| p.entity == "thing" && p.entity_id == thing)
                .map(|p| p.seq)
                .collect();
            assert!(seqs.is_sorted(), "{thing}: {seqs:?}");
        }
    }
}

#[tokio::test]
async fn a_listener_hears_what_was_before_and_then_all_in_order() {
    for database in Database::each() {
        let app = node(&database.url, &Time::new()).await;
        changes::tell_tick(&app).await.unwrap();
        let since = changes::position(&app);
        happens(&app.store, 1, 1, 1).await;
        changes::place_tick(&app).await.unwrap();
        // Told to nobody before anybody listened: the look back finds it.
        changes::tell_tick(&app).await.unwrap();
        let (before, mut ear) = changes::follow(&app, since).await.unwrap();
        assert!(before.is_whole);
        assert_eq!(before.changes.iter().map(|c| (c.entity_id, c.seq)).collect::<Vec<_>>(), [(1, 1)]);
        for seq in 2..=5 {
            happens(&app.store, 1, seq, seq).await;
        }
        while changes::place_tick(&app).await.unwrap() {}
        while changes::tell_tick(&app).await.unwrap() {}
        for seq in 2..=5 {
            assert_eq!(ear.try_recv().unwrap().seq, seq);
        }
        assert!(ear.try_recv().is_err(), "nothing else was told");
    }
}
