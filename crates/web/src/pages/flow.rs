//! State transitions: the flow drawn, its table, and the form of one.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::rules::transitions;
use oms_core::commands::{COMMANDS, Entity};
use oms_core::transitions::Visibility;
use oms_core::{packages, transfers};
use oms_store::rules::transitions::Transition;
use serde_json::{Value, json};

use crate::api::rules::transitions as api;
use crate::pages::{change, commands};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::flowchart::{self, Arrow};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

fn entity(visit: &Visit) -> Entity {
    if visit.asked("of") == Some("transfer") { Entity::Transfer } else { Entity::Package }
}

fn word(visit: &Visit, entity: Entity, code: i64) -> String {
    match entity {
        Entity::Package => badge::package_word(visit, code),
        Entity::Transfer => badge::transfer_word(visit, code),
    }
}

fn look(visit: &Visit, entity: Entity, code: i64) -> Markup {
    match entity {
        Entity::Package => badge::package(visit, code),
        Entity::Transfer => badge::transfer(visit, code),
    }
}

/// States that nearly every other leads to: drawn on request.
const EVERYWHERE: [i64; 3] = [packages::BLOCKED, packages::CANCELLATION_WAITING, packages::CANCELLED];

/// The flow.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let entity = entity(&visit);
    let flow = transitions::flow(&state.app).await?;
    let runs = transitions::runs(&state.app).await?;
    let mine: Vec<&Transition> = flow.all().iter().filter(|t| t.definition.entity == entity).collect();
    let everything = visit.asked("all").is_some() || entity == Entity::Transfer;
    let arrows = arrows(&visit, &mine, &runs, everything);
    let title = visit.t("nav-flow");
    let kinds =
        [("package", "nav-packages", Entity::Package), ("transfer", "nav-transfers", Entity::Transfer)];
    let content = html! {
        (fields::said(&visit))
        div.head {
            h1 { (title) } span.count { (mine.len()) }
            div.tools { a.button href=(visit.href("settings/state-transitions/new")) { "+ " (visit.t("flow-new")) } }
        }
        p.soft { (visit.t("flow-about")) }
        nav.tabs aria-label=(title) {
            @for (name, key, of) in kinds {
                a href=(visit.here_with(&[("of", Some(name)), ("all", None)])) aria-current=[(of == entity).then_some("true")] { (visit.t(key)) }
            }
        }
        (flowchart::show(title, entity, |code| word(&visit, entity, code), &arrows))
        @if entity == Entity::Package {
            p {
                @if everything { a href=(visit.here_with(&[("all", None)])) { (visit.t("flow-draw_main")) } }
                @else { a href=(visit.here_with(&[("all", Some("1"))])) { (visit.t("flow-draw_all")) } }
            }
        }
        (table(&visit, &mine, &runs))
    };
    Ok(shell::page(&visit, title, &content))
}

/// One arrow a pair of states, with the numbers of all transitions between them.
fn arrows(visit: &Visit, mine: &[&Transition], runs: &HashMap<i64, i64>, everything: bool) -> Vec<Arrow> {
    let mut arrows: Vec<Arrow> = Vec::new();
    for (i, t) in mine.iter().enumerate() {
        let d = &t.definition;
        if !everything && (EVERYWHERE.contains(&d.to) || EVERYWHERE.contains(&d.from)) {
            continue;
        }
        let said = visit.say(
            "flow-arrow",
            &[&(i + 1), &commands::label(visit, t), &visit.number(runs.get(&t.id).copied().unwrap_or(0))],
        );
        match arrows.iter_mut().find(|a| (a.from, a.to) == (d.from, d.to)) {
            Some(arrow) => {
                arrow.label.push_str(&format!(" {}", i + 1));
                arrow.title.push_str(&format!("\n{said}"));
            }
            None => arrows.push(Arrow {
                label: (i + 1).to_string(),
                title: said,
                href: format!("#t{}", t.id),
                from: d.from,
                to: d.to,
            }),
        }
    }
    arrows
}

fn table(visit: &Visit, mine: &[&Transition], runs: &HashMap<i64, i64>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(visit.t("nav-flow")) {
            table.list {
                thead { tr {
                    th.number scope="col" { "№" } th scope="col" { (visit.t("flow-name")) } th scope="col" { (visit.t("log-from")) } th scope="col" { (visit.t("log-to")) }
                    th scope="col" { (visit.t("flow-command")) } th scope="col" { (visit.t("flow-visibility")) } th.number scope="col" { (visit.say("flow-runs", &[&visit.number(transitions::LATEST)])) }
                } }
                tbody {
                    @for (i, t) in mine.iter().enumerate() {
                        @let d = &t.definition;
                        tr id={ "t" (t.id) } {
                            td.number { (i + 1) }
                            td { a.row href=(visit.href(&format!("settings/state-transitions/{}", t.id))) { (commands::label(visit, t)) } }
                            td { (look(visit, d.entity, d.from)) }
                            td { (look(visit, d.entity, d.to)) }
                            td { code { (d.code) } }
                            td { (visit.t(visibility(d.visibility))) }
                            td.number { (visit.number(runs.get(&t.id).copied().unwrap_or(0))) }
                        }
                    }
                }
            }
        }
    }
}

fn visibility(v: Visibility) -> &'static str {
    match v {
        Visibility::All => "flow-seen_by_all",
        Visibility::Oms => "flow-seen_by_oms",
        Visibility::Instore => "flow-seen_by_stores",
        Visibility::Hidden => "flow-seen_by_none",
    }
}

/// What a form holds before it is sent.
#[derive(Default)]
struct Filled {
    name: String,
    slug: String,
    code: String,
    from: i64,
    to: i64,
    visibility: String,
    conf: String,
}

impl Filled {
    fn of(t: &Transition) -> Self {
        let d = &t.definition;
        Self {
            name: d.name.clone(),
            slug: d.slug.clone(),
            code: d.code.clone(),
            from: d.from,
            to: d.to,
            visibility: d.visibility.as_str().into(),
            conf: Value::Object(d.conf.clone()).to_string(),
        }
    }

    fn sent(form: &Form) -> Self {
        let code = |name: &str| form.get(name).parse().unwrap_or(0);
        let text = |name: &str| form.get(name).to_owned();
        Self {
            name: text("name"),
            slug: text("slug"),
            code: text("code"),
            from: code("from"),
            to: code("to"),
            visibility: text("visibility"),
            conf: text("conf"),
        }
    }
}

/// The form of a new transition.
pub(crate) async fn new(visit: Visit) -> Response {
    let filled =
        Filled { from: packages::WAITING, to: packages::PREPARING, conf: "{}".into(), ..Filled::default() };
    form(&visit, None, &filled, &[])
}

/// The form of one that is there.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let t = transitions::get(&state.app, id).await?;
    Ok(form(&visit, Some(id), &Filled::of(&t), &[]))
}

/// Makes one.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    sent: Form,
) -> Result<Response, Problem> {
    put(&state, &visit, None, &sent).await
}

/// Changes one, or takes it out of use.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    sent: Form,
) -> Result<Response, Problem> {
    if !sent.is("remove") {
        return put(&state, &visit, Some(id), &sent).await;
    }
    let ids = transitions::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = transitions::delete(&mut tx, &actor, ids.1, id).await;
    let done = change::end(tx, done).await?;
    after(&state, &visit, Some(id), &sent, done)
}

async fn put(state: &WebState, visit: &Visit, id: Option<i64>, sent: &Form) -> Result<Response, Problem> {
    let definition = match serde_json::from_str::<Value>(sent.some("conf").unwrap_or("{}")) {
        Ok(conf) => {
            let body = json!({"name": sent.get("name"), "slug": sent.get("slug"), "command_code": sent.get("code"),
                "source_state": sent.get("from"), "destination_state": sent.get("to"), "visibility": sent.get("visibility"), "conf": conf});
            change::told(api::read(&body).map_err(oms_app::Error::from))?
        }
        Err(error) => Err(vec![visit.say("flow-parameters_wrong", &[&error])]),
    };
    let definition = match definition {
        Ok(definition) => definition,
        Err(wrong) => return Ok(form(visit, id, &Filled::sent(sent), &wrong)),
    };
    let ids = transitions::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let done = match id {
        Some(id) => transitions::change(&mut tx, &actor, ids, id, definition).await,
        None => transitions::create(&mut tx, &actor, ids, definition).await,
    };
    let done = change::end(tx, done).await?.map(drop);
    after(state, visit, id, sent, done)
}

fn after(
    state: &WebState,
    visit: &Visit,
    id: Option<i64>,
    sent: &Form,
    done: Result<(), Vec<String>>,
) -> Result<Response, Problem> {
    transitions::forget(&state.app);
    match done {
        Ok(()) => Ok(shell::see_other(&visit.href("settings/state-transitions?done=saved"))),
        Err(wrong) => Ok(form(visit, id, &Filled::sent(sent), &wrong)),
    }
}

fn form(visit: &Visit, id: Option<i64>, f: &Filled, wrong: &[String]) -> Response {
    let title = if id.is_some() { f.name.as_str() } else { visit.t("flow-new") };
    let action = id.map_or(visit.href("settings/state-transitions/new"), |id| {
        visit.href(&format!("settings/state-transitions/{id}"))
    });
    let codes: Vec<(String, String)> = COMMANDS
        .iter()
        .map(|c| {
            (
                c.code.to_owned(),
                format!("{} · {}", c.code, visit.lang.find(&format!("command-{}", c.code)).unwrap_or(c.name)),
            )
        })
        .collect();
    let mut states: Vec<(String, String)> = packages::STATES
        .iter()
        .map(|s| (s.code.to_string(), format!("{} {}", s.code, badge::package_word(visit, s.code))))
        .collect();
    let transfers = transfers::STATES.iter().map(|s| {
        (s.code.to_string(), format!("{}: {}", visit.t("nav-transfers"), badge::transfer_word(visit, s.code)))
    });
    states.extend(transfers);
    let seen: Vec<(String, String)> =
        Visibility::ALL.iter().map(|v| (v.as_str().to_owned(), visit.t(visibility(*v)).to_owned())).collect();
    let content = html! {
        (fields::refused(visit, wrong))
        div.head { h1 { (title) } div.tools { a href=(visit.href("settings/state-transitions")) { (visit.t("app-back")) } } }
        form.card method="post" action=(action) {
            (visit.guard())
            (fields::text(visit, "name", "flow-name", &f.name, true))
            (fields::text(visit, "slug", "flow-slug", &f.slug, true))
            (fields::choice(visit, "code", "flow-command", &f.code, &codes))
            (fields::choice(visit, "from", "log-from", &f.from.to_string(), &states))
            (fields::choice(visit, "to", "log-to", &f.to.to_string(), &states))
            (fields::choice(visit, "visibility", "flow-visibility", &f.visibility, &seen))
            label for="conf" { (visit.t("flow-conf")) }
            textarea #conf name="conf" spellcheck="false" { (f.conf) }
            p.hint { (visit.t("flow-conf_hint")) }
            div.commands {
                button.primary { (visit.t("form-save")) }
                @if id.is_some() { button.grave name="remove" value="1" data-ask=(visit.say("form-remove_ask", &[&f.name])) { (visit.t("form-remove")) } }
            }
        }
    };
    shell::page(visit, title, &content)
}
