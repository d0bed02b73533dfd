//! The form that makes the first administrator, opened by a link that works once.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use oms_app::access::sessions;
use oms_app::{Error, access};
use oms_core::refusal::{Refusal, RefusalKind};
use serde::Deserialize;

use crate::problem::Problem;
use crate::session::{COOKIE, with_cookie};
use crate::state::WebState;
use crate::ui::shell;
use crate::ui::words::Lang;

/// The link's secret.
#[derive(Deserialize)]
pub(crate) struct Link {
    link: String,
}

/// The form as it is sent.
#[derive(Deserialize)]
pub(crate) struct NewAdmin {
    link: String,
    username: String,
    password: String,
}

/// Shows the form, if the link lives.
pub(crate) async fn show(
    State(state): State<WebState>,
    link: Result<Query<Link>, QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(Link { link })) = link else { return Ok(dead()) };
    if !access::first_admin_link_is_live(&state.app, &link).await? {
        return Ok(dead());
    }
    Ok(form(StatusCode::OK, &link, "", None))
}

/// Creates the administrator.
pub(crate) async fn create(
    State(state): State<WebState>,
    sent: Result<Form<NewAdmin>, FormRejection>,
) -> Result<Response, Problem> {
    let Ok(Form(new)) = sent else { return Ok(dead()) };
    if new.username.contains('\0') || new.password.contains('\0') {
        let refusal = Refusal::invalid("username", "invalid", "A NUL character cannot be used.");
        return Ok(form(StatusCode::BAD_REQUEST, &new.link, "", Some(&refusal)));
    }
    // Before the password is hashed: without a live link nobody makes this server work.
    if !access::first_admin_link_is_live(&state.app, &new.link).await? {
        return Ok(dead());
    }
    match access::use_first_admin_link(&state.app, &new.link, &new.username, &new.password).await {
        Ok(()) => {
            let opened = sessions::open(&state.app, &new.username, &new.password).await?;
            let setup = shell::see_other("/en/oms/settings/basic-setup");
            Ok(with_cookie(setup, COOKIE, &opened.unwrap_or_default()))
        }
        Err(Error::Refused(r)) if r.kind == RefusalKind::NotFound => Ok(dead()),
        Err(Error::Refused(r)) => Ok(form(StatusCode::BAD_REQUEST, &new.link, &new.username, Some(&r))),
        Err(other) => Err(other.into()),
    }
}

fn form(status: StatusCode, link: &str, username: &str, refusal: Option<&Refusal>) -> Response {
    let wrong = |field: &str| refusal.filter(|r| r.field == field).map(|r| r.message.as_str());
    let content = html! {
        h1 { "Create the administrator" }
        p { "The administrator may do everything here, and can create others." }
        form method="post" action="/first-admin" data-whole {
            input type="hidden" name="link" value=(link);
            label for="username" { "Username" }
            input id="username" name="username" value=(username) required autocomplete="username" maxlength="150"
                aria-describedby="username-wrong";
            @if let Some(message) = wrong("username") { p.wrong id="username-wrong" role="alert" { (message) } }
            label for="password" { "Password" }
            input id="password" name="password" type="password" required autocomplete="new-password" minlength="8"
                maxlength="256" aria-describedby="password-hint password-wrong";
            p.hint id="password-hint" { "At least 8 characters; 15 or more are advised." }
            @if let Some(message) = wrong("password") { p.wrong id="password-wrong" role="alert" { (message) } }
            button.primary { "Create administrator" }
        }
    };
    shell::plain(status, Lang::En, "Create the administrator", &content)
}

fn dead() -> Response {
    let content = html! {
        h1 { "This link does not work" }
        p {
            "It was used, is older than 30 minutes, or is not complete. If nobody is administrator yet, restart the \
             server: it prints a new link. Otherwise an administrator can let you in."
        }
        p { a href="/" { "To the start page" } }
    };
    shell::plain(StatusCode::NOT_FOUND, Lang::En, "This link does not work", &content)
}
