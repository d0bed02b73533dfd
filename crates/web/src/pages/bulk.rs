//! One command on many records: begun from a list, followed to its end, repeated for what failed.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::guard::spawned;
use oms_app::packages::bulk::{self, BulkRow};
use oms_app::rules::transitions;
use oms_app::upkeep::idempotency::Answer;
use oms_app::{packages, views};
use oms_core::commands::Entity;
use oms_core::packages::Kind;
use oms_core::refusal::Refusal;
use oms_store::lists::{Ask, Condition, List};

use crate::pages::{commands, me};
use crate::problem::{Problem, refusal_answer};
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// How often the page of a run that goes on asks again.
const AGAIN_MS: u64 = 700;
/// How long the answer to the form waits for the end: most runs are over by then.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Rows shown, the failed first.
const SHOWN: i64 = 200;

/// Begins a run of the ticked rows, or of all that fit the list's filters.
pub(crate) async fn begin(
    state: &WebState,
    visit: &Visit,
    entity: Entity,
    list: &'static List,
    form: &Form,
) -> Result<Response, Problem> {
    let records = chosen(state, list, form).await?;
    let flow = transitions::flow(&state.app).await?;
    let named: Option<i64> = form.some("transition").and_then(|t| t.parse().ok());
    let code = flow.all().iter().find(|t| Some(t.id) == named).map(|t| t.definition.code.clone());
    let body = commands::body(form, &code.unwrap_or_default(), None);
    let run = bulk::begin(&state.app, entity, &body, &records, &visit.who.actor()).await?;
    followed(state, visit, form, run).await
}

/// Starts with it at once; the node's loop takes up what this process does not come to.
async fn followed(state: &WebState, visit: &Visit, form: &Form, run: i64) -> Result<Response, Problem> {
    let app = state.app.clone();
    let work = spawned("a bulk action", async move { bulk::tick(&app, refusal_answer).await });
    let _ = tokio::time::timeout(PATIENCE, work).await;
    let back = crate::paging::form(&[("back".into(), me::back(visit, form))]);
    Ok(shell::see_other(&visit.href(&format!("bulk/{run}?{back}"))))
}

/// The records a form names.
async fn chosen(state: &WebState, list: &'static List, form: &Form) -> Result<Vec<i64>, Problem> {
    if !form.is("all") {
        return Ok(form.all("id").filter_map(|id| id.parse().ok()).collect());
    }
    let filters: Vec<(String, String)> = serde_urlencoded::from_str(form.get("query")).unwrap_or_default();
    let ask = Ask { conditions: views::conditions(list, &filters)?, page: 1, limit: 1, ..Ask::default() };
    let ids = views::ids(&state.app, list, &ask, bulk::MOST + 1).await?;
    if ids.len() > bulk::MOST {
        let message = format!("More than {} fit. Narrow the list with a filter.", bulk::MOST);
        return Err(Refusal::invalid("all", "bulk_size", message).into());
    }
    Ok(ids)
}

/// How far a run is, and what its rows came to.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let (run, progress, rows) = bulk::look(&state.app, id, SHOWN).await?;
    let entity = Entity::parse(&run.entity).ok_or_else(Problem::failure)?;
    let list = if entity == Entity::Package { "packages" } else { "transfers" };
    let numbers = numbers(&state, entity, &rows).await?;
    let total = progress.waiting + progress.done + progress.failed;
    let works = run.finished_us.is_none();
    let back = visit.asked("back").filter(|to| to.starts_with("/en/") || to.starts_with("/tr/"));
    let back = back.map_or_else(|| visit.href(list), str::to_owned);
    let content = html! {
        (fields::said(&visit))
        div.head data-again=[works.then_some(AGAIN_MS)] {
            h1 { (visit.t("bulk-title")) }
            span.count { (visit.number(total)) }
        }
        @if works {
            progress max=(total.max(1)) value=(total - progress.waiting) aria-label=(visit.t("bulk-title")) {}
            p.soft { (visit.say("bulk-waits", &[&visit.number(progress.waiting), &visit.number(total)])) }
        }
        p { (visit.say("bulk-sums", &[&visit.number(progress.done), &visit.number(progress.failed)])) }
        @if progress.failed > 0 && !works {
            form method="post" action=(visit.href(&format!("bulk/{id}/again"))) {
                (visit.guard())
                input type="hidden" name="back" value=(back);
                button { (visit.say("bulk-again", &[&visit.number(progress.failed)])) }
            }
        }
        p { a href=(back) { (visit.t("app-back")) } }
        div.scroll tabindex="0" role="region" aria-label=(visit.t("bulk-title")) {
            table.list {
                thead { tr { th scope="col" { (visit.t("package-number")) } th scope="col" { (visit.t("bulk-result")) } } }
                tbody {
                    @for row in &rows {
                        tr {
                            td { a href=(visit.href(&format!("{list}/{}", row.record_id))) { (numbers.get(&row.record_id).cloned().unwrap_or_else(|| row.record_id.to_string())) } }
                            td { (outcome(&visit, row)) }
                        }
                    }
                }
            }
        }
        @if total > rows.len() as i64 { p.soft { (visit.say("bulk-shown", &[&visit.number(rows.len() as i64), &visit.number(total)])) } }
    };
    Ok(shell::page(&visit, visit.t("bulk-title"), &content))
}

fn outcome(visit: &Visit, row: &BulkRow) -> Markup {
    let Some((status, body)) = &row.answer else {
        return badge::of_kind(Kind::Waiting, visit.t("bulk-waiting"));
    };
    let answer = Answer { status: u16::try_from(*status).unwrap_or(500), body: body.clone() };
    let wrong = commands::told(&answer);
    html! {
        @if wrong.is_empty() { (badge::of_kind(Kind::Done, visit.t("bulk-done"))) }
        @else { (badge::of_kind(Kind::Failed, visit.t("bulk-not_done"))) " " (wrong.join(" ")) }
    }
}

/// Runs what failed once more, as a run of its own.
pub(crate) async fn again(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let run = bulk::again(&state.app, id, &visit.who.actor()).await?;
    followed(&state, &visit, &form, run).await
}

/// What records are called.
async fn numbers(
    state: &WebState,
    entity: Entity,
    rows: &[BulkRow],
) -> Result<HashMap<i64, String>, Problem> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let values: Vec<oms_store::Value> = rows.iter().map(|row| row.record_id.into()).collect();
    let limit = values.len() as i64;
    let among = Condition { clause: "t.id IN (?)", values };
    let ask = Ask { conditions: vec![among], page: 1, limit, ..Ask::default() };
    Ok(match entity {
        Entity::Package => packages::short(&state.app, &ask)
            .await?
            .rows
            .into_iter()
            .map(|p| (p.package.id, p.package.number))
            .collect(),
        Entity::Transfer => oms_app::packages::transfer_views::short(&state.app, &ask)
            .await?
            .rows
            .into_iter()
            .map(|t| (t.id, t.number))
            .collect(),
    })
}
