//! What is to be cancelled, as the hub says it and as callers of ours do.

use oms_core::refusal::Refusal;
use serde_json::Value;

/// The most items of one plan.
pub(super) const MAX_ITEMS: usize = 1_000;

/// A plan as the hub sends it, or a request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub omnitron_id: Option<i64>,
    pub order_id: Option<i64>,
    pub order_omnitron_id: Option<i64>,
    pub plan_type: String,
    /// The hub takes it back: what is not decided yet of it ends.
    pub is_withdrawn: bool,
    pub items: Vec<WantedItem>,
}

/// One line that is not wanted, or some units of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedItem {
    pub order_item_id: Option<i64>,
    pub order_item_omnitron_id: Option<i64>,
    pub quantity: Option<i64>,
    pub reason_id: Option<i64>,
}

pub(super) fn wrong(field: &str, message: &str) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

/// The hub's words for a plan that is wanted no more. Whatever else it says of its status (`waiting`, `completed`), the
/// units are not wanted.
const WITHDRAWN: [&str; 4] = ["rejected", "withdrawn", "cancelled", "canceled"];

/// Reads the hub's payload `{"pk", "plan_type", "status", "order": {"pk"}, "cancellationplanorderitem_set": [{"order_item",
/// "reason", "quantity"}]}`. No items: all of the order.
pub fn read_hub(payload: &Value) -> Result<Wanted, Refusal> {
    let pk = |v: &Value| v.as_i64().or_else(|| v.get("pk")?.as_i64()).filter(|pk| *pk > 0);
    let plan_type = payload.get("plan_type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(plan_type, "cancel" | "refund") {
        return Err(wrong("payload.plan_type", "cancel or refund is expected."));
    }
    let order = payload.get("order").and_then(pk);
    let order = order.ok_or_else(|| wrong("payload.order", "The order with its pk is expected."))?;
    let listed = payload
        .get("cancellationplanorderitem_set")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if listed.len() > MAX_ITEMS {
        return Err(wrong("payload.cancellationplanorderitem_set", "At most 1,000 items are expected."));
    }
    let item = |v: &Value| {
        let item = v.get("order_item").and_then(pk);
        let quantity = match v.get("quantity") {
            None | Some(Value::Null) => None,
            Some(n) => Some(n.as_i64().filter(|n| *n > 0).ok_or_else(|| {
                wrong("payload.cancellationplanorderitem_set", "quantity is a whole number from 1, or null.")
            })?),
        };
        Ok(WantedItem {
            order_item_id: None,
            order_item_omnitron_id: Some(item.ok_or_else(|| {
                wrong("payload.cancellationplanorderitem_set", "Each item names its order_item.")
            })?),
            quantity,
            reason_id: v.get("reason").and_then(pk),
        })
    };
    Ok(Wanted {
        omnitron_id: pk(payload),
        order_id: None,
        order_omnitron_id: Some(order),
        plan_type: plan_type.to_owned(),
        is_withdrawn: payload.get("status").and_then(Value::as_str).is_some_and(|s| WITHDRAWN.contains(&s)),
        items: listed.iter().map(item).collect::<Result<_, Refusal>>()?,
    })
}

/// Reads our own `{"items": [{"order_item", "quantity", "reason"}]}` for an order. No items: all of it.
pub fn read_api(order_id: i64, body: &Value) -> Result<Wanted, Refusal> {
    let body = body.as_object().ok_or_else(|| wrong("non_field_errors", "A JSON object is expected."))?;
    if let Some(key) = body.keys().find(|k| *k != "items") {
        return Err(wrong(key, "Only items is known here."));
    }
    let listed = match body.get("items") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) if list.len() <= MAX_ITEMS => list.as_slice(),
        Some(_) => return Err(wrong("items", "A list of {order_item, quantity, reason} is expected.")),
    };
    let item = |v: &Value| {
        let id = v.get("order_item").and_then(Value::as_i64);
        let quantity = match v.get("quantity") {
            None | Some(Value::Null) => None,
            Some(n) => Some(
                n.as_i64()
                    .filter(|n| *n > 0)
                    .ok_or_else(|| wrong("items", "quantity is a whole number from 1."))?,
            ),
        };
        Ok(WantedItem {
            order_item_id: Some(
                id.ok_or_else(|| wrong("items", "Each item names its order_item, by the id here."))?,
            ),
            order_item_omnitron_id: None,
            quantity,
            reason_id: v.get("reason").and_then(Value::as_i64),
        })
    };
    Ok(Wanted {
        omnitron_id: None,
        order_id: Some(order_id),
        order_omnitron_id: None,
        plan_type: "cancel".into(),
        is_withdrawn: false,
        items: listed.iter().map(item).collect::<Result<_, Refusal>>()?,
    })
}
