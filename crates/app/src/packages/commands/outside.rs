//! Commands that need an answer from outside, in three steps: a transaction that checks and marks the package
//! busy; the call, with no transaction open; a transaction that applies the answer or refuses.
//!
//! The far side knows each by a key that is the same at every try. A lost client changes nothing; a lost
//! process is finished by [`tick`], which asks the far side by that key before it repeats.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures::future::BoxFuture;
use oms_core::commands::{Act, Entity, command};
use oms_core::events as types;
use oms_core::packages::{self as states};
use oms_core::refusal::Refusal;
use oms_store::access::{self, logs::Actor};
use oms_store::ids::IdKind;
use oms_store::packages::commands::{Doer, Ids, Step, Work, Written};
use oms_store::packages::held::{self, HeldPackage};
use oms_store::packages::outside::{self as store, OutsideCommand};
use oms_store::packages::shipments::{self, Shipment};
use oms_store::rules::transitions::Transition;
use serde_json::json;

use super::{DONE, Ready, RefusalAnswer, TRIES, pause};
use crate::guard::caught;
use crate::rules::transitions::{self, system};
use crate::upkeep::idempotency::Answer;
use crate::{App, Error, Result};

/// How long the far side may take in all.
const LIMIT: Duration = Duration::from_secs(20);
/// A lease outlives the limit, so that nobody takes over a command that still runs.
pub const LEASE_US: i64 = 30_000_000;
/// Times one run asks the far side whose answer was lost.
const ASKS: usize = 3;
/// Commands one tick takes over.
const TAKE_OVER: usize = 8;

/// What the far side is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The same at every try.
    pub key: String,
    pub package_id: i64,
    pub package_number: String,
    /// Only a new label of a shipment that is there.
    pub is_label_only: bool,
}

/// What the far side said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub cargo_company: Option<String>,
    pub tracking_number: Option<String>,
    pub tracking_url: Option<String>,
    /// None: it comes later.
    pub label: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FarError {
    /// The far side said no, and did nothing.
    Refused(String),
    /// Nobody knows what it did: the answer was lost.
    Unknown(String),
}

/// The far side: a carrier. Carriers plug in here.
pub trait Far: Send + Sync {
    /// Asks for a shipment; asked twice with one key, it makes one.
    fn ask<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>>;
    /// What it has under a key; `None`: nothing.
    fn find<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>>;
}

/// No carrier is set up.
struct Nobody;

impl Far for Nobody {
    fn ask<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
        let message = "No cargo company is set up. Pack without shipment, or set one up first.";
        Box::pin(async { Err(FarError::Refused(message.into())) })
    }

    fn find<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
        Box::pin(async { Ok(None) })
    }
}

/// Which far side this process asks.
pub(crate) struct FarSide(RwLock<Arc<dyn Far>>);

impl Default for FarSide {
    fn default() -> Self {
        Self(RwLock::new(Arc::new(Nobody)))
    }
}

impl FarSide {
    fn get(&self) -> Arc<dyn Far> {
        self.0.read().expect("nobody panics while it is held").clone()
    }
}

impl App {
    /// Sets the far side that commands with shipment ask.
    pub fn set_far(&self, far: Arc<dyn Far>) {
        *self.far.0.write().expect("nobody panics while it is held") = far;
    }
}

/// Marks the package busy; the row that the caller writes makes it so for every process.
pub(super) fn begin(one: &Ready<'_>, package: &mut HeldPackage) -> OutsideCommand {
    let id = one.doer.actor.command_id;
    package.busy = Some(id);
    let what = if one.command.act == Act::UpdateShipmentLabel { "label" } else { "package" };
    OutsideCommand {
        id,
        package_id: package.id,
        transition: (one.transition.id, one.transition.rev),
        package_version: package.version,
        // A package that was refused and tried again unchanged keeps its key; after a step it is another.
        outside_key: format!("{what}-{}-{}", package.id, package.version),
        actor: one.doer.actor.name.clone(),
        attributes: one.doer.attributes.clone(),
        once: one.request.key.as_ref().map(|k| (k.scope.clone(), k.key.clone())),
        attempts: 1,
    }
}

/// Asks the far side and applies its answer.
pub async fn run(app: &App, id: i64, refusal_answer: RefusalAnswer) -> Result<Answer> {
    let mut tx = app.store.read().await?;
    let Some(begun) = store::by_id(&mut tx, id).await? else { return Err(Error::Busy) };
    let parcel = parcel(&mut tx, &begun).await?;
    drop(tx);
    let asked = tokio::time::timeout(LIMIT, ask(app, &parcel, false)).await;
    let told = asked.unwrap_or_else(|_| Err(FarError::Unknown("it took too long".into())));
    settle(app, &begun, &parcel, told, refusal_answer).await
}

/// Finishes commands whose process is gone. Returns how many it took over.
pub async fn tick(app: &App, refusal_answer: RefusalAnswer) -> Result<usize> {
    let mut tx = app.store.begin().await?;
    let taken = store::take_over(&mut tx, &app.node, LEASE_US, TAKE_OVER, app.now_us()).await?;
    if taken.is_empty() {
        return Ok(0);
    }
    tx.commit().await?;
    for begun in &taken {
        if let Err(error) = caught("an outside command", finish(app, begun, refusal_answer)).await {
            tracing::warn!(%error, command = begun.id, "a command that waits for an answer from outside stays open");
        }
    }
    Ok(taken.len())
}

/// Looks what the far side has of a command whose process is gone, asks it where it has nothing, and applies that.
async fn finish(app: &App, begun: &OutsideCommand, refusal_answer: RefusalAnswer) -> Result<Answer> {
    let parcel = parcel(&mut app.store.read().await?, begun).await?;
    let asked = tokio::time::timeout(LIMIT, ask(app, &parcel, true)).await;
    let told = asked.unwrap_or_else(|_| Err(FarError::Unknown("it took too long".into())));
    settle(app, begun, &parcel, told, refusal_answer).await
}

async fn parcel(tx: &mut oms_store::Tx, begun: &OutsideCommand) -> Result<Parcel> {
    let found = oms_store::packages::by_ids(tx, vec![begun.package_id]).await?;
    Ok(Parcel {
        key: begun.outside_key.clone(),
        package_id: begun.package_id,
        package_number: found.first().map(|p| p.number.clone()).unwrap_or_default(),
        is_label_only: begun.outside_key.starts_with("label-"),
    })
}

/// Asks once; when the answer is lost, looks what the far side has before it asks again.
async fn ask(app: &App, parcel: &Parcel, mut look_first: bool) -> Result<Told, FarError> {
    let far = app.far.get();
    let mut last = FarError::Unknown("it was not asked".into());
    for _ in 0..ASKS {
        if look_first {
            match far.find(parcel).await {
                Ok(Some(told)) => return Ok(told),
                Ok(None) => {}
                Err(error) => {
                    last = error;
                    continue;
                }
            }
        }
        match far.ask(parcel).await {
            Err(FarError::Unknown(why)) => last = FarError::Unknown(why),
            answered => return answered,
        }
        look_first = true;
    }
    Err(last)
}

/// Applies what the far side said. What is not known stays open, and is asked again by the tick.
async fn settle(
    app: &App,
    begun: &OutsideCommand,
    parcel: &Parcel,
    told: Result<Told, FarError>,
    refusal_answer: RefusalAnswer,
) -> Result<Answer> {
    let mut tried = 0;
    loop {
        tried += 1;
        match try_settle(app, begun, parcel, told.clone(), refusal_answer).await {
            Err(Error::Store(error)) if error.is_retryable() && tried < TRIES => pause(tried).await,
            other => return other,
        }
    }
}

async fn try_settle(
    app: &App,
    begun: &OutsideCommand,
    parcel: &Parcel,
    told: Result<Told, FarError>,
    refusal_answer: RefusalAnswer,
) -> Result<Answer> {
    let told = match told {
        Err(FarError::Unknown(why)) => {
            tracing::warn!(key = %parcel.key, %why, "the far side did not answer; it will be asked again");
            return Err(Error::Busy);
        }
        known => known,
    };
    let sizes = held::sizes(&mut app.store.read().await?, vec![begun.package_id]).await?;
    let parts = sizes.get(&begun.package_id).map_or(0, |s| s.parts);
    let mut ids = Ids {
        rows: app.store.take_ids(IdKind::Row, 24 + parts * 10).await?,
        packages: 0..,
        items: 0..,
        discrepancies: 0..,
        shipments: app.store.take_ids(IdKind::Shipment, 1).await?,
    };
    let flow = transitions::flow(app).await?;
    let now_us = app.now_us();
    let mut tx = app.store.begin().await?;
    // Whoever lost the lease lost the right to answer; the other process's answer stands.
    let Some(begun) = store::hold(&mut tx, begun.id, &app.node).await? else { return Err(Error::Busy) };
    let package = held::packages(&mut tx, vec![begun.package_id]).await?.remove(&begun.package_id);
    let mut package = package.ok_or_else(|| Refusal::not_found("package", begun.package_id))?;
    let transition = flow.all().iter().find(|t| (t.id, t.rev) == begun.transition).cloned();
    let transition = match transition {
        Some(t) => t,
        None => oms_store::rules::transitions::by_rev(&mut tx, begun.transition).await?,
    };
    let actor =
        Actor { command_id: begun.id, name: begun.actor.clone(), node: app.node.clone(), at_us: now_us };
    let doer = Doer { actor, attributes: begun.attributes.clone(), personal: None };
    let is_ours = package.busy == Some(begun.id) && package.version == begun.package_version;
    package.busy = None;
    let fed = oms_store::stock::engines::owners(&mut tx).await?.into_keys().collect();
    let mut work = Work::new(&mut ids, fed);
    let refusal = match told {
        Ok(_) if !is_ours => {
            let message =
                format!("Package {} changed while the carrier was asked; look at it.", package.number);
            Some(Refusal::invalid("non_field_errors", "wrong_state", message))
        }
        Ok(told) if parcel.is_label_only && told.label.is_none() => {
            let message = "The carrier has no label for it yet; try again later.";
            Some(Refusal::invalid("shipment", "no_label", message))
        }
        Ok(told) => {
            let known = shipments::of_packages(&mut tx, vec![package.id]).await?;
            apply(&mut work, &mut package, known.last(), &transition, &told, &begun, &doer)?;
            let outcome = json!({"label": told.label.is_some()}).to_string();
            store::finish(&mut tx, begun.id, "done", &outcome, now_us).await?;
            None
        }
        Err(FarError::Refused(why) | FarError::Unknown(why)) => {
            Some(Refusal::invalid("shipment", "carrier_refused", why))
        }
    };
    let answer = match &refusal {
        None => DONE,
        Some(refusal) => {
            store::finish(&mut tx, begun.id, "refused", &refusal.message, now_us).await?;
            refusal_answer(refusal)
        }
    };
    work.keep(&package);
    let Written::Done(slots) = work.run(&mut tx, &[]).await? else {
        return Err(oms_store::StoreError::Corrupt("packing asks for no stock".into()).into());
    };
    slots.write(&mut tx).await?;
    if let Some((scope, key)) = &begun.once {
        access::keep_answers(&mut tx, &[(scope, key, answer.status.into(), &answer.body)]).await?;
    }
    tx.commit().await?;
    Ok(answer)
}

fn apply(
    work: &mut Work<'_>,
    package: &mut HeldPackage,
    shipment: Option<&Shipment>,
    transition: &Transition,
    told: &Told,
    begun: &OutsideCommand,
    doer: &Doer,
) -> Result<()> {
    let d = &transition.definition;
    let is_label_only = command(&d.code).is_some_and(|c| c.act == Act::UpdateShipmentLabel);
    let mut step = Step::new(d.to, (transition.id, transition.rev));
    if !is_label_only && told.label.is_none() {
        step = Step::new(
            states::WAITING_CARGO_LABEL,
            system(Entity::Package, Some(package.state), states::WAITING_CARGO_LABEL)?,
        );
    }
    let at = doer.actor.at_us;
    let mut s = shipment.filter(|_| is_label_only).cloned().unwrap_or_else(|| Shipment {
        id: work.shipment_id(),
        package_id: Some(package.id),
        state: "created".into(),
        outside_key: Some(begun.outside_key.clone()),
        created_us: at,
        ..Shipment::default()
    });
    for (slot, told) in [
        (&mut s.cargo_company, &told.cargo_company),
        (&mut s.tracking_number, &told.tracking_number),
        (&mut s.tracking_url, &told.tracking_url),
        (&mut s.label, &told.label),
    ] {
        if told.is_some() {
            slot.clone_from(told);
        }
    }
    s.event_seq += 1;
    s.version += 1;
    s.modified_us = at;
    let kind = if is_label_only { types::SHIPMENT_UPDATED } else { types::SHIPMENT_CREATED };
    work.tell_shipment(s.id, s.event_seq, kind, json!({"state": s.state}), doer);
    if told.tracking_number.is_some() {
        step.also = &[types::PACKAGE_AWB_NUMBER];
    }
    step.delta.insert("shipment".into(), s.id.into());
    work.shipment(s);
    let moves = states::state(package.state).zip(states::state(step.to));
    let movement =
        moves.and_then(|(from, to)| states::stock_move(from, to)).unwrap_or(states::StockMove::Keep);
    work.stock(package, movement, doer);
    work.step(package, &step, doer);
    Ok(())
}
