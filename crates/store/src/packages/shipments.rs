//! Shipments: the carrier's record of a package or a transfer. They count their own events.

use crate::batch::Rows;
use crate::upkeep::search::Terms;
use crate::{Row, StoreError, Tx, args};

/// The state of a shipment whose package was cancelled as a whole.
pub const CANCELLED: &str = "cancelled";
/// States that a shipment does not leave.
pub const ENDED: &[&str] = &[CANCELLED, "delivered", "deleted"];

/// A shipment as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shipment {
    pub id: i64,
    pub package_id: Option<i64>,
    pub transfer_id: Option<i64>,
    /// `created`, `shipping`, `delivered`, `deleted` and the like: the carrier contract's words in lower case.
    pub state: String,
    pub cargo_company: Option<String>,
    pub tracking_number: Option<String>,
    /// The number the carrier is asked by, if it is not the tracking number.
    pub query_number: Option<String>,
    pub awb_number: Option<String>,
    pub tracking_url: Option<String>,
    pub label: Option<String>,
    /// What the carrier knows it by.
    pub outside_key: Option<String>,
    pub event_seq: i64,
    pub version: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

const COLUMNS: &str = "id, package_id, transfer_id, state, cargo_company, tracking_number, query_number, awb_number, \
    tracking_url, label, outside_key, event_seq, version, created_us, modified_us";

fn read(row: &Row) -> Result<Shipment, StoreError> {
    let mut c = row.cols();
    Ok(Shipment {
        id: c.i64()?,
        package_id: c.opt_i64()?,
        transfer_id: c.opt_i64()?,
        state: c.text()?,
        cargo_company: c.opt_text()?,
        tracking_number: c.opt_text()?,
        query_number: c.opt_text()?,
        awb_number: c.opt_text()?,
        tracking_url: c.opt_text()?,
        label: c.opt_text()?,
        outside_key: c.opt_text()?,
        event_seq: c.i64()?,
        version: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The shipments of packages, oldest first.
pub async fn of_packages(tx: &mut Tx, packages: Vec<i64>) -> Result<Vec<Shipment>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM shipments WHERE package_id");
    tx.fetch_in(&head, packages, "ORDER BY created_us, id").await?.iter().map(read).collect()
}

/// Shipments by id.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Shipment>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM shipments WHERE id");
    tx.fetch_in(&head, ids, "ORDER BY id").await?.iter().map(read).collect()
}

/// Writes shipments, new or changed.
pub async fn put(tx: &mut Tx, shipments: &[Shipment]) -> Result<(), StoreError> {
    let (mut rows, mut terms) = (Rows::new(15), Terms::default());
    for s in shipments {
        terms.shipment(s.id, s.tracking_number.as_deref().unwrap_or_default());
        rows.push(args![
            s.id,
            s.package_id,
            s.transfer_id,
            &s.state,
            s.cargo_company.as_deref(),
            s.tracking_number.as_deref(),
            s.query_number.as_deref(),
            s.awb_number.as_deref(),
            s.tracking_url.as_deref(),
            s.label.as_deref(),
            s.outside_key.as_deref(),
            s.event_seq,
            s.version,
            s.created_us,
            s.modified_us
        ]);
    }
    let tail = "ON CONFLICT (id) DO UPDATE SET package_id = excluded.package_id, state = excluded.state, cargo_company = excluded.cargo_company, \
                tracking_number = excluded.tracking_number, query_number = excluded.query_number, \
                awb_number = excluded.awb_number, tracking_url = excluded.tracking_url, label = excluded.label, \
                event_seq = excluded.event_seq, version = excluded.version, modified_us = excluded.modified_us";
    tx.insert(&format!("INSERT INTO shipments ({COLUMNS})"), rows, tail).await?;
    terms.write(tx).await
}
