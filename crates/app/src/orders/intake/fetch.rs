//! Fetching what inbox rows tell of, and taking it: the hub is called with no transaction open, and
//! the effect, the rows' outcome and the end of the jobs are one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_connect::hub::{HubClient, HubErrorClass, HubItem, HubOrder, HubProduct, HubRecord, Record, Ref};
use oms_store::access::logs;
use oms_store::ids::IdKind;
use oms_store::orders::hub_orders::{self, Rejected};
use oms_store::orders::inbox::{self, Inbox};
use oms_store::orders::products::{self, NewProduct};
use oms_store::orders::{self as store, Accepted};
use oms_store::upkeep::jobs::{self, Job, JobKind};
use serde_json::Value;

use super::reading::{Context, People, said};
use crate::guard::caught;
use crate::places::{channels, geography, locations};
use crate::setup::{hub, settings};
use crate::{App, Error, Result, orders};

/// Inbox rows one fetch takes: the hub's items are asked for in hundreds.
pub const FETCH: usize = 100;
/// Tries of a fetch whose hub does not answer, at most a minute apart: some hours, then a person looks.
const HUB_TRIES: i64 = 300;

/// How old the copy of a product may be that an order names.
const PRODUCT_AGE_US: i64 = 3_600 * 1_000_000;

/// What one fetch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Jobs it worked on.
    pub jobs: usize,
    /// Orders taken now.
    pub taken: usize,
}

/// Fetches what up to [`FETCH`] inbox rows tell of and takes it. Hub failures give the jobs back.
pub async fn fetch_tick(app: &App) -> Result<Fetched> {
    if !super::is_set_up(app).await? {
        return Ok(Fetched::default());
    }
    let mut tx = app.store.begin().await?;
    let jobs = jobs::claim(&mut tx, JobKind::Fetch, &app.node, FETCH, app.now_us()).await?;
    if jobs.is_empty() {
        return Ok(Fetched::default());
    }
    let _held = app.in_hand.jobs(&jobs);
    tx.commit().await?;
    let taken = match caught("a fetch", fetch_jobs(app, &jobs)).await {
        Ok(taken) => taken,
        Err(error) if !error.is_passing() && jobs.len() > 1 => fetch_one_by_one(app, &jobs).await?,
        Err(error) => {
            give_back(app, &jobs, &error).await?;
            0
        }
    };
    Ok(Fetched { jobs: jobs.len(), taken })
}

/// One record that the hub cannot serve must not hold up the others.
async fn fetch_one_by_one(app: &App, jobs: &[Job]) -> Result<usize> {
    let mut taken = 0;
    for job in jobs {
        match caught("a fetch", fetch_jobs(app, std::slice::from_ref(job))).await {
            Ok(n) => taken += n,
            Err(error) => give_back(app, std::slice::from_ref(job), &error).await?,
        }
    }
    Ok(taken)
}

fn is_permanent(error: &Error) -> bool {
    match error {
        Error::Hub(hub) => hub.class() == HubErrorClass::Permanent,
        Error::Store(store) => store.is_constraint(),
        _ => false,
    }
}

async fn give_back(app: &App, jobs: &[Job], error: &Error) -> Result<()> {
    let attempts = jobs.iter().map(|j| j.attempts).max().unwrap_or(0);
    // Without a way to say when it works again (a wrong password), a minute is soon enough.
    let delay = crate::setup::retry_delay_us(error, attempts).unwrap_or(60_000_000);
    let tries = match error {
        _ if is_permanent(error) => 0,
        Error::Hub(_) => HUB_TRIES,
        _ => jobs::MAX_ATTEMPTS,
    };
    tracing::warn!(%error, jobs = jobs.len(), retry_s = delay / 1_000_000, "orders could not be fetched");
    let mut tx = app.store.begin().await?;
    let text = error.to_string();
    jobs::give_back(&mut tx, jobs, &app.node, app.now_us() + delay, Some(&text), tries).await?;
    if tries == 0 {
        let refused: Vec<_> = jobs.iter().map(|j| (j.ref_id, false, text.clone())).collect();
        inbox::settle(&mut tx, &refused, app.now_us()).await?;
    }
    Ok(tx.commit().await?)
}

/// An order with its items, as the hub gave them.
type WithItems = (HubOrder, Vec<Record<HubItem>>);

async fn fetch_jobs(app: &App, jobs: &[Job]) -> Result<usize> {
    let mut tx = app.store.read().await?;
    let rows = inbox::read(&mut tx, jobs.iter().map(|j| j.ref_id)).await?;
    let quantity_key = settings::quantity_key(&mut tx).await?;
    let filter = settings::order_filtering(&mut tx).await?;
    drop(tx);
    let hub = hub::client(app).await?;

    let (stores, rows): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|r| r.event_type.starts_with("retail_store."));
    let mut outcomes = sync_stores(app, &hub, &stores).await?;
    let fetched = fetch_orders(&hub, &rows, &quantity_key).await?;
    let products = fetch_products(app, &hub, &fetched.orders).await?;
    let people = fetch_people(&hub, &fetched.orders).await?;
    let context = Context {
        places: geography::places(app).await?,
        channels: channels_of(app, &hub, &fetched.orders).await?,
        products: products.ours,
        unreadable_products: products.unreadable,
        people,
        filter,
    };
    let (mut new, mut rejected) = (Vec::new(), Vec::new());
    for (order, items) in &fetched.orders {
        match context.read(order, items) {
            Ok(order) => new.push(order),
            Err(refusal) => rejected.push(context.rejected(order, items, &refusal)),
        }
    }
    rejected.extend(fetched.unreadable);

    let mut ids = orders::ids(app, &new).await?;
    let reject_ids = (new.len() + rejected.len()) * hub_orders::IDS_EACH;
    let mut reject_ids = app.store.take_ids(IdKind::Row, reject_ids).await?;
    let actor = app.actor("hub").await?;
    let mut tx = app.store.begin().await?;
    let job_ids: Vec<_> = jobs.iter().map(|j| j.id).collect();
    if jobs::finish(&mut tx, &job_ids, &app.node).await?.len() < jobs.len() {
        // Another process took some of them over; what it does is the same, and must not be mixed with this.
        tracing::warn!("leases of fetch jobs were lost to another process; its work stands");
        return Ok(0);
    }
    logs::record_command(&mut tx, &actor, "orders.fetch").await?;
    let answers = store::accept(&mut tx, &new, &mut ids, &actor).await?;
    let mut became: HashMap<i64, (bool, String)> = HashMap::new();
    for (order, answer) in new.iter().zip(&answers) {
        let Some((pk, version)) = order.hub else { continue };
        became.insert(pk, (!matches!(answer, Accepted::Rejected(_)), outcome_text(answer)));
        if let Accepted::Rejected(refusal) = answer {
            rejected.push(Rejected {
                pk,
                number: order.number.clone(),
                modified_us: Some(version.modified_us),
                reason: refusal.message.clone(),
                missing_product: None,
            });
        }
    }
    became.extend(rejected.iter().map(|r| (r.pk, (false, rejected_text(&r.reason)))));
    hub_orders::reject(&mut tx, &rejected, true, &mut reject_ids, actor.at_us).await?;
    let absent = || (false, "refused: the hub has no such order".to_owned());
    outcomes.extend(rows.iter().map(|r| {
        let (done, text) = became.get(&r.hub_pk).cloned().unwrap_or_else(absent);
        (r.id, done, text)
    }));
    inbox::settle(&mut tx, &outcomes, actor.at_us).await?;
    tx.commit().await?;
    Ok(answers.iter().filter(|a| matches!(a, Accepted::New { .. })).count())
}

fn outcome_text(answer: &Accepted) -> String {
    match answer {
        Accepted::New { order_id } => format!("imported as order {order_id}"),
        Accepted::Unchanged { .. } => "already known in this version or a newer one".into(),
        Accepted::Replaced { order_id } => format!("order {order_id} replaced before planning"),
        Accepted::Renewed { order_id, late } if late.is_empty() => format!("order {order_id} renewed"),
        Accepted::Renewed { order_id, late } => {
            format!("order {order_id}: change of {} not applied", late.join(", "))
        }
        Accepted::Filtered { reason } => format!("filtered: {reason}"),
        Accepted::Rejected(refusal) => rejected_text(&refusal.message),
    }
}

fn rejected_text(reason: &str) -> String {
    format!("rejected: {reason}")
}

async fn sync_stores(app: &App, hub: &HubClient, rows: &[Inbox]) -> Result<Vec<(i64, bool, String)>> {
    let pks: BTreeSet<i64> = rows.iter().map(|r| r.hub_pk).collect();
    let stores = hub.read_by_pk::<oms_connect::hub::HubStore>(&Vec::from_iter(pks)).await?;
    let mut became = HashMap::new();
    for record in stores {
        match record {
            Ok(s) => {
                let result = match locations::sync(app, &s).await {
                    Ok(()) => (true, "location in step".to_owned()),
                    Err(Error::Refused(refusal)) => (false, format!("refused: {refusal}")),
                    Err(other) => return Err(other),
                };
                became.insert(s.pk, result);
            }
            Err(e) => drop(e.pk.map(|pk| became.insert(pk, (false, format!("refused: {e}"))))),
        }
    }
    let absent = || (false, "refused: the hub has no such store".to_owned());
    Ok(rows
        .iter()
        .map(|r| (r.id, became.get(&r.hub_pk).cloned().unwrap_or_else(absent)))
        .map(|(id, (d, t))| (id, d, t))
        .collect())
}

/// The orders that inbox rows tell of, each once, and those that could not be read.
struct FetchedOrders {
    orders: Vec<WithItems>,
    unreadable: Vec<Rejected>,
}

async fn fetch_orders(hub: &HubClient, rows: &[Inbox], quantity_key: &str) -> Result<FetchedOrders> {
    let mut orders: BTreeMap<i64, HubOrder> = BTreeMap::new();
    let mut unreadable = Vec::new();
    let mut keep = |record: Record<HubOrder>| match record {
        // Of two versions in the batch the newer one is worth its items.
        Ok(order) => match orders.get(&order.pk) {
            Some(known) if known.modified_us > order.modified_us => {}
            _ => drop(orders.insert(order.pk, order)),
        },
        Err(e) => unreadable.extend(Rejected::unreadable(e.pk, &e.reason)),
    };
    for payload in rows.iter().filter_map(|r| r.payload.as_deref()) {
        if let Ok(value) = serde_json::from_str::<Value>(payload) {
            keep(HubOrder::read(&value));
        }
    }
    let told: BTreeSet<i64> = rows.iter().filter(|r| r.payload.is_none()).map(|r| r.hub_pk).collect();
    if !told.is_empty() {
        hub.orders_by_pk(&Vec::from_iter(told)).await?.into_iter().for_each(keep);
    }
    let pks: Vec<i64> = orders.keys().copied().collect();
    let mut items = if pks.is_empty() { HashMap::new() } else { hub.order_items(&pks, quantity_key).await? };
    let with_items = orders.into_values().map(|o| {
        let items = items.remove(&o.pk).unwrap_or_default();
        (o, items)
    });
    Ok(FetchedOrders { orders: with_items.collect(), unreadable })
}

/// Products of the hub that orders name.
struct Products {
    /// Ours, by the hub's key.
    ours: HashMap<i64, i64>,
    /// Why a record could not be read.
    unreadable: HashMap<i64, String>,
}

/// Our product of each hub product that the orders name. Read from the hub are those that are not here, and those whose
/// copy is old: the hub tells of no change of a product.
async fn fetch_products(app: &App, hub: &HubClient, orders: &[WithItems]) -> Result<Products> {
    let mut named: BTreeMap<i64, i64> = BTreeMap::new();
    for (order, items) in orders {
        for item in items.iter().flatten() {
            let latest = named.entry(item.product_pk).or_insert(order.placed_us);
            *latest = order.placed_us.max(*latest);
        }
    }
    let mut tx = app.store.read().await?;
    let known = products::by_hub_pk(&mut tx, &Vec::from_iter(named.keys().copied())).await?;
    drop(tx);
    let oldest = app.now_us() - PRODUCT_AGE_US;
    // What was read before an order was placed may not be what was ordered.
    let is_old = |pk: &i64, placed_us: i64| known.get(pk).is_none_or(|k| k.read_us < placed_us.max(oldest));
    let wanted: Vec<i64> =
        named.iter().filter(|(pk, placed)| is_old(pk, **placed)).map(|(pk, _)| *pk).collect();
    let mut ours: HashMap<i64, i64> = known.iter().map(|(pk, k)| (*pk, k.id)).collect();
    if wanted.is_empty() {
        return Ok(Products { ours, unreadable: HashMap::new() });
    }
    let fetched = hub.products_by_pk(&wanted).await?;
    let unreadable = |r: &Record<HubProduct>| r.as_ref().err().and_then(|e| Some((e.pk?, e.reason.clone())));
    let unreadable = fetched.iter().filter_map(unreadable).collect();
    let ids = app.store.take_ids(IdKind::Product, fetched.len()).await?;
    let new = |(p, id): (HubProduct, i64)| NewProduct {
        id,
        omnitron_id: Some(p.pk),
        sku: p.sku,
        name: p.name,
        base_code: p.base_code,
        barcode: p.barcode,
        attributes: p.attributes.to_string(),
        hub_fields: said(&p.others),
    };
    let rows: Vec<_> = fetched.into_iter().flatten().zip(ids).map(new).collect();
    let mut tx = app.store.begin().await?;
    let by_sku = products::upsert(&mut tx, &rows, app.now_us()).await?;
    tx.commit().await?;
    let read: HashMap<i64, i64> =
        rows.iter().filter_map(|p| Some((p.omnitron_id?, by_sku[&p.sku]))).collect();
    let came: Vec<i64> = read.keys().filter(|pk| !known.contains_key(pk)).copied().collect();
    ours.extend(read);
    wake_those_that_wait_for(app, &came).await?;
    Ok(Products { ours, unreadable })
}

/// Orders that were rejected because the hub did not show a product yet are fetched again now that it does.
async fn wake_those_that_wait_for(app: &App, products: &[i64]) -> Result<()> {
    let mut tx = app.store.read().await?;
    let orders = hub_orders::waiting_for(&mut tx, products).await?;
    drop(tx);
    if orders.is_empty() {
        return Ok(());
    }
    let mut ids = app.store.take_ids(IdKind::Row, orders.len() * hub_orders::IDS_EACH).await?;
    let mut tx = app.store.begin().await?;
    hub_orders::try_again(&mut tx, &orders, &mut ids, app.now_us()).await?;
    Ok(tx.commit().await?)
}

async fn fetch_people(hub: &HubClient, orders: &[WithItems]) -> Result<People> {
    fn pk<T>(r: &Option<Ref<T>>) -> Option<i64> {
        match r {
            Some(Ref::Pk(pk)) => Some(*pk),
            _ => None,
        }
    }
    let customers: BTreeSet<i64> = orders.iter().filter_map(|(o, _)| pk(&o.customer)).collect();
    let both = orders.iter().flat_map(|(o, _)| [pk(&o.shipping_address), pk(&o.billing_address)]);
    let addresses: BTreeSet<i64> = both.flatten().collect();
    let mut people = People::default();
    if !customers.is_empty() {
        let read = hub.customers_by_pk(&Vec::from_iter(customers)).await?;
        people.customers = read.into_iter().flatten().map(|c| (c.pk, c)).collect();
    }
    if !addresses.is_empty() {
        let read = hub.addresses_by_pk(&Vec::from_iter(addresses)).await?;
        people.addresses = read.into_iter().flatten().map(|a| (a.pk, a)).collect();
    }
    Ok(people)
}

/// Our channels by the hub's pk; a channel made at the hub since the setup step is copied now.
async fn channels_of(app: &App, hub: &HubClient, orders: &[WithItems]) -> Result<HashMap<i64, i64>> {
    let known = channels::by_hub_pk(app).await?;
    if orders.iter().all(|(o, _)| known.contains_key(&o.channel_pk)) {
        return Ok(known);
    }
    channels::copy(app, hub, &crate::setup::Progress::unseen(app)).await?;
    channels::by_hub_pk(app).await
}
