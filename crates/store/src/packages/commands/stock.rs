//! What a batch's commands do to stock: holds taken, handed over, given back, and what is missing.

use std::collections::BTreeMap;

use oms_core::packages::StockMove;
use oms_core::stocks::Movement;

use super::{Doer, Granted, Missing, Work};
use crate::access::logs::Actor;
use crate::args;
use crate::packages::held::{CONSUMED, HeldItem, HeldPackage, Hold};
use crate::stock::discrepancies::Discrepancy;
use crate::stock::stocks::{Deltas, Place};

impl Work<'_> {
    fn shift(
        &mut self,
        place: Place,
        movement: Movement,
        mut d: Deltas,
        reservation: impl Into<Option<i64>>,
        actor: &Actor,
    ) {
        if self.fed.contains(&place.1) {
            // The engine's next reading says what is on hand.
            d.0 = 0;
        }
        let sum = self.moves.entry(place).or_default();
        *sum = (sum.0 + d.0, sum.1 + d.1, sum.2 + d.2);
        let id = self.row();
        self.ledger.push(id, place, movement, d, reservation.into(), actor);
    }

    /// Moves the stock of all items of a package.
    pub fn stock(&mut self, package: &mut HeldPackage, movement: StockMove, doer: &Doer) {
        for item in &mut package.items {
            self.item_stock(item, movement, None, doer);
        }
    }

    /// Moves the stock of one item. `missing`: that many of its units are not there, and are set apart.
    pub(super) fn item_stock(
        &mut self,
        item: &mut HeldItem,
        movement: StockMove,
        missing: Option<(i64, &Missing, i64)>,
        doer: &Doer,
    ) {
        let actor = &doer.actor;
        let mut lost = missing.map_or(0, |(units, ..)| units);
        let whole = lost;
        for hold in &mut item.holds {
            let place = (item.product_id, hold.location_id);
            let (n, id) = (hold.quantity, hold.reservation_id);
            match (movement, hold.is_consumed) {
                (StockMove::Keep, _) => continue,
                (StockMove::Consume, false) => {
                    self.shift(place, Movement::Consume, (-n, -n, 0), id, actor);
                    self.closed.push(args![id, CONSUMED]);
                    hold.is_consumed = true;
                    continue;
                }
                (StockMove::Consume, true) => continue,
                (StockMove::Release | StockMove::Return, false) => {
                    let apart = lost.min(n);
                    if apart > 0 {
                        self.shift(place, Movement::Quarantine, (0, -apart, apart), id, actor);
                    }
                    if n > apart {
                        self.shift(place, Movement::Release, (0, apart - n, 0), id, actor);
                    }
                    lost -= apart;
                    self.closed.push(args![id, if apart > 0 { "quarantined" } else { "released" }]);
                }
                (StockMove::Release | StockMove::Return, true) => {
                    let apart = lost.min(n);
                    if apart > 0 {
                        self.shift(place, Movement::Quarantine, (apart, 0, apart), id, actor);
                    }
                    if n > apart {
                        self.shift(place, Movement::Return, (n - apart, 0, 0), id, actor);
                    }
                    lost -= apart;
                    self.closed.push(args![id, if apart > 0 { "quarantined" } else { "returned" }]);
                }
            }
        }
        if movement != StockMove::Consume && movement != StockMove::Keep {
            item.holds.clear();
        }
        if let Some((_, why, location)) = missing.filter(|_| whole > lost) {
            self.discrepancy(item, whole - lost, location, why, doer);
        }
    }

    fn discrepancy(&mut self, item: &HeldItem, units: i64, location: i64, why: &Missing, doer: &Doer) {
        let id = self.ids.discrepancies.next().expect("ids were taken");
        self.discrepancies.push(args![
            id,
            item.id,
            None::<i64>,
            item.product_id,
            location,
            units,
            &why.reason,
            why.denial_reason_id,
            "open",
            doer.actor.command_id,
            doer.actor.at_us
        ]);
    }

    /// Takes a package's stock back, `missing` units of each item (by item) set apart.
    pub fn free(
        &mut self,
        package: &mut HeldPackage,
        missing: &BTreeMap<i64, i64>,
        why: &Missing,
        doer: &Doer,
    ) {
        let location = package.location_id;
        for item in &mut package.items {
            let units = missing.get(&item.id).copied().unwrap_or(0);
            let apart = (units > 0).then_some((units, why, location));
            self.item_stock(item, StockMove::Release, apart, doer);
        }
    }

    /// Ends an open discrepancy: its units were found, or are gone.
    pub fn close(&mut self, d: &Discrepancy, was_found: bool, doer: &Doer) {
        let (movement, word, on_hand) = match was_found {
            true => (Movement::Found, "found", 0),
            false => (Movement::Lost, "lost", -d.quantity),
        };
        let place = (d.product_id, d.location_id);
        self.shift(place, movement, (on_hand, 0, -d.quantity), None, &doer.actor);
        self.closed_discrepancies.push(args![d.id, word, doer.actor.at_us, &doer.actor.name]);
    }

    /// Hands holds of `units` over to another item; what is beyond them is taken back.
    pub(super) fn hand_over(&mut self, to: i64, old: &HeldItem, units: i64, doer: &Doer) -> Vec<Hold> {
        let (mut left, mut kept) = (units, Vec::new());
        for hold in &old.holds {
            let take = left.min(hold.quantity);
            left -= take;
            if take == hold.quantity {
                self.handed_over.push(args![hold.reservation_id, to]);
                kept.push(hold.clone());
                continue;
            }
            self.split_hold(to, old, hold, take, doer);
        }
        kept
    }

    /// A hold of which another item gets a part: it ends, and the part is promised (or taken) anew.
    fn split_hold(&mut self, to: i64, old: &HeldItem, hold: &Hold, take: i64, doer: &Doer) {
        let place = (old.product_id, hold.location_id);
        let (n, id) = (hold.quantity, hold.reservation_id);
        if hold.is_consumed {
            self.shift(place, Movement::Return, (n, 0, 0), id, &doer.actor);
            self.closed.push(args![id, "returned"]);
        } else {
            self.shift(place, Movement::Release, (0, -n, 0), id, &doer.actor);
            self.closed.push(args![id, "released"]);
        }
        if take > 0 {
            let movement = if hold.is_consumed { Movement::Consume } else { Movement::Reserve };
            self.grants.push(Granted {
                item: to,
                place,
                units: take,
                movement,
                actor: doer.actor.clone(),
                is_guarded: false,
            });
        }
    }

    /// Promises units of a location to an item; they must be free when the batch is written.
    pub fn grant(&mut self, item: i64, place: Place, units: i64, doer: &Doer) {
        let actor = doer.actor.clone();
        self.grants.push(Granted {
            item,
            place,
            units,
            movement: Movement::Reserve,
            actor,
            is_guarded: true,
        });
    }

    /// Takes missing units out of a package into another one, which is out of stock: a whole item moves, a part
    /// becomes an item of its own. The units are set apart.
    pub fn split_missing(
        &mut self,
        package: &mut HeldPackage,
        into: &mut HeldPackage,
        missing: &BTreeMap<i64, i64>,
        why: &Missing,
        doer: &Doer,
    ) {
        let location = package.location_id;
        for (&id, &units) in missing {
            let Some(at) = package.items.iter().position(|i| i.id == id) else { continue };
            *self.short.entry(package.order_id).or_default() += units;
            if package.items[at].quantity == units {
                let mut item = package.items.remove(at);
                self.item_stock(&mut item, StockMove::Release, Some((units, why, location)), doer);
                self.moved_items.push(args![item.id, into.id, into.state]);
                into.items.push(item);
                continue;
            }
            let new_id = self.ids.items.next().expect("ids were taken");
            let item = &mut package.items[at];
            let rest = item.quantity - units;
            self.new_items.push(args![
                new_id,
                into.id,
                item.order_item_id,
                item.product_id,
                units,
                into.state
            ]);
            self.resized_items.push(args![item.id, rest]);
            let old = item.clone();
            item.quantity = rest;
            item.holds = self.lose(&old, units, doer);
            let missing_item = HeldItem { id: new_id, quantity: units, holds: Vec::new(), ..old };
            self.discrepancy(&missing_item, units, location, why, doer);
            into.items.push(missing_item);
        }
    }

    /// Sets `units` of an item's holds apart and leaves it the rest; what is left of a hold that is cut is
    /// promised (or taken) anew.
    fn lose(&mut self, item: &HeldItem, units: i64, doer: &Doer) -> Vec<Hold> {
        let (mut lost, mut kept) = (units, Vec::new());
        for hold in &item.holds {
            let place = (item.product_id, hold.location_id);
            let (n, id) = (hold.quantity, hold.reservation_id);
            let apart = lost.min(n);
            lost -= apart;
            if apart == 0 {
                kept.push(hold.clone());
                continue;
            }
            let d = if hold.is_consumed { (apart, 0, apart) } else { (0, -apart, apart) };
            self.shift(place, Movement::Quarantine, d, id, &doer.actor);
            self.closed.push(args![id, "quarantined"]);
            if n > apart {
                let rest = n - apart;
                let (back, again) = match hold.is_consumed {
                    true => ((Movement::Return, (rest, 0, 0)), Movement::Consume),
                    false => ((Movement::Release, (0, -rest, 0)), Movement::Reserve),
                };
                self.shift(place, back.0, back.1, id, &doer.actor);
                self.grants.push(Granted {
                    item: item.id,
                    place,
                    units: rest,
                    movement: again,
                    actor: doer.actor.clone(),
                    is_guarded: false,
                });
            }
        }
        kept
    }
}
