//! Charts drawn by the server: readable without colour, the numbers behind them in a table.

use maud::{Markup, html};

use crate::ui::visit::Visit;

/// One series of a chart: its name, its class, and a value a place.
pub(crate) struct Series<'s> {
    pub name: &'s str,
    pub class: &'static str,
    pub values: Vec<i64>,
}

const WIDTH: i64 = 640;
const HEIGHT: i64 = 160;
const FOOT: i64 = 18;
/// The widest bar: with one place alone it would be a wall.
const WIDEST: i64 = 40;

/// Bars beside each other, a group a place.
pub(crate) fn bars(visit: &Visit, title: &str, places: &[String], series: &[Series<'_>]) -> Markup {
    let most = series.iter().flat_map(|s| &s.values).copied().max().unwrap_or(0).max(1);
    let group = WIDTH / (places.len().max(1) as i64);
    let bar = ((group - 3) / series.len().max(1) as i64).clamp(1, WIDEST);
    let height = |value: i64| value * (HEIGHT - FOOT - 14) / most;
    // Words under every place would lie on each other.
    let every = (places.len() / 8).max(1);
    html! {
        figure.chart {
            figcaption { (title) }
            p.legend { @for s in series { span class={ "key " (s.class) } { span aria-hidden="true" {} " " (s.name) } } }
            svg role="img" aria-label=(title) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT - FOOT) y2=(HEIGHT - FOOT) {}
                @for (i, place) in places.iter().enumerate() {
                    @for (j, s) in series.iter().enumerate() {
                        @let value = s.values.get(i).copied().unwrap_or(0);
                        @let x = i as i64 * group + j as i64 * bar;
                        rect class=(s.class) x=(x) y=(HEIGHT - FOOT - height(value)) width=(bar.saturating_sub(1).max(1)) height=(height(value)) { title { (place) ": " (s.name) " " (visit.number(value)) } }
                        @if value > 0 && bar >= 22 { text.value x=(x) y=(HEIGHT - FOOT - height(value) - 3) { (visit.number(value)) } }
                    }
                    @if i % every == 0 { text.place x=(i as i64 * group) y=(HEIGHT - 4) { (place) } }
                }
            }
            (table(visit, places, series))
        }
    }
}

fn table(visit: &Visit, places: &[String], series: &[Series<'_>]) -> Markup {
    html! {
        details.raw {
            summary { (visit.t("today-numbers")) }
            table.list {
                thead { tr { th {} @for s in series { th.number scope="col" { (s.name) } } } }
                tbody { @for (i, place) in places.iter().enumerate() { tr { th scope="row" { (place) } @for s in series { td.number { (visit.number(s.values.get(i).copied().unwrap_or(0))) } } } } }
            }
        }
    }
}
