//! The planner: orders and a snapshot in, packages with reasons out. Pure.
//!
//! One [`snapshot::Snapshot`] serves a batch. Orders are planned in batch order, each on what those
//! before it left, so the batch's boundaries never change a plan.

pub mod explain;
mod filter;
mod score;
mod search;
pub mod snapshot;

pub use explain::{Attempt, Chosen, Removed};
pub use snapshot::{LineSnap, LocationSnap, OrderSnap, ScenarioSnap, Snapshot, StockSnap};

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, LocationId, ScenarioId};
use crate::packages;

/// What the planner decided for one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// Every unit has a place: a package with stock, or the Out of Stock package.
    Planned(Planned),
    /// Nothing was decided; the plan waits for a person, with the reason.
    Waits(WaitReason),
}

/// A complete plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub scenario: ScenarioId,
    pub scenario_version: i64,
    /// Those with stock first, in order of choice; then the Out of Stock package, if any.
    pub packages: Vec<PlannedPackage>,
    pub attempts: Vec<Attempt>,
}

/// One package to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPackage {
    pub location: LocationId,
    /// State code: Waiting, the scenario's initial status, or Out of Stock.
    pub state: i64,
    /// Line and units, in line order.
    pub items: Vec<(LineId, i64)>,
}

impl PlannedPackage {
    /// Whether the package reserves stock.
    pub fn has_stock(&self) -> bool {
        self.state != packages::OUT_OF_STOCK
    }
}

/// Why an order waits without a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum WaitReason {
    /// No active scenario takes this order.
    NoScenario,
    /// The scenario's default location does not exist (any more).
    NoDefaultLocation { erp_code: String },
}

impl WaitReason {
    /// What happened and what to do.
    pub fn text(&self) -> String {
        match self {
            Self::NoScenario => {
                "No active distribution scenario takes this order. Add or activate one whose conditions match its \
                 channel, shipping, payment and customer type."
                    .into()
            }
            Self::NoDefaultLocation { erp_code } => format!(
                "The scenario's default location {erp_code:?} does not exist. Create the location or change the scenario."
            ),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoScenario => "no_scenario",
            Self::NoDefaultLocation { .. } => "no_default_location",
        }
    }
}

/// Plans every order of the snapshot, in order.
pub fn plan(snapshot: &Snapshot) -> Vec<Decision> {
    let mut board = search::Board::new(snapshot);
    snapshot.orders.iter().map(|order| plan_order(snapshot, &mut board, order)).collect()
}

fn plan_order(snapshot: &Snapshot, board: &mut search::Board<'_>, order: &OrderSnap) -> Decision {
    let Some(chosen) = snapshot.scenarios.iter().find(|s| s.scenario.matches(&order.traits)) else {
        return Decision::Waits(WaitReason::NoScenario);
    };
    let scenario = &chosen.scenario;
    let default = snapshot.locations.iter().find(|l| l.erp_code == scenario.default_stock_location);
    let Some(default) = default else {
        return Decision::Waits(WaitReason::NoDefaultLocation {
            erp_code: scenario.default_stock_location.clone(),
        });
    };

    let mut work = search::Work::new(order);
    let mut attempts = Vec::with_capacity(scenario.rules.len());
    for rule in &scenario.rules {
        if work.is_done() {
            break;
        }
        attempts.push(search::run_rule(rule, board, order, &mut work));
    }

    let leftovers = work.leftovers(order);
    let mut made = work.into_packages();
    board.count_packages(&made);
    let state = match scenario.initial_status {
        Some(code) if made.len() > 1 => code,
        _ => packages::WAITING,
    };
    let mut planned: Vec<_> = made
        .drain(..)
        .map(|p| PlannedPackage { location: snapshot.locations[p.location].id, state, items: p.items })
        .collect();
    if !leftovers.is_empty() {
        planned.push(PlannedPackage {
            location: default.id,
            state: packages::OUT_OF_STOCK,
            items: leftovers,
        });
    }
    Decision::Planned(Planned {
        scenario: chosen.id,
        scenario_version: chosen.version,
        packages: planned,
        attempts,
    })
}

#[cfg(test)]
mod tests;
