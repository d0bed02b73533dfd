//! Stock: loaded in bulk, listed, and asked for by baskets.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use oms_app::stock::stocks::{self, Basket, StockRow};
use oms_app::views;
use oms_core::refusal::Refusal;
use oms_core::{codes, reading};
use oms_store::lists::tables::{STOCKS, Stock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::input::{self, Query};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// The documented limits of a basket.
const MAX_SKUS: usize = 100;
const MAX_ERP_CODES: usize = 50;
const MAX_TAGS: usize = 20;
/// The longest SKU, `erp_code` or tag.
const MAX_TEXT: usize = 255;

/// What stands where. The shape is ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct StockView {
    stock_location: i64,
    erp_code: String,
    product: i64,
    sku: String,
    on_hand: i64,
    /// Promised to orders.
    reserved: i64,
    /// Found missing or defective, not yet decided.
    quarantined: i64,
    /// What may still be promised. Below 0 where an outside stock engine reads less than is promised.
    available: i64,
    /// The outside stock engine whose reading `on_hand` is; null: the built-in one.
    engine: Option<i64>,
}

impl From<Stock> for StockView {
    fn from(s: Stock) -> Self {
        Self {
            stock_location: s.location_id,
            erp_code: s.erp_code,
            product: s.product_id,
            sku: s.sku,
            on_hand: s.on_hand,
            reserved: s.reserved,
            quarantined: s.quarantined,
            available: s.on_hand - s.reserved - s.quarantined,
            engine: s.engine_id,
        }
    }
}

/// 1 to 5,000 counts, taken all or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the shape for the document; rows are read one by one")]
pub(crate) struct Counts {
    rows: Vec<CountRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    rows: Vec<Value>,
}

/// How many units of a SKU stand at a location.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountRow {
    erp_code: String,
    /// An unknown one becomes a product of that name.
    sku: String,
    /// Whole units, from 0.
    on_hand: i64,
}

/// Reads the rows of a load; every row that is refused is named.
fn read_rows(body: &input::Json) -> Result<Vec<StockRow>, Problem> {
    let Rows { rows } = body.read()?;
    let read: Vec<_> = rows.iter().enumerate().map(|(i, row)| read_row(&format!("rows[{i}]"), row)).collect();
    Refusal::of_all(read.iter().filter_map(|row| row.as_ref().err().cloned()))?;
    Ok(read.into_iter().flatten().collect())
}

fn read_row(at: &str, row: &Value) -> Result<StockRow, Refusal> {
    let CountRow { erp_code, sku, on_hand } = reading::read(row, at)?;
    let sku = match codes::clean(&sku) {
        Ok("") => Err("A SKU is expected.".to_owned()),
        Ok(sku) => Ok(sku.to_owned()),
        Err(wrong) => Err(format!("The SKU is refused: {wrong}.")),
    };
    let sku = sku.map_err(|message| Refusal::invalid(format!("{at}.sku"), "invalid", message))?;
    Ok(StockRow { erp_code: erp_code.trim().to_owned(), sku, on_hand })
}

/// How many counts were taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counted {
    rows: usize,
}

/// **Ours.** List balances, those that outside stock engines read included.
#[utoipa::path(get, path = "/api/v1/oms/stocks/", tag = "stock", responses((status = 200, body = Paged<StockView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<StockView>>, Problem> {
    let ask = query.ask(&STOCKS)?;
    let page = views::stocks(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, StockView::from)?))
}

/// **Ours.** Set what is on hand, all rows or none. A count below what is reserved is refused, and one of a
/// location that an outside stock engine feeds.
#[utoipa::path(post, path = "/api/v1/oms/stocks/", tag = "stock", request_body = Counts,
    responses((status = 200, body = Counted)))]
pub(crate) async fn set(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let rows = read_rows(&body)?;
    // Ids are taken before the use case checks the count of rows.
    let ids = stocks::ids(&state.app, rows.len().min(stocks::MAX_ROWS)).await?;
    let actor = state.app.actor(once.who.actor()).await?;
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let rows = stocks::set(tx, ids, &actor, &rows).await?;
            answer(StatusCode::OK, &Counted { rows })
        })
    })
    .await
}

/// What went wrong with a basket: this address has its documented shape.
#[derive(Serialize, ToSchema)]
pub(crate) struct BasketError {
    error: &'static str,
    message: String,
    code: &'static str,
}

type RefusedBasket = (StatusCode, Json<BasketError>);

fn refused(status: StatusCode, code: &'static str, message: impl Into<String>) -> RefusedBasket {
    let error = if status == StatusCode::BAD_REQUEST { "Bad Request" } else { "Validation Error" };
    (status, Json(BasketError { error, message: message.into(), code }))
}

fn basket(query: &[(String, String)]) -> Result<Basket, RefusedBasket> {
    let mut basket = Basket::default();
    let mut skus = 0;
    for (name, value) in query {
        if value.trim().is_empty() || value.chars().count() > MAX_TEXT {
            let message = format!("{name} has 1 to {MAX_TEXT} characters.");
            return Err(refused(StatusCode::BAD_REQUEST, "invalid_parameter", message));
        }
        match name.as_str() {
            "sku" => {
                skus += 1;
                let sku = codes::clean(value).map_err(|wrong| {
                    refused(StatusCode::BAD_REQUEST, "invalid_parameter", format!("sku: {wrong}."))
                })?;
                *basket.skus.entry(sku.to_owned()).or_default() += 1;
            }
            "erp_code" => basket.erp_codes.push(value.trim().to_owned()),
            "tag" => basket.tags.push(value.trim().to_owned()),
            _ => {
                let message = format!("{name:?} is not a parameter here. Known: sku, erp_code, tag.");
                return Err(refused(StatusCode::BAD_REQUEST, "unknown_parameter", message));
            }
        }
    }
    let validation =
        |message: String| Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", message));
    if !(1..=MAX_SKUS).contains(&skus) {
        return validation(format!("1 to {MAX_SKUS} sku parameters are expected; there are {skus}."));
    }
    if basket.erp_codes.len() > MAX_ERP_CODES {
        return validation(format!("At most {MAX_ERP_CODES} erp_code parameters are taken."));
    }
    if basket.tags.len() > MAX_TAGS {
        return validation(format!("At most {MAX_TAGS} tag parameters are taken."));
    }
    Ok(basket)
}

/// Whether each location has a whole basket: every SKU as often as it is repeated.
#[utoipa::path(get, path = "/api/v1/oms/query-stock-availability", tag = "stock",
    params(("sku" = Vec<String>, Query, description = "1 to 100; repeat a SKU to ask for more units."),
           ("erp_code" = Option<Vec<String>>, Query, description = "At most 50; none: every active location."),
           ("tag" = Option<Vec<String>>, Query, description = "At most 20; only locations with one of them.")),
    responses((status = 200, body = std::collections::BTreeMap<String, bool>, description = "By `erp_code`."),
              (status = 400, body = BasketError, description = "A wrong parameter, or no location fits."),
              (status = 422, body = BasketError, description = "Too few or too many parameters.")))]
pub(crate) async fn availability(
    State(state): State<WebState>,
    Query(query): Query,
) -> Result<Response, Problem> {
    let basket = match basket(&query) {
        Ok(basket) => basket,
        Err(refused) => return Ok(refused.into_response()),
    };
    Ok(match stocks::has_basket(&state.app, &basket).await? {
        Some(answer) => Json(json!(answer)).into_response(),
        None => {
            let message = "No active location fits the erp_code and tag parameters.";
            refused(StatusCode::BAD_REQUEST, "no_valid_location", message).into_response()
        }
    })
}
