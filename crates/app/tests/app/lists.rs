//! Lists say the same whichever way their statements are written, and count what is there.

#[path = "../../benches/lists/questions.rs"]
mod questions;
#[path = "../../benches/lists/world.rs"]
mod world;

use crate::support::{Time, node};
use oms_app::upkeep::search;
use oms_app::{App, views};
use oms_store::lists::{self, Ask, Condition, List, Place};
use oms_store::{Row, Tx, Value, args, list_counts, packages};
use oms_testkit::Database;
use questions::{Noun, values};

/// Enough for a list to be too long to be counted whole or sorted.
const PACKAGES: i64 = 14_000;
const ROWS: i64 = 40;

/// What a list's filters say, as it stands in the list's table: of those with one name either, of the others all.
fn plain(list: &List, filters: &[(String, String)]) -> (String, Vec<Value>) {
    let (mut sql, mut given) = (format!(" FROM {}{}", list.table, list.joins), Vec::new());
    let single =
        |filter: &(String, String)| views::conditions(list, std::slice::from_ref(filter)).unwrap().remove(0);
    for (n, filter) in filters.iter().enumerate() {
        let condition: Condition = single(filter);
        let is_same = n > 0 && filters[n - 1].0 == filter.0;
        let is_last = filters.get(n + 1).is_none_or(|next| next.0 != filter.0);
        sql.push_str(match n {
            0 => " WHERE ((",
            _ if is_same => " OR (",
            _ => " AND ((",
        });
        let mut values = condition.values.iter().cloned();
        let places = condition.clause.matches('?').count();
        for (n, part) in condition.clause.split('?').enumerate() {
            if n > 0 {
                let each: Vec<Value> =
                    if places == 1 { values.by_ref().collect() } else { values.by_ref().take(1).collect() };
                let numbers: Vec<String> =
                    (0..each.len()).map(|i| format!("${}", given.len() + i + 1)).collect();
                sql.push_str(&numbers.join(","));
                given.extend(each);
            }
            sql.push_str(part);
        }
        sql.push_str(if is_last { "))" } else { ")" });
    }
    (sql, given)
}

/// The first columns of rows: an id, or what a row without one is known by.
fn keys(rows: &[Row], width: usize) -> Vec<Vec<i64>> {
    rows.iter().map(|r| (0..width).map(|i| r.i64(i).unwrap()).collect()).collect()
}

async fn compare(tx: &mut Tx, noun: Noun, filters: &[(String, String)]) {
    let list = noun.list();
    let conditions = views::conditions(list, filters).unwrap();
    let (from, given) = plain(list, filters);
    let count = tx.scalar(format!("SELECT COUNT(*){from}"), given.clone()).await.unwrap();
    let (columns, width) = match noun {
        Noun::Stocks => ("t.product_id, t.location_id", 2),
        _ => ("t.id, t.id", 1),
    };
    for (name, order) in list.orders.iter().take(2) {
        let sql = format!("SELECT {columns}{from} ORDER BY {order} LIMIT {ROWS} OFFSET {ROWS}");
        let expected = keys(&tx.fetch(sql, given.clone()).await.unwrap(), width);
        let ask = Ask {
            conditions: conditions.clone(),
            order: Some((*name).into()),
            page: 2,
            limit: ROWS,
            ..Ask::default()
        };
        let page = lists::page(tx, list, columns, &ask).await.unwrap();
        assert_eq!(keys(&page.rows, width), expected, "{noun:?} {filters:?} by {name}");
        assert_eq!(page.is_exact, page.count == count, "{noun:?} {filters:?}");
        assert!(
            page.count == count || page.count == lists::COUNTED && count > lists::COUNTED,
            "{filters:?}: {}",
            page.count
        );
        // The same rows, behind the last of the page before.
        let before = Ask { page: 1, ..ask.clone() };
        let last = lists::page(tx, list, columns, &before).await.unwrap().last;
        if let Some(place) = last.filter(|_| count > ROWS) {
            let behind =
                lists::page(tx, list, columns, &Ask { after: Some(place), ..ask.clone() }).await.unwrap();
            assert_eq!(
                keys(&behind.rows, width),
                expected,
                "{noun:?} {filters:?} by {name} behind {place:?}"
            );
        }
        let whole = lists::page(tx, list, columns, &Ask { counts_all: true, ..ask }).await.unwrap();
        assert_eq!((whole.count, whole.is_exact), (count, true), "{noun:?} {filters:?}");
    }
}

async fn app(database: &Database) -> std::sync::Arc<App> {
    let app = node(&database.url, &Time::new()).await;
    world::build(&app, PACKAGES).await;
    app.store.analyze().await.unwrap();
    app
}

async fn every_question(database: Database) {
    let app = app(&database).await;
    let mut tx = app.store.read().await.unwrap();
    for noun in Noun::ALL {
        compare(&mut tx, noun, &[]).await;
        for filter in noun.list().filters {
            let all = values(noun, PACKAGES, filter.name);
            for value in &all {
                compare(&mut tx, noun, &[(filter.name.to_owned(), value.clone())]).await;
            }
            // Given twice either is meant; but what is excluded twice is excluded.
            let excludes = ["__exclude", "__ne"].iter().any(|end| filter.name.ends_with(end));
            if let [first, .., last] = all.as_slice()
                && !excludes
            {
                let twice = [first, last].map(|v| (filter.name.to_owned(), v.clone()));
                compare(&mut tx, noun, &twice).await;
            }
        }
        for [first, second] in noun.pairs() {
            for (a, b) in values(noun, PACKAGES, first).into_iter().zip(values(noun, PACKAGES, second)) {
                compare(&mut tx, noun, &[((*first).to_owned(), a), ((*second).to_owned(), b)]).await;
            }
        }
    }
}

#[tokio::test]
async fn every_filter_gives_the_rows_that_fit_on_sqlite() {
    every_question(Database::sqlite()).await;
}

#[tokio::test]
async fn every_filter_gives_the_rows_that_fit_on_postgresql() {
    every_question(Database::postgres()).await;
}

#[tokio::test]
async fn upkeep_folds_counts_and_gives_older_records_what_they_lack() {
    for database in Database::each() {
        let app = node(&database.url, &Time::new()).await;
        world::build(&app, 2_500).await;
        let mut tx = app.store.begin().await.unwrap();
        for sql in [
            "DELETE FROM search_terms",
            "INSERT INTO facts (name, value) VALUES ('search_terms_1', '0'), ('search_terms_2', '0'), ('search_terms_3', '0') \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            "UPDATE packages SET channel_id = NULL, placed_us = NULL",
            "INSERT INTO list_counts (entity, state, n) SELECT 'package', 700, 1 FROM orders",
            "INSERT INTO list_counts (entity, state, n) SELECT 'package', 700, -1 FROM orders",
        ] {
            tx.execute(sql, vec![]).await.unwrap();
        }
        let before = list_counts::by_state(&mut tx, list_counts::Counted::Package).await.unwrap();
        tx.commit().await.unwrap();
        let mut turns = 0;
        while search::tick(&app).await.unwrap() {
            turns += 1;
        }
        assert!(turns > 3, "each turn is bounded");
        let mut tx = app.store.read().await.unwrap();
        assert!(list_counts::appended(&mut tx).await.unwrap() < 40);
        assert_eq!(list_counts::by_state(&mut tx, list_counts::Counted::Package).await.unwrap(), before);
        let wrong = "SELECT COUNT(*) FROM packages p JOIN orders o ON o.id = p.order_id \
                     WHERE p.channel_id IS NULL OR p.channel_id <> o.channel_id OR p.placed_us IS NULL OR p.placed_us <> o.placed_us";
        assert_eq!(tx.scalar(wrong, vec![]).await.unwrap(), 0);
        let terms = "SELECT COUNT(*) FROM search_terms WHERE kind = $1";
        assert_eq!(tx.scalar(terms, args![1i64]).await.unwrap(), 2_000);
        assert_eq!(
            tx.scalar(terms, args![3i64]).await.unwrap(),
            tx.scalar("SELECT COUNT(*) FROM shipments", vec![]).await.unwrap()
        );
        let hits = search::find(&app, "tr500000010", 5).await.unwrap();
        assert!(
            matches!(&hits[..], [hit] if hit.entity == search::Found::Package && hit.id == 10),
            "{hits:?}"
        );
    }
}

#[tokio::test]
async fn packages_by_location_and_state_are_those_of_the_table() {
    for database in Database::each() {
        let app = node(&database.url, &Time::new()).await;
        world::build(&app, 2_500).await;
        let found = oms_app::upkeep::today::movements(&app).await.unwrap();
        let mut tx = app.store.read().await.unwrap();
        let sql = "SELECT location_id, state, COUNT(*) FROM packages WHERE state NOT IN (700, 900) GROUP BY location_id, state \
                   ORDER BY location_id, state";
        let expected: Vec<_> =
            keys(&tx.fetch(sql, vec![]).await.unwrap(), 3).into_iter().map(|k| (k[0], k[1], k[2])).collect();
        let open = |all: Vec<(i64, i64, i64)>| {
            all.into_iter()
                .filter(|(_, s, _)| oms_app::upkeep::today::unfinished().contains(s))
                .collect::<Vec<_>>()
        };
        assert!(!found.is_empty());
        assert_eq!(found, open(expected));
    }
}

#[tokio::test]
async fn a_place_is_only_of_lists_that_are_sorted_by_moments_or_ids() {
    let list = &packages::LIST;
    assert!(
        list.orders
            .iter()
            .all(|(name, _)| lists::has_places(list, &Ask { order: Some((*name).into()), ..Ask::default() }))
    );
    let by_name = Ask { order: Some("name".into()), after: Some(Place { key: 1, id: 1 }), ..Ask::default() };
    assert!(!lists::has_places(&oms_store::lists::tables::LOCATIONS, &by_name));
}
