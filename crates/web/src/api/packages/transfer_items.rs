//! Transfer items, listed and shown.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use oms_app::objects::states::of_transfer_item;
use oms_app::objects::transfer_items::{TransferItemView, view};
use oms_app::packages::transfer_views;
use oms_app::upkeep::reports;
use oms_store::lists::Page;
use oms_store::lists::reports::TRANSFER_ITEMS;
use oms_store::lists::transfers::{ITEM_LIST, TransferItem};
use oms_store::orders::order_views::Product;
use serde::Serialize;
use utoipa::ToSchema;

use crate::export::{self, FORMAT_TEXT, Format, Table};
use crate::input::Id;
use crate::paging::{ExportQuery, ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A transfer item with the product as an id.
#[derive(Serialize, ToSchema)]
pub(crate) struct SimpleTransferItem {
    id: i64,
    /// The state's word, for example `waiting`.
    state: String,
    package_item: i64,
    /// The product's id.
    product: i64,
    stock_code: Option<String>,
    quantity: i64,
    transfer_order: i64,
}

fn simple(i: &TransferItem, products: &HashMap<i64, Product>) -> SimpleTransferItem {
    SimpleTransferItem {
        id: i.id,
        state: of_transfer_item(i.state).enum_value,
        package_item: i.package_item_id,
        product: i.product_id,
        stock_code: products.get(&i.product_id).map(|p| p.sku.clone()),
        quantity: i.quantity,
        transfer_order: i.transfer_id,
    }
}

/// List transfer items.
#[utoipa::path(get, path = "/api/v1/oms/transfer-items/", tag = "transfers",
    params(("format" = Option<String>, Query, description = FORMAT_TEXT)),
    responses((status = 200, content((Paged<TransferItemView> = "application/json"), (String = "text/csv"), (String = "text/html"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub(crate) async fn list(
    State(state): State<WebState>,
    ExportQuery { list: query, format }: ExportQuery,
) -> Result<Response, Problem> {
    let ask = query.ask(&ITEM_LIST)?;
    if format != Format::Json {
        let turn = export::turn().await?;
        let rows = reports::of_list(&state.app, &TRANSFER_ITEMS, &ITEM_LIST, &ask).await?;
        return export::file(turn, format, Table::of(&TRANSFER_ITEMS, rows), state.app.now_us()).await;
    }
    let mut set = transfer_views::items(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |i| view(&i, &set.products, set.steps.since(i.transfer_id)))?)
        .into_response())
}

/// List transfer items in short.
#[utoipa::path(get, path = "/api/v1/oms/transfer-items/list-simple/", tag = "transfers",
    responses((status = 200, body = Paged<SimpleTransferItem>)))]
pub(crate) async fn list_simple(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<SimpleTransferItem>>, Problem> {
    let ask = query.ask(&ITEM_LIST)?;
    let mut set = transfer_views::items(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |i| simple(&i, &set.products))?))
}

/// One transfer item.
#[utoipa::path(get, path = "/api/v1/oms/transfer-items/{id}/", tag = "transfers", params(("id" = i64, Path)),
    responses((status = 200, body = TransferItemView)))]
pub(crate) async fn get(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<Json<TransferItemView>, Problem> {
    let set = transfer_views::item(&state.app, id).await?;
    let item = set.page.rows.first().ok_or_else(Problem::failure)?;
    Ok(Json(view(item, &set.products, set.steps.since(item.transfer_id))))
}
