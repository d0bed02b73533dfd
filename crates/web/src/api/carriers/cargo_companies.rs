//! Cargo companies: accounts at carriers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::carriers::cargo_companies::{self, Available, CompanyInput};
use oms_core::time::format_us;
use oms_store::carriers::cargo_companies::{CargoCompany, LIST};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A cargo company; its password is shown as asterisks.
#[derive(Serialize, ToSchema)]
pub(crate) struct CargoCompanyView {
    id: i64,
    name: String,
    erp_code: String,
    is_managed_by_oms: bool,
    is_demo_client: bool,
    shipping_company: String,
    #[schema(value_type = Object)]
    conf: Value,
    /// Ours.
    is_active: bool,
    /// Ours: the lower of those that apply is taken.
    priority: i64,
    /// Ours: counts its changes.
    version: i64,
    created_date: String,
    modified_date: String,
}

impl From<CargoCompany> for CargoCompanyView {
    fn from(c: CargoCompany) -> Self {
        let set = c.set;
        Self {
            id: c.id,
            name: set.name,
            erp_code: set.erp_code,
            is_managed_by_oms: set.is_managed_by_oms,
            is_demo_client: set.is_demo_client,
            shipping_company: set.shipping_company,
            conf: set.conf,
            is_active: set.is_active,
            priority: set.priority,
            version: c.version,
            created_date: format_us(c.created_us),
            modified_date: format_us(c.modified_us),
        }
    }
}

/// A cargo company to be made or changed. What is left out of a change stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CargoCompanyBody {
    name: Option<String>,
    erp_code: Option<String>,
    /// The OMS makes and follows its shipments.
    is_managed_by_oms: Option<bool>,
    /// It is only played, by the class that `conf` names.
    is_demo_client: Option<bool>,
    /// One of `available`.
    shipping_company: Option<String>,
    /// By the schema of `available`. A password sent as asterisks keeps the stored one while the addresses stay the same.
    #[schema(value_type = Option<Object>)]
    conf: Option<Value>,
    is_active: Option<bool>,
    priority: Option<i64>,
}

/// Said by reading, not by writing: a record that was read may be sent back.
const READ_ONLY: [&str; 4] = ["id", "version", "created_date", "modified_date"];

fn read(body: &input::Json) -> Result<CargoCompanyBody, Problem> {
    let mut body = body.0.clone();
    if let Some(map) = body.as_object_mut() {
        READ_ONLY.iter().for_each(|key| drop(map.remove(*key)));
    }
    input::Json(body).read()
}

impl CargoCompanyBody {
    /// Puts what is said in place of what was.
    fn into(self, said: &mut CompanyInput) {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(&mut said.name, self.name);
        put(&mut said.erp_code, self.erp_code);
        put(&mut said.is_managed_by_oms, self.is_managed_by_oms);
        put(&mut said.is_demo_client, self.is_demo_client);
        put(&mut said.shipping_company, self.shipping_company);
        put(&mut said.conf, self.conf);
        put(&mut said.is_active, self.is_active);
        put(&mut said.priority, self.priority);
    }
}

/// List cargo companies.
#[utoipa::path(get, path = "/api/v1/oms/cargo-company/", tag = "carriers", responses((status = 200, body = Paged<CargoCompanyView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<CargoCompanyView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = cargo_companies::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, CargoCompanyView::from)?))
}

/// A company that can be chosen. The shape is ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct AvailableView {
    shipping_company: &'static str,
    title: &'static str,
    is_demo_client: bool,
    /// What `conf` holds, as JSON Schema.
    #[schema(value_type = Object)]
    conf_schema: Value,
    /// A `conf` it takes.
    #[schema(value_type = Object)]
    example: Value,
}

/// All that can be chosen.
#[derive(Serialize, ToSchema)]
pub(crate) struct AvailableCompanies {
    result: Vec<AvailableView>,
}

/// **Ours.** The companies that can be chosen, each with the schema of its `conf`.
#[utoipa::path(get, path = "/api/v1/oms/cargo-company/available/", tag = "carriers", responses((status = 200, body = AvailableCompanies)))]
pub(crate) async fn available() -> Json<AvailableCompanies> {
    let one = |a: Available| AvailableView {
        shipping_company: a.shipping_company,
        title: a.title,
        is_demo_client: a.is_demo_client,
        conf_schema: a.conf_schema,
        example: a.example,
    };
    Json(AvailableCompanies { result: cargo_companies::available().into_iter().map(one).collect() })
}

/// Make a cargo company.
#[utoipa::path(post, path = "/api/v1/oms/cargo-company/", tag = "carriers", request_body = CargoCompanyBody,
    responses((status = 201, body = CargoCompanyView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let mut said = CompanyInput::default();
    read(&body)?.into(&mut said);
    let (ids, actor) = (cargo_companies::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let app = state.app.clone();
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = cargo_companies::create(tx, &app, ids, &actor, said).await?;
            answer(StatusCode::CREATED, &CargoCompanyView::from(made))
        })
    })
    .await
}

/// One cargo company.
#[utoipa::path(get, path = "/api/v1/oms/cargo-company/{id}/", tag = "carriers", params(("id" = i64, Path)),
    responses((status = 200, body = CargoCompanyView)))]
pub(crate) async fn get(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<Json<CargoCompanyView>, Problem> {
    Ok(Json(cargo_companies::get(&state.app, id).await?.into()))
}

async fn change(
    state: &WebState,
    who: String,
    id: i64,
    change: impl FnOnce(&mut CompanyInput),
) -> Result<Json<CargoCompanyView>, Problem> {
    let (ids, actor) = (cargo_companies::ids(&state.app).await?, state.app.actor(who).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let stored = cargo_companies::update(&mut tx, &state.app, ids, &actor, id, change).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(stored.into()))
}

/// Give a cargo company another content. What is left out is as if it were new.
#[utoipa::path(put, path = "/api/v1/oms/cargo-company/{id}/", tag = "carriers", params(("id" = i64, Path)),
    request_body = CargoCompanyBody, responses((status = 200, body = CargoCompanyView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<CargoCompanyView>, Problem> {
    let said = read(&body)?;
    change(&state, who.actor(), id, |company| {
        *company = CompanyInput::default();
        said.into(company);
    })
    .await
}

/// Change parts of a cargo company.
#[utoipa::path(patch, path = "/api/v1/oms/cargo-company/{id}/", tag = "carriers", params(("id" = i64, Path)),
    request_body = CargoCompanyBody, responses((status = 200, body = CargoCompanyView)))]
pub(crate) async fn patch(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<CargoCompanyView>, Problem> {
    let said = read(&body)?;
    change(&state, who.actor(), id, |company| said.into(company)).await
}

/// Remove a cargo company with its conditions.
#[utoipa::path(delete, path = "/api/v1/oms/cargo-company/{id}/", tag = "carriers", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (cargo_companies::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    cargo_companies::remove(&mut tx, ids, &actor, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
