//! Transfers between locations: the list with its two sides, one transfer, its commands.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::html;
use oms_app::packages::transfer_views::{self, TransferSet};
use oms_app::upkeep::{history, reports};
use oms_core::commands::Entity;
use oms_core::transfers::STATES;
use oms_store::lists::transfers::{LIST, Transfer};

use crate::export::{self, Format, Table};
use crate::pages::commands::{self, Choice, Offers};
use crate::pages::packages::{all_views, export_links};
use crate::pages::{bulk, hook_events, places, timeline};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const COLUMNS: &[Column] = &[
    Column::new("number", "transfer-number"),
    Column::new("from", "transfer-from"),
    Column::new("to", "transfer-to"),
    Column::new("state", "package-state"),
    Column::new("age", "package-age").number().sorted("created_date", "-created_date"),
    Column::new("units", "package-units").number(),
    Column::new("package", "transfer-package"),
    Column::new("order", "package-order"),
];

const PRESETS: &[(&str, &str)] = &[
    ("transfer-view_waiting", "state__enum_value=waiting"),
    ("transfer-view_on_the_way", "state__enum_value=in_transit"),
];

async fn offered(state: &WebState, visit: &Visit) -> Result<Vec<Offered>, Problem> {
    let states = STATES.iter().map(|s| (s.word.to_owned(), badge::transfer_word(visit, s.code))).collect();
    let locations = places::choices(state).await?;
    Ok(vec![
        Offered::choices("state__enum_value", "package-state", states),
        Offered::choice("destination__erp_code", "transfer-expected_at", locations.clone()),
        Offered::choice("source__erp_code", "transfer-dispatched_from", locations),
        Offered::text("order__number", "package-order"),
        Offered::text("package_number", "transfer-package"),
        Offered::text("product_barcode", "transfer-barcode"),
        Offered::text("product_sku", "package-sku"),
        Offered::text("order__customer__first_name", "transfer-first_name"),
        Offered::text("order__customer__last_name", "package-last_name"),
        Offered::day("order__date_placed", "order-placed"),
    ])
}

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let ask = list::ask(&visit, &LIST)?;
    let set = transfer_views::list(&state.app, &ask).await?;
    let lines: Vec<Line> = set.page.rows.iter().map(|t| line(&visit, &set, t)).collect();
    let bulk = html! {
        @for t in set.flow.all().iter().filter(|t| {
            t.definition.entity == Entity::Transfer && !commands::is_grave(&t.definition.code)
                && set.page.rows.iter().any(|x| x.state == t.definition.from)
        }) {
            button name="transition" value=(t.id) { (commands::label(&visit, t)) }
        }
    };
    let listing = Listing {
        name: "transfers",
        title: visit.t("nav-transfers"),
        columns: COLUMNS,
        filters: offered(&state, &visit).await?,
        views: all_views(&state, &visit, "transfers", PRESETS).await?,
        tools: export_links(&visit, "transfers"),
        bulk: Some(bulk),
        empty: "transfers-empty",
        live: Some("transfers"),
    };
    Ok(shell::page(&visit, visit.t("nav-transfers"), &listing.show(&visit, set.page.count, &lines)))
}

/// The list as a file.
pub(crate) async fn export(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, format)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let format = Format::parse(&format).unwrap_or(Format::Csv);
    let ask = list::ask(&visit, &LIST)?;
    let turn = export::turn().await?;
    let report = reports::named("transfers")?;
    let rows = reports::of_list(&state.app, report, &LIST, &ask).await?;
    export::file(turn, format, Table::of(report, rows), state.app.now_us()).await
}

fn name(set: &TransferSet, id: i64, code: &str) -> maud::Markup {
    html! { @if let Some(l) = set.locations.get(&id) { (l.properties.name) " " } span.soft { (code) } }
}

fn line(visit: &Visit, set: &TransferSet, t: &Transfer) -> Line {
    let units: i64 = set.items.iter().filter(|i| i.transfer_id == t.id).map(|i| i.quantity).sum();
    Line {
        id: t.id,
        href: visit.href(&format!("transfers/{}", t.id)),
        label: t.number.clone(),
        cells: vec![
            html! { (t.number) },
            name(set, t.from_location_id, &t.from_erp_code),
            name(set, t.to_location_id, &t.to_erp_code),
            html! { (badge::transfer(visit, t.state)) @if t.is_detached { " " span.soft { (visit.t("transfer-detached")) } } },
            visit.when(t.created_us),
            html! { (visit.number(units)) },
            html! { a href=(visit.href(&format!("packages/{}", t.package_id))) { (t.package_number) } },
            html! { a href=(visit.href(&format!("orders/{}", t.order_id))) { (t.order_number) } },
        ],
    }
}

/// One transfer.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    detail(&state, &visit, id, &[]).await
}

/// Runs a command on it.
pub(crate) async fn command(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let wrong = commands::run(&state, &visit, Entity::Transfer, id, &form).await?;
    if wrong.is_empty() {
        return Ok(shell::see_other(&visit.href(&format!("transfers/{id}?done=command"))));
    }
    detail(&state, &visit, id, &wrong).await
}

/// Runs one command on every ticked row.
pub(crate) async fn bulk(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    bulk::begin(&state, &visit, Entity::Transfer, &LIST, &form).await
}

async fn detail(state: &WebState, visit: &Visit, id: i64, wrong: &[String]) -> Result<Response, Problem> {
    let set = transfer_views::get(&state.app, id).await?;
    let t = set.page.rows.first().ok_or_else(Problem::failure)?;
    let happened = history::of(&state.app, &[("transfer", id)]).await?;
    let told = hook_events::of_record(state, visit, "transfer", id).await?;
    let now: Vec<_> = set.flow.runnable(Entity::Transfer, t.state, None).collect();
    let item = |i: &oms_store::lists::transfers::TransferItem| {
        let product = set.products.get(&i.product_id);
        format!("{} {}", product.map_or("", |p| p.sku.as_str()), product.map_or("", |p| p.name.as_str()))
    };
    let offers = Offers {
        items: set.items.iter().map(|i| Choice { id: i.id, label: item(i), units: i.quantity }).collect(),
        ..Offers::default()
    };
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head data-live="transfers" data-ids=(id) data-after=(visit.position) {
            h1 { (t.number) }
            (badge::transfer(visit, t.state))
            @if t.is_detached { span.soft { (visit.t("transfer-detached")) } }
        }
        section aria-label=(visit.t("package-can_do")) {
            (commands::buttons(visit, &visit.href(&format!("transfers/{id}/command")), t.version, &now, &offers))
        }
        (fields::facts(&[
            (visit.t("transfer-from"), name(&set, t.from_location_id, &t.from_erp_code)),
            (visit.t("transfer-to"), name(&set, t.to_location_id, &t.to_erp_code)),
            (visit.t("transfer-package"), html! { a href=(visit.href(&format!("packages/{}", t.package_id))) { (t.package_number) } }),
            (visit.t("package-order"), html! { a href=(visit.href(&format!("orders/{}", t.order_id))) { (t.order_number) } }),
            (visit.t("package-made"), html! { (visit.exact(t.created_us)) }),
        ]))
        section {
            h2 { (visit.t("package-products")) }
            div.scroll tabindex="0" role="region" aria-label=(visit.t("package-products")) {
                table.list {
                    thead { tr { th scope="col" { (visit.t("package-sku")) } th scope="col" { (visit.t("package-product")) } th.number scope="col" { (visit.t("package-units")) } th scope="col" { (visit.t("package-state")) } } }
                    tbody {
                        @for i in &set.items {
                            @let product = set.products.get(&i.product_id);
                            tr { td { @if let Some(p) = product { code { (p.sku) } } } td { (fields::or_dash(product.map(|p| &p.name))) } td.number { (visit.number(i.quantity)) } td { (badge::transfer(visit, i.state)) } }
                        }
                    }
                }
            }
        }
        (timeline::show(visit, &happened))
        (told)
    };
    Ok(shell::page(visit, &t.number, &content))
}
