//! Transfers and their items as they are read by people and software.

use oms_core::transfers::STATES;

use crate::list_counts::Counted;
use crate::lists::{Filter, Kind, List, Word};
use crate::{Row, StoreError, Tx};

/// A transfer as it stands, with the names people know its surroundings by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: i64,
    pub package_id: i64,
    pub number: String,
    pub from_location_id: i64,
    pub to_location_id: i64,
    pub state: i64,
    /// Its package is gone: what arrives is free stock.
    pub is_detached: bool,
    pub version: i64,
    pub created_us: i64,
    pub modified_us: i64,
    pub package_number: String,
    pub order_id: i64,
    pub order_number: String,
    pub from_erp_code: String,
    pub to_erp_code: String,
}

/// What a SELECT of transfers reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.package_id, t.number, t.from_location_id, t.to_location_id, t.state, \
    t.is_detached, t.version, t.created_us, t.modified_us, p.number, p.order_id, o.number, f.erp_code, d.erp_code";

const NAMED: &str = " JOIN packages p ON p.id = t.package_id JOIN orders o ON o.id = p.order_id \
                     JOIN locations f ON f.id = t.from_location_id JOIN locations d ON d.id = t.to_location_id";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Transfer, StoreError> {
    let mut c = row.cols();
    Ok(Transfer {
        id: c.i64()?,
        package_id: c.i64()?,
        number: c.text()?,
        from_location_id: c.i64()?,
        to_location_id: c.i64()?,
        state: c.i64()?,
        is_detached: c.bool()?,
        version: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
        package_number: c.text()?,
        order_id: c.i64()?,
        order_number: c.text()?,
        from_erp_code: c.text()?,
        to_erp_code: c.text()?,
    })
}

/// Transfers by id, in no order.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Transfer>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM transfers t{NAMED} WHERE t.id");
    tx.fetch_in(&head, ids, "").await?.iter().map(read).collect()
}

/// Units of one package item inside a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferItem {
    pub id: i64,
    pub transfer_id: i64,
    pub package_item_id: i64,
    pub product_id: i64,
    pub quantity: i64,
    pub state: i64,
    /// Of the transfer: an item has no times of its own.
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of transfer items reads, for [`read_item`]; `x` is the transfer.
pub const ITEM_COLUMNS: &str = "t.id, t.transfer_id, t.package_item_id, t.product_id, t.quantity, t.state, \
                                x.created_us, x.modified_us";

/// Reads a row of [`ITEM_COLUMNS`].
pub fn read_item(row: &Row) -> Result<TransferItem, StoreError> {
    let mut c = row.cols();
    Ok(TransferItem {
        id: c.i64()?,
        transfer_id: c.i64()?,
        package_item_id: c.i64()?,
        product_id: c.i64()?,
        quantity: c.i64()?,
        state: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The items of transfers, in the order of their ids.
pub async fn items_of(tx: &mut Tx, transfers: Vec<i64>) -> Result<Vec<TransferItem>, StoreError> {
    let head = format!(
        "SELECT {ITEM_COLUMNS} FROM transfer_items t JOIN transfers x ON x.id = t.transfer_id WHERE t.transfer_id"
    );
    tx.fetch_in(&head, transfers, "ORDER BY t.transfer_id, t.id").await?.iter().map(read_item).collect()
}

/// Units of a package item that come, came or were to come from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    pub package_item_id: i64,
    pub transfer_id: i64,
    pub number: String,
    pub state: i64,
    /// The source's.
    pub erp_code: String,
    pub quantity: i64,
}

/// The transfers that package items take part in, in the order they were made.
pub async fn of_package_items(tx: &mut Tx, items: Vec<i64>) -> Result<Vec<Coming>, StoreError> {
    let head = "SELECT t.package_item_id, x.id, x.number, x.state, f.erp_code, t.quantity FROM transfer_items t \
                JOIN transfers x ON x.id = t.transfer_id JOIN locations f ON f.id = x.from_location_id \
                WHERE t.package_item_id";
    let read = |row: &Row| {
        let mut c = row.cols();
        Ok(Coming {
            package_item_id: c.i64()?,
            transfer_id: c.i64()?,
            number: c.text()?,
            state: c.i64()?,
            erp_code: c.text()?,
            quantity: c.i64()?,
        })
    };
    tx.fetch_in(head, items, "ORDER BY x.package_id, x.n, t.id").await?.iter().map(read).collect()
}

const fn words() -> [Word; STATES.len()] {
    let mut words = [("", 0); STATES.len()];
    let mut i = 0;
    while i < words.len() {
        words[i] = (STATES[i].word, STATES[i].code);
        i += 1;
    }
    words
}

/// The states' words on the wire.
pub const STATE_WORDS: [Word; STATES.len()] = words();

/// The list of transfers; `p` is the package, `o` the order, `f` the source, `d` the destination, `a` its
/// address, `k` the customer.
pub const LIST: List = List {
    table: "transfers t",
    joins: " JOIN packages p ON p.id = t.package_id JOIN orders o ON o.id = p.order_id \
            JOIN locations f ON f.id = t.from_location_id JOIN locations d ON d.id = t.to_location_id \
            LEFT JOIN customers k ON k.id = o.customer_id LEFT JOIN addresses a ON a.id = d.address_id",
    ordered: &["t.state", "t.from_location_id", "t.to_location_id"],
    spans: &[("t.created_us", "transfers t"), ("t.modified_us", "transfers t")],
    counted: Some((Counted::Transfer, "t.state")),
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
        Filter::new("state__enum_value", Kind::Words(&STATE_WORDS), "t.state IN (?)"),
        Filter::new("order", Kind::Int, "t.package_id IN (SELECT p.id FROM packages p WHERE p.order_id = ?)"),
        Filter::new(
            "order__number",
            Kind::PrefixOfBase,
            // A transfer's number begins with its order's.
            "t.number >= ? AND t.number <= ? AND (SELECT LENGTH(p.number) - LENGTH(CAST(p.n AS TEXT)) FROM packages p WHERE p.id = t.package_id) > LENGTH(?)",
        ),
        Filter::new(
            "order__channel",
            Kind::Int,
            "t.package_id IN (SELECT p.id FROM packages p WHERE p.channel_id = ?)",
        ),
        Filter::new(
            "order__channel__omnitron_id",
            Kind::Ints,
            "t.package_id IN (SELECT p.id FROM channels c JOIN packages p ON p.channel_id = c.id WHERE c.omnitron_id IN (?))",
        ),
        Filter::new(
            "order__customer__first_name",
            Kind::Folded,
            "t.package_id IN (SELECT p.id FROM customers k JOIN orders o ON o.customer_id = k.id JOIN packages p ON p.order_id = o.id WHERE k.first_name_folded = ?)",
        ),
        Filter::new(
            "order__customer__last_name",
            Kind::Folded,
            "t.package_id IN (SELECT p.id FROM customers k JOIN orders o ON o.customer_id = k.id JOIN packages p ON p.order_id = o.id WHERE k.last_name_folded = ?)",
        ),
        Filter::new(
            "order__date_placed",
            Kind::Day,
            "t.package_id IN (SELECT p.id FROM orders o JOIN packages p ON p.order_id = o.id WHERE o.placed_us >= ? AND o.placed_us < ?)",
        ),
        Filter::new("package", Kind::Int, "t.package_id = ?"),
        Filter::new(
            "package_number",
            Kind::PrefixOfBase,
            // A transfer's number is its package's, `T` and `n`.
            "t.number >= ? AND t.number <= ? AND LENGTH(t.number) - LENGTH(CAST(t.n AS TEXT)) > LENGTH(?)",
        ),
        Filter::new("product_sku", Kind::Text, HOLDS_SKU),
        Filter::new("product_barcode", Kind::Text, HOLDS_BARCODE),
        Filter::new(
            "source__erp_code",
            Kind::Texts,
            "t.from_location_id IN (SELECT f.id FROM locations f WHERE f.erp_code IN (?))",
        ),
        Filter::new(
            "destination__erp_code",
            Kind::Texts,
            "t.to_location_id IN (SELECT d.id FROM locations d WHERE d.erp_code IN (?))",
        ),
        Filter::new("erp_code", Kind::Texts, EITHER_SIDE),
        Filter::new("location__erp_code", Kind::Texts, EITHER_SIDE),
        Filter::new("retail_store__erp_code", Kind::Texts, EITHER_SIDE_STORE),
        Filter::new(
            "destination__country",
            Kind::Int,
            "t.to_location_id IN (SELECT d.id FROM addresses a JOIN locations d ON d.address_id = a.id WHERE a.country_id = ?)",
        ),
        Filter::new(
            "destination__country__name",
            Kind::Folded,
            "t.to_location_id IN (SELECT d.id FROM countries g JOIN addresses a ON a.country_id = g.id JOIN locations d ON d.address_id = a.id WHERE g.name_folded = ?)",
        ),
        Filter::new(
            "destination__city",
            Kind::Int,
            "t.to_location_id IN (SELECT d.id FROM addresses a JOIN locations d ON d.address_id = a.id WHERE a.city_id = ?)",
        ),
        Filter::new(
            "destination__city__name",
            Kind::Folded,
            "t.to_location_id IN (SELECT d.id FROM cities g JOIN addresses a ON a.city_id = g.id JOIN locations d ON d.address_id = a.id WHERE g.name_folded = ?)",
        ),
        Filter::new(
            "destination__township",
            Kind::Int,
            "t.to_location_id IN (SELECT d.id FROM addresses a JOIN locations d ON d.address_id = a.id WHERE a.township_id = ?)",
        ),
        Filter::new(
            "destination__township__name",
            Kind::Folded,
            "t.to_location_id IN (SELECT d.id FROM townships g JOIN addresses a ON a.township_id = g.id JOIN locations d ON d.address_id = a.id WHERE g.name_folded = ?)",
        ),
        Filter::new("created_date__gt", Kind::Time, "t.created_us > ?"),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "t.created_us < ?"),
        Filter::new("created_date__lte", Kind::Time, "t.created_us <= ?"),
        Filter::new("modified_date__gt", Kind::Time, "t.modified_us > ?"),
        Filter::new("modified_date__gte", Kind::Time, "t.modified_us >= ?"),
        Filter::new("modified_date__lt", Kind::Time, "t.modified_us < ?"),
        Filter::new("modified_date__lte", Kind::Time, "t.modified_us <= ?"),
    ],
    // By id first: a list by time would sort every transfer for its first page.
    orders: &[
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("modified_date", "t.modified_us, t.id"),
        ("-modified_date", "t.modified_us DESC, t.id DESC"),
        ("created_date", "t.created_us, t.id"),
        ("-created_date", "t.created_us DESC, t.id DESC"),
        ("order_id", "p.order_id, t.id"),
        ("-order_id", "p.order_id DESC, t.id DESC"),
    ],
};

const HOLDS_SKU: &str = "t.id IN (SELECT i.transfer_id FROM products r JOIN transfer_items i ON i.product_id = r.id \
                         WHERE r.sku = ?)";
const HOLDS_BARCODE: &str = "t.id IN (SELECT i.transfer_id FROM products r JOIN transfer_items i \
                             ON i.product_id = r.id WHERE r.barcode = ?)";
/// From the location: a store asks for its own few among all transfers.
const EITHER_SIDE: &str = "t.id IN (SELECT s.id FROM locations e JOIN transfers s \
                           ON s.from_location_id = e.id OR s.to_location_id = e.id WHERE e.erp_code IN (?))";
const EITHER_SIDE_STORE: &str = "t.id IN (SELECT s.id FROM locations e JOIN transfers s \
                                 ON s.from_location_id = e.id OR s.to_location_id = e.id \
                                 WHERE e.kind = 'store' AND e.erp_code IN (?))";

/// The list of transfer items; `x` is the transfer, in whose state its items are, `p` the package, `r` the product.
pub const ITEM_LIST: List = List {
    table: "transfer_items t",
    joins: " JOIN transfers x ON x.id = t.transfer_id JOIN packages p ON p.id = x.package_id \
            JOIN products r ON r.id = t.product_id",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("id__gt", Kind::Int, "t.id > ?"),
        Filter::new("id__gte", Kind::Int, "t.id >= ?"),
        Filter::new("id__lt", Kind::Int, "t.id < ?"),
        Filter::new("id__lte", Kind::Int, "t.id <= ?"),
        Filter::new("id__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("pk__in", Kind::Ints, "t.id IN (?)"),
        Filter::new("transfer_order", Kind::Int, "t.transfer_id = ?"),
        Filter::new("package_item", Kind::Int, "t.package_item_id = ?"),
        Filter::new(
            "package",
            Kind::Int,
            "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.package_id = ?)",
        ),
        Filter::new(
            "order",
            Kind::Int,
            "t.transfer_id IN (SELECT x.id FROM packages p JOIN transfers x ON x.package_id = p.id WHERE p.order_id = ?)",
        ),
        Filter::new("product", Kind::Int, "t.product_id = ?"),
        Filter::new(
            "product_sku",
            Kind::Text,
            "t.product_id IN (SELECT r.id FROM products r WHERE r.sku = ?)",
        ),
        Filter::new(
            "product_barcode",
            Kind::Text,
            "t.product_id IN (SELECT r.id FROM products r WHERE r.barcode = ?)",
        ),
        Filter::new("quantity", Kind::Int, "t.quantity = ?"),
        Filter::new("quantity__gt", Kind::Int, "t.quantity > ?"),
        Filter::new("quantity__gte", Kind::Int, "t.quantity >= ?"),
        Filter::new("quantity__lt", Kind::Int, "t.quantity < ?"),
        Filter::new("quantity__lte", Kind::Int, "t.quantity <= ?"),
        Filter::new("state", Kind::Int, "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.state = ?)"),
        Filter::new(
            "state__enum_value",
            Kind::Words(&STATE_WORDS),
            "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.state IN (?))",
        ),
        Filter::new(
            "created_date__gte",
            Kind::Time,
            "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.created_us >= ?)",
        ),
        Filter::new(
            "created_date__lt",
            Kind::Time,
            "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.created_us < ?)",
        ),
        Filter::new(
            "modified_date__gte",
            Kind::Time,
            "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.modified_us >= ?)",
        ),
        Filter::new(
            "modified_date__lt",
            Kind::Time,
            "t.transfer_id IN (SELECT x.id FROM transfers x WHERE x.modified_us < ?)",
        ),
    ],
    orders: &[
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("modified_date", "x.modified_us, t.id"),
        ("-modified_date", "x.modified_us DESC, t.id DESC"),
        ("created_date", "x.created_us, t.id"),
        ("-created_date", "x.created_us DESC, t.id DESC"),
        ("order_id", "p.order_id, t.id"),
        ("-order_id", "p.order_id DESC, t.id DESC"),
    ],
};
