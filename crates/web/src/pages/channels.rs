//! Sales channels: those of the hub to be read, those made here to be changed.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::places::channels::{self, Wanted};
use oms_app::views;
use oms_core::packages::Kind;
use oms_core::permissions::Permission;
use oms_core::refusal::Refusal;
use oms_store::lists::Ask;
use oms_store::places::channels::Channel;
use serde_json::{Map, Value};

use crate::pages::{change, connections};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All channels, for the screen of connections.
pub(crate) async fn cards(state: &WebState, visit: &Visit) -> Result<Markup, Problem> {
    if !visit.may(Permission::LocationsRead) {
        return Ok(html! {});
    }
    let ask = Ask { page: 1, limit: 500, ..Ask::default() };
    let all = views::channels(&state.app, &ask).await?.rows;
    let can_make = visit.may(Permission::LocationsWrite) && connections::hub(state).await?.is_none();
    Ok(html! {
        div.head {
            h2 { (visit.t("channel-channels")) } span.count { (all.len()) }
            @if can_make { div.tools { a.button href=(visit.href("connections/channels/new")) { "+ " (visit.t("channel-new")) } } }
        }
        @if all.is_empty() { div.empty { p { (visit.t("channel-empty")) } } }
        @else {
            table.list {
                thead { tr {
                    th scope="col" { (visit.t("engine-name")) } th scope="col" { (visit.t("log-kind")) }
                    th scope="col" { (visit.t("channel-hub_id")) } th scope="col" { (visit.t("package-state")) }
                } }
                tbody { @for c in &all { tr {
                    td { a.row href=(visit.href(&format!("connections/channels/{}", c.id))) { (c.name) } }
                    td { (c.channel_type) } td { (fields::or_dash(c.omnitron_id)) } td { (standing(visit, c)) }
                } } }
            }
        }
    })
}

fn standing(visit: &Visit, c: &Channel) -> Markup {
    match c.is_active {
        true => badge::of_kind(Kind::Done, visit.t("user-active")),
        false => badge::of_kind(Kind::Waiting, visit.t("user-shut_out")),
    }
}

/// The form of a new one.
pub(crate) async fn new(visit: Visit) -> Response {
    form(&visit, None, &Typed { kind: "web".into(), is_active: true, ..Typed::default() }, &[])
}

/// One: its form, or what the hub says of it.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let c = views::channel(&state.app, id).await?;
    Ok(if c.omnitron_id.is_some() { of_hub(&visit, &c) } else { form(&visit, Some(&c), &Typed::of(&c), &[]) })
}

/// What a form holds.
#[derive(Default)]
struct Typed {
    name: String,
    kind: String,
    configuration: String,
    is_active: bool,
}

impl Typed {
    fn of(c: &Channel) -> Self {
        Self {
            name: c.name.clone(),
            kind: c.channel_type.clone(),
            configuration: serde_json::to_string_pretty(&c.configuration).unwrap_or_default(),
            is_active: c.is_active,
        }
    }

    fn sent(form: &Form) -> Self {
        Self {
            name: form.get("name").into(),
            kind: form.get("channel_type").into(),
            configuration: form.get("configuration").into(),
            is_active: form.is("is_active"),
        }
    }

    fn wanted(&self) -> Result<Wanted, Refusal> {
        let text = Some(self.configuration.trim()).filter(|t| !t.is_empty()).unwrap_or("{}");
        let configuration = serde_json::from_str::<Map<String, Value>>(text).map_err(|e| {
            Refusal::invalid("configuration", "invalid", format!("A JSON object is expected: {e}."))
        })?;
        Ok(Wanted {
            name: self.name.clone(),
            channel_type: self.kind.clone(),
            configuration: Value::Object(configuration),
            is_active: self.is_active,
        })
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
    let c = views::channel(&state.app, id).await?;
    put(&state, &visit, Some(&c), &sent).await
}

async fn put(state: &WebState, visit: &Visit, c: Option<&Channel>, sent: &Form) -> Result<Response, Problem> {
    let typed = Typed::sent(sent);
    let wanted = match change::told(typed.wanted().map_err(Into::into))? {
        Ok(wanted) => wanted,
        Err(wrong) => return Ok(form(visit, c, &typed, &wrong)),
    };
    let ids = channels::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let done = match c {
        Some(c) => {
            channels::update(&mut tx, ids, &actor, c.id, |c| {
                c.name = wanted.name;
                c.channel_type = wanted.channel_type;
                c.configuration = wanted.configuration;
                c.is_active = wanted.is_active;
            })
            .await
        }
        None => channels::create(&mut tx, ids, &actor, wanted).await,
    };
    Ok(match change::end(tx, done).await? {
        Ok(made) => shell::see_other(&visit.href(&format!("connections/channels/{}?done=saved", made.id))),
        Err(wrong) => form(visit, c, &typed, &wrong),
    })
}

fn form(visit: &Visit, c: Option<&Channel>, typed: &Typed, wrong: &[String]) -> Response {
    let title = c.map_or(visit.t("channel-new"), |c| c.name.as_str());
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        (head(visit, title, c))
        form.card method="post" {
            (visit.guard())
            (fields::text(visit, "name", "engine-name", &typed.name, true))
            (fields::text(visit, "channel_type", "log-kind", &typed.kind, true))
            label for="configuration" { (visit.t("flow-conf")) }
            textarea #configuration name="configuration" rows="6" spellcheck="false" placeholder="{}" { (typed.configuration) }
            (fields::tick(visit, "is_active", "flow-is_active", typed.is_active))
            div.commands { button.primary { (visit.t("form-save")) } }
        }
    };
    shell::page(visit, title, &content)
}

fn of_hub(visit: &Visit, c: &Channel) -> Response {
    let content = html! {
        (head(visit, &c.name, Some(c)))
        p.soft { (visit.t("channel-of_hub")) }
        section.card {
            (fields::facts(&[
                (visit.t("channel-hub_id"), fields::or_dash(c.omnitron_id)),
                (visit.t("log-kind"), html! { (c.channel_type) }),
                (visit.t("channel-changed"), visit.when(c.modified_us)),
            ]))
            (fields::raw_as(visit.t("flow-conf"), &c.configuration))
        }
        a.button href=(visit.href("settings/basic-setup")) { (visit.t("channel-copy")) }
    };
    shell::page(visit, &c.name, &content)
}

fn head(visit: &Visit, title: &str, c: Option<&Channel>) -> Markup {
    html! {
        div.head {
            h1 { (title) }
            @if let Some(c) = c { (standing(visit, c)) }
            div.tools { a href=(visit.href("connections")) { (visit.t("app-back")) } }
        }
    }
}
