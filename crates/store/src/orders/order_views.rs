//! Orders, plans, stock, channels and places as they are listed and shown.

use std::collections::HashMap;

use crate::args;
use crate::list_counts::Counted;
use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx};

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub channel_id: i64,
    pub number: String,
    pub status: i64,
    pub placed_us: i64,
    pub customer_id: Option<i64>,
    pub shipping_address_id: Option<i64>,
    pub billing_address_id: Option<i64>,
    pub currency: String,
    pub amount_minor: Option<i64>,
    pub shipping_amount_minor: Option<i64>,
    pub discount_amount_minor: Option<i64>,
    pub shipping_option: Option<String>,
    pub payment_option: Option<String>,
    pub delivery_type: Option<String>,
    pub delivery_range: Option<String>,
    pub cargo_company: Option<i64>,
    pub tracking_number: Option<String>,
    pub notes: Option<String>,
    pub language_code: Option<String>,
    pub order_type: Option<String>,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of orders reads, for [`read_order`].
pub const ORDER_COLUMNS: &str = "t.id, t.omnitron_id, t.channel_id, t.number, t.hub_status, t.placed_us, t.customer_id, \
    t.shipping_address_id, t.billing_address_id, t.currency, t.amount_minor, t.shipping_amount_minor, \
    t.discount_amount_minor, t.shipping_option, t.payment_option, t.delivery_type, t.delivery_range, t.cargo_company, \
    t.tracking_number, t.notes, t.language_code, t.order_type, t.created_us, t.modified_us";

/// Reads a row of [`ORDER_COLUMNS`].
pub fn read_order(row: &Row) -> Result<Order, StoreError> {
    let mut c = row.cols();
    Ok(Order {
        id: c.i64()?,
        omnitron_id: c.opt_i64()?,
        channel_id: c.i64()?,
        number: c.text()?,
        status: c.i64()?,
        placed_us: c.i64()?,
        customer_id: c.opt_i64()?,
        shipping_address_id: c.opt_i64()?,
        billing_address_id: c.opt_i64()?,
        currency: c.text()?,
        amount_minor: c.opt_i64()?,
        shipping_amount_minor: c.opt_i64()?,
        discount_amount_minor: c.opt_i64()?,
        shipping_option: c.opt_text()?,
        payment_option: c.opt_text()?,
        delivery_type: c.opt_text()?,
        delivery_range: c.opt_text()?,
        cargo_company: c.opt_i64()?,
        tracking_number: c.opt_text()?,
        notes: c.opt_text()?,
        language_code: c.opt_text()?,
        order_type: c.opt_text()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// Orders by id.
pub async fn orders(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, Order>, StoreError> {
    let rows = tx.fetch_in(&format!("SELECT {ORDER_COLUMNS} FROM orders t WHERE t.id"), ids, "").await?;
    rows.iter().map(|r| read_order(r).map(|o| (o.id, o))).collect()
}

/// The list of orders; `p` is the plan, `k` the customer.
pub const ORDERS: List = List {
    table: "orders t",
    joins: " JOIN plans p ON p.id = t.id LEFT JOIN customers k ON k.id = t.customer_id",
    ordered: &["t.channel_id", "t.hub_status", "t.delivery_type", "t.created_us"],
    spans: &[("t.placed_us", "orders t"), ("t.modified_us", "orders t")],
    counted: Some((Counted::Order, "t.hub_status")),
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("id__gt", Kind::Int, "t.id > ?"),
        Filter::new("id__gte", Kind::Int, "t.id >= ?"),
        Filter::new("id__lt", Kind::Int, "t.id < ?"),
        Filter::new("id__lte", Kind::Int, "t.id <= ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("pk__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("omnitron_id", Kind::Int, "t.omnitron_id = ?"),
        Filter::new("omnitron_id__in", Kind::Ints, "t.omnitron_id IN (?)"),
        Filter::new("number", Kind::Prefix, "t.number >= ? AND t.number <= ?"),
        Filter::new("channel", Kind::Int, "t.channel_id = ?"),
        Filter::new(
            "channel__omnitron_id",
            Kind::Ints,
            "t.channel_id IN (SELECT c.id FROM channels c WHERE c.omnitron_id IN (?))",
        ),
        Filter::new("state__enum_value", Kind::Int, "t.hub_status = ?"),
        Filter::new("plan__state", Kind::Text, "t.id IN (SELECT p.id FROM plans p WHERE p.state = ?)"),
        Filter::new("date_placed", Kind::Day, "t.placed_us >= ? AND t.placed_us < ?"),
        Filter::new("date_placed__gte", Kind::Time, "t.placed_us >= ?"),
        Filter::new("date_placed__lte", Kind::Time, "t.placed_us <= ?"),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lte", Kind::Time, "t.created_us <= ?"),
        Filter::new("modified_date__gte", Kind::Time, "t.modified_us >= ?"),
        Filter::new("modified_date__lte", Kind::Time, "t.modified_us <= ?"),
        Filter::new(
            "customer__first_name",
            Kind::Folded,
            "t.customer_id IN (SELECT k.id FROM customers k WHERE k.first_name_folded = ?)",
        ),
        Filter::new(
            "customer__last_name",
            Kind::Folded,
            "t.customer_id IN (SELECT k.id FROM customers k WHERE k.last_name_folded = ?)",
        ),
        Filter::new("delivery_type", Kind::Text, "t.delivery_type = ?"),
    ],
    orders: &[
        ("created_date", "t.created_us, t.id"),
        ("-created_date", "t.created_us DESC, t.id DESC"),
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("modified_date", "t.modified_us, t.id"),
        ("-modified_date", "t.modified_us DESC, t.id DESC"),
        ("date_placed", "t.placed_us, t.id"),
        ("-date_placed", "t.placed_us DESC, t.id DESC"),
    ],
};

/// An order line as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    pub id: i64,
    pub order_id: i64,
    pub omnitron_id: Option<i64>,
    pub product_id: i64,
    pub quantity: i64,
    pub quantity_cancelled: i64,
    pub price_minor: Option<i64>,
    pub discount_minor: Option<i64>,
    pub retail_price_minor: Option<i64>,
    pub price_currency: Option<String>,
    pub tax_rate: Option<String>,
    pub attributes: serde_json::Value,
    /// The hub's status of it; null: the order's.
    pub hub_status: Option<i64>,
    /// What else the hub says of it; null: nothing.
    pub hub_fields: serde_json::Value,
}

const ITEM_COLUMNS: &str = "t.id, t.order_id, t.omnitron_id, t.product_id, t.quantity, t.quantity_cancelled, \
    t.price_minor, t.discount_minor, t.retail_price_minor, t.price_currency, t.tax_rate, t.attributes, \
    t.hub_status, t.hub_fields";

fn read_item(row: &Row) -> Result<OrderItem, StoreError> {
    let mut c = row.cols();
    Ok(OrderItem {
        id: c.i64()?,
        order_id: c.i64()?,
        omnitron_id: c.opt_i64()?,
        product_id: c.i64()?,
        quantity: c.i64()?,
        quantity_cancelled: c.i64()?,
        price_minor: c.opt_i64()?,
        discount_minor: c.opt_i64()?,
        retail_price_minor: c.opt_i64()?,
        price_currency: c.opt_text()?,
        tax_rate: c.opt_text()?,
        attributes: c.json()?,
        hub_status: c.opt_i64()?,
        hub_fields: c.opt_json()?,
    })
}

/// The lines of orders, in the hub's order.
pub async fn items_of(tx: &mut Tx, orders: Vec<i64>) -> Result<Vec<OrderItem>, StoreError> {
    let head = format!("SELECT {ITEM_COLUMNS} FROM order_items t WHERE t.order_id");
    tx.fetch_in(&head, orders, "ORDER BY t.order_id, t.line").await?.iter().map(read_item).collect()
}

/// Order lines by id.
pub async fn items(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, OrderItem>, StoreError> {
    let rows = tx.fetch_in(&format!("SELECT {ITEM_COLUMNS} FROM order_items t WHERE t.id"), ids, "").await?;
    rows.iter().map(|r| read_item(r).map(|i| (i.id, i))).collect()
}

/// A product as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    pub id: i64,
    pub sku: String,
    pub name: String,
    pub base_code: Option<String>,
    pub barcode: Option<String>,
    pub attributes: serde_json::Value,
    /// What else the hub says of it; null: nothing.
    pub hub_fields: serde_json::Value,
    /// Its key at the hub; the first of several.
    pub omnitron_id: Option<i64>,
    pub created_us: i64,
    pub modified_us: i64,
}

/// Products by id.
pub async fn products(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, Product>, StoreError> {
    let head = "SELECT id, sku, name, base_code, barcode, attributes, hub_fields, created_us, modified_us, \
                (SELECT MIN(h.omnitron_id) FROM hub_products h WHERE h.product_id = products.id) FROM products WHERE id";
    let one = |row: &Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        let product = Product {
            id,
            sku: c.text()?,
            name: c.text()?,
            base_code: c.opt_text()?,
            barcode: c.opt_text()?,
            attributes: c.json()?,
            hub_fields: c.opt_json()?,
            created_us: c.i64()?,
            modified_us: c.i64()?,
            omnitron_id: c.opt_i64()?,
        };
        Ok((id, product))
    };
    tx.fetch_in(head, ids, "").await?.iter().map(one).collect()
}

/// Who ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub customer_type: Option<String>,
}

/// Customers by id.
pub async fn customers(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, Customer>, StoreError> {
    let head =
        "SELECT id, omnitron_id, first_name, last_name, email, phone, customer_type FROM customers WHERE id";
    let one = |row: &Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        let customer = Customer {
            id,
            omnitron_id: c.opt_i64()?,
            first_name: c.opt_text()?,
            last_name: c.opt_text()?,
            email: c.opt_text()?,
            phone: c.opt_text()?,
            customer_type: c.opt_text()?,
        };
        Ok((id, customer))
    };
    tx.fetch_in(head, ids, "").await?.iter().map(one).collect()
}

/// Addresses by id.
pub async fn addresses(
    tx: &mut Tx,
    ids: Vec<i64>,
) -> Result<HashMap<i64, crate::orders::people::NewAddress>, StoreError> {
    let head = "SELECT id, omnitron_id, title, first_name, last_name, phone, email, country_id, city_id, township_id, \
                district_id, line, postcode, notes, company_name, lat_udeg, lon_udeg, retail_store, hub_places FROM addresses WHERE id";
    let one = |row: &Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        let address = crate::orders::people::NewAddress {
            omnitron_id: c.opt_i64()?,
            title: c.opt_text()?,
            first_name: c.opt_text()?,
            last_name: c.opt_text()?,
            phone: c.opt_text()?,
            email: c.opt_text()?,
            country_id: c.opt_i64()?,
            city_id: c.opt_i64()?,
            township_id: c.opt_i64()?,
            district_id: c.opt_i64()?,
            line: c.opt_text()?,
            postcode: c.opt_text()?,
            notes: c.opt_text()?,
            company_name: c.opt_text()?,
            point: oms_core::geo::Point::from_udeg(c.opt_i64()?, c.opt_i64()?),
            retail_store: c.opt_i64()?,
            hub_places: crate::orders::people::hub_places(id, c.opt_text()?)?,
        };
        Ok((id, address))
    };
    tx.fetch_in(head, ids, "").await?.iter().map(one).collect()
}

/// The ids of the orders with a number; a number may stand once a channel.
pub async fn ids_by_number(tx: &mut Tx, number: &str) -> Result<Vec<i64>, StoreError> {
    let rows = tx.fetch("SELECT id FROM orders WHERE number = $1 ORDER BY id", args![number]).await?;
    rows.iter().map(|r| r.i64(0)).collect()
}
