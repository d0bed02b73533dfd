//! Exclusions: a location that refused a line, or did not have it, is asked for it neither to pack nor to send, until it
//! counts the product again.

use std::collections::BTreeSet;

use crate::batch::Rows;
use crate::plans::Role;
use crate::stocks::Place;
use crate::{StoreError, Tx, args};

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
