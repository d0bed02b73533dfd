//! Outside stock engines: the documented setup step, and the integrations themselves.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::stock::engines::{self, EngineInput, Integration};
use oms_app::views;
use oms_core::engines::ENGINE_TYPES;
use oms_core::engines::answers::Ignored;
use oms_core::time::format_us;
use oms_store::lists::tables::ENGINES;
use oms_store::stock::engines::Engine;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer, empty};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// The stock engine types.
#[derive(Serialize, ToSchema)]
pub(crate) struct EngineTypes {
    result: Vec<EngineTypeView>,
}

/// A stock engine type. The shape is ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct EngineTypeView {
    stock_engine_type: &'static str,
    description: &'static str,
    /// Whether it cannot work without a username and password.
    needs_credentials: bool,
    /// A valid `config`.
    #[schema(value_type = Object)]
    example: Value,
}

/// An integration as the setup step is given it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntegrationInput {
    url: String,
    /// One of `available-stock-engines`.
    stock_engine_type: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

/// A stock engine and how it fares; its secrets are shown as asterisks. The shape is ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct EngineView {
    id: i64,
    name: String,
    stock_engine_type: &'static str,
    #[schema(value_type = Object)]
    config: Value,
    is_active: bool,
    /// Counts changes of the engine and of the locations it feeds.
    version: i64,
    health: EngineHealth,
    created_date: String,
    modified_date: String,
}

/// How an engine fares, for all nodes.
#[derive(Serialize, ToSchema)]
pub(crate) struct EngineHealth {
    /// `unknown`, `answering`, `failing` or `paused`: after 5 failures in a row nobody calls for a while.
    state: &'static str,
    /// In a row.
    failures: i64,
    /// When a paused engine is tried again.
    paused_until: Option<String>,
    last_error: Option<String>,
    last_error_date: Option<String>,
    last_answer_date: Option<String>,
}

fn view(e: Engine) -> EngineView {
    let state = match (e.open_until_us, e.failures, e.last_ok_us) {
        (Some(_), _, _) => "paused",
        (None, 1.., _) => "failing",
        (None, _, Some(_)) => "answering",
        (None, _, None) => "unknown",
    };
    EngineView {
        id: e.id,
        name: e.name,
        stock_engine_type: e.kind.as_str(),
        config: e.config,
        is_active: e.is_active,
        version: e.version,
        health: EngineHealth {
            state,
            failures: e.failures,
            paused_until: e.open_until_us.map(format_us),
            last_error: e.last_error,
            last_error_date: e.last_error_us.map(format_us),
            last_answer_date: e.last_ok_us.map(format_us),
        },
        created_date: format_us(e.created_us),
        modified_date: format_us(e.modified_us),
    }
}

/// What can be written of a stock engine; what is only read is taken and not looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineBody {
    /// Unique.
    name: String,
    /// One of `available-stock-engines`.
    stock_engine_type: String,
    /// `{"auth": {"type": "anonymous|basic_auth|token", "username", "password", "url"}, "service": {"url", "type":
    /// "multiple|single"}}` as documented; ours, all optional: `service.timeout_ms`, `service.parameters`,
    /// `service.mapping`, `auth.prefix`, `auth.field`, `locations`, `allow_partial`. A password sent as
    /// asterisks keeps the stored one while the addresses stay the same.
    #[serde(default = "nothing")]
    #[schema(value_type = Object, required = false)]
    config: Value,
    /// true if not given. One that is not active is not called.
    #[serde(default = "yes")]
    #[schema(required = false)]
    is_active: bool,
}

/// Said by reading, not by writing: a record that was read may be sent back.
const READ_ONLY: [&str; 5] = ["id", "version", "health", "created_date", "modified_date"];

fn nothing() -> Value {
    serde_json::json!({})
}

fn yes() -> bool {
    true
}

fn read(body: &input::Json) -> Result<EngineInput, Problem> {
    let mut body = body.0.clone();
    if let Some(map) = body.as_object_mut() {
        READ_ONLY.iter().for_each(|key| drop(map.remove(*key)));
    }
    let EngineBody { name, stock_engine_type, config, is_active } = input::Json(body).read()?;
    Ok(EngineInput { name, stock_engine_type, config, is_active })
}

/// The stock engine types an integration may have.
#[utoipa::path(get, path = "/api/v1/oms/setup/product-stock-integration/available-stock-engines/", tag = "setup",
    responses((status = 200, body = EngineTypes)))]
pub(crate) async fn types() -> Json<EngineTypes> {
    let one = |t: &oms_core::engines::EngineType| EngineTypeView {
        stock_engine_type: t.name,
        description: t.about,
        needs_credentials: t.needs_credentials,
        example: serde_json::from_str(t.example).unwrap_or_default(),
    };
    Json(EngineTypes { result: ENGINE_TYPES.iter().map(one).collect() })
}

/// Define the integration of an address: it is created, or given these credentials.
#[utoipa::path(post, path = "/api/v1/oms/setup/product-stock-integration/execute/", tag = "setup",
    request_body = IntegrationInput, responses((status = 204, description = "Defined.")))]
pub(crate) async fn define(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let IntegrationInput { url, stock_engine_type, username, password } = body.read()?;
    let said = Integration { url, stock_engine_type, username, password };
    let (ids, actor) = (engines::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let done = once
        .run(&state, &body.0, move |tx| {
            Box::pin(async move {
                engines::define(tx, ids, &actor, &said).await?;
                Ok(empty(StatusCode::NO_CONTENT))
            })
        })
        .await;
    engines::changed(&state.app).await;
    done
}

/// **Ours.** List stock engines.
#[utoipa::path(get, path = "/api/v1/oms/stock-engines/", tag = "stock", responses((status = 200, body = Paged<EngineView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<EngineView>>, Problem> {
    let ask = query.ask(&ENGINES)?;
    let page = views::engines(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, view)?))
}

/// **Ours.** Create a stock engine. Locations take its numbers once it is their `engine`.
#[utoipa::path(post, path = "/api/v1/oms/stock-engines/", tag = "stock", request_body = EngineBody,
    responses((status = 201, body = EngineView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let said = read(&body)?;
    let (ids, actor) = (engines::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let done = once
        .run(&state, &body.0, move |tx| {
            Box::pin(async move {
                let made = engines::create(tx, ids, &actor, &said).await?;
                answer(StatusCode::CREATED, &view(made))
            })
        })
        .await;
    engines::changed(&state.app).await;
    done
}

/// **Ours.** One stock engine with its health.
#[utoipa::path(get, path = "/api/v1/oms/stock-engines/{id}/", tag = "stock", params(("id" = i64, Path)),
    responses((status = 200, body = EngineView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<EngineView>, Problem> {
    Ok(Json(view(engines::get(&state.app, id).await?)))
}

/// **Ours.** Give a stock engine another content. Its health starts anew.
#[utoipa::path(put, path = "/api/v1/oms/stock-engines/{id}/", tag = "stock", params(("id" = i64, Path)),
    request_body = EngineBody, responses((status = 200, body = EngineView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<EngineView>, Problem> {
    let said = read(&body)?;
    let (ids, actor) = (engines::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let stored = engines::update(&mut tx, ids, &actor, id, &said).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    engines::changed(&state.app).await;
    Ok(Json(view(stored)))
}

/// What to ask an engine for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialInput {
    /// 1 to 10.
    skus: Vec<String>,
}

/// What an engine answers now.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialView {
    /// Whether the answer could be read.
    ok: bool,
    error: Option<TrialError>,
    /// Milliseconds.
    took_ms: u64,
    requests: u64,
    /// SKUs and locations that are not here have none.
    readings: Vec<TrialReading>,
    ignored: IgnoredView,
}

/// Why an engine gave no reading, and what to do.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialError {
    code: &'static str,
    message: String,
}

/// Units of a SKU at a location, whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialReading {
    sku: String,
    erp_code: String,
    units: i64,
}

/// What of the answer was left out or mended.
#[derive(Serialize, ToSchema)]
pub(crate) struct IgnoredView {
    unknown_skus: u64,
    unknown_locations: u64,
    /// Read as 0.
    negative: u64,
    /// Rounded down.
    rounded: u64,
    /// Read as the most a balance holds.
    too_large: u64,
    /// The first of them.
    examples: Vec<String>,
}

impl From<Ignored> for IgnoredView {
    fn from(i: Ignored) -> Self {
        Self {
            unknown_skus: i.unknown_skus,
            unknown_locations: i.unknown_locations,
            negative: i.negative,
            rounded: i.rounded,
            too_large: i.too_large,
            examples: i.examples,
        }
    }
}

/// **Ours.** Ask a stock engine now. Changes nothing.
#[utoipa::path(post, path = "/api/v1/oms/stock-engines/{id}/test/", tag = "stock", params(("id" = i64, Path)),
    request_body = TrialInput, responses((status = 200, body = TrialView)))]
pub(crate) async fn test(
    State(state): State<WebState>,
    once: Once,
    Id(id): Id,
    body: input::Json,
) -> Result<Response, Problem> {
    let TrialInput { skus } = body.read()?;
    // Asked before the transaction of the key begins: no call while one is open.
    let trial = engines::test(&state.app, id, &skus).await?;
    let reading = |(sku, erp_code, units)| TrialReading { sku, erp_code, units };
    let shown = TrialView {
        ok: trial.error.is_none(),
        error: trial.error.map(|(code, message)| TrialError { code, message }),
        took_ms: trial.took_ms,
        requests: trial.requests,
        readings: trial.readings.into_iter().map(reading).collect(),
        ignored: trial.ignored.into(),
    };
    once.run(&state, &body.0, move |_| Box::pin(async move { answer(StatusCode::OK, &shown) })).await
}
