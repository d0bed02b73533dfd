//! Jobs that a brand defines, on a cron schedule.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::rules::schedules::{self, ScheduleInput};
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use oms_store::lists::tables::SCHEDULES;
use oms_store::rules::schedules::Schedule;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A job of the brand's own.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleView {
    id: i64,
    name: String,
    /// Minute, hour, day of month, month, day of week.
    cron: String,
    time_zone: String,
    /// `replan_out_of_stock`, `run_setup_task` or `http_call`.
    action: String,
    #[schema(value_type = Object)]
    parameters: Value,
    is_active: bool,
    next_run: Option<String>,
    last_run: Option<String>,
    /// How the last run ended.
    last_outcome: Option<String>,
    /// Failures in a row.
    failures: i64,
    created_date: String,
    modified_date: String,
}

/// What can be written of it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the fields are read one by one")]
pub(crate) struct ScheduleBody {
    name: String,
    /// Five fields, for example `30 2 * * 1-5`; 0 and 7 are Sunday.
    cron: String,
    /// UTC if not given.
    #[schema(required = false)]
    time_zone: String,
    action: String,
    #[schema(value_type = Object, required = false)]
    parameters: Value,
    /// true if not given.
    #[schema(required = false)]
    is_active: bool,
}

fn view(s: Schedule) -> ScheduleView {
    ScheduleView {
        id: s.id,
        name: s.name,
        cron: s.cron,
        time_zone: s.time_zone,
        action: s.action,
        parameters: s.parameters,
        is_active: s.is_active,
        next_run: s.next_run_us.map(format_us),
        last_run: s.last_run_us.map(format_us),
        last_outcome: s.last_outcome,
        failures: s.failures,
        created_date: format_us(s.created_us),
        modified_date: format_us(s.modified_us),
    }
}

/// Shown by reading; taken and not looked at.
const READ_ONLY: [&str; 7] =
    ["id", "next_run", "last_run", "last_outcome", "failures", "created_date", "modified_date"];

pub(crate) fn read(body: &Value) -> Result<ScheduleInput, Refusal> {
    let wrong = |field: &str, what: &str| Refusal::invalid(field, "invalid", format!("{field} is {what}."));
    let map = body.as_object().ok_or_else(|| wrong("non_field_errors", "an object"))?;
    let known = ["name", "cron", "time_zone", "action", "parameters", "is_active"];
    if let Some(unknown) =
        map.keys().find(|k| !known.contains(&k.as_str()) && !READ_ONLY.contains(&k.as_str()))
    {
        let message = format!("{unknown:?} is not known here. Known: {}.", known.join(", "));
        return Err(Refusal::invalid(unknown, "unknown_field", message));
    }
    let text = |field: &str| match map.get(field) {
        Some(Value::String(s)) => Ok(s.clone()),
        None => Err(Refusal::invalid(field, "required", format!("{field} is required."))),
        Some(_) => Err(wrong(field, "text")),
    };
    Ok(ScheduleInput {
        name: text("name")?,
        cron: text("cron")?,
        time_zone: if map.contains_key("time_zone") { text("time_zone")? } else { "UTC".into() },
        action: text("action")?,
        parameters: map.get("parameters").cloned().unwrap_or_else(|| json!({})),
        is_active: match map.get("is_active") {
            None => true,
            Some(v) => v.as_bool().ok_or_else(|| wrong("is_active", "true or false"))?,
        },
    })
}

/// **Ours.** List schedules.
#[utoipa::path(get, path = "/api/v1/oms/schedules/", tag = "settings", responses((status = 200, body = Paged<ScheduleView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<ScheduleView>>, Problem> {
    let ask = query.ask(&SCHEDULES)?;
    let page = schedules::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, view)?))
}

/// **Ours.** Create a schedule.
#[utoipa::path(post, path = "/api/v1/oms/schedules/", tag = "settings", request_body = ScheduleBody,
    responses((status = 201, body = ScheduleView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let input = read(&body.0)?;
    let (ids, actor) = (schedules::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = schedules::create(tx, ids, &actor, &input).await?;
            answer(StatusCode::CREATED, &view(made))
        })
    })
    .await
}

/// **Ours.** One schedule.
#[utoipa::path(get, path = "/api/v1/oms/schedules/{id}/", tag = "settings", params(("id" = i64, Path)),
    responses((status = 200, body = ScheduleView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<ScheduleView>, Problem> {
    Ok(Json(view(schedules::get(&state.app, id).await?)))
}

/// **Ours.** Give a schedule another content; its next run is counted from now.
#[utoipa::path(put, path = "/api/v1/oms/schedules/{id}/", tag = "settings", params(("id" = i64, Path)),
    request_body = ScheduleBody, responses((status = 200, body = ScheduleView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<ScheduleView>, Problem> {
    let input = read(&body.0)?;
    let (ids, actor) = (schedules::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let stored = schedules::update(&mut tx, ids, &actor, id, &input).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(view(stored)))
}

/// **Ours.** Remove a schedule.
#[utoipa::path(delete, path = "/api/v1/oms/schedules/{id}/", tag = "settings", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (schedules::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    schedules::delete(&mut tx, ids, &actor, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// **Ours.** Run a schedule now, whatever its time; answers how it ended.
#[utoipa::path(post, path = "/api/v1/oms/schedules/{id}/run/", tag = "settings", params(("id" = i64, Path)),
    responses((status = 200, body = ScheduleView)))]
pub(crate) async fn run(State(state): State<WebState>, Id(id): Id, once: Once) -> Result<Response, Problem> {
    once.run_outside(&state, &Value::Null, async {
        let schedule = schedules::get(&state.app, id).await?;
        schedules::run_now(&state.app, &schedule).await?;
        answer(StatusCode::OK, &view(schedules::get(&state.app, id).await?))
    })
    .await
}
