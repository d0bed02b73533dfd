//! Safety stock: units that are never promised, set by people.

use oms_core::refusal::Refusal;
use oms_core::stocks::MAX_ON_HAND;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::lists::{Ask, Page};
use oms_store::orders::products;
use oms_store::places::{channels, locations};
use oms_store::planning::wakes;
use oms_store::stock::safety_stocks::{self as store, SafetyStock};
use oms_store::{Tx, lists};
use serde_json::json;

use crate::{App, Result};

/// What callers say. `None`: any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SafetyInput {
    pub sku: Option<String>,
    pub erp_code: Option<String>,
    /// The hub's id of the channel, ours if it has none.
    pub channel: Option<i64>,
    pub units: i64,
}

/// Ids a change needs, taken before its transaction.
#[derive(Debug, Clone, Copy)]
pub struct ChangeIds {
    row: i64,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<ChangeIds> {
    Ok(ChangeIds {
        row: app.store.take_id(IdKind::SafetyStock).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// A page of safety stock.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<SafetyStock>> {
    Ok(lists::tables::safety_stocks(&mut app.store.read().await?, ask).await?)
}

/// Sets the units kept back at a place; the place's row is made or changed. What is planned already stays.
pub async fn set(tx: &mut Tx, ids: ChangeIds, actor: &Actor, input: &SafetyInput) -> Result<SafetyStock> {
    if !(0..=MAX_ON_HAND).contains(&input.units) {
        let message = format!("{} is not a number of units: 0 to {MAX_ON_HAND} are expected.", input.units);
        return Err(Refusal::invalid("units", "invalid", message).into());
    }
    let product = match &input.sku {
        None => None,
        Some(sku) => {
            let found = products::by_sku(tx, std::slice::from_ref(sku)).await?.get(sku).copied();
            Some(found.ok_or_else(|| unknown("sku", sku))?)
        }
    };
    let location = match &input.erp_code {
        None => None,
        Some(erp) => {
            let found = locations::find(tx, erp, None).await?.pop().map(|l| l.id);
            Some(found.ok_or_else(|| unknown("erp_code", erp))?)
        }
    };
    let channel = match input.channel {
        None => None,
        Some(id) => {
            let all = channels::all(tx).await?;
            let found = all.iter().find(|c| c.omnitron_id == Some(id)).or(all.iter().find(|c| c.id == id));
            Some(found.map(|c| c.id).ok_or_else(|| unknown("channel", &id.to_string()))?)
        }
    };
    logs::record_command(tx, actor, "safety_stock.set").await?;
    let id = store::set(tx, ids.row, (product, location, channel), input.units, actor.at_us).await?;
    wakes::wake(tx, actor.at_us).await?;
    let detail =
        json!({"sku": input.sku, "erp_code": input.erp_code, "channel": input.channel, "units": input.units});
    logs::audit(tx, ids.audit, "safety_stock", id, "safety_stock.set", &detail, actor).await?;
    let stored = store::by_id(tx, id).await?;
    Ok(stored.ok_or_else(|| {
        oms_store::StoreError::Corrupt(format!("safety stock {id} was just written and is gone"))
    })?)
}

fn unknown(field: &str, value: &str) -> Refusal {
    Refusal::invalid(field, "not_found", format!("There is no {field} {value:?} here."))
}

/// Removes a row.
pub async fn delete(tx: &mut Tx, ids: ChangeIds, actor: &Actor, id: i64) -> Result<()> {
    if !store::delete(tx, id).await? {
        return Err(Refusal::not_found("safety stock", id).into());
    }
    logs::record_command(tx, actor, "safety_stock.deleted").await?;
    Ok(logs::audit(tx, ids.audit, "safety_stock", id, "safety_stock.deleted", &json!({}), actor).await?)
}
