//! A JSON value as a form, in the shape of an example: what a table of the core shows as an example is what people fill in.
//! What the example does not have is kept as it is.

use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::session::Form;

/// What is wrong, and in which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A path with dots, or its last word.
    pub field: String,
    pub message: String,
}

impl Fault {
    /// For a place that is not the part's own: names the part, unless the message does.
    pub(crate) fn sentence(&self) -> String {
        match self.field.as_str() {
            "json_value" | "non_field_errors" => self.message.clone(),
            field if self.message.contains(field) => self.message.clone(),
            field => format!("{field}: {}", self.message),
        }
    }
}

/// How a part is filled in.
enum Part<'e> {
    Text,
    Number,
    Flag,
    /// Texts or numbers between commas.
    List,
    Parts(&'e Map<String, Value>),
    /// As JSON: its keys are data, or its form is not the example's.
    Json,
}

fn part<'e>(path: &str, example: &'e Value, value: Option<&Value>) -> Part<'e> {
    let is_scalar = |v: &Value| v.is_string() || v.is_number();
    match (example, value) {
        (Value::Object(parts), None | Some(Value::Object(_) | Value::Null))
            if path.is_empty() || !parts.values().all(Value::is_object) =>
        {
            Part::Parts(parts)
        }
        (Value::Array(all), None) if all.iter().all(is_scalar) => Part::List,
        (Value::Array(_), Some(Value::Array(all))) if all.iter().all(is_scalar) => Part::List,
        (Value::String(_), None | Some(Value::String(_) | Value::Null)) => Part::Text,
        (Value::Number(_), None | Some(Value::Number(_) | Value::String(_) | Value::Null)) => Part::Number,
        (Value::Bool(_), None | Some(Value::Bool(_) | Value::Null)) => Part::Flag,
        _ => Part::Json,
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The text of a value in a field.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(all)) => all.iter().map(|v| text(Some(v))).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

/// Whether a fault is of a part.
fn is_of(fault: &Fault, path: &str) -> bool {
    path == fault.field
        || path.rsplit('.').next() == Some(&fault.field)
        || fault.field.rsplit('.').next() == Some(path)
}

/// Whether one of the form's parts shows a fault; otherwise it is told above the form.
pub(crate) fn shows(example: &Value, value: Option<&Value>, fault: &Fault) -> bool {
    fn any(path: &str, example: &Value, value: Option<&Value>, fault: &Fault) -> bool {
        match part(path, example, value) {
            Part::Parts(parts) => {
                parts.iter().any(|(key, e)| any(&below(path, key), e, value.and_then(|v| v.get(key)), fault))
            }
            _ => is_of(fault, path),
        }
    }
    any("", example, value, fault)
}

/// What a form is beside its example and its value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown<'s> {
    /// The form's own, so that ids are unique on a page.
    pub name: &'s str,
    pub fault: Option<&'s Fault>,
    /// Texts under these keys are typed unseen, and what was typed is not sent back.
    pub secrets: &'s [&'s str],
    /// The words that a part may be, by its path.
    pub choices: &'s [(&'s str, &'s [&'s str])],
}

impl Shown<'_> {
    /// The fields.
    pub(crate) fn fields(&self, example: &Value, value: Option<&Value>) -> Markup {
        html! { div.json { (self.part("", "", example, value)) } }
    }

    fn part(&self, path: &str, key: &str, example: &Value, value: Option<&Value>) -> Markup {
        let id = format!("{}-{}", self.name, path.replace('.', "-"));
        let field = format!("f.{path}");
        let wrong = self.fault.filter(|fault| is_of(fault, path));
        let told = wrong.map(|_| format!("{id}-wrong"));
        let words = self.choices.iter().find(|(of, _)| *of == path).map(|(_, words)| *words);
        let hint = text(Some(example));
        let is_secret = self.secrets.contains(&key);
        let filled =
            Some(text(value)).filter(|t| !is_secret || t == oms_core::secrets::MASK).unwrap_or_default();
        html! {
            @match part(path, example, value) {
                Part::Parts(parts) => {
                    @if path.is_empty() { (self.parts(path, parts, value)) }
                    @else { fieldset { legend { code { (key) } } (self.parts(path, parts, value)) } }
                }
                Part::Flag => {
                    label.tick { input id=(id) type="checkbox" name=(field) value="true" checked[value == Some(&Value::Bool(true))]; " " code { (key) } }
                }
                Part::Json => {
                    label for=(id) { code { (key) } }
                    textarea id=(id) name=(field) rows="3" spellcheck="false" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[told.as_deref()] { (value.map(|v| serde_json::to_string_pretty(v).unwrap_or_default()).unwrap_or_default()) }
                }
                Part::Text if words.is_some() => {
                    label for=(id) { code { (key) } }
                    select id=(id) name=(field) aria-invalid=[wrong.map(|_| "true")] aria-describedby=[told.as_deref()] {
                        option value="" { "–" }
                        @for word in words.unwrap_or_default() { option value=(word) selected[filled == *word] { (word) } }
                        // A stored word that is none of these is not lost by saving.
                        @if !filled.is_empty() && !words.unwrap_or_default().contains(&filled.as_str()) { option value=(filled) selected { (filled) } }
                    }
                }
                Part::Text | Part::Number | Part::List => {
                    label for=(id) { code { (key) } }
                    input id=(id) type=(if is_secret { "password" } else { "text" }) name=(field) value=(filled) placeholder=(hint) autocomplete="off" maxlength="2000" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[told.as_deref()];
                }
            }
            @if let (Some(fault), Some(id)) = (wrong, &told) { p.wrong id=(id) { (fault.message) } }
        }
    }

    /// What is one field first, what has parts of its own last: what belongs together stands together.
    fn parts(&self, path: &str, parts: &Map<String, Value>, value: Option<&Value>) -> Markup {
        let mut all: Vec<_> = parts.iter().map(|(key, e)| (key, e, value.and_then(|v| v.get(key)))).collect();
        all.sort_by_key(|(key, example, value)| match part(&below(path, key), example, *value) {
            Part::Text | Part::Number | Part::List => 0,
            Part::Flag => 1,
            Part::Json => 2,
            Part::Parts(_) => 3,
        });
        html! { @for (key, example, value) in all { (self.part(&below(path, key), key, example, value)) } }
    }
}

/// The value that a form was filled in with. `before`: what was stored, whose other parts are kept. Empty texts are left
/// out, so that what is required is asked for by name.
pub(crate) fn read(form: &Form, example: &Value, before: Option<&Value>) -> Result<Value, Fault> {
    Ok(read_part(form, "", example, before)?.unwrap_or_else(|| Value::Object(Map::new())))
}

fn read_part(
    form: &Form,
    path: &str,
    example: &Value,
    before: Option<&Value>,
) -> Result<Option<Value>, Fault> {
    let sent = form.get(&format!("f.{path}"));
    Ok(match part(path, example, before) {
        Part::Parts(parts) => {
            let mut made = before.and_then(Value::as_object).cloned().unwrap_or_default();
            for (key, example) in parts {
                match read_part(form, &below(path, key), example, before.and_then(|b| b.get(key)))? {
                    Some(value) => drop(made.insert(key.clone(), value)),
                    None => drop(made.remove(key)),
                }
            }
            Some(Value::Object(made))
        }
        Part::Flag => Some(Value::Bool(sent == "true")),
        Part::List => Some(Value::Array(list(sent, example))),
        _ if sent.is_empty() => None,
        Part::Text => Some(sent.into()),
        Part::Number => Some(number(sent)),
        Part::Json => {
            let read = serde_json::from_str(sent);
            let wrong = |e: serde_json::Error| Fault { field: path.to_owned(), message: e.to_string() };
            Some(read.map_err(wrong)?)
        }
    })
}

/// A number, or the text as it is: the refusal then says what is expected.
fn number(text: &str) -> Value {
    text.parse::<i64>()
        .map(Value::from)
        .or_else(|_| text.parse::<f64>().map(Value::from))
        .unwrap_or_else(|_| text.into())
}

/// Numbers where the example has numbers, or nothing and all are.
fn list(sent: &str, example: &Value) -> Vec<Value> {
    let texts: Vec<&str> = sent.split(',').map(str::trim).filter(|t| !t.is_empty()).collect();
    let of = example.as_array().and_then(|all| all.first());
    let are_numbers = match of {
        Some(first) => first.is_number(),
        None => texts.iter().all(|t| t.parse::<i64>().is_ok()),
    };
    texts.into_iter().map(|t| if are_numbers { number(t) } else { t.into() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::read(serde_urlencoded::to_string(fields).unwrap().as_bytes()).unwrap()
    }

    /// The fields of a form as a browser sends them back.
    fn sent_back(path: &str, example: &Value, value: Option<&Value>, all: &mut Vec<(String, String)>) {
        let name = format!("f.{path}");
        match part(path, example, value) {
            Part::Parts(parts) => {
                for (key, example) in parts {
                    sent_back(&below(path, key), example, value.and_then(|v| v.get(key)), all);
                }
            }
            Part::Flag if value != Some(&Value::Bool(true)) => {}
            Part::Json => all.push((name, value.map(Value::to_string).unwrap_or_default())),
            _ => all.push((name, text(value))),
        }
    }

    #[test]
    fn what_is_not_touched_comes_back_as_it_was() {
        for setting in oms_core::settings::SETTINGS {
            let example: Value = serde_json::from_str(setting.example).unwrap();
            let mut more = example.clone();
            more["kept"] = json!({"as": ["it", "is"]});
            for value in [example.clone(), more] {
                let mut fields = Vec::new();
                sent_back("", &example, Some(&value), &mut fields);
                let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                assert_eq!(read(&form(&fields), &example, Some(&value)), Ok(value), "{}", setting.key);
            }
        }
    }

    #[test]
    fn a_secret_is_typed_unseen_and_never_sent_back() {
        let example = json!({"password": "…", "name": "x"});
        for (value, is_shown) in [("hunter2", false), (oms_core::secrets::MASK, true)] {
            let shown = Shown { name: "k", secrets: &["password"], ..Shown::default() };
            let page = shown.fields(&example, Some(&json!({"password": value, "name": "me"}))).into_string();
            assert_eq!(page.contains(value), is_shown, "{page}");
            assert!(page.contains("type=\"password\"") && page.contains("value=\"me\""), "{page}");
        }
    }

    #[test]
    fn a_part_of_known_words_is_chosen_and_another_word_is_kept() {
        let example = json!({"auth": {"type": "token"}});
        let choices: &[(&str, &[&str])] = &[("auth.type", &["anonymous", "token"])];
        let page = |word: &str| {
            let shown = Shown { name: "k", choices, ..Shown::default() };
            shown.fields(&example, Some(&json!({"auth": {"type": word}}))).into_string()
        };
        assert!(page("token").contains("<option value=\"token\" selected>"), "{}", page("token"));
        assert!(page("other").contains("<option value=\"other\" selected>"), "{}", page("other"));
    }

    #[test]
    fn parts_are_read_by_the_example_and_faults_find_their_field() {
        let example =
            json!({"a": {"b": "x", "n": 1}, "l": ["400"], "e": [], "m": {"k": {"v": 1}}, "t": true});
        let fields = [
            ("f.a.b", " y "),
            ("f.a.n", "seven"),
            ("f.l", "400, 450"),
            ("f.e", "1,2"),
            ("f.m", "{\"q\":{}}"),
        ];
        let value = read(&form(&fields), &example, None).unwrap();
        let expected = json!({"a": {"b": "y", "n": "seven"}, "l": ["400", "450"], "e": [1, 2], "m": {"q": {}}, "t": false});
        assert_eq!(value, expected);
        let none = read(&form(&[("f.a.b", "")]), &example, Some(&json!({"a": {"b": "old"}}))).unwrap();
        assert_eq!(none["a"], json!({}), "an emptied text is taken away");
        let wrong = read(&form(&[("f.m", "{")]), &example, None).unwrap_err();
        assert_eq!(wrong.field, "m");
        for (field, is_shown) in [("a.n", true), ("n", true), ("m", true), ("json_value", false)] {
            let fault = Fault { field: field.into(), message: "wrong".into() };
            assert_eq!(shows(&example, None, &fault), is_shown, "{field}");
            let shown = Shown { name: "k", fault: Some(&fault), ..Shown::default() };
            let page = shown.fields(&example, None).into_string();
            assert_eq!(page.matches("class=\"wrong\"").count(), usize::from(is_shown), "{field}: {page}");
        }
    }
}
