//! Brings the schema up to date at start. Each migration runs once, in one transaction with its
//! record, whichever node comes first.

use sha2::{Digest, Sha256};

use crate::backfill;
use crate::db::Dialect;
use crate::{Store, StoreError, args};

pub(crate) const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_base", include_str!("../schema/0001_base.sql")),
    ("0002_stock_engines", include_str!("../schema/0002_stock_engines.sql")),
    ("0003_places_and_times", include_str!("../schema/0003_places_and_times.sql")),
    ("0004_planning", include_str!("../schema/0004_planning.sql")),
    ("0005_commands", include_str!("../schema/0005_commands.sql")),
    ("0006_lists", include_str!("../schema/0006_lists.sql")),
    ("0007_people", include_str!("../schema/0007_people.sql")),
    ("0008_exclusions", include_str!("../schema/0008_exclusions.sql")),
    ("0009_hub_records", include_str!("../schema/0009_hub_records.sql")),
    ("0010_writing_less", include_str!("../schema/0010_writing_less.sql")),
    ("0011_event_positions", include_str!("../schema/0011_event_positions.sql")),
    (FILTERS, include_str!("../schema/0012_filters.sql")),
    ("0013_bulk", include_str!("../schema/0013_bulk.sql")),
    ("0014_numbers", include_str!("../schema/0014_numbers.sql")),
    ("0015_terms_once", include_str!("../schema/0015_terms_once.sql")),
    ("0016_hooks", include_str!("../schema/0016_hooks.sql")),
    ("0017_hub_fields", include_str!("../schema/0017_hub_fields.sql")),
    ("0018_retention", include_str!("../schema/0018_retention.sql")),
    ("0019_cargo_companies", include_str!("../schema/0019_cargo_companies.sql")),
];

/// The migration that SQL alone cannot do.
const FILTERS: &str = "0012_filters";

/// Tries at the first statement, which two nodes may run at the same moment on PostgreSQL.
const TRIES: usize = 5;

pub(crate) async fn run(store: &Store) -> Result<(), StoreError> {
    apply(store, MIGRATIONS).await?;
    check_collation(store).await
}

async fn apply(store: &Store, migrations: &[(&str, &str)]) -> Result<(), StoreError> {
    let mut tried = 0;
    while let Err(error) = prepare(store).await {
        tried += 1;
        if tried == TRIES {
            return Err(error);
        }
    }
    let mut tx = store.begin().await?;
    // The row is this node's lock: another node's insert waits for our commit.
    tx.execute("INSERT INTO schema_lock (id) VALUES (1)", vec![]).await?;
    for (name, text) in migrations {
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        let applied = tx.first("SELECT hash FROM schema_migrations WHERE name = $1", args![*name]).await?;
        match applied {
            Some(row) if row.cols().text()? == hash => continue,
            Some(_) => {
                return Err(StoreError::Corrupt(format!(
                    "the database was made with another text of migration {name}; start from a fresh database or the matching version"
                )));
            }
            None => {}
        }
        for statement in statements(&store.dialect().schema(text)) {
            tx.execute(statement, vec![]).await?;
        }
        if *name == FILTERS {
            backfill::filters(&mut tx).await?;
        }
        tx.execute("INSERT INTO schema_migrations (name, hash) VALUES ($1, $2)", args![*name, hash]).await?;
        tracing::info!(migration = name, "schema migrated");
    }
    if migrations.len() == MIGRATIONS.len() {
        crate::rules::transitions::seed(&mut tx).await?;
    }
    tx.execute("DELETE FROM schema_lock WHERE id = 1", vec![]).await?;
    tx.commit().await
}

async fn prepare(store: &Store) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for sql in [
        "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY, hash TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS schema_lock (id BIGINT PRIMARY KEY)",
        "CREATE TABLE IF NOT EXISTS id_blocks (name TEXT PRIMARY KEY, next BIGINT NOT NULL)",
    ] {
        tx.execute(sql, vec![]).await?;
    }
    tx.commit().await
}

/// Text must sort by bytes on both engines, or the same list would have two orders.
async fn check_collation(store: &Store) -> Result<(), StoreError> {
    if store.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let mut tx = store.read().await?;
    let sql = "SELECT collation_name FROM information_schema.columns \
               WHERE table_schema = current_schema() AND table_name = 'locations' AND column_name = 'erp_code'";
    let name = tx.first(format!("SELECT CAST(x.collation_name AS TEXT) FROM ({sql}) x"), vec![]).await?;
    match name.map(|r| r.cols().opt_text()).transpose()?.flatten().as_deref() {
        Some("C") => Ok(()),
        other => Err(StoreError::Corrupt(format!("text columns must be COLLATE \"C\", found {other:?}"))),
    }
}

/// The statements of a schema text: without comments, split at the semicolons.
fn statements(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|l| !l.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    code.split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Every table the migrations make, for [`Store::wipe`].
fn tables() -> Vec<&'static str> {
    let made = MIGRATIONS.iter().flat_map(|(_, text)| text.lines());
    let named = made.filter_map(|l| l.strip_prefix("CREATE TABLE ")?.split_whitespace().next());
    named.chain(["schema_migrations", "schema_lock", "id_blocks"]).collect()
}

impl Store {
    /// Removes everything of ours from a database, so that it can be made anew: SQLite's files, or our
    /// tables on PostgreSQL. Nothing else there is touched.
    pub async fn wipe(url: &str) -> Result<(), StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            for suffix in ["", "-wal", "-shm"] {
                let file = format!("{path}{suffix}");
                match std::fs::remove_file(&file) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::Url(format!("{file} cannot be removed: {e}")));
                    }
                    _ => {}
                }
            }
            return Ok(());
        }
        let store = Self::connect(url, crate::Options::default()).await?;
        let mut tx = store.begin().await?;
        tx.execute(format!("DROP TABLE IF EXISTS {}", tables().join(", ")), vec![]).await?;
        tx.commit().await?;
        store.close().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oms_testkit::Database;

    #[tokio::test]
    async fn stock_of_an_older_version_is_kept_and_may_be_read_by_engines() {
        for database in Database::each() {
            let store =
                Store::connect(&database.url, crate::Options { durable: false }).await.expect("opens");
            apply(&store, &MIGRATIONS[..1]).await.expect("the first version");
            let mut tx = store.begin().await.expect("begins");
            for sql in [
                "INSERT INTO stocks (product_id, location_id, on_hand, reserved, quarantined) VALUES (1, 2, 9, 3, 1)",
                "INSERT INTO locations (id, erp_code, name, kind, is_fulfillment_center, is_pickup_location, \
                 is_delivery_location, is_return_available, is_fast_delivery_available, is_shipper, is_active, priority, \
                 engine, conf, tags, event_seq, version, created_us, modified_us) VALUES (2, 'W', 'W', 'store', TRUE, TRUE, \
                 TRUE, TRUE, TRUE, TRUE, TRUE, 0, 7, '{}', '[]', 1, 1, 0, 0)",
            ] {
                tx.execute(sql, vec![]).await.expect(sql);
            }
            tx.commit().await.expect("commits");

            run(&store).await.expect("the newest version");
            run(&store).await.expect("once is enough");
            let mut tx = store.begin().await.expect("begins");
            let kept = "SELECT COUNT(*) FROM stocks s JOIN locations l ON l.id = s.location_id WHERE s.product_id = 1 \
                        AND s.on_hand = 9 AND s.reserved = 3 AND s.quarantined = 1 AND s.engine_id IS NULL AND l.engine IS NULL";
            assert_eq!(tx.scalar(kept, vec![]).await.expect("counts"), 1);
            let read = "UPDATE stocks SET on_hand = 0, engine_id = 1";
            assert_eq!(tx.execute(read, vec![]).await.expect("an engine may read less"), 1);
            let broken = tx.execute("UPDATE stocks SET engine_id = NULL", vec![]).await;
            assert!(broken.is_err_and(|e| e.is_constraint()));
        }
    }

    #[tokio::test]
    async fn events_names_and_wished_times_of_before_get_what_is_new() {
        for database in Database::each() {
            let store =
                Store::connect(&database.url, crate::Options { durable: false }).await.expect("opens");
            apply(&store, &MIGRATIONS[..10]).await.expect("the version before");
            let mut tx = store.begin().await.expect("begins");
            let event = |id: i64, entity: i64, seq: i64, at: i64| {
                format!(
                    "INSERT INTO events (id, entity, entity_id, seq, type, also, uuid, at_us, command_id, actor, delta) \
                     VALUES ({id}, 'order', {entity}, {seq}, 'order.updated', '[]', 'u{id}', {at}, 1, 'x', '{{}}')"
                )
            };
            let city = "INSERT INTO countries (id, name, code, is_active, created_us, modified_us) \
                        VALUES (1, 'TÜRKİYE', 'TR', TRUE, 0, 0)";
            let order = "INSERT INTO orders (id, channel_id, number, hub_status, placed_us, currency, extra, shipping_name, \
                         revision, packages_made, event_seq, command_id, created_us, modified_us, delivery_range) \
                         VALUES (1, 1, 'N', 400, 0, 'try', '{}', '', 1, 0, 2, 1, 0, 0, \
                         '{\"lower\":\"2031-03-04T10:00:00Z\",\"upper\":\"2031-03-04T12:00:00Z\"}')";
            let channel = "INSERT INTO channels (id, name, channel_type, configuration, is_active, created_us, modified_us) \
                           VALUES (1, 'Shop', 'web', '{}', TRUE, 0, 0)";
            // The second event of a record was written by a clock that was behind.
            for sql in [event(11, 1, 1, 500), event(12, 1, 2, 100), event(13, 2, 1, 300)] {
                tx.execute(sql, vec![]).await.expect("an event");
            }
            let name =
                "INSERT INTO customers (id, content_hash, first_name, created_us) VALUES (1, $1, 'IŞIL', 0)";
            tx.execute(name, args![vec![1u8; 32]]).await.expect("a customer");
            for sql in [city, channel, order] {
                tx.execute(sql, vec![]).await.expect(sql);
            }
            tx.commit().await.expect("commits");

            run(&store).await.expect("the newest version");
            let mut tx = store.read().await.expect("begins");
            let places = tx.fetch("SELECT id FROM events ORDER BY position", vec![]).await.expect("reads");
            let places: Vec<_> = places.iter().map(|r| r.i64(0).expect("an id")).collect();
            assert_eq!(places, [13, 11, 12]);
            assert_eq!(crate::events::head(&mut tx).await.expect("a head"), 3);
            let wanted = "SELECT COUNT(*) FROM customers k, countries c, orders o WHERE k.first_name_folded = 'isil' \
                          AND c.name_folded = 'turkiye' AND o.delivery_until_us - o.delivery_from_us = 7200000000";
            assert_eq!(tx.scalar(wanted, vec![]).await.expect("counts"), 1);
        }
    }
}
