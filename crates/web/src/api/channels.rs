//! Sales channels.

use axum::Json;
use axum::extract::State;
use oms_app::views;
use oms_core::time::format_us;
use oms_store::channels::Channel;
use oms_store::lists::tables::CHANNELS;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::input::Id;
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
