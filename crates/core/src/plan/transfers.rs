//! From where a packing location gets what it misses.

use super::search::{Draft, Target, Work, coverage, field, pieces};
use crate::locations::LocationKind;
use crate::queries::Facts;
use crate::scenarios::LocationFlag;

/// What one source sends.
pub(super) struct Brought {
    pub(super) from: usize,
    /// The transfer scenario's rule that chose it.
    pub(super) rule: String,
    /// Line and units.
    pub(super) lines: Vec<(usize, i64)>,
}

/// Finds sources for the missing units of each line, by the rules of the first transfer scenario that
/// takes the order; what no rule finds stays missing. Takes from the draft what it assigns.
pub(super) fn assign(
    draft: &mut Draft<'_, '_>,
    work: &Work,
    to: usize,
    mut missing: Vec<i64>,
) -> Vec<Brought> {
    let (board, order) = (draft.board, draft.order);
    let here = board.location(to);
    let kind = if here.kind == LocationKind::Store { "store" } else { "warehouse" };
    let extra = || {
        Facts::from([
            ("package.location".to_owned(), here.erp_code.clone().into()),
            ("package.location_type".to_owned(), kind.into()),
        ])
    };
    let mut brought: Vec<Brought> = Vec::new();
    if board.snapshot.since(3) && !here.flags.contains(&LocationFlag::DeliveryLocation) {
        return brought;
    }
    let takes = |s: &&super::ScenarioSnap| s.scenario.matches(&order.traits, &work.subject(order, extra()));
    let Some(chosen) = board.snapshot.transfers.iter().find(takes) else { return brought };
    for rule in &chosen.scenario.rules {
        if missing.iter().all(|&n| n == 0) {
            break;
        }
        let still = Work { remaining: missing.clone(), packages: Vec::new() };
        if rule.when.as_ref().is_some_and(|when| !when.holds(&still.subject(order, extra()))) {
            continue;
        }
        let target = Target::location(board.snapshot, order, to);
        let (all, _) = coverage(board, order, &missing);
        for candidate in field(rule, board, &target, &all).candidates {
            if candidate.location == to || candidate.covered == 0 {
                continue;
            }
            let lines = draft.give(&pieces(rule, order, &missing), &missing, candidate.location);
            if lines.is_empty() {
                continue;
            }
            lines.iter().for_each(|&(line, units)| missing[line] -= units);
            brought.push(Brought { from: candidate.location, rule: rule.name.clone(), lines });
        }
    }
    brought
}
