//! Connections: the hub, the sales channels, the webhooks and the stock engines, each with its health.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use oms_app::setup::{doctor, settings};
use oms_app::views;
use oms_core::packages::Kind;
use oms_core::permissions::Permission;
use oms_store::lists::Ask;
use oms_store::setup::settings::Setting;
use oms_store::stock::engines::Engine;

use crate::pages::{cargo_companies, channels, hooks};
use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All connections.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, &[]).await
}

/// Asks the hub whether it lets us in.
pub(crate) async fn ask_hub(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    match doctor::ask_hub(&state.app).await {
        Ok(()) => Ok(shell::see_other(&visit.href("connections?done=hub"))),
        Err(error @ (oms_app::Error::Refused(_) | oms_app::Error::Hub(_))) => {
            screen(&state, &visit, &[error.to_string()]).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The hub's settings, where there is a hub.
pub(crate) async fn hub(state: &WebState) -> Result<Option<Setting>, Problem> {
    Ok(settings::list(&state.app, "OMNITRON_CLIENT_SETTINGS").await?.pop())
}

async fn screen(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let hub = hub(state).await?;
    let ask = Ask { conditions: Vec::new(), page: 1, limit: 100, ..Ask::default() };
    let all = views::engines(&state.app, &ask).await?.rows;
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head { h1 { (visit.t("nav-connections")) } }
        section.card {
            h2 { (visit.t("engine-hub")) }
            @match &hub {
                Some(hub) => {
                    (fields::facts(&[
                        (visit.t("engine-address"), html! { code { (hub.value["urls"]["base_url"].as_str().unwrap_or("–")) } }),
                        (visit.t("user-name"), html! { (hub.value["auth"]["username"].as_str().unwrap_or("–")) }),
                    ]))
                    div.commands {
                        form method="post" action=(visit.href("connections/hub")) { (visit.guard()) button { (visit.t("engine-ask")) } }
                        @if visit.may(Permission::SetupRun) { a.button href=(visit.href("connections/hub-webhooks")) { (visit.t("hub-webhooks")) } }
                        a.button href=(visit.href("settings/application-settings#OMNITRON_CLIENT_SETTINGS")) { (visit.t("nav-settings")) }
                    }
                }
                None => { p { (visit.t("step-no_hub")) } a.button href=(visit.href("settings/application-settings#OMNITRON_CLIENT_SETTINGS")) { (visit.t("nav-settings")) } }
            }
        }
        (channels::cards(state, visit).await?)
        (cargo_companies::cards(state, visit).await?)
        (hooks::cards(state, visit).await?)
        div.head { h2 { (visit.t("engine-engines")) } span.count { (all.len()) } div.tools { a.button href=(visit.href("connections/engines/new")) { "+ " (visit.t("engine-new")) } } }
        @if all.is_empty() { div.empty { p { (visit.t("engine-empty")) } } }
        div.cards { @for e in &all { (card(visit, e)) } }
    };
    Ok(shell::page(visit, visit.t("nav-connections"), &content))
}

/// How it answers.
pub(crate) fn health(visit: &Visit, e: &Engine) -> Markup {
    match (e.is_active, e.open_until_us, e.failures, e.last_ok_us) {
        (false, ..) => badge::of_kind(Kind::Waiting, visit.t("user-shut_out")),
        (_, Some(_), _, _) => badge::of_kind(Kind::Failed, visit.t("engine-paused")),
        (_, None, 1.., _) => badge::of_kind(Kind::NeedsYou, visit.t("engine-failing")),
        (_, None, _, Some(_)) => badge::of_kind(Kind::Done, visit.t("engine-answering")),
        (_, None, _, None) => badge::of_kind(Kind::Waiting, visit.t("engine-not_asked")),
    }
}

fn card(visit: &Visit, e: &Engine) -> Markup {
    let at = |at: Option<i64>| html! { @match at { Some(at) => { (visit.when(at)) }, None => { "–" } } };
    html! {
        section.card {
            h2 { a href=(visit.href(&format!("connections/engines/{}", e.id))) { (e.name) } }
            p { (health(visit, e)) " " span.soft { (e.kind.as_str()) } }
            (fields::facts(&[
                (visit.t("engine-last_answer"), at(e.last_ok_us)),
                (visit.t("engine-failures"), html! { (e.failures) }),
                (visit.t("engine-last_error"), html! { (fields::or_dash(e.last_error.as_ref())) " " @if let Some(at) = e.last_error_us { span.soft { (visit.when(at)) } } }),
            ]))
        }
    }
}
