//! When a cargo company applies: rules over the order and the goods of a parcel.

use oms_core::cargo_companies::Rules;
use oms_core::refusal::Refusal;
use oms_store::access::logs::{self, Actor};
use oms_store::carriers::cargo_companies;
use oms_store::carriers::conditions::{self as store, Condition};
use oms_store::lists::{self, Ask, Page};
use oms_store::{StoreError, Tx};
use serde_json::{Value, json};

use crate::carriers::cargo_companies::{ChangeIds, no_company};
use crate::{App, Result};

/// A page of conditions.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Condition>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(page.with(rows))
}

/// One condition.
pub async fn get(app: &App, id: i64) -> Result<Condition> {
    Ok(store::by_id(&mut app.store.read().await?, id).await?.ok_or_else(|| no_condition(id))?)
}

fn no_condition(id: i64) -> Refusal {
    Refusal::not_found("cargo company condition", id)
}

/// Checks the rules and holds the company they are of.
async fn check(tx: &mut Tx, company: i64, rules: &Value) -> Result<()> {
    Rules::from_json(rules)?;
    if cargo_companies::hold(tx, company).await?.is_none() {
        let message = no_company(company).message;
        return Err(Refusal::invalid("cargo_company", "not_found", message).into());
    }
    Ok(())
}

/// Makes a condition.
pub async fn create(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    company: i64,
    rules: &Value,
) -> Result<Condition> {
    check(tx, company, rules).await?;
    store::insert(tx, ids.own, company, rules, actor.at_us).await?;
    note(tx, ids, actor, ids.own, "cargo_company_condition.created").await
}

/// Gives a condition another content.
pub async fn update(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    company: i64,
    rules: &Value,
) -> Result<Condition> {
    check(tx, company, rules).await?;
    if !store::update(tx, id, company, rules, actor.at_us).await? {
        return Err(no_condition(id).into());
    }
    note(tx, ids, actor, id, "cargo_company_condition.updated").await
}

/// Removes a condition.
pub async fn remove(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64) -> Result<()> {
    let found = store::by_id(tx, id).await?.ok_or_else(|| no_condition(id))?;
    store::remove(tx, id).await?;
    logs::record_command(tx, actor, "cargo_company_condition.removed").await?;
    audit(tx, ids, actor, &found, "cargo_company_condition.removed").await
}

async fn note(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64, action: &str) -> Result<Condition> {
    logs::record_command(tx, actor, action).await?;
    let saved = store::by_id(tx, id).await?.ok_or_else(|| no_condition(id))?;
    audit(tx, ids, actor, &saved, action).await?;
    Ok(saved)
}

async fn audit(tx: &mut Tx, ids: ChangeIds, actor: &Actor, c: &Condition, action: &str) -> Result<()> {
    let detail = json!({"cargo_company": c.cargo_company_id, "rules_configuration": c.rules_configuration});
    Ok(logs::audit(tx, ids.audit, "cargo_company_condition", c.id, action, &detail, actor).await?)
}
