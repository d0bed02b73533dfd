//! Sales channels: copied from the hub, or made here by a brand without one, and looked up when orders come in.

use std::collections::HashMap;

use oms_connect::hub::{HubChannel, HubClient};
use oms_core::refusal::Refusal;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::places::channels::{self as store, Channel, NewChannel};
use oms_store::setup::settings;
use oms_store::{StoreError, Tx};
use serde_json::{Value, json};

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

/// A channel of a brand without a hub, as it is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub name: String,
    pub channel_type: String,
    /// An object.
    pub configuration: Value,
    pub is_active: bool,
}

/// Ids a change needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    channel: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        channel: app.store.take_id(IdKind::Channel).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// The longest name or type, in characters.
const MAX_NAME: usize = 200;

fn check(name: &str, channel_type: &str) -> Result<()> {
    for (field, text) in [("name", name), ("channel_type", channel_type)] {
        if text.trim().is_empty() || text.chars().count() > MAX_NAME {
            let message = format!("1 to {MAX_NAME} characters are expected.");
            return Err(Refusal::invalid(field, "invalid", message).into());
        }
    }
    Ok(())
}

/// Makes a channel, where no hub has them.
pub async fn create(tx: &mut Tx, ids: ChangeIds, actor: &Actor, wanted: Wanted) -> Result<Channel> {
    if settings::by_key(tx, "OMNITRON_CLIENT_SETTINGS").await?.is_some() {
        return Err(of_hub("Make the channel at the hub and copy it with channels/execute/.").into());
    }
    check(&wanted.name, &wanted.channel_type)?;
    let new = NewChannel {
        id: ids.channel,
        omnitron_id: None,
        name: wanted.name,
        channel_type: wanted.channel_type,
        configuration: wanted.configuration.to_string(),
        is_active: wanted.is_active,
    };
    store::upsert(tx, &[new], actor.at_us).await?;
    note(tx, ids, actor, ids.channel, "channel.created").await
}

/// Changes a channel that was made here.
pub async fn update(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    change: impl FnOnce(&mut Channel),
) -> Result<Channel> {
    let mut channel =
        store::by_ids(tx, vec![id]).await?.remove(&id).ok_or_else(|| Refusal::not_found("channel", id))?;
    if channel.omnitron_id.is_some() {
        return Err(of_hub("Change it there and copy it with channels/execute/.").into());
    }
    change(&mut channel);
    check(&channel.name, &channel.channel_type)?;
    store::update(tx, &channel, actor.at_us).await?;
    note(tx, ids, actor, id, "channel.updated").await
}

fn of_hub(advice: &str) -> Refusal {
    Refusal::conflict("channels_of_hub", format!("Channels are the hub's where one is set. {advice}"))
}

async fn note(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64, action: &str) -> Result<Channel> {
    logs::record_command(tx, actor, action).await?;
    let saved = store::by_ids(tx, vec![id]).await?.remove(&id);
    let saved =
        saved.ok_or_else(|| StoreError::Corrupt(format!("channel {id} was just written and is gone")))?;
    let detail =
        json!({"name": saved.name, "channel_type": saved.channel_type, "is_active": saved.is_active});
    logs::audit(tx, ids.audit, "channel", id, action, &detail, actor).await?;
    Ok(saved)
}
