//! When a cargo company applies.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::carriers::{cargo_companies, conditions};
use oms_core::time::format_us;
use oms_store::carriers::conditions::{Condition, LIST};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A condition.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConditionView {
    id: i64,
    /// The company's id.
    cargo_company: i64,
    #[schema(value_type = Object)]
    rules_configuration: Value,
    /// Ours: counts its changes.
    version: i64,
    /// Ours.
    created_date: String,
    /// Ours.
    modified_date: String,
}

impl From<Condition> for ConditionView {
    fn from(c: Condition) -> Self {
        Self {
            id: c.id,
            cargo_company: c.cargo_company_id,
            rules_configuration: c.rules_configuration,
            version: c.version,
            created_date: format_us(c.created_us),
            modified_date: format_us(c.modified_us),
        }
    }
}

/// What a condition says; what is only read is taken and not looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionBody {
    /// The company's id.
    cargo_company: i64,
    /// `{"rules": […]}`, each a query as scenarios have them, over `order.…`, `line.…` and `package.…`; all have to hold, and of
    /// several conditions of a company any.
    #[schema(value_type = Object)]
    rules_configuration: Value,
}

const READ_ONLY: [&str; 4] = ["id", "version", "created_date", "modified_date"];

fn read(body: &input::Json) -> Result<ConditionBody, Problem> {
    let mut body = body.0.clone();
    if let Some(map) = body.as_object_mut() {
        READ_ONLY.iter().for_each(|key| drop(map.remove(*key)));
    }
    input::Json(body).read()
}

/// List conditions.
#[utoipa::path(get, path = "/api/v1/oms/cargo-company-conditions/", tag = "carriers",
    responses((status = 200, body = Paged<ConditionView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<ConditionView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = conditions::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, ConditionView::from)?))
}

/// One condition.
#[utoipa::path(get, path = "/api/v1/oms/cargo-company-conditions/{id}/", tag = "carriers", params(("id" = i64, Path)),
    responses((status = 200, body = ConditionView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<ConditionView>, Problem> {
    Ok(Json(conditions::get(&state.app, id).await?.into()))
}

/// **Ours.** Make a condition.
#[utoipa::path(post, path = "/api/v1/oms/cargo-company-conditions/", tag = "carriers", request_body = ConditionBody,
    responses((status = 201, body = ConditionView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let ConditionBody { cargo_company, rules_configuration } = read(&body)?;
    let (ids, actor) = (cargo_companies::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = conditions::create(tx, ids, &actor, cargo_company, &rules_configuration).await?;
            answer(StatusCode::CREATED, &ConditionView::from(made))
        })
    })
    .await
}

/// **Ours.** Give a condition another content.
#[utoipa::path(put, path = "/api/v1/oms/cargo-company-conditions/{id}/", tag = "carriers", params(("id" = i64, Path)),
    request_body = ConditionBody, responses((status = 200, body = ConditionView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<ConditionView>, Problem> {
    let ConditionBody { cargo_company, rules_configuration } = read(&body)?;
    let (ids, actor) = (cargo_companies::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let saved = conditions::update(&mut tx, ids, &actor, id, cargo_company, &rules_configuration).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(saved.into()))
}

/// **Ours.** Remove a condition.
#[utoipa::path(delete, path = "/api/v1/oms/cargo-company-conditions/{id}/", tag = "carriers", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (cargo_companies::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    conditions::remove(&mut tx, ids, &actor, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
