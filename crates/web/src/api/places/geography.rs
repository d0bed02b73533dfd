//! The address tree.

use axum::Json;
use axum::extract::State;
use oms_app::views;
use oms_core::time::format_us;
use oms_store::lists::List;
use oms_store::lists::tables::places_list;
use oms_store::places::geography::{Level, Place};
use serde::Serialize;
use utoipa::ToSchema;

use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;
use oms_app::objects::addresses::{self, PlaceView};

/// A place in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaceRow {
    id: i64,
    #[serde(flatten)]
    place: PlaceView,
    created_date: String,
    modified_date: String,
}

/// The list of a level, from the root down.
pub(crate) fn table(depth: usize) -> &'static List {
    places_list(Level::ALL[depth])
}

fn row(level: Level, p: &Place) -> PlaceRow {
    PlaceRow {
        id: p.id,
        place: addresses::place(level, p),
        created_date: format_us(p.created_us),
        modified_date: format_us(p.modified_us),
    }
}

async fn list(state: &WebState, level: Level, query: &ListQuery) -> Result<Json<Paged<PlaceRow>>, Problem> {
    let ask = query.ask(places_list(level))?;
    let page = views::places(&state.app, level, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, |p| row(level, &p))?))
}

async fn one(state: &WebState, level: Level, id: i64) -> Result<Json<PlaceRow>, Problem> {
    Ok(Json(row(level, &views::place(&state.app, level, id).await?)))
}

macro_rules! level {
    ($level:ident, $many:ident, $one:ident, $list_path:literal, $path:literal) => {
        /// List places of this level.
        #[utoipa::path(get, path = $list_path, tag = "geography", responses((status = 200, body = Paged<PlaceRow>)))]
        pub(crate) async fn $many(
            State(state): State<WebState>,
            query: ListQuery,
        ) -> Result<Json<Paged<PlaceRow>>, Problem> {
            list(&state, Level::$level, &query).await
        }

        /// One place of this level.
        #[utoipa::path(get, path = $path, tag = "geography", params(("id" = i64, Path)), responses((status = 200, body = PlaceRow)))]
        pub(crate) async fn $one(State(state): State<WebState>, Id(id): Id) -> Result<Json<PlaceRow>, Problem> {
            one(&state, Level::$level, id).await
        }
    };
}

level!(Country, countries, country, "/api/v1/oms/countries/", "/api/v1/oms/countries/{id}/");
level!(City, cities, city, "/api/v1/oms/cities/", "/api/v1/oms/cities/{id}/");
level!(Township, townships, township, "/api/v1/oms/townships/", "/api/v1/oms/townships/{id}/");
level!(District, districts, district, "/api/v1/oms/districts/", "/api/v1/oms/districts/{id}/");
