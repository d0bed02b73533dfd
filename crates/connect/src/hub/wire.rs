//! Reading the hub's records: tolerant of spelling, strict about meaning.
//!
//! A record names its key `pk` or `id`, numbers come as numbers or strings, references as keys or as
//! objects, and keys we do not know are left alone. What cannot be understood becomes a [`RecordError`]
//! of that one record.

use oms_core::geo::Point;
use oms_core::{codes, money, time};
use serde_json::{Map, Value};

/// Longest text kept of a field that people write; the rest is cut (the raw record keeps it).
pub const MAX_TEXT_CHARS: usize = 1000;
/// Entries of a list that is kept as it came.
const MAX_LISTED: usize = 20;
/// Bytes of a value that is kept as it came.
const MAX_KEPT_BYTES: usize = 16 * 1024;
/// Longest text of a field that identifies something; longer ones are refused rather than cut.
pub const MAX_KEY_CHARS: usize = 255;

/// One record that could not be read. The others of the same answer are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {} of the hub could not be read: {reason}", pk.map_or_else(|| "without a key".to_owned(), |pk| pk.to_string()))]
pub struct RecordError {
    /// Its key, if that much could be read.
    pub pk: Option<i64>,
    /// What is wrong with it.
    pub reason: String,
}

/// A record as read, or why it could not be.
pub type Record<T> = Result<T, RecordError>;

/// A reference: the key alone (flat form) or the whole record (detailed form).
#[derive(Debug, Clone, PartialEq)]
pub enum Ref<T> {
    /// Only the key; fetch the record by it.
    Pk(i64),
    /// The record itself.
    Full(Box<T>),
}

impl<T> Ref<T> {
    /// The record, if the answer held it.
    pub fn full(&self) -> Option<&T> {
        match self {
            Self::Pk(_) => None,
            Self::Full(record) => Some(record),
        }
    }
}

/// A kind of record that can be read from the hub.
pub trait HubRecord: Sized + Send {
    /// The list's path below the base.
    const PATH: &'static str;
    /// Records asked for at once.
    const LIMIT: u32;

    /// Reads one.
    fn read(value: &Value) -> Record<Self>;

    /// Its key.
    fn pk(&self) -> i64;
}

/// The key of a record: `pk`, else `id`.
pub fn key_of(value: &Value) -> Option<i64> {
    [value.get("pk"), value.get("id")].into_iter().flatten().find_map(integer)
}

/// Removes U+0000 from every text: no database of ours can store it.
pub(super) fn strip_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(strip_nul),
        Value::Object(map) => {
            if map.keys().any(|key| key.contains('\0')) {
                let old = std::mem::take(map);
                map.extend(old.into_iter().map(|(key, value)| (key.replace('\0', ""), value)));
            }
            map.values_mut().for_each(strip_nul);
        }
        _ => {}
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}

fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

/// Reads the fields of one record.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    pk: Option<i64>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Record<Self> {
        let pk = key_of(value);
        match value.as_object() {
            Some(map) => Ok(Self { map, pk }),
            None => Err(RecordError { pk, reason: format!("{} is not an object", shown(value)) }),
        }
    }

    pub(super) fn fail<T>(&self, reason: impl Into<String>) -> Record<T> {
        Err(RecordError { pk: self.pk, reason: reason.into() })
    }

    /// The value under a key; `null` counts as missing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// The record's own key.
    pub(super) fn pk(&self) -> Record<i64> {
        match self.pk {
            Some(pk) if pk > 0 => Ok(pk),
            Some(pk) => self.fail(format!("its key {pk} is not positive")),
            None => self.fail("it has no whole number under pk or id"),
        }
    }

    pub(super) fn need<T>(&self, key: &str, found: Option<T>) -> Record<T> {
        match found {
            Some(found) => Ok(found),
            None => self.fail(format!("{key} is missing")),
        }
    }

    /// Free text, cut to [`MAX_TEXT_CHARS`]. Numbers are taken as they are printed.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(s) => Some(cut(s.trim(), MAX_TEXT_CHARS)),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            _ => None,
        }
        .filter(|text| !text.is_empty())
    }

    /// What some keys say, as it came; none where they say nothing. A longer list is cut, a longer text or object left out.
    pub(super) fn as_they_came(&self, keys: &[&str]) -> Map<String, Value> {
        let says = |value: &Value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        };
        let kept = keys.iter().filter_map(|key| Some(((*key).to_owned(), self.map.get(*key)?.clone())));
        let short = kept.map(|(key, mut value)| {
            if let Value::Array(list) = &mut value {
                list.truncate(MAX_LISTED);
            }
            (key, value)
        });
        short.filter(|(_, value)| says(value) && value.to_string().len() <= MAX_KEPT_BYTES).collect()
    }

    /// Text that identifies something: refused when too long.
    pub(super) fn code(&self, key: &str) -> Record<Option<String>> {
        if let Some(Value::Number(n)) = self.get(key)
            && let Err(wrong) = codes::number(n)
        {
            return self.fail(format!("{key}: {wrong}"));
        }
        match self.text(key) {
            Some(t) if t.chars().count() > MAX_KEY_CHARS => {
                self.fail(format!("{key} is longer than {MAX_KEY_CHARS} characters"))
            }
            other => Ok(other),
        }
    }

    /// A code that names a thing here: refused if it holds what nobody sees.
    pub(super) fn clean_code(&self, key: &str) -> Record<Option<String>> {
        let code = self.code(key)?;
        match code.as_deref().map(codes::clean).transpose() {
            Ok(_) => Ok(code),
            Err(wrong) => self.fail(format!("{key}: {wrong}")),
        }
    }

    pub(super) fn needed_code(&self, key: &str) -> Record<String> {
        let code = self.clean_code(key)?;
        self.need(key, code)
    }

    /// A name or the like: cut, and the key's number when there is none.
    pub(super) fn name(&self, key: &str) -> String {
        self.text(key).unwrap_or_else(|| self.pk.map_or_else(String::new, |pk| format!("#{pk}")))
    }

    /// A reference by key or by object.
    pub(super) fn reference(&self, key: &str) -> Record<Option<i64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let found = if value.is_object() { key_of(value) } else { integer(value) };
        match found {
            Some(pk) => Ok(Some(pk)),
            None if value.as_str().is_some_and(|s| s.trim().is_empty()) => Ok(None),
            None => self.fail(format!("{key} is {} and not a key", shown(value))),
        }
    }

    /// A reference under either of two names.
    pub(super) fn reference_of(&self, key: &str, other: &str) -> Record<Option<i64>> {
        match self.reference(key)? {
            Some(pk) => Ok(Some(pk)),
            None => self.reference(other),
        }
    }

    pub(super) fn needed_reference(&self, key: &str) -> Record<i64> {
        let found = self.reference(key)?;
        self.need(key, found)
    }

    /// A reference kept as it came.
    pub(super) fn nested<T: HubRecord>(&self, key: &str) -> Record<Option<Ref<T>>> {
        match self.get(key) {
            Some(value) if value.is_object() => match T::read(value) {
                Ok(record) => Ok(Some(Ref::Full(Box::new(record)))),
                Err(error) => self.fail(format!("{key}: {}", error.reason)),
            },
            _ => Ok(self.reference(key)?.map(Ref::Pk)),
        }
    }

    /// An object below this one.
    pub(super) fn object(&self, key: &str) -> Option<Fields<'a>> {
        Fields::of(self.get(key).filter(|v| v.is_object())?).ok()
    }

    /// A document kept as it came; missing is `null`.
    pub(super) fn json(&self, key: &str) -> Value {
        self.get(key).cloned().unwrap_or(Value::Null)
    }

    pub(super) fn flag(&self, key: &str, missing: bool) -> bool {
        match self.get(key) {
            Some(Value::Bool(b)) => *b,
            Some(Value::Number(n)) => n.as_i64() != Some(0),
            Some(Value::String(s)) => match s.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => missing,
            },
            _ => missing,
        }
    }

    pub(super) fn amount(&self, key: &str) -> Record<Option<i64>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(s)) if s.trim().is_empty() => Ok(None),
            Some(value) => match money::from_json(value) {
                Ok(minor) => Ok(minor),
                Err(error) => self.fail(format!("{key}: {error}")),
            },
        }
    }

    pub(super) fn time_us(&self, key: &str) -> Record<Option<i64>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(s)) if s.trim().is_empty() => Ok(None),
            Some(Value::String(s)) => match time::parse_us(s) {
                Ok(us) => Ok(Some(us)),
                Err(error) => self.fail(format!("{key}: {error}")),
            },
            Some(other) => self.fail(format!("{key} is {} and not a time", shown(other))),
        }
    }

    /// A currency in lower case, three letters.
    pub(super) fn currency(&self, key: &str) -> Record<Option<String>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            Ok(Some(text.to_ascii_lowercase()))
        } else {
            self.fail(format!("{key} is {:?} and not a currency of three letters", cut(&text, 20)))
        }
    }

    fn degrees(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Number(n) => n.as_f64(),
            Value::String(s) => s.trim().parse().ok(),
            _ => None,
        }
    }

    /// A coordinate; one that is not on the earth counts as missing.
    pub(super) fn point(&self) -> Option<Point> {
        Point::from_degrees(self.degrees("latitude")?, self.degrees("longitude")?)
    }

    /// A list of references; entries that are none are left out.
    pub(super) fn references(&self, key: &str) -> Vec<i64> {
        let entries = self.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter_map(|v| integer(v).or_else(|| key_of(v))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_either_key_and_either_spelling() {
        assert_eq!(key_of(&json!({"id": 7})), Some(7));
        assert_eq!(key_of(&json!({"pk": "8", "id": 7})), Some(8));
        assert_eq!(key_of(&json!({"pk": null, "id": 7})), Some(7));
        assert_eq!(key_of(&json!([1])), None);
        let value = json!({"pk": 1, "city": {"id": 3}, "flag": "False", "bad": [], "latitude": "41.5", "longitude": 29});
        let fields = Fields::of(&value).expect("an object");
        assert_eq!(fields.reference("city"), Ok(Some(3)));
        assert_eq!(fields.reference("none"), Ok(None));
        assert!(fields.reference("bad").is_err());
        assert!(!fields.flag("flag", true));
        assert_eq!(fields.point(), Point::from_degrees(41.5, 29.0));
    }

    #[test]
    fn codes_keep_their_digits_and_hide_nothing() {
        let value: Value = serde_json::from_str(
            r#"{"pk": 1, "number": 20261125000000000001, "price": 90.750, "whole": 90750}"#,
        )
        .expect("JSON");
        let fields = Fields::of(&value).expect("an object");
        for key in ["number", "price"] {
            let refused = fields.needed_code(key).expect_err("refused").reason;
            assert!(refused.starts_with(key) && refused.contains("as a text"), "{refused}");
        }
        assert_eq!(fields.needed_code("whole"), Ok("90750".into()));
        let value = json!({"pk": 1, "sku": "\u{FEFF}A", "slug": "a\u{200B}"});
        let fields = Fields::of(&value).expect("an object");
        assert!(fields.needed_code("sku").expect_err("refused").reason.contains("U+FEFF"));
        assert!(fields.code("slug").is_ok(), "only what names a thing here is refused for it");
    }

    #[test]
    fn removes_nul_everywhere() {
        let mut value = json!({"a\0": ["x\0y", {"b": "\0"}]});
        strip_nul(&mut value);
        assert_eq!(value, json!({"a": ["xy", {"b": ""}]}));
    }
}
