//! Scenarios: which orders they take and which rules place the items.
//!
//! Distribution scenarios decide which locations pack; transfer scenarios decide from where a packing
//! location gets what it misses. The JSON is ours (no public contract shows one). Every part is checked
//! with an error that names it.

pub mod lint;
mod rules;

pub use rules::{AreaLevel, Filter, LocationFlag, ProductMode, Rule, Sort, SortBy, SortOrder};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::packages;
use crate::queries::{self, Query, Subject};
use crate::refusal::Refusal;

/// The longest list of values, rules, filters or sort keys a scenario may hold.
pub const MAX_LIST: usize = 500;
/// The longest name, in characters.
pub const MAX_NAME: usize = 255;

/// Which of the two families a scenario belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Distribution,
    Transfer,
}

impl Family {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Transfer => "transfer",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "distribution" => Some(Self::Distribution),
            "transfer" => Some(Self::Transfer),
            _ => None,
        }
    }
}

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
    /// `erp_code` of the location that keeps Out of Stock packages. A transfer scenario has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default_stock_location: String,
    /// State code given instead of Waiting when an order becomes several packages that got stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    pub query: Option<Query>,
}

impl Default for Condition {
    fn default() -> Self {
        Self { kind: ConditionKind::Dynamic, values: Vec::new(), query: None }
    }
}

/// Static: the order's value is among `values`. Dynamic: the query holds; without one, any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionKind {
    Static,
    Dynamic,
}

impl Condition {
    fn holds(&self, value: Option<&str>, subject: &Subject<'_>) -> bool {
        match self.kind {
            ConditionKind::Dynamic => self.query.as_ref().is_none_or(|q| q.holds(subject)),
            ConditionKind::Static => value.is_some_and(|v| self.values.iter().any(|w| text_of(w) == v)),
        }
    }
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
    /// Reads and checks a distribution scenario.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, Refusal> {
        Self::read(value, Family::Distribution)
    }

    /// Reads and checks a scenario of a family.
    pub fn read(value: &serde_json::Value, family: Family) -> Result<Self, Refusal> {
        for name in CONDITIONS {
            if let Some(query) = value.get(name).and_then(|c| c.get("query")).filter(|q| !q.is_null()) {
                Query::from_json(query, queries::Place::Condition, &format!("{name}.query"))?;
            }
        }
        for (i, rule) in value.get("rules").and_then(|r| r.as_array()).into_iter().flatten().enumerate() {
            rules::check_queries(rule, i, family)?;
        }
        let scenario: Self = crate::reading::read(value, "")?;
        scenario.validate(family)?;
        Ok(scenario)
    }

    fn validate(&self, family: Family) -> Result<(), Refusal> {
        let name_ok = |name: &str| !name.trim().is_empty() && name.chars().count() <= MAX_NAME;
        if !name_ok(&self.name) {
            return Err(Refusal::invalid(
                "name",
                "invalid",
                format!("A name of 1 to {MAX_NAME} characters is required."),
            ));
        }
        match (family, self.default_stock_location.trim().is_empty()) {
            (Family::Distribution, true) => {
                return Err(Refusal::invalid(
                    "default_stock_location",
                    "required",
                    "The erp_code of the location that keeps Out of Stock packages is required.",
                ));
            }
            (Family::Transfer, false) => {
                return Err(Refusal::invalid(
                    "default_stock_location",
                    "invalid",
                    "A transfer scenario has no default location; leave it out.",
                ));
            }
            _ => {}
        }
        if let Some(code) = self.initial_status {
            let allowed = [packages::WAITING, packages::WAITING_REMOTE_ACTION];
            if family == Family::Transfer || !allowed.contains(&code) {
                return Err(Refusal::invalid(
                    "initial_status",
                    "invalid",
                    "initial_status is 100 (Waiting), 150 (Waiting Remote Action) or null; a transfer scenario has none.",
                ));
            }
        }
        for (field, condition) in self.conditions() {
            condition.validate(field)?;
        }
        if self.rules.is_empty() || self.rules.len() > MAX_LIST {
            return Err(Refusal::invalid(
                "rules",
                "invalid",
                format!("A scenario has 1 to {MAX_LIST} rules."),
            ));
        }
        self.rules.iter().enumerate().try_for_each(|(i, rule)| rule.validate(i, family))
    }

    /// Whether the scenario takes this order. `subject` carries the fields that [`Scenario::fields`] names.
    pub fn matches(&self, order: &OrderTraits, subject: &Subject<'_>) -> bool {
        self.is_active
            && self.channel.holds(order.channel.as_deref(), subject)
            && self.shipping.holds(order.shipping.as_deref(), subject)
            && self.payment.holds(order.payment.as_deref(), subject)
            && self.customer_type.holds(order.customer_type.as_deref(), subject)
    }

    /// The conditions by name.
    pub fn conditions(&self) -> [(&'static str, &Condition); 4] {
        let [channel, shipping, payment, customer_type] = CONDITIONS;
        [
            (channel, &self.channel),
            (shipping, &self.shipping),
            (payment, &self.payment),
            (customer_type, &self.customer_type),
        ]
    }

    /// The names of all fields that its queries and rules look at.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        self.conditions().iter().filter_map(|(_, c)| c.query.as_ref()).for_each(|q| q.fields(&mut fields));
        for rule in &self.rules {
            rule.when.iter().for_each(|q| q.fields(&mut fields));
            fields.extend(rule.keep_together.as_deref());
        }
        fields
    }
}

const CONDITIONS: [&str; 4] = ["channel", "shipping", "payment", "customer_type"];

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
            ConditionKind::Dynamic if !self.values.is_empty() => {
                wrong("A dynamic condition has no values; use type static to list them.")
            }
            _ => Ok(()),
        }
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

    fn takes(scenario: &Scenario, order: &OrderTraits) -> bool {
        let facts = queries::Facts::from([("order.units".to_owned(), json!(3))]);
        let subject = Subject { order: &facts, lines: vec![], extra: queries::Facts::new(), units: vec![] };
        scenario.matches(order, &subject)
    }

    #[test]
    fn the_shortest_scenario_takes_every_order() {
        let s = Scenario::from_json(&base()).expect("valid");
        assert!(takes(&s, &OrderTraits::default()));
    }

    #[test]
    fn static_conditions_compare_ids_and_slugs() {
        let mut v = base();
        v["channel"] = json!({"type": "static", "values": [7]});
        let s = Scenario::from_json(&v).expect("valid");
        assert!(takes(&s, &OrderTraits { channel: Some("7".into()), ..Default::default() }));
        assert!(!takes(&s, &OrderTraits { channel: Some("8".into()), ..Default::default() }));
        assert!(!takes(&s, &OrderTraits::default()));
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
        let query = json!({"any": [{"field": "order.units", "op": "gt", "value": "x"}]});
        let mut v = base();
        v["payment"] = json!({"type": "dynamic", "query": query});
        assert_eq!(Scenario::from_json(&v).expect_err("refused").field, "payment.query.any[0].value");
        assert!(refused(|v| v["rules"][0]["when"] = json!(3)).starts_with("rules[0].when"));
        assert!(refused(|v| v["rules"][0]["max_packages"] = json!(0)).starts_with("rules[0].max_packages"));
        assert!(refused(|v| v["rules"][0]["keep_together"] = json!("order.units")).contains("keep_together"));
        assert!(
            refused(|v| v["rules"][0]["filters"] = json!([{"type": "tags", "any": []}]))
                .starts_with("rules[0].filters[0]")
        );
    }

    #[test]
    fn a_dynamic_condition_with_a_query_is_evaluated() {
        let mut v = base();
        for (least, taken) in [(3, true), (4, false)] {
            v["channel"] =
                json!({"type": "dynamic", "query": {"field": "order.units", "op": "gte", "value": least}});
            let s = Scenario::from_json(&v).expect("valid");
            assert_eq!(takes(&s, &OrderTraits::default()), taken);
            assert_eq!(s.fields().into_iter().collect::<Vec<_>>(), ["order.units"]);
            let again: Scenario =
                serde_json::from_str(&serde_json::to_string(&s).expect("json")).expect("its own");
            assert_eq!(again, s);
        }
    }

    #[test]
    fn a_transfer_scenario_has_no_defaults_and_makes_no_packages() {
        let good = json!({"name": "T", "rules": [{"name": "near", "products": "units", "sort": [{"by": "distance"}],
            "when": {"field": "package.location", "op": "in", "value": ["S1"]}}]});
        Scenario::read(&good, Family::Transfer).expect("valid");
        let refused = |part: &str, value: serde_json::Value| {
            let mut v = good.clone();
            v[part] = value;
            Scenario::read(&v, Family::Transfer).expect_err("must be refused").field
        };
        assert_eq!(refused("default_stock_location", json!("W1")), "default_stock_location");
        assert_eq!(refused("initial_status", json!(150)), "initial_status");
        let rule =
            |key: &str, value: serde_json::Value| json!([{"name": "r", "products": "units", key: value}]);
        assert_eq!(refused("rules", rule("transferable", json!(true))), "rules[0].transferable");
        assert_eq!(refused("rules", rule("max_packages", json!(2))), "rules[0].max_packages");
        let mut v = base();
        v["rules"][0]["when"] = good["rules"][0]["when"].clone();
        assert_eq!(Scenario::from_json(&v).expect_err("only for transfers").field, "rules[0].when.field");
    }
}
