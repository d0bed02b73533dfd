//! The start page: what runs here and where to go.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use oms_app::views;
use oms_core::packages::state;

use crate::pages::page;
use crate::state::WebState;

/// Shows it.
pub(crate) async fn show(State(web): State<WebState>) -> Response {
    let totals = match web.shows_counts {
        true => views::totals(&web.app).await.ok(),
        false => None,
    };
    let content = html! {
        h1 { "Order management" }
        p {
            "This is Quartermaster, an order management system. It takes orders, decides which location packs \
             what, and reserves the stock."
        }
        @if let Some(totals) = &totals {
            h2 { "What is here" }
            dl {
                div { dt { "Orders" } dd { (totals.orders) } }
                @for (code, count) in &totals.packages {
                    div { dt { "Packages: " (state(*code).map_or("unknown", |s| s.name)) } dd { (count) } }
                }
                @for (kind, count) in &totals.jobs {
                    div { dt { "Jobs to do: " (kind) } dd { (count) } }
                }
            }
        }
        h2 { "Where to go" }
        ul {
            li { a href="/api/docs/" { "The API, to read and try" } }
            li { a href="/api/openapi.json" { "Its description as OpenAPI" } }
            li { a href="/health" { "Health" } " and " a href="/ready" { "readiness" } }
        }
        h2 { "Signing in" }
        p {
            "POST your username and password to " code { "/api/v1/auth/login/" } " and send the key it answers with \
             every request: " code { "Authorization: Token <key>" } "."
        }
        p {
            "Nobody can sign in yet? At its first start the server prints a link to create the administrator; it \
             works once, for half an hour."
        }
    };
    page(StatusCode::OK, "Start", &content)
}
