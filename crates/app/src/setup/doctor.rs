//! The fifteen steps of an installation: where each stands, what it brought, and what to do. The setup screen and
//! `oms doctor` show the same.

use oms_core::settings as table;
use oms_store::setup::TaskState;
use oms_store::setup::doctor::{self as store, Counts};
use oms_store::setup::settings as kept;
use serde_json::json;

use crate::places::channels;
use crate::setup::{self, SetupTask};
use crate::setup::{hub, settings};
use crate::{App, Result};

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Done,
    /// It runs now.
    Working,
    /// A person has to do something before orders can flow.
    NeedsYou,
    Failed,
    /// Nothing is there and nothing is needed: a brand may do without.
    Optional,
}

/// What RUN INSTALLATION STEP does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Starts a task that goes on in the background.
    Task(SetupTask),
    /// Asks the hub whether it lets us in.
    AskHub,
    /// Saves a setting that fits most brands.
    Save(&'static str),
    /// Nothing: a person does it on a screen.
    Nothing,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// 1 to 15, as documented.
    pub n: u8,
    /// Its name in addresses.
    pub name: &'static str,
    pub standing: Standing,
    /// The key of the sentence that says what is there.
    pub said: &'static str,
    /// What goes into the sentence's places.
    pub parts: Vec<String>,
    /// What went wrong last.
    pub problem: Option<String>,
    pub run: Run,
    /// The screen where it is done by hand, below `/{lang}/oms/`; empty: none.
    pub screen: &'static str,
    /// Of a running task: records done and known.
    pub progress: Option<(i64, i64)>,
}

struct Seen {
    counts: Counts,
    has_hub: bool,
    has_filter: bool,
    geo: Option<table::GeolocationDiscovery>,
    has_webhooks: bool,
}

/// Reads where every step stands. Nothing outside is asked.
pub async fn read(app: &App) -> Result<Vec<Step>> {
    let mut tx = app.store.read().await?;
    let seen = Seen {
        counts: store::counts(&mut tx).await?,
        has_hub: kept::by_key(&mut tx, "OMNITRON_CLIENT_SETTINGS").await?.is_some(),
        has_filter: kept::by_key(&mut tx, "ORDER_FILTERING").await?.is_some(),
        geo: settings::typed(&mut tx, "GEOLOCATION_DISCOVERY").await?,
        has_webhooks: kept::by_key(&mut tx, "OMNITRON_WEBHOOKS").await?.is_some(),
    };
    drop(tx);
    let mut steps = by_hand(app, &seen);
    for (n, name, task, count, said) in [
        (4, "addresses", SetupTask::Addresses, seen.counts.cities, "step-said_addresses"),
        (5, "retail-stores", SetupTask::StockLocations, seen.counts.locations, "step-said_stores"),
        (6, "channels", SetupTask::Channels, seen.counts.channels, "step-said_channels"),
    ] {
        let mut step = copied(app, &seen, n, name, task, count, said).await?;
        if task == SetupTask::StockLocations {
            step.screen = "stock-locations";
            step.parts = vec![count.to_string(), seen.counts.without_point.to_string()];
        }
        steps.push(step);
    }
    let mut events = copied(app, &seen, 12, "events", SetupTask::Webhooks, 0, "step-said_webhooks").await?;
    events.screen = "settings/application-settings";
    if !seen.has_webhooks {
        events = Step { standing: Standing::Optional, said: "step-no_webhooks", run: Run::Nothing, ..events };
    }
    steps.push(events);
    steps.sort_by_key(|s| s.n);
    Ok(steps)
}

fn step(n: u8, name: &'static str, standing: Standing, said: &'static str, screen: &'static str) -> Step {
    let (parts, problem, run, progress) = (Vec::new(), None, Run::Nothing, None);
    Step { n, name, standing, said, parts, problem, run, screen, progress }
}

/// The steps that nothing is copied by.
fn by_hand(app: &App, seen: &Seen) -> Vec<Step> {
    use Standing::{Done, Failed, NeedsYou, Optional};
    let c = &seen.counts;
    let or = |is_there: bool, otherwise| if is_there { Done } else { otherwise };
    let mut machine = step(1, "machine", Done, "step-said_machine", "");
    machine.parts = vec![env!("CARGO_PKG_VERSION").into(), app.store.dialect().name().into()];
    let mut people =
        step(2, "users", or(c.administrators > 0, NeedsYou), "step-said_users", "settings/users");
    people.parts = vec![c.administrators.to_string()];
    let mut works = step(3, "application", or(c.dead_jobs == 0, Failed), "step-said_application", "");
    works.parts = vec![c.dead_jobs.to_string()];
    let said = if seen.has_hub { "step-said_hub" } else { "step-no_hub" };
    let mut hub = step(7, "credentials", or(seen.has_hub, NeedsYou), said, "settings/application-settings");
    hub.run = if seen.has_hub { Run::AskHub } else { Run::Nothing };
    let said = if seen.has_filter { "step-said_filter" } else { "step-no_filter" };
    let mut filter =
        step(8, "order-filtering", or(seen.has_filter, NeedsYou), said, "settings/application-settings");
    filter.run = if seen.has_filter { Run::Nothing } else { Run::Save("ORDER_FILTERING") };
    let is_measured = seen.geo.as_ref().is_some_and(|g| g.enabled);
    let said = if is_measured { "step-said_geo" } else { "step-no_geo" };
    let mut geo = step(9, "distance", or(is_measured, Optional), said, "settings/application-settings");
    geo.run = if seen.geo.is_none() { Run::Save("GEOLOCATION_DISCOVERY") } else { Run::Nothing };
    let (has_stock, said) = match (c.engines, c.has_stock) {
        (1.., _) => (true, "step-said_engines"),
        (_, true) => (true, "step-said_stock"),
        _ => (false, "step-no_stock"),
    };
    let mut stock = step(10, "stock", or(has_stock, NeedsYou), said, "connections");
    stock.parts = vec![c.engines.to_string()];
    let said = match (c.scenarios, c.fulfillment_centers) {
        (0, _) => "step-no_scenarios",
        (_, 0) => "step-no_centers",
        _ => "step-said_scenarios",
    };
    let mut scenarios =
        step(11, "scenarios", or(said == "step-said_scenarios", NeedsYou), said, "scenarios/distribution");
    scenarios.parts = vec![c.scenarios.to_string(), c.fulfillment_centers.to_string()];
    let mut flow =
        step(13, "commands", or(c.transitions > 0, NeedsYou), "step-said_flow", "settings/state-transitions");
    flow.parts = vec![c.transitions.to_string()];
    let cargo = step(14, "cargo", Optional, "step-no_cargo", "");
    let said = if c.schedules > 0 { "step-said_schedules" } else { "step-no_schedules" };
    let mut jobs = step(15, "jobs", or(c.schedules > 0, Optional), said, "settings/schedules");
    jobs.parts = vec![c.schedules.to_string()];
    vec![machine, people, works, hub, filter, geo, stock, scenarios, flow, cargo, jobs]
}

async fn copied(
    app: &App,
    seen: &Seen,
    n: u8,
    name: &'static str,
    task: SetupTask,
    count: i64,
    said: &'static str,
) -> Result<Step> {
    let now = setup::status(app, task).await?;
    let standing = match now.state {
        TaskState::Working => Standing::Working,
        TaskState::Failed => Standing::Failed,
        TaskState::Finished => Standing::Done,
        TaskState::Ready if count > 0 => Standing::Done,
        TaskState::Ready => Standing::NeedsYou,
    };
    let mut step = step(n, name, standing, said, "");
    step.parts = vec![count.to_string()];
    step.problem = now.error.filter(|_| standing != Standing::Done);
    step.progress = (standing == Standing::Working).then_some((now.done, now.total));
    step.run = Run::Task(task);
    if !seen.has_hub {
        step.said = "step-hub_first";
        step.run = Run::Nothing;
    }
    Ok(step)
}

/// Runs a step as its button does. Copies go on in the background.
pub async fn run(app: &App, actor: &str, wanted: Run) -> Result<()> {
    match wanted {
        Run::Nothing => {}
        Run::Task(task) => {
            let mut tx = app.store.begin().await?;
            setup::execute(&mut tx, task, app.now_us()).await?;
            tx.commit().await?;
        }
        Run::AskHub => ask_hub(app).await?,
        Run::Save(key) => {
            let value = match key {
                "ORDER_FILTERING" => {
                    json!({"order_statuses": ["400"], "channels": [], "exclude_order_types": []})
                }
                _ => json!({"enabled": true, "provider": "haversine"}),
            };
            settings::put(app, actor, key, &value).await?;
        }
    }
    Ok(())
}

/// Whether the hub lets us in and answers.
pub async fn ask_hub(app: &App) -> Result<()> {
    let client = hub::client(app).await?;
    channels::is_copy_required(app, &client).await.map(drop)
}
