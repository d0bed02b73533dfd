//! Parts of forms and details that screens share.

use std::fmt::Display;

use maud::{Markup, html};

use crate::ui::visit::Visit;

/// Name and value, one a line.
pub(crate) fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } } }
}

/// A text, or a dash where there is none.
pub(crate) fn or_dash(text: Option<impl Display>) -> Markup {
    html! { @match text { Some(text) => { (text) }, None => { span.soft { "–" } } } }
}

/// What just happened, told at the top of the screen that follows; and what went wrong in it.
pub(crate) fn said(visit: &Visit) -> Markup {
    html! {
        @if let Some(done) = visit.asked("done") { p.said role="status" { (visit.lang.find(&format!("form-done_{done}")).unwrap_or(visit.t("form-done"))) } }
    }
}

/// The problem of a form that was not taken, above it.
pub(crate) fn refused(visit: &Visit, sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            div.problem role="alert" {
                p { strong { (visit.t("form-refused")) } }
                @for sentence in sentences { p { (sentence) } }
            }
        }
    }
}

/// A labelled text field.
pub(crate) fn text(visit: &Visit, name: &str, word: &str, value: &str, is_required: bool) -> Markup {
    html! {
        label for=(name) { (visit.t(word)) }
        input id=(name) name=(name) value=(value) required[is_required] maxlength="400";
    }
}

/// A labelled choice.
pub(crate) fn choice(
    visit: &Visit,
    name: &str,
    word: &str,
    value: &str,
    choices: &[(String, String)],
) -> Markup {
    html! {
        label for=(name) { (visit.t(word)) }
        select id=(name) name=(name) {
            @for (v, said) in choices { option value=(v) selected[v == value] { (said) } }
        }
    }
}

/// A box to tick.
pub(crate) fn tick(visit: &Visit, name: &str, word: &str, is_on: bool) -> Markup {
    html! { label.tick { input type="checkbox" name=(name) value="true" checked[is_on]; " " (visit.t(word)) } }
}

/// JSON for engineers, folded.
pub(crate) fn raw(visit: &Visit, value: &serde_json::Value) -> Markup {
    raw_as(visit.t("app-raw"), value)
}

/// The same under a word of its own.
pub(crate) fn raw_as(word: &str, value: &serde_json::Value) -> Markup {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    html! { details.raw { summary { (word) } pre tabindex="0" { code { (text) } } } }
}
