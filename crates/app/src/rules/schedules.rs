//! Jobs that a brand defines: kept, and run once for all nodes when their time has come.

use std::time::Duration;

use oms_connect::http::{Request, Timeouts};
use oms_core::refusal::Refusal;
use oms_core::schedules::{Action, Cron, HttpCall};
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::rules::schedules::{self as store, NewSchedule, Schedule};
use oms_store::{StoreError, Tx};
use serde_json::Value;
use url::Url;

use crate::setup::{self, SetupTask};
use crate::{App, Result, planning};

/// How long a call of the brand's address may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The longest name, in characters.
const MAX_NAME: usize = 255;

/// What callers say of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleInput {
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub action: String,
    pub parameters: Value,
    pub is_active: bool,
}

/// Ids a change needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    schedule: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        schedule: app.store.take_id(IdKind::Schedule).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// A page of schedules.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Schedule>> {
    Ok(lists::tables::schedules(&mut app.store.read().await?, ask).await?)
}

/// One schedule.
pub async fn get(app: &App, id: i64) -> Result<Schedule> {
    let found = store::by_id(&mut app.store.read().await?, id).await?;
    Ok(found.ok_or_else(|| Refusal::not_found("schedule", id))?)
}

fn accept(input: &ScheduleInput, now_us: i64) -> Result<NewSchedule, Refusal> {
    let name = input.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        let message = format!("A name of 1 to {MAX_NAME} characters is required.");
        return Err(Refusal::invalid("name", "invalid", message));
    }
    let cron = Cron::parse(&input.cron, &input.time_zone)?;
    Action::read(&input.action, &input.parameters)?;
    let next_run_us = cron.next_after(now_us);
    if next_run_us.is_none() {
        return Err(Refusal::invalid("cron", "invalid", "This moment never comes."));
    }
    Ok(NewSchedule {
        name: name.to_owned(),
        cron: input.cron.clone(),
        time_zone: input.time_zone.clone(),
        action: input.action.clone(),
        parameters: input.parameters.clone(),
        is_active: input.is_active,
        next_run_us,
    })
}

fn name_taken(name: &str) -> Refusal {
    Refusal::invalid(
        "name",
        "unique",
        format!("A schedule named {name:?} exists already; choose another name."),
    )
}

/// Creates a schedule.
pub async fn create(tx: &mut Tx, ids: ChangeIds, actor: &Actor, input: &ScheduleInput) -> Result<Schedule> {
    let new = accept(input, actor.at_us)?;
    if !store::insert(tx, ids.schedule, &new, actor.at_us).await? {
        return Err(name_taken(&new.name).into());
    }
    changed(tx, ids.schedule, ids, actor, "schedule.created", &new).await
}

/// Gives a schedule another content; its next run is counted from now.
pub async fn update(
    tx: &mut Tx,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    input: &ScheduleInput,
) -> Result<Schedule> {
    store::by_id(tx, id).await?.ok_or_else(|| Refusal::not_found("schedule", id))?;
    let new = accept(input, actor.at_us)?;
    if !store::update(tx, id, &new, actor.at_us).await? {
        return Err(name_taken(&new.name).into());
    }
    changed(tx, id, ids, actor, "schedule.updated", &new).await
}

async fn changed(
    tx: &mut Tx,
    id: i64,
    ids: ChangeIds,
    actor: &Actor,
    action: &str,
    new: &NewSchedule,
) -> Result<Schedule> {
    logs::record_command(tx, actor, action).await?;
    let detail = serde_json::json!({"name": new.name, "cron": new.cron, "time_zone": new.time_zone, "action": new.action,
        "parameters": new.parameters, "is_active": new.is_active});
    logs::audit(tx, ids.audit, "schedule", id, action, &detail, actor).await?;
    let stored = store::by_id(tx, id).await?;
    Ok(stored.ok_or_else(|| StoreError::Corrupt(format!("schedule {id} was just written and is gone")))?)
}

/// Removes a schedule.
pub async fn delete(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64) -> Result<()> {
    if !store::delete(tx, id).await? {
        return Err(Refusal::not_found("schedule", id).into());
    }
    logs::record_command(tx, actor, "schedule.deleted").await?;
    Ok(logs::audit(tx, ids.audit, "schedule", id, "schedule.deleted", &serde_json::json!({}), actor).await?)
}

/// Runs the schedule that is due longest, if one is; returns its name. A run that was missed while no
/// node lived happens once, not as often as it was missed.
pub async fn tick(app: &App) -> Result<Option<String>> {
    let now = app.now_us();
    let Some(due) = store::due(&mut app.store.read().await?, now).await? else { return Ok(None) };
    let mut tx = app.store.begin().await?;
    // A time zone that is not known any more ends the schedule visibly, not the loop.
    let next = Cron::parse(&due.cron, &due.time_zone).ok().and_then(|c| c.next_after(now));
    let mine = store::take(&mut tx, &due, next, now).await?;
    tx.commit().await?;
    if mine {
        run_now(app, &due).await?;
    }
    Ok(Some(due.name))
}

/// Runs a schedule's action and keeps how it ended.
pub async fn run_now(app: &App, schedule: &Schedule) -> Result<String> {
    let outcome = match Action::read(&schedule.action, &schedule.parameters) {
        Ok(action) => act(app, action).await,
        Err(refusal) => Err(refusal.message),
    };
    let (text, failed) = match outcome {
        Ok(text) => (text, false),
        Err(text) => (format!("failed: {text}"), true),
    };
    if failed {
        tracing::warn!(
            schedule = schedule.name,
            outcome = text,
            "a scheduled job failed; it runs again at its next time"
        );
    }
    let mut tx = app.store.begin().await?;
    store::ended(&mut tx, schedule.id, &text, failed).await?;
    tx.commit().await?;
    Ok(text)
}

async fn act(app: &App, action: Action) -> Result<String, String> {
    match action {
        Action::ReplanOutOfStock => {
            let asked = planning::request_replans(app, None).await.map_err(|e| e.to_string())?.len();
            Ok(format!("{asked} packages are planned anew"))
        }
        Action::RunSetupTask { task } => {
            let task = SetupTask::parse(&task).ok_or_else(|| format!("there is no setup task {task:?}"))?;
            let mut tx = app.store.begin().await.map_err(|e| e.to_string())?;
            setup::execute(&mut tx, task, app.now_us()).await.map_err(|e| e.to_string())?;
            tx.commit().await.map_err(|e| e.to_string())?;
            Ok("the setup task was started".into())
        }
        Action::HttpCall(call) => call_brand(app, &call).await,
    }
}

async fn call_brand(app: &App, call: &HttpCall) -> Result<String, String> {
    let url = Url::parse(&call.url).map_err(|e| e.to_string())?;
    let mut request = match call.method.as_str() {
        "POST" => Request::post_json(url, call.body.clone().unwrap_or_else(|| serde_json::json!({}))),
        _ => Request::get(url),
    };
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    request.timeouts = Timeouts { read: CALL_LIMIT, total: CALL_LIMIT };
    let answer = app.http.send(request).await.map_err(|e| e.to_string())?;
    if answer.is_success() {
        return Ok(format!("answered {}", answer.status));
    }
    Err(format!("answered {}: {}", answer.status, answer.excerpt(200)))
}
