//! The guarded HTTP client: the only way out of the product.
//!
//! It calls public addresses by https and opened networks by http or https, follows no redirect, keeps
//! no cookie, uses no proxy, and bounds the time, the size and the headers of every answer.

mod error;
mod resolver;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use url::{Host, Url};

pub use error::HttpError;
use resolver::{Blocked, GuardedResolver, Scope};

use crate::policy::NetPolicy;

/// Answers of most services are small; more than this is a mistake or an attack on our memory.
pub const DEFAULT_MAX_BYTES: usize = 1024 * 1024;
/// A page of 2,000 order items or 1,000 detailed orders stays below this.
pub const LIST_MAX_BYTES: usize = 32 * 1024 * 1024;
/// An honest answer has some twenty headers.
pub const MAX_HEADERS: usize = 64;
/// The size of all headers together, which HTTP/2 lets us state.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// Longer addresses are cut by proxies on the way.
pub const MAX_URL_BYTES: usize = 16 * 1024;
/// A host that does not answer a connection in this time is down.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(6);
/// Silence longer than this ends a request.
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A whole exchange, so that a peer who drips bytes cannot hold a worker.
pub const DEFAULT_TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Waits are never longer than this, whatever a setting says.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(300);
/// Idle connections kept for one host: one for each busy worker, no more.
const MAX_IDLE_PER_HOST: usize = 8;
/// Idle connections live shorter than the usual 60 s of servers, so that we seldom meet a closed one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The waits of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Silence permitted before the head and between two parts of the body.
    pub read: Duration,
    /// The whole exchange.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { read: DEFAULT_READ_TIMEOUT, total: DEFAULT_TOTAL_TIMEOUT }
    }
}

/// What is sent along.
#[derive(Debug, Clone)]
pub enum Body {
    /// A JSON document.
    Json(serde_json::Value),
    /// Bytes as they are, with their content type (signed messages must not be written twice).
    Bytes {
        /// For example `application/json`.
        content_type: &'static str,
        /// The bytes.
        bytes: Bytes,
    },
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// GET, POST, ...
    pub method: Method,
    /// The absolute address.
    pub url: Url,
    /// Headers; values never show up in logs.
    pub headers: Vec<(String, String)>,
    /// Added to the address, percent-encoded.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Option<Body>,
    /// The waits.
    pub timeouts: Timeouts,
    /// The most bytes of body that are read.
    pub max_bytes: usize,
    /// A longer body is left unread behind that and is no error: where the status is the answer.
    pub is_cut: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers, query and body may hold secrets.
        write!(f, "{} {}", self.method, shown(&self.url))
    }
}

impl Request {
    /// A request without headers or body, with the usual limits.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            query: Vec::new(),
            body: None,
            timeouts: Timeouts::default(),
            max_bytes: DEFAULT_MAX_BYTES,
            is_cut: false,
        }
    }

    /// A GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST of a JSON document.
    pub fn post_json(url: Url, body: serde_json::Value) -> Self {
        Self { body: Some(Body::Json(body)), ..Self::new(Method::POST, url) }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.query.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// One answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub bytes: Bytes,
}

impl Response {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The seconds of a `Retry-After` header, if it is there and a number.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
    }

    /// The start of the body as text, for an error message.
    pub fn excerpt(&self, max_chars: usize) -> String {
        let start = self.bytes.get(..max_chars.saturating_mul(4)).unwrap_or(&self.bytes);
        let text: String = String::from_utf8_lossy(start)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(max_chars)
            .collect();
        text.trim().to_owned()
    }
}

/// The client. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct HttpClient {
    policy: Arc<NetPolicy>,
    connect_timeout: Duration,
    public: reqwest::Client,
    opened_only: reqwest::Client,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Builds the client; once for a process.
    pub fn new(policy: NetPolicy) -> Result<Self, HttpError> {
        Self::build(Arc::new(policy), DEFAULT_CONNECT_TIMEOUT)
    }

    /// The same policy with another limit for making a connection (and connections of its own).
    pub fn with_connect_timeout(&self, connect_timeout: Duration) -> Result<Self, HttpError> {
        if connect_timeout == self.connect_timeout {
            return Ok(self.clone());
        }
        Self::build(Arc::clone(&self.policy), connect_timeout.min(MAX_TIMEOUT))
    }

    /// The opened networks.
    pub fn policy(&self) -> &NetPolicy {
        &self.policy
    }

    fn build(policy: Arc<NetPolicy>, connect_timeout: Duration) -> Result<Self, HttpError> {
        // A second call finds the provider installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let public = build_one(&policy, Scope::Public, connect_timeout)?;
        let opened_only = build_one(&policy, Scope::OpenedOnly, connect_timeout)?;
        Ok(Self { policy, connect_timeout, public, opened_only })
    }

    /// Sends one request and reads the whole answer. Any status is an answer, redirects included.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let mut url = request.url;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let (host, scope) = self.check(&url)?;
        let client = match scope {
            Scope::Public => &self.public,
            Scope::OpenedOnly => &self.opened_only,
        };
        let mut outgoing = client.request(request.method, url).headers(headers(&host, &request.headers)?);
        outgoing = match request.body {
            None => outgoing,
            Some(Body::Json(value)) => {
                outgoing.header(CONTENT_TYPE, "application/json").body(value.to_string())
            }
            Some(Body::Bytes { content_type, bytes }) => {
                outgoing.header(CONTENT_TYPE, content_type).body(bytes)
            }
        };
        let read = request.timeouts.read.min(MAX_TIMEOUT);
        let total = request.timeouts.total.min(MAX_TIMEOUT);
        let exchange = self.exchange(&host, outgoing, read, request.max_bytes, request.is_cut);
        match tokio::time::timeout(total, exchange).await {
            Ok(result) => result,
            Err(_) => Err(too_slow(&host, "no complete answer", total)),
        }
    }

    async fn exchange(
        &self,
        host: &str,
        outgoing: reqwest::RequestBuilder,
        read: Duration,
        max_bytes: usize,
        is_cut: bool,
    ) -> Result<Response, HttpError> {
        let head_wait = self.connect_timeout + read;
        let sent = tokio::time::timeout(head_wait, outgoing.send()).await;
        let mut answer = sent
            .map_err(|_| too_slow(host, "no answer", head_wait))?
            .map_err(|error| send_error(host, &error))?;
        if answer.headers().len() > MAX_HEADERS {
            let what = format!("more than {MAX_HEADERS} headers");
            return Err(HttpError::Protocol { host: host.to_owned(), what });
        }
        let too_large = || HttpError::TooLarge { host: host.to_owned(), max_bytes };
        let announced = answer.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if announced > max_bytes && !is_cut {
            return Err(too_large());
        }
        // An announced length is a claim: memory is taken as bytes arrive.
        let mut bytes = BytesMut::with_capacity(announced.min(64 * 1024));
        loop {
            let part = tokio::time::timeout(read, answer.chunk())
                .await
                .map_err(|_| too_slow(host, "the answer stopped half-way", read))?;
            match part {
                Ok(None) => break,
                Ok(Some(part)) if bytes.len() + part.len() > max_bytes && is_cut => {
                    bytes.extend_from_slice(&part[..max_bytes - bytes.len()]);
                    break;
                }
                Ok(Some(part)) if bytes.len() + part.len() > max_bytes => return Err(too_large()),
                Ok(Some(part)) => bytes.extend_from_slice(&part),
                Err(_) => {
                    return Err(HttpError::Truncated { host: host.to_owned(), got_bytes: bytes.len() });
                }
            }
        }
        let headers = std::mem::take(answer.headers_mut());
        Ok(Response { status: answer.status().as_u16(), headers, bytes: bytes.freeze() })
    }

    /// Checks an address without calling it: what a form wants to know before it stores one.
    /// A name is checked again at every connection, by the addresses it has then.
    pub fn check_url(&self, url: &Url) -> Result<(), HttpError> {
        self.check(url).map(|_| ())
    }

    fn check(&self, url: &Url) -> Result<(String, Scope), HttpError> {
        let invalid = |what: &str| HttpError::InvalidUrl { url: shown(url), what: what.to_owned() };
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(invalid("it is too long"));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are used"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it must not hold a user or password; put them into their own fields"));
        }
        if url.port() == Some(0) {
            return Err(invalid("port 0 cannot be called"));
        }
        let scope = match (url.scheme(), url.port_or_known_default()) {
            ("https", Some(443 | 8443)) => Scope::Public,
            _ => Scope::OpenedOnly,
        };
        let host = url.host().ok_or_else(|| invalid("it names no host"))?;
        let name = host.to_string();
        let literal = match host {
            Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
            Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
            Host::Domain(_) => None,
        };
        if let Some(address) = literal
            && !scope.permits(&self.policy, address)
        {
            return Err(HttpError::Refused { host: name, what: scope.refusal(address) });
        }
        Ok((name, scope))
    }
}

fn build_one(
    policy: &Arc<NetPolicy>,
    scope: Scope,
    connect_timeout: Duration,
) -> Result<reqwest::Client, HttpError> {
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("quartermaster/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver { policy: Arc::clone(policy), scope })
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(connect_timeout)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_BYTES)
    };
    builder()
        .build()
        .or_else(|error| {
            // A machine without root certificates can still call opened networks by plain http.
            tracing::warn!(%error, "no root certificates found: https requests will fail; install the ca-certificates package");
            builder().tls_certs_only([]).build()
        })
        .map_err(|error| HttpError::Protocol { host: "-".to_owned(), what: format!("the client could not be built: {error}") })
}

fn headers(host: &str, pairs: &[(String, String)]) -> Result<HeaderMap, HttpError> {
    let mut map = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let Some((name, mut value)) = parsed else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            let what = format!(
                "header {shown:?} holds characters that HTTP does not permit; correct the setting it comes from"
            );
            return Err(HttpError::Refused { host: host.to_owned(), what });
        };
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

fn too_slow(host: &str, what: &str, limit: Duration) -> HttpError {
    let what = format!("{what} within {} ms", limit.as_millis());
    HttpError::Timeout { host: host.to_owned(), what }
}

fn send_error(host: &str, error: &reqwest::Error) -> HttpError {
    let host = host.to_owned();
    if let Some(blocked) = find::<Blocked>(error) {
        return HttpError::Refused { host, what: blocked.0.clone() };
    }
    let what = innermost(error);
    if error.is_dns() {
        HttpError::Dns { host, what }
    } else if error.is_timeout() {
        HttpError::Timeout { host, what: "no connection in time".to_owned() }
    } else if error.is_connect() {
        HttpError::Connect { host, what }
    } else {
        HttpError::Protocol { host, what }
    }
}

fn find<'a, E: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |e| e.source()).find_map(|e| e.downcast_ref::<E>())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |e| e.source()).last();
    last.map_or_else(String::new, |e| e.to_string().chars().take(200).collect())
}

/// Scheme, host and port of an address: what may stand in a log.
fn shown(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let text = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or(""));
    text.chars().take(120).collect()
}
