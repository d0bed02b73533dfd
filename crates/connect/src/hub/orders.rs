//! Orders and their items.

use oms_core::money::format_minor;
use oms_core::orders::OrderStatus;
use oms_core::quantity::{QuantityError, Units};
use serde_json::{Map, Value};

use super::people::{HubAddress, HubCustomer};
use super::wire::{Fields, HubRecord, Record, Ref};

/// Detailed orders are three kilobytes each.
const ORDER_LIMIT: u32 = 100;

/// An order of the hub, without its items.
#[derive(Debug, Clone, PartialEq)]
pub struct HubOrder {
    pub pk: i64,
    pub number: String,
    pub channel_pk: i64,
    pub status: OrderStatus,
    pub modified_us: i64,
    pub created_us: i64,
    /// When the shopper placed it; the creation time if the hub does not say.
    pub placed_us: i64,
    /// Three letters in lower case.
    pub currency: String,
    pub amount_minor: i64,
    pub shipping_amount_minor: i64,
    pub discount_amount_minor: i64,
    pub customer: Option<Ref<HubCustomer>>,
    pub shipping_address: Option<Ref<HubAddress>>,
    pub billing_address: Option<Ref<HubAddress>>,
    pub cargo_company_pk: Option<i64>,
    pub shipping_option_slug: Option<String>,
    pub payment_option_slug: Option<String>,
    pub delivery_type: Option<String>,
    /// Text or an object, as the hub has it; `null` when missing.
    pub delivery_range: Value,
    pub tracking_number: Option<String>,
    pub carrier_shipping_code: Option<String>,
    pub notes: Option<String>,
    pub language_code: Option<String>,
    pub client_type: Option<String>,
    /// `order_type`, which some tenants have.
    pub order_type: Option<String>,
    pub has_gift_box: bool,
    pub gift_box_note: Option<String>,
    pub extra_field: Value,
    /// The record as it came.
    pub raw: Value,
}

impl HubRecord for HubOrder {
    const PATH: &'static str = "orders/detailed/";
    const LIMIT: u32 = ORDER_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        let status = status(&f)?;
        let (created, modified) = (f.time_us("created_date")?, f.time_us("modified_date")?);
        let modified_us = f.need("modified_date", modified)?;
        let created_us = created.unwrap_or(modified_us);
        let currency = f.currency("currency")?;
        let amount = f.amount("amount")?;
        Ok(Self {
            pk: f.pk()?,
            number: f.needed_code("number")?,
            channel_pk: f.needed_reference("channel")?,
            status,
            modified_us,
            created_us,
            placed_us: f.time_us("date_placed")?.unwrap_or(created_us),
            currency: f.need("currency", currency)?,
            amount_minor: f.need("amount", amount)?,
            shipping_amount_minor: f.amount("shipping_amount")?.unwrap_or(0),
            discount_amount_minor: f.amount("discount_amount")?.unwrap_or(0),
            customer: f.nested("customer")?,
            shipping_address: f.nested("shipping_address")?,
            billing_address: f.nested("billing_address")?,
            cargo_company_pk: f.reference("cargo_company")?,
            shipping_option_slug: f.code("shipping_option_slug")?,
            payment_option_slug: f.code("payment_option_slug")?,
            delivery_type: f.code("delivery_type")?,
            delivery_range: f.json("delivery_range"),
            tracking_number: f.code("tracking_number")?,
            carrier_shipping_code: f.code("carrier_shipping_code")?,
            notes: f.text("notes"),
            language_code: f.text("language_code"),
            client_type: f.text("client_type"),
            order_type: f.text("order_type"),
            has_gift_box: f.flag("has_gift_box", false),
            gift_box_note: f.text("gift_box_note"),
            extra_field: f.json("extra_field"),
            raw: value.clone(),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// One item of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct HubItem {
    pub pk: i64,
    pub order_pk: i64,
    pub product_pk: i64,
    pub status: OrderStatus,
    pub price_minor: i64,
    /// Three letters in lower case; `None` means the order's.
    pub currency: Option<String>,
    /// Per cent, as the hub prints it; empty when missing.
    pub tax_rate: String,
    pub discount_minor: i64,
    pub retail_price_minor: Option<i64>,
    /// From the attributes; 1 when they hold no quantity.
    pub quantity: Result<Units, QuantityError>,
    pub cancel_status: Option<String>,
    pub attributes: Value,
    /// What else it says that people and software are shown: amounts, lists, images, the line it belongs to.
    pub others: Value,
    /// The record as it came.
    pub raw: Value,
}

/// Amounts of an item that nothing is reckoned with; kept as money.
const OTHER_AMOUNTS: [&str; 4] =
    ["net_amount", "tax_amount", "without_net_amount", "installment_interest_amount"];
/// Keys of an item that are kept as they came.
const OTHER_KEYS: [&str; 3] = ["attributes_kwargs", "image", "extra_field"];
/// Records an item points at, that are not copied.
const OTHER_REFERENCES: [&str; 3] = ["price_list", "stock_list", "parent"];

impl HubItem {
    /// Reads one. The quantity stands in the attributes under a key that differs by brand.
    pub fn read(value: &Value, quantity_key: &str) -> Record<Self> {
        let f = Fields::of(value)?;
        let status = status(&f)?;
        let price = f.amount("price")?;
        let attributes = f.json("attributes");
        let quantity = match attributes.get(quantity_key) {
            None | Some(Value::Null) => Units::new(1),
            Some(value) => Units::from_json(value),
        };
        Ok(Self {
            pk: f.pk()?,
            order_pk: f.needed_reference("order")?,
            product_pk: f.needed_reference("product")?,
            status,
            price_minor: f.need("price", price)?,
            currency: f.currency("price_currency")?,
            tax_rate: f.text("tax_rate").unwrap_or_default(),
            discount_minor: f.amount("discount_amount")?.unwrap_or(0),
            retail_price_minor: f.amount("retail_price")?,
            quantity,
            cancel_status: f.text("cancel_status"),
            attributes,
            others: others(&f).into(),
            raw: value.clone(),
        })
    }
}

/// What an item says besides; an amount that is none, or a reference that is no key, is left away.
fn others(f: &Fields<'_>) -> Map<String, Value> {
    let mut others = f.as_they_came(&OTHER_KEYS);
    for key in OTHER_AMOUNTS {
        if let Ok(Some(minor)) = f.amount(key) {
            others.insert(key.to_owned(), format_minor(minor).into());
        }
    }
    for key in OTHER_REFERENCES {
        if let Ok(Some(pk)) = f.reference(key) {
            others.insert(key.to_owned(), pk.into());
        }
    }
    others
}

fn status(f: &Fields<'_>) -> Record<OrderStatus> {
    let Some(value) = f.get("status") else { return f.fail("status is missing") };
    match OrderStatus::from_json(value) {
        Some(status) => Ok(status),
        None => {
            let unknown: String = value.to_string().chars().take(40).collect();
            f.fail(format!("status {unknown} is unknown"))
        }
    }
}
