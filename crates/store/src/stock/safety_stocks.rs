//! Safety stock: units that are never promised, by product, location and channel.

use crate::{Row, StoreError, Tx, args};

/// What is kept back where. `None`: any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyStock {
    pub id: i64,
    pub product_id: Option<i64>,
    pub location_id: Option<i64>,
    pub channel_id: Option<i64>,
    pub units: i64,
    pub sku: Option<String>,
    pub erp_code: Option<String>,
    /// The hub's id of the channel, ours if it has none.
    pub channel: Option<i64>,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of safety stock reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.product_id, t.location_id, t.channel_id, t.units, p.sku, l.erp_code, \
                           COALESCE(c.omnitron_id, c.id), t.created_us, t.modified_us";
/// What [`COLUMNS`] needs beside the table.
pub const JOINS: &str = " LEFT JOIN products p ON p.id = t.product_id LEFT JOIN locations l ON l.id = t.location_id \
                         LEFT JOIN channels c ON c.id = t.channel_id";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<SafetyStock, StoreError> {
    let mut c = row.cols();
    Ok(SafetyStock {
        id: c.i64()?,
        product_id: c.opt_i64()?,
        location_id: c.opt_i64()?,
        channel_id: c.opt_i64()?,
        units: c.i64()?,
        sku: c.opt_text()?,
        erp_code: c.opt_text()?,
        channel: c.opt_i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The rows for these products and for any product.
pub async fn all_for(tx: &mut Tx, products: &[i64]) -> Result<Vec<SafetyStock>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM safety_stocks t{JOINS} WHERE");
    let mut rows = tx.fetch(format!("{head} t.product_id IS NULL ORDER BY t.id"), vec![]).await?;
    // Most brands keep no safety by product: one look spares the question.
    if tx
        .scalar(
            "SELECT COUNT(*) FROM (SELECT 1 FROM safety_stocks WHERE product_id IS NOT NULL LIMIT 1) x",
            vec![],
        )
        .await?
        > 0
    {
        let head = format!("{head} t.product_id");
        rows.extend(tx.fetch_in(&head, products.iter().copied(), "ORDER BY t.id").await?);
    }
    rows.iter().map(read).collect()
}

/// One row.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<SafetyStock>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM safety_stocks t{JOINS} WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// Sets the units of a place: a new row with `id`, or the one that is there. Returns the row's id.
pub async fn set(
    tx: &mut Tx,
    id: i64,
    (product, location, channel): (Option<i64>, Option<i64>, Option<i64>),
    units: i64,
    now_us: i64,
) -> Result<i64, StoreError> {
    let sql = "INSERT INTO safety_stocks (id, product_id, location_id, channel_id, units, created_us, modified_us) \
               VALUES ($1, $2, $3, $4, $5, $6, $6) \
               ON CONFLICT (COALESCE(product_id, 0), COALESCE(location_id, 0), COALESCE(channel_id, 0)) \
               DO UPDATE SET units = excluded.units, modified_us = excluded.modified_us RETURNING id";
    tx.scalar(sql, args![id, product, location, channel, units, now_us]).await
}

/// Removes a row; `false` if there is none.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM safety_stocks WHERE id = $1", args![id]).await? == 1)
}
