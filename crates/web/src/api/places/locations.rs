//! Locations: stores and warehouses.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::Error;
use oms_app::places::locations;
use oms_app::stock::engines;
use oms_app::views::{self, Places};
use oms_core::time::format_us;
use oms_store::lists::tables::LOCATIONS;
use oms_store::places::locations::Location;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::places::addresses::{AddressView, address};
use crate::api::places::locations_input::{self as read, LocationInput};
use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A store or warehouse.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocationView {
    /// Its address as an object.
    address: Option<AddressView>,
    #[serde(flatten)]
    flat: FlatLocation,
}

/// What a location is without the records around it.
#[derive(Serialize, ToSchema)]
pub(crate) struct FlatLocation {
    id: i64,
    created_date: String,
    modified_date: String,
    omnitron_id: Option<i64>,
    name: String,
    /// `store` or `warehouse`.
    stock_location_type: &'static str,
    erp_code: String,
    is_fulfillment_center: bool,
    is_pickup_location: bool,
    is_delivery_location: bool,
    is_fast_delivery_available: bool,
    is_return_available: bool,
    /// Ours.
    is_shipper: bool,
    is_active: bool,
    priority: i64,
    /// Packages that may hold a slot here; null: no limit.
    max_quota: Option<i64>,
    /// Packages that hold a slot here.
    quota: i64,
    /// What is left of `max_quota`.
    available_quota: Option<i64>,
    engine: Option<i64>,
    email: Option<String>,
    daytime_phone: Option<String>,
    evening_phone: Option<String>,
    fax_number: Option<String>,
    /// Ours.
    /// **Ours.** When it works; null: always.
    #[schema(value_type = Option<Object>)]
    calendar: Option<serde_json::Value>,
    targeted_packaging_minutes: Option<i64>,
    /// Ours.
    targeted_exit_minutes: Option<i64>,
    #[schema(value_type = Object)]
    conf: Value,
    #[schema(value_type = Vec<Object>)]
    tags: Value,
    /// Ours: counts its changes.
    version: i64,
}

/// A location with its address as an id.
#[derive(Serialize, ToSchema)]
pub(crate) struct SimpleLocation {
    /// Its address's id.
    address: Option<i64>,
    #[serde(flatten)]
    flat: FlatLocation,
}

fn flat(l: &Location) -> FlatLocation {
    let p = &l.properties;
    FlatLocation {
        id: l.id,
        created_date: format_us(l.created_us),
        modified_date: format_us(l.modified_us),
        omnitron_id: p.omnitron_id,
        name: p.name.clone(),
        stock_location_type: p.kind.as_str(),
        erp_code: p.erp_code.clone(),
        is_fulfillment_center: p.is_fulfillment_center,
        is_pickup_location: p.is_pickup_location,
        is_delivery_location: p.is_delivery_location,
        is_fast_delivery_available: p.is_fast_delivery_available,
        is_return_available: p.is_return_available,
        is_shipper: p.is_shipper,
        is_active: p.is_active,
        priority: p.priority,
        max_quota: p.max_quota,
        quota: l.quota,
        available_quota: p.max_quota.map(|most| (most - l.quota).max(0)),
        engine: p.engine,
        email: p.email.clone(),
        daytime_phone: p.daytime_phone.clone(),
        evening_phone: p.evening_phone.clone(),
        fax_number: p.fax_number.clone(),
        calendar: Some(p.calendar.clone()).filter(|c| !c.is_null()),
        targeted_packaging_minutes: p.targeted_packaging_minutes,
        targeted_exit_minutes: p.targeted_exit_minutes,
        conf: p.conf.clone(),
        tags: p.tags.clone(),
        version: l.version,
    }
}

/// A location as an object.
pub(crate) fn view(l: &Location, places: &Places) -> LocationView {
    let nested = l.address_id.map(|id| address(Some(id), &l.properties.address, places));
    LocationView { address: nested, flat: flat(l) }
}

/// List locations. The address is ours; the objects are as documented.
#[utoipa::path(get, path = "/api/v1/oms/stocklocations/", tag = "locations", responses((status = 200, body = Paged<LocationView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<LocationView>>, Problem> {
    let ask = query.ask(&LOCATIONS)?;
    let (page, places) = views::locations(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, |l| view(&l, &places))?))
}

/// List locations flat.
#[utoipa::path(get, path = "/api/v1/oms/stocklocations/list-simple/", tag = "locations",
    responses((status = 200, body = Paged<SimpleLocation>)))]
pub(crate) async fn list_simple(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<SimpleLocation>>, Problem> {
    let ask = query.ask(&LOCATIONS)?;
    let (page, _) = views::locations(&state.app, &ask).await?;
    let simple = |l: Location| SimpleLocation { address: l.address_id, flat: flat(&l) };
    Ok(Json(query.frame(page, ask.limit, simple)?))
}

/// **Ours.** Create a location.
#[utoipa::path(post, path = "/api/v1/oms/stocklocations/", tag = "locations", request_body = LocationInput,
    responses((status = 201, body = LocationView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let properties = read::whole(&body.0)?;
    let (ids, actor) = (locations::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let done = once
        .run(&state, &body.0, move |tx| {
            Box::pin(async move {
                views::check_places(tx, &properties.address).await?;
                let made = locations::create(tx, ids, &actor, &properties).await?;
                let places = Places::of(tx, std::iter::once(&made.properties.address)).await?;
                answer(StatusCode::CREATED, &view(&made, &places))
            })
        })
        .await;
    engines::changed(&state.app).await;
    done
}

/// One location.
#[utoipa::path(get, path = "/api/v1/oms/stocklocations/{id}/", tag = "locations", params(("id" = i64, Path)),
    responses((status = 200, body = LocationView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<LocationView>, Problem> {
    let location = locations::get(&state.app, id).await?;
    let places = views::places_of(&state.app, &location).await?;
    Ok(Json(view(&location, &places)))
}

async fn change(
    state: &WebState,
    who: Who,
    id: i64,
    change: impl FnOnce(&mut oms_store::places::locations::Properties) -> Result<(), oms_core::refusal::Refusal>,
) -> Result<Json<LocationView>, Problem> {
    let (ids, actor) = (locations::ids(&state.app).await?, state.app.actor(who.0.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(Error::from)?;
    let changed = locations::update(&mut tx, ids, &actor, id, change).await?;
    views::check_places(&mut tx, &changed.properties.address).await?;
    let places = Places::of(&mut tx, std::iter::once(&changed.properties.address)).await?;
    tx.commit().await.map_err(Error::from)?;
    engines::changed(&state.app).await;
    Ok(Json(view(&changed, &places)))
}

/// **Ours.** Replace what is said of a location; what is left out gets its default.
#[utoipa::path(put, path = "/api/v1/oms/stocklocations/{id}/", tag = "locations", params(("id" = i64, Path)),
    request_body = LocationInput, responses((status = 200, body = LocationView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    who: Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<LocationView>, Problem> {
    let properties = read::whole(&body.0)?;
    change(&state, who, id, move |p| {
        *p = properties;
        Ok(())
    })
    .await
}

/// **Ours.** Change some properties of a location; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/oms/stocklocations/{id}/", tag = "locations", params(("id" = i64, Path)),
    request_body = LocationInput, responses((status = 200, body = LocationView)))]
pub(crate) async fn patch(
    State(state): State<WebState>,
    who: Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<LocationView>, Problem> {
    change(&state, who, id, move |p| read::onto(p, &body.0)).await
}

/// **Ours.** Delete a location that nothing refers to; one with packages or stock can be made inactive.
#[utoipa::path(delete, path = "/api/v1/oms/stocklocations/{id}/", tag = "locations", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (locations::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(Error::from)?;
    locations::delete(&mut tx, ids, &actor, id).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
