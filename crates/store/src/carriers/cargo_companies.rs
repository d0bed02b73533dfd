//! Cargo companies: accounts at carriers, as people set them.

use oms_core::cargo_companies::SECRETS;
use serde_json::Value as Json;

use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// A cargo company as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct CargoCompany {
    pub id: i64,
    pub set: CompanySet,
    /// Counts its changes.
    pub version: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What people set of a cargo company.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanySet {
    pub name: String,
    pub erp_code: String,
    pub is_managed_by_oms: bool,
    pub is_demo_client: bool,
    /// A word of `oms_core::cargo_companies::COMPANIES`, or a demo client's name.
    pub shipping_company: String,
    /// With its secrets; mask it before it is shown.
    pub conf: Json,
    pub is_active: bool,
    /// The lower of those that apply is taken.
    pub priority: i64,
}

/// What a SELECT of cargo companies reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.name, t.erp_code, t.is_managed_by_oms, t.is_demo_client, t.shipping_company, t.conf, \
                           t.is_active, t.priority, t.version, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`], its secrets as they are stored.
pub fn read(row: &Row) -> Result<CargoCompany, StoreError> {
    let mut c = row.cols();
    Ok(CargoCompany {
        id: c.i64()?,
        set: CompanySet {
            name: c.text()?,
            erp_code: c.text()?,
            is_managed_by_oms: c.bool()?,
            is_demo_client: c.bool()?,
            shipping_company: c.text()?,
            conf: c.json()?,
            is_active: c.bool()?,
            priority: c.i64()?,
        },
        version: c.i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The list.
pub const LIST: List = List {
    table: "cargo_companies t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("name", Kind::Text, "t.name = ?"),
        Filter::new("erp_code", Kind::Texts, "t.erp_code IN (?)"),
        Filter::new("shipping_company", Kind::Text, "t.shipping_company = ?"),
        Filter::new("is_managed_by_oms", Kind::Bool, "t.is_managed_by_oms = ?"),
        Filter::new("is_demo_client", Kind::Bool, "t.is_demo_client = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
    ],
    orders: &[
        ("id", "t.id"),
        ("-id", "t.id DESC"),
        ("name", "t.name, t.id"),
        ("priority", "t.priority, t.id"),
        ("-priority", "t.priority DESC, t.id DESC"),
    ],
};

/// Where the secrets of a company are sealed for.
fn place(id: i64) -> String {
    format!("cargo_companies/{id}")
}

fn opened(tx: &Tx, row: &Row) -> Result<CargoCompany, StoreError> {
    let mut company = read(row)?;
    company.set.conf = tx.open_json(&SECRETS, &place(company.id), company.set.conf)?;
    Ok(company)
}

fn sealed(tx: &Tx, id: i64, conf: &Json) -> String {
    tx.seal_json(&SECRETS, &place(id), conf).to_string()
}

/// Seals what stands unsealed or under an older key.
pub(crate) async fn seal_anew(tx: &mut Tx) -> Result<(), StoreError> {
    let rows = tx.fetch(format!("SELECT {COLUMNS} FROM cargo_companies t ORDER BY t.id"), vec![]).await?;
    for row in &rows {
        // Read also where nothing is to be done: what does not open is told at the start.
        let (stored, whole) = (read(row)?, opened(tx, row)?);
        if tx.is_stale_json(&SECRETS, &stored.set.conf) {
            let conf = sealed(tx, whole.id, &whole.set.conf);
            tx.execute("UPDATE cargo_companies SET conf = $2 WHERE id = $1", args![whole.id, conf]).await?;
        }
    }
    Ok(())
}

/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT COUNT(*) FROM cargo_companies", args![]).await
}

/// One, held until the transaction ends.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<Option<CargoCompany>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM cargo_companies t WHERE t.id = $1{}", tx.dialect().for_update());
    tx.first(sql, args![id]).await?.as_ref().map(|row| opened(tx, row)).transpose()
}

/// One, its secrets as they are stored.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<CargoCompany>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM cargo_companies t WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// Those that have one of these words as name or code, but one.
pub async fn taken(tx: &mut Tx, set: &CompanySet, but: i64) -> Result<Option<&'static str>, StoreError> {
    for (column, value) in [("name", &set.name), ("erp_code", &set.erp_code)] {
        let sql = format!("SELECT COUNT(*) FROM cargo_companies WHERE {column} = $1 AND id <> $2");
        if tx.scalar(sql, args![value, but]).await? > 0 {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// Writes a new one.
pub async fn insert(tx: &mut Tx, id: i64, set: &CompanySet, now_us: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO cargo_companies (id, name, erp_code, is_managed_by_oms, is_demo_client, shipping_company, conf, \
               is_active, priority, version, created_us, modified_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)";
    tx.execute(sql, values(tx, id, set, now_us)).await?;
    Ok(())
}

/// Gives a held one another content.
pub async fn update(tx: &mut Tx, id: i64, set: &CompanySet, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE cargo_companies SET name = $2, erp_code = $3, is_managed_by_oms = $4, is_demo_client = $5, \
               shipping_company = $6, conf = $7, is_active = $8, priority = $9, version = version + 1, modified_us = $10 \
               WHERE id = $1";
    tx.execute(sql, values(tx, id, set, now_us)).await?;
    Ok(())
}

fn values(tx: &Tx, id: i64, set: &CompanySet, now_us: i64) -> Vec<crate::Value> {
    args![
        id,
        &set.name,
        &set.erp_code,
        set.is_managed_by_oms,
        set.is_demo_client,
        &set.shipping_company,
        sealed(tx, id, &set.conf),
        set.is_active,
        set.priority,
        now_us
    ]
}

/// Removes one with its conditions.
pub async fn remove(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM cargo_company_conditions WHERE cargo_company_id = $1", args![id]).await?;
    tx.execute("DELETE FROM cargo_companies WHERE id = $1", args![id]).await?;
    Ok(())
}
