//! The flow drawn: states as boxes in the order packages pass them, transitions as numbered arrows.

use maud::{Markup, html};
use oms_core::commands::Entity;
use oms_core::{packages as p, transfers as t};

/// A transition to draw.
pub(crate) struct Arrow {
    /// What stands on it: the number of its row in the table.
    pub label: String,
    pub title: String,
    pub href: String,
    pub from: i64,
    pub to: i64,
}

/// Column and row of every state: what goes well in the middle, what waits above, what went wrong below.
const PACKAGES: &[(i64, (i64, i64))] = &[
    (p::WAITING_REMOTE_ACTION, (0, 0)),
    (p::WAITING, (0, 1)),
    (p::WAITING_FOR_TRANSFER, (0, 2)),
    (p::PREPARING, (1, 1)),
    (p::WAITING_CARGO_LABEL, (2, 0)),
    (p::READY_FOR_PACKAGING, (2, 1)),
    (p::PACKED, (3, 1)),
    (p::READY_FOR_CUSTOMER, (4, 0)),
    (p::SHIPPED, (4, 1)),
    (p::ATTEMPTED_DELIVERY, (5, 0)),
    (p::DELIVERY_FAILED, (5, 2)),
    (p::DELIVERED, (6, 1)),
    (p::NEEDS_RESCHEDULING, (1, 3)),
    (p::OUT_OF_STOCK, (2, 3)),
    (p::BLOCKED, (3, 3)),
    (p::CANCELLATION_WAITING, (4, 3)),
    (p::CANCELLED, (5, 3)),
    (p::PACKED_FOR_REFUND, (6, 3)),
];
const TRANSFERS: &[(i64, (i64, i64))] = &[
    (t::WAITING, (0, 0)),
    (t::READY_TO_SHIPMENT, (1, 0)),
    (t::IN_TRANSIT, (2, 0)),
    (t::TRANSFERRED, (3, 0)),
    (t::OUT_OF_STOCK, (1, 1)),
    (t::CANCELLED, (2, 1)),
];

const BOX: (f64, f64) = (166.0, 36.0);
const STEP: (f64, f64) = (226.0, 104.0);
const MARGIN: (f64, f64) = (12.0, 44.0);

type Point = (f64, f64);

fn middle((column, row): (i64, i64)) -> Point {
    (MARGIN.0 + BOX.0 / 2.0 + column as f64 * STEP.0, MARGIN.1 + BOX.1 / 2.0 + row as f64 * STEP.1)
}

/// Where the way from a box's middle towards a point leaves the box.
fn edge(middle: Point, towards: Point) -> Point {
    let (dx, dy) = (towards.0 - middle.0, towards.1 - middle.1);
    let reach = |d: f64, half: f64| if d.abs() < 0.01 { f64::INFINITY } else { (half + 3.0) / d.abs() };
    let part = reach(dx, BOX.0 / 2.0).min(reach(dy, BOX.1 / 2.0)).min(1.0);
    (middle.0 + dx * part, middle.1 + dy * part)
}

fn px(n: f64) -> String {
    format!("{n:.1}")
}

/// The drawing. `word` names a state; `count`: records in it now.
pub(crate) fn show(title: &str, entity: Entity, word: impl Fn(i64) -> String, arrows: &[Arrow]) -> Markup {
    let places = if entity == Entity::Package { PACKAGES } else { TRANSFERS };
    let at = |code: i64| places.iter().find(|(c, _)| *c == code).map(|(_, place)| middle(*place));
    let size =
        |of: fn(&(i64, i64)) -> i64| places.iter().map(|(_, place)| of(place)).max().unwrap_or(0) as f64;
    let width = 2.0 * MARGIN.0 + BOX.0 + size(|place| place.0) * STEP.0;
    let height = 2.0 * MARGIN.1 + BOX.1 + size(|place| place.1) * STEP.1;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            svg.flow role="group" aria-label=(title) width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) {
                @for arrow in arrows {
                    @if let (Some(from), Some(to)) = (at(arrow.from), at(arrow.to)) { (drawn(arrow, from, to)) }
                }
                @for (code, place) in places {
                    @let (x, y) = middle(*place);
                    rect x=(px(x - BOX.0 / 2.0)) y=(px(y - BOX.1 / 2.0)) width=(BOX.0) height=(BOX.1) rx="6" {}
                    text.name x=(px(x)) y=(px(y + 4.0)) text-anchor="middle" { (word(*code)) }
                }
            }
        }
    }
}

/// A way that bends to its right, so that there and back lie beside each other.
fn drawn(arrow: &Arrow, from: Point, to: Point) -> Markup {
    let is_loop = arrow.from == arrow.to;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let far = dx.hypot(dy).max(1.0);
    // What passes over other boxes bends further.
    let bend = if far > STEP.0 * 1.5 { 0.22 } else { 0.14 } * far;
    let control = ((from.0 + to.0) / 2.0 + dy / far * bend, (from.1 + to.1) / 2.0 - dx / far * bend);
    let (start, end) = (edge(from, control), edge(to, control));
    let (way, label, tip_from) = if is_loop {
        let (x, y) = (from.0 + BOX.0 / 2.0 - 18.0, from.1 - BOX.1 / 2.0);
        let way = format!(
            "M{} {} C{} {} {} {} {} {}",
            px(x),
            px(y),
            px(x - 4.0),
            px(y - 26.0),
            px(x + 24.0),
            px(y - 26.0),
            px(x + 14.0),
            px(y - 3.0)
        );
        return html! { a href=(arrow.href) aria-label={ (arrow.label) " · " (arrow.title) } { title { (arrow.title) } path d=(way) {} text x=(px(x + 6.0)) y=(px(y - 22.0)) text-anchor="middle" { (arrow.label) } } };
    } else {
        let way = format!(
            "M{} {} Q{} {} {} {}",
            px(start.0),
            px(start.1),
            px(control.0),
            px(control.1),
            px(end.0),
            px(end.1)
        );
        (way, ((start.0 + 2.0 * control.0 + end.0) / 4.0, (start.1 + 2.0 * control.1 + end.1) / 4.0), control)
    };
    let angle = (end.1 - tip_from.1).atan2(end.0 - tip_from.0);
    let tip = |turn: f64| (end.0 - 8.0 * (angle + turn).cos(), end.1 - 8.0 * (angle + turn).sin());
    let (a, b) = (tip(0.4), tip(-0.4));
    let points = format!("{},{} {},{} {},{}", px(end.0), px(end.1), px(a.0), px(a.1), px(b.0), px(b.1));
    html! {
        a href=(arrow.href) aria-label={ (arrow.label) " · " (arrow.title) } {
            title { (arrow.title) }
            path.back[to.0 < from.0] d=(way) {}
            polygon.tip points=(points) {}
            text x=(px(label.0)) y=(px(label.1 + 4.0)) text-anchor="middle" { (arrow.label) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_place_of_its_own() {
        let states: Vec<i64> = p::STATES.iter().map(|s| s.code).collect();
        assert!(states.iter().all(|s| PACKAGES.iter().any(|(c, _)| c == s)));
        let codes: Vec<i64> = t::STATES.iter().map(|s| s.code).collect();
        assert!(codes.iter().all(|s| TRANSFERS.iter().any(|(c, _)| c == s)));
        for places in [PACKAGES, TRANSFERS] {
            let mut seen: Vec<_> = places.iter().map(|(_, place)| place).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), places.len());
        }
    }

    #[test]
    fn a_way_begins_and_ends_outside_of_its_boxes() {
        for to in [(300.0, 0.0), (0.0, 300.0), (-300.0, -40.0)] {
            let (x, y) = edge((0.0, 0.0), to);
            assert!(x.abs() > BOX.0 / 2.0 || y.abs() > BOX.1 / 2.0, "{x} {y}");
        }
    }
}
