//! Cancellations: what the hub, or a person, wants no more. What is not packed yet is cancelled at once; a
//! parcel that stands ready waits for its location's word; what has left cannot be cancelled.

mod reading;
mod withdraw;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_core::commands::Entity;
use oms_core::events as types;
use oms_core::packages as states;
use oms_core::refusal::Refusal;
use oms_core::transfers as transfer_states;
use oms_store::access::logs::Actor;
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::orders::cancellations::{self as store, Asked, HeldOrder, Line, NewItem, NewPlan, Part, Plan};
use oms_store::packages::commands::{Doer, Ids, Step, Work, Written};
use oms_store::packages::held::{self, HeldPackage};
use oms_store::packages::shipments::{self, Shipment};
use oms_store::packages::transfers::{self, Effect};
use oms_store::planning::plans::CommitIds;
use oms_store::upkeep::jobs::{self, Job, JobKind, NewJob};
use oms_store::{StoreError, Tx};
use serde_json::{Value, json};

use reading::{MAX_ITEMS, wrong};
pub use reading::{Wanted, WantedItem, read_api, read_hub};

use crate::guard::caught;
use crate::orders::intake;
use crate::packages::commands::{self, replan};
use crate::rules::transitions::system;
use crate::setup::hub;
use crate::stock::engines;
use crate::{App, Error, Result};

/// Plans one tick decides on.
const BATCH: usize = 16;
/// How long a plan waits for its order, or for a package that is busy.
const AGAIN_US: i64 = 5_000_000;
/// Tries before a person must look: some hours for an order that is still to come.
const TRIES: i64 = 3_000;
/// Ids that taking a plan needs.
pub struct ReceiveIds {
    plan: i64,
    rows: std::ops::RangeFrom<i64>,
}

/// Takes them.
pub async fn receive_ids(app: &App, wanted: &Wanted) -> Result<ReceiveIds> {
    Ok(ReceiveIds {
        plan: app.store.take_id(IdKind::CancellationPlan).await?,
        rows: app.store.take_ids(IdKind::Row, wanted.items.len() + 1).await?,
    })
}

/// Writes down what is wanted, with the job that decides on it. Returns the plan's id; `None`: it is here already.
pub async fn receive(
    tx: &mut Tx,
    mut ids: ReceiveIds,
    wanted: &Wanted,
    source: &'static str,
    now_us: i64,
) -> Result<Option<i64>> {
    let mut row = || ids.rows.next().expect("ids were taken");
    let items = wanted.items.iter().map(|i| NewItem {
        id: row(),
        order_item_id: i.order_item_id,
        order_item_omnitron_id: i.order_item_omnitron_id,
        quantity: i.quantity,
        reason_id: i.reason_id,
    });
    let items = items.collect();
    let plan = NewPlan {
        id: ids.plan,
        job_id: row(),
        omnitron_id: wanted.omnitron_id,
        source,
        order_id: wanted.order_id,
        order_omnitron_id: wanted.order_omnitron_id,
        plan_type: wanted.plan_type.clone(),
        items,
    };
    let is_new = store::receive(tx, &plan, now_us).await?;
    Ok(is_new.then_some(plan.id))
}

/// Decides on plans that have arrived. Returns how many it looked at.
pub async fn tick(app: &App) -> Result<usize> {
    let mut tx = app.store.read().await?;
    if !jobs::any_due(&mut tx, JobKind::Cancel, app.now_us()).await? {
        return Ok(0);
    }
    drop(tx);
    let mut tx = app.store.begin().await?;
    let claimed = jobs::claim(&mut tx, JobKind::Cancel, &app.node, BATCH, app.now_us()).await?;
    let _held = app.in_hand.jobs(&claimed);
    tx.commit().await?;
    for job in &claimed {
        if let Err(error) = caught("a cancellation", decide_job(app, job)).await {
            tracing::warn!(%error, plan = job.ref_id, "a cancellation could not be decided on; it is tried again");
            let mut tx = app.store.begin().await?;
            let (text, at) = (error.to_string(), app.now_us() + AGAIN_US);
            jobs::give_back(&mut tx, std::slice::from_ref(job), &app.node, at, Some(&text), TRIES).await?;
            tx.commit().await?;
        }
    }
    Ok(claimed.len())
}

async fn decide_job(app: &App, job: &Job) -> Result<()> {
    for tried in 1..=commands::TRIES {
        let ids = decide_ids(app, job.ref_id).await?;
        let actor = app.actor("hub").await?;
        let mut tx = app.store.begin().await?;
        let done = match decide(&mut tx, app, ids, actor, job.ref_id).await {
            Ok(()) => {
                if jobs::finish(&mut tx, &[job.id], &app.node).await?.is_empty() {
                    // It was withdrawn meanwhile, or another process took it over: what that did stands.
                    return Ok(());
                }
                tx.commit().await.map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        match done {
            Err(Error::Store(error)) if error.is_retryable() && tried < commands::TRIES => {
                commands::pause(tried).await;
            }
            other => return other,
        }
    }
    Ok(())
}

/// Ids that deciding on a plan may need.
pub struct DecideIds {
    ids: Ids,
    plan_ids: CommitIds,
    parts: usize,
    /// Outside engines say what stands somewhere: they must be asked before anything is planned again.
    has_engines: bool,
}

/// Takes them, by the size of the order's packages.
async fn decide_ids(app: &App, plan: i64) -> Result<DecideIds> {
    let mut tx = app.store.read().await?;
    let plans = store::by_ids(&mut tx, vec![plan]).await?;
    let order = match plans.first() {
        Some(plan) => store::order_of(&mut tx, plan).await?,
        None => None,
    };
    drop(tx);
    decide_ids_of(app, order).await
}

async fn decide_ids_of(app: &App, order: Option<i64>) -> Result<DecideIds> {
    let mut tx = app.store.read().await?;
    let packages = match order {
        Some(order) => store::live_packages(&mut tx, order).await?,
        None => Vec::new(),
    };
    let sizes = held::sizes(&mut tx, packages.clone()).await?;
    drop(tx);
    let parts: usize = sizes.values().map(|s| s.parts).sum::<usize>() * 3 / 2;
    let n = packages.len() + 1;
    let ids = Ids {
        rows: app.store.take_ids(IdKind::Row, n * 12 + parts * 12 + MAX_ITEMS).await?,
        packages: app.store.take_ids(IdKind::Package, n).await?,
        items: app.store.take_ids(IdKind::PackageItem, parts + n).await?,
        discrepancies: 0..,
        shipments: 0..,
    };
    let plan_ids = replan::ids_for(app, sizes.into_values()).await?;
    Ok(DecideIds { ids, plan_ids, parts, has_engines: !engines::none(app).await })
}

async fn decide(tx: &mut Tx, app: &App, mut ids: DecideIds, actor: Actor, plan_id: i64) -> Result<()> {
    let plan = store::by_ids(tx, vec![plan_id]).await?.pop();
    let plan = plan.ok_or_else(|| StoreError::Corrupt(format!("there is no cancellation plan {plan_id}")))?;
    let order = store::hold_order(tx, plan.order_id, plan.order_omnitron_id).await?;
    let order = order.ok_or_else(|| wrong("order", "Its order is not here yet."))?;
    let items = store::items_of(tx, vec![plan.id]).await?;
    let live = store::live_packages(tx, order.id).await?;
    let packages = held::packages(tx, live).await?;
    let parts: usize =
        packages.values().map(|p| p.items.iter().map(|i| 1 + i.holds.len()).sum::<usize>()).sum();
    if parts > ids.parts.max(1) {
        return Err(StoreError::Moved.into());
    }
    if let Some(busy) = packages.values().find(|p| p.busy.is_some()) {
        return Err(
            wrong("package", &format!("Package {} is busy; the cancellation waits.", busy.number)).into()
        );
    }
    let attributes = json!({"cancellation_plan": plan.id}).to_string();
    let doer = Doer { actor, attributes, personal: None };
    let waiting: Vec<i64> =
        packages.values().filter(|p| p.state == states::CANCELLATION_WAITING).map(|p| p.id).collect();
    let waiting = store::asked_of(tx, waiting).await?;
    let mut asked = split(&order, &plan, &items, &packages, &already_asked(&packages, &waiting));
    let fed = oms_store::stock::engines::owners(tx).await?.into_keys().collect();
    for part in asked.parts.iter_mut().filter(|p| p.is_new) {
        part.id = ids.ids.rows.next().expect("ids were taken");
    }
    let mut own_transfers = BTreeMap::new();
    for id in asked.at_once.keys() {
        own_transfers.insert(*id, transfers::of_package(tx, *id).await?);
    }
    let mut rows = ids.ids.rows.clone();
    let steps: usize = own_transfers.values().flatten().map(|t| 2 + 4 * t.items.len()).sum();
    let reserved = steps + asked.at_once.len();
    ids.ids.rows = ids.ids.rows.start + reserved as i64..;
    let mut work = Work::new(&mut ids.ids, fed);
    work.command(&doer, "cancellation");
    let (mut subjects, mut given_up) = (Vec::new(), BTreeSet::new());
    let mut packages = packages;
    // Cancelled one after the other: all of them move the order's counters.
    let mut made = packages.values().map(|p| p.packages_made).max().unwrap_or(0);
    for (id, units) in &asked.at_once {
        let mut package = packages.remove(id).expect("it was just read");
        package.packages_made = made;
        for transfer in own_transfers.remove(id).unwrap_or_default() {
            end_transfer(tx, &mut package, &transfer, &mut rows, &doer).await?;
        }
        let transition = system(Entity::Package, Some(package.state), states::CANCELLED)?;
        let rest = end_package(&mut work, &mut package, units, (states::CANCELLED, transition), &doer)?;
        subjects.extend(rest.filter(|r| r.state == states::NEEDS_RESCHEDULING).map(|r| r.id));
        if !subjects.is_empty() {
            given_up.extend(package.items.iter().map(|i| i.product_id));
        }
        made = package.packages_made;
        work.keep(&package);
    }
    for id in &asked.wait {
        let mut package = packages.remove(id).expect("it was just read");
        if package.state != states::CANCELLATION_WAITING {
            let to = states::CANCELLATION_WAITING;
            let transition = system(Entity::Package, Some(package.state), to)?;
            work.step(&mut package, &Step::new(to, transition), &doer);
        }
        work.keep(&package);
    }
    for (&line, &units) in &asked.cancelled {
        work.cancel_units(line, units);
    }
    if !asked.cancelled.is_empty() {
        work.tell_order(order.id, order.event_seq + 1, json!({"cancelled": asked.cancelled}), &doer);
    }
    let planned: Vec<i64> = given_up.into_iter().collect();
    let Written::Done(slots) = work.run(tx, &planned).await? else {
        return Err(StoreError::Corrupt("a cancellation asks for no stock".into()).into());
    };
    let wanted: i64 = order.lines.iter().map(|l| l.quantity - l.cancelled).sum();
    if !order.is_planned && wanted == asked.cancelled.values().sum::<i64>() {
        store::end_order(tx, order.id, doer.actor.at_us).await?;
    }
    store::decide(tx, &plan, Some(order.id), &asked.parts, doer.actor.at_us).await?;
    if ids.has_engines || subjects.len() > 1 {
        // The worker asks the engines, which may be slow, before it plans; and it plans packages of one order one
        // after the other, because each moves the order's counters.
        let mut job = |package: i64| NewJob {
            id: rows.next().expect("ids were taken"),
            kind: JobKind::Replan,
            ref_id: package,
            sort: (0, package),
        };
        let again: Vec<NewJob> = subjects.drain(..).map(&mut job).collect();
        jobs::add(tx, &again, doer.actor.at_us).await?;
    }
    if subjects.is_empty() {
        return Ok(slots.write(tx).await?);
    }
    replan::run(tx, app, &subjects, &[], &mut ids.plan_ids, slots, doer.actor.at_us).await
}

/// What becomes of what is asked.
#[derive(Debug, Default)]
struct Split {
    /// Units of items, by package: cancelled now.
    at_once: BTreeMap<i64, BTreeMap<i64, i64>>,
    /// Packages whose location is asked.
    wait: BTreeSet<i64>,
    /// Units of order lines that are cancelled now.
    cancelled: BTreeMap<i64, i64>,
    parts: Vec<Part>,
}

/// Where a package stands towards a cancellation; the lower, the sooner it is taken.
fn willingness(p: &HeldPackage) -> Option<(i64, bool)> {
    use states::*;
    let rank = match p.state {
        OUT_OF_STOCK | NEEDS_RESCHEDULING => 0,
        WAITING | WAITING_REMOTE_ACTION | WAITING_FOR_TRANSFER => 1,
        BLOCKED => 2,
        PREPARING | READY_FOR_PACKAGING => 3,
        WAITING_CARGO_LABEL | PACKED | READY_FOR_CUSTOMER => return Some((4, true)),
        CANCELLATION_WAITING => return Some((5, true)),
        _ => return None,
    };
    Some((rank, false))
}

/// Units of package items that a location is asked to let go already.
fn already_asked(
    packages: &BTreeMap<i64, HeldPackage>,
    waiting: &HashMap<i64, Vec<Asked>>,
) -> BTreeMap<i64, i64> {
    let mut units: BTreeMap<i64, i64> = BTreeMap::new();
    for (package, asked) in waiting {
        for one in asked {
            let mut left = one.quantity;
            for item in packages[package].items.iter().filter(|i| i.order_item_id == one.order_item_id) {
                let taken = units.entry(item.id).or_default();
                let take = left.min(item.quantity - *taken);
                *taken += take;
                left -= take;
            }
        }
    }
    units
}

/// Spreads what is asked over the packages, those that are least far first.
fn split(
    order: &HeldOrder,
    plan: &Plan,
    items: &[store::Item],
    packages: &BTreeMap<i64, HeldPackage>,
    already: &BTreeMap<i64, i64>,
) -> Split {
    let mut split = Split::default();
    let mut ranked: Vec<(&HeldPackage, (i64, bool))> =
        packages.values().filter_map(|p| Some((p, willingness(p)?))).collect();
    ranked.sort_by_key(|(p, rank)| (*rank, p.id));
    // Without items the whole order is meant.
    let all: Vec<store::Item> = match items {
        [] => order.lines.iter().filter(|l| l.quantity > l.cancelled).map(|l| whole(plan, l)).collect(),
        items => items.to_vec(),
    };
    let mut taken = already.clone();
    for item in &all {
        let line = order.lines.iter().find(|l| {
            item.order_item_id == Some(l.id)
                || (item.order_item_id.is_none()
                    && item.order_item_omnitron_id.is_some()
                    && l.omnitron_id == item.order_item_omnitron_id)
        });
        let mut parts = Parts { item, line: line.map(|l| l.id), made: Vec::new() };
        let Some(line) = line else {
            parts.add(item.quantity.unwrap_or(0), "refused", "the order has no such item", None);
            split.parts.extend(parts.made);
            continue;
        };
        let own = packages.values().flat_map(|p| &p.items).filter(|i| i.order_item_id == line.id);
        let waiting: i64 = own.map(|i| already.get(&i.id).copied().unwrap_or(0)).sum();
        let gone = line.cancelled + split.cancelled.get(&line.id).copied().unwrap_or(0);
        let open = line.quantity - gone - waiting;
        let mut left = item.quantity.unwrap_or(open).min(open);
        let beyond = item.quantity.unwrap_or(open) - left;
        if !order.is_planned {
            if left > 0 {
                *split.cancelled.entry(line.id).or_default() += left;
                parts.add(left, "accepted", "cancelled before it was planned", None);
            }
            left = 0;
        }
        for (package, (_, must_wait)) in &ranked {
            for own in package.items.iter().filter(|i| i.order_item_id == line.id) {
                let free = own.quantity - taken.get(&own.id).copied().unwrap_or(0);
                let units = left.min(free);
                if units <= 0 {
                    continue;
                }
                left -= units;
                *taken.entry(own.id).or_default() += units;
                if *must_wait {
                    split.wait.insert(package.id);
                    parts.add(units, "waiting", "the location is asked", Some(package.id));
                } else {
                    *split.at_once.entry(package.id).or_default().entry(own.id).or_default() += units;
                    *split.cancelled.entry(line.id).or_default() += units;
                    parts.add(units, "accepted", "cancelled", Some(package.id));
                }
            }
        }
        if left > 0 {
            let at = packages.values().find(|p| p.items.iter().any(|i| i.order_item_id == line.id));
            match plan.plan_type.as_str() {
                // Goods that have left come back by a return; the hub pays.
                "refund" => {
                    parts.add(left, "accepted", "refunded by the hub; nothing to stop here", at.map(|p| p.id))
                }
                _ => parts.add(left, "refused", "it has left already", at.map(|p| p.id)),
            }
        }
        if beyond > 0 || parts.made.is_empty() {
            parts.add(beyond, "refused", "so many are not left of the line", None);
        }
        split.parts.extend(parts.made);
    }
    split
}

fn whole(plan: &Plan, line: &Line) -> store::Item {
    store::Item {
        id: 0,
        plan_id: plan.id,
        order_item_id: Some(line.id),
        order_item_omnitron_id: line.omnitron_id,
        quantity: None,
        reason_id: None,
        state: "received".into(),
        outcome: None,
        package_id: None,
    }
}

struct Parts<'i> {
    item: &'i store::Item,
    line: Option<i64>,
    made: Vec<Part>,
}

impl Parts<'_> {
    fn add(&mut self, quantity: i64, state: &'static str, outcome: &str, package_id: Option<i64>) {
        self.made.push(Part {
            id: self.item.id,
            is_new: !self.made.is_empty() || self.item.id == 0,
            plan_id: self.item.plan_id,
            order_item_id: self.line,
            quantity,
            reason_id: self.item.reason_id,
            state,
            outcome: outcome.to_owned(),
            package_id,
        });
    }
}

/// Ends a package of which units are cancelled; the rest goes on as a new one at the same location in the same
/// state, its holds handed over. Returns the rest, if there is one; Needs Rescheduling: it cannot simply go on.
fn end_package(
    work: &mut Work<'_>,
    package: &mut HeldPackage,
    units: &BTreeMap<i64, i64>,
    (to, transition): (i64, (i64, i64)),
    doer: &Doer,
) -> Result<Option<HeldPackage>> {
    let wanted: i64 = units.values().sum();
    let mut step = Step::new(to, transition);
    if package.units() <= wanted {
        work.divide(package, units, None, doer);
        work.step(package, &step, doer);
        return Ok(None);
    }
    // What came by transfer, or was to come, is gone with the transfers: the rest looks for stock anew.
    let waits = package.effective() == states::WAITING_FOR_TRANSFER;
    let (state, held_state, holds_slot) = match package.state {
        _ if waits => (states::NEEDS_RESCHEDULING, None, false),
        states::CANCELLATION_WAITING => (package.effective(), None, package.holds_slot),
        state => (state, package.held_state, package.holds_slot),
    };
    let born = system(Entity::Package, None, state)?;
    let place = package.location_id;
    let mut rest = work.create(package, place, (state, held_state, holds_slot), born, doer);
    if waits {
        for item in &mut package.items {
            let left = item.quantity - units.get(&item.id).copied().unwrap_or(0);
            if left > 0 {
                work.successor(&mut rest, item, left);
            }
        }
        work.divide(package, &BTreeMap::new(), None, doer);
    } else {
        work.divide(package, units, Some(&mut rest), doer);
    }
    step.delta.insert("replaced_by".into(), json!([rest.id]));
    work.step(package, &step, doer);
    Ok(Some(rest))
}

/// Cancels a transfer that has not left, and lets one go that is on its way.
async fn end_transfer(
    tx: &mut Tx,
    package: &mut HeldPackage,
    transfer: &transfers::Transfer,
    rows: &mut std::ops::RangeFrom<i64>,
    doer: &Doer,
) -> Result<()> {
    match transfer.state {
        transfer_states::WAITING | transfer_states::READY_TO_SHIPMENT => {
            let to = transfer_states::CANCELLED;
            let transition = system(Entity::Transfer, Some(transfer.state), to)?;
            transfers::step(tx, transfer, to, transition, &Effect::Release, rows, doer).await?;
            // Its holds ended with it.
            let sent: BTreeSet<i64> = transfer.items.iter().map(|i| i.id).collect();
            for item in &mut package.items {
                item.holds.retain(|h| h.transfer_item_id.is_none_or(|t| !sent.contains(&t)));
            }
        }
        transfer_states::IN_TRANSIT => transfers::detach(tx, vec![transfer.id], &doer.actor).await?,
        _ => {}
    }
    Ok(())
}

/// The location lets go what is asked of a package that waits: all that was asked, or the whole package.
pub(crate) fn accept_waiting(
    work: &mut Work<'_>,
    package: &mut HeldPackage,
    asked: &[Asked],
    parcels: &[Shipment],
    to: (i64, (i64, i64)),
    doer: &Doer,
) -> Result<(), Refusal> {
    let mut units: BTreeMap<i64, i64> = BTreeMap::new();
    for one in asked {
        let mut left = one.quantity;
        for item in package.items.iter().filter(|i| i.order_item_id == one.order_item_id) {
            let already = units.entry(item.id).or_default();
            let take = left.min(item.quantity - *already);
            *already += take;
            left -= take;
        }
        work.answer_cancellation(one.id, "accepted", "cancelled by the location", Some(package.id));
    }
    units.retain(|_, n| *n > 0);
    if units.is_empty() {
        units = package.items.iter().map(|i| (i.id, i.quantity)).collect();
    }
    let mut cancelled: BTreeMap<i64, i64> = BTreeMap::new();
    for item in &package.items {
        if let Some(&n) = units.get(&item.id) {
            work.cancel_units(item.order_item_id, n);
            *cancelled.entry(item.order_item_id).or_default() += n;
        }
    }
    let told = json!({"cancelled": cancelled});
    work.tell_order(package.order_id, package.order_event_seq + 1, told, doer);
    match end_package(work, package, &units, to, doer) {
        // The carrier's parcel goes on with what is left: its label is still awaited, or stuck on it.
        Ok(Some(rest)) => {
            parcels.iter().for_each(|parcel| hand_over_parcel(work, parcel, rest.id, doer));
            Ok(())
        }
        Ok(None) => {
            parcels.iter().for_each(|parcel| cancel_parcel(work, parcel, doer));
            Ok(())
        }
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(_) => Err(Refusal::invalid(
            "transition",
            "no_such_step",
            "The rest of this package has no state to go on in.",
        )),
    }
}

fn hand_over_parcel(work: &mut Work<'_>, parcel: &Shipment, package: i64, doer: &Doer) {
    let moved = Shipment { package_id: Some(package), ..changed(parcel, doer) };
    let delta = json!({"state": moved.state, "package": package});
    work.tell_shipment(moved.id, moved.event_seq, types::SHIPMENT_UPDATED, delta, doer);
    work.shipment(moved);
}

/// Nothing is left that a parcel could carry. The carrier is not asked.
fn cancel_parcel(work: &mut Work<'_>, parcel: &Shipment, doer: &Doer) {
    if shipments::ENDED.contains(&parcel.state.as_str()) {
        return;
    }
    let gone = Shipment { state: shipments::CANCELLED.to_owned(), ..changed(parcel, doer) };
    let delta = json!({"state": gone.state});
    work.tell_shipment(gone.id, gone.event_seq, types::SHIPMENT_CANCELLED, delta, doer);
    work.shipment(gone);
}

fn changed(parcel: &Shipment, doer: &Doer) -> Shipment {
    let (event_seq, version) = (parcel.event_seq + 1, parcel.version + 1);
    Shipment { event_seq, version, modified_us: doer.actor.at_us, ..parcel.clone() }
}

/// Plans with their items.
pub struct PlanSet {
    pub page: Page<Plan>,
    pub items: Vec<store::Item>,
}

/// A page of plans.
pub async fn list(app: &App, ask: &Ask) -> Result<PlanSet> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    set(&mut tx, page.with(rows)).await
}

/// One plan.
pub async fn get(app: &App, id: i64) -> Result<PlanSet> {
    let mut tx = app.store.read().await?;
    let rows = store::by_ids(&mut tx, vec![id]).await?;
    if rows.is_empty() {
        return Err(Refusal::not_found("cancellation plan", id).into());
    }
    set(&mut tx, Page::whole(rows)).await
}

async fn set(tx: &mut Tx, page: Page<Plan>) -> Result<PlanSet> {
    let items = store::items_of(tx, page.rows.iter().map(|p| p.id).collect()).await?;
    Ok(PlanSet { page, items })
}

/// Takes the hub's event. One that is sent again changes nothing.
pub async fn receive_event(app: &App, body: &Value) -> Result<()> {
    intake::read_event(body, "cancellation_plan")?;
    let wanted = read_hub(&body["payload"])?;
    if wanted.is_withdrawn {
        return withdraw::run(app, &wanted).await;
    }
    let ids = receive_ids(app, &wanted).await?;
    let mut tx = app.store.begin().await?;
    receive(&mut tx, ids, &wanted, "hub", app.now_us()).await?;
    Ok(tx.commit().await?)
}

/// Ids that a cancellation with an answer at once needs.
pub struct DirectIds {
    receive: ReceiveIds,
    decide: DecideIds,
}

/// Takes them.
pub async fn direct_ids(app: &App, wanted: &Wanted) -> Result<DirectIds> {
    Ok(DirectIds {
        receive: receive_ids(app, wanted).await?,
        decide: decide_ids_of(app, wanted.order_id).await?,
    })
}

/// Takes a request of ours and decides on it in the same transaction.
pub async fn cancel(
    tx: &mut Tx,
    app: &App,
    ids: DirectIds,
    actor: Actor,
    wanted: &Wanted,
) -> Result<PlanSet> {
    let order = wanted.order_id.unwrap_or_default();
    if store::hold_order(tx, Some(order), None).await?.is_none() {
        return Err(Refusal::not_found("order", order).into());
    }
    let plan = receive(tx, ids.receive, wanted, "api", actor.at_us).await?;
    let plan = plan.ok_or_else(|| StoreError::Corrupt("a new plan of ours was here already".into()))?;
    decide(tx, app, ids.decide, actor, plan).await?;
    jobs::drop_one(tx, JobKind::Cancel, plan).await?;
    let rows = store::by_ids(tx, vec![plan]).await?;
    set(tx, Page::whole(rows)).await
}

/// A page of the hub's reasons.
pub async fn reasons(app: &App, ask: &Ask) -> Result<Page<store::Reason>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::REASONS, store::REASON_COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read_reason).collect::<Result<Vec<_>, _>>()?;
    Ok(page.with(rows))
}

/// Copies the reasons that the hub sends to the OMS. Returns how many.
pub async fn pull_reasons(app: &App) -> Result<usize> {
    /// Reasons a page; a hub has some dozens.
    const PAGE: u32 = 100;
    let hub = hub::client(app).await?;
    let read = hub.list_all("cancellation_reasons/", &[("sort", "pk")], PAGE, |_| {}).await?;
    let mut ids = app.store.take_ids(IdKind::CancellationReason, read.len()).await?;
    let now = app.now_us();
    let flag = |v: &Value, key: &str, default: bool| v.get(key).and_then(Value::as_bool).unwrap_or(default);
    let reason = |v: &Value| {
        Some(store::Reason {
            id: ids.next()?,
            omnitron_id: Some(oms_connect::hub::key_of(v)?),
            subject: v.get("subject").and_then(Value::as_str)?.chars().take(100).collect(),
            cancellation_type: v
                .get("cancellation_type")
                .and_then(Value::as_str)
                .unwrap_or("cancel")
                .to_owned(),
            is_active: flag(v, "is_active", true),
            send_to_oms: flag(v, "send_to_oms", true),
            extra_information_needed: flag(v, "extra_information_needed", false),
            sort_order: v.get("order").and_then(Value::as_i64),
            created_us: now,
            modified_us: now,
        })
    };
    let reasons: Vec<store::Reason> = read.iter().filter_map(reason).filter(|r| r.send_to_oms).collect();
    let mut tx = app.store.begin().await?;
    store::put_reasons(&mut tx, &reasons).await?;
    tx.commit().await?;
    Ok(reasons.len())
}
