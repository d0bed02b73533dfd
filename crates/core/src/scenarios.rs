//! Distribution scenarios: which orders they take and which rules place the items.
//!
//! The JSON is ours (no public contract shows one). Every part is checked with an error that names it.

use serde::{Deserialize, Serialize};

use crate::locations::LocationKind;
use crate::packages;
use crate::refusal::Refusal;

/// The longest list of values, rules, filters or sort keys a scenario may hold.
pub const MAX_LIST: usize = 500;
/// The longest name, in characters.
pub const MAX_NAME: usize = 255;

/// A scenario as callers send and read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique among scenarios.
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Lower is tried first; ties end at the id.
    #[serde(default)]
    pub priority: i64,
    #[serde(default)]
    pub channel: Condition,
    #[serde(default)]
    pub shipping: Condition,
    #[serde(default)]
    pub payment: Condition,
    #[serde(default)]
    pub customer_type: Condition,
    /// `erp_code` of the location that keeps Out of Stock packages.
    pub default_stock_location: String,
    /// State code given instead of Waiting when an order becomes several packages that got stock.
    #[serde(default)]
    pub initial_status: Option<i64>,
    /// Tried in order; each gets what those before it could not place.
    pub rules: Vec<Rule>,
}

fn yes() -> bool {
    true
}

/// A prerequisite on one property of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    /// Allowed values of a static condition. Channels: the hub's id; others: the slug.
    #[serde(default)]
    pub values: Vec<serde_json::Value>,
    #[serde(default)]
    pub query: Option<serde_json::Value>,
}

impl Default for Condition {
    fn default() -> Self {
        Self { kind: ConditionKind::Dynamic, values: Vec::new(), query: None }
    }
}

/// Static: the order's value is among `values`. Dynamic without a query: any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionKind {
    Static,
    Dynamic,
}

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        match self.kind {
            ConditionKind::Dynamic => true,
            ConditionKind::Static => value.is_some_and(|v| self.values.iter().any(|w| text_of(w) == v)),
        }
    }
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One packaging rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    #[serde(default)]
    pub when: Option<serde_json::Value>,
    pub products: ProductMode,
    /// And-ed.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// First key first; ties end at `erp_code`.
    #[serde(default)]
    pub sort: Vec<Sort>,
    #[serde(default)]
    pub transferable: bool,
    #[serde(default)]
    pub max_packages: Option<i64>,
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
    Locations { erp_codes: Vec<String> },
    ExceptLocations { erp_codes: Vec<String> },
    LocationType { value: LocationKind },
}

impl Filter {
    /// The word used in explanations for what this filter removes.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Locations { .. } => "locations",
            Self::ExceptLocations { .. } => "except_locations",
            Self::LocationType { .. } => "location_type",
        }
    }
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
#[serde(rename_all = "lowercase")]
pub enum SortBy {
    /// Metres from the location to the delivery address; unknown is last either way.
    Distance,
    /// The location's `priority`.
    Priority,
    /// Units available there of the products still to be placed.
    Stock,
    /// Packages the location has open.
    Density,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    #[default]
    Asc,
    Desc,
}

/// The properties of an order that conditions look at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderTraits {
    /// The channel's id at the hub (ours if it has none), as text.
    pub channel: Option<String>,
    pub shipping: Option<String>,
    pub payment: Option<String>,
    pub customer_type: Option<String>,
}

impl Scenario {
    /// Reads and checks a scenario.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, Refusal> {
        let scenario: Self = serde_json::from_value(value.clone()).map_err(|e| {
            let message = e.to_string();
            let field = message.split('`').nth(1).unwrap_or("non_field_errors").to_owned();
            Refusal::invalid(field, "invalid", format!("The scenario cannot be read: {message}."))
        })?;
        scenario.validate()?;
        Ok(scenario)
    }

    fn validate(&self) -> Result<(), Refusal> {
        let name_ok = |name: &str| !name.trim().is_empty() && name.chars().count() <= MAX_NAME;
        if !name_ok(&self.name) {
            return Err(Refusal::invalid(
                "name",
                "invalid",
                format!("A name of 1 to {MAX_NAME} characters is required."),
            ));
        }
        if self.default_stock_location.trim().is_empty() {
            return Err(Refusal::invalid(
                "default_stock_location",
                "required",
                "The erp_code of the location that keeps Out of Stock packages is required.",
            ));
        }
        if let Some(code) = self.initial_status {
            let allowed = [packages::WAITING, packages::WAITING_REMOTE_ACTION];
            if !allowed.contains(&code) {
                return Err(Refusal::invalid(
                    "initial_status",
                    "invalid",
                    "initial_status is 100 (Waiting), 150 (Waiting Remote Action) or null.",
                ));
            }
        }
        let conditions = [
            ("channel", &self.channel),
            ("shipping", &self.shipping),
            ("payment", &self.payment),
            ("customer_type", &self.customer_type),
        ];
        for (field, condition) in conditions {
            condition.validate(field)?;
        }
        if self.rules.is_empty() || self.rules.len() > MAX_LIST {
            return Err(Refusal::invalid(
                "rules",
                "invalid",
                format!("A scenario has 1 to {MAX_LIST} rules."),
            ));
        }
        self.rules.iter().enumerate().try_for_each(|(i, rule)| rule.validate(i))
    }

    /// Whether the scenario takes this order.
    pub fn matches(&self, order: &OrderTraits) -> bool {
        self.is_active
            && self.channel.holds(order.channel.as_deref())
            && self.shipping.holds(order.shipping.as_deref())
            && self.payment.holds(order.payment.as_deref())
            && self.customer_type.holds(order.customer_type.as_deref())
    }
}

impl Condition {
    fn validate(&self, field: &str) -> Result<(), Refusal> {
        let wrong = |message: &str| Err(Refusal::invalid(field, "invalid", message));
        match self.kind {
            ConditionKind::Static if self.values.is_empty() => {
                wrong("A static condition needs at least one value.")
            }
            ConditionKind::Static if self.values.len() > MAX_LIST => {
                wrong("A static condition has at most 500 values.")
            }
            ConditionKind::Static if self.query.is_some() => {
                wrong("A static condition has no query; use type dynamic.")
            }
            ConditionKind::Static if !self.values.iter().all(|v| v.is_string() || v.is_i64()) => {
                wrong("Values are strings or whole numbers.")
            }
            ConditionKind::Dynamic if self.query.is_some() => {
                wrong("This version evaluates no queries; leave query null (any) or use type static.")
            }
            ConditionKind::Dynamic if !self.values.is_empty() => {
                wrong("A dynamic condition has no values; use type static to list them.")
            }
            _ => Ok(()),
        }
    }
}

impl Rule {
    fn validate(&self, index: usize) -> Result<(), Refusal> {
        let at = |part: &str| format!("rules[{index}].{part}");
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            return Err(Refusal::invalid(
                at("name"),
                "required",
                "A rule needs a name of 1 to 255 characters.",
            ));
        }
        if self.when.is_some() {
            return Err(Refusal::invalid(
                at("when"),
                "invalid",
                "This version evaluates no rule prerequisites; leave when null.",
            ));
        }
        if self.transferable {
            return Err(Refusal::invalid(
                at("transferable"),
                "invalid",
                "This version plans no transfers; leave transferable false.",
            ));
        }
        if self.max_packages.is_some() {
            return Err(Refusal::invalid(
                at("max_packages"),
                "invalid",
                "This version has no package limit; leave max_packages null.",
            ));
        }
        if self.filters.len() > MAX_LIST || self.sort.len() > 4 {
            return Err(Refusal::invalid(
                at("sort"),
                "invalid",
                "A rule has at most 500 filters and 4 sort keys.",
            ));
        }
        for filter in &self.filters {
            if let Filter::Locations { erp_codes } | Filter::ExceptLocations { erp_codes } = filter
                && (erp_codes.is_empty() || erp_codes.len() > 5_000)
            {
                return Err(Refusal::invalid(
                    at("filters"),
                    "invalid",
                    "A location filter lists 1 to 5,000 erp_codes.",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn base() -> serde_json::Value {
        json!({"name": "S", "default_stock_location": "W1",
               "rules": [{"name": "one", "products": "all_from_one", "sort": [{"by": "distance"}]}]})
    }

    #[test]
    fn the_shortest_scenario_takes_every_order() {
        let s = Scenario::from_json(&base()).expect("valid");
        assert!(s.matches(&OrderTraits::default()));
    }

    #[test]
    fn static_conditions_compare_ids_and_slugs() {
        let mut v = base();
        v["channel"] = json!({"type": "static", "values": [7]});
        let s = Scenario::from_json(&v).expect("valid");
        assert!(s.matches(&OrderTraits { channel: Some("7".into()), ..Default::default() }));
        assert!(!s.matches(&OrderTraits { channel: Some("8".into()), ..Default::default() }));
        assert!(!s.matches(&OrderTraits::default()));
    }

    #[test]
    fn each_wrong_part_is_named() {
        let refused = |change: fn(&mut serde_json::Value)| {
            let mut v = base();
            change(&mut v);
            let r = Scenario::from_json(&v).expect_err("must be refused");
            format!("{}: {}", r.field, r.message)
        };
        assert!(refused(|v| v["name"] = json!(" ")).starts_with("name"));
        assert!(refused(|v| v["rules"] = json!([])).starts_with("rules"));
        assert!(refused(|v| v["initial_status"] = json!(500)).starts_with("initial_status"));
        assert!(refused(|v| v["channel"] = json!({"type": "static", "values": []})).starts_with("channel"));
        assert!(
            refused(|v| v["rules"][0]["filters"] = json!([{"type": "moon_phase"}])).contains("moon_phase")
        );
        assert!(refused(|v| v["surprise"] = json!(1)).contains("surprise"));
        assert!(refused(|v| v["rules"][0]["transferable"] = json!(true)).contains("transferable"));
    }
}
