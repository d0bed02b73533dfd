//! Every check finds the violation it is there for, and nothing on a sound database.

use std::collections::BTreeSet;

use crate::support::{Rig, assert_sound, fetch, plan, poll, small};
use oms_app::planning;
use oms_core::packages::STATES;
use oms_core::scenarios::Family;
use oms_store::db::Dialect;
use oms_store::{Tx, check};
use oms_testkit::Database;
use oms_world::hub::{NewOrder, Touch};
use serde_json::json;

/// A check's id and the statements that break what it watches.
struct Mutant(&'static str, Vec<String>);

fn mutants(dialect: Dialect) -> Vec<Mutant> {
    let terminal = STATES.iter().find(|s| s.terminal).unwrap().code;
    let dead = STATES.iter().find(|s| !s.live).unwrap().code;
    let one = |id, sql: &str| Mutant(id, vec![sql.to_owned()]);
    let copy_of_step = |id: &str, seq: i64, state: &str| {
        format!(
            "INSERT INTO transition_log (id, entity, entity_id, seq, old_state, new_state, transition_id, transition_rev, \
             command_id, actor, attributes, at_us, personal_digest, hash) SELECT {id}, entity, entity_id, {seq}, new_state, \
             {state}, transition_id, transition_rev, command_id, actor, attributes, at_us, personal_digest, hash \
             FROM transition_log WHERE id = (SELECT MIN(id) FROM transition_log)"
        )
    };
    let told = |id, broken: &[&str]| {
        let hook = "INSERT INTO hooks (id, event_types, target_url, callback, additional_headers, config, retry, is_active, \
                    from_position, types_from, failures, created_us, modified_us) VALUES (1, '[\"package.created\"]', \
                    'http://127.0.0.1/', '{}', '{}', '{}', '{}', TRUE, 0, 0, 0, 1, 1)";
        let start = "UPDATE hook_cursor SET position = 0";
        Mutant(id, [hook, start].iter().chain(broken).map(|sql| (*sql).to_owned()).collect())
    };
    let delivery = |position: i64, state: &str, attempts: i64| {
        format!(
            "INSERT INTO hook_deliveries (id, hook_id, position, part, uuid, type, event_uuid, entity, entity_id, seq, state, \
             tries, attempts, due_us, created_us) VALUES ({position}, 1, {position}, 0, 'u{position}', 'package.created', 'e', \
             'package', -1, 1, '{state}', {attempts}, {attempts}, 1, 1)"
        )
    };
    let attempt = |of: i64| {
        format!("INSERT INTO hook_attempts (delivery_id, n, at_us, took_ms) VALUES ({of}, 1, 1, 1)")
    };
    let mut all = vec![
        one(
            "S1",
            "UPDATE stock_ledger SET d_on_hand = d_on_hand + 1 WHERE id = (SELECT MIN(id) FROM stock_ledger)",
        ),
        one("S1", "DELETE FROM stock_ledger WHERE id = (SELECT MAX(id) FROM stock_ledger)"),
        one("S1", "UPDATE stocks SET on_hand = on_hand + 1"),
        one("S2", "UPDATE stocks SET on_hand = on_hand + 1, reserved = reserved + 1"),
        one(
            "S2",
            "UPDATE reservations SET quantity = quantity + 1 WHERE id = (SELECT MIN(id) FROM reservations)",
        ),
        one("S3", "UPDATE stocks SET reserved = on_hand + 1"),
        one("S3", "UPDATE stocks SET quarantined = -1"),
        one("S4", "UPDATE reservations SET on_hand_seen = reserved_after - 1"),
        one(
            "S5",
            "UPDATE stock_ledger SET d_reserved = d_reserved + 1 WHERE id = (SELECT MIN(reservation_id) FROM stock_ledger) OR kind = 'reserve'",
        ),
        one(
            "S5",
            "UPDATE reservations SET closed_reason = 'lost' WHERE id = (SELECT MIN(id) FROM reservations)",
        ),
        one(
            "S6",
            "UPDATE package_items SET quantity = quantity + 1 WHERE id = (SELECT MIN(package_item_id) FROM reservations)",
        ),
        one("S6", "UPDATE reservations SET closed_reason = 'lost'"),
        one("S7", "UPDATE reservations SET product_id = product_id + 100000"),
        one("S7", "UPDATE reservations SET location_id = location_id + 100000"),
        one("S3", "UPDATE stocks SET on_hand = -1, engine_id = 1"),
        one("S8", "UPDATE stocks SET engine_id = 1"),
        Mutant(
            "S8",
            vec![
                "INSERT INTO stock_engines (id, name, type, config, is_active, allow_partial, version, failures, created_us, \
                 modified_us) VALUES (1, 'a', 'service', '{}', TRUE, FALSE, 1, 0, 0, 0)"
                    .into(),
                "UPDATE stocks SET engine_id = 1".into(),
            ],
        ),
        one("S9", "UPDATE locations SET engine = 1"),
        one("S10", "UPDATE packages SET state = 200 WHERE state = 100"),
        one("S10", "UPDATE reservations SET closed_reason = 'consumed'"),
        one("S11", "UPDATE stock_ledger SET kind = 'consume' WHERE kind = 'received'"),
        one("S11", "UPDATE reservations SET closed_reason = 'consumed'"),
        one("S12", "UPDATE stocks SET quarantined = 1"),
        one("J4", "UPDATE packages SET state = 910"),
        one("J5", "UPDATE packages SET busy_command_id = 5"),
        one(
            "J5",
            "INSERT INTO outside_commands (id, package_id, transition_id, transition_rev, package_version, outside_key, actor, \
             attributes, state, attempts, created_us) SELECT 9000003, MIN(id), 200, 1, 1, 'k', 'a', '{}', 'executing', 1, 0 \
             FROM packages",
        ),
        one("J6", "UPDATE packages SET state = 800"),
        one(
            "J6",
            "INSERT INTO cancellation_plans (id, source, plan_type, state, created_us) VALUES (1, 'hub', 'cancel', 'received', 0)",
        ),
        one("P1", "UPDATE plans SET units_out_of_stock = units_out_of_stock + 1"),
        one(
            "E8",
            "INSERT INTO shipments (id, state, event_seq, version, created_us, modified_us) VALUES (1, 'created', 1, 1, 0, 0)",
        ),
        one(
            "O1",
            "UPDATE order_items SET quantity = quantity + 1 WHERE order_id = (SELECT MIN(order_id) FROM packages)",
        ),
        one("O1", &format!("UPDATE packages SET state = {dead} WHERE id = (SELECT MIN(id) FROM packages)")),
        one(
            "O1",
            "UPDATE package_items SET quantity = quantity + 1 WHERE id = (SELECT MAX(id) FROM package_items)",
        ),
        one("O1", "UPDATE plans SET state = 'cancelled' WHERE id = (SELECT MIN(id) FROM plans WHERE state = 'start')"),
        one("O1b", "UPDATE plans SET state = 'forgotten' WHERE id = (SELECT MIN(id) FROM plans)"),
        one("O1b", "UPDATE plans SET state = 'pending', reason = NULL WHERE state = 'start'"),
        one("O2", "UPDATE package_items SET product_id = product_id + 100000"),
        one("O2", "DELETE FROM package_items WHERE package_id = (SELECT MIN(id) FROM packages)"),
        one("O2b", "UPDATE packages SET n = n + 50 WHERE id = (SELECT MIN(id) FROM packages)"),
        one(
            "O2b",
            "UPDATE orders SET packages_made = packages_made + 1 WHERE id = (SELECT MIN(order_id) FROM packages)",
        ),
        one("O11", "UPDATE hub_orders SET disposition = 'arriving'"),
        one("O11", "DELETE FROM hub_orders WHERE hub_pk = (SELECT MIN(omnitron_id) FROM orders)"),
        one("O11", "UPDATE hub_orders SET reason = NULL WHERE disposition <> 'imported'"),
        one("D1", "DELETE FROM decisions WHERE plan_id = (SELECT MIN(plan_id) FROM decisions)"),
        one("D1", "DELETE FROM decision_batches"),
        Mutant(
            "O3",
            vec![
                format!(
                    "UPDATE transition_log SET new_state = {terminal} WHERE id = (SELECT MIN(id) FROM transition_log)"
                ),
                copy_of_step("9000001", 2, "100"),
            ],
        ),
        one("O4", "UPDATE transition_log SET seq = seq + 1 WHERE id = (SELECT MIN(id) FROM transition_log)"),
        one("O4", "UPDATE transition_log SET old_state = 100"),
        one("O5", "UPDATE packages SET log_seq = log_seq + 1"),
        one("O5", "UPDATE package_items SET state = 300"),
        one("O5", "UPDATE packages SET state = 555"),
        one("O6", "UPDATE transition_log SET transition_id = 99"),
        one(
            "O9",
            "UPDATE location_loads SET quota = quota + 1 WHERE location_id = (SELECT MIN(location_id) FROM location_loads)",
        ),
        one("O9b", "UPDATE packages SET holds_slot = NOT holds_slot"),
        one("O9b", "UPDATE packages SET held_state = 100"),
        one("E1", "UPDATE events SET command_id = command_id + 1 WHERE entity = 'package'"),
        one("E1", "DELETE FROM events WHERE entity = 'package'"),
        one("E2", "UPDATE events SET seq = seq + 5 WHERE entity = 'package'"),
        one("E3", "UPDATE events SET uuid = 'the same'"),
        one("E9", "UPDATE events SET position = position + 1 WHERE position = (SELECT MAX(position) FROM events)"),
        one("E9", "UPDATE event_head SET position = position + 1"),
        one("E10", "UPDATE events SET position = -id"),
        told("W1", &["UPDATE hook_cursor SET position = (SELECT position FROM event_head)"]),
        told("W2", &[&delivery(1, "waiting", 0), &delivery(2, "waiting", 1), &attempt(2)]),
        told("W3", &[&delivery(1, "waiting", 1)]),
        told("W3", &[&delivery(1, "delivered", 0)]),
        told("W3", &[&delivery(1, "delivered", 1), &attempt(1)]),
        one("C2", "DELETE FROM commands WHERE id IN (SELECT command_id FROM stock_ledger)"),
        one("C2", "DELETE FROM commands WHERE id IN (SELECT command_id FROM audit_log)"),
        Mutant("C3", vec![copy_of_step("9000002", 2, "new_state")]),
        one("E4", "UPDATE orders SET event_seq = event_seq + 1"),
        one("E5", "UPDATE packages SET event_seq = event_seq + 1"),
        one("E7", "UPDATE transfers SET event_seq = event_seq + 1"),
        one("S6", "UPDATE transfers SET state = 30"),
        one("S7", "UPDATE transfers SET from_location_id = to_location_id"),
        one("O8", "UPDATE transfers SET is_detached = TRUE"),
        one("O8", "DELETE FROM transfers"),
        one("T1", "UPDATE transfers SET log_seq = log_seq + 1"),
        one("T1", "UPDATE transfer_items SET state = 30"),
        one("T2", "UPDATE transfers SET number = 'T1'"),
        one("T2", "UPDATE transfer_items SET quantity = quantity + 100"),
        one("H1", "UPDATE transfers SET log_head = (SELECT log_head FROM packages ORDER BY id LIMIT 1)"),
        one("E6", "UPDATE locations SET event_seq = event_seq + 1"),
        one("J1", "UPDATE jobs SET state = 'leased'"),
        one("J1", "UPDATE jobs SET state = 'dead'"),
        one("J1", "UPDATE jobs SET state = 'waiting'"),
        one(
            "J2",
            "UPDATE jobs SET state = 'leased', lease_owner = 'a process that died', lease_until_us = 1",
        ),
        one("J3", "DELETE FROM jobs WHERE kind = 'plan'"),
        one("J3", "UPDATE plans SET state = 'start' WHERE state = 'completed'"),
        one("N1", "DELETE FROM jobs WHERE kind = 'fetch'"),
        one("N1", "UPDATE inbox SET outcome = NULL WHERE state <> 'received'"),
        one("L2", "UPDATE setup_tasks SET state = 'FAILED', error = NULL"),
        one("L2", "UPDATE setup_tasks SET state = 'WORKING', lease_until_us = NULL"),
        one(
            "H1",
            "UPDATE transition_log SET actor = 'somebody else' WHERE id = (SELECT MAX(id) FROM transition_log)",
        ),
        one("H1", "UPDATE transition_log SET at_us = at_us + 1"),
        one("H1", "UPDATE packages SET log_head = (SELECT log_head FROM packages ORDER BY id DESC LIMIT 1)"),
        one("H2", "UPDATE audit_log SET detail = '{}'"),
        one("H2", "DELETE FROM audit_log WHERE seq = 1"),
        one("L3", "UPDATE list_counts SET n = n + 1 WHERE entity = 'order'"),
        one("L3", "DELETE FROM list_counts WHERE entity = 'transfer'"),
        one("L3", "INSERT INTO list_counts (entity, state, n) VALUES ('package', 500, 1)"),
        one("L3", "UPDATE packages SET state = 200 WHERE state = 100"),
        one("L4", "UPDATE packages SET channel_id = channel_id + 1"),
        one("L4", "UPDATE packages SET channel_id = NULL"),
        one("L4", "UPDATE packages SET placed_us = placed_us + 1"),
        one("L5", "UPDATE search_terms SET entity_id = entity_id + 100000000"),
    ];
    if dialect == Dialect::Sqlite {
        all.push(one("F1", "UPDATE package_items SET order_item_id = 999999999"));
    }
    all
}

/// Lets a transaction write what the schema forbids.
async fn lift_constraints(tx: &mut Tx) {
    if tx.dialect() == Dialect::Sqlite {
        tx.execute("PRAGMA ignore_check_constraints = ON", vec![]).await.unwrap();
        tx.execute("PRAGMA defer_foreign_keys = ON", vec![]).await.unwrap();
        return;
    }
    let sql = "SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(conname) || ' CASCADE' \
               FROM pg_constraint WHERE contype IN ('f', 'c', 'u', 'p') AND connamespace = 'public'::regnamespace \
               ORDER BY contype";
    for row in tx.fetch(sql, vec![]).await.unwrap() {
        // A primary key that went with CASCADE takes its foreign keys along; those come first here.
        tx.execute(row.cols().text().unwrap(), vec![]).await.unwrap();
    }
}

/// A database that has something of everything: packages with stock and without, an order in parts,
/// orders that wait, one filtered, one rejected, one that changed too late, news not yet fetched.
async fn world(database: Database) -> Rig {
    let rig = Rig::start(database, small()).await;
    crate::support::define_scenario(&rig.app, &rig.data).await;
    let filtered = rig.hub.hub.items_of(1);
    for item in filtered {
        rig.hub.hub.update_item(item, json!({"status": "450"})).await.unwrap();
    }
    let broken = rig.hub.hub.items_of(2)[0];
    rig.hub.hub.touch_order(2, Touch { quantity: Some((broken, 0)), ..Touch::default() }).await.unwrap();
    poll(&rig.app).await;
    assert_eq!(fetch(&rig.app).await, rig.data.orders.len() - 2);
    let tick = planning::tick(&rig.app, 20).await.unwrap();
    assert_eq!(tick.planned, 20);
    // Some that wait for transfers, one of them under way.
    let rules = json!([{"name": "Brought together", "products": "all_from_one", "transferable": true,
        "filters": [{"type": "location_type", "value": "store"}], "sort": [{"by": "distance"}]}]);
    let first = rig.data.locations[0].erp_code.clone();
    let body = json!({"name": "Demo", "default_stock_location": first, "rules": rules});
    oms_app::rules::scenarios::put(&rig.app, "test", &body).await.unwrap();
    let body = json!({"name": "Transfers", "rules": [{"name": "Any", "products": "units"}]});
    let sent = oms_app::rules::scenarios::Sent { family: Family::Transfer, body: &body, comment: "" };
    oms_app::rules::scenarios::put_sent(&rig.app, "test", sent).await.unwrap();
    assert_eq!(planning::tick(&rig.app, 4).await.unwrap().planned, 4);
    // An audit log of more than one entry, an order taken after planning began, and one not yet fetched.
    crate::support::configure(&rig.app, &rig.hub).await;
    let filter = json!({"order_statuses": ["400"], "channels": [], "exclude_order_types": ["gift"]});
    oms_app::setup::settings::put(&rig.app, "test", "ORDER_FILTERING", &filter).await.unwrap();
    let line = (rig.data.products[0].sku.clone(), 1, 100);
    let new = NewOrder { number: "LATE-1".into(), channel: 1, customer: 1, lines: vec![line] };
    rig.hub.hub.create_order(new).await.unwrap();
    assert!(poll(&rig.app).await > 0);
    while oms_app::upkeep::changes::place_tick(&rig.app).await.unwrap() {}
    rig
}

#[tokio::test]
async fn each_check_finds_its_violation_and_a_sound_database_has_none() {
    for database in Database::each() {
        let engine = database.engine();
        let rig = world(database).await;
        assert_sound(&rig.app).await;
        for table in [
            "packages",
            "transfers",
            "reservations",
            "decisions",
            "location_loads",
            "inbox",
            "setup_tasks",
            "audit_log",
        ] {
            assert!(
                crate::support::number(&rig.app, &format!("SELECT COUNT(*) FROM {table}")).await > 1,
                "{table}"
            );
        }

        let now = rig.app.now_us();
        let mut tx = rig.app.store.begin().await.unwrap();
        let mutants = mutants(tx.dialect());
        let covered: BTreeSet<_> = mutants.iter().map(|m| m.0).collect();
        let mut run = BTreeSet::new();
        let findings = check::run(&mut tx, now, |id| {
            run.insert(id.to_owned());
        })
        .await
        .unwrap();
        assert!(findings.is_empty());
        let missing: Vec<_> = run.iter().filter(|id| !covered.contains(id.as_str())).collect();
        assert!(missing.is_empty(), "no mutant shows that these checks work: {missing:?}");

        lift_constraints(&mut tx).await;
        let mut missed = Vec::new();
        for Mutant(id, statements) in mutants {
            tx.execute("SAVEPOINT mutant", vec![]).await.unwrap();
            for sql in &statements {
                let hit = tx.execute(sql.as_str(), vec![]).await;
                let hit = hit.unwrap_or_else(|e| panic!("on {engine}, {id}: {sql}: {e:?}"));
                assert!(hit > 0, "on {engine}, {id}: {sql} changes nothing");
            }
            let findings = check::run(&mut tx, now, |_| {}).await.unwrap();
            if !findings.iter().any(|f| f.id == id) {
                let found: Vec<_> = findings.iter().map(|f| f.id).collect();
                missed.push(format!("{id} misses {statements:?}; found {found:?}"));
            }
            tx.execute("ROLLBACK TO SAVEPOINT mutant", vec![]).await.unwrap();
        }
        tx.rollback().await.unwrap();
        assert!(missed.is_empty(), "on {engine}: {missed:#?}");
        assert_sound(&rig.app).await;
        plan(&rig.app).await;
        assert_sound(&rig.app).await;
    }
}
