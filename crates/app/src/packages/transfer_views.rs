//! Transfers and their items as they are listed and shown.

use std::collections::HashMap;
use std::sync::Arc;

use oms_core::events::entity;
use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::events::Steps;
use oms_store::lists::transfers::{self as store, Transfer, TransferItem};
use oms_store::lists::{self, Ask, Page};
use oms_store::orders::order_views::{self, Product};
use oms_store::places::locations::{self, Location};

use crate::rules::transitions::{self, Flow};
use crate::views::{Places, unique};
use crate::{App, Result};

/// Transfers with everything their rows point at.
pub struct TransferSet {
    pub page: Page<Transfer>,
    pub items: Vec<TransferItem>,
    pub products: HashMap<i64, Product>,
    pub locations: HashMap<i64, Location>,
    pub places: Places,
    pub flow: Arc<Flow>,
    /// Of the transfers.
    pub steps: Steps,
}

async fn rows(tx: &mut Tx, ask: &Ask) -> Result<Page<Transfer>> {
    let page = lists::page(tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    Ok(page.with(rows))
}

/// A page of transfers.
pub async fn list(app: &App, ask: &Ask) -> Result<TransferSet> {
    let flow = transitions::flow(app).await?;
    let mut tx = app.store.read().await?;
    let page = rows(&mut tx, ask).await?;
    set(flow, &mut tx, page).await
}

/// A page of transfers without the records around them.
pub async fn short(app: &App, ask: &Ask) -> Result<Page<Transfer>> {
    rows(&mut app.store.read().await?, ask).await
}

/// One transfer.
pub async fn get(app: &App, id: i64) -> Result<TransferSet> {
    let flow = transitions::flow(app).await?;
    let mut tx = app.store.read().await?;
    let rows = store::by_ids(&mut tx, vec![id]).await?;
    if rows.is_empty() {
        return Err(Refusal::not_found("transfer order", id).into());
    }
    set(flow, &mut tx, Page::whole(rows)).await
}

/// Those of these transfers that there are.
pub(crate) async fn of_ids(app: &App, ids: Vec<i64>) -> Result<TransferSet> {
    let flow = transitions::flow(app).await?;
    let mut tx = app.store.read().await?;
    let rows = store::by_ids(&mut tx, ids).await?;
    set(flow, &mut tx, Page::whole(rows)).await
}

async fn set(flow: Arc<Flow>, tx: &mut Tx, page: Page<Transfer>) -> Result<TransferSet> {
    let items = store::items_of(tx, page.rows.iter().map(|t| t.id).collect()).await?;
    let ends = page.rows.iter().flat_map(|t| [Some(t.from_location_id), Some(t.to_location_id)]);
    let locations = locations::by_ids(tx, unique(ends)).await?;
    Ok(TransferSet {
        flow,
        steps: Steps::of(tx, entity::TRANSFER, page.rows.iter().map(|t| t.id).collect()).await?,
        products: products_of(tx, &items).await?,
        places: Places::of(tx, locations.values().map(|l| &l.properties.address)).await?,
        page,
        items,
        locations,
    })
}

async fn products_of(tx: &mut Tx, items: &[TransferItem]) -> Result<HashMap<i64, Product>> {
    Ok(order_views::products(tx, unique(items.iter().map(|i| Some(i.product_id)))).await?)
}

/// Transfer items with their products.
pub struct ItemSet {
    pub page: Page<TransferItem>,
    pub products: HashMap<i64, Product>,
    /// Of their transfers.
    pub steps: Steps,
}

/// A page of transfer items.
pub async fn items(app: &App, ask: &Ask) -> Result<ItemSet> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::ITEM_LIST, store::ITEM_COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read_item).collect::<Result<Vec<_>, _>>()?;
    let products = products_of(&mut tx, &rows).await?;
    let transfers = unique(rows.iter().map(|i| Some(i.transfer_id)));
    let steps = Steps::of(&mut tx, entity::TRANSFER, transfers).await?;
    Ok(ItemSet { page: page.with(rows), products, steps })
}

/// One transfer item.
pub async fn item(app: &App, id: i64) -> Result<ItemSet> {
    let set = items(app, &Ask::id(id)).await?;
    if set.page.rows.is_empty() {
        return Err(Refusal::not_found("transfer item", id).into());
    }
    Ok(set)
}
