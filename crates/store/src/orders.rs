//! Orders: taking them, each exactly once, and keeping our copy in step with the hub.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeFrom;

use oms_core::events::{self as types, entity};
use oms_core::refusal::Refusal;

use crate::batch::Rows;
use crate::events::{EventRows, NewEvent};
use crate::jobs::{self, JobKind, NewJob};
use crate::list_counts::{Counted, Counts};
use crate::logs::Actor;
use crate::people::{self, NewAddress, NewCustomer};
use crate::search::Terms;
use crate::{StoreError, Tx, args};

/// The version of a hub order: an older or equal one changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubVersion {
    pub modified_us: i64,
    pub content_hash: [u8; 32],
}

/// An order to be taken, parsed and checked.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// The hub's pk and the version; none for an order of the API.
    pub hub: Option<(i64, HubVersion)>,
    /// Why `ORDER_FILTERING` leaves the order out, if it does.
    pub filtered_out: Option<String>,
    pub channel_id: i64,
    pub number: String,
    pub hub_status: i64,
    pub placed_us: i64,
    pub customer: NewCustomer,
    pub shipping_address: NewAddress,
    pub billing_address: Option<NewAddress>,
    pub currency: String,
    pub amount_minor: Option<i64>,
    pub shipping_amount_minor: Option<i64>,
    pub discount_amount_minor: Option<i64>,
    pub shipping_option: Option<String>,
    pub payment_option: Option<String>,
    pub delivery_type: Option<String>,
    /// JSON or text, as it came.
    pub delivery_range: Option<String>,
    pub cargo_company: Option<i64>,
    pub tracking_number: Option<String>,
    pub carrier_shipping_code: Option<String>,
    pub notes: Option<String>,
    pub language_code: Option<String>,
    pub order_type: Option<String>,
    /// JSON.
    pub extra: String,
    /// In the order of the hub's items; at least one.
    pub lines: Vec<NewLine>,
}

/// A line of an order to be taken.
#[derive(Debug, Clone)]
pub struct NewLine {
    pub omnitron_id: Option<i64>,
    pub product_id: i64,
    pub units: i64,
    pub price_minor: Option<i64>,
    pub discount_minor: Option<i64>,
    pub retail_price_minor: Option<i64>,
    pub currency: Option<String>,
    pub tax_rate: Option<String>,
    /// JSON.
    pub attributes: String,
}

/// What became of one order that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Taken now.
    New { order_id: i64 },
    /// This version or a newer one is already here.
    Unchanged { order_id: Option<i64> },
    /// A newer version took the place of the copy, before planning.
    Replaced { order_id: i64 },
    /// Contact, note and shipping fields were renewed after planning; `late` names what was not applied.
    Renewed { order_id: i64, late: Vec<String> },
    /// Left out by `ORDER_FILTERING`.
    Filtered { reason: String },
    /// Not taken; the reason is recorded.
    Rejected(Refusal),
}

/// Ids taken for a batch before its transaction begins.
pub struct AcceptIds {
    pub orders: RangeFrom<i64>,
    pub items: RangeFrom<i64>,
    pub customers: RangeFrom<i64>,
    pub addresses: RangeFrom<i64>,
    pub rows: RangeFrom<i64>,
}

/// How many ids a batch may need: orders, items, customers, addresses, other rows.
pub fn ids_needed(orders: &[NewOrder]) -> (usize, usize, usize, usize, usize) {
    let lines = orders.iter().map(|o| o.lines.len()).sum();
    (orders.len(), lines, orders.len(), orders.len() * 2, orders.len() * 4)
}

/// What is known of a hub order.
struct Seen {
    version: HubVersion,
    order_id: Option<i64>,
}

/// What is known of an order that is already here.
struct Here {
    revision: i64,
    planned: bool,
    event_seq: i64,
    hub_status: i64,
}

/// Takes a batch in this transaction: orders, lines, plans, events and plan jobs, or the record of
/// why not. Answers in the order given.
pub async fn accept(
    tx: &mut Tx,
    orders: &[NewOrder],
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<Vec<Accepted>, StoreError> {
    let newest = newest_of_each(orders);
    let seen = lock_hub_orders(tx, orders, actor.at_us).await?;
    let here = lock_orders(tx, seen.values().filter_map(|s| s.order_id)).await?;
    let taken = taken_numbers(tx, orders).await?;

    let mut answers: Vec<Option<Accepted>> = vec![None; orders.len()];
    let (mut insert, mut replace, mut renew) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers_in_batch = std::collections::HashSet::new();
    for (i, order) in orders.iter().enumerate() {
        let known = order.hub.and_then(|(pk, _)| seen.get(&pk));
        let known_order = known.and_then(|k| k.order_id);
        let stale = order.hub.is_some_and(|(pk, version)| {
            // The version of a filtered or rejected order is looked at again: the filter may have changed.
            let known =
                known.is_some_and(|k| version < k.version || version == k.version && k.order_id.is_some());
            newest[&pk] != i || known
        });
        if stale {
            answers[i] = Some(Accepted::Unchanged { order_id: known_order });
        } else if let Some(order_id) = known_order {
            let state = here
                .get(&order_id)
                .ok_or_else(|| StoreError::Corrupt(format!("order {order_id} is gone")))?;
            if state.planned { renew.push((i, order_id)) } else { replace.push((i, order_id)) }
        } else if let Some(reason) = &order.filtered_out {
            answers[i] = Some(Accepted::Filtered { reason: reason.clone() });
        } else if taken.contains_key(&(order.channel_id, order.number.clone()))
            || !numbers_in_batch.insert((order.channel_id, order.number.clone()))
        {
            answers[i] = Some(Accepted::Rejected(number_taken(&order.number)));
        } else {
            insert.push(i);
        }
    }

    let people = save_people(tx, orders, &insert, &replace, &renew, ids, actor.at_us).await?;
    for (i, order_id) in insert_orders(tx, orders, &insert, &people, ids, actor).await? {
        answers[i] = Some(Accepted::New { order_id });
    }
    for (i, order_id) in replace {
        replace_order(tx, &orders[i], order_id, &here[&order_id], &people[&i], ids, actor).await?;
        answers[i] = Some(Accepted::Replaced { order_id });
    }
    for (i, order_id) in renew {
        let late = renew_order(tx, &orders[i], order_id, &here[&order_id], &people[&i], ids, actor).await?;
        answers[i] = Some(Accepted::Renewed { order_id, late });
    }
    let answers: Vec<_> = answers.into_iter().map(|a| a.expect("every order got an answer")).collect();
    record_versions(tx, orders, &answers, &seen, actor.at_us).await?;
    Ok(answers)
}

fn number_taken(number: &str) -> Refusal {
    let message = format!(
        "The channel already has an order {number}; order numbers are unique within a channel. Send another number."
    );
    Refusal::invalid("number", "order_number_taken", message)
}

/// Where the newest version of each hub order stands in the batch.
fn newest_of_each(orders: &[NewOrder]) -> HashMap<i64, usize> {
    let mut newest: HashMap<i64, usize> = HashMap::new();
    for (i, order) in orders.iter().enumerate() {
        if let Some((pk, version)) = order.hub {
            let at = newest.entry(pk).or_insert(i);
            if orders[*at].hub.is_some_and(|(_, v)| v < version) {
                *at = i;
            }
        }
    }
    newest
}

/// Makes sure each hub order has its row, and holds those rows: two nodes that are sent the same order
/// take turns here.
async fn lock_hub_orders(
    tx: &mut Tx,
    orders: &[NewOrder],
    now_us: i64,
) -> Result<HashMap<i64, Seen>, StoreError> {
    let pks: BTreeMap<i64, &str> =
        orders.iter().filter_map(|o| Some((o.hub?.0, o.number.as_str()))).collect();
    let mut rows = Rows::new(6);
    for (pk, number) in &pks {
        rows.push(args![*pk, *number, i64::MIN, Vec::<u8>::new(), "arriving", now_us]);
    }
    let head = "INSERT INTO hub_orders (hub_pk, number, modified_us, content_hash, disposition, seen_us)";
    tx.insert(head, rows, "ON CONFLICT (hub_pk) DO NOTHING").await?;

    let tail = format!("ORDER BY hub_pk{}", tx.dialect().for_update());
    let head = "SELECT hub_pk, modified_us, content_hash, order_id FROM hub_orders WHERE hub_pk";
    let rows = tx.fetch_in(head, pks.keys().copied(), &tail).await?;
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let (pk, modified_us, hash) = (c.i64()?, c.i64()?, c.bytes()?);
        let content_hash = hash.try_into().unwrap_or([0; 32]);
        Ok((pk, Seen { version: HubVersion { modified_us, content_hash }, order_id: c.opt_i64()? }))
    };
    rows.iter().map(one).collect()
}

async fn lock_orders(tx: &mut Tx, ids: impl Iterator<Item = i64>) -> Result<HashMap<i64, Here>, StoreError> {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    let tail = format!("ORDER BY id{}", tx.dialect().for_update());
    let rows = tx
        .fetch_in(
            "SELECT id, revision, event_seq, hub_status FROM orders WHERE id",
            ids.iter().copied(),
            &tail,
        )
        .await?;
    let mut here = HashMap::new();
    for row in rows {
        let mut c = row.cols();
        let (id, revision, event_seq, hub_status) = (c.i64()?, c.i64()?, c.i64()?, c.i64()?);
        here.insert(id, Here { revision, event_seq, hub_status, planned: false });
    }
    for row in tx.fetch_in("SELECT id FROM plans WHERE state = 'completed' AND id", ids, "").await? {
        here.entry(row.i64(0)?).and_modify(|h| h.planned = true);
    }
    Ok(here)
}

async fn taken_numbers(tx: &mut Tx, orders: &[NewOrder]) -> Result<HashMap<(i64, String), i64>, StoreError> {
    let numbers = orders.iter().map(|o| o.number.as_str());
    let rows = tx.fetch_in("SELECT channel_id, number, id FROM orders WHERE number", numbers, "").await?;
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok(((c.i64()?, c.text()?), c.i64()?))
    };
    rows.iter().map(one).collect()
}

/// Ids of an order's customer, shipping address and billing address.
type People = (i64, i64, i64);

async fn save_people(
    tx: &mut Tx,
    orders: &[NewOrder],
    insert: &[usize],
    replace: &[(usize, i64)],
    renew: &[(usize, i64)],
    ids: &mut AcceptIds,
    now_us: i64,
) -> Result<HashMap<usize, People>, StoreError> {
    let all: Vec<usize> =
        insert.iter().copied().chain(replace.iter().chain(renew).map(|(i, _)| *i)).collect();
    let customers: Vec<_> = all.iter().map(|&i| &orders[i].customer).collect();
    let customers = people::save_customers(tx, &customers, &mut ids.customers, now_us).await?;
    let both = |i: usize| {
        let shipping = &orders[i].shipping_address;
        [shipping, orders[i].billing_address.as_ref().unwrap_or(shipping)]
    };
    let addresses: Vec<_> = all.iter().flat_map(|&i| both(i)).collect();
    let addresses = people::save_addresses(tx, &addresses, &mut ids.addresses, now_us).await?;
    let ids = customers.into_iter().zip(addresses.chunks(2)).map(|(c, a)| (c, a[0], a[1]));
    Ok(all.into_iter().zip(ids).collect())
}

async fn insert_orders(
    tx: &mut Tx,
    orders: &[NewOrder],
    insert: &[usize],
    people: &HashMap<usize, People>,
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<Vec<(usize, i64)>, StoreError> {
    let now = actor.at_us;
    let (mut rows, mut plans, mut jobs, mut events) =
        (Rows::new(31), Rows::new(6), Vec::new(), EventRows::default());
    let (mut items, mut result) = (Rows::new(13), Vec::new());
    let (mut counts, mut terms) = (Counts::default(), Terms::default());
    for &i in insert {
        let order = &orders[i];
        let id = ids.orders.next().expect("an id was taken for every order");
        let mut row = args![id, order.hub.map(|(pk, _)| pk), order.channel_id, &order.number];
        row.extend(order_values(order, people[&i]));
        row.extend(args![1i64, 0i64, 1i64, actor.command_id, now, now]);
        rows.push(row);
        push_items(&mut items, order, id, ids);
        counts.moved(Counted::Order, None, order.hub_status);
        terms.order(id, &order.number);
        plans.push(args![id, "start", 0i64, 0i64, now, now]);
        let hub_pk = order.hub.map_or(id, |(pk, _)| pk);
        jobs.push(NewJob {
            id: ids.rows.next().expect("ids were taken"),
            kind: JobKind::Plan,
            ref_id: id,
            sort: (order.placed_us, hub_pk),
        });
        events.push(
            &NewEvent {
                id: ids.rows.next().expect("ids were taken"),
                entity: entity::ORDER,
                entity_id: id,
                seq: 1,
                kind: types::ORDER_CREATED,
                also: &[],
                delta: serde_json::json!({"lines": order.lines.len()}),
            },
            actor,
        );
        result.push((i, id));
    }
    let head = format!(
        "INSERT INTO orders (id, omnitron_id, channel_id, number, {ORDER_COLUMNS}, revision, packages_made, event_seq, \
         command_id, created_us, modified_us)"
    );
    tx.insert(&head, rows, "").await?;
    tx.insert(INSERT_ITEMS, items, "").await?;
    let head = "INSERT INTO plans (id, state, tries, units_out_of_stock, created_us, modified_us)";
    tx.insert(head, plans, "").await?;
    jobs::add(tx, &jobs, now).await?;
    events.write(tx).await?;
    terms.write(tx).await?;
    counts.write(tx).await?;
    Ok(result)
}

const ORDER_COLUMNS: &str = "hub_status, placed_us, customer_id, shipping_address_id, billing_address_id, currency, \
    amount_minor, shipping_amount_minor, discount_amount_minor, shipping_option, payment_option, delivery_type, \
    delivery_range, cargo_company, tracking_number, carrier_shipping_code, notes, language_code, order_type, extra, \
    shipping_name";

fn order_values(order: &NewOrder, (customer, shipping, billing): People) -> Vec<crate::Value> {
    let name = [order.shipping_address.first_name.as_deref(), order.shipping_address.last_name.as_deref()];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    args![
        order.hub_status,
        order.placed_us,
        customer,
        shipping,
        billing,
        &order.currency,
        order.amount_minor,
        order.shipping_amount_minor,
        order.discount_amount_minor,
        order.shipping_option.as_deref(),
        order.payment_option.as_deref(),
        order.delivery_type.as_deref(),
        order.delivery_range.as_deref(),
        order.cargo_company,
        order.tracking_number.as_deref(),
        order.carrier_shipping_code.as_deref(),
        order.notes.as_deref(),
        order.language_code.as_deref(),
        order.order_type.as_deref(),
        &order.extra,
        name,
    ]
}

const INSERT_ITEMS: &str = "INSERT INTO order_items (id, order_id, line, omnitron_id, product_id, quantity, \
    quantity_cancelled, price_minor, discount_minor, retail_price_minor, price_currency, tax_rate, attributes)";

fn push_items(rows: &mut Rows, order: &NewOrder, order_id: i64, ids: &mut AcceptIds) {
    for (n, line) in order.lines.iter().enumerate() {
        rows.push(args![
            ids.items.next().expect("an id was taken for every line"),
            order_id,
            n,
            line.omnitron_id,
            line.product_id,
            line.units,
            0i64,
            line.price_minor,
            line.discount_minor,
            line.retail_price_minor,
            line.currency.as_deref(),
            line.tax_rate.as_deref(),
            &line.attributes,
        ]);
    }
}

/// Before planning the newer version takes the copy's place, lines and all. A planner that read the
/// older lines finds another revision and leaves them.
async fn replace_order(
    tx: &mut Tx,
    order: &NewOrder,
    order_id: i64,
    here: &Here,
    people: &People,
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<(), StoreError> {
    update_columns(tx, order, order_id, here, people, ids, actor).await?;
    tx.execute("DELETE FROM order_items WHERE order_id = $1", args![order_id]).await?;
    let mut items = Rows::new(13);
    push_items(&mut items, order, order_id, ids);
    tx.insert(INSERT_ITEMS, items, "").await?;
    let job = NewJob {
        id: ids.rows.next().expect("ids were taken"),
        kind: JobKind::Plan,
        ref_id: order_id,
        sort: (order.placed_us, order.hub.map_or(order_id, |(pk, _)| pk)),
    };
    jobs::add(tx, &[job], actor.at_us).await
}

/// After planning, contact, note and shipping fields follow the hub; changed lines are recorded for a
/// person instead of being applied behind the store's back.
async fn renew_order(
    tx: &mut Tx,
    order: &NewOrder,
    order_id: i64,
    here: &Here,
    people: &People,
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<Vec<String>, StoreError> {
    let mut late = Vec::new();
    let packed = "SELECT COUNT(*) FROM packages WHERE order_id = $1 AND state >= 500 AND state < 800";
    if tx.scalar(packed, args![order_id]).await? > 0 {
        late.push("contact".to_owned());
    } else {
        update_columns(tx, order, order_id, here, people, ids, actor).await?;
    }
    let rows = "SELECT omnitron_id, product_id, quantity FROM order_items WHERE order_id = $1 ORDER BY line";
    let mut ours = Vec::new();
    for row in tx.fetch(rows, args![order_id]).await? {
        let mut c = row.cols();
        ours.push((c.opt_i64()?, c.i64()?, c.i64()?));
    }
    let theirs: Vec<_> = order.lines.iter().map(|l| (l.omnitron_id, l.product_id, l.units)).collect();
    if ours != theirs {
        late.push("lines".to_owned());
    }
    let mut changes = Rows::new(6);
    let modified_us = order.hub.map_or(actor.at_us, |(_, v)| v.modified_us);
    for what in &late {
        let detail = serde_json::json!({"ours": ours, "theirs": theirs});
        let id = ids.rows.next().expect("ids were taken");
        changes.push(args![id, order_id, modified_us, what, detail.to_string(), actor.at_us]);
    }
    let head = "INSERT INTO hub_changes (id, order_id, modified_us, what, detail, created_us)";
    tx.insert(head, changes, "ON CONFLICT (order_id, modified_us, what) DO NOTHING").await?;
    Ok(late)
}

async fn update_columns(
    tx: &mut Tx,
    order: &NewOrder,
    order_id: i64,
    here: &Here,
    people: &People,
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<(), StoreError> {
    let seq = here.event_seq + 1;
    let columns: Vec<_> =
        ORDER_COLUMNS.split(',').enumerate().map(|(i, c)| format!("{} = ${}", c.trim(), i + 5)).collect();
    let sql = format!(
        "UPDATE orders SET revision = $2, event_seq = $3, modified_us = $4, {} WHERE id = $1",
        columns.join(", ")
    );
    let mut values = args![order_id, here.revision + 1, seq, actor.at_us];
    values.extend(order_values(order, *people));
    tx.execute(sql, values).await?;
    let sql =
        "UPDATE packages SET placed_us = $2 WHERE order_id = $1 AND (placed_us IS NULL OR placed_us <> $2)";
    tx.execute(sql, args![order_id, order.placed_us]).await?;
    let mut counts = Counts::default();
    counts.moved(Counted::Order, Some(here.hub_status), order.hub_status);
    counts.write(tx).await?;
    let mut events = EventRows::default();
    let event = NewEvent {
        id: ids.rows.next().expect("ids were taken"),
        entity: entity::ORDER,
        entity_id: order_id,
        seq,
        kind: types::ORDER_UPDATED,
        also: &[],
        delta: serde_json::json!({}),
    };
    events.push(&event, actor);
    events.write(tx).await
}

/// Notes for each hub order the version now applied and what became of it.
async fn record_versions(
    tx: &mut Tx,
    orders: &[NewOrder],
    answers: &[Accepted],
    seen: &HashMap<i64, Seen>,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(7);
    for (order, answer) in orders.iter().zip(answers) {
        let Some((pk, version)) = order.hub else { continue };
        let (disposition, reason, order_id) = match answer {
            Accepted::Unchanged { .. } => continue,
            Accepted::New { order_id }
            | Accepted::Replaced { order_id }
            | Accepted::Renewed { order_id, .. } => ("imported", None, Some(*order_id)),
            Accepted::Filtered { reason } => ("filtered", Some(reason.clone()), None),
            Accepted::Rejected(refusal) => ("rejected", Some(refusal.message.clone()), None),
        };
        debug_assert!(seen.contains_key(&pk), "the row was made when the batch began");
        rows.push(args![
            pk,
            version.modified_us,
            version.content_hash,
            disposition,
            reason,
            order_id,
            now_us
        ]);
    }
    let body = "UPDATE hub_orders SET modified_us = v.modified, content_hash = v.hash, disposition = v.disposition, \
                reason = v.reason, order_id = v.order_id, seen_us = v.seen FROM v WHERE hub_orders.hub_pk = v.pk";
    tx.execute_values("pk, modified, hash, disposition, reason, order_id, seen", rows, body).await?;
    Ok(())
}

/// Records hub orders that could not be read at all, so that none is lost from sight.
pub async fn reject(
    tx: &mut Tx,
    pk: i64,
    number: &str,
    modified_us: i64,
    reason: &str,
    now_us: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO hub_orders (hub_pk, number, modified_us, content_hash, disposition, reason, seen_us) \
               VALUES ($1, $2, $3, $4, 'rejected', $5, $6) ON CONFLICT (hub_pk) DO UPDATE SET \
               modified_us = excluded.modified_us, disposition = 'rejected', reason = excluded.reason, \
               seen_us = excluded.seen_us \
               WHERE hub_orders.order_id IS NULL AND hub_orders.modified_us <= excluded.modified_us";
    let hash = Vec::<u8>::new();
    tx.execute(sql, args![pk, number, modified_us, hash, reason, now_us]).await?;
    Ok(())
}
