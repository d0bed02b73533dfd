//! Locations: the list, all of them on the map, and one with what it may do, its load, hours and custom fields.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use oms_app::places::locations;
use oms_app::setup::settings;
use oms_app::stock::engines;
use oms_app::views;
use oms_core::calendars::{self, Calendar};
use oms_core::packages::Kind;
use oms_store::lists::Ask;
use oms_store::lists::tables::LOCATIONS;
use oms_store::places::locations::{Location, Properties};
use serde_json::{Map, Value, json};

use crate::api::places::locations_input as input;
use crate::pages::change;
use crate::pages::packages::all_views;
use crate::problem::Problem;
use crate::session::Form;
use crate::state::WebState;
use crate::ui::list::{self, Column, Line, Listing, Offered};
use crate::ui::map::{self, Place};
use crate::ui::visit::Visit;
use crate::ui::{badge, fields, shell};

const COLUMNS: &[Column] = &[
    Column::new("name", "location-name").sorted("name", "name"),
    Column::new("erp_code", "location-code").sorted("erp_code", "erp_code"),
    Column::new("kind", "location-kind"),
    Column::new("load", "location-load").number(),
    Column::new("state", "package-state"),
    Column::new("does", "location-does"),
    Column::new("priority", "location-priority").number().sorted("priority", "-priority"),
    Column::new("engine", "location-engine").hidden(),
    Column::new("point", "location-point").hidden(),
];

/// The words' key and the query of presets.
const PRESETS: &[(&str, &str)] =
    &[("location-view_centers", "is_fulfillment_center=true"), ("location-view_off", "is_active=false")];

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let mut ask = list::ask(&visit, &LOCATIONS)?;
    ask.order = ask.order.or(Some("name".into()));
    let (page, _) = views::locations(&state.app, &ask).await?;
    let lines: Vec<Line> = page.rows.iter().map(|l| line(&visit, l)).collect();
    let yes_no = || {
        vec![
            ("true".to_owned(), visit.t("form-yes").to_owned()),
            ("false".to_owned(), visit.t("form-no").to_owned()),
        ]
    };
    let kinds = ["store", "warehouse"].map(|k| (k.to_owned(), kind(&visit, k))).into();
    let tools = html! {
        a.button href=(visit.href("stock-locations/map")) { (visit.t("location-map")) }
        a.button href=(visit.href("stock-locations/new")) { "+ " (visit.t("location-new")) }
    };
    let listing = Listing {
        name: "stock-locations",
        title: visit.t("nav-locations"),
        columns: COLUMNS,
        filters: vec![
            Offered::text("name", "location-name"),
            Offered::text("erp_code", "location-code"),
            Offered::choice("stock_location_type", "location-kind", kinds),
            Offered::choice("is_active", "flow-is_active", yes_no()),
            Offered::choice("is_fulfillment_center", "location-is_fulfillment_center", yes_no()),
        ],
        views: all_views(&state, &visit, "stock-locations", PRESETS).await?,
        tools,
        bulk: None,
        empty: "location-empty",
        live: None,
    };
    let content = html! { (fields::said(&visit)) (listing.show(&visit, page.count, &lines)) };
    Ok(shell::page(&visit, visit.t("nav-locations"), &content))
}

fn kind(visit: &Visit, word: &str) -> String {
    visit.lang.find(&format!("location-kind_{word}")).unwrap_or(word).to_owned()
}

/// Packages that hold a slot, and of how many.
fn load(visit: &Visit, l: &Location) -> Markup {
    let Some(most) = l.properties.max_quota else { return html! { (visit.number(l.quota)) } };
    let width = (l.quota.min(most) as f64 / most.max(1) as f64 * 40.0).max(0.5);
    html! {
        svg.bar aria-hidden="true" width="40" height="8" viewBox="0 0 40 8" { rect width=(format!("{width:.1}")) height="8" rx="1" {} }
        " " (visit.number(l.quota)) " / " (visit.number(most))
    }
}

fn standing(visit: &Visit, l: &Location) -> Markup {
    let p = &l.properties;
    let is_full = p.max_quota.is_some_and(|most| l.quota >= most);
    let is_closed =
        Calendar::from_json(&p.calendar).is_ok_and(|c| !calendars::hours_at(&c, visit.now_us).open);
    match () {
        () if !p.is_active => badge::of_kind(Kind::Waiting, visit.t("user-shut_out")),
        () if is_full => badge::of_kind(Kind::NeedsYou, visit.t("location-full")),
        () if is_closed => badge::of_kind(Kind::Waiting, visit.t("location-closed")),
        () => badge::of_kind(Kind::Done, visit.t("user-active")),
    }
}

/// The field of a flag, the key of its word, and whether a location has it.
type Flag = (&'static str, &'static str, fn(&Properties) -> bool);

const FLAGS: [Flag; 7] = [
    ("is_active", "flow-is_active", |p| p.is_active),
    ("is_fulfillment_center", "location-is_fulfillment_center", |p| p.is_fulfillment_center),
    ("is_pickup_location", "location-is_pickup_location", |p| p.is_pickup_location),
    ("is_delivery_location", "location-is_delivery_location", |p| p.is_delivery_location),
    ("is_return_available", "location-is_return_available", |p| p.is_return_available),
    ("is_fast_delivery_available", "location-is_fast_delivery_available", |p| p.is_fast_delivery_available),
    ("is_shipper", "location-is_shipper", |p| p.is_shipper),
];

fn line(visit: &Visit, l: &Location) -> Line {
    let p = &l.properties;
    let does: Vec<&str> =
        FLAGS.iter().skip(1).filter(|(_, _, is)| is(p)).map(|(_, word, _)| visit.t(word)).collect();
    Line {
        id: l.id,
        href: visit.href(&format!("stock-locations/{}", l.id)),
        label: p.name.clone(),
        cells: vec![
            html! { (p.name) },
            html! { code { (p.erp_code) } },
            html! { (kind(visit, p.kind.as_str())) },
            load(visit, l),
            standing(visit, l),
            html! { span.soft { (does.join(", ")) } },
            html! { (p.priority) },
            fields::or_dash(p.engine),
            fields::or_dash(
                p.address
                    .point
                    .map(|at| format!("{:.4}, {:.4}", at.lat_udeg as f64 / 1e6, at.lon_udeg as f64 / 1e6)),
            ),
        ],
    }
}

/// All locations on the map, the busier the larger.
pub(crate) async fn on_map(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let ask = Ask { conditions: Vec::new(), page: 1, limit: 2_000, ..Ask::default() };
    let (page, _) = views::locations(&state.app, &ask).await?;
    let most = page.rows.iter().map(|l| l.quota).max().unwrap_or(0).max(1);
    let mut rows = page.rows;
    rows.sort_by_key(|l| std::cmp::Reverse(l.quota));
    let place = |l: &Location| {
        let p = &l.properties;
        let class = match p.max_quota {
            _ if !p.is_active => "gone",
            Some(max) if l.quota >= max => "source",
            _ => "ranked",
        };
        let label = format!("{} · {}", p.name, l.quota);
        let size = 0.8 + 2.2 * (l.quota as f64 / most as f64).sqrt();
        Some(Place {
            label,
            point: p.address.point?,
            class,
            size,
            href: visit.href(&format!("stock-locations/{}", l.id)),
        })
    };
    let places: Vec<Place> = rows.iter().filter_map(place).collect();
    let without = rows.len() - places.len();
    let title = visit.t("location-map");
    let content = html! {
        div.head { h1 { (title) } span.count { (places.len()) } div.tools { a href=(visit.href("stock-locations")) { (visit.t("nav-locations")) } } }
        p.soft { (visit.t("location-map_about")) }
        @if without > 0 { p.warning { (visit.say("location-without_point", &[&without])) } }
        (map::show(title, &places, &[]))
    };
    Ok(shell::page(&visit, title, &content))
}

/// One location.
pub(crate) async fn show(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
) -> Result<Response, Problem> {
    detail(&state, &visit, id, &[]).await
}

/// The form of a new one.
pub(crate) async fn new(visit: Visit) -> Response {
    fresh(&visit, "", &[])
}

fn fresh(visit: &Visit, code: &str, wrong: &[String]) -> Response {
    let kinds: Vec<(String, String)> = ["store", "warehouse"].map(|k| (k.to_owned(), kind(visit, k))).into();
    let content = html! {
        (fields::refused(visit, wrong))
        h1 { (visit.t("location-new")) }
        p.soft { (visit.t("location-new_about")) }
        form.card method="post" {
            (visit.guard())
            (fields::text(visit, "name", "location-name", "", true))
            (fields::text(visit, "erp_code", "location-code", code, true))
            (fields::choice(visit, "stock_location_type", "location-kind", "store", &kinds))
            button.primary { (visit.t("location-new")) }
        }
    };
    shell::page(visit, visit.t("location-new"), &content)
}

/// Makes one.
pub(crate) async fn create(
    State(state): State<WebState>,
    visit: Visit,
    form: Form,
) -> Result<Response, Problem> {
    let body = json!({"name": form.get("name"), "erp_code": form.get("erp_code"), "stock_location_type": form.get("stock_location_type")});
    let properties = match change::told(input::whole(&body).map_err(oms_app::Error::from))? {
        Ok(properties) => properties,
        Err(wrong) => return Ok(fresh(&visit, form.get("erp_code"), &wrong)),
    };
    let ids = locations::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = locations::create(&mut tx, ids, &actor, &properties).await;
    match change::end(tx, done).await? {
        Ok(made) => {
            engines::changed(&state.app).await;
            Ok(shell::see_other(&visit.href(&format!("stock-locations/{}?done=saved", made.id))))
        }
        Err(wrong) => Ok(fresh(&visit, form.get("erp_code"), &wrong)),
    }
}

/// A whole number, or what was typed for the refusal to name.
fn number(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |t| t.parse::<i64>().map_or(json!(t), |n| json!(n)))
}

/// Days of the week as the calendar names them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `09:00-13:00, 14:00-18:00` as spans.
fn spans(text: &str) -> Value {
    let span = |part: &str| {
        let (from, to) = part.split_once(['-', '–']).unwrap_or((part, ""));
        json!([from.trim(), to.trim()])
    };
    text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(span).collect()
}

fn calendar(form: &Form, before: &Value) -> Value {
    if !form.is("has_hours") {
        return Value::Null;
    }
    let mut weekly = Map::new();
    for day in DAYS {
        let spans = spans(form.get(&format!("hours_{day}")));
        if spans.as_array().is_some_and(|s| !s.is_empty()) {
            weekly.insert(day.into(), spans);
        }
    }
    let holidays: Vec<&str> =
        form.get("holidays").split([',', ' ', '\n']).map(str::trim).filter(|d| !d.is_empty()).collect();
    let mut calendar = json!({"time_zone": form.get("time_zone"), "weekly": weekly, "holidays": holidays});
    // Single days with other hours are kept as they are: they are made through the API.
    if let Some(exceptions) = before.get("exceptions") {
        calendar["exceptions"] = exceptions.clone();
    }
    if let Some(cut_off) = form.some("cut_off") {
        calendar["cut_off"] = json!(cut_off);
    }
    calendar
}

/// Custom fields: what reads as JSON is that, anything else is text.
fn custom(form: &Form) -> Value {
    let keys: Vec<&str> = form.all("field").collect();
    let values: Vec<&str> = form.all("content").collect();
    let pairs = keys.iter().zip(&values).filter(|(key, _)| !key.trim().is_empty());
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
    Value::Object(pairs.map(|(key, text)| (key.trim().to_owned(), read(text.trim()))).collect())
}

fn body(form: &Form, before: &Properties) -> Value {
    let tags: Vec<Value> = form
        .get("tags")
        .split(',')
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(|name| json!({"name": name}))
        .collect();
    let mut body = json!({
        "name": form.get("name"), "erp_code": form.get("erp_code"), "stock_location_type": form.get("stock_location_type"),
        "priority": number(Some(form.some("priority").unwrap_or("0"))), "max_quota": number(form.some("max_quota")),
        "engine": number(form.some("engine")), "email": form.some("email"), "daytime_phone": form.some("daytime_phone"),
        "targeted_packaging_minutes": number(form.some("targeted_packaging_minutes")),
        "targeted_exit_minutes": number(form.some("targeted_exit_minutes")),
        "calendar": calendar(form, &before.calendar), "conf": custom(form), "tags": tags,
        "address": {"line": form.some("line"), "latitude": form.some("latitude"), "longitude": form.some("longitude")},
    });
    for (flag, _, _) in FLAGS {
        body[flag] = json!(form.is(flag));
    }
    body
}

/// Changes one.
pub(crate) async fn save(
    State(state): State<WebState>,
    visit: Visit,
    Path((_, id)): Path<(String, i64)>,
    form: Form,
) -> Result<Response, Problem> {
    let ids = locations::ids(&state.app).await?;
    let (mut tx, actor) = change::begin(&state, &visit).await?;
    let done = locations::update(&mut tx, ids, &actor, id, |p| {
        let body = body(&form, p);
        input::onto(p, &body)
    })
    .await;
    match change::end(tx, done).await? {
        Ok(_) => {
            engines::changed(&state.app).await;
            Ok(shell::see_other(&visit.href(&format!("stock-locations/{id}?done=saved"))))
        }
        Err(wrong) => detail(&state, &visit, id, &wrong).await,
    }
}

async fn detail(state: &WebState, visit: &Visit, id: i64, wrong: &[String]) -> Result<Response, Problem> {
    let l = locations::get(&state.app, id).await?;
    let ask = Ask { conditions: Vec::new(), page: 1, limit: 100, ..Ask::default() };
    let engines = views::engines(&state.app, &ask).await?.rows;
    let mut sources = vec![(String::new(), visit.t("location-own_ledger").to_owned())];
    sources.extend(engines.into_iter().map(|e| (e.id.to_string(), e.name)));
    let p = &l.properties;
    let region = settings::regional(&state.app).await?.location(&p.erp_code);
    let packages = visit.href(&format!("packages?stock_location__erp_code={}", p.erp_code));
    let content = html! {
        (fields::said(visit))
        (fields::refused(visit, wrong))
        div.head {
            h1 { (p.name) } (standing(visit, &l)) span.count { (load(visit, &l)) }
            div.tools {
                a.button href=(packages) { (visit.t("nav-packages")) }
                a.button href=(visit.href(&format!("stock?erp_code={}", p.erp_code))) { (visit.t("nav-stock")) }
            }
        }
        form method="post" {
            (visit.guard())
            div.columns { (about(visit, p)) (duties(visit, p, &sources)) (hours(visit, p, region.time_zone.as_deref())) (more(visit, p)) }
            div.commands { button.primary { (visit.t("form-save")) } }
        }
    };
    Ok(shell::page(visit, &p.name, &content))
}

fn about(visit: &Visit, p: &Properties) -> Markup {
    let kinds: Vec<(String, String)> = ["store", "warehouse"].map(|k| (k.to_owned(), kind(visit, k))).into();
    let degrees = |of: fn(oms_core::geo::Point) -> i64| {
        p.address.point.map(|at| format!("{:.6}", of(at) as f64 / 1e6)).unwrap_or_default()
    };
    html! {
        section.card {
            h2 { (visit.t("location-about")) }
            (fields::text(visit, "name", "location-name", &p.name, true))
            (fields::text(visit, "erp_code", "location-code", &p.erp_code, true))
            (fields::choice(visit, "stock_location_type", "location-kind", p.kind.as_str(), &kinds))
            (fields::text(visit, "line", "location-line", p.address.line.as_deref().unwrap_or(""), false))
            (fields::text(visit, "latitude", "location-latitude", &degrees(|at| at.lat_udeg), false))
            (fields::text(visit, "longitude", "location-longitude", &degrees(|at| at.lon_udeg), false))
            (fields::text(visit, "email", "package-email", p.email.as_deref().unwrap_or(""), false))
            (fields::text(visit, "daytime_phone", "package-phone", p.daytime_phone.as_deref().unwrap_or(""), false))
        }
    }
}

fn duties(visit: &Visit, p: &Properties, sources: &[(String, String)]) -> Markup {
    let whole = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
    let field = |name: &'static str, word: &'static str, value: String| {
        html! { label for=(name) { (visit.t(word)) } input id=(name) type="number" name=(name) value=(value); }
    };
    html! {
        section.card {
            h2 { (visit.t("location-does")) }
            fieldset { legend.hidden { (visit.t("location-does")) } @for (name, word, is) in FLAGS { (fields::tick(visit, name, word, is(p))) } }
            (field("max_quota", "location-max_quota", whole(p.max_quota)))
            p.hint { (visit.t("location-max_quota_hint")) }
            (field("priority", "location-priority", p.priority.to_string()))
            (field("targeted_packaging_minutes", "location-packaging_minutes", whole(p.targeted_packaging_minutes)))
            (field("targeted_exit_minutes", "location-exit_minutes", whole(p.targeted_exit_minutes)))
            (fields::choice(visit, "engine", "location-engine", &whole(p.engine), sources))
        }
    }
}

fn hours(visit: &Visit, p: &Properties, zone: Option<&str>) -> Markup {
    let c = &p.calendar;
    let told = |spans: &Value| {
        let one = |s: &Value| format!("{}-{}", s[0].as_str().unwrap_or(""), s[1].as_str().unwrap_or(""));
        spans.as_array().into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
    };
    let holidays: Vec<&str> =
        c["holidays"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let zone = c["time_zone"].as_str().or(zone).or(visit.zone.iana_name()).unwrap_or("UTC");
    html! {
        section.card {
            h2 { (visit.t("location-hours")) }
            label.tick { input type="checkbox" name="has_hours" value="true" checked[!c.is_null()] data-shows; " " (visit.t("location-has_hours")) }
            p.hint { (visit.t("location-hours_hint")) }
            div data-for="true" {
                (fields::text(visit, "time_zone", "app-time_zone", zone, false))
                @for day in DAYS {
                    @let name = format!("hours_{day}");
                    label for=(name) { (visit.lang.t(&format!("location-day_{day}"))) }
                    input id=(name) name=(name) value=(told(&c["weekly"][day])) placeholder="09:00-18:00" maxlength="100";
                }
                (fields::text(visit, "cut_off", "location-cut_off", c["cut_off"].as_str().unwrap_or(""), false))
                (fields::text(visit, "holidays", "location-holidays", &holidays.join(", "), false))
            }
        }
    }
}

fn more(visit: &Visit, p: &Properties) -> Markup {
    let tags: Vec<&str> =
        p.tags.as_array().into_iter().flatten().filter_map(|t| t["name"].as_str()).collect();
    let mut pairs: Vec<(String, String)> =
        p.conf.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), typed(v))).collect();
    pairs.extend([(String::new(), String::new()), (String::new(), String::new())]);
    html! {
        section.card {
            h2 { (visit.t("location-custom")) }
            (fields::text(visit, "tags", "location-tags", &tags.join(", "), false))
            p.hint { (visit.t("location-custom_hint")) }
            @for (i, (key, value)) in pairs.iter().enumerate() {
                div.row {
                    label { (visit.say("location-field", &[&(i + 1)])) input name="field" value=(key) maxlength="100"; }
                    label { (visit.say("location-content", &[&(i + 1)])) input name="content" value=(value) maxlength="2000"; }
                }
            }
        }
    }
}

/// A value as the form shows it: text plain, unless it would be read as something else.
fn typed(value: &Value) -> String {
    match value {
        Value::String(s) if serde_json::from_str::<Value>(s).is_err() => s.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn what_a_form_shows_of_a_custom_field_is_read_back_as_it_was() {
        for value in [
            json!("plain"),
            json!("5"),
            json!(5),
            json!(true),
            json!({"a": [1]}),
            json!("{\"a\":1}"),
            json!(null),
        ] {
            let sent = form(&[("field", "k"), ("content", &typed(&value)), ("field", ""), ("content", "")]);
            assert_eq!(custom(&sent), json!({"k": value}));
        }
    }

    #[test]
    fn hours_are_read_from_their_fields_and_a_wrong_one_is_refused() {
        let sent = |hours: &'static str| {
            form(&[
                ("has_hours", "true"),
                ("time_zone", "Europe/Istanbul"),
                ("hours_mon", hours),
                ("holidays", "2026-01-01, 2026-10-29"),
            ])
        };
        let read = calendar(&sent("09:00-13:00, 14:00–18:00"), &Value::Null);
        assert_eq!(read["weekly"]["mon"], json!([["09:00", "13:00"], ["14:00", "18:00"]]));
        assert!(Calendar::from_json(&read).is_ok());
        assert!(Calendar::from_json(&calendar(&sent("nine"), &Value::Null)).is_err());
        assert!(calendar(&form(&[]), &Value::Null).is_null());
    }
}
