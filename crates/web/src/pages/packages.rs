//! Packages: the list, one package, its commands, many at once, and the cards of locations.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::packages::{self, PackageSet};
use oms_app::rules::denial_reasons;
use oms_app::upkeep::{history, reports, saved_views};
use oms_app::views::{self, Nested};
use oms_core::commands::Entity;
use oms_core::packages::STATES;
use oms_store::lists::Ask;
use oms_store::packages::{LIST, Package};

use crate::export::{self, Format, Table};
use crate::pages::commands::{self, Choice, Offers};
use crate::pages::{bulk, hook_events, places, timeline, why};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered, View};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const COLUMNS: &[Column] = &[
    Column::new("number", "package-number"),
    Column::new("order", "package-order"),
    Column::new("location", "package-location"),
    Column::new("state", "package-state"),
    Column::new("age", "package-age").number().sorted("created_date", "-created_date"),
    Column::new("due", "package-due").number(),
    Column::new("items", "package-items").number(),
    Column::new("channel", "package-channel"),
    Column::new("customer", "package-customer").hidden(),
    Column::new("city", "package-city").hidden(),
    Column::new("carrier", "package-carrier").hidden(),
    Column::new("tracking", "package-tracking").hidden(),
    Column::new("changed", "package-changed").number().hidden().sorted("modified_date", "-modified_date"),
];

/// Presets: the words' key and the query.
const PRESETS: &[(&str, &str)] = &[
    ("package-view_to_do", "state__enum_value__in=100,150,200,400,450"),
    ("package-view_attention", "state__enum_value__in=650,660,800,910,920,930"),
    ("package-view_unshipped", "state__enum_value__in=500,550"),
    ("package-view_on_the_way", "state__enum_value__in=600"),
];

/// The filters that people are offered.
async fn offered(state: &WebState, visit: &Visit) -> Result<Vec<Offered>, Problem> {
    let states = STATES.iter().map(|s| (s.code.to_string(), badge::package_word(visit, s.code))).collect();
    let places = places::choices(state).await?;
    Ok(vec![
        Offered::choices("state__enum_value__in", "package-state", states),
        Offered::text("number", "package-number"),
        Offered::text("order__number", "package-order"),
        Offered::choice("stock_location__erp_code", "package-location", places.clone()),
        Offered::choice("order__channel", "package-channel", places::channels(state).await?),
        Offered::text("product_sku", "package-sku"),
        Offered::text("order__customer__first_name", "transfer-first_name"),
        Offered::text("order__customer__last_name", "package-last_name"),
        Offered::text("city__name", "package-city"),
        Offered::day("delivery_range_date", "package-wished"),
        Offered::choice("click_and_collect", "package-collected", yes_no(visit)),
        Offered::choice("order__retail_store__erp_code", "package-collected_at", places),
        Offered::day("created_date__gte", "package-made_from"),
        Offered::day("created_date__lt", "package-made_to"),
    ])
}

fn yes_no(visit: &Visit) -> Vec<(String, String)> {
    [("true", "package-yes"), ("false", "package-no")]
        .map(|(v, k)| (v.to_owned(), visit.t(k).to_owned()))
        .into()
}

/// Presets and kept views of a list.
pub(crate) async fn all_views(
    state: &WebState,
    visit: &Visit,
    list: &str,
    presets: &[(&str, &str)],
) -> Result<Vec<View>, Problem> {
    let kept = saved_views::of(&state.app, list, visit.who.user_id).await?;
    let preset = |(key, query): &(&str, &str)| {
        let (name, values) = query.split_once('=').unwrap_or((query, ""));
        View {
            name: visit.t(key).to_owned(),
            query: crate::paging::form(&[(name.into(), values.into())]),
            id: None,
        }
    };
    let mut all: Vec<View> = presets.iter().map(preset).collect();
    all.extend(kept.into_iter().map(|v| View { name: v.name, query: v.query, id: Some(v.id) }));
    Ok(all)
}

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let ask = list::ask(&visit, &LIST)?;
    let set = packages::list(&state.app, &ask).await?;
    let lines: Vec<Line> = set.page.rows.iter().map(|p| line(&visit, &set, p)).collect();
    let listing = Listing {
        name: "packages",
        title: visit.t("nav-packages"),
        columns: COLUMNS,
        filters: offered(&state, &visit).await?,
        views: all_views(&state, &visit, "packages", PRESETS).await?,
        tools: export_links(&visit, "packages"),
        bulk: Some(bulk_buttons(&visit, &set)),
        empty: "packages-empty",
        live: Some("packages"),
    };
    let content = html! { (fields::said(&visit)) (listing.show(&visit, set.page.count, &lines)) };
    Ok(shell::page(&visit, visit.t("nav-packages"), &content))
}

/// Links to the list as a file, with its filters.
pub(crate) fn export_links(visit: &Visit, list: &str) -> Markup {
    let query = visit.here_with(&[("page", None), ("cols", None)]);
    let query = query.split_once('?').map(|(_, q)| format!("?{q}")).unwrap_or_default();
    html! {
        details.menu {
            summary { (visit.t("list-export")) }
            div {
                @for format in ["csv", "xlsx"] {
                    a href={ (visit.href(&format!("{list}/export/{format}"))) (query) } download data-whole { (format.to_uppercase()) }
                }
            }
        }
    }
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
    let report = reports::named("packages")?;
    let rows = reports::of_list(&state.app, report, &LIST, &ask).await?;
    export::file(turn, format, Table::of(report, rows), state.app.now_us()).await
}

/// When a package should be gone: how long there is, or by how much it is late.
fn due(visit: &Visit, p: &Package) -> Markup {
    let is_done =
        oms_core::packages::state(p.state).is_some_and(|s| s.terminal) || p.state >= 600 && p.state < 800;
    let due = p.target_packaging_us.filter(|_| p.state < 500).or(p.target_exit_us).filter(|_| !is_done);
    html! {
        @match due {
            Some(at) if at < visit.now_us => {
                span.state.failed { span.shape aria-hidden="true" { "✕" } " " (visit.say("package-late", &[&visit.span((visit.now_us - at) / 1_000_000)])) }
            }
            Some(at) => { (visit.span((at - visit.now_us) / 1_000_000)) }
            None => { span.soft { "–" } }
        }
    }
}

fn line(visit: &Visit, set: &PackageSet, p: &Package) -> Line {
    let n = &set.nested;
    let order = n.orders.get(&p.order_id);
    let location = n.locations.get(&p.location_id);
    let units: i64 = set.items.iter().filter(|i| i.package_id == p.id).map(|i| i.quantity).sum();
    let customer = order.and_then(|o| n.customers.get(&o.customer_id?));
    let address = order.and_then(|o| n.addresses.get(&o.shipping_address_id?));
    let city = address
        .and_then(|a| n.places.get(oms_store::places::geography::Level::City, a.city_id))
        .map(|c| c.name.clone());
    let shipment = set.shipments.get(&p.id).and_then(|s| s.last());
    Line {
        id: p.id,
        href: visit.href(&format!("packages/{}", p.id)),
        label: p.number.clone(),
        cells: vec![
            html! { (p.number) },
            html! { @if let Some(o) = order { a href=(visit.href(&format!("orders/{}", o.id))) { (o.number) } } },
            html! { @if let Some(l) = location { (l.properties.name) " " span.soft { (l.properties.erp_code) } } },
            html! { (badge::package(visit, p.state)) @if p.is_busy { " " span.soft { (visit.t("package-busy")) } } },
            visit.when(p.created_us),
            due(visit, p),
            html! { (visit.number(units)) },
            fields::or_dash(order.and_then(|o| n.channels.get(&o.channel_id)).map(|c| &c.name)),
            fields::or_dash(customer.map(name_of)),
            fields::or_dash(city),
            fields::or_dash(shipment.and_then(|s| s.cargo_company.as_ref())),
            fields::or_dash(shipment.and_then(|s| s.tracking_number.as_ref())),
            visit.when(p.modified_us),
        ],
    }
}

/// First and last name.
pub(crate) fn name_of(c: &oms_store::orders::order_views::Customer) -> String {
    [c.first_name.as_deref(), c.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Commands without a form that some of the rows can run: each says at the end which rows it did not fit.
fn bulk_buttons(visit: &Visit, set: &PackageSet) -> Markup {
    let fits = |t: &&oms_store::rules::transitions::Transition| {
        let takes = oms_core::commands::command(&t.definition.code).map(|c| c.inputs);
        takes.is_some_and(|inputs| inputs.iter().all(|i| !i.is_required))
            && !commands::is_grave(&t.definition.code)
            && oms_app::rules::transitions::is_shown(t, oms_core::transitions::Visibility::Oms)
            && set.page.rows.iter().any(|p| p.state == t.definition.from)
    };
    let offered: Vec<_> =
        set.flow.all().iter().filter(|t| t.definition.entity == Entity::Package).filter(fits).collect();
    html! {
        @for t in offered {
            button name="transition" value=(t.id) { (commands::label(visit, t)) " " span.soft { (badge::package_word(visit, t.definition.from)) } }
        }
    }
}

/// Runs one command on every ticked row.
pub(crate) async fn bulk(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    bulk::begin(&state, &visit, Entity::Package, &LIST, &form).await
}

/// One package.
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
    let wrong = commands::run(&state, &visit, Entity::Package, id, &form).await?;
    if wrong.is_empty() {
        return Ok(shell::see_other(&visit.href(&format!("packages/{id}?done=command"))));
    }
    detail(&state, &visit, id, &wrong).await
}

async fn detail(state: &WebState, visit: &Visit, id: i64, wrong: &[String]) -> Result<Response, Problem> {
    let set = packages::get(&state.app, id).await?;
    let p = set.page.rows.first().ok_or_else(Problem::failure)?;
    let order = views::order(&state.app, p.order_id).await?;
    let transfers: Vec<i64> = set
        .nested
        .transfers
        .values()
        .flatten()
        .map(|c| c.transfer_id)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut records = vec![("package", id)];
    records.extend(transfers.iter().map(|t| ("transfer", *t)));
    let happened = history::of(&state.app, &records).await?;
    let told = hook_events::of_record(state, visit, "package", id).await?;
    let offers = offers(state, visit, &set, p).await?;
    let now: Vec<_> =
        set.flow.runnable(Entity::Package, p.state, p.held_state).filter(|_| !p.is_busy).collect();
    let why = why::of_package(state, visit, p).await?;
    let n = &set.nested;
    let o = n.orders.get(&p.order_id);
    let location = n.locations.get(&p.location_id);
    let shipment = set.shipments.get(&id).and_then(|s| s.last());
    let held = p.held_state.map(|s| visit.say("package-held", &[&badge::package_word(visit, s)]));
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head data-live="packages" data-ids=(id) data-after=(visit.position) {
            h1 { (p.number) }
            (badge::package(visit, p.state))
            @if let Some(held) = held { span.soft { (held) } }
            @if p.is_busy { span.soft { (visit.t("package-busy")) } }
        }
        section aria-label=(visit.t("package-can_do")) {
            (commands::buttons(visit, &visit.href(&format!("packages/{id}/command")), p.version, &now, &offers))
        }
        div.columns {
            section {
                h2 { (visit.t("package-information")) }
                (fields::facts(&[
                    (visit.t("package-location"), html! { @if let Some(l) = location { a href=(visit.href(&format!("stock-locations/{}", l.id))) { (l.properties.name) } " " span.soft { (l.properties.erp_code) } } }),
                    (visit.t("package-address"), location.map_or(html! {}, |l| address(n, &l.properties.address))),
                    (visit.t("package-due"), due(visit, p)),
                    (visit.t("package-carrier"), fields::or_dash(shipment.and_then(|s| s.cargo_company.as_ref()))),
                    (visit.t("package-tracking"), html! { @match shipment.and_then(|s| s.tracking_number.as_ref()) {
                        Some(number) => { @match shipment.and_then(|s| s.tracking_url.as_ref()).filter(|u| u.starts_with("https://")) {
                            Some(url) => { a href=(url) rel="noreferrer noopener" target="_blank" { (number) } }, None => { (number) } } }
                        None => { span.soft { "–" } } } }),
                    (visit.t("package-invoice"), fields::or_dash(set.invoice_numbers.get(&id))),
                    (visit.t("package-made"), html! { (visit.exact(p.created_us)) }),
                    (visit.t("package-changed"), html! { (visit.exact(p.modified_us)) }),
                ]))
            }
            @if let Some(o) = o {
                section {
                    h2 { (visit.t("package-order_information")) }
                    (fields::facts(&[
                        (visit.t("package-order"), html! { a href=(visit.href(&format!("orders/{}", o.id))) { (o.number) } }),
                        (visit.t("package-customer"), fields::or_dash(o.customer_id.and_then(|c| n.customers.get(&c)).map(name_of))),
                        (visit.t("package-email"), fields::or_dash(o.customer_id.and_then(|c| n.customers.get(&c)).and_then(|c| c.email.as_ref()))),
                        (visit.t("package-phone"), fields::or_dash(o.customer_id.and_then(|c| n.customers.get(&c)).and_then(|c| c.phone.as_ref()))),
                        (visit.t("package-channel"), fields::or_dash(n.channels.get(&o.channel_id).map(|c| &c.name))),
                        (visit.t("package-deliver_to"), o.shipping_address_id.and_then(|a| n.addresses.get(&a)).map_or(html! { span.soft { "–" } }, |a| address(n, a))),
                        (visit.t("package-delivery"), fields::or_dash(o.delivery_type.as_ref())),
                        (visit.t("package-notes"), fields::or_dash(o.notes.as_ref())),
                    ]))
                    @let others: Vec<_> = order.packages.iter().filter(|x| x.id != id).collect();
                    @if !others.is_empty() {
                        h3 { (visit.t("package-others")) }
                        ul.plain { @for other in others { li { a href=(visit.href(&format!("packages/{}", other.id))) { (other.number) } " " (badge::package(visit, other.state)) } } }
                    }
                }
            }
        }
        (items(visit, &set, p))
        (why)
        (timeline::show(visit, &happened))
        (told)
    };
    Ok(shell::page(visit, &p.number, &content))
}

/// An address on lines.
pub(crate) fn address(n: &Nested, a: &oms_store::orders::people::NewAddress) -> Markup {
    use oms_store::places::geography::Level;
    let places = [
        (Level::District, a.district_id),
        (Level::Township, a.township_id),
        (Level::City, a.city_id),
        (Level::Country, a.country_id),
    ];
    let named: Vec<&str> = places
        .into_iter()
        .filter_map(|(level, id)| n.places.get(level, id))
        .map(|p| p.name.as_str())
        .collect();
    html! { @if let Some(line) = a.line.as_ref() { (line) br; } (named.join(", ")) @if let Some(code) = a.postcode.as_ref() { " " (code) } }
}

fn items(visit: &Visit, set: &PackageSet, p: &Package) -> Markup {
    let n = &set.nested;
    html! {
        section {
            h2 { (visit.t("package-products")) }
            div.scroll tabindex="0" role="region" aria-label=(visit.t("package-products")) {
                table.list {
                    thead { tr {
                        th { span.hidden { (visit.t("package-picture")) } } th scope="col" { (visit.t("package-sku")) } th scope="col" { (visit.t("package-product")) }
                        th.number scope="col" { (visit.t("package-units")) } th scope="col" { (visit.t("package-from")) } th scope="col" { (visit.t("package-state")) }
                    } }
                    tbody {
                        @for item in set.items.iter().filter(|i| i.package_id == p.id) {
                            @let product = n.products.get(&item.product_id);
                            tr {
                                td { (picture(product.map_or("", |p| p.sku.as_str()))) }
                                td { @if let Some(p) = product { a href=(visit.href(&format!("stock?{}", crate::paging::form(&[("sku".into(), p.sku.clone())])))) { code { (p.sku) } } } }
                                td { (fields::or_dash(product.map(|p| &p.name))) }
                                td.number { (visit.number(item.quantity)) }
                                td {
                                    @for coming in n.transfers.get(&item.id).into_iter().flatten() {
                                        a href=(visit.href(&format!("transfers/{}", coming.transfer_id))) { (coming.number) } " " (coming.erp_code) " " (badge::transfer(visit, coming.state)) br;
                                    }
                                }
                                td {
                                    (badge::package(visit, item.state))
                                    @if let Some(reason) = item.denial_reason_id.and_then(|r| n.denial_reasons.get(&r)) { " " span.soft { (reason.title) } }
                                    @for d in n.discrepancies.get(&item.id).into_iter().flatten() { " " span.soft { (visit.say("package-missing", &[&d.quantity])) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands for a product until the hub has a picture of it: a mark of its own.
fn picture(sku: &str) -> Markup {
    let hue = sku.bytes().fold(0_u32, |h, b| (h * 31 + u32::from(b)) % 360);
    html! {
        svg.picture aria-hidden="true" width="28" height="28" viewBox="0 0 28 28" {
            rect width="28" height="28" rx="4" fill={ "hsl(" (hue) " 45% 80%)" } {}
            path d="M7 10 L14 6 L21 10 V19 L14 23 L7 19 Z M7 10 L14 14 L21 10 M14 14 V23" fill="none" stroke={ "hsl(" (hue) " 45% 30%)" } stroke-width="1.5" {}
        }
    }
}

async fn offers(state: &WebState, visit: &Visit, set: &PackageSet, p: &Package) -> Result<Offers, Problem> {
    let ask = Ask { page: 1, limit: 100, ..Ask::default() };
    let reasons = denial_reasons::list(&state.app, &ask).await?.rows;
    let label = |i: &oms_store::packages::PackageItem| {
        let product = set.nested.products.get(&i.product_id);
        let (sku, name) = product.map_or(("", ""), |p| (p.sku.as_str(), p.name.as_str()));
        format!("{sku} {name} ({})", visit.number(i.quantity))
    };
    Ok(Offers {
        items: set
            .items
            .iter()
            .filter(|i| i.package_id == p.id)
            .map(|i| Choice { id: i.id, label: label(i), units: i.quantity })
            .collect(),
        reasons: reasons.into_iter().filter(|r| r.is_active).map(|r| (r.id, r.title)).collect(),
        locations: places::choices(state).await?,
    })
}
