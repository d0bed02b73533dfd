//! Application settings.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::setup::settings;
use oms_store::lists::Page;
use oms_store::setup::settings::Setting;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// Rows a page if the caller does not say: documented for this list.
const DEFAULT_LIMIT: i64 = 10;

/// A setting; its secrets are shown as asterisks.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingView {
    id: i64,
    key: String,
    #[schema(value_type = Object)]
    json_value: Value,
}

impl From<Setting> for SettingView {
    fn from(s: Setting) -> Self {
        Self { id: s.id, key: s.key, json_value: s.value }
    }
}

/// A new setting.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSetting {
    /// One of the known keys.
    key: String,
    #[schema(value_type = Object)]
    json_value: Value,
}

/// A setting's other value; its key stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedSetting {
    /// A secret sent as asterisks keeps the stored one.
    #[schema(value_type = Object)]
    json_value: Value,
}

/// List settings; `key` narrows to keys that contain it.
#[utoipa::path(get, path = "/api/v1/oms/settings/application_settings/", tag = "settings",
    params(("key" = Option<String>, Query, description = "Contained in the key."),
           ("page" = Option<i64>, Query, description = "From 1."),
           ("page_size" = Option<i64>, Query, description = "Rows a page, 10 if not given, at most 100. `limit` is the same.")),
    responses((status = 200, body = Paged<SettingView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<SettingView>>, Problem> {
    let mut key = "";
    for (name, text) in &query.filters {
        match name.as_str() {
            "key" => key = text,
            _ => {
                let message =
                    format!("{name:?} is not a parameter of this list. Known: key, page, page_size, limit.");
                return Err(Problem::new(StatusCode::BAD_REQUEST, name, "unknown_parameter", message));
            }
        }
    }
    let all = settings::list(&state.app, key).await?;
    let limit = query.limit(DEFAULT_LIMIT);
    let count = all.len() as i64;
    let from = usize::try_from((query.page - 1).saturating_mul(limit)).unwrap_or(usize::MAX);
    let rows = all.into_iter().skip(from).take(usize::try_from(limit).unwrap_or(0)).collect();
    Ok(Json(query.frame(Page { count, is_exact: true, last: None, rows }, limit, SettingView::from)?))
}

/// Create a setting. A key that is there already is refused.
#[utoipa::path(post, path = "/api/v1/oms/settings/application_settings/", tag = "settings", request_body = NewSetting,
    responses((status = 201, body = SettingView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let NewSetting { key, json_value } = body.read()?;
    let (ids, actor) = (settings::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = settings::create(tx, &ids, &actor, &key, &json_value).await?;
            answer(StatusCode::CREATED, &SettingView::from(made))
        })
    })
    .await
}

/// One setting.
#[utoipa::path(get, path = "/api/v1/oms/settings/application_settings/{id}/", tag = "settings",
    params(("id" = i64, Path)), responses((status = 200, body = SettingView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<SettingView>, Problem> {
    Ok(Json(settings::get(&state.app, id).await?.into()))
}

/// Give a setting another value.
#[utoipa::path(put, path = "/api/v1/oms/settings/application_settings/{id}/", tag = "settings",
    params(("id" = i64, Path)), request_body = ChangedSetting, responses((status = 200, description = "Changed; no body.")))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<StatusCode, Problem> {
    let ChangedSetting { json_value } = body.read()?;
    let (ids, actor) = (settings::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    settings::update(&mut tx, &ids, &actor, id, &json_value).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::OK)
}

/// Give a setting another value.
#[utoipa::path(patch, path = "/api/v1/oms/settings/application_settings/{id}/", tag = "settings",
    params(("id" = i64, Path)), request_body = ChangedSetting, responses((status = 200, description = "Changed; no body.")))]
pub(crate) async fn patch(
    state: State<WebState>,
    who: Who,
    id: Id,
    body: input::Json,
) -> Result<StatusCode, Problem> {
    put(state, who, id, body).await
}
