//! **Ours.** Jobs: work that waits, and work that died with its reason.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::upkeep::jobs;
use oms_core::time::format_us;
use oms_store::ids::IdKind;
use oms_store::upkeep::jobs::{LIST, Waiting};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::input::Id;
use crate::once::{Once, empty};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobView {
    id: i64,
    /// `fetch` (an arrival of the hub), `plan` (an order), `replan` (a package) or `cancel` (a cancellation plan).
    kind: String,
    /// The record it is about.
    #[serde(rename = "ref")]
    reference: i64,
    /// `runnable`, `leased` or `dead`.
    state: String,
    attempts: i64,
    /// What went wrong last.
    last_error: Option<String>,
    /// Not before then.
    run_date: String,
    created_date: String,
}

impl From<Waiting> for JobView {
    fn from(j: Waiting) -> Self {
        Self {
            id: j.id,
            kind: j.kind,
            reference: j.ref_id,
            state: j.state,
            attempts: j.attempts,
            last_error: j.last_error,
            run_date: format_us(j.run_at_us),
            created_date: format_us(j.created_us),
        }
    }
}

/// **Ours.** List jobs. Dead ones wait for a person.
#[utoipa::path(get, path = "/api/v1/oms/jobs/", tag = "jobs", responses((status = 200, body = Paged<JobView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<JobView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = jobs::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, JobView::from)?))
}

/// **Ours.** Try a job again at once, with all its tries before it. Takes no body.
#[utoipa::path(post, path = "/api/v1/oms/jobs/{id}/retry/", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 204, description = "It is due.")))]
pub(crate) async fn retry(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
) -> Result<Response, Problem> {
    let actor = state.app.actor(once.who.actor()).await?;
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(oms_app::Error::from)?;
    once.run(&state, &json!({}), move |tx| {
        Box::pin(async move {
            jobs::retry(tx, audit, id, &actor).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        })
    })
    .await
}

/// **Ours.** Give a job up. Refused for the plan of an order and the decision on a cancellation: something waits for them.
/// Takes no body.
#[utoipa::path(post, path = "/api/v1/oms/jobs/{id}/drop/", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn drop(State(state): State<WebState>, Id(id): Id, once: Once) -> Result<Response, Problem> {
    let actor = state.app.actor(once.who.actor()).await?;
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(oms_app::Error::from)?;
    once.run(&state, &json!({}), move |tx| {
        Box::pin(async move {
            jobs::drop(tx, audit, id, &actor).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        })
    })
    .await
}
