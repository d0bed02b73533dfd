//! What each command does to its package: checked first, done after. Nothing here waits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_core::commands::{Act, Entity};
use oms_core::events as types;
use oms_core::packages::{self as states, StockMove};
use oms_core::refusal::Refusal;
use oms_core::settings::Otp;
use oms_store::Tx;
use oms_store::orders::cancellations as cancellation_store;
use oms_store::packages::commands::{Missing, Step, Work};
use oms_store::packages::held::HeldPackage;
use oms_store::packages::pickup_codes::{self, PickupCode};
use oms_store::packages::shipments::{self, Shipment};
use oms_store::places::locations;
use oms_store::rules::denial_reasons::{self, DenialReason};
use oms_store::stock::discrepancies::{self, Discrepancy};
use serde_json::json;

use super::Ready;
use crate::rules::transitions::system;
use crate::setup::settings;
use crate::{App, Result};

/// What the commands of a wave ask of the database, read once.
#[derive(Default)]
pub(crate) struct Known {
    now_us: i64,
    reasons: HashMap<i64, DenialReason>,
    codes: HashMap<i64, PickupCode>,
    otp: Otp,
    /// By package; the newest last.
    shipments: HashMap<i64, Vec<Shipment>>,
    /// By package item: those that are open.
    discrepancies: HashMap<i64, Vec<Discrepancy>>,
    /// Location and whether it is in use, by `erp_code`.
    places: HashMap<String, (i64, bool)>,
    /// What is asked to be cancelled of packages that wait: order item and units.
    asked: HashMap<i64, Vec<cancellation_store::Asked>>,
}

impl Known {
    pub(crate) async fn load(
        app: &App,
        tx: &mut Tx,
        ready: &[Ready<'_>],
        held: &BTreeMap<i64, HeldPackage>,
    ) -> Result<Self> {
        let mut known = Self { now_us: app.now_us(), ..Self::default() };
        let with = |acts: &'static [Act]| ready.iter().filter(|r| acts.contains(&r.command.act));
        let ids = |acts| with(acts).map(|r| r.request.id).collect::<Vec<_>>();
        let reasons: BTreeSet<i64> = ready.iter().filter_map(|r| r.given.denial_reason).collect();
        if !reasons.is_empty() {
            let found = denial_reasons::by_ids(tx, reasons.into_iter().collect()).await?;
            known.reasons = found.into_iter().map(|r| (r.id, r)).collect();
        }
        let handed = ids(&[Act::HandOver]);
        if !handed.is_empty() {
            known.otp = settings::typed(tx, "IS_OTP_ENABLED").await?.unwrap_or_default();
            known.codes = pickup_codes::of_packages(tx, handed).await?;
        }
        let shipped =
            ids(&[Act::Ship, Act::UpdateShipmentInfo, Act::UpdateShipmentLabel, Act::AcceptCancellation]);
        if !shipped.is_empty() {
            for shipment in shipments::of_packages(tx, shipped).await? {
                known.shipments.entry(shipment.package_id.unwrap_or_default()).or_default().push(shipment);
            }
        }
        let refunded = ids(&[Act::PackForRefund]);
        let items: Vec<i64> =
            refunded.iter().filter_map(|id| held.get(id)).flat_map(|p| &p.items).map(|i| i.id).collect();
        if !items.is_empty() {
            for d in discrepancies::of_items(tx, items).await?.into_iter().filter(|d| d.state == "open") {
                known.discrepancies.entry(d.package_item_id).or_default().push(d);
            }
        }
        let erp_codes: BTreeSet<&str> =
            ready.iter().flat_map(|r| &r.given.assignments).map(|a| a.erp_code.as_str()).collect();
        if !erp_codes.is_empty() {
            known.places =
                locations::by_erp_codes(tx, erp_codes.into_iter().map(str::to_owned).collect()).await?;
        }
        let waiting = ids(&[Act::AcceptCancellation, Act::RefuseCancellation]);
        if !waiting.is_empty() {
            known.asked = cancellation_store::asked_of(tx, waiting).await?;
        }
        Ok(known)
    }
}

/// What follows a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    /// The package to be planned again in the same transaction.
    pub replan: Option<i64>,
    /// An answer from outside is awaited; nothing has happened yet.
    pub asks_outside: bool,
}

pub(crate) fn decide(
    work: &mut Work<'_>,
    package: &mut HeldPackage,
    one: &Ready<'_>,
    known: &Known,
) -> Result<Decided, Refusal> {
    let (doer, given) = (&one.doer, &one.given);
    let transition = (one.transition.id, one.transition.rev);
    let to = one.transition.definition.to;
    let plain = |also: &'static [&'static str]| Step { also, ..Step::new(to, transition) };
    let mut decided = Decided::default();
    match one.command.act {
        Act::Step | Act::ReadyForPickup => {
            let movement = stock_move(package, to)?;
            work.stock(package, movement, doer);
            work.step(package, &plain(&[]), doer);
        }
        Act::Block | Act::Unblock => work.step(package, &plain(&[]), doer),
        Act::PackWithShipment => decided.asks_outside = true,
        Act::UpdateShipmentLabel => {
            if known.shipments.get(&package.id).is_none_or(|s| s.iter().all(|s| s.outside_key.is_none())) {
                let message = format!(
                    "Package {} has no shipment of a carrier whose label could be renewed.",
                    package.number
                );
                return Err(Refusal::invalid("shipment", "no_shipment", message));
            }
            decided.asks_outside = true;
        }
        Act::Refuse => {
            let reason = reason(known, given.denial_reason)?;
            let why = Missing { reason: reason.title.clone(), denial_reason_id: Some(reason.id) };
            let missing = if reason.is_missing { all_units(package) } else { BTreeMap::new() };
            work.free(package, &missing, &why, doer);
            work.deny(package, reason.id);
            if reason.excludes_location {
                work.exclude(package, package.items.iter().map(|i| i.id), doer.actor.at_us);
            }
            let mut step = plain(&[types::PACKAGE_REFUSED]);
            step.delta.insert("denial_reason".into(), reason.id.into());
            work.step(package, &step, doer);
            decided.replan = Some(package.id);
        }
        Act::NotFound => {
            let missing = missing_units(package, &given.items)?;
            let missing = if missing.is_empty() { all_units(package) } else { missing };
            let why = not_found(known, given.denial_reason)?;
            all_missing(work, package, &missing, &why, &plain(&[]), one);
            decided.replan = Some(package.id);
        }
        Act::NotFoundAdvanced => {
            let missing = missing_units(package, &given.items)?;
            if missing.is_empty() {
                let message = "package_items names what is missing; name at least one item.";
                return Err(Refusal::invalid("package_items", "required", message));
            }
            let why = not_found(known, given.denial_reason)?;
            decided.replan = Some(if missing == all_units(package) {
                let system =
                    system(Entity::Package, Some(package.state), states::OUT_OF_STOCK).map_err(no_step)?;
                all_missing(work, package, &missing, &why, &Step::new(states::OUT_OF_STOCK, system), one);
                package.id
            } else {
                work.exclude(package, missing.keys().copied(), doer.actor.at_us);
                let born = system(Entity::Package, None, states::OUT_OF_STOCK).map_err(no_step)?;
                let place = package.location_id;
                let mut rest = work.create(package, place, (states::OUT_OF_STOCK, None, false), born, doer);
                work.split_missing(package, &mut rest, &missing, &why, doer);
                let mut step = plain(&[types::PACKAGE_UPDATED]);
                step.delta.insert("split_off".into(), rest.id.into());
                work.step(package, &step, doer);
                rest.id
            });
        }
        Act::PackForRefund => {
            let movement = stock_move(package, to)?;
            work.stock(package, movement, doer);
            let items: Vec<i64> = package.items.iter().map(|i| i.id).collect();
            for d in items.iter().filter_map(|i| known.discrepancies.get(i)).flatten() {
                // Nobody looks for them any more: the customer gets the money back.
                work.close(d, false, doer);
            }
            work.step(package, &plain(&[]), doer);
        }
        Act::UpdateInvoice => {
            let texts = [
                &given.invoice_number,
                &given.invoice_date,
                &given.invoice_document_type,
                &given.invoice_document,
            ];
            work.invoice(package.id, texts.map(|t| t.as_deref()), doer);
            work.step(package, &plain(&[types::PACKAGE_INVOICE_UPDATED]), doer);
        }
        Act::PlanByHand => plan_by_hand(work, package, one, known)?,
        Act::HandOver => {
            hand_over(work, package, one, known)?;
            work.step(package, &plain(&[]), doer);
        }
        Act::Ship => {
            let movement = stock_move(package, to)?;
            work.stock(package, movement, doer);
            let tells = given.tracking_number.is_some() || given.shipping_company.is_some();
            let shipment = known.shipments.get(&package.id).and_then(|s| s.last());
            if tells || shipment.is_some() {
                record_shipment(work, package, shipment, "shipping", one);
            }
            let also: &[&str] =
                if given.tracking_number.is_some() { &[types::PACKAGE_AWB_NUMBER] } else { &[] };
            work.step(package, &plain(also), doer);
        }
        Act::UpdateShipmentInfo => {
            let told = [&given.tracking_number, &given.shipping_company, &given.query_number];
            if told.iter().all(|t| t.is_none()) {
                let message = "At least one of tracking_number, shipping_company and query_number is needed.";
                return Err(Refusal::invalid("tracking_number", "required", message));
            }
            let shipment = known.shipments.get(&package.id).and_then(|s| s.last());
            let state = shipment.map_or("created", |s| s.state.as_str()).to_owned();
            record_shipment(work, package, shipment, &state, one);
            work.step(package, &plain(&[types::PACKAGE_AWB_NUMBER]), doer);
        }
        Act::AcceptCancellation => {
            let asked = known.asked.get(&package.id).map(Vec::as_slice).unwrap_or_default();
            let parcels = known.shipments.get(&package.id).map(Vec::as_slice).unwrap_or_default();
            crate::orders::cancellations::accept_waiting(
                work,
                package,
                asked,
                parcels,
                (to, transition),
                doer,
            )?;
        }
        Act::RefuseCancellation => {
            let asked = known.asked.get(&package.id).map(Vec::as_slice).unwrap_or_default();
            asked
                .iter()
                .for_each(|a| work.answer_cancellation(a.id, "refused", "refused by the location", None));
            work.step(package, &plain(&[]), doer);
        }
        Act::TransferReady
        | Act::TransferDispatch
        | Act::TransferDeliver
        | Act::TransferNotFound
        | Act::TransferOutOfStock => {
            return Err(Refusal::invalid("transition", "wrong_entity", "This is a command of transfers."));
        }
    }
    Ok(decided)
}

fn no_step(_: oms_store::StoreError) -> Refusal {
    Refusal::invalid("transition", "no_such_step", "This package cannot be planned again from where it is.")
}

/// What a step does to the package's stock. The table of commands holds no step that would take stock anew.
fn stock_move(package: &HeldPackage, to: i64) -> Result<StockMove, Refusal> {
    let of = |code| states::state(code).and_then(|from| states::stock_move(from, states::state(to)?));
    of(package.effective()).ok_or_else(|| {
        let message = format!(
            "{} does not lead to {}.",
            Entity::Package.state_name(package.state),
            Entity::Package.state_name(to)
        );
        Refusal::invalid("transition", "no_such_step", message)
    })
}

fn all_units(package: &HeldPackage) -> BTreeMap<i64, i64> {
    package.items.iter().map(|i| (i.id, i.quantity)).collect()
}

/// The named items' missing units, each within what the package has.
fn missing_units(package: &HeldPackage, named: &[(i64, Option<i64>)]) -> Result<BTreeMap<i64, i64>, Refusal> {
    let mut missing = BTreeMap::new();
    for &(id, units) in named {
        let item = package.items.iter().find(|i| i.id == id).ok_or_else(|| {
            let own: Vec<_> = package.items.iter().map(|i| i.id.to_string()).collect();
            let message =
                format!("Item {id} is not of package {}; its items are {}.", package.number, own.join(", "));
            Refusal::invalid("package_items", "not_found", message)
        })?;
        let units = units.unwrap_or(item.quantity);
        if units > item.quantity {
            let message = format!("Item {id} has {} units; {units} cannot be missing.", item.quantity);
            return Err(Refusal::invalid("package_items", "too_many", message));
        }
        missing.insert(id, units);
    }
    Ok(missing)
}

fn reason(known: &Known, id: Option<i64>) -> Result<&DenialReason, Refusal> {
    let id = id.unwrap_or_default();
    let reason = known.reasons.get(&id).filter(|r| r.is_active);
    reason.ok_or_else(|| {
        let message = format!("There is no active denial reason {id}; see packages/package_denial_reason/.");
        Refusal::invalid("denial_reason", "not_found", message)
    })
}

fn not_found(known: &Known, id: Option<i64>) -> Result<Missing, Refusal> {
    match id {
        None => Ok(Missing { reason: "not_found".into(), denial_reason_id: None }),
        Some(id) => {
            let reason = reason(known, Some(id))?;
            Ok(Missing { reason: reason.title.clone(), denial_reason_id: Some(reason.id) })
        }
    }
}

/// A package of which units are missing is given up as a whole.
fn all_missing(
    work: &mut Work<'_>,
    package: &mut HeldPackage,
    missing: &BTreeMap<i64, i64>,
    why: &Missing,
    step: &Step<'_>,
    one: &Ready<'_>,
) {
    work.free(package, missing, why, &one.doer);
    work.exclude(package, missing.keys().copied(), one.doer.actor.at_us);
    if let Some(reason) = why.denial_reason_id {
        work.deny(package, reason);
    }
    work.step(package, step, &one.doer);
}

/// A package a group at the group's location; the old one ends.
fn plan_by_hand(
    work: &mut Work<'_>,
    package: &mut HeldPackage,
    one: &Ready<'_>,
    known: &Known,
) -> Result<(), Refusal> {
    let wrong = |message: String| Refusal::invalid("assignment_groups", "invalid", message);
    let named: Vec<i64> = one.given.assignments.iter().flat_map(|a| a.items.iter().copied()).collect();
    let own: BTreeSet<i64> = package.items.iter().map(|i| i.id).collect();
    if let Some(id) = named.iter().find(|id| !own.contains(id)) {
        return Err(wrong(format!("Item {id} is not of package {}.", package.number)));
    }
    let once: BTreeSet<i64> = named.iter().copied().collect();
    if once.len() != named.len() || once != own {
        let missing: Vec<_> = own.difference(&once).map(i64::to_string).collect();
        return Err(wrong(format!(
            "Every item of the package is in exactly one group; left out: {}.",
            missing.join(", ")
        )));
    }
    let mut places = Vec::new();
    for group in &one.given.assignments {
        match known.places.get(&group.erp_code) {
            Some(&(id, true)) => places.push(id),
            Some(_) => return Err(wrong(format!("Location {} is not in use.", group.erp_code))),
            None => return Err(wrong(format!("There is no location {:?}.", group.erp_code))),
        }
    }
    let doer = &one.doer;
    let none = Missing { reason: String::new(), denial_reason_id: None };
    let born = system(Entity::Package, None, states::WAITING).map_err(no_step)?;
    work.free(package, &BTreeMap::new(), &none, doer);
    let mut made = Vec::new();
    for (group, &place) in one.given.assignments.iter().zip(&places) {
        let mut new = work.create(package, place, (states::WAITING, None, true), born, doer);
        for old in package.items.iter().filter(|i| group.items.contains(&i.id)) {
            let item = work.new_item(&mut new, old);
            work.grant(item, (old.product_id, place), old.quantity, doer);
        }
        made.push(new.id);
    }
    let mut step = Step::new(one.transition.definition.to, (one.transition.id, one.transition.rev));
    step.delta.insert("replaced_by".into(), json!(made));
    work.step(package, &step, doer);
    Ok(())
}

/// Whether the customer may take the package.
fn hand_over(
    work: &mut Work<'_>,
    package: &HeldPackage,
    one: &Ready<'_>,
    known: &Known,
) -> Result<(), Refusal> {
    let in_store = package.delivery_type.as_deref().is_some_and(|t| t.eq_ignore_ascii_case("in_store"));
    if !in_store {
        let message = format!(
            "The order of package {} is not collected in a store (its delivery type is not in_store).",
            package.number
        );
        return Err(Refusal::invalid("package", "not_in_store", message));
    }
    if !known.otp.is_enabled() {
        return Ok(());
    }
    let wrong = |code: &'static str, message: &str| Err(Refusal::invalid("code", code, message));
    let Some(given) = one.given.code.as_deref() else {
        return wrong("required", "The customer's one-time code is needed.");
    };
    match known.codes.get(&package.id) {
        None => wrong("no_code", "No code was made for this package; send the customer one first."),
        Some(code) if code.tries_left <= 0 => {
            wrong("too_many_tries", "The code was guessed wrong too often; send the customer a new one.")
        }
        Some(code) if code.expires_us < known.now_us => {
            wrong("expired", "The code has expired; send the customer a new one.")
        }
        Some(code) if code.is(given) => Ok(()),
        Some(_) => {
            work.wrong_code(package.id);
            wrong("wrong_code", "This is not the customer's code.")
        }
    }
}

/// Records what is told of the parcel, on the package's shipment or a new one.
fn record_shipment(
    work: &mut Work<'_>,
    package: &HeldPackage,
    shipment: Option<&Shipment>,
    state: &str,
    one: &Ready<'_>,
) {
    let (doer, given) = (&one.doer, &one.given);
    let at = doer.actor.at_us;
    let mut s = shipment.cloned().unwrap_or_else(|| Shipment {
        id: work.shipment_id(),
        package_id: Some(package.id),
        created_us: at,
        ..Shipment::default()
    });
    let kind = if shipment.is_some() { types::SHIPMENT_UPDATED } else { types::SHIPMENT_CREATED };
    s.state = state.to_owned();
    s.event_seq += 1;
    s.version += 1;
    s.modified_us = at;
    for (slot, told) in [
        (&mut s.tracking_number, &given.tracking_number),
        (&mut s.cargo_company, &given.shipping_company),
        (&mut s.query_number, &given.query_number),
    ] {
        if told.is_some() {
            slot.clone_from(told);
        }
    }
    work.tell_shipment(s.id, s.event_seq, kind, json!({"state": s.state}), doer);
    work.shipment(s);
}
