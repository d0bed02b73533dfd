//! The body of a command: which record, which transition, and the command's own input.

use serde_json::{Map, Value};

use super::{Command, Entity, Input, InputKind};
use crate::codes;
use crate::refusal::Refusal;

/// The most items one input may name: an order has at most a thousand lines.
const MAX_ITEMS: usize = 1_000;
/// The most characters of what is told of a remote user.
const MAX_REMOTE: usize = 255;

/// Which transition of which record, before the command is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    pub transition: Option<i64>,
    pub slug: Option<String>,
    /// The record must still have this version.
    pub expected_version: Option<i64>,
    pub remote: RemoteUser,
    /// What is left for the command; keys of `input_parameters` win over top-level ones.
    given: Map<String, Value>,
}

/// Who acted in the software that calls; kept in the log beside the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteUser {
    pub pk: Option<String>,
    /// Personal: kept apart from the public fields.
    pub mail: Option<String>,
}

/// What a command was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    pub denial_reason: Option<i64>,
    /// Item and units; no units: all of them.
    pub items: Vec<(i64, Option<i64>)>,
    pub assignments: Vec<Assignment>,
    pub tracking_number: Option<String>,
    pub shipping_company: Option<String>,
    pub query_number: Option<String>,
    pub invoice_number: Option<String>,
    pub invoice_date: Option<String>,
    pub invoice_document_type: Option<String>,
    pub invoice_document: Option<String>,
    pub code: Option<String>,
}

/// Items of a package that one location packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub items: Vec<i64>,
    pub erp_code: String,
}

fn wrong(field: impl Into<String>, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

impl Body {
    /// Reads the part of a body that every command has. `id`: of the path; the body must name no other.
    pub fn read(entity: Entity, id: i64, value: &Value) -> Result<Self, Refusal> {
        let mut body = value
            .as_object()
            .cloned()
            .ok_or_else(|| wrong("non_field_errors", "A JSON object is expected."))?;
        let mut whole = |key: &str| match body.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(v) => {
                let n = v.as_i64().or_else(|| v.as_str()?.parse().ok());
                n.map(Some).ok_or_else(|| wrong(key, "A whole number is expected."))
            }
        };
        let (transition, record, expected_version) =
            (whole("transition")?, whole(entity.as_str())?, whole("expected_version")?);
        if record.is_some_and(|r| r != id) {
            let message =
                format!("The address names {} {id}; the body must name the same, or none.", entity.as_str());
            return Err(wrong(entity.as_str(), message));
        }
        let slug = match body.remove("slug") {
            None | Some(Value::Null) => None,
            Some(Value::String(s)) if !s.is_empty() && s.len() <= 400 => Some(s),
            Some(_) => return Err(wrong("slug", "The slug of a state transition is expected.")),
        };
        if transition.is_none() && slug.is_none() {
            let message = "transition (the id of a state transition) or slug is needed; the record's commands list those that can be run now.";
            return Err(Refusal::invalid("transition", "required", message));
        }
        let inner = match body.remove("input_parameters") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(inner)) => inner,
            Some(_) => return Err(wrong("input_parameters", "A JSON object is expected.")),
        };
        body.extend(inner);
        let remote = RemoteUser {
            // `user` and `token` are documented for blocking; the token would be a secret in a log.
            pk: remote_text(&mut body, "remote_user_pk")?.or(remote_text(&mut body, "user")?),
            mail: remote_text(&mut body, "remote_user_mail")?,
        };
        body.remove("token");
        Ok(Self { transition, slug, expected_version, remote, given: body })
    }

    /// Reads the command's own input. Keys it does not know are refused by name.
    pub fn given(&self, command: &Command) -> Result<Given, Refusal> {
        if let Some(key) = self.given.keys().find(|k| !command.inputs.iter().any(|i| i.key == k.as_str())) {
            let known: Vec<_> = command.inputs.iter().map(|i| i.key).collect();
            let known = if known.is_empty() {
                "It takes no input.".into()
            } else {
                format!("It takes {}.", known.join(", "))
            };
            return Err(Refusal::invalid(
                key,
                "unknown_key",
                format!("{} does not know {key:?}. {known}", command.code),
            ));
        }
        let mut given = Given::default();
        for input in command.inputs {
            match self.given.get(input.key) {
                None | Some(Value::Null) if input.is_required => {
                    return Err(Refusal::invalid(
                        input.key,
                        "required",
                        format!("{} is needed: {}", input.key, input.about),
                    ));
                }
                None | Some(Value::Null) => {}
                Some(value) => take(&mut given, input, value)?,
            }
        }
        Ok(given)
    }
}

fn remote_text(body: &mut Map<String, Value>, key: &str) -> Result<Option<String>, Refusal> {
    match body.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(n)) => codes::number(&n).map(Some).map_err(|e| wrong(key, e.to_string())),
        Some(Value::String(s)) if s.chars().count() <= MAX_REMOTE && !s.contains('\0') => Ok(Some(s)),
        Some(_) => Err(wrong(key, format!("A text of at most {MAX_REMOTE} characters is expected."))),
    }
}

fn take(given: &mut Given, input: &Input, value: &Value) -> Result<(), Refusal> {
    let key = input.key;
    match input.kind {
        InputKind::Text(most) => {
            let text = text(key, value, most)?;
            let slot = match key {
                "tracking_number" => &mut given.tracking_number,
                "shipping_company" => &mut given.shipping_company,
                "query_number" => &mut given.query_number,
                "invoice_number" => &mut given.invoice_number,
                "invoice_document_type" => &mut given.invoice_document_type,
                "invoice_document" => &mut given.invoice_document,
                "code" => &mut given.code,
                other => unreachable!("the table has no text {other}"),
            };
            *slot = Some(text);
        }
        InputKind::Day => {
            let text = text(key, value, 10)?;
            let day = text.parse::<jiff::civil::Date>();
            day.map_err(|_| wrong(key, "A day such as 2031-03-05 is expected."))?;
            given.invoice_date = Some(text);
        }
        InputKind::DenialReason => {
            let id = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            given.denial_reason =
                Some(id.ok_or_else(|| wrong(key, "The id of a denial reason is expected."))?);
        }
        InputKind::PackageItems | InputKind::TransferItems => given.items = items(key, value)?,
        InputKind::Assignments => given.assignments = assignments(key, value)?,
    }
    Ok(())
}

fn text(key: &str, value: &Value, most: usize) -> Result<String, Refusal> {
    let text = match value {
        Value::String(s) => s.trim().to_owned(),
        Value::Number(n) => codes::number(n).map_err(|e| wrong(key, e.to_string()))?,
        _ => String::new(),
    };
    match text.chars().count() {
        n if (1..=most).contains(&n) && !text.contains('\0') => Ok(text),
        _ => Err(wrong(key, format!("A text of 1 to {most} characters is expected."))),
    }
}

fn list<'v>(key: &str, value: &'v Value) -> Result<&'v Vec<Value>, Refusal> {
    let list = value.as_array().filter(|l| l.len() <= MAX_ITEMS);
    list.ok_or_else(|| wrong(key, format!("A list of at most {MAX_ITEMS} is expected.")))
}

fn items(key: &str, value: &Value) -> Result<Vec<(i64, Option<i64>)>, Refusal> {
    let mut items = Vec::new();
    for value in list(key, value)? {
        let item = match value {
            Value::Object(o) => {
                let id = o.get("id").or(o.get("package_item")).and_then(Value::as_i64);
                let units = match o.get("quantity") {
                    None | Some(Value::Null) => None,
                    Some(n) => Some(
                        n.as_i64()
                            .filter(|n| *n > 0)
                            .ok_or_else(|| wrong(key, "quantity is a whole number from 1."))?,
                    ),
                };
                id.map(|id| (id, units))
            }
            other => other.as_i64().or_else(|| other.as_str()?.parse().ok()).map(|id| (id, None)),
        };
        let item = item.ok_or_else(|| wrong(key, "Each is the id of an item, or {\"id\", \"quantity\"}."))?;
        if items.iter().any(|(id, _)| *id == item.0) {
            return Err(wrong(key, format!("Item {} is named twice.", item.0)));
        }
        items.push(item);
    }
    Ok(items)
}

fn assignments(key: &str, value: &Value) -> Result<Vec<Assignment>, Refusal> {
    let groups = list(key, value)?;
    if groups.is_empty() {
        return Err(wrong(key, "At least one group {\"package_items\", \"stock_location\"} is expected."));
    }
    let mut all = Vec::new();
    for group in groups {
        let erp_code = group.get("stock_location").and_then(Value::as_str).unwrap_or_default().to_owned();
        let named = group.get("package_items").map(|v| items(key, v)).transpose()?.unwrap_or_default();
        if erp_code.is_empty() || named.is_empty() || named.iter().any(|(_, units)| units.is_some()) {
            let message =
                "Each group is {\"package_items\": [ids of items], \"stock_location\": \"erp_code\"}.";
            return Err(wrong(key, message));
        }
        all.push(Assignment { items: named.into_iter().map(|(id, _)| id).collect(), erp_code });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::command;
    use serde_json::json;

    fn read(value: Value) -> Result<Body, Refusal> {
        Body::read(Entity::Package, 7, &value)
    }

    #[test]
    fn a_body_names_its_transition_and_no_other_record() {
        assert_eq!(read(json!({})).expect_err("refused").code, "required");
        assert_eq!(read(json!({"slug": "X", "package": 8})).expect_err("refused").field, "package");
        let body =
            read(json!({"transition": 3, "package": 7, "user": 12, "token": "secret"})).expect("reads");
        assert_eq!((body.transition, body.remote.pk.as_deref()), (Some(3), Some("12")));
        assert_eq!(read(json!([])).expect_err("refused").field, "non_field_errors");
    }

    #[test]
    fn inner_keys_win_and_unknown_ones_are_named() {
        let refuse = command("REFUSE_WITH_DENIAL_REASON").expect("known");
        let body = read(json!({"slug": "X", "denial_reason": 1, "input_parameters": {"denial_reason": 2}}));
        assert_eq!(body.expect("reads").given(refuse).expect("given").denial_reason, Some(2));
        let body = read(json!({"slug": "X", "denial": 1})).expect("reads");
        assert_eq!(body.given(refuse).expect_err("refused").code, "unknown_key");
        let body = read(json!({"slug": "X"})).expect("reads");
        assert_eq!(body.given(refuse).expect_err("refused").field, "denial_reason");
    }

    #[test]
    fn items_and_groups() {
        let missing = command("PRODUCT_NOT_FOUND_ADVANCED").expect("known");
        let given = |v: Value| {
            read(json!({"slug": "X", "input_parameters": {"package_items": v}}))
                .expect("reads")
                .given(missing)
        };
        assert_eq!(
            given(json!([1, {"id": 2, "quantity": 3}])).expect("given").items,
            [(1, None), (2, Some(3))]
        );
        assert!(
            given(json!([1, 1])).is_err()
                && given(json!([{"id": 1, "quantity": 0}])).is_err()
                && given(json!(3)).is_err()
        );
        let plan = command("MANUAL_PLANNING").expect("known");
        let body =
            read(json!({"slug": "X", "assignment_groups": [{"package_items": [1], "stock_location": "S"}]}));
        assert_eq!(
            body.expect("reads").given(plan).expect("given").assignments,
            [Assignment { items: vec![1], erp_code: "S".into() }]
        );
        let body = read(json!({"slug": "X", "assignment_groups": []})).expect("reads");
        assert!(body.given(plan).is_err());
    }
}
