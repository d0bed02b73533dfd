//! Scenarios of both families.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::access::Principal;
use oms_app::rules::scenarios;
use oms_app::views;
use oms_core::scenarios::Family;
use oms_core::time::format_us;
use oms_store::lists::tables::SCENARIOS;
use oms_store::rules::scenarios::Stored;
use serde_json::{Value, json};

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;
use shapes::{Scenario, StoredScenario, StoredTransferScenario, TransferScenario};

fn sent(family: Family, body: &Value) -> scenarios::Sent<'_> {
    scenarios::Sent { family, body, comment: "" }
}

/// Said by reading, not by writing: a record that was read may be sent back.
const READ_ONLY: [&str; 4] = ["id", "version", "created_date", "modified_date"];

mod shapes {
    //! The shapes for the document; the use case reads and writes the values.
    #![expect(dead_code, reason = "the shapes exist for the document alone")]

    use serde_json::Value;
    use utoipa::ToSchema;

    /// A scenario: which orders it takes and which rules place their items. The shape is ours.
    #[derive(ToSchema)]
    pub(crate) struct Scenario {
        /// Unique.
        name: String,
        #[schema(required = false)]
        description: String,
        /// true if not given.
        #[schema(required = false)]
        is_active: bool,
        /// Lower is tried first.
        #[schema(required = false)]
        priority: i64,
        /// Channels by the hub's id.
        #[schema(required = false)]
        channel: Condition,
        #[schema(required = false)]
        shipping: Condition,
        #[schema(required = false)]
        payment: Condition,
        #[schema(required = false)]
        customer_type: Condition,
        /// `erp_code` of the location that keeps Out of Stock packages.
        default_stock_location: String,
        /// State code given instead of Waiting when an order becomes several packages.
        initial_status: Option<i64>,
        /// Tried in order; each gets what those before it could not place.
        rules: Vec<Rule>,
    }

    /// A stored scenario.
    #[derive(ToSchema)]
    pub(crate) struct StoredScenario {
        id: i64,
        /// Counts its changes, from 1.
        version: i64,
        created_date: String,
        modified_date: String,
        #[schema(inline)]
        #[serde(flatten)]
        scenario: Scenario,
    }

    /// A prerequisite: `static` lists values, `dynamic` without a query takes any.
    #[derive(ToSchema)]
    pub(crate) struct Condition {
        /// `static` or `dynamic`.
        r#type: String,
        /// Strings or whole numbers.
        #[schema(required = false)]
        values: Vec<Value>,
        #[schema(value_type = Option<Object>)]
        query: Option<Value>,
    }

    /// A packaging rule.
    #[derive(ToSchema)]
    pub(crate) struct Rule {
        name: String,
        #[schema(value_type = Option<Object>)]
        when: Option<Value>,
        /// `all_from_one`, `whole_lines` or `units`.
        products: String,
        /// And-ed; docs/scenarios.md shows each: `locations`, `except_locations`, `location_type`, `same_area`,
        /// `SELECT_BY_QUOTA`, `tags`, `flags`, `max_distance`, `open`, `before_cut_off`, `packaging_time`, `exit_time`.
        #[schema(value_type = Vec<Object>, required = false)]
        filters: Vec<Value>,
        /// First key first: `{"by": "distance|priority|stock|coverage|density|packaging_time|exit_time", "order": "asc|desc"}`.
        #[schema(value_type = Vec<Object>, required = false)]
        sort: Vec<Value>,
        #[schema(required = false)]
        transferable: bool,
        max_packages: Option<i64>,
        /// Lines with the same value in this line field go into one package, whole.
        keep_together: Option<String>,
        min_units_per_extra_package: Option<i64>,
        /// In minor units.
        min_value_per_extra_package: Option<i64>,
    }

    /// A transfer scenario: the same without a default location and an initial status. The shape is ours.
    #[derive(ToSchema)]
    pub(crate) struct TransferScenario {
        /// Unique.
        name: String,
        #[schema(required = false)]
        description: String,
        /// true if not given.
        #[schema(required = false)]
        is_active: bool,
        /// Lower is tried first.
        #[schema(required = false)]
        priority: i64,
        #[schema(required = false)]
        channel: Condition,
        #[schema(required = false)]
        shipping: Condition,
        #[schema(required = false)]
        payment: Condition,
        #[schema(required = false)]
        customer_type: Condition,
        /// Tried in order; a `when` may ask for `package.location`.
        rules: Vec<Rule>,
    }

    /// A stored transfer scenario.
    #[derive(ToSchema)]
    pub(crate) struct StoredTransferScenario {
        id: i64,
        /// Counts its changes, from 1.
        version: i64,
        created_date: String,
        modified_date: String,
        #[schema(inline)]
        #[serde(flatten)]
        scenario: TransferScenario,
    }
}

pub(crate) fn view(stored: Stored) -> Value {
    let mut value = json!({
        "id": stored.id,
        "version": stored.version,
        "created_date": format_us(stored.created_us),
        "modified_date": format_us(stored.modified_us),
    });
    if let (Some(map), Ok(Value::Object(body))) =
        (value.as_object_mut(), serde_json::to_value(&stored.scenario))
    {
        map.extend(body);
    }
    value
}

pub(crate) fn without_read_only(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(map) = body.as_object_mut() {
        READ_ONLY.iter().for_each(|key| drop(map.remove(*key)));
    }
    body
}

async fn list_of(state: &WebState, query: ListQuery, family: Family) -> Result<Json<Paged<Value>>, Problem> {
    let ask = query.ask(&SCENARIOS)?;
    let page = views::scenarios(&state.app, &ask, family).await?;
    Ok(Json(query.frame(page, ask.limit, view)?))
}

async fn create_of(
    state: &WebState,
    once: Once,
    body: input::Json,
    family: Family,
) -> Result<Response, Problem> {
    let scenario = without_read_only(&body.0);
    let (ids, actor) = (scenarios::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(state, &body.0, move |tx| {
        Box::pin(async move {
            let made = scenarios::create(tx, ids, &actor, sent(family, &scenario)).await?;
            answer(StatusCode::CREATED, &view(made))
        })
    })
    .await
}

async fn put_of(
    state: &WebState,
    who: Principal,
    id: i64,
    body: input::Json,
    family: Family,
) -> Result<Json<Value>, Problem> {
    let (ids, actor) = (scenarios::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let scenario = without_read_only(&body.0);
    let stored = scenarios::update(&mut tx, ids, &actor, id, sent(family, &scenario)).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(view(stored)))
}

/// **Ours.** List distribution scenarios in the order they are tried.
#[utoipa::path(get, path = "/api/v1/oms/distribution-scenarios/", tag = "scenarios",
    responses((status = 200, body = Paged<StoredScenario>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<Value>>, Problem> {
    list_of(&state, query, Family::Distribution).await
}

/// **Ours.** Create a distribution scenario, published at once as its version 1.
#[utoipa::path(post, path = "/api/v1/oms/distribution-scenarios/", tag = "scenarios", request_body = Scenario,
    responses((status = 201, body = StoredScenario)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    create_of(&state, once, body, Family::Distribution).await
}

/// **Ours.** One distribution scenario.
#[utoipa::path(get, path = "/api/v1/oms/distribution-scenarios/{id}/", tag = "scenarios", params(("id" = i64, Path)),
    responses((status = 200, body = StoredScenario)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<Value>, Problem> {
    Ok(Json(view(views::scenario(&state.app, id, Family::Distribution).await?)))
}

/// **Ours.** Give a distribution scenario another content, published at once as its next version.
#[utoipa::path(put, path = "/api/v1/oms/distribution-scenarios/{id}/", tag = "scenarios", params(("id" = i64, Path)),
    request_body = Scenario, responses((status = 200, body = StoredScenario)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<Value>, Problem> {
    put_of(&state, who, id, body, Family::Distribution).await
}

/// **Ours.** List transfer scenarios in the order they are tried.
#[utoipa::path(get, path = "/api/v1/oms/transfer-scenarios/", tag = "scenarios",
    responses((status = 200, body = Paged<StoredTransferScenario>)))]
pub(crate) async fn list_transfer(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<Value>>, Problem> {
    list_of(&state, query, Family::Transfer).await
}

/// **Ours.** Create a transfer scenario: from where a packing location gets what it misses.
#[utoipa::path(post, path = "/api/v1/oms/transfer-scenarios/", tag = "scenarios", request_body = TransferScenario,
    responses((status = 201, body = StoredTransferScenario)))]
pub(crate) async fn create_transfer(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    create_of(&state, once, body, Family::Transfer).await
}

/// **Ours.** One transfer scenario.
#[utoipa::path(get, path = "/api/v1/oms/transfer-scenarios/{id}/", tag = "scenarios", params(("id" = i64, Path)),
    responses((status = 200, body = StoredTransferScenario)))]
pub(crate) async fn get_transfer(State(state): State<WebState>, Id(id): Id) -> Result<Json<Value>, Problem> {
    Ok(Json(view(views::scenario(&state.app, id, Family::Transfer).await?)))
}

/// **Ours.** Give a transfer scenario another content, published at once as its next version.
#[utoipa::path(put, path = "/api/v1/oms/transfer-scenarios/{id}/", tag = "scenarios", params(("id" = i64, Path)),
    request_body = TransferScenario, responses((status = 200, body = StoredTransferScenario)))]
pub(crate) async fn put_transfer(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<Value>, Problem> {
    put_of(&state, who, id, body, Family::Transfer).await
}
