//! Discrepancies: units the books have and the shelf has not. While one is open its units are quarantined.

use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// A discrepancy as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    pub id: i64,
    pub package_item_id: i64,
    pub transfer_item_id: Option<i64>,
    pub product_id: i64,
    pub location_id: i64,
    pub quantity: i64,
    /// `not_found`, or the title of the denial reason.
    pub reason: String,
    pub denial_reason_id: Option<i64>,
    /// `open`, `found` or `lost`.
    pub state: String,
    pub created_us: i64,
    pub closed_us: Option<i64>,
    pub closed_by: Option<String>,
}

/// What a SELECT of discrepancies reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.package_item_id, t.transfer_item_id, t.product_id, t.location_id, t.quantity, t.reason, \
    t.denial_reason_id, t.state, t.created_us, t.closed_us, t.closed_by";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Discrepancy, StoreError> {
    let mut c = row.cols();
    Ok(Discrepancy {
        id: c.i64()?,
        package_item_id: c.i64()?,
        transfer_item_id: c.opt_i64()?,
        product_id: c.i64()?,
        location_id: c.i64()?,
        quantity: c.i64()?,
        reason: c.text()?,
        denial_reason_id: c.opt_i64()?,
        state: c.text()?,
        created_us: c.i64()?,
        closed_us: c.opt_i64()?,
        closed_by: c.opt_text()?,
    })
}

/// The list of discrepancies.
pub const LIST: List = List {
    table: "discrepancies t",
    joins: " JOIN locations l ON l.id = t.location_id JOIN products r ON r.id = t.product_id",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("state", Kind::Text, "t.state = ?"),
        Filter::new("package_item", Kind::Int, "t.package_item_id = ?"),
        Filter::new("stock_location", Kind::Int, "t.location_id = ?"),
        Filter::new("stock_location__erp_code", Kind::Texts, "l.erp_code IN (?)"),
        Filter::new("product_sku", Kind::Text, "r.sku = ?"),
        Filter::new("denial_reason", Kind::Int, "t.denial_reason_id = ?"),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "t.created_us < ?"),
    ],
    orders: &[("-id", "t.id DESC"), ("id", "t.id")],
};

/// Holds one discrepancy.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<Option<Discrepancy>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM discrepancies t WHERE t.id = $1{}", tx.dialect().for_update());
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// The discrepancies of package items, by id.
pub async fn of_items(tx: &mut Tx, items: Vec<i64>) -> Result<Vec<Discrepancy>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM discrepancies t WHERE t.package_item_id");
    tx.fetch_in(&head, items, "ORDER BY t.id").await?.iter().map(read).collect()
}
