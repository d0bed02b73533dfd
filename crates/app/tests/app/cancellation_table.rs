//! Cancellations from every state a package can be in, whole and in part: at once, by the location's word, or
//! refused. What is left goes on where it was, with what it held.

use std::sync::Arc;

use crate::support::shop::Shop;
use crate::support::{assert_sound, number, texts};
use futures::future::BoxFuture;
use oms_app::orders::cancellations::{self, PlanSet, WantedItem};
use oms_app::packages::commands::outside::{Far, FarError, Parcel, Told};
use oms_app::planning;
use oms_app::rules::transitions;
use oms_core::transitions::Definition;
use oms_store::args;
use oms_testkit::Database;
use serde_json::{Value, json};

/// A carrier whose label always comes later.
struct Carrier;

impl Far for Carrier {
    fn ask<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
        let label = parcel.is_label_only.then(|| "^XA^XZ".to_owned());
        Box::pin(async { Ok(Told { label, tracking_number: Some("TR-1".into()), ..Told::default() }) })
    }

    fn find<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
        Box::pin(async { Ok(None) })
    }
}

const NEAREST: &str = r#"[{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}]"#;
const TO_150: &str = "TO_REMOTE_ACTION";
const PREPARE: &str = "PKG_DEALLOCATE_RESERVATIONS";
const READY: &str = "PKG_STATE_TRANSITION_PREPARING_TO_READY_FOR_PACKAGING";
const PACK: &str = "COMPLETE_PACKAGING_WITHOUT_SHIPMENT";
const SHIP: &str = "SHIPMENT_ORDER";

/// A state, and the one that the package is held in.
type At = (i64, Option<i64>);

/// The commands that bring a package there from Waiting.
const WAYS: &[(At, &[&str])] = &[
    ((100, None), &[]),
    ((150, None), &[TO_150]),
    ((200, None), &[PREPARE]),
    ((400, None), &[PREPARE, READY]),
    ((930, Some(100)), &["BLOCK_THE_PACKAGE"]),
    ((930, Some(150)), &[TO_150, "BLOCK_THE_PACKAGE_FROM_WAITING_REMOTE_ACTION"]),
    ((930, Some(200)), &[PREPARE, "BLOCK_THE_PACKAGE_FROM_PREPARING"]),
    ((930, Some(400)), &[PREPARE, READY, "BLOCK_THE_PACKAGE_FROM_READY_FOR_PACKAGING"]),
    ((450, None), &["COMPLETE_PACKAGING_WITH_SHIPMENT"]),
    ((500, None), &[PACK]),
    ((550, None), &[PACK, "READY_FOR_PICKUP"]),
    ((600, None), &[PACK, SHIP]),
    ((650, None), &[PACK, SHIP, "PKG_STATE_TRANSITION_SHIPPED_TO_ATTEMPTED_DELIVERY"]),
    ((660, None), &[PACK, SHIP, "PKG_STATE_TRANSITION_SHIPPED_TO_DELIVERY_FAILED"]),
    ((700, None), &[PACK, SHIP, "UPDATE_SHIPMENT_STATUS"]),
    ((1100, None), &["PACKED_FOR_REFUND"]),
];

/// What stands at the location of units of which ten stood there: those wanted of them, in an effective state.
fn balance_of(effective: i64, wanted: i64) -> (i64, i64, i64) {
    match effective {
        100 | 150 => (10, wanted, 0),
        200 | 400 | 450 | 500 | 550 | 600 | 650 | 660 | 700 => (10 - wanted, 0, 0),
        _ => (10, 0, 0),
    }
}

fn has_slot(effective: i64) -> i64 {
    i64::from(matches!(effective, 100 | 150 | 200 | 400 | 450))
}

struct Table {
    shop: Shop,
    made: usize,
}

/// A package of three units of one SKU and one of another, ten of each at its location.
struct Fresh {
    order: i64,
    id: i64,
    skus: [String; 2],
}

impl Table {
    async fn open(database: Database) -> Self {
        let shop = Shop::open(database, 2).await;
        shop.app.set_far(Arc::new(Carrier));
        let definition = Definition::read(
            &json!({"name": "Remote", "slug": TO_150, "command_code": "PKG_STATE_TRANSITION",
            "source_state": 100, "destination_state": 150}),
        )
        .unwrap();
        let (ids, actor) =
            (transitions::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
        let mut tx = shop.app.store.begin().await.unwrap();
        transitions::create(&mut tx, &actor, ids, definition).await.unwrap();
        tx.commit().await.unwrap();
        transitions::forget(&shop.app);
        shop.rules(serde_json::from_str(NEAREST).unwrap()).await;
        Self { shop, made: 0 }
    }

    async fn done(&self, id: i64, slug: &str, input: Value) {
        assert_eq!(self.shop.command(id, slug, input).await, (204, String::new()), "{slug}");
    }

    async fn fresh(&mut self, path: &[&str]) -> Fresh {
        let n = self.made;
        self.made += 1;
        let skus = [format!("A{n}"), format!("B{n}")];
        self.shop.stock(&[("L0", &skus[0], 10), ("L0", &skus[1], 10)]).await;
        let lines = [(skus[0].as_str(), 3), (skus[1].as_str(), 1)];
        let order = self.shop.order_of(&format!("X-{n}"), &lines, Some("in_store")).await;
        crate::support::plan(&self.shop.app).await;
        let id = self.shop.package_ids(order).await[0];
        for slug in path {
            self.done(id, slug, json!({})).await;
        }
        Fresh { order, id, skus }
    }

    async fn line(&self, order: i64, sku: &str) -> i64 {
        let sql = format!(
            "SELECT t.id FROM order_items t JOIN products p ON p.id = t.product_id \
             WHERE t.order_id = {order} AND p.sku = '{sku}'"
        );
        number(&self.shop.app, &sql).await
    }

    /// Asks to cancel units of an order's lines; nothing named: all of it.
    async fn cancel(&self, order: i64, units: &[(&str, i64)]) -> PlanSet {
        let mut items = Vec::new();
        for (sku, n) in units {
            items.push(json!({"order_item": self.line(order, sku).await, "quantity": n}));
        }
        let body = if units.is_empty() { json!({}) } else { json!({"items": items}) };
        let set = self.ask(order, &body).await;
        assert_sound(&self.shop.app).await;
        set
    }

    async fn ask(&self, order: i64, body: &Value) -> PlanSet {
        let wanted = cancellations::read_api(order, body).unwrap();
        let ids = cancellations::direct_ids(&self.shop.app, &wanted).await.unwrap();
        let actor = self.shop.app.actor("test").await.unwrap();
        let mut tx = self.shop.app.store.begin().await.unwrap();
        let set = cancellations::cancel(&mut tx, &self.shop.app, ids, actor, &wanted).await.unwrap();
        tx.commit().await.unwrap();
        set
    }

    /// A plan of an order and its items as they stand: `accepted: 3 accepted cancelled; …`.
    async fn plan(&self, id: i64) -> String {
        told(&cancellations::get(&self.shop.app, id).await.unwrap())
    }

    async fn quota(&self) -> i64 {
        number(&self.shop.app, "SELECT CAST(COALESCE(SUM(quota), 0) AS BIGINT) FROM location_loads").await
    }

    async fn balances(&self, fresh: &Fresh) -> [(i64, i64, i64); 2] {
        let [a, b] = &fresh.skus;
        [self.shop.balance("L0", a).await, self.shop.balance("L0", b).await]
    }

    /// The order's packages: number's end, state, the state held in, and what is in them.
    async fn packages(&self, order: i64) -> Vec<String> {
        let sql = "SELECT 'P' || p.n || ': ' || p.state || COALESCE(' held ' || p.held_state, '') || (SELECT string_agg(x.t, '') \
                   FROM (SELECT ', ' || substr(d.sku, 1, 1) || ' ' || i.quantity t FROM package_items i JOIN products d \
                   ON d.id = i.product_id WHERE i.package_id = p.id ORDER BY d.sku) x) FROM packages p JOIN locations l \
                   ON l.id = p.location_id WHERE p.order_id = $1 AND l.erp_code = 'L0' ORDER BY p.n";
        texts(&self.shop.app, sql, args![order]).await
    }

    /// What live packages of an order hold of a SKU, reservation by reservation.
    async fn holds(&self, order: i64, sku: &str) -> Vec<String> {
        let sql = "SELECT r.id || ' ' || r.quantity || ' ' || COALESCE(r.closed_reason, 'promised') FROM reservations r \
                   JOIN package_items i ON i.id = r.package_item_id JOIN packages p ON p.id = i.package_id \
                   JOIN products d ON d.id = r.product_id WHERE p.order_id = $1 AND d.sku = $2 AND p.state <> 900 \
                   AND (r.closed_reason IS NULL OR r.closed_reason = 'consumed') ORDER BY r.id";
        texts(&self.shop.app, sql, args![order, sku]).await
    }

    /// Movements of a SKU's stock.
    async fn movements(&self, sku: &str) -> i64 {
        let sql = format!(
            "SELECT COUNT(*) FROM stock_ledger g JOIN products d ON d.id = g.product_id WHERE d.sku = '{sku}'"
        );
        number(&self.shop.app, &sql).await
    }
}

fn told(set: &PlanSet) -> String {
    let item = |i: &oms_store::orders::cancellations::Item| {
        format!("{} {} {}", i.quantity.unwrap_or(-1), i.state, i.outcome.as_deref().unwrap_or("-"))
    };
    let items: Vec<_> = set.items.iter().map(item).collect();
    format!("{}: {}", set.page.rows[0].state, items.join("; "))
}

#[tokio::test]
async fn what_is_not_packed_is_cancelled_at_once_and_the_rest_goes_on() {
    for database in Database::each() {
        let engine = database.engine();
        let mut table = Table::open(database).await;
        for ((state, held), path) in WAYS.iter().filter(|((state, _), _)| *state < 450 || *state == 930) {
            let effective = held.unwrap_or(*state);
            let at = format!("on {engine} in {state} held {held:?}");
            let name = held.map_or_else(|| state.to_string(), |held| format!("{state} held {held}"));

            let fresh = table.fresh(path).await;
            let quota = table.quota().await;
            let set = table.cancel(fresh.order, &[]).await;
            assert_eq!(told(&set), "accepted: 3 accepted cancelled; 1 accepted cancelled", "{at}");
            assert_eq!(table.packages(fresh.order).await, ["P1: 900, A 3, B 1"], "{at}");
            assert_eq!(table.balances(&fresh).await, [(10, 0, 0), (10, 0, 0)], "{at}");
            assert_eq!(table.quota().await, quota - 1, "{at}");
            let again = table.cancel(fresh.order, &[]).await;
            assert_eq!(again.items.len(), 0, "{at}: nothing is left");

            // A whole line: what is held of the other is handed over, and its stock does not move at all.
            let fresh = table.fresh(path).await;
            let [a, b] = &fresh.skus;
            let before = (table.holds(fresh.order, a).await, table.movements(a).await, table.quota().await);
            let set = table.cancel(fresh.order, &[(b, 1)]).await;
            assert_eq!(told(&set), "accepted: 1 accepted cancelled", "{at}");
            let packages = table.packages(fresh.order).await;
            assert_eq!(packages, ["P1: 900, A 3, B 1".to_owned(), format!("P2: {name}, A 3")], "{at}");
            let after = (table.holds(fresh.order, a).await, table.movements(a).await, table.quota().await);
            assert_eq!(after, before, "{at}");
            assert_eq!(before.0.len(), 1, "{at}");
            assert_eq!(table.balances(&fresh).await, [balance_of(effective, 3), (10, 0, 0)], "{at}");

            // Some units of a line, and then the rest of the rest.
            let quota = table.quota().await;
            let fresh = table.fresh(path).await;
            let [a, b] = &fresh.skus;
            let before = (table.holds(fresh.order, b).await, table.movements(b).await);
            let set = table.cancel(fresh.order, &[(a, 1)]).await;
            assert_eq!(told(&set), "accepted: 1 accepted cancelled", "{at}");
            let packages = table.packages(fresh.order).await;
            assert_eq!(packages[1..], [format!("P2: {name}, A 2, B 1")], "{at}");
            assert_eq!((table.holds(fresh.order, b).await, table.movements(b).await), before, "{at}");
            let expected = [balance_of(effective, 2), balance_of(effective, 1)];
            assert_eq!(table.balances(&fresh).await, expected, "{at}");
            let set = table.cancel(fresh.order, &[(a, 9), (b, 1)]).await;
            assert_eq!(
                told(&set),
                "partly: 2 accepted cancelled; 1 accepted cancelled; 7 refused so many are not left of the line",
                "{at}"
            );
            assert_eq!(table.balances(&fresh).await, [(10, 0, 0), (10, 0, 0)], "{at}");
            assert_eq!(table.quota().await, quota, "{at}");
        }
        // The rest can go its way.
        let fresh = table.fresh(&[PREPARE]).await;
        table.cancel(fresh.order, &[(&fresh.skus[0], 2)]).await;
        let rest = table.shop.package_ids(fresh.order).await[0];
        for slug in ["COMPLETE_PACKAGING_WITHOUT_SHIPMENT_FROM_PREPARING", SHIP, "UPDATE_SHIPMENT_STATUS"] {
            table.done(rest, slug, json!({})).await;
        }
        assert_eq!(table.packages(fresh.order).await[1], "P2: 700, A 1, B 1");
        let fresh = table.fresh(&[PREPARE, "BLOCK_THE_PACKAGE_FROM_PREPARING"]).await;
        table.cancel(fresh.order, &[(&fresh.skus[0], 2)]).await;
        let rest = table.shop.package_ids(fresh.order).await[0];
        table.done(rest, "UNBLOCK_THE_PACKAGE", json!({})).await;
        assert_eq!(table.packages(fresh.order).await[1], "P2: 200, A 1, B 1");
        assert_sound(&table.shop.app).await;
    }
}

#[tokio::test]
async fn a_location_lets_a_packed_package_go_or_does_not() {
    const ACCEPT: &str = "ACCEPT_CANCELLATION";
    const REFUSE: &str = "REFUSE_CANCELLATION";
    for database in Database::each() {
        let engine = database.engine();
        let mut table = Table::open(database).await;
        for ((state, _), path) in WAYS.iter().filter(|((state, _), _)| matches!(state, 450 | 500 | 550)) {
            let at = format!("on {engine} in {state}");
            for slug in [ACCEPT, REFUSE] {
                let fresh = table.fresh(path).await;
                let (quota, balances) = (table.quota().await, table.balances(&fresh).await);
                let set = table.cancel(fresh.order, &[]).await;
                let asked = "waiting: 3 waiting the location is asked; 1 waiting the location is asked";
                assert_eq!(told(&set), asked, "{at}");
                let waits = format!("P1: 800 held {state}, A 3, B 1");
                assert_eq!(table.packages(fresh.order).await, [waits], "{at}");
                assert_eq!((table.quota().await, table.balances(&fresh).await), (quota, balances), "{at}");
                table.done(fresh.id, slug, json!({})).await;
                assert_sound(&table.shop.app).await;
                let plan = table.plan(set.page.rows[0].id).await;
                if *state == 450 {
                    let parcels = format!("SELECT COUNT(*) FROM shipments WHERE package_id = {}", fresh.id);
                    let gone = format!(
                        "{parcels} AND state = 'cancelled' AND EXISTS (SELECT 1 FROM events e \
                         WHERE e.type = 'shipment.cancelled' AND e.entity_id = shipments.id AND e.seq = event_seq)"
                    );
                    let count =
                        [number(&table.shop.app, &parcels).await, number(&table.shop.app, &gone).await];
                    assert_eq!(count, [1, i64::from(slug == ACCEPT)], "{at}");
                }
                if slug == ACCEPT {
                    assert_eq!(
                        plan,
                        "accepted: 3 accepted cancelled by the location; 1 accepted cancelled by the location",
                        "{at}"
                    );
                    assert_eq!(table.packages(fresh.order).await, ["P1: 900, A 3, B 1"], "{at}");
                    assert_eq!(table.balances(&fresh).await, [(10, 0, 0), (10, 0, 0)], "{at}");
                    assert_eq!(table.quota().await, quota - has_slot(*state), "{at}");
                } else {
                    assert_eq!(
                        plan, "refused: 3 refused refused by the location; 1 refused refused by the location",
                        "{at}"
                    );
                    assert_eq!(table.packages(fresh.order).await, [format!("P1: {state}, A 3, B 1")], "{at}");
                    let now = (table.quota().await, table.balances(&fresh).await);
                    assert_eq!(now, (quota, balances), "{at}");
                    // It can be asked again.
                    let set = table.cancel(fresh.order, &[]).await;
                    assert_eq!(told(&set), asked, "{at}");
                }

                // In part, asked twice before the location says anything.
                let fresh = table.fresh(path).await;
                let [a, b] = &fresh.skus;
                let (quota, held) = (table.quota().await, table.holds(fresh.order, b).await);
                let first = table.cancel(fresh.order, &[(a, 1)]).await;
                let second = table.cancel(fresh.order, &[(a, 1)]).await;
                assert_eq!(told(&second), "waiting: 1 waiting the location is asked", "{at}");
                table.done(fresh.id, slug, json!({})).await;
                assert_sound(&table.shop.app).await;
                let word = if slug == ACCEPT { "accepted" } else { "refused" };
                for set in [first, second] {
                    let plan = table.plan(set.page.rows[0].id).await;
                    assert!(plan.starts_with(&format!("{word}: 1 {word}")), "{at}: {plan}");
                }
                let expected = match slug {
                    ACCEPT => vec!["P1: 900, A 3, B 1".to_owned(), format!("P2: {state}, A 1, B 1")],
                    _ => vec![format!("P1: {state}, A 3, B 1")],
                };
                assert_eq!(table.packages(fresh.order).await, expected, "{at}");
                assert_eq!(table.holds(fresh.order, b).await, held, "{at}");
                let left = if slug == ACCEPT { 1 } else { 3 };
                assert_eq!(table.balances(&fresh).await, [(10 - left, 0, 0), (9, 0, 0)], "{at}");
                assert_eq!(table.quota().await, quota, "{at}");
                if slug == ACCEPT {
                    let rest = table.shop.package_ids(fresh.order).await[0];
                    go_on(&table, rest, *state).await;
                    assert_eq!(table.packages(fresh.order).await[1], "P2: 700, A 1, B 1", "{at}");
                }
                assert_sound(&table.shop.app).await;
            }
        }
    }
}

/// Takes what is left of a packed package to its customer.
async fn go_on(table: &Table, rest: i64, state: i64) {
    if state == 450 {
        table.done(rest, "UPDATE_SHIPMENT_LABEL_FROM_WAITING_CARGO_LABEL", json!({})).await;
        let parcel =
            format!("SELECT COUNT(*) FROM shipments WHERE tracking_number = 'TR-1' AND package_id = {rest}");
        assert_eq!(number(&table.shop.app, &parcel).await, 1, "the parcel is the rest's now");
    }
    if state == 550 {
        return table.done(rest, "SELF_SERVICE_DELIVERY", json!({})).await;
    }
    table.done(rest, SHIP, json!({})).await;
    table.done(rest, "UPDATE_SHIPMENT_STATUS", json!({})).await;
}

#[tokio::test]
async fn what_has_left_is_not_cancelled() {
    for database in Database::each() {
        let engine = database.engine();
        let mut table = Table::open(database).await;
        for ((state, _), path) in WAYS.iter().filter(|((state, _), _)| matches!(state, 600..800 | 1100)) {
            let at = format!("on {engine} in {state}");
            let fresh = table.fresh(path).await;
            let before = (table.quota().await, table.balances(&fresh).await);
            let set = table.cancel(fresh.order, &[]).await;
            assert_eq!(
                told(&set),
                "refused: 3 refused it has left already; 1 refused it has left already",
                "{at}"
            );
            assert_eq!(table.packages(fresh.order).await, [format!("P1: {state}, A 3, B 1")], "{at}");
            assert_eq!((table.quota().await, table.balances(&fresh).await), before, "{at}");
            let refund = json!({"pk": 1000 + fresh.order, "plan_type": "refund", "order": {"pk": 1}});
            let plan = receive(&table, fresh.order, &refund).await.unwrap();
            assert_eq!(cancellations::tick(&table.shop.app).await.unwrap(), 1);
            let plan = table.plan(plan).await;
            assert!(plan.starts_with("accepted: 3 accepted refunded by the hub"), "{at}: {plan}");
            assert_eq!((table.quota().await, table.balances(&fresh).await), before, "{at}");
            assert_sound(&table.shop.app).await;
        }
    }
}

/// Takes a payload of the hub for an order of ours; returns the plan's id if it is new.
async fn receive(table: &Table, order: i64, payload: &Value) -> Option<i64> {
    receive_items(table, order, payload, None).await
}

/// The same with other items than the payload's.
async fn receive_items(
    table: &Table,
    order: i64,
    payload: &Value,
    items: Option<Vec<WantedItem>>,
) -> Option<i64> {
    let mut wanted = cancellations::read_hub(payload).unwrap();
    if let Some(items) = items {
        wanted.items = items;
    }
    let wanted = cancellations::Wanted { order_id: Some(order), order_omnitron_id: None, ..wanted };
    let ids = cancellations::receive_ids(&table.shop.app, &wanted).await.unwrap();
    let mut tx = table.shop.app.store.begin().await.unwrap();
    let plan = cancellations::receive(&mut tx, ids, &wanted, "hub", table.shop.time.now_us()).await.unwrap();
    tx.commit().await.unwrap();
    plan
}

#[tokio::test]
async fn packages_without_stock_are_cancelled_too() {
    for database in Database::each() {
        let mut table = Table::open(database).await;
        let short = "SELECT CAST(SUM(units_out_of_stock) AS BIGINT) FROM plans";
        // Out of stock, because the location has not got it: what is missing stays set apart for whoever looks for it.
        let fresh = table.fresh(&[]).await;
        table.done(fresh.id, "PRODUCT_NOT_FOUND", json!({})).await;
        assert_eq!(table.packages(fresh.order).await, ["P1: 920, A 3, B 1"]);
        assert_eq!(number(&table.shop.app, short).await, 4);
        table.cancel(fresh.order, &[(&fresh.skus[0], 2)]).await;
        assert_eq!(table.packages(fresh.order).await[1..], ["P2: 920, A 1, B 1"]);
        assert_eq!(number(&table.shop.app, short).await, 2);
        assert_eq!(table.balances(&fresh).await, [(10, 0, 3), (10, 0, 1)]);
        // The rest is still looked for elsewhere.
        let [a, b] = &fresh.skus;
        table.shop.stock(&[("L1", a, 5), ("L1", b, 5)]).await;
        table.shop.time.advance(1_000_000);
        assert_eq!(planning::request_replans(&table.shop.app, None).await.unwrap().len(), 1);
        assert_eq!(table.shop.replan().await, 1);
        assert_eq!(table.shop.packages(fresh.order).await.len(), 1);
        assert!(table.shop.packages(fresh.order).await[0].starts_with("P3 at L1: 100"));
        table.cancel(fresh.order, &[]).await;
        assert!(table.shop.packages(fresh.order).await.is_empty());
        assert_eq!(number(&table.shop.app, short).await, 0);

        // Asked to be planned again, and cancelled before anybody does.
        let fresh = table.fresh(&[]).await;
        table.done(fresh.id, "PRODUCT_NOT_FOUND", json!({})).await;
        assert_eq!(planning::request_replans(&table.shop.app, Some(&[fresh.id])).await.unwrap().len(), 1);
        table.cancel(fresh.order, &[(&fresh.skus[0], 3)]).await;
        table.shop.replan().await;
        assert_eq!(table.packages(fresh.order).await, ["P1: 900, A 3, B 1", "P2: 920, B 1"]);
        assert_sound(&table.shop.app).await;
        table.cancel(fresh.order, &[]).await;

        // Refused, and planning waits for a scenario.
        let reason = table.shop.denial_reason(json!({"title": "Busy"})).await;
        for whole in [true, false] {
            let fresh = table.fresh(&[]).await;
            let mut off = json!({"name": "Shop", "is_active": false, "default_stock_location": "L0"});
            off["rules"] = serde_json::from_str(NEAREST).unwrap();
            oms_app::rules::scenarios::put(&table.shop.app, "test", &off).await.unwrap();
            table.done(fresh.id, "REFUSE_WITH_DENIAL_REASON", json!({"denial_reason": reason})).await;
            assert_eq!(table.packages(fresh.order).await, ["P1: 910, A 3, B 1"]);
            let [a, b] = &fresh.skus;
            let units: &[(&str, i64)] = if whole { &[] } else { &[(a, 1)] };
            table.cancel(fresh.order, units).await;
            let rest: &[&str] = if whole { &[] } else { &["P2: 910, A 2, B 1"] };
            assert_eq!(table.packages(fresh.order).await[1..], *rest);
            assert_eq!(table.balances(&fresh).await, [(10, 0, 0), (10, 0, 0)]);
            // There is a scenario again: the rest is planned where it was not refused.
            table.shop.stock(&[("L1", a, 5), ("L1", b, 5)]).await;
            table.shop.rules(serde_json::from_str(NEAREST).unwrap()).await;
            table.shop.time.advance(120_000_000);
            table.shop.replan().await;
            let left = table.shop.packages(fresh.order).await;
            assert_eq!(left.len(), usize::from(!whole), "{left:?}");
            assert!(left.iter().all(|p| p.starts_with("P3 at L1: 100")), "{left:?}");
            assert_sound(&table.shop.app).await;
        }
    }
}

#[tokio::test]
async fn one_line_is_taken_first_where_least_was_done() {
    for database in Database::each() {
        let table = Table::open(database).await;
        let shop = &table.shop;
        let spread = async |number: &str, sku: &str| {
            shop.stock(&[("L0", sku, 2), ("L1", sku, 4)]).await;
            let order = shop.planned(number, &[(sku, 5)]).await;
            let packages = shop.packages(order).await;
            assert_eq!(packages, [format!("P1 at L0: 100, {sku} 2"), format!("P2 at L1: 100, {sku} 3")]);
            (order, shop.package_ids(order).await)
        };
        let (order, ids) = spread("S-1", "S1").await;
        table.done(ids[0], PREPARE, json!({})).await;
        let set = table.cancel(order, &[("S1", 4)]).await;
        assert_eq!(told(&set), "accepted: 3 accepted cancelled; 1 accepted cancelled");
        assert_eq!(
            shop.packages(order).await,
            ["P3 at L0: 200, S1 1"],
            "the one in hand is kept as long as can be"
        );
        assert_eq!((shop.balance("L0", "S1").await, shop.balance("L1", "S1").await), ((1, 0, 0), (4, 0, 0)));

        // One is packed: it is asked for what the other does not have. One has left: so much is refused.
        let (order, ids) = spread("S-2", "S2").await;
        table.done(ids[0], PACK, json!({})).await;
        let set = table.cancel(order, &[("S2", 4)]).await;
        assert_eq!(told(&set), "waiting: 3 accepted cancelled; 1 waiting the location is asked");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 800, S2 2"]);
        table.done(ids[0], "REFUSE_CANCELLATION", json!({})).await;
        assert_eq!(
            table.plan(set.page.rows[0].id).await,
            "partly: 3 accepted cancelled; 1 refused refused by the location"
        );
        let (order, ids) = spread("S-3", "S3").await;
        table.done(ids[0], PACK, json!({})).await;
        table.done(ids[0], SHIP, json!({})).await;
        let set = table.cancel(order, &[]).await;
        assert_eq!(told(&set), "partly: 3 accepted cancelled; 2 refused it has left already");
        assert_eq!(shop.packages(order).await, ["P1 at L0: 600, S3 2"]);
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn what_the_order_does_not_have_is_refused_by_name() {
    for database in Database::each() {
        let mut table = Table::open(database).await;
        let fresh = table.fresh(&[]).await;
        let line = table.line(fresh.order, &fresh.skus[0]).await;
        let body = json!({"items": [{"order_item": 999_999}, {"order_item": line, "quantity": 5}, {"order_item": line}]});
        let set = table.ask(fresh.order, &body).await;
        assert_eq!(
            told(&set),
            "partly: 0 refused the order has no such item; 3 accepted cancelled; 0 refused so many are not left of the line; \
             2 refused so many are not left of the line"
        );
        assert_eq!(table.packages(fresh.order).await[1..], ["P2: 100, B 1"]);
        assert_sound(&table.shop.app).await;

        // The same plan of the hub is one, whatever it says the second time.
        let payload = json!({"pk": 5, "plan_type": "cancel", "order": {"pk": 1}});
        let plan = receive(&table, fresh.order, &payload).await;
        let mut again = payload.clone();
        again["cancellationplanorderitem_set"] = json!([{"order_item": 1, "quantity": 1}]);
        assert_eq!((plan.is_some(), receive(&table, fresh.order, &again).await), (true, None));
        assert_eq!(cancellations::tick(&table.shop.app).await.unwrap(), 1);
        assert_eq!(receive(&table, fresh.order, &payload).await, None);
        assert_eq!(cancellations::tick(&table.shop.app).await.unwrap(), 0);
        assert_eq!(table.plan(plan.unwrap()).await, "accepted: 1 accepted cancelled");
        assert!(table.shop.package_ids(fresh.order).await.is_empty());
        assert_sound(&table.shop.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_while_its_order_is_planned_is_lost_by_neither() {
    for database in Database::each() {
        let table = Table::open(database).await;
        for round in 0..15 {
            let sku = format!("R{round}");
            table.shop.stock(&[("L0", &sku, 10)]).await;
            let (part, whole) = (
                table.shop.order(&format!("R-{round}"), &[(&sku, 3)]).await,
                table.shop.order(&format!("W-{round}"), &[(&sku, 2)]).await,
            );
            let (_, first, second) = tokio::join!(
                crate::support::plan(&table.shop.app),
                tried(&table, part, round, Some(&sku)),
                tried(&table, whole, round + 100, None),
            );
            crate::support::plan(&table.shop.app).await;
            table.shop.time.advance(60_000_000);
            crate::support::plan(&table.shop.app).await;
            cancellations::tick(&table.shop.app).await.unwrap();
            let live = table.shop.packages(part).await;
            assert!(live.len() == 1 && live[0].ends_with(&format!("at L0: 100, {sku} 2")), "{live:?}");
            assert!(table.shop.packages(whole).await.is_empty());
            assert_eq!(table.shop.balance("L0", &sku).await, (10, 2, 0));
            for (plan, units) in [(first, 1), (second, 2)] {
                let plan = table.plan(plan).await;
                assert!(plan.starts_with(&format!("accepted: {units} accepted cancelled")), "{plan}");
            }
            assert_sound(&table.shop.app).await;
        }
    }
}

/// Takes a plan of the hub, for a unit of a SKU or for all, and decides on it while others are at work.
async fn tried(table: &Table, order: i64, pk: i64, sku: Option<&str>) -> i64 {
    let payload = json!({"pk": 10_000 + pk, "plan_type": "cancel", "order": {"pk": 1}});
    let mut items = Vec::new();
    if let Some(sku) = sku {
        let line = Some(table.line(order, sku).await);
        items.push(WantedItem {
            order_item_id: line,
            order_item_omnitron_id: None,
            quantity: Some(1),
            reason_id: None,
        });
    }
    let plan = receive_items(table, order, &payload, Some(items)).await.unwrap();
    cancellations::tick(&table.shop.app).await.unwrap();
    plan
}
