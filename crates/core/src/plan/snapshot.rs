//! What a batch of plans is decided on: everything, and nothing else. Ids and distances, never
//! names, addresses or coordinates of a person.

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, LocationId, OrderId, PackageId, ProductId, ScenarioId};
use crate::locations::LocationKind;
use crate::queries::Facts;
use crate::scenarios::{AreaLevel, LocationFlag, OrderTraits, Scenario};

/// The version of this format; stored with each record so that a replay decides by the rules of its day. Since 3: `stock`
/// sorts by the whole amount, a location without a calendar is before every cut-off, and one that takes no deliveries
/// gets no transfers.
pub const FORMAT: u32 = 3;
/// The formats whose decisions this version makes again, byte by byte.
pub const REPLAYED: std::ops::RangeInclusive<u32> = 2..=FORMAT;

/// The input of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub v: u32,
    /// Whether distances and areas are known at all (the geo settings).
    #[serde(default)]
    pub geo: bool,
    /// Sorted by `erp_code`. Orders and stock name a location by its place in this list.
    pub locations: Vec<LocationSnap>,
    /// Sorted by product, then location; only rows with units there or promised.
    pub stock: Vec<StockSnap>,
    /// What may not be promised, by product, location and channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub safety: Vec<SafetySnap>,
    /// Outside stock engines that do not answer now, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines_down: Vec<EngineSnap>,
    /// Products of which an engine that answers did not say how many it has, sorted. They are nowhere that it feeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsaid: Vec<UnsaidSnap>,
    /// Active distribution scenarios, in the order they are tried.
    pub scenarios: Vec<ScenarioSnap>,
    /// Active transfer scenarios, in the order they are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<ScenarioSnap>,
    /// Distances between locations, sorted by destination, then source; read only if a transfer scenario
    /// looks at distance, and then of each destination's nearest sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneSnap>,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i64,
    /// Packages that hold a slot there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open_packages: i64,
    /// The most packages that may hold a slot; looked at by the quota filter only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_quota: Option<i64>,
    /// Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<LocationFlag>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Area::is_unknown")]
    pub area: Area,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_minutes: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_minutes: Option<i64>,
    /// Closed by its calendar when the batch was read. Without a calendar a location is always open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
    /// Minutes to today's cut-off, negative once it has passed; `None`: no calendar, or closed all day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes_to_cut_off: Option<i64>,
    /// The outside stock engine that knows its stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<i64>,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Where something lies in the address tree, by ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Area {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub township: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<i64>,
}

impl Area {
    /// The id at a level.
    pub fn at(&self, level: AreaLevel) -> Option<i64> {
        match level {
            AreaLevel::Country => self.country,
            AreaLevel::City => self.city,
            AreaLevel::Township => self.township,
            AreaLevel::District => self.district,
        }
    }

    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// Stock of a product at a location. Kept as a list of its four numbers: there are thousands of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(ProductId, usize, i64, i64)", into = "(ProductId, usize, i64, i64)")]
pub struct StockSnap {
    pub product: ProductId,
    /// Place in [`Snapshot::locations`].
    pub location: usize,
    /// On hand less reserved and quarantined; the planner takes a negative one for none.
    pub available: i64,
    /// Promised already: told, not decided on.
    pub reserved: i64,
}

impl From<(ProductId, usize, i64, i64)> for StockSnap {
    fn from((product, location, available, reserved): (ProductId, usize, i64, i64)) -> Self {
        Self { product, location, available, reserved }
    }
}

impl From<StockSnap> for (ProductId, usize, i64, i64) {
    fn from(s: StockSnap) -> Self {
        (s.product, s.location, s.available, s.reserved)
    }
}

/// Units that are kept back. `None` is any; the most specific row counts, product before location
/// before channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafetySnap {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Place in [`Snapshot::locations`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<usize>,
    /// As in [`OrderTraits::channel`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    pub units: i64,
}

/// A stock engine that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSnap {
    pub id: i64,
    /// Planning goes on without its locations; otherwise orders that may use them wait.
    pub allow_partial: bool,
}

/// A product that an engine was asked for and gave no number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnsaidSnap {
    pub engine: i64,
    pub product: ProductId,
    /// As in [`EngineSnap`]: otherwise orders that want the product wait.
    pub allow_partial: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioSnap {
    pub id: ScenarioId,
    pub version: i64,
    pub scenario: Scenario,
}

/// The way between two locations, kept as a list of its three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(usize, usize, i64)", into = "(usize, usize, i64)")]
pub struct LaneSnap {
    /// Places in [`Snapshot::locations`].
    pub to: usize,
    pub from: usize,
    pub metres: i64,
}

impl From<(usize, usize, i64)> for LaneSnap {
    fn from((to, from, metres): (usize, usize, i64)) -> Self {
        Self { to, from, metres }
    }
}

impl From<LaneSnap> for (usize, usize, i64) {
    fn from(l: LaneSnap) -> Self {
        (l.to, l.from, l.metres)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnap {
    pub id: OrderId,
    pub traits: OrderTraits,
    /// The fields that the scenarios' queries look at.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "Area::is_unknown")]
    pub area: Area,
    /// In the order of the hub's items.
    pub lines: Vec<LineSnap>,
    /// Metres to each location, in the order of [`Snapshot::locations`]; `None` where a coordinate is
    /// unknown. Empty when nothing looks at distance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distances_m: Vec<Option<i64>>,
    /// The package that is planned anew, with its lines; `None`: the order's first plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<PackageId>,
    /// Live packages with stock that the order has besides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub packages: i64,
    /// Locations that refused these lines, by place in [`Snapshot::locations`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<usize>,
    /// Locations that did not have these lines when they were to send them, the same way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_sources: Vec<usize>,
    /// Only sources are looked for: the lines are packed there, by place in [`Snapshot::locations`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bring_to: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSnap {
    pub id: LineId,
    pub product: ProductId,
    /// Units to place, at least 1.
    pub units: i64,
    /// Price of one unit in minor units, where a rule looks at values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
}

impl Snapshot {
    /// Whether it is decided by the rules that came with a format.
    pub(super) fn since(&self, format: u32) -> bool {
        self.v >= format
    }

    /// The same input in the order that plans are made on, whichever order its rows were read in:
    /// locations by `erp_code`, scenarios by priority and id, stock, safety and lanes by their keys.
    /// Orders keep theirs, and lines too: they are part of the input.
    pub fn canonical(mut self) -> Self {
        let mut by_code: Vec<usize> = (0..self.locations.len()).collect();
        by_code.sort_by(|&a, &b| self.locations[a].erp_code.cmp(&self.locations[b].erp_code));
        let mut place = vec![0; by_code.len()];
        by_code.iter().enumerate().for_each(|(new, &old)| place[old] = new);

        self.locations.sort_by(|a, b| a.erp_code.cmp(&b.erp_code));
        for location in &mut self.locations {
            location.flags.sort_unstable();
            location.tags.sort_unstable();
        }
        self.stock.iter_mut().for_each(|s| s.location = place[s.location]);
        self.stock.sort_unstable_by_key(|s| (s.product, s.location));
        self.safety.iter_mut().for_each(|s| s.location = s.location.map(|l| place[l]));
        self.safety
            .sort_by(|a, b| (a.product, a.location, &a.channel).cmp(&(b.product, b.location, &b.channel)));
        self.engines_down.sort_unstable_by_key(|e| e.id);
        self.unsaid.sort_unstable();
        self.lanes.iter_mut().for_each(|l| (l.to, l.from) = (place[l.to], place[l.from]));
        self.lanes.sort_unstable_by_key(|l| (l.to, l.from));
        self.scenarios.sort_by_key(|s| (s.scenario.priority, s.id));
        self.transfers.sort_by_key(|s| (s.scenario.priority, s.id));
        for order in &mut self.orders {
            if !order.distances_m.is_empty() {
                order.distances_m =
                    by_code.iter().map(|&old| order.distances_m.get(old).copied().flatten()).collect();
            }
            order.excluded.iter_mut().for_each(|l| *l = place[*l]);
            order.excluded.sort_unstable();
            order.excluded_sources.iter_mut().for_each(|l| *l = place[*l]);
            order.excluded_sources.sort_unstable();
            order.bring_to = order.bring_to.map(|to| place[to]);
        }
        self
    }
}
