//! Transfer items as objects.

use std::collections::HashMap;

use oms_core::time::format_us;
use oms_store::lists::transfers::TransferItem;
use oms_store::orders::order_views::Product;
use serde::Serialize;
use utoipa::ToSchema;

use crate::objects::orders::{ProductView, product};
use crate::objects::states::{StateView, of_transfer_item};

/// Units of one package item inside a transfer order.
#[derive(Serialize, ToSchema)]
pub struct TransferItemView {
    id: i64,
    state: StateView,
    /// `quantity`.
    unit_type: &'static str,
    /// The package item's id.
    package_item: i64,
    product: Option<ProductView>,
    /// The product's.
    name: Option<String>,
    /// Whole units.
    quantity: i64,
    /// The product's SKU.
    stock_code: Option<String>,
    /// The product's.
    barcode: Option<String>,
    /// The transfer order's id.
    transfer_order: i64,
    created_date: String,
    modified_date: String,
}

/// An item as an object; `since`: when its transfer came into its state, if that is known.
pub fn view(i: &TransferItem, products: &HashMap<i64, Product>, since: Option<i64>) -> TransferItemView {
    let of = products.get(&i.product_id);
    TransferItemView {
        id: i.id,
        state: of_transfer_item(i.state).since(since),
        unit_type: "quantity",
        package_item: i.package_item_id,
        product: of.map(product),
        name: of.map(|p| p.name.clone()),
        quantity: i.quantity,
        stock_code: of.map(|p| p.sku.clone()),
        barcode: of.and_then(|p| p.barcode.clone()),
        transfer_order: i.transfer_id,
        created_date: format_us(i.created_us),
        modified_date: format_us(i.modified_us),
    }
}

impl TransferItemView {
    /// As it was at a moment: items are in the state of their transfer.
    pub(crate) fn be_at(&mut self, state: i64, since: Option<i64>, at_us: i64) {
        self.state = of_transfer_item(state).since(since);
        self.modified_date = format_us(at_us);
    }
}
