//! Who is calling: tokens in the Authorization header, checked before anything else is looked at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use oms_app::access::{self, Principal};
use oms_core::permissions::Permission;
use sha2::{Digest, Sha256};

use crate::problem::Problem;
use crate::state::WebState;

/// How long a token is believed without asking the database: a revoked one is dead within this.
const BELIEVED_FOR: Duration = Duration::from_secs(1);
/// Tokens remembered at once.
const MAX_TOKENS: usize = 1_024;
/// The longest token looked at: ours have 68 characters.
const MAX_TOKEN_BYTES: usize = 256;

/// Tokens seen a moment ago, by their SHA-256.
#[derive(Default)]
pub(crate) struct TokenCache(Mutex<HashMap<[u8; 32], (Instant, Principal)>>);

impl TokenCache {
    fn get(&self, hash: &[u8; 32]) -> Option<Principal> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(hash).filter(|(at, _)| at.elapsed() < BELIEVED_FOR).map(|(_, p)| p.clone())
    }

    fn put(&self, hash: [u8; 32], principal: Principal) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_TOKENS {
            seen.clear();
        }
        seen.insert(hash, (Instant::now(), principal));
    }
}

/// The guard of one route.
#[derive(Clone)]
pub(crate) struct Guard {
    pub state: WebState,
    pub permission: Permission,
}

/// Lets a request through if its token may do what the route needs.
pub(crate) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if guard.permission != Permission::Public {
        match allowed(&guard, request.headers()).await {
            Ok(principal) => drop(request.extensions_mut().insert(principal)),
            Err(problem) => return problem.into_response(),
        }
    }
    next.run(request).await
}

async fn allowed(guard: &Guard, headers: &HeaderMap) -> Result<Principal, Problem> {
    let unauthorized = |code, detail| Problem::access(StatusCode::UNAUTHORIZED, code, detail);
    let header = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        unauthorized("not_authenticated", "Send the header Authorization: Token <your token>.")
    })?;
    let invalid = || unauthorized("invalid_token", "The token is unknown, expired or revoked.");
    let (scheme, token) = header.to_str().ok().and_then(|h| h.trim().split_once(' ')).ok_or_else(invalid)?;
    let token = token.trim();
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    if !known || token.is_empty() || token.len() > MAX_TOKEN_BYTES {
        return Err(invalid());
    }
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let principal = match guard.state.tokens.get(&hash) {
        Some(principal) => principal,
        None => {
            let found = access::principal(&guard.state.app, token).await?;
            let principal = found.ok_or_else(invalid)?;
            guard.state.tokens.put(hash, principal.clone());
            principal
        }
    };
    if !principal.role.may(guard.permission) {
        let detail = "Your role does not include this; ask an administrator.";
        return Err(Problem::access(StatusCode::FORBIDDEN, "permission_denied", detail));
    }
    Ok(principal)
}

/// The caller, on routes that are not public.
pub(crate) struct Who(pub Principal);

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Only a public route has no principal, and none of those asks who is there.
        parts.extensions.get::<Principal>().cloned().map(Self).ok_or_else(Problem::failure)
    }
}
