//! A new plan for what one source of a package did not have: other sources, and what none has split off.

use std::collections::{BTreeMap, HashMap};

use oms_core::plan::{Planned, PlannedPackage};

use super::commit::{Held, wants};
use super::writes::{Item, Writes};
use super::{BatchInput, CommitIds, Decided};
use crate::access::logs::Actor;
use crate::packages::held::HeldPackage;
use crate::packages::transfers::{Transfer, move_package};
use crate::planning::loads::Slots;
use crate::stock::stocks::{self, Grant, Place};
use crate::{StoreError, Tx, args};

/// What became of the units that were not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    /// New transfers.
    pub transfers: usize,
    /// The Out of Stock package of what no source has.
    pub split_off: Option<i64>,
    /// Nothing was left to pack: the package ended.
    pub ended: bool,
}

/// The seeded transition of a package of which nothing is left to pack.
const NOTHING_LEFT: (i64, i64) = (8, 1);

/// Makes the new plan fact. The caller holds the package and the stock of its products.
pub async fn resend(
    tx: &mut Tx,
    package: &HeldPackage,
    lost: &Transfer,
    one: &Decided,
    input: &BatchInput,
    ids: &mut CommitIds,
    actor: &Actor,
) -> Result<Resent, StoreError> {
    let plan: &Planned = one
        .planned()
        .ok_or_else(|| StoreError::Corrupt("a search for sources ended without a plan".into()))?;
    let mut grants: BTreeMap<Place, Grant> = BTreeMap::new();
    for (place, units) in wants(one) {
        let safety = one.safety.get(&place).copied().unwrap_or(0);
        let grant = grants.entry(place).or_default();
        *grant = Grant { units: grant.units + units, safety };
    }
    let held = stocks::reserve(tx, &grants).await?;
    if held.len() != grants.len() {
        return Err(StoreError::Corrupt(format!("transfer {}: held stock was refused", lost.id)));
    }
    let (found, short): (Vec<_>, Vec<_>) = plan.packages.iter().partition(|p| p.has_stock());
    let made: usize = found.iter().map(|p| p.transfers.len()).sum();
    let sql = "SELECT CAST(SUM(quantity) AS BIGINT) FROM package_items WHERE package_id = $1";
    let whole = tx.scalar(sql, args![package.id]).await?;
    let missing: i64 = short.iter().flat_map(|p| &p.items).map(|(_, n)| n).sum();
    let ended = missing == whole;

    let split = match short.first() {
        Some(rest) if !ended => split_items(tx, lost, rest).await?,
        _ => Vec::new(),
    };
    let held_order =
        Held { event_seq: package.order_event_seq, packages_made: package.packages_made, package: None };
    let mut writes = Writes::new(ids, &held, actor, Slots::default());
    let split_off = writes.resent((one, plan), input, held_order, (package, lost), split);
    writes.run(tx, input).await?;
    let sql = "UPDATE packages SET transfers_made = transfers_made + $2, version = version + 1 WHERE id = $1";
    tx.execute(sql, args![package.id, made]).await?;
    if ended {
        let attributes =
            serde_json::json!({"replaced_by": split_off.into_iter().collect::<Vec<_>>()}).to_string();
        let also = [oms_core::events::PACKAGE_CANCELLED];
        let cancelled = oms_core::packages::CANCELLED;
        move_package(tx, package, cancelled, NOTHING_LEFT, &also, &attributes, &mut ids.rows, actor).await?;
    }
    Ok(Resent { transfers: made, split_off, ended })
}

/// Takes units that no source has out of a package: a whole item moves on, a part becomes an item of its
/// own. Returns the items of the new package that are there already, by line.
async fn split_items(tx: &mut Tx, lost: &Transfer, rest: &PlannedPackage) -> Result<Vec<Item>, StoreError> {
    let units: HashMap<i64, i64> = rest.items.iter().map(|(line, n)| (line.0, *n)).collect();
    let mut whole = Vec::new();
    for item in &lost.items {
        let Some(&missing) = units.get(&item.order_item_id) else { continue };
        let has = tx
            .scalar("SELECT quantity FROM package_items WHERE id = $1", args![item.package_item_id])
            .await?;
        if missing == has {
            whole.push(Item { id: item.package_item_id, line: item.order_item_id, product: item.product_id });
        } else {
            let sql = "UPDATE package_items SET quantity = quantity - $2 WHERE id = $1";
            tx.execute(sql, args![item.package_item_id, missing]).await?;
        }
    }
    Ok(whole)
}
