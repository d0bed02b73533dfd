//! A small hub for the tests: a real server on a loopback port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use oms_connect::http::HttpClient;
use oms_connect::hub::{HubClient, HubSettings};
use oms_connect::policy::NetPolicy;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves a router until the test's runtime ends.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Answers every connection with these bytes and then keeps it open or closes it.
pub async fn serve_raw(answer: impl Into<Vec<u8>>, keep_open: bool) -> SocketAddr {
    let answer: Arc<[u8]> = answer.into().into();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut request = [0u8; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(&answer).await;
                if keep_open {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

/// How often the hub was signed in at.
#[derive(Clone, Default)]
pub struct Logins(pub Arc<AtomicUsize>);

impl Logins {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// The sign-in route: each sign-in gives another token, `t1`, `t2`, ...
    pub fn routes(&self) -> Router {
        let count = Arc::clone(&self.0);
        let login = move |body: axum::Json<Value>| async move {
            assert_eq!(body.0, json!({"username": "oms", "password": "secret"}));
            let n = count.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            axum::Json(json!({"key": format!("t{n}")}))
        };
        Router::new().route("/api/v1/auth/login/", post(login))
    }
}

/// The token a request came with.
pub fn token(headers: &HeaderMap) -> &str {
    headers
        .get("authorization")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Token "))
        .unwrap_or("")
}

pub fn json_answer(value: Value) -> Response {
    axum::Json(value).into_response()
}

pub fn http() -> HttpClient {
    HttpClient::new(NetPolicy::with_loopback()).expect("a client")
}

pub fn settings(address: SocketAddr) -> HubSettings {
    HubSettings {
        base_url: format!("http://{address}/api/v1"),
        username: "oms".to_owned(),
        password: SecretString::from("secret"),
        connect_timeout_ms: 2000,
        read_timeout_ms: 1000,
        endpoint_conf: Vec::new(),
    }
}

pub fn hub(address: SocketAddr) -> HubClient {
    HubClient::new(http(), settings(address)).expect("a hub client")
}
