//! From a request to its answer: one table of paths, the same under both mounts and inside a channel.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query as QueryOf, Request};
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::Hub;
use super::kind::Kind;
use super::query::{Address, Params, Query};
use super::reply::Reply;
use super::world::{Fields, IntoBytes};

/// Largest request body: a bulk update of a few thousand items fits.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A request as the handlers see it.
pub(crate) struct Call {
    pub method: Method,
    /// The channel a path names, if it does.
    pub channel: Option<i64>,
    pub params: Params,
    pub address: Address,
    pub body: Bytes,
}

impl Call {
    /// The body as a JSON object.
    pub(crate) fn fields(&self) -> Result<Fields, Reply> {
        match self.value()? {
            Value::Object(fields) => Ok(fields),
            _ => Err(Reply::field("non_field_errors", "Invalid data. Expected a dictionary.")),
        }
    }

    /// The body as any JSON.
    pub(crate) fn value(&self) -> Result<Value, Reply> {
        serde_json::from_slice(&self.body).map_err(|e| {
            let detail = format!("JSON parse error - {e}");
            Reply::json(StatusCode::BAD_REQUEST, &json!({ "detail": detail, "code": "parse_error" }))
        })
    }

    /// What a list is asked for.
    pub(crate) fn query(&self, kind: Kind) -> Result<Query, Reply> {
        Ok(Query::read(&self.params)?.in_channel(kind, self.channel))
    }
}

pub(super) fn router(hub: Arc<Hub>) -> Router {
    Router::new().fallback(move |request: Request| answer(hub.clone(), request))
}

async fn answer(hub: Arc<Hub>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let reply = match axum::body::to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => {
            handle(&hub, parts.method, &parts.uri, &parts.headers, body).await.unwrap_or_else(|reply| reply)
        }
        Err(_) => Reply::detail(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large or was cut off."),
    };
    reply.into_response()
}

async fn handle(
    hub: &Hub,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Reply, Reply> {
    let path = uri.path();
    let rest = path
        .strip_prefix("/api/v1/")
        .or_else(|| path.strip_prefix("/api/i1/"))
        .ok_or_else(Reply::not_found)?;
    let Some(rest) = rest.strip_suffix('/') else {
        return Err(without_slash(&method, uri));
    };
    let params = QueryOf::<Params>::try_from_uri(uri).map(|q| q.0);
    let params = params.map_err(|_| Reply::field("non_field_errors", "The query cannot be read."))?;
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or("127.0.0.1");
    let mut call = Call { method, channel: None, params, address: Address::new(host, uri), body };
    let mut segments: Vec<&str> = rest.split('/').collect();
    if segments == ["auth", "login"] {
        return match call.method {
            Method::POST => hub.login(&call.fields()?).await,
            _ => Err(Reply::no_method(call.method.as_str())),
        };
    }
    hub.authorize(headers)?;
    if let ["channel", channel, inner @ ..] = segments.as_slice() {
        let channel = channel.parse().ok().filter(|c| hub.world().exists(Kind::Channel, *c));
        call.channel = Some(channel.ok_or_else(Reply::not_found)?);
        segments = inner.to_vec();
    }
    hub.dispatch(&call, &segments).await
}

/// Django sends a reader on to the path with its slash; a writer gets told, since its body would be lost.
fn without_slash(method: &Method, uri: &Uri) -> Reply {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Reply::not_found();
    }
    let query = uri.query().map_or_else(String::new, |q| format!("?{q}"));
    Reply::bytes(StatusCode::MOVED_PERMANENTLY, Vec::new()).with(LOCATION, &format!("{}/{query}", uri.path()))
}

impl Hub {
    async fn dispatch(&self, call: &Call, segments: &[&str]) -> Result<Reply, Reply> {
        match (&call.method, segments) {
            (&Method::GET, ["active_user"]) => Ok(self.active_user()),
            (&Method::GET, ["content_types"]) => {
                Ok(call.query(Kind::ContentType)?.bare(&self.world(), Kind::ContentType, |_| true))
            }
            (&Method::GET, ["order_number", number]) => self.order_by_number(number),
            (&Method::GET, ["orders_integration", pk, "detailed_integration"]) => self.whole_order(key(pk)?),
            (&Method::GET, ["order_items" | "order_item", "detailed_integration"]) => {
                Ok(call.query(Kind::OrderItem)?.page(&self.world(), Kind::OrderItem, true, &call.address))
            }
            (&Method::GET, [name]) => self.list(call, kind(name)?, false),
            (&Method::GET, [name, "detailed"]) => self.list(call, kind(name)?, true),
            (&Method::GET, [name, pk]) => self.show(call, kind(name)?, key(pk)?, false),
            (&Method::GET, [name, pk, "detailed"]) => self.show(call, kind(name)?, key(pk)?, true),
            (method, [name, ..]) => {
                kind(name)?;
                Err(Reply::no_method(method.as_str()))
            }
            _ => Err(Reply::not_found()),
        }
    }

    fn list(&self, call: &Call, kind: Kind, deep: bool) -> Result<Reply, Reply> {
        Ok(call.query(kind)?.page(&self.world(), kind, deep, &call.address))
    }

    fn show(&self, call: &Call, kind: Kind, pk: i64, deep: bool) -> Result<Reply, Reply> {
        let world = self.world();
        let wanted = vec![("pk".to_owned(), pk.to_string())];
        let in_reach = Query::read(&wanted)?.in_channel(kind, call.channel).keys(&world, kind);
        if in_reach.is_empty() {
            return Err(Reply::not_found());
        }
        Ok(record(&world, StatusCode::OK, kind, pk, deep))
    }

    fn order_by_number(&self, number: &str) -> Result<Reply, Reply> {
        let world = self.world();
        let pk = world.orders_by_number(number).first().copied().ok_or_else(Reply::not_found)?;
        Ok(record(&world, StatusCode::OK, Kind::Order, pk, false))
    }

    /// An order with everything that belongs to it.
    fn whole_order(&self, pk: i64) -> Result<Reply, Reply> {
        let world = self.world();
        if !world.exists(Kind::Order, pk) {
            return Err(Reply::not_found());
        }
        let mut body = Vec::new();
        world.visit(Kind::Order, pk, true, IntoBytes(&mut body));
        // The record's closing brace makes room for its items.
        body.pop();
        body.extend_from_slice(b",\"orderitem_set\":[");
        for (at, item) in world.items_of(pk).enumerate() {
            if at > 0 {
                body.push(b',');
            }
            world.visit(Kind::OrderItem, item, true, IntoBytes(&mut body));
        }
        body.extend_from_slice(b"]}");
        Ok(Reply::bytes(StatusCode::OK, body))
    }
}

/// One record as an answer.
pub(crate) fn record(
    world: &super::world::World,
    status: StatusCode,
    kind: Kind,
    pk: i64,
    deep: bool,
) -> Reply {
    let mut body = Vec::new();
    world.visit(kind, pk, deep, IntoBytes(&mut body));
    Reply::bytes(status, body)
}

fn key(text: &str) -> Result<i64, Reply> {
    text.parse().ok().filter(|pk| *pk > 0).ok_or_else(Reply::not_found)
}

fn kind(name: &str) -> Result<Kind, Reply> {
    Kind::from_name(name).filter(|k| *k != Kind::Mapping).ok_or_else(Reply::not_found)
}
