//! States as the wire shows them.

use oms_core::commands::Entity;
use oms_core::orders::OrderStatus;
use oms_core::time::format_us;
use oms_core::{packages, transfers};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// By the pattern of package items; no published contract names it.
const TRANSFER_ITEM_ENUM_CLASS: &str = "TransferItemStatus";
/// By the same pattern.
const ORDER_ITEM_ENUM_CLASS: &str = "OrderItemStatus";

/// A state of a record.
#[derive(Serialize, ToSchema)]
pub struct StateView {
    id: i64,
    name: String,
    #[schema(value_type = Object)]
    config: Value,
    /// `PackageStatus`, `PackageItemStatus`, `TransferStatus`, `TransferItemStatus`, `OrderStatus` or `OrderItemStatus`.
    enum_class: &'static str,
    /// A string of digits, for example `"100"`; of transfers and their items a word, for example `"waiting"`.
    pub enum_value: String,
    /// The kind of record.
    content_type: &'static str,
    /// When the record came into it, where that is known.
    created_date: Option<String>,
    /// The same: a state is left and never changed.
    modified_date: Option<String>,
}

impl StateView {
    /// With the moment at which the record came into it.
    pub(crate) fn since(self, at_us: Option<i64>) -> Self {
        let date = at_us.map(format_us);
        Self { created_date: date.clone(), modified_date: date, ..self }
    }
}

fn view(code: i64, name: &str, enum_class: &'static str, content_type: &'static str) -> StateView {
    worded(code, name, enum_class, code.to_string(), content_type)
}

fn worded(
    code: i64,
    name: &str,
    enum_class: &'static str,
    enum_value: String,
    content_type: &'static str,
) -> StateView {
    StateView {
        id: code,
        name: name.into(),
        config: json!({}),
        enum_class,
        enum_value,
        content_type,
        created_date: None,
        modified_date: None,
    }
}

fn of_transfers(code: i64, enum_class: &'static str, content_type: &'static str) -> StateView {
    let state = transfers::state(code);
    let word = state.map_or_else(|| code.to_string(), |s| s.word.to_owned());
    worded(code, state.map_or("Unknown", |s| s.name), enum_class, word, content_type)
}

/// A transfer's state.
pub fn of_transfer(code: i64) -> StateView {
    of_transfers(code, transfers::ENUM_CLASS, "transferorder")
}

/// The state of a transfer's item: items follow their transfer.
pub fn of_transfer_item(code: i64) -> StateView {
    of_transfers(code, TRANSFER_ITEM_ENUM_CLASS, "transferitem")
}

/// A state of either kind of record.
pub fn of(entity: Entity, code: i64) -> StateView {
    match entity {
        Entity::Package => of_package(code),
        Entity::Transfer => of_transfer(code),
    }
}

fn package_name(code: i64) -> &'static str {
    packages::state(code).map_or("Unknown", |s| s.name)
}

/// A package's state.
pub fn of_package(code: i64) -> StateView {
    view(code, package_name(code), packages::ENUM_CLASS, "package")
}

/// A package item's state.
pub fn of_package_item(code: i64) -> StateView {
    view(code, package_name(code), packages::ITEM_ENUM_CLASS, "packageitem")
}

fn order_name(code: i64) -> &'static str {
    OrderStatus::from_code(code).map_or("unknown", OrderStatus::name)
}

/// An order's state.
pub fn of_order(code: i64) -> StateView {
    view(code, order_name(code), "OrderStatus", "order")
}

/// The state of an order's line.
pub fn of_order_item(code: i64) -> StateView {
    view(code, order_name(code), ORDER_ITEM_ENUM_CLASS, "orderitem")
}
