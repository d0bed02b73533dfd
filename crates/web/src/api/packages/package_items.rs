//! Package items, listed and shown.

use axum::Json;
use axum::extract::State;
use oms_app::packages;
use oms_app::views::Nested;
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::lists::transfers::Coming;
use oms_store::packages::{ITEM_LIST, PackageItem};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::orders::orders_view::{self, OrderItemView};
use crate::api::packages::states::{StateView, of_package_item, of_transfer};
use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// One order line's units inside a package.
#[derive(Serialize, ToSchema)]
pub(crate) struct PackageItemView {
    id: i64,
    state: StateView,
    /// The package's id.
    package: i64,
    package_number: String,
    order_item: Option<OrderItemView>,
    /// Whole units.
    quantity: i64,
    /// `quantity`.
    unit_type: &'static str,
    unit_weight: Option<String>,
    /// Transfers that bring, brought or were to bring units of it.
    transfer_orders: Vec<ItemTransferView>,
    #[schema(value_type = Option<Object>)]
    denial_reason: Option<Value>,
    discrepancy_reason: Option<String>,
    created_date: String,
    modified_date: String,
}

/// A transfer order as one package item sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemTransferView {
    id: i64,
    number: String,
    state: StateView,
    /// Where it comes from.
    source_erp_code: String,
    /// Units of this item.
    quantity: i64,
}

fn transfer(c: &Coming) -> ItemTransferView {
    ItemTransferView {
        id: c.transfer_id,
        number: c.number.clone(),
        state: of_transfer(c.state),
        source_erp_code: c.erp_code.clone(),
        quantity: c.quantity,
    }
}

/// An item as an object.
pub(crate) fn view(i: &PackageItem, nested: &Nested) -> PackageItemView {
    PackageItemView {
        id: i.id,
        state: of_package_item(i.state),
        package: i.package_id,
        package_number: i.package_number.clone(),
        order_item: nested.order_items.get(&i.order_item_id).map(|o| orders_view::item(o, nested)),
        quantity: i.quantity,
        unit_type: "quantity",
        unit_weight: None,
        transfer_orders: nested.transfers.get(&i.id).into_iter().flatten().map(transfer).collect(),
        denial_reason: i
            .denial_reason_id
            .and_then(|id| nested.denial_reasons.get(&id))
            .map(|r| json!({"id": r.id, "title": r.title})),
        discrepancy_reason: nested.discrepancies.get(&i.id).and_then(|d| d.last()).map(|d| d.reason.clone()),
        created_date: format_us(i.created_us),
        modified_date: format_us(i.modified_us),
    }
}

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
    Ok(Json(query.frame(page, ask.limit, |i| view(&i, &set.nested))?))
}

/// One package item.
#[utoipa::path(get, path = "/api/v1/oms/packages/package-items/{id}/", tag = "packages", params(("id" = i64, Path)),
    responses((status = 200, body = PackageItemView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<PackageItemView>, Problem> {
    let set = packages::item(&state.app, id).await?;
    let item = set.page.rows.first().ok_or_else(Problem::failure)?;
    Ok(Json(view(item, &set.nested)))
}
