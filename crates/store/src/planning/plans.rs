//! Plans: what a batch is decided on, and the one transaction that makes the decisions facts.

mod commit;
mod resend;
mod writes;

pub use commit::{Outcome, commit};
pub use resend::{Resent, resend};

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeFrom;

use oms_core::geo::Point;
use oms_core::money;
use oms_core::plan::{Area, Decision, Planned};
use oms_core::queries::Facts;
use oms_core::scenarios::LocationFlag;
use serde_json::Value;

use crate::stock::stocks::Place;
use crate::{Row, StoreError, Tx, args};

/// An order, or a package of it that is out of stock, as the planner needs it.
#[derive(Debug, Clone)]
pub struct OrderToPlan {
    pub id: i64,
    pub number: String,
    /// Changes whenever the copy does: a plan made on an older one is not committed.
    pub revision: i64,
    /// The package that is planned anew; `None`: the order's first plan.
    pub replaces: Option<Replaced>,
    /// Live packages with stock that the order has besides.
    pub packages: i64,
    /// The hub's id of the channel, ours if it has none.
    pub channel: i64,
    pub channel_id: i64,
    pub placed_us: i64,
    pub shipping_option: Option<String>,
    pub payment_option: Option<String>,
    pub customer_type: Option<String>,
    pub address_id: Option<i64>,
    pub point: Option<Point>,
    pub area: Area,
    /// Fields that queries may ask for, by name.
    pub facts: Facts,
    pub lines: Vec<LineToPlan>,
    /// Locations that refused to pack one of the lines.
    pub excluded: Vec<i64>,
    /// Locations that did not have one of the lines when they were to send it.
    pub excluded_sources: Vec<i64>,
    /// Only sources are looked for: the location that packs the lines.
    pub bring_to: Option<i64>,
}

/// A package that a new plan may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    pub package: i64,
    pub version: i64,
    /// A store refused it, and it is not known yet whether anybody has it. Otherwise it is out of stock.
    pub is_refused: bool,
}

/// The states of packages that are planned anew.
const REPLANNED: [i64; 2] = [oms_core::packages::NEEDS_RESCHEDULING, oms_core::packages::OUT_OF_STOCK];

impl OrderToPlan {
    /// What the job that asked for the plan names: the package, or the order.
    pub fn subject(&self) -> i64 {
        self.replaces.map_or(self.id, |r| r.package)
    }
}

/// A line with units to place.
#[derive(Debug, Clone)]
pub struct LineToPlan {
    pub id: i64,
    pub product: i64,
    pub units: i64,
    pub price_minor: Option<i64>,
    pub facts: Facts,
}

const ORDER: &str = "o.id, o.number, o.revision, COALESCE(c.omnitron_id, c.id), o.channel_id, o.placed_us, \
    o.shipping_option, o.payment_option, k.customer_type, o.shipping_address_id, a.lat_udeg, a.lon_udeg, a.country_id, \
    a.city_id, a.township_id, a.district_id, o.order_type, o.delivery_type, o.delivery_range, o.currency, \
    o.language_code, o.amount_minor, o.shipping_amount_minor, o.discount_amount_minor";
/// How many columns [`read_order`] reads: the subject and its version, then [`ORDER`].
const ORDER_COLUMNS: usize = 26;
const ORDER_JOINS: &str = "JOIN channels c ON c.id = o.channel_id LEFT JOIN customers k ON k.id = o.customer_id \
    LEFT JOIN addresses a ON a.id = o.shipping_address_id";

fn read_order(row: &Row) -> Result<(OrderToPlan, i64, i64), StoreError> {
    let mut c = row.cols();
    let (subject, version) = (c.i64()?, c.i64()?);
    let mut order = OrderToPlan {
        id: c.i64()?,
        number: c.text()?,
        revision: c.i64()?,
        replaces: None,
        packages: 0,
        channel: c.i64()?,
        channel_id: c.i64()?,
        placed_us: c.i64()?,
        shipping_option: c.opt_text()?,
        payment_option: c.opt_text()?,
        customer_type: c.opt_text()?,
        address_id: c.opt_i64()?,
        point: Point::from_udeg(c.opt_i64()?, c.opt_i64()?),
        area: Area {
            country: c.opt_i64()?,
            city: c.opt_i64()?,
            township: c.opt_i64()?,
            district: c.opt_i64()?,
        },
        facts: Facts::new(),
        lines: Vec::new(),
        excluded: Vec::new(),
        excluded_sources: Vec::new(),
        bring_to: None,
    };
    let mut fact = |name: &str, value: Option<Value>| {
        value.map(|value| order.facts.insert(name.to_owned(), value));
    };
    for name in ["order_type", "delivery_type", "delivery_range", "currency", "language"] {
        fact(&format!("order.{name}"), c.opt_text()?.map(Value::from));
    }
    for name in ["amount", "shipping_amount", "discount_amount"] {
        fact(&format!("order.{name}"), c.opt_i64()?.map(|minor| money::format_minor(minor).into()));
    }
    let area = order.area;
    let places = [
        ("country", area.country),
        ("city", area.city),
        ("township", area.township),
        ("district", area.district),
    ];
    for (name, id) in places {
        fact(&format!("order.{name}"), id.map(Value::from));
    }
    fact("order.channel", Some(order.channel.to_string().into()));
    fact("order.shipping_option", order.shipping_option.clone().map(Value::from));
    fact("order.payment_option", order.payment_option.clone().map(Value::from));
    fact("order.customer_type", order.customer_type.clone().map(Value::from));
    Ok((order, subject, version))
}

/// Reads orders that still wait for a plan, by id.
pub async fn read_orders(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, OrderToPlan>, StoreError> {
    let head = format!(
        "SELECT o.id, o.revision, {ORDER} FROM orders o JOIN plans p ON p.id = o.id {ORDER_JOINS} \
         WHERE p.state IN ('start', 'pending') AND o.id"
    );
    let mut orders = HashMap::new();
    for row in tx.fetch_in(&head, ids.iter().copied(), "").await? {
        let (order, ..) = read_order(&row)?;
        orders.insert(order.id, order);
    }
    let head = "SELECT order_id, id, product_id, quantity - quantity_cancelled, price_minor FROM order_items \
                WHERE quantity > quantity_cancelled AND order_id";
    let rows = tx.fetch_in(head, ids.iter().copied(), "ORDER BY order_id, line").await?;
    read_lines(&rows, &mut orders)?;
    Ok(orders)
}

/// Reads one order whatever the state of its plan, without its lines.
pub async fn read_order_alone(tx: &mut Tx, id: i64) -> Result<Option<OrderToPlan>, StoreError> {
    let sql = format!("SELECT o.id, o.revision, {ORDER} FROM orders o {ORDER_JOINS} WHERE o.id = $1");
    Ok(tx.first(sql, args![id]).await?.as_ref().map(read_order).transpose()?.map(|(order, ..)| order))
}

/// Reads the newest orders taken since a moment, whatever became of them, with their lines.
pub async fn read_recent(tx: &mut Tx, since_us: i64, limit: usize) -> Result<Vec<OrderToPlan>, StoreError> {
    let sql = format!(
        "SELECT o.id, o.revision, {ORDER} FROM orders o {ORDER_JOINS} WHERE o.created_us >= $1 \
         ORDER BY o.created_us DESC, o.id DESC LIMIT $2"
    );
    let rows = tx.fetch(sql, args![since_us, limit]).await?;
    let orders = rows.iter().map(|r| read_order(r).map(|o| o.0)).collect::<Result<Vec<_>, _>>()?;
    with_lines(tx, orders).await
}

/// Reads one order whatever became of it, with its lines.
pub async fn read_whole(tx: &mut Tx, id: i64) -> Result<Option<OrderToPlan>, StoreError> {
    let order = read_order_alone(tx, id).await?;
    Ok(with_lines(tx, order.into_iter().collect()).await?.pop())
}

async fn with_lines(tx: &mut Tx, orders: Vec<OrderToPlan>) -> Result<Vec<OrderToPlan>, StoreError> {
    let ids: Vec<i64> = orders.iter().map(|o| o.id).collect();
    let mut by_id: HashMap<i64, OrderToPlan> = orders.into_iter().map(|o| (o.id, o)).collect();
    let head = "SELECT order_id, id, product_id, quantity - quantity_cancelled, price_minor FROM order_items \
                WHERE quantity > quantity_cancelled AND order_id";
    let rows = tx.fetch_in(head, ids.iter().copied(), "ORDER BY order_id, line").await?;
    read_lines(&rows, &mut by_id)?;
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// The shipping addresses without coordinates that orders, or packages planned anew, go to.
pub async fn addresses_asked(tx: &mut Tx, ids: &[i64], anew: bool) -> Result<Vec<i64>, StoreError> {
    let head = match anew {
        true => {
            "SELECT DISTINCT a.id FROM packages p JOIN orders o ON o.id = p.order_id \
                 JOIN addresses a ON a.id = o.shipping_address_id WHERE a.lat_udeg IS NULL AND p.id"
        }
        false => {
            "SELECT DISTINCT a.id FROM orders o JOIN addresses a ON a.id = o.shipping_address_id \
                  WHERE a.lat_udeg IS NULL AND o.id"
        }
    };
    let rows = tx.fetch_in(head, ids.iter().copied(), "").await?;
    rows.iter().map(|r| r.i64(0)).collect()
}

/// The products that orders, or packages planned anew, ask for.
pub async fn products_asked(tx: &mut Tx, ids: &[i64], anew: bool) -> Result<Vec<i64>, StoreError> {
    let head = match anew {
        true => "SELECT DISTINCT product_id FROM package_items WHERE package_id",
        false => "SELECT DISTINCT product_id FROM order_items WHERE order_id",
    };
    let rows = tx.fetch_in(head, ids.iter().copied(), "").await?;
    let mut products = rows.iter().map(|r| r.i64(0)).collect::<Result<Vec<_>, _>>()?;
    products.sort_unstable();
    products.dedup();
    Ok(products)
}

/// Reads packages that are refused or out of stock, by id, each as what is left to plan of its order.
pub async fn read_packages(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, OrderToPlan>, StoreError> {
    let head = format!(
        "SELECT p.id, p.version, {ORDER}, p.state FROM packages p JOIN orders o ON o.id = p.order_id {ORDER_JOINS} \
         WHERE p.state IN ({}, {}) AND p.id",
        REPLANNED[0], REPLANNED[1]
    );
    let mut orders = HashMap::new();
    for row in tx.fetch_in(&head, ids.iter().copied(), "").await? {
        let (mut order, package, version) = read_order(&row)?;
        let is_refused = row.i64(ORDER_COLUMNS)? == oms_core::packages::NEEDS_RESCHEDULING;
        order.replaces = Some(Replaced { package, version, is_refused });
        orders.insert(package, order);
    }
    let head = "SELECT i.package_id, t.id, i.product_id, i.quantity, t.price_minor FROM package_items i \
                JOIN order_items t ON t.id = i.order_item_id WHERE i.package_id";
    let rows = tx.fetch_in(head, ids.iter().copied(), "ORDER BY i.package_id, t.line").await?;
    read_lines(&rows, &mut orders)?;
    let by_order = orders.values().map(|o| o.id).collect::<Vec<_>>();
    let head = format!(
        "SELECT order_id, COUNT(*) FROM packages WHERE state NOT IN ({}, {}, {}) AND order_id",
        REPLANNED[0],
        REPLANNED[1],
        oms_core::packages::CANCELLED
    );
    let rows = tx.fetch_in(&head, by_order, "GROUP BY order_id").await?;
    let counts =
        rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect::<Result<HashMap<_, _>, StoreError>>()?;
    orders.values_mut().for_each(|o| o.packages = counts.get(&o.id).copied().unwrap_or(0));
    let lines: HashMap<i64, i64> =
        orders.iter().flat_map(|(subject, o)| o.lines.iter().map(|l| (l.id, *subject))).collect();
    for role in [Role::Pack, Role::Send] {
        for (line, location) in exclusions(tx, lines.keys().copied().collect(), role).await? {
            let Some(order) = lines.get(&line).and_then(|subject| orders.get_mut(subject)) else { continue };
            match role {
                Role::Pack => order.excluded.push(location),
                Role::Send => order.excluded_sources.push(location),
            }
        }
    }
    Ok(orders)
}

/// What a location refused to do with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Pack,
    Send,
}

impl Role {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Send => "send",
        }
    }
}

/// Lines and the locations that refused them in a role.
pub async fn exclusions(tx: &mut Tx, mut lines: Vec<i64>, role: Role) -> Result<Vec<(i64, i64)>, StoreError> {
    lines.sort_unstable();
    let head = format!(
        "SELECT order_item_id, location_id FROM exclusions WHERE role = '{}' AND order_item_id",
        role.as_str()
    );
    let rows = tx.fetch_in(&head, lines, "ORDER BY order_item_id, location_id").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

fn read_lines(rows: &[Row], orders: &mut HashMap<i64, OrderToPlan>) -> Result<(), StoreError> {
    for row in rows {
        let mut c = row.cols();
        if let Some(order) = orders.get_mut(&c.i64()?) {
            let (id, product, units, price_minor) = (c.i64()?, c.i64()?, c.i64()?, c.opt_i64()?);
            order.lines.push(LineToPlan { id, product, units, price_minor, facts: Facts::new() });
        }
    }
    for order in orders.values_mut() {
        let units: i64 = order.lines.iter().map(|l| l.units).sum();
        order.facts.insert("order.lines".into(), order.lines.len().into());
        order.facts.insert("order.units".into(), units.into());
    }
    Ok(())
}

/// Reads what queries may ask of lines: SKU, base code, price, attributes of the line and its product.
pub async fn read_line_facts(tx: &mut Tx, orders: &mut [&mut OrderToPlan]) -> Result<(), StoreError> {
    let ids: Vec<i64> = orders.iter().flat_map(|o| &o.lines).map(|l| l.id).collect();
    let head = "SELECT t.id, p.sku, p.base_code, t.attributes, p.attributes FROM order_items t \
                JOIN products p ON p.id = t.product_id WHERE t.id";
    let mut found: HashMap<i64, Facts> = HashMap::new();
    for row in tx.fetch_in(head, ids, "").await? {
        let mut c = row.cols();
        let (id, sku, base_code) = (c.i64()?, c.text()?, c.opt_text()?);
        let mut facts = Facts::from([("line.sku".to_owned(), Value::from(sku))]);
        base_code.map(|code| facts.insert("line.base_code".to_owned(), code.into()));
        for prefix in ["line.attributes.", "line.product."] {
            let Value::Object(attributes) = c.json()? else { continue };
            let held = attributes.into_iter().filter(|(_, v)| !v.is_null());
            facts.extend(held.map(|(key, value)| (format!("{prefix}{key}"), value)));
        }
        found.insert(id, facts);
    }
    for line in orders.iter_mut().flat_map(|o| &mut o.lines) {
        let Some(facts) = found.remove(&line.id) else { continue };
        line.facts = facts;
        let price = line.price_minor.map(|minor| money::format_minor(minor).into());
        price.map(|price| line.facts.insert("line.price".to_owned(), price));
    }
    Ok(())
}

/// A location as the planner needs it.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub snap: oms_core::plan::LocationSnap,
    pub address_id: Option<i64>,
    pub point: Option<Point>,
    /// JSON.
    pub calendar: Option<Value>,
}

/// Every location with its load, by `erp_code`.
pub async fn read_candidates(tx: &mut Tx) -> Result<Vec<Candidate>, StoreError> {
    let sql = "SELECT t.id, t.erp_code, t.kind, t.is_active, t.is_fulfillment_center, t.priority, COALESCE(d.quota, 0), \
               t.max_quota, t.is_pickup_location, t.is_delivery_location, t.is_return_available, \
               t.is_fast_delivery_available, t.is_shipper, t.tags, a.country_id, a.city_id, a.township_id, a.district_id, \
               t.targeted_packaging_minutes, t.targeted_exit_minutes, t.engine, t.address_id, a.lat_udeg, a.lon_udeg, t.calendar \
               FROM locations t LEFT JOIN location_loads d ON d.location_id = t.id \
               LEFT JOIN addresses a ON a.id = t.address_id ORDER BY t.erp_code";
    tx.fetch(sql, vec![]).await?.iter().map(read_candidate).collect()
}

fn read_candidate(row: &Row) -> Result<Candidate, StoreError> {
    let mut c = row.cols();
    let (id, erp_code, kind) = (c.i64()?, c.text()?, c.text()?);
    let kind = oms_core::locations::LocationKind::parse(&kind)
        .ok_or_else(|| StoreError::Corrupt(format!("location {id} has the unknown kind {kind:?}")))?;
    let (is_active, is_fulfillment_center, priority) = (c.bool()?, c.bool()?, c.i64()?);
    let (open_packages, max_quota) = (c.i64()?, c.opt_i64()?);
    let mut flags = if is_fulfillment_center { vec![LocationFlag::FulfillmentCenter] } else { Vec::new() };
    for flag in [
        LocationFlag::PickupLocation,
        LocationFlag::DeliveryLocation,
        LocationFlag::ReturnAvailable,
        LocationFlag::FastDeliveryAvailable,
        LocationFlag::Shipper,
    ] {
        if c.bool()? {
            flags.push(flag);
        }
    }
    let tags = match c.json()? {
        Value::Array(list) => list.iter().filter_map(tag_name).collect(),
        _ => Vec::new(),
    };
    let snap = oms_core::plan::LocationSnap {
        id: oms_core::ids::LocationId(id),
        erp_code,
        kind,
        is_active,
        is_fulfillment_center,
        priority,
        open_packages,
        max_quota,
        flags,
        tags,
        area: Area {
            country: c.opt_i64()?,
            city: c.opt_i64()?,
            township: c.opt_i64()?,
            district: c.opt_i64()?,
        },
        packaging_minutes: c.opt_i64()?,
        exit_minutes: c.opt_i64()?,
        is_closed: false,
        minutes_to_cut_off: None,
        engine: c.opt_i64()?,
    };
    let (address_id, point) = (c.opt_i64()?, Point::from_udeg(c.opt_i64()?, c.opt_i64()?));
    let calendar = c.opt_text()?.map(|text| serde_json::from_str(&text)).transpose();
    let calendar =
        calendar.map_err(|e| StoreError::Corrupt(format!("the calendar of location {id}: {e}")))?;
    Ok(Candidate { snap, address_id, point, calendar })
}

/// A tag is a text, or an object with a name.
fn tag_name(tag: &Value) -> Option<String> {
    tag.as_str().or_else(|| tag.get("name")?.as_str()).map(str::to_owned)
}

/// One order of a batch with its decision.
pub struct Decided {
    pub order: OrderToPlan,
    pub ordinal: usize,
    pub decision: Decision,
    /// Units that this order must leave at a place, where that is any.
    pub safety: HashMap<Place, i64>,
    /// When its packages should be packed and gone, by location: those that have targets.
    pub targets: HashMap<i64, Targets>,
    /// What is said of an order that waits, where more is known than the decision says.
    pub wait: Option<Wait>,
}

/// When a package made now should be packed, and gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets {
    pub packaging_us: Option<i64>,
    pub exit_us: Option<i64>,
}

/// What an order waits for, in words, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub text: String,
    pub until_us: Option<i64>,
}

impl Decided {
    fn planned(&self) -> Option<&Planned> {
        match &self.decision {
            Decision::Planned(p) => Some(p),
            Decision::Waits(_) => None,
        }
    }
}

/// The batch's input and explanations as they are kept.
pub struct BatchInput {
    /// The snapshot: canonical JSON, compressed.
    pub compressed: Vec<u8>,
    /// Of the JSON.
    pub hash: [u8; 32],
    /// The attempts of each order, by ordinal: JSON, compressed.
    pub attempts: Vec<u8>,
    /// Of each whole decision, by ordinal.
    pub result_hashes: Vec<[u8; 32]>,
    /// How often scenarios had changed when they were read.
    pub scenarios_generation: i64,
}

/// Ids taken for a batch before its transaction begins.
pub struct CommitIds {
    pub packages: RangeFrom<i64>,
    pub items: RangeFrom<i64>,
    pub transfers: RangeFrom<i64>,
    pub rows: RangeFrom<i64>,
}

/// How many ids a commit may need.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdsNeeded {
    pub packages: usize,
    pub items: usize,
    pub transfers: usize,
    pub rows: usize,
}

/// How many ids committing these decisions may need.
pub fn ids_needed(decided: &[Decided]) -> IdsNeeded {
    let packages: Vec<_> = decided.iter().filter_map(Decided::planned).flat_map(|p| &p.packages).collect();
    let items: usize = packages.iter().map(|p| p.items.len()).sum();
    let transfers: usize = packages.iter().map(|p| p.transfers.len()).sum();
    let sent: usize = packages.iter().flat_map(|p| &p.transfers).map(|t| t.items.len()).sum();
    IdsNeeded {
        packages: packages.len(),
        items,
        transfers,
        // Reservation and ledger row an item; item, reservation and ledger row an item sent; log row and
        // event a package and a transfer; an event an order, log row and event of what it replaces; the batch.
        rows: items * 2 + sent * 3 + (packages.len() + transfers) * 2 + decided.len() * 3 + 1,
    }
}

impl CommitIds {
    /// No ids yet.
    pub fn empty() -> Self {
        Self { packages: 0.., items: 0.., transfers: 0.., rows: 0.. }
    }
}

/// Names one order's input: the batch's, less what the orders before it took.
pub fn input_hash(batch: &[u8; 32], ordinal: usize) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(batch);
    hash.update((ordinal as u64).to_be_bytes());
    hash.finalize().into()
}

/// How many lines each order has.
pub async fn line_counts(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, usize>, StoreError> {
    let head = "SELECT order_id, COUNT(*) FROM order_items WHERE order_id";
    let rows = tx.fetch_in(head, ids.iter().copied(), "GROUP BY order_id").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)? as usize))).collect()
}

/// The load of locations with their limits, held until the transaction ends: quota, `max_quota`.
pub async fn lock_loads(
    tx: &mut Tx,
    locations: impl IntoIterator<Item = i64>,
) -> Result<BTreeMap<i64, (i64, Option<i64>)>, StoreError> {
    let ids: Vec<i64> = locations.into_iter().collect();
    let mut rows = crate::batch::Rows::new(2);
    ids.iter().for_each(|&id| rows.push(args![id, 0i64]));
    let head = "INSERT INTO location_loads (location_id, quota)";
    tx.insert(head, rows, "ON CONFLICT (location_id) DO NOTHING").await?;
    let lock = match tx.dialect() {
        crate::db::Dialect::Sqlite => "",
        crate::db::Dialect::Postgres => " FOR UPDATE OF d",
    };
    let head = "SELECT d.location_id, d.quota, t.max_quota FROM location_loads d JOIN locations t ON t.id = d.location_id \
                WHERE d.location_id";
    let rows = tx.fetch_in(head, ids, &format!("ORDER BY d.location_id{lock}")).await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok((c.i64()?, (c.i64()?, c.opt_i64()?)))
    };
    rows.iter().map(one).collect()
}

/// Which packages that are out of stock are to be planned anew.
#[derive(Debug, Clone, Copy)]
pub enum ToReplan<'a> {
    /// These, whatever became available.
    These(&'a [i64]),
    /// Those with a product of which more became available since they were last tried, and all of them if something
    /// else changed since by which units may be plannable (see [`crate::planning::wakes`]). `by_moment`: those too of whose
    /// products there are units anywhere, because a rule looks at what changes by itself.
    Suppliable { by_moment: bool },
}

/// Packages that are out of stock and are to be planned anew, with the time of their order, oldest order first.
pub async fn packages_to_replan(
    tx: &mut Tx,
    wanted: ToReplan<'_>,
    limit: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let state = oms_core::packages::OUT_OF_STOCK;
    let head = format!(
        "SELECT p.id, o.placed_us FROM packages p JOIN orders o ON o.id = p.order_id WHERE p.state = {state}"
    );
    let rows = match wanted {
        ToReplan::These(ids) => {
            tx.fetch_in(&format!("{head} AND p.id"), ids.iter().copied(), "ORDER BY o.placed_us, p.id")
                .await?
        }
        ToReplan::Suppliable { by_moment } => {
            // A rise is written at its transaction's beginning and seen at its end: the margin covers that.
            let tried = format!("COALESCE(p.last_tried_us, p.created_us) - {RISE_MARGIN_US}");
            let somewhere = "OR EXISTS (SELECT 1 FROM package_items i JOIN stocks s ON s.product_id = i.product_id \
                             WHERE i.package_id = p.id AND s.on_hand > s.reserved + s.quarantined)";
            let sql = format!(
                "{head} AND ($2 > {tried} OR EXISTS (SELECT 1 FROM package_items i \
                 JOIN stock_rises r ON r.product_id = i.product_id WHERE i.package_id = p.id AND r.at_us > {tried}) {}) \
                 ORDER BY o.placed_us, p.id LIMIT $1",
                if by_moment { somewhere } else { "" }
            );
            let plannable_us = crate::planning::wakes::plannable_us(tx).await?;
            tx.fetch(sql, args![limit, plannable_us]).await?
        }
    };
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

/// How long a transaction that raises stock may take unseen.
const RISE_MARGIN_US: i64 = 30_000_000;
