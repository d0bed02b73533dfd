//! What pages load from here: styles, scripts, pictures. Part of the binary; nothing comes from elsewhere.
//!
//! An address holds a digest of the content and is kept for good. After an upgrade an older page may still ask for the
//! digest it knows: it gets what there is now, and does not keep it.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The route of all of them.
pub(crate) const ROUTE: &str = "/assets/{digest}/{name}";

const FOR_GOOD: &str = "public, max-age=31536000, immutable";

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    address: String,
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        ("oms.css", "text/css; charset=utf-8", include_str!("../../assets/oms.css")),
        ("oms.js", "text/javascript; charset=utf-8", include_str!("../../assets/oms.js")),
        ("icons.svg", "image/svg+xml", include_str!("../../assets/icons.svg")),
        ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
    ]
    .map(|(name, kind, text)| {
        let digest = hex::encode(&Sha256::digest(text.as_bytes())[..8]);
        Asset { name, kind, text, address: format!("/assets/{digest}/{name}") }
    })
});

/// The address of an asset as it is now.
pub(crate) fn address(name: &str) -> &'static str {
    ASSETS.iter().find(|a| a.name == name).map_or("", |a| &a.address)
}

/// Answers with an asset.
pub(crate) async fn serve(Path((digest, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_this = asset.address.split('/').any(|part| part == digest);
    let keep = if is_this { FOR_GOOD } else { "no-store" };
    ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, keep)], asset.text).into_response()
}
