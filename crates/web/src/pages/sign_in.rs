//! Coming in and leaving: the start, the sign-in form, the way out.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use maud::html;
use oms_app::access::sessions;
use serde::Deserialize;

use crate::api::access::sessions::Address;
use crate::problem::Problem;
use crate::session::{self, COOKIE, Form, LOGIN_COOKIE, cookie, proof, with_cookie};
use crate::state::WebState;
use crate::throttle::Attempt;
use crate::ui::shell;
use crate::ui::visit::Visit;
use crate::ui::words::Lang;

/// Where a person goes who names no place.
pub(crate) async fn start(State(state): State<WebState>, headers: HeaderMap) -> Result<Response, Problem> {
    let secret = cookie(&headers, COOKIE).unwrap_or_default();
    Ok(shell::see_other(&home(&state, secret, &headers).await?))
}

/// The first page of a session: in the person's language, else the brand's, else the browser's.
async fn home(state: &WebState, secret: &str, headers: &HeaderMap) -> Result<String, Problem> {
    let seated = sessions::seated(&state.app, secret).await?;
    let lang = seated.and_then(|s| Lang::parse(&s.preferences.language?));
    Ok(format!("/{}/oms", lang.unwrap_or_else(|| wished(headers)).code()))
}

/// The language that a browser asks for.
pub(crate) fn wished(headers: &HeaderMap) -> Lang {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    Lang::accepted(header.unwrap_or_default())
}

/// Where to go after signing in.
#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// An address of this server alone: nobody is sent elsewhere by a link to our form.
fn inside(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if ours { next } else { "/" }
}

/// The form.
pub(crate) async fn show(headers: HeaderMap, Query(Next { next }): Query<Next>) -> Response {
    form(&headers, StatusCode::OK, inside(&next), "", None)
}

fn form(
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    username: &str,
    wrong: Option<&str>,
) -> Response {
    let lang = wished(headers);
    // A form of ours, proven by a cookie that only our answer can set.
    let secret = hex::encode(oms_app::random_bytes::<16>());
    let content = html! {
        h1 { (lang.t("login-title")) }
        @if let Some(wrong) = wrong { p.problem role="alert" { (wrong) } }
        form method="post" action="/login" data-whole {
            input type="hidden" name="_csrf" value=(proof(&secret));
            input type="hidden" name="next" value=(next);
            label for="username" { (lang.t("login-username")) }
            input #username name="username" value=(username) required autocomplete="username" maxlength="150" autofocus[username.is_empty()];
            label for="password" { (lang.t("login-password")) }
            input #password name="password" type="password" required autocomplete="current-password" maxlength="256" autofocus[!username.is_empty()];
            button.primary { (lang.t("login-enter")) }
        }
        p.soft { (lang.t("login-nobody")) }
        p.soft { a href="/api/docs/" { (lang.t("login-api")) } }
    };
    with_cookie(shell::plain(status, lang, lang.t("login-title"), &content), LOGIN_COOKIE, &secret)
}

/// Signs in.
pub(crate) async fn enter(
    State(state): State<WebState>,
    Address(address): Address,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let lang = wished(&headers);
    let Some(sent) = Form::read(&body) else {
        return Ok(form(&headers, StatusCode::BAD_REQUEST, "/", "", Some(lang.t("login-again"))));
    };
    let (next, username) = (inside(sent.get("next")).to_owned(), sent.get("username").to_owned());
    let secret = cookie(&headers, LOGIN_COOKIE).unwrap_or_default();
    if secret.is_empty() || sent.get("_csrf") != proof(secret) || session::is_foreign(&headers) {
        return Ok(form(&headers, StatusCode::FORBIDDEN, &next, &username, Some(lang.t("login-again"))));
    }
    let attempt = Attempt::new(&username, &address);
    if let Err(wait_s) = state.throttle.enter(&attempt, state.app.now_us()) {
        let wrong = lang.say("login-wait", &[&(wait_s / 60 + 1)]);
        return Ok(form(&headers, StatusCode::TOO_MANY_REQUESTS, &next, &username, Some(&wrong)));
    }
    let Ok(_place) = state.logins.try_acquire() else {
        state.throttle.withdraw(&attempt);
        return Ok(form(
            &headers,
            StatusCode::SERVICE_UNAVAILABLE,
            &next,
            &username,
            Some(lang.t("login-busy")),
        ));
    };
    let password = sent.0.iter().find(|(k, _)| k == "password").map_or("", |(_, v)| v.as_str());
    let opened = sessions::open(&state.app, &username, password).await.inspect_err(|_| {
        state.throttle.withdraw(&attempt);
    })?;
    let Some(opened) = opened else {
        return Ok(form(&headers, StatusCode::BAD_REQUEST, &next, &username, Some(lang.t("login-wrong"))));
    };
    state.throttle.succeed(&attempt);
    if let Some(old) = cookie(&headers, COOKIE) {
        sessions::end(&state.app, old).await?;
    }
    let next = if next == "/" { home(&state, &opened, &headers).await? } else { next };
    Ok(with_cookie(with_cookie(shell::see_other(&next), COOKIE, &opened), LOGIN_COOKIE, ""))
}

/// A link that was printed for somebody.
#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    link: String,
}

/// Signs in whom a link was made for; it works once. The form, with a word, where it does not.
pub(crate) async fn by_link(
    State(state): State<WebState>,
    headers: HeaderMap,
    Query(Link { link }): Query<Link>,
) -> Result<Response, Problem> {
    let lang = wished(&headers);
    let Some(opened) = sessions::open_by_link(&state.app, &link).await? else {
        return Ok(form(&headers, StatusCode::NOT_FOUND, "/", "", Some(lang.t("login-dead_link"))));
    };
    if let Some(old) = cookie(&headers, COOKIE) {
        sessions::end(&state.app, old).await?;
    }
    Ok(with_cookie(shell::see_other(&home(&state, &opened, &headers).await?), COOKIE, &opened))
}

/// Leaves, here or everywhere.
pub(crate) async fn leave(
    State(state): State<WebState>,
    headers: HeaderMap,
    visit: Visit,
    sent: Form,
) -> Result<Response, Problem> {
    if sent.is("everywhere") {
        sessions::end_everywhere(&state.app, visit.who.user_id).await?;
    } else if let Some(secret) = cookie(&headers, COOKIE) {
        sessions::end(&state.app, secret).await?;
    }
    Ok(with_cookie(shell::see_other("/login"), COOKIE, ""))
}
