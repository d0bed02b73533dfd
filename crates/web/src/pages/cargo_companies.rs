//! Cargo companies: accounts at carriers, each with the form that its company asks for.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::carriers::cargo_companies::{self, CompanyInput};
use oms_core::cargo_companies::{COMPANIES, CONTRACT, DEMO_CLIENTS, DEMO_PREFIX, MAX_COMPANIES};
use oms_core::packages::Kind;
use oms_core::permissions::Permission;
use oms_store::carriers::cargo_companies::CargoCompany;
use oms_store::lists::Ask;
use serde_json::{Map, Value, json};

use crate::pages::change;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// All of them, for the screen of connections.
pub(crate) async fn cards(state: &WebState, visit: &Visit) -> Result<Markup, Problem> {
    if !visit.may(Permission::CargoRead) {
        return Ok(html! {});
    }
    let ask = Ask { order: Some("priority".into()), page: 1, limit: MAX_COMPANIES as i64, ..Ask::default() };
    let all = cargo_companies::list(&state.app, &ask).await?.rows;
    Ok(html! {
        div.head {
            h2 { (visit.t("carrier-companies")) } span.count { (all.len()) }
            @if visit.may(Permission::CargoWrite) { div.tools { a.button href=(visit.href("connections/cargo/new")) { "+ " (visit.t("carrier-new")) } } }
        }
        @if all.is_empty() { div.empty { p { (visit.t("carrier-none")) } } }
        @else {
            table.list {
                thead { tr {
                    th scope="col" { (visit.t("engine-name")) } th scope="col" { (visit.t("carrier-erp_code")) }
                    th scope="col" { (visit.t("carrier-company")) } th scope="col" { (visit.t("package-state")) }
                    th.number scope="col" { (visit.t("carrier-priority")) }
                } }
                tbody { @for c in &all { tr {
                    td { a.row href=(visit.href(&format!("connections/cargo/{}", c.id))) { (c.set.name) } }
                    td { code { (c.set.erp_code) } }
                    td { (title(&c.set.shipping_company)) @if c.set.is_demo_client { " " span.soft { (visit.t("carrier-demo")) } } }
                    td { (standing(visit, c)) }
                    td.number { (c.set.priority) }
                } } }
            }
        }
    })
}

/// What a company is called.
fn title(word: &str) -> &str {
    COMPANIES.iter().find(|c| c.word == word).map_or(word, |c| c.title)
}

fn standing(visit: &Visit, c: &CargoCompany) -> Markup {
    let (kind, word) = match (c.set.is_active, c.set.is_managed_by_oms) {
        (false, _) => (Kind::Waiting, "hook-passive"),
        (true, true) => (Kind::Done, "carrier-managed_on"),
        (true, false) => (Kind::Waiting, "carrier-managed_off"),
    };
    badge::of_kind(kind, visit.t(word))
}

/// The form of a new one.
pub(crate) async fn new(visit: Visit) -> Response {
    let said = CompanyInput { is_managed_by_oms: true, ..CompanyInput::default() };
    form(&visit, None, &said, &[])
}

/// The form of one.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let company = cargo_companies::get(&state.app, id).await?;
    Ok(form(&visit, Some(&company), &CompanyInput::of(&company), &[]))
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
    let company = cargo_companies::get(&state.app, id).await?;
    put(&state, &visit, Some(&company), &sent).await
}

/// Removes one.
pub(crate) async fn remove(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    let ids = cargo_companies::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = cargo_companies::remove(&mut tx, ids, &actor, id).await;
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&visit.href("connections?done=removed"))),
        Err(wrong) => {
            let company = cargo_companies::get(&state.app, id).await?;
            Ok(form(&visit, Some(&company), &CompanyInput::of(&company), &wrong))
        }
    }
}

/// What a form says. The company chosen says whether it is a demo client, and then what its `conf` is.
fn said(sent: &Form) -> Result<CompanyInput, Vec<String>> {
    let chosen = sent.get("shipping_company").to_owned();
    let is_demo_client = DEMO_CLIENTS.iter().any(|d| d.name == chosen);
    let conf = match is_demo_client {
        true => json!({"klass": format!("{DEMO_PREFIX}{chosen}")}),
        false => {
            let given = CONTRACT.iter().map(|p| (p.key.to_owned(), sent.get(p.key).trim().into()));
            let given = given.filter(|(_, text): &(String, Value)| text != "");
            Value::Object(given.collect::<Map<_, _>>())
        }
    };
    let input = CompanyInput {
        name: sent.get("company_name").to_owned(),
        erp_code: sent.get("erp_code").to_owned(),
        is_managed_by_oms: sent.is("is_managed_by_oms"),
        is_demo_client,
        shipping_company: chosen,
        conf,
        is_active: sent.is("is_active"),
        priority: 0,
    };
    match sent.get("priority").trim().parse() {
        Ok(priority) => Ok(CompanyInput { priority, ..input }),
        Err(_) => Err(vec!["priority: a whole number is expected.".to_owned()]),
    }
}

async fn put(
    state: &WebState,
    visit: &Visit,
    company: Option<&CargoCompany>,
    sent: &Form,
) -> Result<Response, Problem> {
    let wanted = match said(sent) {
        Ok(wanted) => wanted,
        Err(wrong) => {
            let shown = company.map_or_else(CompanyInput::default, CompanyInput::of);
            return Ok(form(visit, company, &shown, &wrong));
        }
    };
    let ids = cargo_companies::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(state, visit).await?;
    let input = wanted.clone();
    let done = match company {
        Some(c) => {
            cargo_companies::update(&mut tx, &state.app, ids, &actor, c.id, |said| *said = input).await
        }
        None => cargo_companies::create(&mut tx, &state.app, ids, &actor, input).await,
    };
    Ok(match change::end(tx, done).await? {
        Ok(made) => shell::see_other(&visit.href(&format!("connections/cargo/{}?done=saved", made.id))),
        Err(wrong) => form(visit, company, &wanted, &wrong),
    })
}

fn form(visit: &Visit, company: Option<&CargoCompany>, said: &CompanyInput, wrong: &[String]) -> Response {
    let title = company.map_or(visit.t("carrier-new"), |c| c.set.name.as_str());
    let real = COMPANIES.iter().map(|c| (c.word.to_owned(), c.title.to_owned()));
    let demo = DEMO_CLIENTS.iter().map(|d| {
        let name = visit.say("carrier-demo_named", &[&d.name]);
        (d.name.to_owned(), format!("{name}: {}", visit.lang.t(&format!("carrier-demo_{}", d.name))))
    });
    let choices: Vec<_> = real.chain(demo).collect();
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head {
            h1 { (title) }
            @if let Some(c) = company { (standing(visit, c)) }
            div.tools { a href=(visit.href("connections")) { (visit.t("app-back")) } }
        }
        form.card method="post" {
            (visit.guard())
            (fields::text(visit, "company_name", "engine-name", &said.name, true))
            (fields::text(visit, "erp_code", "carrier-erp_code", &said.erp_code, true))
            (fields::tick(visit, "is_managed_by_oms", "carrier-managed", said.is_managed_by_oms))
            (fields::choice(visit, "shipping_company", "carrier-company", &said.shipping_company, &choices))
            fieldset {
                legend { (visit.t("carrier-credentials")) }
                p.hint { (visit.t("carrier-credentials_about")) " " (visit.say("setting-secret", &[&oms_core::secrets::MASK])) }
                @for part in CONTRACT {
                    (fields::text(visit, part.key, &format!("carrier-conf_{}", part.key), said.conf[part.key].as_str().unwrap_or_default(), false))
                }
            }
            (fields::text(visit, "priority", "carrier-priority", &said.priority.to_string(), true))
            p.hint { (visit.t("carrier-priority_about")) }
            (fields::tick(visit, "is_active", "flow-is_active", said.is_active))
            div.commands { button.primary { (visit.t("form-save")) } }
        }
        @if let Some(c) = company {
            form method="post" action=(visit.href(&format!("connections/cargo/{}/remove", c.id))) data-ask=(visit.t("carrier-remove_ask")) {
                (visit.guard()) button.danger { (visit.t("carrier-remove")) }
            }
        }
    };
    shell::page(visit, title, &content)
}
