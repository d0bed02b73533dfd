//! Reading JSON from outside as a type: a refusal names the path to what is wrong, and says in plain words what was
//! expected. What serde says of Rust's types never reaches a person.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::Refusal;

/// Reads a value as a type. `root` stands before the path, and alone where the value as a whole is wrong.
pub fn read<T: DeserializeOwned>(value: &Value, root: &str) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = join(root, &error.path().to_string());
        let said = error.inner().to_string();
        told(&path, &said)
    })
}

/// A path below another; `.` is the whole.
fn join(root: &str, path: &str) -> String {
    match (root, path) {
        ("", ".") => String::new(),
        (root, ".") => root.to_owned(),
        ("", path) => path.to_owned(),
        (root, path) if path.starts_with('[') => format!("{root}{path}"),
        (root, path) => format!("{root}.{path}"),
    }
}

fn told(path: &str, said: &str) -> Refusal {
    let at = |path: &str| if path.is_empty() { "non_field_errors".to_owned() } else { path.to_owned() };
    let refuse = |path: &str, code, message: String| Refusal::invalid(at(path), code, message);
    if let Some(name) = said.strip_prefix("missing field ").and_then(quoted) {
        let path = join(path, name);
        return refuse(&path, "required", format!("{path} is required."));
    }
    if let Some(rest) = said.strip_prefix("unknown field ") {
        let name = named(rest);
        // The path of an unknown key ends with it already.
        let path = if path.ends_with(name) { path.to_owned() } else { join(path, name) };
        return refuse(&path, "unknown_field", format!("{name:?} is not known here. {}", known(rest)));
    }
    if let Some(rest) = said.strip_prefix("unknown variant ") {
        let name = named(rest);
        return refuse(
            path,
            "invalid_choice",
            format!("{name:?} is not one of the choices. {}", known(rest)),
        );
    }
    let about = if path.is_empty() { String::new() } else { format!("{path}: ") };
    for prefix in ["invalid type: ", "invalid value: ", "invalid length "] {
        let Some(rest) = said.strip_prefix(prefix) else { continue };
        let Some((found, wanted)) = rest.rsplit_once(", expected ") else { continue };
        let (wanted, found) = (wanted_words(wanted), found_words(found));
        return refuse(path, "invalid", format!("{about}{wanted} is expected, found {found}."));
    }
    let text = said.trim_end_matches('.');
    let text = if text.starts_with("data did not match any variant") {
        "it has none of the shapes that are known"
    } else {
        text
    };
    refuse(path, "invalid", format!("{about}{text}."))
}

/// The text between the first two backticks.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

/// Where serde goes on after a name from outside, which may hold anything.
const EXPECTED: [&str; 2] = ["`, expected ", "`, there are no "];

/// The name from outside.
fn named(text: &str) -> &str {
    let end = EXPECTED.iter().filter_map(|after| text.rfind(after)).max().unwrap_or(text.len());
    text.get(1..end).unwrap_or_default()
}

/// The names that serde lists as expected.
fn known(text: &str) -> String {
    let after = text.rfind(EXPECTED[0]).map_or("", |at| &text[at + EXPECTED[0].len()..]);
    let names: Vec<&str> = after.split('`').skip(1).step_by(2).collect();
    if names.is_empty() {
        "Nothing is expected there.".into()
    } else {
        format!("Known: {}.", names.join(", "))
    }
}

fn wanted_words(wanted: &str) -> String {
    let plain = match wanted.trim() {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "string" | "a character" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "map" => "an object",
        "unit" | "null" | "option" => "null",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum") => "an object",
        other if other.starts_with("enum ") || other.starts_with("variant") => "one of the choices",
        other if other.starts_with("a tuple") || other.starts_with("tuple") => "a list of another length",
        other => return other.to_owned(),
    };
    plain.to_owned()
}

fn found_words(found: &str) -> String {
    let inner = |text: &str| quoted(text).unwrap_or(text).to_owned();
    match found.split(' ').next().unwrap_or_default() {
        "string" => format!("the text {}", found.trim_start_matches("string ")),
        "integer" | "floating" => format!("the number {}", inner(found)),
        "boolean" => inner(found),
        "null" | "unit" => "null".into(),
        "map" => "an object".into(),
        "sequence" => "a list".into(),
        _ => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is refused matters")]
    struct Load {
        rows: Vec<Row>,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is refused matters")]
    struct Row {
        sku: String,
        on_hand: i64,
        #[serde(default)]
        most: Option<u32>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        #[default]
        Whole,
        InPart,
    }

    fn refused(value: Value) -> (String, &'static str, String) {
        let r = read::<Load>(&value, "").expect_err("refused");
        (r.field, r.code, r.message)
    }

    #[test]
    fn the_path_is_named_and_no_word_is_rusts() {
        let cases = [
            (
                json!({"rows": [{"sku": "A", "on_hand": "1.5"}]}),
                "rows[0].on_hand",
                "invalid",
                "rows[0].on_hand: a whole number is expected, found the text \"1.5\".",
            ),
            (
                json!({"rows": [{"sku": "A", "on_hand": 1.5}]}),
                "rows[0].on_hand",
                "invalid",
                "rows[0].on_hand: a whole number is expected, found the number 1.5.",
            ),
            (
                json!({"rows": [{"sku": "A", "on_hand": 1}, {"sku": null, "on_hand": 1}]}),
                "rows[1].sku",
                "invalid",
                "rows[1].sku: a text is expected, found null.",
            ),
            (
                json!({"rows": [{"sku": 7, "on_hand": 1}]}),
                "rows[0].sku",
                "invalid",
                "rows[0].sku: a text is expected, found the number 7.",
            ),
            (
                json!({"rows": [{"sku": "A", "on_hand": 1, "most": -1}]}),
                "rows[0].most",
                "invalid",
                "rows[0].most: a whole number from 0 is expected, found the number -1.",
            ),
            (json!({"rows": [{"sku": "A"}]}), "rows[0].on_hand", "required", "rows[0].on_hand is required."),
            (json!({"rows": [{"sku": "A", "on_hand": 1, "x`y": 2}]}), "rows[0].x`y", "unknown_field", ""),
            (
                json!({"rows": [], "kinds": 1}),
                "kinds",
                "unknown_field",
                "\"kinds\" is not known here. Known: rows, kind.",
            ),
            (
                json!({"rows": [], "kind": "none"}),
                "kind",
                "invalid_choice",
                "\"none\" is not one of the choices. Known: whole, in_part.",
            ),
            (json!({"rows": {}}), "rows", "invalid", "rows: a list is expected, found an object."),
            (json!({}), "rows", "required", "rows is required."),
            (json!(3), "non_field_errors", "invalid", "an object is expected, found the number 3."),
        ];
        for (value, field, code, message) in cases {
            let found = refused(value.clone());
            assert_eq!((found.0.as_str(), found.1), (field, code), "{value}: {found:?}");
            assert!(message.is_empty() || found.2 == message, "{value}: {found:?}");
            for rust in ["struct", "i64", "u32", "variant", "`", "invalid type"] {
                assert!(message.is_empty() || !found.2.contains(rust), "{found:?}");
            }
        }
        let below = read::<Load>(&json!({"rows": [3]}), "config").expect_err("refused");
        assert_eq!(below.field, "config.rows[0]");
        assert_eq!(read::<Load>(&json!([]), "config").expect_err("refused").field, "config");
    }
}
