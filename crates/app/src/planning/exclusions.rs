//! Exclusions: locations that refused a line or did not have it, seen and lifted by people.

use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::lists::{Ask, Page};
use oms_store::planning::exclusions::{self as store, Exclusion};
use oms_store::planning::wakes;
use serde_json::json;

use crate::{App, Result};

/// A page of exclusions.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Exclusion>> {
    Ok(store::page(&mut app.store.read().await?, ask).await?)
}

/// Lets a location be asked for a line again.
pub async fn lift(tx: &mut Tx, audit_id: i64, actor: &Actor, order_item: i64, location: i64) -> Result<()> {
    if !store::lift(tx, order_item, location).await? {
        let message = format!(
            "Location {location} is not excluded from order item {order_item}; see exclusions/ for those that are."
        );
        return Err(Refusal::not_found("exclusion", order_item).with_message(message).into());
    }
    logs::record_command(tx, actor, "exclusion.lifted").await?;
    wakes::wake(tx, actor.at_us).await?;
    let detail = json!({"stock_location": location});
    Ok(logs::audit(tx, audit_id, "order_item", order_item, "exclusion.lifted", &detail, actor).await?)
}
