//! Orders and their lines as objects.

use std::collections::HashMap;

use oms_core::money::format_minor;
use oms_core::time::format_us;
use oms_store::orders::order_views::{Customer, Order, OrderItem, Product};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::objects::addresses::{AddressView, address};
use crate::objects::states::{StateView, of_order, of_order_item, of_package};
use crate::views::{Nested, OrderSet};

/// An order.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    id: i64,
    /// Its id at the hub.
    omnitron_id: Option<i64>,
    number: String,
    channel: Option<ChannelRef>,
    state: StateView,
    date_placed: String,
    customer: Option<CustomerView>,
    shipping_address: Option<AddressView>,
    billing_address: Option<AddressView>,
    /// Three letters, as they came.
    currency: String,
    /// Money is a string with two decimals.
    amount: Option<String>,
    shipping_amount: Option<String>,
    discount_amount: Option<String>,
    shipping_option_slug: Option<String>,
    payment_option_slug: Option<String>,
    delivery_type: Option<String>,
    delivery_range: Option<String>,
    cargo_company: Option<i64>,
    tracking_number: Option<String>,
    notes: Option<String>,
    language_code: Option<String>,
    order_type: Option<String>,
    orderitem_set: Vec<OrderItemView>,
    /// Packages made of it.
    packages: Vec<PackageRef>,
    /// Its execution plan, in short.
    plan: Option<PlanRef>,
    /// What can be done now.
    #[schema(value_type = Vec<Object>)]
    commands: Vec<Value>,
    created_date: String,
    modified_date: String,
}

/// A channel, in short.
#[derive(Serialize, ToSchema)]
pub struct ChannelRef {
    id: i64,
    omnitron_id: Option<i64>,
    name: String,
}

/// A package, in short.
#[derive(Serialize, ToSchema)]
pub struct PackageRef {
    id: i64,
    number: String,
    state: StateView,
    /// The location's id.
    stock_location: i64,
}

/// A plan, in short.
#[derive(Serialize, ToSchema)]
pub struct PlanRef {
    id: i64,
    /// `start`, `pending`, `cancelled` or `completed`.
    state: String,
    reason: Option<Reason>,
}

/// Why a plan waits.
#[derive(Serialize, ToSchema)]
pub struct Reason {
    /// Stable.
    pub code: String,
    /// What happened and what to do.
    pub text: String,
}

/// Who ordered.
#[derive(Serialize, ToSchema)]
pub struct CustomerView {
    id: i64,
    omnitron_id: Option<i64>,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
    customer_type: Option<String>,
}

/// One line of an order.
#[derive(Serialize, ToSchema)]
pub struct OrderItemView {
    id: i64,
    /// Its id at the hub.
    omnitron_id: Option<i64>,
    /// The order's id.
    order: i64,
    /// The hub's word of it.
    state: Option<StateView>,
    product: Option<ProductView>,
    /// Whole units.
    quantity: i64,
    quantity_cancelled: i64,
    /// Money is a string with two decimals.
    price: Option<String>,
    price_currency: Option<String>,
    retail_price: Option<String>,
    discount_amount: Option<String>,
    tax_rate: Option<String>,
    tax_amount: Option<String>,
    net_amount: Option<String>,
    without_net_amount: Option<String>,
    installment_interest_amount: Option<String>,
    #[schema(value_type = Object)]
    attributes: Value,
    #[schema(value_type = Object)]
    attributes_kwargs: Value,
    /// As the hub has it.
    #[schema(value_type = Option<Object>)]
    image: Value,
    /// The hub's key.
    #[schema(value_type = Option<i64>)]
    price_list: Value,
    /// The hub's key.
    #[schema(value_type = Option<i64>)]
    stock_list: Value,
    #[schema(value_type = Object)]
    extra_field: Value,
    /// The hub's key of the line it belongs to.
    #[schema(value_type = Option<i64>)]
    parent_omnitron_id: Value,
    #[schema(value_type = Vec<Object>)]
    commands: Vec<Value>,
    /// The order's.
    created_date: Option<String>,
    /// The order's.
    modified_date: Option<String>,
}

/// A product.
#[derive(Serialize, ToSchema)]
pub struct ProductView {
    id: i64,
    /// Its key at the hub.
    omnitron_id: Option<i64>,
    name: String,
    base_code: Option<String>,
    sku: String,
    barcode: Option<String>,
    #[schema(value_type = Object)]
    attributes: Value,
    #[schema(value_type = Object)]
    attributes_kwargs: Value,
    #[schema(value_type = Object)]
    extra_attributes: Value,
    /// As the hub has them: each an object with its address under `image`.
    #[schema(value_type = Vec<Object>)]
    productimage_set: Value,
    /// When it was last changed at the hub.
    #[schema(value_type = Option<String>)]
    remote_modified_date: Value,
    created_date: String,
    modified_date: String,
}

/// What the hub says under a key of its record; else what stands for nothing.
fn hub_says(fields: &Value, key: &str, nothing: Value) -> Value {
    fields.get(key).cloned().unwrap_or(nothing)
}

pub fn customer(c: &Customer) -> CustomerView {
    CustomerView {
        id: c.id,
        omnitron_id: c.omnitron_id,
        first_name: c.first_name.clone(),
        last_name: c.last_name.clone(),
        email: c.email.clone(),
        phone_number: c.phone.clone(),
        customer_type: c.customer_type.clone(),
    }
}

pub fn product(p: &Product) -> ProductView {
    ProductView {
        id: p.id,
        omnitron_id: p.omnitron_id,
        name: p.name.clone(),
        base_code: p.base_code.clone(),
        sku: p.sku.clone(),
        barcode: p.barcode.clone(),
        attributes: p.attributes.clone(),
        attributes_kwargs: hub_says(&p.hub_fields, "attributes_kwargs", json!({})),
        extra_attributes: hub_says(&p.hub_fields, "extra_attributes", json!({})),
        productimage_set: hub_says(&p.hub_fields, "productimage_set", json!([])),
        remote_modified_date: hub_says(&p.hub_fields, "modified_date", Value::Null),
        created_date: format_us(p.created_us),
        modified_date: format_us(p.modified_us),
    }
}

/// A line of an order, which is given if it is known.
pub fn item(i: &OrderItem, order: Option<&Order>, nested: &Nested) -> OrderItemView {
    let says = |key, nothing| hub_says(&i.hub_fields, key, nothing);
    let amount = |key| i.hub_fields.get(key).and_then(Value::as_str).map(str::to_owned);
    OrderItemView {
        id: i.id,
        omnitron_id: i.omnitron_id,
        order: i.order_id,
        state: i.hub_status.or(order.map(|o| o.status)).map(of_order_item),
        product: nested.products.get(&i.product_id).map(product),
        quantity: i.quantity,
        quantity_cancelled: i.quantity_cancelled,
        price: i.price_minor.map(format_minor),
        price_currency: i.price_currency.clone(),
        retail_price: i.retail_price_minor.map(format_minor),
        discount_amount: i.discount_minor.map(format_minor),
        tax_rate: i.tax_rate.clone(),
        tax_amount: amount("tax_amount"),
        net_amount: amount("net_amount"),
        without_net_amount: amount("without_net_amount"),
        installment_interest_amount: amount("installment_interest_amount"),
        attributes: i.attributes.clone(),
        attributes_kwargs: says("attributes_kwargs", json!({})),
        image: says("image", Value::Null),
        price_list: says("price_list", Value::Null),
        stock_list: says("stock_list", Value::Null),
        extra_field: says("extra_field", json!({})),
        parent_omnitron_id: says("parent", Value::Null),
        commands: Vec::new(),
        created_date: order.map(|o| format_us(o.created_us)),
        modified_date: order.map(|o| format_us(o.modified_us)),
    }
}

/// An address an order points at.
pub fn address_of(id: Option<i64>, nested: &Nested) -> Option<AddressView> {
    id.and_then(|id| nested.addresses.get(&id)).map(|a| address(id, a, &nested.places))
}

/// A reason, if there is one.
pub fn reason(plan: &oms_store::lists::tables::Plan) -> Option<Reason> {
    let code = plan.reason_code.clone()?;
    Some(Reason { code, text: plan.reason.clone().unwrap_or_default() })
}

/// An order of a set.
pub fn view(set: &OrderSet, o: &Order) -> OrderView {
    let nested = &set.nested;
    let channel = nested.channels.get(&o.channel_id);
    let packages = set.packages.iter().filter(|p| p.order_id == o.id);
    let items = set.items.iter().filter(|i| i.order_id == o.id);
    OrderView {
        id: o.id,
        omnitron_id: o.omnitron_id,
        number: o.number.clone(),
        channel: channel.map(|c| ChannelRef { id: c.id, omnitron_id: c.omnitron_id, name: c.name.clone() }),
        state: of_order(o.status),
        date_placed: format_us(o.placed_us),
        customer: o.customer_id.and_then(|id| nested.customers.get(&id)).map(customer),
        shipping_address: address_of(o.shipping_address_id, nested),
        billing_address: address_of(o.billing_address_id, nested),
        currency: o.currency.clone(),
        amount: o.amount_minor.map(format_minor),
        shipping_amount: o.shipping_amount_minor.map(format_minor),
        discount_amount: o.discount_amount_minor.map(format_minor),
        shipping_option_slug: o.shipping_option.clone(),
        payment_option_slug: o.payment_option.clone(),
        delivery_type: o.delivery_type.clone(),
        delivery_range: o.delivery_range.clone(),
        cargo_company: o.cargo_company,
        tracking_number: o.tracking_number.clone(),
        notes: o.notes.clone(),
        language_code: o.language_code.clone(),
        order_type: o.order_type.clone(),
        orderitem_set: items.map(|i| item(i, Some(o), nested)).collect(),
        packages: packages
            .map(|p| PackageRef {
                id: p.id,
                number: p.number.clone(),
                state: of_package(p.state).since(set.steps.since(p.id)),
                stock_location: p.location_id,
            })
            .collect(),
        plan: set.plans.iter().find(|p| p.id == o.id).map(|p| PlanRef {
            id: p.id,
            state: p.state.clone(),
            reason: reason(p),
        }),
        commands: Vec::new(),
        created_date: format_us(o.created_us),
        modified_date: format_us(o.modified_us),
    }
}

/// An order of a set as it was after its change `seq`, made at a moment. `told`: the deltas of its changes, each with its
/// sequence. What another record says of it now, its plan, is left away.
pub fn view_at(set: &OrderSet, o: &Order, (seq, at_us): (i64, i64), told: &[(i64, Value)]) -> OrderView {
    let until = || told.iter().rev().filter(|(n, _)| *n <= seq).map(|(_, delta)| delta);
    // The last change that said anything of the hub's statuses said all of them.
    let said = until().find(|delta| delta["status"].is_i64());
    let status = said.and_then(|delta| delta["status"].as_i64()).unwrap_or(o.status);
    let mut view = view(set, &Order { status, modified_us: at_us, ..o.clone() });
    for line in &mut view.orderitem_set {
        let id = line.id.to_string();
        let own = said.map(|delta| delta["line_status"][&id].as_i64().unwrap_or(status));
        line.state = own.map(of_order_item).or(line.state.take());
        let later = told.iter().filter(|(n, _)| *n > seq);
        line.quantity_cancelled -= later.filter_map(|(_, d)| d["cancelled"][&id].as_i64()).sum::<i64>();
    }
    let made: HashMap<i64, i64> = set.packages.iter().map(|p| (p.id, p.created_us)).collect();
    view.packages.retain(|p| made[&p.id] <= at_us);
    for package in &mut view.packages {
        if let Some(step) = set.steps.by_moment(package.id, at_us) {
            package.state = of_package(step.state).since(Some(step.at_us));
        }
    }
    view.plan = None;
    view
}
