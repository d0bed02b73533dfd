//! Whether this process lives and whether it can work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use oms_app::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::WebState;

/// How it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// **Ours.** The process lives.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health)))]
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// **Ours.** The database answers and takes what is written to it, so requests can be served.
#[utoipa::path(get, path = "/ready", tag = "health", responses((status = 200, body = Health)))]
pub(crate) async fn ready(State(state): State<WebState>) -> Result<Json<Health>, Problem> {
    oms_app::views::ready(&state.app).await.map_err(|error| {
        tracing::warn!(%error, "not ready: the database does not answer or cannot write");
        match error {
            Error::Store(store) => store.trouble().map_or_else(|| Problem::busy(1), Problem::cannot_write),
            _ => Problem::busy(1),
        }
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
    })?;
    Ok(Json(Health { status: "ok" }))
}
