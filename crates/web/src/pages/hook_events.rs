//! Deliveries of webhooks: what was told to whom, every try of it, and sending it again.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::Error;
use oms_app::hooks::deliveries::{self, Whole};
use oms_core::events::ENTITIES;
use oms_core::packages::Kind;
use oms_core::permissions::Permission;
use oms_store::hooks::deliveries::{Attempt, Delivery, LIST, STATES};
use oms_store::ids::IdKind;

use crate::pages::packages::all_views;
use crate::pages::{change, me};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered, button, words};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// Deliveries that the screen of a record shows.
const SHOWN: i64 = 10;

const COLUMNS: &[Column] = &[
    Column::new("event", "hook-event").sorted("id", "-id"),
    Column::new("of", "job-of"),
    Column::new("hook", "hook-hook"),
    Column::new("state", "package-state"),
    Column::new("tries", "hub-tries").number(),
    Column::new("due", "job-due"),
    Column::new("made", "hook-made"),
];

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let mut ask = list::ask(&visit, &LIST)?;
    ask.order = ask.order.or(Some("-id".into()));
    let page = deliveries::list(&state.app, &ask).await?;
    let lines: Vec<Line> = page.rows.iter().map(|d| line(&visit, d)).collect();
    let listing = Listing {
        name: "hook-events",
        title: visit.t("nav-hook_events"),
        columns: COLUMNS,
        filters: vec![
            Offered::choice("state", "package-state", words(&visit, "hook-state_", STATES)),
            Offered::text("hook", "hook-hook"),
            Offered::text("event_type", "hook-type"),
            Offered::choice("entity", "log-kind", words(&visit, "hook-of_", ENTITIES)),
            Offered::text("entity_id", "log-id"),
            Offered::text("event", "hook-uuid"),
        ],
        views: all_views(&state, &visit, "hook-events", &[("hook-view_given_up", "state=given_up")]).await?,
        tools: html! {},
        bulk: None,
        empty: "hook-events_none",
        live: None,
    };
    let content = listing.show(&visit, page.count, &lines);
    Ok(shell::page(&visit, visit.t("nav-hook_events"), &content))
}

fn standing(visit: &Visit, d: &Delivery) -> Markup {
    let kind = match (d.state.as_str(), d.attempts) {
        ("delivered", _) => Kind::Done,
        ("given_up", _) => Kind::Failed,
        (_, 1..) => Kind::NeedsYou,
        _ => Kind::Waiting,
    };
    badge::of_kind(kind, visit.lang.t(&format!("hook-state_{}", d.state)))
}

/// The record, with a link where it has a screen.
fn record(visit: &Visit, d: &Delivery) -> Markup {
    let word = visit.lang.t(&format!("hook-of_{}", d.entity)).to_owned();
    let screen = match d.entity.as_str() {
        "order" => Some("orders"),
        "package" => Some("packages"),
        "transfer" => Some("transfers"),
        "stock_location" => Some("stock-locations"),
        _ => None,
    };
    let label = format!("{word} {}", d.entity_id);
    html! {
        @match screen {
            Some(screen) => { a href=(visit.href(&format!("{screen}/{}", d.entity_id))) { (label) } },
            None => { (label) },
        }
    }
}

fn line(visit: &Visit, d: &Delivery) -> Line {
    Line {
        id: d.id,
        href: visit.href(&format!("hook-events/{}", d.id)),
        cells: vec![
            html! { code { (d.kind) } },
            record(visit, d),
            html! { a href=(visit.href(&format!("connections/hooks/{}", d.hook_id))) { (d.hook_id) } },
            standing(visit, d),
            html! { (d.attempts) },
            html! { @if d.state == "waiting" { (visit.exact(d.due_us)) } @else { span.soft { "–" } } },
            html! { (visit.exact(d.created_us)) },
        ],
        label: d.kind.clone(),
    }
}

/// What webhooks were told of a record, for its own screen: nothing where there is nothing to say.
pub(crate) async fn of_record(
    state: &WebState,
    visit: &Visit,
    entity: &str,
    id: i64,
) -> Result<Markup, Problem> {
    if !visit.may(Permission::HooksRead) {
        return Ok(html! {});
    }
    let told = deliveries::of_record(&state.app, entity, id, SHOWN).await?;
    Ok(html! {
        @if !told.is_empty() {
            section {
                div.head {
                    h2 { (visit.t("nav-hook_events")) }
                    div.tools { a href=(visit.href(&format!("hook-events?entity={entity}&entity_id={id}"))) { (visit.t("hook-all")) } }
                }
                table.list {
                    thead { tr {
                        th scope="col" { (visit.t("hook-event")) } th scope="col" { (visit.t("hook-hook")) }
                        th scope="col" { (visit.t("package-state")) } th.number scope="col" { (visit.t("hub-tries")) }
                    } }
                    tbody { @for d in &told { tr {
                        td { a.row href=(visit.href(&format!("hook-events/{}", d.id))) { code { (d.kind) } } }
                        td { (d.hook_id) } td { (standing(visit, d)) } td.number { (d.attempts) }
                    } } }
                }
            }
        }
    })
}

/// One, with every try.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    Ok(screen(&visit, &deliveries::get(&state.app, id).await?, &[]))
}

fn screen(visit: &Visit, whole: &Whole, wrong: &[String]) -> Response {
    let d = &whole.delivery;
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head {
            h1 { (d.kind) }
            (standing(visit, d))
            div.tools { a href=(visit.href(&format!("hook-events?hook={}", d.hook_id))) { (visit.t("app-back")) } }
        }
        section.card {
            (fields::facts(&[
                (visit.t("job-of"), record(visit, d)),
                (visit.t("hook-seq"), html! { (d.seq) }),
                (visit.t("hook-uuid"), html! { code { (d.uuid) } }),
                (visit.t("hook-hook"), html! { a href=(visit.href(&format!("connections/hooks/{}", d.hook_id))) { (d.hook_id) } }),
                (visit.t("hook-made"), html! { (visit.exact(d.created_us)) @if let Some(by) = &d.published_by { " · " (by) } }),
                (visit.t("job-due"), html! { @if d.state == "waiting" { (visit.exact(d.due_us)) } @else { "–" } }),
            ]))
            @if visit.may(Permission::HooksWrite) { (button(visit, &format!("hook-events/{}/again", d.id), "hook-again", &d.kind)) }
        }
        section {
            h2 { (visit.t("hub-tries")) }
            @if whole.attempts.is_empty() { p.soft { (visit.t("hook-not_told")) } }
            ol.timeline { @for a in whole.attempts.iter().rev() { (tried(visit, a)) } }
        }
        @if let Some(body) = &whole.body { section { h2 { (visit.t("hook-sent")) } (sent(body)) } }
    };
    shell::page(visit, &d.kind, &content)
}

fn tried(visit: &Visit, a: &Attempt) -> Markup {
    let kind = if a.is_taken() { Kind::Done } else { Kind::Failed };
    let word = a.status.map_or(visit.t("hook-no_answer").to_owned(), |status| format!("HTTP {status}"));
    html! {
        li {
            div { (badge::of_kind(kind, &word)) " " span.soft { (visit.say("hook-try", &[&a.n, &a.took_ms])) } }
            div.soft { (visit.exact(a.at_us)) }
            @if let Some(error) = &a.error { p { (error) } }
            @if let Some(answer) = &a.answer { details.raw { summary { (visit.t("engine-answer")) } pre tabindex="0" { code { (answer) } } } }
        }
    }
}

/// The body, to be read by people.
fn sent(body: &str) -> Markup {
    let value = serde_json::from_str::<serde_json::Value>(body).unwrap_or_else(|_| body.into());
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    html! { pre tabindex="0" { code { (text) } } }
}

/// Sends one again.
pub(crate) async fn again(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let whole = deliveries::get(&state.app, id).await?;
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(Error::from)?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let d = &whole.delivery;
    let done = deliveries::resend(&mut tx, audit, &actor, &d.uuid, Some(d.hook_id)).await;
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&me::back(&visit, &form))),
        Err(wrong) => Ok(screen(&visit, &whole, &wrong)),
    }
}
