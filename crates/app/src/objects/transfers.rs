//! Transfers as objects.

use oms_core::commands::Entity;
use oms_core::time::format_us;
use oms_store::lists::transfers::Transfer;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::objects::commands::{self, CommandView};
use crate::objects::locations::{self, LocationView};
use crate::objects::states::{StateView, of_transfer};
use crate::objects::transfer_items::{self, TransferItemView};
use crate::packages::transfer_views::TransferSet;

/// A transfer order: goods on their way from one location to the one that packs them.
#[derive(Serialize, ToSchema)]
pub struct TransferView {
    id: i64,
    number: String,
    state: StateView,
    /// The order's id, as `order_id`.
    order: i64,
    order_id: i64,
    order_number: String,
    /// The id of the package it is for.
    package: i64,
    package_number: String,
    source: Option<LocationView>,
    destination: Option<LocationView>,
    transfer_item_set: Vec<TransferItemView>,
    /// What can be done now.
    commands: Vec<CommandView>,
    /// Ours: counts the transfer's changes.
    version: i64,
    /// Ours: its package is gone; what arrives is free stock.
    is_detached: bool,
    #[schema(value_type = Object)]
    extra_information: Value,
    created_date: String,
    modified_date: String,
}

/// What can be done with a transfer now.
fn runnable(set: &TransferSet, t: &Transfer) -> Vec<CommandView> {
    set.flow.runnable(Entity::Transfer, t.state, None).map(commands::view).collect()
}

/// A transfer of a set.
pub fn view(set: &TransferSet, t: &Transfer) -> TransferView {
    let place = |id| set.locations.get(&id).map(|l| locations::view(l, &set.places));
    TransferView {
        id: t.id,
        number: t.number.clone(),
        state: of_transfer(t.state).since(set.steps.since(t.id)),
        order: t.order_id,
        order_id: t.order_id,
        order_number: t.order_number.clone(),
        package: t.package_id,
        package_number: t.package_number.clone(),
        source: place(t.from_location_id),
        destination: place(t.to_location_id),
        transfer_item_set: set
            .items
            .iter()
            .filter(|i| i.transfer_id == t.id)
            .map(|i| transfer_items::view(i, &set.products, set.steps.since(t.id)))
            .collect(),
        commands: runnable(set, t),
        version: t.version,
        is_detached: t.is_detached,
        extra_information: json!({}),
        created_date: format_us(t.created_us),
        modified_date: format_us(t.modified_us),
    }
}

/// A transfer of a set as it was after its change `seq`, made at a moment.
pub fn view_at(set: &TransferSet, t: &Transfer, seq: i64, at_us: i64) -> TransferView {
    let step = set.steps.by_change(t.id, seq);
    let state = step.map_or(t.state, |step| step.state);
    let since = step.map(|step| step.at_us);
    let mut view = view(set, &Transfer { state, modified_us: at_us, ..t.clone() });
    view.state = of_transfer(state).since(since);
    for item in &mut view.transfer_item_set {
        item.be_at(state, since, at_us);
    }
    view
}
