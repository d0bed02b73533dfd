//! Reading what an engine answered: bytes become whole units by SKU and location.
//!
//! Decimals are rounded down, a negative one is 0; unknown SKUs and locations are left out. All of it is
//! counted, so that an operator sees what a mapping makes of an answer.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use serde_json::Value;

use super::{EngineConfig, Mapping, Shape};
use crate::stocks::MAX_ON_HAND;

/// Examples kept of what was left out: enough to see a pattern.
const MAX_EXAMPLES: usize = 20;
/// Characters shown of a foreign value.
const SHOWN: usize = 40;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    pub skus: BTreeSet<String>,
    /// Our `erp_code`s.
    pub locations: BTreeSet<String>,
}

/// Units by (SKU, `erp_code`). A place that was asked for and is not here has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings {
    pub units: BTreeMap<(String, String), i64>,
    /// SKUs of which a place was answered with something that is no number: what is there is not said.
    pub unsaid: BTreeSet<String>,
    pub ignored: Ignored,
}

/// What was left out or mended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ignored {
    /// Entries of SKUs nobody asked for.
    pub unknown_skus: u64,
    /// Entries of locations this engine does not feed.
    pub unknown_locations: u64,
    /// Negative numbers, read as 0.
    pub negative: u64,
    /// Numbers that were not whole, rounded down.
    pub rounded: u64,
    /// Numbers beyond any shelf, read as the most a balance holds.
    pub too_large: u64,
    /// Values that are no numbers: not said.
    pub no_numbers: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Ignored {
    fn note(&mut self, what: &str, example: &str) {
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(format!("{what}: {}", shown(example)));
        }
    }

    /// Adds what another answer left out.
    pub fn add(&mut self, other: Self) {
        self.unknown_skus += other.unknown_skus;
        self.unknown_locations += other.unknown_locations;
        self.negative += other.negative;
        self.rounded += other.rounded;
        self.too_large += other.too_large;
        self.no_numbers += other.no_numbers;
        let room = MAX_EXAMPLES - self.examples.len().min(MAX_EXAMPLES);
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

/// Why an answer cannot be read, with what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

fn unreadable<T>(what: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable(what.into()))
}

fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// What kind of JSON a value is, for a text.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A field of an object: a name, or a JSON pointer.
pub fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    if name.starts_with('/') { value.pointer(name) } else { value.get(name) }
}

/// Reads an answer's bytes as JSON.
pub fn json(bytes: &[u8]) -> Result<Value, Unreadable> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(e) => unreadable(format!("JSON is expected: {e}")),
    }
}

/// Reads an answer. `single` is the SKU a `single` service was asked for.
pub fn read(
    config: &EngineConfig,
    mapping: &Mapping,
    answer: &Value,
    single: Option<&str>,
    wanted: &Wanted,
) -> Result<Readings, Unreadable> {
    let Some(root) = answer.pointer(&mapping.at) else {
        return unreadable(format!("nothing stands at {:?}; correct service.mapping.at", mapping.at));
    };
    let mut reader = Reader { config, mapping, wanted, readings: Readings::default() };
    match (mapping.shape, single) {
        (Shape::Rows, _) => reader.rows(root, single)?,
        (Shape::BySkuThenLocation, Some(sku)) => reader.locations_of(sku, root)?,
        (Shape::BySkuThenLocation, None) => {
            for (sku, locations) in object(root, "SKU")? {
                reader.locations_of(sku, locations)?;
            }
        }
        (Shape::ByLocationThenSku, _) => {
            for (location, skus) in object(root, "location")? {
                for (sku, value) in object(skus, "SKU")? {
                    reader.take(sku, location, value)?;
                }
            }
        }
    }
    Ok(reader.readings)
}

fn object<'v>(value: &'v Value, by: &str) -> Result<&'v serde_json::Map<String, Value>, Unreadable> {
    let found = value.as_object();
    found.ok_or_else(|| Unreadable(format!("an object by {by} is expected, found {}", kind(value))))
}

struct Reader<'a> {
    config: &'a EngineConfig,
    mapping: &'a Mapping,
    wanted: &'a Wanted,
    readings: Readings,
}

impl Reader<'_> {
    fn locations_of(&mut self, sku: &str, locations: &Value) -> Result<(), Unreadable> {
        for (location, value) in object(locations, "location")? {
            self.take(sku, location, value)?;
        }
        Ok(())
    }

    fn rows(&mut self, root: &Value, single: Option<&str>) -> Result<(), Unreadable> {
        let Some(rows) = root.as_array() else {
            return unreadable(format!("a list of rows is expected, found {}", kind(root)));
        };
        for (i, row) in rows.iter().enumerate() {
            if !row.is_object() {
                return unreadable(format!("row {i} is {}; an object is expected", kind(row)));
            }
            let sku = match (field(row, &self.mapping.sku), single) {
                (Some(value), _) => word(value, i, &self.mapping.sku)?,
                (None, Some(sku)) => sku.to_owned(),
                (None, None) => return unreadable(format!("row {i} has no field {:?}", self.mapping.sku)),
            };
            let Some(location) = field(row, &self.mapping.location) else {
                return unreadable(format!("row {i} has no field {:?}", self.mapping.location));
            };
            let location = word(location, i, &self.mapping.location)?;
            self.take(&sku, &location, row)?;
        }
        Ok(())
    }

    /// Takes one entry: a number, or an object that holds one.
    fn take(&mut self, sku: &str, location: &str, value: &Value) -> Result<(), Unreadable> {
        let at = || format!("{} at {}", shown(sku), shown(location));
        let (units, reserved) = if value.is_object() {
            let Some(units) = field(value, &self.mapping.units) else {
                return unreadable(format!("{} has no field {:?}", at(), self.mapping.units));
            };
            (units, self.mapping.reserved.as_deref().and_then(|name| field(value, name)))
        } else {
            (value, None)
        };
        let off = reserved.map_or(Some(Decimal::ZERO), number);
        let units = number(units).and_then(|units| Some(units.saturating_sub(off?)));
        if !self.wanted.skus.contains(sku) {
            self.readings.ignored.unknown_skus += 1;
            self.readings.ignored.note("SKU not asked for", sku);
            return Ok(());
        }
        let erp_code = self.config.erp_code(location);
        if !self.wanted.locations.contains(erp_code) {
            self.readings.ignored.unknown_locations += 1;
            self.readings.ignored.note("location not of this engine", location);
            return Ok(());
        }
        let Some(units) = units else {
            self.readings.ignored.no_numbers += 1;
            self.readings.ignored.note("no number", &at());
            self.readings.unsaid.insert(sku.to_owned());
            return Ok(());
        };
        let whole = self.whole(units, &at());
        let place = self.readings.units.entry((sku.to_owned(), erp_code.to_owned())).or_default();
        *place = (*place + whole).min(MAX_ON_HAND);
        Ok(())
    }

    fn whole(&mut self, units: Decimal, at: &str) -> i64 {
        let ignored = &mut self.readings.ignored;
        if units.is_sign_negative() && !units.is_zero() {
            ignored.negative += 1;
            ignored.note("negative", at);
            return 0;
        }
        if !units.fract().is_zero() {
            ignored.rounded += 1;
            ignored.note("not whole", at);
        }
        match units.floor().to_i64().filter(|n| *n <= MAX_ON_HAND) {
            Some(n) => n,
            None => {
                ignored.too_large += 1;
                ignored.note("too large", at);
                MAX_ON_HAND
            }
        }
    }
}

/// A code: a text, or a whole number as some systems write codes.
fn word(value: &Value, row: usize, name: &str) -> Result<String, Unreadable> {
    match value {
        Value::String(s) => Ok(s.clone()),
        Value::Number(n) if n.is_i64() || n.is_u64() => Ok(n.to_string()),
        other => unreadable(format!("row {row}: {name:?} is {}; a text is expected", kind(other))),
    }
}

/// A number as it stands in JSON, or in a text; beyond what a decimal holds it is the largest one.
fn number(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(n) => n.to_string(),
        Value::String(s) => s.trim().to_owned(),
        _ => return None,
    };
    let parsed = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok();
    parsed.or_else(|| {
        let digits = text.chars().any(|c| c.is_ascii_digit());
        let numeric = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        let scientific = value.is_number();
        let huge = if text.starts_with('-') { Decimal::MIN } else { Decimal::MAX };
        // A number of JSON too small for a decimal rounds down to nothing.
        let tiny = scientific && text.contains("e-");
        (digits && (numeric || scientific)).then_some(if tiny { Decimal::ZERO } else { huge })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn wanted() -> Wanted {
        Wanted {
            skus: ["A", "B"].map(str::to_owned).into(),
            locations: ["WH1", "S1"].map(str::to_owned).into(),
        }
    }

    fn read_as(mapping: &Mapping, single: Option<&str>, answer: Value) -> Result<Readings, Unreadable> {
        read(&EngineConfig::default(), mapping, &answer, single, &wanted())
    }

    fn units(readings: &Readings) -> Vec<(&str, &str, i64)> {
        readings.units.iter().map(|((s, l), n)| (s.as_str(), l.as_str(), *n)).collect()
    }

    #[test]
    fn the_documented_shapes_are_read() {
        let m = Mapping::default();
        let many = read_as(&m, None, json!({"A": {"WH1": "5.00", "S1": 2}, "B": {}})).expect("read");
        assert_eq!(units(&many), [("A", "S1", 2), ("A", "WH1", 5)]);
        let one = read_as(&m, Some("B"), json!({"WH1": "7"})).expect("read");
        assert_eq!(units(&one), [("B", "WH1", 7)]);
    }

    #[test]
    fn a_brands_own_shapes_are_read() {
        let rows = Mapping {
            at: "/data/stocks".into(),
            shape: Shape::Rows,
            sku: "product".into(),
            location: "/store/code".into(),
            units: "free".into(),
            reserved: Some("held".into()),
        };
        let answer = json!({"data": {"stocks": [
            {"product": "A", "store": {"code": "WH1"}, "free": 9, "held": "2"},
            {"product": "A", "store": {"code": "WH1"}, "free": 1},
        ]}});
        assert_eq!(units(&read_as(&rows, None, answer).expect("read")), [("A", "WH1", 8)]);
        let by_location =
            Mapping { shape: Shape::ByLocationThenSku, units: "n".into(), ..Mapping::default() };
        let answer = json!({"S1": {"A": {"n": "3"}, "B": 4}});
        assert_eq!(
            units(&read_as(&by_location, None, answer).expect("read")),
            [("A", "S1", 3), ("B", "S1", 4)]
        );
        let config =
            EngineConfig { locations: [("9".into(), "WH1".into())].into(), ..EngineConfig::default() };
        let answer = json!({"A": {"9": 1, "WH1x": 1}});
        let read = read(&config, &Mapping::default(), &answer, None, &wanted()).expect("read");
        assert_eq!((units(&read), read.ignored.unknown_locations), (vec![("A", "WH1", 1)], 1));
        assert_eq!((config.code_of("WH1"), config.code_of("S1")), ("9", "S1"));
    }

    #[test]
    fn what_is_odd_is_mended_and_counted() {
        let answer = json!({"A": {"WH1": "-3", "S1": "2.99"}, "B": {"WH1": 1e30, "S1": "0.5"}, "C": {"WH1": 1},
                            "b": {"WH1": "99999999999999999999999999999999999999"}});
        let read = read_as(&Mapping::default(), None, answer).expect("read");
        assert_eq!(
            units(&read),
            [("A", "S1", 2), ("A", "WH1", 0), ("B", "S1", 0), ("B", "WH1", MAX_ON_HAND)]
        );
        let i = &read.ignored;
        assert_eq!((i.negative, i.rounded, i.too_large, i.unknown_skus), (1, 2, 1, 2));
        assert_eq!(i.examples.len(), 6);
    }

    #[test]
    fn a_value_that_is_no_number_says_nothing_of_its_sku_alone() {
        for odd in [json!(null), json!("abc"), json!(true), json!([]), json!("")] {
            let answer = json!({"A": {"WH1": odd, "S1": 2}, "B": {"WH1": 3}, "C": {"WH1": odd}});
            let read = read_as(&Mapping::default(), None, answer).expect("read");
            assert_eq!(units(&read), [("A", "S1", 2), ("B", "WH1", 3)], "{odd}");
            assert_eq!(read.unsaid, ["A".to_owned()].into());
            assert_eq!((read.ignored.no_numbers, read.ignored.unknown_skus), (1, 1));
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        let error = |answer: Value| read_as(&Mapping::default(), None, answer).expect_err("unreadable").0;
        assert_eq!(error(json!([])), "an object by SKU is expected, found a list");
        assert_eq!(error(json!({"A": 5})), "an object by location is expected, found a number");
        let rows = Mapping { shape: Shape::Rows, ..Mapping::default() };
        assert!(
            read_as(&rows, None, json!([{"location": "WH1"}])).expect_err("no SKU").0.contains("\"sku\"")
        );
        assert!(json(b"<html>").expect_err("garbage").0.starts_with("JSON is expected"));
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[-+.eE0-9]{0,40}".prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof![
                Just("A".to_owned()),
                Just("WH1".to_owned()),
                Just("sku".to_owned()),
                Just("location".to_owned()),
                Just("units".to_owned()),
                ".{0,3}"
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..5).prop_map(|m| m.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = json(&bytes);
        }

        #[test]
        fn no_answer_makes_it_panic_or_leaves_the_limits(answer in tree(), single in any::<bool>()) {
            for shape in [Shape::BySkuThenLocation, Shape::ByLocationThenSku, Shape::Rows] {
                let mapping = Mapping { shape, reserved: Some("sku".into()), ..Mapping::default() };
                // From bytes, as it comes.
                let answer = json(answer.to_string().as_bytes()).expect("JSON");
                if let Ok(read) = read_as(&mapping, single.then_some("A"), answer) {
                    let wanted = wanted();
                    for ((sku, location), n) in &read.units {
                        prop_assert!(wanted.skus.contains(sku) && wanted.locations.contains(location));
                        prop_assert!((0..=MAX_ON_HAND).contains(n));
                    }
                }
            }
        }
    }
}
