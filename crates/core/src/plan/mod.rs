//! The planner: orders and a snapshot in, packages with reasons out. Pure.
//!
//! One [`snapshot::Snapshot`] serves a batch. Orders are planned in batch order, each on what those
//! before it left, so the batch's boundaries never change a plan.

mod board;
pub mod counterfactual;
pub mod explain;
mod filter;
mod score;
mod search;
pub mod snapshot;
mod transfers;

pub use board::safety;
pub use explain::{Attempt, Chosen, Removed};
pub use snapshot::{
    Area, EngineSnap, LaneSnap, LineSnap, LocationSnap, OrderSnap, SafetySnap, ScenarioSnap, Snapshot,
    StockSnap, UnsaidSnap,
};

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, LocationId, ProductId, ScenarioId};
use crate::packages;
use crate::scenarios::{Filter, Rule, Scenario};

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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// One package to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPackage {
    pub location: LocationId,
    /// State code: Waiting, the scenario's initial status, Waiting for Transfer, or Out of Stock.
    pub state: i64,
    /// Line and units, those that transfers bring included.
    pub items: Vec<(LineId, i64)>,
    /// What is brought from elsewhere first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<PlannedTransfer>,
    /// The state it takes when its last transfer has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_to: Option<i64>,
    /// It was planned by quota: the location must still have a free slot at the commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_quota: bool,
}

/// Goods that one location sends to the one that packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTransfer {
    pub from: LocationId,
    /// Line and units.
    pub items: Vec<(LineId, i64)>,
}

impl PlannedPackage {
    /// Whether the package reserves stock.
    pub fn has_stock(&self) -> bool {
        self.state != packages::OUT_OF_STOCK
    }

    /// Units of a line that transfers bring.
    pub fn brought(&self, line: LineId) -> i64 {
        self.transfers.iter().flat_map(|t| &t.items).filter(|(l, _)| *l == line).map(|(_, n)| n).sum()
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
    /// A stock engine that knows the stock of locations the scenario may use does not answer.
    EngineDown { engine: i64 },
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
            Self::EngineDown { engine } => format!(
                "Stock engine {engine} does not answer, and the scenario may use its locations. Nothing is planned on \
                 guesses: the order is tried again by itself. Look at the engine's last error; allow_partial on it lets \
                 planning go on without its locations."
            ),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoScenario => "no_scenario",
            Self::NoDefaultLocation { .. } => "no_default_location",
            Self::EngineDown { .. } => "stock_engine_down",
        }
    }
}

/// Plans every order of the snapshot, in order.
pub fn plan(snapshot: &Snapshot) -> Vec<Decision> {
    let mut board = board::Board::new(snapshot);
    snapshot.orders.iter().map(|order| plan_order(snapshot, &mut board, order, &mut |_| {})).collect()
}

/// Plans one order with what `other` says, on the stock as the orders before it left it by `as_it_was`.
/// Both know the same locations and orders. `None`: there is no such order.
pub fn plan_one_with(as_it_was: &Snapshot, other: &Snapshot, ordinal: usize) -> Option<Decision> {
    let order = other.orders.get(ordinal)?;
    let mut board = board::Board::new(as_it_was);
    for earlier in as_it_was.orders.iter().take(ordinal) {
        plan_order(as_it_was, &mut board, earlier, &mut |_| {});
    }
    board.snapshot = other;
    Some(plan_order(other, &mut board, order, &mut |_| {}))
}

/// Stock of one product at one location as an attempt saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub product: ProductId,
    pub location: LocationId,
    /// On hand less quarantined.
    pub stock: i64,
    /// Promised before, in this batch too.
    pub reserved: i64,
}

/// The stock that each rule's attempt saw of the order's products, by the rule's place in the chain.
pub fn stock_seen(snapshot: &Snapshot, ordinal: usize) -> Vec<(usize, Vec<Seen>)> {
    let Some(order) = snapshot.orders.get(ordinal) else { return Vec::new() };
    let mut board = board::Board::new(snapshot);
    for earlier in &snapshot.orders[..ordinal] {
        plan_order(snapshot, &mut board, earlier, &mut |_| {});
    }
    let mut products: Vec<_> = order.lines.iter().map(|l| l.product).collect();
    products.sort_unstable();
    products.dedup();
    let mut all = Vec::new();
    plan_order(snapshot, &mut board, order, &mut |moment| {
        let row = |r: &&StockSnap| {
            let stock = r.available + r.reserved;
            let left = moment.board.raw(r.product, r.location);
            let location = snapshot.locations[r.location].id;
            Seen { product: r.product, location, stock, reserved: stock - left }
        };
        let rows = snapshot.stock.iter().filter(|r| products.binary_search(&r.product).is_ok());
        all.push((moment.rule.0, rows.map(|r| row(&r)).collect()));
    });
    all
}

/// An attempt about to run: what a counterfactual is asked of.
struct Moment<'m, 'a> {
    board: &'m board::Board<'a>,
    work: &'m search::Work,
    rule: (usize, &'a Rule),
}

/// The scenario that takes an order of the snapshot, if any does.
pub fn scenario_for(snapshot: &Snapshot, ordinal: usize) -> Option<ScenarioId> {
    scenario_of(snapshot, snapshot.orders.get(ordinal)?).map(|s| s.id)
}

/// The scenario that takes the order.
fn scenario_of<'a>(snapshot: &'a Snapshot, order: &OrderSnap) -> Option<&'a ScenarioSnap> {
    let subject = search::Work::new(order);
    let subject = subject.subject(order, crate::queries::Facts::new());
    snapshot.scenarios.iter().find(|s| s.scenario.matches(&order.traits, &subject))
}

fn plan_order<'a>(
    snapshot: &'a Snapshot,
    board: &mut board::Board<'a>,
    order: &'a OrderSnap,
    watch: &mut dyn FnMut(Moment<'_, 'a>),
) -> Decision {
    let Some(chosen) = scenario_of(snapshot, order) else {
        return Decision::Waits(WaitReason::NoScenario);
    };
    let scenario = &chosen.scenario;
    let default = snapshot.locations.iter().find(|l| l.erp_code == scenario.default_stock_location);
    let Some(default) = default else {
        return Decision::Waits(WaitReason::NoDefaultLocation {
            erp_code: scenario.default_stock_location.clone(),
        });
    };
    if let Some(engine) = engine_down(snapshot, scenario, order) {
        return Decision::Waits(WaitReason::EngineDown { engine });
    }

    if let Some(to) = order.bring_to {
        return Decision::Planned(bring_anew(board, order, to, chosen, default.id));
    }
    let mut work = search::Work::new(order);
    let mut attempts = Vec::with_capacity(scenario.rules.len());
    for rule in scenario.rules.iter().enumerate() {
        if work.is_done() {
            break;
        }
        watch(Moment { board, work: &work, rule });
        attempts.push(search::run_rule(rule, board, order, &mut work));
    }
    for package in &work.packages {
        board.open_packages[package.location] += 1;
    }
    Decision::Planned(Planned {
        scenario: chosen.id,
        scenario_version: chosen.version,
        packages: packages_of(snapshot, scenario, order, work, default.id),
        attempts,
    })
}

/// Finds other sources for what one source did not have. What none has is out of stock.
fn bring_anew(
    board: &mut board::Board<'_>,
    order: &OrderSnap,
    to: usize,
    chosen: &ScenarioSnap,
    default: LocationId,
) -> Planned {
    let mut work = search::Work::new(order);
    let lines = work.remaining.len();
    let chosen_there = search::bring(board, order, &mut work, to);
    let attempt = Attempt {
        rule: "transfer".into(),
        lines,
        candidates: board.snapshot.locations.len(),
        chosen: chosen_there.into_iter().collect(),
        ..Attempt::default()
    };
    Planned {
        scenario: chosen.id,
        scenario_version: chosen.version,
        packages: packages_of(board.snapshot, &chosen.scenario, order, work, default),
        attempts: vec![attempt],
    }
}

fn packages_of(
    snapshot: &Snapshot,
    scenario: &Scenario,
    order: &OrderSnap,
    work: search::Work,
    default: LocationId,
) -> Vec<PlannedPackage> {
    let leftovers = work.leftovers(order);
    let first = match scenario.initial_status {
        Some(code) if order.packages + work.packages.len() as i64 > 1 => code,
        _ => packages::WAITING,
    };
    let transfer =
        |t: search::WorkTransfer| PlannedTransfer { from: snapshot.locations[t.from].id, items: t.items };
    let one = |p: search::WorkPackage| {
        let waits = !p.transfers.is_empty();
        PlannedPackage {
            location: snapshot.locations[p.location].id,
            state: if waits { packages::WAITING_FOR_TRANSFER } else { first },
            items: p.items,
            transfers: p.transfers.into_iter().map(transfer).collect(),
            released_to: waits.then_some(first),
            by_quota: p.by_quota,
        }
    };
    let mut planned: Vec<_> = work.packages.into_iter().map(one).collect();
    if !leftovers.is_empty() {
        planned.push(PlannedPackage {
            location: default,
            state: packages::OUT_OF_STOCK,
            items: leftovers,
            transfers: Vec::new(),
            released_to: None,
            by_quota: false,
        });
    }
    planned
}

/// An engine that must answer before the scenario may plan: one of a location that some rule may use, by the filters that
/// do not depend on the order, which is down or said nothing of a product of the order.
fn engine_down(snapshot: &Snapshot, scenario: &Scenario, order: &OrderSnap) -> Option<i64> {
    let wants = |product: ProductId| order.lines.iter().any(|l| l.product == product);
    let must_answer = |location: &LocationSnap| {
        let engine = location.engine?;
        let down = || snapshot.engines_down.iter().any(|d| d.id == engine && !d.allow_partial);
        let unsaid =
            || snapshot.unsaid.iter().any(|u| u.engine == engine && !u.allow_partial && wants(u.product));
        (location.is_active && (down() || unsaid())).then_some(engine)
    };
    if snapshot.engines_down.is_empty() && snapshot.unsaid.is_empty() {
        return None;
    }
    let usable = |location: &LocationSnap| {
        scenario.rules.iter().any(|rule| {
            rule.transferable
                || (location.is_fulfillment_center && rule.filters.iter().all(|f| may_pass(f, location)))
        })
    };
    snapshot.locations.iter().filter(|l| usable(l)).find_map(must_answer)
}

/// Whether a location may pass a filter, whatever the order and the moment.
pub(crate) fn may_pass(filter: &Filter, location: &LocationSnap) -> bool {
    match filter {
        Filter::Locations { erp_codes } => erp_codes.contains(&location.erp_code),
        Filter::ExceptLocations { erp_codes } => !erp_codes.contains(&location.erp_code),
        Filter::LocationType { value } => *value == location.kind,
        Filter::Tags { any } => any.iter().any(|t| location.tags.contains(t)),
        Filter::Flags { all } => all.iter().all(|f| location.flags.contains(f)),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
