//! The commit of a batch: lock, keep what still fits, reserve, write.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_core::packages as states;

use super::writes::Writes;
use super::{BatchInput, CommitIds, Decided, lock_loads};
use crate::access::logs::Actor;
use crate::planning::loads::Slots;
use crate::stock::stocks::{self, Balance, Grant, Place};
use crate::{StoreError, Tx};

/// How a batch's commit went. Subjects (orders, or packages planned anew) in neither list had moved on:
/// another node planned them, or they changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Those whose decision is now fact, or confirmed what stands.
    pub committed: Vec<i64>,
    /// Those whose plan no longer fits the stock or the quota: to be planned again on a fresh snapshot.
    pub missed: Vec<i64>,
}

/// What a subject's rows say once they are held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub event_seq: i64,
    pub packages_made: i64,
    /// Of the package that is replaced.
    pub package: Option<HeldPackage>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct HeldPackage {
    pub id: i64,
    pub log_head: [u8; 32],
    pub event_seq: i64,
    pub state: i64,
}

/// Makes decisions facts, each order whole or not at all: locks the orders and the balances in key
/// order, keeps the plans that still fit, reserves with the guarded update and writes packages, logs,
/// events and records. The caller commits. `slots`: what the same transaction changed before.
pub async fn commit(
    tx: &mut Tx,
    decided: &[Decided],
    input: &BatchInput,
    ids: &mut CommitIds,
    actor: &Actor,
    slots: Slots,
) -> Result<Outcome, StoreError> {
    let current = hold_subjects(tx, decided).await?;
    let live: Vec<&Decided> = decided.iter().filter(|d| current.contains_key(&d.order.subject())).collect();
    let balances =
        stocks::lock(tx, live.iter().flat_map(|d| wants(d)).map(|w| w.0).collect::<BTreeSet<_>>()).await?;
    let by_quota = live.iter().filter_map(|d| d.planned()).flat_map(|p| &p.packages).filter(|p| p.by_quota);
    let loads = lock_loads(tx, by_quota.map(|p| p.location.0).collect::<BTreeSet<_>>()).await?;

    let Fitting { fits, missed, grants } = keep_what_fits(live, &balances, &loads);
    let held = stocks::reserve(tx, &grants).await?;
    if held.len() != grants.len() {
        let bug = format!(
            "{} of {} locked balances refused a sum that fits",
            grants.len() - held.len(),
            grants.len()
        );
        return Err(StoreError::Corrupt(bug));
    }
    let mut writes = Writes::new(ids, &held, actor, slots);
    for one in &fits {
        writes.decided(one, input, current[&one.order.subject()]);
    }
    writes.run(tx, input).await?;
    Ok(Outcome { committed: fits.iter().map(|d| d.order.subject()).collect(), missed })
}

/// Holds the batch's orders (and the packages to be replaced) and returns those that are as the planner saw them.
async fn hold_subjects(tx: &mut Tx, decided: &[Decided]) -> Result<HashMap<i64, Held>, StoreError> {
    let (anew, first): (Vec<&Decided>, Vec<&Decided>) =
        decided.iter().partition(|d| d.order.replaces.is_some());
    let lock = |tables| match tx.dialect() {
        crate::db::Dialect::Sqlite => String::new(),
        crate::db::Dialect::Postgres => format!(" FOR UPDATE OF {tables}"),
    };
    let (lock_plans, lock_packages) = (lock("o, p"), lock("o, l, p"));
    let mut current = HashMap::new();
    let seen: BTreeMap<i64, i64> = first.iter().map(|d| (d.order.id, d.order.revision)).collect();
    let head = "SELECT o.id, o.revision, o.event_seq, o.packages_made FROM orders o JOIN plans p ON p.id = o.id \
                WHERE p.state IN ('start', 'pending') AND o.id";
    for row in tx.fetch_in(head, seen.keys().copied(), &format!("ORDER BY o.id{lock_plans}")).await? {
        let mut c = row.cols();
        let (id, revision) = (c.i64()?, c.i64()?);
        if seen[&id] == revision {
            current.insert(id, Held { event_seq: c.i64()?, packages_made: c.i64()?, package: None });
        }
    }
    let seen: BTreeMap<i64, (i64, i64)> = anew
        .iter()
        .filter_map(|d| Some((d.order.replaces?.package, (d.order.replaces?.version, d.order.revision))))
        .collect();
    let head = format!(
        "SELECT p.id, p.version, o.revision, o.event_seq, o.packages_made, p.log_head, p.event_seq, \
         p.state FROM packages p JOIN orders o ON o.id = p.order_id JOIN plans l ON l.id = o.id \
         WHERE p.state IN ({}, {}) AND p.id",
        states::NEEDS_RESCHEDULING,
        states::OUT_OF_STOCK
    );
    for row in
        tx.fetch_in(&head, seen.keys().copied(), &format!("ORDER BY o.id, p.id{lock_packages}")).await?
    {
        let mut c = row.cols();
        let (id, version, revision) = (c.i64()?, c.i64()?, c.i64()?);
        let (event_seq, packages_made, log_head) = (c.i64()?, c.i64()?, c.bytes()?);
        let log_head = log_head
            .try_into()
            .map_err(|_| StoreError::Corrupt(format!("the log head of package {id} is no SHA-256")))?;
        if seen[&id] == (version, revision) {
            let package = HeldPackage { id, log_head, event_seq: c.i64()?, state: c.i64()? };
            current.insert(id, Held { event_seq, packages_made, package: Some(package) });
        }
    }
    Ok(current)
}

/// (place, units) of everything a decision reserves: at the packing location, and at the sources of transfers.
pub(super) fn wants(one: &Decided) -> impl Iterator<Item = (Place, i64)> {
    let product: HashMap<i64, i64> = one.order.lines.iter().map(|l| (l.id, l.product)).collect();
    let stocked = one.planned().into_iter().flat_map(|p| &p.packages).filter(|p| p.has_stock());
    stocked
        .flat_map(|p| {
            let own = p.items.iter().map(|&(line, units)| (p.location, line, units - p.brought(line)));
            let sent =
                p.transfers.iter().flat_map(|t| t.items.iter().map(|&(line, units)| (t.from, line, units)));
            own.chain(sent)
        })
        .filter(|(_, _, units)| *units > 0)
        .map(move |(location, line, units)| ((product[&line.0], location.0), units))
}

/// What of a batch can be made fact.
struct Fitting<'d> {
    fits: Vec<&'d Decided>,
    missed: Vec<i64>,
    grants: BTreeMap<Place, Grant>,
}

/// Walks the batch in order and keeps what fits the locked balances and free slots.
fn keep_what_fits<'d>(
    live: Vec<&'d Decided>,
    balances: &BTreeMap<Place, Balance>,
    loads: &BTreeMap<i64, (i64, Option<i64>)>,
) -> Fitting<'d> {
    let mut free: HashMap<Place, i64> = balances.iter().map(|(place, b)| (*place, b.available())).collect();
    let mut open: BTreeMap<i64, i64> = loads.iter().map(|(location, load)| (*location, load.0)).collect();
    let mut result = Fitting { fits: Vec::new(), missed: Vec::new(), grants: BTreeMap::new() };
    for one in live {
        let mut sums: BTreeMap<Place, i64> = BTreeMap::new();
        wants(one).for_each(|(place, units)| *sums.entry(place).or_default() += units);
        let safety = |place: &Place| one.safety.get(place).copied().unwrap_or(0);
        let has_stock =
            sums.iter().all(|(place, units)| free.get(place).is_some_and(|f| f - safety(place) >= *units));
        let packages = || one.planned().into_iter().flat_map(|p| &p.packages);
        let has_slot = packages().filter(|p| p.by_quota).all(|p| {
            let most = loads.get(&p.location.0).and_then(|load| load.1).unwrap_or(0);
            open.get(&p.location.0).is_some_and(|n| *n < most)
        });
        if !has_stock || !has_slot {
            result.missed.push(one.order.subject());
            continue;
        }
        for (place, units) in sums {
            *free.get_mut(&place).expect("it fits") -= units;
            let grant = result.grants.entry(place).or_default();
            *grant = Grant { units: grant.units + units, safety: safety(&place) };
        }
        for package in packages().filter(|p| p.has_stock()) {
            open.entry(package.location.0).and_modify(|n| *n += 1);
        }
        result.fits.push(one);
    }
    result
}
