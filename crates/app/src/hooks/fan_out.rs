//! Makes deliveries from the feed: each change once for each hook that is told of it.

use std::collections::HashMap;

use oms_core::hooks::EventTypes;
use oms_store::events::{self, Event};
use oms_store::hooks::deliveries::{self, Delivery};
use oms_store::hooks::{self as store, Subscription};
use oms_store::ids::IdKind;

use crate::events::specific_uuid;
use crate::{App, Result};

/// Changes one step looks at; fewer where there are many hooks.
const CHANGES: usize = 1_000;
/// Deliveries one step makes, in the order of magnitude.
const DELIVERIES: usize = 4_000;

/// Makes the deliveries of the next changes; `false` if there are none. Any node may try at any time: who holds the cursor
/// goes on, and whoever comes second finds it moved.
pub async fn tick(app: &App) -> Result<bool> {
    let mut tx = app.store.read().await?;
    let hooks = store::subscriptions(&mut tx).await?;
    if hooks.is_empty() {
        return Ok(false);
    }
    let from = store::cursor(&mut tx).await?;
    let most = (DELIVERIES / hooks.len()).clamp(1, CHANGES);
    let told = events::told_after(&mut tx, from, most as i64).await?;
    drop(tx);
    let Some(last) = told.last() else { return Ok(false) };
    let mut new = of(&told, &hooks, app.now_us());
    let ids = app.store.take_ids(IdKind::Row, new.len()).await?;
    new.iter_mut().zip(ids).for_each(|(delivery, id)| delivery.id = id);

    let mut tx = app.store.begin().await?;
    // The hooks are read again behind the cursor: none begins or changes between the two unseen.
    let is_same = store::hold_cursor(&mut tx).await? == from && store::subscriptions(&mut tx).await? == hooks;
    if is_same {
        follow(&mut new, &mut tx).await?;
        deliveries::insert(&mut tx, &new).await?;
        store::move_cursor(&mut tx, last.position).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// The deliveries of changes, in their order, without ids and without what went before them.
pub(super) fn of(told: &[Event], hooks: &[Subscription], now_us: i64) -> Vec<Delivery> {
    let mut by_type: HashMap<String, Vec<&Subscription>> = HashMap::new();
    for hook in hooks {
        for kind in EventTypes::stored(&hook.event_types).iter() {
            by_type.entry(kind.to_owned()).or_default().push(hook);
        }
    }
    let mut new = Vec::new();
    for event in told {
        for (kind, part) in std::iter::once(&event.kind).chain(&event.also).zip(0i64..) {
            let uuid = if part == 0 { event.uuid.clone() } else { specific_uuid(event, kind) };
            for hook in by_type.get(kind).into_iter().flatten() {
                if hook.from_position < event.position {
                    new.push(delivery(event, hook.hook_id, (kind, part), uuid.clone(), now_us));
                }
            }
        }
    }
    new
}

fn delivery(event: &Event, hook_id: i64, kind: (&str, i64), uuid: String, now_us: i64) -> Delivery {
    let (kind, part) = kind;
    Delivery {
        id: 0,
        hook_id,
        position: event.position,
        part,
        uuid,
        kind: kind.to_owned(),
        event_uuid: event.uuid.clone(),
        entity: event.entity.clone(),
        entity_id: event.entity_id,
        seq: event.seq,
        prev_seq: None,
        state: "waiting".into(),
        tries: 0,
        attempts: 0,
        due_us: now_us,
        published_by: None,
        created_us: now_us,
        finished_us: None,
    }
}

/// Says of each what its hook was told of the record before.
async fn follow(new: &mut [Delivery], tx: &mut oms_store::Tx) -> Result<()> {
    let record = |d: &Delivery| (d.hook_id, d.entity.clone(), d.entity_id);
    let mut records: Vec<_> = new.iter().map(record).collect();
    records.sort_unstable();
    records.dedup();
    let mut last = deliveries::last_seqs(tx, records).await?;
    for delivery in new {
        delivery.prev_seq = last.insert(record(delivery), delivery.seq);
    }
    Ok(())
}
