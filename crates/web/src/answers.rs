//! What is true of every answer: an id, a time limit, safe headers, JSON also for errors, and a panic
//! that ends one request alone.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use serde_json::Value;

use crate::problem::Problem;

/// How long a request may take from its head to its answer, body included.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// The longest request id taken over from a caller.
const MAX_REQUEST_ID: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Documented without a slash at the end.
const BARE: [&str; 2] = ["/api/v1/oms/query-stock-availability", "/api/v1/oms/stocklocations-webhook"];

/// Runs a request with everything that holds for all of them.
pub(crate) async fn wrap(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let path = request.uri().path().to_owned();
    let limited = tokio::time::timeout(REQUEST_LIMIT, AssertUnwindSafe(next.run(request)).catch_unwind());
    let response = match limited.await {
        Ok(Ok(response)) => framework_answer(response),
        Ok(Err(_)) => {
            tracing::error!(request_id = %id, %path, "a handler panicked");
            Problem::failure().into_response()
        }
        Err(_) => {
            let message = "The request took too long and was given up; whether it took effect is not known.";
            Problem::plain(StatusCode::SERVICE_UNAVAILABLE, "timeout", message).retry_after(1).into_response()
        }
    };
    let mut response = name_failures(response, &id).await;
    safe_headers(response.headers_mut(), &path);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|v| v.to_str().ok());
    let fits = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    given.filter(fits).map_or_else(|| hex::encode(oms_app::random_bytes::<16>()), str::to_owned)
}

/// What the framework answers without a body of ours becomes JSON.
fn framework_answer(response: Response) -> Response {
    let status = response.status();
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json");
    if ours || !(status.is_client_error() || status.is_server_error()) || is_page(&response) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => {
            Problem::new(status, "detail", "not_found", "There is nothing at this address.")
        }
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            status,
            "detail",
            "method_not_allowed",
            "This address does not take that method; see Allow.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::plain(status, "body_too_large", "The body is too large."),
        status if status.is_server_error() => Problem::failure(),
        status => Problem::plain(status, "bad_request", "The request cannot be read."),
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut response = problem.into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok());
    kind.is_some_and(|k| k.starts_with("text/html"))
}

/// Puts the request's id into the body of a failure, where a caller will look for it.
async fn name_failures(response: Response, id: &str) -> Response {
    /// Bodies of failures are ours and short.
    const MOST: usize = 64 << 10;
    if !response.status().is_server_error() || is_page(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, MOST).await.unwrap_or_default();
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    if let Some(error) = value.get_mut("error").and_then(Value::as_object_mut) {
        error.insert("request_id".into(), id.into());
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(value.to_string()))
}

fn safe_headers(headers: &mut HeaderMap, path: &str) {
    let policy = if path.starts_with("/api/docs") {
        // The vendored API browser runs its own script and writes styles.
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    } else if path.starts_with("/api/") {
        "default-src 'none'; frame-ancestors 'none'"
    } else {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types oms"
    };
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send forms with an `Origin` of `null`, which is nobody's.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Both spellings of an address mean the same: the slash at its end is put where the route has it.
pub(crate) fn mend_slash<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    let is_screen = path.get(3..8) == Some("/oms/") || path.get(3..) == Some("/oms/");
    let mended = if is_screen {
        (path != trimmed).then(|| trimmed.to_owned())
    } else if !path.starts_with("/api/v1/") {
        None
    } else if BARE.contains(&trimmed) {
        (path != trimmed).then(|| trimmed.to_owned())
    } else {
        (!path.ends_with('/')).then(|| format!("{path}/"))
    };
    if let Some(mended) = mended {
        let query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("{mended}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}
