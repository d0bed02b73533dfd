//! A server on a real socket over a real database, and a client that checks every answer against the
//! API's description.

mod document;
pub mod receiver;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use oms_app::App;
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::permissions::Role;
use oms_store::{Options, Store};
use oms_testkit::Database;
use oms_web::WebState;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use document::Document;

/// Where the API's own routes begin.
pub const OMS: &str = "/api/v1/oms";

/// A running server.
pub struct Server {
    pub app: Arc<App>,
    pub state: WebState,
    /// An administrator's.
    pub token: String,
    /// The hub's.
    pub hub_token: String,
    pub address: SocketAddr,
    /// How far the server's clock is ahead of the machine's.
    pub ahead_us: Arc<AtomicI64>,
    document: Document,
    _database: Database,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("not JSON: {e}: {}", self.body))
    }

    /// Names and values of the cookies it sets.
    pub fn cookies(&self) -> Vec<String> {
        let set = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie"));
        set.filter_map(|(_, v)| v.split(';').next()).map(str::to_owned).collect()
    }

    /// What the first form of a page sends back with every change.
    pub fn proof(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"_csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// The stable code of an error.
    pub fn code(&self) -> String {
        let json = self.json();
        json["error"]["code"].as_str().or(json["code"].as_str()).unwrap_or_default().to_owned()
    }

    /// The same answer, after its status was checked.
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// Somebody signed in to the screens.
pub struct Person {
    pub cookie: String,
    /// What their forms send back.
    pub proof: String,
}

/// The type of a form's body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Fields as a form's body.
pub fn form(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

/// Runs a test on a server over each engine.
pub async fn on_each<F: Future<Output = ()>>(test: impl Fn(Arc<Server>) -> F) {
    for database in Database::each() {
        let engine = database.engine();
        eprintln!("on {engine}");
        test(Arc::new(Server::start(database).await)).await;
    }
}

impl Server {
    /// A server with an administrator and the hub's user.
    pub async fn start(database: Database) -> Self {
        let mut server = Self::start_empty(database).await;
        let mut tokens = Vec::new();
        for (name, role) in [("ada", Role::Administrator), ("hub", Role::Hub)] {
            oms_app::access::create_user(&server.app, "test", name, "a long password", role).await.unwrap();
            tokens.push(oms_app::access::create_token(&server.app, name, "test").await.unwrap());
        }
        server.hub_token = tokens.pop().unwrap();
        server.token = tokens.pop().unwrap();
        server
    }

    /// A server nobody can sign in to.
    pub async fn start_empty(database: Database) -> Self {
        let store = Store::open(&database.url, Options { durable: false }).await.unwrap();
        let http = HttpClient::new(NetPolicy::with_loopback()).unwrap();
        let ahead_us = Arc::new(AtomicI64::new(0));
        let (machine, ahead) = (oms_app::system_clock(), ahead_us.clone());
        let clock: oms_app::Clock = Arc::new(move || machine() + ahead.load(Ordering::SeqCst));
        let app = App::start(store, http, clock).await.unwrap();
        let mailbox = Arc::new(oms_app::orders::intake::mailbox(app.clone()));
        let state = WebState::new(app.clone(), mailbox);
        let document = Document::new(&oms_web::openapi(state.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = oms_web::router(state.clone());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let (token, hub_token) = (String::new(), String::new());
        Self { app, state, token, hub_token, address, ahead_us, document, _database: database }
    }

    /// The database's address, for another process on it.
    pub fn database_url(&self) -> &str {
        &self._database.url
    }

    /// Serves a state on a socket of its own and sends it one POST with a key.
    pub async fn send_to(state: WebState, token: &str, path: &str, key: &str, body: &str) -> Reply {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = oms_web::router(state).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: oms.test\r\nConnection: close\r\nAuthorization: Token {token}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        serving.abort();
        parse(&answer)
    }

    /// A channel, for brands without a hub; returns its id.
    pub async fn channel(&self) -> i64 {
        self.channel_of(None).await
    }

    /// A channel, with its id at the hub if it is the hub's; returns ours.
    pub async fn channel_of(&self, omnitron_id: Option<i64>) -> i64 {
        let id = self.app.store.take_id(oms_store::ids::IdKind::Channel).await.unwrap();
        let channel = oms_store::places::channels::NewChannel {
            id,
            omnitron_id,
            name: "Shop".into(),
            channel_type: "web".into(),
            configuration: "{}".into(),
            is_active: true,
        };
        let mut tx = self.app.store.begin().await.unwrap();
        oms_store::places::channels::upsert(&mut tx, &[channel], self.app.now_us()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A warehouse; returns its id.
    pub async fn warehouse(&self, erp_code: &str) -> i64 {
        let body = json!({"erp_code": erp_code, "name": erp_code, "stock_location_type": "warehouse"});
        let made = self.post(&format!("{OMS}/stocklocations/"), &body).await.is(201);
        made.json()["id"].as_i64().unwrap()
    }

    /// Units of one SKU at a location.
    pub async fn stock(&self, erp_code: &str, sku: &str, on_hand: i64) -> Reply {
        let body = json!({"rows": [{"erp_code": erp_code, "sku": sku, "on_hand": on_hand}]});
        self.post(&format!("{OMS}/stocks/"), &body).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("Authorization", &format!("Token {}", self.token))], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.write("POST", path, body).await
    }

    /// Any method with a JSON body.
    pub async fn write(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.write_with(method, path, &[], body).await
    }

    /// The same with more headers.
    pub async fn write_with(&self, method: &str, path: &str, more: &[(&str, &str)], body: &Value) -> Reply {
        let token = format!("Token {}", self.token);
        let mut headers = vec![("Authorization", token.as_str()), ("Content-Type", "application/json")];
        headers.extend(more);
        self.send(method, path, &headers, &body.to_string()).await
    }

    /// A person in a session.
    pub async fn sign_in(&self, username: &str, password: &str) -> Person {
        let page = self.send("GET", "/login", &[], "").await.is(200);
        let (login, proof) = (page.cookies().join("; "), page.proof());
        let fields =
            [("_csrf", proof.as_str()), ("username", username), ("password", password), ("next", "/")];
        let headers = [("Cookie", login.as_str()), ("Content-Type", FORM)];
        let entered = self.send("POST", "/login", &headers, &form(&fields)).await.is(303);
        let cookie = entered.cookies().into_iter().find(|c| c.starts_with("__Host-oms=")).unwrap();
        let page = self.send("GET", "/en/oms/me", &[("Cookie", &cookie)], "").await.is(200);
        Person { cookie, proof: page.proof() }
    }

    /// A screen as the person sees it.
    pub async fn see(&self, person: &Person, path: &str) -> Reply {
        self.send("GET", path, &[("Cookie", &person.cookie)], "").await
    }

    /// A form of a screen, sent with its proof.
    pub async fn fill(&self, person: &Person, path: &str, fields: &[(&str, &str)]) -> Reply {
        let proven: Vec<_> = [("_csrf", person.proof.as_str())].iter().chain(fields).copied().collect();
        self.send("POST", path, &[("Cookie", &person.cookie), ("Content-Type", FORM)], &form(&proven)).await
    }

    /// Sends exactly this; the answer is checked against the API's description.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: oms.test\r\nConnection: close\r\n");
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() || method == "POST" {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A refused body may close the connection before all of it is sent.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let reply = parse(&answer);
        self.document.check(method, path, &reply);
        reply
    }
}

fn parse(answer: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
        .collect();
    let start = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Reply {
        status: status.unwrap_or_else(|| panic!("no status: {head}")),
        headers,
        body: body.to_owned(),
        bytes: answer[start..].to_vec(),
    }
}
