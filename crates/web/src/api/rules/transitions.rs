//! State transitions: which steps this installation allows.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::rules::transitions;
use oms_core::commands::{self, Conf, Entity};
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use oms_core::transitions::{Definition, state_code};
use oms_core::{packages as package_states, transfers as transfer_states};
use oms_store::rules::transitions::{LIST, Transition};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::input::{self, Id, Query};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;
use oms_app::objects::commands::{InputView, inputs};
use oms_app::objects::states::{self, StateView};

/// A step from one state to another, bound to a command.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransitionView {
    id: i64,
    /// Ours: counts its changes; logs name the one of their day.
    rev: i64,
    /// `package` or `transfer`.
    entity: &'static str,
    /// The button's label.
    name: String,
    /// Unique.
    slug: String,
    command_code: String,
    source_state: StateView,
    destination_state: StateView,
    /// `all`, `oms`, `instore` or `hidden`.
    visibility: &'static str,
    #[schema(value_type = Object)]
    conf: Value,
    created_date: String,
    modified_date: String,
}

/// A transition to be made or changed.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the use case reads the value")]
pub(crate) struct TransitionBody {
    name: String,
    slug: String,
    command_code: String,
    /// A state's code, for example `"100"`; for transfers its word.
    #[schema(value_type = String)]
    source_state: Value,
    #[schema(value_type = String)]
    destination_state: Value,
    #[schema(required = false)]
    visibility: Option<String>,
    #[schema(value_type = Object, required = false)]
    conf: Option<Value>,
}

fn view(t: &Transition) -> TransitionView {
    let d = &t.definition;
    TransitionView {
        id: t.id,
        rev: t.rev,
        entity: d.entity.as_str(),
        name: d.name.clone(),
        slug: d.slug.clone(),
        command_code: d.code.clone(),
        source_state: states::of(d.entity, d.from),
        destination_state: states::of(d.entity, d.to),
        visibility: d.visibility.as_str(),
        conf: Value::Object(d.conf.clone()),
        created_date: format_us(t.created_us),
        modified_date: format_us(t.modified_us),
    }
}

/// What was read may be sent back: a state as an object stands for its code.
pub(crate) fn read(body: &Value) -> Result<Definition, Refusal> {
    let mut body = body.clone();
    for key in ["source_state", "destination_state"] {
        if let Some(code) = body.get(key).and_then(|s| s.get("enum_value")).cloned() {
            body[key] = code;
        }
    }
    Definition::read(&body)
}

/// List the transitions that can be run.
#[utoipa::path(get, path = "/api/v1/oms/state-transitions/", tag = "transitions", responses((status = 200, body = Paged<TransitionView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<TransitionView>>, Problem> {
    let ask = query.ask(&LIST)?;
    let page = transitions::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, |t| view(&t))?))
}

/// Make a transition.
#[utoipa::path(post, path = "/api/v1/oms/state-transitions/", tag = "transitions", request_body = TransitionBody,
    responses((status = 201, body = TransitionView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let definition = read(&body.0)?;
    let (ids, actor) = (transitions::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    let done = once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = transitions::create(tx, &actor, ids, definition).await?;
            answer(StatusCode::CREATED, &view(&made))
        })
    });
    let answered = done.await;
    transitions::forget(&state.app);
    answered
}

/// One transition.
#[utoipa::path(get, path = "/api/v1/oms/state-transitions/{id}/", tag = "transitions", params(("id" = i64, Path)),
    responses((status = 200, body = TransitionView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<TransitionView>, Problem> {
    Ok(Json(view(&transitions::get(&state.app, id).await?)))
}

/// Give a transition another content: its next revision.
#[utoipa::path(put, path = "/api/v1/oms/state-transitions/{id}/", tag = "transitions", params(("id" = i64, Path)),
    request_body = TransitionBody, responses((status = 200, body = TransitionView)))]
pub(crate) async fn put(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
    body: input::Json,
) -> Result<Json<TransitionView>, Problem> {
    let definition = read(&body.0)?;
    let (ids, actor) = (transitions::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    let changed = transitions::change(&mut tx, &actor, ids, id, definition).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    transitions::forget(&state.app);
    Ok(Json(view(&changed)))
}

/// Take a transition out of use. Logs keep naming it.
#[utoipa::path(delete, path = "/api/v1/oms/state-transitions/{id}/", tag = "transitions", params(("id" = i64, Path)),
    responses((status = 204, description = "Out of use.")))]
pub(crate) async fn delete(
    State(state): State<WebState>,
    Who(who): Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let (ids, actor) = (transitions::ids(&state.app).await?, state.app.actor(who.actor()).await?);
    let mut tx = state.app.store.begin().await.map_err(oms_app::Error::from)?;
    transitions::delete(&mut tx, &actor, ids.1, id).await?;
    tx.commit().await.map_err(oms_app::Error::from)?;
    transitions::forget(&state.app);
    Ok(StatusCode::NO_CONTENT)
}

/// A command that a transition may name.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeView {
    code: &'static str,
    /// The documented class.
    class: &'static str,
    entity: &'static str,
    name: &'static str,
    /// Keys its conf may hold.
    conf: Vec<&'static str>,
    inputs: Vec<InputView>,
    asks_outside: bool,
}

/// The commands that a transition may name: all, or those between `source_state` and `destination_state`.
#[utoipa::path(get, path = "/api/v1/oms/state-transitions/command-codes/", tag = "transitions",
    params(("entity" = Option<String>, Query, description = "`package` (default) or `transfer`."),
           ("source_state" = Option<String>, Query), ("destination_state" = Option<String>, Query)),
    responses((status = 200, body = Vec<CodeView>)))]
pub(crate) async fn codes(query: Query) -> Result<Json<Vec<CodeView>>, Problem> {
    let entity = entity(&query)?;
    let named = |key: &str| {
        let given =
            query.0.iter().find(|(name, _)| name == key).map(|(_, value)| Value::from(value.as_str()));
        given
            .map(|v| {
                state_code(&v, entity).ok_or_else(|| {
                    Refusal::invalid(key, "invalid", "The code or word of a state is expected.")
                })
            })
            .transpose()
    };
    let (from, to) = (named("source_state")?, named("destination_state")?);
    let fits = |c: &&commands::Command| {
        c.entity == entity
            && c.edges.iter().any(|e| from.is_none_or(|f| f == e.0) && to.is_none_or(|t| t == e.1))
    };
    let view = |c: &commands::Command| CodeView {
        code: c.code,
        class: c.class,
        entity: c.entity.as_str(),
        name: c.name,
        conf: c.conf.iter().map(|c: &Conf| c.key()).collect(),
        inputs: inputs(c.code),
        asks_outside: c.asks_outside,
    };
    Ok(Json(commands::COMMANDS.iter().filter(fits).map(view).collect()))
}

fn entity(query: &Query) -> Result<Entity, Refusal> {
    match query.0.iter().find(|(name, _)| name == "entity") {
        None => Ok(Entity::Package),
        Some((_, word)) => Entity::parse(word)
            .ok_or_else(|| Refusal::invalid("entity", "invalid", "package or transfer is expected.")),
    }
}

/// **Ours.** The flow as a graph: the states, and the transitions between them.
#[utoipa::path(get, path = "/api/v1/oms/state-transitions/flowchart/", tag = "transitions",
    params(("entity" = Option<String>, Query, description = "`package` (default) or `transfer`.")),
    responses((status = 200, body = Object)))]
pub(crate) async fn flowchart(State(state): State<WebState>, query: Query) -> Result<Json<Value>, Problem> {
    let entity = entity(&query)?;
    let flow = transitions::flow(&state.app).await?;
    let edges: Vec<Value> = flow
        .all()
        .iter()
        .filter(|t| t.definition.entity == entity)
        .map(|t| {
            let d = &t.definition;
            json!({"transition": t.id, "slug": d.slug, "name": d.name, "command_code": d.code, "from": d.from, "to": d.to, "is_system": false})
        })
        .collect();
    let system = oms_core::transitions::SYSTEM.iter().filter(|s| s.entity == entity);
    let system = system.map(|s| json!({"transition": s.id, "slug": s.slug, "name": s.name, "from": s.from, "to": s.to, "is_system": true}));
    let nodes: Vec<StateView> = all_states(entity);
    Ok(Json(json!({"states": nodes, "transitions": edges, "system_transitions": system.collect::<Vec<_>>()})))
}

fn all_states(entity: Entity) -> Vec<StateView> {
    match entity {
        Entity::Package => package_states::STATES.iter().map(|s| states::of(entity, s.code)).collect(),
        Entity::Transfer => transfer_states::STATES.iter().map(|s| states::of(entity, s.code)).collect(),
    }
}

/// The states of packages, transfers and their items.
#[utoipa::path(get, path = "/api/v1/oms/states/", tag = "transitions", responses((status = 200, body = Vec<StateView>)))]
pub(crate) async fn states_list() -> Json<Vec<StateView>> {
    Json([Entity::Package, Entity::Transfer].into_iter().flat_map(all_states).collect())
}
