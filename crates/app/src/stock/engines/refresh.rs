//! Asking the engines for what a plan or a basket is about to look at.
//!
//! An engine that fails never fails the caller: its state says so. Five failures in a row open its
//! breaker for all nodes; when the pause is over one call tries.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use oms_connect::engines::{Asked, EngineErrorClass};
use oms_core::engines::answers::Wanted;
use oms_core::settings::StockEngines;
use oms_store::StoreError;
use oms_store::ids::IdKind;
use oms_store::stock::engines::{self as store, Engine, Reading};
use oms_store::stock::stocks::Place;

use crate::setup::settings;
use crate::{App, Error, Result};

/// How long a node without engines does not look whether there are any.
pub(crate) const NONE_FOR_US: i64 = 2_000_000;
/// Products whose readings are stored in one transaction.
const STORE_PRODUCTS: usize = 500;
/// Balances that change in one transaction: whoever waits for SQLite's one writer must not wait long.
const STORE_ROWS: usize = 5_000;
/// Tries of a transaction that met another.
const TRIES: usize = 4;
/// How long a trial call keeps others from trying: longer than any question takes.
const TRIAL_US: i64 = 30_000_000;
/// When an engine that failed, with its breaker still closed, is worth another look.
const RETRY_US: i64 = 5_000_000;
/// The same for a failure that a person has to mend.
const MEND_US: i64 = 30_000_000;

/// Whether an engine's locations can be planned with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineState {
    pub id: i64,
    pub name: String,
    /// Every product asked about has a fresh reading.
    pub usable: bool,
    /// Of the products asked about, those it gave no number of, by id.
    pub unsaid: BTreeSet<i64>,
    /// While it is not usable, planning goes on without its locations, and without what it did not say.
    pub allow_partial: bool,
    /// Why it is not usable, or did not say something, with what to do.
    pub reason: Option<String>,
    /// When to look again, if there is a reason.
    pub next_try_us: Option<i64>,
}

impl EngineState {
    fn usable(engine: &Engine) -> Self {
        Self {
            id: engine.id,
            name: engine.name.clone(),
            usable: true,
            unsaid: BTreeSet::new(),
            allow_partial: engine.allow_partial,
            reason: None,
            next_try_us: None,
        }
    }

    fn down(engine: &Engine, reason: String, next_try_us: i64) -> Self {
        Self { usable: false, reason: Some(reason), next_try_us: Some(next_try_us), ..Self::usable(engine) }
    }

    /// A person switched it off: it is not asked, holds nobody up, and its locations have nothing that anybody vouches for.
    fn off(engine: &Engine) -> Self {
        Self { usable: false, allow_partial: true, ..Self::usable(engine) }
    }

    /// It answers, but not for these SKUs.
    fn silent_on(
        engine: &Engine,
        skus: &BTreeSet<String>,
        products: BTreeSet<i64>,
        next_try_us: i64,
    ) -> Self {
        /// SKUs named.
        const SHOWN: usize = 5;
        if products.is_empty() {
            return Self::usable(engine);
        }
        let shown: Vec<&str> = skus.iter().take(SHOWN).map(String::as_str).collect();
        let more = if skus.len() > SHOWN { " and others" } else { "" };
        let reason = format!(
            "stock engine {}: it gave no number for {}{more}; correct them there",
            engine.name,
            shown.join(", ")
        );
        Self {
            unsaid: products,
            reason: Some(reason),
            next_try_us: Some(next_try_us),
            ..Self::usable(engine)
        }
    }

    /// Whether its word on a product can be planned with.
    pub fn vouches_for(&self, product: i64) -> bool {
        self.usable && !self.unsaid.contains(&product)
    }
}

/// What one engine is to be asked.
struct Question {
    engine: Engine,
    /// `erp_code` to id.
    locations: BTreeMap<String, i64>,
    /// SKU to id of those without a fresh reading.
    products: BTreeMap<String, i64>,
}

/// Whether this node saw a moment ago that there is no engine to be asked.
pub async fn none(app: &App) -> bool {
    let none_us = *app.engines.none_us.lock().await;
    none_us.is_some_and(|at| (app.now_us() - at).abs() < NONE_FOR_US)
}

/// Brings the readings of products up to date, at every location that an active outside engine feeds.
/// One state an engine, those that are switched off included; an engine that fails is a state, never an error. No
/// transaction may be open.
pub async fn refresh(app: &App, products: &[i64]) -> Result<Vec<EngineState>> {
    let (questions, off) = questions(app, products).await?;
    let states = questions.into_iter().map(|question| ask(app, question));
    let mut states = futures::future::try_join_all(states).await?;
    states.extend(off);
    Ok(states)
}

async fn questions(app: &App, products: &[i64]) -> Result<(Vec<Question>, Vec<EngineState>)> {
    let mut none_us = app.engines.none_us.lock().await;
    let now = app.now_us();
    if none_us.is_some_and(|at| (now - at).abs() < NONE_FOR_US) {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut tx = app.store.read().await?;
    let engines = store::called(&mut tx).await?;
    let all = store::all(&mut tx).await?;
    let off: Vec<EngineState> =
        all.iter().filter(|e| !e.is_active && e.kind.is_outside()).map(EngineState::off).collect();
    *none_us = (engines.is_empty() && off.is_empty()).then_some(now);
    drop(none_us);
    if engines.is_empty() {
        return Ok((Vec::new(), off));
    }
    let limits: StockEngines = settings::typed(&mut tx, "STOCK_ENGINES").await?.unwrap_or_default();
    let since_us = now - limits.max_age_seconds * 1_000_000;
    let products: BTreeSet<i64> = products.iter().copied().collect();
    let products: Vec<i64> = products.into_iter().collect();
    let mut questions = Vec::new();
    for engine in engines {
        questions.push(Question {
            locations: store::fed_by(&mut tx, engine.id).await?,
            products: store::stale(&mut tx, engine.id, &products, since_us).await?,
            engine,
        });
    }
    Ok((questions, off))
}

async fn ask(app: &App, question: Question) -> Result<EngineState> {
    let Question { engine, .. } = &question;
    if question.products.is_empty() {
        return Ok(EngineState::usable(engine));
    }
    if let Some(until_us) = engine.open_until_us
        && !may_try(app, engine.id, until_us).await?
    {
        let last = engine.last_error.as_deref().unwrap_or("it does not answer");
        let reason = format!(
            "stock engine {}: not called after {} failures in a row; the last one: {last}",
            engine.name, engine.failures
        );
        let next_try_us = if until_us > app.now_us() { until_us } else { app.now_us() + TRIAL_US };
        return Ok(EngineState::down(engine, reason, next_try_us));
    }
    // Taken before the question: what changes there meanwhile is not in the answer.
    let read_at_us = app.now_us();
    let asked = match super::client(app, engine).await {
        Ok(client) => {
            let wanted = Wanted {
                skus: question.products.keys().cloned().collect(),
                locations: question.locations.keys().cloned().collect(),
            };
            client.ask(&wanted).await
        }
        Err(error) => Asked { failure: Some(error), ..Asked::default() },
    };
    let stored = keep(app, &question, &asked, read_at_us).await?;
    match asked.failure {
        None if stored => {
            retried(|| Box::pin(note_answer(app, engine.id))).await?;
            let unsaid = &asked.readings.unsaid;
            if !unsaid.is_empty() {
                tracing::warn!(
                    engine = engine.name,
                    skus = unsaid.len(),
                    "a stock engine gave values that are no numbers"
                );
            }
            let products = unsaid.iter().filter_map(|sku| question.products.get(sku).copied()).collect();
            Ok(EngineState::silent_on(engine, unsaid, products, app.now_us() + RETRY_US))
        }
        None => {
            let reason = format!("stock engine {}: it was changed while it was asked", engine.name);
            Ok(EngineState::down(engine, reason, app.now_us()))
        }
        Some(error) => {
            let now = app.now_us();
            let text = error.to_string();
            tracing::warn!(engine = engine.name, code = error.code(), error = text, "a stock engine failed");
            let open_until_us = retried(|| Box::pin(note_failure(app, engine, &text, now))).await?;
            let soon = match error.class() {
                EngineErrorClass::Retry => now + RETRY_US,
                EngineErrorClass::Operator => now + MEND_US,
            };
            let reason = format!("stock engine {}: {text}", engine.name);
            Ok(EngineState::down(engine, reason, open_until_us.unwrap_or(soon)))
        }
    }
}

/// Whether this call is the one that tries an engine whose breaker is open.
async fn may_try(app: &App, id: i64, until_us: i64) -> Result<bool> {
    let now = app.now_us();
    if until_us > now {
        return Ok(false);
    }
    retried(|| Box::pin(claim_trial(app, id, now))).await
}

async fn claim_trial(app: &App, id: i64, now_us: i64) -> Result<bool, StoreError> {
    let mut tx = app.store.begin().await?;
    let mine = store::claim_trial(&mut tx, id, now_us, now_us + TRIAL_US).await?;
    tx.commit().await?;
    Ok(mine)
}

async fn note_answer(app: &App, id: i64) -> Result<(), StoreError> {
    let mut tx = app.store.begin().await?;
    store::answered(&mut tx, id, app.now_us()).await?;
    tx.commit().await
}

async fn note_failure(
    app: &App,
    engine: &Engine,
    error: &str,
    now_us: i64,
) -> Result<Option<i64>, StoreError> {
    let mut tx = app.store.begin().await?;
    let until_us = store::failed(&mut tx, engine.id, engine.version, error, now_us).await?;
    tx.commit().await?;
    Ok(until_us)
}

/// Stores what was answered; `false` if the engine has changed since it was asked.
async fn keep(app: &App, question: &Question, asked: &Asked, read_at_us: i64) -> Result<bool> {
    let answered = question.products.iter().filter(|(sku, _)| asked.skus.contains(*sku));
    let products: Vec<(&String, i64)> = answered.map(|(sku, id)| (sku, *id)).collect();
    let locations: Vec<i64> = question.locations.values().copied().collect();
    let mut by_sku: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for ((sku, erp_code), units) in &asked.readings.units {
        let location = question.locations.get(erp_code).copied();
        by_sku.entry(sku).or_default().extend(location.map(|l| (l, *units)));
    }
    let mut chunks: Vec<&[(&String, i64)]> = products.chunks(STORE_PRODUCTS).collect();
    while let Some(chunk) = chunks.pop() {
        let of = |(sku, product): &(&String, i64)| {
            let (places, product) = (by_sku.get(sku.as_str()), *product);
            let places = places.into_iter().flatten();
            places.map(move |(location, units)| ((product, *location), *units)).collect::<Vec<_>>()
        };
        let units: BTreeMap<Place, i64> = chunk.iter().flat_map(of).collect();
        let ids: Vec<i64> = chunk.iter().map(|(_, id)| *id).collect();
        let reading = Reading {
            engine_id: question.engine.id,
            version: question.engine.version,
            read_at_us,
            products: &ids,
            locations: &locations,
            units: &units,
        };
        match retried(|| Box::pin(keep_chunk(app, &reading))).await? {
            Kept::Stored => {}
            Kept::EngineChanged => return Ok(false),
            Kept::TooMany => {
                let (one, other) = chunk.split_at(chunk.len() / 2);
                chunks.extend([other, one]);
            }
        }
    }
    Ok(true)
}

/// What came of storing a part of an answer.
enum Kept {
    Stored,
    EngineChanged,
    /// More balances would change than one transaction should.
    TooMany,
}

async fn keep_chunk(app: &App, reading: &Reading<'_>) -> Result<Kept, StoreError> {
    let mut tx = app.store.read().await?;
    let places = store::differences(&mut tx, reading).await?;
    drop(tx);
    if places.len() > STORE_ROWS && reading.products.len() > 1 {
        return Ok(Kept::TooMany);
    }
    let mut ids = app.store.take_ids(IdKind::Row, places.len() + 1).await?;
    let actor = oms_store::access::logs::Actor {
        command_id: ids.next().expect("one more than places"),
        name: "system:stock".into(),
        node: app.node.clone(),
        at_us: app.now_us(),
    };
    let mut tx = app.store.begin().await?;
    let changed = store::store(&mut tx, reading, &places, &mut ids, &actor).await?;
    tx.commit().await?;
    Ok(if changed.is_some() { Kept::Stored } else { Kept::EngineChanged })
}

/// Runs a transaction again that met another.
async fn retried<'a, T>(work: impl Fn() -> BoxFuture<'a, Result<T, StoreError>>) -> Result<T> {
    let mut tried = 1;
    loop {
        match work().await {
            Err(error) if error.is_retryable() && tried < TRIES => tried += 1,
            other => return other.map_err(Error::from),
        }
    }
}
