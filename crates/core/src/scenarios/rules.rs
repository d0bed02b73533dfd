//! Rules: how a scenario divides an order, which locations it may use and how they rank.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Family, MAX_LIST, MAX_NAME};
use crate::locations::LocationKind;
use crate::queries::{self, Query};
use crate::refusal::Refusal;

/// The most `erp_code`s one filter lists.
pub const MAX_CODES: usize = 5_000;
/// The most sort keys of a rule: one of each kind.
pub const MAX_SORT: usize = 6;
/// The largest limit a rule may name (packages, units, minutes, metres, minor units).
const MAX_LIMIT: i64 = 1_000_000_000;

/// One rule. Each gets what those before it could not place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    /// The rule runs only where this holds; `null` or empty: always.
    #[serde(default)]
    pub when: Option<Query>,
    pub products: ProductMode,
    /// And-ed.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// First key first; ties end at `erp_code`.
    #[serde(default)]
    pub sort: Vec<Sort>,
    /// What the packing location misses may be brought from other locations, by the transfer scenarios.
    #[serde(default)]
    pub transferable: bool,
    /// Ours: the rule opens no further package once the order has this many with stock.
    #[serde(default)]
    pub max_packages: Option<i64>,
    /// Ours: lines with the same value in this line field (for example `line.attributes.set`) go into one
    /// package, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_together: Option<String>,
    /// Ours: a package beyond the order's first holds at least this many units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_units_per_extra_package: Option<i64>,
    /// Ours: a package beyond the order's first holds goods of at least this amount, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_value_per_extra_package: Option<i64>,
}

/// How far a rule may divide an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductMode {
    /// One location packs everything that is left, or the rule places nothing.
    AllFromOne,
    /// Lines may go to different locations; a line is never divided.
    WholeLines,
    /// Lines and their units may be divided.
    Units,
}

/// Which locations a rule may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Filter {
    Locations {
        erp_codes: Vec<String>,
    },
    ExceptLocations {
        erp_codes: Vec<String>,
    },
    LocationType {
        value: LocationKind,
    },
    /// In the same area as the delivery address (transfers: as the location that packs). Needs the geo settings.
    SameArea {
        level: AreaLevel,
    },
    /// Only locations with a free slot: `max_quota` less the packages that hold one. No `max_quota`: none.
    #[serde(rename = "SELECT_BY_QUOTA")]
    SelectByQuota {},
    /// Ours: with at least one of these tags.
    Tags {
        any: Vec<String>,
    },
    /// Ours: with all of these flags.
    Flags {
        all: Vec<LocationFlag>,
    },
    /// Ours: at most this far from the delivery address (transfers: from the location that packs). An unknown
    /// distance is too far.
    MaxDistance {
        metres: i64,
    },
    /// Ours: open by its calendar at the moment of planning.
    Open {},
    /// Ours: at least this many minutes are left before today's cut-off. A location without a calendar passes.
    BeforeCutOff {
        minutes: i64,
    },
    /// Ours: with a targeted packaging time of at most this.
    PackagingTime {
        max_minutes: i64,
    },
    /// Ours: with a targeted exit time of at most this.
    ExitTime {
        max_minutes: i64,
    },
}

impl Filter {
    /// The word used in explanations for what this filter removes.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Locations { .. } => "locations",
            Self::ExceptLocations { .. } => "except_locations",
            Self::LocationType { .. } => "location_type",
            Self::SameArea { .. } => "same_area",
            Self::SelectByQuota {} => "SELECT_BY_QUOTA",
            Self::Tags { .. } => "tags",
            Self::Flags { .. } => "flags",
            Self::MaxDistance { .. } => "max_distance",
            Self::Open {} => "open",
            Self::BeforeCutOff { .. } => "before_cut_off",
            Self::PackagingTime { .. } => "packaging_time",
            Self::ExitTime { .. } => "exit_time",
        }
    }

    fn check(&self) -> Result<(), String> {
        let listed = |n: usize, most: usize, what: &str| {
            if (1..=most).contains(&n) {
                Ok(())
            } else {
                Err(format!("{} lists 1 to {most} {what}.", self.word()))
            }
        };
        let limit = |n: i64, unit: &str| {
            if (0..=MAX_LIMIT).contains(&n) {
                Ok(())
            } else {
                Err(format!("{} takes 0 to {MAX_LIMIT} {unit}.", self.word()))
            }
        };
        match self {
            Self::Locations { erp_codes } | Self::ExceptLocations { erp_codes } => {
                listed(erp_codes.len(), MAX_CODES, "erp_codes")
            }
            Self::Tags { any } => listed(any.len(), MAX_LIST, "tags"),
            Self::Flags { all } => listed(all.len(), LocationFlag::ALL.len(), "flags"),
            Self::MaxDistance { metres } => limit(*metres, "metres"),
            Self::BeforeCutOff { minutes: n }
            | Self::PackagingTime { max_minutes: n }
            | Self::ExitTime { max_minutes: n } => limit(*n, "minutes"),
            Self::LocationType { .. } | Self::SameArea { .. } | Self::SelectByQuota {} | Self::Open {} => {
                Ok(())
            }
        }
    }
}

impl Rule {
    /// Whether time, or the packages of a location, may let a location pass that was refused before: nothing is written
    /// when that happens.
    pub fn by_moment(&self) -> bool {
        let moves = |f: &Filter| {
            matches!(f, Filter::Open {} | Filter::BeforeCutOff { .. } | Filter::SelectByQuota {})
        };
        self.filters.iter().any(moves)
    }
}

/// A level of the address tree. The documents also call them country, state, district and neighbourhood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    Country,
    City,
    Township,
    District,
}

/// A yes or no that a location carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LocationFlag {
    #[serde(rename = "is_fulfillment_center")]
    FulfillmentCenter,
    #[serde(rename = "is_pickup_location")]
    PickupLocation,
    #[serde(rename = "is_delivery_location")]
    DeliveryLocation,
    #[serde(rename = "is_return_available")]
    ReturnAvailable,
    #[serde(rename = "is_fast_delivery_available")]
    FastDeliveryAvailable,
    #[serde(rename = "is_shipper")]
    Shipper,
}

impl LocationFlag {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::FulfillmentCenter,
        Self::PickupLocation,
        Self::DeliveryLocation,
        Self::ReturnAvailable,
        Self::FastDeliveryAvailable,
        Self::Shipper,
    ];
}

/// One sort key of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    pub by: SortBy,
    #[serde(default)]
    pub order: SortOrder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// Metres from the location to the delivery address (transfers: to the location that packs); unknown is
    /// last either way.
    Distance,
    /// The location's `priority`.
    Priority,
    /// Units available there of the products still to be placed, all of them.
    Stock,
    /// Ours: the same, but of each product no more than is still to be placed: how much of the order it can fill.
    Coverage,
    /// Packages the location has open.
    Density,
    /// Ours: the targeted packaging time; none is last either way.
    PackagingTime,
    /// Ours: the targeted exit time; none is last either way.
    ExitTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    #[default]
    Asc,
    Desc,
}

impl Rule {
    /// Whether the rule has the quota filter: then the commit guards the slots too.
    pub fn by_quota(&self) -> bool {
        self.filters.iter().any(|f| matches!(f, Filter::SelectByQuota {}))
    }

    pub(super) fn validate(&self, index: usize, family: Family) -> Result<(), Refusal> {
        let at = |part: &str| format!("rules[{index}].{part}");
        let wrong = |part: &str, message: String| Err(Refusal::invalid(at(part), "invalid", message));
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            return Err(Refusal::invalid(
                at("name"),
                "required",
                "A rule needs a name of 1 to 255 characters.",
            ));
        }
        if self.filters.len() > MAX_LIST || self.sort.len() > MAX_SORT {
            return wrong("sort", format!("A rule has at most {MAX_LIST} filters and {MAX_SORT} sort keys."));
        }
        for (i, filter) in self.filters.iter().enumerate() {
            filter.check().or_else(|message| wrong(&format!("filters[{i}]"), message))?;
        }
        if let Some(name) = &self.keep_together
            && queries::field(name).is_none_or(|f| f.scope != queries::Scope::Line || name == "line.units")
        {
            return wrong(
                "keep_together",
                format!("{name:?} is not a field that a line has, for example line.attributes.set."),
            );
        }
        let limits = [
            ("max_packages", self.max_packages),
            ("min_units_per_extra_package", self.min_units_per_extra_package),
            ("min_value_per_extra_package", self.min_value_per_extra_package),
        ];
        for (part, limit) in limits {
            if limit.is_some_and(|n| !(1..=MAX_LIMIT).contains(&n)) {
                return wrong(part, format!("{part} is 1 to {MAX_LIMIT}, or null."));
            }
            if limit.is_some() && family == Family::Transfer {
                return wrong(part, format!("A transfer scenario makes no packages; leave {part} null."));
            }
        }
        if self.transferable && family == Family::Transfer {
            return wrong(
                "transferable",
                "A transfer cannot itself wait for transfers; leave transferable false.".into(),
            );
        }
        Ok(())
    }
}

/// Reads the queries of a rule as sent, so that a refusal names the place of the mistake.
pub(super) fn check_queries(rule: &Value, index: usize, family: Family) -> Result<(), Refusal> {
    let place = match family {
        Family::Distribution => queries::Place::When,
        Family::Transfer => queries::Place::TransferWhen,
    };
    match rule.get("when") {
        None | Some(Value::Null) => Ok(()),
        Some(when) => Query::from_json(when, place, &format!("rules[{index}].when")).map(drop),
    }
}
