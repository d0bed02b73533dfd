//! Event types, as integrators see them.

pub const ORDER_CREATED: &str = "order.created";
pub const ORDER_UPDATED: &str = "order.updated";
pub const ORDER_PLANNED: &str = "order.planned";
/// An order became several packages. Documented name.
pub const ORDER_MULTIPLE_PACKAGES: &str = "order.fulfillment.multiple_packages";
/// Documented name.
pub const PACKAGE_CREATED: &str = "package.created";
/// Documented name.
pub const PACKAGE_OUT_OF_STOCK: &str = "package.status.out_of_stock";
/// Documented name: any change of a package's state.
pub const PACKAGE_TRANSITIONED: &str = "package.status.transitioned";
/// Documented form `package.status.<state>`.
pub const PACKAGE_CANCELLED: &str = "package.status.cancelled";
/// Documented form `package.status.<state>`.
pub const PACKAGE_WAITING: &str = "package.status.waiting";
/// Documented form `package.status.<state>`.
pub const PACKAGE_WAITING_REMOTE_ACTION: &str = "package.status.waiting_remote_action";
/// Documented name: a store refused it.
pub const PACKAGE_REFUSED: &str = "package.refused";
/// Documented name: the carrier's number is known.
pub const PACKAGE_AWB_NUMBER: &str = "package.shipment.awb_number";
/// Ours: the brand's own invoice took the place of the packing document.
pub const PACKAGE_INVOICE_UPDATED: &str = "package.invoice.updated";
/// Ours: something of it changed and its state did not.
pub const PACKAGE_UPDATED: &str = "package.updated";
/// Documented name.
pub const SHIPMENT_CREATED: &str = "shipment.created";
/// Documented name.
pub const SHIPMENT_UPDATED: &str = "shipment.status.updated";
/// Documented name.
pub const SHIPMENT_CANCELLED: &str = "shipment.cancelled";
/// Documented name.
pub const TRANSFER_CREATED: &str = "transfer.status.created";
/// Documented name: any change of a transfer's state.
pub const TRANSFER_TRANSITIONED: &str = "transfer.status.transitioned";
/// Documented name.
pub const STOCK_LOCATION_CREATED: &str = "stock_location.created";
/// Documented name.
pub const STOCK_LOCATION_UPDATED: &str = "stock_location.updated";

/// The kind of record an event is about: half of its sequence's name.
pub mod entity {
    pub const ORDER: &str = "order";
    pub const PACKAGE: &str = "package";
    pub const TRANSFER: &str = "transfer";
    pub const SHIPMENT: &str = "shipment";
    pub const STOCK_LOCATION: &str = "stock_location";
}

/// Every kind of record events are about.
pub const ENTITIES: &[&str] =
    &[entity::ORDER, entity::PACKAGE, entity::TRANSFER, entity::SHIPMENT, entity::STOCK_LOCATION];
