//! Users, tokens, one-time links and idempotency keys.

pub mod logs;
pub mod sessions;

use std::collections::{BTreeMap, HashMap};

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    pub id: i64,
    pub username: String,
    pub password_hash: String,
    pub role: String,
    pub is_active: bool,
}

fn read_user(row: &crate::Row) -> Result<User, StoreError> {
    let mut c = row.cols();
    Ok(User {
        id: c.i64()?,
        username: c.text()?,
        password_hash: c.text()?,
        role: c.text()?,
        is_active: c.bool()?,
    })
}

const USER: &str = "u.id, u.username, u.password_hash, u.role, u.is_active";

/// How many users there are.
pub async fn count_users(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.scalar("SELECT COUNT(*) FROM users", vec![]).await
}

/// A user by name.
pub async fn user_by_name(tx: &mut Tx, username: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users u WHERE u.username = $1");
    tx.first(sql, args![username]).await?.as_ref().map(read_user).transpose()
}

/// Everybody, by name. Few: these are a brand's operators and programs.
pub async fn users(tx: &mut Tx) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users u ORDER BY u.username LIMIT 1000");
    tx.fetch(sql, vec![]).await?.iter().map(read_user).collect()
}

/// A user by id.
pub async fn user_by_id(tx: &mut Tx, id: i64) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users u WHERE u.id = $1");
    tx.first(sql, args![id]).await?.as_ref().map(read_user).transpose()
}

/// Lets a user in or keeps them out.
pub async fn set_active(tx: &mut Tx, id: i64, is_active: bool) -> Result<(), StoreError> {
    tx.execute("UPDATE users SET is_active = $2 WHERE id = $1", args![id, is_active]).await?;
    Ok(())
}

/// A token, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub user_id: i64,
    pub name: String,
    pub created_us: i64,
    pub expires_us: Option<i64>,
}

/// The live tokens of everybody, the newest first.
pub async fn live_tokens(tx: &mut Tx, now_us: i64) -> Result<Vec<Token>, StoreError> {
    let sql = "SELECT id, user_id, name, created_us, expires_us FROM tokens WHERE revoked_us IS NULL \
               AND (expires_us IS NULL OR expires_us > $1) ORDER BY created_us DESC, id DESC LIMIT 1000";
    let read = |row: &crate::Row| {
        let mut c = row.cols();
        Ok(Token {
            id: c.i64()?,
            user_id: c.i64()?,
            name: c.text()?,
            created_us: c.i64()?,
            expires_us: c.opt_i64()?,
        })
    };
    tx.fetch(sql, args![now_us]).await?.iter().map(read).collect()
}

/// Takes a token back; `false` if there is no live one of this id.
pub async fn revoke_token(tx: &mut Tx, id: i64, now_us: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE tokens SET revoked_us = $2 WHERE id = $1 AND revoked_us IS NULL";
    Ok(tx.execute(sql, args![id, now_us]).await? == 1)
}

/// Writes a user; `false` if the name is taken.
pub async fn insert_user(tx: &mut Tx, user: &User, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO users (id, username, password_hash, role, is_active, created_us) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (username) DO NOTHING";
    let values = args![user.id, &user.username, &user.password_hash, &user.role, user.is_active, now_us];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a user another password hash.
pub async fn set_password(tx: &mut Tx, id: i64, hash: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE users SET password_hash = $2 WHERE id = $1", args![id, hash]).await?;
    Ok(())
}

/// Writes a token of a user; only its SHA-256 is kept.
pub async fn insert_token(
    tx: &mut Tx,
    id: i64,
    user_id: i64,
    name: &str,
    hash: [u8; 32],
    now_us: i64,
    expires_us: Option<i64>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO tokens (id, user_id, name, hash, created_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (hash) DO NOTHING";
    tx.execute(sql, args![id, user_id, name, hash, now_us, expires_us]).await?;
    Ok(())
}

/// The active user of a live token.
pub async fn user_by_token(tx: &mut Tx, hash: [u8; 32], now_us: i64) -> Result<Option<User>, StoreError> {
    let sql = format!(
        "SELECT {USER} FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1 AND t.revoked_us IS NULL \
         AND (t.expires_us IS NULL OR t.expires_us > $2) AND u.is_active = TRUE"
    );
    tx.first(sql, args![hash, now_us]).await?.as_ref().map(read_user).transpose()
}

/// Writes a link that works once.
pub async fn insert_link(
    tx: &mut Tx,
    hash: [u8; 32],
    purpose: &str,
    expires_us: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO one_time_links (hash, purpose, expires_us) VALUES ($1, $2, $3)";
    tx.execute(sql, args![hash, purpose, expires_us]).await?;
    Ok(())
}

/// Whether a link would work now, without using it.
pub async fn link_is_live(
    tx: &mut Tx,
    hash: [u8; 32],
    purpose: &str,
    now_us: i64,
) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM one_time_links WHERE hash = $1 AND purpose = $2 AND used_us IS NULL AND expires_us > $3";
    Ok(tx.scalar(sql, args![hash, purpose, now_us]).await? == 1)
}

/// Uses a link; `false` if it is unknown, used or too old.
pub async fn use_link(tx: &mut Tx, hash: [u8; 32], purpose: &str, now_us: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE one_time_links SET used_us = $3 \
               WHERE hash = $1 AND purpose = $2 AND used_us IS NULL AND expires_us > $3";
    Ok(tx.execute(sql, args![hash, purpose, now_us]).await? == 1)
}

/// Whom a link signs in.
fn signs_in(user_id: i64) -> String {
    format!("{SIGN_IN}{user_id}")
}

const SIGN_IN: &str = "sign_in:";

/// Writes a link that signs a user in.
pub async fn insert_sign_in_link(
    tx: &mut Tx,
    hash: [u8; 32],
    user_id: i64,
    expires_us: i64,
) -> Result<(), StoreError> {
    insert_link(tx, hash, &signs_in(user_id), expires_us).await
}

/// Uses a link that signs in; returns whom, or nothing if it is unknown, used or too old, or they may not come in.
pub async fn use_sign_in_link(tx: &mut Tx, hash: [u8; 32], now_us: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT purpose FROM one_time_links WHERE hash = $1";
    let Some(row) = tx.first(sql, args![hash]).await? else { return Ok(None) };
    let purpose = row.cols().text()?;
    let Some(user) = purpose.strip_prefix(SIGN_IN).and_then(|id| id.parse::<i64>().ok()) else {
        return Ok(None);
    };
    let active = "SELECT COUNT(*) FROM users WHERE id = $1 AND is_active = TRUE";
    let may: i64 = tx.scalar(active, args![user]).await?;
    Ok((may == 1 && use_link(tx, hash, &purpose, now_us).await?).then_some(user))
}

/// An answer kept for its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    pub fingerprint: Vec<u8>,
    pub status: i64,
    pub body: String,
}

/// The answer kept for a key. On PostgreSQL a second sender waits here for the first one's commit.
pub async fn claim_key(
    tx: &mut Tx,
    scope: &str,
    key: &str,
    fingerprint: [u8; 32],
    now_us: i64,
) -> Result<Option<KeptAnswer>, StoreError> {
    let sql = "INSERT INTO idempotency_keys (scope, idem_key, fingerprint, status, body, created_us) \
               VALUES ($1, $2, $3, 0, '', $4) ON CONFLICT (scope, idem_key) DO NOTHING";
    if tx.execute(sql, args![scope, key, fingerprint, now_us]).await? == 1 {
        return Ok(None);
    }
    let sql = "SELECT fingerprint, status, body FROM idempotency_keys WHERE scope = $1 AND idem_key = $2";
    let row = tx.first(sql, args![scope, key]).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt("an idempotency key vanished".into()))?;
    let mut c = row.cols();
    Ok(Some(KeptAnswer { fingerprint: c.bytes()?, status: c.i64()?, body: c.text()? }))
}

/// A key to be claimed, with the command it is for.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'k> {
    pub scope: &'k str,
    pub key: &'k str,
    pub fingerprint: [u8; 32],
    pub command_id: i64,
}

/// Claims keys in one statement, no two the same. Returns what was kept for those that were claimed before;
/// of a command that is still being executed the status is 0.
pub async fn claim_keys(
    tx: &mut Tx,
    keys: &[NewKey<'_>],
    now_us: i64,
) -> Result<HashMap<(String, String), KeptAnswer>, StoreError> {
    // In key order: two nodes that claim some of the same keys wait for each other, and never in a circle.
    let sorted: BTreeMap<(&str, &str), &NewKey<'_>> = keys.iter().map(|k| ((k.scope, k.key), k)).collect();
    let mut rows = Rows::new(7);
    for k in sorted.values() {
        rows.push(args![k.scope, k.key, k.fingerprint, 0i64, "", now_us, k.command_id]);
    }
    let head =
        "INSERT INTO idempotency_keys (scope, idem_key, fingerprint, status, body, created_us, command_id)";
    let tail = "ON CONFLICT (scope, idem_key) DO NOTHING";
    if tx.insert(head, rows, tail).await? == sorted.len() as u64 {
        return Ok(HashMap::new());
    }
    let mut rows = Rows::new(3);
    sorted.values().for_each(|k| rows.push(args![k.scope, k.key, k.command_id]));
    let body = "SELECT k.scope, k.idem_key, k.fingerprint, k.status, k.body FROM v JOIN idempotency_keys k \
                ON k.scope = v.scope AND k.idem_key = v.idem WHERE k.command_id IS NULL OR k.command_id <> v.command";
    let rows = tx.with_values("scope, idem, command", rows, body).await?;
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let key = (c.text()?, c.text()?);
        Ok((key, KeptAnswer { fingerprint: c.bytes()?, status: c.i64()?, body: c.text()? }))
    };
    rows.iter().map(one).collect()
}

/// Keeps the answers of keys that [`claim_keys`] claimed: scope, key, status, body.
pub async fn keep_answers(tx: &mut Tx, answers: &[(&str, &str, i64, &str)]) -> Result<(), StoreError> {
    let mut rows = Rows::new(4);
    answers.iter().for_each(|(scope, key, status, body)| rows.push(args![*scope, *key, *status, *body]));
    let body = "UPDATE idempotency_keys SET status = v.status, body = v.body FROM v \
                WHERE idempotency_keys.scope = v.scope AND idempotency_keys.idem_key = v.idem";
    tx.execute_values("scope, idem, status, body", rows, body).await?;
    Ok(())
}

/// Keeps the answer of a key that [`claim_key`] claimed in this transaction.
pub async fn keep_answer(
    tx: &mut Tx,
    scope: &str,
    key: &str,
    status: i64,
    body: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE idempotency_keys SET status = $3, body = $4 WHERE scope = $1 AND idem_key = $2";
    tx.execute(sql, args![scope, key, status, body]).await?;
    Ok(())
}

/// Drops keys older than their promise.
pub async fn forget_keys(tx: &mut Tx, before_us: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM idempotency_keys WHERE created_us < $1", args![before_us]).await
}
