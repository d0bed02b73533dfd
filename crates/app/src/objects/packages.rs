//! Packages as objects.

use oms_core::commands::Entity;
use oms_core::time::format_us;
use oms_store::packages::Package;
use oms_store::packages::shipments::Shipment;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::objects::addresses::AddressView;
use crate::objects::commands::{self, CommandView};
use crate::objects::locations::{self, LocationView};
use crate::objects::orders::{CustomerView, address_of, customer};
use crate::objects::package_items::{self, PackageItemView};
use crate::objects::shipments;
use crate::objects::states::{StateView, of_package};
use crate::packages::PackageSet;

/// A package: the items of one order that leave from one location.
#[derive(Serialize, ToSchema)]
pub struct PackageView {
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

/// A package of a set.
pub fn view(set: &PackageSet, p: &Package) -> PackageView {
    let nested = &set.nested;
    let order = nested.orders.get(&p.order_id);
    let since = set.steps.since(p.id);
    let shipment = set.shipments.get(&p.id).and_then(|s| s.last());
    let shipping_address = order.and_then(|o| address_of(o.shipping_address_id, nested));
    PackageView {
        id: p.id,
        number: p.number.clone(),
        state: of_package(p.state).since(since),
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
            .map(|i| package_items::view(i, nested, since))
            .collect(),
        shipment: shipment.map(shipments::view),
        shipment_date: shipment.map(|s| format_us(s.created_us)),
        shipping_label: shipment.and_then(label),
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

/// A package of a set as it was after its change `seq`, made at a moment: what came later is left away, and nothing waits
/// for an answer.
pub fn view_at(set: &PackageSet, p: &Package, seq: i64, at_us: i64) -> PackageView {
    let step = set.steps.by_change(p.id, seq);
    let state = step.map_or(p.state, |step| step.state);
    let since = step.map(|step| step.at_us);
    let past = Package {
        state,
        held_state: p.held_state.filter(|_| p.state == state),
        is_busy: false,
        modified_us: at_us,
        ..p.clone()
    };
    let mut shipments = set.shipments.get(&p.id).into_iter().flatten();
    let shipment = shipments.rfind(|s| s.created_us <= at_us);
    let mut view = view(set, &past);
    view.state = of_package(state).since(since);
    for item in &mut view.packageitem_set {
        item.be_at(state, since, at_us);
    }
    view.shipment = shipment.map(shipments::view);
    view.shipment_date = shipment.map(|s| format_us(s.created_us));
    view.shipping_label = shipment.and_then(label);
    view
}

fn label(s: &Shipment) -> Option<Value> {
    s.label.as_ref().map(|label| json!({"label": label}))
}

/// What can be run now; nothing while an earlier command waits for an answer.
fn runnable(set: &PackageSet, p: &Package) -> Vec<CommandView> {
    let now = set.flow.runnable(Entity::Package, p.state, p.held_state);
    now.filter(|_| !p.is_busy).map(commands::view).collect()
}
