//! Work in the background: what waits, and what failed for good and waits for a person.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::html;
use oms_app::Error;
use oms_app::upkeep::jobs;
use oms_core::packages::Kind;
use oms_core::refusal::Refusal;
use oms_store::ids::IdKind;
use oms_store::upkeep::jobs::{KINDS, LIST, STATES, Waiting};

use crate::pages::packages::all_views;
use crate::pages::{change, me};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered, button, words};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const COLUMNS: &[Column] = &[
    Column::new("kind", "today-job").sorted("id", "-id"),
    Column::new("of", "job-of"),
    Column::new("state", "package-state"),
    Column::new("error", "job-error"),
    Column::new("tries", "hub-tries").number(),
    Column::new("due", "job-due"),
    Column::new("act", "hub-act"),
];

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    show(&state, &visit, &[]).await
}

async fn show(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let page = jobs::list(&state.app, &list::ask(visit, &LIST)?).await?;
    let lines: Vec<Line> = page.rows.iter().map(|j| line(visit, j)).collect();
    let listing = Listing {
        name: "jobs",
        title: visit.t("nav-jobs"),
        columns: COLUMNS,
        filters: vec![
            Offered::choice("state", "package-state", words(visit, "kind-", STATES)),
            Offered::choice("kind", "today-job", words(visit, "job-kind_", KINDS)),
            Offered::text("last_error", "job-error"),
        ],
        views: all_views(state, visit, "jobs", &[("job-view_dead", "state=dead")]).await?,
        tools: html! {},
        bulk: None,
        empty: "today-jobs_none",
        live: None,
    };
    Ok(listing.answer(visit, wrong, page.count, &lines))
}

fn line(visit: &Visit, j: &Waiting) -> Line {
    let kind = match j.state.as_str() {
        "dead" => Kind::Failed,
        "leased" => Kind::InHand,
        _ => Kind::Waiting,
    };
    let word = visit.lang.t(&format!("job-kind_{}", j.kind)).to_owned();
    let label = format!("{word} {}", j.ref_id);
    let of = match j.kind.as_str() {
        "plan" => Some(format!("orders/{}", j.ref_id)),
        "replan" => Some(format!("packages/{}", j.ref_id)),
        "bulk" => Some(format!("bulk/{}", j.ref_id)),
        _ => None,
    };
    let act = html! {
        @if j.state != "leased" {
            (button(visit, &format!("jobs/{}/retry", j.id), "hub-again", &label))
            // Nothing hangs on these alone.
            @if matches!(j.kind.as_str(), "fetch" | "replan") { " " (button(visit, &format!("jobs/{}/drop", j.id), "job-drop", &label)) }
        }
    };
    Line {
        id: j.id,
        href: String::new(),
        cells: vec![
            html! { (word) },
            html! { @match of { Some(of) => { a href=(visit.href(&of)) { (j.ref_id) } }, None => { (j.ref_id) } } },
            badge::of_kind(kind, visit.lang.t(&format!("kind-{}", j.state))),
            fields::or_dash(j.last_error.as_ref()),
            html! { (j.attempts) },
            html! { (visit.exact(j.run_at_us)) },
            act,
        ],
        label,
    }
}

/// Tries a job again, or gives it up.
pub(crate) async fn act(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id, act)): Path<(String, i64, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(Error::from)?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = match act.as_str() {
        "drop" => jobs::drop(&mut tx, audit, id, &actor).await,
        "retry" => jobs::retry(&mut tx, audit, id, &actor).await,
        other => Err(Refusal::not_found("action", other).into()),
    };
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&me::back(&visit, &form))),
        Err(wrong) => show(&state, &visit, &wrong).await,
    }
}
