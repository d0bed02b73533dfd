//! Packages that commands gave up, planned again in the commands' own transaction, on stock that is held.

use oms_core::commands::{Command, command};
use oms_core::plan::Decision;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::packages::held::Size;
use oms_store::planning::loads::Slots;
use oms_store::planning::plans::{self, CommitIds};
use oms_store::upkeep::jobs::{self, JobKind, NewJob};
use oms_store::{StoreError, Tx};

use super::{Request, Sizes};
use crate::planning::input::{self, Hold};
use crate::rules::transitions::Flow;
use crate::stock::engines::EngineState;
use crate::{App, Result};

/// Takes the ids that planning what these commands give up may need.
pub(super) async fn take_ids(app: &App, wave: &[Request], sizes: &Sizes, flow: &Flow) -> Result<CommitIds> {
    let plans = |r: &Request| {
        flow.named(&r.body).is_ok_and(|t| command(&t.definition.code).is_some_and(Command::plans))
    };
    ids_for(app, wave.iter().filter(|r| plans(r)).filter_map(|r| sizes.of(r))).await
}

/// Takes the ids that planning packages of these sizes may need.
pub(crate) async fn ids_for(app: &App, sizes: impl Iterator<Item = Size>) -> Result<CommitIds> {
    let (mut units, mut parts) = (0, 0);
    for size in sizes {
        units += size.units + 1;
        parts += size.parts;
    }
    if units == 0 {
        return Ok(CommitIds::empty());
    }
    // A package, an item and a transfer hold at least a unit each; what nobody has is one package more.
    let items = units + parts;
    Ok(CommitIds {
        packages: app.store.take_ids(IdKind::Package, units).await?,
        items: app.store.take_ids(IdKind::PackageItem, items).await?,
        transfers: app.store.take_ids(IdKind::Transfer, units).await?,
        rows: app.store.take_ids(IdKind::Row, items * 6 + units * 5 + 16).await?,
    })
}

/// Plans packages again that are refused or out of stock. One that must wait gets its job.
pub(crate) async fn run(
    tx: &mut Tx,
    app: &App,
    subjects: &[i64],
    engines: &[EngineState],
    ids: &mut CommitIds,
    slots: Slots,
    now_us: i64,
) -> Result<()> {
    let mut found = plans::read_packages(tx, subjects).await?;
    let orders: Vec<_> = subjects.iter().filter_map(|id| found.remove(id)).collect();
    let input = input::read_for(tx, orders, Hold::Stock, engines, now_us).await?;
    let (decided, batch) = input::decide(input);
    let command_id = ids.rows.next().expect("ids were taken");
    let actor = Actor { command_id, name: "system:planner".into(), node: app.node.clone(), at_us: now_us };
    logs::record_command(tx, &actor, "replan").await?;
    let outcome = plans::commit(tx, &decided, &batch, ids, &actor, slots).await?;
    if outcome.committed.len() != decided.len() {
        let bug = format!("{} of {} plans on held stock did not fit", outcome.missed.len(), decided.len());
        return Err(StoreError::Corrupt(bug).into());
    }
    let waits = decided.iter().filter(|d| {
        matches!(d.decision, Decision::Waits(_)) && d.order.replaces.is_some_and(|r| r.is_refused)
    });
    let mut job = |package: i64| NewJob {
        id: ids.rows.next().expect("ids were taken"),
        kind: JobKind::Replan,
        ref_id: package,
        sort: (0, package),
    };
    let waiting: Vec<NewJob> = waits.map(|d| job(d.order.subject())).collect();
    Ok(jobs::add(tx, &waiting, now_us).await?)
}
