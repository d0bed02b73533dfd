//! Sends deliveries: of each record in its sequence, of each hook so many at once as it permits, and nothing for a while to a
//! receiver that only fails.
//!
//! A hook is sent for by the node that holds its lease. What a delivery says is kept before it is first sent, so that all
//! tries say the same; what a try came to is written with those that ended beside it. A process that is lost sends again what
//! it had not written: a receiver may get a delivery twice, but never one before another of the same record.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oms_connect::hooks::{self as wire, Answered};
use oms_core::hooks::{self as core, HookConfig, Retry};
use oms_store::events;
use oms_store::hooks::deliveries::{self as kept, Attempt, Delivery, Outcome};
use oms_store::hooks::{self as store, Health, Hook};
use oms_store::upkeep::jobs::LEASE_US;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use url::Url;

use crate::events::payloads;
use crate::{App, Result, random_bytes};

/// Deliveries under way at once, of all hooks of this node.
const MOST_UNDER_WAY: usize = 1_000;
/// Deliveries of one hook that are read ahead.
const AHEAD: usize = 64;
/// How long a step waits for an answer.
const PATIENCE: Duration = Duration::from_millis(50);
/// A success is noted at its hook no oftener than this: each note is a write.
const NOTE_EVERY_US: i64 = 10_000_000;
/// zstd's fastest level.
const ZSTD_LEVEL: i32 = 1;

/// What this node sends.
#[derive(Default)]
pub(crate) struct Sender(Mutex<Sending>);

#[derive(Default)]
struct Sending {
    hooks: BTreeMap<i64, Lane>,
    /// Deliveries that are read or under way.
    in_hand: HashSet<i64>,
    under_way: JoinSet<Tried>,
    /// Ended, and not written yet.
    ended: Vec<Tried>,
    /// The hook that sends first next time, so that all come round.
    turn: i64,
}

/// What is sent to one hook.
struct Lane {
    hook: Arc<Hook>,
    config: HookConfig,
    leased_until_us: i64,
    next: VecDeque<Ready>,
    under_way: u32,
}

struct Ready {
    delivery: Delivery,
    payload: Bytes,
}

/// A try that ended.
struct Tried {
    delivery: Delivery,
    at_us: i64,
    answered: Answered,
    /// Its place among the hook's deliveries under way was given to another.
    is_replaced: bool,
}

/// One step: writes what ended, reads what is due, and sends. `false` when there is nothing to do.
pub async fn tick(app: &App) -> Result<bool> {
    let mut sending = app.hooks.0.lock().await;
    let is_answered = sending.hear().await;
    // What is read already is on its way while the database writes.
    sending.send(app);
    if let Err(error) = sending.settle(app).await {
        if !error.is_passing() {
            // What cannot be written would stand in the way of everything else: it is sent again instead.
            sending.ended.clear();
            sending.forget_all();
        }
        return Err(error);
    }
    sending.refill(app).await?;
    let sent = sending.send(app);
    Ok(is_answered || sent || !sending.under_way.is_empty())
}

/// Ends what is under way and lets the leases go, at a stop.
pub(crate) async fn end(app: &App) {
    app.hooks.0.lock().await.under_way.abort_all();
}

impl Sending {
    /// Waits a moment for answers and takes all there are.
    async fn hear(&mut self) -> bool {
        let first = tokio::time::timeout(PATIENCE, self.under_way.join_next()).await.ok().flatten();
        let mut ended: Vec<_> = first.into_iter().collect();
        while let Some(next) = self.under_way.try_join_next() {
            ended.push(next);
        }
        let is_any = !ended.is_empty();
        for tried in ended {
            match tried {
                Ok(mut tried) => {
                    // Nothing more goes to a receiver that failed before that is written.
                    if let Some(lane) = self.hooks.get_mut(&tried.delivery.hook_id)
                        && tried.answered.is_taken()
                    {
                        lane.under_way = lane.under_way.saturating_sub(1);
                        tried.is_replaced = true;
                    }
                    self.ended.push(tried);
                }
                Err(error) => {
                    // Which it was is not known: all are read anew once their lease has been taken again.
                    tracing::error!(%error, "a delivery ended without a result; it is sent again");
                    self.forget_all();
                }
            }
        }
        is_any
    }

    fn forget_all(&mut self) {
        self.under_way.abort_all();
        self.hooks.clear();
        self.in_hand.clear();
    }

    /// Writes what tries came to, and how their hooks fare.
    async fn settle(&mut self, app: &App) -> Result<()> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let mut tx = app.store.begin().await?;
        let hooks: HashSet<i64> = self.ended.iter().map(|t| t.delivery.hook_id).collect();
        let mine: HashSet<i64> = store::still_leased(&mut tx, hooks, &app.node).await?.into_iter().collect();
        let mut outcomes = Vec::new();
        let mut fare: BTreeMap<i64, Fare> = BTreeMap::new();
        for tried in self.ended.iter().filter(|t| mine.contains(&t.delivery.hook_id)) {
            let Some(lane) = self.hooks.get(&tried.delivery.hook_id) else { continue };
            let fare = fare.entry(lane.hook.id).or_insert_with(|| Fare::of(&lane.hook.health));
            outcomes.push(outcome(tried, &lane.hook, fare, app.now_us()));
        }
        kept::settle(&mut tx, &outcomes).await?;
        let changed: Vec<(i64, Health)> =
            fare.iter().filter(|(_, f)| f.is_changed).map(|(id, f)| (*id, f.health.clone())).collect();
        store::note(&mut tx, &changed).await?;
        for (id, _) in fare.iter().filter(|(_, f)| f.is_gone) {
            store::switch_off(&mut tx, *id, app.now_us()).await?;
            tracing::warn!(hook = id, "the receiver says that it is gone for good: the hook is passive now");
        }
        tx.commit().await?;
        self.let_go(fare);
        Ok(())
    }

    fn let_go(&mut self, fare: BTreeMap<i64, Fare>) {
        for tried in std::mem::take(&mut self.ended) {
            self.in_hand.remove(&tried.delivery.id);
            if let Some(lane) = self.hooks.get_mut(&tried.delivery.hook_id).filter(|_| !tried.is_replaced) {
                lane.under_way = lane.under_way.saturating_sub(1);
            }
        }
        for (id, fare) in fare {
            let Some(lane) = self.hooks.get_mut(&id) else { continue };
            if fare.health.paused_until_us.is_some() || fare.is_gone {
                for ready in lane.next.drain(..) {
                    self.in_hand.remove(&ready.delivery.id);
                }
            }
            Arc::make_mut(&mut lane.hook).health = fare.health;
        }
    }

    /// Reads what is due for hooks that have nothing more to send.
    async fn refill(&mut self, app: &App) -> Result<()> {
        let now_us = app.now_us();
        let mut tx = app.store.read().await?;
        let due = kept::hooks_due(&mut tx, &app.node, now_us).await?;
        drop(tx);
        self.hooks.retain(|id, lane| lane.under_way > 0 || !lane.next.is_empty() || due.contains(id));
        let empty = |id: &i64| self.hooks.get(id).is_none_or(|lane| lane.next.is_empty());
        let wanted: Vec<i64> = due.into_iter().filter(empty).collect();
        let mine = self.lease(app, wanted, now_us).await?;
        if mine.is_empty() {
            return Ok(());
        }
        let read = self.read(app, &mine, now_us).await?;
        let bodies = payloads_of(app, &read).await?;
        for delivery in read {
            let Some(lane) = self.hooks.get_mut(&delivery.hook_id) else { continue };
            self.in_hand.insert(delivery.id);
            // A change that is not kept any more is told without its record.
            let payload = bodies.get(&delivery.event_uuid).cloned().unwrap_or(Bytes::from_static(b"null"));
            lane.next.push_back(Ready { delivery, payload });
        }
        Ok(())
    }

    /// Takes the leases that are wanted, and renews those whose end is near, also of hooks whose receivers are only slow.
    /// Gives those of the wanted that this node has.
    async fn lease(&mut self, app: &App, wanted: Vec<i64>, now_us: i64) -> Result<Vec<i64>> {
        let is_safe = |lane: &Lane| lane.leased_until_us - now_us > LEASE_US / 2;
        let new = wanted.iter().copied().filter(|id| !self.hooks.contains_key(id));
        let old = self.hooks.iter().filter(|(_, lane)| !is_safe(lane)).map(|(id, _)| *id);
        let asked: Vec<i64> = new.chain(old).collect();
        if asked.is_empty() {
            return Ok(wanted);
        }
        let mut tx = app.store.begin().await?;
        let got: HashSet<i64> = store::lease(&mut tx, &asked, &app.node, now_us).await?.into_iter().collect();
        tx.commit().await?;
        let lost: HashSet<i64> = asked.into_iter().filter(|id| !got.contains(id)).collect();
        for (id, lane) in &mut self.hooks {
            if got.contains(id) {
                lane.leased_until_us = now_us + LEASE_US;
            } else if lost.contains(id) {
                // Another node sends now.
                for ready in lane.next.drain(..) {
                    self.in_hand.remove(&ready.delivery.id);
                }
            }
        }
        Ok(wanted.into_iter().filter(|id| !lost.contains(id)).collect())
    }

    /// Reads hooks as they are now, and what is to be sent to them next.
    async fn read(&mut self, app: &App, mine: &[i64], now_us: i64) -> Result<Vec<Delivery>> {
        let mut tx = app.store.read().await?;
        let mut read = Vec::new();
        for hook in store::active(&mut tx, mine.iter().copied()).await? {
            let id = hook.id;
            let config = HookConfig::from_json(&hook.set.config).unwrap_or_default();
            let lane = self.hooks.entry(id).or_insert_with(|| Lane {
                hook: Arc::new(hook.clone()),
                config,
                leased_until_us: now_us + LEASE_US,
                next: VecDeque::new(),
                under_way: 0,
            });
            (lane.hook, lane.config) = (Arc::new(hook), config);
            let most = if lane.hook.health.failures > 0 { 1 } else { AHEAD };
            let most = most + lane.under_way as usize;
            let due = kept::due(&mut tx, id, now_us, most as i64).await?;
            read.extend(due.into_iter().filter(|d| !self.in_hand.contains(&d.id)));
        }
        Ok(read)
    }

    /// Sends what is read, one of each hook after the other, while there is room.
    fn send(&mut self, app: &App) -> bool {
        let mut order: Vec<i64> = self.hooks.range(self.turn..).map(|(id, _)| *id).collect();
        order.extend(self.hooks.range(..self.turn).map(|(id, _)| *id));
        let (before, now_us) = (self.under_way.len(), app.now_us());
        let mut is_more = true;
        while is_more {
            is_more = false;
            for id in &order {
                if self.under_way.len() >= MOST_UNDER_WAY {
                    self.turn = *id;
                    return true;
                }
                // A lease that ran out unseen, in a process that was held up, is another node's by now.
                let lane = self.hooks.get_mut(id).filter(|lane| lane.leased_until_us > now_us);
                let Some(lane) = lane else { continue };
                // One at a time finds out whether a receiver that failed is back, or one that never answered is there:
                // who hangs holds one place and not eight.
                let health = &lane.hook.health;
                let is_known = health.failures == 0 && health.last_ok_us.is_some();
                let most = if is_known { lane.config.concurrency } else { 1 };
                if lane.under_way >= most {
                    continue;
                }
                let Some(ready) = lane.next.pop_front() else { continue };
                lane.under_way += 1;
                is_more = true;
                let (hook, timeout) = (lane.hook.clone(), Duration::from_millis(lane.config.timeout_ms));
                self.under_way.spawn(attempt(app.http.clone(), hook, ready, timeout, now_us));
            }
        }
        self.under_way.len() > before
    }
}

/// How a hook fares after the tries of a step.
struct Fare {
    health: Health,
    is_changed: bool,
    /// The receiver answered 410.
    is_gone: bool,
}

impl Fare {
    fn of(health: &Health) -> Self {
        Self { health: health.clone(), is_changed: false, is_gone: false }
    }
}

/// What a try comes to, and what it says of its hook.
fn outcome<'t>(tried: &'t Tried, hook: &Hook, fare: &mut Fare, now_us: i64) -> Outcome<'t> {
    let Tried { delivery, at_us, answered, .. } = tried;
    let tries = delivery.tries + 1;
    let health = &mut fare.health;
    let attempt = Attempt {
        n: delivery.attempts + 1,
        at_us: *at_us,
        took_ms: i64::try_from(answered.took.as_millis()).unwrap_or(i64::MAX),
        status: answered.status.map(i64::from),
        error: answered.error.clone(),
        answer: answered.answer.clone(),
    };
    let settled =
        |state, due_us, finished_us| Outcome { delivery, state, tries, due_us, finished_us, attempt };
    if answered.is_taken() {
        fare.is_changed |= health.failures > 0
            || health.paused_until_us.is_some()
            || health.last_ok_us.is_none_or(|at| now_us - at > NOTE_EVERY_US);
        (health.failures, health.paused_until_us) = (0, None);
        if fare.is_changed {
            health.last_ok_us = Some(now_us);
        }
        return settled("delivered", now_us, Some(now_us));
    }
    fare.is_changed = true;
    fare.is_gone |= answered.status == Some(410);
    health.failures += 1;
    health.paused_until_us = core::pause_us(health.failures).map(|pause| now_us + pause);
    health.last_error_us = Some(now_us);
    health.last_error = Some(match (answered.status, &answered.error) {
        (Some(status), _) => format!("HTTP {status}"),
        (None, error) => error.clone().unwrap_or_default(),
    });
    let retry = Retry::from_json(&hook.set.retry).unwrap_or_default();
    let chance = u64::from_le_bytes(random_bytes());
    match retry.pause_us(u32::try_from(tries).unwrap_or(u32::MAX), chance) {
        Some(pause) => {
            // A receiver may ask for more time, up to as much again.
            let asked = answered.retry_after_s.and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
            let pause = pause.max(asked.saturating_mul(1_000_000).min(pause * 2));
            settled("waiting", now_us + pause, None)
        }
        None => settled("given_up", now_us, Some(now_us)),
    }
}

async fn attempt(
    http: oms_connect::http::HttpClient,
    hook: Arc<Hook>,
    ready: Ready,
    timeout: Duration,
    at_us: i64,
) -> Tried {
    let Ready { delivery, payload } = ready;
    let answered = match (Url::parse(&hook.set.target_url), core::headers(&hook.set.additional_headers)) {
        (Ok(url), Ok(headers)) => {
            let former = hook.former.iter().filter(|(_, until)| *until > at_us).map(|(secret, _)| secret);
            let sent = wire::Delivery {
                url,
                id: delivery.uuid.clone(),
                at_s: at_us / 1_000_000,
                body: body(&delivery, &payload),
                secrets: hook.set.secret_key.iter().chain(former).cloned().collect(),
                headers,
                timeout,
            };
            wire::send(&http, sent).await
        }
        (Err(error), _) => not_sent(format!("its address cannot be read: {error}")),
        (_, Err(refusal)) => not_sent(refusal.to_string()),
    };
    Tried { delivery, at_us, answered, is_replaced: false }
}

fn not_sent(why: String) -> Answered {
    Answered { status: None, error: Some(why), answer: None, retry_after_s: None, took: Duration::ZERO }
}

/// What is sent: the documented envelope, with the record and its sequence beside the type and the uuid. The same bytes for
/// all tries.
pub(crate) fn body(delivery: &Delivery, payload: &[u8]) -> Bytes {
    let event = json!({
        "type": delivery.kind,
        "uuid": delivery.uuid,
        "entity": delivery.entity,
        "entity_id": delivery.entity_id,
        "seq": delivery.seq,
        "prev_seq": delivery.prev_seq,
        "position": if delivery.published_by.is_some() { Value::Null } else { json!(delivery.position) },
    });
    let mut body = format!("{{\"event\":{event},\"payload\":").into_bytes();
    body.extend_from_slice(payload);
    body.push(b'}');
    body.into()
}

/// The payloads of deliveries by event: those that are kept, and for the others they are rendered and kept now.
async fn payloads_of(app: &App, deliveries: &[Delivery]) -> Result<HashMap<String, Bytes>> {
    let uuids: HashSet<&String> = deliveries.iter().map(|d| &d.event_uuid).collect();
    let mut tx = app.store.read().await?;
    let mut packed = kept::payloads(&mut tx, uuids.iter().copied()).await?;
    let missing: HashSet<i64> =
        deliveries.iter().filter(|d| !packed.contains_key(&d.event_uuid)).map(|d| d.position).collect();
    let events = events::told_at(&mut tx, missing).await?;
    drop(tx);
    let mut bodies = HashMap::new();
    if !events.is_empty() {
        let rendered = payloads::of(app, &events).await?;
        let pack = |(event, value): (&events::Event, Value)| {
            let plain = value.to_string().into_bytes();
            let packed = pack(&plain);
            (event.uuid.clone(), Bytes::from(plain), packed)
        };
        let new: Vec<_> = events.iter().zip(rendered).map(pack).collect();
        let rows: Vec<_> = new.iter().map(|(uuid, _, packed)| (uuid.clone(), packed.clone())).collect();
        let mut tx = app.store.begin().await?;
        let ours: HashSet<String> =
            kept::keep_payloads(&mut tx, &rows, app.now_us()).await?.into_iter().collect();
        // Another node was first with these, and its words hold.
        let theirs = new.iter().map(|(uuid, ..)| uuid).filter(|uuid| !ours.contains(*uuid));
        let theirs: Vec<&String> = theirs.collect();
        if !theirs.is_empty() {
            packed.extend(kept::payloads(&mut tx, theirs).await?);
        }
        tx.commit().await?;
        bodies.extend(
            new.into_iter().filter(|(uuid, ..)| ours.contains(uuid)).map(|(uuid, plain, _)| (uuid, plain)),
        );
    }
    for (uuid, packed) in packed {
        bodies.insert(uuid, unpack(&packed)?);
    }
    Ok(bodies)
}

/// A payload as it is kept.
pub(crate) fn pack(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, ZSTD_LEVEL).expect("memory can be compressed")
}

/// A payload as it was.
pub(crate) fn unpack(packed: &[u8]) -> Result<Bytes> {
    let plain = zstd::decode_all(packed);
    Ok(plain.map_err(|e| oms_store::StoreError::Corrupt(format!("a kept payload: {e}")))?.into())
}
