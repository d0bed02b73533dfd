//! Package items as objects.

use oms_core::time::format_us;
use oms_store::lists::transfers::Coming;
use oms_store::packages::PackageItem;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::objects::orders::{self, OrderItemView};
use crate::objects::states::{StateView, of_package_item, of_transfer};
use crate::views::Nested;

/// One order line's units inside a package.
#[derive(Serialize, ToSchema)]
pub struct PackageItemView {
    id: i64,
    state: StateView,
    /// The package's id.
    package: i64,
    package_number: String,
    order_item: Option<OrderItemView>,
    /// Whole units.
    quantity: i64,
    /// `quantity`.
    unit_type: &'static str,
    unit_weight: Option<String>,
    /// Transfers that bring, brought or were to bring units of it.
    transfer_orders: Vec<ItemTransferView>,
    #[schema(value_type = Option<Object>)]
    denial_reason: Option<Value>,
    discrepancy_reason: Option<String>,
    created_date: String,
    modified_date: String,
}

/// A transfer order as one package item sees it.
#[derive(Serialize, ToSchema)]
pub struct ItemTransferView {
    id: i64,
    number: String,
    state: StateView,
    /// Where it comes from.
    source_erp_code: String,
    /// Units of this item.
    quantity: i64,
}

fn transfer(c: &Coming) -> ItemTransferView {
    ItemTransferView {
        id: c.transfer_id,
        number: c.number.clone(),
        state: of_transfer(c.state),
        source_erp_code: c.erp_code.clone(),
        quantity: c.quantity,
    }
}

/// An item as an object; `since`: when its package came into its state, if that is known.
pub fn view(i: &PackageItem, nested: &Nested, since: Option<i64>) -> PackageItemView {
    PackageItemView {
        id: i.id,
        state: of_package_item(i.state).since(since),
        package: i.package_id,
        package_number: i.package_number.clone(),
        order_item: nested
            .order_items
            .get(&i.order_item_id)
            .map(|o| orders::item(o, nested.orders.get(&o.order_id), nested)),
        quantity: i.quantity,
        unit_type: "quantity",
        unit_weight: None,
        transfer_orders: nested.transfers.get(&i.id).into_iter().flatten().map(transfer).collect(),
        denial_reason: i
            .denial_reason_id
            .and_then(|id| nested.denial_reasons.get(&id))
            .map(|r| json!({"id": r.id, "title": r.title})),
        discrepancy_reason: nested.discrepancies.get(&i.id).and_then(|d| d.last()).map(|d| d.reason.clone()),
        created_date: format_us(i.created_us),
        modified_date: format_us(i.modified_us),
    }
}

impl PackageItemView {
    /// As it was at a moment: items are in the state of their package.
    pub(crate) fn be_at(&mut self, state: i64, since: Option<i64>, at_us: i64) {
        self.state = of_package_item(state).since(since);
        self.modified_date = format_us(at_us);
    }
}
