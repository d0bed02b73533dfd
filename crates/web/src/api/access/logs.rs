//! State transition logs, listed and shown. Nobody writes them but the steps themselves.

use axum::Json;
use axum::extract::State;
use oms_app::access::logs;
use oms_core::events::entity;
use oms_core::time::format_us;
use oms_store::lists::logs::{LIST, Step};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::Id;
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;
use oms_app::objects::states::{StateView, of_package, of_transfer};

/// Rows a page if the caller does not say: as documented.
const DEFAULT_ROWS: i64 = 10;

/// One step of a package or transfer order from a state to another.
#[derive(Serialize, ToSchema)]
pub(crate) struct StateTransitionLogView {
    id: i64,
    /// Null: the record was made.
    old_state: Option<StateView>,
    new_state: StateView,
    /// The id of the user who took the step; null: the system or the hub.
    user: Option<i64>,
    /// As stored with the step.
    #[schema(value_type = Object)]
    attributes: Value,
    created_date: String,
    object_id: i64,
    /// `package` or `transferorder`.
    content_type: String,
    /// Ours: counts the record's steps, from 1.
    seq: i64,
    /// Ours: who took the step.
    actor: String,
    /// Ours: chains the record's steps; SHA-256 over the one before and this one.
    hash: String,
}

fn view(s: Step) -> StateTransitionLogView {
    let is_transfer = s.entity == entity::TRANSFER;
    let state = |code| if is_transfer { of_transfer(code) } else { of_package(code) };
    StateTransitionLogView {
        id: s.id,
        old_state: s.old_state.map(state),
        new_state: state(s.new_state),
        user: s.actor.strip_prefix("user:").and_then(|id| id.parse().ok()),
        attributes: s.attributes,
        created_date: format_us(s.at_us),
        object_id: s.entity_id,
        content_type: if is_transfer { "transferorder".into() } else { s.entity },
        seq: s.seq,
        actor: s.actor,
        hash: hex::encode(s.hash),
    }
}

/// List the steps of packages and transfer orders, 10 a page if `limit` does not say.
#[utoipa::path(get, path = "/api/v1/oms/state-transition-logs/", tag = "logs",
    responses((status = 200, body = Paged<StateTransitionLogView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<StateTransitionLogView>>, Problem> {
    let mut ask = query.ask(&LIST)?;
    ask.limit = query.limit(DEFAULT_ROWS);
    let page = logs::list(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, view)?))
}

/// One step.
#[utoipa::path(get, path = "/api/v1/oms/state-transition-logs/{id}/", tag = "logs", params(("id" = i64, Path)),
    responses((status = 200, body = StateTransitionLogView)))]
pub(crate) async fn get(
    State(state): State<WebState>,
    Id(id): Id,
) -> Result<Json<StateTransitionLogView>, Problem> {
    Ok(Json(view(logs::get(&state.app, id).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_a_user_and_a_machine_is_none() {
        let step = |entity: &str, actor: &str| Step {
            id: 1,
            entity: entity.into(),
            entity_id: 2,
            seq: 2,
            old_state: Some(10),
            new_state: 20,
            actor: actor.into(),
            attributes: Value::Null,
            at_us: 0,
            hash: vec![0xab],
        };
        let by_person = view(step("transfer", "user:7"));
        assert_eq!((by_person.user, by_person.content_type.as_str()), (Some(7), "transferorder"));
        assert_eq!(by_person.hash, "ab");
        for machine in ["system:planner", "hub"] {
            assert_eq!(view(step("package", machine)).user, None);
        }
    }
}
