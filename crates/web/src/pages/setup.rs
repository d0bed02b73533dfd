//! The setup: fifteen steps, where each stands, one button, and what it brought.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::setup;
use oms_app::setup::doctor::{self, Run, Standing, Step};
use oms_core::packages::Kind;
use oms_core::refusal::Refusal;

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// How soon a page with a running step looks again, in milliseconds.
const AGAIN_MS: &str = "1000";

/// All steps.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, None, &[]).await
}

/// One step at its own address.
pub(crate) async fn one(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    screen(&state, &visit, Some(&name), &[]).await
}

/// Runs a step.
pub(crate) async fn run(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let steps = doctor::read(&state.app).await?;
    let step =
        steps.iter().find(|s| s.name == name).ok_or_else(|| Refusal::not_found("setup step", &name))?;
    let back = if form.is("alone") {
        visit.href(&format!("settings/basic-setup/{name}"))
    } else {
        visit.href("settings/basic-setup")
    };
    match change::told(doctor::run(&state.app, &visit.who.actor(), step.run).await)? {
        Ok(()) if step.run == Run::AskHub => Ok(shell::see_other(&format!("{back}?done=hub"))),
        Ok(()) => Ok(shell::see_other(&back)),
        Err(wrong) => screen(&state, &visit, form.is("alone").then_some(name.as_str()), &wrong).await,
    }
}

async fn screen(
    state: &WebState,
    visit: &Visit,
    only: Option<&str>,
    wrong: &[String],
) -> Result<Response, Problem> {
    let steps = doctor::read(&state.app).await?;
    let waits_for = setup::orders_wait_for(&state.app).await?;
    let open = steps.iter().filter(|s| matches!(s.standing, Standing::NeedsYou | Standing::Failed)).count();
    let shown: Vec<&Step> = steps.iter().filter(|s| only.is_none_or(|name| s.name == name)).collect();
    if shown.is_empty() {
        return Err(Refusal::not_found("setup step", only.unwrap_or_default()).into());
    }
    let works = shown.iter().any(|s| s.standing == Standing::Working);
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head data-again=[works.then_some(AGAIN_MS)] {
            h1 { (visit.t("setup-title")) }
            span.count {
                @if open == 0 { (visit.t("setup-ready")) } @else { (visit.say("setup-open", &[&open])) }
            }
            div.tools { @if only.is_some() { a href=(visit.href("settings/basic-setup")) { (visit.t("setup-all")) } } }
        }
        p.soft { (visit.t("setup-about")) }
        @if !waits_for.is_empty() { p.warning { (visit.say("setup-orders_wait", &[&waits_for.join(", ")])) } }
        ol.steps { @for step in shown { (item(visit, step, only.is_some())) } }
    };
    Ok(shell::page(visit, visit.t("setup-title"), &content))
}

fn standing(visit: &Visit, standing: Standing) -> Markup {
    let (kind, key) = match standing {
        Standing::Done => (Kind::Done, "setup-done"),
        Standing::Working => (Kind::InHand, "setup-working"),
        Standing::NeedsYou => (Kind::NeedsYou, "setup-needs_you"),
        Standing::Failed => (Kind::Failed, "setup-failed"),
        Standing::Optional => (Kind::Waiting, "setup-optional"),
    };
    badge::of_kind(kind, visit.t(key))
}

fn item(visit: &Visit, step: &Step, is_alone: bool) -> Markup {
    let parts: Vec<&dyn std::fmt::Display> = step.parts.iter().map(|p| p as &dyn std::fmt::Display).collect();
    html! {
        li id=(step.name) {
            span.n { (step.n) }
            div {
                h2 { a href=(visit.href(&format!("settings/basic-setup/{}", step.name))) { (visit.lang.t(&format!("step-{}", step.name))) } " " (standing(visit, step.standing)) }
                p.soft { (visit.lang.t(&format!("step-about_{}", step.name))) }
                p { (visit.say(step.said, &parts)) }
                @if let Some((done, total)) = step.progress {
                    progress max=(total.max(1)) value=(done) aria-label=(visit.t("setup-working")) {}
                    p.soft { (visit.say("setup-progress", &[&visit.number(done), &visit.number(total)])) }
                }
                @if let Some(problem) = &step.problem {
                    div.problem { p { strong { (visit.t("setup-went_wrong")) } } p { (problem) } p.soft { (visit.t("setup-what_to_do")) } }
                }
            }
            div.commands {
                @if step.run != Run::Nothing && step.standing != Standing::Working {
                    form method="post" action=(visit.href(&format!("settings/basic-setup/{}", step.name))) {
                        (visit.guard())
                        @if is_alone { input type="hidden" name="alone" value="1"; }
                        button.primary[step.standing == Standing::NeedsYou || step.standing == Standing::Failed]
                            aria-label={ (visit.t("setup-run")) ": " (visit.lang.t(&format!("step-{}", step.name))) } { (visit.t("setup-run")) }
                    }
                }
                @if !step.screen.is_empty() { a.button href=(visit.href(step.screen)) { (visit.t("setup-open_screen")) } }
            }
        }
    }
}
