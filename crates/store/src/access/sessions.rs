//! Sessions of people in the back office, and what each person prefers.

use crate::{StoreError, Tx, args};

/// A live session with its person.
#[derive(Debug, Clone)]
pub struct Session {
    pub user_id: i64,
    pub username: String,
    pub role: String,
    pub seen_us: i64,
    pub preferences: Preferences,
}

/// What a person chose; where they chose nothing the browser's wish or the shop's own holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `en` or `tr`.
    pub language: Option<String>,
    /// `light` or `dark`.
    pub theme: Option<String>,
    /// An IANA name.
    pub time_zone: Option<String>,
}

/// Writes a session.
pub async fn insert(
    tx: &mut Tx,
    hash: [u8; 32],
    user_id: i64,
    now_us: i64,
    expires_us: i64,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO sessions (hash, user_id, created_us, seen_us, expires_us) VALUES ($1, $2, $3, $3, $4)";
    tx.execute(sql, args![hash, user_id, now_us, expires_us]).await?;
    Ok(())
}

/// The session, if it is neither too old nor was left alone since `seen_since_us`, and its person may come in.
pub async fn live(
    tx: &mut Tx,
    hash: [u8; 32],
    now_us: i64,
    seen_since_us: i64,
) -> Result<Option<Session>, StoreError> {
    let sql = "SELECT s.user_id, u.username, u.role, s.seen_us, u.language, u.theme, u.time_zone \
               FROM sessions s JOIN users u ON u.id = s.user_id \
               WHERE s.hash = $1 AND s.expires_us > $2 AND s.seen_us > $3 AND u.is_active = TRUE";
    let row = tx.first(sql, args![hash, now_us, seen_since_us]).await?;
    let Some(row) = row else { return Ok(None) };
    let mut c = row.cols();
    Ok(Some(Session {
        user_id: c.i64()?,
        username: c.text()?,
        role: c.text()?,
        seen_us: c.i64()?,
        preferences: Preferences { language: c.opt_text()?, theme: c.opt_text()?, time_zone: c.opt_text()? },
    }))
}

/// Notes that the session was used.
pub async fn seen(tx: &mut Tx, hash: [u8; 32], now_us: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE sessions SET seen_us = $2 WHERE hash = $1 AND seen_us < $2", args![hash, now_us])
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn end(tx: &mut Tx, hash: [u8; 32]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE hash = $1", args![hash]).await?;
    Ok(())
}

/// Ends every session of a person; returns how many there were.
pub async fn end_all(tx: &mut Tx, user_id: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM sessions WHERE user_id = $1", args![user_id]).await
}

/// Throws away what is over.
pub async fn sweep(tx: &mut Tx, now_us: i64, seen_since_us: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM sessions WHERE expires_us <= $1 OR seen_us <= $2";
    tx.execute(sql, args![now_us, seen_since_us]).await
}

/// Keeps what a person prefers.
pub async fn prefer(tx: &mut Tx, user_id: i64, p: &Preferences) -> Result<(), StoreError> {
    let sql = "UPDATE users SET language = $2, theme = $3, time_zone = $4 WHERE id = $1";
    tx.execute(sql, args![user_id, p.language.clone(), p.theme.clone(), p.time_zone.clone()]).await?;
    Ok(())
}
