//! Why stores refuse packages: made, changed and listed by the brand.

use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::rules::denial_reasons::{self as store, DenialReason};
use serde_json::{Value, json};

use crate::{App, Result};

/// The documented length of a title.
const MAX_TITLE: usize = 255;
/// The documented length of the brand's key.
const MAX_REMOTE_ID: usize = 100;
const KEYS: [&str; 6] = ["title", "remote_id", "priority", "is_active", "stock_effect", "excludes_location"];

/// A page of reasons.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<DenialReason>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    Ok(page.with(rows))
}

/// One reason.
pub async fn get(app: &App, id: i64) -> Result<DenialReason> {
    let found = store::by_id(&mut app.store.read().await?, id).await?;
    Ok(found.ok_or_else(|| Refusal::not_found("denial reason", id))?)
}

/// Ids that a change needs: its own and an audit row.
pub async fn ids(app: &App) -> Result<(i64, i64)> {
    Ok((app.store.take_id(IdKind::DenialReason).await?, app.store.take_id(IdKind::Row).await?))
}

/// Makes a reason.
pub async fn create(tx: &mut Tx, actor: &Actor, (id, row): (i64, i64), body: &Value) -> Result<DenialReason> {
    let blank = DenialReason {
        id,
        title: String::new(),
        remote_id: None,
        priority: None,
        is_active: true,
        is_missing: false,
        excludes_location: true,
        created_us: actor.at_us,
        modified_us: actor.at_us,
    };
    put(tx, actor, row, read(blank, body)?, "denial_reason.create").await
}

/// Changes the fields of a reason that the body names.
pub async fn change(tx: &mut Tx, actor: &Actor, row: i64, id: i64, body: &Value) -> Result<DenialReason> {
    let old = store::by_id(tx, id).await?.ok_or_else(|| Refusal::not_found("denial reason", id))?;
    let mut new = read(old, body)?;
    new.modified_us = actor.at_us;
    put(tx, actor, row, new, "denial_reason.change").await
}

async fn put(
    tx: &mut Tx,
    actor: &Actor,
    row: i64,
    reason: DenialReason,
    action: &str,
) -> Result<DenialReason> {
    logs::record_command(tx, actor, action).await?;
    if let Err(error) = store::put(tx, &reason).await {
        if error.is_duplicate() {
            let message = format!("There is a reason {:?} already; titles are unique.", reason.title);
            return Err(Refusal::invalid("title", "duplicate_key", message).into());
        }
        return Err(error.into());
    }
    let detail = json!({"title": reason.title, "is_active": reason.is_active, "is_missing": reason.is_missing,
        "excludes_location": reason.excludes_location});
    logs::audit(tx, row, "denial_reason", reason.id, action, &detail, actor).await?;
    Ok(reason)
}

/// Removes a reason that was never used.
pub async fn delete(tx: &mut Tx, actor: &Actor, row: i64, id: i64) -> Result<()> {
    if store::by_id(tx, id).await?.is_none() {
        return Err(Refusal::not_found("denial reason", id).into());
    }
    logs::record_command(tx, actor, "denial_reason.delete").await?;
    if !store::delete(tx, id).await? {
        let message = "Packages were refused with this reason; make it inactive instead.";
        return Err(Refusal::conflict("in_use", message).into());
    }
    logs::audit(tx, row, "denial_reason", id, "denial_reason.delete", &json!({}), actor).await?;
    Ok(())
}

fn read(mut reason: DenialReason, body: &Value) -> Result<DenialReason, Refusal> {
    let wrong = |field: &str, message: &str| Err(Refusal::invalid(field, "invalid", message));
    let Some(body) = body.as_object() else { return wrong("non_field_errors", "A JSON object is expected.") };
    const READ_ONLY: [&str; 3] = ["id", "created_date", "modified_date"];
    if let Some(key) = body.keys().find(|k| !KEYS.contains(&k.as_str()) && !READ_ONLY.contains(&k.as_str())) {
        return wrong(key, &format!("{key:?} is not known here. Known: {}.", KEYS.join(", ")));
    }
    let fits = |s: &str, most: usize| (1..=most).contains(&s.chars().count()) && !s.contains('\0');
    match body.get("title") {
        None if !reason.title.is_empty() => {}
        Some(Value::String(s)) if fits(s.trim(), MAX_TITLE) => reason.title = s.trim().to_owned(),
        _ => return wrong("title", "A title of 1 to 255 characters is expected."),
    }
    match body.get("remote_id") {
        None => {}
        Some(Value::Null) => reason.remote_id = None,
        Some(Value::String(s)) if fits(s, MAX_REMOTE_ID) => reason.remote_id = Some(s.clone()),
        Some(_) => return wrong("remote_id", "A text of 1 to 100 characters, or null, is expected."),
    }
    match body.get("priority") {
        None => {}
        Some(Value::Null) => reason.priority = None,
        Some(v) if v.is_i64() => reason.priority = v.as_i64(),
        Some(_) => return wrong("priority", "A whole number, or null, is expected."),
    }
    for (key, slot) in
        [("is_active", &mut reason.is_active), ("excludes_location", &mut reason.excludes_location)]
    {
        match body.get(key) {
            None => {}
            Some(Value::Bool(b)) => *slot = *b,
            Some(_) => return wrong(key, "true or false is expected."),
        }
    }
    match body.get("stock_effect").map(Value::as_str) {
        None => {}
        Some(Some("none")) => reason.is_missing = false,
        Some(Some("missing")) => reason.is_missing = true,
        Some(_) => return wrong("stock_effect", "none or missing is expected."),
    }
    Ok(reason)
}
