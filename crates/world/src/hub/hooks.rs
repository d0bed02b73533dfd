//! Webhooks: who is to be told of what, and the telling, after the change stands and off the request's path.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::{Semaphore, mpsc};

use super::Hub;
use super::change::{Event, Then};
use super::kind::Kind;
use super::reply::Reply;
use super::shape::{Shape, Slot, may, must, null, read};
use super::state::HubError;
use super::world::{Fields, IntoFields};

/// Messages that may wait; a receiver that is slower than this is served by its polls, which miss nothing.
const QUEUE: usize = 20_000;
/// Messages on their way at a time.
const IN_FLIGHT: usize = 8;
/// Longest wait for a receiver.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses between the five tries.
const PAUSES_MS: [u64; 4] = [200, 1_000, 3_000, 10_000];
/// Most registrations; each event is sent once to each.
const MAX_HOOKS: usize = 256;
/// Most extra headers of a registration.
const MAX_HEADERS: usize = 16;
/// A secret is never shown again, so it is kept under a name that is not.
const SECRET: &str = "_secret_key";
const HEADERS: &str = "_additional_headers";

const EVENTS: [&str; 6] = [
    "order.created",
    "order.updated",
    "cancellation_plan.created",
    "cancellation_plan.updated",
    "retail_store.created",
    "retail_store.updated",
];

const HOOK: [Slot; 5] = [
    must("event_type", Shape::OneOf(&EVENTS)),
    must("target_url", Shape::Text(1024)),
    null("secret_key", Shape::Text(255)),
    may("is_active", Shape::Flag),
    null("additional_headers", Shape::Object),
];

const SWITCH: [Slot; 1] = [may("is_active", Shape::Flag)];

/// The way out for messages.
pub(crate) struct Hooks {
    queue: mpsc::Sender<Message>,
    dropped: AtomicU64,
}

struct Message {
    url: Url,
    headers: HeaderMap,
    body: Arc<str>,
}

/// As Standard Webhooks has it.
fn signature(secret: &str, id: &str, at_s: i64, body: &str) -> String {
    let key = secret.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok());
    let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{at_s}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

impl Hooks {
    /// Starts the sender; it ends when the hub is dropped.
    pub(crate) fn start() -> Result<Self, HubError> {
        // Without a provider the client could not be built; one that is there already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .resolve("localhost", ([127, 0, 0, 1], 0).into())
            .build()?;
        let (queue, inbox) = mpsc::channel(QUEUE);
        tokio::spawn(send_all(client, inbox));
        Ok(Self { queue, dropped: AtomicU64::new(0) })
    }

    fn put(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(dropped, "the webhook queue is full; receivers must poll for what they missed");
        }
    }
}

async fn send_all(client: reqwest::Client, mut inbox: mpsc::Receiver<Message>) {
    let slots = Arc::new(Semaphore::new(IN_FLIGHT));
    while let Some(message) = inbox.recv().await {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let client = client.clone();
        tokio::spawn(async move {
            send(&client, message).await;
            drop(slot);
        });
    }
}

async fn send(client: &reqwest::Client, message: Message) {
    let url = &message.url;
    for pause_ms in PAUSES_MS.into_iter().map(Some).chain([None]) {
        let body = message.body.to_string();
        let sent = client.post(url.clone()).headers(message.headers.clone()).body(body).send().await;
        let outcome = match sent {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => answer.status().to_string(),
            Err(error) => error.to_string(),
        };
        match pause_ms {
            Some(pause_ms) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
            None => tracing::warn!(%url, outcome, "a webhook was given up"),
        }
    }
}

impl Hub {
    /// `POST webhooks/`; the same event and target again renews the registration.
    pub(crate) async fn create_hook(&self, body: Fields) -> Result<Reply, Reply> {
        let loopback_only = self.config.loopback_only;
        self.change(|draft| {
            let mut fields = read(draft, &HOOK, &body, false)?;
            let url = fields.get("target_url").and_then(Value::as_str).unwrap_or_default();
            check_target(url, loopback_only)?;
            headers_of(fields.get("additional_headers"))?;
            fields.entry("is_active").or_insert(Value::Bool(true));
            for (open, hidden) in [("secret_key", SECRET), ("additional_headers", HEADERS)] {
                let value = fields.remove(open).unwrap_or_default();
                fields.insert(hidden.to_owned(), value);
            }
            let hooks = draft.world().keys(Kind::Webhook);
            let same = |pk: &i64| {
                let is = |name: &str, other: &Fields| other.get(name) == fields.get(name);
                draft.fields(Kind::Webhook, *pk).is_ok_and(|f| is("event_type", &f) && is("target_url", &f))
            };
            if let Some(pk) = hooks.iter().copied().find(same) {
                draft.set(Kind::Webhook, pk, fields)?;
                return Ok(Then::Show(StatusCode::OK, Kind::Webhook, pk, false));
            }
            if hooks.len() >= MAX_HOOKS {
                return Err(Reply::field("non_field_errors", format!("At most {MAX_HOOKS} webhooks.")));
            }
            let pk = draft.create(Kind::Webhook, fields);
            Ok(Then::Show(StatusCode::CREATED, Kind::Webhook, pk, false))
        })
        .await
    }

    /// `PATCH webhooks/{pk}/`: on or off.
    pub(crate) async fn patch_hook(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let given = read(draft, &SWITCH, &body, true)?;
            draft.set(Kind::Webhook, pk, given)?;
            Ok(Then::Show(StatusCode::OK, Kind::Webhook, pk, false))
        })
        .await
    }

    /// Queues the messages for events that just became true.
    pub(crate) fn tell(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let world = self.world();
        let hooks: Vec<Fields> =
            world.keys(Kind::Webhook).into_iter().filter_map(|pk| world.fields(Kind::Webhook, pk)).collect();
        for event in events {
            let wants = |hook: &&Fields| {
                hook.get("event_type").is_some_and(|e| e == event.name)
                    && hook.get("is_active") == Some(&json!(true))
            };
            let mut wanting = hooks.iter().filter(wants).peekable();
            if wanting.peek().is_none() || !world.exists(event.kind, event.pk) {
                continue;
            }
            // A plan is told with its order inside; the other records as they are.
            let payload = world.visit(event.kind, event.pk, event.kind == Kind::CancellationPlan, IntoFields);
            for hook in wanting {
                let uuid = uuid::Uuid::new_v4().simple().to_string();
                let body =
                    json!({ "event": { "type": event.name, "uuid": uuid }, "payload": payload }).to_string();
                self.queue_message(hook, body.into(), uuid);
            }
        }
    }

    fn queue_message(&self, hook: &Fields, body: Arc<str>, uuid: String) {
        let url = hook.get("target_url").and_then(Value::as_str).unwrap_or_default();
        let Ok(url) = check_target(url, self.config.loopback_only) else { return };
        let Ok(mut headers) = headers_of(hook.get(HEADERS)) else { return };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Its tries are over long before a receiver takes the signature for a recorded one.
        if let Some(secret) = hook.get(SECRET).and_then(Value::as_str) {
            let at_s = self.now() / 1_000_000;
            for (name, text) in [
                ("webhook-id", uuid.clone()),
                ("webhook-timestamp", at_s.to_string()),
                ("webhook-signature", signature(secret, &uuid, at_s, &body)),
            ] {
                headers.insert(name, HeaderValue::from_str(&text).expect("digits and letters"));
            }
        }
        self.hooks.put(Message { url, headers, body });
    }
}

/// A demo hub must not be a way to reach other machines.
fn check_target(url: &str, loopback_only: bool) -> Result<Url, Reply> {
    let wrong = |what: &str| Reply::field("target_url", what);
    let url = Url::parse(url).map_err(|_| wrong("Enter a valid URL."))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("Enter a valid URL."));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if loopback_only && !is_loopback {
        return Err(wrong("The demo hub sends to this machine only: use localhost, 127.0.0.1 or [::1]."));
    }
    Ok(url)
}

fn headers_of(value: Option<&Value>) -> Result<HeaderMap, Reply> {
    let mut headers = HeaderMap::new();
    let Some(Value::Object(given)) = value else { return Ok(headers) };
    let wrong = || Reply::field("additional_headers", "Expected header names with text values.");
    if given.len() > MAX_HEADERS {
        return Err(wrong());
    }
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let value = value.as_str().and_then(|v| HeaderValue::from_str(v).ok()).ok_or_else(wrong)?;
        headers.insert(name, value);
    }
    Ok(headers)
}
