//! The rows of a batch of commands, collected while each is decided and then written table by table.
//!
//! Deciding never waits for the database; writing never decides. A package is changed in memory
//! ([`HeldPackage`]) and its row written once, however many steps it took.

mod stock;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeFrom;

use oms_core::commands::Entity;
use oms_core::events::{self as types, entity};
use oms_core::packages::{self as states, StockMove};
use oms_core::stocks::Movement;

use crate::access::logs::{self, Actor, CommandRows, Personal, StepRows};
use crate::args;
use crate::batch::Rows;
use crate::events::{EventRows, NewEvent};
use crate::list_counts::Counted;
use crate::packages::held::{HeldItem, HeldPackage};
use crate::packages::shipments::Shipment;
use crate::planning::exclusions::Exclusions;
use crate::planning::loads::Slots;
use crate::stock::stocks::{Deltas, LedgerRows, Place};

/// Ids taken for a batch of commands before its transaction begins.
pub struct Ids {
    pub rows: RangeFrom<i64>,
    pub packages: RangeFrom<i64>,
    pub items: RangeFrom<i64>,
    pub discrepancies: RangeFrom<i64>,
    pub shipments: RangeFrom<i64>,
}

/// Who does what by which command, and what the log says of it.
#[derive(Debug, Clone)]
pub struct Doer {
    pub actor: Actor,
    /// JSON: slug, transition and the remote user's key.
    pub attributes: String,
    pub personal: Option<Personal>,
}

/// Why missing units are set apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub reason: String,
    pub denial_reason_id: Option<i64>,
}

/// A step of a package.
pub struct Step<'s> {
    pub to: i64,
    /// Id and revision of the transition.
    pub transition: (i64, i64),
    /// Event types besides those of the new state.
    pub also: &'s [&'static str],
    /// Set beside `state` in the event.
    pub delta: serde_json::Map<String, serde_json::Value>,
}

impl Step<'_> {
    /// A step by a transition, with nothing besides.
    pub fn new(to: i64, transition: (i64, i64)) -> Self {
        Self { to, transition, also: &[], delta: serde_json::Map::new() }
    }
}

/// Units promised to an item anew.
struct Granted {
    item: i64,
    place: Place,
    units: i64,
    movement: Movement,
    actor: Actor,
    /// What is promised must be free.
    is_guarded: bool,
}

/// How writing went.
#[derive(Debug)]
pub enum Written {
    /// All but the slots.
    Done(Slots),
    /// A place does not have what was granted there; nothing may be committed.
    Short(Place),
}

/// What a batch of commands writes.
pub struct Work<'w> {
    ids: &'w mut Ids,
    /// Locations whose stock an outside engine reads.
    fed: HashSet<i64>,
    commands: CommandRows,
    steps: StepRows,
    events: EventRows,
    ledger: LedgerRows,
    moves: BTreeMap<Place, Deltas>,
    grants: Vec<Granted>,
    closed: Rows,
    handed_over: Rows,
    packages: Rows,
    new_packages: Rows,
    new_items: Rows,
    moved_items: Rows,
    resized_items: Rows,
    item_states: Rows,
    denied_items: Rows,
    discrepancies: Rows,
    closed_discrepancies: Rows,
    exclusions: Exclusions,
    shipments: Vec<Shipment>,
    invoices: Rows,
    wrong_codes: Rows,
    cancelled_units: BTreeMap<i64, i64>,
    cancellations: Rows,
    order_events: Rows,
    /// How many packages each order has made; one row an order, or which of two is taken is chance.
    orders: BTreeMap<i64, i64>,
    short: BTreeMap<i64, i64>,
    slots: Slots,
}

impl<'w> Work<'w> {
    /// Nothing to write yet. `fed`: locations that outside engines read.
    pub fn new(ids: &'w mut Ids, fed: HashSet<i64>) -> Self {
        Self {
            ids,
            fed,
            commands: CommandRows::default(),
            steps: StepRows::default(),
            events: EventRows::default(),
            ledger: LedgerRows::default(),
            moves: BTreeMap::new(),
            grants: Vec::new(),
            closed: Rows::new(2),
            handed_over: Rows::new(2),
            packages: Rows::new(10),
            new_packages: Rows::new(19),
            new_items: Rows::new(6),
            moved_items: Rows::new(3),
            resized_items: Rows::new(2),
            item_states: Rows::new(2),
            denied_items: Rows::new(2),
            discrepancies: Rows::new(11),
            closed_discrepancies: Rows::new(4),
            exclusions: Exclusions::default(),
            shipments: Vec::new(),
            invoices: Rows::new(7),
            wrong_codes: Rows::new(1),
            cancelled_units: BTreeMap::new(),
            cancellations: Rows::new(4),
            order_events: Rows::new(3),
            orders: BTreeMap::new(),
            short: BTreeMap::new(),
            slots: Slots::default(),
        }
    }

    fn row(&mut self) -> i64 {
        self.ids.rows.next().expect("ids were taken")
    }

    /// An id for a shipment.
    pub fn shipment_id(&mut self) -> i64 {
        self.ids.shipments.next().expect("ids were taken")
    }

    /// The command's own row.
    pub fn command(&mut self, doer: &Doer, kind: &str) {
        self.commands.push(&doer.actor, kind);
    }

    /// Takes a package to another state, its items with it. Stock is the caller's: see [`Work::stock`].
    pub fn step(&mut self, package: &mut HeldPackage, step: &Step<'_>, doer: &Doer) {
        let seq = package.event_seq + 1;
        let log = logs::Step {
            entity: entity::PACKAGE,
            entity_id: package.id,
            seq,
            old_state: Some(package.state),
            new_state: step.to,
            transition: step.transition,
            attributes: &doer.attributes,
            personal_digest: doer.personal.as_ref().map_or_else(logs::no_personal_fields, Personal::digest),
        };
        let id = self.row();
        let head = self.steps.push_personal(id, &package.log_head, &log, doer.personal.as_ref(), &doer.actor);
        let specific = format!("package.status.{}", Entity::Package.state_word(step.to));
        let also: Vec<&str> = match step.to == package.state {
            true => step.also.to_vec(),
            false => std::iter::once(specific.as_str()).chain(step.also.iter().copied()).collect(),
        };
        let kind = match step.to == package.state {
            true => step.also.first().copied().unwrap_or(types::PACKAGE_UPDATED),
            false => types::PACKAGE_TRANSITIONED,
        };
        let mut delta = step.delta.clone();
        delta.insert("state".into(), step.to.into());
        let event = NewEvent {
            id: self.row(),
            entity: entity::PACKAGE,
            entity_id: package.id,
            seq,
            kind,
            also: if kind == types::PACKAGE_TRANSITIONED { &also } else { &[] },
            delta: delta.into(),
        };
        self.events.push(&event, &doer.actor);
        let after = states::state(step.to).expect("steps lead to states of the table");
        let holds_slot = states::holds_slot_after(package.holds_slot, after);
        if package.holds_slot && !holds_slot {
            self.slots.add(package.location_id, -1);
        }
        package.held_state = match after.stock {
            states::StockEffect::AsBefore => Some(package.held_state.unwrap_or(package.state)),
            _ => None,
        };
        let was_short = package.state == states::OUT_OF_STOCK;
        let is_short = step.to == states::OUT_OF_STOCK;
        let units = package.units();
        *self.short.entry(package.order_id).or_default() +=
            i64::from(is_short) * units - i64::from(was_short) * units;
        self.slots.counts.moved(Counted::Package, Some(package.state), step.to);
        package.state = step.to;
        package.holds_slot = holds_slot;
        (package.log_seq, package.event_seq, package.log_head) = (seq, seq, head);
        package.version += 1;
        package.modified_us = doer.actor.at_us;
    }

    /// Tells of a change of a package that is no step.
    pub fn tell(
        &mut self,
        package: &mut HeldPackage,
        kind: &'static str,
        delta: serde_json::Value,
        doer: &Doer,
    ) {
        package.event_seq += 1;
        package.version += 1;
        package.modified_us = doer.actor.at_us;
        let event = NewEvent {
            id: self.row(),
            entity: entity::PACKAGE,
            entity_id: package.id,
            seq: package.event_seq,
            kind,
            also: &[],
            delta,
        };
        self.events.push(&event, &doer.actor);
    }

    /// Tells of a shipment, whose events count from 1.
    pub fn tell_shipment(
        &mut self,
        id: i64,
        seq: i64,
        kind: &'static str,
        delta: serde_json::Value,
        doer: &Doer,
    ) {
        let event =
            NewEvent { id: self.row(), entity: entity::SHIPMENT, entity_id: id, seq, kind, also: &[], delta };
        self.events.push(&event, &doer.actor);
    }

    /// Writes the package's row as it stands now. Called once, after its last step.
    pub fn keep(&mut self, package: &HeldPackage) {
        self.packages.push(args![
            package.id,
            package.state,
            package.held_state,
            package.holds_slot,
            package.log_seq,
            package.log_head,
            package.event_seq,
            package.version,
            package.busy,
            package.modified_us
        ]);
        self.item_states.push(args![package.id, package.state]);
    }

    /// A shipment, new or changed.
    pub fn shipment(&mut self, shipment: Shipment) {
        self.shipments.push(shipment);
    }

    /// The brand's invoice of a package: number, day, document type, document.
    pub fn invoice(&mut self, package: i64, [number, day, kind, document]: [Option<&str>; 4], doer: &Doer) {
        let at = doer.actor.at_us;
        self.invoices.push(args![package, number, kind, document, day, doer.actor.command_id, at]);
    }

    /// A one-time code of a package was guessed wrong.
    pub fn wrong_code(&mut self, package: i64) {
        self.wrong_codes.push(args![package]);
    }

    /// Units of an order line are not wanted any more.
    pub fn cancel_units(&mut self, order_item: i64, units: i64) {
        *self.cancelled_units.entry(order_item).or_default() += units;
    }

    /// Remembers why a store refused items.
    pub fn deny(&mut self, package: &HeldPackage, reason: i64) {
        package.items.iter().for_each(|i| self.denied_items.push(args![i.id, reason]));
    }

    /// Remembers that the package's location is not asked for order lines again, neither to pack nor to send.
    pub fn exclude(&mut self, package: &HeldPackage, items: impl Iterator<Item = i64>, at_us: i64) {
        let lines: std::collections::BTreeSet<i64> = items
            .filter_map(|id| package.items.iter().find(|i| i.id == id))
            .map(|i| i.order_item_id)
            .collect();
        for line in lines {
            self.exclusions.add(line, package.location_id, at_us);
        }
    }

    /// Makes a package of an order: its birth in a state (with the state it is held in, and whether it holds a
    /// slot), numbered after the last. It has no items yet.
    pub fn create(
        &mut self,
        of: &mut HeldPackage,
        location: i64,
        (state, held_state, holds_slot): (i64, Option<i64>, bool),
        transition: (i64, i64),
        doer: &Doer,
    ) -> HeldPackage {
        of.packages_made += 1;
        let id = self.ids.packages.next().expect("ids were taken");
        let number = states::number(&of.order_number, of.packages_made);
        let step = logs::Step {
            entity: entity::PACKAGE,
            entity_id: id,
            seq: 1,
            old_state: None,
            new_state: state,
            transition,
            attributes: &doer.attributes,
            personal_digest: logs::no_personal_fields(),
        };
        let row = self.row();
        let head = self.steps.push(row, &logs::CHAIN_START, &step, &doer.actor);
        let specific = format!("package.status.{}", Entity::Package.state_word(state));
        let event = NewEvent {
            id: self.row(),
            entity: entity::PACKAGE,
            entity_id: id,
            seq: 1,
            kind: types::PACKAGE_CREATED,
            also: if state == states::OUT_OF_STOCK { &[&specific] } else { &[] },
            delta: serde_json::json!({"state": state}),
        };
        self.events.push(&event, &doer.actor);
        if holds_slot {
            self.slots.add(location, 1);
        }
        self.slots.counts.moved(Counted::Package, None, state);
        self.new_packages.push(args![
            id,
            of.order_id,
            of.channel_id,
            of.placed_us,
            of.packages_made,
            &number,
            location,
            state,
            held_state,
            holds_slot,
            1i64,
            head,
            1i64,
            1i64,
            doer.actor.at_us,
            doer.actor.at_us,
            of.released_to,
            of.targets_us.0,
            of.targets_us.1
        ]);
        self.orders.insert(of.order_id, of.packages_made);
        HeldPackage {
            id,
            number,
            location_id: location,
            state,
            held_state,
            holds_slot,
            transfers_made: 0,
            log_seq: 1,
            log_head: head,
            event_seq: 1,
            version: 1,
            busy: None,
            modified_us: doer.actor.at_us,
            items: Vec::new(),
            ..of.clone()
        }
    }

    /// Gives a new package a copy of an item with some of its units, and the item's holds as far as they go.
    /// The old item keeps its row: its package is history.
    pub fn succeed(&mut self, new: &mut HeldPackage, old: &HeldItem, units: i64, doer: &Doer) {
        let id = self.ids.items.next().expect("ids were taken");
        self.new_items.push(args![id, new.id, old.order_item_id, old.product_id, units, new.state]);
        let holds = self.hand_over(id, old, units, doer);
        new.items.push(HeldItem { id, quantity: units, holds, ..old.clone() });
        if new.state == states::OUT_OF_STOCK {
            *self.short.entry(new.order_id).or_default() += units;
        }
    }

    /// Takes cancelled units out of a package that ends: their stock is taken back, the rest goes over to `rest`.
    pub fn divide(
        &mut self,
        package: &mut HeldPackage,
        cancelled: &BTreeMap<i64, i64>,
        mut rest: Option<&mut HeldPackage>,
        doer: &Doer,
    ) {
        for item in &mut package.items {
            let left = item.quantity - cancelled.get(&item.id).copied().unwrap_or(0);
            match &mut rest {
                Some(rest) if left > 0 => {
                    let old = item.clone();
                    self.succeed(rest, &old, left, doer);
                    item.holds.clear();
                }
                _ => self.item_stock(item, StockMove::Release, None, doer),
            }
        }
    }

    /// What became of an item that was asked to be cancelled.
    pub fn answer_cancellation(&mut self, id: i64, state: &str, outcome: &str, package: Option<i64>) {
        self.cancellations.push(args![id, state, outcome, package]);
    }

    /// Whether anything is to be written although no command was done.
    pub fn has_effects(&self) -> bool {
        !self.wrong_codes.is_empty()
    }

    /// Tells of a change of an order: units of it are not wanted any more.
    pub fn tell_order(&mut self, order: i64, seq: i64, delta: serde_json::Value, doer: &Doer) {
        let event = NewEvent {
            id: self.row(),
            entity: entity::ORDER,
            entity_id: order,
            seq,
            kind: types::ORDER_UPDATED,
            also: &[],
            delta,
        };
        self.events.push(&event, &doer.actor);
        self.order_events.push(args![order, seq, doer.actor.at_us]);
    }

    /// Gives a new package a copy of an item with some of its units, and none of its holds.
    pub fn successor(&mut self, new: &mut HeldPackage, old: &HeldItem, units: i64) {
        let id = self.ids.items.next().expect("ids were taken");
        self.new_items.push(args![id, new.id, old.order_item_id, old.product_id, units, new.state]);
        new.items.push(HeldItem { id, quantity: units, holds: Vec::new(), ..old.clone() });
    }

    /// Gives a new package an item that holds nothing yet; returns its id.
    pub fn new_item(&mut self, new: &mut HeldPackage, old: &HeldItem) -> i64 {
        let id = self.ids.items.next().expect("ids were taken");
        self.new_items.push(args![id, new.id, old.order_item_id, old.product_id, old.quantity, new.state]);
        new.items.push(HeldItem { id, holds: Vec::new(), ..old.clone() });
        id
    }
}
