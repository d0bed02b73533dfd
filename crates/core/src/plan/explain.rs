//! Why: which locations a rule considered, what removed each, how the rest ranked, what was chosen.

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, LocationId};

/// At most this many locations are listed one by one; the rest are counted. Twenty is what a person
/// reads; a country of stores a rule an order would be most of the database.
pub const MAX_LISTED: usize = 20;

/// One rule's try.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attempt {
    pub rule: String,
    /// Its place in the scenario's chain.
    pub index: usize,
    /// Lines still to be placed when the rule began.
    pub lines: usize,
    /// The rule's `when` did not hold: nothing was considered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// Locations considered.
    pub candidates: usize,
    /// The best-ranked of those removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Removed>,
    /// Those beyond the list, by what removed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_more: Vec<(String, usize)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranked: Vec<Ranked>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ranked_more: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<Chosen>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A location that a filter, a limit or lack of stock removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub location: LocationId,
    /// `inactive`, `not_a_fulfillment_center`, `engine_down`, `refused_before`, a filter's word, `stock`,
    /// `max_packages`, `min_units_per_extra_package` or `min_value_per_extra_package`.
    pub by: String,
    /// What it had of what was needed, where that is a number: units, metres, minutes, slots, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<i64>,
}

/// A location that stayed, with its sort keys (`null`: unknown).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    pub location: LocationId,
    pub keys: Vec<Option<i64>>,
}

/// What a location was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub location: LocationId,
    /// Line and units, those brought by transfers included.
    pub lines: Vec<(LineId, i64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<ChosenTransfer>,
}

/// What is brought to a packing location, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenTransfer {
    pub from: LocationId,
    /// The transfer scenario's rule.
    pub rule: String,
    pub lines: Vec<(LineId, i64)>,
}
