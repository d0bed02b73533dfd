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
mod session;
mod state;
mod throttle;
mod ui;

use std::sync::Arc;

use axum::Router;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Version, header};
use axum::response::IntoResponse;
use axum::routing::get;
use oms_core::permissions::Permission;
use tower::Layer;
use tower_http::compression::CompressionLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

pub use crate::api::setup::steps::{StepView, StepsView, setup_steps};
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
        .layer(axum::middleware::from_fn(answers::wrap))
        .layer(CompressionLayer::new().compress_when(is_page as fn(_, _, &_, &_) -> _));
    // Before the routes are looked at, hence around them.
    let mended = tower::util::MapRequestLayer::new(answers::mend_slash).layer(inner);
    Router::new().fallback_service(mended)
}

/// Pages and what they load are compressed. What the API answers is not: its callers may mix a secret with words of
/// an attacker's, and its files are packed already. A page's words come from its own site alone (`SameSite=Strict`).
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    ["text/html", "text/css", "text/javascript", "image/svg+xml"].iter().any(|k| kind.starts_with(k))
}

/// Every route with its permission: for tests and for the reference.
pub fn routes(state: WebState) -> Vec<RouteInfo> {
    let (_, _, mut listed) = pages::add(api::routes(state)).finish();
    let public = |path: &str| RouteInfo {
        method: Method::GET,
        path: path.into(),
        permission: Permission::Public,
        is_screen: false,
    };
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
