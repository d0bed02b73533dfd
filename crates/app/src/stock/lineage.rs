//! Why a balance is what it is.

use oms_core::refusal::Refusal;
use oms_store::lists::tables::{self, Stock};
use oms_store::lists::{Ask, Condition};
use oms_store::orders::order_views::Product;
pub use oms_store::stock::lineage::Movement;

use crate::{App, Result};

/// Movements shown: the latest of a place.
pub const MOVEMENTS: i64 = 200;

/// A balance with what made it.
pub struct Lineage {
    pub stock: Stock,
    pub product: Option<Product>,
    /// The newest first.
    pub movements: Vec<Movement>,
}

/// Reads the balance of a product at a location with its latest movements.
pub async fn read(app: &App, product: i64, location: i64) -> Result<Lineage> {
    let mut tx = app.store.read().await?;
    let conditions = vec![
        Condition { clause: "t.product_id = ?", values: vec![product.into()] },
        Condition { clause: "t.location_id = ?", values: vec![location.into()] },
    ];
    let ask = Ask { conditions, page: 1, limit: 1, ..Ask::default() };
    let stock = tables::stocks(&mut tx, &ask).await?.rows.pop();
    let stock = stock.ok_or_else(|| Refusal::not_found("stock", format!("{product} at {location}")))?;
    let product =
        oms_store::orders::order_views::products(&mut tx, vec![product]).await?.remove(&stock.product_id);
    let movements = oms_store::stock::lineage::of(&mut tx, stock.product_id, location, MOVEMENTS).await?;
    Ok(Lineage { stock, product, movements })
}
