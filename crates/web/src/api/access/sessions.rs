//! Signing in, and who is signed in.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input;
use crate::problem::Problem;
use crate::state::WebState;

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    username: String,
    password: String,
}

/// A token, shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    key: String,
}

/// Where a request comes from.
pub(crate) struct Address(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(peer.map_or_else(String::new, |ConnectInfo(a)| a.ip().to_string())))
    }
}

/// Sign in and get a token. Wrong passwords are slowed: 429 with `Retry-After`.
#[utoipa::path(post, path = "/api/v1/auth/login/", tag = "access", request_body = Login,
    responses((status = 200, body = Key)))]
pub(crate) async fn login(
    State(state): State<WebState>,
    Address(address): Address,
    body: input::Json,
) -> Result<Json<Key>, Problem> {
    let Login { username, password } = body.read()?;
    let attempt = crate::throttle::Attempt::new(&username, &address);
    state.throttle.enter(&attempt, state.app.now_us()).map_err(|wait_s| {
        let message = "Too many wrong passwords; wait before the next try.";
        Problem::plain(StatusCode::TOO_MANY_REQUESTS, "throttled", message).retry_after(wait_s)
    })?;
    let Some(key) = checked(&state, &username, &password).await.inspect_err(|_| {
        state.throttle.withdraw(&attempt);
    })?
    else {
        let message = "Unable to sign in with this username and password.";
        return Err(Problem::plain(StatusCode::BAD_REQUEST, "invalid_credentials", message));
    };
    state.throttle.succeed(&attempt);
    Ok(Json(Key { key }))
}

async fn checked(state: &WebState, username: &str, password: &str) -> Result<Option<String>, Problem> {
    /// When a server that is checking many passwords wants to be asked again.
    const BACK_S: u64 = 2;
    let _place = state.logins.try_acquire().map_err(|_| Problem::busy(BACK_S))?;
    Ok(oms_app::access::login(&state.app, username, password).await?)
}

/// Somebody who may sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActiveUser {
    id: i64,
    username: String,
    /// `administrator` or `hub`.
    role: &'static str,
}

/// Who the token belongs to.
#[utoipa::path(get, path = "/api/v1/active_user/", tag = "access", responses((status = 200, body = ActiveUser)))]
pub(crate) async fn active_user(Who(who): Who) -> Json<ActiveUser> {
    Json(ActiveUser { id: who.user_id, username: who.username, role: who.role.as_str() })
}
