//! Steps of packages and transfers from state to state, as they are read by people and software.

use oms_core::{packages, transfers};

use crate::lists::transfers::STATE_WORDS;
use crate::lists::{Filter, Kind, List, Word};
use crate::{Row, StoreError};

/// One step of a record's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: i64,
    pub entity: String,
    pub entity_id: i64,
    /// Counts the record's steps, from 1.
    pub seq: i64,
    pub old_state: Option<i64>,
    pub new_state: i64,
    pub actor: String,
    pub attributes: serde_json::Value,
    pub at_us: i64,
    /// Chains the record's steps.
    pub hash: Vec<u8>,
}

/// What a SELECT of steps reads, for [`read`].
pub const COLUMNS: &str =
    "t.id, t.entity, t.entity_id, t.seq, t.old_state, t.new_state, t.actor, t.attributes, t.at_us, t.hash";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Step, StoreError> {
    let mut c = row.cols();
    Ok(Step {
        id: c.i64()?,
        entity: c.text()?,
        entity_id: c.i64()?,
        seq: c.i64()?,
        old_state: c.opt_i64()?,
        new_state: c.i64()?,
        actor: c.text()?,
        attributes: c.json()?,
        at_us: c.i64()?,
        hash: c.bytes()?,
    })
}

const NAMES: usize = packages::STATES.len() + transfers::STATES.len();

/// A name may be of a package's state and of a transfer's: it stands for both.
const fn names() -> [Word; NAMES] {
    let mut names = [("", 0); NAMES];
    let mut i = 0;
    while i < NAMES {
        names[i] = match i < packages::STATES.len() {
            true => (packages::STATES[i].name, packages::STATES[i].code),
            false => {
                let state = &transfers::STATES[i - packages::STATES.len()];
                (state.name, state.code)
            }
        };
        i += 1;
    }
    names
}

const STATE_NAMES: [Word; NAMES] = names();

/// The list of steps. Nobody changes a step, so it was last changed when it was made.
pub const LIST: List = List {
    table: "transition_log t",
    joins: "",
    ordered: &["t.new_state", "t.old_state"],
    spans: &[("t.at_us", "transition_log t")],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("id__gt", Kind::Int, "t.id > ?"),
        Filter::new("id__gte", Kind::Int, "t.id >= ?"),
        Filter::new("id__lt", Kind::Int, "t.id < ?"),
        Filter::new("id__lte", Kind::Int, "t.id <= ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("old_state", Kind::Int, "t.old_state = ?"),
        Filter::new("new_state", Kind::Int, "t.new_state = ?"),
        Filter::new("old_state__name", Kind::Words(&STATE_NAMES), "t.old_state IN (?)"),
        Filter::new("new_state__name", Kind::Words(&STATE_NAMES), "t.new_state IN (?)"),
        Filter::new("old_state__enum_value__in", Kind::Codes(&STATE_WORDS), "t.old_state IN (?)"),
        Filter::new("new_state__enum_value__in", Kind::Codes(&STATE_WORDS), "t.new_state IN (?)"),
        // Both kinds of record named: only with them does the index of records find the few steps of one.
        Filter::new("object_id", Kind::Int, "t.entity IN ('package', 'transfer') AND t.entity_id = ?"),
        Filter::new(
            "content_type",
            Kind::OneOf(&["package", "transferorder"]),
            "t.entity = REPLACE(?, 'transferorder', 'transfer')",
        ),
        Filter::new("created_date__gt", Kind::Time, "t.at_us > ?"),
        Filter::new("created_date__gte", Kind::Time, "t.at_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "t.at_us < ?"),
        Filter::new("created_date__lte", Kind::Time, "t.at_us <= ?"),
        Filter::new("modified_date__gt", Kind::Time, "t.at_us > ?"),
        Filter::new("modified_date__gte", Kind::Time, "t.at_us >= ?"),
        Filter::new("modified_date__lt", Kind::Time, "t.at_us < ?"),
        Filter::new("modified_date__lte", Kind::Time, "t.at_us <= ?"),
    ],
    orders: &[("-id", "t.id DESC"), ("id", "t.id")],
};
