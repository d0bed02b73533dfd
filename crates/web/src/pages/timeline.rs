//! One timeline of everything that happened to a record and to what belongs to it.

use maud::{Markup, html};
use oms_app::upkeep::history::Entry;
use serde_json::Value;

use crate::ui::badge;
use crate::ui::visit::Visit;

/// The timeline, the newest first.
pub(crate) fn show(visit: &Visit, entries: &[Entry]) -> Markup {
    html! {
        section {
            h2 { (visit.t("app-happened")) }
            ol.timeline {
                @for entry in entries.iter().rev() {
                    li {
                        div {
                            @match (entry.old_state, entry.new_state) {
                                (_, None) => { strong { (what(visit, entry)) } },
                                (old, Some(new)) => {
                                    @if let Some(old) = old.filter(|old| *old != new) { (state(visit, &entry.entity, old)) " → " }
                                    (state(visit, &entry.entity, new))
                                }
                            }
                            @if entry.new_state.is_some() { " " span.soft { (what(visit, entry)) } }
                        }
                        div.soft { (visit.when(entry.at_us)) " · " (actor(visit, &entry.actor)) (cause(visit, entry)) }
                        @if entry.delta.as_object().is_some_and(|o| !o.is_empty()) {
                            details.raw { summary { code { (entry.kind) } " " (entry.seq) } pre tabindex="0" { code { (entry.delta) } } }
                        }
                    }
                }
            }
        }
    }
}

fn state(visit: &Visit, entity: &str, code: i64) -> Markup {
    if entity == "transfer" { badge::transfer(visit, code) } else { badge::package(visit, code) }
}

/// The command's name if there was one, else the event's.
fn what(visit: &Visit, entry: &Entry) -> String {
    let slug = entry.attributes["command.slug"].as_str();
    let named = slug.and_then(|slug| visit.lang.find(&format!("command-{slug}")));
    let word = entry.kind.split_once('.').map_or(entry.kind.as_str(), |(_, w)| w).replace(['_', '.'], " ");
    named.map(str::to_owned).or_else(|| slug.map(str::to_owned)).unwrap_or(word)
}

/// Who did it.
pub(crate) fn actor(visit: &Visit, actor: &str) -> String {
    match actor.strip_prefix("system:") {
        Some(part) => visit.say("app-by_system", &[&part]),
        None => actor.to_owned(),
    }
}

fn cause(visit: &Visit, entry: &Entry) -> Markup {
    let text = |key: &str| entry.attributes[key].as_str().map(str::to_owned);
    let reason = text("reason").or_else(|| text("denial_reason")).or_else(|| text("command.reason"));
    let replaced: Vec<String> = entry.delta["replaced_by"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .map(|id| id.to_string())
        .collect();
    html! {
        @if let Some(reason) = reason { " · " (reason) }
        @for id in &replaced { " · " a href=(visit.href(&format!("packages/{id}"))) { (visit.t("package-replaced")) } }
    }
}
