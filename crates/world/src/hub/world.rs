//! The hub's records: the base, and over it what callers changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use oms_core::time;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::base::Base;
use super::kind::Kind;

/// A record's fields.
pub(crate) type Fields = Map<String, Value>;

/// What is remembered of a record over its base: for a base record the changed fields, for a made one all.
pub(crate) struct Kept {
    /// JSON text of the fields; `None` when the record was deleted. Text is a tenth of a parsed map's size,
    /// and most of a busy hub's items end up here.
    text: Option<Box<str>>,
    modified_us: i64,
    status: i64,
}

/// One change to one record, as it goes to the state file: all kept fields, or `None` to delete.
pub(crate) struct Change {
    pub kind: Kind,
    pub pk: i64,
    pub fields: Option<Fields>,
}

/// Everything the hub serves.
pub(crate) struct World {
    pub base: Arc<Base>,
    kept: HashMap<(Kind, i64), Kept>,
    /// Keys of records that callers made and did not delete, by kind.
    made: BTreeMap<Kind, BTreeSet<i64>>,
    highest: HashMap<Kind, i64>,
    gone: usize,
    made_items: HashMap<i64, Vec<i64>>,
    by_number: HashMap<String, Vec<i64>>,
    by_modified: BTreeSet<(i64, i64)>,
    last_us: i64,
}

/// Something that is shown a record.
pub(crate) trait Take {
    /// What comes of it.
    type Out;
    /// Takes the record.
    fn take<T: Serialize>(self, record: &T) -> Self::Out;
}

/// Appends the record's JSON to a buffer.
pub(crate) struct IntoBytes<'a>(pub &'a mut Vec<u8>);
/// Makes the record a map of fields.
pub(crate) struct IntoFields;
struct IntoSerializer<S>(S);

impl Take for IntoBytes<'_> {
    type Out = ();
    fn take<T: Serialize>(self, record: &T) {
        // Writing to memory cannot fail, and every key is a string; a failure would leave the page broken.
        if let Err(error) = serde_json::to_writer(&mut *self.0, record) {
            tracing::error!(%error, "a record could not be written");
        }
    }
}

impl Take for IntoFields {
    type Out = Fields;
    fn take<T: Serialize>(self, record: &T) -> Fields {
        match serde_json::to_value(record) {
            Ok(Value::Object(fields)) => fields,
            _ => Fields::new(),
        }
    }
}

impl<S: Serializer> Take for IntoSerializer<S> {
    type Out = Result<S::Ok, S::Error>;
    fn take<T: Serialize>(self, record: &T) -> Self::Out {
        record.serialize(self.0)
    }
}

/// A reference to another record: its key, or in a detailed answer the record itself.
pub(crate) struct Ref<'a> {
    world: &'a World,
    kind: Kind,
    pk: i64,
    shown: bool,
    deep: bool,
}

impl Serialize for Ref<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.shown && self.world.exists(self.kind, self.pk) {
            true => self.world.visit(self.kind, self.pk, self.deep, IntoSerializer(s)),
            false => s.serialize_i64(self.pk),
        }
    }
}

/// Fields that refer to other records: what a detailed answer puts in their place, and whether deeply.
fn references(kind: Kind) -> &'static [(&'static str, Kind, bool)] {
    match kind {
        Kind::City => &[("country", Kind::Country, false)],
        Kind::Township => &[("city", Kind::City, false)],
        Kind::District => &[("city", Kind::City, false), ("township", Kind::Township, false)],
        Kind::RetailStore => &[("township", Kind::Township, true)],
        Kind::Order => &[
            ("channel", Kind::Channel, false),
            ("customer", Kind::Customer, false),
            ("shipping_address", Kind::Address, true),
            ("billing_address", Kind::Address, true),
        ],
        Kind::OrderItem => &[("product", Kind::Product, false)],
        Kind::CancellationPlan => &[("order", Kind::Order, false)],
        Kind::Address => &[
            ("country", Kind::Country, false),
            ("city", Kind::City, false),
            ("township", Kind::Township, false),
            ("district", Kind::District, false),
        ],
        _ => &[],
    }
}

impl World {
    /// A world as the data has it, without changes.
    pub(crate) fn new(base: Arc<Base>) -> Self {
        let mut by_number: HashMap<String, Vec<i64>> = HashMap::with_capacity(base.data.orders.len());
        let mut by_modified = BTreeSet::new();
        for (at, order) in base.data.orders.iter().enumerate() {
            by_number.entry(order.number.clone()).or_default().push(at as i64 + 1);
            by_modified.insert((order.placed_us, at as i64 + 1));
        }
        let last_us = by_modified.last().map_or(0, |(us, _)| *us);
        Self {
            base,
            kept: HashMap::new(),
            made: BTreeMap::new(),
            highest: HashMap::new(),
            gone: 0,
            made_items: HashMap::new(),
            by_number,
            by_modified,
            last_us,
        }
    }

    /// Whether there is such a record.
    pub(crate) fn exists(&self, kind: Kind, pk: i64) -> bool {
        match self.kept.get(&(kind, pk)) {
            Some(kept) => kept.text.is_some(),
            None => (1..=self.base.count(kind)).contains(&pk),
        }
    }

    /// Shows a record to `take`; `deep` puts records in the place of their keys. The record must exist.
    pub(crate) fn visit<T: Take>(&self, kind: Kind, pk: i64, deep: bool, take: T) -> T::Out {
        if !self.kept.contains_key(&(kind, pk)) {
            return self.base_row(kind, pk, deep, take);
        }
        let mut fields = self.merged(kind, pk);
        fields.retain(|name, _| !name.starts_with('_'));
        if deep {
            for (name, of, deep) in references(kind) {
                let Some(pk) = fields.get(*name).and_then(Value::as_i64) else { continue };
                if self.exists(*of, pk) {
                    fields.insert((*name).to_owned(), Value::Object(self.visit(*of, pk, *deep, IntoFields)));
                }
            }
        }
        take.take(&fields)
    }

    /// A record's fields, flat, with those that are ours alone (their names begin with `_`).
    pub(crate) fn fields(&self, kind: Kind, pk: i64) -> Option<Fields> {
        self.exists(kind, pk).then(|| self.merged(kind, pk))
    }

    /// What is kept over a record's base: nothing for a base record nobody changed.
    pub(crate) fn kept_fields(&self, kind: Kind, pk: i64) -> Fields {
        let text = self.kept.get(&(kind, pk)).and_then(|k| k.text.as_deref());
        text.and_then(|t| serde_json::from_str(t).ok()).unwrap_or_default()
    }

    fn merged(&self, kind: Kind, pk: i64) -> Fields {
        let kept = self.kept_fields(kind, pk);
        if pk > self.base.count(kind) {
            return kept;
        }
        let mut fields = self.base_row(kind, pk, false, IntoFields);
        fields.extend(kept);
        fields
    }

    pub(crate) fn reference(&self, kind: Kind, pk: i64, shown: bool, deep: bool) -> Ref<'_> {
        Ref { world: self, kind, pk, shown, deep }
    }

    /// Every key of a kind, ascending.
    pub(crate) fn keys(&self, kind: Kind) -> Vec<i64> {
        let base = 1..=self.base.count(kind);
        let made = self.made.get(&kind).into_iter().flatten().copied();
        if self.gone == 0 {
            return base.chain(made).collect();
        }
        base.filter(|pk| self.exists(kind, *pk)).chain(made).collect()
    }

    /// The key the next made record of a kind gets.
    pub(crate) fn next_key(&self, kind: Kind) -> i64 {
        self.highest.get(&kind).copied().unwrap_or(0).max(self.base.count(kind)) + 1
    }

    /// An order's item keys, ascending.
    pub(crate) fn items_of(&self, order: i64) -> impl Iterator<Item = i64> {
        self.base.items_of(order).chain(self.made_items.get(&order).into_iter().flatten().copied())
    }

    /// Orders with this number (numbers are unique in a channel only).
    pub(crate) fn orders_by_number(&self, number: &str) -> &[i64] {
        self.by_number.get(number).map_or(&[], Vec::as_slice)
    }

    /// Orders changed at or after a time, in the order of change.
    pub(crate) fn orders_since(&self, us: i64) -> impl DoubleEndedIterator<Item = i64> {
        self.by_modified.range((us, i64::MIN)..).map(|(_, pk)| *pk)
    }

    /// When a record last changed.
    pub(crate) fn modified_us(&self, kind: Kind, pk: i64) -> i64 {
        match self.kept.get(&(kind, pk)) {
            Some(kept) => kept.modified_us,
            None => self.base.modified_us(kind, pk),
        }
    }

    /// Status code of an order or item.
    pub(crate) fn status(&self, kind: Kind, pk: i64) -> i64 {
        match self.kept.get(&(kind, pk)) {
            Some(kept) if kept.status != 0 => kept.status,
            _ => super::status::BASE_STATUS,
        }
    }

    /// Whether a record still is as the base has it.
    pub(crate) fn is_base(&self, kind: Kind, pk: i64) -> bool {
        !self.kept.contains_key(&(kind, pk))
    }

    /// The time of the latest change, or of the last order when there was none.
    pub(crate) fn last_us(&self) -> i64 {
        self.last_us
    }

    /// Puts a change in its place and keeps the indexes right.
    pub(crate) fn apply(&mut self, change: &Change) {
        let (kind, pk) = (change.kind, change.pk);
        if kind == Kind::Order && self.exists(kind, pk) {
            self.by_modified.remove(&(self.modified_us(kind, pk), pk));
        }
        let highest = self.highest.entry(kind).or_default();
        *highest = pk.max(*highest);
        let is_new = !self.exists(kind, pk) && pk > self.base.count(kind);
        let Some(fields) = &change.fields else {
            self.gone += 1;
            self.made.entry(kind).or_default().remove(&pk);
            self.kept.insert((kind, pk), Kept { text: None, modified_us: self.last_us, status: 0 });
            return;
        };
        let kept = keep(fields, self.base_or_now(kind, pk));
        self.last_us = self.last_us.max(kept.modified_us);
        if is_new {
            self.made.entry(kind).or_default().insert(pk);
            self.index_made(kind, pk, fields);
        }
        if kind == Kind::Order {
            self.by_modified.insert((kept.modified_us, pk));
        }
        self.kept.insert((kind, pk), kept);
    }

    fn base_or_now(&self, kind: Kind, pk: i64) -> i64 {
        if pk <= self.base.count(kind) { self.base.modified_us(kind, pk) } else { self.last_us }
    }

    fn index_made(&mut self, kind: Kind, pk: i64, fields: &Fields) {
        match kind {
            Kind::OrderItem => {
                if let Some(order) = fields.get("order").and_then(Value::as_i64) {
                    self.made_items.entry(order).or_default().push(pk);
                }
            }
            Kind::Order => {
                if let Some(number) = fields.get("number").and_then(Value::as_str) {
                    self.by_number.entry(number.to_owned()).or_default().push(pk);
                }
            }
            _ => {}
        }
    }
}

fn keep(fields: &Fields, otherwise_us: i64) -> Kept {
    let text = serde_json::to_string(fields).unwrap_or_else(|_| "{}".to_owned());
    let modified = fields.get("modified_date").and_then(Value::as_str).and_then(|t| time::parse_us(t).ok());
    let status = fields.get("status").and_then(Value::as_str).and_then(|s| s.parse().ok());
    Kept {
        text: Some(text.into_boxed_str()),
        modified_us: modified.unwrap_or(otherwise_us),
        status: status.unwrap_or(0),
    }
}
