//! Orders: making them, marking them as sent, and what tests do to them from inside.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use oms_core::money;
use serde_json::{Value, json};

use super::Hub;
use super::cancellations::object;
use super::change::{Draft, Then};
use super::items::settle;
use super::kind::Kind;
use super::query::Query;
use super::reply::Reply;
use super::shape::{Shape, Slot, may, must, null, read};
use super::world::Fields;

/// Most items of a made order; far above the largest known basket.
const MAX_ITEMS: usize = 1_000;

const ORDER: [Slot; 25] = [
    must("number", Shape::Text(128)),
    must("customer", Shape::Key(Kind::Customer)),
    must("shipping_address", Shape::Key(Kind::Address)),
    must("billing_address", Shape::Key(Kind::Address)),
    may("status", Shape::Status),
    may("currency", Shape::Text(3)),
    may("amount", Shape::Money),
    may("shipping_amount", Shape::Money),
    null("shipping_tax_rate", Shape::Text(8)),
    may("discount_amount", Shape::Money),
    may("net_shipping_amount", Shape::Money),
    may("extra_field", Shape::Object),
    null("delivery_type", Shape::Text(64)),
    null("delivery_range", Shape::Text(64)),
    null("cargo_company", Shape::Key(Kind::Cargo)),
    null("tracking_number", Shape::Text(256)),
    null("carrier_shipping_code", Shape::Text(256)),
    may("remote_addr", Shape::Text(64)),
    may("has_gift_box", Shape::Flag),
    null("gift_box_note", Shape::Text(160)),
    may("client_type", Shape::Text(32)),
    may("language_code", Shape::Text(16)),
    null("notes", Shape::Text(320)),
    may("shipping_option_slug", Shape::Text(128)),
    null("date_placed", Shape::Time),
];

const ITEM: [Slot; 16] = [
    must("product", Shape::Key(Kind::Product)),
    must("price", Shape::Money),
    may("status", Shape::Status),
    may("price_currency", Shape::Text(3)),
    may("tax_rate", Shape::Text(8)),
    may("extra_field", Shape::Object),
    null("price_list", Shape::Count),
    null("stock_list", Shape::Count),
    null("tracking_number", Shape::Text(256)),
    may("discount_amount", Shape::Money),
    may("retail_price", Shape::Money),
    may("attributes", Shape::Object),
    may("attributes_kwargs", Shape::Object),
    null("parent", Shape::Count),
    null("delivered_date", Shape::Time),
    null("estimated_delivery_date", Shape::Time),
];

/// Most units a line may ask for; the OMS refuses more as well.
const MAX_UNITS: i64 = 1_000_000;

impl Hub {
    /// `PATCH orders/{pk}/`: whether the order was told on, and nothing else.
    pub(crate) async fn patch_order(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        if let Some(other) = body.keys().find(|name| *name != "is_send") {
            return Err(Reply::field(other, "Only is_send of an order may be changed."));
        }
        self.change(|draft| {
            let fields = read(draft, &[must("is_send", Shape::Flag)], &body, false)?;
            if draft.set(Kind::Order, pk, fields)? {
                draft.announce("order.updated", Kind::Order, pk);
            }
            Ok(Then::Show(StatusCode::OK, Kind::Order, pk, false))
        })
        .await
    }

    /// `POST channel/{id}/create_orders/`.
    pub(crate) async fn create_order_at(&self, channel: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let pk = make(draft, channel, &body)?;
            Ok(Then::Show(StatusCode::CREATED, Kind::Order, pk, false))
        })
        .await
    }

    /// `POST channel/{id}/orders/{pk}/bulk_replace_product/`.
    pub(crate) async fn replace_products(&self, order: i64, body: Value) -> Result<Reply, Reply> {
        let wanted = body.as_array().filter(|list| list.len() <= MAX_ITEMS);
        let wanted = wanted.ok_or_else(|| Reply::field("non_field_errors", "Expected a list of items."))?;
        self.change(|draft| {
            draft.fields(Kind::Order, order)?;
            let items = draft.items_of(order);
            for entry in wanted {
                let item = entry.get("order_item").and_then(Value::as_i64).filter(|pk| items.contains(pk));
                let item = item.ok_or_else(|| Reply::field("order_item", "Is not an item of the order."))?;
                let sku = entry.get("new_product_sku").and_then(Value::as_str).unwrap_or_default();
                let product = draft.world().base.product_by_sku.get(sku).copied();
                let product =
                    product.ok_or_else(|| Reply::field("new_product_sku", "There is no such product."))?;
                draft.set(Kind::OrderItem, item, object(json!({ "product": product })))?;
            }
            touch(draft, order)?;
            Ok(Then::Show(StatusCode::OK, Kind::Order, order, true))
        })
        .await
    }

    /// `GET orders/updates/`: orders changed since they were last committed for the channel.
    pub(crate) fn order_updates(&self, channel: i64, query: &Query) -> Reply {
        let world = self.world();
        let seen = super::batches::committed(&world, channel, "order");
        query.bare(&world, Kind::Order, |pk| {
            seen.get(&pk).is_none_or(|at| *at < world.modified_us(Kind::Order, pk))
        })
    }
}

fn make(draft: &mut Draft<'_>, channel: i64, body: &Fields) -> Result<i64, Reply> {
    let part = |name: &str| body.get(name).ok_or_else(|| Reply::field(name, "This field is required."));
    let order = part("order")?.as_object().ok_or_else(|| Reply::field("order", "Expected a dictionary."))?;
    let items = part("order_item")?.as_array().filter(|items| (1..=MAX_ITEMS).contains(&items.len()));
    let items =
        items.ok_or_else(|| Reply::field("order_item", format!("Expected 1 to {MAX_ITEMS} items.")))?;
    let given = read(draft, &ORDER, order, false)?;
    refuse_twin(draft, channel, &given)?;
    let mut fields = draft.template(Kind::Order);
    fields.insert("channel".to_owned(), channel.into());
    fields.insert("amount".to_owned(), Value::Null);
    fields.insert("date_placed".to_owned(), draft.stamp().into());
    fields.extend(given.into_iter().filter(|(name, value)| name != "date_placed" || !value.is_null()));
    let pk = draft.create(Kind::Order, Fields::new());
    let mut amount = 0_i64;
    let status = fields.get("status").cloned().unwrap_or_default();
    for item in items {
        amount = amount.saturating_add(make_item(draft, pk, &status, item)?);
    }
    if fields.get("amount").is_none_or(Value::is_null) {
        fields.insert("amount".to_owned(), money::format_minor(amount).into());
    }
    for own in ["id", "pk", "created_date", "modified_date"] {
        fields.remove(own);
    }
    draft.set(Kind::Order, pk, fields)?;
    settle(draft, &BTreeSet::from([pk]))?;
    draft.only_announce("order.created", Kind::Order, pk);
    Ok(pk)
}

fn refuse_twin(draft: &Draft<'_>, channel: i64, given: &Fields) -> Result<(), Reply> {
    let number = given.get("number").and_then(Value::as_str).unwrap_or_default();
    for twin in draft.world().orders_by_number(number) {
        if draft.fields(Kind::Order, *twin)?.get("channel") == Some(&json!(channel)) {
            return Err(Reply::field("number", "An order with this number exists in this channel."));
        }
    }
    Ok(())
}

/// Makes an item and says what it costs in minor units.
fn make_item(draft: &mut Draft<'_>, order: i64, status: &Value, item: &Value) -> Result<i64, Reply> {
    let item = item.as_object().ok_or_else(|| Reply::field("order_item", "Expected objects."))?;
    let given = read(draft, &ITEM, item, false)?;
    let quantity_key = draft.world().base.quantity_key.clone();
    let mut fields = draft.template(Kind::OrderItem);
    fields.insert("order".to_owned(), order.into());
    fields.insert("status".to_owned(), status.clone());
    fields.insert("retail_price".to_owned(), given.get("price").cloned().unwrap_or_default());
    // Without a count a row is one unit.
    fields.insert("attributes".to_owned(), Value::Object(Fields::new()));
    fields.extend(given);
    let price = fields
        .get("price")
        .and_then(Value::as_str)
        .and_then(|p| money::parse_minor(p).ok())
        .unwrap_or_default();
    let units = match fields.get("attributes").and_then(|a| a.get(&quantity_key)) {
        None | Some(Value::Null) => Some(1),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_i64(),
    };
    let units = units.filter(|n| (1..=MAX_UNITS).contains(n));
    let units = units
        .ok_or_else(|| Reply::field("attributes", format!("{quantity_key} must be 1 to {MAX_UNITS}.")))?;
    draft.create(Kind::OrderItem, fields);
    Ok(price.saturating_mul(units))
}

/// Gives an order this draft's time and announces it, whatever else changed.
pub(crate) fn touch(draft: &mut Draft<'_>, order: i64) -> Result<(), Reply> {
    draft.stamp_record(Kind::Order, order)?;
    draft.announce("order.updated", Kind::Order, order);
    Ok(())
}
