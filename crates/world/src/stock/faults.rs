//! Who may ask, and ways to misbehave: a test tells the service, nothing over HTTP can.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::json;

use super::{Door, StockService};
use crate::hub::listen::Line;

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The right answer, so many milliseconds late.
    Slow { ms: u64 },
    /// This status and a page.
    Status(u16),
    /// 200 and a page.
    Garbage,
    /// A whole HTTP answer whose JSON stops in the middle.
    Truncated,
    /// The right answer byte by byte, with so many milliseconds between two.
    Drip { ms: u64 },
    /// JSON of other types than agreed.
    WrongTypes,
    /// More bytes than anybody should read.
    Huge,
    /// The connection ends without an answer.
    Cut,
}

/// More than a client should read.
const HUGE: usize = 6 << 20;
/// The largest answer that is made anew.
const MOST: usize = 16 << 20;

impl StockService {
    fn take_fault(&self) -> Option<Fault> {
        let mut state = self.state();
        let (fault, left) = state.fault.as_mut()?;
        let fault = *fault;
        if let Some(left) = left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                state.fault = None;
            }
        }
        Some(fault)
    }

    fn lets_in(&self, request: &Request) -> bool {
        let shown = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or("");
        let state = self.state();
        match &state.door {
            Door::Open => true,
            Door::Basic { username, password } => {
                // Written out here, so that the client's own encoder is not checked against itself.
                shown == format!("Basic {}", base64(format!("{username}:{password}").as_bytes()))
            }
            Door::Token { prefix, .. } => {
                let token = shown.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix(' '));
                token.is_some_and(|t| state.tokens.contains(t))
            }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let six = (n >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    text
}

/// Counts, lets in and misbehaves.
pub(super) async fn around(
    State(service): State<Arc<StockService>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
    next: Next,
) -> Response {
    service.requests.fetch_add(1, Ordering::SeqCst);
    let page = "<html>Something went wrong</html>";
    let fault = service.take_fault();
    match fault {
        Some(Fault::Cut) => {
            line.cut();
            return StatusCode::OK.into_response();
        }
        Some(Fault::Status(code)) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, page).into_response();
        }
        Some(Fault::Garbage) => return page.into_response(),
        Some(Fault::WrongTypes) => return axum::Json(json!({"A": [true, null]})).into_response(),
        Some(Fault::Huge) => return " ".repeat(HUGE).into_response(),
        Some(Fault::Slow { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(Fault::Truncated | Fault::Drip { .. }) | None => {}
    }
    if !service.lets_in(&request) {
        return (StatusCode::UNAUTHORIZED, axum::Json(json!({"detail": "Invalid token."}))).into_response();
    }
    let answer = next.run(request).await;
    match fault {
        Some(Fault::Truncated) => {
            let bytes = whole(answer).await;
            bytes.slice(..bytes.len() / 2).into_response()
        }
        Some(Fault::Drip { ms }) => {
            let bytes = whole(answer).await;
            let parts = futures::stream::iter(bytes.to_vec()).then(move |byte| async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok::<_, std::io::Error>(Bytes::from(vec![byte]))
            });
            Body::from_stream(parts).into_response()
        }
        _ => answer,
    }
}

async fn whole(answer: Response) -> Bytes {
    axum::body::to_bytes(answer.into_body(), MOST).await.unwrap_or_default()
}
