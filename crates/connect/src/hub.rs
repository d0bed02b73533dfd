//! The client of the Omnitron hub: sign-in, lists, and the records we take from it.
//!
//! Every call goes below the base address of `OMNITRON_CLIENT_SETTINGS`; an endpoint named there with
//! an address and token of its own goes to that address instead.

mod calls;
mod error;
mod geography;
mod lists;
mod orders;
mod people;
mod products;
mod session;
mod webhooks;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

pub use calls::{ITEMS_PER_PAGE, ItemsByOrder, ORDERS_PER_ITEM_REQUEST};
pub use error::{HubError, HubErrorClass};
pub use geography::{HubChannel, HubCity, HubCountry, HubDistrict, HubStore, HubStoreKind, HubTownship};
pub use lists::{KEYS_PER_REQUEST, MAX_PAGES, Page, Progress, Query};
pub use orders::{HubItem, HubOrder};
pub use people::{HubAddress, HubCustomer, HubPlace};
pub use products::HubProduct;
pub use session::{LOGIN_WINDOW, MAX_LOGINS};
pub use webhooks::HubWebhook;
pub use wire::{HubRecord, MAX_KEY_CHARS, MAX_TEXT_CHARS, Record, RecordError, Ref, key_of};

use crate::http::{Body, HttpClient, LIST_MAX_BYTES, Request, Response, Timeouts};
use session::{Session, Token};

/// A page of 2,000 items may take a busy hub this long as a whole.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
/// Characters of a refusal's body that are shown.
const EXCERPT_CHARS: usize = 300;
/// Longest token accepted; real ones have 40 characters.
const MAX_TOKEN_CHARS: usize = 4096;

/// An endpoint that lives elsewhere.
#[derive(Debug, Clone)]
pub struct EndpointConf {
    /// Its logical name, for example `orders`, `orderitem_set` or `cities`.
    pub endpoint: String,
    /// The address below which its paths lie.
    pub base_url: String,
    /// The token sent to it.
    pub token: SecretString,
}

/// Where the hub is and how to sign in: the setting `OMNITRON_CLIENT_SETTINGS`.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// For example `https://brand-omnitron.example/api/v1`.
    pub base_url: String,
    /// Our user there.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// The wait for a connection.
    pub connect_timeout_ms: u64,
    /// The wait for an answer, and between its parts.
    pub read_timeout_ms: u64,
    /// Endpoints that live elsewhere.
    pub endpoint_conf: Vec<EndpointConf>,
}

/// What this client has learnt about the hub's filters.
#[derive(Default)]
struct Filters {
    ignores_pk_in: AtomicBool,
    ignores_order_in: AtomicBool,
}

struct Endpoint {
    prefix: String,
    base: Url,
    token: SecretString,
}

/// The client. Cheap to clone; the sign-in is shared.
#[derive(Clone)]
pub struct HubClient {
    http: HttpClient,
    base: Url,
    credentials: Arc<(String, SecretString)>,
    timeouts: Timeouts,
    endpoints: Arc<[Endpoint]>,
    session: Arc<Session>,
    filters: Arc<Filters>,
}

impl std::fmt::Debug for HubClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubClient").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

impl HubClient {
    /// Checks the settings; calls nothing yet.
    pub fn new(http: HttpClient, settings: HubSettings) -> Result<Self, HubError> {
        let base = base_url(&http, "urls.base_url", &settings.base_url)?;
        let mut endpoints = Vec::with_capacity(settings.endpoint_conf.len());
        for conf in settings.endpoint_conf {
            let base = base_url(&http, &format!("endpoint_conf {}", conf.endpoint), &conf.base_url)?;
            endpoints.push(Endpoint { prefix: prefix_of(&conf.endpoint), base, token: conf.token });
        }
        // The longest prefix wins: the bulk update lies below the items.
        endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.prefix.len()));
        let connect = Duration::from_millis(settings.connect_timeout_ms.max(1));
        let read = Duration::from_millis(settings.read_timeout_ms.max(1));
        let http = http.with_connect_timeout(connect).map_err(|e| HubError::from_http("", e))?;
        Ok(Self {
            http,
            base,
            credentials: Arc::new((settings.username, settings.password)),
            timeouts: Timeouts { read, total: TOTAL_TIMEOUT.max(connect + read) },
            endpoints: endpoints.into(),
            session: Arc::new(Session::new()),
            filters: Arc::default(),
        })
    }

    /// Signs in if that has not happened yet.
    pub async fn login(&self) -> Result<(), HubError> {
        self.session.token(None, || self.sign_in()).await.map(|_| ())
    }

    /// A GET of any path below the base.
    pub async fn get(&self, path: &str, query: Query<'_>) -> Result<Value, HubError> {
        self.call(Method::GET, path, query, None).await
    }

    /// A POST of any path below the base; an empty answer is `null`.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, HubError> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// A PATCH of any path below the base; an empty answer is `null`.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Value, HubError> {
        self.call(Method::PATCH, path, &[], Some(body)).await
    }

    /// One call with our token. A refused token is renewed once, and the call repeated once.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<Value>,
    ) -> Result<Value, HubError> {
        check_path(path)?;
        let own = self.endpoints.iter().find(|endpoint| path.starts_with(&endpoint.prefix));
        if let Some(endpoint) = own {
            let answer = self.send(&endpoint.base, method, path, query, body, &endpoint.token).await?;
            return match answer.status {
                401 => Err(HubError::Unauthorized {
                    what: format!("its endpoint_conf token does not open {path}"),
                }),
                _ => read_json(path, &answer),
            };
        }
        let token = self.session.token(None, || self.sign_in()).await?;
        let answer = self.send(&self.base, method.clone(), path, query, body.clone(), &token.value).await?;
        if answer.status != 401 {
            return read_json(path, &answer);
        }
        let fresh: Token = self.session.token(Some(&token), || self.sign_in()).await?;
        let answer = self.send(&self.base, method, path, query, body, &fresh.value).await?;
        match answer.status {
            401 => Err(HubError::Unauthorized { what: format!("a fresh token does not open {path}") }),
            _ => read_json(path, &answer),
        }
    }

    async fn send(
        &self,
        base: &Url,
        method: Method,
        path: &str,
        query: Query<'_>,
        body: Option<Value>,
        token: &SecretString,
    ) -> Result<Response, HubError> {
        let mut request = self.request(base, method, path)?;
        request.headers.push(("Authorization".to_owned(), format!("Token {}", token.expose_secret())));
        request.query = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        request.body = body.map(Body::Json);
        self.http.send(request).await.map_err(|error| HubError::from_http(path, error))
    }

    fn request(&self, base: &Url, method: Method, path: &str) -> Result<Request, HubError> {
        let url = base.join(path).map_err(|error| HubError::Refused { what: format!("{path}: {error}") })?;
        let mut request = Request::new(method, url).header("Accept", "application/json");
        request.timeouts = self.timeouts;
        request.max_bytes = LIST_MAX_BYTES;
        Ok(request)
    }

    async fn sign_in(&self) -> Result<SecretString, HubError> {
        let path = "auth/login/";
        let mut request = self.request(&self.base, Method::POST, path)?;
        let (username, password) = &*self.credentials;
        let body = serde_json::json!({"username": username, "password": password.expose_secret()});
        request.body = Some(Body::Json(body));
        let answer = self.http.send(request).await.map_err(|error| HubError::from_http(path, error))?;
        if matches!(answer.status, 400 | 401 | 403) {
            return Err(HubError::Unauthorized { what: format!("status {} at sign-in", answer.status) });
        }
        let value = read_json(path, &answer)?;
        match value.get("key").and_then(Value::as_str) {
            Some(key) if is_token(key) => {
                tracing::info!(host = self.base.host_str(), "signed in at the hub");
                Ok(SecretString::from(key))
            }
            _ => Err(HubError::WrongShape {
                path: path.to_owned(),
                what: "it holds no token under key".to_owned(),
            }),
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The base with a slash at its end, so that paths are put below it.
fn base_url(http: &HttpClient, setting: &str, text: &str) -> Result<Url, HubError> {
    let refused = |what: String| HubError::Refused { what: format!("{setting}: {what}") };
    let mut url =
        Url::parse(text.trim()).map_err(|error| refused(format!("it is no web address: {error}")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it must end with its path, without ? or #".to_owned()));
    }
    http.check_url(&url).map_err(|error| refused(error.to_string()))?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// The paths a logical endpoint stands for.
fn prefix_of(endpoint: &str) -> String {
    match endpoint {
        "orderitem_set" | "order_items" => "order_items/".to_owned(),
        "order_item_bulk_update" => "order_items/bulk_status_update/".to_owned(),
        other => format!("{}/", other.trim_matches('/')),
    }
}

/// Paths come from our own code; one that could leave the base is a mistake in it.
fn check_path(path: &str) -> Result<(), HubError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/');
    if !path.is_empty() && !path.starts_with('/') && !path.contains("//") && path.bytes().all(plain) {
        return Ok(());
    }
    let shown: String = path.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(HubError::Refused { what: format!("{shown:?} is no path below the hub's base address") })
}

/// Turns an answer into a document or an error.
fn read_json(path: &str, answer: &Response) -> Result<Value, HubError> {
    match answer.status {
        200..=299 => {}
        429 => return Err(HubError::throttled(answer.retry_after_s())),
        401 => return Err(HubError::Unauthorized { what: format!("status 401 at {path}") }),
        300..=399 => {
            let what = format!(
                "status {} at {path} leads elsewhere and is not followed; set base_url to the final address",
                answer.status
            );
            return Err(HubError::Refused { what });
        }
        status @ 400..=499 => {
            return Err(HubError::BadRequest { status, body: answer.excerpt(EXCERPT_CHARS) });
        }
        status => return Err(HubError::Server { status }),
    }
    if answer.bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut value: Value = serde_json::from_slice(&answer.bytes).map_err(|error| {
        let what = if answer.excerpt(200).starts_with('<') {
            "a web page".to_owned()
        } else {
            error.to_string().chars().take(120).collect()
        };
        HubError::NotJson { what }
    })?;
    if answer.bytes.windows(6).any(|six| six == b"\\u0000") {
        wire::strip_nul(&mut value);
    }
    Ok(value)
}
