//! Commands of packages and transfers: run, and shown on their records.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::packages::commands::Request;
use oms_app::packages::pickup_codes;
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_core::time::format_us;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::{self, Id};
use crate::once::{Once, respond};
use crate::problem::Problem;
use crate::state::WebState;

/// The body of a command.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct CommandBody {
    /// The state transition's id; or `slug`.
    #[schema(required = false)]
    transition: Option<i64>,
    #[schema(required = false)]
    slug: Option<String>,
    /// The package's id again; it must be the address's.
    #[schema(required = false)]
    package: Option<i64>,
    /// The transfer's id again.
    #[schema(required = false)]
    transfer: Option<i64>,
    /// What the command takes; its keys may stand beside the others too.
    #[schema(value_type = Object, required = false)]
    input_parameters: Option<Value>,
    /// Ours: refuse with 409 if the record's `version` is another.
    #[schema(required = false)]
    expected_version: Option<i64>,
    /// Who acted in the calling software; kept in the log.
    #[schema(required = false)]
    remote_user_pk: Option<String>,
    #[schema(required = false)]
    remote_user_mail: Option<String>,
}

async fn run(state: WebState, entity: Entity, id: i64, once: Once, body: Value) -> Result<Response, Problem> {
    let read = Body::read(entity, id, &body)?;
    let (who, key) = once.key(&body);
    let request = Request { entity, id, body: read, actor: who.actor(), key };
    Ok(respond(state.desk.run(request).await?))
}

/// Run a command on a package. What can be run is in its `commands`.
#[utoipa::path(post, path = "/api/v1/oms/packages/{id}/command/", tag = "packages", params(("id" = i64, Path)),
    request_body = CommandBody, responses((status = 204, description = "Done.")))]
pub(crate) async fn package(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    run(state, Entity::Package, id, once, body.0).await
}

/// Run a command on a transfer order. What can be run is in its `commands`.
#[utoipa::path(post, path = "/api/v1/oms/transfer_orders/{id}/command/", tag = "transfers", params(("id" = i64, Path)),
    request_body = CommandBody, responses((status = 204, description = "Done.")))]
pub(crate) async fn transfer(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    run(state, Entity::Transfer, id, once, body.0).await
}

/// A one-time code, told once.
#[derive(Serialize, ToSchema)]
pub(crate) struct PickupCodeView {
    /// Six digits.
    code: String,
    expires_date: String,
}

/// **Ours.** Make the code by which a customer takes a package that is Ready For Customer; an earlier one is void.
/// It is told in this answer alone, for the brand's own message to the customer, and never kept for an
/// `Idempotency-Key`.
#[utoipa::path(post, path = "/api/v1/oms/packages/{id}/pickup-code/", tag = "packages", params(("id" = i64, Path)),
    responses((status = 201, body = PickupCodeView)))]
pub(crate) async fn pickup_code(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<(StatusCode, Json<PickupCodeView>), Problem> {
    let made = pickup_codes::create(&state.app, id).await?;
    Ok((
        StatusCode::CREATED,
        Json(PickupCodeView { code: made.code, expires_date: format_us(made.expires_us) }),
    ))
}
