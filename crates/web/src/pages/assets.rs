//! What pages load from here: styles, scripts, pictures. Part of the binary; nothing comes from elsewhere.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Path, type and text of each.
pub(crate) const ASSETS: &[(&str, &str, &str)] = &[
    ("/assets/oms.css", "text/css; charset=utf-8", include_str!("../../assets/oms.css")),
    ("/assets/oms.js", "text/javascript; charset=utf-8", include_str!("../../assets/oms.js")),
    ("/assets/icons.svg", "image/svg+xml", include_str!("../../assets/icons.svg")),
    ("/assets/icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

/// Answers with the asset of the request's path; a browser that has it is told so.
pub(crate) async fn serve(request: Request) -> Response {
    let Some((_, kind, text)) = ASSETS.iter().find(|(path, _, _)| *path == request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(text.as_bytes())[..8]));
    let has = request.headers().get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let body = if has { "" } else { text };
    let status = if has { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = (status, [(header::CONTENT_TYPE, *kind)], body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    response
}
