//! The frame around every screen, and the answers that have no screen of their own.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use oms_core::permissions::Permission;
use serde_json::Value;

use crate::pages::assets::address;
use crate::problem::Problem;
use crate::ui::icons::icon;
use crate::ui::visit::Visit;
use crate::ui::words::Lang;

/// Where the script puts a count.
pub(crate) const COUNT: &str = "{0}";

/// One entry of the navigation: the words' key, the address under `/{lang}/oms/`, who may open it.
pub(crate) struct Entry {
    pub key: &'static str,
    pub path: &'static str,
    pub icon: &'static str,
    pub permission: Permission,
    pub under: &'static [Entry],
}

const fn entry(key: &'static str, path: &'static str, icon: &'static str, permission: Permission) -> Entry {
    Entry { key, path, icon, permission, under: &[] }
}

use Permission as P;

/// The navigation. A new screen is a row here.
pub(crate) const NAVIGATION: &[Entry] = &[
    entry("nav-today", "", "today", P::OrdersRead),
    entry("nav-orders", "orders", "order", P::OrdersRead),
    Entry {
        under: &[entry("nav-movements", "packages/movements", "", P::PackagesRead)],
        ..entry("nav-packages", "packages", "package", P::PackagesRead)
    },
    Entry {
        under: &[entry("nav-movements", "transfers/movements", "", P::PackagesRead)],
        ..entry("nav-transfers", "transfers", "transfer", P::PackagesRead)
    },
    Entry {
        under: &[entry("nav-discrepancies", "discrepancies", "", P::StockRead)],
        ..entry("nav-stock", "stock", "stock", P::StockRead)
    },
    entry("nav-locations", "stock-locations", "location", P::LocationsRead),
    Entry {
        under: &[entry("nav-transfer_scenarios", "scenarios/transfer", "", P::ScenariosRead)],
        ..entry("nav-scenarios", "scenarios/distribution", "scenario", P::ScenariosRead)
    },
    Entry {
        under: &[
            entry("nav-denial_reasons", "settings/denial-reasons", "", P::PackagesRead),
            entry("nav-schedules", "settings/schedules", "", P::SettingsRead),
        ],
        ..entry("nav-flow", "settings/state-transitions", "flow", P::SettingsRead)
    },
    Entry {
        under: &[
            entry("nav-hub_orders", "hub-orders", "", P::OrdersRead),
            entry("nav-hub_changes", "hub-changes", "", P::OrdersRead),
            entry("nav-hook_events", "hook-events", "", P::HooksRead),
        ],
        ..entry("nav-connections", "connections", "connection", P::EnginesRead)
    },
    Entry {
        under: &[
            entry("nav-settings", "settings/application-settings", "", P::SettingsRead),
            entry("nav-users", "settings/users", "", P::UsersWrite),
            entry("nav-jobs", "jobs", "", P::SettingsRead),
            entry("nav-logs", "logs", "", P::PackagesRead),
        ],
        ..entry("nav-administration", "settings/basic-setup", "settings", P::SetupRun)
    },
];

/// A screen.
pub(crate) fn page(visit: &Visit, title: &str, content: &Markup) -> Response {
    answer(StatusCode::OK, visit, title, content)
}

/// A screen with another status.
pub(crate) fn answer(status: StatusCode, visit: &Visit, title: &str, content: &Markup) -> Response {
    let body = html! {
        a.skip href="#main" { (visit.t("app-skip")) }
        (top(visit))
        div.frame {
            (navigation(visit))
            main #main tabindex="-1" { (content) }
        }
        (palette(visit))
        div #says role="status" aria-live="polite" {}
    };
    document(status, visit.lang, visit.theme.as_deref(), title, &body)
}

fn top(visit: &Visit) -> Markup {
    html! {
        header.top {
            details.menu.small-nav {
                summary aria-label=(visit.t("app-menu")) { (icon("menu")) }
                (entries(visit))
            }
            a.brand href=(visit.href("")) aria-label="Quartermaster" { (icon("mark")) span { "Quartermaster" } }
            form.search method="get" action=(visit.href("search")) role="search" {
                label.hidden for="search" { (visit.t("app-search")) }
                input #search type="search" name="q" placeholder=(visit.t("app-search")) autocomplete="off" maxlength="100";
                kbd { "Ctrl K" }
            }
            span.live #live hidden data-more=(visit.say("app-new_rows", &[&COUNT])) data-changed=(visit.t("app-changed")) { (icon("done")) (visit.t("app-live")) }
            details.menu.person {
                summary { (visit.who.username) }
                div {
                    p.soft { (visit.zone.iana_name().unwrap_or("UTC")) }
                    nav aria-label=(visit.t("app-language")) {
                        @for lang in Lang::ALL {
                            a href=(visit.in_language(lang)) hreflang=(lang.code()) lang=(lang.code()) data-whole
                                aria-current=[(lang == visit.lang).then_some("true")] { (lang.name()) }
                        }
                    }
                    form method="post" action=(visit.href("preferences")) data-whole {
                        (visit.guard())
                        input type="hidden" name="back" value=(visit.here_with(&[]));
                        @for (value, key) in [("", "app-theme_system"), ("light", "app-theme_light"), ("dark", "app-theme_dark")] {
                            button.plain name="theme" value=(value)
                                aria-pressed=(if visit.theme.as_deref().unwrap_or("") == value { "true" } else { "false" }) { (visit.t(key)) }
                        }
                    }
                    a href=(visit.href("me")) { (visit.t("app-preferences")) }
                    form method="post" action="/logout" data-whole { (visit.guard()) button.plain { (visit.t("app-sign_out")) } }
                }
            }
        }
    }
}

fn navigation(visit: &Visit) -> Markup {
    html! { nav.side aria-label=(visit.t("app-menu")) { (entries(visit)) } }
}

fn entries(visit: &Visit) -> Markup {
    let here = current(visit);
    html! {
        ul {
            @for e in NAVIGATION.iter().filter(|e| visit.may(e.permission)) {
                li {
                    a href=(visit.href(e.path)) aria-current=[(here == Some(e.path)).then_some("page")] { (icon(e.icon)) span { (visit.t(e.key)) } }
                    @if !e.under.is_empty() && (here == Some(e.path) || e.under.iter().any(|u| here == Some(u.path))) {
                        ul {
                            @for u in e.under.iter().filter(|u| visit.may(u.permission)) {
                                li { a href=(visit.href(u.path)) aria-current=[(here == Some(u.path)).then_some("page")] { (visit.t(u.key)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The entry this screen belongs to: the one with the longest address that begins this one.
fn current(visit: &Visit) -> Option<&'static str> {
    let here = visit.path.get(7..).unwrap_or_default().trim_start_matches('/');
    let all = NAVIGATION.iter().flat_map(|e| std::iter::once(e).chain(e.under));
    let begins = |path: &str| match path {
        "" => here.is_empty(),
        path => here == path || here.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')),
    };
    all.map(|e| e.path).filter(|path| begins(path)).max_by_key(|path| path.len())
}

/// Filled and opened by the script: go to, find, run.
fn palette(visit: &Visit) -> Markup {
    html! {
        dialog #palette aria-label=(visit.t("app-palette")) {
            input type="search" aria-label=(visit.t("app-palette")) placeholder=(visit.t("app-palette_hint")) autocomplete="off" data-search=(visit.href("search"));
            ul {}
        }
        dialog #help aria-label=(visit.t("app-keys")) {
            h2 { (visit.t("app-keys")) }
            dl {
                @for (keys, key) in [("Ctrl K", "app-key_palette"), ("/", "app-key_filter"), ("j k", "app-key_move"), ("x", "app-key_select"),
                    ("Enter", "app-key_open"), ("e", "app-key_command"), ("?", "app-key_help")] {
                    div { dt { kbd { (keys) } } dd { (visit.t(key)) } }
                }
            }
            form method="dialog" { button { (visit.t("app-close")) } }
        }
    }
}

/// A whole page outside the back office: signing in, the first administrator.
pub(crate) fn plain(status: StatusCode, lang: Lang, title: &str, content: &Markup) -> Response {
    let body = html! {
        header.top { a.brand href="/" aria-label="Quartermaster" { (icon("mark")) span { "Quartermaster" } } }
        main.narrow #main { (content) }
    };
    document(status, lang, None, title, &body)
}

fn document(status: StatusCode, lang: Lang, theme: Option<&str>, title: &str, body: &Markup) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang=(lang.code()) data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Quartermaster" }
                link rel="icon" href=(address("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(address("oms.css"));
                script src=(address("oms.js")) defer {}
            }
            body { (body) }
        }
    };
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], document.into_string()).into_response()
}

/// Go there now, with GET.
pub(crate) fn see_other(to: &str) -> Response {
    // A value of ours: what is not fit for a header leads to the start.
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// A page that steps once to the same address, now from this site.
pub(crate) fn step_in(to: &str) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta http-equiv="refresh" content={ "0;url=" (to) }; title { "Quartermaster" } }
            body { a href=(to) { "Quartermaster" } }
        }
    };
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], document.into_string())
        .into_response()
}

/// A problem as a page.
pub(crate) fn failed(visit: Option<&Visit>, problem: Problem) -> Response {
    let status = problem.status;
    let mut response = problem_page(visit, status, &problem.body, None);
    if let Some(after) = problem.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
    }
    response
}

/// What a handler answered; a problem in JSON becomes a page that says the same.
pub(crate) async fn dressed(visit: &Visit, response: Response) -> Response {
    /// Bodies of problems are ours and short.
    const MOST: usize = 64 << 10;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json");
    let is_wrong = status.is_client_error() || status.is_server_error();
    if !(is_json && is_wrong) || visit.path.starts_with("/store") {
        return response;
    }
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, MOST).await.unwrap_or_default();
    let Ok(value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    let mut page = problem_page(Some(visit), status, &value, None);
    if let Some(after) = parts.headers.get(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    page
}

/// The sentences of a problem's body.
pub(crate) fn sentences(body: &Value) -> Vec<String> {
    if let Some(detail) = body["detail"].as_str() {
        return vec![detail.to_owned()];
    }
    let fields = body["error"].as_object().into_iter().flatten();
    let each = fields.filter(|(field, _)| *field != "code" && *field != "request_id").flat_map(
        |(field, messages)| {
            let named = !matches!(field.as_str(), "non_field_errors" | "detail");
            let prefix = if named { format!("{field}: ") } else { String::new() };
            let texts = messages.as_array().into_iter().flatten().filter_map(Value::as_str);
            texts.map(|text| format!("{prefix}{text}")).collect::<Vec<_>>()
        },
    );
    each.collect()
}

fn problem_page(visit: Option<&Visit>, status: StatusCode, body: &Value, lang: Option<Lang>) -> Response {
    let lang = visit.map_or(lang.unwrap_or(Lang::En), |v| v.lang);
    let key = match status.as_u16() {
        401 => "app-error_session",
        403 => "app-error_forbidden",
        404 => "app-error_missing",
        409 => "app-error_conflict",
        429 | 503 => "app-error_busy",
        400..=499 => "app-error_refused",
        _ => "app-error_failed",
    };
    let title = lang.t(key);
    let code = body["error"]["code"].as_str().or(body["code"].as_str()).unwrap_or("error");
    let content = html! {
        div.problem role="alert" {
            h1 { (title) }
            @for sentence in sentences(body) { p { (sentence) } }
            p.soft { (lang.t("app-error_code")) " " code { (code) } }
            p { a href="/" { (lang.t("app-start")) } }
        }
    };
    match visit {
        Some(visit) => answer(status, visit, title, &content),
        None => plain(status, lang, title, &content),
    }
}
