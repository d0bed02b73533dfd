//! Orders: taking them, each exactly once, and keeping our copy in step with the hub.

pub mod cancellations;
pub mod hub_changes;
pub mod hub_orders;
pub mod inbox;
mod lines;
pub mod order_views;
pub mod people;
pub mod products;

use std::collections::HashMap;
use std::ops::RangeFrom;

use oms_core::events::{self as types, entity};
use oms_core::orders::OrderStatus;
use oms_core::refusal::Refusal;

use crate::access::logs::Actor;
use crate::batch::Rows;
use crate::events::{EventRows, NewEvent};
use crate::list_counts::{Counted, Counts};

use crate::orders::hub_orders::HubVersion;
use crate::orders::lines::{INSERT_ITEMS, ITEM_COLUMNS, OurLine, Told, line_row, our_lines, same_lines};
use crate::orders::people::{NewAddress, NewCustomer};

use crate::upkeep::jobs::{self, JobKind, NewJob};
use crate::upkeep::search::Terms;
use crate::{StoreError, Tx, args};

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
    /// In the order of the hub's items, without those that are cancelled there. None at all is taken of an order that
    /// is here: all of it is cancelled.
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
    /// The hub's status of the line.
    pub hub_status: Option<i64>,
    /// JSON: what else the hub says of it.
    pub hub_fields: Option<String>,
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
    (orders.len(), lines, orders.len(), orders.len() * 2, orders.len() * 6)
}

/// What is known of an order that is already here.
struct Here {
    revision: i64,
    /// It is planned, or nothing is wanted of it any more: its lines follow the hub no longer.
    is_decided: bool,
    event_seq: i64,
    hub_status: i64,
    /// In minor units: the order's, of shipping, of the discount.
    amounts: [Option<i64>; 3],
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
    let seen = hub_orders::hold(tx, orders, actor.at_us).await?;
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
            let known = known.is_some_and(|k| {
                version.is_old_beside(&k.version) && (k.order_id.is_some() || version != k.version)
            });
            newest[&pk] != i || known
        });
        if stale {
            answers[i] = Some(Accepted::Unchanged { order_id: known_order });
        } else if let Some(order_id) = known_order {
            let state = here
                .get(&order_id)
                .ok_or_else(|| StoreError::Corrupt(format!("order {order_id} is gone")))?;
            if state.is_decided { renew.push((i, order_id)) } else { replace.push((i, order_id)) }
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
    hub_orders::record_versions(tx, orders, &answers, actor.at_us).await?;
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
            // What comes later in a batch was fetched later.
            if orders[*at].hub.is_some_and(|(_, v)| v.modified_us <= version.modified_us) {
                *at = i;
            }
        }
    }
    newest
}

async fn lock_orders(tx: &mut Tx, ids: impl Iterator<Item = i64>) -> Result<HashMap<i64, Here>, StoreError> {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    let tail = format!("ORDER BY id{}", tx.dialect().for_update());
    let rows = tx
        .fetch_in(
            "SELECT id, revision, event_seq, hub_status, amount_minor, shipping_amount_minor, discount_amount_minor \
             FROM orders WHERE id",
            ids.iter().copied(),
            &tail,
        )
        .await?;
    let mut here = HashMap::new();
    for row in rows {
        let mut c = row.cols();
        let (id, revision, event_seq, hub_status) = (c.i64()?, c.i64()?, c.i64()?, c.i64()?);
        let amounts = [c.opt_i64()?, c.opt_i64()?, c.opt_i64()?];
        here.insert(id, Here { revision, event_seq, hub_status, amounts, is_decided: false });
    }
    let decided = "SELECT id FROM plans WHERE state IN ('completed', 'cancelled') AND id";
    for row in tx.fetch_in(decided, ids, "").await? {
        here.entry(row.i64(0)?).and_modify(|h| h.is_decided = true);
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
        (Rows::new(33), Rows::new(6), Vec::new(), EventRows::default());
    let (mut items, mut result) = (Rows::new(ITEM_COLUMNS), Vec::new());
    let (mut counts, mut terms) = (Counts::default(), Terms::default());
    for &i in insert {
        let order = &orders[i];
        let id = ids.orders.next().expect("an id was taken for every order");
        let mut row = args![id, order.hub.map(|(pk, _)| pk), order.channel_id, &order.number];
        row.extend(order_values(order, people[&i]));
        row.extend(args![1i64, 0i64, 1i64, actor.command_id, now, now]);
        rows.push(row);
        let mut told = Told::of(order);
        for (n, line) in order.lines.iter().enumerate() {
            let own = ids.items.next().expect("an id was taken for every line");
            items.push(line_row(own, id, n, line, 0));
            told.line(own, line);
        }
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
                delta: told.delta(),
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
    shipping_name, delivery_from_us, delivery_until_us";

fn order_values(order: &NewOrder, (customer, shipping, billing): People) -> Vec<crate::Value> {
    let name = [order.shipping_address.first_name.as_deref(), order.shipping_address.last_name.as_deref()];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let (from, until) =
        order.delivery_range.as_deref().map_or((None, None), oms_core::orders::delivery_range);
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
        from,
        until,
    ]
}

/// Before planning the newer version takes the copy's place, lines and all. A planner that read the older lines finds
/// another revision and leaves them. Lines keep their ids, and what was cancelled stays cancelled; what the hub has no
/// more, or has cancelled, is cancelled here and stays visible.
async fn replace_order(
    tx: &mut Tx,
    order: &NewOrder,
    order_id: i64,
    here: &Here,
    people: &People,
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<(), StoreError> {
    let ours = our_lines(tx, order_id).await?;
    let places = same_lines(&ours, &order.lines);
    let mut told = Told::of(order);
    let is_off = order.hub_status == OrderStatus::Canceled.code();
    let (mut items, mut left) = (Rows::new(ITEM_COLUMNS), 0);
    for (n, (line, place)) in order.lines.iter().zip(&places).enumerate() {
        let own = place.map(|at| &ours[at]);
        let id = own.map_or_else(|| ids.items.next().expect("an id was taken for every line"), |o| o.id);
        let cancelled = if is_off { line.units } else { own.map_or(0, |o| o.cancelled.min(line.units)) };
        left += line.units - cancelled;
        told.line(id, line);
        told.cancelled(id, cancelled - own.map_or(0, |o| o.cancelled));
        items.push(line_row(id, order_id, n, line, cancelled));
    }
    let gone = (0..ours.len()).filter(|at| !places.contains(&Some(*at))).map(|at| &ours[at]);
    for (n, own) in gone.enumerate() {
        told.cancelled(own.id, own.left());
        items.push(line_row(own.id, order_id, order.lines.len() + n, &own.line, own.line.units));
    }
    update_columns(tx, order, (order_id, here), people, told.delta(), ids, actor).await?;
    tx.execute("DELETE FROM order_items WHERE order_id = $1", args![order_id]).await?;
    tx.insert(INSERT_ITEMS, items, "").await?;
    if left == 0 {
        return cancellations::end_order(tx, order_id, actor.at_us).await;
    }
    let job = NewJob {
        id: ids.rows.next().expect("ids were taken"),
        kind: JobKind::Plan,
        ref_id: order_id,
        sort: (order.placed_us, order.hub.map_or(order_id, |(pk, _)| pk)),
    };
    jobs::add(tx, &[job], actor.at_us).await
}

/// After planning, contact, note and shipping fields follow the hub while nothing is packed, and prices with the amounts
/// that they make up. Other products or units are recorded for a person instead of being applied behind the store's
/// back, and then no price is taken either.
async fn renew_order(
    tx: &mut Tx,
    order: &NewOrder,
    order_id: i64,
    here: &Here,
    people: &People,
    ids: &mut AcceptIds,
    actor: &Actor,
) -> Result<Vec<String>, StoreError> {
    let ours = our_lines(tx, order_id).await?;
    let places = same_lines(&ours, &order.lines);
    let pairs = || order.lines.iter().zip(&places).map(|(line, at)| (line, at.map(|at| &ours[at])));
    let is_missed = |at: &usize| !places.contains(&Some(*at)) && ours[*at].left() > 0;
    let lines_differ = pairs().any(|(line, own)| own.is_none_or(|o| !o.agrees(line)))
        || (0..ours.len()).any(|at| is_missed(&at));
    let terms: Vec<(&NewLine, &OurLine)> =
        pairs().filter_map(|(line, own)| Some((line, own?))).filter(|(l, o)| !o.has_terms_of(l)).collect();
    let is_off = order.hub_status == OrderStatus::Canceled.code() && ours.iter().any(|o| o.left() > 0);
    // What a location is asked to cancel, or has put aside, is packed if it was.
    let packed = "SELECT COUNT(*) FROM packages WHERE order_id = $1 AND COALESCE(held_state, state) >= 500 \
                  AND COALESCE(held_state, state) < 800";
    let is_packed = tx.scalar(packed, args![order_id]).await? > 0;

    let mut told = Told::of(order);
    pairs().for_each(|(line, own)| own.into_iter().for_each(|own| told.line(own.id, line)));
    if !is_packed && lines_differ {
        let [amount_minor, shipping_amount_minor, discount_amount_minor] = here.amounts;
        let kept = NewOrder { amount_minor, shipping_amount_minor, discount_amount_minor, ..order.clone() };
        update_columns(tx, &kept, (order_id, here), people, told.delta(), ids, actor).await?;
    } else if !is_packed {
        update_columns(tx, order, (order_id, here), people, told.delta(), ids, actor).await?;
        for (line, own) in &terms {
            let sql = "UPDATE order_items SET price_minor = $2, discount_minor = $3, retail_price_minor = $4, \
                       price_currency = $5, tax_rate = $6, attributes = $7 WHERE id = $1";
            let amounts = args![own.id, line.price_minor, line.discount_minor, line.retail_price_minor];
            let texts = args![line.currency.as_deref(), line.tax_rate.as_deref(), &line.attributes];
            tx.execute(sql, [amounts, texts].concat()).await?;
        }
    }
    if !is_packed {
        let known = pairs().filter_map(|(line, own)| Some((own?, line)));
        lines::follow_hub(tx, known).await?;
    }
    let late = [
        ("contact", is_packed),
        ("lines", lines_differ),
        ("prices", !terms.is_empty() && (is_packed || lines_differ)),
        ("cancelled", is_off),
    ];
    let late: Vec<String> = late.into_iter().filter(|(_, is)| *is).map(|(what, _)| what.to_owned()).collect();
    let said = |l: &NewLine| serde_json::json!({"omnitron_id": l.omnitron_id, "product": l.product_id, "quantity": l.units, "price_minor": l.price_minor});
    let mut mine: Vec<serde_json::Value> = Vec::new();
    for own in &ours {
        let mut line = said(&own.line);
        line["quantity_cancelled"] = own.cancelled.into();
        mine.push(line);
    }
    let detail =
        serde_json::json!({"ours": mine, "theirs": order.lines.iter().map(said).collect::<Vec<_>>()});
    let modified_us = order.hub.map_or(actor.at_us, |(_, v)| v.modified_us);
    hub_changes::of_version(tx, order_id, modified_us, &late, &detail, &mut ids.rows, actor.at_us).await?;
    Ok(late)
}

async fn update_columns(
    tx: &mut Tx,
    order: &NewOrder,
    (order_id, here): (i64, &Here),
    people: &People,
    told: serde_json::Value,
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
        delta: told,
    };
    events.push(&event, actor);
    events.write(tx).await
}
