//! Writing a batch's rows, table by table.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeFrom;

use oms_core::stocks::Movement;

use super::{Granted, Work, Written};
use crate::batch::Rows;
use crate::packages::held::CONSUMED;
use crate::stock::stocks::{self, Balance, LedgerRows, Place};
use crate::{StoreError, Tx, args};

impl Work<'_> {
    /// Writes everything but the slots, which the caller writes at the end of its transaction. `planned`: products
    /// that are planned with in the same transaction; their balances are held with those of the batch, in one order.
    pub async fn run(mut self, tx: &mut Tx, planned: &[i64]) -> Result<Written, StoreError> {
        self.commands.write(tx).await?;
        let head = "INSERT INTO packages (id, order_id, channel_id, placed_us, n, number, location_id, state, held_state, holds_slot, log_seq, \
                    log_head, event_seq, version, created_us, modified_us, released_to, target_packaging_us, target_exit_us)";
        tx.insert(head, self.new_packages, "").await?;
        let head = "INSERT INTO package_items (id, package_id, order_item_id, product_id, quantity, state)";
        tx.insert(head, self.new_items, "").await?;
        let body = "UPDATE package_items SET package_id = v.package, state = v.state FROM v WHERE package_items.id = v.id";
        tx.execute_values("id, package, state", self.moved_items, body).await?;
        let body = "UPDATE package_items SET quantity = v.n FROM v WHERE package_items.id = v.id";
        tx.execute_values("id, n", self.resized_items, body).await?;

        for g in &self.grants {
            let sum = self.moves.entry(g.place).or_default();
            match g.movement {
                // Taken again in the same breath as it was given back: the shelf does not notice.
                Movement::Consume if !self.fed.contains(&g.place.1) => sum.0 -= g.units,
                Movement::Consume => {}
                _ => sum.1 += g.units,
            }
        }
        if !planned.is_empty() {
            let moved = self.moves.keys().map(|(product, _)| *product);
            stocks::hold_products(tx, planned.iter().copied().chain(moved)).await?;
        }
        if !self.moves.is_empty() {
            let before = stocks::lock(tx, self.moves.keys().copied()).await?;
            let short = self.grants.iter().filter(|g| g.is_guarded).map(|g| g.place).find(|place| {
                let balance = before.get(place).copied().unwrap_or_default();
                let d = self.moves[place];
                balance.available() + d.0 - d.1 - d.2 < 0
            });
            if let Some(place) = short {
                return Ok(Written::Short(place));
            }
            let after = stocks::shift(tx, &self.moves).await?;
            grant_rows(tx, &mut self.ids.rows, &self.grants, &self.fed, &after, &mut self.ledger).await?;
        }
        let body = "UPDATE reservations SET closed_reason = v.reason FROM v WHERE reservations.id = v.id";
        tx.execute_values("id, reason", self.closed, body).await?;
        let body = "UPDATE reservations SET package_item_id = v.item FROM v WHERE reservations.id = v.id";
        tx.execute_values("id, item", self.handed_over, body).await?;
        self.ledger.write(tx).await?;
        let head = "INSERT INTO discrepancies (id, package_item_id, transfer_item_id, product_id, location_id, quantity, \
                    reason, denial_reason_id, state, command_id, created_us)";
        tx.insert(head, self.discrepancies, "").await?;
        let body = "UPDATE discrepancies SET state = v.state, closed_us = v.at, closed_by = v.who FROM v \
                    WHERE discrepancies.id = v.id";
        tx.execute_values("id, state, at, who", self.closed_discrepancies, body).await?;
        crate::packages::shipments::put(tx, &self.shipments).await?;
        let head = "INSERT INTO invoices (package_id, number, document_type, document, invoice_date, command_id, modified_us)";
        let tail = "ON CONFLICT (package_id) DO UPDATE SET number = excluded.number, \
                    document_type = excluded.document_type, document = excluded.document, \
                    invoice_date = excluded.invoice_date, command_id = excluded.command_id, modified_us = excluded.modified_us";
        tx.insert(head, self.invoices, tail).await?;
        let body =
            "UPDATE pickup_codes SET tries_left = tries_left - 1 FROM v WHERE pickup_codes.package_id = v.id";
        tx.execute_values("id", self.wrong_codes, body).await?;
        crate::orders::cancellations::answer(tx, self.cancellations).await?;
        let body = "UPDATE orders SET event_seq = v.seq, revision = revision + 1, modified_us = v.at FROM v \
                    WHERE orders.id = v.id";
        tx.execute_values("id, seq, at", self.order_events, body).await?;
        let body = "UPDATE order_items SET quantity_cancelled = quantity_cancelled + v.n FROM v WHERE order_items.id = v.id";
        let mut cancelled = Rows::new(2);
        self.cancelled_units.iter().for_each(|(&item, &n)| cancelled.push(args![item, n]));
        tx.execute_values("id, n", cancelled, body).await?;

        let body = "UPDATE packages SET state = v.state, held_state = v.held, holds_slot = v.slot, log_seq = v.log_seq, \
                    log_head = v.head, event_seq = v.seq, version = v.version, busy_command_id = v.busy, \
                    modified_us = v.at FROM v WHERE packages.id = v.id";
        let columns = "id, state, held, slot, log_seq, head, seq, version, busy, at";
        tx.execute_values(columns, self.packages, body).await?;
        let body =
            "UPDATE package_items SET state = v.state FROM v WHERE package_items.package_id = v.package";
        tx.execute_values("package, state", self.item_states, body).await?;
        let body =
            "UPDATE package_items SET denial_reason_id = v.reason FROM v WHERE package_items.id = v.id";
        tx.execute_values("id, reason", self.denied_items, body).await?;
        self.exclusions.write(tx).await?;
        self.steps.write(tx).await?;
        self.events.write(tx).await?;
        let mut orders = Rows::new(2);
        self.orders.iter().for_each(|(&id, &made)| orders.push(args![id, made]));
        let body = "UPDATE orders SET packages_made = v.made FROM v WHERE orders.id = v.id";
        tx.execute_values("id, made", orders, body).await?;
        let mut short = Rows::new(2);
        self.short.iter().filter(|(_, n)| **n != 0).for_each(|(&order, &n)| short.push(args![order, n]));
        let body =
            "UPDATE plans SET units_out_of_stock = units_out_of_stock + v.n FROM v WHERE plans.id = v.id";
        tx.execute_values("id, n", short, body).await?;

        Ok(Written::Done(self.slots))
    }
}

/// Writes the reservations of grants, with what was seen when they were made.
async fn grant_rows(
    tx: &mut Tx,
    ids: &mut RangeFrom<i64>,
    grants: &[Granted],
    fed: &HashSet<i64>,
    after: &BTreeMap<Place, Balance>,
    ledger: &mut LedgerRows,
) -> Result<(), StoreError> {
    let mut id = || ids.next().expect("ids were taken");
    let mut rows = Rows::new(8);
    for g in grants {
        let (reservation, now) = (id(), after[&g.place]);
        ledger.push(id(), g.place, Movement::Reserve, (0, g.units, 0), Some(reservation), &g.actor);
        let is_consumed = g.movement == Movement::Consume;
        if is_consumed {
            let d_on_hand = if fed.contains(&g.place.1) { 0 } else { -g.units };
            let d = (d_on_hand, -g.units, 0);
            ledger.push(id(), g.place, Movement::Consume, d, Some(reservation), &g.actor);
        }
        // Units handed over from another hold were seen when that one was granted.
        let seen = if g.is_guarded { now.on_hand } else { now.on_hand.max(now.reserved) };
        rows.push(args![
            reservation,
            g.item,
            g.place.1,
            g.place.0,
            g.units,
            seen,
            now.reserved,
            is_consumed.then_some(CONSUMED)
        ]);
    }
    let head = "INSERT INTO reservations (id, package_item_id, location_id, product_id, quantity, on_hand_seen, \
                reserved_after, closed_reason)";
    tx.insert(head, rows, "").await?;
    Ok(())
}
