//! Packages and their items as they are read by people and software.

pub mod bulk;
pub mod commands;
pub mod held;
pub mod outside;
pub mod pickup_codes;
pub mod shipments;
pub mod transfers;

use oms_core::packages::STATES;

use crate::list_counts::Counted;
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

/// Gives packages that a node of an older version made what they keep of their order; returns how many.
pub async fn fill_from_orders(tx: &mut Tx, most: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE packages SET channel_id = (SELECT o.channel_id FROM orders o WHERE o.id = packages.order_id), \
               placed_us = (SELECT o.placed_us FROM orders o WHERE o.id = packages.order_id) \
               WHERE id IN (SELECT p.id FROM packages p WHERE p.channel_id IS NULL LIMIT $1)";
    tx.execute(sql, vec![most.into()]).await
}

/// The list of packages.
pub const LIST: List = List {
    table: "packages t",
    joins: " JOIN orders o ON o.id = t.order_id JOIN locations l ON l.id = t.location_id \
            LEFT JOIN customers k ON k.id = o.customer_id LEFT JOIN addresses a ON a.id = o.shipping_address_id",
    ordered: &["t.state", "t.location_id", "t.channel_id", "t.created_us"],
    spans: &[("t.placed_us", "packages t"), ("t.modified_us", "packages t")],
    counted: Some((Counted::Package, "t.state")),
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
        Filter::new("state__enum_value__ne", Kind::OtherThan(&CODES), "t.state IN (?)"),
        Filter::new("state__enum_value__in", Kind::Ints, "t.state IN (?)"),
        Filter::new("order", Kind::Int, "t.order_id = ?"),
        Filter::new(
            "order__omnitron_id",
            Kind::Int,
            "t.order_id IN (SELECT o.id FROM orders o WHERE o.omnitron_id = ?)",
        ),
        Filter::new("order_number", Kind::PrefixOfBase, OF_NUMBER),
        Filter::new("order__number", Kind::PrefixOfBase, OF_NUMBER),
        Filter::new("order__channel", Kind::Int, "t.channel_id = ?"),
        Filter::new(
            "order__channel__omnitron_id",
            Kind::Ints,
            "t.channel_id IN (SELECT c.id FROM channels c WHERE c.omnitron_id IN (?))",
        ),
        Filter::new("order__customer__first_name", Kind::Folded, OF_FIRST_NAME),
        Filter::new("order__customer__last_name", Kind::Folded, OF_LAST_NAME),
        Filter::new("order__date_placed", Kind::Day, "t.placed_us >= ? AND t.placed_us < ?"),
        Filter::new("order__date_placed__gte", Kind::Time, "t.placed_us >= ?"),
        Filter::new("order__date_placed__lte", Kind::Time, "t.placed_us <= ?"),
        Filter::new(
            "order__delivery_type",
            Kind::Text,
            "t.order_id IN (SELECT o.id FROM orders o WHERE o.delivery_type = ?)",
        ),
        // The shopper's wished time: begins at or after, ends at or before, touches a day.
        Filter::new("delivery_range_lower", Kind::Time, WISHED_FROM),
        Filter::new("delivery_range_upper", Kind::Time, WISHED_UNTIL),
        Filter::new("delivery_range_date", Kind::Day, WISHED_ON),
        Filter::new("click_and_collect", Kind::Switch(SENT_HOME), COLLECTED),
        Filter::new("order__retail_store__erp_code", Kind::Texts, COLLECTED_AT),
        Filter::new("stock_location_or_retail_store__erp_code", Kind::Texts, PACKED_OR_COLLECTED_AT),
        Filter::new("stock_location", Kind::Int, "t.location_id = ?"),
        Filter::new(
            "stock_location__erp_code",
            Kind::Texts,
            "t.location_id IN (SELECT l.id FROM locations l WHERE l.erp_code IN (?))",
        ),
        Filter::new(
            "stock_location__stock_location_type",
            Kind::Text,
            "t.location_id IN (SELECT l.id FROM locations l WHERE l.kind = ?)",
        ),
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
        Filter::new("cancellation_failed", Kind::Switch(NO_CANCELLATION_FAILED), CANCELLATION_FAILED),
        Filter::new("is_busy", Kind::Switch("t.busy_command_id IS NULL"), "t.busy_command_id IS NOT NULL"),
        Filter::new("shipment__created_date__gte", Kind::Time, SHIPPED_SINCE),
        Filter::new("shipment__created_date__lt", Kind::Time, SHIPPED_BEFORE),
        Filter::new("shipment__cargo_company", Kind::Text, SHIPPED_BY),
        Filter::new("shipment__tracking_number", Kind::Text, TRACKED_BY),
        Filter::new("country", Kind::Int, TO_COUNTRY),
        Filter::new("country__name", Kind::Folded, TO_COUNTRY_NAMED),
        Filter::new("city", Kind::Int, TO_CITY),
        Filter::new("city__name", Kind::Folded, TO_CITY_NAMED),
        Filter::new("township", Kind::Int, TO_TOWNSHIP),
        Filter::new("township__name", Kind::Folded, TO_TOWNSHIP_NAMED),
        Filter::new(
            "shipping_option_slug__in",
            Kind::Texts,
            "t.order_id IN (SELECT o.id FROM orders o WHERE o.shipping_option IN (?))",
        ),
        Filter::new(
            "shipping_option_slug__exclude",
            Kind::Texts,
            "t.order_id IN (SELECT o.id FROM orders o WHERE COALESCE(o.shipping_option, '') NOT IN (?))",
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

const CODES: [i64; STATES.len()] = {
    let mut codes = [0; STATES.len()];
    let mut i = 0;
    while i < codes.len() {
        codes[i] = STATES[i].code;
        i += 1;
    }
    codes
};

/// A package's number is its order's, `P` and `n`: as long as that rest is, the beginning is of the order's own.
const OF_NUMBER: &str =
    "t.number >= ? AND t.number <= ? AND LENGTH(t.number) - LENGTH(CAST(t.n AS TEXT)) > LENGTH(?)";
const OF_FIRST_NAME: &str = "t.order_id IN (SELECT o.id FROM customers k JOIN orders o ON o.customer_id = k.id \
                             WHERE k.first_name_folded = ?)";
const OF_LAST_NAME: &str = "t.order_id IN (SELECT o.id FROM customers k JOIN orders o ON o.customer_id = k.id \
                            WHERE k.last_name_folded = ?)";
const TO_COUNTRY: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                          WHERE a.country_id = ?)";
const TO_CITY: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                       WHERE a.city_id = ?)";
const TO_TOWNSHIP: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                           WHERE a.township_id = ?)";
const TO_COUNTRY_NAMED: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                         WHERE a.country_id IN (SELECT g.id FROM countries g WHERE g.name_folded = ?))";
const TO_CITY_NAMED: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                         WHERE a.city_id IN (SELECT g.id FROM cities g WHERE g.name_folded = ?))";
const TO_TOWNSHIP_NAMED: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                         WHERE a.township_id IN (SELECT g.id FROM townships g WHERE g.name_folded = ?))";
const WISHED_FROM: &str = "t.order_id IN (SELECT o.id FROM orders o WHERE o.delivery_from_us >= ?)";
const WISHED_UNTIL: &str = "t.order_id IN (SELECT o.id FROM orders o WHERE o.delivery_until_us <= ?)";
const WISHED_ON: &str =
    "t.order_id IN (SELECT o.id FROM orders o WHERE o.delivery_until_us >= ? AND o.delivery_from_us < ?)";
const COLLECTED: &str = "t.order_id IN (SELECT o.id FROM addresses a JOIN orders o ON o.shipping_address_id = a.id \
                         WHERE a.retail_store IS NOT NULL)";
const SENT_HOME: &str = "NOT EXISTS (SELECT 1 FROM orders o JOIN addresses a ON a.id = o.shipping_address_id \
                         WHERE o.id = t.order_id AND a.retail_store IS NOT NULL)";
const COLLECTED_AT: &str = "t.order_id IN (SELECT o.id FROM locations l JOIN addresses a ON a.retail_store = l.omnitron_id \
                            JOIN orders o ON o.shipping_address_id = a.id WHERE l.erp_code IN (?))";
const PACKED_OR_COLLECTED_AT: &str = "t.id IN (SELECT x.id FROM (SELECT p.id AS id, l.erp_code AS code FROM locations l \
         JOIN packages p ON p.location_id = l.id \
     UNION ALL SELECT p.id AS id, l.erp_code AS code FROM locations l JOIN addresses a ON a.retail_store = l.omnitron_id \
         JOIN orders o ON o.shipping_address_id = a.id JOIN packages p ON p.order_id = o.id) x WHERE x.code IN (?))";
const CANCELLATION_FAILED: &str =
    "t.id IN (SELECT c.package_id FROM cancellation_plan_items c WHERE c.state = 'refused')";
const NO_CANCELLATION_FAILED: &str = "NOT EXISTS (SELECT 1 FROM cancellation_plan_items c WHERE c.package_id = t.id \
                                      AND c.state = 'refused')";
const SHIPPED_SINCE: &str = "t.id IN (SELECT s.package_id FROM shipments s WHERE s.created_us >= ?)";
const SHIPPED_BEFORE: &str = "t.id IN (SELECT s.package_id FROM shipments s WHERE s.created_us < ?)";
const SHIPPED_BY: &str = "t.id IN (SELECT s.package_id FROM shipments s WHERE s.cargo_company = ?)";
const TRACKED_BY: &str = "t.id IN (SELECT s.package_id FROM shipments s WHERE s.tracking_number = ?)";
const HOLDS_SKU: &str = "t.id IN (SELECT i.package_id FROM products p JOIN package_items i ON i.product_id = p.id \
                         WHERE p.sku = ?)";
const HOLDS_BARCODE: &str = "t.id IN (SELECT i.package_id FROM products p JOIN package_items i ON i.product_id = p.id \
                             WHERE p.barcode = ?)";
const HOLDS_HUB_ITEM: &str = "t.id IN (SELECT i.package_id FROM order_items x JOIN package_items i \
                              ON i.order_item_id = x.id WHERE x.omnitron_id IN (?))";

// An item's state is its package's, and no index has it: a step of a package would write it once an item more.

/// The list of package items; `p` is the package, `x` the order item.
pub const ITEM_LIST: List = List {
    table: "package_items t",
    joins: " JOIN packages p ON p.id = t.package_id JOIN order_items x ON x.id = t.order_item_id \
            JOIN products r ON r.id = t.product_id",
    ordered: &["p.created_us", "p.state"],
    spans: &[("p.modified_us", "packages p")],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("id__gt", Kind::Int, "t.id > ?"),
        Filter::new("id__gte", Kind::Int, "t.id >= ?"),
        Filter::new("id__lt", Kind::Int, "t.id < ?"),
        Filter::new("id__lte", Kind::Int, "t.id <= ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("pk__in", Kind::Ints, "t.id IN (?)"),
        // An item is as old as its package, and changes with it.
        Filter::new("created_date__gt", Kind::Time, "p.created_us > ?"),
        Filter::new("created_date__gte", Kind::Time, "p.created_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "p.created_us < ?"),
        Filter::new("created_date__lte", Kind::Time, "p.created_us <= ?"),
        Filter::new("modified_date__gt", Kind::Time, "p.modified_us > ?"),
        Filter::new("modified_date__gte", Kind::Time, "p.modified_us >= ?"),
        Filter::new("modified_date__lt", Kind::Time, "p.modified_us < ?"),
        Filter::new("modified_date__lte", Kind::Time, "p.modified_us <= ?"),
        Filter::new("package", Kind::Int, "t.package_id = ?"),
        Filter::new(
            "package__number",
            Kind::Text,
            "t.package_id IN (SELECT p.id FROM packages p WHERE p.number = ?)",
        ),
        Filter::new(
            "package_number",
            Kind::Text,
            "t.package_id IN (SELECT p.id FROM packages p WHERE p.number = ?)",
        ),
        Filter::new("order", Kind::Int, "t.package_id IN (SELECT p.id FROM packages p WHERE p.order_id = ?)"),
        Filter::new("order_item", Kind::Int, "t.order_item_id = ?"),
        Filter::new(
            "order_item__omnitron_id",
            Kind::Ints,
            "t.order_item_id IN (SELECT x.id FROM order_items x WHERE x.omnitron_id IN (?))",
        ),
        Filter::new("state", Kind::Int, "p.state = ?"),
        Filter::new("state__enum_value", Kind::Int, "p.state = ?"),
        Filter::new("state__enum_value__in", Kind::Ints, "p.state IN (?)"),
        Filter::new(
            "product_sku",
            Kind::Text,
            "t.product_id IN (SELECT r.id FROM products r WHERE r.sku = ?)",
        ),
    ],
    // As old as its package: the order in which packages are listed.
    orders: &[
        ("created_date", "p.created_us, t.id"),
        ("-created_date", "p.created_us DESC, t.id DESC"),
        ("id", "t.id"),
        ("-id", "t.id DESC"),
    ],
};
