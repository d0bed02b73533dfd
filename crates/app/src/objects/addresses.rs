//! Addresses and the places in them, as nested objects.

use oms_core::geo::Point;
use oms_store::orders::people::NewAddress;
use oms_store::places::geography::{Level, Place};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::Places;

/// A country, city, township or district.
#[derive(Serialize, ToSchema)]
pub struct PlaceView {
    /// Its id here.
    pub pk: i64,
    pub name: String,
    /// ISO alpha-2, of a country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its id here, of a city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<i64>,
    /// Its id here, of a township or district.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<i64>,
    /// Its id here, of a district.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub township: Option<i64>,
    pub is_active: bool,
    /// Degrees with eight decimals.
    pub longitude: Option<String>,
    pub latitude: Option<String>,
    /// Its id at the hub.
    pub omnitron_id: Option<i64>,
}

/// A place as an object.
pub fn place(level: Level, p: &Place) -> PlaceView {
    let parent = |at: usize| p.parents.get(at).copied();
    let (longitude, latitude) = coordinates(p.point);
    PlaceView {
        pk: p.id,
        name: p.name.clone(),
        code: p.code.clone(),
        country: if level == Level::City { parent(0) } else { None },
        city: if matches!(level, Level::Township | Level::District) { parent(0) } else { None },
        township: if level == Level::District { parent(1) } else { None },
        is_active: p.is_active,
        longitude,
        latitude,
        omnitron_id: p.omnitron_id,
    }
}

/// Longitude and latitude as the wire has them.
pub fn coordinates(point: Option<Point>) -> (Option<String>, Option<String>) {
    (point.map(|p| degrees(p.lon_udeg)), point.map(|p| degrees(p.lat_udeg)))
}

/// Micro-degrees as degrees with eight decimals.
fn degrees(udeg: i64) -> String {
    let sign = if udeg < 0 { "-" } else { "" };
    let udeg = udeg.unsigned_abs();
    format!("{sign}{}.{:06}00", udeg / 1_000_000, udeg % 1_000_000)
}

/// An address.
#[derive(Serialize, ToSchema)]
pub struct AddressView {
    pub id: Option<i64>,
    pub omnitron_id: Option<i64>,
    pub country: Option<PlaceView>,
    pub city: Option<PlaceView>,
    pub township: Option<PlaceView>,
    pub district: Option<PlaceView>,
    #[schema(value_type = Option<Object>)]
    pub mapping: Option<serde_json::Value>,
    pub title: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone_number: Option<String>,
    pub email: Option<String>,
    pub company_name: Option<String>,
    pub is_active: bool,
    pub line: Option<String>,
    pub postcode: Option<String>,
    pub notes: Option<String>,
    /// Degrees with eight decimals.
    pub longitude: Option<String>,
    pub latitude: Option<String>,
}

/// An address as an object.
pub fn address(id: Option<i64>, a: &NewAddress, places: &Places) -> AddressView {
    let at = |level, id| places.get(level, id).map(|p| place(level, p));
    let (longitude, latitude) = coordinates(a.point);
    AddressView {
        id,
        omnitron_id: a.omnitron_id,
        country: at(Level::Country, a.country_id),
        city: at(Level::City, a.city_id),
        township: at(Level::Township, a.township_id),
        district: at(Level::District, a.district_id),
        mapping: None,
        title: a.title.clone(),
        first_name: a.first_name.clone(),
        last_name: a.last_name.clone(),
        phone_number: a.phone.clone(),
        email: a.email.clone(),
        company_name: a.company_name.clone(),
        is_active: true,
        line: a.line.clone(),
        postcode: a.postcode.clone(),
        notes: a.notes.clone(),
        longitude,
        latitude,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_eight_decimals() {
        let point = Point { lat_udeg: 41_013_840, lon_udeg: -949_660 };
        assert_eq!(coordinates(Some(point)), (Some("-0.94966000".into()), Some("41.01384000".into())));
    }
}
