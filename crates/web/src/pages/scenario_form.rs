//! A scenario as a form, and a form as a scenario. Both sides speak the scenario's JSON, so that what is refused
//! is shown again as it was typed.

use maud::{Markup, html};
use oms_core::queries::{self, FIELDS, FieldType};
use oms_core::scenarios::Family;
use serde_json::{Map, Value, json};

use crate::session::Form;
use crate::ui::fields;
use crate::ui::visit::Visit;

/// Conditions on the order, each by the name of its property.
pub(crate) const CONDITIONS: [&str; 4] = ["channel", "shipping", "payment", "customer_type"];
/// Filters with the key of what they take and how it is read.
const FILTERS: [(&str, &str, Takes); 12] = [
    ("locations", "erp_codes", Takes::Words),
    ("except_locations", "erp_codes", Takes::Words),
    ("location_type", "value", Takes::Word),
    ("same_area", "level", Takes::Word),
    ("SELECT_BY_QUOTA", "", Takes::Nothing),
    ("tags", "any", Takes::Words),
    ("flags", "all", Takes::Words),
    ("max_distance", "metres", Takes::Number),
    ("open", "", Takes::Nothing),
    ("before_cut_off", "minutes", Takes::Number),
    ("packaging_time", "max_minutes", Takes::Number),
    ("exit_time", "max_minutes", Takes::Number),
];
const SORTS: [&str; 7] =
    ["distance", "priority", "stock", "coverage", "density", "packaging_time", "exit_time"];
const MODES: [&str; 3] = ["all_from_one", "whole_lines", "units"];
const OPS: [&str; 9] = ["eq", "ne", "in", "lt", "lte", "gt", "gte", "contains", "exists"];
/// Whole numbers a rule may hold.
const LIMITS: [(&str, &str); 3] = [
    ("max_packages", "scenario-max_packages"),
    ("min_units_per_extra_package", "scenario-min_units_per_extra_package"),
    ("min_value_per_extra_package", "scenario-min_value_per_extra_package"),
];
/// The most rules a form is read for.
const MOST_RULES: usize = 200;

#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Word,
    Words,
    Number,
}

/// A whole number, or what was typed for the refusal to name.
fn number(text: &str) -> Value {
    text.trim().parse::<i64>().map_or_else(|_| json!(text.trim()), |n| json!(n))
}

fn words(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|w| !w.is_empty()).collect()
}

/// What nothing was typed for is left out.
fn optional(map: &mut Map<String, Value>, key: &str, text: Option<&str>, read: impl Fn(&str) -> Value) {
    if let Some(text) = text {
        map.insert(key.into(), read(text));
    }
}

/// A form as a scenario's JSON.
pub(crate) fn read(form: &Form, family: Family) -> Value {
    let mut body = Map::new();
    body.insert("name".into(), json!(form.get("name")));
    body.insert("description".into(), json!(form.get("description")));
    body.insert("is_active".into(), json!(form.is("is_active")));
    body.insert("priority".into(), number(form.some("priority").unwrap_or("0")));
    for name in CONDITIONS {
        body.insert(name.into(), condition(form, name));
    }
    if family == Family::Distribution {
        body.insert("default_stock_location".into(), json!(form.get("default_stock_location")));
        optional(&mut body, "initial_status", form.some("initial_status"), number);
    }
    let rules = form.get("rules").parse::<usize>().unwrap_or(0).min(MOST_RULES);
    body.insert("rules".into(), (0..rules).map(|i| rule(form, i)).collect());
    Value::Object(body)
}

fn condition(form: &Form, name: &str) -> Value {
    match form.get(&format!("{name}.type")) {
        "static" => {
            let values = form
                .all(&format!("{name}.values"))
                .flat_map(words)
                .map(|w| if name == "channel" { number(w) } else { json!(w) })
                .collect::<Vec<_>>();
            json!({"type": "static", "values": values})
        }
        "query" => json!({"type": "dynamic", "query": query(form, name)}),
        _ => json!({"type": "dynamic"}),
    }
}

fn rule(form: &Form, i: usize) -> Value {
    let at = |part: &str| format!("r{i}.{part}");
    let mut rule = Map::new();
    rule.insert("name".into(), json!(form.get(&at("name"))));
    rule.insert("products".into(), json!(form.get(&at("products"))));
    rule.insert("transferable".into(), json!(form.is(&at("transferable"))));
    let when = query(form, &at("when"));
    if !when.is_null() {
        rule.insert("when".into(), when);
    }
    let kinds = form.0.iter().filter(|(k, _)| *k == at("filter")).map(|(_, v)| v.trim());
    let limits = form.0.iter().filter(|(k, _)| *k == at("limit")).map(|(_, v)| v.trim());
    rule.insert(
        "filters".into(),
        kinds
            .zip(limits)
            .filter(|(kind, _)| !kind.is_empty())
            .map(|(kind, text)| filter(kind, text))
            .collect(),
    );
    let by = form.0.iter().filter(|(k, _)| *k == at("by")).map(|(_, v)| v.trim());
    let order = form.0.iter().filter(|(k, _)| *k == at("order")).map(|(_, v)| v.trim());
    rule.insert(
        "sort".into(),
        by.zip(order)
            .filter(|(by, _)| !by.is_empty())
            .map(|(by, order)| json!({"by": by, "order": order}))
            .collect(),
    );
    for (limit, _) in LIMITS {
        optional(&mut rule, limit, form.some(&at(limit)), number);
    }
    optional(&mut rule, "keep_together", form.some(&at("keep_together")), |t| json!(t));
    Value::Object(rule)
}

fn filter(kind: &str, text: &str) -> Value {
    let mut filter = Map::from_iter([("type".to_owned(), json!(kind))]);
    let known = FILTERS.iter().find(|(name, _, _)| *name == kind);
    let (key, value) = match known {
        Some((_, key, Takes::Word)) => (*key, json!(text)),
        Some((_, key, Takes::Words)) => (*key, json!(words(text))),
        Some((_, key, Takes::Number)) => (*key, number(text)),
        _ => return Value::Object(filter),
    };
    filter.insert(key.into(), value);
    Value::Object(filter)
}

/// What a filter takes, as text.
fn filter_text(filter: &Value) -> String {
    let known = FILTERS.iter().find(|(name, _, _)| filter["type"] == *name);
    known.map(|(_, key, _)| text_of(&filter[*key])).unwrap_or_default()
}

/// A value as people type it: a list between commas.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(text_of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A query from its rows, or as it was written in JSON; null: always.
fn query(form: &Form, at: &str) -> Value {
    let all = |part: &str| {
        let name = format!("{at}.{part}");
        form.0.iter().filter(move |(k, _)| *k == name).map(|(_, v)| v.trim()).collect::<Vec<_>>()
    };
    match form.get(&format!("{at}.mode")) {
        "json" => {
            let text = form.get(&format!("{at}.json"));
            serde_json::from_str(text)
                .unwrap_or_else(|_| if text.is_empty() { Value::Null } else { json!(text) })
        }
        mode @ ("all" | "any") => {
            let (fields, ops, values) = (all("field"), all("op"), all("value"));
            let rows = fields.iter().zip(&ops).zip(&values).filter(|((field, _), _)| !field.is_empty());
            let tests: Vec<Value> = rows.map(|((field, op), value)| json!({"field": field, "op": op, "value": test_value(field, op, value)})).collect();
            if tests.is_empty() { Value::Null } else { json!({ mode: tests }) }
        }
        _ => Value::Null,
    }
}

fn test_value(field: &str, op: &str, text: &str) -> Value {
    let kind = queries::field(field).map(|f| f.kind);
    let one = |text: &str| match kind {
        Some(FieldType::Number) => number(text),
        _ => json!(text),
    };
    match op {
        "in" => words(text).into_iter().map(one).collect(),
        "exists" => json!(text != "false"),
        _ => one(text),
    }
}

/// Field, operator and value of a condition, as a form shows them.
type ConditionRow = (String, String, String);

/// A query as rows, if it is one list of tests; `None`: only JSON can say it.
fn rows(query: &Value) -> Option<(&str, Vec<ConditionRow>)> {
    let test = |q: &Value| {
        let (field, op) = (q.get("field")?.as_str()?, q.get("op")?.as_str()?);
        Some((field.to_owned(), op.to_owned(), text_of(&q["value"])))
    };
    if query.is_null() || query.as_object().is_some_and(Map::is_empty) {
        return Some(("", Vec::new()));
    }
    if query.get("field").is_some() {
        return test(query).map(|t| ("all", vec![t]));
    }
    let (mode, list) =
        ["all", "any"].into_iter().find_map(|mode| Some((mode, query.get(mode)?.as_array()?)))?;
    let tests: Option<Vec<_>> = list.iter().map(test).collect();
    tests.filter(|_| query.as_object().is_some_and(|o| o.len() == 1)).map(|tests| (mode, tests))
}

/// What the form of a scenario offers.
pub(crate) struct Offered {
    /// Hub's id and name.
    pub channels: Vec<(String, String)>,
    /// Code and name.
    pub locations: Vec<(String, String)>,
}

/// The fields of a scenario.
pub(crate) fn inputs(visit: &Visit, body: &Value, family: Family, offered: &Offered) -> Markup {
    let text = |key: &str| text_of(&body[key]);
    let rules: &[Value] = body["rules"].as_array().map_or(&[], Vec::as_slice);
    html! {
        div.columns {
            section.card {
                h2 { (visit.t("scenario-what")) }
                (fields::text(visit, "name", "scenario-name", &text("name"), true))
                (fields::text(visit, "description", "scenario-description", &text("description"), false))
                label for="priority" { (visit.t("scenario-priority")) }
                input #priority type="number" name="priority" value=(text("priority"));
                p.hint { (visit.t("scenario-priority_hint")) }
                (fields::tick(visit, "is_active", "flow-is_active", body["is_active"] != json!(false)))
                @if family == Family::Distribution {
                    (fields::choice(visit, "default_stock_location", "scenario-default_location", &text("default_stock_location"), &offered.locations))
                    p.hint { (visit.t("scenario-default_location_hint")) }
                    label for="initial_status" { (visit.t("scenario-initial_status")) }
                    input #initial_status type="number" name="initial_status" value=(text("initial_status"));
                    p.hint { (visit.t("scenario-initial_status_hint")) }
                }
            }
            section.card {
                h2 { (visit.t("scenario-when")) }
                @for name in CONDITIONS { (condition_inputs(visit, name, &body[name], offered)) }
            }
        }
        h2 { (visit.t("scenario-rules")) }
        p.soft { (visit.t("scenario-rules_about")) }
        input type="hidden" name="rules" value=(rules.len());
        input type="hidden" name="from";
        input type="hidden" name="to";
        ol.steps { @for (i, rule) in rules.iter().enumerate() { (rule_inputs(visit, i, rules.len(), rule)) } }
        button name="do" value="add" { "+ " (visit.t("scenario-add_rule")) }
    }
}

fn condition_inputs(visit: &Visit, name: &'static str, c: &Value, offered: &Offered) -> Markup {
    let kind = if c["type"] == "static" {
        "static"
    } else if c["query"].is_object() || c["query"].is_string() {
        "query"
    } else {
        "any"
    };
    let id = format!("{name}-type");
    let values: Vec<String> = c["values"].as_array().into_iter().flatten().map(text_of).collect();
    html! {
        div.card {
            label for=(id) { (visit.lang.t(&format!("scenario-on_{name}"))) }
            select id=(id) name={ (name) ".type" } data-shows {
                @for (value, key) in [("any", "scenario-any"), ("static", "scenario-one_of"), ("query", "scenario-query")] {
                    option value=(value) selected[value == kind] { (visit.t(key)) }
                }
            }
            div data-for="static" hidden[kind != "static"] {
                @if name == "channel" && !offered.channels.is_empty() {
                    fieldset {
                        legend.hidden { (visit.lang.t("scenario-on_channel")) }
                        @for (id, channel) in &offered.channels {
                            label { input type="checkbox" name="channel.values" value=(id) checked[values.contains(id)]; " " (channel) }
                        }
                    }
                } @else {
                    label for={ (name) "-values" } { (visit.t("scenario-values")) }
                    input id={ (name) "-values" } name={ (name) ".values" } value=(values.join(", "));
                }
            }
            div data-for="query" hidden[kind != "query"] { (query_inputs(visit, name, &c["query"], "all")) }
        }
    }
}

/// The builder of a query: rows of tests, or JSON for what rows cannot say.
fn query_inputs(visit: &Visit, at: &str, query: &Value, unsaid: &str) -> Markup {
    let found = rows(query);
    let mode = found.as_ref().map_or("json", |(mode, _)| if mode.is_empty() { unsaid } else { mode });
    let mut tests = found.map(|(_, tests)| tests).unwrap_or_default();
    tests.push((String::new(), "eq".into(), String::new()));
    let modes = [
        ("always", "scenario-always"),
        ("all", "scenario-all_hold"),
        ("any", "scenario-any_holds"),
        ("json", "scenario-as_json"),
    ];
    let json = if query.is_null() {
        String::new()
    } else {
        query.as_str().map_or_else(|| query.to_string(), str::to_owned)
    };
    html! {
        div.query {
            select name={ (at) ".mode" } aria-label=(visit.t("scenario-condition")) data-shows {
                @for (value, key) in modes.iter().filter(|(v, _)| *v != "always" || unsaid == "always") {
                    option value=(value) selected[*value == mode] { (visit.t(key)) }
                }
            }
            div data-for="all any" hidden[mode != "all" && mode != "any"] {
                @for (field, op, value) in &tests {
                    div.row {
                        input name={ (at) ".field" } value=(field) list="query-fields" aria-label=(visit.t("scenario-field")) placeholder="order.units";
                        select name={ (at) ".op" } aria-label=(visit.t("scenario-op")) {
                            @for known in OPS { option value=(known) selected[known == op] { (visit.lang.t(&format!("scenario-op_{known}"))) } }
                        }
                        input name={ (at) ".value" } value=(value) aria-label=(visit.t("scenario-value"));
                    }
                }
            }
            div data-for="json" hidden[mode != "json"] {
                textarea name={ (at) ".json" } aria-label=(visit.t("scenario-as_json")) spellcheck="false" { (json) }
            }
        }
    }
}

/// The names of fields, for the browser to complete.
pub(crate) fn field_names(visit: &Visit) -> Markup {
    html! { datalist #query-fields { @for f in FIELDS { option value=(f.name) { @if visit.lang.code() == "en" { (f.about) } } } } }
}

fn rule_inputs(visit: &Visit, i: usize, count: usize, rule: &Value) -> Markup {
    let at = |part: &str| format!("r{i}.{part}");
    let text = |key: &str| text_of(&rule[key]);
    let n = i + 1;
    let mut filters: Vec<(String, String)> = rule["filters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| (text_of(&f["type"]), filter_text(f)))
        .collect();
    filters.push(Default::default());
    let mut sorts: Vec<(String, String)> = rule["sort"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| (text_of(&s["by"]), text_of(&s["order"])))
        .collect();
    if sorts.len() < SORTS.len() {
        sorts.push(Default::default());
    }
    let limit = |(key, word): (&'static str, &'static str)| {
        html! {
            label { (visit.t(word)) input type="number" name=(at(key)) value=(text(key)) min="0"; }
        }
    };
    html! {
        li draggable="true" {
            span.n { (n) }
            div {
                div.row {
                    label { (visit.t("scenario-rule_name")) input name=(at("name")) value=(text("name")) required maxlength="255"; }
                    label { (visit.t("scenario-products"))
                        select name=(at("products")) { @for mode in MODES { option value=(mode) selected[rule["products"] == mode] { (visit.lang.t(&format!("scenario-mode_{mode}"))) } } }
                    }
                    label.tick { input type="checkbox" name=(at("transferable")) value="true" checked[rule["transferable"] == json!(true)]; " " (visit.t("scenario-transferable")) }
                }
                h3 { (visit.t("scenario-rule_when")) }
                (query_inputs(visit, &at("when"), &rule["when"], "always"))
                h3 { (visit.t("scenario-filters")) }
                @for (kind, value) in &filters {
                    div.row {
                        select name=(at("filter")) aria-label=(visit.say("scenario-filter_of", &[&n])) {
                            option value="" { "–" }
                            @for (name, _, _) in FILTERS { option value=(name) selected[name == kind] { (visit.lang.t(&format!("scenario-filter_{}", name.to_lowercase()))) } }
                        }
                        input name=(at("limit")) value=(value) aria-label=(visit.say("scenario-limit_of", &[&n]));
                    }
                }
                h3 { (visit.t("scenario-sort")) }
                @for (by, order) in &sorts {
                    div.row {
                        select name=(at("by")) aria-label=(visit.say("scenario-sort_of", &[&n])) {
                            option value="" { "–" }
                            @for name in SORTS { option value=(name) selected[name == by] { (visit.lang.t(&format!("scenario-sort_{name}"))) } }
                        }
                        select name=(at("order")) aria-label=(visit.say("scenario-order_of", &[&n])) {
                            @for (name, key) in [("asc", "scenario-asc"), ("desc", "scenario-desc")] { option value=(name) selected[name == order] { (visit.t(key)) } }
                        }
                    }
                }
                details.raw open[LIMITS.iter().any(|(l, _)| rule.get(*l).is_some_and(|v| !v.is_null())) || rule.get("keep_together").is_some_and(|v| !v.is_null())] {
                    summary { (visit.t("scenario-more")) }
                    div.row {
                        @for pair in LIMITS { (limit(pair)) }
                        label { (visit.t("scenario-keep_together")) input name=(at("keep_together")) value=(text("keep_together")) placeholder="line.attributes.set"; }
                    }
                }
            }
            div.commands {
                @if i > 0 { button name="do" value={ "up:" (i) } aria-label=(visit.say("scenario-up", &[&n])) { "↑" } }
                @if n < count { button name="do" value={ "down:" (i) } aria-label=(visit.say("scenario-down", &[&n])) { "↓" } }
                button.grave name="do" value={ "remove:" (i) } aria-label=(visit.say("scenario-remove_rule", &[&n])) { "×" }
            }
        }
    }
}

/// Does what a button asks with the rules of a body: adds one, moves or removes it.
pub(crate) fn apply(visit: &Visit, body: &mut Value, form: &Form) {
    let Some(rules) = body["rules"].as_array_mut() else { return };
    let asked = form.get("do");
    let (what, at) = asked.split_once(':').unwrap_or((asked, ""));
    let at = at.parse::<usize>().unwrap_or(usize::MAX);
    match what {
        "add" => {
            let name = visit.say("scenario-rule_n", &[&(rules.len() + 1)]);
            rules.push(json!({"name": name, "products": "all_from_one", "filters": [], "sort": []}));
        }
        "up" if at > 0 && at < rules.len() => rules.swap(at, at - 1),
        "down" if at.saturating_add(1) < rules.len() => rules.swap(at, at + 1),
        "remove" if at < rules.len() => drop(rules.remove(at)),
        "" => {
            let place = |name: &str| {
                form.some(name).and_then(|n| n.parse::<usize>().ok()).filter(|n| *n < rules.len())
            };
            if let (Some(from), Some(to)) = (place("from"), place("to")) {
                let rule = rules.remove(from);
                rules.insert(to, rule);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oms_core::scenarios::Scenario;

    /// Every field of the form that shows a body, as a browser would send it.
    fn sent(body: &Value) -> Form {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut put = |name: String, value: String| fields.push((name, value));
        for key in ["name", "description", "priority", "default_stock_location", "initial_status"] {
            put(key.into(), text_of(&body[key]));
        }
        if body["is_active"] == json!(true) {
            put("is_active".into(), "true".into());
        }
        for name in CONDITIONS {
            let c = &body[name];
            let kind = if c["type"] == "static" {
                "static"
            } else if c["query"].is_object() {
                "query"
            } else {
                "any"
            };
            put(format!("{name}.type"), kind.into());
            put(format!("{name}.values"), text_of(&c["values"]));
            for (k, v) in query_fields(name, &c["query"]) {
                put(k, v);
            }
        }
        let rules = body["rules"].as_array().unwrap();
        put("rules".into(), rules.len().to_string());
        for (i, rule) in rules.iter().enumerate() {
            for key in [
                "name",
                "products",
                "max_packages",
                "keep_together",
                "min_units_per_extra_package",
                "min_value_per_extra_package",
            ] {
                put(format!("r{i}.{key}"), text_of(&rule[key]));
            }
            if rule["transferable"] == json!(true) {
                put(format!("r{i}.transferable"), "true".into());
            }
            for f in rule["filters"].as_array().unwrap() {
                put(format!("r{i}.filter"), text_of(&f["type"]));
                put(format!("r{i}.limit"), filter_text(f));
            }
            for s in rule["sort"].as_array().unwrap() {
                put(format!("r{i}.by"), text_of(&s["by"]));
                put(format!("r{i}.order"), text_of(&s["order"]));
            }
            for (k, v) in query_fields(&format!("r{i}.when"), &rule["when"]) {
                put(k, v);
            }
        }
        Form(fields)
    }

    fn query_fields(at: &str, query: &Value) -> Vec<(String, String)> {
        let mut all = Vec::new();
        match rows(query) {
            None => {
                all.push((format!("{at}.mode"), "json".into()));
                all.push((format!("{at}.json"), query.to_string()));
            }
            Some((mode, tests)) => {
                all.push((format!("{at}.mode"), mode.to_owned()));
                for (field, op, value) in tests {
                    all.push((format!("{at}.field"), field));
                    all.push((format!("{at}.op"), op));
                    all.push((format!("{at}.value"), value));
                }
            }
        }
        all
    }

    #[test]
    fn what_a_form_shows_is_read_back_as_the_same_scenario() {
        let body = json!({
            "name": "City first", "description": "d", "is_active": true, "priority": -3, "default_stock_location": "W1", "initial_status": 150,
            "channel": {"type": "static", "values": [7, 9]},
            "shipping": {"type": "static", "values": ["express", "standard"]},
            "payment": {"type": "dynamic", "query": {"any": [{"field": "order.units", "op": "gt", "value": 3}, {"field": "order.amount", "op": "lte", "value": "150.00"}]}},
            "customer_type": {"type": "dynamic", "query": {"not": [{"field": "order.currency", "op": "eq", "value": "try"}]}},
            "rules": [
                {"name": "a", "products": "all_from_one", "transferable": true, "max_packages": 2, "keep_together": "line.attributes.set",
                 "min_units_per_extra_package": 2, "min_value_per_extra_package": 5000,
                 "when": {"all": [{"field": "order.city", "op": "in", "value": [1, 2]}, {"field": "line.sku", "op": "exists", "value": true}]},
                 "filters": [{"type": "locations", "erp_codes": ["a", "b"]}, {"type": "except_locations", "erp_codes": ["c"]}, {"type": "location_type", "value": "store"},
                    {"type": "same_area", "level": "city"}, {"type": "SELECT_BY_QUOTA"}, {"type": "tags", "any": ["x"]}, {"type": "flags", "all": ["is_shipper"]},
                    {"type": "max_distance", "metres": 5000}, {"type": "open"}, {"type": "before_cut_off", "minutes": 30}, {"type": "packaging_time", "max_minutes": 60}, {"type": "exit_time", "max_minutes": 90}],
                 "sort": [{"by": "distance", "order": "asc"}, {"by": "stock", "order": "desc"}]},
                {"name": "b", "products": "units", "filters": [], "sort": []}
            ]
        });
        let before = Scenario::from_json(&body).unwrap();
        let after = Scenario::from_json(&read(&sent(&body), Family::Distribution)).unwrap();
        assert_eq!(after, before);
        assert_eq!(FILTERS.len(), body["rules"][0]["filters"].as_array().unwrap().len());
    }
}
