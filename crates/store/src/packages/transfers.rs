//! Transfers: goods on their way to the location that packs them, and the steps they take.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_core::events::{self as types, entity};
use oms_core::packages as package_states;
use oms_core::stocks::Movement;
use oms_core::transfers as states;

use crate::access::logs::{self, Actor, StepRows};
use crate::batch::Rows;
use crate::events::{EventRows, NewEvent};
use crate::list_counts::{Counted, Counts};
use crate::packages::commands::Doer;
use crate::packages::held::{self, HeldPackage, head_of};
use crate::planning::exclusions::Exclusions;
use crate::stock::stocks::{self, Deltas, LedgerRows, Place};
use crate::{Row, StoreError, Tx, args};

/// A transfer with its items.
#[derive(Debug, Clone)]
pub struct Transfer {
    pub id: i64,
    pub package_id: i64,
    pub number: String,
    pub from_location_id: i64,
    pub to_location_id: i64,
    pub state: i64,
    /// Its package was cancelled while it was on its way: what arrives is free stock.
    pub is_detached: bool,
    pub log_seq: i64,
    pub log_head: [u8; 32],
    pub event_seq: i64,
    pub version: i64,
    pub items: Vec<TransferItem>,
}

/// Units of one package item inside a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferItem {
    pub id: i64,
    pub package_item_id: i64,
    pub order_item_id: i64,
    pub product_id: i64,
    pub quantity: i64,
}

fn read(row: &Row) -> Result<Transfer, StoreError> {
    let mut c = row.cols();
    let id = c.i64()?;
    Ok(Transfer {
        id,
        package_id: c.i64()?,
        number: c.text()?,
        from_location_id: c.i64()?,
        to_location_id: c.i64()?,
        state: c.i64()?,
        is_detached: c.bool()?,
        log_seq: c.i64()?,
        log_head: head_of(c.bytes()?, "transfer", id)?,
        event_seq: c.i64()?,
        version: c.i64()?,
        items: Vec::new(),
    })
}

/// Holds a transfer's order, package and sister transfers, in that order. `None`: there is no such transfer.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<Option<(HeldPackage, Vec<Transfer>)>, StoreError> {
    let found = tx.first("SELECT package_id FROM transfers WHERE id = $1", args![id]).await?;
    let Some(package_id) = found.map(|r| r.i64(0)).transpose()? else { return Ok(None) };
    let package = held::packages(tx, vec![package_id]).await?.remove(&package_id);
    let package = package.ok_or_else(|| StoreError::Corrupt(format!("transfer {id} has no package")))?;
    Ok(Some((package, of_package(tx, package_id).await?)))
}

/// Holds a package's transfers with their items; the package itself is held already.
pub async fn of_package(tx: &mut Tx, package_id: i64) -> Result<Vec<Transfer>, StoreError> {
    let sql = format!(
        "SELECT id, package_id, number, from_location_id, to_location_id, state, is_detached, log_seq, log_head, event_seq, \
         version FROM transfers WHERE package_id = $1 ORDER BY n{}",
        tx.dialect().for_update()
    );
    let mut transfers =
        tx.fetch(sql, args![package_id]).await?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let head = "SELECT t.transfer_id, t.id, t.package_item_id, i.order_item_id, t.product_id, t.quantity \
                FROM transfer_items t JOIN package_items i ON i.id = t.package_item_id WHERE t.transfer_id";
    let ids: Vec<i64> = transfers.iter().map(|t| t.id).collect();
    for row in tx.fetch_in(head, ids, "ORDER BY t.transfer_id, t.id").await? {
        let mut c = row.cols();
        let of = c.i64()?;
        let item = TransferItem {
            id: c.i64()?,
            package_item_id: c.i64()?,
            order_item_id: c.i64()?,
            product_id: c.i64()?,
            quantity: c.i64()?,
        };
        transfers.iter_mut().filter(|t| t.id == of).for_each(|t| t.items.push(item.clone()));
    }
    Ok(transfers)
}

/// The package of each transfer.
pub async fn packages_of(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, i64>, StoreError> {
    let rows = tx.fetch_in("SELECT id, package_id FROM transfers WHERE id", ids, "").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

/// The products of a transfer.
pub async fn products_of(tx: &mut Tx, id: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT DISTINCT product_id FROM transfer_items WHERE transfer_id = $1 ORDER BY product_id";
    tx.fetch(sql, args![id]).await?.iter().map(|r| r.i64(0)).collect()
}

/// What a step does to the transfer's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing moves.
    None,
    /// The units leave the source's shelf.
    Dispatch,
    /// The units arrive, promised to the package they came for (free stock if it is gone).
    Arrive,
    /// The promise at the source is taken back.
    Release,
    /// The same, and the units of these items are set apart: the source has not got them.
    Missing(BTreeSet<i64>),
}

/// Takes a transfer, held before, to another state by a seeded transition. `ids`: rows for the log, the
/// event, and three an item.
pub async fn step(
    tx: &mut Tx,
    transfer: &Transfer,
    to: i64,
    transition: (i64, i64),
    effect: &Effect,
    ids: &mut impl Iterator<Item = i64>,
    doer: &Doer,
) -> Result<(), StoreError> {
    let actor = &doer.actor;
    let mut id = || ids.next().expect("ids were taken");
    let word = states::state(to).map_or("", |s| s.word);
    let (mut steps, mut events) = (StepRows::default(), EventRows::default());
    let step = logs::Step {
        entity: entity::TRANSFER,
        entity_id: transfer.id,
        seq: transfer.event_seq + 1,
        old_state: Some(transfer.state),
        new_state: to,
        transition,
        attributes: &doer.attributes,
        personal_digest: doer.personal.as_ref().map_or_else(logs::no_personal_fields, |p| p.digest()),
    };
    let head = steps.push_personal(id(), &transfer.log_head, &step, doer.personal.as_ref(), actor);
    let also = format!("transfer.status.{word}");
    let event = NewEvent {
        id: id(),
        entity: entity::TRANSFER,
        entity_id: transfer.id,
        seq: transfer.event_seq + 1,
        kind: types::TRANSFER_TRANSITIONED,
        also: &[&also],
        delta: serde_json::json!({"state": to}),
    };
    events.push(&event, actor);
    let sql = "UPDATE transfers SET state = $2, log_seq = event_seq + 1, log_head = $3, event_seq = event_seq + 1, \
               version = version + 1, modified_us = $4 WHERE id = $1";
    tx.execute(sql, args![transfer.id, to, head, actor.at_us]).await?;
    tx.execute("UPDATE transfer_items SET state = $2 WHERE transfer_id = $1", args![transfer.id, to]).await?;
    let mut counts = Counts::default();
    counts.moved(Counted::Transfer, Some(transfer.state), to);
    counts.write(tx).await?;
    move_stock(tx, transfer, effect, id, actor).await?;
    steps.write(tx).await?;
    events.write(tx).await
}

async fn move_stock(
    tx: &mut Tx,
    transfer: &Transfer,
    effect: &Effect,
    mut id: impl FnMut() -> i64,
    actor: &Actor,
) -> Result<(), StoreError> {
    let arrives = *effect == Effect::Arrive;
    let here = if arrives { transfer.to_location_id } else { transfer.from_location_id };
    let place = |item: &TransferItem| (item.product_id, here);
    let (mut d_on_hand, d_reserved) = match effect {
        Effect::None => return Ok(()),
        Effect::Dispatch => (-1, -1),
        Effect::Release | Effect::Missing(_) => (0, -1),
        Effect::Arrive if transfer.is_detached => (1, 0),
        Effect::Arrive => (1, 1),
    };
    if crate::stock::engines::owners(tx).await?.contains_key(&here) {
        // The engine's next reading says what is on hand.
        d_on_hand = 0;
    }
    let is_missing =
        |item: &TransferItem| matches!(effect, Effect::Missing(items) if items.contains(&item.id));
    let of = |item: &TransferItem| {
        let n = item.quantity;
        (d_on_hand * n, d_reserved * n, if is_missing(item) { n } else { 0 })
    };
    let mut moves: BTreeMap<Place, Deltas> = BTreeMap::new();
    for item in &transfer.items {
        let (sum, d) = (moves.entry(place(item)).or_default(), of(item));
        *sum = (sum.0 + d.0, sum.1 + d.1, sum.2 + d.2);
    }
    if arrives {
        stocks::open(tx, moves.keys().copied()).await?;
    }
    stocks::lock(tx, moves.keys().copied()).await?;
    let after = stocks::shift(tx, &moves).await?;
    let mut ledger = LedgerRows::default();
    match effect {
        Effect::Arrive => {
            let mut reservations = Rows::new(7);
            for item in &transfer.items {
                let (at, now) = (place(item), after[&place(item)]);
                let (movement, reservation) = match transfer.is_detached {
                    true => (Movement::Received, None),
                    false => (Movement::Arrive, Some(id())),
                };
                if let Some(reservation) = reservation {
                    let owner = item.package_item_id;
                    reservations.push(args![
                        reservation,
                        owner,
                        at.1,
                        at.0,
                        item.quantity,
                        now.on_hand,
                        now.reserved
                    ]);
                }
                ledger.push(id(), at, movement, of(item), reservation, actor);
            }
            let head = "INSERT INTO reservations (id, package_item_id, location_id, product_id, quantity, on_hand_seen, \
                        reserved_after)";
            tx.insert(head, reservations, "").await?;
        }
        _ => {
            let mut discrepancies = Rows::new(11);
            let open = open_reservations(tx, transfer).await?;
            let mut closed = Rows::new(2);
            for item in &transfer.items {
                let reservation = open.get(&item.id).copied().ok_or_else(|| {
                    StoreError::Corrupt(format!(
                        "item {} of transfer {} holds no stock",
                        item.id, transfer.id
                    ))
                })?;
                let (movement, reason) = match effect {
                    Effect::Dispatch => (Movement::Consume, "dispatched"),
                    _ if is_missing(item) => (Movement::Quarantine, "quarantined"),
                    _ => (Movement::Release, "released"),
                };
                closed.push(args![reservation, reason]);
                ledger.push(id(), place(item), movement, of(item), Some(reservation), actor);
                if is_missing(item) {
                    discrepancies.push(args![
                        id(),
                        item.package_item_id,
                        item.id,
                        item.product_id,
                        here,
                        item.quantity,
                        "not_found",
                        None::<i64>,
                        "open",
                        actor.command_id,
                        actor.at_us
                    ]);
                }
            }
            let head = "INSERT INTO discrepancies (id, package_item_id, transfer_item_id, product_id, location_id, quantity, \
                        reason, denial_reason_id, state, command_id, created_us)";
            tx.insert(head, discrepancies, "").await?;
            let body = "UPDATE reservations SET closed_reason = v.reason FROM v WHERE reservations.id = v.id";
            tx.execute_values("id, reason", closed, body).await?;
        }
    }
    ledger.write(tx).await
}

/// The open reservation of each of a transfer's items.
async fn open_reservations(tx: &mut Tx, transfer: &Transfer) -> Result<BTreeMap<i64, i64>, StoreError> {
    let head =
        "SELECT transfer_item_id, id FROM reservations WHERE closed_reason IS NULL AND transfer_item_id";
    let rows = tx.fetch_in(head, transfer.items.iter().map(|i| i.id), "").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

/// Lets a package go whose last transfer has come. `ids`: a log row and an event.
pub async fn release_package(
    tx: &mut Tx,
    package: &HeldPackage,
    ids: &mut impl Iterator<Item = i64>,
    actor: &Actor,
) -> Result<(), StoreError> {
    let to = package.released_to;
    let (transition, also) = match to {
        package_states::WAITING_REMOTE_ACTION => ((7, 1), types::PACKAGE_WAITING_REMOTE_ACTION),
        _ => ((6, 1), types::PACKAGE_WAITING),
    };
    move_package(tx, package, to, transition, &[also], "{}", ids, actor).await
}

/// Takes a held package to another state by a seeded transition, its items with it.
#[expect(clippy::too_many_arguments, reason = "one step of one record, told in full")]
pub(crate) async fn move_package(
    tx: &mut Tx,
    package: &HeldPackage,
    to: i64,
    transition: (i64, i64),
    also: &[&str],
    attributes: &str,
    ids: &mut impl Iterator<Item = i64>,
    actor: &Actor,
) -> Result<(), StoreError> {
    let mut id = || ids.next().expect("ids were taken");
    let (mut steps, mut events) = (StepRows::default(), EventRows::default());
    let step = logs::Step {
        entity: entity::PACKAGE,
        entity_id: package.id,
        seq: package.event_seq + 1,
        old_state: Some(package.state),
        new_state: to,
        transition,
        attributes,
        personal_digest: logs::no_personal_fields(),
    };
    let head = steps.push(id(), &package.log_head, &step, actor);
    let event = NewEvent {
        id: id(),
        entity: entity::PACKAGE,
        entity_id: package.id,
        seq: package.event_seq + 1,
        kind: types::PACKAGE_TRANSITIONED,
        also,
        delta: serde_json::json!({"state": to}),
    };
    events.push(&event, actor);
    let held = |code: i64| package_states::state(code).is_some_and(|s| s.slot == package_states::Slot::Held);
    let sql = "UPDATE packages SET state = $2, holds_slot = $3, log_seq = event_seq + 1, log_head = $4, \
               event_seq = event_seq + 1, version = version + 1, modified_us = $5 WHERE id = $1";
    tx.execute(sql, args![package.id, to, held(to), head, actor.at_us]).await?;
    tx.execute("UPDATE package_items SET state = $2 WHERE package_id = $1", args![package.id, to]).await?;
    if held(package.state) && !held(to) {
        let sql = "UPDATE location_loads SET quota = quota - 1 WHERE location_id = $1";
        tx.execute(sql, args![package.location_id]).await?;
    }
    let mut counts = Counts::default();
    counts.moved(Counted::Package, Some(package.state), to);
    counts.write(tx).await?;
    steps.write(tx).await?;
    events.write(tx).await
}

/// Lets transfers go that are on their way when their package ends: what arrives is free stock.
pub async fn detach(tx: &mut Tx, ids: Vec<i64>, actor: &Actor) -> Result<(), StoreError> {
    let mut rows = Rows::new(2);
    ids.into_iter().for_each(|id| rows.push(args![id, actor.at_us]));
    let body = "UPDATE transfers SET is_detached = TRUE, version = version + 1, modified_us = v.at FROM v \
                WHERE transfers.id = v.id";
    tx.execute_values("id, at", rows, body).await?;
    Ok(())
}

/// Remembers that a location did not have lines it was to send.
pub async fn exclude_source(
    tx: &mut Tx,
    transfer: &Transfer,
    items: &BTreeSet<i64>,
    actor: &Actor,
) -> Result<(), StoreError> {
    let mut exclusions = Exclusions::default();
    let lost = transfer.items.iter().filter(|i| items.contains(&i.id));
    let lines: BTreeSet<i64> = lost.map(|i| i.order_item_id).collect();
    lines.iter().for_each(|&line| exclusions.add(line, transfer.from_location_id, actor.at_us));
    exclusions.write(tx).await
}
