//! Every transition of the default flow against every state: done where it starts, refused everywhere else with
//! nothing changed; and what each does to stock and quota, by decisions.md.

use std::cell::Cell;
use std::sync::Arc;

use crate::support::shop::Shop;
use crate::support::{assert_sound, number, texts};
use futures::future::BoxFuture;
use oms_app::orders::cancellations;
use oms_app::packages::commands::outside::{Far, FarError, Parcel, Told};
use oms_app::rules::transitions;
use oms_core::commands::{Act, Entity, command};
use oms_core::transitions::{Definition, default_flow};
use oms_core::{packages, transfers};
use oms_store::args;
use oms_testkit::{Database, Engine};
use serde_json::{Value, json};

/// A carrier whose label always comes later.
struct Carrier;

impl Far for Carrier {
    fn ask<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
        let label = parcel.is_label_only.then(|| "^XA^XZ".to_owned());
        Box::pin(async { Ok(Told { label, ..Told::default() }) })
    }

    fn find<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
        Box::pin(async { Ok(None) })
    }
}

struct Table {
    shop: Shop,
    made: Cell<usize>,
    busy: i64,
}

/// A package of two units of a SKU of its own; ten stand at each of two locations.
struct Fresh {
    order: i64,
    id: i64,
    sku: String,
    /// The state whose effects it has: the one it was held in, if it is.
    effective: i64,
}

const SLUG_TO_150: &str = "TO_REMOTE_ACTION";

impl Table {
    async fn open(database: Database) -> Self {
        let shop = Shop::open(database, 2).await;
        shop.app.set_far(Arc::new(Carrier));
        let busy = shop.denial_reason(json!({"title": "Busy"})).await;
        let definition = Definition::read(
            &json!({"name": "Remote", "slug": SLUG_TO_150, "command_code": "PKG_STATE_TRANSITION",
            "source_state": 100, "destination_state": 150}),
        )
        .unwrap();
        let (ids, actor) =
            (transitions::ids(&shop.app).await.unwrap(), shop.app.actor("test").await.unwrap());
        let mut tx = shop.app.store.begin().await.unwrap();
        transitions::create(&mut tx, &actor, ids, definition).await.unwrap();
        tx.commit().await.unwrap();
        transitions::forget(&shop.app);
        let table = Self { shop, made: Cell::new(0), busy };
        table.usual_rules().await;
        table
    }

    async fn usual_rules(&self) {
        self.shop
            .rules(json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}]))
            .await;
    }

    async fn done(&self, id: i64, slug: &str, input: Value) {
        assert_eq!(self.shop.command(id, slug, input).await, (204, String::new()), "{slug}");
    }

    async fn fresh(&self, at_l0: i64) -> Fresh {
        let n = self.made.get();
        self.made.set(n + 1);
        let sku = format!("S{n}");
        self.shop.stock(&[("L0", &sku, at_l0), ("L1", &sku, 10)]).await;
        let order = self.shop.order_of(&format!("T-{n}"), &[(sku.as_str(), 2)], Some("in_store")).await;
        crate::support::plan(&self.shop.app).await;
        Fresh { order, id: self.shop.package_ids(order).await[0], sku, effective: 100 }
    }

    async fn cancel(&self, order: i64) {
        let wanted = cancellations::read_api(order, &json!({})).unwrap();
        let ids = cancellations::direct_ids(&self.shop.app, &wanted).await.unwrap();
        let actor = self.shop.app.actor("test").await.unwrap();
        let mut tx = self.shop.app.store.begin().await.unwrap();
        cancellations::cancel(&mut tx, &self.shop.app, ids, actor, &wanted).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A package that is Blocked or waits for a cancellation, held in a state.
    async fn package_held(&self, state: i64, held: i64) -> Fresh {
        let fresh = self.package_in(held).await;
        match state {
            930 => {
                let slug = default_flow().into_iter().map(|(_, d)| d);
                let slug = slug.filter(|d| d.from == held && d.to == 930).map(|d| d.slug).next();
                self.done(fresh.id, &slug.unwrap(), json!({})).await;
            }
            _ => self.cancel(fresh.order).await,
        }
        fresh
    }

    /// A package that a carrier knows, in a state.
    async fn package_with_shipment(&self, state: i64) -> Fresh {
        let mut fresh = self.package_in(450).await;
        if state != 450 {
            self.done(fresh.id, "UPDATE_SHIPMENT_LABEL_FROM_WAITING_CARGO_LABEL", json!({})).await;
        }
        if state == 600 {
            self.done(fresh.id, "SHIP_THE_PACKAGE", json!({})).await;
        }
        fresh.effective = state;
        fresh
    }

    /// A package in a state, brought there by what people and the planner do.
    async fn package_in(&self, state: i64) -> Fresh {
        let mut fresh = self.brought_to(state).await;
        fresh.effective = match state {
            930 => 200,
            800 => 500,
            state => state,
        };
        fresh
    }

    async fn brought_to(&self, state: i64) -> Fresh {
        if state == 300 {
            self.shop
                .rules(json!([{"name": "One", "products": "all_from_one", "transferable": true,
                    "filters": [{"type": "locations", "erp_codes": ["L0"]}], "sort": [{"by": "distance"}]}]))
                .await;
            self.shop.transfer_rules(json!([{"name": "Any", "products": "units"}])).await;
            let fresh = self.fresh(0).await;
            self.usual_rules().await;
            return fresh;
        }
        let fresh = self.fresh(10).await;
        let (id, none) = (fresh.id, json!({}));
        let deallocate = "PKG_DEALLOCATE_RESERVATIONS";
        let pack = "COMPLETE_PACKAGING_WITHOUT_SHIPMENT";
        let path: &[&str] = match state {
            100 | 900 | 910 | 920 => &[],
            150 => &[SLUG_TO_150],
            200 => &[deallocate],
            400 => &[deallocate, "PKG_STATE_TRANSITION_PREPARING_TO_READY_FOR_PACKAGING"],
            450 => &["COMPLETE_PACKAGING_WITH_SHIPMENT"],
            500 | 800 => &[pack],
            550 => &[pack, "READY_FOR_PICKUP"],
            600 => &[pack, "SHIPMENT_ORDER"],
            650 => &[pack, "SHIPMENT_ORDER", "PKG_STATE_TRANSITION_SHIPPED_TO_ATTEMPTED_DELIVERY"],
            660 => &[pack, "SHIPMENT_ORDER", "PKG_STATE_TRANSITION_SHIPPED_TO_DELIVERY_FAILED"],
            700 => &[pack, "SHIPMENT_ORDER", "UPDATE_SHIPMENT_STATUS"],
            930 => &[deallocate, "BLOCK_THE_PACKAGE_FROM_PREPARING"],
            1100 => &["PACKED_FOR_REFUND"],
            other => panic!("no way to {other} is written down"),
        };
        for slug in path {
            self.done(id, slug, none.clone()).await;
        }
        match state {
            800 | 900 => self.cancel(fresh.order).await,
            910 => {
                // Nothing takes the order any more: it must wait for a scenario.
                let body = json!({"name": "Shop", "is_active": false, "default_stock_location": "L0",
                    "rules": [{"name": "Nearest", "products": "units"}]});
                oms_app::rules::scenarios::put(&self.shop.app, "test", &body).await.unwrap();
                self.done(id, "REFUSE_WITH_DENIAL_REASON", json!({"denial_reason": self.busy})).await;
                self.usual_rules().await;
            }
            920 => {
                // The other location has none either.
                self.shop.stock(&[("L1", &fresh.sku, 0)]).await;
                self.done(id, "PRODUCT_NOT_FOUND", none).await;
                self.shop.stock(&[("L1", &fresh.sku, 10)]).await;
            }
            _ => {}
        }
        fresh
    }

    async fn state(&self, id: i64) -> i64 {
        number(&self.shop.app, &format!("SELECT state FROM packages WHERE id = {id}")).await
    }

    /// What the transition takes.
    async fn input(&self, d: &Definition, fresh: &Fresh) -> Value {
        let items = self.shop.item_ids(fresh.id).await;
        match command(&d.code).unwrap().act {
            Act::Refuse => json!({"denial_reason": self.busy}),
            Act::NotFound => json!({"package_items": items}),
            Act::NotFoundAdvanced => json!({"package_items": [{"id": items[0], "quantity": 1}]}),
            Act::UpdateInvoice => json!({"invoice_number": "I", "invoice_date": "2031-03-05"}),
            Act::PlanByHand => {
                json!({"assignment_groups": [{"package_items": items, "stock_location": "L1"}]})
            }
            Act::Ship if d.code == "ADVANCED_SHIPMENT" => {
                json!({"tracking_number": "T", "shipping_company": "c"})
            }
            Act::UpdateShipmentInfo => json!({"tracking_number": "T"}),
            _ => json!({}),
        }
    }

    /// Runs a command where it may be run: the state after it, stock, reservations, quota and log are as they must be.
    async fn runs(&self, d: &Definition, fresh: &Fresh, engine: Engine) {
        let effective = fresh.effective;
        let (slot, input) = (self.quota().await, self.input(d, fresh).await);
        let answer = self.shop.command(fresh.id, &d.slug, input).await;
        if d.code == "UPDATE_SHIPMENT_LABEL" && d.from == 200 {
            assert!(
                answer.1.starts_with("no_shipment"),
                "nothing brings a parcel back to Preparing: {answer:?}"
            );
            return;
        }
        assert_eq!(answer, (204, String::new()), "on {engine}: {}", d.slug);
        // What another location has is planned there, and the old package ends.
        let to = match d.code.as_str() {
            "REFUSE_WITH_DENIAL_REASON" | "PRODUCT_NOT_FOUND" => 900,
            "COMPLETE_PACKAGING_WITH_SHIPMENT" => 450,
            _ => d.to,
        };
        assert_eq!(self.state(fresh.id).await, to, "on {engine}: {}", d.slug);
        let balance = self.shop.balance("L0", &fresh.sku).await;
        assert_eq!(balance, stock_after(d, effective), "on {engine}: {}", d.slug);
        let after = if to == 930 { effective } else { to };
        assert_eq!(self.holds(fresh.id).await, holds_after(d, after), "on {engine}: {}", d.slug);
        let expected = slot - has_slot(effective) + has_slot(after);
        assert_eq!(self.quota().await, expected, "on {engine}: quota after {}", d.slug);
        let log = "SELECT COUNT(*) FROM transition_log g JOIN events e ON e.entity = g.entity AND e.entity_id = g.entity_id \
                   AND e.seq = g.seq WHERE g.attributes LIKE '%\"command.slug\":\"SLUG\"%' AND g.entity_id = ";
        let log = format!("{}{}", log.replace("SLUG", &d.slug), fresh.id);
        assert_eq!(number(&self.shop.app, &log).await, 1, "{} is in no log", d.slug);
        assert_sound(&self.shop.app).await;
    }

    /// Units that the package's items hold: promised, and taken off the shelf.
    async fn holds(&self, package: i64) -> (i64, i64) {
        let units = async |is: &str| {
            let sql = format!(
                "SELECT CAST(COALESCE(SUM(r.quantity), 0) AS BIGINT) FROM reservations r JOIN package_items i \
                 ON i.id = r.package_item_id WHERE r.closed_reason {is} AND i.package_id = {package}"
            );
            number(&self.shop.app, &sql).await
        };
        (units("IS NULL").await, units("= 'consumed'").await)
    }

    async fn quota(&self) -> i64 {
        let sql = "SELECT CAST(COALESCE(SUM(d.quota), 0) AS BIGINT) FROM location_loads d JOIN locations l \
                   ON l.id = d.location_id WHERE l.erp_code = 'L0'";
        number(&self.shop.app, sql).await
    }

    /// All that a command could change, as text.
    async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "SELECT id || ' ' || state || ' ' || version || ' ' || event_seq || ' ' || holds_slot FROM packages ORDER BY id",
            "SELECT id || ' ' || package_id || ' ' || quantity || ' ' || state FROM package_items ORDER BY id",
            "SELECT id || ' ' || state || ' ' || version FROM transfers ORDER BY id",
            "SELECT product_id || ' ' || location_id || ' ' || on_hand || ' ' || reserved || ' ' || quarantined FROM stocks \
             ORDER BY product_id, location_id",
            "SELECT id || ' ' || package_item_id || ' ' || quantity || ' ' || COALESCE(closed_reason, '-') FROM reservations \
             ORDER BY id",
            "SELECT location_id || ' ' || quota FROM location_loads ORDER BY location_id",
            "SELECT CAST(COUNT(*) AS TEXT) FROM transition_log",
            "SELECT CAST(COUNT(*) AS TEXT) FROM events",
            "SELECT CAST(COUNT(*) AS TEXT) FROM commands",
            "SELECT CAST(COUNT(*) AS TEXT) FROM stock_ledger",
            "SELECT CAST(COUNT(*) AS TEXT) FROM audit_log",
            "SELECT id || ' ' || state FROM discrepancies ORDER BY id",
            "SELECT id || ' ' || version FROM shipments ORDER BY id",
            "SELECT id || ' ' || state FROM cancellation_plans ORDER BY id",
            "SELECT CAST(COUNT(*) AS TEXT) FROM jobs",
        ] {
            all.extend(texts(&self.shop.app, sql, args![]).await);
        }
        all
    }
}

/// What stands at the first location after a step of a package of two units of which ten stood there, by the
/// section "Stock effects" of decisions.md: on hand, reserved, quarantined.
fn stock_after(d: &Definition, effective_before: i64) -> (i64, i64, i64) {
    let reserving = |state| matches!(state, 100 | 150 | 300);
    match d.code.as_str() {
        "REFUSE_WITH_DENIAL_REASON" | "ACCEPT_CANCELLATION" => (10, 0, 0),
        "PRODUCT_NOT_FOUND" => (10, 0, 2),
        "PRODUCT_NOT_FOUND_ADVANCED" if reserving(d.from) => (10, 1, 1),
        "PRODUCT_NOT_FOUND_ADVANCED" => (9, 0, 1),
        "MANUAL_PLANNING" if d.from == 920 => (10, 0, 2),
        "MANUAL_PLANNING" => (10, 0, 0),
        "PACKED_FOR_REFUND" if d.from == 920 => (8, 0, 0),
        "PACKED_FOR_REFUND" => (10, 0, 0),
        _ if matches!(d.to, 800 | 930) && reserving(effective_before) => (10, 2, 0),
        _ if matches!(d.to, 800 | 930) => (8, 0, 0),
        _ if reserving(d.to) => (10, 2, 0),
        _ => (8, 0, 0),
    }
}

/// What the package holds of its two units after a step, by the section "State table" of decisions.md.
fn holds_after(d: &Definition, effective: i64) -> (i64, i64) {
    let units = if d.code == "PRODUCT_NOT_FOUND_ADVANCED" { 1 } else { 2 };
    match effective {
        100 | 150 | 300 => (units, 0),
        200 | 400 | 450 | 500 | 550 | 600 | 650 | 660 | 700 => (0, units),
        _ => (0, 0),
    }
}

fn has_slot(effective: i64) -> i64 {
    i64::from(matches!(effective, 100 | 150 | 200 | 300 | 400 | 450))
}

#[tokio::test]
async fn every_package_command_in_every_state() {
    for database in Database::each() {
        let engine = database.engine();
        let table = Table::open(database).await;
        let flow: Vec<Definition> =
            default_flow().into_iter().map(|(_, d)| d).filter(|d| d.entity == Entity::Package).collect();
        let mut refused = 0;
        for state in packages::STATES.iter().map(|s| s.code) {
            let fresh = table.package_in(state).await;
            assert_eq!(table.state(fresh.id).await, state, "on {engine}");
            let before = table.everything().await;
            for d in flow.iter().filter(|d| d.from != state) {
                let input = table.input(d, &fresh).await;
                let answer = table.shop.command(fresh.id, &d.slug, input).await;
                assert_eq!(answer.0, 400, "on {engine}: {} in {state}", d.slug);
                let says = format!("starts in {}. ", d.entity.state_name(d.from));
                assert!(
                    answer.1.starts_with("wrong_state ") && answer.1.contains(&says),
                    "on {engine}: {} in {state}: {}",
                    d.slug,
                    answer.1
                );
                refused += 1;
            }
            assert!(
                before == table.everything().await,
                "on {engine}: what was refused in {state} changed something"
            );
        }
        assert!(refused > 900, "{refused}");

        for d in &flow {
            let fresh = match d.code.as_str() {
                // They go back to where the package was held.
                "UNBLOCK_THE_PACKAGE" | "REFUSE_CANCELLATION" => table.package_held(d.from, d.to).await,
                "UPDATE_SHIPMENT_LABEL" if d.from != 200 => table.package_with_shipment(d.from).await,
                _ => table.package_in(d.from).await,
            };
            table.runs(d, &fresh, engine).await;
        }
        assert_sound(&table.shop.app).await;
    }
}

#[tokio::test]
async fn every_transfer_command_in_every_state() {
    for database in Database::each() {
        let engine = database.engine();
        let table = Table::open(database).await;
        let flow: Vec<Definition> =
            default_flow().into_iter().map(|(_, d)| d).filter(|d| d.entity == Entity::Transfer).collect();
        let input = |d: &Definition| match d.code.as_str() {
            "TRANSFER_ORDER_ADVANCED" => json!({"tracking_number": "T", "shipping_company": "c"}),
            _ => json!({}),
        };
        let bring = async |state: i64| {
            let fresh = table.package_in(300).await;
            let id = table.shop.transfers(fresh.order).await[0].0;
            let path: &[&str] = match state {
                10 | 95 => &[],
                20 => &["TRANSFER_READY_FOR_DISPATCH"],
                30 => &["TRANSFER_DISPATCH"],
                40 => &["TRANSFER_DISPATCH", "TRANSFER_DELIVERED"],
                90 => &["TRANSFER_PRODUCT_NOT_FOUND"],
                other => panic!("no way to {other} is written down"),
            };
            for slug in path {
                assert_eq!(table.shop.transfer(id, slug, json!({})).await, (204, String::new()), "{slug}");
            }
            if state == 95 {
                table.cancel(fresh.order).await;
            }
            let sql = format!("SELECT state FROM transfers WHERE id = {id}");
            assert_eq!(number(&table.shop.app, &sql).await, state, "on {engine}");
            (fresh, id)
        };
        for state in transfers::STATES.iter().map(|s| s.code) {
            let (_, id) = bring(state).await;
            let before = table.everything().await;
            for d in flow.iter().filter(|d| d.from != state) {
                let answer = table.shop.transfer(id, &d.slug, input(d)).await;
                assert!(
                    answer.0 == 400 && answer.1.starts_with("wrong_state "),
                    "{} in {state}: {answer:?}",
                    d.slug
                );
            }
            assert!(
                before == table.everything().await,
                "on {engine}: what was refused in {state} changed something"
            );
        }
        for d in &flow {
            let (fresh, id) = bring(d.from).await;
            let answer = table.shop.transfer(id, &d.slug, input(d)).await;
            assert_eq!(answer, (204, String::new()), "on {engine}: {}", d.slug);
            let sql = format!("SELECT state FROM transfers WHERE id = {id}");
            assert_eq!(number(&table.shop.app, &sql).await, d.to);
            let source = table.shop.balance("L1", &fresh.sku).await;
            let expected = match d.to {
                20 => (10, 2, 0),
                30 | 40 => (8, 0, 0),
                90 => (10, 0, 2),
                other => panic!("a command leads to {other}"),
            };
            assert_eq!(source, expected, "on {engine}: the source after {}", d.slug);
            if d.to == 40 {
                assert_eq!(table.shop.balance("L0", &fresh.sku).await, (2, 2, 0), "it is the package's");
            }
            assert_sound(&table.shop.app).await;
        }
        assert_sound(&table.shop.app).await;
    }
}
