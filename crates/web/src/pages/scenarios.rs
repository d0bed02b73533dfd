//! Scenarios: the list, the editor with its draft, what the linter says, a preview, versions, publishing and going back.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::places::locations;
use oms_app::planning::decisions::{self, Previewed};
use oms_app::rules::scenarios::{self, Linted, Sent};
use oms_app::views;
use oms_core::packages::Kind;
use oms_core::plan::Decision;
use oms_core::refusal::Refusal;
use oms_core::scenarios::Family;
use oms_core::scenarios::lint::Severity;
use oms_store::lists::Ask;
use oms_store::rules::scenarios::Stored;
use serde_json::{Value, json};

use crate::pages::scenario_form::{self as form_of, Offered};
use crate::pages::{change, places};
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

/// Scenarios of a family that one list shows.
const MOST: i64 = 500;

fn family(name: &str) -> Result<Family, Problem> {
    Family::parse(name).ok_or_else(|| Refusal::not_found("kind of scenario", name).into())
}

fn title(visit: &Visit, family: Family) -> &str {
    match family {
        Family::Distribution => visit.t("nav-scenarios"),
        Family::Transfer => visit.t("nav-transfer_scenarios"),
    }
}

fn at(visit: &Visit, family: Family, rest: &str) -> String {
    visit.href(&format!("scenarios/{}{rest}", family.as_str()))
}

/// The scenarios of a family in the order they are tried.
pub(crate) async fn list(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    shown(&state, &visit, family(&name)?, &[]).await
}

async fn shown(
    state: &WebState,
    visit: &Visit,
    family: Family,
    wrong: &[String],
) -> Result<Response, Problem> {
    let ask = Ask { conditions: Vec::new(), page: 1, limit: MOST, ..Ask::default() };
    let mut all = views::scenarios(&state.app, &ask, family).await?.rows;
    all.sort_by_key(|s| (!s.scenario.is_active, s.scenario.priority, s.id));
    let locations = places::choices(state).await?;
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head { h1 { (title(visit, family)) } span.count { (all.len()) } div.tools { (new(visit, family, &locations)) } }
        p.soft { (visit.t(if family == Family::Distribution { "scenario-about" } else { "scenario-about_transfer" })) }
        @if all.is_empty() { div.empty { p { (visit.t("scenario-empty")) } } } @else {
            div.scroll tabindex="0" role="region" aria-label=(title(visit, family)) {
                table.list {
                    thead { tr {
                        th.number scope="col" { (visit.t("scenario-priority")) } th scope="col" { (visit.t("scenario-name")) } th scope="col" { (visit.t("package-state")) }
                        th scope="col" { (visit.t("scenario-when")) } th scope="col" { (visit.t("scenario-rules")) } th.number scope="col" { (visit.t("scenario-version")) } th scope="col" { (visit.t("scenario-changed")) }
                    } }
                    tbody { @for s in &all { (row(visit, family, s)) } }
                }
            }
        }
    };
    Ok(shell::page(visit, title(visit, family), &content))
}

fn row(visit: &Visit, family: Family, s: &Stored) -> Markup {
    let (kind, key) =
        if s.scenario.is_active { (Kind::Done, "user-active") } else { (Kind::Waiting, "user-shut_out") };
    let body = serde_json::to_value(&s.scenario).unwrap_or_default();
    let narrow: Vec<&str> = form_of::CONDITIONS
        .into_iter()
        .filter(|name| body[*name]["type"] == "static" || body[*name]["query"].is_object())
        .map(|name| {
            visit.lang.t(match name {
                "channel" => "scenario-on_channel",
                "shipping" => "scenario-on_shipping",
                "payment" => "scenario-on_payment",
                _ => "scenario-on_customer_type",
            })
        })
        .collect();
    let rules: Vec<&str> = s.scenario.rules.iter().map(|r| r.name.as_str()).collect();
    html! {
        tr {
            td.number { (s.scenario.priority) }
            td { a.row href=(at(visit, family, &format!("/{}", s.id))) { (s.scenario.name) } }
            td { (badge::of_kind(kind, visit.t(key))) }
            td { @if narrow.is_empty() { (visit.t("scenario-any")) } @else { (narrow.join(", ")) } }
            td { (rules.join(" → ")) }
            td.number { (s.version) }
            td { (visit.when(s.modified_us)) }
        }
    }
}

fn new(visit: &Visit, family: Family, locations: &[(String, String)]) -> Markup {
    html! {
        details.menu {
            summary.button { "+ " (visit.t("scenario-new")) }
            form method="post" {
                (visit.guard())
                (fields::text(visit, "name", "scenario-name", "", true))
                @if family == Family::Distribution {
                    (fields::choice(visit, "default_stock_location", "scenario-default_location", "", locations))
                }
                p.hint { (visit.t("scenario-new_hint")) }
                button.primary { (visit.t("scenario-new")) }
            }
        }
    }
}

/// Makes a scenario that is not active yet, with one rule to begin from.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let family = family(&name)?;
    let mut body = json!({"name": form.get("name"), "is_active": false,
        "rules": [{"name": visit.say("scenario-rule_n", &[&1]), "products": "all_from_one", "sort": [{"by": "priority"}]}]});
    if family == Family::Distribution {
        body["default_stock_location"] = json!(form.get("default_stock_location"));
    }
    let ids = scenarios::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = scenarios::create(&mut tx, ids, &actor, Sent { family, body: &body, comment: "" }).await;
    match change::end(tx, done).await? {
        Ok(made) => Ok(shell::see_other(&at(&visit, family, &format!("/{}", made.id)))),
        Err(wrong) => shown(&state, &visit, family, &wrong).await,
    }
}

/// The editor.
pub(crate) async fn edit(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name, id)): Path<(String, String, i64)>,
) -> Result<Response, Problem> {
    editor(&state, &visit, family(&name)?, id, None, &[]).await
}

/// Keeps the draft, with what a button asked done to it.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name, id)): Path<(String, String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let family = family(&name)?;
    let mut body = form_of::read(&form, family);
    form_of::apply(&visit, &mut body, &form);
    let ids = scenarios::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done =
        scenarios::put_draft(&mut tx, ids, &actor, id, Sent { family, body: &body, comment: "" }).await;
    match change::end(tx, done).await? {
        Ok(_) => {
            let done = if form.get("do") == "save" { "?done=saved" } else { "" };
            Ok(shell::see_other(&at(&visit, family, &format!("/{id}{done}"))))
        }
        Err(wrong) => editor(&state, &visit, family, id, Some(body), &wrong).await,
    }
}

/// Publishes the draft, throws it away, or makes an earlier version the next one.
pub(crate) async fn release(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name, id)): Path<(String, String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let family = family(&name)?;
    let ids = scenarios::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let comment = form.get("comment");
    let done = match (form.get("do"), form.get("version").parse::<i64>()) {
        ("publish", _) => {
            scenarios::publish(&mut tx, ids, &actor, (family, id), comment, form.is("force")).await.map(drop)
        }
        ("back", Ok(version)) => {
            scenarios::roll_back(&mut tx, ids, &actor, (family, id), version, comment).await.map(drop)
        }
        _ => scenarios::delete_draft(&mut tx, ids, &actor, family, id).await,
    };
    match change::end(tx, done).await? {
        Ok(()) => Ok(shell::see_other(&at(&visit, family, &format!("/{id}?done=released")))),
        Err(wrong) => editor(&state, &visit, family, id, None, &wrong).await,
    }
}

async fn offered(state: &WebState) -> Result<Offered, Problem> {
    let ask = Ask { conditions: Vec::new(), page: 1, limit: MOST, ..Ask::default() };
    let channels = views::channels(&state.app, &ask).await?.rows;
    let channels =
        channels.into_iter().map(|c| (c.omnitron_id.unwrap_or(c.id).to_string(), c.name)).collect();
    Ok(Offered { channels, locations: places::choices(state).await? })
}

async fn editor(
    state: &WebState,
    visit: &Visit,
    family: Family,
    id: i64,
    typed: Option<Value>,
    wrong: &[String],
) -> Result<Response, Problem> {
    let stored = views::scenario(&state.app, id, family).await?;
    let draft = match scenarios::draft(&state.app, family, id).await {
        Ok(draft) => Some(draft),
        Err(oms_app::Error::Refused(_)) => None,
        Err(other) => return Err(other.into()),
    };
    let (_, versions) = scenarios::versions(&state.app, family, id).await?;
    let linted = scenarios::lint_stored(&state.app, family, id).await?;
    let offered = offered(state).await?;
    let scenario = draft.as_ref().map_or(&stored.scenario, |d| &d.scenario);
    let body = typed.unwrap_or_else(|| serde_json::to_value(scenario).unwrap_or_default());
    let (kind, key) = if stored.scenario.is_active {
        (Kind::Done, "user-active")
    } else {
        (Kind::Waiting, "user-shut_out")
    };
    let here = at(visit, family, &format!("/{id}"));
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head {
            h1 { (stored.scenario.name) } (badge::of_kind(kind, visit.t(key))) span.count { (visit.say("scenario-version_n", &[&stored.version])) }
            div.tools {
                @if family == Family::Distribution { a.button href={ (here) "/preview" } { (visit.t("scenario-preview")) } }
                a href=(at(visit, family, "")) { (visit.t("app-back")) }
            }
        }
        @if let Some(d) = &draft {
            div.warning { p { (visit.say("scenario-has_draft", &[&crate::pages::timeline::actor(visit, &d.author), &visit.exact(d.at_us)])) } }
        }
        (findings(visit, &linted))
        @if draft.is_some() { (publish(visit, &here, &linted)) }
        form method="post" action=(here) data-order {
            (visit.guard())
            button.hidden name="do" value="save" tabindex="-1" aria-hidden="true" {}
            (form_of::inputs(visit, &body, family, &offered))
            div.commands { button.primary name="do" value="save" { (visit.t("scenario-save_draft")) } span.soft { (visit.t("scenario-save_hint")) } }
        }
        (form_of::field_names(visit))
        (history(visit, &here, stored.version, &versions))
        (fields::raw(visit, &body))
    };
    Ok(shell::page(visit, &stored.scenario.name, &content))
}

fn findings(visit: &Visit, linted: &Linted) -> Markup {
    html! {
        @if linted.findings.is_empty() { p.soft { (badge::of_kind(Kind::Done, visit.t("scenario-lint_clean"))) } } @else {
            section.card {
                h2 { (visit.t("scenario-lint")) }
                ul.plain { @for f in &linted.findings {
                    li {
                        span {
                            @if matches!(f.severity, Severity::Error) { (badge::of_kind(Kind::Failed, visit.t("scenario-lint_error"))) } @else { (badge::of_kind(Kind::NeedsYou, visit.t("scenario-lint_warning"))) }
                            " " (f.message)
                        }
                        code { (f.at) }
                    }
                } }
            }
        }
        @if let Some(u) = linted.unmatched.as_ref().filter(|u| u.count > 0) {
            p.warning { (visit.say("scenario-unmatched", &[&u.count, &u.looked_at, &u.numbers.join(", ")])) }
        }
    }
}

fn publish(visit: &Visit, here: &str, linted: &Linted) -> Markup {
    let has_error = linted.findings.iter().any(|f| matches!(f.severity, Severity::Error));
    html! {
        form.card method="post" action={ (here) "/release" } {
            (visit.guard())
            (fields::text(visit, "comment", "scenario-comment", "", false))
            @if has_error { (fields::tick(visit, "force", "scenario-force", false)) }
            div.commands {
                button.primary name="do" value="publish" { (visit.t("scenario-publish")) }
                button.grave name="do" value="drop" data-ask=(visit.t("scenario-drop_ask")) { (visit.t("scenario-drop")) }
            }
        }
    }
}

fn history(
    visit: &Visit,
    here: &str,
    current: i64,
    versions: &[oms_store::rules::scenarios::VersionRecord],
) -> Markup {
    html! {
        h2 { (visit.t("scenario-versions")) }
        div.scroll tabindex="0" role="region" aria-label=(visit.t("scenario-versions")) {
            table.list {
                thead { tr { th.number scope="col" { (visit.t("scenario-version")) } th scope="col" { (visit.t("log-at")) } th scope="col" { (visit.t("log-actor")) } th scope="col" { (visit.t("scenario-comment")) } th scope="col" { (visit.t("app-actions")) } } }
                tbody {
                    @for v in versions {
                        tr {
                            td.number { (v.version) } td { (visit.exact(v.created_us)) } td { (crate::pages::timeline::actor(visit, &v.author)) } td { (v.comment) }
                            td {
                                @if v.version == current { (badge::of_kind(Kind::Done, visit.t("scenario-current"))) } @else {
                                    form method="post" action={ (here) "/release" } data-ask=(visit.say("scenario-back_ask", &[&v.version])) {
                                        (visit.guard())
                                        input type="hidden" name="version" value=(v.version);
                                        button name="do" value="back" aria-label=(format!("{} {}", visit.t("scenario-back"), v.version)) { (visit.t("scenario-back")) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the draft would have made of the latest orders.
pub(crate) async fn preview(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, name, id)): Path<(String, String, i64)>,
) -> Result<Response, Problem> {
    let family = family(&name)?;
    let stored = views::scenario(&state.app, id, family).await?;
    let draft = match scenarios::draft(&state.app, family, id).await {
        Ok(draft) => draft.scenario,
        Err(oms_app::Error::Refused(_)) => stored.scenario.clone(),
        Err(other) => return Err(other.into()),
    };
    let rules: Vec<String> = draft.rules.iter().map(|r| r.name.clone()).collect();
    let seen = decisions::preview(&state.app, id, draft).await?;
    let names = locations::by_id(&state.app).await?;
    let place = |id: i64| names.get(&id).map_or_else(|| id.to_string(), |l| l.properties.name.clone());
    let title = visit.say("scenario-preview_of", &[&stored.scenario.name]);
    let content = html! {
        div.head { h1 { (title) } div.tools { a href=(at(&visit, family, &format!("/{id}"))) { (visit.t("app-back")) } } }
        p { (visit.say("scenario-preview_sum", &[&seen.different_count, &seen.orders])) }
        @if seen.orders == 0 { p.soft { (visit.t("scenario-preview_none")) } } @else { (path(&visit, &rules, &seen)) }
        @if !seen.different.is_empty() {
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table.list {
                    thead { tr { th scope="col" { (visit.t("package-order")) } th scope="col" { (visit.t("scenario-was")) } th scope="col" { (visit.t("scenario-would_be")) } } }
                    tbody { @for (order, kept, made) in &seen.different {
                        tr {
                            td { a href=(visit.href(&format!("orders/{order}"))) { (order) } }
                            td { (outcome(&visit, kept, &place)) }
                            td { (outcome(&visit, made, &place)) }
                        }
                    } }
                }
            }
        }
    };
    Ok(shell::page(&visit, &title, &content))
}

/// The packages of a decision in a line.
fn outcome(visit: &Visit, decision: &Decision, place: &impl Fn(i64) -> String) -> Markup {
    html! {
        @match decision {
            Decision::Waits(reason) => { (reason.text()) }
            Decision::Planned(plan) => {
                @for (i, p) in plan.packages.iter().enumerate() {
                    @if i > 0 { " + " }
                    @if p.has_stock() { (place(p.location.0)) } @else { (badge::package(visit, p.state)) }
                    " " span.soft { "×" (p.items.iter().map(|(_, n)| n).sum::<i64>()) }
                }
            }
        }
    }
}

const PATH_ROW: i64 = 44;

/// The rules one under another, with the units each places, and what falls through.
fn path(visit: &Visit, rules: &[String], seen: &Previewed) -> Markup {
    let most = seen.units.iter().copied().max().unwrap_or(0).max(1);
    let mut names: Vec<&str> = rules.iter().map(String::as_str).collect();
    let out = badge::package_word(visit, oms_core::packages::OUT_OF_STOCK);
    names.push(&out);
    let height = names.len() as i64 * PATH_ROW;
    html! {
        figure.chart {
            figcaption { (visit.t("scenario-path")) }
            svg.flow role="img" aria-label=(visit.t("scenario-path")) viewBox=(format!("0 0 720 {height}")) {
                @for (i, name) in names.iter().enumerate() {
                    @let y = i as i64 * PATH_ROW;
                    @let units = seen.units.get(i).copied().unwrap_or(0);
                    rect.held[i + 1 == names.len()] x="1" y=(y + 2) width="250" height="28" rx="6" {}
                    text.name x="12" y=(y + 21) { (i + 1) ". " (name.chars().take(32).collect::<String>()) }
                    @if i + 1 < names.len() { path d=(format!("M40 {} L40 {}", y + 31, y + PATH_ROW + 1)) {} }
                    rect.units x="270" y=(y + 8) width=(units * 360 / most) height="16" {}
                    text x=(278 + units * 360 / most) y=(y + 20) { (visit.say("scenario-units", &[&visit.number(units)])) }
                }
            }
        }
    }
}
