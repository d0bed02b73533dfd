//! Sales channels: copied from the hub, and looked up when orders come in.

use std::collections::HashMap;

use oms_connect::hub::{HubChannel, HubClient};
use oms_store::channels::{self as store, NewChannel};
use oms_store::ids::IdKind;

use crate::setup::Progress;
use crate::{App, Result};

/// Whether the hub holds a channel that is not here.
pub(crate) async fn is_copy_required(app: &App, hub: &HubClient) -> Result<bool> {
    let theirs = hub.channels(|_| {}).await?;
    let ours = by_hub_pk(app).await?;
    Ok(theirs.iter().flatten().any(|c| !ours.contains_key(&c.pk)))
}

/// Copies the channels; returns records that could not be taken.
pub(crate) async fn copy(app: &App, hub: &HubClient, progress: &Progress<'_>) -> Result<Vec<String>> {
    let read = hub.channels(|_| {}).await?;
    let total = read.len() as i64;
    progress.note(0, total).await?;
    let mut problems = Vec::new();
    let good: Vec<_> =
        read.into_iter().filter_map(|r| r.map_err(|e| problems.push(e.to_string())).ok()).collect();
    save(app, &good).await?;
    progress.note(good.len() as i64, total).await?;
    Ok(problems)
}

async fn save(app: &App, channels: &[HubChannel]) -> Result<()> {
    let ids = app.store.take_ids(IdKind::Channel, channels.len()).await?;
    let new = |(c, id): (&HubChannel, i64)| NewChannel {
        id,
        omnitron_id: Some(c.pk),
        name: c.name.clone(),
        channel_type: c.channel_type.clone(),
        configuration: c.conf.to_string(),
        is_active: c.is_active,
    };
    let rows: Vec<_> = channels.iter().zip(ids).map(new).collect();
    let mut tx = app.store.begin().await?;
    store::upsert(&mut tx, &rows, app.now_us()).await?;
    Ok(tx.commit().await?)
}

/// Our ids by the hub's.
pub(crate) async fn by_hub_pk(app: &App) -> Result<HashMap<i64, i64>> {
    let mut tx = app.store.read().await?;
    let all = store::all(&mut tx).await?;
    Ok(all.into_iter().filter_map(|c| Some((c.omnitron_id?, c.id))).collect())
}
