//! HTTP: the JSON API, its description, and the first pages. No SQL and no business rule lives here.

mod answers;
mod api;
mod auth;
mod export;
mod input;
mod once;
mod pages;
mod paging;
mod problem;
mod routes;
mod state;
mod throttle;

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::response::IntoResponse;
use axum::routing::get;
use oms_core::permissions::Permission;
use tower::Layer;
use utoipa_swagger_ui::{Config, SwaggerUi};

pub use crate::problem::refusal_answer;
pub use crate::routes::RouteInfo;
pub use crate::state::WebState;

const DOCUMENT: &str = "/api/openapi.json";
const BROWSER: &str = "/api/docs";

/// Everything that is served. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: sign-ins
/// are slowed by address.
pub fn router(state: WebState) -> Router {
    let (router, document, _) = pages::add(api::routes(state.clone())).finish();
    let document: Arc<str> = text(&document).into();
    let served = get(move || {
        let document = document.clone();
        async move { ([("content-type", "application/json")], document.to_string()).into_response() }
    });
    // The two addresses of the description are open to everybody, like health: see `routes`.
    let inner = router
        .route(DOCUMENT, served)
        .with_state(state)
        .merge(SwaggerUi::new(BROWSER).config(Config::new([DOCUMENT])))
        .layer(axum::middleware::from_fn(answers::wrap));
    // Before the routes are looked at, hence around them.
    let mended = tower::util::MapRequestLayer::new(answers::mend_slash).layer(inner);
    Router::new().fallback_service(mended)
}

/// Every route with its permission: for tests and for the reference.
pub fn routes(state: WebState) -> Vec<RouteInfo> {
    let (_, _, mut listed) = pages::add(api::routes(state)).finish();
    let public =
        |path: &str| RouteInfo { method: Method::GET, path: path.into(), permission: Permission::Public };
    listed.extend([public(DOCUMENT), public("/api/docs/")]);
    listed
}

/// The API's description, as it is served and committed.
pub fn openapi(state: WebState) -> String {
    text(&pages::add(api::routes(state)).finish().1)
}

fn text(document: &utoipa::openapi::OpenApi) -> String {
    let mut text = document.to_pretty_json().expect("the document is JSON");
    text.push('\n');
    text
}
