//! Which locations a rule may use.

use super::board::Board;
use super::explain::Removed;
use super::search::Target;
use crate::scenarios::{Filter, Rule};

/// Why a location is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason {
    pub by: &'static str,
    pub have: Option<i64>,
    pub need: Option<i64>,
}

impl Reason {
    pub(super) fn word(by: &'static str) -> Self {
        Self { by, have: None, need: None }
    }

    pub(super) fn numbers(by: &'static str, have: Option<i64>, need: i64) -> Self {
        Self { by, have, need: Some(need) }
    }

    pub(super) fn removed(self, board: &Board<'_>, location: usize) -> Removed {
        let location = board.location(location).id;
        Removed { location, by: self.by.into(), have: self.have, need: self.need }
    }
}

/// What removes the location from the rule's candidates, if anything does: the first reason found.
pub(super) fn removed_by(
    rule: &Rule,
    board: &Board<'_>,
    target: &Target<'_>,
    location: usize,
) -> Option<Reason> {
    standing(board, target, location)
        .or_else(|| rule.filters.iter().find_map(|f| refuses(f, board, target, location)))
}

/// What keeps a location out whatever the rule says.
pub(super) fn standing(board: &Board<'_>, target: &Target<'_>, location: usize) -> Option<Reason> {
    let snap = board.location(location);
    if !snap.is_active {
        return Some(Reason::word("inactive"));
    }
    if target.packs && !snap.is_fulfillment_center {
        return Some(Reason::word("not_a_fulfillment_center"));
    }
    if target.excluded.contains(&location) {
        return Some(Reason::word("refused_before"));
    }
    let down = &board.snapshot.engines_down;
    (!down.is_empty() && snap.engine.is_some_and(|e| down.iter().any(|d| d.id == e)))
        .then(|| Reason::word("engine_down"))
}

/// Why the filter refuses the location, if it does.
pub(super) fn refuses(
    filter: &Filter,
    board: &Board<'_>,
    target: &Target<'_>,
    location: usize,
) -> Option<Reason> {
    let snap = board.location(location);
    let word = filter.word();
    let keep = |keeps: bool| (!keeps).then(|| Reason::word(word));
    match filter {
        Filter::Locations { erp_codes } => keep(erp_codes.contains(&snap.erp_code)),
        Filter::ExceptLocations { erp_codes } => keep(!erp_codes.contains(&snap.erp_code)),
        Filter::LocationType { value } => keep(*value == snap.kind),
        Filter::SameArea { level } => {
            let (here, there) = (snap.area.at(*level), target.area.at(*level));
            keep(board.snapshot.geo && here.is_some() && here == there)
        }
        Filter::Tags { any } => keep(any.iter().any(|t| snap.tags.contains(t))),
        Filter::Flags { all } => keep(all.iter().all(|f| snap.flags.contains(f))),
        Filter::Open {} => keep(!snap.is_closed),
        Filter::SelectByQuota {} => {
            // A package of this order that already stands there holds its slot.
            let free = snap.max_quota.unwrap_or(0) - board.open_packages[location];
            (free < 1 && !target.has_package(location)).then(|| Reason::numbers(word, Some(free.max(0)), 1))
        }
        Filter::MaxDistance { metres } => match target.distance(location) {
            Some(have) if have <= *metres => None,
            have => Some(Reason::numbers(word, have, *metres)),
        },
        Filter::BeforeCutOff { .. }
            if snap.minutes_to_cut_off.is_none() && !snap.is_closed && board.snapshot.since(3) =>
        {
            None
        }
        Filter::BeforeCutOff { minutes } => at_least(word, snap.minutes_to_cut_off, *minutes),
        Filter::PackagingTime { max_minutes } => at_most(word, snap.packaging_minutes, *max_minutes),
        Filter::ExitTime { max_minutes } => at_most(word, snap.exit_minutes, *max_minutes),
    }
}

fn at_least(word: &'static str, have: Option<i64>, need: i64) -> Option<Reason> {
    (have.is_none_or(|have| have < need)).then(|| Reason::numbers(word, have, need))
}

fn at_most(word: &'static str, have: Option<i64>, need: i64) -> Option<Reason> {
    (have.is_none_or(|have| have > need)).then(|| Reason::numbers(word, have, need))
}
