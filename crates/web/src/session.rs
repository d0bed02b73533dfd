//! Sessions of people on the screens: the cookie, the guard of every screen, and the proof that a form is ours.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use oms_app::access::sessions::{self, Seated};
use oms_app::upkeep::changes;
use sha2::{Digest, Sha256};

use crate::auth::Guard;
use crate::paging::form;
use crate::problem::Problem;
use crate::ui::shell;
use crate::ui::visit::Visit;
use crate::ui::words::Lang;

/// The session's cookie. The prefix makes browsers insist on `Secure`, no domain and the whole site;
/// they take it over plain HTTP from this machine itself.
pub(crate) const COOKIE: &str = "__Host-oms";
/// The cookie of the sign-in form, before there is a session.
pub(crate) const LOGIN_COOKIE: &str = "__Host-oms-login";
/// The largest form of a screen: a scenario with hundreds of rules.
pub(crate) const FORM_BYTES: usize = 512 << 10;
/// The most fields of a form: a thousand rows ticked.
const MAX_FIELDS: usize = 2_000;
/// The zone of readers who chose none.
const ZONE: &str = oms_core::settings::TIME_ZONE;

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|c| c.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v)
}

/// The header that sets a cookie, or takes it away where the value is empty.
pub(crate) fn set_cookie(name: &str, value: &str) -> HeaderValue {
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{end}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// What a page must send back with every change.
pub(crate) fn proof(secret: &str) -> String {
    hex::encode(Sha256::digest(format!("form {secret}")))
}

/// A form as it was sent, its fields in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(pub Vec<(String, String)>);

impl Form {
    /// Reads `a=b&c=d`. Nothing if it is no form or holds a NUL, which no text may.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
        let fits =
            fields.len() <= MAX_FIELDS && !fields.iter().any(|(k, v)| k.contains('\0') || v.contains('\0'));
        fits.then_some(Self(fields))
    }

    /// The first value of a field; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.trim())
    }

    /// The value of a field that is not empty.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|v| !v.is_empty())
    }

    /// Every value of a field.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// Whether a box is ticked.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.some(name).is_some()
    }
}

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::failure)
    }
}

/// The guard of one screen: a session that may, and for changes the proof that our own page sent them.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let secret = cookie(request.headers(), COOKIE).unwrap_or_default().to_owned();
    let seated = match sessions::seated(&guard.state.app, &secret).await {
        Ok(seated) => seated,
        Err(error) => return shell::failed(None, Problem::from(error)),
    };
    let Some(seated) = seated else { return ask_to_sign_in(&request) };
    let app = &guard.state.app;
    let visit = visit(&request, &seated, &secret, (app.now_us(), changes::position(app)));
    if !seated.principal.role.may(guard.permission) {
        let detail = "Your role does not include this; ask an administrator.";
        return shell::failed(
            Some(&visit),
            Problem::plain(StatusCode::FORBIDDEN, "permission_denied", detail),
        );
    }
    let (mut parts, body) = request.into_parts();
    let body = match parts.method {
        Method::GET | Method::HEAD => body,
        _ => match proven(&mut parts, body, &visit).await {
            Ok(body) => Body::from(body),
            Err(problem) => return shell::failed(Some(&visit), problem),
        },
    };
    parts.extensions.insert(seated.principal);
    parts.extensions.insert(visit.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    shell::dressed(&visit, response).await
}

fn visit(request: &Request, seated: &Seated, secret: &str, (now_us, position): (i64, i64)) -> Visit {
    let path = request.uri().path().to_owned();
    let wished = || seated.preferences.language.as_deref().and_then(Lang::parse);
    let lang = path.get(1..3).and_then(Lang::parse).or_else(wished).unwrap_or(Lang::En);
    let zone = seated.preferences.time_zone.as_deref().unwrap_or(ZONE);
    let query: Vec<(String, String)> =
        request.uri().query().and_then(|q| serde_urlencoded::from_str(q).ok()).unwrap_or_default();
    Visit {
        who: seated.principal.clone(),
        lang,
        zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC),
        theme: seated.preferences.theme.clone(),
        csrf: proof(secret),
        path,
        query: query.into_iter().filter(|(k, v)| !k.contains('\0') && !v.contains('\0')).collect(),
        now_us,
        position,
    }
}

/// A person is shown the form; a script is told.
fn ask_to_sign_in(request: &Request) -> Response {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let at = request.uri().path_and_query().map_or("/", |p| p.as_str());
    if request.method() != Method::GET || header("accept").starts_with("text/event-stream") {
        let detail = "Your session is over. Sign in again; nothing was done by this request.";
        return shell::failed(None, Problem::plain(StatusCode::UNAUTHORIZED, "not_authenticated", detail));
    }
    if header("sec-fetch-site") == "cross-site" {
        // From a link elsewhere browsers hold the cookie back; the page's own step brings it along.
        return shell::step_in(at);
    }
    let login = format!("/login?{}", form(&[("next".into(), at.to_owned())]));
    shell::see_other(&login)
}

/// Whether a browser says that another site sent this. Old ones say nothing; then the proof alone must do.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let site = text("sec-fetch-site").is_some_and(|s| !matches!(s, "same-origin" | "none"));
    let host = text("host").unwrap_or_default();
    let origin = text("origin").is_some_and(|o| o.split_once("://").is_none_or(|(_, at)| at != host));
    site || origin
}

async fn proven(parts: &mut Parts, body: Body, visit: &Visit) -> Result<Bytes, Problem> {
    let foreign = || {
        let message = "This form was not sent by a page of this server, or the page is from an earlier session. \
                       Open the page again and repeat; nothing was done.";
        Problem::plain(StatusCode::FORBIDDEN, "csrf", message)
    };
    if is_foreign(&parts.headers) {
        return Err(foreign());
    }
    let bytes = axum::body::to_bytes(body, FORM_BYTES).await.map_err(|_| {
        Problem::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The form is too large, or did not arrive whole.",
        )
    })?;
    let is_form = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let is_form = is_form.is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    let fields = if is_form { Form::read(&bytes) } else { Some(Form::default()) };
    let fields = fields
        .ok_or_else(|| Problem::plain(StatusCode::BAD_REQUEST, "bad_request", "The form cannot be read."))?;
    let header = parts.headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if fields.get("_csrf") != visit.csrf && header != visit.csrf {
        return Err(foreign());
    }
    parts.extensions.insert(fields);
    Ok(bytes)
}

/// An answer with a cookie.
pub(crate) fn with_cookie(mut response: Response, name: &str, value: &str) -> Response {
    response.headers_mut().append(header::SET_COOKIE, set_cookie(name, value));
    response.into_response()
}
