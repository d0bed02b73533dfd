//! Locations and channels as choices of forms.

use oms_app::views;
use oms_store::lists::Ask;

use crate::problem::Problem;
use crate::state::WebState;

/// The most locations a choice offers; a brand with more filters by code.
const MOST: i64 = 1_000;

/// Code and name of every location, by name.
pub(crate) async fn choices(state: &WebState) -> Result<Vec<(String, String)>, Problem> {
    let ask = Ask { page: 1, limit: MOST, ..Ask::default() };
    let (page, _) = views::locations(&state.app, &ask).await?;
    let mut all: Vec<(String, String)> =
        page.rows.into_iter().map(|l| (l.properties.erp_code, l.properties.name)).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(all)
}

/// Id and name of every channel.
pub(crate) async fn channels(state: &WebState) -> Result<Vec<(String, String)>, Problem> {
    let ask = Ask { page: 1, limit: MOST, ..Ask::default() };
    let page = views::channels(&state.app, &ask).await?;
    Ok(page.rows.into_iter().map(|c| (c.id.to_string(), c.name)).collect())
}
