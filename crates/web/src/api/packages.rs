//! Packages, listed and shown.

pub(crate) mod commands;
pub(crate) mod package_items;
pub(crate) mod states;
pub(crate) mod transfer_items;
pub(crate) mod transfers;

use axum::Json;
use axum::extract::State;
use oms_app::packages::{self, PackageSet, ShortPackage};
use oms_core::commands::Entity;
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::packages::shipments::Shipment;
use oms_store::packages::{LIST, Package};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::orders::orders_view::{CustomerView, address_of, customer};
use crate::api::packages::commands::CommandView;
use crate::api::packages::package_items::PackageItemView;
use crate::api::packages::states::{StateView, of_package};
use crate::api::places::addresses::AddressView;
use crate::api::places::locations::{self, LocationView};
use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A package: the items of one order that leave from one location.
#[derive(Serialize, ToSchema)]
pub(crate) struct PackageView {
    id: i64,
    number: String,
    state: StateView,
    /// The order's id, as `order_id`.
    order: i64,
    order_id: i64,
    order_number: Option<String>,
    /// Ours: the order's id at the hub.
    order_omnitron_id: Option<i64>,
    date_placed: Option<String>,
    order_notes: Option<String>,
    /// The city's name it goes to.
    city: Option<String>,
    channel_name: Option<String>,
    payment_type: Option<String>,
    delivery_range: Option<String>,
    delivery_type: Option<String>,
    customer: Option<CustomerView>,
    shipping_address: Option<AddressView>,
    billing_address: Option<AddressView>,
    stock_location: Option<LocationView>,
    packageitem_set: Vec<PackageItemView>,
    #[schema(value_type = Option<Object>)]
    shipment: Option<Value>,
    shipment_date: Option<String>,
    #[schema(value_type = Option<Object>)]
    shipping_label: Option<Value>,
    remote_id: Option<String>,
    invoice_number: Option<String>,
    /// What can be done now.
    commands: Vec<CommandView>,
    /// Ours: the state it goes back to when it is blocked or waits for a cancellation.
    held_state: Option<StateView>,
    /// Ours: a command of it waits for an answer from outside.
    is_busy: bool,
    /// Ours: when it should be packed.
    target_packaging_date: Option<String>,
    /// Ours: when it should be gone.
    target_exit_date: Option<String>,
    /// Ours: counts the package's changes.
    version: i64,
    created_date: String,
    modified_date: String,
}

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

fn view(set: &PackageSet, p: &Package) -> PackageView {
    let nested = &set.nested;
    let order = nested.orders.get(&p.order_id);
    let shipment = set.shipments.get(&p.id).and_then(|s| s.last());
    let shipping_address = order.and_then(|o| address_of(o.shipping_address_id, nested));
    PackageView {
        id: p.id,
        number: p.number.clone(),
        state: of_package(p.state),
        order: p.order_id,
        order_id: p.order_id,
        order_number: order.map(|o| o.number.clone()),
        order_omnitron_id: order.and_then(|o| o.omnitron_id),
        date_placed: order.map(|o| format_us(o.placed_us)),
        order_notes: order.and_then(|o| o.notes.clone()),
        city: shipping_address.as_ref().and_then(|a| a.city.as_ref()).map(|c| c.name.clone()),
        channel_name: order.and_then(|o| nested.channels.get(&o.channel_id)).map(|c| c.name.clone()),
        payment_type: order.and_then(|o| o.payment_option.clone()),
        delivery_range: order.and_then(|o| o.delivery_range.clone()),
        delivery_type: order.and_then(|o| o.delivery_type.clone()),
        customer: order.and_then(|o| nested.customers.get(&o.customer_id?)).map(customer),
        shipping_address,
        billing_address: order.and_then(|o| address_of(o.billing_address_id, nested)),
        stock_location: nested.locations.get(&p.location_id).map(|l| locations::view(l, &nested.places)),
        packageitem_set: set
            .items
            .iter()
            .filter(|i| i.package_id == p.id)
            .map(|i| package_items::view(i, nested))
            .collect(),
        shipment: shipment.map(shipment_view),
        shipment_date: shipment.map(|s| format_us(s.created_us)),
        shipping_label: shipment.and_then(|s| s.label.as_ref()).map(|label| json!({"label": label})),
        remote_id: None,
        invoice_number: set.invoice_numbers.get(&p.id).cloned(),
        commands: runnable(set, p),
        held_state: p.held_state.map(of_package),
        is_busy: p.is_busy,
        target_packaging_date: p.target_packaging_us.map(format_us),
        target_exit_date: p.target_exit_us.map(format_us),
        version: p.version,
        created_date: format_us(p.created_us),
        modified_date: format_us(p.modified_us),
    }
}

/// What can be run now; nothing while an earlier command waits for an answer.
fn runnable(set: &PackageSet, p: &Package) -> Vec<CommandView> {
    let now = set.flow.runnable(Entity::Package, p.state, p.held_state);
    now.filter(|_| !p.is_busy).map(commands::view).collect()
}

fn shipment_view(s: &Shipment) -> Value {
    json!({"id": s.id, "state": s.state, "cargo_company": s.cargo_company, "tracking_number": s.tracking_number,
        "query_number": s.query_number, "awb_number": s.awb_number, "tracking_url": s.tracking_url,
        "created_date": format_us(s.created_us), "modified_date": format_us(s.modified_us)})
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
