//! Orders: the list and one order.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use oms_app::orders::cancellations;
use oms_app::setup::settings;
use oms_app::upkeep::history;
use oms_app::views::{self, OrderSet};
use oms_store::orders::order_views::{ORDERS, Order};

use crate::pages::packages::{address, all_views, name_of};
use crate::pages::{hook_events, places, timeline};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const COLUMNS: &[Column] = &[
    Column::new("number", "order-number"),
    Column::new("channel", "order-channel"),
    Column::new("plan", "order-plan"),
    Column::new("packages", "order-packages"),
    Column::new("placed", "order-placed").number().sorted("date_placed", "-date_placed"),
    Column::new("units", "order-units").number(),
    Column::new("amount", "order-amount").number(),
    Column::new("customer", "order-customer"),
    Column::new("hub", "order-hub_status").hidden(),
    Column::new("delivery", "order-delivery").hidden(),
];

const PRESETS: &[(&str, &str)] =
    &[("order-view_pending", "plan__state=pending"), ("order-view_start", "plan__state=start")];

async fn offered(state: &WebState, visit: &Visit) -> Result<Vec<Offered>, Problem> {
    let plan = ["start", "pending", "completed", "cancelled"]
        .map(|s| (s.to_owned(), visit.lang.find(&format!("plan_state-{s}")).unwrap_or(s).to_owned()));
    Ok(vec![
        Offered::text("number", "order-number"),
        Offered::choice("channel", "order-channel", places::channels(state).await?),
        Offered::choice("plan__state", "order-plan", plan.to_vec()),
        Offered::text("customer__last_name", "order-last_name"),
        Offered::text("delivery_type", "order-delivery"),
        Offered::day("date_placed__gte", "order-placed_from"),
        Offered::day("date_placed__lte", "order-placed_to"),
    ])
}

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let ask = list::ask(&visit, &ORDERS)?;
    let set = views::orders(&state.app, &ask).await?;
    let lines: Vec<Line> = set.page.rows.iter().map(|o| line(&visit, &set, o)).collect();
    let listing = Listing {
        name: "orders",
        title: visit.t("nav-orders"),
        columns: COLUMNS,
        filters: offered(&state, &visit).await?,
        views: all_views(&state, &visit, "orders", PRESETS).await?,
        tools: html! {},
        bulk: None,
        empty: "orders-empty",
        live: Some("orders"),
    };
    Ok(shell::page(&visit, visit.t("nav-orders"), &listing.show(&visit, set.page.count, &lines)))
}

fn line(visit: &Visit, set: &OrderSet, o: &Order) -> Line {
    let plan = set.plans.iter().find(|p| p.id == o.id);
    let mut states: BTreeMap<i64, usize> = BTreeMap::new();
    set.packages
        .iter()
        .filter(|p| p.order_id == o.id && p.state != 900)
        .for_each(|p| *states.entry(p.state).or_default() += 1);
    let units: i64 = set.items.iter().filter(|i| i.order_id == o.id).map(|i| i.quantity).sum();
    Line {
        id: o.id,
        href: visit.href(&format!("orders/{}", o.id)),
        label: o.number.clone(),
        cells: vec![
            html! { (o.number) },
            fields::or_dash(set.nested.channels.get(&o.channel_id).map(|c| &c.name)),
            html! { @if let Some(plan) = plan { (badge::plan(visit, &plan.state)) } },
            html! { @for (code, n) in &states { (badge::package(visit, *code)) @if *n > 1 { " ×" (n) } " " } },
            visit.when(o.placed_us),
            html! { (visit.number(units)) },
            html! { @if let Some(amount) = o.amount_minor { (visit.money(amount, &o.currency)) } },
            fields::or_dash(o.customer_id.and_then(|c| set.nested.customers.get(&c)).map(name_of)),
            html! { (o.status) },
            fields::or_dash(o.delivery_type.as_ref()),
        ],
    }
}

/// One order.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    detail(&state, &visit, id, &[]).await
}

async fn detail(state: &WebState, visit: &Visit, id: i64, wrong: &[String]) -> Result<Response, Problem> {
    let set = views::order(&state.app, id).await?;
    let o = set.page.rows.first().ok_or_else(Problem::failure)?;
    let plan = set.plans.iter().find(|p| p.id == id);
    let happened = history::of(&state.app, &[("order", id)]).await?;
    let told = hook_events::of_record(state, visit, "order", id).await?;
    let n = &set.nested;
    let region = settings::regional(&state.app).await?.channel(o.channel_id);
    let zone = region.time_zone.and_then(|zone| TimeZone::get(&zone).ok());
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head data-live="orders" data-ids=(id) data-after=(visit.position) {
            h1 { (o.number) }
            @if let Some(plan) = plan { (badge::plan(visit, &plan.state)) @if let Some(reason) = &plan.reason { span.soft { (reason) } } }
        }
        section aria-label=(visit.t("package-can_do")) {
            div.commands.grave {
                details.menu.command {
                    summary.button { (visit.t("order-cancel")) " …" }
                    form method="post" action=(visit.href(&format!("orders/{id}/cancel"))) {
                        (visit.guard())
                        p { (visit.t("order-cancel_hint")) }
                        @for item in &set.items {
                            @let left = item.quantity - item.quantity_cancelled;
                            @if left > 0 {
                                div.units {
                                    label { input type="checkbox" name="item" value=(item.id); " " (n.products.get(&item.product_id).map_or("", |p| p.sku.as_str())) }
                                    input type="number" name={ "units-" (item.id) } min="1" max=(left) value=(left) aria-label=(visit.t("package-units"));
                                }
                            }
                        }
                        button.primary { (visit.t("order-cancel")) }
                    }
                }
            }
        }
        div.columns {
            section {
                h2 { (visit.t("package-order_information")) }
                (fields::facts(&[
                    (visit.t("order-channel"), fields::or_dash(n.channels.get(&o.channel_id).map(|c| &c.name))),
                    (visit.t("order-placed"), html! {
                        (visit.exact(o.placed_us))
                        // The shopper's clock, where it is another.
                        @if let Some(zone) = zone.as_ref().filter(|z| **z != visit.zone) { br; span.soft { (visit.exact_in(o.placed_us, zone.clone())) } }
                    }),
                    (visit.t("order-amount"), html! { @if let Some(amount) = o.amount_minor { (visit.money(amount, &o.currency)) } }),
                    (visit.t("order-payment"), fields::or_dash(o.payment_option.as_ref())),
                    (visit.t("order-delivery"), fields::or_dash(o.delivery_type.as_ref().or(o.shipping_option.as_ref()))),
                    (visit.t("order-hub_status"), html! { (o.status) }),
                    (visit.t("package-notes"), fields::or_dash(o.notes.as_ref())),
                ]))
            }
            section {
                h2 { (visit.t("order-customer")) }
                (fields::facts(&[
                    (visit.t("package-customer"), fields::or_dash(o.customer_id.and_then(|c| n.customers.get(&c)).map(name_of))),
                    (visit.t("package-email"), fields::or_dash(o.customer_id.and_then(|c| n.customers.get(&c)).and_then(|c| c.email.as_ref()))),
                    (visit.t("package-phone"), fields::or_dash(o.customer_id.and_then(|c| n.customers.get(&c)).and_then(|c| c.phone.as_ref()))),
                    (visit.t("package-deliver_to"), o.shipping_address_id.and_then(|a| n.addresses.get(&a)).map_or(html! { span.soft { "–" } }, |a| address(n, a))),
                    (visit.t("order-bill_to"), o.billing_address_id.and_then(|a| n.addresses.get(&a)).map_or(html! { span.soft { "–" } }, |a| address(n, a))),
                ]))
            }
        }
        (lines(visit, &set, o))
        section {
            h2 { (visit.t("nav-packages")) }
            @if set.packages.is_empty() { p.soft { (visit.t("order-no_packages")) } }
            ul.plain { @for p in &set.packages { li { a href=(visit.href(&format!("packages/{}", p.id))) { (p.number) } " " (badge::package(visit, p.state)) " " (visit.when(p.created_us)) } } }
            @if plan.is_some_and(|p| p.state == "completed") { p { a href=(visit.href(&format!("orders/{id}/why"))) { (visit.t("why-title")) } } }
        }
        (timeline::show(visit, &happened))
        (told)
    };
    Ok(shell::page(visit, &o.number, &content))
}

fn lines(visit: &Visit, set: &OrderSet, o: &Order) -> Markup {
    html! {
        section {
            h2 { (visit.t("order-lines")) }
            div.scroll tabindex="0" role="region" aria-label=(visit.t("order-lines")) {
                table.list {
                    thead { tr {
                        th scope="col" { (visit.t("package-sku")) } th scope="col" { (visit.t("package-product")) }
                        th.number scope="col" { (visit.t("package-units")) } th.number scope="col" { (visit.t("order-cancelled")) } th.number scope="col" { (visit.t("order-price")) }
                    } }
                    tbody {
                        @for item in &set.items {
                            @let product = set.nested.products.get(&item.product_id);
                            tr {
                                td { @if let Some(p) = product { code { (p.sku) } } }
                                td { (fields::or_dash(product.map(|p| &p.name))) }
                                td.number { (visit.number(item.quantity)) }
                                td.number { @if item.quantity_cancelled > 0 { (visit.number(item.quantity_cancelled)) } }
                                td.number { @if let Some(price) = item.price_minor { (visit.money(price, &o.currency)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Cancels an order, or some units of it.
pub(crate) async fn cancel(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let item = |item: &str| {
        let units = form.some(&format!("units-{item}")).and_then(|u| u.parse::<i64>().ok())?;
        Some(serde_json::json!({"order_item": item.parse::<i64>().ok()?, "quantity": units}))
    };
    let items: Vec<_> = form.all("item").filter_map(item).collect();
    let body = if items.is_empty() { serde_json::json!({}) } else { serde_json::json!({"items": items}) };
    let app = &state.app;
    let asked = async {
        let wanted = cancellations::read_api(id, &body)?;
        let ids = cancellations::direct_ids(app, &wanted).await?;
        let actor = app.actor(&visit.who.actor()).await?;
        let mut tx = app.store.begin().await?;
        let set = cancellations::cancel(&mut tx, app, ids, actor, &wanted).await?;
        tx.commit().await?;
        Ok::<_, oms_app::Error>(set)
    };
    match asked.await {
        Ok(_) => Ok(shell::see_other(&visit.href(&format!("orders/{id}?done=cancel")))),
        Err(oms_app::Error::Refused(refusal)) => detail(&state, &visit, id, &[refusal.message]).await,
        Err(other) => Err(other.into()),
    }
}
