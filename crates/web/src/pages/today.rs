//! The day at a glance, and the cards of locations.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use oms_app::places::locations;
use oms_app::upkeep::today::{self, Today};
use oms_core::packages::{Kind, STATES};
use oms_core::permissions::Permission as P;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::chart::{self, Series};
use crate::ui::visit::Visit;
use crate::ui::{badge, shell};

/// The screen.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let today = today::read(&state.app).await?;
    let is_new = today.totals.orders == 0;
    let content = html! {
        div.head { h1 { (visit.t("nav-today")) } span.count { (visit.exact(visit.now_us)) } }
        @if is_new {
            div.empty { p { (visit.t("today-empty")) } p { a.button.primary href=(visit.href("settings/basic-setup")) { (visit.t("today-begin")) } } }
        }
        (needs(&visit, &today))
        (late(&visit, &today))
        (states(&visit, &today))
        div.columns {
            (by_hour(&visit, &today))
            (rates(&visit, &today))
        }
        (ageing(&visit, &today))
        (jobs(&visit, &today))
    };
    Ok(shell::page(&visit, visit.t("nav-today"), &content))
}

/// What goes on only when a person does something, worst first, each with the list that holds it.
fn needs(visit: &Visit, today: &Today) -> Markup {
    let n = &today.needs;
    let rows = [
        (Kind::Failed, "today-need_jobs", n.dead_jobs, "jobs?state=dead", P::SettingsRead),
        (Kind::Failed, "today-need_engines", n.engines_down, "connections", P::EnginesRead),
        (Kind::Failed, "today-need_hooks", n.hooks_down, "connections", P::HooksRead),
        (Kind::Failed, "today-need_deliveries", n.given_up, "hook-events?state=given_up", P::HooksRead),
        (
            Kind::NeedsYou,
            "today-need_orders",
            n.rejected_orders,
            "hub-orders?disposition=rejected",
            P::OrdersRead,
        ),
        (Kind::NeedsYou, "today-need_changes", n.open_changes, "hub-changes?is_open=true", P::OrdersRead),
        (Kind::NeedsYou, "today-need_waiting", n.waiting_plans, "orders?plan__state=pending", P::OrdersRead),
        (
            Kind::NeedsYou,
            "today-need_stock",
            n.out_of_stock,
            "packages?state__enum_value__in=920",
            P::PackagesRead,
        ),
    ];
    let open: Vec<_> = rows.into_iter().filter(|(_, _, n, _, may)| *n > 0 && visit.may(*may)).collect();
    html! {
        section {
            h2 { (visit.t("today-needs")) }
            @if open.is_empty() { p.soft { (visit.t("today-needs_nothing")) } } @else {
                ul.todo {
                    @for (kind, word, n, to, _) in open {
                        li { a href=(visit.href(to)) { (badge::of_kind(kind, &visit.say(word, &[&n]))) } }
                    }
                }
            }
        }
    }
}

fn tile(href: &str, word: &Markup, number: &str) -> Markup {
    html! { a.tile href=(href) { span.big { (number) } (word) } }
}

fn late(visit: &Visit, today: &Today) -> Markup {
    let count = |codes: &[i64]| {
        today.totals.packages.iter().filter(|(c, _)| codes.contains(c)).map(|(_, n)| n).sum::<i64>()
    };
    let by_states = |codes: &[i64]| {
        let all = codes.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        visit.href(&format!("packages?state__enum_value__in={all}"))
    };
    let (to_do, needs_you) = (&[100, 150, 200, 300, 400, 450][..], &[650, 660, 800, 910, 920, 930][..]);
    html! {
        div.tiles {
            (tile(&visit.href("orders"), &html! { (visit.t("nav-orders")) }, &visit.number(today.totals.orders)))
            (tile(&by_states(to_do), &html! { (visit.t("package-view_to_do")) }, &visit.number(count(to_do))))
            (tile(&by_states(needs_you), &html! { "▲ " (visit.t("package-view_attention")) }, &visit.number(count(needs_you))))
            (tile(&by_states(to_do), &html! { "✕ " (visit.t("today-late_packing")) }, &visit.number(today.late.0)))
            (tile(&by_states(&[500]), &html! { "✕ " (visit.t("today-late_leaving")) }, &visit.number(today.late.1)))
        }
    }
}

fn states(visit: &Visit, today: &Today) -> Markup {
    let count: BTreeMap<i64, i64> = today.totals.packages.iter().copied().collect();
    html! {
        section {
            h2 { (visit.t("today-by_state")) }
            div.tiles.small {
                @for s in STATES.iter().filter(|s| count.get(&s.code).copied().unwrap_or(0) > 0) {
                    (tile(&visit.href(&format!("packages?state__enum_value__in={}", s.code)), &badge::package(visit, s.code), &visit.number(count[&s.code])))
                }
            }
        }
    }
}

fn by_hour(visit: &Visit, today: &Today) -> Markup {
    const HOUR_US: i64 = 3_600_000_000;
    let now = visit.now_us / HOUR_US;
    let hours: Vec<i64> = (now - 23..=now).collect();
    let of = |pick: fn(&today::Hour) -> i64| {
        hours.iter().map(|h| today.hours.iter().find(|x| x.hour == *h).map_or(0, pick)).collect()
    };
    let places: Vec<String> =
        hours.iter().map(|h| visit.zoned(h * HOUR_US).strftime("%H:00").to_string()).collect();
    chart::bars(
        visit,
        visit.t("today-by_hour"),
        &places,
        &[
            Series { name: visit.t("nav-orders"), class: "one", values: of(|h| h.orders) },
            Series { name: visit.t("nav-packages"), class: "two", values: of(|h| h.packages) },
        ],
    )
}

fn rates(visit: &Visit, today: &Today) -> Markup {
    let percent = |part: i64, whole: i64| if whole == 0 { 0 } else { (part * 100 + whole / 2) / whole };
    let places: Vec<String> = today
        .days
        .iter()
        .map(|d| visit.zoned(d.day * 86_400_000_000).strftime("%m-%d").to_string())
        .collect();
    chart::bars(
        visit,
        visit.t("today-rates"),
        &places,
        &[
            Series {
                name: visit.t("today-fill"),
                class: "one",
                values: today.days.iter().map(|d| percent(d.filled, d.orders)).collect(),
            },
            Series {
                name: visit.t("today-split"),
                class: "two",
                values: today.days.iter().map(|d| percent(d.split, d.orders)).collect(),
            },
            Series {
                name: visit.t("today-refused"),
                class: "three",
                values: today.days.iter().map(|d| percent(d.refused, d.packages)).collect(),
            },
        ],
    )
}

fn ageing(visit: &Visit, today: &Today) -> Markup {
    let mut rows: BTreeMap<i64, [i64; 5]> = BTreeMap::new();
    for (state, age, n) in &today.ageing {
        rows.entry(*state).or_default()[(*age).min(4)] += n;
    }
    let most = rows.values().flatten().copied().max().unwrap_or(0).max(1);
    let heads = ["today-age_hour", "today-age_four", "today-age_day", "today-age_three", "today-age_older"];
    html! {
        @if !rows.is_empty() {
            section {
                h2 { (visit.t("today-ageing")) }
                div.scroll tabindex="0" role="region" aria-label=(visit.t("today-ageing")) {
                    table.list {
                        thead { tr { th scope="col" { (visit.t("package-state")) } @for head in heads { th.number scope="col" { (visit.t(head)) } } } }
                        tbody {
                            @for (state, ages) in &rows {
                                tr {
                                    td { a href=(visit.href(&format!("packages?state__enum_value__in={state}"))) { (badge::package(visit, *state)) } }
                                    @for n in ages {
                                        td.number { @if *n > 0 { (cell(*n, most)) " " (visit.number(*n)) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(n: i64, most: i64) -> Markup {
    let width = (n * 40 / most).max(1);
    html! { svg.bar aria-hidden="true" width="40" height="8" viewBox="0 0 40 8" { rect x=(40 - width) width=(width) height="8" rx="1" {} } }
}

fn jobs(visit: &Visit, today: &Today) -> Markup {
    html! {
        section {
            h2 { (visit.t("today-jobs")) }
            @if today.jobs.is_empty() { p.soft { (visit.t("today-jobs_none")) } } @else {
                table.list {
                    thead { tr { th scope="col" { (visit.t("today-job")) } th scope="col" { (visit.t("package-state")) } th.number scope="col" { (visit.t("today-count")) } } }
                    tbody { @for (kind, state, n) in &today.jobs { tr { td { (kind) } td { (visit.lang.find(&format!("kind-{state}")).unwrap_or(state)) } td.number { (visit.number(*n)) } } } }
                }
            }
        }
    }
}

/// One card a location with its unfinished packages by state.
pub(crate) async fn movements(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let rows = today::movements(&state.app).await?;
    let cards = rows.into_iter().map(|(location, code, n)| (location, code, n, 0)).collect();
    cards_of(&state, &visit, "package-movements", cards, |visit, code, _| {
        (
            badge::package(visit, code),
            "packages",
            format!("state__enum_value__in={code}&stock_location__erp_code="),
        )
    })
    .await
}

/// One card a location with its open transfers by side and state.
pub(crate) async fn transfer_movements(
    State(state): State<WebState>,
    visit: Visit,
) -> Result<Response, Problem> {
    let rows = today::transfer_movements(&state.app).await?;
    cards_of(&state, &visit, "transfer-movements", rows, |visit, code, side| {
        let word = if side == 0 { "transfer-dispatch" } else { "transfer-expected" };
        let words = oms_core::transfers::state(code).map_or("", |s| s.word);
        let filter = if side == 0 { "source__erp_code" } else { "destination__erp_code" };
        (
            html! { (badge::transfer(visit, code)) " " span.soft { (visit.t(word)) } },
            "transfers",
            format!("state__enum_value={words}&{filter}="),
        )
    })
    .await
}

async fn cards_of(
    state: &WebState,
    visit: &Visit,
    title: &'static str,
    rows: Vec<(i64, i64, i64, i64)>,
    look: impl Fn(&Visit, i64, i64) -> (Markup, &'static str, String),
) -> Result<Response, Problem> {
    let places = locations::by_id(&state.app).await?;
    let mut cards: BTreeMap<i64, Vec<(i64, i64, i64)>> = BTreeMap::new();
    for (location, code, n, side) in rows {
        cards.entry(location).or_default().push((side, code, n));
    }
    let mut cards: Vec<_> = cards.into_iter().collect();
    cards.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().map(|c| c.2).sum::<i64>()));
    let content = html! {
        div.head { h1 { (visit.t(title)) } span.count { (visit.number(cards.len() as i64)) } }
        @if cards.is_empty() { div.empty { p { (visit.t("package-movements_empty")) } } }
        div.cards {
            @for (location, counts) in &mut cards {
                @let place = places.get(location);
                @let code = place.map_or("", |l| l.properties.erp_code.as_str());
                @let () = counts.sort_unstable();
                section.card {
                    h2 { a href=(visit.href(&format!("stock-locations/{location}"))) { (place.map_or("?", |l| l.properties.name.as_str())) } " " span.soft { (code) } }
                    ul.plain {
                        @for (side, state, n) in counts {
                            @let (word, list, query) = look(visit, *state, *side);
                            li { a href=(visit.href(&format!("{list}?{query}{code}"))) { (word) } span.number { (visit.number(*n)) } }
                        }
                    }
                }
            }
        }
    };
    Ok(shell::page(visit, visit.t(title), &content))
}
