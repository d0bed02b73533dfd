//! Locations: made and changed by people, kept in step with the hub's stores.

use oms_connect::hub::{HubClient, HubStore, HubStoreKind};
use oms_core::locations::LocationKind;
use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::orders::people::NewAddress;
use oms_store::places::locations::{self as store, Location, Properties, SaveIds};
use oms_store::planning::wakes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::places::geography::{self, Places};
use crate::setup::Progress;
use crate::stock::engines;
use crate::{App, Result};

/// Ids a change of a location needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    save: SaveIds,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    let save = SaveIds {
        location: app.store.take_id(IdKind::Location).await?,
        address: app.store.take_id(IdKind::Address).await?,
        event: app.store.take_id(IdKind::Row).await?,
    };
    Ok(ChangeIds { save, audit: app.store.take_id(IdKind::Row).await? })
}

/// One location.
pub async fn get(app: &App, id: i64) -> Result<Location> {
    let mut tx = app.store.read().await?;
    let found = store::by_ids(&mut tx, vec![id]).await?.remove(&id);
    Ok(found.ok_or_else(|| Refusal::not_found("location", id))?)
}

/// A location as it is before anybody said anything of it.
pub fn blank(erp_code: &str, name: &str, kind: LocationKind) -> Properties {
    Properties {
        omnitron_id: None,
        erp_code: erp_code.into(),
        name: name.into(),
        kind,
        is_fulfillment_center: true,
        is_pickup_location: false,
        is_delivery_location: true,
        is_return_available: false,
        is_fast_delivery_available: false,
        is_shipper: true,
        is_active: true,
        priority: 0,
        max_quota: None,
        engine: None,
        email: None,
        daytime_phone: None,
        evening_phone: None,
        fax_number: None,
        targeted_packaging_minutes: None,
        targeted_exit_minutes: None,
        conf: json!({}),
        tags: json!([]),
        calendar: serde_json::Value::Null,
        address: NewAddress::default(),
    }
}

/// Creates a location. A taken `erp_code` is refused.
pub async fn create(tx: &mut Tx, ids: ChangeIds, actor: &Actor, p: &Properties) -> Result<Location> {
    refuse_taken(tx, p, None).await?;
    write(tx, None, p, None, ids, actor).await
}

/// Gives a location other properties.
pub async fn update(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    change: impl FnOnce(&mut Properties) -> Result<(), Refusal>,
) -> Result<Location> {
    let before = store::lock(tx, id).await?.ok_or_else(|| Refusal::not_found("location", id))?;
    let mut p = before.properties.clone();
    change(&mut p)?;
    refuse_taken(tx, &p, Some(id)).await?;
    write(tx, Some(&before), &p, None, ids, actor).await
}

/// Removes a location that nothing refers to; one with packages or stock movements can only be made inactive.
pub async fn delete(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64) -> Result<()> {
    let before = store::lock(tx, id).await?.ok_or_else(|| Refusal::not_found("location", id))?;
    let refer = store::delete(tx, id).await?;
    if !refer.is_empty() {
        let message =
            format!("The location has {}; set is_active to false instead of deleting it.", refer.join(", "));
        return Err(Refusal::conflict("location_in_use", message).into());
    }
    logs::record_command(tx, actor, "location.deleted").await?;
    let detail = json!({"erp_code": before.properties.erp_code});
    Ok(logs::audit(tx, ids.audit, "stock_location", id, "location.deleted", &detail, actor).await?)
}

async fn refuse_taken(tx: &mut Tx, p: &Properties, id: Option<i64>) -> Result<()> {
    match store::find(tx, &p.erp_code, p.omnitron_id).await?.into_iter().find(|l| Some(l.id) != id) {
        None => Ok(()),
        Some(other) if other.properties.erp_code == p.erp_code => {
            let message =
                format!("Location {} already has the erp_code {}; choose another.", other.id, p.erp_code);
            Err(Refusal::invalid("erp_code", "unique", message).into())
        }
        Some(other) => {
            let message = format!("Location {} already stands for that store of the hub.", other.id);
            Err(Refusal::invalid("omnitron_id", "unique", message).into())
        }
    }
}

async fn write(
    tx: &mut Tx,
    before: Option<&Location>,
    p: &Properties,
    hub_hash: Option<[u8; 32]>,
    ids: ChangeIds,
    actor: &Actor,
) -> Result<Location> {
    let action = if before.is_none() { "location.created" } else { "location.updated" };
    engines::attach(tx, before, p.engine, p.is_active).await?;
    logs::record_command(tx, actor, action).await?;
    let id = store::save(tx, before, p, hub_hash, ids.save, actor).await?;
    if before.is_none_or(|b| b.properties != *p) {
        wakes::wake(tx, actor.at_us).await?;
    }
    let detail = json!({"erp_code": p.erp_code, "is_active": p.is_active, "priority": p.priority, "max_quota": p.max_quota,
                        "engine": p.engine});
    logs::audit(tx, ids.audit, "stock_location", id, action, &detail, actor).await?;
    let saved = store::by_ids(tx, vec![id]).await?.remove(&id);
    Ok(saved.ok_or_else(|| {
        oms_store::StoreError::Corrupt(format!("location {id} was just written and is gone"))
    })?)
}

/// Whether a store of the hub is missing here or has changed there.
pub(crate) async fn is_copy_required(app: &App, hub: &HubClient) -> Result<bool> {
    let stores = hub.stores(|_| {}).await?;
    let mut tx = app.store.read().await?;
    let ours = store::all(&mut tx).await?;
    let in_step = |s: &HubStore| {
        ours.iter()
            .any(|l| l.properties.omnitron_id == Some(s.pk) && l.hub_hash.as_deref() == Some(&digest(s)[..]))
    };
    Ok(stores.iter().flatten().any(|s| !in_step(s)))
}

/// Copies the hub's stores; returns records that could not be taken.
pub(crate) async fn copy(app: &App, hub: &HubClient, progress: &Progress<'_>) -> Result<Vec<String>> {
    /// Stores between two notes of progress.
    const STEP: usize = 25;
    let stores = hub.stores(|_| {}).await?;
    let total = stores.len() as i64;
    let mut problems = Vec::new();
    for (i, record) in stores.into_iter().enumerate() {
        if i.is_multiple_of(STEP) {
            progress.note(i as i64, total).await?;
        }
        match record {
            Ok(s) => match sync(app, &s).await {
                Ok(()) => {}
                Err(crate::Error::Refused(refusal)) => problems.push(format!("store {}: {refusal}", s.pk)),
                Err(other) => return Err(other),
            },
            Err(e) => problems.push(e.to_string()),
        }
    }
    geography::resolve(app).await?;
    progress.note(total, total).await?;
    Ok(problems)
}

/// Brings one location in step with the hub's store: what the hub owns follows it, what people set
/// here (priority, quota, uses) stays.
pub(crate) async fn sync(app: &App, s: &HubStore) -> Result<()> {
    let places = geography::places(app).await?;
    let (ids, actor) = (ids(app).await?, app.actor("hub").await?);
    let erp_code =
        s.erp_code.clone().filter(|e| !e.is_empty()).unwrap_or_else(|| format!("omnitron-{}", s.pk));
    let hash = digest(s);
    let mut tx = app.store.begin().await?;
    let found = store::find(&mut tx, &erp_code, Some(s.pk)).await?;
    let ours = found.iter().find(|l| l.properties.omnitron_id == Some(s.pk)).or(found.first());
    let before = match ours {
        Some(l) => store::lock(&mut tx, l.id).await?,
        None => None,
    };
    if before.as_ref().is_some_and(|b| b.hub_hash.as_deref() == Some(&hash[..])) {
        return Ok(());
    }
    let kind = match s.kind {
        Some(HubStoreKind::Warehouse) => LocationKind::Warehouse,
        Some(HubStoreKind::Store) | None => LocationKind::Store,
    };
    let mut p = before.as_ref().map_or_else(|| blank(&erp_code, &s.name, kind), |b| b.properties.clone());
    if s.kind.is_some() {
        p.kind = kind;
    }
    take_over(&mut p, s, erp_code, &places);
    refuse_taken(&mut tx, &p, before.as_ref().map(|b| b.id)).await?;
    write(&mut tx, before.as_ref(), &p, Some(hash), ids, &actor).await?;
    Ok(tx.commit().await?)
}

fn take_over(p: &mut Properties, s: &HubStore, erp_code: String, places: &Places) {
    p.omnitron_id = Some(s.pk);
    p.erp_code = erp_code;
    p.name.clone_from(&s.name);
    p.is_pickup_location = s.click_and_collect;
    p.is_fast_delivery_available = s.fast_delivery;
    p.is_active = s.is_active;
    p.daytime_phone.clone_from(&s.phone);
    p.fax_number.clone_from(&s.fax);
    let hub = [s.country_pk, s.city_pk, s.township_pk, s.district_pk];
    let ([country_id, city_id, township_id, district_id], hub_places) = places.ids_of(hub);
    p.address = NewAddress {
        title: Some(s.name.clone()),
        country_id,
        city_id,
        township_id,
        district_id,
        line: Some(s.address.clone()),
        point: s.point.or_else(|| places.township_point(township_id)),
        hub_places,
        ..NewAddress::default()
    };
}

/// What the hub says of a store, in 32 bytes.
fn digest(s: &HubStore) -> [u8; 32] {
    Sha256::digest(format!("{s:?}")).into()
}

/// Every location by id.
pub async fn by_id(app: &App) -> Result<std::collections::HashMap<i64, Location>> {
    let mut tx = app.store.read().await?;
    Ok(oms_store::places::locations::all(&mut tx).await?.into_iter().map(|l| (l.id, l)).collect())
}
