//! Lists: filters in the manner of django-filter, sorting and pages.

use std::cmp::Ordering;

use axum::http::{StatusCode, Uri};
use oms_core::time;
use rust_decimal::Decimal;
use serde_json::Value;

use super::kind::Kind;
use super::reply::{Errors, Reply};
use super::world::{Fields, IntoBytes, World};

/// Page size when none is asked for.
const DEFAULT_LIMIT: usize = 10;
/// The same for lists without pages, where what is cut off could not be asked for.
const DEFAULT_BARE_LIMIT: usize = 100;
/// Largest page: all items of a hundred large orders fit, and an answer stays within a few megabytes.
const MAX_LIMIT: usize = 5_000;
/// Most values of one `__in`; a longer list does not fit into a request line anyway.
const MAX_IN: usize = 10_000;

/// Query parameters in their order.
pub(crate) type Params = Vec<(String, String)>;

/// A field's value, as far as filters and sorting look.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Null,
    Bool(bool),
    Int(i64),
    Number(Decimal),
    Text(String),
    Time(i64),
    /// Objects and arrays: equal to nothing.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lookup {
    Exact,
    IExact,
    In,
    Gt,
    Gte,
    Lt,
    Lte,
    Contains,
    IContains,
    StartsWith,
    IStartsWith,
    Date,
    IsNull,
}

const LOOKUPS: [(&str, Lookup); 13] = [
    ("exact", Lookup::Exact),
    ("iexact", Lookup::IExact),
    ("in", Lookup::In),
    ("gt", Lookup::Gt),
    ("gte", Lookup::Gte),
    ("lt", Lookup::Lt),
    ("lte", Lookup::Lte),
    ("contains", Lookup::Contains),
    ("icontains", Lookup::IContains),
    ("startswith", Lookup::StartsWith),
    ("istartswith", Lookup::IStartsWith),
    ("date", Lookup::Date),
    ("isnull", Lookup::IsNull),
];

/// The lookups a filter may end in.
pub(crate) fn lookup_names() -> Vec<&'static str> {
    LOOKUPS.iter().map(|(name, _)| *name).collect()
}

struct Filter {
    name: String,
    lookup: Lookup,
    /// The values asked for, each read in every way a field may need.
    wanted: Vec<Wanted>,
    /// The whole numbers among them, sorted, for long `__in` lists.
    ints: Vec<i64>,
}

struct Wanted {
    text: String,
    number: Option<Decimal>,
    flag: Option<bool>,
    time: Option<i64>,
}

impl Wanted {
    fn new(text: &str, is_time: bool) -> Self {
        let flag = match text {
            "True" | "true" | "1" => Some(true),
            "False" | "false" | "0" => Some(false),
            _ => None,
        };
        // A plus sign in a zone arrives as a blank when a client forgets to encode it.
        let time = is_time
            .then(|| time::parse_us(text).or_else(|_| time::parse_us(&text.replace(' ', "+"))).ok())
            .flatten();
        Self { text: text.to_owned(), number: text.parse().ok(), flag, time }
    }
}

fn is_time(name: &str) -> bool {
    name.ends_with("_date") || name.starts_with("date_")
}

fn is_key(name: &str) -> bool {
    matches!(name, "pk" | "id")
}

impl Filter {
    fn read(key: &str, value: &str) -> Option<Self> {
        let (name, lookup) = match key.rsplit_once("__") {
            Some((name, lookup)) => (name, LOOKUPS.iter().find(|(n, _)| *n == lookup)?.1),
            None => (key, Lookup::Exact),
        };
        let is_time = is_time(name);
        let texts: Vec<&str> = match lookup {
            Lookup::In => value.split(',').map(str::trim).filter(|t| !t.is_empty()).take(MAX_IN).collect(),
            _ => vec![value],
        };
        let mut ints: Vec<i64> = texts.iter().filter_map(|t| t.parse().ok()).collect();
        ints.sort_unstable();
        let wanted = texts.into_iter().map(|t| Wanted::new(t, is_time)).collect();
        Some(Self { name: name.to_owned(), lookup, wanted, ints })
    }

    /// What is wrong with the value, if anything.
    fn complaint(&self) -> Option<&'static str> {
        let bad = |ok: fn(&Wanted) -> bool| self.wanted.iter().any(|w| !ok(w));
        match self.lookup {
            Lookup::IsNull => bad(|w| w.flag.is_some()).then_some("Enter true or false."),
            _ if is_time(&self.name) => bad(|w| w.time.is_some()).then_some("Enter a valid date/time."),
            _ if is_key(&self.name) => bad(|w| w.number.is_some()).then_some("Enter a number."),
            _ => None,
        }
    }

    fn matches(&self, field: &Field) -> bool {
        if let (Lookup::In | Lookup::Exact, Field::Int(n)) = (self.lookup, field) {
            return self.ints.binary_search(n).is_ok();
        }
        self.wanted.iter().any(|wanted| self.matches_one(field, wanted))
    }

    fn matches_one(&self, field: &Field, wanted: &Wanted) -> bool {
        let text = |test: fn(&str, &str) -> bool, fold: bool| match field {
            Field::Text(have) if fold => test(&have.to_lowercase(), &wanted.text.to_lowercase()),
            Field::Text(have) => test(have, &wanted.text),
            _ => false,
        };
        let order = || compare(field, wanted);
        match self.lookup {
            Lookup::Exact | Lookup::In => order() == Some(Ordering::Equal),
            Lookup::IExact => text(|a, b| a == b, true) || order() == Some(Ordering::Equal),
            Lookup::Gt => order() == Some(Ordering::Greater),
            Lookup::Gte => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
            Lookup::Lt => order() == Some(Ordering::Less),
            Lookup::Lte => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
            Lookup::Contains => text(|a, b| a.contains(b), false),
            Lookup::IContains => text(|a, b| a.contains(b), true),
            Lookup::StartsWith => text(|a, b| a.starts_with(b), false),
            Lookup::IStartsWith => text(|a, b| a.starts_with(b), true),
            Lookup::Date => match (field, wanted.time) {
                (Field::Time(have), Some(day)) => have.div_euclid(DAY_US) == day.div_euclid(DAY_US),
                _ => false,
            },
            Lookup::IsNull => wanted.flag == Some(*field == Field::Null),
        }
    }
}

const DAY_US: i64 = 24 * 3600 * 1_000_000;

fn compare(field: &Field, wanted: &Wanted) -> Option<Ordering> {
    match field {
        Field::Int(have) => Some(Decimal::from(*have).cmp(&wanted.number?)),
        Field::Number(have) => Some(have.cmp(&wanted.number?)),
        Field::Bool(have) => Some(have.cmp(&wanted.flag?)),
        Field::Time(have) => Some(have.cmp(&wanted.time?)),
        Field::Text(have) => Some(have.as_str().cmp(&wanted.text)),
        Field::Null | Field::Other => None,
    }
}

/// What a list request asks for.
pub(crate) struct Query {
    filters: Vec<Filter>,
    sort: Vec<(String, bool)>,
    page: Option<usize>,
    limit: Option<usize>,
    /// Any filter on a mapping: the hub keeps none that a name could be found by.
    by_mapping: bool,
}

impl Query {
    /// Reads the parameters; a value that cannot be read is a `400` naming its filter.
    pub(crate) fn read(params: &Params) -> Result<Self, Reply> {
        let mut query =
            Self { filters: Vec::new(), sort: Vec::new(), page: Some(1), limit: None, by_mapping: false };
        let mut errors = Errors::default();
        for (key, value) in params {
            match key.as_str() {
                "page" => query.page = value.parse().ok().filter(|p| *p > 0),
                "limit" => {
                    let limit = value.parse::<usize>().ok().filter(|l| *l > 0);
                    query.limit = limit.map(|l| l.min(MAX_LIMIT));
                }
                "sort" => query.sort = value.split(',').filter(|s| !s.is_empty()).map(sort_key).collect(),
                key if key.starts_with("mapping__") => query.by_mapping = true,
                key => {
                    if let Some(filter) = Filter::read(key, value) {
                        if let Some(complaint) = filter.complaint() {
                            errors.add(key, complaint);
                        }
                        query.filters.push(filter);
                    }
                }
            }
        }
        errors.check()?;
        Ok(query)
    }

    /// Restricts the list to one channel, where the kind knows of channels.
    pub(crate) fn in_channel(mut self, kind: Kind, channel: Option<i64>) -> Self {
        let knows = matches!(
            kind,
            Kind::Order
                | Kind::OrderItem
                | Kind::Customer
                | Kind::CancellationPlan
                | Kind::BatchRequest
                | Kind::IntegrationAction
        );
        if let (Some(channel), true) = (channel, knows) {
            self.filters.extend(Filter::read("channel", &channel.to_string()));
        }
        self
    }

    /// Keys of the records that match, in the order asked for.
    pub(crate) fn keys(&self, world: &World, kind: Kind) -> Vec<i64> {
        if self.by_mapping {
            return Vec::new();
        }
        let (mut keys, sorted) = self.candidates(world, kind);
        for filter in &self.filters {
            keys.retain(|pk| world.field(kind, *pk, &filter.name).is_none_or(|field| filter.matches(&field)));
        }
        if !sorted && !self.sort.is_empty() {
            self.put_in_order(world, kind, &mut keys);
        }
        keys
    }

    /// The fewest records the matches are certainly among, and whether they are in the order asked for.
    fn candidates(&self, world: &World, kind: Kind) -> (Vec<i64>, bool) {
        let among = |name: &str| {
            let is = |f: &&Filter| f.name == name && matches!(f.lookup, Lookup::Exact | Lookup::In);
            self.filters.iter().find(is)
        };
        if let Some(filter) = among("pk").or_else(|| among("id")) {
            let mut keys: Vec<i64> =
                filter.ints.iter().copied().filter(|pk| world.exists(kind, *pk)).collect();
            keys.dedup();
            return (keys, false);
        }
        if let (Kind::OrderItem, Some(filter)) = (kind, among("order")) {
            let mut orders = filter.ints.clone();
            orders.dedup();
            let mut keys: Vec<i64> = orders.into_iter().flat_map(|order| world.items_of(order)).collect();
            keys.sort_unstable();
            return (keys, false);
        }
        if let (Kind::Order, Some(filter)) = (kind, among("number")) {
            let mut keys: Vec<i64> =
                filter.wanted.iter().flat_map(|w| world.orders_by_number(&w.text)).copied().collect();
            keys.sort_unstable();
            keys.dedup();
            return (keys, false);
        }
        if kind == Kind::Order && self.sort.first().is_some_and(|(name, _)| name == "modified_date") {
            let since = self.filters.iter().find(|f| f.name == "modified_date" && f.lookup == Lookup::Gte);
            let us = since.and_then(|f| f.wanted.first()?.time).unwrap_or(i64::MIN);
            let orders = world.orders_since(us);
            let keys = if self.sort[0].1 { orders.rev().collect() } else { orders.collect() };
            // Times may be shared, so a second sort key still has work to do.
            return (keys, self.sort.len() == 1);
        }
        (world.keys(kind), self.sort.is_empty())
    }

    fn put_in_order(&self, world: &World, kind: Kind, keys: &mut Vec<i64>) {
        let read = |pk: i64| -> Vec<Option<Field>> {
            self.sort.iter().map(|(n, _)| world.field(kind, pk, n)).collect()
        };
        let mut rows: Vec<(Vec<Option<Field>>, i64)> = keys.iter().map(|pk| (read(*pk), *pk)).collect();
        rows.sort_by(|(a, a_pk), (b, b_pk)| {
            let fields = a.iter().zip(b).zip(&self.sort);
            let by_field = fields.map(|((a, b), (_, down))| if *down { rank(b, a) } else { rank(a, b) });
            by_field.fold(Ordering::Equal, Ordering::then).then(a_pk.cmp(b_pk))
        });
        *keys = rows.into_iter().map(|(_, pk)| pk).collect();
    }

    /// The page of a list as an answer.
    pub(crate) fn page(&self, world: &World, kind: Kind, deep: bool, at: &Address) -> Reply {
        let keys = self.keys(world, kind);
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let pages = keys.len().div_ceil(limit).max(1);
        let Some(page) = self.page.filter(|p| *p <= pages) else {
            return Reply::detail(StatusCode::NOT_FOUND, "Invalid page.");
        };
        let link = |page: usize| serde_json::to_string(&at.page(page)).unwrap_or_default();
        let next = if page < pages { link(page + 1) } else { "null".to_owned() };
        let previous = if page > 1 { link(page - 1) } else { "null".to_owned() };
        let head = format!("{{\"count\":{},\"next\":{next},\"previous\":{previous},\"results\":", keys.len());
        let mut body = head.into_bytes();
        let shown = keys.into_iter().skip((page - 1) * limit).take(limit);
        write_array(world, kind, deep, shown, &mut body);
        body.push(b'}');
        Reply::bytes(StatusCode::OK, body)
    }

    /// The matches as a bare array, as a few special lists answer.
    pub(crate) fn bare(&self, world: &World, kind: Kind, keep: impl Fn(i64) -> bool) -> Reply {
        let keys = self
            .keys(world, kind)
            .into_iter()
            .filter(|pk| keep(*pk))
            .take(self.limit.unwrap_or(DEFAULT_BARE_LIMIT));
        let mut body = Vec::new();
        write_array(world, kind, false, keys, &mut body);
        Reply::bytes(StatusCode::OK, body)
    }
}

fn sort_key(text: &str) -> (String, bool) {
    match text.strip_prefix('-') {
        Some(name) => (name.to_owned(), true),
        None => (text.to_owned(), false),
    }
}

fn write_array(world: &World, kind: Kind, deep: bool, keys: impl Iterator<Item = i64>, body: &mut Vec<u8>) {
    body.push(b'[');
    for (at, pk) in keys.enumerate() {
        if at > 0 {
            body.push(b',');
        }
        world.visit(kind, pk, deep, IntoBytes(body));
    }
    body.push(b']');
}

fn rank(a: &Option<Field>, b: &Option<Field>) -> Ordering {
    let class = |f: &Option<Field>| match f {
        None | Some(Field::Null | Field::Other) => 0,
        Some(Field::Bool(_)) => 1,
        Some(Field::Int(_) | Field::Number(_)) => 2,
        Some(Field::Time(_)) => 3,
        Some(Field::Text(_)) => 4,
    };
    match (a, b) {
        (Some(Field::Bool(a)), Some(Field::Bool(b))) => a.cmp(b),
        (Some(Field::Int(a)), Some(Field::Int(b))) | (Some(Field::Time(a)), Some(Field::Time(b))) => a.cmp(b),
        (Some(Field::Number(a)), Some(Field::Number(b))) => a.cmp(b),
        (Some(Field::Int(a)), Some(Field::Number(b))) => Decimal::from(*a).cmp(b),
        (Some(Field::Number(a)), Some(Field::Int(b))) => a.cmp(&Decimal::from(*b)),
        (Some(Field::Text(a)), Some(Field::Text(b))) => a.cmp(b),
        (a, b) => class(a).cmp(&class(b)),
    }
}

impl World {
    /// A field for filters and sorting; `None` when the kind has no such field, which then filters nothing.
    fn field(&self, kind: Kind, pk: i64, name: &str) -> Option<Field> {
        match (kind, name) {
            (_, "pk" | "id") => return Some(Field::Int(pk)),
            (_, "modified_date") => return Some(Field::Time(self.modified_us(kind, pk))),
            (Kind::Order | Kind::OrderItem, "status") => {
                return Some(Field::Text(self.status(kind, pk).to_string()));
            }
            (Kind::Order | Kind::CancellationPlan | Kind::IntegrationAction, "channel_id") => {
                return self.field(kind, pk, "channel");
            }
            (Kind::OrderItem, "channel") => return self.field(Kind::Order, self.order_of(pk), "channel"),
            (Kind::Township | Kind::District, "country") => return Some(self.country_of(kind, pk)),
            (Kind::CancellationPlan, "cancellation_plan_status") => return self.field(kind, pk, "status"),
            (Kind::IntegrationAction, "content_type_name") => {
                let model = self.fields(kind, pk).and_then(|f| text_in(&f, "content_type", "model"));
                return Some(model.map_or(Field::Null, Field::Text));
            }
            _ => {}
        }
        if self.is_base(kind, pk)
            && let Some(field) = self.base_field(kind, pk, name)
        {
            return Some(field);
        }
        self.fields(kind, pk)?.get(name).map(|value| field_of(name, value))
    }

    /// The fields lists are often cut by, without making a whole record first.
    fn base_field(&self, kind: Kind, pk: i64, name: &str) -> Option<Field> {
        let at = usize::try_from(pk).ok()?.checked_sub(1)?;
        let base = &self.base;
        Some(match (kind, name) {
            (Kind::Order, "channel") => Field::Int(1),
            (Kind::Order, "customer") => Field::Int(base.data.orders[at].customer as i64 + 1),
            (Kind::Order, "is_send") => Field::Bool(false),
            (Kind::Order, "date_placed" | "created_date") => Field::Time(base.data.orders[at].placed_us),
            (Kind::OrderItem, "order") => Field::Int(i64::from(base.item_order[at]) + 1),
            (Kind::OrderItem, "product") => Field::Int(i64::from(base.item_product[at])),
            (Kind::OrderItem, "created_date") => Field::Time(base.modified_us(kind, pk)),
            (Kind::Product, "sku") => Field::Text(base.products[at].sku.clone()),
            (Kind::Product, "is_active") => Field::Bool(true),
            (Kind::Customer, "channel") => Field::Int(1),
            (Kind::RetailStore, "erp_code") => Field::Text(base.data.locations[at].erp_code.clone()),
            _ => return None,
        })
    }

    /// The order an item belongs to; 0 when the item says nothing of one.
    pub(crate) fn order_of(&self, item: i64) -> i64 {
        if item <= self.base.count(Kind::OrderItem) {
            return i64::from(self.base.item_order[item as usize - 1]) + 1;
        }
        self.fields(Kind::OrderItem, item).and_then(|f| f.get("order")?.as_i64()).unwrap_or_default()
    }

    fn country_of(&self, kind: Kind, pk: i64) -> Field {
        let city = self.fields(kind, pk).and_then(|f| f.get("city")?.as_i64());
        let country = city.and_then(|c| self.fields(Kind::City, c)?.get("country")?.as_i64());
        country.map_or(Field::Null, Field::Int)
    }
}

fn text_in(fields: &Fields, outer: &str, inner: &str) -> Option<String> {
    fields.get(outer)?.get(inner)?.as_str().map(str::to_owned)
}

fn field_of(name: &str, value: &Value) -> Field {
    match value {
        Value::Null => Field::Null,
        Value::Bool(flag) => Field::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Field::Int(int),
            None => number.to_string().parse().map_or(Field::Other, Field::Number),
        },
        Value::String(text) if is_time(name) => time::parse_us(text).map_or(Field::Null, Field::Time),
        Value::String(text) if name.ends_with("amount") || name.ends_with("price") => {
            text.parse().map_or_else(|_| Field::Text(text.clone()), Field::Number)
        }
        Value::String(text) => Field::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Field::Other,
    }
}

/// The address a request came to, from which the links to other pages are made.
pub(crate) struct Address {
    /// Scheme, host and path.
    place: String,
    query: String,
}

impl Address {
    pub(crate) fn new(host: &str, uri: &Uri) -> Self {
        Self {
            place: format!("http://{host}{}", uri.path()),
            query: uri.query().unwrap_or_default().to_owned(),
        }
    }

    fn page(&self, page: usize) -> String {
        let others = self.query.split('&').filter(|p| !p.is_empty() && !p.starts_with("page="));
        let mut parts: Vec<String> = others.map(str::to_owned).collect();
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        let mark = if parts.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.place, parts.join("&"))
    }
}
