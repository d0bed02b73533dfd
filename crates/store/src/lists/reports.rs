//! Flat rows for spreadsheets and business intelligence: ids, numbers, codes, times and units, and nothing
//! of a person. A report is a table of columns; the exports of lists are rows of the same tables.

use std::collections::HashMap;

use oms_core::money::format_minor;
use oms_core::orders::OrderStatus;
use oms_core::permissions::Permission;
use oms_core::{packages, transfers};

use crate::db::Cols;
use crate::{Row, StoreError, Tx, Value};

/// One field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    Text(String),
    Int(i64),
    /// Minor units.
    Money(i64),
    /// Microseconds since 1970 UTC.
    Time(i64),
    Flag(bool),
}

/// What a column holds and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Int,
    Text,
    Money,
    Time,
    Flag,
    /// A state as the wire has it: digits, or a word where it is a transfer's.
    State,
    /// The name of a package's or transfer's state.
    StateName,
    /// The name of an order's status.
    OrderStatus,
}

/// One column of a report.
#[derive(Debug)]
pub struct Column {
    /// Stable: people build on it.
    pub name: &'static str,
    pub shape: Shape,
    sql: &'static str,
}

const fn column(name: &'static str, shape: Shape, sql: &'static str) -> Column {
    Column { name, shape, sql }
}

/// What tells a report's rows apart and puts them in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The id.
    Id,
    /// Product and location, written `7-3`.
    Place,
}

/// A place in a report: the rows behind it are still to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After(i64, i64);

impl After {
    /// Reads the first column of a row; `None`: no row is called so.
    pub fn parse(key: Key, text: &str) -> Option<Self> {
        match key {
            Key::Id => Some(Self(text.parse().ok()?, 0)),
            Key::Place => {
                let (product, location) = text.split_once('-')?;
                Some(Self(product.parse().ok()?, location.parse().ok()?))
            }
        }
    }
}

/// One flat list.
#[derive(Debug)]
pub struct Report {
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// What the caller may read besides packages.
    pub permission: Permission,
    pub key: Key,
    /// The first is the key.
    pub columns: &'static [Column],
    /// The column of the moment a row came to be, if it has one.
    pub created: Option<&'static str>,
    from: &'static str,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Default)]
pub struct Span {
    pub created_from_us: Option<i64>,
    pub created_before_us: Option<i64>,
    pub after: Option<After>,
}

use Shape::{Flag, Int, Money, State, StateName, Text, Time};

/// Lines of orders.
pub const ORDER_LINES: Report = Report {
    name: "order-lines",
    about: "One line of an order.",
    permission: Permission::OrdersRead,
    key: Key::Id,
    created: Some("o.created_us"),
    from: "order_items t JOIN orders o ON o.id = t.order_id JOIN channels c ON c.id = o.channel_id \
           JOIN products r ON r.id = t.product_id JOIN plans e ON e.id = t.order_id",
    columns: &[
        column("id", Int, "t.id"),
        column("omnitron_id", Int, "t.omnitron_id"),
        column("order_id", Int, "t.order_id"),
        column("order_number", Text, "o.number"),
        column("order_omnitron_id", Int, "o.omnitron_id"),
        column("order_state", Int, "o.hub_status"),
        column("order_state_name", Shape::OrderStatus, "o.hub_status"),
        column("plan_state", Text, "e.state"),
        column("channel_id", Int, "o.channel_id"),
        column("channel_name", Text, "c.name"),
        column("line", Int, "t.line"),
        column("product_id", Int, "t.product_id"),
        column("sku", Text, "r.sku"),
        column("product_name", Text, "r.name"),
        column("barcode", Text, "r.barcode"),
        column("quantity", Int, "t.quantity"),
        column("quantity_cancelled", Int, "t.quantity_cancelled"),
        column("price", Money, "t.price_minor"),
        column("price_currency", Text, "t.price_currency"),
        column("retail_price", Money, "t.retail_price_minor"),
        column("discount_amount", Money, "t.discount_minor"),
        column("delivery_type", Text, "o.delivery_type"),
        column("date_placed", Time, "o.placed_us"),
        column("created_date", Time, "o.created_us"),
        column("modified_date", Time, "o.modified_us"),
    ],
};

/// Packages.
pub const PACKAGES: Report = Report {
    name: "packages",
    about: "One package.",
    permission: Permission::PackagesRead,
    key: Key::Id,
    created: Some("t.created_us"),
    from: "packages t JOIN orders o ON o.id = t.order_id JOIN channels c ON c.id = o.channel_id \
           JOIN locations l ON l.id = t.location_id",
    columns: &[
        column("id", Int, "t.id"),
        column("number", Text, "t.number"),
        column("order_id", Int, "t.order_id"),
        column("order_number", Text, "o.number"),
        column("channel_id", Int, "o.channel_id"),
        column("channel_name", Text, "c.name"),
        column("state", State, "t.state"),
        column("state_name", StateName, "t.state"),
        column("stock_location_id", Int, "t.location_id"),
        column("stock_location_erp_code", Text, "l.erp_code"),
        column("stock_location_name", Text, "l.name"),
        column("stock_location_type", Text, "l.kind"),
        column("items", Int, "(SELECT COUNT(*) FROM package_items i WHERE i.package_id = t.id)"),
        column(
            "quantity",
            Int,
            "(SELECT CAST(COALESCE(SUM(i.quantity), 0) AS BIGINT) FROM package_items i WHERE i.package_id = t.id)",
        ),
        column("transfers", Int, "t.transfers_made"),
        column("date_placed", Time, "o.placed_us"),
        column("target_packaging_date", Time, "t.target_packaging_us"),
        column("target_exit_date", Time, "t.target_exit_us"),
        column("created_date", Time, "t.created_us"),
        column("modified_date", Time, "t.modified_us"),
    ],
};

/// Items of packages.
pub const PACKAGE_ITEMS: Report = Report {
    name: "package-items",
    about: "The units of one order line inside a package.",
    permission: Permission::PackagesRead,
    key: Key::Id,
    created: Some("p.created_us"),
    from: "package_items t JOIN packages p ON p.id = t.package_id JOIN orders o ON o.id = p.order_id \
           JOIN locations l ON l.id = p.location_id JOIN products r ON r.id = t.product_id",
    columns: &[
        column("id", Int, "t.id"),
        column("package_id", Int, "t.package_id"),
        column("package_number", Text, "p.number"),
        column("order_id", Int, "p.order_id"),
        column("order_number", Text, "o.number"),
        column("order_item_id", Int, "t.order_item_id"),
        column("state", State, "t.state"),
        column("state_name", StateName, "t.state"),
        column("stock_location_id", Int, "p.location_id"),
        column("stock_location_erp_code", Text, "l.erp_code"),
        column("product_id", Int, "t.product_id"),
        column("sku", Text, "r.sku"),
        column("product_name", Text, "r.name"),
        column("barcode", Text, "r.barcode"),
        column("quantity", Int, "t.quantity"),
        column("created_date", Time, "p.created_us"),
        column("modified_date", Time, "p.modified_us"),
    ],
};

/// Transfers.
pub const TRANSFERS: Report = Report {
    name: "transfers",
    about: "One transfer order.",
    permission: Permission::PackagesRead,
    key: Key::Id,
    created: Some("t.created_us"),
    from: "transfers t JOIN packages p ON p.id = t.package_id JOIN orders o ON o.id = p.order_id \
           JOIN locations f ON f.id = t.from_location_id JOIN locations d ON d.id = t.to_location_id",
    columns: &[
        column("id", Int, "t.id"),
        column("number", Text, "t.number"),
        column("order_id", Int, "p.order_id"),
        column("order_number", Text, "o.number"),
        column("package_id", Int, "t.package_id"),
        column("package_number", Text, "p.number"),
        column("state", State, "t.state"),
        column("state_name", StateName, "t.state"),
        column("source_id", Int, "t.from_location_id"),
        column("source_erp_code", Text, "f.erp_code"),
        column("source_name", Text, "f.name"),
        column("destination_id", Int, "t.to_location_id"),
        column("destination_erp_code", Text, "d.erp_code"),
        column("destination_name", Text, "d.name"),
        column("items", Int, "(SELECT COUNT(*) FROM transfer_items i WHERE i.transfer_id = t.id)"),
        column(
            "quantity",
            Int,
            "(SELECT CAST(COALESCE(SUM(i.quantity), 0) AS BIGINT) FROM transfer_items i WHERE i.transfer_id = t.id)",
        ),
        column("is_detached", Flag, "t.is_detached"),
        column("created_date", Time, "t.created_us"),
        column("modified_date", Time, "t.modified_us"),
    ],
};

/// Items of transfers.
pub const TRANSFER_ITEMS: Report = Report {
    name: "transfer-items",
    about: "The units of one package item inside a transfer order.",
    permission: Permission::PackagesRead,
    key: Key::Id,
    created: Some("x.created_us"),
    from: "transfer_items t JOIN transfers x ON x.id = t.transfer_id JOIN packages p ON p.id = x.package_id \
           JOIN orders o ON o.id = p.order_id JOIN locations f ON f.id = x.from_location_id \
           JOIN locations d ON d.id = x.to_location_id JOIN products r ON r.id = t.product_id",
    columns: &[
        column("id", Int, "t.id"),
        column("transfer_order", Int, "t.transfer_id"),
        column("transfer_order_number", Text, "x.number"),
        column("order_id", Int, "p.order_id"),
        column("order_number", Text, "o.number"),
        column("package_id", Int, "x.package_id"),
        column("package_number", Text, "p.number"),
        column("package_item", Int, "t.package_item_id"),
        column("state", State, "t.state"),
        column("state_name", StateName, "t.state"),
        column("source_erp_code", Text, "f.erp_code"),
        column("destination_erp_code", Text, "d.erp_code"),
        column("product_id", Int, "t.product_id"),
        column("stock_code", Text, "r.sku"),
        column("name", Text, "r.name"),
        column("barcode", Text, "r.barcode"),
        column("quantity", Int, "t.quantity"),
        column("created_date", Time, "x.created_us"),
        column("modified_date", Time, "x.modified_us"),
    ],
};

/// Balances.
pub const STOCKS: Report = Report {
    name: "stocks",
    about: "The units of one product at one location, as they stand now.",
    permission: Permission::StockRead,
    key: Key::Place,
    created: None,
    from: "stocks t JOIN locations l ON l.id = t.location_id JOIN products r ON r.id = t.product_id",
    columns: &[
        column("id", Text, "'' || t.product_id || '-' || t.location_id"),
        column("stock_location_id", Int, "t.location_id"),
        column("stock_location_erp_code", Text, "l.erp_code"),
        column("stock_location_name", Text, "l.name"),
        column("stock_location_type", Text, "l.kind"),
        column("product_id", Int, "t.product_id"),
        column("sku", Text, "r.sku"),
        column("product_name", Text, "r.name"),
        column("barcode", Text, "r.barcode"),
        column("on_hand", Int, "t.on_hand"),
        column("reserved", Int, "t.reserved"),
        column("quarantined", Int, "t.quarantined"),
        column("available", Int, "t.on_hand - t.reserved - t.quarantined"),
        column("engine", Int, "t.engine_id"),
    ],
};

/// Steps of packages and transfers. Who took a step is a person: only the kind of actor stands here.
pub const STATE_TRANSITIONS: Report = Report {
    name: "state-transitions",
    about: "One step of a package or transfer order from a state to another.",
    permission: Permission::PackagesRead,
    key: Key::Id,
    created: Some("t.at_us"),
    from: "transition_log t LEFT JOIN packages p ON t.entity = 'package' AND p.id = t.entity_id \
           LEFT JOIN transfers x ON t.entity = 'transfer' AND x.id = t.entity_id \
           LEFT JOIN transitions s ON s.id = t.transition_id AND s.rev = t.transition_rev",
    columns: &[
        column("id", Int, "t.id"),
        column("content_type", Text, "CASE t.entity WHEN 'transfer' THEN 'transferorder' ELSE t.entity END"),
        column("object_id", Int, "t.entity_id"),
        column("object_number", Text, "COALESCE(p.number, x.number)"),
        column("seq", Int, "t.seq"),
        column("old_state", State, "t.old_state"),
        column("old_state_name", StateName, "t.old_state"),
        column("new_state", State, "t.new_state"),
        column("new_state_name", StateName, "t.new_state"),
        column("transition_id", Int, "t.transition_id"),
        column("transition_name", Text, "s.name"),
        column("command_id", Int, "t.command_id"),
        column("actor", Text, "CASE WHEN t.actor LIKE 'user:%' THEN 'user' ELSE t.actor END"),
        column("created_date", Time, "t.at_us"),
    ],
};

/// Every report.
pub const ALL: [&Report; 7] =
    [&ORDER_LINES, &PACKAGES, &PACKAGE_ITEMS, &TRANSFERS, &TRANSFER_ITEMS, &STOCKS, &STATE_TRANSITIONS];

/// The report of a name.
pub fn by_name(name: &str) -> Option<&'static Report> {
    ALL.into_iter().find(|r| r.name == name)
}

/// The wire's value of a package's or transfer's state. No code is of both: a test holds that.
fn state_value(code: i64) -> String {
    transfers::state(code).map_or_else(|| code.to_string(), |s| s.word.to_owned())
}

fn state_name(code: i64) -> String {
    let name = packages::state(code).map(|s| s.name).or_else(|| transfers::state(code).map(|s| s.name));
    name.map_or_else(|| code.to_string(), str::to_owned)
}

fn order_status(code: i64) -> String {
    OrderStatus::from_code(code).map_or_else(|| code.to_string(), |s| s.name().to_owned())
}

fn cell(shape: Shape, c: &mut Cols<'_>) -> Result<Cell, StoreError> {
    let number = |c: &mut Cols<'_>, with: fn(i64) -> Cell| Ok(c.opt_i64()?.map_or(Cell::Empty, with));
    match shape {
        Shape::Int => number(c, Cell::Int),
        Shape::Text => Ok(c.opt_text()?.map_or(Cell::Empty, Cell::Text)),
        Shape::Money => number(c, Cell::Money),
        Shape::Time => number(c, Cell::Time),
        Shape::Flag => Ok(Cell::Flag(c.bool()?)),
        Shape::State => number(c, |code| Cell::Text(state_value(code))),
        Shape::StateName => number(c, |code| Cell::Text(state_name(code))),
        Shape::OrderStatus => number(c, |code| Cell::Text(order_status(code))),
    }
}

impl Cell {
    /// As text: times in ISO 8601, money with two decimals.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Money(minor) => format_minor(*minor),
            Self::Time(us) => oms_core::time::format_us(*us),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

impl Report {
    fn select(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|c| c.sql).collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.from)
    }

    fn read(&self, row: &Row) -> Result<Vec<Cell>, StoreError> {
        let mut c = row.cols();
        self.columns.iter().map(|column| cell(column.shape, &mut c)).collect()
    }

    /// `WHERE … ORDER BY … LIMIT …` of a span, with its values.
    fn tail(&self, span: &Span, limit: usize) -> (String, Vec<Value>) {
        let (mut conditions, mut values) = (Vec::new(), Vec::<Value>::new());
        let mut place = |value: i64| {
            values.push(value.into());
            format!("${}", values.len())
        };
        if let Some(After(first, second)) = span.after {
            conditions.push(match self.key {
                Key::Id => format!("t.id > {}", place(first)),
                Key::Place => {
                    format!("(t.product_id, t.location_id) > ({}, {})", place(first), place(second))
                }
            });
        }
        for (bound, sign) in [(span.created_from_us, ">="), (span.created_before_us, "<")] {
            if let (Some(created), Some(us)) = (self.created, bound) {
                conditions.push(format!("{created} {sign} {}", place(us)));
            }
        }
        let limit = place(limit as i64);
        let conditions = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let order = match self.key {
            Key::Id => "t.id",
            Key::Place => "t.product_id, t.location_id",
        };
        (format!("{conditions} ORDER BY {order} LIMIT {limit}"), values)
    }

    /// The next rows of a span, in the order of the key. Behind a key and not by counting: a page deep
    /// inside costs what the first one does.
    pub async fn page(&self, tx: &mut Tx, span: &Span, limit: usize) -> Result<Vec<Vec<Cell>>, StoreError> {
        let (tail, values) = self.tail(span, limit);
        let rows = tx.fetch(format!("{}{tail}", self.select()), values).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// The ids of a span's rows, for reports whose key is the id: each page of a span of days would look
    /// through all of its days.
    pub async fn ids(&self, tx: &mut Tx, span: &Span, limit: usize) -> Result<Vec<i64>, StoreError> {
        let (tail, values) = self.tail(span, limit);
        let rows = tx.fetch(format!("SELECT t.id FROM {}{tail}", self.from), values).await?;
        rows.iter().map(|row| row.i64(0)).collect()
    }

    /// The place behind a row.
    pub fn after(&self, row: &[Cell]) -> Option<After> {
        row.first().and_then(|key| After::parse(self.key, &key.text()))
    }

    /// The rows of these ids, in their order. For reports whose key is the id.
    pub async fn by_ids(&self, tx: &mut Tx, ids: &[i64]) -> Result<Vec<Vec<Cell>>, StoreError> {
        let head = format!("{} WHERE t.id", self.select());
        let mut rows = HashMap::with_capacity(ids.len());
        for row in tx.fetch_in(&head, ids.iter().copied(), "").await? {
            rows.insert(row.i64(0)?, self.read(&row)?);
        }
        Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_one_state_alone() {
        assert!(packages::STATES.iter().all(|s| transfers::state(s.code).is_none()));
        assert_eq!((state_value(100), state_name(100)), ("100".into(), "Waiting".into()));
        assert_eq!((state_value(30), state_name(30)), ("in_transit".into(), "In Transit".into()));
    }

    #[test]
    fn columns_are_named_once_and_nothing_is_of_a_person() {
        for report in ALL {
            let mut names: Vec<_> = report.columns.iter().map(|c| c.name).collect();
            assert_eq!(names[0], "id", "{}", report.name);
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{}", report.name);
            let text = report.select();
            for personal in
                ["customer", "address", "phone", "email", "first_name", "notes", "attributes", "personal"]
            {
                assert!(!text.contains(personal), "{}: {personal}", report.name);
            }
        }
    }

    #[test]
    fn a_place_is_read_back() {
        assert_eq!(After::parse(Key::Place, "7-3"), Some(After(7, 3)));
        assert_eq!(After::parse(Key::Id, "7-3"), None);
        assert_eq!(After::parse(Key::Place, "7"), None);
    }
}
