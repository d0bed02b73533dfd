//! Versions of scenarios: history, drafts, publishing, going back, and the linter. The same for both
//! families; `{family}` in the addresses is `distribution-scenarios` or `transfer-scenarios`.

use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use oms_app::rules::scenarios::{self, Linted, Sent};
use oms_core::refusal::Refusal;
use oms_core::scenarios::{Family, Scenario};
use oms_core::time::format_us;
use oms_store::rules::scenarios::Draft;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::rules::scenarios::{view, without_read_only};
use crate::auth::Who;
use crate::input;
use crate::once::{Once, answer};
use crate::problem::Problem;
use crate::state::WebState;

/// One version of a scenario.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionView {
    version: i64,
    author: String,
    comment: String,
    created_date: String,
    is_current: bool,
}

/// What the linter found.
#[derive(Serialize, ToSchema)]
pub(crate) struct LintView {
    findings: Vec<FindingView>,
    /// Orders of the last seven days (the newest 2,000) that no scenario would take; null for transfers.
    unmatched: Option<UnmatchedView>,
}

/// One finding.
#[derive(Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// Stable.
    code: String,
    /// `warning` or `error`.
    severity: String,
    /// The place, for example `rules[1].filters[0]`.
    at: String,
    message: String,
}

/// Orders that no scenario would take.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnmatchedView {
    looked_at: usize,
    count: usize,
    numbers: Vec<String>,
}

/// What an address names: the family, and the ids that stand in it.
pub(crate) struct Named {
    family: Family,
    id: i64,
    version: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::failure())?;
        let find = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let family = match find("family") {
            Some("distribution-scenarios") => Family::Distribution,
            Some("transfer-scenarios") => Family::Transfer,
            other => return Err(Refusal::not_found("address", other.unwrap_or_default()).into()),
        };
        let number = |name: &str| match find(name) {
            None => Ok(0),
            Some(text) => text.parse().map_err(|_| Refusal::not_found("scenario", text)),
        };
        Ok(Self { family, id: number("id")?, version: number("version")? })
    }
}

fn lint_view(linted: Linted) -> LintView {
    let finding = |f: oms_core::scenarios::lint::Finding| FindingView {
        code: f.code.into(),
        severity: serde_json::to_value(f.severity)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default(),
        at: f.at,
        message: f.message,
    };
    LintView {
        findings: linted.findings.into_iter().map(finding).collect(),
        unmatched: linted.unmatched.map(|u| UnmatchedView {
            looked_at: u.looked_at,
            count: u.count,
            numbers: u.numbers,
        }),
    }
}

fn draft_view(draft: &Draft) -> Value {
    json!({"body": draft.scenario, "author": draft.author, "comment": draft.comment, "modified_date": format_us(draft.at_us)})
}

fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(s)) => Ok(s),
        Some(_) => Err(Refusal::invalid(key, "invalid", format!("{key} is text."))),
    }
}

/// **Ours.** The versions of a scenario, newest first.
#[utoipa::path(get, path = "/api/v1/oms/{family}/{id}/versions/", tag = "scenarios",
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Vec<VersionView>)))]
pub(crate) async fn versions(
    State(state): State<WebState>,
    Named { family, id, .. }: Named,
) -> Result<Json<Vec<VersionView>>, Problem> {
    let (current, versions) = scenarios::versions(&state.app, family, id).await?;
    let one = |v: oms_store::rules::scenarios::VersionRecord| VersionView {
        is_current: v.version == current,
        version: v.version,
        author: v.author,
        comment: v.comment,
        created_date: format_us(v.created_us),
    };
    Ok(Json(versions.into_iter().map(one).collect()))
}

/// **Ours.** One version's body.
#[utoipa::path(get, path = "/api/v1/oms/{family}/{id}/versions/{version}/", tag = "scenarios",
    params(("family" = String, Path), ("id" = i64, Path), ("version" = i64, Path)),
    responses((status = 200, body = Object)))]
pub(crate) async fn version(
    State(state): State<WebState>,
    Named { family, id, version }: Named,
) -> Result<Json<Scenario>, Problem> {
    scenarios::versions(&state.app, family, id).await?;
    Ok(Json(scenarios::version(&state.app, id, Some(version)).await?))
}

/// **Ours.** The draft: the next version in the making.
#[utoipa::path(get, path = "/api/v1/oms/{family}/{id}/draft/", tag = "scenarios",
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Object)))]
pub(crate) async fn draft(
    State(state): State<WebState>,
    Named { family, id, .. }: Named,
) -> Result<Json<Value>, Problem> {
    Ok(Json(draft_view(&scenarios::draft(&state.app, family, id).await?)))
}

/// **Ours.** Keep a draft: `{"body": {…}, "comment": ""}`. Nothing is planned by it until it is published.
#[utoipa::path(put, path = "/api/v1/oms/{family}/{id}/draft/", tag = "scenarios", request_body = Object,
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Object)))]
pub(crate) async fn put_draft(
    State(state): State<WebState>,
    Who(who): Who,
    Named { family, id, .. }: Named,
    body: input::Json,
) -> Result<Json<Value>, Problem> {
    let content = body.0.get("body").ok_or_else(|| {
        Refusal::invalid(
            "body",
            "required",
            "The scenario is expected under \"body\", a text under \"comment\".",
        )
    })?;
    let content = without_read_only(content);
    let sent = Sent { family, body: &content, comment: text(&body.0, "comment")? };
    let (ids, actor) = (scenarios::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let draft = scenarios::put_draft(&mut tx, ids, &actor, id, sent).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(Json(draft_view(&draft)))
}

/// **Ours.** Drop the draft.
#[utoipa::path(delete, path = "/api/v1/oms/{family}/{id}/draft/", tag = "scenarios",
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 204, description = "Dropped.")))]
pub(crate) async fn delete_draft(
    State(state): State<WebState>,
    Who(who): Who,
    Named { family, id, .. }: Named,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (scenarios::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    scenarios::delete_draft(&mut tx, ids, &actor, family, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// **Ours.** Make the draft the next version: `{"comment": "", "force": false}`. What the linter calls an
/// error refuses it unless `force`.
#[utoipa::path(post, path = "/api/v1/oms/{family}/{id}/publish/", tag = "scenarios", request_body = Object,
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Object)))]
pub(crate) async fn publish(
    State(state): State<WebState>,
    Named { family, id, .. }: Named,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let comment = text(&body.0, "comment")?.to_owned();
    let force = body.0.get("force").and_then(Value::as_bool).unwrap_or(false);
    let (ids, actor) = (scenarios::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let stored = scenarios::publish(tx, ids, &actor, (family, id), &comment, force).await?;
            answer(StatusCode::OK, &view(stored))
        })
    })
    .await
}

/// **Ours.** Make an earlier version the next one: `{"version": 3, "comment": ""}`.
#[utoipa::path(post, path = "/api/v1/oms/{family}/{id}/rollback/", tag = "scenarios", request_body = Object,
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Object)))]
pub(crate) async fn roll_back(
    State(state): State<WebState>,
    Named { family, id, .. }: Named,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let comment = text(&body.0, "comment")?.to_owned();
    let version = body.0.get("version").and_then(Value::as_i64);
    let version = version
        .ok_or_else(|| Refusal::invalid("version", "required", "The version to go back to is required."))?;
    let (ids, actor) = (scenarios::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let stored = scenarios::roll_back(tx, ids, &actor, (family, id), version, &comment).await?;
            answer(StatusCode::OK, &view(stored))
        })
    })
    .await
}

/// **Ours.** Lint the draft, or what is published if there is none.
#[utoipa::path(post, path = "/api/v1/oms/{family}/{id}/lint/", tag = "scenarios",
    params(("family" = String, Path), ("id" = i64, Path)), responses((status = 200, body = LintView)))]
pub(crate) async fn lint_stored(
    State(state): State<WebState>,
    Named { family, id, .. }: Named,
) -> Result<Json<LintView>, Problem> {
    Ok(Json(lint_view(scenarios::lint_stored(&state.app, family, id).await?)))
}

async fn lint_unsaved(state: &WebState, body: &Value, family: Family) -> Result<Json<LintView>, Problem> {
    let scenario = Scenario::read(&without_read_only(body), family)?;
    Ok(Json(lint_view(scenarios::lint(&state.app, family, scenario).await?)))
}

/// **Ours.** Lint a distribution scenario that is not stored.
#[utoipa::path(post, path = "/api/v1/oms/distribution-scenarios/lint/", tag = "scenarios", request_body = Object,
    responses((status = 200, body = LintView)))]
pub(crate) async fn lint(
    State(state): State<WebState>,
    body: input::Json,
) -> Result<Json<LintView>, Problem> {
    lint_unsaved(&state, &body.0, Family::Distribution).await
}

/// **Ours.** Lint a transfer scenario that is not stored.
#[utoipa::path(post, path = "/api/v1/oms/transfer-scenarios/lint/", tag = "scenarios", request_body = Object,
    responses((status = 200, body = LintView)))]
pub(crate) async fn lint_transfer(
    State(state): State<WebState>,
    body: input::Json,
) -> Result<Json<LintView>, Problem> {
    lint_unsaved(&state, &body.0, Family::Transfer).await
}
