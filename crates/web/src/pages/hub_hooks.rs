//! Webhooks registered at the hub: who else is told, and switching them.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::Error;
use oms_app::setup::hub_hooks::{self, Registered};
use oms_core::packages::Kind;

use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All of them, as the hub says now.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, Vec::new()).await
}

async fn screen(state: &WebState, visit: &Visit, mut wrong: Vec<String>) -> Result<Response, Problem> {
    let (all, unreadable) = match hub_hooks::list(&state.app).await {
        Ok(found) => found,
        Err(error @ (Error::Refused(_) | Error::Hub(_))) => {
            wrong.push(error.to_string());
            (Vec::new(), 0)
        }
        Err(other) => return Err(other.into()),
    };
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, &wrong))
        div.head {
            h1 { (visit.t("hub-webhooks")) } span.count { (all.len()) }
            div.tools { a href=(visit.href("connections")) { (visit.t("app-back")) } }
        }
        p.hint { (visit.t("hub-webhooks_about")) }
        @if unreadable > 0 { div.problem role="status" { p { (visit.say("hub-webhooks_unreadable", &[&unreadable])) } } }
        @if all.is_empty() && wrong.is_empty() { div.empty { p { (visit.t("hub-webhooks_none")) } } }
        @if !all.is_empty() {
            table.list {
                thead { tr {
                    th scope="col" { (visit.t("hook-type")) } th scope="col" { (visit.t("engine-address")) }
                    th scope="col" { (visit.t("hub-webhook_of")) } th scope="col" { (visit.t("package-state")) } th {}
                } }
                tbody { @for r in &all { (line(visit, r)) } }
            }
        }
    };
    Ok(shell::page(visit, visit.t("hub-webhooks"), &content))
}

fn line(visit: &Visit, r: &Registered) -> Markup {
    let w = &r.webhook;
    let (kind, word, act) = match w.is_active {
        true => (Kind::Done, "hub-webhook_on", "hub-webhook_off_do"),
        false => (Kind::Waiting, "hub-webhook_off", "hub-webhook_on_do"),
    };
    html! {
        tr {
            td { code { (w.event_type) } }
            td { (w.target_url) }
            td { (visit.t(if r.is_ours { "hub-webhook_ours" } else { "hub-webhook_others" })) }
            td { (badge::of_kind(kind, visit.t(word))) }
            td {
                form method="post" action=(visit.href(&format!("connections/hub-webhooks/{}", w.pk)))
                    data-ask=(visit.say("hub-webhook_ask", &[&w.event_type, &w.target_url])) {
                    (visit.guard())
                    input type="hidden" name="is_active" value=(!w.is_active);
                    button aria-label=(format!("{}: {} {}", visit.t(act), w.event_type, w.target_url)) { (visit.t(act)) }
                }
            }
        }
    }
}

/// Switches one.
pub(crate) async fn switch(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, pk)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let is_active = form.get("is_active") == "true";
    match hub_hooks::switch(&state.app, &visit.who.actor(), pk, is_active).await {
        Ok(_) => Ok(shell::see_other(&visit.href("connections/hub-webhooks?done=saved"))),
        Err(error @ (Error::Refused(_) | Error::Hub(_))) => {
            screen(&state, &visit, vec![error.to_string()]).await
        }
        Err(other) => Err(other.into()),
    }
}
