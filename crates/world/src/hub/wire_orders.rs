//! Base orders and their items as the wire has them.

use serde::Serialize;

use super::base::BASE_CARGO;
use super::kind::Kind;
use super::wire::{Empty, Money, Quantity, Time};
use super::world::{Ref, World};

/// Currency of the demo.
const CURRENCY: &str = "try";
/// Tax of the demo, in percent.
const TAX: &str = "20.00";
const NO_MONEY: Money = Money(0);

#[derive(Serialize)]
pub(super) struct OrderRow<'a> {
    id: i64,
    pk: i64,
    number: &'a str,
    channel: Ref<'a>,
    status: &'a str,
    date_placed: Time,
    customer: Ref<'a>,
    shipping_address: Ref<'a>,
    billing_address: Ref<'a>,
    currency: &'a str,
    amount: Money,
    shipping_amount: Money,
    shipping_tax_rate: &'a str,
    net_shipping_amount: Money,
    discount_amount: Money,
    refund_amount: Money,
    discount_refund_amount: Money,
    shipping_refund_amount: Money,
    installment_interest_amount: Money,
    payment_option: i64,
    payment_option_slug: &'a str,
    bin_number: Option<&'a str>,
    installment: Option<i64>,
    installment_count: i64,
    cargo_company: i64,
    tracking_number: Option<&'a str>,
    carrier_shipping_code: Option<&'a str>,
    delivery_type: Option<&'a str>,
    delivery_range: Option<&'a str>,
    shipping_option_slug: &'a str,
    invoice_number: Option<&'a str>,
    invoice_date: Option<&'a str>,
    e_archive_url: Option<&'a str>,
    is_send: bool,
    segment: Option<i64>,
    external_status: Option<&'a str>,
    client_type: &'a str,
    remote_addr: &'a str,
    has_gift_box: bool,
    gift_box_note: Option<&'a str>,
    language_code: &'a str,
    notes: Option<&'a str>,
    extra_field: Empty,
    created_date: Time,
    modified_date: Time,
}

#[derive(Serialize)]
pub(super) struct ItemRow<'a> {
    id: i64,
    pk: i64,
    order: i64,
    product: Ref<'a>,
    price_list: i64,
    stock_list: i64,
    status: &'a str,
    price_currency: &'a str,
    price: Money,
    tax_rate: &'a str,
    retail_price: Money,
    discount_amount: Money,
    installment_interest_amount: Money,
    shipping_company: Option<&'a str>,
    shipment_code: Option<&'a str>,
    tracking_number: Option<&'a str>,
    carrier_shipping_code: Option<&'a str>,
    invoice_number: Option<&'a str>,
    invoice_date: Option<&'a str>,
    e_archive_url: Option<&'a str>,
    cancel_status: Option<&'a str>,
    is_tradable: bool,
    datasource: Option<i64>,
    reconciliation: Option<i64>,
    cancellation_reconciliation: Option<i64>,
    original_stock: Option<i64>,
    shipping_option_group: Option<i64>,
    forced_refund: Option<bool>,
    parent: Option<i64>,
    delivered_date: Option<&'a str>,
    estimated_delivery_date: Option<&'a str>,
    extra_field: Empty,
    attributes: Quantity<'a>,
    attributes_kwargs: Empty,
    localized_attributes: Empty,
    localized_attributes_kwargs: Empty,
    created_date: Time,
    modified_date: Time,
}
impl World {
    /// A base order, as the wire has it.
    pub(super) fn order_row(&self, pk: i64, deep: bool) -> OrderRow<'_> {
        let at = pk as usize - 1;
        let order = &self.base.data.orders[at];
        let customer = order.customer as i64 + 1;
        OrderRow {
            id: pk,
            pk,
            number: &order.number,
            channel: self.reference(Kind::Channel, 1, deep, false),
            status: "400",
            date_placed: Time(order.placed_us),
            customer: self.reference(Kind::Customer, customer, deep, false),
            shipping_address: self.reference(Kind::Address, customer, deep, true),
            billing_address: self.reference(Kind::Address, customer, deep, true),
            currency: CURRENCY,
            amount: Money(self.base.amounts[at]),
            shipping_amount: NO_MONEY,
            shipping_tax_rate: TAX,
            net_shipping_amount: NO_MONEY,
            discount_amount: NO_MONEY,
            refund_amount: NO_MONEY,
            discount_refund_amount: NO_MONEY,
            shipping_refund_amount: NO_MONEY,
            installment_interest_amount: NO_MONEY,
            payment_option: 1,
            payment_option_slug: "card",
            bin_number: None,
            installment: None,
            installment_count: 1,
            cargo_company: BASE_CARGO,
            tracking_number: None,
            carrier_shipping_code: None,
            delivery_type: None,
            delivery_range: None,
            shipping_option_slug: "standard",
            invoice_number: None,
            invoice_date: None,
            e_archive_url: None,
            is_send: false,
            segment: None,
            external_status: None,
            client_type: "default",
            remote_addr: "192.0.2.1",
            has_gift_box: false,
            gift_box_note: None,
            language_code: "tr-tr",
            notes: None,
            extra_field: Empty {},
            created_date: Time(order.placed_us),
            modified_date: Time(order.placed_us),
        }
    }

    /// A base item, as the wire has it.
    pub(super) fn item_row(&self, pk: i64, deep: bool) -> ItemRow<'_> {
        let at = pk as usize - 1;
        let order_at = self.base.item_order[at] as usize;
        let order = &self.base.data.orders[order_at];
        let line = &order.lines[at - self.base.first_item[order_at] as usize];
        ItemRow {
            id: pk,
            pk,
            order: order_at as i64 + 1,
            product: self.reference(Kind::Product, i64::from(self.base.item_product[at]), deep, false),
            price_list: 1,
            stock_list: 1,
            status: "400",
            price_currency: CURRENCY,
            price: Money(line.unit_price_minor),
            tax_rate: TAX,
            retail_price: Money(line.unit_price_minor),
            discount_amount: NO_MONEY,
            installment_interest_amount: NO_MONEY,
            shipping_company: None,
            shipment_code: None,
            tracking_number: None,
            carrier_shipping_code: None,
            invoice_number: None,
            invoice_date: None,
            e_archive_url: None,
            cancel_status: None,
            is_tradable: false,
            datasource: None,
            reconciliation: None,
            cancellation_reconciliation: None,
            original_stock: None,
            shipping_option_group: None,
            forced_refund: None,
            parent: None,
            delivered_date: None,
            estimated_delivery_date: None,
            extra_field: Empty {},
            attributes: Quantity(&self.base.quantity_key, line.quantity),
            attributes_kwargs: Empty {},
            localized_attributes: Empty {},
            localized_attributes_kwargs: Empty {},
            created_date: Time(order.placed_us),
            modified_date: Time(order.placed_us),
        }
    }
}
