//! Geocoders: services that turn an address into coordinates. Two public wire shapes.
//!
//! Google: `GET url?address=…&key=…` answers `{"status": "OK", "results": [{"geometry": {"location": {"lat",
//! "lng"}}}]}`. Yandex: `GET url?geocode=…&apikey=…&format=json&results=1` answers
//! `response.GeoObjectCollection.featureMember[].GeoObject.Point.pos`, longitude first.

use std::time::Duration;

use oms_core::geo::Point;
use oms_core::settings::GeocodeKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::http::{HttpClient, HttpError, Request, Timeouts};

/// How long one address may take: an order waits for it.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// The most bytes of an answer.
const MAX_BYTES: usize = 256 * 1024;

/// Why there is no answer. Texts say what to do and never hold the key or the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeocodeError {
    /// It cannot be reached, or fails; it may work later.
    #[error("the geocoder does not answer: {0}")]
    Unavailable(String),
    /// The quota is used up.
    #[error("the geocoder's limit of requests is reached; addresses are placed at their town meanwhile")]
    OverLimit,
    /// The key is not accepted.
    #[error("the geocoder refuses the api_key; check GEOCODE_PROVIDER_SETTINGS")]
    Refused,
    /// Not the agreed shape.
    #[error(
        "the geocoder's answer is not of the {0} shape; check provider and url of GEOCODE_PROVIDER_SETTINGS"
    )]
    WrongShape(&'static str),
}

/// A geocoder as it is configured.
pub struct Geocoder {
    kind: GeocodeKind,
    url: Url,
    api_key: SecretString,
}

impl Geocoder {
    /// `None` if the address of the service is none.
    pub fn new(kind: GeocodeKind, url: &str, api_key: &str) -> Option<Self> {
        Some(Self { kind, url: Url::parse(url).ok()?, api_key: api_key.to_owned().into() })
    }

    /// Where an address is; `None` if the service does not know.
    pub async fn find(&self, http: &HttpClient, address: &str) -> Result<Option<Point>, GeocodeError> {
        let key = self.api_key.expose_secret();
        let request = Request::get(self.url.clone());
        let mut request = match self.kind {
            GeocodeKind::Google => request.query("address", address).query("key", key),
            GeocodeKind::Yandex => request
                .query("geocode", address)
                .query("apikey", key)
                .query("format", "json")
                .query("results", "1"),
        };
        request.timeouts = Timeouts { read: TIMEOUT, total: TIMEOUT };
        request.max_bytes = MAX_BYTES;
        let answer =
            http.send(request).await.map_err(|e: HttpError| GeocodeError::Unavailable(e.to_string()))?;
        match answer.status {
            200..300 => {}
            401 | 403 => return Err(GeocodeError::Refused),
            429 => return Err(GeocodeError::OverLimit),
            other => return Err(GeocodeError::Unavailable(format!("it answered status {other}"))),
        }
        let shape = match self.kind {
            GeocodeKind::Google => "Google",
            GeocodeKind::Yandex => "Yandex",
        };
        let body: Value =
            serde_json::from_slice(&answer.bytes).map_err(|_| GeocodeError::WrongShape(shape))?;
        match self.kind {
            GeocodeKind::Google => google(&body),
            GeocodeKind::Yandex => yandex(&body),
        }
    }
}

fn google(body: &Value) -> Result<Option<Point>, GeocodeError> {
    let wrong = || GeocodeError::WrongShape("Google");
    match body["status"].as_str().ok_or_else(wrong)? {
        "OK" => {
            let at = &body["results"][0]["geometry"]["location"];
            let degrees = at["lat"].as_f64().zip(at["lng"].as_f64());
            degrees.and_then(|(lat, lon)| Point::from_degrees(lat, lon)).map(Some).ok_or_else(wrong)
        }
        "ZERO_RESULTS" => Ok(None),
        "OVER_QUERY_LIMIT" | "OVER_DAILY_LIMIT" => Err(GeocodeError::OverLimit),
        "REQUEST_DENIED" => Err(GeocodeError::Refused),
        other => Err(GeocodeError::Unavailable(format!(
            "it answered {:?}",
            other.chars().take(40).collect::<String>()
        ))),
    }
}

fn yandex(body: &Value) -> Result<Option<Point>, GeocodeError> {
    let wrong = || GeocodeError::WrongShape("Yandex");
    let members = body["response"]["GeoObjectCollection"]["featureMember"].as_array().ok_or_else(wrong)?;
    let Some(first) = members.first() else { return Ok(None) };
    let pos = first["GeoObject"]["Point"]["pos"].as_str().ok_or_else(wrong)?;
    let mut numbers = pos.split_whitespace().map(|n| n.parse::<f64>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(lon), Some(lat)) => Point::from_degrees(lat, lon).map(Some).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_shapes_are_read_and_what_is_none_is_named() {
        let istanbul = Point::from_degrees(41.0, 29.0);
        let answer =
            json!({"status": "OK", "results": [{"geometry": {"location": {"lat": 41.0, "lng": 29.0}}}]});
        assert_eq!(google(&answer), Ok(istanbul));
        assert_eq!(google(&json!({"status": "ZERO_RESULTS", "results": []})), Ok(None));
        assert_eq!(google(&json!({"status": "OVER_QUERY_LIMIT"})), Err(GeocodeError::OverLimit));
        assert_eq!(google(&json!({"status": "REQUEST_DENIED"})), Err(GeocodeError::Refused));
        assert_eq!(google(&json!({"status": "OK", "results": []})), Err(GeocodeError::WrongShape("Google")));
        assert_eq!(google(&json!([])), Err(GeocodeError::WrongShape("Google")));
        let member = |pos: &str| json!({"response": {"GeoObjectCollection": {"featureMember": [{"GeoObject": {"Point": {"pos": pos}}}]}}});
        assert_eq!(yandex(&member("29.0 41.0")), Ok(istanbul));
        assert_eq!(yandex(&member("29.0")), Err(GeocodeError::WrongShape("Yandex")));
        assert_eq!(yandex(&member("200 100")), Err(GeocodeError::WrongShape("Yandex")));
        assert_eq!(yandex(&json!({"response": {"GeoObjectCollection": {"featureMember": []}}})), Ok(None));
        assert_eq!(yandex(&json!({})), Err(GeocodeError::WrongShape("Yandex")));
    }
}
