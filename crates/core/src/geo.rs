//! Places on the earth and the distance between them.
//!
//! Distance is an input to a decision, not part of it: it is computed here once, with `libm` so
//! that every machine gives the same bits, and rounded to whole metres.

use serde::{Deserialize, Serialize};

/// A coordinate in micro-degrees (1/1,000,000 of a degree).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point {
    pub lat_udeg: i64,
    pub lon_udeg: i64,
}

const EARTH_RADIUS_M: f64 = 6_371_008.8;

impl Point {
    /// From degrees; `None` outside ±90 / ±180.
    pub fn from_degrees(lat: f64, lon: f64) -> Option<Self> {
        if !(lat.abs() <= 90.0 && lon.abs() <= 180.0) {
            return None;
        }
        Some(Self { lat_udeg: libm::round(lat * 1e6) as i64, lon_udeg: libm::round(lon * 1e6) as i64 })
    }

    /// From micro-degrees as stored; `None` if either is missing.
    pub fn from_udeg(lat: Option<i64>, lon: Option<i64>) -> Option<Self> {
        Some(Self { lat_udeg: lat?, lon_udeg: lon? })
    }

    /// Latitude and longitude in degrees.
    pub fn degrees(self) -> (f64, f64) {
        (self.lat_udeg as f64 / 1e6, self.lon_udeg as f64 / 1e6)
    }
}

/// Great-circle distance in whole metres (haversine on a sphere of the earth's mean radius).
pub fn distance_m(a: Point, b: Point) -> i64 {
    let ((lat1, lon1), (lat2, lon2)) = (a.degrees(), b.degrees());
    let rad = |d: f64| d * (std::f64::consts::PI / 180.0);
    let (s1, s2) = (libm::sin(rad(lat2 - lat1) / 2.0), libm::sin(rad(lon2 - lon1) / 2.0));
    let h = s1 * s1 + libm::cos(rad(lat1)) * libm::cos(rad(lat2)) * s2 * s2;
    libm::round(2.0 * EARTH_RADIUS_M * libm::asin(libm::sqrt(h.clamp(0.0, 1.0)))) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_way_from_istanbul_to_ankara() {
        let istanbul = Point::from_degrees(41.01384, 28.94966).expect("on earth");
        let ankara = Point::from_degrees(39.91987, 32.85427).expect("on earth");
        let d = distance_m(istanbul, ankara);
        assert!((349_000..353_000).contains(&d), "{d}");
        assert_eq!(d, distance_m(ankara, istanbul));
        assert_eq!(distance_m(ankara, ankara), 0);
        assert!(Point::from_degrees(91.0, 0.0).is_none());
        assert!(Point::from_degrees(f64::NAN, 0.0).is_none());
    }
}
