//! States as the wire shows them.

use oms_core::orders::OrderStatus;
use oms_core::packages;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A state of a record.
#[derive(Serialize, ToSchema)]
pub(crate) struct StateView {
    id: i64,
    name: String,
    #[schema(value_type = Object)]
    config: Value,
    /// `PackageStatus`, `PackageItemStatus` or `OrderStatus`.
    enum_class: &'static str,
    /// A string of digits, for example `"100"`.
    enum_value: String,
    /// The kind of record.
    content_type: &'static str,
}

fn view(code: i64, name: &str, enum_class: &'static str, content_type: &'static str) -> StateView {
    let enum_value = code.to_string();
    StateView { id: code, name: name.into(), config: json!({}), enum_class, enum_value, content_type }
}

fn package_name(code: i64) -> &'static str {
    packages::state(code).map_or("Unknown", |s| s.name)
}

/// A package's state.
pub(crate) fn of_package(code: i64) -> StateView {
    view(code, package_name(code), packages::ENUM_CLASS, "package")
}

/// A package item's state.
pub(crate) fn of_package_item(code: i64) -> StateView {
    view(code, package_name(code), packages::ITEM_ENUM_CLASS, "packageitem")
}

/// An order's state.
pub(crate) fn of_order(code: i64) -> StateView {
    let name = OrderStatus::from_code(code).map_or("unknown", OrderStatus::name);
    view(code, name, "OrderStatus", "order")
}
