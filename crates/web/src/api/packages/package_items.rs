//! Package items, listed and shown.

use axum::Json;
use axum::extract::State;
use oms_app::objects::package_items::{PackageItemView, view};
use oms_app::packages;
use oms_store::lists::Page;
use oms_store::packages::ITEM_LIST;

use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// List package items.
#[utoipa::path(get, path = "/api/v1/oms/packages/package-items/", tag = "packages",
    responses((status = 200, body = Paged<PackageItemView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<PackageItemView>>, Problem> {
    let ask = query.ask(&ITEM_LIST)?;
    let mut set = packages::items(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |i| view(&i, &set.nested, set.steps.since(i.package_id)))?))
}

/// One package item.
#[utoipa::path(get, path = "/api/v1/oms/packages/package-items/{id}/", tag = "packages", params(("id" = i64, Path)),
    responses((status = 200, body = PackageItemView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<PackageItemView>, Problem> {
    let set = packages::item(&state.app, id).await?;
    let item = set.page.rows.first().ok_or_else(Problem::failure)?;
    Ok(Json(view(item, &set.nested, set.steps.since(item.package_id))))
}
