//! Reading for people and software: lists with their filters, and the records a list's rows point at,
//! read in one query a kind.

use std::collections::{BTreeSet, HashMap};

use oms_core::events::entity;
use oms_core::refusal::Refusal;
use oms_core::scenarios::Family;
use oms_core::{search, time};
use oms_store::events::Steps;
use oms_store::lists::transfers::{Coming, of_package_items};
use oms_store::lists::{self, Ask, Condition, Filter, Kind, List, Page, Word};
use oms_store::orders::order_views::{self as store, Customer, Order, OrderItem, Product};
use oms_store::orders::people::NewAddress;
use oms_store::packages::{self, Package, PackageItem};
use oms_store::places::channels::{self, Channel};
use oms_store::places::geography::{self, Level, Place};
use oms_store::places::locations::Location;
use oms_store::rules::denial_reasons::{self, DenialReason};
use oms_store::setup::settings as facts;
use oms_store::stock::discrepancies::{self, Discrepancy};
use oms_store::{Tx, Value};

use crate::planning::decisions;
use crate::{App, Result};

/// The most values a filter that takes a list may hold.
const MAX_VALUES: usize = 500;
/// The longest text a filter may hold.
const MAX_TEXT: usize = 1_000;
const DAY_US: i64 = 24 * 3_600 * 1_000_000;

/// Reads filters by a list's table; a name that is not in it is refused with those that are.
pub fn conditions(list: &List, given: &[(String, String)]) -> Result<Vec<Condition>, Refusal> {
    let mut named: Vec<(&Filter, Vec<&str>)> = Vec::new();
    for (name, text) in given {
        let filter = list.filters.iter().find(|f| f.name == name).ok_or_else(|| unknown(list, name))?;
        match named.iter_mut().find(|(f, _)| f.name == filter.name) {
            Some((_, texts)) => texts.push(text),
            None => named.push((filter, vec![text])),
        }
    }
    named.into_iter().filter_map(|(filter, texts)| condition(filter, &texts).transpose()).collect()
}

/// A filter given once or several times: then either is meant. None: all rows fit.
fn condition(filter: &Filter, texts: &[&str]) -> Result<Option<Condition>, Refusal> {
    if texts.len() > MAX_VALUES {
        return Err(Refusal::invalid(
            filter.name,
            "invalid",
            format!("{}: at most 500 values.", filter.name),
        ));
    }
    let mut clause = filter.clause;
    if let Kind::Switch(off) = filter.kind {
        let flags = texts.iter().map(|text| flag(filter, text)).collect::<Result<Vec<_>, _>>()?;
        if flags.contains(&true) && flags.contains(&false) {
            return Ok(None);
        }
        clause = if flags[0] { filter.clause } else { off };
    }
    let rounds = texts.iter().map(|text| values(filter, text)).collect::<Result<Vec<_>, _>>()?;
    let values = match filter.kind {
        // Of two bounds the wider one.
        Kind::Time => {
            let moments = rounds.iter().flatten().filter_map(Value::as_i64);
            let widest = if clause.contains('>') { moments.min() } else { moments.max() };
            widest.into_iter().map(Value::from).collect()
        }
        // What is excluded twice is excluded: both.
        Kind::OtherThan(_) => {
            let [first, others @ ..] = rounds.as_slice() else { return Ok(None) };
            first.iter().filter(|v| others.iter().all(|o| o.contains(v))).cloned().collect()
        }
        _ => rounds.concat(),
    };
    Ok(Some(Condition { clause, values }))
}

fn unknown(list: &List, name: &str) -> Refusal {
    let known: Vec<_> = list.filters.iter().map(|f| f.name).collect();
    let message = format!(
        "{name:?} is not a parameter of this list. Known: page, limit, page_size, sort, format, {}.",
        known.join(", ")
    );
    Refusal::invalid(name, "unknown_parameter", message)
}

/// The words of a table, each once.
pub fn words(known: &[Word]) -> String {
    let mut words: Vec<&str> = Vec::new();
    known.iter().for_each(|(word, _)| {
        if !words.contains(word) {
            words.push(word);
        }
    });
    words.join(", ")
}

/// The numbers a word stands for.
fn codes(known: &[Word], word: &str, takes_numbers: bool) -> Vec<Value> {
    let number = if takes_numbers { word.parse::<i64>().ok() } else { None };
    let named = known.iter().filter(|(name, _)| *name == word).map(|(_, code)| *code);
    named.chain(number).map(Value::from).collect()
}

fn flag(filter: &Filter, text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Refusal::invalid(
            filter.name,
            "invalid",
            format!("{}: true or false is expected.", filter.name),
        )),
    }
}

fn values(filter: &Filter, text: &str) -> Result<Vec<Value>, Refusal> {
    let wrong = |what: &str| Refusal::invalid(filter.name, "invalid", format!("{}: {what}", filter.name));
    let whole = |t: &str| t.trim().parse::<i64>().map_err(|_| wrong("a whole number is expected."));
    let moment = |t: &str| time::parse_us(t).map_err(|e| wrong(&e.to_string()));
    if text.len() > MAX_TEXT * 16 || text.contains('\0') {
        return Err(wrong("the value is too long or holds a NUL character."));
    }
    let parts = || {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
        match parts.len() {
            1..=MAX_VALUES => Ok(parts),
            _ => Err(wrong("1 to 500 values between commas are expected.")),
        }
    };
    Ok(match filter.kind {
        Kind::Int => vec![whole(text)?.into()],
        Kind::Ints => parts()?.into_iter().map(|p| Ok(whole(p)?.into())).collect::<Result<_, Refusal>>()?,
        Kind::Text => vec![text.into()],
        Kind::Folded => vec![search::fold(text).into()],
        Kind::Texts => parts()?.into_iter().map(Value::from).collect(),
        // In byte order every text that begins so lies between it and it followed by the last character.
        Kind::Prefix => vec![text.into(), format!("{text}{}", char::MAX).into()],
        Kind::PrefixOfBase => vec![text.into(), format!("{text}{}", char::MAX).into(), text.into()],
        Kind::Contains => {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            vec![format!("%{escaped}%").into()]
        }
        Kind::OneOf(known) => match known.contains(&text) {
            true => vec![text.into()],
            false => return Err(wrong(&format!("{text:?} is none of {}.", known.join(", ")))),
        },
        Kind::Words(known) | Kind::Codes(known) => {
            let takes_numbers = matches!(filter.kind, Kind::Codes(_));
            let mut found = Vec::new();
            for part in parts()? {
                let codes = codes(known, part, takes_numbers);
                if codes.is_empty() {
                    let or = if takes_numbers { " and no whole number" } else { "" };
                    return Err(wrong(&format!("{part:?} is none of {}{or}.", words(known))));
                }
                found.extend(codes);
            }
            found
        }
        Kind::Bool => vec![flag(filter, text)?.into()],
        Kind::Switch(_) => Vec::new(),
        Kind::OtherThan(all) => {
            let code = whole(text)?;
            all.iter().filter(|c| **c != code).map(|c| (*c).into()).collect()
        }
        Kind::Time => vec![moment(text)?.into()],
        Kind::Day => {
            let from = moment(text)?;
            let length = if text.trim().len() == "2031-03-04".len() { DAY_US } else { 1 };
            vec![from.into(), from.saturating_add(length).into()]
        }
    })
}

/// The ids of the rows that fit, at most this many.
pub async fn ids(app: &App, list: &List, ask: &Ask, most: usize) -> Result<Vec<i64>> {
    let mut tx = app.store.read().await?;
    Ok(lists::ids(&mut tx, list, ask, most).await?)
}

/// Orders with everything their rows point at.
pub struct OrderSet {
    pub page: Page<Order>,
    pub items: Vec<OrderItem>,
    pub packages: Vec<Package>,
    pub plans: Vec<lists::tables::Plan>,
    pub nested: Nested,
    /// Of the packages.
    pub steps: Steps,
}

/// A page of orders.
pub async fn orders(app: &App, ask: &Ask) -> Result<OrderSet> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::ORDERS, store::ORDER_COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read_order).collect::<Result<Vec<_>, _>>()?;
    order_set(&mut tx, page.with(rows)).await
}

/// One order.
pub async fn order(app: &App, id: i64) -> Result<OrderSet> {
    let mut tx = app.store.read().await?;
    let found = store::orders(&mut tx, vec![id]).await?.remove(&id);
    let found = found.ok_or_else(|| Refusal::not_found("order", id))?;
    order_set(&mut tx, Page::whole(vec![found])).await
}

/// Those of these orders that there are.
pub(crate) async fn orders_of_ids(app: &App, ids: Vec<i64>) -> Result<OrderSet> {
    let mut tx = app.store.read().await?;
    let found = store::orders(&mut tx, ids).await?;
    order_set(&mut tx, Page::whole(found.into_values().collect())).await
}

async fn order_set(tx: &mut Tx, page: Page<Order>) -> Result<OrderSet> {
    let ids: Vec<i64> = page.rows.iter().map(|o| o.id).collect();
    let items = store::items_of(tx, ids.clone()).await?;
    let packages = packages::of_orders(tx, ids.clone()).await?;
    let plans = lists::tables::plans_by_ids(tx, ids).await?;
    let mut nested = Nested::default();
    nested.of_orders(tx, page.rows.iter()).await?;
    nested.products = store::products(tx, unique(items.iter().map(|i| Some(i.product_id)))).await?;
    let steps = Steps::of(tx, entity::PACKAGE, packages.iter().map(|p| p.id).collect()).await?;
    Ok(OrderSet { page, items, packages, plans, nested, steps })
}

/// The records that listed rows point at, by id.
#[derive(Default)]
pub struct Nested {
    pub orders: HashMap<i64, Order>,
    pub order_items: HashMap<i64, OrderItem>,
    pub products: HashMap<i64, Product>,
    pub customers: HashMap<i64, Customer>,
    pub addresses: HashMap<i64, NewAddress>,
    pub channels: HashMap<i64, Channel>,
    pub locations: HashMap<i64, Location>,
    pub places: Places,
    /// By package item, in the order they were made.
    pub transfers: HashMap<i64, Vec<Coming>>,
    /// Why stores refused items.
    pub denial_reasons: HashMap<i64, DenialReason>,
    /// By package item.
    pub discrepancies: HashMap<i64, Vec<Discrepancy>>,
}

/// Places of the four levels, by id.
#[derive(Default)]
pub struct Places([HashMap<i64, Place>; 4]);

impl Places {
    /// The place of a level, if the address names one that is here.
    pub fn get(&self, level: Level, id: Option<i64>) -> Option<&Place> {
        self.0[level as usize].get(&id?)
    }

    /// Reads the places of addresses.
    pub async fn of<'a>(
        tx: &mut Tx,
        addresses: impl Iterator<Item = &'a NewAddress> + Clone,
    ) -> Result<Self> {
        let mut places = Self::default();
        for level in Level::ALL {
            let ids = unique(addresses.clone().map(|a| match level {
                Level::Country => a.country_id,
                Level::City => a.city_id,
                Level::Township => a.township_id,
                Level::District => a.district_id,
            }));
            places.0[level as usize] = geography::by_ids(tx, level, ids).await?;
        }
        Ok(places)
    }
}

pub(crate) fn unique(ids: impl Iterator<Item = Option<i64>>) -> Vec<i64> {
    ids.flatten().collect::<BTreeSet<_>>().into_iter().collect()
}

impl Nested {
    /// Reads what orders point at.
    async fn of_orders<'a>(
        &mut self,
        tx: &mut Tx,
        orders: impl Iterator<Item = &'a Order> + Clone,
    ) -> Result<()> {
        self.channels = channels::by_ids(tx, unique(orders.clone().map(|o| Some(o.channel_id)))).await?;
        self.customers = store::customers(tx, unique(orders.clone().map(|o| o.customer_id))).await?;
        let addresses = orders.flat_map(|o| [o.shipping_address_id, o.billing_address_id]);
        self.addresses = store::addresses(tx, unique(addresses)).await?;
        self.places = Places::of(tx, self.addresses.values()).await?;
        Ok(())
    }

    /// Reads what packages and their items point at.
    pub(crate) async fn of_packages(
        tx: &mut Tx,
        packages: &[Package],
        items: &[PackageItem],
    ) -> Result<Self> {
        let order_items = store::items(tx, unique(items.iter().map(|i| Some(i.order_item_id)))).await?;
        let orders = packages.iter().map(|p| p.order_id).chain(order_items.values().map(|i| i.order_id));
        let mut nested = Self {
            orders: store::orders(tx, unique(orders.map(Some))).await?,
            order_items,
            products: store::products(tx, unique(items.iter().map(|i| Some(i.product_id)))).await?,
            ..Self::default()
        };
        let orders: Vec<Order> = nested.orders.values().cloned().collect();
        nested.of_orders(tx, orders.iter()).await?;
        for coming in of_package_items(tx, items.iter().map(|i| i.id).collect()).await? {
            nested.transfers.entry(coming.package_item_id).or_default().push(coming);
        }
        let reasons = unique(items.iter().map(|i| i.denial_reason_id));
        nested.denial_reasons =
            denial_reasons::by_ids(tx, reasons).await?.into_iter().map(|r| (r.id, r)).collect();
        for d in discrepancies::of_items(tx, items.iter().map(|i| i.id).collect()).await? {
            nested.discrepancies.entry(d.package_item_id).or_default().push(d);
        }
        let ids = unique(packages.iter().map(|p| Some(p.location_id)));
        nested.locations = oms_store::places::locations::by_ids(tx, ids).await?;
        let here = nested.locations.values().map(|l| &l.properties.address);
        nested.places = Places::of(tx, nested.addresses.values().chain(here)).await?;
        Ok(nested)
    }
}

/// Locations with the places of their addresses.
pub async fn locations(app: &App, ask: &Ask) -> Result<(Page<Location>, Places)> {
    let mut tx = app.store.read().await?;
    let page = lists::tables::locations(&mut tx, ask).await?;
    let places = Places::of(&mut tx, page.rows.iter().map(|l| &l.properties.address)).await?;
    Ok((page, places))
}

/// The places of one location's address.
pub async fn places_of(app: &App, location: &Location) -> Result<Places> {
    let mut tx = app.store.read().await?;
    Places::of(&mut tx, std::iter::once(&location.properties.address)).await
}

/// Refuses an address that names places that are not here.
pub async fn check_places(tx: &mut Tx, address: &NewAddress) -> Result<()> {
    let places = Places::of(tx, std::iter::once(address)).await?;
    Ok(refuse_unknown_places(&places, "address", address)?)
}

/// The same with the places read already, so that many addresses take one reading.
pub(crate) fn refuse_unknown_places(places: &Places, at: &str, address: &NewAddress) -> Result<(), Refusal> {
    let named = [
        ("country", Level::Country, address.country_id),
        ("city", Level::City, address.city_id),
        ("township", Level::Township, address.township_id),
        ("district", Level::District, address.district_id),
    ];
    for (word, level, id) in named {
        if let Some(id) = id
            && places.get(level, Some(id)).is_none()
        {
            let message = format!("There is no {word} {id}; its id here, not the hub's, is expected.");
            return Err(Refusal::invalid(format!("{at}.{word}"), "not_found", message));
        }
    }
    Ok(())
}

/// A page of channels.
pub async fn channels(app: &App, ask: &Ask) -> Result<Page<Channel>> {
    Ok(lists::tables::channels(&mut app.store.read().await?, ask).await?)
}

/// One channel.
pub async fn channel(app: &App, id: i64) -> Result<Channel> {
    let found = channels::by_ids(&mut app.store.read().await?, vec![id]).await?.remove(&id);
    Ok(found.ok_or_else(|| Refusal::not_found("channel", id))?)
}

/// A page of a level of the address tree.
pub async fn places(app: &App, level: Level, ask: &Ask) -> Result<Page<Place>> {
    Ok(lists::tables::places(&mut app.store.read().await?, level, ask).await?)
}

/// One place.
pub async fn place(app: &App, level: Level, id: i64) -> Result<Place> {
    let found = geography::by_ids(&mut app.store.read().await?, level, vec![id]).await?.remove(&id);
    Ok(found.ok_or_else(|| Refusal::not_found("place", id))?)
}

/// A page of a family's scenarios.
pub async fn scenarios(
    app: &App,
    ask: &Ask,
    family: Family,
) -> Result<Page<oms_store::rules::scenarios::Stored>> {
    Ok(lists::tables::scenarios(&mut app.store.read().await?, ask, family).await?)
}

/// One scenario.
pub async fn scenario(app: &App, id: i64, family: Family) -> Result<oms_store::rules::scenarios::Stored> {
    let found = oms_store::rules::scenarios::by_id(&mut app.store.read().await?, id).await?;
    let found = found.filter(|s| s.family == family);
    Ok(found.ok_or_else(|| Refusal::not_found(&format!("{} scenario", family.as_str()), id))?)
}

/// A page of stock balances.
pub async fn stocks(app: &App, ask: &Ask) -> Result<Page<lists::tables::Stock>> {
    Ok(lists::tables::stocks(&mut app.store.read().await?, ask).await?)
}

/// A page of stock engines, their secrets masked.
pub async fn engines(app: &App, ask: &Ask) -> Result<Page<oms_store::stock::engines::Engine>> {
    let page = lists::tables::engines(&mut app.store.read().await?, ask).await?;
    Ok(page.map(crate::stock::engines::masked))
}

/// Plans with everything that explains them.
pub struct PlanSet {
    pub page: Page<lists::tables::Plan>,
    pub decisions: Vec<decisions::Explained>,
    pub orders: HashMap<i64, Order>,
    pub items: Vec<OrderItem>,
    pub products: HashMap<i64, Product>,
    pub packages: Vec<Package>,
    pub package_items: Vec<PackageItem>,
    /// Every location's `erp_code` by id.
    pub erp_codes: HashMap<i64, String>,
}

/// A page of plans.
pub async fn plans(app: &App, ask: &Ask) -> Result<PlanSet> {
    let mut tx = app.store.read().await?;
    let page = lists::tables::plans(&mut tx, ask).await?;
    plan_set(&mut tx, page).await
}

/// One plan.
pub async fn plan(app: &App, id: i64) -> Result<PlanSet> {
    let mut tx = app.store.read().await?;
    let rows = lists::tables::plans_by_ids(&mut tx, vec![id]).await?;
    if rows.is_empty() {
        return Err(Refusal::not_found("order execution plan", id).into());
    }
    plan_set(&mut tx, Page::whole(rows)).await
}

async fn plan_set(tx: &mut Tx, page: Page<lists::tables::Plan>) -> Result<PlanSet> {
    let ids: Vec<i64> = page.rows.iter().map(|p| p.id).collect();
    let items = store::items_of(tx, ids.clone()).await?;
    let packages = packages::of_orders(tx, ids.clone()).await?;
    Ok(PlanSet {
        decisions: decisions::explained(tx, ids.clone()).await?,
        orders: store::orders(tx, ids).await?,
        products: store::products(tx, unique(items.iter().map(|i| Some(i.product_id)))).await?,
        package_items: packages::items_of(tx, packages.iter().map(|p| p.id).collect()).await?,
        erp_codes: oms_store::places::locations::all(tx)
            .await?
            .into_iter()
            .map(|l| (l.id, l.properties.erp_code))
            .collect(),
        page,
        items,
        packages,
    })
}

/// Whether the database answers, and takes what is written to it.
pub async fn ready(app: &App) -> Result<()> {
    lists::ping(&mut app.store.read().await?).await?;
    if app.store.write_failure().is_some() {
        // The last write failed for want of room or of a disk: is that still so?
        let mut tx = app.store.begin().await?;
        facts::set_fact(&mut tx, "write_probe_us", &app.now_us().to_string()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What is here: orders, packages by state, jobs by kind.
pub struct Totals {
    pub orders: i64,
    pub packages: Vec<(i64, i64)>,
    pub jobs: Vec<(String, i64)>,
}

/// Counts what is here.
pub async fn totals(app: &App) -> Result<Totals> {
    let (orders, packages, jobs) = lists::totals(&mut app.store.read().await?).await?;
    Ok(Totals { orders, packages, jobs })
}
