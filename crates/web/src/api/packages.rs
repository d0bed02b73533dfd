//! Packages, listed and shown.

pub(crate) mod commands;
pub(crate) mod package_items;
pub(crate) mod transfer_items;
pub(crate) mod transfers;

use axum::Json;
use axum::extract::State;
use oms_app::objects::packages::{PackageView, view};
use oms_app::packages::{self, ShortPackage};
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::packages::LIST;
use serde::Serialize;
use utoipa::ToSchema;

use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A package with ids in place of the records around it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PackageShortView {
    id: i64,
    number: String,
    /// The state's code, for example `"100"`.
    state: String,
    order: i64,
    stock_location: i64,
    stock_location_erp_code: String,
    packageitem_count: i64,
    created_date: String,
    modified_date: String,
}

fn short_view(s: ShortPackage) -> PackageShortView {
    PackageShortView {
        id: s.package.id,
        number: s.package.number,
        state: s.package.state.to_string(),
        order: s.package.order_id,
        stock_location: s.package.location_id,
        stock_location_erp_code: s.erp_code,
        packageitem_count: s.item_count,
        created_date: format_us(s.package.created_us),
        modified_date: format_us(s.package.modified_us),
    }
}

/// List packages with their items, locations and orders.
#[utoipa::path(get, path = "/api/v1/oms/packages/", tag = "packages", responses((status = 200, body = Paged<PackageView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<PackageView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let mut set = packages::list(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |p| view(&set, &p))?))
}

/// List packages in short.
#[utoipa::path(get, path = "/api/v1/oms/packages/short/", tag = "packages",
    responses((status = 200, body = Paged<PackageShortView>)))]
pub(crate) async fn short(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<PackageShortView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = packages::short(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, short_view)?))
}

/// One package.
#[utoipa::path(get, path = "/api/v1/oms/packages/{id}/", tag = "packages", params(("id" = i64, Path)),
    responses((status = 200, body = PackageView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<PackageView>, Problem> {
    let set = packages::get(&state.app, id).await?;
    let package = set.page.rows.first().ok_or_else(Problem::failure)?;
    Ok(Json(view(&set, package)))
}
