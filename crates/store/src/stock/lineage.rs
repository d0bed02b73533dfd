//! Why a balance is what it is: the ledger's latest rows of a product at a location, each with what caused it.

use crate::{StoreError, Tx, args};

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// What it was: a count, a reservation, a package that left …
    pub kind: String,
    pub d_on_hand: i64,
    pub d_reserved: i64,
    pub d_quarantined: i64,
    /// The command that wrote it.
    pub command: String,
    pub actor: String,
    pub at_us: i64,
    /// The package whose promise it moved: id and number.
    pub package: Option<(i64, String)>,
}

/// The latest movements of a place, the newest first, at most `limit`.
pub async fn of(tx: &mut Tx, product: i64, location: i64, limit: i64) -> Result<Vec<Movement>, StoreError> {
    let sql = "SELECT l.kind, l.d_on_hand, l.d_reserved, l.d_quarantined, c.kind, c.actor, c.at_us, p.id, p.number \
               FROM (SELECT * FROM stock_ledger WHERE product_id = $1 AND location_id = $2 ORDER BY id DESC LIMIT $3) l \
               JOIN commands c ON c.id = l.command_id LEFT JOIN reservations r ON r.id = l.reservation_id \
               LEFT JOIN package_items i ON i.id = r.package_item_id LEFT JOIN packages p ON p.id = i.package_id \
               ORDER BY l.id DESC";
    let read = |row: &crate::Row| {
        let mut c = row.cols();
        Ok(Movement {
            kind: c.text()?,
            d_on_hand: c.i64()?,
            d_reserved: c.i64()?,
            d_quarantined: c.i64()?,
            command: c.text()?,
            actor: c.text()?,
            at_us: c.i64()?,
            package: c.opt_i64()?.zip(c.opt_text()?),
        })
    };
    tx.fetch(sql, args![product, location, limit]).await?.iter().map(read).collect()
}
