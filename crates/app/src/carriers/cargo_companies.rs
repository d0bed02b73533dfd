//! Cargo companies: defined by people, checked by the schema of their kind.

use oms_core::cargo_companies::{
    self as core, CONTRACT, Client, Kind, MAX_COMPANIES, MAX_NAME, SECRETS, Said,
};
use oms_core::codes;
use oms_core::refusal::Refusal;
use oms_store::access::logs::{self, Actor};
use oms_store::carriers::cargo_companies::{self as store, CargoCompany, CompanySet};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::{StoreError, Tx};
use serde_json::{Value, json};
use url::Url;

use crate::{App, Result};

/// What callers say of a company.
#[derive(Debug, Clone)]
pub struct CompanyInput {
    pub name: String,
    pub erp_code: String,
    pub is_managed_by_oms: bool,
    pub is_demo_client: bool,
    pub shipping_company: String,
    /// Secrets sent as their mask keep the stored ones.
    pub conf: Value,
    pub is_active: bool,
    pub priority: i64,
}

impl Default for CompanyInput {
    /// A company of which nothing is said yet.
    fn default() -> Self {
        Self {
            name: String::new(),
            erp_code: String::new(),
            is_managed_by_oms: false,
            is_demo_client: false,
            shipping_company: String::new(),
            conf: json!({}),
            is_active: true,
            priority: 0,
        }
    }
}

impl CompanyInput {
    /// What a stored company was set to, its secrets masked: sent back, they stay.
    pub fn of(company: &CargoCompany) -> Self {
        let set = masked(company.clone()).set;
        Self {
            name: set.name,
            erp_code: set.erp_code,
            is_managed_by_oms: set.is_managed_by_oms,
            is_demo_client: set.is_demo_client,
            shipping_company: set.shipping_company,
            conf: set.conf,
            is_active: set.is_active,
            priority: set.priority,
        }
    }
}

/// A company as it may be shown.
pub fn masked(mut company: CargoCompany) -> CargoCompany {
    company.set.conf = SECRETS.masked(&company.set.conf);
    company
}

/// Ids a change of a company needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    pub(super) own: i64,
    pub(super) audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        own: app.store.take_id(IdKind::CargoCompany).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// A page of companies, their secrets masked.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<CargoCompany>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(page.with(rows).map(masked))
}

/// One company, its secrets masked.
pub async fn get(app: &App, id: i64) -> Result<CargoCompany> {
    let found = store::by_id(&mut app.store.read().await?, id).await?;
    Ok(masked(found.ok_or_else(|| no_company(id))?))
}

pub(super) fn no_company(id: i64) -> Refusal {
    Refusal::not_found("cargo company", id)
}

/// Checks what is said of a company, and gives it its stored secrets back where their masks were sent.
fn check(app: &App, said: CompanyInput, stored: Option<&CompanySet>) -> Result<CompanySet> {
    let named = |field: &str, text: &str| -> Result<String, Refusal> {
        let text = text.trim();
        match text.chars().count() {
            1..=MAX_NAME if !text.chars().any(char::is_control) => Ok(text.to_owned()),
            _ => {
                let message = format!("1 to {MAX_NAME} characters without control characters are expected.");
                Err(Refusal::invalid(field, "invalid", message))
            }
        }
    };
    let name = named("name", &said.name)?;
    let erp_code = named("erp_code", &said.erp_code)?;
    codes::clean(&erp_code).map_err(|e| Refusal::invalid("erp_code", "invalid", e.to_string()))?;
    let conf = SECRETS.unmasked(&said.conf, stored.map(|s| &s.conf)).map_err(|r| r.below("conf"))?;
    let client = Client::of(Said {
        is_managed_by_oms: said.is_managed_by_oms,
        is_demo_client: said.is_demo_client,
        shipping_company: &said.shipping_company,
        conf: &conf,
    })?;
    for part in CONTRACT.iter().filter(|p| p.kind == Kind::Url) {
        let Some(address) = conf[part.key].as_str().map(str::trim).filter(|a| !a.is_empty()) else {
            continue;
        };
        let field = format!("conf.{}", part.key);
        let url = Url::parse(address).map_err(|e| {
            let message = format!("An address such as https://… is expected: {e}.");
            Refusal::invalid(&field, "invalid", message)
        })?;
        app.http.check_url(&url).map_err(|e| Refusal::invalid(&field, e.code(), e.to_string()))?;
    }
    let shipping_company = match client {
        Client::Demo(demo) => demo.name.to_owned(),
        Client::Unmanaged | Client::Contract(_) => said.shipping_company,
    };
    Ok(CompanySet {
        name,
        erp_code,
        is_managed_by_oms: said.is_managed_by_oms,
        is_demo_client: said.is_demo_client,
        shipping_company,
        conf,
        is_active: said.is_active,
        priority: said.priority,
    })
}

async fn refuse_taken(tx: &mut Tx, set: &CompanySet, but: i64) -> Result<()> {
    let Some(field) = store::taken(tx, set, but).await? else { return Ok(()) };
    let message = format!("Another cargo company has this {field}; choose another.");
    Err(Refusal::invalid(field, "unique", message).into())
}

/// Makes a company.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    ids: ChangeIds,
    actor: &Actor,
    said: CompanyInput,
) -> Result<CargoCompany> {
    let set = check(app, said, None)?;
    if store::count(tx).await? >= MAX_COMPANIES as i64 {
        let message =
            format!("There are {MAX_COMPANIES} cargo companies, the most there may be; change one instead.");
        return Err(Refusal::conflict("too_many_companies", message).into());
    }
    refuse_taken(tx, &set, 0).await?;
    store::insert(tx, ids.own, &set, actor.at_us).await?;
    note(tx, ids, actor, ids.own, "cargo_company.created").await
}

/// Changes a company.
pub async fn update(
    tx: &mut Tx,
    app: &App,
    ids: ChangeIds,
    actor: &Actor,
    id: i64,
    change: impl FnOnce(&mut CompanyInput),
) -> Result<CargoCompany> {
    let held = store::hold(tx, id).await?.ok_or_else(|| no_company(id))?;
    let mut said = CompanyInput::of(&held);
    change(&mut said);
    let set = check(app, said, Some(&held.set))?;
    refuse_taken(tx, &set, id).await?;
    store::update(tx, id, &set, actor.at_us).await?;
    note(tx, ids, actor, id, "cargo_company.updated").await
}

/// Removes a company with its conditions. Shipments it made keep its name.
pub async fn remove(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64) -> Result<()> {
    let held = store::hold(tx, id).await?.ok_or_else(|| no_company(id))?;
    store::remove(tx, id).await?;
    logs::record_command(tx, actor, "cargo_company.removed").await?;
    let detail = json!({"name": held.set.name, "erp_code": held.set.erp_code});
    Ok(logs::audit(tx, ids.audit, "cargo_company", id, "cargo_company.removed", &detail, actor).await?)
}

async fn note(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64, action: &str) -> Result<CargoCompany> {
    logs::record_command(tx, actor, action).await?;
    let saved = store::by_id(tx, id).await?.ok_or_else(|| no_company(id))?;
    let saved = masked(saved);
    let set = &saved.set;
    let detail = json!({"name": set.name, "erp_code": set.erp_code, "shipping_company": set.shipping_company,
                        "is_managed_by_oms": set.is_managed_by_oms, "is_demo_client": set.is_demo_client,
                        "conf": set.conf, "is_active": set.is_active, "priority": set.priority});
    logs::audit(tx, ids.audit, "cargo_company", id, action, &detail, actor).await?;
    Ok(saved)
}

/// What can be chosen: each company with the schema of its `conf`.
pub fn available() -> Vec<Available> {
    let company = |c: &core::Company| Available {
        shipping_company: c.word,
        title: c.title,
        is_demo_client: false,
        conf_schema: core::schema(CONTRACT),
        example: json!({"username": "brand", "password": "…", "create_shipment_url": "https://cargo.example/shipments"}),
    };
    let demo = |d: &core::DemoClient| Available {
        shipping_company: d.name,
        title: d.about,
        is_demo_client: true,
        conf_schema: core::schema(core::DEMO),
        example: json!({"klass": format!("{}{}", core::DEMO_PREFIX, d.name)}),
    };
    core::COMPANIES.iter().map(company).chain(core::DEMO_CLIENTS.iter().map(demo)).collect()
}

/// A company that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Available {
    pub shipping_company: &'static str,
    pub title: &'static str,
    pub is_demo_client: bool,
    /// JSON Schema.
    pub conf_schema: Value,
    /// A `conf` it takes.
    pub example: Value,
}
