//! Sessions of people in the back office: opened with a password, ended by leaving, by time or by an administrator.

use oms_core::permissions::Role;
use oms_core::refusal::Refusal;
pub use oms_store::access::sessions::Preferences;
use oms_store::access::{logs, sessions as store};
use oms_store::ids::IdKind;
use serde_json::json;

use crate::access::{self, Principal, hash_token};
use crate::{App, Result, random_hex};

/// A session nobody used for this long is over.
pub const IDLE_US: i64 = 30 * 60 * 1_000_000;
/// A session is over after this, used or not.
pub const WHOLE_US: i64 = 12 * 3_600 * 1_000_000;
/// How exactly the last use is noted: each page writing would be a write a page.
const NOTED_EVERY_US: i64 = 60 * 1_000_000;

/// Somebody in a session.
#[derive(Debug, Clone)]
pub struct Seated {
    pub principal: Principal,
    pub preferences: Preferences,
}

/// Opens a session with name and password and returns its secret, always a new one. `None` if they do not fit.
pub async fn open(app: &App, username: &str, password: &str) -> Result<Option<String>> {
    let Some(user) = access::fitting_user(app, username, password).await? else { return Ok(None) };
    let secret = random_hex::<32>();
    let (actor, audit) =
        (app.actor(&format!("user:{}", user.id)).await?, app.store.take_id(IdKind::Row).await?);
    let now = actor.at_us;
    let mut tx = app.store.begin().await?;
    store::sweep(&mut tx, now, now - IDLE_US).await?;
    store::insert(&mut tx, hash_token(&secret), user.id, now, now + WHOLE_US).await?;
    logs::record_command(&mut tx, &actor, "session.opened").await?;
    logs::audit(&mut tx, audit, "user", user.id, "session.opened", &json!({}), &actor).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// Who sits in a session, if it lives; notes that it was used.
pub async fn seated(app: &App, secret: &str) -> Result<Option<Seated>> {
    let (hash, now) = (hash_token(secret), app.now_us());
    let mut tx = app.store.read().await?;
    let found = store::live(&mut tx, hash, now, now - IDLE_US).await?;
    drop(tx);
    let Some(session) = found else { return Ok(None) };
    let Some(role) = Role::parse(&session.role) else { return Ok(None) };
    if now - session.seen_us > NOTED_EVERY_US {
        let mut tx = app.store.begin().await?;
        store::seen(&mut tx, hash, now).await?;
        tx.commit().await?;
    }
    let principal = Principal { user_id: session.user_id, username: session.username, role };
    Ok(Some(Seated { principal, preferences: session.preferences }))
}

/// Ends a session.
pub async fn end(app: &App, secret: &str) -> Result<()> {
    let mut tx = app.store.begin().await?;
    store::end(&mut tx, hash_token(secret)).await?;
    Ok(tx.commit().await?)
}

/// Keeps what a person prefers. A time zone nobody knows is refused.
pub async fn prefer(app: &App, user_id: i64, preferences: &Preferences) -> Result<()> {
    if let Some(zone) = &preferences.time_zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        let message = format!("{zone:?} is no time zone; give a name like Europe/Istanbul.");
        return Err(Refusal::invalid("time_zone", "invalid", message).into());
    }
    let mut tx = app.store.begin().await?;
    store::prefer(&mut tx, user_id, preferences).await?;
    Ok(tx.commit().await?)
}
