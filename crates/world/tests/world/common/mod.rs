//! A hub on a real socket and a client that logs in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use oms_world::data::{Dataset, GenerateSize, slice_dir};
use oms_world::hub::{self, Clock, Hub, HubConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const PASSWORD: &str = "a password of tests";
/// Wednesday 2031-03-05 12:00 UTC.
pub const NOW_US: i64 = 1_930_478_400_000_000;

pub fn clock() -> Clock {
    Arc::new(|| NOW_US)
}

pub fn slice() -> Dataset {
    Dataset::load(&slice_dir()).expect("the slice loads")
}

pub fn small() -> Dataset {
    Dataset::generate(11, GenerateSize { orders: 30, customers: 12, locations: 6, warehouses: 1, skus: 20 })
}

pub fn config(dataset: Dataset) -> HubConfig {
    HubConfig::new(dataset, PASSWORD)
}

pub fn config_at(dataset: Dataset, path: &Path) -> HubConfig {
    HubConfig { state_path: Some(path.to_owned()), ..config(dataset) }
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("client")
}

pub struct Running {
    pub hub: Arc<Hub>,
    pub at: SocketAddr,
    pub client: reqwest::Client,
    pub token: String,
    server: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Running {
    pub async fn start(config: HubConfig) -> Self {
        let hub = hub::open(config, clock()).await.expect("opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let at = listener.local_addr().expect("address");
        let serving = hub.clone();
        let server = tokio::spawn(async move {
            hub::serve(serving, listener, std::future::pending()).await.expect("serves");
        });
        let mut running = Self { hub, at, client: http(), token: String::new(), server };
        running.token = running.login().await;
        running
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1/{path}", self.at)
    }

    pub async fn login(&self) -> String {
        let body = json!({ "username": "oms.application", "password": PASSWORD });
        let answer = self.client.post(self.url("auth/login/")).json(&body).send().await.expect("answer");
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.expect("json")["key"].as_str().expect("key").to_owned()
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let method = method.parse().expect("method");
        let url = if path.starts_with("http") { path.to_owned() } else { self.url(path) };
        let mut request =
            self.client.request(method, url).header("Authorization", format!("Token {}", self.token));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("body");
        let value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("json") };
        (status, value)
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, value) = self.send("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("PATCH", path, Some(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, Some(&body)).await
    }

    /// All rows of a list, by following `next`.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = path.to_owned();
        loop {
            let page = self.get(&next).await;
            rows.extend(page["results"].as_array().expect("results").iter().cloned());
            match page["next"].as_str() {
                Some(url) => next = url.to_owned(),
                None => {
                    assert_eq!(rows.len() as i64, page["count"].as_i64().expect("count"));
                    return rows;
                }
            }
        }
    }
}
