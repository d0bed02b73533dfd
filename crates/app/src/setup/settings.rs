//! Application settings: listed, created, read and changed, with their secrets masked.

use oms_core::refusal::Refusal;
use oms_core::settings::{self as table, OrderFiltering};
use oms_store::Tx;
use oms_store::access::logs;
use oms_store::ids::IdKind;
use oms_store::planning::wakes;
use oms_store::setup::settings::{self as store, Setting};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::orders::intake;
use crate::{App, Result, planning};

/// The settings whose key contains `key`, masked.
pub async fn list(app: &App, key: &str) -> Result<Vec<Setting>> {
    let mut tx = app.store.read().await?;
    let mut all = store::all(&mut tx).await?;
    all.retain(|s| s.key.contains(key));
    Ok(all.into_iter().map(masked).collect())
}

/// One setting, masked.
pub async fn get(app: &App, id: i64) -> Result<Setting> {
    let mut tx = app.store.read().await?;
    let found = store::by_id(&mut tx, id).await?;
    Ok(masked(found.ok_or_else(|| Refusal::not_found("setting", id))?))
}

fn masked(mut setting: Setting) -> Setting {
    if let Some(row) = table::setting(&setting.key) {
        setting.value = row.masked(&setting.value);
    }
    setting
}

fn row_of(key: &str) -> Result<&'static table::Setting, Refusal> {
    table::setting(key).ok_or_else(|| {
        let known: Vec<_> = table::SETTINGS.iter().map(|s| s.key).collect();
        Refusal::invalid(
            "key",
            "invalid_choice",
            format!("{key:?} is not a setting. Known: {}.", known.join(", ")),
        )
    })
}

/// Ids a change of a setting needs, taken before its transaction.
pub struct ChangeIds {
    setting: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        setting: app.store.take_id(IdKind::Setting).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// Creates a setting. A key that is there already is refused.
pub async fn create(
    tx: &mut Tx,
    ids: &ChangeIds,
    actor: &logs::Actor,
    key: &str,
    value: &Value,
) -> Result<Setting> {
    let row = row_of(key)?;
    let value = row.accept(value, None)?;
    if !store::insert(tx, ids.setting, key, &value, actor.at_us).await? {
        let message = format!("The setting {key} exists already; change it at its own address instead.");
        return Err(Refusal::invalid("key", "unique", message).into());
    }
    changed(tx, ids.setting, ids, actor, row, "setting.created", &value).await?;
    Ok(masked(Setting { id: ids.setting, key: key.into(), value }))
}

/// Changes a setting's value; its key stays.
pub async fn update(
    tx: &mut Tx,
    ids: &ChangeIds,
    actor: &logs::Actor,
    id: i64,
    value: &Value,
) -> Result<Setting> {
    let stored = store::by_id(tx, id).await?.ok_or_else(|| Refusal::not_found("setting", id))?;
    let row = row_of(&stored.key)?;
    let value = row.accept(value, Some(&stored.value))?;
    store::update(tx, &stored.key, &value, actor.at_us).await?;
    changed(tx, id, ids, actor, row, "setting.updated", &value).await?;
    Ok(masked(Setting { id, key: stored.key, value }))
}

async fn changed(
    tx: &mut Tx,
    id: i64,
    ids: &ChangeIds,
    actor: &logs::Actor,
    row: &table::Setting,
    action: &str,
    value: &Value,
) -> Result<()> {
    logs::record_command(tx, actor, action).await?;
    let detail = json!({"key": row.key, "value": row.masked(value)});
    logs::audit(tx, ids.audit, "setting", id, action, &detail, actor).await?;
    match row.key {
        // The new interval counts from now.
        "REPLANNING" => {
            let every: table::Replanning = table::read(value)?;
            let next_us = actor.at_us + every.every_minutes * 60_000_000;
            store::set_fact(tx, planning::SWEEP, &next_us.to_string()).await?;
        }
        // Distances and areas are known, or are no more.
        "GEOLOCATION_DISCOVERY" | "GEOCODE_PROVIDER_SETTINGS" => wakes::wake(tx, actor.at_us).await?,
        _ => {}
    }
    if matches!(row.key, "ORDER_FILTERING" | "OMNITRON_CLIENT_SETTINGS") {
        // What the old filter left out, or another hub has, is looked at from the beginning.
        store::forget_fact(tx, intake::WATERMARK).await?;
    }
    Ok(())
}

/// Creates or changes a setting by key: for the demo and the command line.
pub async fn put(app: &App, actor_name: &str, key: &str, value: &Value) -> Result<()> {
    let (ids, actor) = (ids(app).await?, app.actor(actor_name).await?);
    let mut tx = app.store.begin().await?;
    match store::by_key(&mut tx, key).await? {
        Some(stored) if stored.value == *value => return Ok(()),
        Some(stored) => drop(update(&mut tx, &ids, &actor, stored.id, value).await?),
        None => drop(create(&mut tx, &ids, &actor, key, value).await?),
    }
    tx.commit().await?;
    Ok(())
}

/// A setting as its type; `None` if it was never set.
pub(crate) async fn typed<T: DeserializeOwned>(tx: &mut Tx, key: &str) -> Result<Option<T>> {
    let stored = store::by_key(tx, key).await?;
    Ok(stored.map(|s| table::read(&s.value)).transpose()?)
}

/// Which orders are taken.
pub(crate) async fn order_filtering(tx: &mut Tx) -> Result<OrderFiltering> {
    Ok(typed(tx, "ORDER_FILTERING").await?.unwrap_or_default())
}

/// Time zones, currencies and languages.
pub(crate) async fn regions(tx: &mut Tx) -> Result<table::MultiRegional> {
    Ok(typed(tx, "MULTI_REGIONAL_SETTINGS").await?.unwrap_or_default())
}

/// The same, for screens.
pub async fn regional(app: &App) -> Result<table::MultiRegional> {
    regions(&mut app.store.read().await?).await
}

/// The attribute that holds a merged line's count.
pub(crate) async fn quantity_key(tx: &mut Tx) -> Result<String> {
    let key: Option<table::QuantityKey> = typed(tx, "ORDER_ITEM_QUANTITY_KEY").await?;
    Ok(key.map_or_else(|| "quantity".into(), |k| k.key))
}

/// Whether distance is measured and areas are compared. The documents want both geo settings; the great
/// circle alone (`haversine`) needs no geocoder.
pub(crate) async fn measures_distance(tx: &mut Tx) -> Result<bool> {
    let geo: Option<table::GeolocationDiscovery> = typed(tx, "GEOLOCATION_DISCOVERY").await?;
    match geo.filter(|g| g.enabled) {
        None => Ok(false),
        Some(geo) if geo.provider == table::GeoProvider::Haversine => Ok(true),
        Some(_) => Ok(store::by_key(tx, "GEOCODE_PROVIDER_SETTINGS").await?.is_some()),
    }
}

/// Whether a geocoder is to be asked: discovery is on by a provider other than the great circle alone.
pub(crate) async fn geocodes(tx: &mut Tx) -> Result<bool> {
    let geo: Option<table::GeolocationDiscovery> = typed(tx, "GEOLOCATION_DISCOVERY").await?;
    Ok(geo.is_some_and(|g| g.enabled && g.provider != table::GeoProvider::Haversine))
}
