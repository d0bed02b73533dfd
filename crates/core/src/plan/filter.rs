//! Which locations a rule may use.

use super::snapshot::LocationSnap;
use crate::scenarios::{Filter, Rule};

/// What removes the location from the rule's candidates, if anything does.
pub(super) fn removed_by(rule: &Rule, location: &LocationSnap) -> Option<&'static str> {
    if !location.is_active {
        return Some("inactive");
    }
    if !location.is_fulfillment_center {
        return Some("not_a_fulfillment_center");
    }
    rule.filters.iter().find(|f| !passes(f, location)).map(Filter::word)
}

fn passes(filter: &Filter, location: &LocationSnap) -> bool {
    match filter {
        Filter::Locations { erp_codes } => erp_codes.contains(&location.erp_code),
        Filter::ExceptLocations { erp_codes } => !erp_codes.contains(&location.erp_code),
        Filter::LocationType { value } => *value == location.kind,
    }
}
