//! The setup steps that copy from the hub and register at it: asked, run in the background, followed.

pub mod doctor;
pub mod hub;
pub mod hub_hooks;
pub mod settings;

use std::collections::HashSet;

use oms_connect::hub::{HubErrorClass, HubWebhook};
use oms_core::refusal::Refusal;
use oms_core::settings::{HUB_EVENTS, HubWebhooks};
use oms_store::Tx;
use oms_store::orders::people;
use oms_store::setup::settings as kept;
use oms_store::setup::{self as store, Task, TaskState};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::guard::caught;
use crate::places::{channels, geography, locations};

use crate::{App, Error, Result};

/// A copy task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupTask {
    Addresses,
    StockLocations,
    Channels,
    Webhooks,
}

impl SetupTask {
    pub const ALL: [Self; 4] = [Self::Addresses, Self::StockLocations, Self::Channels, Self::Webhooks];

    /// The stored name, also in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::StockLocations => "stock_locations",
            Self::Channels => "channels",
            Self::Webhooks => "webhooks",
        }
    }

    /// From the stored name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// The fact that something was copied at least once.
fn copied(task: SetupTask) -> String {
    format!("copied_{}", task.name())
}

/// What has to be copied before an order is taken: it would be read without its places and channel, and planned without
/// stores.
const BEFORE_ORDERS: [SetupTask; 3] = [SetupTask::Addresses, SetupTask::StockLocations, SetupTask::Channels];

/// What orders of the hub wait for before they are taken: a setting or tasks, by name.
pub async fn orders_wait_for(app: &App) -> Result<Vec<&'static str>> {
    let mut tx = app.store.read().await?;
    let mut missing = Vec::new();
    if kept::by_key(&mut tx, "ORDER_FILTERING").await?.is_none() {
        missing.push("ORDER_FILTERING");
    }
    for task in BEFORE_ORDERS {
        if kept::fact(&mut tx, &copied(task)).await?.is_none() {
            missing.push(task.name());
        }
    }
    Ok(missing)
}

/// Whether the task has something to do. What is known here is said without the hub; only where all of it was copied, the
/// hub is asked whether it has more.
pub async fn is_required(app: &App, task: SetupTask) -> Result<bool> {
    let mut tx = app.store.read().await?;
    let is_needed = match task {
        SetupTask::Webhooks => kept::by_key(&mut tx, "OMNITRON_WEBHOOKS").await?.is_none(),
        SetupTask::Channels => kept::fact(&mut tx, &copied(task)).await?.is_none(),
        SetupTask::Addresses | SetupTask::StockLocations => {
            kept::fact(&mut tx, &copied(task)).await?.is_none() || people::any_unresolved(&mut tx).await?
        }
    };
    drop(tx);
    if is_needed {
        return Ok(true);
    }
    let Some(hub) = hub::find(app).await? else { return Ok(true) };
    match task {
        SetupTask::Addresses => geography::is_copy_required(app, &hub).await,
        SetupTask::StockLocations => locations::is_copy_required(app, &hub).await,
        SetupTask::Channels => channels::is_copy_required(app, &hub).await,
        SetupTask::Webhooks => Ok(!missing_webhooks(app).await?.is_empty()),
    }
}

/// Asks for a run. Refused while one is under way.
pub async fn execute(tx: &mut Tx, task: SetupTask, now_us: i64) -> Result<()> {
    if store::request(tx, task.name(), now_us).await? {
        return Ok(());
    }
    let message = format!(
        "The task {} is running; follow it at get_async_status and try again when it ended.",
        task.name()
    );
    Err(Refusal::conflict("setup_task_running", message).into())
}

/// Where the task stands.
pub async fn status(app: &App, task: SetupTask) -> Result<Task> {
    let mut tx = app.store.read().await?;
    let never = Task {
        name: task.name().into(),
        state: TaskState::Ready,
        done: 0,
        total: 0,
        attempts: 0,
        error: None,
        requested_us: None,
        finished_us: None,
    };
    Ok(store::task(&mut tx, task.name()).await?.unwrap_or(never))
}

/// Runs one task that was asked for, if there is one; says which.
pub async fn tick(app: &App) -> Result<Option<SetupTask>> {
    let mut tx = app.store.begin().await?;
    let Some(name) = store::claim(&mut tx, &app.node, app.now_us()).await? else { return Ok(None) };
    let _held = app.in_hand.task(&name);
    tx.commit().await?;
    let Some(task) = SetupTask::parse(&name) else {
        return end_failed(app, &name, "this version does not know the task", None).await.map(|()| None);
    };
    let outcome = caught("a setup task", run(app, task)).await;
    if outcome.is_ok() {
        // Records that could not be taken hold up nothing else.
        let mut tx = app.store.begin().await?;
        kept::set_fact(&mut tx, &copied(task), &app.now_us().to_string()).await?;
        tx.commit().await?;
    }
    match outcome {
        Ok(problems) if problems.is_empty() => {
            let mut tx = app.store.begin().await?;
            store::finish(&mut tx, &name, &app.node, app.now_us()).await?;
            tx.commit().await?;
        }
        // What could be copied is; what could not needs a person at the hub.
        Ok(problems) => {
            let shown: Vec<_> = problems.iter().take(20).map(String::as_str).collect();
            let error =
                format!("{} records of the hub could not be taken: {}", problems.len(), shown.join("; "));
            end_failed(app, &name, &error, None).await?;
        }
        Err(error) => {
            let attempts = status(app, task).await?.attempts;
            let retry = retry_delay_us(&error, attempts).map(|delay| app.now_us() + delay);
            tracing::warn!(task = name, %error, retry = retry.is_some(), "a setup task failed");
            end_failed(app, &name, &error.to_string(), retry).await?;
        }
    }
    Ok(Some(task))
}

async fn end_failed(app: &App, name: &str, error: &str, retry_us: Option<i64>) -> Result<()> {
    let mut tx = app.store.begin().await?;
    store::fail(&mut tx, name, &app.node, error, retry_us, app.now_us()).await?;
    Ok(tx.commit().await?)
}

/// How long to wait before a failed call is tried again; `None` if a person must act first.
pub(crate) fn retry_delay_us(error: &Error, attempts: i64) -> Option<i64> {
    /// Doubling from a second, at most a minute: soon back after a short outage, no load in a long one.
    const FIRST_S: i64 = 1;
    const MOST_S: i64 = 60;
    let back_off = (FIRST_S << attempts.clamp(0, 6)).min(MOST_S) * 1_000_000;
    match error {
        Error::Hub(hub) => match hub.class() {
            HubErrorClass::Retry { after_s: Some(s) } => Some((s as i64 * 1_000_000).max(back_off)),
            HubErrorClass::Retry { after_s: None } => Some(back_off),
            HubErrorClass::Operator | HubErrorClass::Permanent => None,
        },
        Error::Busy => Some(back_off),
        Error::Batch(error) => retry_delay_us(error, attempts),
        Error::Stopping | Error::Store(_) => error.is_passing().then_some(back_off),
        Error::Refused(_) | Error::Panicked { .. } => None,
    }
}

/// Where a running task notes how far it is, for those who follow it.
pub(crate) struct Progress<'a> {
    app: &'a App,
    task: Option<SetupTask>,
}

impl<'a> Progress<'a> {
    /// For a copy that is no setup run: nobody follows it.
    pub(crate) fn unseen(app: &'a App) -> Self {
        Self { app, task: None }
    }

    /// So many of so many.
    pub(crate) async fn note(&self, done: i64, total: i64) -> Result<()> {
        let Some(task) = self.task else { return Ok(()) };
        let mut tx = self.app.store.begin().await?;
        store::progress(&mut tx, task.name(), &self.app.node, done, total).await?;
        Ok(tx.commit().await?)
    }
}

async fn run(app: &App, task: SetupTask) -> Result<Vec<String>> {
    let hub = hub::client(app).await?;
    let progress = &Progress { app, task: Some(task) };
    match task {
        SetupTask::Addresses => geography::copy(app, &hub, progress).await,
        SetupTask::StockLocations => locations::copy(app, &hub, progress).await,
        SetupTask::Channels => channels::copy(app, &hub, progress).await,
        SetupTask::Webhooks => register_webhooks(app, progress).await,
    }
}

/// The fact that says with which token and secret the hub's webhooks were registered: their digest.
const REGISTERED: &str = "hub_webhooks_registered";

fn registration(wanted: &HubWebhooks) -> String {
    let secret = wanted.secret_key.as_deref().unwrap_or_default();
    hex::encode(Sha256::digest(json!([wanted.target_base_url, wanted.token, secret]).to_string()))
}

/// Event type and address of each webhook the hub lacks, or has with another token or secret.
async fn missing_webhooks(app: &App) -> Result<Vec<(&'static str, String)>> {
    let wanted = hub::webhooks(app).await?;
    let registered = kept::fact(&mut app.store.read().await?, REGISTERED).await?;
    // Before this was kept, there were no secrets.
    let is_same = registered.map_or(wanted.secret_key.is_none(), |r| r == registration(&wanted));
    let there = hub::client(app).await?.list_webhooks().await?;
    let active: HashSet<(String, String)> = there
        .into_iter()
        .flatten()
        .filter(|w: &HubWebhook| w.is_active && is_same)
        .map(|w| (w.event_type, w.target_url))
        .collect();
    let base = wanted.target_base_url.trim_end_matches('/');
    let all = HUB_EVENTS.iter().filter(|(event, _)| wanted.events.iter().any(|w| w == event));
    let all = all.map(|(event, path)| (*event, format!("{base}{path}")));
    Ok(all.filter(|(event, url)| !active.contains(&((*event).to_owned(), url.clone()))).collect())
}

async fn register_webhooks(app: &App, progress: &Progress<'_>) -> Result<Vec<String>> {
    let missing = missing_webhooks(app).await?;
    let hub_client = hub::client(app).await?;
    let wanted = hub::webhooks(app).await?;
    let headers = [("Authorization".to_owned(), format!("Token {}", wanted.token))];
    for (done, (event, url)) in missing.iter().enumerate() {
        progress.note(done as i64, missing.len() as i64).await?;
        hub_client.register_webhook(event, url, &headers, wanted.secret_key.as_deref()).await?.map_err(
            |e| oms_connect::hub::HubError::WrongShape { path: "webhooks/".into(), what: e.to_string() },
        )?;
    }
    progress.note(missing.len() as i64, missing.len() as i64).await?;
    let mut tx = app.store.begin().await?;
    kept::set_fact(&mut tx, REGISTERED, &registration(&wanted)).await?;
    tx.commit().await?;
    Ok(Vec::new())
}
