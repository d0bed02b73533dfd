//! Versions of scenarios: drafts, publishing, going back, and the history.

use oms_core::refusal::Refusal;
use oms_core::scenarios::lint::{Finding, Severity};
use oms_core::scenarios::{Family, Scenario};
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::rules::scenarios::{self as store, Draft, Stored, VersionRecord};
use serde_json::json;

use super::{ChangeIds, Sent, authorship, changed, hold, name_taken, refuse_unknown_locations};
use crate::{App, Result};

/// The longest comment, in characters.
pub const MAX_COMMENT: usize = 1_000;

/// A scenario's versions, newest first, and which is the current one.
pub async fn versions(app: &App, family: Family, id: i64) -> Result<(i64, Vec<VersionRecord>)> {
    let mut tx = app.store.read().await?;
    let stored = store::by_id(&mut tx, id).await?.filter(|s| s.family == family);
    let stored = stored.ok_or_else(|| not_found(family, id))?;
    Ok((stored.version, store::versions(&mut tx, id).await?))
}

fn not_found(family: Family, id: i64) -> Refusal {
    Refusal::not_found(&format!("{} scenario", family.as_str()), id)
}

/// The draft of a scenario.
pub async fn draft(app: &App, family: Family, id: i64) -> Result<Draft> {
    let mut tx = app.store.read().await?;
    store::by_id(&mut tx, id).await?.filter(|s| s.family == family).ok_or_else(|| not_found(family, id))?;
    Ok(store::draft(&mut tx, id).await?.ok_or_else(|| no_draft(id))?)
}

fn no_draft(id: i64) -> Refusal {
    Refusal::not_found("draft of scenario", id)
}

fn check_comment(comment: &str) -> Result<(), Refusal> {
    match comment.chars().count() {
        0..=MAX_COMMENT => Ok(()),
        _ => Err(Refusal::invalid(
            "comment",
            "invalid",
            format!("A comment has at most {MAX_COMMENT} characters."),
        )),
    }
}

/// Keeps a draft, checked like a scenario. Nothing is planned by it.
pub async fn put_draft(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64, sent: Sent<'_>) -> Result<Draft> {
    check_comment(sent.comment)?;
    hold(tx, sent.family, id).await?;
    let scenario = Scenario::read(sent.body, sent.family)?;
    refuse_unknown_locations(tx, sent.family, &scenario).await?;
    store::set_draft(tx, id, &scenario, authorship(actor, sent.comment)).await?;
    logs::record_command(tx, actor, "scenario.drafted").await?;
    logs::audit(tx, ids.audit, "scenario", id, "scenario.drafted", sent.body, actor).await?;
    Ok(store::draft(tx, id).await?.ok_or_else(|| no_draft(id))?)
}

/// Drops the draft.
pub async fn delete_draft(tx: &mut Tx, ids: ChangeIds, actor: &Actor, family: Family, id: i64) -> Result<()> {
    hold(tx, family, id).await?;
    store::draft(tx, id).await?.ok_or_else(|| no_draft(id))?;
    store::drop_draft(tx, id).await?;
    logs::record_command(tx, actor, "scenario.draft_deleted").await?;
    Ok(logs::audit(tx, ids.audit, "scenario", id, "scenario.draft_deleted", &json!({}), actor).await?)
}

/// Makes the draft the next version. The linter's errors refuse it unless `force`.
pub async fn publish(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    (family, id): (Family, i64),
    comment: &str,
    force: bool,
) -> Result<Stored> {
    check_comment(comment)?;
    let held = hold(tx, family, id).await?;
    let draft = store::draft(tx, id).await?.ok_or_else(|| no_draft(id))?;
    let findings = super::lint::findings(tx, family, Some(id), &draft.scenario).await?;
    let errors: Vec<Finding> = findings.into_iter().filter(|f| f.severity == Severity::Error).collect();
    if let Some(first) = errors.first().filter(|_| !force) {
        let more = match errors.len() {
            1 => String::new(),
            n => format!(" And {} more; the linter lists them.", n - 1),
        };
        let message = format!("{}{more} Mend it, or publish with force.", first.message);
        return Err(Refusal::invalid(first.at.clone(), first.code, message).into());
    }
    if store::by_name(tx, &draft.scenario.name).await?.is_some_and(|other| other.id != id) {
        return Err(name_taken(&draft.scenario.name).into());
    }
    let comment = if comment.is_empty() { &draft.comment } else { comment };
    store::update(tx, &held, &draft.scenario, authorship(actor, comment)).await?;
    store::drop_draft(tx, id).await?;
    let detail = json!({"comment": comment, "forced": force, "errors": errors.len()});
    changed(tx, id, ids, actor, "scenario.published", &detail).await
}

/// Makes an earlier version's content the next version.
pub async fn roll_back(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    (family, id): (Family, i64),
    version: i64,
    comment: &str,
) -> Result<Stored> {
    check_comment(comment)?;
    let held = hold(tx, family, id).await?;
    let earlier = store::version(tx, id, version).await?;
    let earlier = earlier.ok_or_else(|| Refusal::not_found("version of the scenario", version))?;
    refuse_unknown_locations(tx, family, &earlier).await?;
    if store::by_name(tx, &earlier.name).await?.is_some_and(|other| other.id != id) {
        return Err(name_taken(&earlier.name).into());
    }
    let comment = if comment.is_empty() { format!("back to version {version}") } else { comment.to_owned() };
    store::update(tx, &held, &earlier, authorship(actor, &comment)).await?;
    let detail = json!({"version": version, "comment": comment});
    changed(tx, id, ids, actor, "scenario.rolled_back", &detail).await
}
