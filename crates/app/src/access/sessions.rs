//! Sessions of people in the back office: opened with a password, ended by leaving, by time or by an administrator.

use oms_core::permissions::Role;
use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
pub use oms_store::access::sessions::Preferences;
use oms_store::access::{self as access_store, sessions as store};
use oms_store::ids::IdKind;
use serde_json::{Value, json};

use crate::access::{self, Principal, hash_token};
use crate::setup::settings;
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
    let (actor, audit) = ids(app).await?;
    let mut tx = app.store.begin().await?;
    let secret = begin(&mut tx, user.id, actor, audit, &json!({})).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// Ids for a session that is about to be opened, taken before its transaction; whose it is shows later.
async fn ids(app: &App) -> Result<(Actor, i64)> {
    Ok((app.actor("").await?, app.store.take_id(IdKind::Row).await?))
}

/// Writes a new session of a user and returns its secret.
async fn begin(tx: &mut Tx, user_id: i64, mut actor: Actor, audit: i64, detail: &Value) -> Result<String> {
    let (secret, now) = (random_hex::<32>(), actor.at_us);
    actor.name = format!("user:{user_id}");
    store::sweep(tx, now, now - IDLE_US).await?;
    store::insert(tx, hash_token(&secret), user_id, now, now + WHOLE_US).await?;
    logs::record_command(tx, &actor, "session.opened").await?;
    logs::audit(tx, audit, "user", user_id, "session.opened", detail, &actor).await?;
    Ok(secret)
}

/// Makes a link that signs an active user in once, within [`access::LINK_MINUTES`]; returns its secret.
pub async fn link(app: &App, username: &str) -> Result<String> {
    let secret = random_hex::<32>();
    let mut tx = app.store.begin().await?;
    let user = access_store::user_by_name(&mut tx, username).await?.filter(|u| u.is_active);
    let user = user.ok_or_else(|| Refusal::not_found("active user", username))?;
    let expires = app.now_us() + access::LINK_MINUTES * 60 * 1_000_000;
    access_store::insert_sign_in_link(&mut tx, hash_token(&secret), user.id, expires).await?;
    tx.commit().await?;
    Ok(secret)
}

/// Opens a session with a link's secret and returns the session's. `None` if the link is unknown, used or too old.
pub async fn open_by_link(app: &App, link: &str) -> Result<Option<String>> {
    let (actor, audit) = ids(app).await?;
    let mut tx = app.store.begin().await?;
    let user = access_store::use_sign_in_link(&mut tx, hash_token(link), actor.at_us).await?;
    let Some(user) = user else { return Ok(None) };
    let secret = begin(&mut tx, user, actor, audit, &json!({"by": "link"})).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// Who sits in a session, if it lives; notes that it was used.
pub async fn seated(app: &App, secret: &str) -> Result<Option<Seated>> {
    let (hash, now) = (hash_token(secret), app.now_us());
    let mut tx = app.store.read().await?;
    let Some(mut session) = store::live(&mut tx, hash, now, now - IDLE_US).await? else { return Ok(None) };
    let brand = settings::regions(&mut tx).await?.brand();
    drop(tx);
    // What a person did not choose is as the brand has it.
    let own = &mut session.preferences;
    own.language = own.language.take().or(brand.language);
    own.time_zone = own.time_zone.take().or(brand.time_zone);
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

/// Ends every session of a person, wherever they are open.
pub async fn end_everywhere(app: &App, user_id: i64) -> Result<()> {
    let (actor, audit) = (app.actor(format!("user:{user_id}")).await?, app.store.take_id(IdKind::Row).await?);
    let mut tx = app.store.begin().await?;
    let detail = json!({"sessions": store::end_all(&mut tx, user_id).await?});
    logs::record_command(&mut tx, &actor, "session.ended_everywhere").await?;
    logs::audit(&mut tx, audit, "user", user_id, "session.ended_everywhere", &detail, &actor).await?;
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
