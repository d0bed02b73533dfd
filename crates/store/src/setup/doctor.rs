//! What an installation has and lacks, in counts: for the setup screen and `oms doctor`.

use crate::{StoreError, Tx};

/// Counts of what the setup brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Active administrators.
    pub administrators: i64,
    pub cities: i64,
    pub locations: i64,
    /// Active locations without coordinates: no distance to them can be measured.
    pub without_point: i64,
    /// Active locations that pack orders.
    pub fulfillment_centers: i64,
    pub channels: i64,
    /// Active outside stock engines.
    pub engines: i64,
    /// Whether anything is in stock anywhere.
    pub has_stock: bool,
    /// Active distribution scenarios.
    pub scenarios: i64,
    /// Commands of the flow.
    pub transitions: i64,
    /// Active schedules.
    pub schedules: i64,
    /// Jobs that gave up.
    pub dead_jobs: i64,
}

/// Counts. Each count is over a small table, or stops at the first row.
pub async fn counts(tx: &mut Tx) -> Result<Counts, StoreError> {
    let mut one = async |sql: &str| tx.scalar(sql, vec![]).await;
    Ok(Counts {
        administrators: one("SELECT COUNT(*) FROM users WHERE role = 'administrator' AND is_active = TRUE")
            .await?,
        cities: one("SELECT COUNT(*) FROM cities").await?,
        locations: one("SELECT COUNT(*) FROM locations").await?,
        without_point: one("SELECT COUNT(*) FROM locations l LEFT JOIN addresses a ON a.id = l.address_id \
             WHERE l.is_active = TRUE AND a.lat_udeg IS NULL")
        .await?,
        fulfillment_centers: one(
            "SELECT COUNT(*) FROM locations WHERE is_active = TRUE AND is_fulfillment_center = TRUE",
        )
        .await?,
        channels: one("SELECT COUNT(*) FROM channels").await?,
        engines: one("SELECT COUNT(*) FROM stock_engines WHERE is_active = TRUE").await?,
        has_stock: one("SELECT COUNT(*) FROM (SELECT 1 AS found FROM stocks LIMIT 1) x").await? > 0,
        scenarios: one("SELECT COUNT(*) FROM scenarios WHERE is_active = TRUE AND family = 'distribution'")
            .await?,
        transitions: one("SELECT COUNT(*) FROM transitions WHERE is_current = TRUE AND is_system = FALSE")
            .await?,
        schedules: one("SELECT COUNT(*) FROM schedules WHERE is_active = TRUE").await?,
        dead_jobs: one("SELECT COUNT(*) FROM jobs WHERE state = 'dead'").await?,
    })
}
