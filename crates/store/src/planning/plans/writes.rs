//! The rows of a batch, collected and then written table by table.

use std::collections::{BTreeMap, HashMap};

use oms_core::commands::Entity;
use oms_core::events::{self as types, entity};
use oms_core::packages as states;
use oms_core::plan::{Planned, PlannedPackage, PlannedTransfer};
use oms_core::stocks::Movement;
use oms_core::{transfers, transitions};

use super::commit::{Held, HeldPackage};
use super::{BatchInput, CommitIds, Decided, OrderToPlan, input_hash};
use crate::access::logs::{self, Actor, StepRows};
use crate::batch::Rows;
use crate::events::{EventRows, NewEvent};
use crate::list_counts::Counted;
use crate::packages::held::HeldPackage as HeldTarget;
use crate::packages::transfers::Transfer;
use crate::planning::loads::Slots;
use crate::stock::stocks::{Balance, LedgerRows, Place};
use crate::{StoreError, Tx, args};

/// What a package at creation is logged as: the seeded system transition into its first state, and
/// its revision.
fn creation(state: i64) -> (i64, i64) {
    let id = match state {
        states::WAITING => 1,
        states::WAITING_REMOTE_ACTION => 2,
        states::OUT_OF_STOCK => 3,
        states::WAITING_FOR_TRANSFER => 4,
        other => unreachable!("the planner creates no package in state {other}"),
    };
    (id, 1)
}

/// The seeded transition of a transfer at creation.
const TRANSFER_PLANNED: (i64, i64) = (20, 1);

pub(super) struct Writes<'w> {
    ids: &'w mut CommitIds,
    /// Balances after the batch's reservations.
    held: &'w BTreeMap<Place, Balance>,
    actor: &'w Actor,
    batch_id: i64,
    decisions: Rows,
    plans: Rows,
    orders: Rows,
    packages: Rows,
    items: Rows,
    /// Items that go over to another package: item, package, state.
    moved: Rows,
    transfers: Rows,
    transfer_items: Rows,
    reservations: Rows,
    /// Packages replaced: id, state, log sequence and head, event sequence.
    replaced: Rows,
    /// The same for their items: package, state.
    replaced_items: Rows,
    /// Packages looked at and left as they are.
    tried: Rows,
    /// Units that an order lacks more than before.
    short: Rows,
    ledger: LedgerRows,
    steps: StepRows,
    events: EventRows,
    slots: Slots,
}

/// A package item, in the making or there already.
pub(super) struct Item {
    pub id: i64,
    pub line: i64,
    pub product: i64,
}

impl<'w> Writes<'w> {
    pub(super) fn new(
        ids: &'w mut CommitIds,
        held: &'w BTreeMap<Place, Balance>,
        actor: &'w Actor,
        slots: Slots,
    ) -> Self {
        let batch_id = ids.rows.next().expect("ids were taken");
        Self {
            ids,
            held,
            actor,
            batch_id,
            decisions: Rows::new(11),
            plans: Rows::new(8),
            orders: Rows::new(3),
            packages: Rows::new(19),
            items: Rows::new(6),
            moved: Rows::new(3),
            transfers: Rows::new(14),
            transfer_items: Rows::new(6),
            reservations: Rows::new(8),
            replaced: Rows::new(6),
            replaced_items: Rows::new(2),
            tried: Rows::new(2),
            short: Rows::new(2),
            ledger: LedgerRows::default(),
            steps: StepRows::default(),
            events: EventRows::default(),
            slots,
        }
    }

    fn row(&mut self) -> i64 {
        self.ids.rows.next().expect("ids were taken")
    }

    /// Collects the rows of one decision.
    pub(super) fn decided(&mut self, one: &Decided, input: &BatchInput, held: Held) {
        match (one.planned(), held.package) {
            (None, None) => self.waiting(one),
            (Some(plan), None) => {
                self.decision(one, plan, input, held);
                self.plan(one, plan, held);
            }
            (Some(plan), Some(package)) if plan.packages.iter().any(PlannedPackage::has_stock) => {
                self.decision(one, plan, input, held);
                let made = self.plan(one, plan, held);
                self.replace(package, &made);
            }
            // No other location has what was refused: it is out of stock now.
            (Some(plan), Some(package)) if package.state == states::NEEDS_RESCHEDULING => {
                let units: i64 = plan.packages.iter().flat_map(|p| &p.items).map(|(_, n)| n).sum();
                self.step_old(package, states::OUT_OF_STOCK, &[]);
                self.short.push(args![one.order.id, units]);
                self.tried.push(args![package.id, self.actor.at_us]);
            }
            // Nothing fits: the package stays as it is.
            (_, Some(package)) => self.tried.push(args![package.id, self.actor.at_us]),
        }
    }

    fn decision(&mut self, one: &Decided, plan: &Planned, input: &BatchInput, held: Held) {
        let decision = serde_json::to_string(&one.decision).expect("a decision is JSON");
        self.decisions.push(args![
            one.order.id,
            held.event_seq + 1,
            self.batch_id,
            one.ordinal,
            input_hash(&input.hash, one.ordinal),
            plan.scenario.0,
            plan.scenario_version,
            decision,
            self.actor.at_us,
            input.result_hashes[one.ordinal],
            held.package.map(|p| p.id),
        ]);
    }

    fn waiting(&mut self, one: &Decided) {
        let oms_core::plan::Decision::Waits(reason) = &one.decision else { return };
        self.plans.push(args![
            one.order.id,
            "pending",
            Some(reason.code()),
            Some(one.wait.as_ref().map_or_else(|| reason.text(), |w| w.text.clone())),
            None::<i64>,
            None::<i64>,
            0i64,
            self.actor.at_us,
        ]);
    }

    /// Returns the packages made.
    fn plan(&mut self, one: &Decided, plan: &Planned, held: Held) -> Vec<i64> {
        let order = &one.order;
        let product: HashMap<i64, i64> = order.lines.iter().map(|l| (l.id, l.product)).collect();
        let mut made = Vec::with_capacity(plan.packages.len());
        for (n, package) in (held.packages_made + 1..).zip(&plan.packages) {
            let id = self.ids.packages.next().expect("ids were taken");
            made.push(id);
            self.package(one, id, n, package);
            let mut items = Vec::with_capacity(package.items.len());
            for &(line, units) in &package.items {
                let item = self.ids.items.next().expect("ids were taken");
                let product = product[&line.0];
                self.items.push(args![item, id, line.0, product, units, package.state]);
                items.push(Item { id: item, line: line.0, product });
                let own = units - package.brought(line);
                if package.has_stock() && own > 0 {
                    self.reservation(item, None, (product, package.location.0), own);
                }
            }
            for (t, transfer) in (1i64..).zip(&package.transfers) {
                self.transfer(&states::number(&order.number, n), id, t, package, transfer, &items);
            }
        }
        let was_out = held.package.is_some_and(|p| p.state == states::OUT_OF_STOCK);
        let was_short = if was_out { order.lines.iter().map(|l| l.units).sum() } else { 0 };
        self.order(order, plan, held, (plan.packages.len(), was_short));
        made
    }

    /// The order's own rows: its event, how many packages it made, and its plan.
    fn order(&mut self, order: &OrderToPlan, plan: &Planned, held: Held, (made, was_short): (usize, i64)) {
        let stocked = plan.packages.iter().filter(|p| p.has_stock()).count();
        let units_of = |p: &PlannedPackage| p.items.iter().map(|(_, n)| n).sum::<i64>();
        let short: i64 = plan.packages.iter().filter(|p| !p.has_stock()).map(units_of).sum();
        let also: &[&str] = if stocked > 1 { &[types::ORDER_MULTIPLE_PACKAGES] } else { &[] };
        let event = NewEvent {
            id: self.row(),
            entity: entity::ORDER,
            entity_id: order.id,
            seq: held.event_seq + 1,
            kind: types::ORDER_PLANNED,
            also,
            delta: serde_json::json!({"packages": made}),
        };
        self.events.push(&event, self.actor);
        self.orders.push(args![order.id, held.packages_made + made as i64, held.event_seq + 1]);
        self.plans.push(args![
            order.id,
            "completed",
            None::<String>,
            None::<String>,
            plan.scenario.0,
            plan.scenario_version,
            short - was_short,
            self.actor.at_us,
        ]);
    }

    /// Collects the rows of a search for other sources: transfers to the package that stands, and the Out
    /// of Stock package of what no source has. `split`: items that go over to it whole. Returns that package.
    pub(super) fn resent(
        &mut self,
        (one, plan): (&Decided, &Planned),
        input: &BatchInput,
        held: Held,
        (package, lost): (&HeldTarget, &Transfer),
        split: Vec<Item>,
    ) -> Option<i64> {
        self.decision(one, plan, input, held);
        let stands: Vec<Item> = lost
            .items
            .iter()
            .map(|i| Item { id: i.package_item_id, line: i.order_item_id, product: i.product_id })
            .collect();
        let (found, short): (Vec<_>, Vec<_>) = plan.packages.iter().partition(|p| p.has_stock());
        for planned in found {
            for (n, transfer) in (package.transfers_made + 1..).zip(&planned.transfers) {
                self.transfer(&package.number, package.id, n, planned, transfer, &stands);
            }
        }
        let product: HashMap<i64, i64> = one.order.lines.iter().map(|l| (l.id, l.product)).collect();
        let mut made = None;
        for rest in &short {
            let id = self.ids.packages.next().expect("ids were taken");
            self.package(one, id, held.packages_made + 1, rest);
            made = Some(id);
            for &(line, units) in &rest.items {
                match split.iter().find(|i| i.line == line.0) {
                    Some(item) => self.moved.push(args![item.id, id, rest.state]),
                    None => {
                        let item = self.ids.items.next().expect("ids were taken");
                        self.items.push(args![item, id, line.0, product[&line.0], units, rest.state]);
                    }
                }
            }
        }
        self.order(&one.order, plan, held, (short.len(), 0));
        made
    }

    fn package(&mut self, one: &Decided, id: i64, n: i64, package: &PlannedPackage) {
        let order = &one.order;
        let has_stock = package.has_stock();
        let targets = one.targets.get(&package.location.0).copied().filter(|_| has_stock).unwrap_or_default();
        let state = states::state(package.state).expect("the planner gives states of the table");
        let holds_slot = state.slot == states::Slot::Held;
        if holds_slot {
            self.slots.add(package.location.0, 1);
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
        let row = self.row();
        let head = self.steps.push(row, &logs::CHAIN_START, &step, self.actor);
        let also: &[&str] =
            if state.code == states::OUT_OF_STOCK { &[types::PACKAGE_OUT_OF_STOCK] } else { &[] };
        let event = NewEvent {
            id: self.row(),
            entity: entity::PACKAGE,
            entity_id: id,
            seq: 1,
            kind: types::PACKAGE_CREATED,
            also,
            delta: serde_json::json!({"state": state.code}),
        };
        self.events.push(&event, self.actor);
        self.slots.counts.moved(Counted::Package, None, state.code);
        self.packages.push(args![
            id,
            order.id,
            order.channel_id,
            order.placed_us,
            n,
            states::number(&order.number, n),
            package.location.0,
            state.code,
            holds_slot,
            1i64,
            head,
            1i64,
            1i64,
            self.actor.at_us,
            self.actor.at_us,
            package.transfers.len(),
            package.released_to,
            targets.packaging_us,
            targets.exit_us,
        ]);
    }

    fn reservation(&mut self, item: i64, transfer_item: Option<i64>, place: Place, units: i64) {
        let after = self.held[&place];
        let id = self.row();
        self.reservations.push(args![
            id,
            item,
            place.1,
            place.0,
            units,
            after.on_hand,
            after.reserved,
            transfer_item
        ]);
        let ledger_id = self.row();
        self.ledger.push(ledger_id, place, Movement::Reserve, (0, units, 0), Some(id), self.actor);
    }

    fn transfer(
        &mut self,
        package_number: &str,
        package_id: i64,
        n: i64,
        package: &PlannedPackage,
        transfer: &PlannedTransfer,
        items: &[Item],
    ) {
        let id = self.ids.transfers.next().expect("ids were taken");
        let step = logs::Step {
            entity: entity::TRANSFER,
            entity_id: id,
            seq: 1,
            old_state: None,
            new_state: transfers::WAITING,
            transition: TRANSFER_PLANNED,
            attributes: "{}",
            personal_digest: logs::no_personal_fields(),
        };
        let row = self.row();
        let head = self.steps.push(row, &logs::CHAIN_START, &step, self.actor);
        let event = NewEvent {
            id: self.row(),
            entity: entity::TRANSFER,
            entity_id: id,
            seq: 1,
            kind: types::TRANSFER_CREATED,
            also: &[],
            delta: serde_json::json!({"state": transfers::WAITING}),
        };
        self.events.push(&event, self.actor);
        self.slots.counts.moved(Counted::Transfer, None, transfers::WAITING);
        self.transfers.push(args![
            id,
            package_id,
            n,
            transfers::number(package_number, n),
            transfer.from.0,
            package.location.0,
            transfers::WAITING,
            false,
            1i64,
            head,
            1i64,
            1i64,
            self.actor.at_us,
            self.actor.at_us,
        ]);
        for &(line, units) in &transfer.items {
            let item = items.iter().find(|i| i.line == line.0).expect("what is brought is packed");
            let sent = self.row();
            self.transfer_items.push(args![sent, id, item.id, item.product, units, transfers::WAITING]);
            self.reservation(item.id, Some(sent), (item.product, transfer.from.0), units);
        }
    }

    /// Ends the package that the new ones replace.
    fn replace(&mut self, old: HeldPackage, made: &[i64]) {
        self.step_old(old, states::CANCELLED, made);
    }

    /// Takes the package that was planned anew a step on: cancelled for `made`, or out of stock.
    fn step_old(&mut self, old: HeldPackage, to: i64, made: &[i64]) {
        let attributes = match made {
            [] => "{}".to_owned(),
            made => serde_json::json!({"replaced_by": made}).to_string(),
        };
        let seq = old.event_seq + 1;
        let system = transitions::system(Entity::Package, Some(old.state), to)
            .expect("the planner takes a package where a system step goes");
        let step = logs::Step {
            entity: entity::PACKAGE,
            entity_id: old.id,
            seq,
            old_state: Some(old.state),
            new_state: to,
            transition: (system.id, 1),
            attributes: &attributes,
            personal_digest: logs::no_personal_fields(),
        };
        let row = self.row();
        let head = self.steps.push(row, &old.log_head, &step, self.actor);
        let also =
            if to == states::CANCELLED { types::PACKAGE_CANCELLED } else { types::PACKAGE_OUT_OF_STOCK };
        let mut delta = serde_json::json!({"state": to});
        if !made.is_empty() {
            delta["replaced_by"] = made.into();
        }
        let event = NewEvent {
            id: self.row(),
            entity: entity::PACKAGE,
            entity_id: old.id,
            seq,
            kind: types::PACKAGE_TRANSITIONED,
            also: &[also],
            delta,
        };
        self.events.push(&event, self.actor);
        self.slots.counts.moved(Counted::Package, Some(old.state), to);
        self.replaced_items.push(args![old.id, to]);
        self.replaced.push(args![old.id, to, seq, head, seq, self.actor.at_us]);
    }

    pub(super) async fn run(self, tx: &mut Tx, input: &BatchInput) -> Result<(), StoreError> {
        if !self.decisions.is_empty() {
            let sql = "INSERT INTO decision_batches (id, snapshot, snapshot_hash, created_us, attempts) \
                       VALUES ($1, $2, $3, $4, $5)";
            let (snapshot, attempts) = (input.compressed.clone(), input.attempts.clone());
            tx.execute(sql, args![self.batch_id, snapshot, input.hash, self.actor.at_us, attempts]).await?;
        }
        let head = "INSERT INTO decisions (plan_id, n, batch_id, ordinal, input_hash, scenario_id, scenario_version, \
                    decision, created_us, result_hash, replaced_package_id)";
        tx.insert(head, self.decisions, "").await?;
        let body = "UPDATE plans SET state = v.state, reason_code = v.code, reason = v.reason, scenario_id = v.scenario, \
                    scenario_version = v.version, units_out_of_stock = units_out_of_stock + v.short, tries = tries + 1, \
                    last_tried_us = v.at, modified_us = v.at FROM v WHERE plans.id = v.id";
        tx.execute_values("id, state, code, reason, scenario, version, short, at", self.plans, body).await?;
        let body =
            "UPDATE orders SET packages_made = v.made, event_seq = v.seq FROM v WHERE orders.id = v.id";
        tx.execute_values("id, made, seq", self.orders, body).await?;
        let body =
            "UPDATE plans SET units_out_of_stock = units_out_of_stock + v.n FROM v WHERE plans.id = v.id";
        tx.execute_values("id, n", self.short, body).await?;
        let body = "UPDATE packages SET last_tried_us = v.at FROM v WHERE packages.id = v.id";
        tx.execute_values("id, at", self.tried, body).await?;
        let body = "UPDATE package_items SET state = v.state FROM v WHERE package_items.package_id = v.id";
        tx.execute_values("id, state", self.replaced_items, body).await?;
        let body = "UPDATE packages SET state = v.state, log_seq = v.log_seq, log_head = v.head, event_seq = v.event_seq, \
                    version = version + 1, modified_us = v.at FROM v WHERE packages.id = v.id";
        tx.execute_values("id, state, log_seq, head, event_seq, at", self.replaced, body).await?;

        let head = "INSERT INTO packages (id, order_id, channel_id, placed_us, n, number, location_id, state, holds_slot, log_seq, log_head, \
                    event_seq, version, created_us, modified_us, transfers_made, released_to, target_packaging_us, \
                    target_exit_us)";
        tx.insert(head, self.packages, "").await?;
        let head = "INSERT INTO package_items (id, package_id, order_item_id, product_id, quantity, state)";
        tx.insert(head, self.items, "").await?;
        let body = "UPDATE package_items SET package_id = v.package, state = v.state FROM v WHERE package_items.id = v.id";
        tx.execute_values("id, package, state", self.moved, body).await?;
        let head = "INSERT INTO transfers (id, package_id, n, number, from_location_id, to_location_id, state, is_detached, \
                    log_seq, log_head, event_seq, version, created_us, modified_us)";
        tx.insert(head, self.transfers, "").await?;
        let head =
            "INSERT INTO transfer_items (id, transfer_id, package_item_id, product_id, quantity, state)";
        tx.insert(head, self.transfer_items, "").await?;
        let head = "INSERT INTO reservations (id, package_item_id, location_id, product_id, quantity, on_hand_seen, \
                    reserved_after, transfer_item_id)";
        tx.insert(head, self.reservations, "").await?;
        self.ledger.write(tx).await?;
        self.steps.write(tx).await?;
        self.events.write(tx).await?;

        // The rows every order of a busy location shares come last, so that they are held shortest.
        self.slots.write(tx).await
    }
}
