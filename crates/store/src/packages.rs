//! Packages and their items as they are read by people and software.

use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx};

/// A package as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub id: i64,
    pub order_id: i64,
    pub number: String,
    pub location_id: i64,
    pub state: i64,
    /// The state it goes back to when it is blocked or waits for a cancellation.
    pub held_state: Option<i64>,
    /// A command of it waits for an answer from outside.
    pub is_busy: bool,
    /// When it should be packed, and gone.
    pub target_packaging_us: Option<i64>,
    pub target_exit_us: Option<i64>,
    pub version: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of packages reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.order_id, t.number, t.location_id, t.state, t.held_state, t.busy_command_id, \
     t.target_packaging_us, t.target_exit_us, t.version, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Package, StoreError> {
    let mut c = row.cols();
    Ok(Package {
        id: c.i64()?,
        order_id: c.i64()?,
        number: c.text()?,
        location_id: c.i64()?,
        state: c.i64()?,
        held_state: c.opt_i64()?,
        is_busy: c.opt_i64()?.is_some(),
        target_packaging_us: c.opt_i64()?,
        target_exit_us: c.opt_i64()?,
        version: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// One order line's units inside a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageItem {
    pub id: i64,
    pub package_id: i64,
    pub order_item_id: i64,
    pub product_id: i64,
    pub quantity: i64,
    pub state: i64,
    /// Why a store refused it.
    pub denial_reason_id: Option<i64>,
    /// Of the package: an item has no times of its own.
    pub created_us: i64,
    pub modified_us: i64,
    pub package_number: String,
}

/// What a SELECT of package items reads, for [`read_item`]; `p` is the package.
pub const ITEM_COLUMNS: &str = "t.id, t.package_id, t.order_item_id, t.product_id, t.quantity, t.state, t.denial_reason_id, p.created_us, \
                                p.modified_us, p.number";

/// Reads a row of [`ITEM_COLUMNS`].
pub fn read_item(row: &Row) -> Result<PackageItem, StoreError> {
    let mut c = row.cols();
    Ok(PackageItem {
        id: c.i64()?,
        package_id: c.i64()?,
        order_item_id: c.i64()?,
        product_id: c.i64()?,
        quantity: c.i64()?,
        state: c.i64()?,
        denial_reason_id: c.opt_i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
        package_number: c.text()?,
    })
}

/// Packages by id, in no order.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Package>, StoreError> {
    tx.fetch_in(&format!("SELECT {COLUMNS} FROM packages t WHERE t.id"), ids, "")
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The packages of orders, in the order they were made.
pub async fn of_orders(tx: &mut Tx, orders: Vec<i64>) -> Result<Vec<Package>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM packages t WHERE t.order_id");
    tx.fetch_in(&head, orders, "ORDER BY t.order_id, t.n").await?.iter().map(read).collect()
}

/// The items of packages, in the order of their ids.
pub async fn items_of(tx: &mut Tx, packages: Vec<i64>) -> Result<Vec<PackageItem>, StoreError> {
    let head = format!(
        "SELECT {ITEM_COLUMNS} FROM package_items t JOIN packages p ON p.id = t.package_id WHERE t.package_id"
    );
    tx.fetch_in(&head, packages, "ORDER BY t.package_id, t.id").await?.iter().map(read_item).collect()
}

/// The invoice numbers of packages that have one.
pub async fn invoice_numbers(tx: &mut Tx, packages: Vec<i64>) -> Result<Vec<(i64, String)>, StoreError> {
    let head = "SELECT package_id, number FROM invoices WHERE number IS NOT NULL AND package_id";
    let rows = tx.fetch_in(head, packages, "").await?;
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok((c.i64()?, c.text()?))
    };
    rows.iter().map(one).collect()
}

/// How many items each package has.
pub async fn item_counts(tx: &mut Tx, packages: Vec<i64>) -> Result<Vec<(i64, i64)>, StoreError> {
    let head = "SELECT package_id, COUNT(*) FROM package_items WHERE package_id";
    let rows = tx.fetch_in(head, packages, "GROUP BY package_id").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

/// The list of packages.
pub const LIST: List = List {
    table: "packages t",
    joins: " JOIN orders o ON o.id = t.order_id JOIN locations l ON l.id = t.location_id \
            LEFT JOIN customers k ON k.id = o.customer_id LEFT JOIN addresses a ON a.id = o.shipping_address_id",
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("id__gt", Kind::Int, "t.id > ?"),
        Filter::new("id__gte", Kind::Int, "t.id >= ?"),
        Filter::new("id__lt", Kind::Int, "t.id < ?"),
        Filter::new("id__lte", Kind::Int, "t.id <= ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("pk__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("number", Kind::Prefix, "t.number >= ? AND t.number <= ?"),
        Filter::new("state", Kind::Int, "t.state = ?"),
        Filter::new("state__enum_value", Kind::Int, "t.state = ?"),
        Filter::new("state__enum_value__ne", Kind::Int, "t.state <> ?"),
        Filter::new("state__enum_value__in", Kind::Ints, "t.state IN (?)"),
        Filter::new("order", Kind::Int, "t.order_id = ?"),
        Filter::new("order__omnitron_id", Kind::Int, "o.omnitron_id = ?"),
        Filter::new("order_number", Kind::Prefix, "o.number >= ? AND o.number <= ?"),
        Filter::new("order__number", Kind::Prefix, "o.number >= ? AND o.number <= ?"),
        Filter::new("order__channel", Kind::Int, "o.channel_id = ?"),
        Filter::new("order__customer__first_name", Kind::Text, "k.first_name = ?"),
        Filter::new("order__customer__last_name", Kind::Text, "k.last_name = ?"),
        Filter::new("order__date_placed", Kind::Day, "o.placed_us >= ? AND o.placed_us < ?"),
        Filter::new("order__date_placed__gte", Kind::Time, "o.placed_us >= ?"),
        Filter::new("order__date_placed__lte", Kind::Time, "o.placed_us <= ?"),
        Filter::new("order__delivery_type", Kind::Text, "o.delivery_type = ?"),
        Filter::new("stock_location", Kind::Int, "t.location_id = ?"),
        Filter::new("stock_location__erp_code", Kind::Texts, "l.erp_code IN (?)"),
        Filter::new("stock_location__stock_location_type", Kind::Text, "l.kind = ?"),
        Filter::new("created_date__gt", Kind::Time, "t.created_us > ?"),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "t.created_us < ?"),
        Filter::new("created_date__lte", Kind::Time, "t.created_us <= ?"),
        Filter::new("modified_date__gt", Kind::Time, "t.modified_us > ?"),
        Filter::new("modified_date__gte", Kind::Time, "t.modified_us >= ?"),
        Filter::new("modified_date__lt", Kind::Time, "t.modified_us < ?"),
        Filter::new("modified_date__lte", Kind::Time, "t.modified_us <= ?"),
        Filter::new("product_sku", Kind::Text, HOLDS_SKU),
        Filter::new("product_barcode", Kind::Text, HOLDS_BARCODE),
        Filter::new("order_item__omnitron_id", Kind::Ints, HOLDS_HUB_ITEM),
        // Ours: a cancellation came too late for it.
        Filter::new("cancellation_failed", Kind::Bool, CANCELLATION_FAILED),
        Filter::new("is_busy", Kind::Bool, "(t.busy_command_id IS NOT NULL) = ?"),
        Filter::new("shipment__created_date__gte", Kind::Time, SHIPPED_SINCE),
        Filter::new("shipment__created_date__lt", Kind::Time, SHIPPED_BEFORE),
        Filter::new("shipment__cargo_company", Kind::Text, SHIPPED_BY),
        Filter::new("shipment__tracking_number", Kind::Text, TRACKED_BY),
        Filter::new("country", Kind::Int, "a.country_id = ?"),
        Filter::new("city", Kind::Int, "a.city_id = ?"),
        Filter::new("township", Kind::Int, "a.township_id = ?"),
        Filter::new("shipping_option_slug__in", Kind::Texts, "o.shipping_option IN (?)"),
        Filter::new(
            "shipping_option_slug__exclude",
            Kind::Texts,
            "COALESCE(o.shipping_option, '') NOT IN (?)",
        ),
    ],
    orders: &[
        ("created_date", "t.created_us, t.id"),
        ("-created_date", "t.created_us DESC, t.id DESC"),
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("modified_date", "t.modified_us, t.id"),
        ("-modified_date", "t.modified_us DESC, t.id DESC"),
    ],
};

const CANCELLATION_FAILED: &str = "(EXISTS (SELECT 1 FROM cancellation_plan_items c WHERE c.package_id = t.id \
                                   AND c.state = 'refused')) = ?";
const SHIPPED_SINCE: &str =
    "EXISTS (SELECT 1 FROM shipments s WHERE s.package_id = t.id AND s.created_us >= ?)";
const SHIPPED_BEFORE: &str =
    "EXISTS (SELECT 1 FROM shipments s WHERE s.package_id = t.id AND s.created_us < ?)";
const SHIPPED_BY: &str =
    "EXISTS (SELECT 1 FROM shipments s WHERE s.package_id = t.id AND s.cargo_company = ?)";
const TRACKED_BY: &str =
    "EXISTS (SELECT 1 FROM shipments s WHERE s.package_id = t.id AND s.tracking_number = ?)";
const HOLDS_SKU: &str = "EXISTS (SELECT 1 FROM package_items i JOIN products p ON p.id = i.product_id \
                         WHERE i.package_id = t.id AND p.sku = ?)";
const HOLDS_BARCODE: &str = "EXISTS (SELECT 1 FROM package_items i JOIN products p ON p.id = i.product_id \
                             WHERE i.package_id = t.id AND p.barcode = ?)";
const HOLDS_HUB_ITEM: &str = "EXISTS (SELECT 1 FROM package_items i JOIN order_items x ON x.id = i.order_item_id \
                              WHERE i.package_id = t.id AND x.omnitron_id IN (?))";

/// The list of package items; `p` is the package, `x` the order item.
pub const ITEM_LIST: List = List {
    table: "package_items t",
    joins: " JOIN packages p ON p.id = t.package_id JOIN order_items x ON x.id = t.order_item_id \
            JOIN products r ON r.id = t.product_id",
    filters: &[
        Filter::new("id__gt", Kind::Int, "t.id > ?"),
        Filter::new("id__gte", Kind::Int, "t.id >= ?"),
        Filter::new("id__lt", Kind::Int, "t.id < ?"),
        Filter::new("id__lte", Kind::Int, "t.id <= ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("package", Kind::Int, "t.package_id = ?"),
        Filter::new("package__number", Kind::Text, "p.number = ?"),
        Filter::new("package_number", Kind::Text, "p.number = ?"),
        Filter::new("order", Kind::Int, "p.order_id = ?"),
        Filter::new("order_item", Kind::Int, "t.order_item_id = ?"),
        Filter::new("order_item__omnitron_id", Kind::Ints, "x.omnitron_id IN (?)"),
        Filter::new("state", Kind::Int, "t.state = ?"),
        Filter::new("state__enum_value", Kind::Int, "t.state = ?"),
        Filter::new("state__enum_value__in", Kind::Ints, "t.state IN (?)"),
        Filter::new("product_sku", Kind::Text, "r.sku = ?"),
    ],
    orders: &[("id", "t.id"), ("-id", "t.id DESC")],
};
