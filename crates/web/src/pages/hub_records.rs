//! What the hub told and could not be done: orders that are not here, changes that were not applied.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::html;
use oms_app::orders::hub_records;
use oms_core::packages::Kind;
use oms_core::refusal::Refusal;
use oms_store::orders::hub_changes::{self, HubChange, KINDS};
use oms_store::orders::hub_orders::{self, DISPOSITIONS, HubOrder};

use crate::pages::packages::all_views;
use crate::pages::{change, me};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered, button, words};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const ORDERS: &[Column] = &[
    Column::new("number", "order-number").sorted("id", "-id"),
    Column::new("state", "hub-became"),
    Column::new("reason", "hub-reason"),
    Column::new("tries", "hub-tries").number(),
    Column::new("retry", "hub-next_try"),
    Column::new("seen", "hub-seen"),
    Column::new("act", "hub-act"),
];

/// Orders of the hub; those that are not here wait for a person.
pub(crate) async fn orders(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    order_list(&state, &visit, &[]).await
}

async fn order_list(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let page = hub_records::orders(&state.app, &list::ask(visit, &hub_orders::LIST)?).await?;
    let lines: Vec<Line> = page.rows.iter().map(|o| order(visit, o)).collect();
    let became = words(visit, "hub-became_", DISPOSITIONS);
    let listing = Listing {
        name: "hub-orders",
        title: visit.t("nav-hub_orders"),
        columns: ORDERS,
        filters: vec![
            Offered::choice("disposition", "hub-became", became),
            Offered::text("number", "order-number"),
            Offered::text("reason", "hub-reason"),
        ],
        views: all_views(state, visit, "hub-orders", &[("hub-view_rejected", "disposition=rejected")])
            .await?,
        tools: html! {},
        bulk: None,
        empty: "hub-orders_empty",
        live: None,
    };
    Ok(listing.answer(visit, wrong, page.count, &lines))
}

fn order(visit: &Visit, o: &HubOrder) -> Line {
    let kind = match o.disposition.as_str() {
        "imported" => Kind::Done,
        "rejected" => Kind::NeedsYou,
        _ => Kind::Waiting,
    };
    let word = visit.lang.t(&format!("hub-became_{}", o.disposition)).to_owned();
    let number = if o.number.is_empty() { o.pk.to_string() } else { o.number.clone() };
    let act = html! { (button(visit, &format!("hub-orders/{}/retry", o.pk), "hub-again", &number)) };
    Line {
        id: o.pk,
        href: o.order_id.map_or_else(String::new, |id| visit.href(&format!("orders/{id}"))),
        cells: vec![
            html! { (number) },
            badge::of_kind(kind, &word),
            fields::or_dash(o.reason.as_ref()),
            html! { (o.tries) },
            html! { @match o.retry_us { Some(at) => { (visit.exact(at)) }, None => { span.soft { "–" } } } },
            visit.when(o.seen_us),
            act,
        ],
        label: number,
    }
}

/// Has an order fetched again.
pub(crate) async fn retry_order(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, pk)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let ids = hub_records::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = hub_records::retry_order(&mut tx, ids, &actor, pk).await;
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&me::back(&visit, &form))),
        Err(wrong) => order_list(&state, &visit, &wrong).await,
    }
}

const CHANGES: &[Column] = &[
    Column::new("order", "package-order").sorted("id", "-id"),
    Column::new("what", "hub-what"),
    Column::new("state", "package-state"),
    Column::new("detail", "hub-detail"),
    Column::new("changed", "hub-changed"),
    Column::new("closed", "hub-closed_by").hidden(),
    Column::new("act", "hub-act"),
];

/// Changes at the hub that are not applied here.
pub(crate) async fn changes(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    change_list(&state, &visit, &[]).await
}

async fn change_list(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let page = hub_records::changes(&state.app, &list::ask(visit, &hub_changes::LIST)?).await?;
    let lines: Vec<Line> = page.rows.iter().map(|c| one_change(visit, c)).collect();
    let open = vec![
        ("true".into(), visit.t("hub-open").to_owned()),
        ("false".into(), visit.t("hub-closed").to_owned()),
    ];
    let listing = Listing {
        name: "hub-changes",
        title: visit.t("nav-hub_changes"),
        columns: CHANGES,
        filters: vec![
            Offered::choice("is_open", "package-state", open),
            Offered::choice("what", "hub-what", words(visit, "hub-what_", KINDS)),
            Offered::day("created_date__gte", "package-made_from"),
            Offered::day("created_date__lt", "package-made_to"),
        ],
        views: all_views(state, visit, "hub-changes", &[("hub-view_open", "is_open=true")]).await?,
        tools: html! {},
        bulk: None,
        empty: "hub-changes_empty",
        live: None,
    };
    Ok(listing.answer(visit, wrong, page.count, &lines))
}

fn one_change(visit: &Visit, c: &HubChange) -> Line {
    let (kind, word) = match c.closed_us {
        None => (Kind::NeedsYou, "hub-open"),
        Some(_) => (Kind::Done, "hub-closed"),
    };
    let act = html! {
        @if c.closed_us.is_none() {
            @if c.hub_pk.is_some() { (button(visit, &format!("hub-changes/{}/retry", c.id), "hub-again", &c.order_number)) " " }
            (button(visit, &format!("hub-changes/{}/close", c.id), "hub-close", &c.order_number))
        }
    };
    Line {
        id: c.id,
        href: visit.href(&format!("orders/{}", c.order_id)),
        cells: vec![
            html! { (c.order_number) },
            html! { (visit.lang.t(&format!("hub-what_{}", c.what))) },
            badge::of_kind(kind, visit.t(word)),
            html! { (fields::raw_as(visit.t("hub-see"), &c.detail)) },
            visit.when(c.modified_us),
            fields::or_dash(c.closed_by.as_ref()),
            act,
        ],
        label: c.order_number.clone(),
    }
}

/// Has a change's order fetched again, or says that the change is dealt with.
pub(crate) async fn act_on_change(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id, act)): Path<(String, i64, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let ids = hub_records::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = match act.as_str() {
        "close" => hub_records::close_change(&mut tx, ids, &actor, id).await,
        "retry" => hub_records::retry_change(&mut tx, ids, &actor, id).await,
        other => Err(Refusal::not_found("action", other).into()),
    };
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&me::back(&visit, &form))),
        Err(wrong) => change_list(&state, &visit, &wrong).await,
    }
}
