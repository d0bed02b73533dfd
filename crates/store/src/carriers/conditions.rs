//! When a cargo company applies.

use serde_json::Value as Json;

use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// A condition as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub id: i64,
    pub cargo_company_id: i64,
    pub rules_configuration: Json,
    /// Counts its changes.
    pub version: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of conditions reads, for [`read`].
pub const COLUMNS: &str =
    "t.id, t.cargo_company_id, t.rules_configuration, t.version, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Condition, StoreError> {
    let mut c = row.cols();
    Ok(Condition {
        id: c.i64()?,
        cargo_company_id: c.i64()?,
        rules_configuration: c.json()?,
        version: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The list.
pub const LIST: List = List {
    table: "cargo_company_conditions t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("cargo_company", Kind::Int, "t.cargo_company_id = ?"),
    ],
    orders: &[("id", "t.id"), ("-id", "t.id DESC")],
};

/// One.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Condition>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM cargo_company_conditions t WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, id: i64, company: i64, rules: &Json, now_us: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO cargo_company_conditions (id, cargo_company_id, rules_configuration, version, created_us, modified_us) \
               VALUES ($1, $2, $3, 1, $4, $4)";
    tx.execute(sql, args![id, company, rules.to_string(), now_us]).await?;
    Ok(())
}

/// Gives one another content; `false` if there is none.
pub async fn update(
    tx: &mut Tx,
    id: i64,
    company: i64,
    rules: &Json,
    now_us: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE cargo_company_conditions SET cargo_company_id = $2, rules_configuration = $3, version = version + 1, \
               modified_us = $4 WHERE id = $1";
    Ok(tx.execute(sql, args![id, company, rules.to_string(), now_us]).await? == 1)
}

/// Removes one; `false` if there is none.
pub async fn remove(tx: &mut Tx, id: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM cargo_company_conditions WHERE id = $1", args![id]).await? == 1)
}
