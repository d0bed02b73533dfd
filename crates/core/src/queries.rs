//! Queries: typed conditions over an order, its lines and the package being made, stored as JSON.
//!
//! `{"all": […]}`, `{"any": […]}`, `{"not": […]}` (none of them), `{"any_line": […]}` and
//! `{"every_line": […]}` (all tests on one and the same line), and the test
//! `{"field", "op": "eq|ne|in|lt|lte|gt|gte|contains|exists", "value"}`. An empty query holds for every
//! order. A bare test of a line field holds if it holds for at least one line. Line fields look at the
//! lines that still have units to place. A test of a field without a value does not hold, except `ne`
//! and `exists: false`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::money;
use crate::refusal::Refusal;

/// The deepest nesting: deeper ones are written by machines, not read by people.
pub const MAX_DEPTH: usize = 8;
/// The most tests in one query.
pub const MAX_TESTS: usize = 200;
/// The most values of one `in`.
pub const MAX_VALUES: usize = 500;
/// The longest field name or text value, in characters.
const MAX_TEXT: usize = 255;

/// Field values of an order or a line, by field name. Absent is absent: there is no `null`.
pub type Facts = BTreeMap<String, Value>;

/// What kind of value a field has; it decides which tests make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    Text,
    /// A whole number.
    Number,
    /// An amount in the order's currency; compared as written, `"150.00"` or `150`.
    Money,
    /// Whatever a brand put into an attribute: text, number or yes/no, compared as text except by order.
    Attribute,
}

/// What a field is a property of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Order,
    /// One line of those still to be placed.
    Line,
    /// How far planning has come: only in a rule's `when`.
    Progress,
    /// The package that waits for a transfer, or is shipped: only in transfer scenarios and rules of cargo companies.
    Package,
}

/// One field a query may name.
pub struct Field {
    /// Its name; one that ends in `.` is a prefix, followed by an attribute's key.
    pub name: &'static str,
    pub kind: FieldType,
    pub scope: Scope,
    pub about: &'static str,
}

macro_rules! fields {
    ($($name:literal $kind:ident $scope:ident $about:literal;)*) => {
        /// Every field there is. None of them is personal data of a customer.
        pub const FIELDS: &[Field] = &[$(Field {
            name: $name, kind: FieldType::$kind, scope: Scope::$scope, about: $about,
        }),*];
    };
}

fields! {
    "order.channel" Text Order "The channel's id at the hub (ours if it has none), as text.";
    "order.shipping_option" Text Order "Slug of the shipping option.";
    "order.payment_option" Text Order "Slug of the payment option.";
    "order.customer_type" Text Order "The customer's type.";
    "order.order_type" Text Order "The hub's order type.";
    "order.delivery_type" Text Order "The hub's delivery type.";
    "order.delivery_range" Text Order "The delivery range the customer chose.";
    "order.currency" Text Order "Currency code in small letters.";
    "order.language" Text Order "Language code.";
    "order.amount" Money Order "The order's amount.";
    "order.shipping_amount" Money Order "What the customer pays for shipping.";
    "order.discount_amount" Money Order "The order's discount.";
    "order.lines" Number Order "Lines of the order.";
    "order.units" Number Order "Units of the order.";
    "order.country" Number Order "Id of the country it goes to.";
    "order.city" Number Order "Id of the city.";
    "order.township" Number Order "Id of the township.";
    "order.district" Number Order "Id of the district.";
    "line.sku" Text Line "The product's SKU.";
    "line.base_code" Text Line "The product's base code.";
    "line.units" Number Line "Units of the line still to be placed.";
    "line.price" Money Line "Price of one unit.";
    "line.attributes." Attribute Line "An attribute of the order's line; choose keys without personal data.";
    "line.product." Attribute Line "An attribute of the product.";
    "remaining.lines" Number Progress "Lines with units still to be placed when the rule begins.";
    "remaining.units" Number Progress "Units still to be placed when the rule begins.";
    "order.packages" Number Progress "Packages with stock the order has so far.";
    "package.location" Text Package "erp_code of the location that packs.";
    "package.location_type" Text Package "`store` or `warehouse`.";
}

/// The field of a name.
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|f| match f.name.strip_suffix('.') {
        Some(_) => name.len() > f.name.len() && name.starts_with(f.name),
        None => f.name == name,
    })
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    In,
    Lt,
    Lte,
    Gt,
    Gte,
    Contains,
    Exists,
}

const OPS: &[(&str, Op)] = &[
    ("eq", Op::Eq),
    ("ne", Op::Ne),
    ("in", Op::In),
    ("lt", Op::Lt),
    ("lte", Op::Lte),
    ("gt", Op::Gt),
    ("gte", Op::Gte),
    ("contains", Op::Contains),
    ("exists", Op::Exists),
];

impl Op {
    fn word(self) -> &'static str {
        OPS.iter().find(|(_, op)| *op == self).map_or("", |(word, _)| word)
    }

    fn allowed(self, kind: FieldType) -> bool {
        match self {
            Self::Eq | Self::Ne | Self::In | Self::Exists => true,
            Self::Lt | Self::Lte | Self::Gt | Self::Gte => kind != FieldType::Text,
            Self::Contains => matches!(kind, FieldType::Text | FieldType::Attribute),
        }
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    /// None of them holds.
    Not(Vec<Query>),
    /// Some line for which all hold.
    AnyLine(Vec<Query>),
    /// All hold for every line.
    EveryLine(Vec<Query>),
    Test {
        field: String,
        op: Op,
        value: Value,
    },
}

/// Which fields a query may name besides those of the order and its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A scenario's condition: nothing is planned yet.
    Condition,
    /// A rule's `when`.
    When,
    /// A `when` of a transfer scenario.
    TransferWhen,
    /// When a cargo company applies: the parcel is packed.
    Parcel,
    /// Read back from where it was kept: it was checked when it was taken.
    Stored,
}

impl Place {
    fn allows(self, scope: Scope) -> bool {
        match scope {
            Scope::Order | Scope::Line => true,
            Scope::Progress => matches!(self, Self::When | Self::Stored),
            Scope::Package => matches!(self, Self::TransferWhen | Self::Parcel | Self::Stored),
        }
    }
}

/// What a query is asked of.
pub struct Subject<'a> {
    pub order: &'a Facts,
    /// Those with units still to be placed.
    pub lines: Vec<&'a Facts>,
    /// Fields of [`Scope::Progress`] and [`Scope::Package`], and each line's `line.units`.
    pub extra: Facts,
    /// Units still to be placed of each of `lines`.
    pub units: Vec<i64>,
}

impl Query {
    /// Reads a query; `at` names the place in refusals, for example `rules[0].when`.
    pub fn from_json(value: &Value, place: Place, at: &str) -> Result<Self, Refusal> {
        let query = read(value, place, at, 0, false)?;
        if query.tests() > MAX_TESTS {
            return Err(wrong(at, format!("A query holds at most {MAX_TESTS} tests.")));
        }
        Ok(query)
    }

    fn tests(&self) -> usize {
        match self {
            Self::Test { .. } => 1,
            other => other.parts().iter().map(Self::tests).sum(),
        }
    }

    fn parts(&self) -> &[Self] {
        match self {
            Self::All(q) | Self::Any(q) | Self::Not(q) | Self::AnyLine(q) | Self::EveryLine(q) => q,
            Self::Test { .. } => &[],
        }
    }

    /// The names of the fields it looks at.
    pub fn fields<'a>(&'a self, into: &mut BTreeSet<&'a str>) {
        if let Self::Test { field, .. } = self {
            into.insert(field);
        }
        self.parts().iter().for_each(|q| q.fields(into));
    }

    /// Whether it holds.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        self.check(subject, None)
    }

    fn check(&self, s: &Subject<'_>, line: Option<usize>) -> bool {
        match self {
            Self::All(q) => q.iter().all(|q| q.check(s, line)),
            Self::Any(q) => q.iter().any(|q| q.check(s, line)),
            Self::Not(q) => !q.iter().any(|q| q.check(s, line)),
            Self::AnyLine(q) => (0..s.lines.len()).any(|i| q.iter().all(|q| q.check(s, Some(i)))),
            Self::EveryLine(q) => (0..s.lines.len()).all(|i| q.iter().all(|q| q.check(s, Some(i)))),
            Self::Test { field: name, op, value } => {
                let Some(field) = field(name) else { return false };
                match (field.scope, line) {
                    (Scope::Line, Some(i)) => test(field, *op, value, line_fact(s, i, name).as_ref()),
                    (Scope::Line, None) => {
                        (0..s.lines.len()).any(|i| test(field, *op, value, line_fact(s, i, name).as_ref()))
                    }
                    (Scope::Order, _) => test(field, *op, value, s.order.get(name)),
                    (Scope::Progress | Scope::Package, _) => test(field, *op, value, s.extra.get(name)),
                }
            }
        }
    }

    fn to_json(&self) -> Value {
        let list = |word: &str, q: &[Self]| json!({ word: q.iter().map(Self::to_json).collect::<Vec<_>>() });
        match self {
            Self::All(q) => list("all", q),
            Self::Any(q) => list("any", q),
            Self::Not(q) => list("not", q),
            Self::AnyLine(q) => list("any_line", q),
            Self::EveryLine(q) => list("every_line", q),
            Self::Test { field, op, value } => json!({"field": field, "op": op.word(), "value": value}),
        }
    }
}

fn line_fact(s: &Subject<'_>, i: usize, name: &str) -> Option<Value> {
    if name == "line.units" { Some(s.units[i].into()) } else { s.lines[i].get(name).cloned() }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as the whole number its field is compared by.
fn number(kind: FieldType, value: &Value) -> Option<i64> {
    match kind {
        FieldType::Money => money::from_json(value).ok().flatten(),
        _ => value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()),
    }
}

fn equal(kind: FieldType, a: &Value, b: &Value) -> bool {
    match kind {
        FieldType::Text | FieldType::Attribute => text(a) == text(b),
        FieldType::Number | FieldType::Money => {
            matches!((number(kind, a), number(kind, b)), (Some(a), Some(b)) if a == b)
        }
    }
}

fn test(field: &Field, op: Op, wanted: &Value, found: Option<&Value>) -> bool {
    let kind = field.kind;
    let Some(found) = found else {
        return op == Op::Ne || (op == Op::Exists && *wanted == Value::Bool(false));
    };
    let compare = |holds: fn(i64, i64) -> bool| matches!((number(kind, found), number(kind, wanted)), (Some(f), Some(w)) if holds(f, w));
    match op {
        Op::Exists => *wanted != Value::Bool(false),
        Op::Eq => equal(kind, found, wanted),
        Op::Ne => !equal(kind, found, wanted),
        Op::In => wanted.as_array().is_some_and(|list| list.iter().any(|w| equal(kind, found, w))),
        Op::Lt => compare(|f, w| f < w),
        Op::Lte => compare(|f, w| f <= w),
        Op::Gt => compare(|f, w| f > w),
        Op::Gte => compare(|f, w| f >= w),
        Op::Contains => match found {
            Value::Array(list) => list.iter().any(|f| text(f) == text(wanted)),
            other => text(other).contains(&text(wanted)),
        },
    }
}

fn wrong(at: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(at, "invalid", message)
}

const SHAPE: &str = "A query is {\"all\": […]}, {\"any\": […]}, {\"not\": […]}, {\"any_line\": […]}, {\"every_line\": […]} \
                     or a test {\"field\", \"op\", \"value\"}";

fn read(value: &Value, place: Place, at: &str, depth: usize, in_line: bool) -> Result<Query, Refusal> {
    if depth > MAX_DEPTH {
        return Err(wrong(at, format!("A query is nested at most {MAX_DEPTH} deep.")));
    }
    let object = match value {
        Value::Object(object) => object,
        _ => return Err(wrong(at, format!("{SHAPE}."))),
    };
    if object.is_empty() {
        return Ok(Query::All(Vec::new()));
    }
    if object.contains_key("field") {
        return read_test(object, place, at);
    }
    let mut entries = object.iter();
    let (Some((word, parts)), None) = (entries.next(), entries.next()) else {
        return Err(wrong(at, format!("{SHAPE}; found the keys {}.", keys(object))));
    };
    let of_lines = matches!(word.as_str(), "any_line" | "every_line");
    if of_lines && in_line {
        return Err(wrong(
            at,
            format!("{word} stands inside another any_line or every_line; a line has no lines."),
        ));
    }
    let one = std::slice::from_ref(parts);
    let parts = parts.as_array().map_or(one, Vec::as_slice);
    let parts = parts
        .iter()
        .enumerate()
        .map(|(i, part)| read(part, place, &format!("{at}.{word}[{i}]"), depth + 1, in_line || of_lines))
        .collect::<Result<Vec<_>, _>>();
    match word.as_str() {
        "all" => Ok(Query::All(parts?)),
        "any" => Ok(Query::Any(parts?)),
        "not" => Ok(Query::Not(parts?)),
        "any_line" => Ok(Query::AnyLine(parts?)),
        "every_line" => Ok(Query::EveryLine(parts?)),
        other => Err(wrong(at, format!("{SHAPE}; found {other:?}."))),
    }
}

fn keys(object: &Map<String, Value>) -> String {
    object.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn read_test(object: &Map<String, Value>, place: Place, at: &str) -> Result<Query, Refusal> {
    if let Some(unknown) = object.keys().find(|k| !["field", "op", "value"].contains(&k.as_str())) {
        return Err(wrong(at, format!("A test has field, op and value; {unknown:?} is not known.")));
    }
    let name = object.get("field").and_then(Value::as_str).unwrap_or_default();
    let known = || {
        let names = FIELDS.iter().filter(|f| place.allows(f.scope)).map(|f| match f.name.ends_with('.') {
            true => format!("{}<key>", f.name),
            false => f.name.to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let Some(field) = field(name).filter(|_| name.chars().count() <= MAX_TEXT) else {
        return Err(wrong(
            &format!("{at}.field"),
            format!("{name:?} is not a field. Known here: {}.", known()),
        ));
    };
    if !place.allows(field.scope) {
        return Err(wrong(&format!("{at}.field"), format!("{name} is not known here. Known: {}.", known())));
    }
    let word = object.get("op").and_then(Value::as_str).unwrap_or_default();
    let Some((_, op)) = OPS.iter().find(|(known, _)| *known == word) else {
        let known: Vec<_> = OPS.iter().map(|(w, _)| *w).collect();
        return Err(wrong(
            &format!("{at}.op"),
            format!("{word:?} is not an op. Known: {}.", known.join(", ")),
        ));
    };
    if !op.allowed(field.kind) {
        let kind = if field.kind == FieldType::Text { "text" } else { "a number" };
        return Err(wrong(&format!("{at}.op"), format!("{name} is {kind}; {word} does not apply to it.")));
    }
    let value = object.get("value").cloned().unwrap_or(Value::Null);
    check_value(field, *op, &value, &format!("{at}.value"))?;
    Ok(Query::Test { field: name.to_owned(), op: *op, value })
}

fn check_value(field: &Field, op: Op, value: &Value, at: &str) -> Result<(), Refusal> {
    let scalar = |value: &Value| -> Result<(), Refusal> {
        let fits = match (field.kind, op) {
            (FieldType::Money, _) => number(FieldType::Money, value).is_some(),
            (FieldType::Number, _) | (FieldType::Attribute, Op::Lt | Op::Lte | Op::Gt | Op::Gte) => {
                number(FieldType::Number, value).is_some()
            }
            (FieldType::Text | FieldType::Attribute, _) => match value {
                Value::String(s) => s.chars().count() <= MAX_TEXT,
                Value::Bool(_) => field.kind == FieldType::Attribute,
                other => other.is_i64(),
            },
        };
        let expected = match field.kind {
            FieldType::Money => "an amount like \"150.00\"",
            FieldType::Number => "a whole number",
            FieldType::Text => "a text of at most 255 characters",
            FieldType::Attribute => "a text of at most 255 characters, a whole number, true or false",
        };
        if fits {
            Ok(())
        } else {
            Err(wrong(at, format!("{} is compared with {expected}, not with {value}.", field.name)))
        }
    };
    match (op, value) {
        (Op::Exists, Value::Bool(_) | Value::Null) => Ok(()),
        (Op::Exists, _) => Err(wrong(at, "exists takes true or false.")),
        (Op::In, Value::Array(list)) if (1..=MAX_VALUES).contains(&list.len()) => {
            list.iter().try_for_each(scalar)
        }
        (Op::In, _) => Err(wrong(at, format!("in takes a list of 1 to {MAX_VALUES} values."))),
        (_, value) => scalar(value),
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value, Place::Stored, "query").map_err(|r| serde::de::Error::custom(r.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(value: Value) -> Facts {
        serde_json::from_value(value).expect("facts")
    }

    fn holds(query: Value) -> bool {
        let order = facts(json!({"order.channel": "7", "order.amount": "259.80", "order.lines": 2}));
        let a = facts(json!({"line.sku": "A-1", "line.price": "10.00", "line.attributes.gift": true}));
        let b =
            facts(json!({"line.sku": "B-2", "line.price": "99.90", "line.product.tags": ["heavy", "glass"]}));
        let subject = Subject {
            order: &order,
            lines: vec![&a, &b],
            extra: facts(json!({"remaining.units": 4})),
            units: vec![1, 3],
        };
        Query::from_json(&query, Place::When, "when").expect("valid").holds(&subject)
    }

    #[test]
    fn tests_compare_by_the_fields_type() {
        assert!(holds(json!({})));
        assert!(holds(json!({"field": "order.channel", "op": "eq", "value": 7})));
        assert!(holds(json!({"field": "order.channel", "op": "in", "value": ["6", "7"]})));
        assert!(holds(json!({"field": "order.amount", "op": "gte", "value": "259.8"})));
        assert!(!holds(json!({"field": "order.amount", "op": "gt", "value": 259.80})));
        assert!(holds(json!({"field": "order.customer_type", "op": "ne", "value": "vip"})));
        assert!(holds(json!({"field": "order.customer_type", "op": "exists", "value": false})));
        assert!(!holds(json!({"field": "order.customer_type", "op": "eq", "value": "vip"})));
        assert!(holds(json!({"field": "line.sku", "op": "contains", "value": "B-"})));
        assert!(holds(json!({"field": "line.product.tags", "op": "contains", "value": "glass"})));
        assert!(holds(json!({"field": "line.attributes.gift", "op": "eq", "value": true})));
        assert!(holds(json!({"field": "remaining.units", "op": "lte", "value": 4})));
    }

    #[test]
    fn tests_inside_any_line_are_of_one_and_the_same_line() {
        let both = json!([{"field": "line.sku", "op": "eq", "value": "A-1"}, {"field": "line.units", "op": "gte", "value": 3}]);
        assert!(holds(json!({"all": both})), "one line has the SKU, another the units");
        assert!(!holds(json!({"any_line": both})), "no line has both");
        assert!(holds(json!({"every_line": [{"field": "line.price", "op": "lt", "value": 100}]})));
        assert!(holds(
            json!({"not": [{"field": "line.sku", "op": "eq", "value": "C"}, {"field": "order.lines", "op": "gt", "value": 2}]})
        ));
        assert!(holds(json!({"any": [{"field": "line.sku", "op": "eq", "value": "C"}, {"all": []}]})));
    }

    #[test]
    fn each_malformed_query_is_refused_by_name() {
        let refused = |query: Value, place| {
            let r = Query::from_json(&query, place, "channel.query").expect_err("must be refused");
            format!("{}: {}", r.field, r.message)
        };
        let when = Place::When;
        assert!(refused(json!([]), when).contains("{\"all\""));
        assert!(refused(json!({"al": []}), when).contains("\"al\""));
        assert!(refused(json!({"all": [], "any": []}), when).contains("all, any"));
        assert!(
            refused(json!({"field": "order.colour", "op": "eq", "value": 1}), when)
                .contains("\"order.colour\" is not a field")
        );
        assert!(
            refused(json!({"field": "line.product.", "op": "eq", "value": 1}), when).contains("not a field")
        );
        assert!(
            refused(json!({"field": "order.channel", "op": "like", "value": 1}), when)
                .contains("\"like\" is not an op")
        );
        assert!(
            refused(json!({"field": "order.channel", "op": "gt", "value": "7"}), when)
                .contains("gt does not apply")
        );
        assert!(
            refused(json!({"field": "order.units", "op": "eq", "value": "many"}), when)
                .contains("a whole number")
        );
        assert!(
            refused(json!({"field": "order.amount", "op": "eq", "value": "1.234"}), when)
                .contains("an amount")
        );
        assert!(
            refused(json!({"field": "order.units", "op": "in", "value": 3}), when).contains("a list of 1 to")
        );
        assert!(
            refused(json!({"field": "order.units", "op": "exists", "value": 3}), when)
                .contains("true or false")
        );
        assert!(
            refused(json!({"field": "order.units", "op": "eq", "value": 3, "x": 1}), when).contains("\"x\"")
        );
        let deep =
            refused(json!({"all": [{"any": [{"field": "order.units", "op": "eq", "value": "?"}]}]}), when);
        assert!(deep.starts_with("channel.query.all[0].any[0].value"), "{deep}");
        assert!(
            refused(json!({"field": "remaining.units", "op": "eq", "value": 3}), Place::Condition)
                .contains("not known here")
        );
        assert!(refused(json!({"any_line": [{"every_line": []}]}), when).contains("no lines"));
        let nested = (0..=MAX_DEPTH).fold(json!({}), |q, _| json!({"all": [q]}));
        assert!(refused(nested, when).contains("nested"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let words = [
            "all",
            "any",
            "not",
            "any_line",
            "field",
            "op",
            "value",
            "eq",
            "in",
            "order.units",
            "line.sku",
            "x",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(words.to_vec()).prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(prop::sample::select(words.to_vec()), inner, 0..4).prop_map(
                    |m| m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>().into()
                ),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic_and_what_is_read_is_written_back(value in any_json()) {
            if let Ok(query) = Query::from_json(&value, Place::When, "q") {
                let again = Query::from_json(&query.to_json(), Place::When, "q").expect("its own JSON");
                prop_assert_eq!(&again, &query);
                let order = Facts::new();
                query.holds(&Subject { order: &order, lines: vec![], extra: Facts::new(), units: vec![] });
            }
        }
    }
}
