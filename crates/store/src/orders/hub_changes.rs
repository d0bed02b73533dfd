//! Changes at the hub that are not applied here: kept for a person, until one says that it is dealt with or a later
//! version of the order is applied.

use serde_json::{Value as Json, json};

use crate::batch::Rows;
use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// What a change is about. The last is a withdrawn cancellation that was carried out here.
pub const KINDS: &[&str] = &["contact", "lines", "prices", "cancelled", "unreadable", "cancellation"];

/// Notes what of a version of an order was not applied, and closes what this version does not leave open.
pub(crate) async fn of_version(
    tx: &mut Tx,
    order_id: i64,
    modified_us: i64,
    late: &[String],
    detail: &Json,
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut changes = Rows::new(6);
    for what in late {
        let id = ids.next().expect("ids were taken");
        changes.push(args![id, order_id, modified_us, what, detail.to_string(), now_us]);
    }
    let head = "INSERT INTO hub_changes (id, order_id, modified_us, what, detail, created_us)";
    let tail = "ON CONFLICT (order_id, modified_us, what) DO UPDATE SET detail = excluded.detail, closed_us = NULL, \
                closed_by = NULL";
    tx.insert(head, changes, tail).await?;
    let still_open: Vec<String> = late.iter().enumerate().map(|(i, _)| format!("${}", i + 3)).collect();
    let still_open = [vec!["'cancellation'".to_owned()], still_open].concat().join(", ");
    let sql = format!(
        "UPDATE hub_changes SET closed_us = $2, closed_by = 'system:hub' \
         WHERE order_id = $1 AND closed_us IS NULL AND what NOT IN ({still_open})"
    );
    let words = late.iter().map(|what| what.as_str().into());
    tx.execute(sql, args![order_id, now_us].into_iter().chain(words).collect()).await?;
    Ok(())
}

/// Writes down what the hub says of an order that is not applied here.
pub async fn note(
    tx: &mut Tx,
    id: i64,
    order_id: i64,
    what: &str,
    detail: &Json,
    now_us: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO hub_changes (id, order_id, modified_us, what, detail, created_us) \
               VALUES ($1, $2, $3, $4, $5, $3) ON CONFLICT (order_id, modified_us, what) DO NOTHING";
    tx.execute(sql, args![id, order_id, now_us, what, detail.to_string()]).await?;
    Ok(())
}

/// A newer version of an order that is here cannot be read: once, however often it is met.
pub(crate) async fn note_unreadable(
    tx: &mut Tx,
    id: i64,
    order_id: i64,
    modified_us: Option<i64>,
    reason: &str,
    now_us: i64,
) -> Result<(), StoreError> {
    let detail = json!({"reason": reason}).to_string();
    let sql = "INSERT INTO hub_changes (id, order_id, modified_us, what, detail, created_us) \
               SELECT $1, $2, $3, 'unreadable', $4, $5 WHERE NOT EXISTS (SELECT 1 FROM hub_changes o \
               WHERE o.order_id = $2 AND o.what = 'unreadable' AND o.closed_us IS NULL AND o.detail = $4) \
               ON CONFLICT (order_id, modified_us, what) DO UPDATE SET detail = excluded.detail";
    tx.execute(sql, args![id, order_id, modified_us.unwrap_or(now_us), detail, now_us]).await?;
    Ok(())
}

/// Says that a change is dealt with; `false` if it was before.
pub async fn close(tx: &mut Tx, id: i64, by: &str, now_us: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE hub_changes SET closed_us = $2, closed_by = $3 WHERE id = $1 AND closed_us IS NULL";
    Ok(tx.execute(sql, args![id, now_us, by]).await? == 1)
}

/// A change as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct HubChange {
    pub id: i64,
    pub order_id: i64,
    pub order_number: String,
    /// The hub's key of the order.
    pub hub_pk: Option<i64>,
    /// One of [`KINDS`].
    pub what: String,
    /// What is here and what is there, or the reason.
    pub detail: Json,
    /// When the order changed at the hub.
    pub modified_us: i64,
    pub created_us: i64,
    pub closed_us: Option<i64>,
    pub closed_by: Option<String>,
}

/// What a SELECT of changes reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.order_id, o.number, o.omnitron_id, t.what, t.detail, t.modified_us, t.created_us, \
    t.closed_us, t.closed_by";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<HubChange, StoreError> {
    let mut c = row.cols();
    Ok(HubChange {
        id: c.i64()?,
        order_id: c.i64()?,
        order_number: c.text()?,
        hub_pk: c.opt_i64()?,
        what: c.text()?,
        detail: c.json()?,
        modified_us: c.i64()?,
        created_us: c.i64()?,
        closed_us: c.opt_i64()?,
        closed_by: c.opt_text()?,
    })
}

/// One change.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<HubChange>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM hub_changes t JOIN orders o ON o.id = t.order_id WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// The list of changes.
pub const LIST: List = List {
    table: "hub_changes t",
    joins: " JOIN orders o ON o.id = t.order_id",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("is_open", Kind::Switch("t.closed_us IS NOT NULL"), "t.closed_us IS NULL"),
        Filter::new("what", Kind::OneOf(KINDS), "t.what = ?"),
        Filter::new("order", Kind::Int, "t.order_id = ?"),
        Filter::new(
            "order__number",
            Kind::Text,
            "t.order_id IN (SELECT o.id FROM orders o WHERE o.number = ?)",
        ),
        Filter::new("created_date__gte", Kind::Time, "t.created_us >= ?"),
        Filter::new("created_date__lt", Kind::Time, "t.created_us < ?"),
    ],
    orders: &[("-id", "t.id DESC"), ("id", "t.id")],
};
