//! Users and tokens: who may come in, and which programs may.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::access;
use oms_core::packages::Kind;
use oms_core::permissions::Role;

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// Everybody, and the live tokens.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, None, &[]).await
}

/// Makes a user.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let role = Role::parse(form.get("role")).unwrap_or(Role::Administrator);
    // Passwords are taken as they were typed, spaces and all.
    let made =
        access::create_user(&state.app, &visit.who.actor(), form.get("username"), password(&form), role)
            .await;
    after(&state, &visit, change::told(made)?.map(drop)).await
}

fn password(form: &Form) -> &str {
    form.0.iter().find(|(name, _)| name == "password").map_or("", |(_, value)| value)
}

async fn after(state: &WebState, visit: &Visit, done: Result<(), Vec<String>>) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(shell::see_other(&visit.href("settings/users?done=saved"))),
        Err(wrong) => screen(state, visit, None, &wrong).await,
    }
}

/// Lets a user in again, or keeps them out.
pub(crate) async fn set_active(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let done = access::set_active(&state.app, &visit.who, id, form.get("active") == "true").await;
    after(&state, &visit, change::told(done)?).await
}

/// Gives a user another password.
pub(crate) async fn reset_password(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let done = access::reset_password(&state.app, &visit.who, id, password(&form)).await;
    after(&state, &visit, change::told(done)?).await
}

/// Makes a token and shows it this once.
pub(crate) async fn create_token(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let name = form.some("name").unwrap_or("token");
    let made = access::create_token(&state.app, form.get("username"), name).await;
    match change::told(made)? {
        Ok(token) => screen(&state, &visit, Some(&token), &[]).await,
        Err(wrong) => screen(&state, &visit, None, &wrong).await,
    }
}

/// Takes a token back.
pub(crate) async fn revoke(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let done = access::revoke_token(&state.app, &visit.who, id).await;
    after(&state, &visit, change::told(done)?).await
}

async fn screen(
    state: &WebState,
    visit: &Visit,
    token: Option<&str>,
    wrong: &[String],
) -> Result<Response, Problem> {
    let users = access::users(&state.app).await?;
    let tokens = access::live_tokens(&state.app).await?;
    let name = |id: i64| users.iter().find(|u| u.id == id).map_or("?", |u| u.username.as_str());
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        @if let Some(token) = token {
            div.said role="status" { p { (visit.t("user-token_once")) } p { code { (token) } } }
        }
        div.head { h1 { (visit.t("nav-users")) } span.count { (users.len()) } div.tools { (new_user(visit)) } }
        div.scroll tabindex="0" role="region" aria-label=(visit.t("nav-users")) {
            table.list {
                thead { tr { th scope="col" { (visit.t("user-name")) } th scope="col" { (visit.t("user-role")) } th scope="col" { (visit.t("package-state")) } th scope="col" { (visit.t("app-actions")) } } }
                tbody { @for user in &users { (row(visit, user)) } }
            }
        }
        div.head { h2 { (visit.t("user-tokens")) } span.count { (tokens.len()) } div.tools { (new_token(visit, &users)) } }
        p.soft { (visit.t("user-tokens_about")) }
        div.scroll tabindex="0" role="region" aria-label=(visit.t("user-tokens")) {
            table.list {
                thead { tr { th scope="col" { (visit.t("user-token_name")) } th scope="col" { (visit.t("user-name")) } th scope="col" { (visit.t("user-made")) } th scope="col" { (visit.t("user-ends")) } th scope="col" { (visit.t("app-actions")) } } }
                tbody {
                    @for t in &tokens {
                        tr {
                            td { (t.name) } td { (name(t.user_id)) } td { (visit.when(t.created_us)) }
                            td { @match t.expires_us { Some(at) => { (visit.exact(at)) }, None => { (visit.t("user-never")) } } }
                            td {
                                form method="post" action=(visit.href(&format!("settings/tokens/{}/revoke", t.id))) data-ask=(visit.say("user-revoke_ask", &[&t.name])) {
                                    (visit.guard()) button.grave aria-label=(format!("{} {}", visit.t("user-revoke"), t.name)) { (visit.t("user-revoke")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(shell::page(visit, visit.t("nav-users"), &content))
}

fn row(visit: &Visit, user: &oms_store::access::User) -> Markup {
    let (kind, key) =
        if user.is_active { (Kind::Done, "user-active") } else { (Kind::Waiting, "user-shut_out") };
    let (next, button) =
        if user.is_active { ("false", "user-shut_out_now") } else { ("true", "user-let_in") };
    let id = format!("password-{}", user.id);
    html! {
        tr {
            td { strong { (user.username) } }
            td { (visit.lang.find(&format!("user-role_{}", user.role)).unwrap_or(&user.role)) }
            td { (badge::of_kind(kind, visit.t(key))) }
            td {
                div.row {
                    @if user.id != visit.who.user_id {
                        form method="post" action=(visit.href(&format!("settings/users/{}/active", user.id))) {
                            (visit.guard()) input type="hidden" name="active" value=(next);
                            button aria-label=(format!("{} {}", visit.t(button), user.username)) { (visit.t(button)) }
                        }
                    }
                    details.menu {
                        summary aria-label=(format!("{} {}", visit.t("user-new_password"), user.username)) { (visit.t("user-new_password")) }
                        form method="post" action=(visit.href(&format!("settings/users/{}/password", user.id))) {
                            (visit.guard())
                            label for=(id) { (visit.t("user-password")) }
                            input id=(id) type="password" name="password" required minlength="8" maxlength="256" autocomplete="new-password";
                            p.hint { (visit.t("user-password_hint")) }
                            button.primary { (visit.t("form-save")) }
                        }
                    }
                }
            }
        }
    }
}

fn new_user(visit: &Visit) -> Markup {
    let roles: Vec<(String, String)> =
        [(Role::Administrator, "user-role_administrator"), (Role::Hub, "user-role_hub")]
            .map(|(r, key)| (r.as_str().to_owned(), visit.t(key).to_owned()))
            .into();
    html! {
        details.menu {
            summary.button { "+ " (visit.t("user-new")) }
            form method="post" action=(visit.href("settings/users")) {
                (visit.guard())
                (fields::text(visit, "username", "user-name", "", true))
                label for="password" { (visit.t("user-password")) }
                input #password type="password" name="password" required minlength="8" maxlength="256" autocomplete="new-password";
                p.hint { (visit.t("user-password_hint")) }
                (fields::choice(visit, "role", "user-role", "administrator", &roles))
                button.primary { (visit.t("user-new")) }
            }
        }
    }
}

fn new_token(visit: &Visit, users: &[oms_store::access::User]) -> Markup {
    let names: Vec<(String, String)> =
        users.iter().filter(|u| u.is_active).map(|u| (u.username.clone(), u.username.clone())).collect();
    html! {
        details.menu {
            summary.button { "+ " (visit.t("user-new_token")) }
            form method="post" action=(visit.href("settings/tokens")) {
                (visit.guard())
                (fields::choice(visit, "username", "user-token_of", &visit.who.username, &names))
                (fields::text(visit, "name", "user-token_name", "", true))
                button.primary { (visit.t("user-new_token")) }
            }
        }
    }
}
