//! The form that makes the first administrator, opened by a link that works once.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::html;
use oms_app::access::sessions;
use oms_app::{Error, access};
use oms_core::refusal::{Refusal, RefusalKind};
use serde::Deserialize;

use crate::pages::sign_in::wished;
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
    headers: HeaderMap,
    link: Result<Query<Link>, QueryRejection>,
) -> Result<Response, Problem> {
    let lang = wished(&headers);
    let Ok(Query(Link { link })) = link else { return Ok(dead(lang)) };
    if !access::first_admin_link_is_live(&state.app, &link).await? {
        return Ok(dead(lang));
    }
    Ok(form(lang, StatusCode::OK, &link, "", None))
}

/// Creates the administrator.
pub(crate) async fn create(
    State(state): State<WebState>,
    headers: HeaderMap,
    sent: Result<Form<NewAdmin>, FormRejection>,
) -> Result<Response, Problem> {
    let lang = wished(&headers);
    let Ok(Form(new)) = sent else { return Ok(dead(lang)) };
    if new.username.contains('\0') || new.password.contains('\0') {
        let refusal = Refusal::invalid("username", "invalid", "A NUL character cannot be used.");
        return Ok(form(lang, StatusCode::BAD_REQUEST, &new.link, "", Some(&refusal)));
    }
    // Before the password is hashed: without a live link nobody makes this server work.
    if !access::first_admin_link_is_live(&state.app, &new.link).await? {
        return Ok(dead(lang));
    }
    match access::use_first_admin_link(&state.app, &new.link, &new.username, &new.password).await {
        Ok(()) => {
            let opened = sessions::open(&state.app, &new.username, &new.password).await?;
            let setup = shell::see_other(&format!("/{}/oms/settings/basic-setup", lang.code()));
            Ok(with_cookie(setup, COOKIE, &opened.unwrap_or_default()))
        }
        Err(Error::Refused(r)) if r.kind == RefusalKind::NotFound => Ok(dead(lang)),
        Err(Error::Refused(r)) => Ok(form(lang, StatusCode::BAD_REQUEST, &new.link, &new.username, Some(&r))),
        Err(other) => Err(other.into()),
    }
}

fn form(lang: Lang, status: StatusCode, link: &str, username: &str, refusal: Option<&Refusal>) -> Response {
    let wrong = |field: &str| refusal.filter(|r| r.field == field).map(|r| r.message.as_str());
    let content = html! {
        h1 { (lang.t("login-first_title")) }
        p { (lang.t("login-first_about")) }
        form method="post" action="/first-admin" data-whole {
            input type="hidden" name="link" value=(link);
            label for="username" { (lang.t("login-username")) }
            input id="username" name="username" value=(username) required autocomplete="username" maxlength="150"
                aria-describedby="username-wrong";
            @if let Some(message) = wrong("username") { p.wrong id="username-wrong" role="alert" { (message) } }
            label for="password" { (lang.t("login-password")) }
            input id="password" name="password" type="password" required autocomplete="new-password" minlength="8"
                maxlength="256" aria-describedby="password-hint password-wrong";
            p.hint id="password-hint" { (lang.t("login-password_hint")) }
            @if let Some(message) = wrong("password") { p.wrong id="password-wrong" role="alert" { (message) } }
            button.primary { (lang.t("login-first_create")) }
        }
    };
    shell::plain(status, lang, lang.t("login-first_title"), &content)
}

fn dead(lang: Lang) -> Response {
    let content = html! {
        h1 { (lang.t("login-first_dead")) }
        p { (lang.t("login-first_dead_about")) }
        p { a href="/" { (lang.t("app-start")) } }
    };
    shell::plain(StatusCode::NOT_FOUND, lang, lang.t("login-first_dead"), &content)
}
