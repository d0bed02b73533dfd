//! Application settings: every key there is, what it is for, and its value.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use oms_app::setup::settings;
use oms_core::packages::Kind;
use oms_core::settings as table;
use serde_json::Value;

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::json_form::{self, Fault, Shown};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All settings.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, None).await
}

/// What was sent and not taken.
struct Sent {
    key: String,
    /// As far as it could be read.
    value: Option<Value>,
    /// As JSON, where it was sent so.
    text: Option<String>,
    fault: Fault,
}

/// Saves one: sent field by field, or as JSON.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let key = form.get("key").to_owned();
    let stored = settings::list(&state.app, &key).await?.into_iter().find(|s| s.key == key);
    let text = form.some("value").map(str::to_owned);
    let read = match &text {
        Some(text) => serde_json::from_str(text).map_err(|error| {
            let message = visit.say("setting-not_json", &[&error.line(), &error.column()]);
            Fault { field: "json_value".into(), message }
        }),
        None => json_form::read(&form, &example(&key), stored.as_ref().map(|s| &s.value)),
    };
    let value = match read {
        Ok(value) => value,
        Err(fault) => return screen(&state, &visit, Some(Sent { key, value: None, text, fault })).await,
    };
    let ids = settings::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = match stored {
        Some(stored) => settings::update(&mut tx, &ids, &actor, stored.id, &value).await,
        None => settings::create(&mut tx, &ids, &actor, &key, &value).await,
    };
    match change::end_at(tx, done).await? {
        Ok(_) => {
            Ok(shell::see_other(&visit.href(&format!("settings/application-settings?done=saved#{key}"))))
        }
        Err(fault) => screen(&state, &visit, Some(Sent { key, value: Some(value), text, fault })).await,
    }
}

/// The shape of a setting.
fn example(key: &str) -> Value {
    let row = table::SETTINGS.iter().find(|s| s.key == key);
    row.and_then(|s| serde_json::from_str(s.example).ok()).unwrap_or_default()
}

async fn screen(state: &WebState, visit: &Visit, sent: Option<Sent>) -> Result<Response, Problem> {
    let stored = settings::list(&state.app, "").await?;
    // What a field shows is not said above as well.
    let above: Vec<String> = sent
        .iter()
        .filter(|s| s.text.is_some() || !json_form::shows(&example(&s.key), s.value.as_ref(), &s.fault))
        .map(|s| s.fault.sentence())
        .collect();
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, &above))
        div.head { h1 { (visit.t("nav-settings")) } span.count { (stored.len()) " / " (table::SETTINGS.len()) } }
        p.soft { (visit.t("setting-about")) }
        @for setting in table::SETTINGS {
            @let value = stored.iter().find(|s| s.key == setting.key).map(|s| &s.value);
            (card(visit, setting, value, sent.as_ref().filter(|s| s.key == setting.key)))
        }
    };
    Ok(shell::page(visit, visit.t("nav-settings"), &content))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn card(visit: &Visit, setting: &table::Setting, value: Option<&Value>, sent: Option<&Sent>) -> Markup {
    let example = example(setting.key);
    let shown = sent.and_then(|s| s.value.as_ref()).or(value);
    let text = sent.and_then(|s| s.text.clone()).or_else(|| value.map(pretty)).unwrap_or_default();
    let id = format!("value-{}", setting.key);
    let about =
        visit.lang.find(&format!("setting-{}", setting.key.to_ascii_lowercase())).unwrap_or(setting.about);
    let fault = sent.filter(|s| s.text.is_none()).map(|s| &s.fault);
    let form = Shown { name: setting.key, fault, secrets: setting.secrets.keys, choices: &[] };
    html! {
        details.card id=(setting.key) open[sent.is_some()] {
            summary {
                code { (setting.key) } " "
                @if value.is_some() { (badge::of_kind(Kind::Done, visit.t("setting-saved"))) } @else { (badge::of_kind(Kind::Waiting, visit.t("setting-default"))) }
            }
            p { (about) }
            form method="post" {
                (visit.guard())
                input type="hidden" name="key" value=(setting.key);
                (form.fields(&example, shown))
                @if !setting.secrets.is_empty() { p.hint { (visit.say("setting-secret", &[&oms_core::secrets::MASK])) } }
                button.primary { (visit.t("form-save")) }
            }
            details.raw open[sent.is_some_and(|s| s.text.is_some())] {
                summary { (visit.t("setting-json")) }
                form method="post" {
                    (visit.guard())
                    input type="hidden" name="key" value=(setting.key);
                    label for=(id) { (visit.t("setting-value")) }
                    textarea id=(id) name="value" rows=(text.lines().count().clamp(4, 24)) spellcheck="false" required { (text) }
                    button { (visit.t("form-save")) }
                }
                p.hint { (visit.t("setting-example")) }
                pre tabindex="0" { code { (pretty(&example)) } }
            }
        }
    }
}
