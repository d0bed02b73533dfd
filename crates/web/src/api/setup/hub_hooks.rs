//! Webhooks registered at the hub, listed and switched.

use axum::Json;
use axum::extract::State;
use oms_app::setup::hub_hooks::{self, Registered};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::problem::Problem;
use crate::state::WebState;

/// A webhook at the hub.
#[derive(Serialize, ToSchema)]
pub(crate) struct HubWebhookView {
    /// The hub's key.
    pk: i64,
    event_type: String,
    target_url: String,
    is_active: bool,
    /// It sends to the address of OMNITRON_WEBHOOKS.
    is_ours: bool,
}

/// All of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct HubWebhooksView {
    webhooks: Vec<HubWebhookView>,
    /// Records of the hub that could not be read.
    unreadable: usize,
}

impl From<Registered> for HubWebhookView {
    fn from(r: Registered) -> Self {
        let w = r.webhook;
        Self {
            pk: w.pk,
            event_type: w.event_type,
            target_url: w.target_url,
            is_active: w.is_active,
            is_ours: r.is_ours,
        }
    }
}

/// **Ours.** Every webhook that is registered at the hub, ours and others', as the hub says now.
#[utoipa::path(get, path = "/api/v1/oms/setup/webhooks/", tag = "setup", responses((status = 200, body = HubWebhooksView)))]
pub(crate) async fn list(State(state): State<WebState>) -> Result<Json<HubWebhooksView>, Problem> {
    let (all, unreadable) = hub_hooks::list(&state.app).await?;
    Ok(Json(HubWebhooksView { webhooks: all.into_iter().map(Into::into).collect(), unreadable }))
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchBody {
    is_active: bool,
}

/// **Ours.** Switch a webhook at the hub on or off: a brand that works with the Seller Center switches off what it replaces.
#[utoipa::path(patch, path = "/api/v1/oms/setup/webhooks/{id}/", tag = "setup", params(("id" = i64, Path)),
    request_body = SwitchBody, responses((status = 200, body = HubWebhooksView)))]
pub(crate) async fn switch(
    State(state): State<WebState>,
    Who(who): Who,
    Id(pk): Id,
    body: input::Json,
) -> Result<Json<HubWebhooksView>, Problem> {
    let SwitchBody { is_active } = body.read()?;
    hub_hooks::switch(&state.app, &who.actor(), pk, is_active).await?;
    list(State(state)).await
}
