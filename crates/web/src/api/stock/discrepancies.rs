//! **Ours.** Discrepancies: units the books have and the shelf has not.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::stock::discrepancies;
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use oms_store::lists::Page;
use oms_store::stock::discrepancies::LIST;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::input::{self, Id};
use crate::once::{Once, empty};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// Units that were not where the books have them.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiscrepancyView {
    id: i64,
    package_item: i64,
    product_sku: Option<String>,
    product_name: Option<String>,
    stock_location: i64,
    stock_location_erp_code: Option<String>,
    /// Quarantined while it is open.
    quantity: i64,
    reason: String,
    denial_reason: Option<i64>,
    /// `open`, `found` or `lost`.
    state: String,
    created_date: String,
    closed_date: Option<String>,
    closed_by: Option<String>,
}

/// What became of the units.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the value is read by hand")]
pub(crate) struct CloseBody {
    /// `found`: they may be promised again. `lost`: they leave the books.
    outcome: String,
}

/// **Ours.** List discrepancies, the newest first.
#[utoipa::path(get, path = "/api/v1/oms/discrepancies/", tag = "stock", responses((status = 200, body = Paged<DiscrepancyView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<DiscrepancyView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let mut set = discrepancies::list(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, Page::whole(Vec::new()));
    let view = |d: oms_store::stock::discrepancies::Discrepancy| DiscrepancyView {
        id: d.id,
        package_item: d.package_item_id,
        product_sku: set.products.get(&d.product_id).map(|p| p.sku.clone()),
        product_name: set.products.get(&d.product_id).map(|p| p.name.clone()),
        stock_location: d.location_id,
        stock_location_erp_code: set.erp_codes.get(&d.location_id).cloned(),
        quantity: d.quantity,
        reason: d.reason,
        denial_reason: d.denial_reason_id,
        state: d.state,
        created_date: format_us(d.created_us),
        closed_date: d.closed_us.map(format_us),
        closed_by: d.closed_by,
    };
    Ok(Json(query.frame(page, ask.limit, view)?))
}

/// **Ours.** Say what became of the units, once.
#[utoipa::path(post, path = "/api/v1/oms/discrepancies/{id}/close/", tag = "stock", params(("id" = i64, Path)),
    request_body = CloseBody, responses((status = 204, description = "Closed.")))]
pub(crate) async fn close(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let was_found = match body.0.get("outcome").and_then(|o| o.as_str()) {
        Some("found") => true,
        Some("lost") => false,
        _ => return Err(Refusal::invalid("outcome", "invalid", "found or lost is expected.").into()),
    };
    let (ids, actor) = (discrepancies::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            discrepancies::close(tx, ids, actor, id, was_found).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        })
    })
    .await
}
