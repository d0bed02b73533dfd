//! Search over numbers, SKUs, names of products and tracking numbers.

use axum::Json;
use axum::extract::State;
use oms_app::upkeep::search::{self, Found, Hit};
use serde::Serialize;
use utoipa::ToSchema;

use crate::input::Query;
use crate::paging::{DEFAULT_LIMIT, whole, wrong};
use crate::problem::Problem;
use crate::state::WebState;
use oms_app::objects::states::{StateView, of_order, of_package, of_transfer};

/// The longest text that is looked for.
const MAX_TEXT: usize = 200;

/// One record that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct HitView {
    /// `order`, `package`, `transfer` or `product`.
    entity: &'static str,
    id: i64,
    /// Its number; of a product, its SKU.
    label: String,
    /// Of an order: its channel's name. Of a product: its own.
    name: Option<String>,
    /// Of a package: the code of its location. Of a transfer: of the one it goes to.
    erp_code: Option<String>,
    /// Of an order, a package or a transfer.
    state: Option<StateView>,
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        let state = hit.state.and_then(|code| match hit.entity {
            Found::Order => Some(of_order(code)),
            Found::Package => Some(of_package(code)),
            Found::Transfer => Some(of_transfer(code)),
            Found::Product => None,
        });
        let entity = hit.entity.word();
        Self { entity, id: hit.id, label: hit.label, name: hit.name, erp_code: hit.location, state }
    }
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundView {
    /// Orders, then packages, transfers and products.
    results: Vec<HitView>,
}

/// Ours: what begins with the text, whatever the case of its letters and whichever `i` they have: orders, packages and
/// transfers by number, packages by tracking number, products by SKU, barcode or a word of their name. Where one product
/// fits, packages that hold it too.
#[utoipa::path(get, path = "/api/v1/oms/search/", tag = "search",
    params(("q" = String, Query, description = "How it begins."),
           ("limit" = Option<i64>, Query, description = "Results of each kind, 1 to 50; 20 if it is not given.")),
    responses((status = 200, body = FoundView)))]
pub(crate) async fn find(
    State(state): State<WebState>,
    Query(given): Query,
) -> Result<Json<FoundView>, Problem> {
    let (mut text, mut limit) = (None, DEFAULT_LIMIT);
    for (name, value) in &given {
        match name.as_str() {
            "q" => text = Some(value.as_str()),
            "limit" => limit = whole(name, value)?.min(search::MOST),
            other => {
                return Err(
                    wrong(other, format!("{other:?} is not a parameter here. Known: q, limit.")).into()
                );
            }
        }
    }
    let Some(text) = text.filter(|t| t.len() <= MAX_TEXT) else {
        return Err(wrong("q", format!("q is the text to look for, at most {MAX_TEXT} bytes.")).into());
    };
    let hits = search::find(&state.app, text, limit).await?;
    Ok(Json(FoundView { results: hits.into_iter().map(HitView::from).collect() }))
}
