//! Exclusions: a location that refused a line, or did not have it, is asked for it neither to pack nor to send, until it
//! counts the product again or a person lifts it.

use std::collections::BTreeSet;

use crate::batch::Rows;
use crate::lists::{self, Ask, Condition, Filter, Kind, List, Page};
use crate::planning::plans::Role;
use crate::stock::stocks::Place;
use crate::{Row, StoreError, Tx, args};

/// Collects exclusions.
pub struct Exclusions(Rows);

impl Default for Exclusions {
    fn default() -> Self {
        Self(Rows::new(4))
    }
}

impl Exclusions {
    /// A location is not asked for a line again, in either role.
    pub fn add(&mut self, line: i64, location: i64, at_us: i64) {
        for role in [Role::Pack, Role::Send] {
            self.0.push(args![line, location, role.as_str(), at_us]);
        }
    }

    /// Writes them.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let head = "INSERT INTO exclusions (order_item_id, location_id, role, created_us)";
        tx.insert(head, self.0, "ON CONFLICT (order_item_id, location_id, role) DO NOTHING").await?;
        Ok(())
    }
}

/// Ends the exclusions of products at places where they were counted. Returns the products that may be asked for again.
pub async fn end_counted(tx: &mut Tx, places: &BTreeSet<Place>) -> Result<BTreeSet<i64>, StoreError> {
    let locations: BTreeSet<i64> = places.iter().map(|(_, location)| *location).collect();
    let head = "SELECT x.order_item_id, x.location_id, i.product_id FROM exclusions x \
                JOIN order_items i ON i.id = x.order_item_id WHERE x.location_id";
    let (mut ended, mut products) = (Rows::new(2), BTreeSet::new());
    for row in tx.fetch_in(head, locations, "ORDER BY x.order_item_id").await? {
        let mut c = row.cols();
        let (line, location, product) = (c.i64()?, c.i64()?, c.i64()?);
        if places.contains(&(product, location)) {
            ended.push(args![line, location]);
            products.insert(product);
        }
    }
    let body = "DELETE FROM exclusions WHERE EXISTS (SELECT 1 FROM v WHERE v.line = exclusions.order_item_id \
                AND v.location = exclusions.location_id)";
    tx.execute_values("line, location", ended, body).await?;
    Ok(products)
}

/// A location that is not asked for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    pub order_id: i64,
    pub order_number: String,
    pub order_item_id: i64,
    pub sku: String,
    pub location_id: i64,
    pub erp_code: String,
    pub created_us: i64,
}

/// What a SELECT of exclusions reads, for [`read`].
pub const COLUMNS: &str =
    "i.order_id, o.number, t.order_item_id, r.sku, t.location_id, l.erp_code, t.created_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Exclusion, StoreError> {
    let mut c = row.cols();
    Ok(Exclusion {
        order_id: c.i64()?,
        order_number: c.text()?,
        order_item_id: c.i64()?,
        sku: c.text()?,
        location_id: c.i64()?,
        erp_code: c.text()?,
        created_us: c.i64()?,
    })
}

/// The list of exclusions. Each stands in both roles; it is listed once.
pub const LIST: List = List {
    table: "exclusions t",
    joins: " JOIN order_items i ON i.id = t.order_item_id JOIN orders o ON o.id = i.order_id \
            JOIN products r ON r.id = i.product_id JOIN locations l ON l.id = t.location_id",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("order", Kind::Int, "i.order_id = ?"),
        Filter::new("order__number", Kind::Text, "o.number = ?"),
        Filter::new("order_item", Kind::Int, "t.order_item_id = ?"),
        Filter::new("product_sku", Kind::Text, "r.sku = ?"),
        Filter::new("stock_location", Kind::Int, "t.location_id = ?"),
        Filter::new("stock_location__erp_code", Kind::Texts, "l.erp_code IN (?)"),
    ],
    orders: &[
        ("-order_item", "t.order_item_id DESC, t.location_id"),
        ("order_item", "t.order_item_id, t.location_id"),
    ],
};

/// A page of exclusions.
pub async fn page(tx: &mut Tx, ask: &Ask) -> Result<Page<Exclusion>, StoreError> {
    let mut ask = ask.clone();
    ask.conditions.push(Condition { clause: "t.role = ?", values: vec![Role::Pack.as_str().into()] });
    let page = lists::page(tx, &LIST, COLUMNS, &ask).await?;
    let rows = page.rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(page.with(rows))
}

/// Lifts one; `false` if there is none.
pub async fn lift(tx: &mut Tx, order_item: i64, location: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM exclusions WHERE order_item_id = $1 AND location_id = $2";
    Ok(tx.execute(sql, args![order_item, location]).await? > 0)
}
