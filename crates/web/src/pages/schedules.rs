//! The brand's own jobs: when they run, how they went, and one run now.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::rules::schedules;
use oms_core::packages::Kind;
use oms_store::lists::Ask;
use oms_store::rules::schedules::Schedule;
use serde_json::{Value, json};

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// What a job can do, with an example of its parameters.
const ACTIONS: [(&str, &str, &str); 3] = [
    ("replan_out_of_stock", "flow-act_replan", "{}"),
    ("run_setup_task", "flow-act_setup", "{\"task\":\"stock_locations\"}"),
    ("http_call", "flow-act_call", "{\"url\":\"https://erp.example/jobs/nightly\",\"method\":\"POST\"}"),
];

/// All jobs.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, None, &[]).await
}

fn body(form: &Form) -> Result<Value, String> {
    let parameters: Value =
        serde_json::from_str(form.some("parameters").unwrap_or("{}")).map_err(|e| e.to_string())?;
    Ok(json!({"name": form.get("name"), "cron": form.get("cron"), "time_zone": form.get("time_zone"),
        "action": form.get("action"), "parameters": parameters, "is_active": form.is("is_active")}))
}

/// Makes one.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    put(&state, &visit, None, &form).await
}

/// Changes one, runs it now, or removes it.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    if form.is("run") {
        let schedule = schedules::get(&state.app, id).await?;
        return match change::told(schedules::run_now(&state.app, &schedule).await)? {
            Ok(outcome) => screen(&state, &visit, Some(&outcome), &[]).await,
            Err(wrong) => screen(&state, &visit, None, &wrong).await,
        };
    }
    if form.is("remove") {
        let ids = schedules::ids(&state.app).await?;
        let (mut tx, actor) = change::begin(&state, &visit).await?;
        let done = schedules::delete(&mut tx, ids, &actor, id).await;
        return after(&state, &visit, change::end(tx, done).await?).await;
    }
    put(&state, &visit, Some(id), &form).await
}

async fn put(state: &WebState, visit: &Visit, id: Option<i64>, form: &Form) -> Result<Response, Problem> {
    let input = match body(form) {
        Ok(body) => change::told(crate::api::rules::schedules::read(&body).map_err(oms_app::Error::from))?,
        Err(message) => Err(vec![visit.say("flow-parameters_wrong", &[&message])]),
    };
    let input = match input {
        Ok(input) => input,
        Err(wrong) => return screen(state, visit, None, &wrong).await,
    };
    let ids = schedules::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let done = match id {
        Some(id) => schedules::update(&mut tx, ids, &actor, id, &input).await,
        None => schedules::create(&mut tx, ids, &actor, &input).await,
    };
    after(state, visit, change::end(tx, done).await?.map(drop)).await
}

async fn after(state: &WebState, visit: &Visit, done: Result<(), Vec<String>>) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(shell::see_other(&visit.href("settings/schedules?done=saved"))),
        Err(wrong) => screen(state, visit, None, &wrong).await,
    }
}

async fn screen(
    state: &WebState,
    visit: &Visit,
    outcome: Option<&str>,
    wrong: &[String],
) -> Result<Response, Problem> {
    let ask = Ask { conditions: Vec::new(), page: 1, limit: 500, ..Ask::default() };
    let all = schedules::list(&state.app, &ask).await?.rows;
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        @if let Some(outcome) = outcome { p.said role="status" { (visit.t("flow-ran")) " " (outcome) } }
        div.head {
            h1 { (visit.t("nav-schedules")) } span.count { (all.len()) }
            div.tools { details.menu { summary.button { "+ " (visit.t("flow-new_job")) } form method="post" { (visit.guard()) (inputs(visit, None)) button.primary { (visit.t("form-save")) } } } }
        }
        p.soft { (visit.t("flow-jobs_about")) }
        @if all.is_empty() { div.empty { p { (visit.t("flow-jobs_empty")) } } }
        @for s in &all { (card(visit, s)) }
    };
    Ok(shell::page(visit, visit.t("nav-schedules"), &content))
}

fn card(visit: &Visit, s: &Schedule) -> Markup {
    let (kind, word) = match (s.is_active, s.failures) {
        (false, _) => (Kind::Waiting, visit.t("user-shut_out").to_owned()),
        (true, 0) => (Kind::Done, visit.t("user-active").to_owned()),
        (true, n) => (Kind::Failed, visit.say("flow-failed_times", &[&n])),
    };
    html! {
        details.card id=(s.id) {
            summary { (s.name) " " (badge::of_kind(kind, &word)) span.soft { " · " code { (s.cron) } " " (s.time_zone) } }
            (fields::facts(&[
                (visit.t("flow-next_run"), html! { @match s.next_run_us { Some(at) => { (visit.exact(at)) }, None => { "–" } } }),
                (visit.t("flow-last_run"), html! { @match s.last_run_us { Some(at) => { (visit.exact(at)) }, None => { "–" } } }),
                (visit.t("flow-outcome"), fields::or_dash(s.last_outcome.as_ref())),
            ]))
            form method="post" action=(visit.href(&format!("settings/schedules/{}", s.id))) {
                (visit.guard())
                (inputs(visit, Some(s)))
                div.commands {
                    button.primary { (visit.t("form-save")) }
                    button name="run" value="1" { (visit.t("flow-run_now")) }
                    button.grave name="remove" value="1" data-ask=(visit.say("form-remove_ask", &[&s.name])) { (visit.t("form-remove")) }
                }
            }
        }
    }
}

fn inputs(visit: &Visit, s: Option<&Schedule>) -> Markup {
    let id = |name: &str| format!("{name}-{}", s.map_or(0, |s| s.id));
    let text = |name: &'static str, word: &'static str, value: &str| {
        html! { label for=(id(name)) { (visit.t(word)) } input id=(id(name)) name=(name) value=(value) required maxlength="200"; }
    };
    let zone = visit.zone.iana_name().unwrap_or("UTC");
    html! {
        (text("name", "flow-job", s.map_or("", |s| s.name.as_str())))
        (text("cron", "flow-cron", s.map_or("", |s| s.cron.as_str())))
        p.hint { (visit.t("flow-cron_hint")) }
        (text("time_zone", "app-time_zone", s.map_or(zone, |s| s.time_zone.as_str())))
        label for=(id("action")) { (visit.t("flow-action")) }
        select id=(id("action")) name="action" {
            @for (value, word, _) in ACTIONS { option value=(value) selected[s.is_some_and(|s| s.action == value)] { (visit.t(word)) } }
        }
        label for=(id("parameters")) { (visit.t("flow-parameters")) }
        textarea id=(id("parameters")) name="parameters" spellcheck="false" { (s.map_or("{}".to_owned(), |s| s.parameters.to_string())) }
        @for (_, word, example) in ACTIONS { p.hint { (visit.t(word)) ": " code { (example) } } }
        (fields::tick(visit, "is_active", "flow-is_active", s.is_none_or(|s| s.is_active)))
    }
}
