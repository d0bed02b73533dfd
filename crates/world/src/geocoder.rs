//! A geocoder of the demo world: Google's wire shape at `/google/`, Yandex's at `/yandex/`. It knows the
//! addresses it was told and can misbehave.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

/// How it misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The right answer, so many milliseconds late.
    Slow(u64),
    Status(u16),
    Garbage,
    /// The quota is used up, as the provider says it.
    OverLimit,
}

struct Inside {
    key: String,
    /// Part of an address, in small letters, to latitude and longitude.
    places: BTreeMap<String, (f64, f64)>,
    fault: Option<Fault>,
    requests: u64,
}

/// The service.
pub struct GeocoderService(Mutex<Inside>);

impl GeocoderService {
    /// One that wants this key.
    pub fn new(key: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inside {
            key: key.into(),
            places: BTreeMap::new(),
            fault: None,
            requests: 0,
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Addresses that hold this text are there.
    pub fn put(&self, text: &str, lat: f64, lon: f64) {
        self.inside().places.insert(text.to_lowercase(), (lat, lon));
    }

    /// Misbehaves until told otherwise.
    pub fn misbehave(&self, fault: Option<Fault>) {
        self.inside().fault = fault;
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.inside().requests
    }

    fn look_up(&self, address: &str) -> Option<(f64, f64)> {
        let address = address.to_lowercase();
        self.inside().places.iter().find(|(text, _)| address.contains(text.as_str())).map(|(_, at)| *at)
    }
}

async fn answer(
    service: Arc<GeocoderService>,
    query: BTreeMap<String, String>,
    (address, key): (&str, &str),
    told: fn(Option<(f64, f64)>) -> Response,
    over_limit: fn() -> Response,
) -> Response {
    let (fault, right_key) = {
        let mut inside = service.inside();
        inside.requests += 1;
        (inside.fault, query.get(key) == Some(&inside.key))
    };
    match fault {
        Some(Fault::Slow(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(Fault::Status(code)) => {
            return StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
        }
        Some(Fault::Garbage) => return "<html>Something went wrong</html>".into_response(),
        Some(Fault::OverLimit) => return over_limit(),
        None => {}
    }
    if !right_key {
        return (StatusCode::FORBIDDEN, Json(json!({"status": "REQUEST_DENIED"}))).into_response();
    }
    told(query.get(address).and_then(|a| service.look_up(a)))
}

async fn google(
    State(service): State<Arc<GeocoderService>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let told = |at: Option<(f64, f64)>| match at {
        Some((lat, lng)) => {
            let result = json!({"geometry": {"location": {"lat": lat, "lng": lng}}});
            Json(json!({"status": "OK", "results": [result]})).into_response()
        }
        None => Json(json!({"status": "ZERO_RESULTS", "results": []})).into_response(),
    };
    let over = || Json(json!({"status": "OVER_QUERY_LIMIT", "results": []})).into_response();
    answer(service, query, ("address", "key"), told, over).await
}

async fn yandex(
    State(service): State<Arc<GeocoderService>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let told = |at: Option<(f64, f64)>| {
        let members: Vec<_> = at
            .iter()
            .map(|(lat, lon)| json!({"GeoObject": {"Point": {"pos": format!("{lon} {lat}")}}}))
            .collect();
        Json(json!({"response": {"GeoObjectCollection": {"featureMember": members}}})).into_response()
    };
    let over = || StatusCode::TOO_MANY_REQUESTS.into_response();
    answer(service, query, ("geocode", "apikey"), told, over).await
}

/// The service's routes.
pub fn router(service: Arc<GeocoderService>) -> Router {
    Router::new().route("/google/", get(google)).route("/yandex/", get(yandex)).with_state(service)
}

/// Serves until `shutdown` is done.
pub async fn serve(
    service: Arc<GeocoderService>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(service)).with_graceful_shutdown(shutdown).await
}
