//! Distribution scenarios: created and changed; waiting orders are looked at again afterwards.

mod lint;
mod versions;

pub use lint::{Linted, Unmatched, lint, lint_stored};
pub use versions::{delete_draft, draft, publish, put_draft, roll_back, versions};

use oms_core::refusal::Refusal;
use oms_core::scenarios::{Family, Scenario};
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::places::locations;
use oms_store::planning::wakes;
use oms_store::rules::scenarios::{self as store, Authorship, Stored};
use serde_json::Value;

use crate::{App, Result};

/// Ids a change of a scenario needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    scenario: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        scenario: app.store.take_id(IdKind::Scenario).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// A scenario as somebody sends it, and why.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    pub family: Family,
    pub body: &'a Value,
    /// Kept with the version.
    pub comment: &'a str,
}

/// Creates a scenario. Its name must be free and its locations must exist.
pub async fn create(tx: &mut Tx, ids: ChangeIds, actor: &Actor, sent: Sent<'_>) -> Result<Stored> {
    let scenario = Scenario::read(sent.body, sent.family)?;
    refuse_unknown_locations(tx, sent.family, &scenario).await?;
    if !store::insert(tx, ids.scenario, sent.family, &scenario, authorship(actor, sent.comment)).await? {
        return Err(name_taken(&scenario.name).into());
    }
    changed(tx, ids.scenario, ids, actor, "scenario.created", sent.body).await
}

/// Gives a scenario another content, as its next version.
pub async fn update(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64, sent: Sent<'_>) -> Result<Stored> {
    let held = hold(tx, sent.family, id).await?;
    let scenario = Scenario::read(sent.body, sent.family)?;
    refuse_unknown_locations(tx, sent.family, &scenario).await?;
    if store::by_name(tx, &scenario.name).await?.is_some_and(|other| other.id != id) {
        return Err(name_taken(&scenario.name).into());
    }
    store::update(tx, &held, &scenario, authorship(actor, sent.comment)).await?;
    changed(tx, id, ids, actor, "scenario.updated", sent.body).await
}

async fn hold(tx: &mut Tx, family: Family, id: i64) -> Result<Stored> {
    let held = store::lock(tx, id).await?.filter(|s| s.family == family);
    Ok(held.ok_or_else(|| Refusal::not_found(&format!("{} scenario", family.as_str()), id))?)
}

fn authorship<'a>(actor: &'a Actor, comment: &'a str) -> Authorship<'a> {
    Authorship { author: &actor.name, comment, at_us: actor.at_us }
}

fn name_taken(name: &str) -> Refusal {
    Refusal::invalid(
        "name",
        "unique",
        format!("A scenario named {name:?} exists already; choose another name."),
    )
}

async fn refuse_unknown_locations(tx: &mut Tx, family: Family, scenario: &Scenario) -> Result<()> {
    use oms_core::scenarios::Filter::{ExceptLocations, Locations};
    let all = locations::all(tx).await?;
    let known = |erp: &str| all.iter().any(|l| l.properties.erp_code == erp);
    if family == Family::Distribution && !known(&scenario.default_stock_location) {
        let message = format!("There is no location {:?}.", scenario.default_stock_location);
        return Err(Refusal::invalid("default_stock_location", "not_found", message).into());
    }
    for (i, rule) in scenario.rules.iter().enumerate() {
        for filter in &rule.filters {
            let (Locations { erp_codes } | ExceptLocations { erp_codes }) = filter else { continue };
            if let Some(unknown) = erp_codes.iter().find(|e| !known(e)) {
                let message = format!("There is no location {unknown:?}.");
                return Err(Refusal::invalid(format!("rules[{i}].filters"), "not_found", message).into());
            }
        }
    }
    Ok(())
}

async fn changed(
    tx: &mut Tx,
    id: i64,
    ids: ChangeIds,
    actor: &Actor,
    action: &str,
    body: &Value,
) -> Result<Stored> {
    logs::record_command(tx, actor, action).await?;
    logs::audit(tx, ids.audit, "scenario", id, action, body, actor).await?;
    wakes::wake(tx, actor.at_us).await?;
    let stored = store::lock(tx, id).await?;
    Ok(stored.ok_or_else(|| {
        oms_store::StoreError::Corrupt(format!("scenario {id} was just written and is gone"))
    })?)
}

/// A version of a distribution scenario; the current one if none is named.
pub async fn version(app: &App, id: i64, version: Option<i64>) -> Result<Scenario> {
    let mut tx = app.store.read().await?;
    let found = match version {
        Some(version) => store::version(&mut tx, id, version).await?,
        None => store::by_id(&mut tx, id).await?.map(|s| s.scenario),
    };
    let what = version.map_or_else(|| id.to_string(), |v| format!("{id} version {v}"));
    Ok(found.ok_or_else(|| Refusal::not_found("distribution scenario", what))?)
}

/// Creates or changes a distribution scenario by name: for the demo.
pub async fn put(app: &App, actor_name: &str, body: &Value) -> Result<Stored> {
    put_sent(app, actor_name, Sent { family: Family::Distribution, body, comment: "" }).await
}

/// Creates or changes a scenario by name.
pub async fn put_sent(app: &App, actor_name: &str, sent: Sent<'_>) -> Result<Stored> {
    let (ids, actor) = (ids(app).await?, app.actor(actor_name).await?);
    let scenario = Scenario::read(sent.body, sent.family)?;
    let mut tx = app.store.begin().await?;
    let stored = match store::by_name(&mut tx, &scenario.name).await? {
        Some(stored) if stored.scenario == scenario => return Ok(stored),
        Some(stored) => update(&mut tx, ids, &actor, stored.id, sent).await?,
        None => create(&mut tx, ids, &actor, sent).await?,
    };
    tx.commit().await?;
    Ok(stored)
}
