//! Transfers: goods brought to the location that packs them. Their steps, and what happens when a source
//! does not have what it was to send.

use oms_core::refusal::Refusal;
use oms_core::transfers as states;
use oms_store::ids::IdKind;
use oms_store::jobs::{self, JobKind, NewJob};
use oms_store::logs::{self, Actor};
use oms_store::plans::{self, CommitIds, LineToPlan, Resent, Role};
use oms_store::transfers::{self as store, Effect, HeldPackage, Transfer};
use oms_store::{StoreError, Tx};

use crate::engines::{self, EngineState};
use crate::planning::input::{self, Hold};
use crate::{App, Result};

/// The most items a transfer's step makes rows for in one go; an order has at most a thousand lines.
const ROWS: usize = 8_000;
/// The most packages and transfers that a search for other sources may make.
const PARTS: usize = 1_000;

/// A step of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Waiting to Ready for Shipment.
    Ready,
    /// Waiting or Ready for Shipment to In Transit: the units leave the source.
    Dispatch,
    /// In Transit to Transferred: the units arrive; the last one releases the package.
    Deliver,
    /// Waiting only: the source does not have the units. Others are looked for at once.
    NotFound,
}

/// From, to, seeded transition, effect.
type Row = (i64, i64, (i64, i64), Effect);

impl Step {
    fn rows(self) -> &'static [Row] {
        use states::{IN_TRANSIT, OUT_OF_STOCK, READY_TO_SHIPMENT, TRANSFERRED, WAITING};
        match self {
            Self::Ready => &[(WAITING, READY_TO_SHIPMENT, (21, 1), Effect::None)],
            Self::Dispatch => &[
                (WAITING, IN_TRANSIT, (22, 1), Effect::Dispatch),
                (READY_TO_SHIPMENT, IN_TRANSIT, (23, 1), Effect::Dispatch),
            ],
            Self::Deliver => &[(IN_TRANSIT, TRANSFERRED, (24, 1), Effect::Arrive)],
            Self::NotFound => &[(WAITING, OUT_OF_STOCK, (25, 1), Effect::Release)],
        }
    }
}

/// What a step led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stepped {
    /// The transfer's state now.
    pub state: i64,
    /// The package waits for no transfer any more.
    pub released: bool,
    /// What was planned for units that were not found.
    pub resent: Option<Resent>,
}

/// What a step needs from before its transaction: ids, and how outside stock engines are.
pub struct StepIds {
    ids: CommitIds,
    engines: Vec<EngineState>,
}

/// Takes them; asks the stock engines for what a transfer that is not found will be looked for elsewhere.
pub async fn ids(app: &App, id: i64, step: Step) -> Result<StepIds> {
    let engines = match step {
        Step::NotFound if !engines::none(app).await => {
            let products = store::products_of(&mut app.store.read().await?, id).await?;
            engines::refresh(app, &products).await?
        }
        _ => Vec::new(),
    };
    let ids = CommitIds {
        packages: app.store.take_ids(IdKind::Package, 1).await?,
        items: app.store.take_ids(IdKind::PackageItem, PARTS).await?,
        transfers: app.store.take_ids(IdKind::Transfer, PARTS).await?,
        rows: app.store.take_ids(IdKind::Row, ROWS).await?,
    };
    Ok(StepIds { ids, engines })
}

/// Takes a transfer a step on. A step that does not start in its state is refused.
pub async fn step(tx: &mut Tx, mut ids: StepIds, actor: &Actor, id: i64, step: Step) -> Result<Stepped> {
    let StepIds { ids, engines } = &mut ids;
    let held = store::hold(tx, id).await?;
    let (package, transfers) = held.ok_or_else(|| Refusal::not_found("transfer order", id))?;
    let transfer = transfers.iter().find(|t| t.id == id);
    let transfer =
        transfer.ok_or_else(|| StoreError::Corrupt(format!("transfer {id} was just read and is gone")))?;
    let Some(&(_, to, transition, effect)) = step.rows().iter().find(|row| row.0 == transfer.state) else {
        return Err(wrong_state(transfer, step).into());
    };
    logs::record_command(tx, actor, "transfer.step").await?;
    store::step(tx, transfer, to, transition, effect, &mut ids.rows, actor).await?;
    let open_besides =
        transfers.iter().filter(|t| t.id != id).any(|t| states::state(t.state).is_some_and(|s| s.open));
    let resent = match step {
        Step::NotFound => Some(look_elsewhere(tx, &package, transfer, (ids, engines), actor).await?),
        _ => None,
    };
    let waits = open_besides
        || states::state(to).is_some_and(|s| s.open)
        || resent.as_ref().is_some_and(|r| r.transfers > 0);
    let ended = transfer.is_detached || resent.as_ref().is_some_and(|r| r.ended);
    let released = !waits && !ended;
    if released {
        store::release_package(tx, &package, &mut ids.rows, actor).await?;
    }
    Ok(Stepped { state: to, released, resent })
}

fn wrong_state(transfer: &Transfer, step: Step) -> Refusal {
    let name = |code: i64| states::state(code).map_or("an unknown state", |s| s.name);
    let from: Vec<_> = step.rows().iter().map(|row| name(row.0)).collect();
    let message = format!(
        "Transfer {} is {}; this step starts in {}.",
        transfer.number,
        name(transfer.state),
        from.join(" or ")
    );
    Refusal::invalid("state", "wrong_state", message)
}

/// Plans the units of a transfer that its source did not have, on stock that is held.
async fn look_elsewhere(
    tx: &mut Tx,
    package: &HeldPackage,
    lost: &Transfer,
    (ids, engines): (&mut CommitIds, &[EngineState]),
    actor: &Actor,
) -> Result<Resent> {
    store::exclude_source(tx, lost, actor).await?;
    let order = plans::read_order_alone(tx, package.order_id).await?;
    let mut order =
        order.ok_or_else(|| StoreError::Corrupt(format!("package {} has no order", package.id)))?;
    let line = |item: &store::TransferItem| LineToPlan {
        id: item.order_item_id,
        product: item.product_id,
        units: item.quantity,
        price_minor: None,
        facts: Default::default(),
    };
    order.lines = lost.items.iter().map(line).collect();
    let failed = plans::exclusions(tx, order.lines.iter().map(|l| l.id).collect(), Role::Send).await?;
    order.excluded_sources = failed.into_iter().map(|(_, location)| location).collect();
    order.bring_to = Some(package.location_id);
    let input = input::read_for(tx, vec![order], Hold::Stock, engines, actor.at_us).await?;
    let (decided, batch) = input::decide(input);
    let one = decided.first().ok_or_else(|| StoreError::Corrupt("a batch of one has no decision".into()))?;
    if let oms_core::plan::Decision::Waits(reason) = &one.decision {
        return Err(Refusal::invalid("transfer", reason.code(), reason.text()).into());
    }
    let resent = plans::resend(tx, package, lost, one, &batch, ids, actor).await?;
    if let Some(split) = resent.split_off {
        let job_id = ids.rows.next().expect("ids were taken");
        let job = NewJob { id: job_id, kind: JobKind::Replan, ref_id: split, sort: (0, split) };
        jobs::add(tx, &[job], actor.at_us).await?;
    }
    Ok(resent)
}
