//! Why stores refuse packages, as the brand words it.

use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// A reason for refusing a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialReason {
    pub id: i64,
    pub title: String,
    /// The brand's own key of it.
    pub remote_id: Option<String>,
    pub priority: Option<i64>,
    pub is_active: bool,
    /// The units are not there: they are quarantined. Otherwise the location is only busy.
    pub is_missing: bool,
    /// The location is not asked for the items again.
    pub excludes_location: bool,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of reasons reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.title, t.remote_id, t.priority, t.is_active, t.stock_effect, t.excludes_location, \
    t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<DenialReason, StoreError> {
    let mut c = row.cols();
    Ok(DenialReason {
        id: c.i64()?,
        title: c.text()?,
        remote_id: c.opt_text()?,
        priority: c.opt_i64()?,
        is_active: c.bool()?,
        is_missing: c.text()? == "missing",
        excludes_location: c.bool()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The list of reasons.
pub const LIST: List = List {
    table: "denial_reasons t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
        Filter::new("title", Kind::Contains, "t.title LIKE ? ESCAPE '\\'"),
        Filter::new("priority", Kind::Int, "t.priority = ?"),
        Filter::new("remote_id", Kind::Text, "t.remote_id = ?"),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lte", Kind::Time, "t.created_us <= ?"),
        Filter::new("modified_date__gte", Kind::Time, "t.modified_us >= ?"),
        Filter::new("modified_date__lte", Kind::Time, "t.modified_us <= ?"),
    ],
    orders: &[
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("modified_date", "t.modified_us, t.id"),
        ("-modified_date", "t.modified_us DESC, t.id DESC"),
    ],
};

/// One reason.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<DenialReason>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM denial_reasons t WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// Reasons by id, in no order.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<DenialReason>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM denial_reasons t WHERE t.id");
    tx.fetch_in(&head, ids, "").await?.iter().map(read).collect()
}

/// Writes a reason, new or changed. The title must be free.
pub async fn put(tx: &mut Tx, r: &DenialReason) -> Result<(), StoreError> {
    let sql = "INSERT INTO denial_reasons (id, title, remote_id, priority, is_active, stock_effect, excludes_location, \
               created_us, modified_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET \
               title = excluded.title, remote_id = excluded.remote_id, priority = excluded.priority, \
               is_active = excluded.is_active, stock_effect = excluded.stock_effect, \
               excludes_location = excluded.excludes_location, modified_us = excluded.modified_us";
    let effect = if r.is_missing { "missing" } else { "none" };
    let values = args![
        r.id,
        &r.title,
        r.remote_id.as_deref(),
        r.priority,
        r.is_active,
        effect,
        r.excludes_location,
        r.created_us,
        r.modified_us
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Removes a reason that nothing names; `false`: something does.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM denial_reasons WHERE id = $1 \
               AND NOT EXISTS (SELECT 1 FROM package_items i WHERE i.denial_reason_id = $1) \
               AND NOT EXISTS (SELECT 1 FROM discrepancies d WHERE d.denial_reason_id = $1)";
    Ok(tx.execute(sql, args![id]).await? == 1)
}
