//! Safety stock: units that are never promised.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::stock::safety_stocks::{self, SafetyInput};
use oms_core::codes;
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use oms_store::lists::tables::SAFETY_STOCKS;
use oms_store::stock::safety_stocks::SafetyStock;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// Units kept back; what is null is any. Product counts before location before channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct SafetyStockView {
    id: i64,
    sku: Option<String>,
    erp_code: Option<String>,
    /// The channel's id at the hub, ours if it has none.
    channel: Option<i64>,
    units: i64,
    created_date: String,
    modified_date: String,
}

/// What can be written of it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the fields are read one by one")]
pub(crate) struct SafetyStockInput {
    /// null or left out: any product.
    #[schema(required = false)]
    sku: Option<String>,
    /// null or left out: any location.
    #[schema(required = false)]
    erp_code: Option<String>,
    /// null or left out: any channel.
    #[schema(required = false)]
    channel: Option<i64>,
    units: i64,
}

fn view(s: SafetyStock) -> SafetyStockView {
    SafetyStockView {
        id: s.id,
        sku: s.sku,
        erp_code: s.erp_code,
        channel: s.channel,
        units: s.units,
        created_date: format_us(s.created_us),
        modified_date: format_us(s.modified_us),
    }
}

fn read(body: &Value) -> Result<SafetyInput, Refusal> {
    let map = body
        .as_object()
        .ok_or_else(|| Refusal::invalid("non_field_errors", "invalid", "An object is expected."))?;
    let known = ["sku", "erp_code", "channel", "units"];
    if let Some(unknown) = map.keys().find(|k| !known.contains(&k.as_str())) {
        let message = format!("{unknown:?} is not known here. Known: {}.", known.join(", "));
        return Err(Refusal::invalid(unknown, "unknown_field", message));
    }
    let wrong = |field: &str, what: &str| Refusal::invalid(field, "invalid", format!("{field} is {what}."));
    let text = |field: &str| match map.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) if !s.trim().is_empty() => {
            let code = codes::clean(s)
                .map_err(|wrong| Refusal::invalid(field, "invalid", format!("{field}: {wrong}.")))?;
            Ok(Some(code.to_owned()))
        }
        Some(_) => Err(wrong(field, "a text of 1 to 255 characters, or null for any")),
    };
    let channel = match map.get("channel") {
        None | Some(Value::Null) => None,
        Some(v) => Some(v.as_i64().ok_or_else(|| wrong("channel", "the id of a channel, or null for any"))?),
    };
    let units = map.get("units").and_then(Value::as_i64).ok_or_else(|| wrong("units", "a whole number"))?;
    Ok(SafetyInput { sku: text("sku")?, erp_code: text("erp_code")?, channel, units })
}

/// **Ours.** List safety stock.
#[utoipa::path(get, path = "/api/v1/oms/safety-stocks/", tag = "stock", responses((status = 200, body = Paged<SafetyStockView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<SafetyStockView>>, Problem> {
    let ask = query.ask(&SAFETY_STOCKS)?;
    let page = safety_stocks::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, view)?))
}

/// **Ours.** Set the units kept back at a place: its row is made, or changed if it is there.
#[utoipa::path(post, path = "/api/v1/oms/safety-stocks/", tag = "stock", request_body = SafetyStockInput,
    responses((status = 200, body = SafetyStockView)))]
pub(crate) async fn set(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let input = read(&body.0)?;
    let (ids, actor) = (safety_stocks::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let stored = safety_stocks::set(tx, ids, &actor, &input).await?;
            answer(StatusCode::OK, &view(stored))
        })
    })
    .await
}

/// **Ours.** Keep nothing back there any more.
#[utoipa::path(delete, path = "/api/v1/oms/safety-stocks/{id}/", tag = "stock", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (safety_stocks::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    safety_stocks::delete(&mut tx, ids, &actor, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
