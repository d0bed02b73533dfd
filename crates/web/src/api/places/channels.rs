//! Sales channels.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use oms_app::places::channels;
use oms_app::views;
use oms_core::refusal::Refusal;
use oms_core::time::format_us;
use oms_store::lists::tables::CHANNELS;
use oms_store::places::channels::Channel;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::{self, Id};
use crate::once::{Once, answer};
use crate::paging::{ListQuery, Paged};
use crate::problem::Problem;
use crate::state::WebState;

/// A sales channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    id: i64,
    /// Its id at the hub.
    omnitron_id: Option<i64>,
    name: String,
    channel_type: String,
    #[schema(value_type = Object)]
    configuration: Value,
    is_active: bool,
    created_date: String,
    modified_date: String,
}

impl From<Channel> for ChannelView {
    fn from(c: Channel) -> Self {
        Self {
            id: c.id,
            omnitron_id: c.omnitron_id,
            name: c.name,
            channel_type: c.channel_type,
            configuration: c.configuration,
            is_active: c.is_active,
            created_date: format_us(c.created_us),
            modified_date: format_us(c.modified_us),
        }
    }
}

/// A channel to be made or changed. What is left out stays, or is empty.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelBody {
    name: Option<String>,
    channel_type: Option<String>,
    #[schema(value_type = Option<Object>)]
    configuration: Option<serde_json::Map<String, Value>>,
    is_active: Option<bool>,
}

/// **Ours.** Make a channel, for brands without a hub; refused where a hub is set.
#[utoipa::path(post, path = "/api/v1/oms/channels/", tag = "channels", request_body = ChannelBody,
    responses((status = 201, body = ChannelView)))]
pub(crate) async fn create(
    State(state): State<WebState>,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let given = body.read::<ChannelBody>()?;
    let name =
        given.name.ok_or_else(|| Refusal::invalid("name", "required", "The channel's name is expected."))?;
    let wanted = channels::Wanted {
        name,
        channel_type: given.channel_type.unwrap_or_else(|| "web".into()),
        configuration: Value::Object(given.configuration.unwrap_or_default()),
        is_active: given.is_active.unwrap_or(true),
    };
    let (ids, actor) = (channels::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let made = channels::create(tx, ids, &actor, wanted).await?;
            answer(StatusCode::CREATED, &ChannelView::from(made))
        })
    })
    .await
}

/// **Ours.** Change a channel that was made here.
#[utoipa::path(patch, path = "/api/v1/oms/channels/{id}/", tag = "channels", params(("id" = i64, Path)),
    request_body = ChannelBody, responses((status = 200, body = ChannelView)))]
pub(crate) async fn patch(
    State(state): State<WebState>,
    Id(id): Id,
    once: Once,
    body: input::Json,
) -> Result<Response, Problem> {
    let given = body.read::<ChannelBody>()?;
    let (ids, actor) = (channels::ids(&state.app).await?, state.app.actor(once.who.actor()).await?);
    once.run(&state, &body.0, move |tx| {
        Box::pin(async move {
            let changed = channels::update(tx, ids, &actor, id, |c| {
                c.name = given.name.unwrap_or_else(|| c.name.clone());
                c.channel_type = given.channel_type.unwrap_or_else(|| c.channel_type.clone());
                c.configuration = given.configuration.map_or_else(|| c.configuration.clone(), Value::Object);
                c.is_active = given.is_active.unwrap_or(c.is_active);
            })
            .await?;
            answer(StatusCode::OK, &ChannelView::from(changed))
        })
    })
    .await
}

/// List channels.
#[utoipa::path(get, path = "/api/v1/oms/channels/", tag = "channels", responses((status = 200, body = Paged<ChannelView>)))]
pub(crate) async fn list(
    State(state): State<WebState>,
    query: ListQuery,
) -> Result<Json<Paged<ChannelView>>, Problem> {
    let ask = query.ask(&CHANNELS)?;
    let page = views::channels(&state.app, &ask).await?;
    Ok(Json(query.frame(page, ask.limit, ChannelView::from)?))
}

/// One channel.
#[utoipa::path(get, path = "/api/v1/oms/channels/{id}/", tag = "channels", params(("id" = i64, Path)),
    responses((status = 200, body = ChannelView)))]
pub(crate) async fn get(State(state): State<WebState>, Id(id): Id) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(views::channel(&state.app, id).await?.into()))
}
