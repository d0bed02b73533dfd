//! Transitions as they are stored: versioned by revision, because logs name the one of their day.

use std::collections::HashMap;

use oms_core::commands::Entity;
use oms_core::transitions::{Definition, FIRST_FREE_ID, SYSTEM, Visibility, default_flow};

use crate::batch::Rows;
use crate::lists::{Filter, Kind, List};
use crate::{Row, StoreError, Tx, args};

/// A transition that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub id: i64,
    pub rev: i64,
    pub definition: Definition,
    pub created_us: i64,
    pub modified_us: i64,
}

/// The fact that counts changes of transitions.
const GENERATION: &str = "transitions_generation";
/// The fact that says which seeds a database has.
const SEEDED: &str = "transitions_seeded";

/// What a SELECT of transitions reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.rev, t.entity, t.name, t.slug, t.code, t.from_state, t.to_state, t.visibility, t.conf, \
    t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<Transition, StoreError> {
    let mut c = row.cols();
    let (id, rev, entity, name, slug, code) =
        (c.i64()?, c.i64()?, c.text()?, c.text()?, c.text()?, c.text()?);
    let (from, to, visibility, conf) = (c.i64()?, c.i64()?, c.text()?, c.json()?);
    let corrupt = |what: &str| StoreError::Corrupt(format!("transition {id} has an unknown {what}"));
    let definition = Definition {
        name,
        slug,
        code,
        entity: Entity::parse(&entity).ok_or_else(|| corrupt("kind of record"))?,
        from,
        to,
        visibility: Visibility::parse(&visibility).ok_or_else(|| corrupt("visibility"))?,
        conf: conf.as_object().cloned().unwrap_or_default(),
    };
    Ok(Transition { id, rev, definition, created_us: c.i64()?, modified_us: c.i64()? })
}

/// The list of transitions that can be run.
pub const LIST: List = List {
    table: "(SELECT * FROM transitions WHERE is_current = TRUE AND is_system = FALSE) t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("slug", Kind::Text, "t.slug = ?"),
        Filter::new("command_code", Kind::Text, "t.code = ?"),
        Filter::new("entity", Kind::OneOf(&["package", "transfer"]), "t.entity = ?"),
        Filter::new("source_state", Kind::Int, "t.from_state = ?"),
        Filter::new("destination_state", Kind::Int, "t.to_state = ?"),
        Filter::new("visibility", Kind::OneOf(&["all", "oms", "instore", "hidden"]), "t.visibility = ?"),
    ],
    orders: &[("id", "t.id"), ("-id", "t.id DESC"), ("name", "t.name, t.id")],
};

/// Every transition that can be run, by id.
pub async fn all(tx: &mut Tx) -> Result<Vec<Transition>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM transitions t WHERE t.is_current = TRUE AND t.is_system = FALSE ORDER BY t.id"
    );
    tx.fetch(sql, vec![]).await?.iter().map(read).collect()
}

/// A transition as it was at a revision.
pub async fn by_rev(tx: &mut Tx, (id, rev): (i64, i64)) -> Result<Transition, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM transitions t WHERE t.id = $1 AND t.rev = $2");
    let row = tx.first(sql, args![id, rev]).await?;
    read(&row.ok_or_else(|| StoreError::Corrupt(format!("there is no revision {rev} of transition {id}")))?)
}

/// How often transitions have changed.
pub async fn generation(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(crate::setup::settings::fact(tx, GENERATION).await?.and_then(|g| g.parse().ok()).unwrap_or(0))
}

async fn changed(tx: &mut Tx) -> Result<(), StoreError> {
    let next = generation(tx).await? + 1;
    crate::setup::settings::set_fact(tx, GENERATION, &next.to_string()).await
}

/// Writes the system steps and, once in a database's life, the default flow.
pub(crate) async fn seed(tx: &mut Tx) -> Result<(), StoreError> {
    let mut rows = Rows::new(9);
    for s in SYSTEM {
        rows.push(args![s.id, 1i64, s.entity.as_str(), s.name, s.slug, "SYSTEM", s.from, s.to, true]);
    }
    let head = "INSERT INTO transitions (id, rev, entity, name, slug, code, from_state, to_state, is_system)";
    tx.insert(head, rows, "ON CONFLICT (id, rev) DO NOTHING").await?;
    if crate::setup::settings::fact(tx, SEEDED).await?.is_some() {
        return Ok(());
    }
    for (id, definition) in default_flow() {
        write(tx, &Transition { id, rev: 1, definition, created_us: 0, modified_us: 0 }).await?;
    }
    let sql = "INSERT INTO id_blocks (name, next) VALUES ('transition', $1) ON CONFLICT (name) DO NOTHING";
    tx.execute(sql, args![FIRST_FREE_ID]).await?;
    crate::setup::settings::set_fact(tx, SEEDED, "1").await?;
    changed(tx).await
}

async fn write(tx: &mut Tx, t: &Transition) -> Result<(), StoreError> {
    let d = &t.definition;
    let sql = "INSERT INTO transitions (id, rev, entity, name, slug, code, from_state, to_state, is_system, visibility, conf, \
               is_current, created_us, modified_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let conf = serde_json::Value::Object(d.conf.clone()).to_string();
    let values = args![
        t.id,
        t.rev,
        d.entity.as_str(),
        &d.name,
        &d.slug,
        &d.code,
        d.from,
        d.to,
        false,
        d.visibility.as_str(),
        conf,
        true,
        t.created_us,
        t.modified_us
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Writes a new transition, or the next revision of one. The slug must be free.
pub async fn put(tx: &mut Tx, t: &Transition) -> Result<(), StoreError> {
    retire(tx, t.id).await?;
    write(tx, t).await?;
    changed(tx).await
}

/// Takes a transition out of use; its revisions stay, for the logs.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    retire(tx, id).await?;
    changed(tx).await
}

async fn retire(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE transitions SET is_current = FALSE WHERE id = $1 AND is_system = FALSE", args![id])
        .await?;
    Ok(())
}

/// The transition of an id with the highest revision it ever had, whether it is in use or not.
pub async fn last_rev(tx: &mut Tx, id: i64) -> Result<i64, StoreError> {
    tx.scalar("SELECT CAST(COALESCE(MAX(rev), 0) AS BIGINT) FROM transitions WHERE id = $1", args![id]).await
}

/// How often each transition was run within the latest steps of all; the steps looked at are bounded.
pub async fn runs(tx: &mut Tx, latest: i64) -> Result<HashMap<i64, i64>, StoreError> {
    let sql = "SELECT transition_id, COUNT(*) FROM (SELECT transition_id FROM transition_log ORDER BY id DESC LIMIT $1) x \
               GROUP BY transition_id";
    tx.fetch(sql, args![latest]).await?.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}
