//! Hub orders: every order the hub ever told of, the version that was applied, and what became of it. What could not be
//! taken is tried again.

use std::collections::{BTreeMap, HashMap};

use crate::batch::Rows;
use crate::lists::{Filter, Kind, List};
use crate::orders::hub_changes;
use crate::orders::inbox;
use crate::orders::{Accepted, NewOrder};
use crate::{Row, StoreError, Tx, args};

/// The first pause before a rejected order is asked for again; each further one is twice as long.
const FIRST_RETRY_US: i64 = 30_000_000;
/// The longest pause.
const LONGEST_RETRY_US: i64 = 6 * 3_600_000_000;
/// Tries of one version, two days and a half in all; then a person, a change at the hub or the product begins anew.
pub const MAX_TRIES: i64 = 20;

/// The version of a hub order: an older one, or the same again, changes nothing. At the same time other content wins
/// that was fetched later: hubs change records within one tick of their clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubVersion {
    pub modified_us: i64,
    pub content_hash: [u8; 32],
}

impl HubVersion {
    /// Whether it tells nothing that `known` did not.
    pub(crate) fn is_old_beside(&self, known: &Self) -> bool {
        self.modified_us < known.modified_us || self == known
    }
}

/// What is known of a hub order.
pub(crate) struct Seen {
    pub version: HubVersion,
    pub order_id: Option<i64>,
}

/// A hub order that could not be taken.
#[derive(Debug, Clone)]
pub struct Rejected {
    pub pk: i64,
    /// Empty: it could not even be read.
    pub number: String,
    /// None: it could not be read.
    pub modified_us: Option<i64>,
    pub reason: String,
    /// The product of the hub that it names and that the hub does not show.
    pub missing_product: Option<i64>,
}

impl Rejected {
    /// An order that could not be read, if its key could.
    pub fn unreadable(pk: Option<i64>, reason: &str) -> Option<Self> {
        let (number, modified_us, missing_product) = (String::new(), None, None);
        pk.map(|pk| Self { pk, number, modified_us, reason: reason.into(), missing_product })
    }
}

/// Row ids that rejecting or trying again takes for each order.
pub const IDS_EACH: usize = 3;

/// Makes sure each hub order has its row, and holds those rows: two nodes that are sent the same order
/// take turns here.
pub(crate) async fn hold(
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
    let one = |row: &Row| {
        let mut c = row.cols();
        let (pk, modified_us, hash) = (c.i64()?, c.i64()?, c.bytes()?);
        let content_hash = hash.try_into().unwrap_or([0; 32]);
        Ok((pk, Seen { version: HubVersion { modified_us, content_hash }, order_id: c.opt_i64()? }))
    };
    rows.iter().map(one).collect()
}

/// Notes for each hub order the version now applied and what became of it.
pub(crate) async fn record_versions(
    tx: &mut Tx,
    orders: &[NewOrder],
    answers: &[Accepted],
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
                reason = v.reason, order_id = v.order_id, seen_us = v.seen, missing_product = NULL, retry_us = NULL \
                FROM v WHERE hub_orders.hub_pk = v.pk";
    tx.execute_values("pk, modified, hash, disposition, reason, order_id, seen", rows, body).await?;
    Ok(())
}

/// Records hub orders that could not be taken, so that none is lost from sight, and when each is tried again. Of an order
/// that is here, it becomes a change for a person. What is known already in the same words is no new try unless
/// `was_tried` says so: polls read the same record many times.
pub async fn reject(
    tx: &mut Tx,
    rejected: &[Rejected],
    was_tried: bool,
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<(), StoreError> {
    let by_pk: BTreeMap<i64, &Rejected> = rejected.iter().map(|r| (r.pk, r)).collect();
    let tail = format!("ORDER BY hub_pk{}", tx.dialect().for_update());
    let head =
        "SELECT hub_pk, order_id, modified_us, disposition, reason, tries FROM hub_orders WHERE hub_pk";
    let mut known = HashMap::new();
    for row in tx.fetch_in(head, by_pk.keys().copied(), &tail).await? {
        let mut c = row.cols();
        let pk = c.i64()?;
        known.insert(pk, (c.opt_i64()?, c.i64()?, c.text()?, c.opt_text()?, c.i64()?));
    }
    let (mut rows, mut again) = (Rows::new(10), Vec::new());
    for (pk, new) in by_pk {
        let modified_us = new.modified_us.unwrap_or(i64::MIN);
        let mut tries = 0;
        match known.get(&pk) {
            Some((Some(order), ..)) => {
                let id = ids.next().expect("ids were taken");
                hub_changes::note_unreadable(tx, id, *order, new.modified_us, &new.reason, now_us).await?;
                continue;
            }
            Some((None, known_us, disposition, reason, before)) => {
                let is_newer = *known_us < modified_us;
                let is_same = disposition == "rejected" && reason.as_deref() == Some(&new.reason);
                if *known_us > modified_us && modified_us > i64::MIN || is_same && !is_newer && !was_tried {
                    continue;
                }
                tries = if is_newer { 0 } else { *before };
            }
            None => {}
        }
        let pause = (FIRST_RETRY_US << tries.min(20)).min(LONGEST_RETRY_US);
        let retry_us = (tries < MAX_TRIES).then_some(now_us + pause);
        again.extend(retry_us.map(|due| (pk, due)));
        let hash = Vec::<u8>::new();
        let reason = &new.reason;
        let row = args![pk, &new.number, modified_us, hash, "rejected", reason, tries + 1, retry_us];
        rows.push([row, args![new.missing_product, now_us]].concat());
    }
    let head = "INSERT INTO hub_orders (hub_pk, number, modified_us, content_hash, disposition, reason, tries, retry_us, \
                missing_product, seen_us)";
    let tail = "ON CONFLICT (hub_pk) DO UPDATE SET \
                number = CASE WHEN excluded.number = '' THEN hub_orders.number ELSE excluded.number END, \
                modified_us = excluded.modified_us, disposition = excluded.disposition, reason = excluded.reason, \
                tries = excluded.tries, retry_us = excluded.retry_us, missing_product = excluded.missing_product, \
                seen_us = excluded.seen_us WHERE hub_orders.order_id IS NULL";
    tx.insert(head, rows, tail).await?;
    inbox::ask_again(tx, &again, ids, now_us).await
}

/// Whether the hub ever told of an order.
pub async fn is_known(tx: &mut Tx, pk: i64) -> Result<bool, StoreError> {
    Ok(tx.first("SELECT 1 FROM hub_orders WHERE hub_pk = $1", args![pk]).await?.is_some())
}

/// The rejected orders that wait for one of these products of the hub.
pub async fn waiting_for(tx: &mut Tx, products: &[i64]) -> Result<Vec<i64>, StoreError> {
    let head = "SELECT hub_pk FROM hub_orders WHERE missing_product";
    tx.fetch_in(head, products.iter().copied(), "ORDER BY hub_pk").await?.iter().map(|r| r.i64(0)).collect()
}

/// Has hub orders fetched again at once, whatever became of them. Their tries begin anew, and a version that was applied
/// is looked at once more. Takes [`IDS_EACH`] ids an order.
pub async fn try_again(
    tx: &mut Tx,
    pks: &[i64],
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(3);
    pks.iter().for_each(|&pk| rows.push(args![pk, Vec::<u8>::new(), now_us]));
    let body = "UPDATE hub_orders SET tries = 0, content_hash = v.hash, \
                retry_us = CASE WHEN hub_orders.disposition = 'rejected' THEN v.due END FROM v \
                WHERE hub_orders.hub_pk = v.pk";
    tx.execute_values("pk, hash, due", rows, body).await?;
    let due: Vec<_> = pks.iter().map(|&pk| (pk, now_us)).collect();
    inbox::ask_again(tx, &due, ids, now_us).await
}

/// A hub order as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubOrder {
    pub pk: i64,
    pub number: String,
    /// None: it could not be read.
    pub modified_us: Option<i64>,
    /// `imported`, `filtered` or `rejected`.
    pub disposition: String,
    pub reason: Option<String>,
    pub order_id: Option<i64>,
    pub tries: i64,
    pub retry_us: Option<i64>,
    pub seen_us: i64,
}

/// What a SELECT of hub orders reads, for [`read`].
pub const COLUMNS: &str = "t.hub_pk, t.number, t.modified_us, t.disposition, t.reason, t.order_id, t.tries, t.retry_us, \
    t.seen_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &Row) -> Result<HubOrder, StoreError> {
    let mut c = row.cols();
    Ok(HubOrder {
        pk: c.i64()?,
        number: c.text()?,
        modified_us: Some(c.i64()?).filter(|us| *us > i64::MIN),
        disposition: c.text()?,
        reason: c.opt_text()?,
        order_id: c.opt_i64()?,
        tries: c.i64()?,
        retry_us: c.opt_i64()?,
        seen_us: c.i64()?,
    })
}

/// What became of an order.
pub const DISPOSITIONS: &[&str] = &["imported", "filtered", "rejected"];

/// The list of hub orders.
pub const LIST: List = List {
    table: "hub_orders t",
    joins: "",
    ordered: &[],
    spans: &[],
    counted: None,
    filters: &[
        Filter::new("id", Kind::Int, "t.hub_pk = ?"),
        Filter::new("number", Kind::Text, "t.number = ?"),
        Filter::new("disposition", Kind::OneOf(DISPOSITIONS), "t.disposition = ?"),
        Filter::new("reason", Kind::Contains, "t.reason LIKE ? ESCAPE '\\'"),
        Filter::new("order", Kind::Int, "t.order_id = ?"),
    ],
    orders: &[("-id", "t.hub_pk DESC"), ("id", "t.hub_pk")],
};
