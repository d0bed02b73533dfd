//! Reasons a store gives when it refuses a package.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::rules::denial_reasons;
use oms_store::lists::Ask;
use oms_store::rules::denial_reasons::DenialReason;
use serde_json::{Value, json};

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All reasons, each with its form.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, &[]).await
}

fn body(form: &Form) -> Value {
    json!({
        "title": form.get("title"),
        "remote_id": form.some("remote_id"),
        "priority": form.some("priority").map(|p| p.parse::<i64>().map_or(json!(p), |n| json!(n))),
        "is_active": form.is("is_active"),
        "excludes_location": form.is("excludes_location"),
        "stock_effect": if form.is("is_missing") { "missing" } else { "none" },
    })
}

/// Makes one.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let ids = denial_reasons::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = denial_reasons::create(&mut tx, &actor, ids, &body(&form)).await;
    after(&state, &visit, change::end(tx, done).await?.map(drop)).await
}

/// Changes one, or removes it.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let (_, row) = denial_reasons::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = if form.is("remove") {
        denial_reasons::delete(&mut tx, &actor, row, id).await
    } else {
        denial_reasons::change(&mut tx, &actor, row, id, &body(&form)).await.map(drop)
    };
    after(&state, &visit, change::end(tx, done).await?).await
}

async fn after(state: &WebState, visit: &Visit, done: Result<(), Vec<String>>) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(shell::see_other(&visit.href("settings/denial-reasons?done=saved"))),
        Err(wrong) => screen(state, visit, &wrong).await,
    }
}

async fn screen(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let ask = Ask { conditions: Vec::new(), page: 1, limit: 500, ..Ask::default() };
    let mut reasons = denial_reasons::list(&state.app, &ask).await?.rows;
    reasons.sort_by_key(|r| (r.priority.unwrap_or(i64::MAX), r.title.clone()));
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head {
            h1 { (visit.t("nav-denial_reasons")) } span.count { (reasons.len()) }
            div.tools {
                details.menu { summary.button { "+ " (visit.t("flow-new_reason")) } form method="post" { (visit.guard()) (inputs(visit, None)) button.primary { (visit.t("form-save")) } } }
            }
        }
        p.soft { (visit.t("flow-reasons_about")) }
        @if reasons.is_empty() { div.empty { p { (visit.t("flow-reasons_empty")) } } }
        @for r in &reasons {
            details.card id=(r.id) {
                summary {
                    (r.title) " "
                    @if !r.is_active { (badge::of_kind(oms_core::packages::Kind::Waiting, visit.t("user-shut_out"))) }
                    @if r.is_missing { span.soft { " · " (visit.t("flow-is_missing")) } }
                    @if r.excludes_location { span.soft { " · " (visit.t("flow-excludes_location")) } }
                }
                form method="post" action=(visit.href(&format!("settings/denial-reasons/{}", r.id))) {
                    (visit.guard())
                    (inputs(visit, Some(r)))
                    div.commands {
                        button.primary { (visit.t("form-save")) }
                        button.grave name="remove" value="1" data-ask=(visit.say("form-remove_ask", &[&r.title])) { (visit.t("form-remove")) }
                    }
                }
            }
        }
    };
    Ok(shell::page(visit, visit.t("nav-denial_reasons"), &content))
}

fn inputs(visit: &Visit, r: Option<&DenialReason>) -> Markup {
    let id = |name: &str| format!("{name}-{}", r.map_or(0, |r| r.id));
    let field = |name: &'static str,
                 word: &'static str,
                 value: String,
                 kind: &'static str,
                 required: bool| {
        html! { label for=(id(name)) { (visit.t(word)) } input id=(id(name)) type=(kind) name=(name) value=(value) required[required] maxlength="255"; }
    };
    html! {
        (field("title", "flow-reason", r.map(|r| r.title.clone()).unwrap_or_default(), "text", true))
        (field("priority", "flow-priority", r.and_then(|r| r.priority).map(|p| p.to_string()).unwrap_or_default(), "number", false))
        (field("remote_id", "flow-remote_id", r.and_then(|r| r.remote_id.clone()).unwrap_or_default(), "text", false))
        (fields::tick(visit, "is_active", "flow-is_active", r.is_none_or(|r| r.is_active)))
        (fields::tick(visit, "excludes_location", "flow-excludes_location", r.is_none_or(|r| r.excludes_location)))
        (fields::tick(visit, "is_missing", "flow-is_missing", r.is_some_and(|r| r.is_missing)))
    }
}
