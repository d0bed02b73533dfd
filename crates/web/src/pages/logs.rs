//! The log of every step that packages and transfers took.

use axum::extract::State;
use axum::response::Response;
use maud::html;
use oms_app::access::logs;
use oms_core::events::entity;
use oms_core::packages::STATES;
use oms_store::lists::logs::{LIST, Step};

use crate::pages::packages::all_views;
use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered};
use crate::ui::visit::Visit;
use crate::ui::{badge, shell};

const COLUMNS: &[Column] = &[
    Column::new("at", "log-at").sorted("id", "-id"),
    Column::new("record", "log-record"),
    Column::new("from", "log-from"),
    Column::new("to", "log-to"),
    Column::new("actor", "log-actor"),
    Column::new("seq", "log-seq").number(),
    Column::new("hash", "log-hash").hidden(),
];

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let mut ask = list::ask(&visit, &LIST)?;
    ask.order = ask.order.or(Some("-id".into()));
    let page = logs::list(&state.app, &ask).await?;
    let lines: Vec<Line> = page.rows.iter().map(|s| line(&visit, s)).collect();
    let states: Vec<(String, String)> =
        STATES.iter().map(|s| (s.code.to_string(), badge::package_word(&visit, s.code))).collect();
    let kinds = vec![
        ("package".into(), visit.t("nav-packages").to_owned()),
        ("transferorder".into(), visit.t("nav-transfers").to_owned()),
    ];
    let listing = Listing {
        name: "logs",
        title: visit.t("nav-logs"),
        columns: COLUMNS,
        filters: vec![
            Offered::choice("content_type", "log-kind", kinds),
            Offered::text("object_id", "log-id"),
            Offered::choices("new_state__enum_value__in", "log-to", states),
            Offered::day("created_date__gte", "package-made_from"),
            Offered::day("created_date__lt", "package-made_to"),
        ],
        views: all_views(&state, &visit, "logs", &[]).await?,
        tools: html! {},
        bulk: None,
        empty: "log-empty",
        live: None,
    };
    let content = listing.show(&visit, page.count, &lines);
    Ok(shell::page(&visit, visit.t("nav-logs"), &content))
}

fn line(visit: &Visit, s: &Step) -> Line {
    let is_transfer = s.entity == entity::TRANSFER;
    let state = |code| if is_transfer { badge::transfer(visit, code) } else { badge::package(visit, code) };
    let (word, list) = if is_transfer { ("log-transfer", "transfers") } else { ("log-package", "packages") };
    let label = visit.say(word, &[&s.entity_id]);
    Line {
        id: s.id,
        href: visit.href(&format!("{list}/{}", s.entity_id)),
        cells: vec![
            html! { (visit.exact(s.at_us)) },
            html! { (label) },
            html! { @match s.old_state { Some(code) => { (state(code)) }, None => { span.soft { "–" } } } },
            state(s.new_state),
            html! { (crate::pages::timeline::actor(visit, &s.actor)) },
            html! { (s.seq) },
            html! { code { (hex::encode(&s.hash)) } },
        ],
        label,
    }
}
