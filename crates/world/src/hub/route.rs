//! From a request to its answer: one table of paths, the same under both mounts and inside a channel.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query as QueryOf, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::Hub;
use super::faults::Fault;
use super::kind::Kind;
use super::listen::Line;
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

    /// The answer to a path that is known but not by this method, or not at all.
    fn lost(&self, segments: &[&str]) -> Reply {
        match segments.first().and_then(|name| Kind::from_name(name)) {
            Some(_) => Reply::no_method(self.method.as_str()),
            None => Reply::not_found(),
        }
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
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|info| info.0.clone());
    let path = request.uri().path();
    let fault = hub.faults.take(inner(path).unwrap_or(path));
    match fault {
        None => reply_to(&hub, request).await.into_response(),
        Some(fault) => misbehave(&hub, fault, line, request).await,
    }
}

async fn reply_to(hub: &Hub, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => {
            handle(hub, parts.method, &parts.uri, &parts.headers, body).await.unwrap_or_else(|reply| reply)
        }
        Err(_) => Reply::detail(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large or was cut off."),
    }
}

async fn misbehave(hub: &Hub, fault: Fault, line: Option<Line>, request: Request) -> Response<Body> {
    let html = || b"<!doctype html><title>Error</title><h1>Something went wrong</h1>".to_vec();
    let page =
        |status: StatusCode| Reply::bytes(status, html()).with(CONTENT_TYPE, "text/html").into_response();
    let cut = || {
        if let Some(line) = &line {
            line.cut();
        }
    };
    match fault {
        Fault::Unauthorized => Reply::unauthorized("Invalid token.", "authentication_failed").into_response(),
        Fault::TooManyRequests { retry_after_s } => {
            let reply = Reply::detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.");
            reply.with(RETRY_AFTER, &retry_after_s.to_string()).into_response()
        }
        Fault::ErrorPage => page(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::PageForJson => page(StatusCode::OK),
        Fault::Truncated => {
            let mut reply = reply_to(hub, request).await;
            reply.body.truncate(reply.body.len() / 2);
            reply.into_response()
        }
        Fault::CutOff => cut_off(reply_to(hub, request).await),
        Fault::Delay { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            reply_to(hub, request).await.into_response()
        }
        Fault::Drop => {
            cut();
            Response::new(Body::empty())
        }
        Fault::DropAfter => {
            let reply = reply_to(hub, request).await;
            cut();
            reply.into_response()
        }
    }
}

/// Promises the whole body and breaks off after half of it.
fn cut_off(mut reply: Reply) -> Response<Body> {
    let whole = reply.body.len();
    let half = Bytes::from(reply.body[..whole / 2].to_vec());
    reply.body.clear();
    let mut response = reply.with(CONTENT_LENGTH, &whole.to_string()).into_response();
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    *response.body_mut() = Body::from_stream(futures::stream::iter([Ok(half), Err(broken)]));
    response
}

/// The part of a path after the mount; both mounts serve the same.
fn inner(path: &str) -> Option<&str> {
    path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/api/i1/"))
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
        match call.method {
            Method::GET | Method::HEAD => self.get(call, segments),
            Method::POST => self.post(call, segments).await,
            Method::PATCH | Method::PUT => self.patch(call, segments).await,
            Method::DELETE => match segments {
                [name, pk] => self.delete_record(kind(name)?, self.reach(call, kind(name)?, key(pk)?)?).await,
                _ => Err(call.lost(segments)),
            },
            Method::OPTIONS => match segments {
                [name] => Ok(self.options(kind(name)?)),
                _ => Err(call.lost(segments)),
            },
            _ => Err(call.lost(segments)),
        }
    }

    fn get(&self, call: &Call, segments: &[&str]) -> Result<Reply, Reply> {
        match segments {
            ["active_user"] => Ok(self.active_user()),
            ["content_types"] => {
                Ok(call.query(Kind::ContentType)?.bare(&self.world(), Kind::ContentType, |_| true))
            }
            ["order_number", number] => self.order_by_number(call, number),
            ["orders", "updates"] => {
                Ok(self.order_updates(call.channel.unwrap_or(1), &call.query(Kind::Order)?))
            }
            ["cancellation_requests", "updates"] => self.changed(call, Kind::CancellationRequest),
            ["cancellation_plans", "inserts_or_updates"] => self.changed(call, Kind::CancellationPlan),
            ["orders_integration", pk, "detailed_integration"] => self.whole_order(call, key(pk)?),
            ["order_items" | "order_item", "detailed_integration"] => self.list(call, Kind::OrderItem, true),
            [name] => self.list(call, kind(name)?, false),
            [name, "detailed"] => self.list(call, kind(name)?, true),
            [name, pk] => self.show(call, kind(name)?, key(pk)?, false),
            [name, pk, "detailed"] => self.show(call, kind(name)?, key(pk)?, true),
            _ => Err(Reply::not_found()),
        }
    }

    async fn post(&self, call: &Call, segments: &[&str]) -> Result<Reply, Reply> {
        match (segments, call.channel) {
            (["create_orders"], Some(channel)) => self.create_order_at(channel, call.fields()?).await,
            (["orders", pk, "cancel"], _) => {
                self.cancel(self.reach(call, Kind::Order, key(pk)?)?, call.fields()?).await
            }
            (["orders", pk, "bulk_replace_product"], Some(_)) => {
                self.replace_products(self.reach(call, Kind::Order, key(pk)?)?, call.value()?).await
            }
            (["order_items", pk, "create_mapping"], _) => {
                self.create_mapping(self.reach(call, Kind::OrderItem, key(pk)?)?, call.fields()?).await
            }
            (["cancellation_requests"], _) => self.create_request(call.fields()?).await,
            (["cancellation_requests", pk, "reject"], _) => self.reject_request(key(pk)?).await,
            (["cancellation_plans", pk, "create_payment_plan"], _) => {
                self.create_payment_plan(key(pk)?, call.fields()?).await
            }
            (["batch_requests"], Some(channel)) => self.create_batch(channel).await,
            (["integration_actions"], Some(channel)) => self.create_action(channel, call.fields()?).await,
            (["order_shipping_infos"], Some(_)) => {
                Ok(Reply::json(StatusCode::CREATED, &Value::Object(call.fields()?)))
            }
            (["webhooks"], None) => self.create_hook(call.fields()?).await,
            ([name], channel) => self.create_record(kind(name)?, channel, call.fields()?).await,
            _ => Err(call.lost(segments)),
        }
    }

    async fn patch(&self, call: &Call, segments: &[&str]) -> Result<Reply, Reply> {
        if let ["order_items", "bulk_status_update"] = segments {
            return self.patch_items(call.fields()?).await;
        }
        let [name, pk] = segments else { return Err(call.lost(segments)) };
        let kind = kind(name)?;
        let pk = self.reach(call, kind, key(pk)?)?;
        let body = call.fields()?;
        match kind {
            Kind::OrderItem => self.patch_item(pk, body).await,
            Kind::Order => self.patch_order(pk, body).await,
            Kind::CancellationRequest => self.patch_request(pk, body).await,
            Kind::CancellationPlan => self.patch_plan(pk, body).await,
            Kind::BatchRequest => self.patch_batch(pk, body).await,
            Kind::IntegrationAction => self.patch_action(pk, body).await,
            Kind::Webhook => self.patch_hook(pk, body).await,
            _ => self.edit_record(kind, pk, &call.method, body).await,
        }
    }

    /// A record's key, or `404` when there is none in the channel the path names.
    fn reach(&self, call: &Call, kind: Kind, pk: i64) -> Result<i64, Reply> {
        let wanted = vec![("pk".to_owned(), pk.to_string())];
        let keys = Query::read(&wanted)?.in_channel(kind, call.channel).keys(&self.world(), kind);
        keys.first().copied().ok_or_else(Reply::not_found)
    }

    fn changed(&self, call: &Call, kind: Kind) -> Result<Reply, Reply> {
        Ok(call.query(kind)?.bare(&self.world(), kind, |_| true))
    }

    fn options(&self, kind: Kind) -> Reply {
        let world = self.world();
        let first = world.keys(kind).first().and_then(|pk| world.fields(kind, *pk)).unwrap_or_default();
        let names = first.keys().filter(|name| !name.starts_with('_'));
        let lookups = json!({ "type": "CharFilter", "lookup_types": super::query::lookup_names() });
        let filters: Fields = names.map(|name| (name.clone(), lookups.clone())).collect();
        Reply::json(StatusCode::OK, &json!({ "name": kind.name(), "filters": filters }))
    }

    fn list(&self, call: &Call, kind: Kind, deep: bool) -> Result<Reply, Reply> {
        Ok(call.query(kind)?.page(&self.world(), kind, deep, &call.address))
    }

    fn show(&self, call: &Call, kind: Kind, pk: i64, deep: bool) -> Result<Reply, Reply> {
        let pk = self.reach(call, kind, pk)?;
        Ok(record(&self.world(), StatusCode::OK, kind, pk, deep))
    }

    fn order_by_number(&self, call: &Call, number: &str) -> Result<Reply, Reply> {
        let wanted = vec![("number".to_owned(), number.to_owned())];
        let world = self.world();
        let keys = Query::read(&wanted)?.in_channel(Kind::Order, call.channel).keys(&world, Kind::Order);
        let pk = keys.first().copied().ok_or_else(Reply::not_found)?;
        Ok(record(&world, StatusCode::OK, Kind::Order, pk, false))
    }

    /// An order with everything that belongs to it.
    fn whole_order(&self, call: &Call, pk: i64) -> Result<Reply, Reply> {
        let pk = self.reach(call, Kind::Order, pk)?;
        let world = self.world();
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
