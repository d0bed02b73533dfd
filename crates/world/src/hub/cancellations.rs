//! Cancellations: the cancel call, requests, and the plans the OMS is told of.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use oms_core::orders::OrderStatus;
use serde_json::{Value, json};

use super::Hub;
use super::change::{Draft, Then};
use super::items::{move_to, settle};
use super::kind::Kind;
use super::reply::Reply;
use super::shape::{Shape, Slot, may, must, null, read};
use super::world::Fields;

/// Most entries of a payment plan; more than an order has items makes no sense.
const MAX_PAYMENTS: usize = 1_000;

const REQUEST_STATUSES: [&str; 6] =
    ["waiting", "waiting_approval", "confirmed", "approved", "rejected", "completed"];

const REQUEST: [Slot; 10] = [
    must("order_item", Shape::Key(Kind::OrderItem)),
    must("reason", Shape::Key(Kind::CancellationReason)),
    must("cancellation_type", Shape::OneOf(&["cancel", "refund"])),
    null("description", Shape::Text(1024)),
    null("remote_id", Shape::Text(128)),
    null("iban", Shape::Text(64)),
    null("holder_name", Shape::Text(255)),
    null("quantity", Shape::Count),
    may("fully_refund_as_loyalty_money", Shape::Flag),
    may("status", Shape::OneOf(&REQUEST_STATUSES)),
];

const PLAN_PATCH: [Slot; 1] = [must("status", Shape::OneOf(&["waiting", "completed", "rejected"]))];

const CANCEL: [Slot; 8] = [
    may("is_all", Shape::Flag),
    may("cancel_items", Shape::List),
    may("reasons", Shape::Object),
    null("forced_refund_amount", Shape::Money),
    may("is_cargo_refund", Shape::Flag),
    null("refund_invoice_number", Shape::Text(128)),
    null("ibans", Shape::Object),
    null("holder_names", Shape::Object),
];

/// What of an item is to be cancelled, and why.
struct Part {
    item: i64,
    reason: Value,
    /// `null` is all of it.
    quantity: Value,
    iban: Value,
    holder_name: Value,
    request: Option<i64>,
}

impl Hub {
    /// `POST orders/{pk}/cancel/`: the items wait, and a plan asks the OMS whether it can still be done.
    pub(crate) async fn cancel(&self, order: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            draft.fields(Kind::Order, order)?;
            let given = read(draft, &CANCEL, &body, true)?;
            let items = items_to_cancel(draft, order, &given)?;
            let of = |name: &str, item: i64| {
                given.get(name).and_then(|m| m.get(item.to_string())).cloned().unwrap_or_default()
            };
            let mut parts = Vec::with_capacity(items.len());
            for item in items {
                let reason = of("reasons", item);
                let known = reason.as_i64().is_some_and(|pk| draft.exists(Kind::CancellationReason, pk));
                if !reason.is_null() && !known {
                    return Err(Reply::field(
                        "reasons",
                        format!("Invalid pk \"{reason}\" - object does not exist."),
                    ));
                }
                let (iban, holder_name) = (of("ibans", item), of("holder_names", item));
                parts.push(Part { item, reason, quantity: Value::Null, iban, holder_name, request: None });
            }
            plan(draft, order, parts, given)?;
            Ok(Then::Show(StatusCode::OK, Kind::Order, order, false))
        })
        .await
    }

    /// `POST cancellation_requests/`.
    pub(crate) async fn create_request(&self, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let given = read(draft, &REQUEST, &body, false)?;
            if given.get("quantity").and_then(Value::as_i64) == Some(0) {
                return Err(Reply::field("quantity", "Ensure this value is greater than or equal to 1."));
            }
            let uuid = uuid::Uuid::new_v4().to_string();
            let blank = json!({ "description": null, "status": "waiting", "iban": null, "holder_name": null,
                "easy_return": null, "quantity": null, "remote_id": null, "fully_refund_as_loyalty_money": false,
                "attributes": {}, "attributes_kwargs": {}, "uuid": uuid });
            let mut fields = object(blank);
            fields.extend(given);
            fields.insert("status".to_owned(), "waiting".into());
            let pk = draft.create(Kind::CancellationRequest, fields);
            Ok(Then::Show(StatusCode::CREATED, Kind::CancellationRequest, pk, false))
        })
        .await
    }

    /// `PATCH` or `PUT cancellation_requests/{pk}/`; approving one makes its plan.
    pub(crate) async fn patch_request(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let before = draft.fields(Kind::CancellationRequest, pk)?;
            let given = read(draft, &REQUEST, &body, true)?;
            let approved = |f: &Fields| f.get("status").is_some_and(|s| s == "approved" || s == "confirmed");
            let now_approved = approved(&given) && !approved(&before);
            draft.set(Kind::CancellationRequest, pk, given)?;
            if now_approved {
                approve(draft, pk)?;
            }
            Ok(Then::Show(StatusCode::OK, Kind::CancellationRequest, pk, false))
        })
        .await
    }

    /// `POST cancellation_requests/{pk}/reject/`.
    pub(crate) async fn reject_request(&self, pk: i64) -> Result<Reply, Reply> {
        self.change(|draft| {
            let fields = draft.fields(Kind::CancellationRequest, pk)?;
            if fields
                .get("status")
                .is_none_or(|s| s != "waiting" && s != "waiting_approval" && s != "rejected")
            {
                let detail = "Only a waiting request may be rejected.";
                return Err(Reply::refused("cancellation_request_status_100_1", json!({ "detail": detail })));
            }
            draft.set(Kind::CancellationRequest, pk, object(json!({ "status": "rejected" })))?;
            Ok(Then::Show(StatusCode::OK, Kind::CancellationRequest, pk, false))
        })
        .await
    }

    /// `PATCH cancellation_plans/{pk}/`: its status only.
    pub(crate) async fn patch_plan(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let given = read(draft, &PLAN_PATCH, &body, false)?;
            draft.set(Kind::CancellationPlan, pk, given)?;
            draft.announce("cancellation_plan.updated", Kind::CancellationPlan, pk);
            Ok(Then::Show(StatusCode::OK, Kind::CancellationPlan, pk, false))
        })
        .await
    }

    /// `POST cancellation_plans/{pk}/create_payment_plan/`.
    pub(crate) async fn create_payment_plan(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        let payments =
            body.get("payment_plan").filter(|p| p.as_array().is_some_and(|p| p.len() <= MAX_PAYMENTS));
        let payments = payments.ok_or_else(|| Reply::field("payment_plan", "Expected a list of items."))?;
        self.change(|draft| {
            draft.set(Kind::CancellationPlan, pk, object(json!({ "payment_plan": payments })))?;
            Ok(Then::Show(StatusCode::CREATED, Kind::CancellationPlan, pk, false))
        })
        .await
    }
}

fn items_to_cancel(draft: &Draft<'_>, order: i64, given: &Fields) -> Result<Vec<i64>, Reply> {
    let all = draft.items_of(order);
    if given.get("is_all") == Some(&Value::Bool(true)) {
        let ended = [OrderStatus::Canceled.code(), OrderStatus::Refunded.code()];
        return Ok(all
            .into_iter()
            .filter(|item| !ended.contains(&draft.status(Kind::OrderItem, *item)))
            .collect());
    }
    let listed = given.get("cancel_items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut items = BTreeSet::new();
    for item in listed {
        let pk = item.as_i64().filter(|pk| all.contains(pk));
        items.insert(
            pk.ok_or_else(|| Reply::field("cancel_items", format!("{item} is not an item of the order.")))?,
        );
    }
    Ok(items.into_iter().collect())
}

fn approve(draft: &mut Draft<'_>, request: i64) -> Result<(), Reply> {
    let fields = draft.fields(Kind::CancellationRequest, request)?;
    let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let item = of("order_item").as_i64().unwrap_or_default();
    let part = Part {
        item,
        reason: of("reason"),
        quantity: of("quantity"),
        iban: of("iban"),
        holder_name: of("holder_name"),
        request: Some(request),
    };
    plan(draft, draft.world().order_of(item), vec![part], Fields::new())
}

/// Makes a plan for parts of an order: a cancellation before they ship, a refund after they arrived.
fn plan(draft: &mut Draft<'_>, order: i64, parts: Vec<Part>, given: Fields) -> Result<(), Reply> {
    let plan_type = plan_type(draft, &parts)?;
    let mut entries = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let is_whole = covers(draft, part)?;
        entries.push(json!({ "pk": at + 1, "is_whole": is_whole, "order_item": part.item, "reason": part.reason, "quantity": part.quantity,
            "iban": part.iban, "holder_name": part.holder_name, "cancellation_request": part.request }));
        if plan_type == "cancel" && is_whole {
            let fields = move_to(draft, part.item, OrderStatus::CancellationWaiting)?;
            draft.set(Kind::OrderItem, part.item, fields)?;
        }
    }
    let of_order = draft.fields(Kind::Order, order)?;
    let mut fields = object(
        json!({ "plan_type": plan_type, "status": "waiting", "order": order, "order_id": order,
        "order_number": of_order.get("number"), "channel": of_order.get("channel"), "uuid": uuid::Uuid::new_v4().to_string(),
        "is_all": given.get("is_all").and_then(Value::as_bool).unwrap_or(false),
        "is_cargo_refund": given.get("is_cargo_refund").and_then(Value::as_bool).unwrap_or(false),
        "forced_refund_amount": given.get("forced_refund_amount"),
        "refund_invoice_number": given.get("refund_invoice_number"), "payment_plan": [] }),
    );
    fields.insert("cancellationplanorderitem_set".to_owned(), entries.into());
    let pk = draft.create(Kind::CancellationPlan, fields);
    settle(draft, &BTreeSet::from([order]))?;
    draft.announce("cancellation_plan.created", Kind::CancellationPlan, pk);
    Ok(())
}

fn plan_type(draft: &Draft<'_>, parts: &[Part]) -> Result<&'static str, Reply> {
    let codes: BTreeSet<i64> = parts.iter().map(|part| draft.status(Kind::OrderItem, part.item)).collect();
    let refused = |code: &str, detail: &str| Err(Reply::refused(code, json!({ "detail": detail })));
    let open = OrderStatus::Waiting.code()..=OrderStatus::Preparing.code();
    if codes.is_empty() {
        refused("cancellation_100_1", "There is nothing to cancel.")
    } else if codes.iter().all(|code| open.contains(code)) {
        Ok("cancel")
    } else if codes.iter().all(|code| *code == OrderStatus::Delivered.code()) {
        Ok("refund")
    } else {
        refused("cancellation_100_2", "The items must all be before shipment, or all be delivered.")
    }
}

/// Whether a part is the whole item.
fn covers(draft: &Draft<'_>, part: &Part) -> Result<bool, Reply> {
    let Some(asked) = part.quantity.as_i64() else { return Ok(true) };
    let fields = draft.fields(Kind::OrderItem, part.item)?;
    let units = fields.get("attributes").and_then(|a| a.get(&draft.world().base.quantity_key));
    let units = units.and_then(|u| u.as_i64().or_else(|| u.as_str()?.parse().ok())).unwrap_or(1);
    Ok(asked >= units)
}

/// Closes the waiting plans of orders whose items no longer wait.
pub(crate) fn settle_plans(draft: &mut Draft<'_>, orders: &BTreeSet<i64>) -> Result<(), Reply> {
    for pk in draft.world().keys(Kind::CancellationPlan) {
        let fields = draft.fields(Kind::CancellationPlan, pk)?;
        let order = fields.get("order").and_then(Value::as_i64).unwrap_or_default();
        if !orders.contains(&order) || fields.get("status").is_none_or(|s| s != "waiting") {
            continue;
        }
        let parts = fields
            .get("cancellationplanorderitem_set")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        // A part smaller than its item leaves the item where it was, so nothing can be read from that.
        let whole = parts.iter().filter(|part| part.get("is_whole") == Some(&Value::Bool(true)));
        let item = whole.filter_map(|part| part.get("order_item")?.as_i64());
        let codes: BTreeSet<i64> = item.map(|item| draft.status(Kind::OrderItem, item)).collect();
        let Some(outcome) = outcome(fields.get("plan_type") == Some(&json!("refund")), &codes) else {
            continue;
        };
        draft.set(Kind::CancellationPlan, pk, object(json!({ "status": outcome })))?;
        for request in parts.iter().filter_map(|part| part.get("cancellation_request")?.as_i64()) {
            if draft.exists(Kind::CancellationRequest, request) {
                draft.set(Kind::CancellationRequest, request, object(json!({ "status": outcome })))?;
            }
        }
    }
    Ok(())
}

/// How a plan ended, or `None` while it waits: completed when any part was, rejected when none was.
fn outcome(is_refund: bool, codes: &BTreeSet<i64>) -> Option<&'static str> {
    let (waiting, canceled) = (OrderStatus::CancellationWaiting.code(), OrderStatus::Canceled.code());
    if codes.is_empty() || codes.contains(&waiting) {
        return None;
    }
    match is_refund {
        true => codes.iter().all(|code| *code == OrderStatus::Refunded.code()).then_some("completed"),
        false => Some(if codes.contains(&canceled) { "completed" } else { "rejected" }),
    }
}

/// A JSON object literal as fields.
pub(crate) fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
