//! What a batch of plans is decided on: everything, and nothing else. Ids and distances, never
//! names, addresses or coordinates of a person.

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, LocationId, OrderId, ProductId, ScenarioId};
use crate::locations::LocationKind;
use crate::scenarios::{OrderTraits, Scenario};

/// The version of this format; stored with each record so that a replay knows how to read it.
pub const FORMAT: u32 = 1;

/// The input of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub v: u32,
    /// Sorted by `erp_code`. Orders and stock name a location by its place in this list.
    pub locations: Vec<LocationSnap>,
    /// Sorted by product, then location; only rows with units available.
    pub stock: Vec<StockSnap>,
    /// Active ones, in the order they are tried.
    pub scenarios: Vec<ScenarioSnap>,
    /// In the order they are planned.
    pub orders: Vec<OrderSnap>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationSnap {
    pub id: LocationId,
    pub erp_code: String,
    pub kind: LocationKind,
    pub is_active: bool,
    pub is_fulfillment_center: bool,
    pub priority: i64,
    /// Packages that hold a slot there.
    pub open_packages: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockSnap {
    pub product: ProductId,
    /// Place in [`Snapshot::locations`].
    pub location: usize,
    /// On hand less reserved, quarantined and safety.
    pub available: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioSnap {
    pub id: ScenarioId,
    pub version: i64,
    pub scenario: Scenario,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnap {
    pub id: OrderId,
    pub traits: OrderTraits,
    /// In the order of the hub's items.
    pub lines: Vec<LineSnap>,
    /// Metres to each location, in the order of [`Snapshot::locations`]; `None` where a coordinate is
    /// unknown. Empty when nothing sorts by distance.
    pub distances_m: Vec<Option<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSnap {
    pub id: LineId,
    pub product: ProductId,
    /// Units to place, at least 1.
    pub units: i64,
}
