//! Packages as they are listed and shown.

pub mod bulk;
pub mod commands;
pub mod pickup_codes;
pub mod transfer_views;
pub mod transfers;

use std::collections::HashMap;
use std::sync::Arc;

use oms_core::events::entity;
use oms_core::refusal::Refusal;
use oms_store::events::Steps;
use oms_store::lists::{self, Ask, Page};
use oms_store::packages::{self as store, Package, PackageItem};

use oms_store::packages::shipments::{self, Shipment};

use crate::rules::transitions::{self, Flow};
use crate::views::{Nested, unique};
use crate::{App, Result};

/// Packages with everything their rows point at.
pub struct PackageSet {
    pub page: Page<Package>,
    pub items: Vec<PackageItem>,
    pub nested: Nested,
    /// By package; the newest last.
    pub shipments: HashMap<i64, Vec<Shipment>>,
    /// By package.
    pub invoice_numbers: HashMap<i64, String>,
    pub flow: Arc<Flow>,
    /// Of the packages.
    pub steps: Steps,
}

/// A page of packages.
pub async fn list(app: &App, ask: &Ask) -> Result<PackageSet> {
    let flow = transitions::flow(app).await?;
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    set(flow, &mut tx, page.with(rows)).await
}

/// One package.
pub async fn get(app: &App, id: i64) -> Result<PackageSet> {
    let flow = transitions::flow(app).await?;
    let mut tx = app.store.read().await?;
    let rows = store::by_ids(&mut tx, vec![id]).await?;
    if rows.is_empty() {
        return Err(Refusal::not_found("package", id).into());
    }
    set(flow, &mut tx, Page::whole(rows)).await
}

/// Those of these packages that there are.
pub(crate) async fn of_ids(app: &App, ids: Vec<i64>) -> Result<PackageSet> {
    let flow = transitions::flow(app).await?;
    let mut tx = app.store.read().await?;
    let rows = store::by_ids(&mut tx, ids).await?;
    set(flow, &mut tx, Page::whole(rows)).await
}

async fn set(flow: Arc<Flow>, tx: &mut oms_store::Tx, page: Page<Package>) -> Result<PackageSet> {
    let items = store::items_of(tx, page.rows.iter().map(|p| p.id).collect()).await?;
    let nested = Nested::of_packages(tx, &page.rows, &items).await?;
    let ids: Vec<i64> = page.rows.iter().map(|p| p.id).collect();
    let mut by_package: HashMap<i64, Vec<Shipment>> = HashMap::new();
    for shipment in shipments::of_packages(tx, ids.clone()).await? {
        by_package.entry(shipment.package_id.unwrap_or_default()).or_default().push(shipment);
    }
    let steps = Steps::of(tx, entity::PACKAGE, ids.clone()).await?;
    let invoice_numbers = store::invoice_numbers(tx, ids).await?.into_iter().collect();
    Ok(PackageSet { page, items, nested, shipments: by_package, invoice_numbers, flow, steps })
}

/// A package without the records around it.
pub struct ShortPackage {
    pub package: Package,
    pub erp_code: String,
    pub item_count: i64,
}

/// A page of packages in short.
pub async fn short(app: &App, ask: &Ask) -> Result<Page<ShortPackage>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    let ids = rows.iter().map(|p| p.id).collect();
    let counts: HashMap<i64, i64> = store::item_counts(&mut tx, ids).await?.into_iter().collect();
    let places = rows.iter().map(|p| p.location_id).collect();
    let locations = oms_store::places::locations::by_ids(&mut tx, places).await?;
    let short = |package: Package| ShortPackage {
        erp_code: locations
            .get(&package.location_id)
            .map(|l| l.properties.erp_code.clone())
            .unwrap_or_default(),
        item_count: counts.get(&package.id).copied().unwrap_or(0),
        package,
    };
    Ok(page.with(rows).map(short))
}

/// Package items with everything their rows point at.
pub struct ItemSet {
    pub page: Page<PackageItem>,
    pub nested: Nested,
    /// Of their packages.
    pub steps: Steps,
}

/// A page of package items.
pub async fn items(app: &App, ask: &Ask) -> Result<ItemSet> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::ITEM_LIST, store::ITEM_COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read_item).collect::<Result<Vec<_>, _>>()?;
    let nested = Nested::of_packages(&mut tx, &[], &rows).await?;
    let packages = unique(rows.iter().map(|i| Some(i.package_id)));
    let steps = Steps::of(&mut tx, entity::PACKAGE, packages).await?;
    Ok(ItemSet { page: page.with(rows), nested, steps })
}

/// One package item.
pub async fn item(app: &App, id: i64) -> Result<ItemSet> {
    let set = items(app, &Ask::id(id)).await?;
    if set.page.rows.is_empty() {
        return Err(Refusal::not_found("package item", id).into());
    }
    Ok(set)
}
