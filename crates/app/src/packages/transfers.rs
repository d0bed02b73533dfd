//! Transfers: goods brought to the location that packs them. Their steps, and what happens when a source
//! does not have what it was to send.

use std::collections::BTreeSet;

use oms_core::commands::Act;
use oms_core::commands::input::Given;
use oms_core::events::{self as types, entity};
use oms_core::refusal::Refusal;
use oms_core::transfers as states;
use oms_store::access::logs::{self, Actor};
use oms_store::events::{EventRows, NewEvent};
use oms_store::ids::IdKind;
use oms_store::packages::commands::Doer;
use oms_store::packages::held::HeldPackage;
use oms_store::packages::shipments::{self, Shipment};
use oms_store::packages::transfers::{self as store, Effect, Transfer};
use oms_store::planning::plans::{self, CommitIds, LineToPlan, Resent, Role};
use oms_store::rules::transitions::Transition;
use oms_store::upkeep::jobs::{self, JobKind, NewJob};
use oms_store::{StoreError, Tx};

use crate::planning::input::{self, Hold};
use crate::rules::transitions::Flow;
use crate::stock::engines::{self, EngineState};
use crate::{App, Result};

/// The most items a transfer's step makes rows for in one go; an order has at most a thousand lines.
const ROWS: usize = 8_000;
/// The most packages and transfers that a search for other sources may make.
const PARTS: usize = 1_000;

/// What a step needs from before its transaction: ids, and how outside stock engines are.
pub(crate) struct StepIds {
    ids: CommitIds,
    shipment: i64,
    engines: Vec<EngineState>,
}

/// Takes them; asks the stock engines for what a transfer that is not found will be looked for elsewhere.
pub(crate) async fn ids(app: &App, id: i64, looks_elsewhere: bool) -> Result<StepIds> {
    let engines = if looks_elsewhere && !engines::none(app).await {
        let products = store::products_of(&mut app.store.read().await?, id).await?;
        engines::refresh(app, &products).await?
    } else {
        Vec::new()
    };
    let ids = CommitIds {
        packages: app.store.take_ids(IdKind::Package, 2).await?,
        items: app.store.take_ids(IdKind::PackageItem, PARTS).await?,
        transfers: app.store.take_ids(IdKind::Transfer, PARTS).await?,
        rows: app.store.take_ids(IdKind::Row, ROWS).await?,
    };
    Ok(StepIds { ids, shipment: app.store.take_id(IdKind::Shipment).await?, engines })
}

/// The command that a transfer was given.
pub(crate) struct Told<'t> {
    pub transition: &'t Transition,
    pub act: Act,
    pub given: &'t Given,
    pub expected: Option<i64>,
}

/// Takes a transfer a step on. A step that does not start in its state is refused.
pub(crate) async fn run(
    tx: &mut Tx,
    mut ids: StepIds,
    doer: &Doer,
    id: i64,
    told: &Told<'_>,
    flow: &Flow,
) -> Result<()> {
    let (mut package, mut transfers) =
        store::hold(tx, id).await?.ok_or_else(|| Refusal::not_found("transfer order", id))?;
    let transfer = find(&transfers, id)?;
    check(transfer, told, flow)?;
    let effect = effect(transfer, told)?;
    let d = &told.transition.definition;
    logs::record_command(tx, &doer.actor, &d.code).await?;
    let transition = (told.transition.id, told.transition.rev);
    store::step(tx, transfer, d.to, transition, &effect, &mut ids.ids.rows, doer).await?;
    if told.given.tracking_number.is_some() {
        record_shipment(tx, transfer, &mut ids, told.given, doer).await?;
    }
    let is_open = |t: &Transfer| states::state(t.state).is_some_and(|s| s.open);
    let mut waits =
        transfers.iter().filter(|t| t.id != id).any(is_open) || states::state(d.to).is_some_and(|s| s.open);
    if transfer.is_detached {
        return Ok(());
    }
    if let Effect::Missing(lost) = &effect {
        let (missing, rest): (Vec<_>, Vec<_>) =
            transfer.items.iter().cloned().partition(|i| lost.contains(&i.id));
        store::exclude_source(tx, transfer, lost, &doer.actor).await?;
        // What was not marked may come from the same source again; each part is looked for on its own.
        for items in [missing, rest].into_iter().filter(|items| !items.is_empty()) {
            let part = Transfer { items, ..find(&transfers, id)?.clone() };
            let resent =
                look_elsewhere(tx, &package, &part, (&mut ids.ids, &ids.engines), &doer.actor).await?;
            if resent.ended {
                return Ok(());
            }
            waits |= resent.transfers > 0;
            (package, transfers) =
                store::hold(tx, id).await?.ok_or_else(|| Refusal::not_found("transfer order", id))?;
        }
    }
    if !waits {
        store::release_package(tx, &package, &mut ids.ids.rows, &doer.actor).await?;
    }
    Ok(())
}

fn find(transfers: &[Transfer], id: i64) -> Result<&Transfer, StoreError> {
    let found = transfers.iter().find(|t| t.id == id);
    found.ok_or_else(|| StoreError::Corrupt(format!("transfer {id} was just read and is gone")))
}

fn check(transfer: &Transfer, told: &Told<'_>, flow: &Flow) -> Result<(), Refusal> {
    if told.expected.is_some_and(|v| v != transfer.version) {
        let message = format!(
            "Transfer {} has version {}: somebody changed it. Look at it and decide anew.",
            transfer.number, transfer.version
        );
        let mut refusal = Refusal::conflict("version_conflict", message);
        let word = states::state(transfer.state).map(|s| s.word);
        let current = serde_json::json!({"id": transfer.id, "number": transfer.number, "state": word, "version": transfer.version});
        refusal.current = Some(Box::new(current));
        return Err(refusal);
    }
    if told.transition.definition.from != transfer.state {
        return Err(flow.wrong_state(told.transition, &transfer.number, transfer.state, None));
    }
    Ok(())
}

/// What the command does to the transfer's stock.
fn effect(transfer: &Transfer, told: &Told<'_>) -> Result<Effect, Refusal> {
    let all = || transfer.items.iter().map(|i| i.id).collect::<BTreeSet<_>>();
    Ok(match told.act {
        Act::TransferDispatch => Effect::Dispatch,
        Act::TransferDeliver => Effect::Arrive,
        Act::TransferNotFound => Effect::Missing(all()),
        Act::TransferOutOfStock if told.given.items.is_empty() => Effect::Missing(all()),
        Act::TransferOutOfStock => {
            let named: BTreeSet<i64> = told.given.items.iter().map(|(id, _)| *id).collect();
            if let Some(id) = named.iter().find(|id| !all().contains(id)) {
                let message = format!("Item {id} is not of transfer {}.", transfer.number);
                return Err(Refusal::invalid("transfer_items", "not_found", message));
            }
            Effect::Missing(named)
        }
        _ => Effect::None,
    })
}

/// What is told of the parcel that carries a transfer; the carrier is not asked.
async fn record_shipment(
    tx: &mut Tx,
    transfer: &Transfer,
    ids: &mut StepIds,
    given: &Given,
    doer: &Doer,
) -> Result<()> {
    let at_us = doer.actor.at_us;
    let shipment = Shipment {
        id: ids.shipment,
        transfer_id: Some(transfer.id),
        state: "created".into(),
        cargo_company: given.shipping_company.clone(),
        tracking_number: given.tracking_number.clone(),
        event_seq: 1,
        version: 1,
        created_us: at_us,
        modified_us: at_us,
        ..Shipment::default()
    };
    let mut events = EventRows::default();
    let event = NewEvent {
        id: ids.ids.rows.next().expect("ids were taken"),
        entity: entity::SHIPMENT,
        entity_id: shipment.id,
        seq: 1,
        kind: types::SHIPMENT_CREATED,
        also: &[],
        delta: serde_json::json!({"state": "created"}),
    };
    events.push(&event, &doer.actor);
    shipments::put(tx, &[shipment]).await?;
    Ok(events.write(tx).await?)
}

/// Plans the units of a transfer that its source did not have, on stock that is held.
async fn look_elsewhere(
    tx: &mut Tx,
    package: &HeldPackage,
    lost: &Transfer,
    (ids, engines): (&mut CommitIds, &[EngineState]),
    actor: &Actor,
) -> Result<Resent> {
    let order = plans::read_order_alone(tx, package.order_id).await?;
    let mut order =
        order.ok_or_else(|| StoreError::Corrupt(format!("package {} has no order", package.id)))?;
    let line = |item: &store::TransferItem| LineToPlan {
        id: item.order_item_id,
        product: item.product_id,
        units: item.quantity,
        price_minor: None,
        facts: Default::default(),
    };
    order.lines = lost.items.iter().map(line).collect();
    let failed = plans::exclusions(tx, order.lines.iter().map(|l| l.id).collect(), Role::Send).await?;
    order.excluded_sources = failed.into_iter().map(|(_, location)| location).collect();
    order.bring_to = Some(package.location_id);
    let input = input::read_for(tx, vec![order], Hold::Stock, engines, actor.at_us).await?;
    let (decided, batch) = input::decide(input);
    let one = decided.first().ok_or_else(|| StoreError::Corrupt("a batch of one has no decision".into()))?;
    if let oms_core::plan::Decision::Waits(reason) = &one.decision {
        return Err(Refusal::invalid("transfer", reason.code(), reason.text()).into());
    }
    let resent = plans::resend(tx, package, lost, one, &batch, ids, actor).await?;
    if let Some(split) = resent.split_off {
        let job_id = ids.rows.next().expect("ids were taken");
        let job = NewJob { id: job_id, kind: JobKind::Replan, ref_id: split, sort: (0, split) };
        jobs::add(tx, &[job], actor.at_us).await?;
    }
    Ok(resent)
}
