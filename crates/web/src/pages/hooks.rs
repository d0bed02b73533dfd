//! Webhooks: who is told of which changes, and how each fares.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::Error;
use oms_app::hooks::{self, Counted, HookInput, deliveries};
use oms_core::hooks::{HookConfig, Retry, all_types};
use oms_core::packages::Kind;
use oms_core::permissions::Permission;
use oms_core::refusal::Refusal;
use oms_store::hooks::Hook;
use oms_store::hooks::deliveries::{Attempt, COUNTED};
use oms_store::ids::IdKind;
use serde_json::{Map, Value, json};

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::chart::{self, Series};
use crate::ui::list::words;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// The kinds of pauses, as they are written.
const RETRIES: &[&str] = &["exponential", "linear", "fixed", "random"];

/// How long a person waits for the answer to a trial; a slower one is seen by looking again.
const LONGEST_TRIAL: Duration = Duration::from_secs(3);
/// Tries that the screen of one shows.
const TRIED: i64 = 40;

/// All hooks, for the screen of connections.
pub(crate) async fn cards(state: &WebState, visit: &Visit) -> Result<Markup, Problem> {
    if !visit.may(Permission::HooksRead) {
        return Ok(html! {});
    }
    let all = hooks::counted(&state.app).await?;
    Ok(html! {
        div.head {
            h2 { (visit.t("hook-hooks")) } span.count { (all.len()) }
            @if visit.may(Permission::HooksWrite) { div.tools { a.button href=(visit.href("connections/hooks/new")) { "+ " (visit.t("hook-new")) } } }
        }
        @if all.is_empty() { div.empty { p { (visit.t("hook-empty")) } } }
        @else {
            table.list {
                thead { tr {
                    th scope="col" { (visit.t("engine-address")) } th scope="col" { (visit.t("hook-types")) }
                    th scope="col" { (visit.t("package-state")) }
                    th.number scope="col" { (visit.t("hook-waiting")) } th.number scope="col" { (visit.t("hook-given_up")) }
                } }
                tbody { @for c in &all { tr {
                    td { a.row href=(visit.href(&format!("connections/hooks/{}", c.hook.id))) { (c.hook.set.target_url) } }
                    td { (types(&HookInput::of(&c.hook).event_type)) }
                    td { (health(visit, &c.hook)) }
                    td.number { (counted(visit, c.waiting)) } td.number { (counted(visit, c.given_up)) }
                } } }
            }
        }
    })
}

/// A type, or the first and how many more.
fn types(kinds: &Value) -> Markup {
    let all: Vec<&str> = match kinds {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    html! {
        @if let Some(first) = all.first() { code { (first) } }
        @if all.len() > 1 { " " span.soft { "+" (all.len() - 1) } }
    }
}

fn counted(visit: &Visit, n: i64) -> String {
    if n == COUNTED { format!("{}+", visit.number(n)) } else { visit.number(n) }
}

/// How it answers.
fn health(visit: &Visit, hook: &Hook) -> Markup {
    let (kind, word) = match hook.standing() {
        "passive" => (Kind::Waiting, "hook-passive"),
        "paused" => (Kind::Failed, "engine-paused"),
        "failing" => (Kind::NeedsYou, "engine-failing"),
        "answering" => (Kind::Done, "engine-answering"),
        _ => (Kind::Waiting, "hook-not_told"),
    };
    badge::of_kind(kind, visit.t(word))
}

/// The form of a new one.
pub(crate) async fn new(visit: Visit) -> Response {
    let said = HookInput { event_type: json!("package.status.transitioned"), ..HookInput::default() };
    form(&visit, None, &said, &[])
}

/// One: how it fares, and its form.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    screen(&state, &visit, id, &[]).await
}

/// The screen of one as it is stored.
async fn screen(state: &WebState, visit: &Visit, id: i64, wrong: &[String]) -> Result<Response, Problem> {
    let c = hooks::get_counted(&state.app, id).await?;
    let tried = deliveries::last_attempts(&state.app, id, TRIED).await?;
    Ok(form(visit, Some((&c, &tried)), &HookInput::of(&c.hook), wrong))
}

/// Sends the newest record it would be told of, and shows what became of it.
pub(crate) async fn attempt(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let publication = match change::told(deliveries::trial(&state.app, id).await)? {
        Ok(publication) => publication,
        Err(wrong) => return screen(&state, &visit, id, &wrong).await,
    };
    let delivery = publication.id();
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = deliveries::publish(&mut tx, &actor, publication).await;
    match change::end(tx, done).await? {
        Ok(()) => {
            deliveries::wait_for_try(&state.app, delivery, LONGEST_TRIAL).await?;
            Ok(shell::see_other(&visit.href(&format!("hook-events/{delivery}?done=tried"))))
        }
        Err(wrong) => screen(&state, &visit, id, &wrong).await,
    }
}

/// Sends all that was given up again.
pub(crate) async fn again(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let audit = state.app.store.take_id(IdKind::Row).await.map_err(Error::from)?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = deliveries::resend_given_up(&mut tx, audit, &actor, id).await;
    match change::end(tx, done).await? {
        Ok(_) => Ok(shell::see_other(&visit.href(&format!("connections/hooks/{id}?done=again")))),
        Err(wrong) => screen(&state, &visit, id, &wrong).await,
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

/// Changes one.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    sent: Form,
) -> Result<Response, Problem> {
    let c = hooks::get_counted(&state.app, id).await?;
    put(&state, &visit, Some(&c), &sent).await
}

/// Removes one.
pub(crate) async fn remove(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let ids = hooks::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = hooks::remove(&mut tx, ids, &actor, id).await;
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&visit.href("connections?done=removed"))),
        Err(wrong) => screen(&state, &visit, id, &wrong).await,
    }
}

/// What a form says; what cannot be read stands in its place as the text that was typed.
fn sent_of(sent: &Form) -> (HookInput, Result<(), Refusal>) {
    let mut fault = Ok(());
    let mut object = |field: &'static str| {
        let text = sent.some(field).unwrap_or("{}");
        serde_json::from_str::<Map<String, Value>>(text).map(Value::Object).unwrap_or_else(|e| {
            fault = Err(Refusal::invalid(field, "invalid", format!("A JSON object is expected: {e}.")));
            Value::from(text)
        })
    };
    let (additional_headers, callback) = (object("additional_headers"), object("callback"));
    let number = |name: &str| sent.get(name).trim().parse::<u64>().map_or(json!(sent.get(name)), Value::from);
    let said = HookInput {
        event_type: sent.all("event_type").collect::<Vec<_>>().into(),
        target_url: sent.get("target_url").trim().into(),
        secret_key: sent.some("secret_key").map(str::to_owned),
        callback,
        additional_headers,
        config: json!({"timeout_ms": number("timeout_ms"), "concurrency": number("concurrency")}),
        retry_countdown_config: json!({
            "type": sent.get("retry"), "base": number("base"), "max": number("max"), "attempts": number("attempts"),
        }),
        is_active: sent.is("is_active"),
    };
    (said, fault)
}

async fn put(state: &WebState, visit: &Visit, c: Option<&Counted>, sent: &Form) -> Result<Response, Problem> {
    let (said, fault) = sent_of(sent);
    let tried = match c {
        Some(c) => deliveries::last_attempts(&state.app, c.hook.id, TRIED).await?,
        None => Vec::new(),
    };
    let shown = c.map(|c| (c, tried.as_slice()));
    if let Err(wrong) = change::told(fault.map_err(Into::into))? {
        return Ok(form(visit, shown, &said, &wrong));
    }
    let ids = hooks::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let wanted = said.clone();
    let done = match c {
        Some(c) => hooks::update(&mut tx, &state.app, ids, &actor, c.hook.id, |hook| *hook = wanted).await,
        None => hooks::create(&mut tx, &state.app, ids, &actor, wanted).await,
    };
    Ok(match change::end(tx, done).await? {
        Ok(made) => shell::see_other(&visit.href(&format!("connections/hooks/{}?done=saved", made.id))),
        Err(wrong) => form(visit, shown, &said, &wrong),
    })
}

/// The form, and of a stored one how it fares and its last tries.
fn form(
    visit: &Visit,
    stored: Option<(&Counted, &[Attempt])>,
    said: &HookInput,
    wrong: &[String],
) -> Response {
    let c = stored.map(|(c, _)| c);
    let title = c.map_or(visit.t("hook-new"), |c| c.hook.set.target_url.as_str());
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head {
            h1 { (title) }
            @if let Some(c) = c { (health(visit, &c.hook)) }
            div.tools { a href=(visit.href("connections")) { (visit.t("app-back")) } }
        }
        @if let Some((c, tried)) = stored { (fares(visit, c, tried)) }
        form.card method="post" {
            (visit.guard())
            (fields::text(visit, "target_url", "engine-address", &said.target_url, true))
            (fields::text(visit, "secret_key", "hook-secret", said.secret_key.as_deref().unwrap_or_default(), false))
            p.hint { (visit.say("setting-secret", &[&oms_core::secrets::MASK])) " " (visit.t("hook-secret_about")) }
            (kinds(visit, &said.event_type))
            (retry(visit, &said.retry_countdown_config))
            (config(visit, &said.config))
            (json_text(visit, "additional_headers", "hook-headers", &said.additional_headers))
            (json_text(visit, "callback", "hook-callback", &said.callback))
            (fields::tick(visit, "is_active", "flow-is_active", said.is_active))
            div.commands { button.primary { (visit.t("form-save")) } }
        }
        @if let Some(c) = c {
            form method="post" action=(visit.href(&format!("connections/hooks/{}/remove", c.hook.id)))
                data-ask=(visit.t("hook-remove_ask")) { (visit.guard()) button.danger { (visit.t("hook-remove")) } }
        }
    };
    shell::page(visit, title, &content)
}

/// How it fares, and where its deliveries are.
fn fares(visit: &Visit, c: &Counted, tried: &[Attempt]) -> Markup {
    let may = visit.may(Permission::HooksWrite) && c.hook.set.is_active;
    let action = |path: &str| visit.href(&format!("connections/hooks/{}/{path}", c.hook.id));
    let h = &c.hook.health;
    let at = |at: Option<i64>| html! { @match at { Some(at) => { (visit.when(at)) }, None => { "–" } } };
    let events = |state: &str, n: i64| {
        let href = visit.href(&format!("hook-events?hook={}&state={state}", c.hook.id));
        html! { a href=(href) { (counted(visit, n)) } }
    };
    html! {
        @if let Some(until) = h.paused_until_us.filter(|_| c.hook.set.is_active) {
            div.problem role="status" { p { (visit.say("hook-paused_about", &[&h.failures, &visit.exact(until)])) } }
        }
        section.card {
            (fields::facts(&[
                (visit.t("hook-waiting"), events("waiting", c.waiting)),
                (visit.t("hook-given_up"), events("given_up", c.given_up)),
                (visit.t("engine-last_answer"), at(h.last_ok_us)),
                (visit.t("engine-failures"), html! { (h.failures) }),
                (visit.t("engine-last_error"), html! { (fields::or_dash(h.last_error.as_ref())) " " @if let Some(at) = h.last_error_us { span.soft { (visit.when(at)) } } }),
            ]))
            @if !tried.is_empty() { (tries(visit, tried)) }
            div.commands {
                a.button href=(visit.href(&format!("hook-events?hook={}", c.hook.id))) { (visit.t("nav-hook_events")) }
                @if may {
                    form method="post" action=(action("try")) { (visit.guard()) button title=(visit.t("hook-try_about")) { (visit.t("hook-try_now")) } }
                    @if c.given_up > 0 {
                        form method="post" action=(action("again")) data-ask=(visit.t("hook-again_ask")) { (visit.guard()) button { (visit.t("hook-again_all")) } }
                    }
                }
            }
        }
    }
}

/// The last tries: how long each took, and which failed.
fn tries(visit: &Visit, tried: &[Attempt]) -> Markup {
    let took = |of: &dyn Fn(&Attempt) -> bool| {
        tried.iter().map(|a| if of(a) { a.took_ms.max(1) } else { 0 }).collect::<Vec<_>>()
    };
    let places: Vec<String> = tried.iter().map(|a| visit.clock(a.at_us)).collect();
    chart::bars(
        visit,
        visit.t("hook-last_tries"),
        &places,
        &[
            Series { name: visit.t("hook-state_delivered"), class: "one", values: took(&Attempt::is_taken) },
            Series { name: visit.t("hook-failed"), class: "three", values: took(&|a| !a.is_taken()) },
        ],
    )
}

/// The types, by kind of record.
fn kinds(visit: &Visit, chosen: &Value) -> Markup {
    let is_chosen = |kind: &str| match chosen {
        Value::Array(list) => list.iter().any(|k| k == kind),
        one => one == kind,
    };
    let all = all_types();
    html! {
        @for entity in oms_core::events::ENTITIES {
            @let of: Vec<&String> = all.iter().filter(|k| k.starts_with(&format!("{entity}."))).collect();
            fieldset {
                legend { (visit.lang.t(&format!("hook-of_{entity}"))) }
                @for kind in of {
                    label.tick { input type="checkbox" name="event_type" value=(kind) checked[is_chosen(kind)]; " " code { (kind) } }
                }
            }
        }
    }
}

/// A number as it is stored or as it was typed.
fn shown(value: &Value, key: &str, default: impl Into<Value>) -> String {
    match value.get(key).cloned().unwrap_or(default.into()) {
        Value::String(typed) => typed,
        other => other.to_string(),
    }
}

fn retry(visit: &Visit, said: &Value) -> Markup {
    let usual = Retry::default();
    let kind = said["type"].as_str().unwrap_or("exponential");
    html! {
        fieldset {
            legend { (visit.t("hook-retry")) }
            (fields::choice(visit, "retry", "hook-pauses", kind, &words(visit, "hook-retry_", RETRIES)))
            (fields::text(visit, "base", "hook-base", &shown(said, "base", usual.base), true))
            (fields::text(visit, "max", "hook-max", &shown(said, "max", usual.max), true))
            (fields::text(visit, "attempts", "hook-attempts", &shown(said, "attempts", usual.attempts), true))
        }
    }
}

fn config(visit: &Visit, said: &Value) -> Markup {
    let usual = HookConfig::default();
    html! {
        (fields::text(visit, "timeout_ms", "hook-timeout", &shown(said, "timeout_ms", usual.timeout_ms), true))
        (fields::text(visit, "concurrency", "hook-concurrency", &shown(said, "concurrency", usual.concurrency), true))
    }
}

fn json_text(visit: &Visit, name: &str, word: &str, value: &Value) -> Markup {
    let text = match value {
        Value::String(typed) => typed.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    html! {
        label for=(name) { (visit.t(word)) }
        textarea id=(name) name=(name) rows="4" spellcheck="false" { (text) }
    }
}
