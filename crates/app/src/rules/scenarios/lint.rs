//! The linter on what is here: the scenario beside the others, the locations, and last week's orders.

use oms_core::ids::ScenarioId;
use oms_core::plan::{self, ScenarioSnap};
use oms_core::scenarios::lint::{Beside, Finding};
use oms_core::scenarios::{Family, Scenario};
use oms_store::Tx;
use oms_store::planning::plans;
use oms_store::rules::scenarios::{self as store, Stored};

use crate::planning::input::{self, Hold};
use crate::setup::settings;
use crate::{App, Result};

/// How far back orders are looked at.
const WEEK_US: i64 = 7 * 24 * 3_600 * 1_000_000;
/// The most orders looked at, the newest.
pub const MAX_ORDERS: usize = 2_000;
/// The most order numbers shown.
const SHOWN: usize = 20;
/// Stands for a scenario that is not stored.
const UNSAVED: i64 = i64::MAX;

/// What the linter found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    pub findings: Vec<Finding>,
    /// Orders of last week that no scenario would take; distribution scenarios only.
    pub unmatched: Option<Unmatched>,
}

/// Orders that no scenario would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// Orders looked at: the newest of the last seven days, at most [`MAX_ORDERS`].
    pub looked_at: usize,
    pub count: usize,
    /// Numbers of the first of them.
    pub numbers: Vec<String>,
}

/// Lints a scenario's draft, or what is published if there is none.
pub async fn lint_stored(app: &App, family: Family, id: i64) -> Result<Linted> {
    let mut tx = app.store.read().await?;
    let stored = store::by_id(&mut tx, id).await?.filter(|s| s.family == family);
    let stored = stored
        .ok_or_else(|| oms_core::refusal::Refusal::not_found(&format!("{} scenario", family.as_str()), id))?;
    let scenario = store::draft(&mut tx, id).await?.map_or(stored.scenario, |d| d.scenario);
    judge(app, &mut tx, family, Some(id), scenario).await
}

/// Lints a scenario that is not stored.
pub async fn lint(app: &App, family: Family, scenario: Scenario) -> Result<Linted> {
    let mut tx = app.store.read().await?;
    judge(app, &mut tx, family, None, scenario).await
}

async fn judge(
    app: &App,
    tx: &mut Tx,
    family: Family,
    id: Option<i64>,
    scenario: Scenario,
) -> Result<Linted> {
    let findings = findings(tx, family, id, &scenario).await?;
    let unmatched = match family {
        Family::Transfer => None,
        Family::Distribution => Some(unmatched(tx, id, scenario, app.now_us()).await?),
    };
    Ok(Linted { findings, unmatched })
}

/// The others, in the order they are tried, and where this one stands among them.
fn before(others: Vec<Stored>, id: i64, priority: i64) -> Vec<Scenario> {
    let earlier = |s: &Stored| s.id != id && (s.scenario.priority, s.id) < (priority, id);
    others.into_iter().filter(earlier).map(|s| s.scenario).collect()
}

pub(super) async fn findings(
    tx: &mut Tx,
    family: Family,
    id: Option<i64>,
    scenario: &Scenario,
) -> Result<Vec<Finding>> {
    let active = store::active(tx, family).await?;
    let earlier = before(active, id.unwrap_or(UNSAVED), scenario.priority);
    let locations: Vec<_> = plans::read_candidates(tx).await?.into_iter().map(|c| c.snap).collect();
    let beside = Beside {
        earlier: &earlier,
        locations: &locations,
        geo: settings::measures_distance(tx).await?,
        transfers: !store::active(tx, Family::Transfer).await?.is_empty(),
    };
    Ok(oms_core::scenarios::lint::lint(scenario, family, &beside))
}

/// Orders of last week that no scenario would take if this one stood in its place.
async fn unmatched(tx: &mut Tx, id: Option<i64>, scenario: Scenario, now_us: i64) -> Result<Unmatched> {
    let orders = plans::read_recent(tx, now_us - WEEK_US, MAX_ORDERS).await?;
    let numbers: Vec<String> = orders.iter().map(|o| o.number.clone()).collect();
    let mut input = input::read_for(tx, orders, Hold::Nothing, &[], now_us).await?;
    let mut scenarios: Vec<ScenarioSnap> = input.scenarios().to_vec();
    let own = ScenarioId(id.unwrap_or(UNSAVED));
    scenarios.retain(|s| s.id != own);
    if scenario.is_active {
        scenarios.push(ScenarioSnap { id: own, version: 0, scenario });
    }
    input.set_scenarios(scenarios);
    let snapshot = input::build(&input);
    let lost: Vec<&String> = numbers
        .iter()
        .enumerate()
        .filter(|(i, _)| plan::scenario_for(&snapshot, *i).is_none())
        .map(|(_, n)| n)
        .collect();
    Ok(Unmatched {
        looked_at: numbers.len(),
        count: lost.len(),
        numbers: lost.into_iter().take(SHOWN).cloned().collect(),
    })
}
