//! Plans: what a batch is decided on, and the one transaction that makes the decisions facts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeFrom;

use oms_core::events::{self as types, entity};
use oms_core::packages as states;
use oms_core::plan::{Decision, Planned, PlannedPackage};
use oms_core::stocks::Movement;

use crate::batch::Rows;
use crate::events::{EventRows, NewEvent};
use crate::logs::{self, Actor, StepRows};
use crate::stocks::{self, Balance, LedgerRows, Place};
use crate::{StoreError, Tx, args};

/// An order as the planner needs it.
#[derive(Debug, Clone)]
pub struct OrderToPlan {
    pub id: i64,
    pub number: String,
    /// Changes whenever the copy does: a plan made on an older one is not committed.
    pub revision: i64,
    pub event_seq: i64,
    pub packages_made: i64,
    /// The hub's id of the channel, ours if it has none.
    pub channel: i64,
    pub shipping_option: Option<String>,
    pub payment_option: Option<String>,
    pub customer_type: Option<String>,
    pub point: Option<oms_core::geo::Point>,
    /// Line id, product, units.
    pub lines: Vec<(i64, i64, i64)>,
}

/// Reads orders that still wait for a plan.
pub async fn read_orders(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, OrderToPlan>, StoreError> {
    let head = "SELECT o.id, o.number, o.revision, o.event_seq, o.packages_made, COALESCE(c.omnitron_id, c.id), \
                o.shipping_option, o.payment_option, k.customer_type, a.lat_udeg, a.lon_udeg \
                FROM orders o JOIN plans p ON p.id = o.id JOIN channels c ON c.id = o.channel_id \
                LEFT JOIN customers k ON k.id = o.customer_id LEFT JOIN addresses a ON a.id = o.shipping_address_id \
                WHERE p.state IN ('start', 'pending') AND o.id";
    let mut orders = HashMap::new();
    for row in tx.fetch_in(head, ids.iter().copied(), "").await? {
        let mut c = row.cols();
        let id = c.i64()?;
        let order = OrderToPlan {
            id,
            number: c.text()?,
            revision: c.i64()?,
            event_seq: c.i64()?,
            packages_made: c.i64()?,
            channel: c.i64()?,
            shipping_option: c.opt_text()?,
            payment_option: c.opt_text()?,
            customer_type: c.opt_text()?,
            point: oms_core::geo::Point::from_udeg(c.opt_i64()?, c.opt_i64()?),
            lines: Vec::new(),
        };
        orders.insert(id, order);
    }
    let head = "SELECT order_id, id, product_id, quantity - quantity_cancelled FROM order_items \
                WHERE quantity > quantity_cancelled AND order_id";
    for row in tx.fetch_in(head, ids.iter().copied(), "ORDER BY order_id, line").await? {
        let mut c = row.cols();
        if let Some(order) = orders.get_mut(&c.i64()?) {
            order.lines.push((c.i64()?, c.i64()?, c.i64()?));
        }
    }
    Ok(orders)
}

/// A location as the planner needs it.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub snap: oms_core::plan::LocationSnap,
    pub point: Option<oms_core::geo::Point>,
}

/// Every location with its load, by `erp_code`.
pub async fn read_candidates(tx: &mut Tx) -> Result<Vec<Candidate>, StoreError> {
    let sql = "SELECT t.id, t.erp_code, t.kind, t.is_active, t.is_fulfillment_center, t.priority, COALESCE(d.quota, 0), \
               a.lat_udeg, a.lon_udeg FROM locations t LEFT JOIN location_loads d ON d.location_id = t.id \
               LEFT JOIN addresses a ON a.id = t.address_id ORDER BY t.erp_code";
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let (id, erp_code, kind) = (c.i64()?, c.text()?, c.text()?);
        let snap = oms_core::plan::LocationSnap {
            id: oms_core::ids::LocationId(id),
            erp_code,
            kind: oms_core::locations::LocationKind::parse(&kind)
                .ok_or_else(|| StoreError::Corrupt(format!("location {id} has the unknown kind {kind:?}")))?,
            is_active: c.bool()?,
            is_fulfillment_center: c.bool()?,
            priority: c.i64()?,
            open_packages: c.i64()?,
        };
        Ok(Candidate { snap, point: oms_core::geo::Point::from_udeg(c.opt_i64()?, c.opt_i64()?) })
    };
    tx.fetch(sql, vec![]).await?.iter().map(one).collect()
}

/// One order of a batch with its decision.
pub struct Decided {
    pub job_id: i64,
    pub order: OrderToPlan,
    pub ordinal: usize,
    pub decision: Decision,
}

/// The batch's input as it is kept.
pub struct BatchInput {
    pub compressed: Vec<u8>,
    pub hash: [u8; 32],
}

/// Ids taken for a batch before its transaction begins.
pub struct CommitIds {
    pub packages: RangeFrom<i64>,
    pub items: RangeFrom<i64>,
    pub rows: RangeFrom<i64>,
}

/// How many ids committing these decisions may need: packages, items, other rows.
pub fn ids_needed(decided: &[Decided]) -> (usize, usize, usize) {
    let packages: Vec<_> =
        decided.iter().filter_map(|d| planned(&d.decision)).flat_map(|p| &p.packages).collect();
    let items: usize = packages.iter().map(|p| p.items.len()).sum();
    // Reservation and ledger row an item, log row and event a package, event an order; the batch itself.
    (packages.len(), items, items * 2 + packages.len() * 2 + decided.len() + 1)
}

fn planned(decision: &Decision) -> Option<&Planned> {
    match decision {
        Decision::Planned(p) => Some(p),
        Decision::Waits(_) => None,
    }
}

/// How a batch's commit went. Orders in neither list had moved on: another node planned them, or the
/// hub changed them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Orders whose decision is now fact.
    pub committed: Vec<i64>,
    /// Orders whose plan no longer fits the stock: to be planned again on a fresh snapshot.
    pub missed: Vec<i64>,
}

/// What a package at creation is logged as: the seeded system transition into its first state, and
/// its revision.
fn creation(state: i64) -> (i64, i64) {
    let id = match state {
        states::WAITING => 1,
        states::WAITING_REMOTE_ACTION => 2,
        states::OUT_OF_STOCK => 3,
        other => unreachable!("the planner creates no package in state {other}"),
    };
    (id, 1)
}

/// Makes decisions facts, each order whole or not at all: locks the orders and the balances in key
/// order, keeps the plans that still fit, reserves with the guarded update and writes packages, logs,
/// events and records. The caller commits.
pub async fn commit(
    tx: &mut Tx,
    decided: &[Decided],
    input: &BatchInput,
    ids: &mut CommitIds,
    actor: &Actor,
) -> Result<Outcome, StoreError> {
    let current = lock_orders(tx, decided).await?;
    let mut live: Vec<&Decided> = decided.iter().filter(|d| current.contains(&d.order.id)).collect();
    let balances = stocks::lock(tx, places_of(&live)).await?;
    let missed = drop_what_no_longer_fits(&mut live, &balances);

    let held = reserve(tx, &live).await?;
    let mut write = Writes::new(ids.rows.next().expect("ids were taken"));
    for one in &live {
        match planned(&one.decision) {
            Some(plan) => {
                write.decision(one, input, actor);
                write.plan(one, plan, ids, &held, actor);
            }
            None => write.waiting(one, actor),
        }
    }
    write.run(tx, input, actor).await?;
    Ok(Outcome { committed: live.iter().map(|d| d.order.id).collect(), missed })
}

/// Holds the batch's orders and returns those that are as the planner saw them.
async fn lock_orders(tx: &mut Tx, decided: &[Decided]) -> Result<HashSet<i64>, StoreError> {
    let seen: BTreeMap<i64, i64> = decided.iter().map(|d| (d.order.id, d.order.revision)).collect();
    let lock = match tx.dialect() {
        crate::db::Dialect::Sqlite => "",
        crate::db::Dialect::Postgres => " FOR UPDATE OF o, p",
    };
    let head = "SELECT o.id, o.revision FROM orders o JOIN plans p ON p.id = o.id \
                WHERE p.state IN ('start', 'pending') AND o.id";
    let rows = tx.fetch_in(head, seen.keys().copied(), &format!("ORDER BY o.id{lock}")).await?;
    let mut current = HashSet::new();
    for row in rows {
        let (id, revision) = (row.i64(0)?, row.i64(1)?);
        if seen[&id] == revision {
            current.insert(id);
        }
    }
    Ok(current)
}

/// (place, units) of everything a decision reserves.
fn wants(one: &Decided) -> impl Iterator<Item = (Place, i64)> {
    let product: HashMap<i64, i64> =
        one.order.lines.iter().map(|&(line, product, _)| (line, product)).collect();
    planned(&one.decision)
        .into_iter()
        .flat_map(|p| &p.packages)
        .filter(|p| p.has_stock())
        .flat_map(|p| p.items.iter().map(|(line, units)| (p.location, *line, *units)))
        .map(move |(location, line, units)| ((product[&line.0], location.0), units))
}

fn places_of(live: &[&Decided]) -> std::collections::BTreeSet<Place> {
    live.iter().flat_map(|d| wants(d)).map(|(place, _)| place).collect()
}

/// Walks the batch in order and keeps what fits the locked balances; returns the orders that do not.
fn drop_what_no_longer_fits(live: &mut Vec<&Decided>, balances: &BTreeMap<Place, Balance>) -> Vec<i64> {
    let mut free: HashMap<Place, i64> = balances.iter().map(|(place, b)| (*place, b.available())).collect();
    let mut missed = Vec::new();
    live.retain(|one| {
        let mut sums: BTreeMap<Place, i64> = BTreeMap::new();
        wants(one).for_each(|(place, units)| *sums.entry(place).or_default() += units);
        let fits = sums.iter().all(|(place, units)| free.get(place).is_some_and(|f| f >= units));
        if fits {
            sums.iter().for_each(|(place, units)| *free.get_mut(place).expect("it fits") -= units);
        } else {
            missed.push(one.order.id);
        }
        fits
    });
    missed
}

/// Reserves the batch's sums; returns the balances after it.
async fn reserve(tx: &mut Tx, live: &[&Decided]) -> Result<BTreeMap<Place, Balance>, StoreError> {
    let mut sums: BTreeMap<Place, i64> = BTreeMap::new();
    live.iter().flat_map(|d| wants(d)).for_each(|(place, units)| *sums.entry(place).or_default() += units);
    let held = stocks::reserve(tx, &sums).await?;
    if held.len() != sums.len() {
        let bug =
            format!("{} of {} locked balances refused a sum that fits", sums.len() - held.len(), sums.len());
        return Err(StoreError::Corrupt(bug));
    }
    Ok(held)
}

/// The rows of a batch, collected and then written table by table.
struct Writes {
    batch_id: i64,
    decisions: Rows,
    plans: Rows,
    orders: Rows,
    packages: Rows,
    items: Rows,
    reservations: Rows,
    ledger: LedgerRows,
    steps: StepRows,
    events: EventRows,
    slots: BTreeMap<i64, i64>,
}

impl Writes {
    fn new(batch_id: i64) -> Self {
        Self {
            batch_id,
            decisions: Rows::new(9),
            plans: Rows::new(8),
            orders: Rows::new(3),
            packages: Rows::new(13),
            items: Rows::new(6),
            reservations: Rows::new(7),
            ledger: LedgerRows::default(),
            steps: StepRows::default(),
            events: EventRows::default(),
            slots: BTreeMap::new(),
        }
    }

    fn decision(&mut self, one: &Decided, input: &BatchInput, actor: &Actor) {
        let plan = planned(&one.decision);
        let decision = serde_json::to_string(&one.decision).expect("a decision is JSON");
        self.decisions.push(args![
            one.order.id,
            one.order.event_seq + 1,
            self.batch_id,
            one.ordinal,
            input_hash(&input.hash, one.ordinal),
            plan.map(|p| p.scenario.0),
            plan.map(|p| p.scenario_version),
            decision,
            actor.at_us,
        ]);
    }

    fn waiting(&mut self, one: &Decided, actor: &Actor) {
        let Decision::Waits(reason) = &one.decision else { return };
        self.plans.push(args![
            one.order.id,
            "pending",
            Some(reason.code()),
            Some(reason.text()),
            None::<i64>,
            None::<i64>,
            0i64,
            actor.at_us,
        ]);
    }

    fn plan(
        &mut self,
        one: &Decided,
        plan: &Planned,
        ids: &mut CommitIds,
        held: &BTreeMap<Place, Balance>,
        actor: &Actor,
    ) {
        let order = &one.order;
        let product: HashMap<i64, i64> =
            order.lines.iter().map(|&(line, product, _)| (line, product)).collect();
        for (n, package) in (order.packages_made + 1..).zip(&plan.packages) {
            let id = ids.packages.next().expect("ids were taken");
            self.package(order, id, n, package, ids, actor);
            for &(line, units) in &package.items {
                let item = ids.items.next().expect("ids were taken");
                let product = product[&line.0];
                self.items.push(args![item, id, line.0, product, units, package.state]);
                if package.has_stock() {
                    self.reservation(item, (product, package.location.0), units, ids, held, actor);
                }
            }
        }
        let stocked = plan.packages.iter().filter(|p| p.has_stock()).count();
        let short: i64 =
            plan.packages.iter().filter(|p| !p.has_stock()).flat_map(|p| &p.items).map(|(_, n)| n).sum();
        let also: &[&str] = if stocked > 1 { &[types::ORDER_MULTIPLE_PACKAGES] } else { &[] };
        self.events.push(
            &NewEvent {
                id: ids.rows.next().expect("ids were taken"),
                entity: entity::ORDER,
                entity_id: order.id,
                seq: order.event_seq + 1,
                kind: types::ORDER_PLANNED,
                also,
                delta: serde_json::json!({"packages": plan.packages.len()}),
            },
            actor,
        );
        self.orders.push(args![
            order.id,
            order.packages_made + plan.packages.len() as i64,
            order.event_seq + 1
        ]);
        self.plans.push(args![
            order.id,
            "completed",
            None::<String>,
            None::<String>,
            plan.scenario.0,
            plan.scenario_version,
            short,
            actor.at_us,
        ]);
    }

    fn package(
        &mut self,
        order: &OrderToPlan,
        id: i64,
        n: i64,
        package: &PlannedPackage,
        ids: &mut CommitIds,
        actor: &Actor,
    ) {
        let state = states::state(package.state).expect("the planner gives states of the table");
        let holds_slot = state.slot == states::Slot::Held;
        if holds_slot {
            *self.slots.entry(package.location.0).or_default() += 1;
        }
        let step = logs::Step {
            entity: entity::PACKAGE,
            entity_id: id,
            seq: 1,
            old_state: None,
            new_state: state.code,
            transition: creation(state.code),
            attributes: "{}",
            personal_digest: logs::no_personal_fields(),
        };
        let head =
            self.steps.push(ids.rows.next().expect("ids were taken"), &logs::CHAIN_START, &step, actor);
        let also: &[&str] =
            if state.code == states::OUT_OF_STOCK { &[types::PACKAGE_OUT_OF_STOCK] } else { &[] };
        self.events.push(
            &NewEvent {
                id: ids.rows.next().expect("ids were taken"),
                entity: entity::PACKAGE,
                entity_id: id,
                seq: 1,
                kind: types::PACKAGE_CREATED,
                also,
                delta: serde_json::json!({"state": state.code}),
            },
            actor,
        );
        self.packages.push(args![
            id,
            order.id,
            n,
            states::number(&order.number, n),
            package.location.0,
            state.code,
            holds_slot,
            1i64,
            head,
            1i64,
            1i64,
            actor.at_us,
            actor.at_us,
        ]);
    }

    fn reservation(
        &mut self,
        item: i64,
        place: Place,
        units: i64,
        ids: &mut CommitIds,
        held: &BTreeMap<Place, Balance>,
        actor: &Actor,
    ) {
        let after = held[&place];
        let id = ids.rows.next().expect("ids were taken");
        self.reservations.push(args![id, item, place.1, place.0, units, after.on_hand, after.reserved]);
        let ledger_id = ids.rows.next().expect("ids were taken");
        self.ledger.push(ledger_id, place, Movement::Reserve, (0, units, 0), Some(id), actor);
    }

    async fn run(self, tx: &mut Tx, input: &BatchInput, actor: &Actor) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO decision_batches (id, snapshot, snapshot_hash, created_us) VALUES ($1, $2, $3, $4)";
        tx.execute(sql, args![self.batch_id, input.compressed.clone(), input.hash, actor.at_us]).await?;
        let head = "INSERT INTO decisions (plan_id, n, batch_id, ordinal, input_hash, scenario_id, scenario_version, \
                    decision, created_us)";
        tx.insert(head, self.decisions, "").await?;
        let body = "UPDATE plans SET state = v.state, reason_code = v.code, reason = v.reason, scenario_id = v.scenario, \
                    scenario_version = v.version, units_out_of_stock = v.short, tries = tries + 1, \
                    last_tried_us = v.at, modified_us = v.at FROM v WHERE plans.id = v.id";
        tx.execute_values("id, state, code, reason, scenario, version, short, at", self.plans, body).await?;
        let body =
            "UPDATE orders SET packages_made = v.made, event_seq = v.seq FROM v WHERE orders.id = v.id";
        tx.execute_values("id, made, seq", self.orders, body).await?;

        let head = "INSERT INTO packages (id, order_id, n, number, location_id, state, holds_slot, log_seq, log_head, \
                    event_seq, version, created_us, modified_us)";
        tx.insert(head, self.packages, "").await?;
        let head = "INSERT INTO package_items (id, package_id, order_item_id, product_id, quantity, state)";
        tx.insert(head, self.items, "").await?;
        let head = "INSERT INTO reservations (id, package_item_id, location_id, product_id, quantity, on_hand_seen, \
                    reserved_after)";
        tx.insert(head, self.reservations, "").await?;
        self.ledger.write(tx).await?;
        self.steps.write(tx).await?;
        self.events.write(tx).await?;

        // The rows every order of a busy location shares come last, so that they are held shortest.
        let mut slots = Rows::new(2);
        self.slots.iter().for_each(|(&location, &n)| slots.push(args![location, n]));
        let tail = "ON CONFLICT (location_id) DO UPDATE SET quota = location_loads.quota + excluded.quota";
        tx.insert("INSERT INTO location_loads (location_id, quota)", slots, tail).await?;
        Ok(())
    }
}

/// Names one order's input: the batch's, less what the orders before it took.
pub fn input_hash(batch: &[u8; 32], ordinal: usize) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(batch);
    hash.update((ordinal as u64).to_be_bytes());
    hash.finalize().into()
}

/// How many lines each order has.
pub async fn line_counts(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, usize>, StoreError> {
    let head = "SELECT order_id, COUNT(*) FROM order_items WHERE order_id";
    let rows = tx.fetch_in(head, ids.iter().copied(), "GROUP BY order_id").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)? as usize))).collect()
}

impl CommitIds {
    /// No ids yet.
    pub fn empty() -> Self {
        Self { packages: 0.., items: 0.., rows: 0.. }
    }
}
