//! What a person prefers, and the views of lists that they keep.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::html;
use oms_app::Error;
use oms_app::access::sessions::{self, Preferences};
use oms_app::upkeep::saved_views;

use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::words::Lang;
use crate::ui::{fields, shell};

/// An address of the back office, for going back after a form.
pub(crate) fn back(visit: &Visit, form: &Form) -> String {
    let to = form.get("back");
    let ours = to.starts_with('/') && !to.starts_with("//") && !to.contains(['\\', '\r', '\n']);
    if ours { to.to_owned() } else { visit.href("") }
}

/// The form of preferences.
pub(crate) async fn show(visit: Visit) -> Response {
    form(&visit, &[])
}

fn form(visit: &Visit, wrong: &[String]) -> Response {
    let languages: Vec<(String, String)> =
        Lang::ALL.iter().map(|l| (l.code().into(), l.name().into())).collect();
    let themes = [("", "app-theme_system"), ("light", "app-theme_light"), ("dark", "app-theme_dark")]
        .map(|(value, key)| (value.to_owned(), visit.t(key).to_owned()));
    let content = html! {
        h1 { (visit.t("app-preferences")) }
        (fields::refused(visit, wrong))
        form.card method="post" action=(visit.href("preferences")) data-whole {
            (visit.guard())
            input type="hidden" name="back" value=(visit.href("me"));
            (fields::choice(visit, "language", "app-language", visit.lang.code(), &languages))
            (fields::choice(visit, "theme", "app-theme", visit.theme.as_deref().unwrap_or(""), &themes))
            (fields::text(visit, "time_zone", "app-time_zone", visit.zone.iana_name().unwrap_or("UTC"), true))
            p.soft { (visit.t("app-time_zone_hint")) }
            button.primary { (visit.t("form-save")) }
        }
        form.card method="post" action="/logout" data-whole {
            (visit.guard())
            p { (visit.t("app-everywhere_hint")) }
            button name="everywhere" value="1" { (visit.t("app-sign_out_everywhere")) }
        }
    };
    shell::page(visit, visit.t("app-preferences"), &content)
}

/// Keeps preferences; what a form does not name stays.
pub(crate) async fn prefer(
    State(state): State<WebState>,
    visit: Visit,
    form_sent: Form,
) -> Result<Response, Problem> {
    let given = |name: &str, now: Option<String>| match form_sent.0.iter().find(|(k, _)| k == name) {
        Some((_, v)) => Some(v.trim().to_owned()).filter(|v| !v.is_empty()),
        None => now,
    };
    let language = given("language", Some(visit.lang.code().into())).filter(|l| Lang::parse(l).is_some());
    let preferences = Preferences {
        theme: given("theme", visit.theme.clone()).filter(|t| t == "light" || t == "dark"),
        time_zone: given("time_zone", visit.zone.iana_name().map(str::to_owned)),
        language: language.clone(),
    };
    match sessions::prefer(&state.app, visit.who.user_id, &preferences).await {
        Ok(()) => {}
        Err(Error::Refused(refusal)) => return Ok(form(&visit, &[refusal.message])),
        Err(other) => return Err(other.into()),
    }
    let mut to = back(&visit, &form_sent);
    if let (Some(code), Some(rest)) = (language, to.get(3..)) {
        to = format!("/{code}{rest}");
    }
    Ok(shell::see_other(&to))
}

/// Keeps the filters of a list under a name.
pub(crate) async fn keep_view(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let (list, query) = (form.get("list"), form.get("query"));
    saved_views::keep(&state.app, list, visit.who.user_id, form.get("name"), query).await?;
    Ok(shell::see_other(&visit.href(&format!("{list}?{query}"))))
}

/// Throws a view away.
pub(crate) async fn forget_view(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    saved_views::forget(&state.app, visit.who.user_id, id).await?;
    Ok(shell::see_other(&back(&visit, &form)))
}
