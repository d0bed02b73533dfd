//! Who may come in: users, passwords, API tokens and the link for the first administrator.

pub mod logs;
pub mod sessions;

use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use oms_core::permissions::Role;
use oms_core::refusal::Refusal;
use oms_store::access::logs as trail;
use oms_store::access::{self as store, User};
use oms_store::ids::IdKind;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{App, Result, random_hex};

/// How long the first administrator's link works.
pub const LINK_MINUTES: i64 = 30;
/// How long the token of a sign-in works: a working day.
const LOGIN_LASTS_US: i64 = 12 * 3_600 * 1_000_000;
const FIRST_ADMIN: &str = "first_admin";
/// Memory (KiB), passes and lanes of argon2id: the least that OWASP advises.
const ARGON2: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Passwords hashed at once: each takes a core for a while and the rest of the node must go on.
const HASHES_AT_ONCE: usize = 2;
/// What passwords may be.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;

/// Somebody who came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub user_id: i64,
    pub username: String,
    pub role: Role,
}

impl Principal {
    /// The name in logs.
    pub fn actor(&self) -> String {
        format!("user:{}", self.user_id)
    }
}

pub(crate) fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = ARGON2;
    let params = Params::new(memory, passes, lanes, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn gate() -> &'static Semaphore {
    static GATE: OnceLock<Semaphore> = OnceLock::new();
    GATE.get_or_init(|| Semaphore::new(HASHES_AT_ONCE))
}

async fn on_its_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _permit = gate().acquire().await.expect("the gate is never closed");
    tokio::task::spawn_blocking(work).await.expect("hashing does not panic")
}

async fn hash_password(password: String) -> String {
    on_its_own_thread(move || {
        let hash = argon2().hash_password(password.as_bytes()).expect("any password can be hashed");
        hash.to_string()
    })
    .await
}

async fn verify(password: String, hash: String) -> bool {
    on_its_own_thread(move || {
        let parsed = PasswordHash::new(&hash);
        parsed.is_ok_and(|h| argon2().verify_password(password.as_bytes(), &h).is_ok())
    })
    .await
}

/// Creates a user with a password.
pub async fn create_user(app: &App, actor: &str, username: &str, password: &str, role: Role) -> Result<i64> {
    check_username(username)?;
    check_password(password)?;
    let hash = hash_password(password.to_owned()).await;
    let user = User {
        id: app.store.take_id(IdKind::User).await?,
        username: username.to_owned(),
        password_hash: hash,
        role: role.as_str().to_owned(),
        is_active: true,
    };
    let (actor, audit) = (app.actor(actor).await?, app.store.take_id(IdKind::Row).await?);
    let mut tx = app.store.begin().await?;
    if !store::insert_user(&mut tx, &user, actor.at_us).await? {
        let message = format!("There is a user {username:?} already; choose another name.");
        return Err(Refusal::invalid("username", "unique", message).into());
    }
    trail::record_command(&mut tx, &actor, "user.created").await?;
    let detail = json!({"username": username, "role": role.as_str()});
    trail::audit(&mut tx, audit, "user", user.id, "user.created", &detail, &actor).await?;
    tx.commit().await?;
    Ok(user.id)
}

fn check_username(username: &str) -> Result<(), Refusal> {
    let fits = (1..=150).contains(&username.chars().count())
        && !username.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits {
        return Ok(());
    }
    Err(Refusal::invalid("username", "invalid", "A name of 1 to 150 characters without spaces is expected."))
}

fn check_password(password: &str) -> Result<(), Refusal> {
    if PASSWORD_CHARS.contains(&password.chars().count()) {
        return Ok(());
    }
    let message = "A password of 8 to 256 characters is expected; 15 or more are advised.";
    Err(Refusal::invalid("password", "invalid", message))
}

/// Everybody who may sign in or could.
pub async fn users(app: &App) -> Result<Vec<User>> {
    let mut tx = app.store.read().await?;
    Ok(store::users(&mut tx).await?)
}

/// The live tokens of everybody.
pub async fn live_tokens(app: &App) -> Result<Vec<store::Token>> {
    let mut tx = app.store.read().await?;
    Ok(store::live_tokens(&mut tx, app.now_us()).await?)
}

/// Keeps a user out, or lets them in again. Their sessions end at once; nobody shuts themselves out.
pub async fn set_active(app: &App, who: &Principal, id: i64, is_active: bool) -> Result<()> {
    if who.user_id == id && !is_active {
        let message = "You cannot shut yourself out; another administrator can.";
        return Err(Refusal::conflict("own_account", message).into());
    }
    let action = if is_active { "user.activated" } else { "user.deactivated" };
    on_user(app, who, id, action, async |tx| {
        store::set_active(tx, id, is_active).await?;
        oms_store::access::sessions::end_all(tx, id).await.map(drop)
    })
    .await
}

/// Gives a user another password and ends their sessions.
pub async fn reset_password(app: &App, who: &Principal, id: i64, password: &str) -> Result<()> {
    check_password(password)?;
    let hash = hash_password(password.to_owned()).await;
    on_user(app, who, id, "user.password", async |tx| {
        store::set_password(tx, id, &hash).await?;
        oms_store::access::sessions::end_all(tx, id).await.map(drop)
    })
    .await
}

async fn on_user(
    app: &App,
    who: &Principal,
    id: i64,
    action: &str,
    change: impl AsyncFnOnce(&mut oms_store::Tx) -> Result<(), oms_store::StoreError>,
) -> Result<()> {
    let (actor, audit) = (app.actor(&who.actor()).await?, app.store.take_id(IdKind::Row).await?);
    let mut tx = app.store.begin().await?;
    let user = store::user_by_id(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("user", id))?;
    change(&mut tx).await?;
    trail::record_command(&mut tx, &actor, action).await?;
    trail::audit(&mut tx, audit, "user", user.id, action, &json!({"username": user.username}), &actor)
        .await?;
    Ok(tx.commit().await?)
}

/// Takes a token back: who holds it is let in no more.
pub async fn revoke_token(app: &App, who: &Principal, id: i64) -> Result<()> {
    let (actor, audit) = (app.actor(&who.actor()).await?, app.store.take_id(IdKind::Row).await?);
    let mut tx = app.store.begin().await?;
    if !store::revoke_token(&mut tx, id, actor.at_us).await? {
        return Err(Refusal::not_found("token", id).into());
    }
    trail::record_command(&mut tx, &actor, "token.revoked").await?;
    trail::audit(&mut tx, audit, "token", id, "token.revoked", &json!({}), &actor).await?;
    Ok(tx.commit().await?)
}

/// Makes an API token of a user and returns it: it is shown this once.
pub async fn create_token(app: &App, username: &str, name: &str) -> Result<String> {
    let token = new_token();
    preset_token(app, username, name, &token).await?;
    Ok(token)
}

fn new_token() -> String {
    format!("oms_{}", random_hex::<32>())
}

/// Gives a user a token that the caller chose: for scripts of the demo.
pub async fn preset_token(app: &App, username: &str, name: &str, token: &str) -> Result<()> {
    save_token(app, username, name, token, None).await
}

async fn save_token(app: &App, username: &str, name: &str, token: &str, lasts_us: Option<i64>) -> Result<()> {
    let id = app.store.take_id(IdKind::Row).await?;
    let (actor, audit) = (app.actor("system:cli").await?, app.store.take_id(IdKind::Row).await?);
    let mut tx = app.store.begin().await?;
    let user =
        store::user_by_name(&mut tx, username).await?.ok_or_else(|| Refusal::not_found("user", username))?;
    let expires_us = lasts_us.map(|lasts| actor.at_us + lasts);
    store::insert_token(&mut tx, id, user.id, name, hash_token(token), actor.at_us, expires_us).await?;
    trail::record_command(&mut tx, &actor, "token.created").await?;
    trail::audit(&mut tx, audit, "user", user.id, "token.created", &json!({"name": name}), &actor).await?;
    Ok(tx.commit().await?)
}

/// The active user whom name and password fit. Takes as long for a name nobody has.
pub(crate) async fn fitting_user(app: &App, username: &str, password: &str) -> Result<Option<User>> {
    static NOBODY: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let mut tx = app.store.read().await?;
    let user = store::user_by_name(&mut tx, username).await?.filter(|u| u.is_active);
    drop(tx);
    let nobody = NOBODY.get_or_init(|| hash_password(random_hex::<16>())).await.clone();
    let hash = user.as_ref().map_or(nobody, |u| u.password_hash.clone());
    let fits = verify(password.to_owned(), hash.clone()).await;
    let Some(user) = user.filter(|_| fits) else { return Ok(None) };
    if is_weaker(&hash) {
        let hash = hash_password(password.to_owned()).await;
        let mut tx = app.store.begin().await?;
        store::set_password(&mut tx, user.id, &hash).await?;
        tx.commit().await?;
    }
    Ok(Some(user))
}

/// Whether a hash was made with other parameters than today's: it is made again at the next sign-in.
fn is_weaker(hash: &str) -> bool {
    let (memory, passes, lanes) = ARGON2;
    !hash.starts_with("$argon2id$") || !hash.contains(&format!("$m={memory},t={passes},p={lanes}$"))
}

/// Signs in with name and password; returns a new token. `None` if they do not fit, whichever is wrong.
pub async fn login(app: &App, username: &str, password: &str) -> Result<Option<String>> {
    let Some(user) = fitting_user(app, username, password).await? else { return Ok(None) };
    let token = new_token();
    save_token(app, &user.username, "login", &token, Some(LOGIN_LASTS_US)).await?;
    Ok(Some(token))
}

/// Who a token belongs to.
pub async fn principal(app: &App, token: &str) -> Result<Option<Principal>> {
    let mut tx = app.store.read().await?;
    let user = store::user_by_token(&mut tx, hash_token(token), app.now_us()).await?;
    Ok(user
        .and_then(|u| Some(Principal { user_id: u.id, role: Role::parse(&u.role)?, username: u.username })))
}

/// Makes the first administrator's link if there is no user yet; returns its secret.
pub async fn first_admin_link(app: &App) -> Result<Option<String>> {
    let mut tx = app.store.begin().await?;
    if store::count_users(&mut tx).await? > 0 {
        return Ok(None);
    }
    let secret = random_hex::<32>();
    let expires = app.now_us() + LINK_MINUTES * 60 * 1_000_000;
    store::insert_link(&mut tx, hash_token(&secret), FIRST_ADMIN, expires).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

/// Whether the link still works.
pub async fn first_admin_link_is_live(app: &App, secret: &str) -> Result<bool> {
    let mut tx = app.store.read().await?;
    Ok(store::link_is_live(&mut tx, hash_token(secret), FIRST_ADMIN, app.now_us()).await?)
}

/// Creates the first administrator; the link is dead afterwards.
pub async fn use_first_admin_link(app: &App, secret: &str, username: &str, password: &str) -> Result<()> {
    check_username(username)?;
    check_password(password)?;
    let hash = hash_password(password.to_owned()).await;
    let user = User {
        id: app.store.take_id(IdKind::User).await?,
        username: username.to_owned(),
        password_hash: hash,
        role: Role::Administrator.as_str().to_owned(),
        is_active: true,
    };
    let (actor, audit) = (app.actor("system:first-admin").await?, app.store.take_id(IdKind::Row).await?);
    let mut tx = app.store.begin().await?;
    let dead = || {
        let message = "The link was used or is older than 30 minutes. Restart the server for a new one, or run \
                       `oms user create`.";
        Refusal::not_found("live link", "").with_message(message)
    };
    if !store::use_link(&mut tx, hash_token(secret), FIRST_ADMIN, actor.at_us).await? {
        return Err(dead().into());
    }
    if store::count_users(&mut tx).await? > 0 || !store::insert_user(&mut tx, &user, actor.at_us).await? {
        return Err(dead().into());
    }
    trail::record_command(&mut tx, &actor, "user.created").await?;
    let detail = json!({"username": username, "role": user.role});
    trail::audit(&mut tx, audit, "user", user.id, "user.created", &detail, &actor).await?;
    Ok(tx.commit().await?)
}
