//! Why a package is where it is: the locations each rule considered, what removed each, how the rest ranked, what
//! would have changed it, on a table and on a map.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::places::locations;
use oms_app::planning::decisions;
use oms_app::views::{self, PlanSet};
use oms_core::plan::Decision;
use oms_core::plan::counterfactual::{Change, Losers};
use oms_core::plan::explain::Attempt;
use oms_store::packages::Package;
use oms_store::places::locations::Location;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::map::{self, Lane, Place};
use crate::ui::visit::Visit;
use crate::ui::{fields, shell};

/// What a screen of reasons knows.
struct Known {
    plan: PlanSet,
    places: HashMap<i64, Location>,
    losers: Vec<Losers>,
    order_point: Option<oms_core::geo::Point>,
}

async fn known(state: &WebState, order: i64) -> Result<Known, Problem> {
    let plan = views::plan(&state.app, order).await?;
    let places = locations::by_id(&state.app).await?;
    let losers =
        if plan.decisions.is_empty() { Vec::new() } else { decisions::losers(&state.app, order).await? };
    let set = views::order(&state.app, order).await?;
    let address = set.page.rows.first().and_then(|o| set.nested.addresses.get(&o.shipping_address_id?));
    let order_point = address.and_then(|a| a.point);
    Ok(Known { plan, places, losers, order_point })
}

/// The section of a package's screen.
pub(crate) async fn of_package(state: &WebState, visit: &Visit, p: &Package) -> Result<Markup, Problem> {
    let known = known(state, p.order_id).await?;
    Ok(html! {
        section #why {
            h2 { (visit.t("why-here")) }
            (sentence(visit, &known, p))
            (reasons(visit, &known))
        }
    })
}

/// The screen of an order's decisions.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let known = known(&state, id).await?;
    let number = known.plan.orders.get(&id).map(|o| o.number.clone()).unwrap_or_default();
    let title = format!("{} {number}", visit.t("why-title"));
    let content = html! {
        div.head { h1 { (title) } div.tools { a href=(visit.href(&format!("orders/{id}"))) { (visit.t("app-back")) } } }
        (reasons(&visit, &known))
    };
    Ok(shell::page(&visit, &title, &content))
}

fn name(known: &Known, id: i64) -> String {
    known
        .places
        .get(&id)
        .map_or_else(|| id.to_string(), |l| format!("{} ({})", l.properties.name, l.properties.erp_code))
}

fn sentence(visit: &Visit, known: &Known, p: &Package) -> Markup {
    let last = known.plan.decisions.last().map(|d| &d.decision);
    let Some(Decision::Planned(plan)) = last else { return html! { p { (visit.t("why-by_hand")) } } };
    let chose = plan.attempts.iter().find(|a| a.chosen.iter().any(|c| c.location.0 == p.location_id));
    html! {
        @match chose {
            Some(a) => {
                @let rank = a.ranked.iter().position(|r| r.location.0 == p.location_id).map_or(1, |i| i + 1);
                p { (visit.say("why-sentence", &[&a.rule, &a.candidates, &(a.candidates.saturating_sub(a.ranked.len() + a.ranked_more)), &rank])) }
            }
            None => { p { (visit.t("why-not_chosen")) } }
        }
    }
}

fn reasons(visit: &Visit, known: &Known) -> Markup {
    html! {
        @if known.plan.decisions.is_empty() { p.soft { (visit.t("why-none")) } }
        @for (i, explained) in known.plan.decisions.iter().enumerate().rev() {
            @let is_last = i + 1 == known.plan.decisions.len();
            details.card open[is_last] {
                summary { (visit.say("why-decision", &[&explained.record.n, &visit.exact(explained.record.created_us)])) }
                @match &explained.decision {
                    Decision::Waits(reason) => { p { (reason.text()) } }
                    Decision::Planned(plan) => {
                        p.soft {
                            a href=(visit.href(&format!("scenarios/distribution/{}", plan.scenario.0))) { (visit.say("why-scenario", &[&plan.scenario.0, &plan.scenario_version])) }
                        }
                        @for attempt in &plan.attempts {
                            @let losers = known.losers.iter().find(|l| is_last && l.index == attempt.index);
                            (attempted(visit, known, attempt, losers))
                        }
                        @if is_last { (on_map(visit, known, &plan.attempts)) }
                    }
                }
                (fields::raw(visit, &serde_json::to_value(&explained.decision).unwrap_or_default()))
            }
        }
    }
}

/// One rule's try as a table: who ranked, who was removed and by what.
fn attempted(visit: &Visit, known: &Known, a: &Attempt, losers: Option<&Losers>) -> Markup {
    let is_chosen = |id: i64| a.chosen.iter().any(|c| c.location.0 == id);
    // The first key of each, as a bar of the largest.
    let key = |keys: &[Option<i64>]| keys.first().copied().flatten();
    let most = a.ranked.iter().filter_map(|r| key(&r.keys)).map(i64::abs).max().unwrap_or(0).max(1);
    html! {
        h3 { (visit.say("why-rule", &[&(a.index + 1), &a.rule])) }
        @if a.skipped { p.soft { (visit.t("why-skipped")) } } @else {
            p.soft { (visit.say("why-counts", &[&a.lines, &a.candidates])) }
            div.scroll tabindex="0" role="region" aria-label=(a.rule) {
                table.list {
                    thead { tr {
                        th.number scope="col" { (visit.t("why-rank")) } th scope="col" { (visit.t("package-location")) }
                        th scope="col" { (visit.t("why-keys")) } th scope="col" { (visit.t("why-outcome")) } th scope="col" { (visit.t("why-would_change")) }
                    } }
                    tbody {
                        @for (i, r) in a.ranked.iter().enumerate() {
                            tr {
                                td.number { (i + 1) }
                                td { (name(known, r.location.0)) }
                                td { (bar(key(&r.keys).unwrap_or(0), most)) " " (keys(&r.keys)) }
                                td { @if is_chosen(r.location.0) { strong { "● " (visit.t("why-chosen")) } } @else { (visit.t("why-ranked_lower")) } }
                                td { (changes(visit, known, losers, r.location.0)) }
                            }
                        }
                        @for r in &a.removed {
                            tr.removed {
                                td.number { "–" }
                                td { (name(known, r.location.0)) }
                                td {}
                                td {
                                    "✕ " (reason(visit, &r.by))
                                    @if let (Some(have), Some(need)) = (r.have, r.need) { " " span.soft { (visit.say("why-have_need", &[&have, &need])) } }
                                }
                                td { (changes(visit, known, losers, r.location.0)) }
                            }
                        }
                    }
                }
            }
            @if a.ranked_more > 0 { p.soft { (visit.say("why-ranked_more", &[&a.ranked_more])) } }
            @for (by, n) in &a.removed_more { p.soft { (visit.say("why-removed_more", &[n, &reason(visit, by)])) } }
        }
    }
}

/// What removed a location, in words.
fn reason(visit: &Visit, by: &str) -> String {
    visit.lang.find(&format!("reason-{by}")).map_or_else(|| by.replace('_', " "), str::to_owned)
}

fn keys(keys: &[Option<i64>]) -> String {
    keys.iter().map(|k| k.map_or("?".to_owned(), |k| k.to_string())).collect::<Vec<_>>().join(" · ")
}

fn bar(n: i64, most: i64) -> Markup {
    let width = (n.abs() as f64 / most as f64 * 60.0).max(1.0);
    html! { svg.bar aria-hidden="true" width="60" height="8" viewBox="0 0 60 8" { rect width=(format!("{width:.1}")) height="8" rx="1" {} } }
}

/// The smallest change of one number that would have made a location win.
fn changes(visit: &Visit, known: &Known, losers: Option<&Losers>, id: i64) -> Markup {
    let Some(loser) = losers.and_then(|l| l.losers.iter().find(|l| l.location.0 == id)) else {
        return html! {};
    };
    let sku = |id: &oms_core::ids::ProductId| {
        known.plan.products.get(&id.0).map_or_else(|| id.0.to_string(), |p| p.sku.clone())
    };
    let said = |change: &Change| match change {
        Change::Units { add } => {
            let all: Vec<String> = add.iter().map(|(p, n)| format!("{n} × {}", sku(p))).collect();
            visit.say("why-change_units", &[&all.join(", ")])
        }
        Change::Metres { have, need } => visit.say("why-change_metres", &[have, need]),
        Change::Minutes { have, need } => visit.say("why-change_minutes", &[have, need]),
        Change::Quota { have, need } => visit.say("why-change_quota", &[have, need]),
        Change::Stock { product, have, need } => visit.say("why-change_stock", &[have, need, &sku(product)]),
        Change::Priority { have, need } => visit.say("why-change_priority", &[have, need]),
        Change::OpenPackages { have, need } => visit.say("why-change_open_packages", &[have, need]),
        Change::PackagingMinutes { have, need } => visit.say("why-change_packaging", &[have, need]),
        Change::ExitMinutes { have, need } => visit.say("why-change_exit", &[have, need]),
    };
    html! {
        @for (i, change) in loser.changes.iter().enumerate() { @if i > 0 { "; " } (said(change)) }
        @if let Some(without) = &loser.without {
            @if let Some(rank) = without.rank { " " span.soft { (visit.say("why-without", &[&without.filters.join(", "), &rank])) } }
        }
    }
}

fn on_map(visit: &Visit, known: &Known, attempts: &[Attempt]) -> Markup {
    let point = |id: i64| known.places.get(&id).and_then(|l| l.properties.address.point);
    let mut places: Vec<Place> = Vec::new();
    let mut lanes = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut add = |id: i64, class, size| {
        if let Some(at) = point(id).filter(|_| seen.insert(id)) {
            places.push(Place {
                label: name(known, id),
                point: at,
                class,
                size,
                href: visit.href(&format!("stock-locations/{id}")),
            });
        }
    };
    for a in attempts {
        for c in &a.chosen {
            add(c.location.0, "chosen", 1.8);
            for t in &c.transfers {
                add(t.from.0, "source", 1.4);
                lanes.extend(point(t.from.0).zip(point(c.location.0)).map(|(from, to)| Lane {
                    from,
                    to,
                    class: "transfer",
                }));
            }
            lanes.extend(point(c.location.0).zip(known.order_point).map(|(from, to)| Lane {
                from,
                to,
                class: "shipment",
            }));
        }
        a.ranked.iter().for_each(|r| add(r.location.0, "ranked", 1.0));
        a.removed.iter().for_each(|r| add(r.location.0, "gone", 0.8));
    }
    if let Some(at) = known.order_point {
        places.push(Place {
            label: visit.t("why-customer").to_owned(),
            point: at,
            class: "customer",
            size: 1.8,
            href: String::new(),
        });
        let last = places.len() - 1;
        places.swap(0, last);
    }
    html! { @if !places.is_empty() { h3 { (visit.t("why-map")) } (map::show(visit.t("why-map"), &places, &lanes)) } }
}
