//! Outside stock engines: defined by people, asked before stock is promised.

mod refresh;

use std::collections::HashMap;
use std::sync::Arc;

use oms_connect::engines::{EngineClient, EngineError};
use oms_core::engines::answers::{Ignored, Wanted};
use oms_core::engines::{self as core, ENGINE_TYPES, EngineConfig, EngineKind, MAX_ENGINES, MAX_NAME};
use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::places::locations::{self, Location};
use oms_store::planning::wakes;
use oms_store::stock::engines::{self as store, Engine, NewEngine};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{App, Result};

pub use refresh::{EngineState, none, refresh};

/// SKUs a trial question may name.
pub const MAX_TEST_SKUS: usize = 10;

/// What this node remembers of engines.
#[derive(Default)]
pub(crate) struct Engines {
    /// When it last saw that no engine is to be called.
    none_us: Mutex<Option<i64>>,
    /// Clients with their tokens, and what each was made from.
    clients: Mutex<HashMap<i64, (String, Arc<EngineClient>)>>,
}

/// Makes this node look again whether there are engines to be called. Call it after a change of an
/// engine or of a location was committed; other nodes see it within [`refresh::NONE_FOR_US`].
pub async fn changed(app: &App) {
    *app.engines.none_us.lock().await = None;
}

/// What callers say of an engine.
#[derive(Debug, Clone)]
pub struct EngineInput {
    pub name: String,
    /// A word of [`ENGINE_TYPES`].
    pub stock_engine_type: String,
    pub config: Value,
    pub is_active: bool,
}

/// Ids a change of an engine needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    engine: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        engine: app.store.take_id(IdKind::StockEngine).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// One engine, its secrets masked.
pub async fn get(app: &App, id: i64) -> Result<Engine> {
    let mut tx = app.store.read().await?;
    Ok(masked(find(&mut tx, id).await?))
}

async fn find(tx: &mut Tx, id: i64) -> Result<Engine> {
    let found = store::all(tx).await?.into_iter().find(|e| e.id == id);
    Ok(found.ok_or_else(|| Refusal::not_found("stock engine", id))?)
}

/// An engine as it may be shown.
pub fn masked(mut engine: Engine) -> Engine {
    engine.config = core::masked(&engine.config);
    engine
}

fn kind_of(word: &str) -> Result<EngineKind, Refusal> {
    EngineKind::parse(word).ok_or_else(|| {
        let known: Vec<_> = ENGINE_TYPES.iter().map(|t| t.name).collect();
        let message = format!("{word:?} is not a stock engine type. Known: {}.", known.join(", "));
        Refusal::invalid("stock_engine_type", "invalid_choice", message)
    })
}

/// Checks what callers say; masked secrets keep those of `stored`.
fn accept(input: &EngineInput, stored: Option<&Engine>) -> Result<NewEngine, Refusal> {
    let kind = kind_of(&input.stock_engine_type)?;
    let name = input.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        let message = format!("A name of 1 to {MAX_NAME} characters is required.");
        return Err(Refusal::invalid("name", "invalid", message));
    }
    let config = core::unmasked(&input.config, stored.map(|s| &s.config))?;
    let checked = EngineConfig::from_json(kind, &config)?;
    Ok(NewEngine {
        name: name.to_owned(),
        kind,
        config,
        is_active: input.is_active,
        allow_partial: checked.allow_partial,
    })
}

/// Creates an engine. Its name must be free.
pub async fn create(tx: &mut Tx, ids: ChangeIds, actor: &Actor, input: &EngineInput) -> Result<Engine> {
    let new = accept(input, None)?;
    if store::all(tx).await?.len() >= MAX_ENGINES {
        let message = format!("There are {MAX_ENGINES} engines, the most there may be; change one instead.");
        return Err(Refusal::conflict("too_many_engines", message).into());
    }
    if !store::insert(tx, ids.engine, &new, actor.at_us).await? {
        return Err(name_taken(&new.name).into());
    }
    wrote(tx, ids.engine, ids, actor, "stock_engine.created").await
}

/// Gives an engine another content. Its health starts anew and its readings are asked for again.
pub async fn update(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    input: &EngineInput,
) -> Result<Engine> {
    let stored = store::lock(tx, id).await?.ok_or_else(|| Refusal::not_found("stock engine", id))?;
    let new = accept(input, Some(&stored))?;
    if store::all(tx).await?.iter().any(|other| other.name == new.name && other.id != id) {
        return Err(name_taken(&new.name).into());
    }
    store::update(tx, id, &new, actor.at_us).await?;
    wrote(tx, id, ids, actor, "stock_engine.updated").await
}

fn name_taken(name: &str) -> Refusal {
    let message = format!("A stock engine named {name:?} exists already; choose another name.");
    Refusal::invalid("name", "unique", message)
}

async fn wrote(tx: &mut Tx, id: i64, ids: ChangeIds, actor: &Actor, action: &str) -> Result<Engine> {
    logs::record_command(tx, actor, action).await?;
    wakes::wake(tx, actor.at_us).await?;
    let engine = masked(find(tx, id).await?);
    let detail = json!({"name": engine.name, "stock_engine_type": engine.kind.as_str(), "config": engine.config,
                        "is_active": engine.is_active});
    logs::audit(tx, ids.audit, "stock_engine", id, action, &detail, actor).await?;
    Ok(engine)
}

/// What the documented setup step says of an integration.
#[derive(Debug, Clone)]
pub struct Integration {
    pub url: String,
    pub stock_engine_type: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// Defines the integration of an address: creates it, or gives the one of that address these credentials.
pub async fn define(tx: &mut Tx, ids: ChangeIds, actor: &Actor, said: &Integration) -> Result<Engine> {
    let kind = kind_of(&said.stock_engine_type)?;
    let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
    let mut auth = json!({"type": "anonymous"});
    if let Some(username) = given(&said.username) {
        auth = json!({"type": "basic_auth", "username": username, "password": given(&said.password)});
    }
    let same = |e: &Engine| e.kind == kind && (!kind.is_outside() || e.config["service"]["url"] == said.url);
    let known = store::all(tx).await?.into_iter().find(same);
    let mut input = EngineInput {
        name: said.url.chars().take(MAX_NAME).collect(),
        stock_engine_type: said.stock_engine_type.clone(),
        config: json!({}),
        is_active: true,
    };
    match known {
        Some(known) => {
            (input.name, input.config) = (known.name, known.config);
            if kind.is_outside() {
                // How a token is fetched stays as it was defined.
                let mut merged = input.config["auth"].clone();
                if merged["type"] == "token" && auth["type"] != "anonymous" {
                    merged["username"] = auth["username"].take();
                    merged["password"] = auth["password"].take();
                    auth = merged;
                }
                input.config["auth"] = auth;
            }
            update(tx, ids, actor, known.id, &input).await
        }
        None => {
            if kind.is_outside() {
                input.config = json!({"auth": auth, "service": {"url": said.url, "type": "multiple"}});
            } else {
                input.name = kind.as_str().into();
            }
            create(tx, ids, actor, &input).await
        }
    }
}

/// Checks the engine a location is to have, and makes the readings of engines old whose places change.
pub(crate) async fn attach(
    tx: &mut Tx,
    before: Option<&Location>,
    engine: Option<i64>,
    is_active: bool,
) -> Result<()> {
    let was = before.and_then(|b| b.properties.engine);
    if was == engine && before.is_none_or(|b| b.properties.is_active == is_active) {
        return Ok(());
    }
    for id in [was, engine].into_iter().flatten() {
        if store::lock(tx, id).await?.is_some() {
            store::forget_readings(tx, id).await?;
        } else if Some(id) == engine {
            let message = format!(
                "There is no stock engine {id}. Create it at /api/v1/oms/stock-engines/ first, or send null for \
                 the built-in one."
            );
            return Err(Refusal::invalid("engine", "not_found", message).into());
        }
    }
    Ok(())
}

/// The client of an engine, kept while its configuration stays the same: its token is dear.
async fn client(app: &App, engine: &Engine) -> Result<Arc<EngineClient>, EngineError> {
    let source = format!("{} {}", engine.kind.as_str(), engine.config);
    let mut clients = app.engines.clients.lock().await;
    if let Some((made_from, client)) = clients.get(&engine.id)
        && *made_from == source
    {
        return Ok(client.clone());
    }
    let config = EngineConfig::from_json(engine.kind, &engine.config)
        .map_err(|refusal| EngineError::Refused { what: refusal.to_string() })?;
    let client = Arc::new(EngineClient::new(app.http.clone(), engine.kind, config)?);
    clients.insert(engine.id, (source, client.clone()));
    Ok(client)
}

/// What a trial question came to.
#[derive(Debug)]
pub struct Trial {
    /// (SKU, `erp_code`, units), only where there are any.
    pub readings: Vec<(String, String, i64)>,
    pub ignored: Ignored,
    pub requests: u64,
    pub took_ms: u64,
    /// Code and text.
    pub error: Option<(&'static str, String)>,
}

/// Asks an engine now and changes nothing, neither stock nor its health. Of an engine that feeds no
/// location yet, all active locations are asked for.
pub async fn test(app: &App, id: i64, skus: &[String]) -> Result<Trial> {
    let fits = |sku: &String| !sku.trim().is_empty() && sku.chars().count() <= MAX_NAME;
    if !(1..=MAX_TEST_SKUS).contains(&skus.len()) || !skus.iter().all(fits) {
        let message = format!("1 to {MAX_TEST_SKUS} SKUs of 1 to {MAX_NAME} characters are expected.");
        return Err(Refusal::invalid("skus", "invalid", message).into());
    }
    let mut tx = app.store.read().await?;
    let engine = find(&mut tx, id).await?;
    if !engine.kind.is_outside() {
        let message = "The built-in engine calls nobody; read its balances at /api/v1/oms/stocks/.";
        return Err(Refusal::conflict("engine_built_in", message).into());
    }
    let mut fed: Vec<String> = store::fed_by(&mut tx, id).await?.into_keys().collect();
    if fed.is_empty() {
        let all = locations::all(&mut tx).await?;
        fed = all.into_iter().filter(|l| l.properties.is_active).map(|l| l.properties.erp_code).collect();
    }
    drop(tx);
    let wanted = Wanted { skus: skus.iter().cloned().collect(), locations: fed.into_iter().collect() };
    let begun = tokio::time::Instant::now();
    let client = match client(app, &engine).await {
        Ok(client) => client,
        Err(error) => return Ok(untried(&error)),
    };
    let asked = client.ask(&wanted).await;
    let units = asked.readings.units.into_iter();
    Ok(Trial {
        readings: units.map(|((sku, erp_code), n)| (sku, erp_code, n)).collect(),
        ignored: asked.readings.ignored,
        requests: asked.requests,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        error: asked.failure.map(|e| (e.code(), e.to_string())),
    })
}

fn untried(error: &EngineError) -> Trial {
    Trial {
        readings: Vec::new(),
        ignored: Ignored::default(),
        requests: 0,
        took_ms: 0,
        error: Some((error.code(), error.to_string())),
    }
}

/// Creates an engine in a transaction of its own: for the command line and the demo.
pub async fn put(app: &App, actor_name: &str, input: &EngineInput) -> Result<Engine> {
    let (ids, actor) = (ids(app).await?, app.actor(actor_name).await?);
    let mut tx = app.store.begin().await?;
    let known = store::all(&mut tx).await?.into_iter().find(|e| e.name == input.name.trim());
    let engine = match known {
        Some(known) => update(&mut tx, ids, &actor, known.id, input).await?,
        None => create(&mut tx, ids, &actor, input).await?,
    };
    tx.commit().await?;
    changed(app).await;
    Ok(engine)
}
