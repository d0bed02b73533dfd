//! Webhooks: who is told of which changes.

pub(crate) mod deliveries;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::hooks::{self, HookInput};
use oms_core::time::format_us;
use oms_store::hooks::{Hook, LIST};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A type of event, or ours: a list of types.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Types {
    One(String),
    Several(Vec<String>),
}

/// A webhook; its secrets are shown as asterisks.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookView {
    id: i64,
    event_type: Types,
    target_url: String,
    /// Null: deliveries are not signed.
    secret_key: Option<String>,
    #[schema(value_type = Object)]
    callback: Value,
    #[schema(value_type = Object)]
    additional_headers: Value,
    #[schema(value_type = Object)]
    config: Value,
    #[schema(value_type = Object)]
    retry_countdown_config: Value,
    is_active: bool,
    health: HookHealth,
    created_date: String,
    modified_date: String,
}

/// How a hook fares.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookHealth {
    /// `passive`, `unknown` (nothing was sent yet), `answering`, `failing` or `paused`: after 10 failures in a row nothing is
    /// sent for a while, then one delivery finds out.
    state: &'static str,
    /// In a row.
    failures: i64,
    /// When a paused hook is tried again.
    paused_until: Option<String>,
    last_error: Option<String>,
    last_error_date: Option<String>,
    last_answer_date: Option<String>,
}

impl From<Hook> for HookView {
    fn from(hook: Hook) -> Self {
        let said = HookInput::of(&hook);
        let state = hook.standing();
        let h = hook.health;
        Self {
            id: hook.id,
            event_type: serde_json::from_value(said.event_type).unwrap_or(Types::Several(Vec::new())),
            target_url: said.target_url,
            secret_key: said.secret_key,
            callback: said.callback,
            additional_headers: said.additional_headers,
            config: said.config,
            retry_countdown_config: said.retry_countdown_config,
            is_active: said.is_active,
            health: HookHealth {
                state,
                failures: h.failures,
                paused_until: h.paused_until_us.map(format_us),
                last_error: h.last_error,
                last_error_date: h.last_error_us.map(format_us),
                last_answer_date: h.last_ok_us.map(format_us),
            },
            created_date: format_us(hook.created_us),
            modified_date: format_us(hook.modified_us),
        }
    }
}

/// A webhook to be made or changed. What is left out of a change stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookBody {
    /// For example `package.created`.
    event_type: Option<Types>,
    target_url: Option<String>,
    /// `whsec_` and base64 as Standard Webhooks has it, or any text, which is the key as it is written. Asterisks keep the
    /// stored one while the address stays the same; an empty text takes it away. One that is changed signs for a day beside
    /// the new one.
    secret_key: Option<String>,
    /// Kept for the caller.
    #[schema(value_type = Option<Object>)]
    callback: Option<Value>,
    /// An object of texts. Values are secret: asterisks keep the stored one.
    #[schema(value_type = Option<Object>)]
    additional_headers: Option<Value>,
    /// `{"timeout_ms": 500 to 15000 (10000), "concurrency": 1 to 32 (8)}`.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// `{"type": "fixed|linear|exponential|random", "base": seconds, "max": seconds, "attempts": 1 to 20}`; `{}`: from 5 s
    /// doubled up to 6 h, 20 tries.
    #[schema(value_type = Option<Object>)]
    retry_countdown_config: Option<Value>,
    is_active: Option<bool>,
}

/// Said by reading, not by writing: a record that was read may be sent back.
const READ_ONLY: [&str; 4] = ["id", "health", "created_date", "modified_date"];

fn read(body: &input::Json) -> Result<HookBody, Problem> {
    let mut body = body.0.clone();
    if let Some(map) = body.as_object_mut() {
        READ_ONLY.iter().for_each(|key| drop(map.remove(*key)));
        // No secret is the same as an empty one.
        if map.get("secret_key").is_some_and(Value::is_null) {
            map.insert("secret_key".into(), json!(""));
        }
    }
    input::Json(body).read()
}

impl HookBody {
    /// Puts what is said in place of what was.
    fn into(self, said: &mut HookInput) {
        let put = |place: &mut Value, value: Option<Value>| *place = value.unwrap_or_else(|| place.take());
        put(&mut said.event_type, self.event_type.map(|types| json!(types)));
        put(&mut said.callback, self.callback);
        put(&mut said.additional_headers, self.additional_headers);
        put(&mut said.config, self.config);
        put(&mut said.retry_countdown_config, self.retry_countdown_config);
        said.target_url = self.target_url.unwrap_or_else(|| std::mem::take(&mut said.target_url));
        said.secret_key = self.secret_key.or_else(|| said.secret_key.take());
        said.is_active = self.is_active.unwrap_or(said.is_active);
    }
}

/// List webhooks. The same as `/whisperer/hooks/`, as for every address of hooks.
#[utoipa::path(get, path = "/api/v1/whisperer/hooks/", tag = "webhooks", responses((status = 200, body = Paged<HookView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<HookView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = hooks::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, HookView::from)?))
}

/// Make a webhook. It is told of changes from now on.
#[utoipa::path(post, path = "/api/v1/whisperer/hooks/", tag = "webhooks", request_body = HookBody,
    responses((status = 201, body = HookView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let mut said = HookInput::default();
    read(&body)?.into(&mut said);
    let (ids, actor) = (hooks::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let app = state.app.clone();
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = hooks::create(tx, &app, ids, &actor, said).await?;
            answer(StatusCode::CREATED, &HookView::from(made))
        })
    })
    .await
}

/// One webhook with its health.
#[utoipa::path(get, path = "/api/v1/whisperer/hooks/{id}/", tag = "webhooks", params(("id" = i64, Path)),
    responses((status = 200, body = HookView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<HookView>, Problem> {
    Ok(Json(hooks::get(&state.app, id).await?.into()))
}

async fn change(
    state: &WebState,
    who: String,
    id: i64,
    change: impl FnOnce(&mut HookInput),
) -> Result<Json<HookView>, Problem> {
    let (ids, actor) = (hooks::ids(&state.app).await?, state.app.actor(who).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let stored = hooks::update(&mut tx, &state.app, ids, &actor, id, change).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(stored.into()))
}

/// Give a webhook another content. What is left out is as if it were new.
#[utoipa::path(put, path = "/api/v1/whisperer/hooks/{id}/", tag = "webhooks", params(("id" = i64, Path)),
    request_body = HookBody, responses((status = 200, body = HookView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<HookView>, Problem> {
    let said = read(&body)?;
    change(&state, who.actor(), id, |hook| {
        *hook = HookInput::default();
        said.into(hook);
    })
    .await
}

/// Change parts of a webhook. A paused one is tried at once.
#[utoipa::path(patch, path = "/api/v1/whisperer/hooks/{id}/", tag = "webhooks", params(("id" = i64, Path)),
    request_body = HookBody, responses((status = 200, body = HookView)))]
pub(crate) async fn patch(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<HookView>, Problem> {
    let said = read(&body)?;
    change(&state, who.actor(), id, |hook| said.into(hook)).await
}

/// Remove a webhook with its deliveries.
#[utoipa::path(delete, path = "/api/v1/whisperer/hooks/{id}/", tag = "webhooks", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (hooks::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    hooks::remove(&mut tx, ids, &actor, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
