//! A stock engine: its form, in the shape of its type, and a question asked now.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::stock::engines::{self, EngineInput, Trial};
use oms_core::engines::{CHOICES, ENGINE_TYPES, EngineType};
use oms_store::stock::engines::Engine;
use serde_json::{Map, Value};

use crate::pages::{change, connections};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::json_form::{self, Fault, Shown};
use crate::ui::visit::Visit;
use crate::ui::{fields, shell};

/// What the form shows.
struct Screen<'s> {
    /// None: a new one.
    stored: Option<&'s Engine>,
    input: EngineInput,
    fault: Option<Fault>,
    trial: Option<Trial>,
}

/// The form of a new engine.
pub(crate) async fn new(visit: Visit) -> Response {
    let input = EngineInput {
        name: String::new(),
        stock_engine_type: asked_type(&visit).unwrap_or(ENGINE_TYPES[0].name).into(),
        config: Value::Object(Map::new()),
        is_active: true,
    };
    Screen { stored: None, input, fault: None, trial: None }.show(&visit)
}

/// The form of one.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let e = engines::get(&state.app, id).await?;
    let mut screen = Screen::of(&e);
    if let Some(kind) = asked_type(&visit) {
        screen.input.stock_engine_type = kind.into();
    }
    Ok(screen.show(&visit))
}

/// The type that was chosen for the form, if there is such a type.
fn asked_type(visit: &Visit) -> Option<&'static str> {
    let asked = visit.query.iter().find(|(name, _)| name == "type")?;
    ENGINE_TYPES.iter().find(|t| t.name == asked.1).map(|t| t.name)
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
    let Some(skus) = sent.some("skus") else { return put(&state, &visit, Some(&e), &sent).await };
    let skus: Vec<String> =
        skus.split([',', ' ', '\n']).map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
    let mut screen = Screen::of(&e);
    match change::told_at(engines::test(&state.app, id, &skus).await)? {
        Ok(trial) => screen.trial = Some(trial),
        Err(fault) => screen.fault = Some(fault),
    }
    Ok(screen.show(&visit))
}

async fn put(state: &WebState, visit: &Visit, e: Option<&Engine>, sent: &Form) -> Result<Response, Problem> {
    let kind = sent.get("type");
    let config = match sent.some("config") {
        Some(text) => serde_json::from_str(text).map_err(|error| {
            let message = visit.say("setting-not_json", &[&error.line(), &error.column()]);
            (Value::String(text.into()), Fault { field: "non_field_errors".into(), message })
        }),
        None => {
            let stored = e.map(|e| &e.config);
            json_form::read(sent, &shape(kind), stored)
                .map_err(|fault| (stored.cloned().unwrap_or_default(), fault))
        }
    };
    let (config, fault) = match config {
        Ok(config) => (config, None),
        Err((typed, fault)) => (typed, Some(fault)),
    };
    let input = EngineInput {
        name: sent.get("name").into(),
        stock_engine_type: kind.into(),
        config,
        is_active: sent.is("is_active"),
    };
    if fault.is_some() {
        return Ok(Screen { stored: e, input, fault, trial: None }.show(visit));
    }
    let ids = engines::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let done = match e {
        Some(e) => engines::update(&mut tx, ids, &actor, e.id, &input).await,
        None => engines::create(&mut tx, ids, &actor, &input).await,
    };
    let done = change::end_at(tx, done).await?;
    engines::changed(&state.app).await;
    Ok(match done {
        Ok(made) => shell::see_other(&visit.href(&format!("connections/engines/{}?done=saved", made.id))),
        Err(fault) => Screen { stored: e, input, fault: Some(fault), trial: None }.show(visit),
    })
}

/// What the form of a type asks for.
fn shape(kind: &str) -> Value {
    let row = ENGINE_TYPES.iter().find(|t| t.name == kind);
    row.and_then(|t| serde_json::from_str(t.form).ok()).unwrap_or_else(|| Value::Object(Map::new()))
}

impl<'s> Screen<'s> {
    fn of(e: &'s Engine) -> Self {
        let input = EngineInput {
            name: e.name.clone(),
            stock_engine_type: e.kind.as_str().into(),
            config: e.config.clone(),
            is_active: e.is_active,
        };
        Self { stored: Some(e), input, fault: None, trial: None }
    }

    fn show(&self, visit: &Visit) -> Response {
        let title = self.stored.map_or(visit.t("engine-new"), |e| e.name.as_str());
        let shape = shape(&self.input.stock_engine_type);
        // Where broken JSON was typed below, the form stays as it was.
        let config = Some(&self.input.config).filter(|c| c.is_object()).or(self.stored.map(|e| &e.config));
        let above = self.fault.iter().filter(|fault| !json_form::shows(&shape, config, fault));
        let form =
            Shown { name: "config", fault: self.fault.as_ref(), secrets: &["password"], choices: CHOICES };
        let content = html! {
            (fields::said(visit))
            (fields::refused(visit, &above.map(Fault::sentence).collect::<Vec<_>>()))
            div.head {
                h1 { (title) }
                @if let Some(e) = self.stored { (connections::health(visit, e)) }
                div.tools { a href=(visit.href("connections")) { (visit.t("app-back")) } }
            }
            nav.tabs aria-label=(visit.t("log-kind")) {
                @for t in ENGINE_TYPES {
                    a.button href=(visit.here_with(&[("type", Some(t.name)), ("done", None)]))
                        aria-current=[(t.name == self.input.stock_engine_type).then_some("true")] { (t.name) }
                }
            }
            @for t in ENGINE_TYPES.iter().filter(|t| t.name == self.input.stock_engine_type) { p.soft { (about(visit, t)) } }
            form.card method="post" {
                (visit.guard())
                input type="hidden" name="type" value=(self.input.stock_engine_type);
                (fields::text(visit, "name", "engine-name", &self.input.name, true))
                (form.fields(&shape, config))
                p.hint { (visit.say("setting-secret", &[&oms_core::secrets::MASK])) }
                (fields::tick(visit, "is_active", "flow-is_active", self.input.is_active))
                div.commands { button.primary { (visit.t("form-save")) } }
            }
            @if self.stored.is_some() {
                (self.trial(visit))
                (self.raw(visit))
            }
        };
        shell::page(visit, title, &content)
    }

    fn trial(&self, visit: &Visit) -> Markup {
        html! {
            form.card method="post" {
                (visit.guard())
                h2 { (visit.t("engine-try")) }
                p.soft { (visit.t("engine-try_about")) }
                (fields::text(visit, "skus", "engine-skus", "", true))
                button { (visit.t("engine-ask")) }
            }
            @if let Some(trial) = &self.trial { (answered(visit, trial)) }
        }
    }

    /// All of it as JSON, for what the form does not ask for.
    fn raw(&self, visit: &Visit) -> Markup {
        let (text, is_typed) = match &self.input.config {
            Value::String(typed) => (typed.clone(), true),
            other => (serde_json::to_string_pretty(other).unwrap_or_default(), false),
        };
        html! {
            details.card.raw open[is_typed] {
                summary { (visit.t("setting-json")) }
                form method="post" {
                    (visit.guard())
                    input type="hidden" name="type" value=(self.input.stock_engine_type);
                    input type="hidden" name="name" value=(self.input.name);
                    @if self.input.is_active { input type="hidden" name="is_active" value="true"; }
                    label for="config" { (visit.t("flow-conf")) }
                    textarea #config name="config" rows="12" spellcheck="false" required { (text) }
                    button { (visit.t("form-save")) }
                }
            }
        }
    }
}

fn about<'v>(visit: &'v Visit, t: &'v EngineType) -> &'v str {
    visit.lang.find(&format!("engine-type_{}", t.name)).unwrap_or(t.about)
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
