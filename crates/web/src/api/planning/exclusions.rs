//! **Ours.** Exclusions: locations that refused a line of an order, or did not have it, and are asked for it no more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::planning::exclusions;
use oms_core::time::format_us;
use oms_store::ids::IdKind;
use oms_store::planning::exclusions::{Exclusion, LIST};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::input;
use crate::once::{Once, empty};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A location that is not asked for a line, neither to pack nor to send.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExclusionView {
    order: i64,
    order_number: String,
    order_item: i64,
    product_sku: String,
    stock_location: i64,
    stock_location_erp_code: String,
    created_date: String,
}

impl From<Exclusion> for ExclusionView {
    fn from(e: Exclusion) -> Self {
        Self {
            order: e.order_id,
            order_number: e.order_number,
            order_item: e.order_item_id,
            product_sku: e.sku,
            stock_location: e.location_id,
            stock_location_erp_code: e.erp_code,
            created_date: format_us(e.created_us),
        }
    }
}

/// Which exclusion to lift.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiftBody {
    order_item: i64,
    stock_location: i64,
}

/// **Ours.** List exclusions. One ends when its location counts the product, or when it is lifted.
#[utoipa::path(get, path = "/api/v1/oms/exclusions/", tag = "plans", responses((status = 200, body = Paged<ExclusionView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<ExclusionView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = exclusions::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, ExclusionView::from)?))
}

/// **Ours.** Let a location be asked for a line again. What is out of stock is tried by the next sweep.
#[utoipa::path(post, path = "/api/v1/oms/exclusions/lift/", tag = "plans", request_body = LiftBody,
    responses((status = 204, description = "Lifted.")))]
pub(crate) async fn lift(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let LiftBody { order_item, stock_location } = body.read()?;
    let actor = state.app.actor(once.who.actor()).await?;
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(oms_app::Error::from)?;
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            exclusions::lift(tx, audit, &actor, order_item, stock_location).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        })
    })
    .await
}
