//! Connections: the hub and the stock engines, each with its health, and a question asked now.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::setup::{doctor, settings};
use oms_app::stock::engines::{self, EngineInput, Trial};
use oms_app::views;
use oms_core::engines::ENGINE_TYPES;
use oms_core::packages::Kind;
use oms_store::lists::Ask;
use oms_store::stock::engines::Engine;
use serde_json::Value;

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
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

async fn screen(state: &WebState, visit: &Visit, wrong: &[String]) -> Result<Response, Problem> {
    let hub = settings::list(&state.app, "OMNITRON_CLIENT_SETTINGS").await?.pop();
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
                        a.button href=(visit.href("settings/application-settings#OMNITRON_CLIENT_SETTINGS")) { (visit.t("nav-settings")) }
                    }
                }
                None => { p { (visit.t("step-no_hub")) } a.button href=(visit.href("settings/application-settings#OMNITRON_CLIENT_SETTINGS")) { (visit.t("nav-settings")) } }
            }
        }
        div.head { h2 { (visit.t("engine-engines")) } span.count { (all.len()) } div.tools { a.button href=(visit.href("connections/engines/new")) { "+ " (visit.t("engine-new")) } } }
        @if all.is_empty() { div.empty { p { (visit.t("engine-empty")) } } }
        div.cards { @for e in &all { (card(visit, e)) } }
    };
    Ok(shell::page(visit, visit.t("nav-connections"), &content))
}

fn health(visit: &Visit, e: &Engine) -> Markup {
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

/// The form of a new engine.
pub(crate) async fn new(visit: Visit) -> Response {
    form(
        &visit,
        None,
        &EngineInput {
            name: String::new(),
            stock_engine_type: "service".into(),
            config: example("service"),
            is_active: true,
        },
        None,
        &[],
    )
}

fn example(kind: &str) -> Value {
    let row = ENGINE_TYPES.iter().find(|t| t.name == kind);
    row.and_then(|t| serde_json::from_str(t.example).ok()).unwrap_or_default()
}

/// The form of one.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let e = engines::get(&state.app, id).await?;
    Ok(form(&visit, Some(&e), &input_of(&e), None, &[]))
}

fn input_of(e: &Engine) -> EngineInput {
    EngineInput {
        name: e.name.clone(),
        stock_engine_type: e.kind.as_str().into(),
        config: e.config.clone(),
        is_active: e.is_active,
    }
}

/// Makes one.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    sent: Form,
) -> Result<Response, Problem> {
    put(&state, &visit, None, &sent).await
}

/// Changes one, or asks it for SKUs.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    sent: Form,
) -> Result<Response, Problem> {
    let e = engines::get(&state.app, id).await?;
    if let Some(skus) = sent.some("skus") {
        let skus: Vec<String> =
            skus.split([',', ' ', '\n']).map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
        return match change::told(engines::test(&state.app, id, &skus).await)? {
            Ok(trial) => Ok(form(&visit, Some(&e), &input_of(&e), Some(&trial), &[])),
            Err(wrong) => Ok(form(&visit, Some(&e), &input_of(&e), None, &wrong)),
        };
    }
    put(&state, &visit, Some(&e), &sent).await
}

async fn put(state: &WebState, visit: &Visit, e: Option<&Engine>, sent: &Form) -> Result<Response, Problem> {
    let config = serde_json::from_str::<Value>(sent.some("config").unwrap_or("{}"));
    let input = EngineInput {
        name: sent.get("name").into(),
        stock_engine_type: sent.get("type").into(),
        config: config.as_ref().map_or_else(|_| Value::String(sent.get("config").into()), Clone::clone),
        is_active: sent.is("is_active"),
    };
    if let Err(error) = config {
        let wrong = visit.say("setting-not_json", &[&error.line(), &error.column()]);
        return Ok(form(visit, e, &input, None, &[wrong]));
    }
    let ids = engines::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let done = match e {
        Some(e) => engines::update(&mut tx, ids, &actor, e.id, &input).await,
        None => engines::create(&mut tx, ids, &actor, &input).await,
    };
    let done = change::end(tx, done).await?;
    engines::changed(&state.app).await;
    match done {
        Ok(made) => Ok(shell::see_other(&visit.href(&format!("connections/engines/{}?done=saved", made.id)))),
        Err(wrong) => Ok(form(visit, e, &input, None, &wrong)),
    }
}

fn form(
    visit: &Visit,
    e: Option<&Engine>,
    input: &EngineInput,
    trial: Option<&Trial>,
    wrong: &[String],
) -> Response {
    let title = e.map_or(visit.t("engine-new"), |e| e.name.as_str());
    let types: Vec<(String, String)> =
        ENGINE_TYPES.iter().map(|t| (t.name.to_owned(), t.name.to_owned())).collect();
    let config = match &input.config {
        Value::String(typed) => typed.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head { h1 { (title) } @if let Some(e) = e { (health(visit, e)) } div.tools { a href=(visit.href("connections")) { (visit.t("app-back")) } } }
        form.card method="post" {
            (visit.guard())
            (fields::text(visit, "name", "engine-name", &input.name, true))
            (fields::choice(visit, "type", "log-kind", &input.stock_engine_type, &types))
            @for t in ENGINE_TYPES { p.hint { code { (t.name) } ": " (visit.lang.find(&format!("engine-type_{}", t.name)).unwrap_or(t.about)) } }
            label for="config" { (visit.t("flow-conf")) }
            textarea #config name="config" rows="12" spellcheck="false" { (config) }
            (fields::tick(visit, "is_active", "flow-is_active", input.is_active))
            div.commands { button.primary { (visit.t("form-save")) } }
        }
        @if e.is_some() {
            form.card method="post" {
                (visit.guard())
                h2 { (visit.t("engine-try")) }
                p.soft { (visit.t("engine-try_about")) }
                (fields::text(visit, "skus", "engine-skus", "", true))
                button { (visit.t("engine-ask")) }
            }
        }
        @if let Some(trial) = trial { (answered(visit, trial)) }
    };
    shell::page(visit, title, &content)
}

fn answered(visit: &Visit, t: &Trial) -> Markup {
    html! {
        section.card role="status" {
            h2 { (visit.t("engine-answer")) }
            p { (visit.say("engine-took", &[&t.took_ms, &t.requests])) }
            @if let Some((code, text)) = &t.error { div.problem { p { (text) } p.soft { (visit.t("app-error_code")) " " code { (code) } } } }
            @else if t.readings.is_empty() { p { (visit.t("engine-no_units")) } }
            @else {
                table.list {
                    thead { tr { th scope="col" { (visit.t("package-sku")) } th scope="col" { (visit.t("package-location")) } th.number scope="col" { (visit.t("package-units")) } } }
                    tbody { @for (sku, code, n) in &t.readings { tr { td { (sku) } td { (code) } td.number { (visit.number(*n)) } } } }
                }
            }
        }
    }
}
