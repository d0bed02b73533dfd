//! Payloads: the record of a change as an object, as it was when the change was made. What may change later is taken from
//! the change and the steps up to it; the rest is the record's own, which stays.

use std::collections::HashMap;

use oms_core::events::entity;
use oms_store::events::{self, Event};
use oms_store::packages::shipments;
use oms_store::places::locations;
use serde::Serialize;
use serde_json::Value;

use crate::packages::transfer_views;
use crate::views::{Places, unique};
use crate::{App, Result, objects, packages, views};

/// The payload of each change, in their order; null where the record is gone.
pub(crate) async fn of(app: &App, told: &[Event]) -> Result<Vec<Value>> {
    let mut all = Payloads::default();
    all.packages(app, told).await?;
    all.transfers(app, told).await?;
    all.orders(app, told).await?;
    all.shipments(app, told).await?;
    all.locations(app, told).await?;
    Ok(told.iter().map(|e| all.0.remove(&e.position).unwrap_or_default()).collect())
}

/// A record as it is now, with the sequence of its last change; null where there is none.
pub(crate) async fn now(app: &App, entity: &str, entity_id: i64) -> Result<(i64, Value)> {
    let last = events::last_of(&mut app.store.read().await?, entity, entity_id).await?;
    let Some((seq, at_us)) = last else { return Ok((0, Value::Null)) };
    let now = Event {
        position: 0,
        entity: entity.to_owned(),
        entity_id,
        seq,
        kind: String::new(),
        also: Vec::new(),
        uuid: String::new(),
        at_us,
        actor: String::new(),
        delta: Value::Null,
    };
    Ok((seq, of(app, &[now]).await?.pop().unwrap_or_default()))
}

/// By position.
#[derive(Default)]
struct Payloads(HashMap<i64, Value>);

/// The changes of one kind of record, and the records' ids; none where there is no such change.
fn of_entity<'e>(told: &'e [Event], entity: &str) -> Option<(Vec<&'e Event>, Vec<i64>)> {
    let of: Vec<&Event> = told.iter().filter(|e| e.entity == entity).collect();
    let ids = unique(of.iter().map(|e| Some(e.entity_id)));
    (!of.is_empty()).then_some((of, ids))
}

/// Takes away what other records move: the counters of locations, and of an order's lines, where they stand in a package, what
/// was cancelled, what the hub says of them and when. It says nothing of the record that is told of, and another thing each
/// time it is looked at.
fn without_others(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.contains_key("max_quota") {
                map.remove("quota");
                map.remove("available_quota");
            }
            if let Some(Value::Object(line)) = map.get_mut("order_item") {
                for moved in ["quantity_cancelled", "state", "modified_date"] {
                    line.remove(moved);
                }
            }
            map.values_mut().for_each(without_others);
        }
        Value::Array(list) => list.iter_mut().for_each(without_others),
        _ => {}
    }
}

impl Payloads {
    fn add(&mut self, event: &Event, payload: impl Serialize) {
        let mut payload = serde_json::to_value(payload).expect("an object of texts and numbers is JSON");
        without_others(&mut payload);
        self.0.insert(event.position, payload);
    }

    async fn packages(&mut self, app: &App, told: &[Event]) -> Result<()> {
        let Some((told, ids)) = of_entity(told, entity::PACKAGE) else { return Ok(()) };
        let set = packages::of_ids(app, ids).await?;
        let by_id: HashMap<i64, _> = set.page.rows.iter().map(|p| (p.id, p)).collect();
        for e in told {
            if let Some(p) = by_id.get(&e.entity_id) {
                self.add(e, objects::packages::view_at(&set, p, e.seq, e.at_us));
            }
        }
        Ok(())
    }

    async fn transfers(&mut self, app: &App, told: &[Event]) -> Result<()> {
        let Some((told, ids)) = of_entity(told, entity::TRANSFER) else { return Ok(()) };
        let set = transfer_views::of_ids(app, ids).await?;
        let by_id: HashMap<i64, _> = set.page.rows.iter().map(|t| (t.id, t)).collect();
        for e in told {
            if let Some(t) = by_id.get(&e.entity_id) {
                self.add(e, objects::transfers::view_at(&set, t, e.seq, e.at_us));
            }
        }
        Ok(())
    }

    async fn orders(&mut self, app: &App, told: &[Event]) -> Result<()> {
        let Some((told, ids)) = of_entity(told, entity::ORDER) else { return Ok(()) };
        let set = views::orders_of_ids(app, ids.clone()).await?;
        let deltas = events::deltas_of(&mut app.store.read().await?, entity::ORDER, ids).await?;
        let by_id: HashMap<i64, _> = set.page.rows.iter().map(|o| (o.id, o)).collect();
        for e in told {
            if let Some(o) = by_id.get(&e.entity_id) {
                let told = deltas.get(&o.id).map_or(&[][..], Vec::as_slice);
                self.add(e, objects::orders::view_at(&set, o, (e.seq, e.at_us), told));
            }
        }
        Ok(())
    }

    async fn shipments(&mut self, app: &App, told: &[Event]) -> Result<()> {
        let Some((told, ids)) = of_entity(told, entity::SHIPMENT) else { return Ok(()) };
        let found = shipments::by_ids(&mut app.store.read().await?, ids).await?;
        let by_id: HashMap<i64, _> = found.iter().map(|s| (s.id, s)).collect();
        for e in told {
            if let Some(s) = by_id.get(&e.entity_id) {
                let state = e.delta["state"].as_str().unwrap_or(&s.state);
                self.add(e, objects::shipments::view_at(s, state, e.at_us));
            }
        }
        Ok(())
    }

    async fn locations(&mut self, app: &App, told: &[Event]) -> Result<()> {
        let Some((told, ids)) = of_entity(told, entity::STOCK_LOCATION) else { return Ok(()) };
        let mut tx = app.store.read().await?;
        let found = locations::by_ids(&mut tx, ids).await?;
        let places = Places::of(&mut tx, found.values().map(|l| &l.properties.address)).await?;
        for e in told {
            if let Some(l) = found.get(&e.entity_id) {
                self.add(e, objects::locations::view(l, &places));
            }
        }
        Ok(())
    }
}
