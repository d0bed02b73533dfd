//! Webhooks: who is told of which changes. Deliveries are made from the feed ([`fan_out`]), sent in the sequence of each
//! record ([`sending`]) and looked after by people ([`deliveries`]).

pub mod deliveries;
pub mod fan_out;
pub mod sending;

use oms_core::hooks::{self as core, EventTypes, HookConfig, Retry, SECRETS};
use oms_core::refusal::Refusal;
use oms_store::access::logs::{self, Actor};
use oms_store::hooks::{self as store, Hook, HookSet};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::{StoreError, Tx, events};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{App, Result};

/// Hooks one screen shows.
const MOST: i64 = 500;

/// What callers say of a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookInput {
    /// A type, or a list of types.
    pub event_type: Value,
    pub target_url: String,
    /// Nothing: deliveries are not signed.
    pub secret_key: Option<String>,
    /// An object; kept for the caller.
    pub callback: Value,
    /// An object of texts.
    pub additional_headers: Value,
    pub config: Value,
    pub retry_countdown_config: Value,
    pub is_active: bool,
}

impl Default for HookInput {
    /// A hook of which nothing is said yet.
    fn default() -> Self {
        Self {
            event_type: Value::Null,
            target_url: String::new(),
            secret_key: None,
            callback: json!({}),
            additional_headers: json!({}),
            config: json!({}),
            retry_countdown_config: json!({}),
            is_active: true,
        }
    }
}

impl HookInput {
    /// What a stored hook was set to, its secrets masked: sent back, they stay.
    pub fn of(hook: &Hook) -> Self {
        let shown = SECRETS.masked(&secrets_of(&hook.set));
        Self {
            event_type: EventTypes::stored(&hook.set.event_types).to_json(),
            target_url: hook.set.target_url.clone(),
            secret_key: shown["secret_key"].as_str().map(str::to_owned),
            callback: hook.set.callback.clone(),
            additional_headers: plain_headers(&shown),
            config: hook.set.config.clone(),
            retry_countdown_config: hook.set.retry.clone(),
            is_active: hook.set.is_active,
        }
    }
}

/// The secrets of a hook in the shape that [`SECRETS`] is written for.
fn secrets_of(set: &HookSet) -> Value {
    let headers = set.additional_headers.as_object().into_iter().flatten();
    let wrapped: Map<String, Value> =
        headers.map(|(name, value)| (name.clone(), json!({"value": value}))).collect();
    json!({"target_url": set.target_url, "secret_key": set.secret_key, "additional_headers": wrapped})
}

/// Headers taken out of that shape.
fn plain_headers(shaped: &Value) -> Value {
    let headers = shaped["additional_headers"].as_object().into_iter().flatten();
    Value::Object(headers.map(|(name, wrapped)| (name.clone(), wrapped["value"].clone())).collect())
}

/// Ids a change of a hook needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    hook: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        hook: app.store.take_id(IdKind::Hook).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// A page of hooks.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Hook>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<_, StoreError>>()?;
    Ok(page.with(rows))
}

/// One hook.
pub async fn get(app: &App, id: i64) -> Result<Hook> {
    let mut tx = app.store.read().await?;
    Ok(store::by_id(&mut tx, id).await?.ok_or_else(|| no_hook(id))?)
}

/// A hook with how many of its deliveries wait and were given up, counted up to
/// [`COUNTED`](oms_store::hooks::deliveries::COUNTED).
#[derive(Debug)]
pub struct Counted {
    pub hook: Hook,
    pub waiting: i64,
    pub given_up: i64,
}

/// Every hook, counted.
pub async fn counted(app: &App) -> Result<Vec<Counted>> {
    let ask = Ask { page: 1, limit: MOST, ..Ask::default() };
    let hooks = list(app, &ask).await?.rows;
    count(app, hooks).await
}

/// One hook, counted.
pub async fn get_counted(app: &App, id: i64) -> Result<Counted> {
    Ok(count(app, vec![get(app, id).await?]).await?.pop().ok_or_else(|| no_hook(id))?)
}

async fn count(app: &App, hooks: Vec<Hook>) -> Result<Vec<Counted>> {
    let mut tx = app.store.read().await?;
    let counts = store::deliveries::counts(&mut tx, hooks.iter().map(|h| h.id)).await?;
    let one = |hook: Hook| {
        let (waiting, given_up) = counts.get(&hook.id).copied().unwrap_or_default();
        Counted { hook, waiting, given_up }
    };
    Ok(hooks.into_iter().map(one).collect())
}

fn no_hook(id: i64) -> Refusal {
    Refusal::not_found("hook", id)
}

/// Checks what is said of a hook, and gives it its stored secrets back where their masks were sent.
fn check(app: &App, said: HookInput, stored: Option<&HookSet>) -> Result<HookSet> {
    let types = EventTypes::from_json(&said.event_type)?;
    check_url(app, &said.target_url)?;
    let object = |value: Value, field: &str| match value {
        Value::Null => Ok(json!({})),
        Value::Object(_) => Ok(value),
        _ => Err(Refusal::invalid(field, "invalid", "An object is expected, or {}.")),
    };
    let mut set = HookSet {
        event_types: json!(types),
        target_url: said.target_url,
        secret_key: said.secret_key.filter(|s| !s.is_empty()),
        callback: object(said.callback, "callback")?,
        additional_headers: object(said.additional_headers, "additional_headers")?,
        config: object(said.config, "config")?,
        retry: object(said.retry_countdown_config, "retry_countdown_config")?,
        is_active: said.is_active,
    };
    HookConfig::from_json(&set.config)?;
    Retry::from_json(&set.retry)?;
    let whole =
        SECRETS.unmasked(&secrets_of(&set), stored.map(secrets_of).as_ref()).map_err(
            |refusal| match refusal.field.as_str() {
                "value" => Refusal { field: "additional_headers".into(), ..refusal },
                _ => refusal,
            },
        )?;
    set.secret_key = whole["secret_key"].as_str().map(str::to_owned);
    set.additional_headers = plain_headers(&whole);
    core::headers(&set.additional_headers)?;
    if let Some(secret) = &set.secret_key {
        core::check_secret(secret)?;
    }
    Ok(set)
}

fn check_url(app: &App, address: &str) -> Result<Url, Refusal> {
    let wrong = |message: String| Refusal::invalid("target_url", "invalid", message);
    if address.len() > core::MAX_URL {
        return Err(wrong(format!("At most {} characters are expected.", core::MAX_URL)));
    }
    let url =
        Url::parse(address).map_err(|e| wrong(format!("An address such as https://… is expected: {e}.")))?;
    app.http.check_url(&url).map_err(|e| Refusal::invalid("target_url", e.code(), e.to_string()))?;
    Ok(url)
}

/// Makes a hook. It is told of changes from now on.
pub async fn create(tx: &mut Tx, app: &App, ids: ChangeIds, actor: &Actor, said: HookInput) -> Result<Hook> {
    let set = check(app, said, None)?;
    store::hold_cursor(tx).await?;
    let from = begin_from(tx).await?;
    store::insert(tx, ids.hook, &set, from, actor.at_us).await?;
    note(tx, ids, actor, ids.hook, "hook.created").await
}

/// The position a hook begins behind: the last one. The cursor is held, so that none of what comes after it is missed.
async fn begin_from(tx: &mut Tx) -> Result<i64> {
    let head = events::head(tx).await?;
    if store::subscriptions(tx).await?.is_empty() {
        // Nobody was told of what lies between: it need not be looked at.
        store::move_cursor(tx, head).await?;
    }
    Ok(head)
}

/// Changes a hook. One that becomes active is told of changes from now on; one whose secret changes signs with both for a
/// day.
pub async fn update(
    tx: &mut Tx,
    app: &App,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    change: impl FnOnce(&mut HookInput),
) -> Result<Hook> {
    // The cursor before the hook, as everywhere.
    let cursor = store::hold_cursor(tx).await?;
    let mut hook = store::hold(tx, id).await?.ok_or_else(|| no_hook(id))?;
    let mut said = HookInput::of(&hook);
    change(&mut said);
    let set = check(app, said, Some(&hook.set))?;
    if set.secret_key != hook.set.secret_key {
        let until = actor.at_us + core::FORMER_SECRET_US;
        hook.former = hook.set.secret_key.take().filter(|_| set.secret_key.is_some()).map(|s| (s, until));
    }
    if set.event_types != hook.set.event_types {
        hook.types_from = cursor;
    }
    if set.is_active && !hook.set.is_active {
        hook.from_position = begin_from(tx).await?;
    }
    hook.set = set;
    store::update(tx, &hook, actor.at_us).await?;
    note(tx, ids, actor, id, "hook.updated").await
}

/// Removes a hook with all of its deliveries.
pub async fn remove(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64) -> Result<()> {
    let hook = store::hold(tx, id).await?.ok_or_else(|| no_hook(id))?;
    store::remove(tx, id, actor.at_us).await?;
    logs::record_command(tx, actor, "hook.removed").await?;
    let detail = json!({"target_url": hook.set.target_url, "event_types": hook.set.event_types});
    Ok(logs::audit(tx, ids.audit, "hook", id, "hook.removed", &detail, actor).await?)
}

async fn note(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64, action: &str) -> Result<Hook> {
    logs::record_command(tx, actor, action).await?;
    let saved = store::by_id(tx, id).await?;
    let saved =
        saved.ok_or_else(|| StoreError::Corrupt(format!("hook {id} was just written and is gone")))?;
    let shown = HookInput::of(&saved);
    let detail = json!({
        "target_url": shown.target_url, "event_type": shown.event_type, "is_active": shown.is_active,
        "is_signed": shown.secret_key.is_some(), "additional_headers": shown.additional_headers,
    });
    logs::audit(tx, ids.audit, "hook", id, action, &detail, actor).await?;
    Ok(saved)
}
