//! Commands on screens: buttons with the form of what each takes, one run, and many run at once.

use maud::{Markup, html};
use oms_app::packages::commands::Request;
use oms_app::rules::transitions;
use oms_app::upkeep::idempotency::{self, Answer, Key};
use oms_core::commands::input::Body;
use oms_core::commands::{self, Act, Entity, InputKind};
use oms_core::transitions::Visibility;
use oms_store::rules::transitions::Transition;
use serde_json::{Map, Value, json};

use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::shell::sentences;
use crate::ui::visit::Visit;

/// What a form offers: an item with its label and its units.
pub(crate) struct Choice {
    pub id: i64,
    pub label: String,
    pub units: i64,
}

/// What the forms of a record's commands offer.
#[derive(Default)]
pub(crate) struct Offers {
    pub items: Vec<Choice>,
    /// Id and title of the denial reasons.
    pub reasons: Vec<(i64, String)>,
    /// Codes and names of locations that can pack.
    pub locations: Vec<(String, String)>,
}

/// Whether a command undoes work: it stands apart from the others.
pub(crate) fn is_grave(code: &str) -> bool {
    let act = commands::command(code).map(|c| c.act);
    matches!(
        act,
        Some(
            Act::Refuse
                | Act::NotFound
                | Act::NotFoundAdvanced
                | Act::PackForRefund
                | Act::AcceptCancellation
                | Act::TransferNotFound
                | Act::TransferOutOfStock
                | Act::PlanByHand
        )
    )
}

/// The label of a transition's button: the seeded ones in the reader's language, others as the brand wrote them.
pub(crate) fn label(visit: &Visit, t: &Transition) -> String {
    let seeded = oms_core::transitions::default_flow()
        .into_iter()
        .any(|(id, d)| id == t.id && d.name == t.definition.name);
    let key = format!("command-{}", t.definition.code);
    visit.lang.find(&key).filter(|_| seeded).map_or_else(|| t.definition.name.clone(), str::to_owned)
}

/// The buttons of what can be run on a record now: the likeliest first, those that undo work apart.
pub(crate) fn buttons(
    visit: &Visit,
    action: &str,
    version: i64,
    now: &[&Transition],
    offers: &Offers,
) -> Markup {
    let shown: Vec<&&Transition> = now.iter().filter(|t| transitions::is_shown(t, Visibility::Oms)).collect();
    let (grave, plain): (Vec<&&&Transition>, Vec<_>) =
        shown.iter().partition(|t| is_grave(&t.definition.code));
    html! {
        @if shown.is_empty() { p.soft { (visit.t("package-no_commands")) } }
        div.commands {
            @for (i, t) in plain.iter().enumerate() { (button(visit, action, version, t, offers, i == 0)) }
        }
        @if !grave.is_empty() {
            div.commands.grave { @for t in &grave { (button(visit, action, version, t, offers, false)) } }
        }
    }
}

fn button(
    visit: &Visit,
    action: &str,
    version: i64,
    t: &Transition,
    offers: &Offers,
    is_first: bool,
) -> Markup {
    let command = commands::command(&t.definition.code);
    let inputs = command.map(|c| c.inputs).unwrap_or_default();
    let name = label(visit, t);
    // A key a rendering: sent twice it happens once.
    let key = hex::encode(oms_app::random_bytes::<12>());
    let hidden = html! {
        (visit.guard())
        input type="hidden" name="transition" value=(t.id);
        input type="hidden" name="expected_version" value=(version);
        input type="hidden" name="key" value=(key);
    };
    html! {
        @if inputs.is_empty() {
            form method="post" action=(action) { (hidden) button.primary[is_first] data-command=(name) { (name) } }
        } @else {
            details.menu.command {
                summary.button.primary[is_first] data-command=(name) { (name) " …" }
                form method="post" action=(action) {
                    (hidden)
                    @for input in inputs { (field(visit, t.id, input, offers)) }
                    button.primary { (name) }
                }
            }
        }
    }
}

fn field(visit: &Visit, transition: i64, input: &commands::Input, offers: &Offers) -> Markup {
    let id = format!("{}-{transition}", input.key);
    let word = visit
        .lang
        .find(&format!("code-{}", input.key))
        .map_or_else(|| input.key.replace('_', " "), str::to_owned);
    let hint = html! { @if visit.lang.code() == "en" { p.soft { (input.about) } } };
    html! {
        @match input.kind {
            InputKind::DenialReason => {
                label for=(id) { (word) }
                select id=(id) name=(input.key) required[input.is_required] {
                    option value="" { "–" }
                    @for (reason, title) in &offers.reasons { option value=(reason) { (title) } }
                }
            }
            InputKind::PackageItems | InputKind::TransferItems => {
                fieldset {
                    legend { (word) }
                    @for item in &offers.items {
                        div.units {
                            label { input type="checkbox" name=(input.key) value=(item.id); " " (item.label) }
                            @if item.units > 1 && input.kind == InputKind::PackageItems {
                                input type="number" name={ "units-" (item.id) } min="1" max=(item.units) value=(item.units)
                                    aria-label=(visit.say("package-units_of", &[&item.label]));
                            }
                        }
                    }
                }
            }
            InputKind::Assignments => {
                fieldset {
                    legend { (word) }
                    @for item in &offers.items {
                        label { (item.label) }
                        select name={ "place-" (item.id) } aria-label=(item.label) {
                            option value="" { "–" }
                            @for (code, name) in &offers.locations { option value=(code) { (name) " " (code) } }
                        }
                    }
                    input type="hidden" name=(input.key) value="by-item";
                }
            }
            InputKind::Day => { label for=(id) { (word) } input id=(id) type="date" name=(input.key) required[input.is_required]; }
            InputKind::Text(most) => { label for=(id) { (word) } input id=(id) name=(input.key) maxlength=(most) required[input.is_required]; }
        }
        (hint)
    }
}

/// A command's body from its form.
pub(crate) fn body(form: &Form, code: &str, version: Option<i64>) -> Value {
    let mut given = Map::new();
    for input in commands::command(code).map(|c| c.inputs).unwrap_or_default() {
        let value = match input.kind {
            InputKind::PackageItems | InputKind::TransferItems => {
                let item = |id: &str| {
                    let id: i64 = id.parse().ok()?;
                    let units = form.some(&format!("units-{id}")).and_then(|u| u.parse::<i64>().ok());
                    Some(units.map_or(json!(id), |units| json!({"id": id, "quantity": units})))
                };
                let items: Vec<Value> = form.all(input.key).filter_map(item).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            InputKind::Assignments => assignments(form),
            InputKind::DenialReason => {
                form.some(input.key).map(|v| v.parse::<i64>().map_or(json!(v), |n| json!(n)))
            }
            InputKind::Text(_) | InputKind::Day => form.some(input.key).map(|v| json!(v)),
        };
        if let Some(value) = value {
            given.insert(input.key.into(), value);
        }
    }
    let mut body = json!({"input_parameters": given});
    if let Some(id) = form.some("transition").and_then(|t| t.parse::<i64>().ok()) {
        body["transition"] = json!(id);
    }
    if let Some(version) = version {
        body["expected_version"] = json!(version);
    }
    body
}

/// Items by the location chosen for each.
fn assignments(form: &Form) -> Option<Value> {
    let mut places: Vec<(String, Vec<i64>)> = Vec::new();
    for (name, code) in &form.0 {
        let Some(item) = name.strip_prefix("place-").and_then(|id| id.parse::<i64>().ok()) else { continue };
        if code.is_empty() {
            continue;
        }
        match places.iter_mut().find(|(c, _)| c == code) {
            Some((_, items)) => items.push(item),
            None => places.push((code.clone(), vec![item])),
        }
    }
    let groups = places.iter().map(|(code, items)| json!({"stock_location": code, "package_items": items}));
    Some(Value::Array(groups.collect()))
}

/// What a command answered, in sentences; none: it is done.
pub(crate) fn told(answer: &Answer) -> Vec<String> {
    if (200..300).contains(&answer.status) {
        return Vec::new();
    }
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let said = sentences(&body);
    if said.is_empty() { vec![answer.status.to_string()] } else { said }
}

/// Runs the command a form names on a record; the version it was shown with must still hold.
pub(crate) async fn run(
    state: &WebState,
    visit: &Visit,
    entity: Entity,
    id: i64,
    form: &Form,
) -> Result<Vec<String>, Problem> {
    let version = form.some("expected_version").and_then(|v| v.parse().ok());
    let flow = transitions::flow(&state.app).await?;
    let named: Option<i64> = form.some("transition").and_then(|t| t.parse().ok());
    let code = flow
        .all()
        .iter()
        .find(|t| Some(t.id) == named)
        .map(|t| t.definition.code.clone())
        .unwrap_or_default();
    let value = body(form, &code, version);
    let read = match Body::read(entity, id, &value) {
        Ok(read) => read,
        Err(refusal) => return Ok(vec![refusal.message]),
    };
    let scope = format!("{} screen {} {id}", visit.who.user_id, entity.as_str());
    let key = form.some("key").map(|key| Key {
        scope,
        key: key.to_owned(),
        fingerprint: idempotency::fingerprint(&value),
    });
    let request = Request { entity, id, body: read, actor: visit.who.actor(), key };
    Ok(told(&state.desk.run(request).await?))
}
