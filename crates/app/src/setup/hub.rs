//! The hub's client, made from the settings and kept while they stay the same: its token is dear.

use std::sync::Arc;

use oms_connect::hub::{EndpointConf, HubClient, HubSettings};
use oms_core::refusal::Refusal;
use oms_core::settings as table;
use tokio::sync::Mutex;

use crate::setup::settings;
use crate::{App, Result};

/// The client in use and the setting it was made from.
#[derive(Default)]
pub(crate) struct HubCache(Mutex<Option<(String, Arc<HubClient>)>>);

/// The hub's client, or a refusal that says which setting is missing.
pub async fn client(app: &App) -> Result<Arc<HubClient>> {
    find(app).await?.ok_or_else(|| {
        let message = "The hub is not configured. Save OMNITRON_CLIENT_SETTINGS with the hub's address and its \
                       technical user's credentials first.";
        Refusal::conflict("hub_not_configured", message).into()
    })
}

/// The hub's client if one is configured.
pub async fn find(app: &App) -> Result<Option<Arc<HubClient>>> {
    let mut tx = app.store.read().await?;
    let Some(stored) = oms_store::setup::settings::by_key(&mut tx, "OMNITRON_CLIENT_SETTINGS").await? else {
        return Ok(None);
    };
    drop(tx);
    let source = stored.value.to_string();
    let mut cache = app.hub.0.lock().await;
    if let Some((made_from, client)) = cache.as_ref()
        && *made_from == source
    {
        return Ok(Some(client.clone()));
    }
    let s: table::HubSettings = table::read(&stored.value)?;
    let endpoint = |e: table::HubEndpoint| EndpointConf {
        endpoint: e.endpoint,
        base_url: e.base_url,
        token: e.auth.token.into(),
    };
    let settings = HubSettings {
        base_url: s.urls.base_url,
        username: s.auth.username,
        password: s.auth.password.into(),
        connect_timeout_ms: s.timeouts.connect,
        read_timeout_ms: s.timeouts.read,
        endpoint_conf: s.endpoint_conf.into_iter().map(endpoint).collect(),
    };
    let client = Arc::new(HubClient::new(app.http.clone(), settings)?);
    *cache = Some((source, client.clone()));
    Ok(Some(client))
}

/// The types that hub events we register for.
pub(crate) async fn webhooks(app: &App) -> Result<table::HubWebhooks> {
    let mut tx = app.store.read().await?;
    let setting = settings::typed(&mut tx, "OMNITRON_WEBHOOKS").await?;
    Ok(setting.ok_or_else(|| {
        let message = "Save OMNITRON_WEBHOOKS with our public address, the events and the token first.";
        Refusal::conflict("webhooks_not_configured", message)
    })?)
}
