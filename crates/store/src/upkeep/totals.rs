//! What a database holds, counted: for the demo's closing line and the start page.

use crate::{StoreError, Tx};

/// Counts of the whole database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub orders: i64,
    pub lines: i64,
    pub units: i64,
    /// Live packages, Out of Stock ones included.
    pub packages: i64,
    pub units_reserved: i64,
    pub units_out_of_stock: i64,
    /// Orders with more than one package that got stock.
    pub orders_split: i64,
    /// Hub orders with a disposition: imported, filtered or rejected.
    pub hub_orders: i64,
}

/// Counts everything.
pub async fn read(tx: &mut Tx) -> Result<Totals, StoreError> {
    let mut one = async |sql: &str| tx.scalar(sql, vec![]).await;
    Ok(Totals {
        orders: one("SELECT COUNT(*) FROM orders").await?,
        lines: one("SELECT COUNT(*) FROM order_items").await?,
        units: one("SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM order_items").await?,
        packages: one("SELECT COUNT(*) FROM packages WHERE state <> 900").await?,
        units_reserved: one(
            "SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM reservations WHERE closed_reason IS NULL",
        )
        .await?,
        units_out_of_stock: one("SELECT CAST(COALESCE(SUM(i.quantity), 0) AS BIGINT) FROM package_items i \
             JOIN packages p ON p.id = i.package_id WHERE p.state = 920")
        .await?,
        orders_split: one(
            "SELECT COUNT(*) FROM (SELECT order_id FROM packages WHERE state NOT IN (900, 920) \
             GROUP BY order_id HAVING COUNT(*) > 1) x",
        )
        .await?,
        hub_orders: one(
            "SELECT COUNT(*) FROM hub_orders WHERE disposition IN ('imported', 'filtered', 'rejected')",
        )
        .await?,
    })
}

/// How many hub orders have a disposition.
pub async fn hub_orders(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar(
        "SELECT COUNT(*) FROM hub_orders WHERE disposition IN ('imported', 'filtered', 'rejected')",
        vec![],
    )
    .await
}
