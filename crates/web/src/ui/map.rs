//! A map without outside tiles: a plain projection, places as points, lanes as lines.

use maud::{Markup, html};
use oms_core::geo::Point;

/// A place on the map.
pub(crate) struct Place {
    pub label: String,
    pub point: Point,
    /// The class that gives its colour.
    pub class: &'static str,
    /// 1 is an ordinary point.
    pub size: f64,
    /// Where it leads; empty: nowhere.
    pub href: String,
}

/// A way between two points.
pub(crate) struct Lane {
    pub from: Point,
    pub to: Point,
    pub class: &'static str,
}

const WIDTH: f64 = 720.0;
const MARGIN: f64 = 28.0;

/// Points to pixels, the same scale in both directions at the middle of the map.
struct Projection {
    west: f64,
    north: f64,
    scale: f64,
    squeeze: f64,
    height: f64,
}

impl Projection {
    fn of(points: &[Point]) -> Option<Self> {
        let degrees = |udeg: i64| udeg as f64 / 1e6;
        let span = |of: fn(&Point) -> i64| {
            let low = points.iter().map(of).min()?;
            Some((degrees(low), degrees(points.iter().map(of).max()?)))
        };
        let ((south, north), (west, east)) = (span(|p| p.lat_udeg)?, span(|p| p.lon_udeg)?);
        let squeeze = ((south + north) / 2.0).to_radians().cos();
        let across = ((east - west) * squeeze).max(0.05);
        let down = (north - south).max(0.05);
        // A tall country gets a narrower map rather than a page of scrolling.
        let scale = ((WIDTH - 2.0 * MARGIN) / across).min(460.0 / down);
        Some(Self { west, north, scale, squeeze, height: down * scale + 2.0 * MARGIN })
    }

    fn xy(&self, p: Point) -> (f64, f64) {
        let (lat, lon) = (p.lat_udeg as f64 / 1e6, p.lon_udeg as f64 / 1e6);
        (MARGIN + (lon - self.west) * self.squeeze * self.scale, MARGIN + (self.north - lat) * self.scale)
    }
}

fn px(n: f64) -> String {
    format!("{n:.1}")
}

/// The map; what it shows stands in a table beside it for those who do not see it.
pub(crate) fn show(title: &str, places: &[Place], lanes: &[Lane]) -> Markup {
    /// Labels beyond this many would lie on each other.
    const LABELLED: usize = 14;
    let points: Vec<Point> =
        places.iter().map(|p| p.point).chain(lanes.iter().flat_map(|l| [l.from, l.to])).collect();
    let Some(map) = Projection::of(&points) else { return html! {} };
    html! {
        svg.map role="group" aria-label=(title) viewBox={ "0 0 " (WIDTH) " " (px(map.height)) } {
            @for lane in lanes {
                @let ((x1, y1), (x2, y2)) = (map.xy(lane.from), map.xy(lane.to));
                line class={ "lane " (lane.class) } x1=(px(x1)) y1=(px(y1)) x2=(px(x2)) y2=(px(y2)) {}
            }
            @for (i, place) in places.iter().enumerate() {
                @let (x, y) = map.xy(place.point);
                @let dot = html! {
                    circle class={ "place " (place.class) } cx=(px(x)) cy=(px(y)) r=(px(3.5 * place.size)) { title { (place.label) } }
                    @if i < LABELLED { text x=(px(x + 5.0 + 3.0 * place.size)) y=(px(y + 4.0)) { (place.label) } }
                };
                @if place.href.is_empty() { (dot) } @else { a href=(place.href) aria-label=(place.label) { (dot) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_and_places_far_apart_stay_inside() {
        for points in
            [vec![(41.0, 29.0)], vec![(36.0, 26.0), (42.0, 45.0)], vec![(-54.0, -70.0), (10.0, -69.0)]]
        {
            let points: Vec<Point> =
                points.into_iter().filter_map(|(lat, lon)| Point::from_degrees(lat, lon)).collect();
            let map = Projection::of(&points).unwrap();
            for p in &points {
                let (x, y) = map.xy(*p);
                assert!(
                    (0.0..=WIDTH).contains(&x) && (0.0..=map.height).contains(&y) && map.height < 560.0,
                    "{x} {y}"
                );
            }
        }
    }
}
