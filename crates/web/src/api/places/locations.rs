//! Locations: stores and warehouses.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::Error;
use oms_app::objects::locations::{FlatLocation, LocationView, flat, view};
use oms_app::places::locations;
use oms_app::stock::engines;
use oms_app::views::{self, Places};
use oms_store::lists::tables::LOCATIONS;
use oms_store::places::locations::Location;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::places::locations_input::{self as read, LocationInput};
use crate::auth::Who;
use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A location with its address as an id.
#[derive(Serialize, ToSchema)]
pub(crate) struct SimpleLocation {
    /// Its address's id.
    address: Option<i64>,
    #[serde(flatten)]
    flat: FlatLocation,
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
