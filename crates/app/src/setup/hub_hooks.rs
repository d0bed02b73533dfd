//! Webhooks registered at the hub: all of them, ours and others', and whether what comes in is the hub's.

pub use oms_connect::hooks::Proof;
use oms_connect::hooks::is_signed;
use oms_connect::hub::{HubError, HubWebhook};
use oms_core::refusal::Refusal;
use oms_core::settings::HubWebhooks;
use oms_store::access::logs;
use oms_store::ids::IdKind;
use serde_json::json;

use crate::setup::{hub, settings};
use crate::{App, Result};

/// A webhook at the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    pub webhook: HubWebhook,
    /// It sends to the address of OMNITRON_WEBHOOKS.
    pub is_ours: bool,
}

/// Every webhook that the hub has, as it says now. Those it shows that cannot be read are counted.
pub async fn list(app: &App) -> Result<(Vec<Registered>, usize)> {
    let read = hub::client(app).await?.list_webhooks().await?;
    let base = wanted(app).await?.map(|w| format!("{}/", w.target_base_url.trim_end_matches('/')));
    let unreadable = read.iter().filter(|r| r.is_err()).count();
    let one = |webhook: HubWebhook| {
        let is_ours = base.as_ref().is_some_and(|base| webhook.target_url.starts_with(base));
        Registered { webhook, is_ours }
    };
    Ok((read.into_iter().flatten().map(one).collect(), unreadable))
}

async fn wanted(app: &App) -> Result<Option<HubWebhooks>> {
    settings::typed(&mut app.store.read().await?, "OMNITRON_WEBHOOKS").await
}

/// Switches one on or off at the hub. It is noted first: a hub that answers too late may have done it.
pub async fn switch(app: &App, actor_name: &str, pk: i64, is_active: bool) -> Result<HubWebhook> {
    let client = hub::client(app).await?;
    let there = client.list_webhooks().await?.into_iter().flatten().find(|w| w.pk == pk);
    let there = there.ok_or_else(|| Refusal::not_found("webhook at the hub", pk))?;
    let (audit, actor) = (app.store.take_id(IdKind::Row).await?, app.actor(actor_name).await?);
    let mut tx = app.store.begin().await?;
    logs::record_command(&mut tx, &actor, "hub.webhook").await?;
    let detail =
        json!({"event_type": there.event_type, "target_url": there.target_url, "is_active": is_active});
    logs::audit(&mut tx, audit, "hub_webhook", pk, "hub.webhook", &detail, &actor).await?;
    tx.commit().await?;
    let switched = client.switch_webhook(pk, is_active).await?;
    Ok(switched.map_err(|e| HubError::WrongShape { path: "webhooks/".into(), what: e.to_string() })?)
}

/// Whether a call of the hub is what it says: signed, where OMNITRON_WEBHOOKS has a secret.
pub async fn is_the_hubs(app: &App, proof: Proof<'_>, body: &[u8]) -> Result<bool> {
    let secret = wanted(app).await?.and_then(|w| w.secret_key);
    Ok(secret.is_none_or(|secret| is_signed(&secret, proof, body, app.now_us() / 1_000_000)))
}
