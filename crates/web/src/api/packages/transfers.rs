//! Transfers, listed and shown.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use oms_app::packages::transfer_views::{self, TransferSet};
use oms_app::upkeep::reports;
use oms_core::commands::Entity;
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::lists::reports::TRANSFERS;
use oms_store::lists::transfers::{LIST, Transfer};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::packages::commands::{self, CommandView};
use crate::api::packages::states::{StateView, of_transfer};
use crate::api::packages::transfer_items::{self, TransferItemView};
use crate::api::places::locations::{self, LocationView};
use crate::export::{self, FORMAT_TEXT, Format, Table};
use crate::input::Id;
use crate::paging::{ExportQuery, ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A transfer order: goods on their way from one location to the one that packs them.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransferView {
    id: i64,
    number: String,
    state: StateView,
    /// The order's id, as `order_id`.
    order: i64,
    order_id: i64,
    order_number: String,
    /// The id of the package it is for.
    package: i64,
    package_number: String,
    source: Option<LocationView>,
    destination: Option<LocationView>,
    transfer_item_set: Vec<TransferItemView>,
    /// What can be done now.
    commands: Vec<CommandView>,
    /// Ours: counts the transfer's changes.
    version: i64,
    /// Ours: its package is gone; what arrives is free stock.
    is_detached: bool,
    #[schema(value_type = Object)]
    extra_information: Value,
    created_date: String,
    modified_date: String,
}

/// A transfer order with ids in place of the records around it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransferShortView {
    id: i64,
    number: String,
    /// The state's word, for example `waiting`.
    state: String,
    order: i64,
    package: i64,
    source: i64,
    source_erp_code: String,
    destination: i64,
    destination_erp_code: String,
    created_date: String,
    modified_date: String,
}

/// What can be done with a transfer now.
fn runnable(set: &TransferSet, t: &Transfer) -> Vec<CommandView> {
    set.flow.runnable(Entity::Transfer, t.state, None).map(commands::view).collect()
}

fn view(set: &TransferSet, t: &Transfer) -> TransferView {
    let place = |id| set.locations.get(&id).map(|l| locations::view(l, &set.places));
    TransferView {
        id: t.id,
        number: t.number.clone(),
        state: of_transfer(t.state),
        order: t.order_id,
        order_id: t.order_id,
        order_number: t.order_number.clone(),
        package: t.package_id,
        package_number: t.package_number.clone(),
        source: place(t.from_location_id),
        destination: place(t.to_location_id),
        transfer_item_set: set
            .items
            .iter()
            .filter(|i| i.transfer_id == t.id)
            .map(|i| transfer_items::view(i, &set.products))
            .collect(),
        commands: runnable(set, t),
        version: t.version,
        is_detached: t.is_detached,
        extra_information: json!({}),
        created_date: format_us(t.created_us),
        modified_date: format_us(t.modified_us),
    }
}

fn short_view(t: Transfer) -> TransferShortView {
    TransferShortView {
        id: t.id,
        number: t.number,
        state: of_transfer(t.state).enum_value,
        order: t.order_id,
        package: t.package_id,
        source: t.from_location_id,
        source_erp_code: t.from_erp_code,
        destination: t.to_location_id,
        destination_erp_code: t.to_erp_code,
        created_date: format_us(t.created_us),
        modified_date: format_us(t.modified_us),
    }
}

/// List transfer orders with their items and locations.
#[utoipa::path(get, path = "/api/v1/oms/transfer_orders/", tag = "transfers",
    params(("format" = Option<String>, Query, description = FORMAT_TEXT)),
    responses((status = 200, content((Paged<TransferView> = "application/json"), (String = "text/csv"), (String = "text/html"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub(crate) async fn list(
    State(state): State<WebState>,
    ExportQuery { list: query, format }: ExportQuery,
) -> Result<Response, Problem> {
    let ask = query.ask(&LIST)?;
    if format != Format::Json {
        let turn = export::turn().await?;
        let rows = reports::of_list(&state.app, &TRANSFERS, &LIST, &ask).await?;
        return export::file(turn, format, Table::of(&TRANSFERS, rows), state.app.now_us()).await;
    }
    let mut set = transfer_views::list(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |t| view(&set, &t))?).into_response())
}

/// List transfer orders in short.
#[utoipa::path(get, path = "/api/v1/oms/transfer_orders/short/", tag = "transfers",
    responses((status = 200, body = Paged<TransferShortView>)))]
pub(crate) async fn short(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<TransferShortView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = transfer_views::short(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, short_view)?))
}

/// One transfer order.
#[utoipa::path(get, path = "/api/v1/oms/transfer_orders/{id}/", tag = "transfers", params(("id" = i64, Path)),
    responses((status = 200, body = TransferView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<TransferView>, Problem> {
    let set = transfer_views::get(&state.app, id).await?;
    let transfer = set.page.rows.first().ok_or_else(Problem::failure)?;
    Ok(Json(view(&set, transfer)))
}
