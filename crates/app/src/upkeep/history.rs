//! What happened to a record, for its timeline.

use std::collections::BTreeSet;

use oms_store::Tx;
use oms_store::rules::denial_reasons;
use oms_store::upkeep::history as store;
pub use oms_store::upkeep::history::Entry;

use crate::{App, Result};

/// The most changes a timeline shows.
pub const MOST: i64 = 300;

/// The changes of a record, oldest first, with people's names and reasons' titles in place of their ids.
pub async fn of(app: &App, records: &[(&str, i64)]) -> Result<Vec<Entry>> {
    let mut tx = app.store.read().await?;
    let mut all = Vec::new();
    for (entity, id) in records {
        all.extend(store::of(&mut tx, entity, *id, MOST).await?);
    }
    all.sort_by(|a, b| {
        (a.at_us, &a.entity, a.entity_id, a.seq).cmp(&(b.at_us, &b.entity, b.entity_id, b.seq))
    });
    let id = |actor: &str| actor.strip_prefix("user:").and_then(|id| id.parse::<i64>().ok());
    let ids: BTreeSet<i64> = all.iter().filter_map(|e| id(&e.actor)).collect();
    let names = store::usernames(&mut tx, ids.into_iter().collect()).await?;
    for entry in &mut all {
        if let Some(name) = id(&entry.actor).and_then(|id| names.get(&id)) {
            entry.actor.clone_from(name);
        }
    }
    tell_reasons(&mut tx, &mut all).await?;
    Ok(all)
}

/// Puts the title of a refusal's reason beside its step.
async fn tell_reasons(tx: &mut Tx, entries: &mut [Entry]) -> Result<()> {
    let ids: BTreeSet<i64> = entries.iter().filter_map(|e| e.delta["denial_reason"].as_i64()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let reasons = denial_reasons::by_ids(tx, ids.into_iter().collect()).await?;
    for entry in entries.iter_mut() {
        let reason = entry.delta["denial_reason"].as_i64().and_then(|id| reasons.iter().find(|r| r.id == id));
        if let (Some(reason), Some(attributes)) = (reason, entry.attributes.as_object_mut()) {
            attributes.insert("denial_reason".into(), reason.title.clone().into());
        }
    }
    Ok(())
}
