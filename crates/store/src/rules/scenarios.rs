//! Distribution scenarios.

use oms_core::scenarios::{Family, Scenario};

use crate::{StoreError, Tx, args};

/// A scenario as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: i64,
    pub family: Family,
    /// Counts its changes, from 1.
    pub version: i64,
    pub scenario: Scenario,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of scenarios reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.family, t.version, t.body, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &crate::Row) -> Result<Stored, StoreError> {
    let mut c = row.cols();
    let (id, family, version, body) = (c.i64()?, c.text()?, c.i64()?, c.text()?);
    let family = Family::parse(&family)
        .ok_or_else(|| StoreError::Corrupt(format!("scenario {id} is of the unknown family {family:?}")))?;
    let scenario =
        serde_json::from_str(&body).map_err(|e| StoreError::Corrupt(format!("scenario {id}: {e}")))?;
    Ok(Stored { id, family, version, scenario, created_us: c.i64()?, modified_us: c.i64()? })
}

/// The active scenarios of a family in the order they are tried.
pub async fn active(tx: &mut Tx, family: Family) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM scenarios t WHERE t.is_active = TRUE AND t.family = $1 ORDER BY t.priority, t.id"
    );
    tx.fetch(sql, args![family.as_str()]).await?.iter().map(read).collect()
}

/// One scenario, held until the transaction ends.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scenarios t WHERE t.id = $1{}", tx.dialect().for_update());
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// One scenario.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scenarios t WHERE t.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read).transpose()
}

/// A version of a scenario, as it was published.
pub async fn version(tx: &mut Tx, id: i64, version: i64) -> Result<Option<Scenario>, StoreError> {
    let sql = "SELECT body FROM scenario_versions WHERE scenario_id = $1 AND version = $2";
    let Some(row) = tx.first(sql, args![id, version]).await? else { return Ok(None) };
    let scenario = serde_json::from_str(&row.cols().text()?);
    Ok(Some(scenario.map_err(|e| StoreError::Corrupt(format!("scenario {id} version {version}: {e}")))?))
}

/// One scenario by its name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scenarios t WHERE t.name = $1");
    tx.first(sql, args![name]).await?.as_ref().map(read).transpose()
}

fn body(scenario: &Scenario) -> String {
    serde_json::to_string(scenario).expect("a scenario is JSON")
}

/// Who made a version, and why.
#[derive(Debug, Clone, Copy)]
pub struct Authorship<'a> {
    pub author: &'a str,
    pub comment: &'a str,
    pub at_us: i64,
}

/// Writes a new scenario as its version 1; `false` if the name is taken.
pub async fn insert(
    tx: &mut Tx,
    id: i64,
    family: Family,
    scenario: &Scenario,
    by: Authorship<'_>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO scenarios (id, family, name, is_active, priority, version, body, created_us, modified_us) \
               VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $7) ON CONFLICT (name) DO NOTHING";
    let (active, priority) = (scenario.is_active, scenario.priority);
    let values = args![id, family.as_str(), &scenario.name, active, priority, body(scenario), by.at_us];
    let is_new = tx.execute(sql, values).await? == 1;
    if is_new {
        keep_version(tx, id, 1, scenario, by).await?;
    }
    Ok(is_new)
}

/// Gives a scenario, held before, another content, as its next version.
pub async fn update(
    tx: &mut Tx,
    held: &Stored,
    scenario: &Scenario,
    by: Authorship<'_>,
) -> Result<(), StoreError> {
    let sql = "UPDATE scenarios SET name = $2, is_active = $3, priority = $4, body = $5, version = $6, \
               modified_us = $7 WHERE id = $1";
    let (active, priority, version) = (scenario.is_active, scenario.priority, held.version + 1);
    let values = args![held.id, &scenario.name, active, priority, body(scenario), version, by.at_us];
    tx.execute(sql, values).await?;
    keep_version(tx, held.id, version, scenario, by).await
}

async fn keep_version(
    tx: &mut Tx,
    id: i64,
    version: i64,
    scenario: &Scenario,
    by: Authorship<'_>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO scenario_versions (scenario_id, version, body, author, comment, created_us) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, args![id, version, body(scenario), by.author, by.comment, by.at_us]).await?;
    Ok(())
}

/// The fact that counts changes of scenarios.
const GENERATION: &str = "scenarios_generation";

/// Notes that scenarios, or what they look at, changed: what was decided to wait meanwhile is looked at again.
pub(crate) async fn raise_generation(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "UPDATE facts SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = $1";
    tx.execute(sql, args![GENERATION]).await?;
    Ok(())
}

/// How often scenarios, or what they look at, changed.
pub async fn generation(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT CAST(value AS BIGINT) FROM facts WHERE name = $1", args![GENERATION]).await
}

/// The same, and no scenario changes until this transaction ends: whoever lies down to wait is either
/// told of a change here, or awoken by it afterwards.
pub async fn hold_generation(tx: &mut Tx) -> Result<i64, StoreError> {
    let lock = match tx.dialect() {
        crate::db::Dialect::Sqlite => "",
        crate::db::Dialect::Postgres => " FOR SHARE",
    };
    let sql = format!("SELECT CAST(value AS BIGINT) FROM facts WHERE name = $1{lock}");
    tx.scalar(sql, args![GENERATION]).await
}

/// A version of a scenario, as the history shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecord {
    pub version: i64,
    pub author: String,
    pub comment: String,
    pub created_us: i64,
}

/// The versions of a scenario, newest first.
pub async fn versions(tx: &mut Tx, id: i64) -> Result<Vec<VersionRecord>, StoreError> {
    let sql = "SELECT version, author, comment, created_us FROM scenario_versions WHERE scenario_id = $1 ORDER BY version DESC";
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok(VersionRecord { version: c.i64()?, author: c.text()?, comment: c.text()?, created_us: c.i64()? })
    };
    tx.fetch(sql, args![id]).await?.iter().map(one).collect()
}

/// The next version of a scenario in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub scenario: Scenario,
    pub author: String,
    pub comment: String,
    pub at_us: i64,
}

/// The draft of a scenario.
pub async fn draft(tx: &mut Tx, id: i64) -> Result<Option<Draft>, StoreError> {
    let sql = "SELECT draft, draft_author, draft_comment, draft_us FROM scenarios WHERE id = $1 AND draft IS NOT NULL";
    let Some(row) = tx.first(sql, args![id]).await? else { return Ok(None) };
    let mut c = row.cols();
    let scenario = serde_json::from_str(&c.text()?)
        .map_err(|e| StoreError::Corrupt(format!("the draft of scenario {id}: {e}")))?;
    Ok(Some(Draft { scenario, author: c.text()?, comment: c.text()?, at_us: c.i64()? }))
}

/// Keeps a draft, in place of the one before.
pub async fn set_draft(
    tx: &mut Tx,
    id: i64,
    scenario: &Scenario,
    by: Authorship<'_>,
) -> Result<(), StoreError> {
    let sql =
        "UPDATE scenarios SET draft = $2, draft_author = $3, draft_comment = $4, draft_us = $5 WHERE id = $1";
    tx.execute(sql, args![id, body(scenario), by.author, by.comment, by.at_us]).await?;
    Ok(())
}

/// Drops the draft.
pub async fn drop_draft(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    let sql = "UPDATE scenarios SET draft = NULL, draft_author = NULL, draft_comment = NULL, draft_us = NULL WHERE id = $1";
    tx.execute(sql, args![id]).await?;
    Ok(())
}
