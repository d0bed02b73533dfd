//! The lists of nouns whose files hold no list of their own, with their readers.

use crate::lists::{Ask, Filter, Kind, List, Order, Page};
use crate::places::geography::Level;
use crate::places::{channels, geography, locations};
use crate::rules::{scenarios, schedules};
use crate::stock::{engines, safety_stocks};
use crate::{Row, StoreError, Tx};

const BY_ID: &[Order] = &[("id", "t.id"), ("-id", "t.id DESC")];
const BY_ID_OR_CHANGE: &[Order] = &[
    ("id", "t.id"),
    ("-id", "t.id DESC"),
    ("modified_date", "t.modified_us, t.id"),
    ("-modified_date", "t.modified_us DESC, t.id DESC"),
];

fn read_all<T>(
    page: Page<Row>,
    read: impl FnMut(Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let rows = page.rows.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page { count: page.count, is_exact: page.is_exact, last: page.last, rows })
}

/// The list of channels.
pub const CHANNELS: List = List {
    table: "channels t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("omnitron_id", Kind::Int, "t.omnitron_id = ?"),
        Filter::new("name", Kind::Text, "t.name = ?"),
        Filter::new("channel_type", Kind::Text, "t.channel_type = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
    ],
    orders: BY_ID_OR_CHANGE,
};

/// A page of channels.
pub async fn channels(tx: &mut Tx, ask: &Ask) -> Result<Page<channels::Channel>, StoreError> {
    let page = super::page(tx, &CHANNELS, channels::COLUMNS, ask).await?;
    read_all(page, |r| channels::read(&r))
}

const PLACE_NAME: Filter = Filter::new("name", Kind::Text, "t.name = ?");
const PLACE_ACTIVE: Filter = Filter::new("is_active", Kind::Bool, "t.is_active = ?");
const PLACE_HUB: Filter = Filter::new("omnitron_id", Kind::Int, "t.omnitron_id = ?");
const PLACE_HUBS: Filter = Filter::new("omnitron_id__in", Kind::Ints, "t.omnitron_id IN (?)");
const PLACE_CITY: Filter = Filter::new("city", Kind::Int, "t.city_id = ?");

const COUNTRIES: List = List {
    table: "countries t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        PLACE_NAME,
        Filter::new("code", Kind::Text, "t.code = ?"),
        PLACE_ACTIVE,
        PLACE_HUB,
        PLACE_HUBS,
    ],
    orders: BY_ID_OR_CHANGE,
};
const CITIES: List = List {
    table: "cities t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        PLACE_NAME,
        Filter::new("country", Kind::Int, "t.country_id = ?"),
        PLACE_ACTIVE,
        PLACE_HUB,
        PLACE_HUBS,
    ],
    orders: BY_ID_OR_CHANGE,
};
const TOWNSHIPS: List = List {
    table: "townships t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[PLACE_NAME, PLACE_CITY, PLACE_ACTIVE, PLACE_HUB, PLACE_HUBS],
    orders: BY_ID_OR_CHANGE,
};
const DISTRICTS: List = List {
    table: "districts t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        PLACE_NAME,
        PLACE_CITY,
        Filter::new("township", Kind::Int, "t.township_id = ?"),
        PLACE_ACTIVE,
        PLACE_HUB,
        PLACE_HUBS,
    ],
    orders: BY_ID_OR_CHANGE,
};

/// The list of a level of the address tree.
pub fn places_list(level: Level) -> &'static List {
    match level {
        Level::Country => &COUNTRIES,
        Level::City => &CITIES,
        Level::Township => &TOWNSHIPS,
        Level::District => &DISTRICTS,
    }
}

/// A page of a level.
pub async fn places(tx: &mut Tx, level: Level, ask: &Ask) -> Result<Page<geography::Place>, StoreError> {
    let page = super::page(tx, places_list(level), &geography::columns(level), ask).await?;
    read_all(page, |r| geography::read(level, &r))
}

/// The list of distribution scenarios.
pub const SCENARIOS: List = List {
    table: "scenarios t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("name", Kind::Text, "t.name = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
    ],
    orders: &[("priority", "t.priority, t.id"), ("id", "t.id"), ("-id", "t.id DESC")],
};

/// A page of scenarios.
pub async fn scenarios(
    tx: &mut Tx,
    ask: &Ask,
    family: oms_core::scenarios::Family,
) -> Result<Page<scenarios::Stored>, StoreError> {
    let mut ask = ask.clone();
    let of_family = super::Condition { clause: "t.family = ?", values: vec![family.as_str().into()] };
    ask.conditions.push(of_family);
    let ask = &ask;
    let page = super::page(tx, &SCENARIOS, scenarios::COLUMNS, ask).await?;
    read_all(page, |r| scenarios::read(&r))
}

/// The list of stock engines.
pub const ENGINES: List = List {
    table: "stock_engines t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("name", Kind::Text, "t.name = ?"),
        Filter::new("stock_engine_type", Kind::Text, "t.type = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
    ],
    orders: &[("id", "t.id"), ("-id", "t.id DESC"), ("name", "t.name")],
};

/// A page of stock engines.
pub async fn engines(tx: &mut Tx, ask: &Ask) -> Result<Page<engines::Engine>, StoreError> {
    let page = super::page(tx, &ENGINES, engines::COLUMNS, ask).await?;
    read_all(page, |r| engines::read(&r))
}

/// The list of safety stock.
pub const SAFETY_STOCKS: List = List {
    table: "safety_stocks t",
    joins: safety_stocks::JOINS,
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("sku", Kind::Text, "p.sku = ?"),
        Filter::new("erp_code", Kind::Texts, "l.erp_code IN (?)"),
        Filter::new("channel", Kind::Int, "COALESCE(c.omnitron_id, c.id) = ?"),
    ],
    orders: BY_ID,
};

/// A page of safety stock.
pub async fn safety_stocks(tx: &mut Tx, ask: &Ask) -> Result<Page<safety_stocks::SafetyStock>, StoreError> {
    let page = super::page(tx, &SAFETY_STOCKS, safety_stocks::COLUMNS, ask).await?;
    read_all(page, |r| safety_stocks::read(&r))
}

/// The list of schedules.
pub const SCHEDULES: List = List {
    table: "schedules t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("name", Kind::Text, "t.name = ?"),
        Filter::new("action", Kind::Text, "t.action = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
    ],
    orders: BY_ID,
};

/// A page of schedules.
pub async fn schedules(tx: &mut Tx, ask: &Ask) -> Result<Page<schedules::Schedule>, StoreError> {
    let page = super::page(tx, &SCHEDULES, schedules::COLUMNS, ask).await?;
    read_all(page, |r| schedules::read(&r))
}

/// The list of locations.
pub const LOCATIONS: List = List {
    table: "locations t",
    joins: " LEFT JOIN location_loads d ON d.location_id = t.id LEFT JOIN addresses a ON a.id = t.address_id",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("omnitron_id", Kind::Int, "t.omnitron_id = ?"),
        Filter::new("erp_code", Kind::Texts, "t.erp_code IN (?)"),
        Filter::new("name", Kind::Prefix, "t.name >= ? AND t.name <= ?"),
        Filter::new("stock_location_type", Kind::Text, "t.kind = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
        Filter::new("is_fulfillment_center", Kind::Bool, "t.is_fulfillment_center = ?"),
        Filter::new("modified_date__gte", Kind::Time, "t.modified_us >= ?"),
        Filter::new("modified_date__lte", Kind::Time, "t.modified_us <= ?"),
        Filter::new("city", Kind::Int, "a.city_id = ?"),
    ],
    orders: &[
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("erp_code", "t.erp_code"),
        ("name", "t.name, t.id"),
        ("priority", "t.priority, t.id"),
        ("-priority", "t.priority DESC, t.id DESC"),
        ("modified_date", "t.modified_us, t.id"),
        ("-modified_date", "t.modified_us DESC, t.id DESC"),
    ],
};

/// A page of locations.
pub async fn locations(tx: &mut Tx, ask: &Ask) -> Result<Page<locations::Location>, StoreError> {
    let page = super::page(tx, &LOCATIONS, locations::COLUMNS, ask).await?;
    read_all(page, |r| locations::read(&r))
}

/// A balance with the names people know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    pub location_id: i64,
    pub erp_code: String,
    pub product_id: i64,
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub quarantined: i64,
    /// The outside engine whose reading `on_hand` is.
    pub engine_id: Option<i64>,
}

/// The list of balances.
pub const STOCKS: List = List {
    table: "stocks t",
    joins: " JOIN locations l ON l.id = t.location_id JOIN products p ON p.id = t.product_id",
    ordered: &["t.location_id", "t.product_id", "t.engine_id"],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new(
            "erp_code",
            Kind::Texts,
            "t.location_id IN (SELECT l.id FROM locations l WHERE l.erp_code IN (?))",
        ),
        Filter::new("sku", Kind::Texts, "t.product_id IN (SELECT p.id FROM products p WHERE p.sku IN (?))"),
        Filter::new("stock_location", Kind::Int, "t.location_id = ?"),
        Filter::new("engine", Kind::Int, "t.engine_id = ?"),
        Filter::new("is_short", Kind::Bool, "(t.on_hand < t.reserved + t.quarantined) = ?"),
    ],
    orders: &[("sku", "t.product_id, t.location_id")],
};

/// A page of balances.
pub async fn stocks(tx: &mut Tx, ask: &Ask) -> Result<Page<Stock>, StoreError> {
    let columns =
        "t.location_id, l.erp_code, t.product_id, p.sku, t.on_hand, t.reserved, t.quarantined, t.engine_id";
    let page = super::page(tx, &STOCKS, columns, ask).await?;
    read_all(page, |row| {
        let mut c = row.cols();
        Ok(Stock {
            location_id: c.i64()?,
            erp_code: c.text()?,
            product_id: c.i64()?,
            sku: c.text()?,
            on_hand: c.i64()?,
            reserved: c.i64()?,
            quarantined: c.i64()?,
            engine_id: c.opt_i64()?,
        })
    })
}

/// An order's plan as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The order's id too.
    pub id: i64,
    pub state: String,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    pub tries: i64,
    pub scenario_id: Option<i64>,
    pub scenario_version: Option<i64>,
    pub units_out_of_stock: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

const PLAN_COLUMNS: &str = "t.id, t.state, t.reason_code, t.reason, t.tries, t.scenario_id, t.scenario_version, \
                            t.units_out_of_stock, t.created_us, t.modified_us";

fn read_plan(row: &Row) -> Result<Plan, StoreError> {
    let mut c = row.cols();
    Ok(Plan {
        id: c.i64()?,
        state: c.text()?,
        reason_code: c.opt_text()?,
        reason: c.opt_text()?,
        tries: c.i64()?,
        scenario_id: c.opt_i64()?,
        scenario_version: c.opt_i64()?,
        units_out_of_stock: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The list of plans; `o` is the order.
pub const PLANS: List = List {
    table: "plans t",
    joins: " JOIN orders o ON o.id = t.id",
    ordered: &["t.state", "t.reason_code"],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("state", Kind::Text, "t.state = ?"),
        Filter::new("order", Kind::Int, "t.id = ?"),
        Filter::new(
            "order__omnitron_id",
            Kind::Int,
            "t.id IN (SELECT o.id FROM orders o WHERE o.omnitron_id = ?)",
        ),
        Filter::new("order__number", Kind::Text, "t.id IN (SELECT o.id FROM orders o WHERE o.number = ?)"),
        Filter::new("reason", Kind::Text, "t.reason_code = ?"),
    ],
    orders: BY_ID,
};

/// A page of plans.
pub async fn plans(tx: &mut Tx, ask: &Ask) -> Result<Page<Plan>, StoreError> {
    let page = super::page(tx, &PLANS, PLAN_COLUMNS, ask).await?;
    read_all(page, |r| read_plan(&r))
}

/// Plans by id.
pub async fn plans_by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Plan>, StoreError> {
    let head = format!("SELECT {PLAN_COLUMNS} FROM plans t WHERE t.id");
    tx.fetch_in(&head, ids, "ORDER BY t.id").await?.iter().map(read_plan).collect()
}
