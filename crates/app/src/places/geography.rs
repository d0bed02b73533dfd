//! The address tree: copied from the hub, listed, and looked up when orders come in.

use std::collections::HashMap;
use std::sync::Arc;

use oms_connect::hub::{HubAddress, HubClient, Record};
use oms_core::geo::Point;
use oms_store::ids::IdKind;
use oms_store::orders::people::{self, HubPlaces, NewAddress};
use oms_store::places::geography::{self as store, Level, NewPlace};
use tokio::sync::Mutex;

use crate::setup::Progress;
use crate::{App, Result};

/// How long the hub's ids are kept in memory before they are read again.
const KEEP_US: i64 = 30_000_000;

/// Our ids of the hub's places, and where townships lie.
#[derive(Default)]
pub(crate) struct Places {
    ids: [HashMap<i64, i64>; 4],
    township_points: HashMap<i64, Point>,
}

#[derive(Default)]
pub(crate) struct PlacesCache(Mutex<Option<(i64, Arc<Places>)>>);

/// The places as they were at most half a minute ago.
pub(crate) async fn places(app: &App) -> Result<Arc<Places>> {
    let mut cache = app.places.0.lock().await;
    let now = app.now_us();
    if let Some((read_us, places)) = cache.as_ref()
        && (now - read_us).abs() < KEEP_US
    {
        return Ok(places.clone());
    }
    let mut tx = app.store.read().await?;
    let mut places = Places::default();
    for (i, level) in Level::ALL.into_iter().enumerate() {
        places.ids[i] = store::ids(&mut tx, level).await?;
    }
    places.township_points = store::points(&mut tx, Level::Township).await?;
    let places = Arc::new(places);
    *cache = Some((now, places.clone()));
    Ok(places)
}

pub(crate) async fn forget_places(app: &App) {
    *app.places.0.lock().await = None;
}

impl Places {
    fn id(&self, level: Level, hub_pk: Option<i64>) -> Option<i64> {
        self.ids[level as usize].get(&hub_pk?).copied()
    }

    /// Our ids of a country, city, township and district of the hub, and those of the hub if one of them is not here.
    pub(crate) fn ids_of(&self, hub: HubPlaces) -> ([Option<i64>; 4], Option<HubPlaces>) {
        let mut ours = [None; 4];
        for (level, pk) in Level::ALL.into_iter().zip(hub) {
            ours[level as usize] = self.id(level, pk);
        }
        let is_missing = ours.iter().zip(hub).any(|(id, pk)| pk.is_some() && id.is_none());
        (ours, is_missing.then_some(hub))
    }

    /// Where a township (our id) lies.
    pub(crate) fn township_point(&self, id: Option<i64>) -> Option<Point> {
        self.township_points.get(&id?).copied()
    }

    /// An address of the hub with our ids. Without coordinates of its own it lies in its township.
    pub(crate) fn address(&self, a: &HubAddress) -> NewAddress {
        let hub = [a.country.pk, a.city.pk, a.township.pk, a.district.pk];
        let ([country_id, city_id, township_id, district_id], hub_places) = self.ids_of(hub);
        NewAddress {
            omnitron_id: Some(a.pk),
            title: a.title.clone(),
            first_name: a.first_name.clone(),
            last_name: a.last_name.clone(),
            phone: a.phone_number.clone(),
            email: a.email.clone(),
            country_id,
            city_id,
            township_id,
            district_id,
            line: Some(a.line.clone()),
            postcode: a.postcode.clone(),
            notes: a.notes.clone(),
            company_name: a.company_name.clone(),
            point: a.point.or_else(|| self.township_point(township_id)),
            retail_store: a.retail_store_pk,
            hub_places,
        }
    }
}

/// The lists the hub counts its places by.
const HUB_LISTS: [&str; 4] = ["countries/", "cities/", "townships/", "districts/"];

/// Whether the hub holds a place that is not here.
pub(crate) async fn is_copy_required(app: &App, hub: &HubClient) -> Result<bool> {
    for (level, path) in Level::ALL.into_iter().zip(HUB_LISTS) {
        let theirs = hub.list_page(path, &[], 1, 1).await?.count as i64;
        let mut tx = app.store.read().await?;
        if store::count(&mut tx, level).await? < theirs {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A place as read from the hub, before our ids are known.
struct Read {
    pk: i64,
    name: String,
    code: Option<String>,
    parents: Vec<i64>,
    is_active: bool,
    point: Option<Point>,
}

/// Copies the tree from the root down. Says how many of how many after each level; returns records
/// that could not be taken.
pub(crate) async fn copy(app: &App, hub: &HubClient, progress: &Progress<'_>) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let (mut done, mut total) = (0, 0);
    for level in Level::ALL {
        let read = read_level(hub, level, &mut problems).await?;
        total += read.len() as i64;
        progress.note(done, total).await?;
        done += save_level(app, level, read, &mut problems).await?;
        progress.note(done, total).await?;
    }
    forget_places(app).await;
    resolve(app).await?;
    Ok(problems)
}

/// Gives addresses of orders and stores that came before their places those places, and wakes the orders that wait.
pub(crate) async fn resolve(app: &App) -> Result<()> {
    /// Addresses of one transaction.
    const STEP: usize = 500;
    let places = places(app).await?;
    let mut after = 0;
    loop {
        let mut tx = app.store.begin().await?;
        let found = people::unresolved(&mut tx, after, STEP).await?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = *last;
        let known = |(address_id, hub): &(i64, HubPlaces)| {
            let (ours, missing) = places.ids_of(*hub);
            people::Resolved {
                address_id: *address_id,
                places: ours,
                township_point: places.township_point(ours[Level::Township as usize]),
                is_partly: missing.is_some(),
            }
        };
        let resolved: Vec<_> = found.iter().map(known).collect();
        people::resolve(&mut tx, &resolved).await?;
        oms_store::planning::wakes::wake(&mut tx, app.now_us()).await?;
        tx.commit().await?;
    }
}

async fn read_level(hub: &HubClient, level: Level, problems: &mut Vec<String>) -> Result<Vec<Read>> {
    fn good<T>(records: Vec<Record<T>>, problems: &mut Vec<String>) -> Vec<T> {
        records.into_iter().filter_map(|r| r.map_err(|e| problems.push(e.to_string())).ok()).collect()
    }
    Ok(match level {
        Level::Country => good(hub.countries(|_| {}).await?, problems)
            .into_iter()
            .map(|c| Read {
                pk: c.pk,
                name: c.name,
                code: Some(c.code),
                parents: vec![],
                is_active: c.is_active,
                point: None,
            })
            .collect(),
        Level::City => good(hub.cities(|_| {}).await?, problems)
            .into_iter()
            .map(|c| Read {
                pk: c.pk,
                name: c.name,
                code: None,
                parents: vec![c.country_pk],
                is_active: c.is_active,
                point: c.point,
            })
            .collect(),
        Level::Township => good(hub.townships(|_| {}).await?, problems)
            .into_iter()
            .map(|t| Read {
                pk: t.pk,
                name: t.name,
                code: None,
                parents: vec![t.city_pk],
                is_active: t.is_active,
                point: t.point,
            })
            .collect(),
        Level::District => good(hub.districts(|_| {}).await?, problems)
            .into_iter()
            .map(|d| Read {
                pk: d.pk,
                name: d.name,
                code: None,
                parents: vec![d.city_pk, d.township_pk],
                is_active: d.is_active,
                point: d.point,
            })
            .collect(),
    })
}

async fn save_level(app: &App, level: Level, read: Vec<Read>, problems: &mut Vec<String>) -> Result<i64> {
    let mut ids = app.store.take_ids(IdKind::Geography, read.len()).await?;
    let mut tx = app.store.begin().await?;
    let mut parent_ids = Vec::new();
    for parent in level.parents() {
        let table = if *parent == "country_id" {
            Level::Country
        } else if *parent == "city_id" {
            Level::City
        } else {
            Level::Township
        };
        parent_ids.push(store::ids(&mut tx, table).await?);
    }
    let mut places = Vec::with_capacity(read.len());
    for r in read {
        let parents: Option<Vec<i64>> =
            r.parents.iter().zip(&parent_ids).map(|(pk, ids)| ids.get(pk).copied()).collect();
        let Some(parents) = parents else {
            problems.push(format!(
                "{} {} ({}) lies in a place the hub does not list",
                level.table(),
                r.pk,
                r.name
            ));
            continue;
        };
        let id = ids.next().expect("ids were taken for every place");
        places.push(NewPlace {
            id,
            omnitron_id: r.pk,
            name: r.name,
            code: r.code,
            parents,
            is_active: r.is_active,
            point: r.point,
        });
    }
    store::upsert(&mut tx, level, &places, app.now_us()).await?;
    tx.commit().await?;
    Ok(places.len() as i64)
}
