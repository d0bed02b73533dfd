//! What the hub told and what became of it: orders that could not be taken, changes that were not applied, and every
//! arrival. Each can be tried again; a change can be closed by a person.

use oms_core::refusal::Refusal;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, List, Page};
use oms_store::orders::hub_changes::{self, HubChange};
use oms_store::orders::hub_orders::{self, HubOrder};
use oms_store::orders::inbox::{self, Arrival};
use oms_store::{Row, StoreError, Tx};
use serde_json::json;

use crate::{App, Result};

async fn page<T>(
    app: &App,
    list: &List,
    columns: &str,
    ask: &Ask,
    read: fn(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, list, columns, ask).await?;
    let rows = page.rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(page.with(rows))
}

/// A page of hub orders.
pub async fn orders(app: &App, ask: &Ask) -> Result<Page<HubOrder>> {
    page(app, &hub_orders::LIST, hub_orders::COLUMNS, ask, hub_orders::read).await
}

/// A page of changes that were not applied.
pub async fn changes(app: &App, ask: &Ask) -> Result<Page<HubChange>> {
    page(app, &hub_changes::LIST, hub_changes::COLUMNS, ask, hub_changes::read).await
}

/// A page of what came in.
pub async fn arrivals(app: &App, ask: &Ask) -> Result<Page<Arrival>> {
    page(app, &inbox::LIST, inbox::COLUMNS, ask, inbox::read_arrival).await
}

/// Ids that trying again takes.
pub struct RetryIds {
    rows: std::ops::RangeFrom<i64>,
    audit: i64,
}

/// Takes them.
pub async fn ids(app: &App) -> Result<RetryIds> {
    Ok(RetryIds {
        rows: app.store.take_ids(IdKind::Row, hub_orders::IDS_EACH).await?,
        audit: app.store.take_id(IdKind::Row).await?,
    })
}

/// Has a hub order fetched again at once, whatever became of it before.
pub async fn retry_order(tx: &mut Tx, mut ids: RetryIds, actor: &Actor, pk: i64) -> Result<()> {
    if !hub_orders::is_known(tx, pk).await? {
        return Err(Refusal::not_found("order of the hub", pk).into());
    }
    note(tx, &ids, actor, "hub_order", pk, "hub_order.retry").await?;
    Ok(hub_orders::try_again(tx, &[pk], &mut ids.rows, actor.at_us).await?)
}

/// Has the order of a change fetched again: what can be applied by now is, and closes it.
pub async fn retry_change(tx: &mut Tx, mut ids: RetryIds, actor: &Actor, id: i64) -> Result<()> {
    let change = open_change(tx, id).await?;
    let pk = change.hub_pk.ok_or_else(|| {
        let message =
            format!("Order {} did not come from the hub; close the change instead.", change.order_number);
        Refusal::conflict("not_of_hub", message)
    })?;
    note(tx, &ids, actor, "hub_change", id, "hub_change.retry").await?;
    Ok(hub_orders::try_again(tx, &[pk], &mut ids.rows, actor.at_us).await?)
}

/// Says that a change is dealt with.
pub async fn close_change(tx: &mut Tx, ids: RetryIds, actor: &Actor, id: i64) -> Result<()> {
    open_change(tx, id).await?;
    note(tx, &ids, actor, "hub_change", id, "hub_change.closed").await?;
    hub_changes::close(tx, id, &actor.name, actor.at_us).await?;
    Ok(())
}

async fn open_change(tx: &mut Tx, id: i64) -> Result<HubChange> {
    let change = hub_changes::find(tx, id).await?.ok_or_else(|| Refusal::not_found("change", id))?;
    match &change.closed_by {
        None => Ok(change),
        Some(by) => {
            Err(Refusal::conflict("closed", format!("Change {id} was closed before, by {by}.")).into())
        }
    }
}

/// Has a refused arrival worked on again.
pub async fn retry_arrival(tx: &mut Tx, mut ids: RetryIds, actor: &Actor, id: i64) -> Result<()> {
    let job = ids.rows.next().expect("ids were taken");
    if !inbox::retry(tx, id, job, actor.at_us).await? {
        if inbox::read(tx, [id]).await?.is_empty() {
            return Err(Refusal::not_found("arrival", id).into());
        }
        let message = format!("Arrival {id} was not refused; only refused ones can be tried again.");
        return Err(Refusal::conflict("not_refused", message).into());
    }
    note(tx, &ids, actor, "inbox", id, "inbox.retry").await
}

async fn note(tx: &mut Tx, ids: &RetryIds, actor: &Actor, entity: &str, id: i64, action: &str) -> Result<()> {
    logs::record_command(tx, actor, action).await?;
    Ok(logs::audit(tx, ids.audit, entity, id, action, &json!({}), actor).await?)
}
