//! The linter: what in a scenario cannot do what its author meant. It reads; it changes nothing.

use serde::Serialize;

use super::{Condition, ConditionKind, Family, Filter, ProductMode, Rule, Scenario, SortBy};
use crate::packages;
use crate::plan::LocationSnap;
use crate::queries::{Op, Query};

/// How bad a finding is. An error keeps a draft from being published unless that is forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Warning,
    Error,
}

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable.
    pub code: &'static str,
    pub severity: Severity,
    /// The place, for example `rules[1].filters[0]`.
    pub at: String,
    pub message: String,
}

/// What a scenario is judged beside.
pub struct Beside<'a> {
    /// Active scenarios of the same family that are tried before it.
    pub earlier: &'a [Scenario],
    pub locations: &'a [LocationSnap],
    /// Whether distances and areas are known.
    pub geo: bool,
    /// Whether there is an active transfer scenario.
    pub transfers: bool,
}

/// Judges a scenario.
pub fn lint(scenario: &Scenario, family: Family, beside: &Beside<'_>) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    if let Some(earlier) = beside.earlier.iter().find(|e| e.is_active && covers(e, scenario)) {
        let message = format!("{:?} is tried first and takes every order that this one would.", earlier.name);
        found.add("shadowed_by_scenario", Severity::Warning, "priority", message);
    }
    for (name, condition) in scenario.conditions() {
        if condition.query.as_ref().is_some_and(contradicts) {
            found.add(
                "never_true",
                Severity::Error,
                format!("{name}.query"),
                "No order can pass this query.",
            );
        }
    }
    if family == Family::Distribution {
        default_location(scenario, beside, &mut found);
        initial_status(scenario, &mut found);
    }
    for (i, rule) in scenario.rules.iter().enumerate() {
        lint_rule(scenario, family, i, rule, beside, &mut found);
    }
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        at: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.0.push(Finding { code, severity, at: at.into(), message: message.into() });
    }
}

fn default_location(scenario: &Scenario, beside: &Beside<'_>, found: &mut Findings) {
    let code = &scenario.default_stock_location;
    match beside.locations.iter().find(|l| l.erp_code == *code) {
        None => {
            let message = format!("There is no location {code:?}; every order of this scenario would wait.");
            found.add("unknown_location", Severity::Error, "default_stock_location", message);
        }
        Some(l) if !l.is_active => {
            let message = format!("{code:?} is inactive; Out of Stock packages would stand there.");
            found.add("inactive_location", Severity::Warning, "default_stock_location", message);
        }
        Some(_) => {}
    }
}

fn initial_status(scenario: &Scenario, found: &mut Findings) {
    let one_package = scenario.rules.len() == 1
        && (scenario.rules[0].products == ProductMode::AllFromOne
            || scenario.rules[0].max_packages == Some(1));
    if one_package && scenario.initial_status.is_some_and(|code| code != packages::WAITING) {
        let message =
            "initial_status counts only when there are several packages; these rules never make two.";
        found.add("initial_status_unused", Severity::Warning, "initial_status", message);
    }
}

fn lint_rule(
    scenario: &Scenario,
    family: Family,
    i: usize,
    rule: &Rule,
    beside: &Beside<'_>,
    found: &mut Findings,
) {
    let at = |part: &str| format!("rules[{i}].{part}");
    let candidates = candidates(rule, family, beside.locations);
    if candidates.is_empty() {
        let message =
            format!("No active location passes the filters of {:?}; it can place nothing.", rule.name);
        found.add("no_candidates", Severity::Error, at("filters"), message);
    }
    if rule.when.as_ref().is_some_and(contradicts) {
        let message = format!("The condition of {:?} can never hold.", rule.name);
        found.add("never_true", Severity::Error, at("when"), message);
    }
    let shadows = |earlier: &Rule| {
        takes_all(earlier, rule) && covers_all(earlier, family, &candidates, beside.locations)
    };
    if let Some(earlier) = scenario.rules[..i].iter().find(|earlier| shadows(earlier)) {
        let message = format!(
            "{:?} before it takes whatever {:?} could place; it never has anything to do.",
            earlier.name, rule.name
        );
        found.add("shadowed_by_rule", Severity::Warning, format!("rules[{i}]"), message);
    }
    if rule.by_quota() {
        let without: Vec<&str> =
            candidates.iter().filter(|l| l.max_quota.is_none()).map(|l| l.erp_code.as_str()).collect();
        let all = !candidates.is_empty() && without.len() == candidates.len();
        if all && scenario.rules.len() == 1 {
            let message =
                "None of its locations has a max_quota, and it is the only rule: nothing would be packed.";
            found.add("quota_without_max_quota", Severity::Error, at("filters"), message);
        } else if !without.is_empty() {
            let message =
                format!("These have no max_quota and get nothing by this rule: {}.", first_few(&without));
            found.add("quota_without_max_quota", Severity::Warning, at("filters"), message);
        }
    }
    let area = rule.filters.iter().any(|f| matches!(f, Filter::SameArea { .. } | Filter::MaxDistance { .. }));
    if !beside.geo && area {
        let message =
            "Distances and areas are not known without the geo settings: the filter lets no location pass.";
        found.add("geo_off", Severity::Error, at("filters"), message);
    }
    if !beside.geo && rule.sort.iter().any(|s| s.by == SortBy::Distance) {
        let message = "Distances are not known without the geo settings: the next sort key decides.";
        found.add("geo_off", Severity::Warning, at("sort"), message);
    }
    if rule.transferable && !beside.transfers {
        let message = "There is no active transfer scenario, so nothing is ever brought.";
        found.add("no_transfer_scenario", Severity::Warning, at("transferable"), message);
    }
}

fn first_few(codes: &[&str]) -> String {
    const SHOWN: usize = 10;
    let more = codes.len().saturating_sub(SHOWN);
    let shown = codes[..codes.len().min(SHOWN)].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Locations that pass the filters which do not depend on the order or the moment.
fn candidates<'l>(rule: &Rule, family: Family, locations: &'l [LocationSnap]) -> Vec<&'l LocationSnap> {
    let usable = |l: &&LocationSnap| l.is_active && (family == Family::Transfer || l.is_fulfillment_center);
    let passes = |l: &&LocationSnap| rule.filters.iter().all(|f| crate::plan::may_pass(f, l));
    locations.iter().filter(usable).filter(passes).collect()
}

/// Whether nothing that fits is left after the rule, as far as `later` may look.
fn takes_all(rule: &Rule, later: &Rule) -> bool {
    rule.products == ProductMode::Units
        && rule.when.is_none()
        && rule.max_packages.is_none()
        && rule.keep_together.is_none()
        && rule.min_units_per_extra_package.is_none()
        && rule.min_value_per_extra_package.is_none()
        && (rule.transferable || !later.transferable)
}

/// Whether every candidate of a later rule is one of this rule whatever the order and the moment.
fn covers_all(rule: &Rule, family: Family, later: &[&LocationSnap], locations: &[LocationSnap]) -> bool {
    let fixed = |f: &Filter| {
        matches!(
            f,
            Filter::Locations { .. }
                | Filter::ExceptLocations { .. }
                | Filter::LocationType { .. }
                | Filter::Tags { .. }
                | Filter::Flags { .. }
        )
    };
    let mine = candidates(rule, family, locations);
    rule.filters.iter().all(fixed) && later.iter().all(|l| mine.iter().any(|m| m.id == l.id))
}

/// Whether an earlier scenario takes every order that this one would.
fn covers(earlier: &Scenario, scenario: &Scenario) -> bool {
    earlier.conditions().iter().zip(scenario.conditions()).all(|((_, a), (_, b))| wider(a, b))
}

fn wider(a: &Condition, b: &Condition) -> bool {
    let any = |c: &Condition| {
        c.kind == ConditionKind::Dynamic
            && c.query.as_ref().is_none_or(|q| matches!(q, Query::All(parts) if parts.is_empty()))
    };
    let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    any(a)
        || (a.kind == ConditionKind::Static
            && b.kind == ConditionKind::Static
            && b.values.iter().all(|v| a.values.iter().any(|w| text(v) == text(w))))
        || (a.kind == ConditionKind::Dynamic && a == b)
}

/// Whether a query contradicts itself in a way that can be seen without an order: in one `all`, two
/// different values of one field, values that exclude each other, or an empty range.
fn contradicts(query: &Query) -> bool {
    match query {
        Query::All(parts) | Query::AnyLine(parts) => parts.iter().any(contradicts) || disagree(parts),
        Query::Any(parts) => !parts.is_empty() && parts.iter().all(contradicts),
        Query::Not(_) | Query::EveryLine(_) | Query::Test { .. } => false,
    }
}

fn disagree(parts: &[Query]) -> bool {
    let tests: Vec<_> = parts
        .iter()
        .filter_map(|q| match q {
            // Two lines may differ, so that line fields contradict each other only within one line.
            Query::Test { field, op, value } if !field.starts_with("line.") => Some((field, *op, value)),
            _ => None,
        })
        .collect();
    let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let number = |v: &serde_json::Value| crate::money::from_json(v).ok().flatten();
    tests.iter().enumerate().any(|(i, (field, op, value))| {
        tests[i + 1..].iter().filter(|(other, ..)| other == field).any(|(_, other_op, other)| {
            let numbers = || number(value).zip(number(other));
            let inside = |one: &serde_json::Value, list: &serde_json::Value| {
                list.as_array().is_some_and(|l| l.iter().any(|v| text(v) == text(one)))
            };
            match (*op, *other_op) {
                (Op::Eq, Op::Eq) => text(value) != text(other),
                (Op::Eq, Op::Ne) | (Op::Ne, Op::Eq) => text(value) == text(other),
                (Op::Eq, Op::In) => !inside(value, other),
                (Op::In, Op::Eq) => !inside(other, value),
                (Op::In, Op::In) => value.as_array().is_some_and(|l| !l.iter().any(|v| inside(v, other))),
                (Op::Gt | Op::Gte, Op::Lt) | (Op::Gt, Op::Lte) => {
                    numbers().is_some_and(|(low, high)| low >= high)
                }
                (Op::Gte, Op::Lte) => numbers().is_some_and(|(low, high)| low > high),
                (Op::Lt, Op::Gt | Op::Gte) | (Op::Lte, Op::Gt) => {
                    numbers().is_some_and(|(high, low)| low >= high)
                }
                (Op::Lte, Op::Gte) => numbers().is_some_and(|(high, low)| low > high),
                _ => false,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LocationId;
    use crate::locations::LocationKind;
    use serde_json::{Value, json};

    fn place(i: i64, kind: LocationKind, max_quota: Option<i64>) -> LocationSnap {
        let base = json!({"id": i, "erp_code": format!("L{i}"), "kind": kind, "is_active": true,
                          "is_fulfillment_center": true});
        let mut snap: LocationSnap = serde_json::from_value(base).expect("a location");
        assert_eq!(snap.id, LocationId(i));
        snap.max_quota = max_quota;
        snap
    }

    fn found(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut body = json!({"name": "S", "default_stock_location": "L1", "initial_status": null, "rules": [
            {"name": "one", "products": "all_from_one", "sort": [{"by": "distance"}]},
            {"name": "any", "products": "units", "sort": [{"by": "distance"}]}]});
        change(&mut body);
        let geo = body.as_object_mut().and_then(|m| m.remove("geo")).is_none();
        let scenario = Scenario::from_json(&body).unwrap_or_else(|r| panic!("{}: {}", r.field, r.message));
        let locations = [
            place(1, LocationKind::Warehouse, Some(5)),
            place(2, LocationKind::Store, None),
            place(3, LocationKind::Store, None),
        ];
        let earlier: Vec<Scenario> = body["name"]
            .as_str()
            .filter(|n| *n == "second")
            .map(|_| {
                let rules = json!([{"name": "r", "products": "units"}]);
                let body = json!({"name": "first", "default_stock_location": "L1", "rules": rules,
                                  "channel": {"type": "static", "values": [1, 2]}});
                Scenario::from_json(&body).expect("valid")
            })
            .into_iter()
            .collect();
        let beside = Beside { earlier: &earlier, locations: &locations, geo, transfers: false };
        lint(&scenario, Family::Distribution, &beside)
            .into_iter()
            .map(|f| format!("{} {:?} {}", f.code, f.severity, f.at))
            .collect()
    }

    #[test]
    fn a_sound_scenario_has_no_findings() {
        assert_eq!(found(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_is_found_where_it_is() {
        let rules = |rules: Value| move |b: &mut Value| b["rules"] = rules;
        let only = |rule: Value| rules(json!([rule]));
        assert_eq!(
            found(|b| b["default_stock_location"] = json!("gone")),
            ["unknown_location Error default_stock_location"]
        );
        let no_shop = json!({"name": "r", "products": "units", "filters": [{"type": "location_type", "value": "store"},
            {"type": "locations", "erp_codes": ["L1"]}]});
        assert_eq!(found(only(no_shop)), ["no_candidates Error rules[0].filters"]);
        let quota = json!({"name": "r", "products": "units", "filters": [{"type": "SELECT_BY_QUOTA"}, {"type": "location_type", "value": "store"}]});
        assert_eq!(found(only(quota.clone())), ["quota_without_max_quota Error rules[0].filters"]);
        let any = json!({"name": "any", "products": "units"});
        assert_eq!(found(rules(json!([quota, any]))), ["quota_without_max_quota Warning rules[0].filters"]);
        let later = json!({"name": "later", "products": "whole_lines", "filters": [{"type": "open"}]});
        assert_eq!(found(rules(json!([any, later]))), ["shadowed_by_rule Warning rules[1]"]);
        let stores = json!({"name": "stores", "products": "units", "filters": [{"type": "location_type", "value": "store"}]});
        assert_eq!(found(rules(json!([stores, any]))), Vec::<String>::new());
        let brought = json!({"name": "brought", "products": "all_from_one", "transferable": true});
        assert_eq!(
            found(rules(json!([any, brought]))),
            ["no_transfer_scenario Warning rules[1].transferable"]
        );
        let single = |b: &mut Value| {
            b["rules"] = json!([{"name": "r", "products": "all_from_one"}]);
            b["initial_status"] = json!(150);
        };
        assert_eq!(found(single), ["initial_status_unused Warning initial_status"]);
        let off = |b: &mut Value| {
            b["geo"] = json!(false);
            b["rules"] = json!([{"name": "r", "products": "units", "filters": [{"type": "same_area", "level": "city"}], "sort": [{"by": "distance"}]}]);
        };
        assert_eq!(found(off), ["geo_off Error rules[0].filters", "geo_off Warning rules[0].sort"]);
        let second = |values: Value| {
            move |b: &mut Value| {
                b["name"] = json!("second");
                b["channel"] = json!({"type": "static", "values": values});
            }
        };
        assert_eq!(found(second(json!(["2"]))), ["shadowed_by_scenario Warning priority"]);
        assert_eq!(found(second(json!(["2", "3"]))), Vec::<String>::new());
    }

    #[test]
    fn a_query_that_contradicts_itself_is_found() {
        let query = |query: Value| found(move |b| b["channel"] = json!({"type": "dynamic", "query": query}));
        let test = |op: &str, value: Value| json!({"field": "order.units", "op": op, "value": value});
        let never = ["never_true Error channel.query"];
        assert_eq!(query(json!({"all": [test("eq", json!(1)), test("eq", json!(2))]})), never);
        assert_eq!(query(json!({"all": [test("gte", json!(5)), test("lt", json!(5))]})), never);
        assert_eq!(query(json!({"all": [test("in", json!([1, 2])), test("in", json!([3]))]})), never);
        assert_eq!(query(json!({"any": [{"all": [test("eq", json!(1)), test("ne", json!(1))]}]})), never);
        assert_eq!(
            query(json!({"all": [test("gte", json!(5)), test("lte", json!(5))]})),
            Vec::<String>::new()
        );
        assert_eq!(query(json!({"any": [test("eq", json!(1)), test("eq", json!(2))]})), Vec::<String>::new());
        let lines = json!({"all": [{"field": "line.sku", "op": "eq", "value": "A"}, {"field": "line.sku", "op": "eq", "value": "B"}]});
        assert_eq!(query(lines), Vec::<String>::new(), "one line may be A and another B");
    }
}
