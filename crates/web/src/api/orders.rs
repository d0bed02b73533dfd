//! Orders: taken in batches, listed and shown.

pub(crate) mod cancellations;
pub(crate) mod hub_records;
pub(crate) mod webhooks;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::{orders, views};
use oms_core::refusal::Refusal;
use oms_store::orders::Accepted;
use oms_store::orders::order_views::ORDERS;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;
use oms_app::objects::orders::{OrderView, view};

/// 1 to 256 whole orders.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct NewOrders {
    orders: Vec<NewOrder>,
}

/// A whole order.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct NewOrder {
    /// Unique within its channel.
    number: String,
    /// The channel's id here, or at the hub.
    channel: i64,
    /// ISO 8601.
    date_placed: String,
    /// Not given: the channel's or the brand's by `MULTI_REGIONAL_SETTINGS`, else `try`.
    currency: Option<String>,
    /// Money is a string with two decimals.
    amount: Option<String>,
    shipping_amount: Option<String>,
    discount_amount: Option<String>,
    shipping_option_slug: Option<String>,
    payment_option_slug: Option<String>,
    delivery_type: Option<String>,
    notes: Option<String>,
    language_code: Option<String>,
    order_type: Option<String>,
    customer: Option<NewCustomer>,
    shipping_address: NewAddress,
    billing_address: Option<NewAddress>,
    /// 1 to 1,000.
    lines: Vec<NewLine>,
}

/// One line of an order.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct NewLine {
    /// An unknown one becomes a product of that name.
    sku: String,
    /// Whole units, 1 to 1,000,000.
    quantity: i64,
    price: Option<String>,
    discount_amount: Option<String>,
    tax_rate: Option<String>,
}

/// Who orders.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct NewCustomer {
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
    customer_type: Option<String>,
}

/// Where to; places by their ids here.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct NewAddress {
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    email: Option<String>,
    country: Option<i64>,
    city: Option<i64>,
    township: Option<i64>,
    district: Option<i64>,
    line: Option<String>,
    postcode: Option<String>,
    notes: Option<String>,
    company_name: Option<String>,
    /// Degrees.
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// What became of the orders, in the order sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenOrders {
    results: Vec<TakenOrder>,
}

/// What became of one order.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenOrder {
    #[schema(value_type = Option<String>)]
    number: Value,
    /// `created` or `rejected`.
    status: &'static str,
    /// Its id, if it was created.
    order: Option<i64>,
    /// The id of its execution plan, if it was created.
    plan: Option<i64>,
    /// Why not, by field, with a stable `code`.
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
}

impl TakenOrder {
    fn created(number: Value, id: i64) -> Self {
        Self { number, status: "created", order: Some(id), plan: Some(id), error: None }
    }

    fn rejected(number: Value, refusal: &Refusal) -> Self {
        let error = json!({refusal.field.clone(): [refusal.message.clone()], "code": refusal.code});
        Self { number, status: "rejected", order: None, plan: None, error: Some(error) }
    }
}

/// **Ours.** Take 1 to 256 whole orders; each is created or rejected for itself.
#[utoipa::path(post, path = "/api/v1/oms/orders/", tag = "orders", request_body = NewOrders,
    responses((status = 200, body = TakenOrders)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let batch = orders::read_batch(&body.0)?;
    let ids = orders::api_ids(&state.app, &batch).await?;
    let actor = state.app.actor(once.who.actor()).await?;
    let sent = body.0["orders"].as_array().into_iter().flatten();
    let numbers: Vec<Value> =
        sent.map(|o| if o["number"].is_string() { o["number"].clone() } else { Value::Null }).collect();
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let taken = orders::take_api_batch(tx, batch, ids, &actor).await?;
            let one = |(number, result): (Value, Result<Accepted, Refusal>)| match result {
                Ok(
                    Accepted::New { order_id }
                    | Accepted::Replaced { order_id }
                    | Accepted::Renewed { order_id, .. }
                    | Accepted::Unchanged { order_id: Some(order_id) },
                ) => TakenOrder::created(number, order_id),
                Ok(Accepted::Unchanged { order_id: None }) => {
                    let message = "The order is known and was not taken.";
                    TakenOrder::rejected(number, &Refusal::invalid("number", "not_taken", message))
                }
                Ok(Accepted::Filtered { reason }) => {
                    TakenOrder::rejected(number, &Refusal::invalid("non_field_errors", "filtered", reason))
                }
                Ok(Accepted::Rejected(refusal)) | Err(refusal) => TakenOrder::rejected(number, &refusal),
            };
            let results = numbers.into_iter().zip(taken).map(one).collect();
            answer(StatusCode::OK, &TakenOrders { results })
        })
    })
    .await
}

/// List orders. **Ours**, in the shape of the documented order payload.
#[utoipa::path(get, path = "/api/v1/oms/orders/", tag = "orders", responses((status = 200, body = Paged<OrderView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<OrderView>>, Problem> {
    let ask = query.ask(&ORDERS)?;
    let mut set = views::orders(&state.app, &ask).await?;
    let page = std::mem::replace(&mut set.page, oms_store::lists::Page::whole(Vec::new()));
    Ok(Json(query.frame(page, ask.limit, |order| view(&set, &order))?))
}

/// One order.
#[utoipa::path(get, path = "/api/v1/oms/orders/{id}/", tag = "orders", params(("id" = i64, Path)),
    responses((status = 200, body = OrderView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<OrderView>, Problem> {
    let set = views::order(&state.app, id).await?;
    let order = set.page.rows.first().ok_or_else(Problem::failure)?;
    Ok(Json(view(&set, order)))
}
