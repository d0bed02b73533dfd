//! The batch protocol: a client commits what it has seen, and sees it again only when it changes.

use std::collections::HashMap;

use axum::http::StatusCode;
use oms_core::time;
use serde_json::{Value, json};

use super::Hub;
use super::cancellations::object;
use super::change::{Draft, Then};
use super::kind::{Kind, MODELS, content_type_id};
use super::reply::Reply;
use super::shape::{Shape, Slot, may, null, read};
use super::world::{Fields, World};

/// Most objects of one commit; clients commit a page at a time.
const MAX_OBJECTS: usize = 5_000;

const STATUSES: [&str; 6] = ["initialized", "commit", "sent_to_remote", "ongoing", "done", "fail"];

const BATCH: [Slot; 4] = [
    may("status", Shape::OneOf(&STATUSES)),
    null("content_type", Shape::Text(64)),
    null("remote_batch_id", Shape::Text(128)),
    null("log_file", Shape::Text(1024)),
];

const ACTION: [Slot; 7] = [
    null("remote_id", Shape::Text(255)),
    null("version_date", Shape::Time),
    may("state", Shape::Object),
    null("local_batch_id", Shape::Text(64)),
    may("status", Shape::OneOf(&["processing", "success", "error"])),
    may("object_id", Shape::Count),
    null("failed_reason_type", Shape::OneOf(&["mapping", "remote", "channel_app"])),
];

impl Hub {
    /// `POST channel/{id}/batch_requests/`.
    pub(crate) async fn create_batch(&self, channel: i64) -> Result<Reply, Reply> {
        self.change(|draft| {
            let batch = json!({ "channel": channel, "local_batch_id": uuid::Uuid::new_v4().to_string(),
                "remote_batch_id": null, "content_type": null, "status": "initialized", "objects": [], "log_file": null });
            let pk = draft.create(Kind::BatchRequest, object(batch));
            Ok(Then::Show(StatusCode::CREATED, Kind::BatchRequest, pk, false))
        })
        .await
    }

    /// `PATCH channel/{id}/batch_requests/{pk}/`.
    pub(crate) async fn patch_batch(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let before = draft.fields(Kind::BatchRequest, pk)?;
            let given = read(draft, &BATCH, &body, true)?;
            let word =
                |fields: &Fields, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
            let from = word(&before, "status").unwrap_or_default();
            let to = word(&given, "status").unwrap_or_else(|| from.clone());
            let model = word(&given, "content_type").or_else(|| word(&before, "content_type"));
            check_move(draft, pk, &from, &to, model.as_deref())?;
            let objects = objects(&body)?;
            for entry in &objects {
                act(draft, &before, model.as_deref().unwrap_or_default(), &to, entry)?;
            }
            let mut fields = given;
            if to == "commit" && !objects.is_empty() {
                let mut all = before.get("objects").and_then(Value::as_array).cloned().unwrap_or_default();
                all.extend(objects.into_iter().map(Value::Object));
                if all.len() > MAX_OBJECTS {
                    return Err(Reply::field("objects", format!("At most {MAX_OBJECTS} objects a batch.")));
                }
                fields.insert("objects".to_owned(), all.into());
            }
            draft.set(Kind::BatchRequest, pk, fields)?;
            if matches!(to.as_str(), "done" | "fail") && from != to {
                close(draft, &before, if to == "done" { "success" } else { "error" })?;
            }
            Ok(Then::Show(StatusCode::OK, Kind::BatchRequest, pk, false))
        })
        .await
    }

    /// `POST channel/{id}/integration_actions/`.
    pub(crate) async fn create_action(&self, channel: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let given = read(draft, &ACTION, &body, true)?;
            let named =
                body.get("content_type_name").or_else(|| body.get("content_type")).and_then(Value::as_str);
            let model = named.ok_or_else(|| Reply::field("content_type", "This field is required."))?;
            let mut fields = action(channel, model)?;
            fields.extend(given);
            let pk = draft.create(Kind::IntegrationAction, fields);
            Ok(Then::Show(StatusCode::CREATED, Kind::IntegrationAction, pk, false))
        })
        .await
    }

    /// `PATCH channel/{id}/integration_actions/{pk}/`.
    pub(crate) async fn patch_action(&self, pk: i64, body: Fields) -> Result<Reply, Reply> {
        self.change(|draft| {
            let given = read(draft, &ACTION, &body, true)?;
            draft.set(Kind::IntegrationAction, pk, given)?;
            Ok(Then::Show(StatusCode::OK, Kind::IntegrationAction, pk, false))
        })
        .await
    }
}

/// A batch goes forward only; `commit` may be repeated, but one batch of a content type holds it at a time.
fn check_move(draft: &Draft<'_>, pk: i64, from: &str, to: &str, model: Option<&str>) -> Result<(), Reply> {
    let place = |word: &str| STATUSES.iter().position(|s| *s == word).unwrap_or_default();
    let ended = matches!(from, "done" | "fail");
    if (ended && from != to) || place(to) < place(from) {
        let more = json!({ "detail": format!("A batch that is {from} may not become {to}."), "from": from, "to": to });
        return Err(Reply::refused("batch_request_status_100_2", more));
    }
    if to != "commit" {
        return Ok(());
    }
    let model = model.ok_or_else(|| Reply::field("content_type", "This field is required."))?;
    content_type_id(model)
        .ok_or_else(|| Reply::field("content_type", format!("{model} is not a valid choice.")))?;
    let channel = draft.fields(Kind::BatchRequest, pk)?.remove("channel");
    for other in draft.world().keys(Kind::BatchRequest).into_iter().filter(|other| *other != pk) {
        let fields = draft.fields(Kind::BatchRequest, other)?;
        let is = |name: &str, value: &str| fields.get(name).is_some_and(|v| v == value);
        if is("status", "commit") && is("content_type", model) && fields.get("channel") == channel.as_ref() {
            let detail = format!("Batch {other} holds {model} in commit.");
            return Err(Reply::refused("batch_request_status_100_1", json!({ "detail": detail })));
        }
    }
    Ok(())
}

fn objects(body: &Fields) -> Result<Vec<Fields>, Reply> {
    let Some(listed) = body.get("objects") else { return Ok(Vec::new()) };
    let listed = listed.as_array().filter(|list| list.len() <= MAX_OBJECTS);
    let listed = listed
        .ok_or_else(|| Reply::field("objects", format!("Expected a list of at most {MAX_OBJECTS}.")))?;
    let one = |entry: &Value| {
        entry.as_object().cloned().ok_or_else(|| Reply::field("objects", "Expected objects."))
    };
    listed.iter().map(one).collect()
}

/// Notes what a batch says of one object: committed, sent, or failed.
fn act(draft: &mut Draft<'_>, batch: &Fields, model: &str, to: &str, entry: &Fields) -> Result<(), Reply> {
    let object_id = entry.get("pk").and_then(Value::as_i64).unwrap_or_default();
    let batch_id = batch.get("local_batch_id").cloned().unwrap_or_default();
    let model = entry.get("content_type").and_then(Value::as_str).unwrap_or(model);
    let mut fields = action(batch.get("channel").and_then(Value::as_i64).unwrap_or_default(), model)?;
    fields.extend(read(draft, &ACTION, entry, true)?);
    fields.insert("object_id".to_owned(), object_id.into());
    fields.insert("local_batch_id".to_owned(), batch_id.clone());
    let failed = fields.get("failed_reason_type").is_some_and(|r| !r.is_null());
    fields.insert("status".to_owned(), if failed { "error" } else { "processing" }.into());
    let known = draft.world().keys(Kind::IntegrationAction).into_iter().find(|pk| {
        draft.fields(Kind::IntegrationAction, *pk).is_ok_and(|f| {
            f.get("local_batch_id") == Some(&batch_id) && f.get("object_id") == Some(&json!(object_id))
        })
    });
    match known {
        None if to == "commit" => {
            draft.create(Kind::IntegrationAction, fields);
        }
        None => {}
        Some(pk) => {
            // Later reports carry the remote id and the failure; the version stays the committed one.
            fields.retain(|name, value| name != "version_date" && (name != "remote_id" || !value.is_null()));
            draft.set(Kind::IntegrationAction, pk, fields)?;
        }
    }
    Ok(())
}

fn close(draft: &mut Draft<'_>, batch: &Fields, outcome: &str) -> Result<(), Reply> {
    for pk in draft.world().keys(Kind::IntegrationAction) {
        let fields = draft.fields(Kind::IntegrationAction, pk)?;
        let ours = fields.get("local_batch_id") == batch.get("local_batch_id");
        if ours && fields.get("status").is_some_and(|s| s == "processing") {
            draft.set(Kind::IntegrationAction, pk, object(json!({ "status": outcome })))?;
        }
    }
    Ok(())
}

fn action(channel: i64, model: &str) -> Result<Fields, Reply> {
    let id = content_type_id(model);
    let id = id.ok_or_else(|| Reply::field("content_type", format!("{model} is not a valid choice.")))?;
    let app_label = MODELS[id as usize - 1].0;
    Ok(object(
        json!({ "channel": channel, "content_type": { "id": id, "app_label": app_label, "model": model },
        "object_id": null, "remote_id": null, "version_date": null, "state": {}, "local_batch_id": null,
        "status": "processing", "failed_reason_type": null }),
    ))
}

/// What a channel has committed of a model: object and the version it has seen. Failed ones are seen again;
/// those still under way are held back until their batch ends.
pub(crate) fn committed(world: &World, channel: i64, model: &str) -> HashMap<i64, i64> {
    let mut seen: HashMap<i64, i64> = HashMap::new();
    for pk in world.keys(Kind::IntegrationAction) {
        let Some(fields) = world.fields(Kind::IntegrationAction, pk) else { continue };
        let of_model = fields.get("content_type").and_then(|c| c.get("model")).is_some_and(|m| m == model);
        if !of_model || fields.get("channel") != Some(&json!(channel)) {
            continue;
        }
        let Some(object) = fields.get("object_id").and_then(Value::as_i64) else { continue };
        let version = fields.get("version_date").and_then(Value::as_str).and_then(|t| time::parse_us(t).ok());
        let at = match fields.get("status").and_then(Value::as_str) {
            Some("processing") => i64::MAX,
            Some("success") => version.unwrap_or(i64::MAX),
            _ => continue,
        };
        let latest = seen.entry(object).or_insert(at);
        *latest = at.max(*latest);
    }
    seen
}
