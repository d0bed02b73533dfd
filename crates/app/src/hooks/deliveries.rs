//! Deliveries, for the people who look after them: what became of each, sent again, or published by hand.

use oms_core::events::ENTITIES;
use oms_core::hooks::EventTypes;
use oms_core::refusal::Refusal;
use oms_core::settings::Retention;
use oms_store::access::logs::{self, Actor};
use oms_store::hooks::deliveries::{self as kept, Attempt, Delivery};
use oms_store::hooks::{self as store, Hook, Subscription};
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::{StoreError, Tx, events};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use uuid::Builder;

use super::{fan_out, no_hook, sending};
use crate::events::payloads;
use crate::setup::settings;
use crate::{App, Result, random_bytes};

/// Changes one range may hold.
pub const MOST_IN_RANGE: i64 = 10_000;
/// Behind all types of one change.
const LAST_PART: i64 = 1_000;

const DAY_US: i64 = 24 * 3_600 * 1_000_000;
/// Deliveries dropped in one transaction.
const SWEPT: i64 = 2_000;

/// Drops what ended long ago (setting `RETENTION`: it holds personal data), and what is of removed hooks.
pub(crate) async fn sweep(app: &App) -> Result<()> {
    let kept_for: Option<Retention> = settings::typed(&mut app.store.read().await?, "RETENTION").await?;
    let before_us = app.now_us() - kept_for.unwrap_or_default().deliveries_days * DAY_US;
    loop {
        let mut tx = app.store.begin().await?;
        let swept = kept::sweep(&mut tx, before_us, SWEPT).await?;
        tx.commit().await?;
        if swept < SWEPT as u64 {
            break;
        }
    }
    let mut tx = app.store.begin().await?;
    kept::sweep_payloads(&mut tx, before_us).await?;
    Ok(tx.commit().await?)
}

/// A page of deliveries.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Delivery>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &kept::LIST, kept::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(kept::read).collect::<Result<_, StoreError>>()?;
    Ok(page.with(rows))
}

/// The deliveries of one record, the last first, at most so many.
pub async fn of_record(app: &App, entity: &str, entity_id: i64, most: i64) -> Result<Vec<Delivery>> {
    Ok(kept::of_record(&mut app.store.read().await?, entity, entity_id, most).await?)
}

/// A delivery with its tries and what it says; none: it was not sent yet.
#[derive(Debug)]
pub struct Whole {
    pub delivery: Delivery,
    pub attempts: Vec<Attempt>,
    pub body: Option<String>,
}

/// One delivery, whole.
pub async fn get(app: &App, id: i64) -> Result<Whole> {
    let mut tx = app.store.read().await?;
    let delivery =
        kept::by_id(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("delivery of a hook", id))?;
    let attempts = kept::attempts(&mut tx, id).await?;
    let packed = kept::payloads(&mut tx, [&delivery.event_uuid]).await?.remove(&delivery.event_uuid);
    let body = match packed {
        Some(packed) => {
            let whole = sending::body(&delivery, &sending::unpack(&packed)?);
            Some(String::from_utf8_lossy(&whole).into_owned())
        }
        None => None,
    };
    Ok(Whole { delivery, attempts, body })
}

/// What a publication needs, made before its transaction.
pub struct Publication {
    delivery: Delivery,
    payload: Vec<u8>,
    audit: i64,
}

/// Renders a record as it is now, to be told to a hook by hand.
pub async fn publication(app: &App, hook_id: i64, model: &str, pk: i64) -> Result<Publication> {
    // As the documents name models, and as Django writes their names.
    let entity = match model {
        "transferorder" | "transfer_order" => "transfer",
        "stocklocation" => "stock_location",
        other => other,
    };
    if !ENTITIES.contains(&entity) {
        let message = format!("{model:?} is none of {}.", ENTITIES.join(", "));
        return Err(Refusal::invalid("instance.model", "invalid", message).into());
    }
    let hook = super::get(app, hook_id).await?;
    let kind = type_for(&hook, entity)?;
    let (seq, payload) = payloads::now(app, entity, pk).await?;
    if payload.is_null() {
        let message = format!("There is no {entity} {pk}.");
        return Err(Refusal::invalid("instance.pk", "not_found", message).into());
    }
    let position = events::head(&mut app.store.read().await?).await?;
    let uuid = Builder::from_random_bytes(random_bytes()).into_uuid().to_string();
    let delivery = Delivery {
        id: app.store.take_id(IdKind::Row).await?,
        hook_id,
        position,
        part: LAST_PART,
        uuid: uuid.clone(),
        kind,
        event_uuid: uuid,
        entity: entity.to_owned(),
        entity_id: pk,
        seq,
        prev_seq: None,
        state: "waiting".into(),
        tries: 0,
        attempts: 0,
        due_us: app.now_us(),
        published_by: None,
        created_us: app.now_us(),
        finished_us: None,
    };
    let audit = app.store.take_id(IdKind::Row).await?;
    Ok(Publication { delivery, payload: sending::pack(payload.to_string().as_bytes()), audit })
}

impl Publication {
    /// The delivery's id.
    pub fn id(&self) -> i64 {
        self.delivery.id
    }
}

/// A publication that tries a hook: the newest record of the first kind it is told of, of which there is one.
pub async fn trial(app: &App, hook_id: i64) -> Result<Publication> {
    let types = EventTypes::stored(&super::get(app, hook_id).await?.set.event_types);
    for kind in types.iter() {
        let entity = kind.split('.').next().unwrap_or_default();
        let newest = events::newest_of(&mut app.store.read().await?, entity).await?;
        if let Some(pk) = newest {
            return publication(app, hook_id, entity, pk).await;
        }
    }
    let message = "There is no record yet of any kind this webhook is told of; a delivery to try needs one.";
    Err(Refusal::conflict("nothing_to_tell", message).into())
}

/// The type a hook hears of a kind of record by.
fn type_for(hook: &Hook, entity: &str) -> Result<String, Refusal> {
    let types = EventTypes::stored(&hook.set.event_types);
    let found = types.iter().find(|kind| kind.starts_with(&format!("{entity}.")));
    let message = || format!("Hook {} is told of no event of a {entity}.", hook.id);
    found.map(str::to_owned).ok_or_else(|| Refusal::invalid("instance.model", "invalid", message()))
}

/// Publishes it: the hook is sent the record as it is now, behind what waits of it.
pub async fn publish(tx: &mut Tx, actor: &Actor, publication: Publication) -> Result<()> {
    let Publication { mut delivery, payload, audit } = publication;
    let id = delivery.hook_id;
    let hook = store::hold(tx, id).await?.ok_or_else(|| no_hook(id))?;
    refuse_passive(&hook)?;
    delivery.published_by = Some(actor.name.clone());
    kept::insert(tx, std::slice::from_ref(&delivery)).await?;
    kept::keep_payloads(tx, &[(delivery.event_uuid.clone(), payload)], actor.at_us).await?;
    let detail = json!({"model": delivery.entity, "pk": delivery.entity_id, "event": delivery.uuid});
    logs::record_command(tx, actor, "hook.published").await?;
    Ok(logs::audit(tx, audit, "hook", id, "hook.published", &detail, actor).await?)
}

fn refuse_passive(hook: &Hook) -> Result<(), Refusal> {
    match hook.set.is_active {
        true => Ok(()),
        false => {
            let message =
                format!("Hook {} is passive: nothing is sent to it. Make it active first.", hook.id);
            Err(Refusal::conflict("hook_passive", message))
        }
    }
}

/// Sends an event again to every hook that was told of it, or to one of them: the same bytes under the same id.
pub async fn resend(tx: &mut Tx, audit: i64, actor: &Actor, uuid: &str, hook_id: Option<i64>) -> Result<()> {
    let all = kept::by_uuid(tx, uuid).await?;
    let again: Vec<&Delivery> = all.iter().filter(|d| hook_id.is_none_or(|id| id == d.hook_id)).collect();
    if again.is_empty() {
        let message = format!("No hook was told of an event {uuid}.");
        return Err(Refusal::invalid("event", "not_found", message).into());
    }
    for delivery in &again {
        let id = delivery.hook_id;
        refuse_passive(&store::hold(tx, id).await?.ok_or_else(|| no_hook(id))?)?;
    }
    kept::ask_again(tx, again.iter().map(|d| d.id), actor.at_us).await?;
    logs::record_command(tx, actor, "hook.resent").await?;
    let hooks: Vec<i64> = again.iter().map(|d| d.hook_id).collect();
    let detail = json!({"event": uuid, "hooks": hooks});
    Ok(logs::audit(tx, audit, "hook", again[0].hook_id, "hook.resent", &detail, actor).await?)
}

/// Sends what was given up for a hook again, the oldest first, at most [`MOST_IN_RANGE`] at once, and ends its pause; says how
/// many.
pub async fn resend_given_up(tx: &mut Tx, audit: i64, actor: &Actor, hook_id: i64) -> Result<u64> {
    refuse_passive(&store::hold(tx, hook_id).await?.ok_or_else(|| no_hook(hook_id))?)?;
    let again = kept::ask_given_up_again(tx, hook_id, MOST_IN_RANGE, actor.at_us).await?;
    store::end_pause(tx, hook_id).await?;
    logs::record_command(tx, actor, "hook.resent").await?;
    let detail = json!({"given_up": again});
    logs::audit(tx, audit, "hook", hook_id, "hook.resent", &detail, actor).await?;
    Ok(again)
}

/// Waits until a delivery was tried once, so long at most.
pub async fn wait_for_try(app: &App, id: i64, longest: Duration) -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(100);
    let ends = Instant::now() + longest;
    loop {
        let is_tried = kept::by_id(&mut app.store.read().await?, id).await?.is_none_or(|d| d.attempts > 0);
        if is_tried || Instant::now() >= ends {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The last tries of a hook, oldest first, at most so many.
pub async fn last_attempts(app: &App, hook_id: i64, most: i64) -> Result<Vec<Attempt>> {
    Ok(kept::last_attempts(&mut app.store.read().await?, hook_id, most).await?)
}

/// Changes to be sent again to one hook, read before the transaction.
pub struct Range {
    hook_id: i64,
    after: i64,
    until: i64,
    deliveries: Vec<Delivery>,
    audit: i64,
}

/// Reads the changes behind position `after` up to `until` that a hook hears of, also those it was never told of: it was
/// passive, or not there yet.
pub async fn range(app: &App, hook_id: i64, after: i64, until: i64) -> Result<Range> {
    if after < 0 || until <= after || until - after > MOST_IN_RANGE {
        let message = format!("A position behind {after} is expected, at most {MOST_IN_RANGE} behind it.");
        return Err(Refusal::invalid("until", "invalid", message).into());
    }
    let event_types = super::get(app, hook_id).await?.set.event_types;
    let whole = Subscription { hook_id, from_position: 0, event_types };
    let mut tx = app.store.read().await?;
    let mut told = events::told_after(&mut tx, after, MOST_IN_RANGE).await?;
    drop(tx);
    told.retain(|e| e.position <= until);
    let mut deliveries = fan_out::of(&told, &[whole], app.now_us());
    let ids = app.store.take_ids(IdKind::Row, deliveries.len() + 1).await?;
    let mut ids = ids.into_iter();
    let audit = ids.next().expect("one more than there are deliveries");
    deliveries.iter_mut().zip(ids).for_each(|(d, id)| d.id = id);
    Ok(Range { hook_id, after, until, deliveries, audit })
}

/// Sends them again; says how many.
pub async fn resend_range(tx: &mut Tx, actor: &Actor, range: Range) -> Result<Value> {
    let Range { hook_id, after, until, mut deliveries, audit } = range;
    let cursor = store::hold_cursor(tx).await?;
    refuse_passive(&store::hold(tx, hook_id).await?.ok_or_else(|| no_hook(hook_id))?)?;
    // What is behind the cursor is told by itself.
    deliveries.retain(|d| d.position <= cursor);
    let known = kept::of_hook(tx, hook_id, deliveries.iter().map(|d| &d.uuid)).await?;
    kept::ask_again(tx, known.iter().map(|d| d.id), actor.at_us).await?;
    let known: std::collections::HashSet<&str> = known.iter().map(|d| d.uuid.as_str()).collect();
    deliveries.retain(|d| !known.contains(d.uuid.as_str()));
    kept::insert(tx, &deliveries).await?;
    let detail = json!({"after": after, "until": until, "again": known.len(), "new": deliveries.len()});
    logs::record_command(tx, actor, "hook.resent").await?;
    logs::audit(tx, audit, "hook", hook_id, "hook.resent", &detail, actor).await?;
    Ok(json!({"again": known.len(), "new": deliveries.len()}))
}
