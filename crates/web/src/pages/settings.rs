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
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All settings.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    screen(&state, &visit, None, &[]).await
}

/// Saves one.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let (key, text) = (form.get("key"), form.get("value"));
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let wrong = visit.say("setting-not_json", &[&error.line(), &error.column()]);
            return screen(&state, &visit, Some((key, text)), &[wrong]).await;
        }
    };
    let stored = settings::list(&state.app, key).await?.into_iter().find(|s| s.key == key);
    let ids = settings::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = match stored {
        Some(stored) => settings::update(&mut tx, &ids, &actor, stored.id, &value).await,
        None => settings::create(&mut tx, &ids, &actor, key, &value).await,
    };
    match change::end(tx, done).await? {
        Ok(_) => {
            Ok(shell::see_other(&visit.href(&format!("settings/application-settings?done=saved#{key}"))))
        }
        Err(wrong) => screen(&state, &visit, Some((key, text)), &wrong).await,
    }
}

async fn screen(
    state: &WebState,
    visit: &Visit,
    sent: Option<(&str, &str)>,
    wrong: &[String],
) -> Result<Response, Problem> {
    let stored = settings::list(&state.app, "").await?;
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head { h1 { (visit.t("nav-settings")) } span.count { (stored.len()) " / " (table::SETTINGS.len()) } }
        p.soft { (visit.t("setting-about")) }
        @for setting in table::SETTINGS {
            @let value = stored.iter().find(|s| s.key == setting.key).map(|s| &s.value);
            @let typed = sent.filter(|(key, _)| *key == setting.key).map(|(_, text)| text);
            (card(visit, setting, value, typed))
        }
    };
    Ok(shell::page(visit, visit.t("nav-settings"), &content))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn card(visit: &Visit, setting: &table::Setting, value: Option<&Value>, typed: Option<&str>) -> Markup {
    let example: Value = serde_json::from_str(setting.example).unwrap_or_default();
    let text = typed.map(str::to_owned).or_else(|| value.map(pretty)).unwrap_or_default();
    let id = format!("value-{}", setting.key);
    let about =
        visit.lang.find(&format!("setting-{}", setting.key.to_ascii_lowercase())).unwrap_or(setting.about);
    html! {
        details.card id=(setting.key) open[typed.is_some()] {
            summary {
                code { (setting.key) } " "
                @if value.is_some() { (badge::of_kind(Kind::Done, visit.t("setting-saved"))) } @else { (badge::of_kind(Kind::Waiting, visit.t("setting-default"))) }
            }
            p { (about) }
            form method="post" {
                (visit.guard())
                input type="hidden" name="key" value=(setting.key);
                label for=(id) { (visit.t("setting-value")) }
                textarea id=(id) name="value" rows=(text.lines().count().clamp(4, 24)) spellcheck="false" required { (text) }
                @if !setting.secrets.is_empty() { p.hint { (visit.say("setting-secret", &[&oms_core::secrets::MASK])) } }
                button.primary { (visit.t("form-save")) }
            }
            details.raw { summary { (visit.t("setting-example")) } pre { code { (pretty(&example)) } } }
        }
    }
}
