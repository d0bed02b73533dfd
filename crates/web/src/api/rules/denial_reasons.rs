//! Reasons for refusing a package.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::rules::denial_reasons;
use oms_core::time::format_us;
use oms_store::rules::denial_reasons::{DenialReason, LIST};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A reason for refusing a package.
#[derive(Serialize, ToSchema)]
pub(crate) struct DenialReasonView {
    id: i64,
    title: String,
    remote_id: Option<String>,
    priority: Option<i64>,
    is_active: bool,
    /// Ours: `none` (the location is only busy) or `missing` (the units are not there and are quarantined).
    stock_effect: &'static str,
    /// Ours: whether the location is left out when the items are planned again.
    excludes_location: bool,
    created_date: String,
    modified_date: String,
}

/// A reason to be made or changed.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct DenialReasonBody {
    /// Unique, at most 255 characters.
    #[schema(required = false)]
    title: String,
    #[schema(required = false)]
    remote_id: Option<String>,
    #[schema(required = false)]
    priority: Option<i64>,
    #[schema(required = false)]
    is_active: bool,
    #[schema(required = false)]
    stock_effect: String,
    #[schema(required = false)]
    excludes_location: bool,
}

fn view(r: &DenialReason) -> DenialReasonView {
    DenialReasonView {
        id: r.id,
        title: r.title.clone(),
        remote_id: r.remote_id.clone(),
        priority: r.priority,
        is_active: r.is_active,
        stock_effect: if r.is_missing { "missing" } else { "none" },
        excludes_location: r.excludes_location,
        created_date: format_us(r.created_us),
        modified_date: format_us(r.modified_us),
    }
}

/// List denial reasons.
#[utoipa::path(get, path = "/api/v1/oms/packages/package_denial_reason/", tag = "packages",
    responses((status = 200, body = Paged<DenialReasonView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<DenialReasonView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = denial_reasons::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, |r| view(&r))?))
}

/// Make a denial reason.
#[utoipa::path(post, path = "/api/v1/oms/packages/package_denial_reason/", tag = "packages", request_body = DenialReasonBody,
    responses((status = 201, body = DenialReasonView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let (ids, actor) = (denial_reasons::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let sent = body.0.clone();
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = denial_reasons::create(tx, &actor, ids, &sent).await?;
            answer(StatusCode::CREATED, &view(&made))
        })
    })
    .await
}

/// One denial reason.
#[utoipa::path(get, path = "/api/v1/oms/packages/package_denial_reason/{id}/", tag = "packages", params(("id" = i64, Path)),
    responses((status = 200, body = DenialReasonView)))]
pub(crate) async fn get(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<Json<DenialReasonView>, Problem> {
    Ok(Json(view(&denial_reasons::get(&state.app, id).await?)))
}

/// Change the fields that the body names.
#[utoipa::path(patch, path = "/api/v1/oms/packages/package_denial_reason/{id}/", tag = "packages", params(("id" = i64, Path)),
    request_body = DenialReasonBody, responses((status = 200, body = DenialReasonView)))]
pub(crate) async fn patch(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<DenialReasonView>, Problem> {
    let (ids, actor) = (denial_reasons::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let changed = denial_reasons::change(&mut tx, &actor, ids.1, id, &body.0).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(view(&changed)))
}

/// Remove a reason that was never used; one that was can be made inactive.
#[utoipa::path(delete, path = "/api/v1/oms/packages/package_denial_reason/{id}/", tag = "packages", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (denial_reasons::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    denial_reasons::delete(&mut tx, &actor, ids.1, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
