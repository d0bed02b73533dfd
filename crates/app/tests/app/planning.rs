//! Planning on real databases: nodes together, orders that cannot be planned, orders that wait, and
//! the quality of the plans against a reference made from the data alone.

use std::collections::HashMap;
use std::sync::Arc;

use crate::support::{
    Rig, SECOND_US, Time, assert_sound, cut_stock, define_scenario, demand_and_stock, fetch, number, plan,
    poll, scarce, slice, small, texts,
};
use oms_app::{App, planning};
use oms_store::args;
use oms_store::upkeep::jobs::{self, Backlog, JobKind};
use oms_testkit::{Database, Engine};
use oms_world::data::{Dataset, GenerateSize};

/// Ticks of several tasks a node, all at once, until nothing is left; the clock moves on between
/// rounds, so that what was given back is due again.
async fn plan_together(nodes: &[Arc<App>], time: &Time, tasks: usize, limit: usize) {
    /// Far more rounds than retries can need.
    const MOST_ROUNDS: usize = 40;
    for _ in 0..MOST_ROUNDS {
        let work = nodes.iter().flat_map(|app| std::iter::repeat_n(app.clone(), tasks));
        let work: Vec<_> = work
            .map(|app| {
                tokio::spawn(async move {
                    loop {
                        match planning::tick(&app, limit).await {
                            Ok(tick) if tick.claimed == 0 => return,
                            Ok(_) => {}
                            Err(oms_app::Error::Store(e)) if e.is_retryable() => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                })
            })
            .collect();
        for task in work {
            task.await.unwrap();
        }
        for app in nodes {
            oms_app::upkeep::nodes::heartbeat_tick(app).await.unwrap();
        }
        if planning::backlog(&nodes[0]).await.unwrap() == Backlog::default() {
            return;
        }
        time.advance(11 * SECOND_US);
    }
    panic!("the backlog is never done: {:?}", planning::backlog(&nodes[0]).await.unwrap());
}

/// What must hold whoever planned in whichever order.
async fn assert_all_planned(app: &App, data: &Dataset) {
    assert_sound(app).await;
    let orders = data.orders.len() as i64;
    assert_eq!(number(app, "SELECT COUNT(*) FROM plans WHERE state = 'completed'").await, orders);
    assert_eq!(number(app, "SELECT COUNT(*) FROM decisions").await, orders, "an order was planned twice");
    let by_sku = "SELECT p.sku, CAST(SUM(s.reserved) AS BIGINT) FROM stocks s JOIN products p ON p.id = s.product_id GROUP BY p.sku";
    let mut reserved = HashMap::new();
    for row in app.store.read().await.unwrap().fetch(by_sku, vec![]).await.unwrap() {
        let mut c = row.cols();
        reserved.insert(c.text().unwrap(), c.i64().unwrap());
    }
    let mut short = 0;
    for (sku, (demand, stock)) in demand_and_stock(data) {
        assert_eq!(reserved.get(&sku).copied().unwrap_or(0), demand.min(stock), "{sku}: {demand} of {stock}");
        short += (demand - stock).max(0);
    }
    let missing = "SELECT COALESCE(CAST(SUM(i.quantity) AS BIGINT), 0) FROM package_items i JOIN packages p ON p.id = i.package_id \
                   WHERE p.state = 920";
    assert_eq!(number(app, missing).await, short);
    let needless = "SELECT COUNT(*) FROM package_items i JOIN packages p ON p.id = i.package_id WHERE p.state = 920 AND EXISTS \
                    (SELECT 1 FROM stocks s WHERE s.product_id = i.product_id AND s.on_hand > s.reserved + s.quarantined)";
    assert_eq!(number(app, needless).await, 0, "a unit is out of stock although a location has one");
    // Each unit in exactly one live package, counted here without the query of O1.
    let units: i64 = data.orders.iter().flat_map(|o| &o.lines).map(|l| l.quantity).sum();
    assert_eq!(number(app, "SELECT CAST(SUM(quantity) AS BIGINT) FROM package_items").await, units);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_plan_one_backlog_of_scarce_orders_together() {
    for database in Database::each() {
        let engine = database.engine();
        let data = scarce(300);
        let short: i64 = demand_and_stock(&data).values().map(|(d, s)| (d - s).max(0)).sum();
        assert!(short > 100, "only {short} units are short: nobody fights for anything");
        let rig = Rig::with_orders(database, data).await;
        let mut nodes = vec![rig.app.clone()];
        if engine == Engine::Postgres {
            nodes.push(rig.another_node().await);
        }
        // Small batches: more of them meet.
        plan_together(&nodes, &rig.time, 3, 8).await;
        assert_all_planned(&rig.app, &rig.data).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_serializable_postgres_plans_everything() {
    let mut database = Database::postgres();
    let separator = if database.url.contains('?') { '&' } else { '?' };
    database.url += &format!("{separator}options=-c%20default_transaction_isolation%3Dserializable");
    let rig = Rig::with_orders(database, scarce(200)).await;
    assert_eq!(texts(&rig.app, "SHOW transaction_isolation", vec![]).await, ["serializable"]);
    let nodes = [rig.app.clone(), rig.another_node().await];
    plan_together(&nodes, &rig.time, 2, 16).await;
    assert_all_planned(&rig.app, &rig.data).await;
}

#[tokio::test]
async fn an_order_that_breaks_a_constraint_is_dead_alone() {
    for database in Database::each() {
        let engine = database.engine();
        let rig = Rig::with_orders(database, small()).await;
        let culprit = number(&rig.app, "SELECT id FROM orders ORDER BY placed_us LIMIT 1 OFFSET 7").await;
        let plant = "INSERT INTO packages (id, order_id, n, number, location_id, state, holds_slot, log_seq, log_head, event_seq, \
                     version, created_us, modified_us) SELECT 77000000, o.id, 1, o.number || 'P1', (SELECT MIN(id) FROM locations), \
                     920, FALSE, 1, $1, 1, 1, 0, 0 FROM orders o WHERE o.id = $2";
        let mut tx = rig.app.store.begin().await.unwrap();
        assert_eq!(tx.execute(plant, args![vec![0u8; 32], culprit]).await.unwrap(), 1);
        tx.commit().await.unwrap();

        let tick = planning::tick(&rig.app, planning::BATCH).await.unwrap();
        let orders = rig.data.orders.len();
        assert_eq!((tick.claimed, tick.planned), (orders, orders - 1), "on {engine}");
        assert_eq!(planning::backlog(&rig.app).await.unwrap(), Backlog { dead: 1, ..Backlog::default() });
        let dead = "SELECT last_error FROM jobs WHERE kind = 'plan' AND state = 'dead' AND ref_id = $1";
        let reason = texts(&rig.app, dead, args![culprit]).await.join("");
        assert!(reason.to_lowercase().contains("unique"), "the reason does not say what is wrong: {reason}");
        let state = "SELECT state FROM plans WHERE id = $1";
        assert_eq!(texts(&rig.app, state, args![culprit]).await, ["start"]);

        // What the operator mends is planned, and the database is sound again.
        let mut tx = rig.app.store.begin().await.unwrap();
        tx.execute("DELETE FROM packages WHERE id = 77000000", vec![]).await.unwrap();
        tx.execute("UPDATE jobs SET state = 'runnable' WHERE state = 'dead'", vec![]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(plan(&rig.app).await, 1);
        assert_all_planned(&rig.app, &rig.data).await;
    }
}

#[tokio::test]
async fn orders_without_a_scenario_wait_with_their_reason_until_one_is_added() {
    for database in Database::each() {
        let rig = Rig::start(database, small()).await;
        poll(&rig.app).await;
        let orders = fetch(&rig.app).await;
        let tick = planning::tick(&rig.app, planning::BATCH).await.unwrap();
        assert_eq!((tick.claimed, tick.planned, tick.waiting), (orders, 0, orders));
        let waiting = "SELECT COUNT(*) FROM plans WHERE state = 'pending' AND reason_code = 'no_scenario' \
                       AND reason LIKE '%Add or activate one%' AND tries = 1";
        assert_eq!(number(&rig.app, waiting).await, orders as i64);
        assert_eq!(plan(&rig.app).await, 0, "what waits is not tried at once again");
        assert_sound(&rig.app).await;

        define_scenario(&rig.app, &rig.data).await;
        assert_eq!(plan(&rig.app).await, orders, "a new scenario wakes what waits");
        assert_all_planned(&rig.app, &rig.data).await;
    }
}

/// A tick may end without giving its jobs back: the database was away just then. Its process lives
/// on and renews leases; these must not be among them for ever.
#[tokio::test]
async fn jobs_that_nobody_works_on_come_back_though_their_process_lives() {
    for database in Database::each() {
        let engine = database.engine();
        let rig = Rig::with_orders(database, small()).await;
        let mut tx = rig.app.store.begin().await.unwrap();
        let claimed = jobs::claim(&mut tx, JobKind::Plan, &rig.app.node, 10, rig.app.now_us()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claimed.len(), 10);
        for _ in 0..10 {
            rig.time.advance(3 * SECOND_US);
            oms_app::upkeep::nodes::heartbeat_tick(&rig.app).await.unwrap();
        }
        let backlog = planning::backlog(&rig.app).await.unwrap();
        assert_eq!(backlog.leased, 0, "on {engine}, nobody works on these for half a minute: {backlog:?}");
        plan(&rig.app).await;
        assert_all_planned(&rig.app, &rig.data).await;
    }
}

/// Packages a plain reading of the demo's rules makes, and the units nobody has: orders in the order
/// of their time; one location with everything, the nearest, else unit by unit from the nearest on.
fn greedy(data: &Dataset) -> (i64, i64) {
    let place: HashMap<&str, usize> =
        data.locations.iter().enumerate().map(|(i, l)| (l.erp_code.as_str(), i)).collect();
    let mut stock: HashMap<(&str, usize), i64> = HashMap::new();
    for row in &data.stock {
        *stock.entry((&row.sku, place[row.erp_code.as_str()])).or_default() += row.quantity;
    }
    let mut orders: Vec<_> = data.orders.iter().collect();
    orders.sort_by_key(|o| o.placed_us);
    let (mut packages, mut short) = (0, 0);
    for order in orders {
        let home = &data.customers[order.customer];
        let mut near: Vec<usize> = (0..data.locations.len()).collect();
        let km = |i: &usize| {
            let l = &data.locations[*i];
            great_circle_m((home.lat, home.lon), (l.lat, l.lon))
        };
        near.sort_by(|a, b| {
            km(a).cmp(&km(b)).then(data.locations[*a].erp_code.cmp(&data.locations[*b].erp_code))
        });
        let mut needs: HashMap<&str, i64> = HashMap::new();
        for line in &order.lines {
            *needs.entry(&line.sku).or_default() += line.quantity;
        }
        let has = |stock: &HashMap<(&str, usize), i64>, sku: &str, i: usize| {
            stock.get(&(sku, i)).copied().unwrap_or(0)
        };
        let whole = near.iter().copied().find(|&i| needs.iter().all(|(sku, n)| has(&stock, sku, i) >= *n));
        for i in whole.map_or(near, |i| vec![i]) {
            let mut used = false;
            for (sku, need) in &mut needs {
                let take = has(&stock, sku, i).min(*need);
                if take > 0 {
                    *stock.get_mut(&(*sku, i)).unwrap() -= take;
                    *need -= take;
                    used = true;
                }
            }
            packages += i64::from(used);
        }
        let left: i64 = needs.values().sum();
        packages += i64::from(left > 0);
        short += left;
    }
    (packages, short)
}

fn great_circle_m((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> i64 {
    let (a, b, d) = (lat1.to_radians(), lat2.to_radians(), (lon2 - lon1).to_radians());
    let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (d / 2.0).sin().powi(2);
    (2.0 * 6_371_008.8 * h.sqrt().asin()).round() as i64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_are_as_good_as_a_plain_reading_of_the_rules() {
    let size = GenerateSize { orders: 500, customers: 200, locations: 30, warehouses: 3, skus: 150 };
    let mut short = Dataset::generate(23, size);
    cut_stock(&mut short, |i| i % 3 == 0);
    let mut slice_short = slice();
    cut_stock(&mut slice_short, |i| i % 3 == 0);
    for (engine, name, data) in [
        (Engine::Sqlite, "slice", slice()),
        (Engine::Postgres, "slice with a third short", slice_short),
        (Engine::Sqlite, "generated with a third short", short.clone()),
        (Engine::Postgres, "generated with a third short", short),
    ] {
        let (packages, units_short) = greedy(&data);
        assert_eq!(units_short > 0, name.contains("short"), "{name}: {units_short} units are short");
        let rig = Rig::with_orders(Database::of(engine), data).await;
        plan(&rig.app).await;
        assert_all_planned(&rig.app, &rig.data).await;
        let totals = oms_app::upkeep::totals::read(&rig.app).await.unwrap();
        assert_eq!(totals.units_out_of_stock, units_short, "{name}");
        let ours = totals.packages;
        assert!(ours * 100 <= packages * 105, "{name}: {ours} packages where {packages} do");
    }
}
