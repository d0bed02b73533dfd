//! Transfers, listed and shown.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use oms_app::objects::states::of_transfer;
use oms_app::objects::transfers::{TransferView, view};
use oms_app::packages::transfer_views;
use oms_app::upkeep::reports;
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::lists::reports::TRANSFERS;
use oms_store::lists::transfers::{LIST, Transfer};
use serde::Serialize;
use utoipa::ToSchema;

use crate::export::{self, FORMAT_TEXT, Format, Table};
use crate::input::Id;
use crate::paging::{ExportQuery, ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

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
