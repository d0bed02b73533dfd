//! Webhooks: what each is told and where, how it fares, and which node sends for it.

pub mod deliveries;

use serde_json::Value as Json;

use crate::batch::Rows;
use crate::db::Dialect;
use crate::lists::{Filter, Kind, List};
use crate::upkeep::jobs::LEASE_US;
use crate::{Row, StoreError, Tx, Value, args};

/// The longest text kept of a failure.
const MAX_ERROR: usize = 500;

/// A hook as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    pub id: i64,
    /// What people set, with its secrets: mask it before it is shown.
    pub set: HookSet,
    /// The secret before this one, and until when it still signs.
    pub former: Option<(String, i64)>,
    /// Changes behind this position are told.
    pub from_position: i64,
    /// Changes behind this position are told by the types as they are now.
    pub types_from: i64,
    pub health: Health,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What people set of a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookSet {
    /// A list of types.
    pub event_types: Json,
    pub target_url: String,
    pub secret_key: Option<String>,
    pub callback: Json,
    pub additional_headers: Json,
    pub config: Json,
    pub retry: Json,
    pub is_active: bool,
}

/// How a hook fares, for all nodes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// In a row, of all its deliveries.
    pub failures: i64,
    /// Until when nothing is sent.
    pub paused_until_us: Option<i64>,
    pub last_error: Option<String>,
    pub last_error_us: Option<i64>,
    pub last_ok_us: Option<i64>,
}

impl Hook {
    /// How it stands, in a word: `passive`, `unknown` (nothing was sent yet), `answering`, `failing` or `paused`.
    pub fn standing(&self) -> &'static str {
        match (self.set.is_active, self.health.paused_until_us, self.health.failures, self.health.last_ok_us)
        {
            (false, ..) => "passive",
            (_, Some(_), ..) => "paused",
            (_, _, 1.., _) => "failing",
            (_, _, _, Some(_)) => "answering",
            _ => "unknown",
        }
    }
}

/// What a SELECT of hooks reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.event_types, t.target_url, t.secret_key, t.callback, t.additional_headers, t.config, t.retry, \
                           t.is_active, t.former_secret_key, t.former_until_us, t.from_position, t.types_from, t.failures, \
                           t.paused_until_us, t.last_error, t.last_error_us, t.last_ok_us, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`], its secrets as they are stored.
pub fn read(row: &Row) -> Result<Hook, StoreError> {
    let mut c = row.cols();
    let id = c.i64()?;
    let set = HookSet {
        event_types: c.json()?,
        target_url: c.text()?,
        secret_key: c.opt_text()?,
        callback: c.json()?,
        additional_headers: c.json()?,
        config: c.json()?,
        retry: c.json()?,
        is_active: c.bool()?,
    };
    let former = c.opt_text()?.zip(c.opt_i64()?);
    Ok(Hook {
        id,
        set,
        former,
        from_position: c.i64()?,
        types_from: c.i64()?,
        health: Health {
            failures: c.i64()?,
            paused_until_us: c.opt_i64()?,
            last_error: c.opt_text()?,
            last_error_us: c.opt_i64()?,
            last_ok_us: c.opt_i64()?,
        },
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// The secrets of a hook are its keys and the values of the headers it adds; each is sealed for its own place.
fn place(id: i64, what: &str) -> String {
    format!("hooks/{id}/{what}")
}

/// Puts another text in the place of each secret of a hook.
fn change(
    hook: &mut Hook,
    mut change: impl FnMut(&str, &str) -> Result<String, StoreError>,
) -> Result<(), StoreError> {
    let id = hook.id;
    if let Some(secret) = &mut hook.set.secret_key {
        *secret = change(&place(id, "secret_key"), secret)?;
    }
    if let Some((secret, _)) = &mut hook.former {
        *secret = change(&place(id, "former_secret_key"), secret)?;
    }
    for (name, value) in hook.set.additional_headers.as_object_mut().into_iter().flatten() {
        if let Json::String(text) = value {
            *text = change(&place(id, &format!("additional_headers/{name}")), text)?;
        }
    }
    Ok(())
}

fn opened(tx: &Tx, row: &Row) -> Result<Hook, StoreError> {
    let mut hook = read(row)?;
    change(&mut hook, |at, text| tx.open(at, text))?;
    Ok(hook)
}

fn sealed(tx: &Tx, hook: &Hook) -> Hook {
    let mut hook = hook.clone();
    change(&mut hook, |at, text| Ok(tx.seal(at, text))).expect("sealing does not fail");
    hook
}

/// Seals what stands unsealed or under an older key.
pub(crate) async fn seal_anew(tx: &mut Tx) -> Result<(), StoreError> {
    let rows = tx.fetch(format!("SELECT {COLUMNS} FROM hooks t ORDER BY t.id"), args![]).await?;
    for row in &rows {
        // Read also where nothing is to be done: what does not open is told at the start.
        let (mut stored, whole) = (read(row)?, opened(tx, row)?);
        let mut is_stale = false;
        change(&mut stored, |_, text| {
            is_stale |= tx.is_stale(text);
            Ok(text.to_owned())
        })?;
        if is_stale {
            let hook = sealed(tx, &whole);
            let sql = "UPDATE hooks SET secret_key = $2, former_secret_key = $3, additional_headers = $4 WHERE id = $1";
            let former = hook.former.map(|(secret, _)| secret);
            let headers = hook.set.additional_headers.to_string();
            tx.execute(sql, args![hook.id, hook.set.secret_key, former, headers]).await?;
        }
    }
    Ok(())
}

/// The list of hooks.
pub const LIST: List = List {
    table: "(SELECT * FROM hooks WHERE deleted_us IS NULL) t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.id = ?"),
        Filter::new("is_active", Kind::Bool, "t.is_active = ?"),
        Filter::new("event_type", Kind::Contains, "t.event_types LIKE ? ESCAPE '\\'"),
        Filter::new("target_url", Kind::Contains, "t.target_url LIKE ? ESCAPE '\\'"),
    ],
    orders: &[("id", "t.id"), ("-id", "t.id DESC")],
};

/// Holds the cursor: nobody makes deliveries or lets a hook begin meanwhile. Gives the position up to which they are made.
pub async fn hold_cursor(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = format!("SELECT position FROM hook_cursor WHERE id = 1{}", tx.dialect().for_update());
    tx.scalar(sql, args![]).await
}

/// The position up to which deliveries are made.
pub async fn cursor(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT position FROM hook_cursor WHERE id = 1", args![]).await
}

/// Says that deliveries are made up to a position.
pub async fn move_cursor(tx: &mut Tx, position: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE hook_cursor SET position = $1 WHERE id = 1", args![position]).await?;
    Ok(())
}

/// Writes a new hook.
pub async fn insert(
    tx: &mut Tx,
    id: i64,
    set: &HookSet,
    from_position: i64,
    now_us: i64,
) -> Result<(), StoreError> {
    let (former, health) = (None, Health::default());
    let new = Hook {
        id,
        set: set.clone(),
        former,
        from_position,
        types_from: from_position,
        health,
        created_us: now_us,
        modified_us: now_us,
    };
    let sql = "INSERT INTO hooks (id, event_types, target_url, secret_key, callback, additional_headers, config, retry, is_active, \
               from_position, types_from, failures, created_us, modified_us) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 0, $11, $11)";
    let mut values = written(&sealed(tx, &new));
    values.extend(args![from_position, now_us]);
    tx.execute(sql, values).await?;
    Ok(())
}

/// What both writings of a hook begin with.
fn written(hook: &Hook) -> Vec<Value> {
    let set = &hook.set;
    args![
        hook.id,
        set.event_types.to_string(),
        &set.target_url,
        set.secret_key.clone(),
        set.callback.to_string(),
        set.additional_headers.to_string(),
        set.config.to_string(),
        set.retry.to_string(),
        set.is_active
    ]
}

/// Gives a held hook another content. It is called at once again if it was left alone.
pub async fn update(tx: &mut Tx, hook: &Hook, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE hooks SET event_types = $2, target_url = $3, secret_key = $4, callback = $5, additional_headers = $6, \
               config = $7, retry = $8, is_active = $9, former_secret_key = $10, former_until_us = $11, from_position = $12, \
               types_from = $13, failures = 0, paused_until_us = NULL, modified_us = $14 WHERE id = $1";
    let sealed = sealed(tx, hook);
    let mut values = written(&sealed);
    let (former, until) = sealed.former.unzip();
    values.extend(args![former, until, hook.from_position, hook.types_from, now_us]);
    tx.execute(sql, values).await?;
    Ok(())
}

/// Removes a hook: nothing is sent any more, and its deliveries go with the next sweeps.
pub async fn remove(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE hooks SET deleted_us = $2, is_active = FALSE, secret_key = NULL, former_secret_key = NULL, \
               additional_headers = '{}' WHERE id = $1";
    tx.execute(sql, args![id, now_us]).await?;
    Ok(())
}

/// One hook, held until the transaction ends.
pub async fn hold(tx: &mut Tx, id: i64) -> Result<Option<Hook>, StoreError> {
    let hold = tx.dialect().for_update();
    let sql = format!("SELECT {COLUMNS} FROM hooks t WHERE t.id = $1 AND t.deleted_us IS NULL{hold}");
    tx.first(sql, args![id]).await?.as_ref().map(|row| opened(tx, row)).transpose()
}

/// One hook.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<Hook>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM hooks t WHERE t.id = $1 AND t.deleted_us IS NULL");
    tx.first(sql, args![id]).await?.as_ref().map(|row| opened(tx, row)).transpose()
}

/// Those of these hooks that are active.
pub async fn active(tx: &mut Tx, ids: impl IntoIterator<Item = i64>) -> Result<Vec<Hook>, StoreError> {
    let head = format!("SELECT {COLUMNS} FROM hooks t WHERE t.is_active = TRUE AND t.id");
    let rows = tx.fetch_in(&head, ids, "ORDER BY t.id").await?;
    rows.iter().map(|row| opened(tx, row)).collect()
}

/// What the making of deliveries asks of an active hook.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    pub hook_id: i64,
    /// Changes behind this position are told.
    pub from_position: i64,
    /// A list of types.
    pub event_types: Json,
}

/// Every active hook's, by id.
pub async fn subscriptions(tx: &mut Tx) -> Result<Vec<Subscription>, StoreError> {
    let sql = "SELECT id, from_position, event_types FROM hooks WHERE is_active = TRUE ORDER BY id";
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok(Subscription { hook_id: c.i64()?, from_position: c.i64()?, event_types: c.json()? })
    };
    tx.fetch(sql, args![]).await?.iter().map(one).collect()
}

/// Takes or renews the leases of hooks; gives those that this node has now.
pub async fn lease(tx: &mut Tx, ids: &[i64], owner: &str, now_us: i64) -> Result<Vec<i64>, StoreError> {
    let mut rows = Rows::new(4);
    ids.iter().for_each(|&id| rows.push(args![id, owner, now_us, now_us + LEASE_US]));
    let body = "UPDATE hooks SET lease_owner = v.owner, lease_until_us = v.until FROM v WHERE hooks.id = v.id \
                AND (hooks.lease_owner IS NULL OR hooks.lease_owner = v.owner OR hooks.lease_until_us < v.now) \
                RETURNING hooks.id";
    tx.with_values("id, owner, now, until", rows, body).await?.iter().map(|r| r.i64(0)).collect()
}

/// Which of these hooks the node still has, held until the transaction ends: what it says of others comes too late.
pub async fn still_leased(
    tx: &mut Tx,
    ids: impl IntoIterator<Item = i64>,
    owner: &str,
) -> Result<Vec<i64>, StoreError> {
    let tail = format!("ORDER BY id{}", tx.dialect().for_update());
    let mut mine = Vec::new();
    for row in tx.fetch_in("SELECT id, lease_owner FROM hooks WHERE id", ids, &tail).await? {
        let mut c = row.cols();
        let (id, by) = (c.i64()?, c.opt_text()?);
        if by.as_deref() == Some(owner) {
            mine.push(id);
        }
    }
    Ok(mine)
}

/// Lets the leases of a node go.
pub async fn drop_leases(tx: &mut Tx, owner: &str) -> Result<(), StoreError> {
    let sql = "UPDATE hooks SET lease_owner = NULL, lease_until_us = NULL WHERE lease_owner = $1";
    tx.execute(sql, args![owner]).await?;
    Ok(())
}

/// On SQLite, where one process works, every old lease is void at its start.
pub async fn take_back_at_start(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Sqlite {
        tx.execute("UPDATE hooks SET lease_owner = NULL, lease_until_us = NULL", args![]).await?;
    }
    Ok(())
}

/// Writes how hooks fare.
pub async fn note(tx: &mut Tx, health: &[(i64, Health)]) -> Result<(), StoreError> {
    let mut rows = Rows::new(6);
    for (id, h) in health {
        let error: Option<String> = h.last_error.as_ref().map(|e| e.chars().take(MAX_ERROR).collect());
        rows.push(args![*id, h.failures, h.paused_until_us, error, h.last_error_us, h.last_ok_us]);
    }
    let body = "UPDATE hooks SET failures = v.failures, paused_until_us = v.paused, last_error = v.error, \
                last_error_us = v.error_us, last_ok_us = v.ok_us FROM v WHERE hooks.id = v.id";
    tx.execute_values("id, failures, paused, error, error_us, ok_us", rows, body).await?;
    Ok(())
}

/// Ends a hook's pause: somebody says that its receiver is back.
pub async fn end_pause(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE hooks SET failures = 0, paused_until_us = NULL WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Makes a hook passive because its receiver said that it is gone for good.
pub async fn switch_off(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE hooks SET is_active = FALSE, modified_us = $2 WHERE id = $1", args![id, now_us])
        .await?;
    Ok(())
}
