//! Where addresses without coordinates of their own are: what a geocoder answered, else their town.

use std::collections::HashMap;

use oms_core::geo::Point;

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// An address without coordinates, as a geocoder is asked for it, and the coordinates of its district,
/// township or city.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    pub id: i64,
    /// Line, district, township, city, postcode and country, no names of people.
    pub text: String,
    pub town: Option<Point>,
}

/// The addresses among these that have no coordinates.
pub async fn unplaced(tx: &mut Tx, addresses: &[i64]) -> Result<Vec<Unplaced>, StoreError> {
    let head = "SELECT a.id, a.line, d.name, t.name, c.name, a.postcode, k.name, COALESCE(d.lat_udeg, t.lat_udeg, c.lat_udeg), \
                COALESCE(d.lon_udeg, t.lon_udeg, c.lon_udeg) FROM addresses a LEFT JOIN districts d ON d.id = a.district_id \
                LEFT JOIN townships t ON t.id = a.township_id LEFT JOIN cities c ON c.id = a.city_id \
                LEFT JOIN countries k ON k.id = a.country_id WHERE a.lat_udeg IS NULL AND a.id";
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        let mut parts = Vec::new();
        for _ in 0..6 {
            parts.extend(c.opt_text()?.map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty()));
        }
        Ok(Unplaced { id, text: parts.join(", "), town: Point::from_udeg(c.opt_i64()?, c.opt_i64()?) })
    };
    tx.fetch_in(head, addresses.iter().copied(), "ORDER BY a.id").await?.iter().map(one).collect()
}

/// What a geocoder answered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geocode {
    /// `None`: it does not know the address.
    pub point: Option<Point>,
    pub at_us: i64,
}

/// What was answered for addresses, by the SHA-256 of their text.
pub async fn known(tx: &mut Tx, hashes: &[[u8; 32]]) -> Result<HashMap<Vec<u8>, Geocode>, StoreError> {
    let head = "SELECT address_hash, lat_udeg, lon_udeg, at_us FROM geocodes WHERE address_hash";
    let mut found = HashMap::new();
    for row in tx.fetch_in(head, hashes.iter().map(|h| h.to_vec()), "").await? {
        let mut c = row.cols();
        let hash = c.bytes()?;
        let point = Point::from_udeg(c.opt_i64()?, c.opt_i64()?);
        found.insert(hash, Geocode { point, at_us: c.i64()? });
    }
    Ok(found)
}

/// Keeps answers, in place of older ones.
pub async fn keep(
    tx: &mut Tx,
    answers: &[([u8; 32], Option<Point>)],
    provider: &str,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(6);
    for (hash, point) in answers {
        let (lat, lon) = (point.map(|p| p.lat_udeg), point.map(|p| p.lon_udeg));
        rows.push(args![*hash, point.is_some(), lat, lon, provider, now_us]);
    }
    let head = "INSERT INTO geocodes (address_hash, found, lat_udeg, lon_udeg, provider, at_us)";
    let tail = "ON CONFLICT (address_hash) DO UPDATE SET found = excluded.found, lat_udeg = excluded.lat_udeg, \
                lon_udeg = excluded.lon_udeg, provider = excluded.provider, at_us = excluded.at_us";
    tx.insert(head, rows, tail).await?;
    Ok(())
}
