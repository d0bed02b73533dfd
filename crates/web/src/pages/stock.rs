//! Stock: the balances, why one is what it is, and units the books have and the shelf has not.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::places::locations;
use oms_app::stock::lineage::{self, Movement};
use oms_app::stock::{discrepancies, stocks};
use oms_app::views;
use oms_core::packages::Kind;
use oms_store::lists::tables::{STOCKS, Stock};

use crate::pages::packages::all_views;
use crate::pages::{change, me, places, timeline};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const COLUMNS: &[Column] = &[
    Column::new("sku", "package-sku"),
    Column::new("location", "package-location"),
    Column::new("on_hand", "stock-on_hand").number(),
    Column::new("reserved", "stock-reserved").number(),
    Column::new("quarantined", "stock-quarantined").number(),
    Column::new("available", "stock-available").number(),
];

/// The balances.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let ask = list::ask(&visit, &STOCKS)?;
    let page = views::stocks(&state.app, &ask).await?;
    let lines: Vec<Line> = page.rows.iter().map(|s| line(&visit, s)).collect();
    let yes = vec![("true".to_owned(), visit.t("form-yes").to_owned())];
    let listing = Listing {
        name: "stock",
        title: visit.t("nav-stock"),
        columns: COLUMNS,
        filters: vec![
            Offered::text("sku", "package-sku"),
            Offered::choice("erp_code", "package-location", places::choices(&state).await?),
            Offered::choice("is_short", "stock-is_short", yes),
        ],
        views: all_views(&state, &visit, "stock", &[("stock-view_short", "is_short=true")]).await?,
        tools: html! { a.button href=(visit.href("discrepancies?state=open")) { (visit.t("nav-discrepancies")) } },
        bulk: None,
        empty: "stock-empty",
        live: None,
    };
    Ok(shell::page(&visit, visit.t("nav-stock"), &listing.show(&visit, page.count, &lines)))
}

fn available(s: &Stock) -> i64 {
    s.on_hand - s.reserved - s.quarantined
}

fn line(visit: &Visit, s: &Stock) -> Line {
    let number = |n: i64| html! { @if n == 0 { span.soft { "0" } } @else { (visit.number(n)) } };
    Line {
        id: s.product_id,
        href: visit.href(&format!("stock/{}/at/{}", s.product_id, s.location_id)),
        label: format!("{} {}", s.sku, s.erp_code),
        cells: vec![
            html! { (s.sku) },
            html! { (s.erp_code) },
            number(s.on_hand),
            number(s.reserved),
            number(s.quarantined),
            html! { strong { (number(available(s))) } },
        ],
    }
}

/// Why a balance is what it is.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id, location)): Path<(String, i64, i64)>,
) -> Result<Response, Problem> {
    detail(&state, &visit, id, location, &[]).await
}

async fn detail(
    state: &WebState,
    visit: &Visit,
    id: i64,
    location: i64,
    wrong: &[String],
) -> Result<Response, Problem> {
    let found = lineage::read(&state.app, id, location).await?;
    let place = locations::get(&state.app, location).await?;
    let s = &found.stock;
    let name = &place.properties.name;
    let title = visit.say("stock-title", &[&s.sku, name]);
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head { h1 { (title) } span.count { (fields::or_dash(found.product.as_ref().map(|p| &p.name))) } }
        div.tiles {
            @for (n, key) in [(available(s), "stock-available"), (s.on_hand, "stock-on_hand"), (s.reserved, "stock-reserved"), (s.quarantined, "stock-quarantined")] {
                div.card { strong.big { (visit.number(n)) } " " span.soft { (visit.t(key)) } }
            }
        }
        p { (visit.say("stock-sum", &[&s.on_hand, &s.reserved, &s.quarantined, &available(s)])) }
        @if s.engine_id.is_some() { p.soft { (visit.t("stock-from_engine")) } } @else { (count(visit, s)) }
        h2 { (visit.t("stock-why")) }
        @if found.movements.is_empty() { p.soft { (visit.t("stock-no_movements")) } } @else { (movements(visit, s, &found.movements)) }
        @if found.movements.len() as i64 == lineage::MOVEMENTS { p.soft { (visit.say("stock-latest", &[&lineage::MOVEMENTS])) } }
    };
    Ok(shell::page(visit, &title, &content))
}

fn count(visit: &Visit, s: &Stock) -> Markup {
    html! {
        details.menu.command {
            summary.button { (visit.t("stock-count")) " …" }
            form method="post" {
                (visit.guard())
                input type="hidden" name="erp_code" value=(s.erp_code);
                input type="hidden" name="sku" value=(s.sku);
                label for="on_hand" { (visit.t("stock-on_hand")) }
                input #on_hand type="number" name="on_hand" min="0" value=(s.on_hand) required;
                p.hint { (visit.t("stock-count_hint")) }
                button.primary { (visit.t("form-save")) }
            }
        }
    }
}

/// Says how many units stand there.
pub(crate) async fn set(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id, location)): Path<(String, i64, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let Ok(on_hand) = form.get("on_hand").parse() else {
        return detail(&state, &visit, id, location, &[visit.t("stock-whole").to_owned()]).await;
    };
    let rows =
        [stocks::StockRow { erp_code: form.get("erp_code").into(), sku: form.get("sku").into(), on_hand }];
    let ids = stocks::ids(&state.app, rows.len()).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = stocks::set(&mut tx, ids, &actor, &rows).await;
    match change::end(tx, done).await? {
        Ok(_) => Ok(shell::see_other(&visit.href(&format!("stock/{id}/at/{location}?done=saved")))),
        Err(wrong) => detail(&state, &visit, id, location, &wrong).await,
    }
}

/// Each movement with the balance after it.
fn movements(visit: &Visit, s: &Stock, all: &[Movement]) -> Markup {
    let mut after = (s.on_hand, s.reserved, s.quarantined);
    let rows: Vec<(&Movement, (i64, i64, i64))> = all
        .iter()
        .map(|m| {
            let now = after;
            after = (after.0 - m.d_on_hand, after.1 - m.d_reserved, after.2 - m.d_quarantined);
            (m, now)
        })
        .collect();
    let cell = |delta: i64, after: i64| {
        html! { td.number { @if delta != 0 { strong { @if delta > 0 { "+" } (visit.number(delta)) } " " } span.soft { (visit.number(after)) } } }
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(visit.t("stock-why")) {
            table.list {
                thead { tr {
                    th scope="col" { (visit.t("log-at")) } th scope="col" { (visit.t("stock-what")) } th scope="col" { (visit.t("log-actor")) } th scope="col" { (visit.t("log-record")) }
                    th.number scope="col" { (visit.t("stock-on_hand")) } th.number scope="col" { (visit.t("stock-reserved")) } th.number scope="col" { (visit.t("stock-quarantined")) }
                } }
                tbody {
                    @for (m, (on_hand, reserved, quarantined)) in rows {
                        tr {
                            td { (visit.exact(m.at_us)) }
                            td { (visit.lang.find(&format!("stock-kind_{}", m.kind)).map_or_else(|| m.kind.replace('_', " "), str::to_owned)) " " span.soft { code { (m.command) } } }
                            td { (timeline::actor(visit, &m.actor)) }
                            td { @if let Some((id, number)) = &m.package { a href=(visit.href(&format!("packages/{id}"))) { (number) } } }
                            (cell(m.d_on_hand, on_hand)) (cell(m.d_reserved, reserved)) (cell(m.d_quarantined, quarantined))
                        }
                    }
                }
            }
        }
    }
}

const GAPS: &[Column] = &[
    Column::new("sku", "package-sku"),
    Column::new("location", "package-location"),
    Column::new("units", "package-units").number(),
    Column::new("reason", "flow-reason"),
    Column::new("state", "package-state"),
    Column::new("made", "stock-found_out").sorted("id", "-id"),
    Column::new("end", "app-actions"),
];

/// Units that were not on their shelf.
pub(crate) async fn discrepancies(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    gaps(&state, &visit, &[]).await
}

async fn gaps(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let mut ask = list::ask(visit, &oms_store::stock::discrepancies::LIST)?;
    ask.order = ask.order.or(Some("-id".into()));
    let set = discrepancies::list(&state.app, &ask).await?;
    let lines: Vec<Line> = set.page.rows.iter().map(|d| gap(visit, &set, d)).collect();
    let states = ["open", "found", "lost"]
        .map(|s| (s.to_owned(), visit.lang.t(&format!("stock-gap_{s}")).to_owned()))
        .into();
    let listing = Listing {
        name: "discrepancies",
        title: visit.t("nav-discrepancies"),
        columns: GAPS,
        filters: vec![
            Offered::choice("state", "package-state", states),
            Offered::choice("stock_location__erp_code", "package-location", places::choices(state).await?),
            Offered::text("product_sku", "package-sku"),
            Offered::day("created_date__gte", "package-made_from"),
            Offered::day("created_date__lt", "package-made_to"),
        ],
        views: all_views(state, visit, "discrepancies", &[("stock-gap_open", "state=open")]).await?,
        tools: html! {},
        bulk: None,
        empty: "stock-gaps_empty",
        live: None,
    };
    let content = html! { (fields::said(visit)) (fields::refused(visit, wrong)) (listing.show(visit, set.page.count, &lines)) };
    Ok(shell::page(visit, visit.t("nav-discrepancies"), &content))
}

fn gap(visit: &Visit, set: &discrepancies::Set, d: &oms_store::stock::discrepancies::Discrepancy) -> Line {
    let kind = if d.state == "open" { Kind::NeedsYou } else { Kind::Done };
    let sku = set.products.get(&d.product_id).map_or_else(|| d.product_id.to_string(), |p| p.sku.clone());
    let end = html! {
        @if d.state == "open" {
            form method="post" action=(visit.href(&format!("discrepancies/{}", d.id))) {
                (visit.guard())
                input type="hidden" name="back" value=(visit.here_with(&[]));
                button name="end" value="found" aria-label=(format!("{} {sku}", visit.t("stock-was_found"))) { (visit.t("stock-was_found")) } " "
                button.grave name="end" value="lost" aria-label=(format!("{} {sku}", visit.t("stock-is_lost"))) data-ask=(visit.say("stock-lost_ask", &[&d.quantity, &sku])) { (visit.t("stock-is_lost")) }
            }
        }
    };
    Line {
        id: d.id,
        href: visit.href(&format!("stock/{}/at/{}", d.product_id, d.location_id)),
        cells: vec![
            html! { (sku) },
            fields::or_dash(set.erp_codes.get(&d.location_id)),
            html! { (visit.number(d.quantity)) },
            html! { (visit.lang.find(&format!("stock-reason_{}", d.reason)).unwrap_or(&d.reason)) },
            badge::of_kind(kind, visit.lang.t(&format!("stock-gap_{}", d.state))),
            visit.when(d.created_us),
            end,
        ],
        label: sku,
    }
}

/// Says what became of the units.
pub(crate) async fn close(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let ids = discrepancies::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = discrepancies::close(&mut tx, ids, actor, id, form.get("end") == "found").await;
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&me::back(&visit, &form))),
        Err(wrong) => gaps(&state, &visit, &wrong).await,
    }
}
