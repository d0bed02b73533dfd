//! The first pages: what runs here, and the form that makes the first administrator.

mod first_admin;
mod home;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use oms_core::permissions::Permission;

use crate::routes::Routes;

const STYLE: &str = include_str!("../../assets/oms.css");

/// Adds the pages. None needs a sign-in: the form is opened by a secret link.
pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .page(Permission::Public, "/", &["GET"], get(home::show))
        .page(
            Permission::Public,
            "/first-admin",
            &["GET", "POST"],
            get(first_admin::show).post(first_admin::create),
        )
        .page(Permission::Public, "/assets/oms.css", &["GET"], get(style))
}

async fn style() -> Response {
    let kept = (header::CACHE_CONTROL, "public, max-age=3600");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), kept], STYLE).into_response()
}

/// A whole page.
fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Quartermaster" }
                link rel="stylesheet" href="/assets/oms.css";
            }
            body {
                header { a href="/" { "Quartermaster" } }
                main { (content) }
            }
        }
    };
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], document.into_string()).into_response()
}
