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

/// About how wide a letter of a label is, and how high a line.
const LETTER: f64 = 6.4;
const LINE: f64 = 14.0;

/// Where the labels of places begin: right of the point or left of it, inside the map, on no other label and no point. The first
/// places come first; who finds no room has none.
fn labels(map: &Projection, places: &[Place]) -> Vec<Option<f64>> {
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let one = |place: &Place| {
        let ((x, y), gap) = (map.xy(place.point), 5.0 + 3.0 * place.size);
        let wide = place.label.chars().count() as f64 * LETTER;
        let is_free = |from: &f64| {
            let is_inside = *from >= 0.0 && from + wide <= WIDTH;
            let hides =
                |(px, py): (f64, f64)| (py - y).abs() < LINE / 2.0 && *from <= px && px <= from + wide;
            is_inside
                && !places.iter().any(|other| hides(map.xy(other.point)))
                && taken.iter().all(|(a, b, at)| (at - y).abs() >= LINE || *b <= *from || from + wide <= *a)
        };
        let from = [x + gap, x - gap - wide].into_iter().find(is_free)?;
        taken.push((from, from + wide, y));
        Some(from)
    };
    places.iter().map(one).collect()
}

/// The map; what it shows stands in a table beside it for those who do not see it.
pub(crate) fn show(title: &str, places: &[Place], lanes: &[Lane]) -> Markup {
    let points: Vec<Point> =
        places.iter().map(|p| p.point).chain(lanes.iter().flat_map(|l| [l.from, l.to])).collect();
    let Some(map) = Projection::of(&points) else { return html! {} };
    let labels = labels(&map, places);
    html! {
        svg.map role="group" aria-label=(title) viewBox={ "0 0 " (WIDTH) " " (px(map.height)) } {
            @for lane in lanes {
                @let ((x1, y1), (x2, y2)) = (map.xy(lane.from), map.xy(lane.to));
                line class={ "lane " (lane.class) } x1=(px(x1)) y1=(px(y1)) x2=(px(x2)) y2=(px(y2)) {}
            }
            @for (place, label) in places.iter().zip(&labels) {
                @let (x, y) = map.xy(place.point);
                @let dot = html! {
                    circle class={ "place " (place.class) } cx=(px(x)) cy=(px(y)) r=(px(3.5 * place.size)) { title { (place.label) } }
                    @if let Some(at) = label { text x=(px(*at)) y=(px(y + 4.0)) { (place.label) } }
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
    fn labels_stay_inside_and_off_each_other() {
        let place = |lat, lon| Place {
            label: "A store with a name".into(),
            point: Point::from_degrees(lat, lon).unwrap(),
            class: "",
            size: 1.0,
            href: String::new(),
        };
        // Two at one spot: one right of it, one left. A third has no room. The last stands at the right edge.
        let places =
            [place(40.0, 30.0), place(40.0, 30.0), place(40.0, 30.0), place(36.0, 26.0), place(41.0, 34.0)];
        let points: Vec<Point> = places.iter().map(|p| p.point).collect();
        let map = Projection::of(&points).unwrap();
        let found = labels(&map, &places);
        let wide = places[0].label.len() as f64 * LETTER;
        assert!(found[0].unwrap() > map.xy(points[0]).0 && found[1].unwrap() + wide < map.xy(points[1]).0);
        assert_eq!(found[2], None);
        for from in found.into_iter().flatten() {
            assert!(from >= 0.0 && from + wide <= WIDTH, "{from}");
        }
    }

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
