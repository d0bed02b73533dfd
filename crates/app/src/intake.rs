//! Orders arriving from the hub: told by webhook or found by polling, fetched, and taken once.
//!
//! Webhook and poll only write inbox rows with a job each. The fetch tick does the rest, with no
//! transaction open while it calls the hub.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use oms_connect::hub::{
    HubAddress, HubClient, HubCustomer, HubErrorClass, HubItem, HubOrder, HubRecord, Record, Ref,
};
use oms_core::orders::OrderStatus;
use oms_core::refusal::Refusal;
use oms_core::settings::OrderFiltering;
use oms_store::ids::IdKind;
use oms_store::inbox::{self, Inbox, NewInbox};
use oms_store::jobs::{self, Job, JobKind};
use oms_store::logs;
use oms_store::orders::{self as store, Accepted, HubVersion, NewLine, NewOrder};
use oms_store::people::{NewAddress, NewCustomer};
use oms_store::products::{self, NewProduct};
use oms_store::settings as facts;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::coalesce::Coalescer;
use crate::geography::Places;
use crate::{App, Error, Result, channels, geography, hub, locations, orders, settings};

/// The fact that holds how far the poll has come.
pub(crate) const WATERMARK: &str = "poll_watermark_us";
/// How far each poll looks back: hub clocks and late commits.
const LOOK_BACK_US: i64 = 5 * 60 * 1_000_000;
/// Orders a page of the poll.
const PAGE: u32 = 100;
/// Inbox rows one fetch takes: the hub's items are asked for in hundreds.
pub const FETCH: usize = 100;
/// Tries of a fetch whose hub does not answer, at most a minute apart: some hours, then a person looks.
const HUB_TRIES: i64 = 300;
/// The longest event id taken from outside.
const MAX_UUID: usize = 64;

/// One event as it came by webhook.
#[derive(Debug, Clone)]
pub struct HubEvent {
    uuid: String,
    event_type: String,
    pk: i64,
}

/// Reads the hub's envelope `{"event": {"type", "uuid"}, "payload": {"pk", …}}`.
pub fn read_event(body: &Value, area: &str) -> Result<HubEvent, Refusal> {
    let wrong = |field: &str, message: &str| Refusal::invalid(field, "invalid", message);
    let event = body
        .get("event")
        .filter(|e| e.is_object())
        .ok_or_else(|| wrong("event", "An object {type, uuid} is expected."))?;
    let event_type = event.get("type").and_then(Value::as_str).unwrap_or_default();
    if !event_type.starts_with(&format!("{area}.")) || event_type.len() > MAX_UUID {
        return Err(wrong(
            "event.type",
            &format!("An event of {area} is expected here, for example {area}.updated."),
        ));
    }
    let uuid = event.get("uuid").and_then(Value::as_str).unwrap_or_default();
    let fits = !uuid.is_empty()
        && uuid.len() <= MAX_UUID
        && uuid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !fits {
        return Err(wrong("event.uuid", "1 to 64 letters, digits and dashes are expected."));
    }
    let pk = body.get("payload").and_then(oms_connect::hub::key_of).filter(|pk| *pk > 0);
    let pk =
        pk.ok_or_else(|| wrong("payload.pk", "The record's pk, a positive whole number, is expected."))?;
    // A uuid is the same with and without dashes.
    Ok(HubEvent { uuid: uuid.replace('-', "").to_lowercase(), event_type: event_type.into(), pk })
}

/// Takes webhook events in batches; each answers whether it was new.
pub type Mailbox = Coalescer<HubEvent, ()>;

/// Starts the mailbox.
pub fn mailbox(app: Arc<App>) -> Mailbox {
    Coalescer::start(app, |app, events| {
        Box::pin(async move {
            receive(&app, &events).await?;
            Ok(vec![(); events.len()])
        })
    })
}

async fn receive(app: &App, events: &[HubEvent]) -> Result<usize> {
    let mut ids = app.store.take_ids(IdKind::Row, events.len() * 2).await?;
    let mut next = || ids.next().expect("ids were taken");
    let once: BTreeMap<&str, &HubEvent> = events.iter().map(|e| (e.uuid.as_str(), e)).collect();
    let new = |e: &&HubEvent| NewInbox {
        id: next(),
        job_id: next(),
        source: "webhook",
        event_key: e.uuid.clone(),
        event_type: e.event_type.clone(),
        hub_pk: e.pk,
        modified_us: None,
        payload: None,
    };
    let rows: Vec<_> = once.values().map(new).collect();
    let mut tx = app.store.begin().await?;
    let fresh = inbox::receive(&mut tx, &rows, app.now_us()).await?;
    tx.commit().await?;
    Ok(fresh)
}

/// Where a walk through the hub's changes stands.
#[derive(Debug, Clone, Default)]
pub struct PollCursor {
    since_us: Option<i64>,
    page: u32,
    /// Keys of the page before, while more orders than a page holds changed at one moment.
    read: Vec<i64>,
}

/// What one step of the poll did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// No hub is configured, or another node polls.
    NotMine,
    /// A page was read; `new` of its orders were news. Another page follows at once if `more`.
    Page { new: usize, more: bool },
}

/// Reads one page of what changed at the hub and notes it in the inbox. Pages go by the time of change,
/// not by page number, because an order that changes meanwhile would shift the pages. Only within one
/// moment page numbers must do; there the page before is read once more after each page, and if it is
/// not what it was, that moment is read again from its beginning.
pub async fn poll_tick(app: &App, cursor: &mut PollCursor) -> Result<Polled> {
    let Some(hub) = hub::find(app).await? else { return Ok(Polled::NotMine) };
    let mut tx = app.store.begin().await?;
    let mine = jobs::hold_lease(&mut tx, "poll", &app.node, app.now_us()).await?;
    let watermark = facts::fact(&mut tx, WATERMARK).await?.and_then(|w| w.parse::<i64>().ok());
    tx.commit().await?;
    if !mine {
        *cursor = PollCursor::default();
        return Ok(Polled::NotMine);
    }
    let since = match (cursor.since_us, watermark) {
        (Some(since), Some(_)) => since,
        (_, Some(watermark)) => watermark - LOOK_BACK_US,
        (_, None) => 0,
    };
    let number = cursor.page.max(1);
    let page = hub.orders_modified_since(since, number, PAGE).await?;
    let shifted = number > 1 && {
        let before = hub.orders_modified_since(since, number - 1, PAGE).await?;
        keys(&before.results) != cursor.read
    };
    let last = page.results.iter().flatten().map(|o| o.modified_us).max().unwrap_or(since);
    // What shifted may hide orders of this moment: a process that starts here must not begin after it.
    let reached = if shifted { since } else { last };
    let new = note_page(app, &page.results, reached.max(watermark.unwrap_or(reached))).await?;
    *cursor = match page.next {
        _ if shifted => PollCursor { since_us: Some(since), page: 1, read: Vec::new() },
        true if last > since => PollCursor { since_us: Some(last), page: 1, read: Vec::new() },
        true => PollCursor { since_us: Some(since), page: number + 1, read: keys(&page.results) },
        false => PollCursor::default(),
    };
    Ok(Polled::Page { new, more: page.next || shifted })
}

fn keys(records: &[Record<HubOrder>]) -> Vec<i64> {
    records.iter().filter_map(|r| r.as_ref().map_or_else(|e| e.pk, |o| Some(o.pk))).collect()
}

async fn note_page(app: &App, records: &[Record<HubOrder>], watermark: i64) -> Result<usize> {
    let mut ids = app.store.take_ids(IdKind::Row, records.len() * 2).await?;
    let mut next = || ids.next().expect("ids were taken");
    let new = |o: &HubOrder| {
        let payload = o.raw.to_string();
        NewInbox {
            id: next(),
            job_id: next(),
            source: "poll",
            event_key: format!("{}@{}#{}", o.pk, o.modified_us, hex::encode(&Sha256::digest(&payload)[..8])),
            event_type: "order.polled".into(),
            hub_pk: o.pk,
            modified_us: Some(o.modified_us),
            payload: Some(payload),
        }
    };
    let rows: Vec<_> = records.iter().flatten().map(new).collect();
    let now = app.now_us();
    let mut tx = app.store.begin().await?;
    let fresh = inbox::receive(&mut tx, &rows, now).await?;
    for wrong in records.iter().filter_map(|r| r.as_ref().err()) {
        tracing::warn!(error = %wrong, "an order of the hub cannot be read; it is recorded as rejected");
        if let Some(pk) = wrong.pk {
            store::reject(&mut tx, pk, "", i64::MIN, &wrong.reason, now).await?;
        }
    }
    facts::set_fact(&mut tx, WATERMARK, &watermark.to_string()).await?;
    tx.commit().await?;
    Ok(fresh)
}

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
    let mut tx = app.store.begin().await?;
    let jobs = jobs::claim(&mut tx, JobKind::Fetch, &app.node, FETCH, app.now_us()).await?;
    if jobs.is_empty() {
        return Ok(Fetched::default());
    }
    let _held = app.in_hand.jobs(&jobs);
    tx.commit().await?;
    let taken = match fetch_jobs(app, &jobs).await {
        Ok(taken) => taken,
        Err(error) if is_permanent(&error) && jobs.len() > 1 => fetch_one_by_one(app, &jobs).await?,
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
        match fetch_jobs(app, std::slice::from_ref(job)).await {
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
        products,
        people,
        filter,
    };
    let (mut new, mut rejected) = (Vec::new(), Vec::new());
    for (order, items) in &fetched.orders {
        match context.read(order, items) {
            Ok(order) => new.push(order),
            Err(refusal) => rejected.push((order, refusal)),
        }
    }

    let mut ids = orders::ids(app, &new).await?;
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
    for (order, refusal) in &rejected {
        store::reject(&mut tx, order.pk, &order.number, order.modified_us, &refusal.message, actor.at_us)
            .await?;
    }
    let mut became: HashMap<i64, (bool, String)> = HashMap::new();
    for (order, answer) in new.iter().zip(&answers) {
        let pk = order.hub.map_or(0, |(pk, _)| pk);
        became.insert(pk, (!matches!(answer, Accepted::Rejected(_)), outcome_text(answer)));
    }
    became.extend(
        rejected.iter().map(|(o, refusal)| (o.pk, (false, format!("rejected: {}", refusal.message)))),
    );
    became.extend(fetched.unreadable);
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
        Accepted::Rejected(refusal) => format!("rejected: {}", refusal.message),
    }
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
    unreadable: HashMap<i64, (bool, String)>,
}

async fn fetch_orders(hub: &HubClient, rows: &[Inbox], quantity_key: &str) -> Result<FetchedOrders> {
    let mut orders: BTreeMap<i64, HubOrder> = BTreeMap::new();
    let mut unreadable = HashMap::new();
    let mut keep = |record: Record<HubOrder>| match record {
        // Of two versions in the batch the newer one is worth its items.
        Ok(order) => match orders.get(&order.pk) {
            Some(known) if known.modified_us > order.modified_us => {}
            _ => drop(orders.insert(order.pk, order)),
        },
        Err(e) => drop(e.pk.map(|pk| unreadable.insert(pk, (false, format!("refused: {e}"))))),
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

/// Our product of each hub product that the orders name; unknown ones are fetched and kept.
async fn fetch_products(app: &App, hub: &HubClient, orders: &[WithItems]) -> Result<HashMap<i64, i64>> {
    let pks: BTreeSet<i64> =
        orders.iter().flat_map(|(_, items)| items).flatten().map(|i| i.product_pk).collect();
    let pks = Vec::from_iter(pks);
    let mut tx = app.store.read().await?;
    let mut known = products::by_hub_pk(&mut tx, &pks).await?;
    drop(tx);
    let missing: Vec<i64> = pks.into_iter().filter(|pk| !known.contains_key(pk)).collect();
    if missing.is_empty() {
        return Ok(known);
    }
    let fetched = hub.products_by_pk(&missing).await?;
    let ids = app.store.take_ids(IdKind::Product, fetched.len()).await?;
    let new = |(p, id): (oms_connect::hub::HubProduct, i64)| NewProduct {
        id,
        omnitron_id: Some(p.pk),
        sku: p.sku,
        name: p.name,
        base_code: p.base_code,
        barcode: p.barcode,
        attributes: p.attributes.to_string(),
    };
    let rows: Vec<_> = fetched.into_iter().flatten().zip(ids).map(new).collect();
    let mut tx = app.store.begin().await?;
    let by_sku = products::upsert(&mut tx, &rows, app.now_us()).await?;
    tx.commit().await?;
    known.extend(rows.iter().filter_map(|p| Some((p.omnitron_id?, by_sku[&p.sku]))));
    Ok(known)
}

/// Customers and addresses that the orders name only by pk.
#[derive(Default)]
struct People {
    customers: HashMap<i64, HubCustomer>,
    addresses: HashMap<i64, HubAddress>,
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

/// What turning hub orders into ours needs to know.
struct Context {
    places: Arc<Places>,
    channels: HashMap<i64, i64>,
    products: HashMap<i64, i64>,
    people: People,
    filter: OrderFiltering,
}

impl Context {
    fn read(&self, order: &HubOrder, items: &[Record<HubItem>]) -> Result<NewOrder, Refusal> {
        let refuse = |field: &str, code, message: String| Refusal::invalid(field, code, message);
        let channel_id = *self.channels.get(&order.channel_pk).ok_or_else(|| {
            refuse(
                "channel",
                "unknown_channel",
                format!("The hub has no channel {} although the order is of it.", order.channel_pk),
            )
        })?;
        let mut lines = Vec::with_capacity(items.len());
        for item in items {
            let item = item.as_ref().map_err(|e| refuse("items", "unreadable_item", e.to_string()))?;
            if matches!(item.status, OrderStatus::Canceled | OrderStatus::Refunded) {
                continue;
            }
            lines.push(self.line(item)?);
        }
        if lines.len() > orders::MAX_LINES {
            return Err(refuse(
                "items",
                "too_many_lines",
                format!("The order has more than {} lines.", orders::MAX_LINES),
            ));
        }
        let order_type = order.order_type.as_deref().unwrap_or_default();
        let mut filtered_out = self.filter.filters_out(order.status, order.channel_pk, order_type);
        if lines.is_empty() && filtered_out.is_none() {
            filtered_out = Some("the order has no line that is not cancelled".into());
        }
        let customer = match &order.customer {
            Some(Ref::Full(c)) => customer(c),
            Some(Ref::Pk(pk)) => self.people.customers.get(pk).map(customer).unwrap_or_default(),
            None => NewCustomer::default(),
        };
        Ok(NewOrder {
            hub: Some((order.pk, version(order, items))),
            filtered_out,
            channel_id,
            number: order.number.clone(),
            hub_status: order.status.code(),
            placed_us: order.placed_us,
            customer,
            shipping_address: self.address(&order.shipping_address).unwrap_or_default(),
            billing_address: self.address(&order.billing_address),
            currency: order.currency.clone(),
            amount_minor: Some(order.amount_minor),
            shipping_amount_minor: Some(order.shipping_amount_minor),
            discount_amount_minor: Some(order.discount_amount_minor),
            shipping_option: order.shipping_option_slug.clone(),
            payment_option: order.payment_option_slug.clone(),
            delivery_type: order.delivery_type.clone(),
            delivery_range: (!order.delivery_range.is_null()).then(|| order.delivery_range.to_string()),
            cargo_company: order.cargo_company_pk,
            tracking_number: order.tracking_number.clone(),
            carrier_shipping_code: order.carrier_shipping_code.clone(),
            notes: order.notes.clone(),
            language_code: order.language_code.clone(),
            order_type: order.order_type.clone(),
            extra: order.extra_field.to_string(),
            lines,
        })
    }

    fn line(&self, item: &HubItem) -> Result<NewLine, Refusal> {
        let units = item
            .quantity
            .as_ref()
            .map_err(|e| Refusal::invalid("items", e.code(), format!("Item {}: {e}", item.pk)))?;
        let product_id = *self.products.get(&item.product_pk).ok_or_else(|| {
            let message =
                format!("Item {} names product {}, which the hub does not have.", item.pk, item.product_pk);
            Refusal::invalid("items", "unknown_product", message)
        })?;
        Ok(NewLine {
            omnitron_id: Some(item.pk),
            product_id,
            units: units.get(),
            price_minor: Some(item.price_minor),
            discount_minor: Some(item.discount_minor),
            retail_price_minor: item.retail_price_minor,
            currency: item.currency.clone(),
            tax_rate: Some(item.tax_rate.clone()),
            attributes: item.attributes.to_string(),
        })
    }

    fn address(&self, reference: &Option<Ref<HubAddress>>) -> Option<NewAddress> {
        match reference.as_ref()? {
            Ref::Full(a) => Some(self.places.address(a)),
            Ref::Pk(pk) => self.people.addresses.get(pk).map(|a| self.places.address(a)),
        }
    }
}

fn customer(c: &HubCustomer) -> NewCustomer {
    NewCustomer {
        omnitron_id: Some(c.pk),
        first_name: c.first_name.clone(),
        last_name: c.last_name.clone(),
        email: c.email.clone(),
        phone: c.phone_number.clone(),
        customer_type: c.user_type.clone(),
    }
}

/// The version of a hub order: when it changed, and the digest of what it says without that time.
fn version(order: &HubOrder, items: &[Record<HubItem>]) -> HubVersion {
    let mut hash = Sha256::new();
    hash_without_time(&mut hash, &order.raw);
    for item in items {
        match item {
            Ok(item) => hash_without_time(&mut hash, &item.raw),
            Err(e) => hash.update(e.to_string()),
        }
    }
    HubVersion { modified_us: order.modified_us, content_hash: hash.finalize().into() }
}

fn hash_without_time(hash: &mut Sha256, record: &Value) {
    for (key, value) in record.as_object().into_iter().flatten().filter(|(key, _)| *key != "modified_date") {
        hash.update(key);
        hash.update([0]);
        hash.update(value.to_string());
        hash.update([0]);
    }
}

/// How much is still to be fetched.
pub async fn backlog(app: &App) -> Result<jobs::Backlog> {
    let mut tx = app.store.read().await?;
    Ok(jobs::backlog(&mut tx, JobKind::Fetch).await?)
}
