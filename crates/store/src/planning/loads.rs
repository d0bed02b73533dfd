//! Locations' quota counters, and with them the counts of lists by state. A busy location's row is shared by all
//! of its packages, so changes are collected and written last, in key order.

use std::collections::BTreeMap;

use crate::batch::Rows;
use crate::db::Dialect;
use crate::list_counts::Counts;
use crate::{StoreError, Tx, args};

/// Slots taken and given back, by location, and records that came into a state or left it.
#[derive(Debug, Default)]
pub struct Slots {
    locations: BTreeMap<i64, i64>,
    /// Records by state.
    pub counts: Counts,
}

impl Slots {
    /// `n` packages more (or fewer) hold a slot of a location.
    pub fn add(&mut self, location: i64, n: i64) {
        *self.locations.entry(location).or_default() += n;
    }

    /// Writes the changes. Nothing may be locked after this.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let changes: Vec<(i64, i64)> = self.locations.into_iter().filter(|(_, n)| *n != 0).collect();
        if changes.len() > 1 && tx.dialect() == Dialect::Postgres {
            let head = "SELECT location_id FROM location_loads WHERE location_id";
            let ids = changes.iter().map(|(location, _)| *location);
            tx.fetch_in(head, ids, "ORDER BY location_id FOR UPDATE").await?;
        }
        let (mut given_back, mut taken) = (Rows::new(2), Rows::new(2));
        for (location, n) in changes {
            let rows = if n > 0 { &mut taken } else { &mut given_back };
            rows.push(args![location, n]);
        }
        let tail = "ON CONFLICT (location_id) DO UPDATE SET quota = location_loads.quota + excluded.quota";
        tx.insert("INSERT INTO location_loads (location_id, quota)", taken, tail).await?;
        let body = "UPDATE location_loads SET quota = quota + v.n FROM v WHERE location_loads.location_id = v.location";
        tx.execute_values("location, n", given_back, body).await?;
        self.counts.write(tx).await
    }
}
