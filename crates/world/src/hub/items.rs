//! Order items: what the OMS tells the hub of them, and what follows for their order.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use oms_core::orders::OrderStatus;
use serde_json::{Value, json};

use super::Hub;
use super::cancellations::settle_plans;
use super::change::{Draft, Then};
use super::kind::{Kind, content_type_id};
use super::reply::Reply;
use super::shape::{Shape, Slot, may, must, null, read};
use super::status::{may_move, of_order};
use super::world::Fields;

/// Most items of one bulk update; a larger one would hold the writer for seconds.
const MAX_BULK: usize = 5_000;
/// The status an item had before it waited for its cancellation; ours, never shown.
pub(crate) const HELD_STATUS: &str = "_held_status";

const PATCHABLE: [Slot; 18] = [
    may("status", Shape::Status),
    may("extra_field", Shape::Object),
    may("attributes", Shape::Object),
    may("attributes_kwargs", Shape::Object),
    may("localized_attributes", Shape::Object),
    may("localized_attributes_kwargs", Shape::Object),
    null("cancel_status", Shape::Text(64)),
    null("invoice_number", Shape::Text(128)),
    null("invoice_date", Shape::Time),
    null("e_archive_url", Shape::Text(1024)),
    null("tracking_number", Shape::Text(256)),
    null("carrier_shipping_code", Shape::Text(256)),
    null("shipping_company", Shape::Text(64)),
    null("shipment_code", Shape::Text(256)),
    null("delivered_date", Shape::Time),
    null("estimated_delivery_date", Shape::Time),
    null("forced_refund", Shape::Flag),
    null("shipping_option_group", Shape::Count),
];

const MAPPING: [Slot; 2] = [must("code", Shape::Text(255)), may("update_stock", Shape::Flag)];

impl Hub {
    /// `PATCH order_items/{pk}/`.
    pub(crate) async fn patch_item(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            edit_item(draft, pk, &body)?;
            settle(draft, &BTreeSet::from([draft.world().order_of(pk)]))?;
            Ok(Then::Show(StatusCode::OK, Kind::OrderItem, pk, false))
        })
        .await
    }

    /// `PATCH order_items/bulk_status_update/`: all of it or nothing.
    pub(crate) async fn patch_items(&self, body: Fields) -> Result<Reply, Reply> {
        let set = body.get("orderitem_set").and_then(Value::as_array);
        let set = set.ok_or_else(|| Reply::field("orderitem_set", "Expected a list of items."))?;
        if set.len() > MAX_BULK {
            return Err(Reply::field("orderitem_set", format!("At most {MAX_BULK} items at a time.")));
        }
        self.change(|draft| {
            let mut orders = BTreeSet::new();
            let mut keys = Vec::with_capacity(set.len());
            for entry in set {
                let fields =
                    entry.as_object().ok_or_else(|| Reply::field("orderitem_set", "Expected objects."))?;
                let pk =
                    fields.get("id").or_else(|| fields.get("pk")).and_then(Value::as_i64).unwrap_or_default();
                if !draft.exists(Kind::OrderItem, pk) {
                    return Err(Reply::field(
                        "orderitem_set",
                        format!("Invalid pk \"{pk}\" - object does not exist."),
                    ));
                }
                edit_item(draft, pk, fields)?;
                orders.insert(draft.world().order_of(pk));
                keys.push(pk);
            }
            settle(draft, &orders)?;
            Ok(Then::List("orderitem_set", Kind::OrderItem, keys))
        })
        .await
    }

    /// `POST order_items/{pk}/create_mapping/`. The hub counts no stock, so there is none to update.
    pub(crate) async fn create_mapping(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            draft.fields(Kind::OrderItem, pk)?;
            let mut fields = read(draft, &MAPPING, &body, false)?;
            fields.remove("update_stock");
            fields.insert("content_type".to_owned(), content_type_id("orderitem").into());
            fields.insert("object_id".to_owned(), pk.into());
            fields.insert("integration_type".to_owned(), "external_company".into());
            let mapping = draft.create(Kind::Mapping, fields);
            Ok(Then::Show(StatusCode::CREATED, Kind::Mapping, mapping, false))
        })
        .await
    }
}

/// Applies a patch to one item; a status it may not move to is a `406`.
fn edit_item(draft: &mut Draft<'_>, pk: i64, body: &Fields) -> Result<(), Reply> {
    let now = draft.fields(Kind::OrderItem, pk)?;
    let mut fields = read(draft, &PATCHABLE, body, true)?;
    if let Some(Value::Object(given)) = fields.get_mut("extra_field") {
        let mut merged = now.get("extra_field").and_then(Value::as_object).cloned().unwrap_or_default();
        merged.append(given);
        *given = merged;
    }
    if let Some(to) = fields.get("status").and_then(OrderStatus::from_json) {
        let patch = move_to(draft, pk, to)?;
        draft.moves_cancellation |= patch.contains_key(HELD_STATUS);
        // What the caller says of the cancellation goes before what follows from the move.
        fields = patch.into_iter().chain(fields).collect();
    }
    draft.set(Kind::OrderItem, pk, fields)?;
    Ok(())
}

/// The fields that follow from moving an item to a status, or the `406` that refuses it.
pub(crate) fn move_to(draft: &Draft<'_>, pk: i64, to: OrderStatus) -> Result<Fields, Reply> {
    let code = draft.status(Kind::OrderItem, pk);
    let mut fields = Fields::new();
    let Some(from) = OrderStatus::from_code(code).filter(|from| *from != to) else {
        return Ok(fields);
    };
    let held = match from {
        OrderStatus::CancellationWaiting => {
            draft.fields(Kind::OrderItem, pk)?.get(HELD_STATUS).and_then(OrderStatus::from_json)
        }
        _ => None,
    };
    if !may_move(from, to, held) {
        let (from, to) = (from.name(), to.name());
        let detail = format!("An item that is {from} may not become {to}.");
        let more = json!({ "detail": detail, "from": from, "to": to, "order_item": pk });
        return Err(Reply::refused("order_item_status_100_1", more));
    }
    fields.insert("status".to_owned(), to.code().to_string().into());
    let mut note = |held: Value, cancel: &str| {
        fields.insert(HELD_STATUS.to_owned(), held);
        fields.insert("cancel_status".to_owned(), cancel.into());
    };
    match (from, to) {
        (_, OrderStatus::CancellationWaiting) => note(code.to_string().into(), "waiting"),
        (_, OrderStatus::Canceled | OrderStatus::Refunded) => note(Value::Null, "completed"),
        (OrderStatus::CancellationWaiting, _) => note(Value::Null, "rejected"),
        _ => {}
    }
    Ok(fields)
}

/// Brings orders, and the cancellation plans on them, in line with their items.
pub(crate) fn settle(draft: &mut Draft<'_>, orders: &BTreeSet<i64>) -> Result<(), Reply> {
    for order in orders.iter().copied().filter(|order| *order > 0) {
        let items = draft.items_of(order);
        let Some(status) = of_order(items.iter().map(|item| draft.status(Kind::OrderItem, *item))) else {
            continue;
        };
        if status == draft.status(Kind::Order, order) {
            continue;
        }
        let fields = [("status".to_owned(), status.to_string().into())].into_iter().collect();
        draft.set(Kind::Order, order, fields)?;
        draft.announce("order.updated", Kind::Order, order);
    }
    // Plans are looked through only when a cancellation moved: most pushes are about shipping.
    if draft.moves_cancellation { settle_plans(draft, orders) } else { Ok(()) }
}
