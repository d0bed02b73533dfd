//! The hub takes a cancellation back.

use std::collections::BTreeSet;

use oms_core::packages as states;
use oms_core::refusal::Refusal;
use oms_store::StoreError;
use oms_store::orders::cancellations::{self as store, Asked, NewPlan};
use oms_store::orders::hub_changes;
use oms_store::packages::commands::{Doer, Step, Work, Written};
use oms_store::packages::held::{self, HeldPackage};
use serde_json::json;

use super::{Wanted, decide_ids_of, receive_ids};
use crate::packages::commands;
use crate::rules::transitions::{self, Flow};
use crate::{App, Error, Result};

/// The hub takes a plan back. What waits here ends, and packages whose location was asked go on where they were; of a plan
/// that nobody knows it is written down; where it came too late, a person is told.
pub(super) async fn run(app: &App, wanted: &Wanted) -> Result<()> {
    for tried in 1.. {
        match try_run(app, wanted).await {
            Err(Error::Store(error)) if error.is_retryable() && tried < commands::TRIES => {
                commands::pause(tried).await;
            }
            other => return other,
        }
    }
    Ok(())
}

const REASON: &str = "withdrawn by the hub";

async fn try_run(app: &App, wanted: &Wanted) -> Result<()> {
    let mut tx = app.store.read().await?;
    let known = match wanted.omnitron_id {
        Some(key) => store::by_omnitron_id(&mut tx, key).await?,
        None => None,
    };
    let Some(plan) = known else {
        drop(tx);
        return unknown(app, wanted).await;
    };
    let order = store::order_of(&mut tx, &plan).await?;
    drop(tx);
    let mut ids = decide_ids_of(app, order).await?;
    let actor = app.actor("hub").await?;
    let flow = transitions::flow(app).await?;
    let now_us = actor.at_us;
    let mut tx = app.store.begin().await?;
    let held = store::hold_order(&mut tx, order, None).await?;
    let live = match &held {
        Some(order) => store::live_packages(&mut tx, order.id).await?,
        None => Vec::new(),
    };
    let packages = held::packages(&mut tx, live).await?;
    let state = store::hold(&mut tx, plan.id).await?;
    match state.as_str() {
        "received" => store::withdraw(&mut tx, plan.id, REASON, now_us).await?,
        "waiting" => {
            let doer = Doer {
                actor,
                attributes: json!({"cancellation_plan": plan.id, "withdrawn": true}).to_string(),
                personal: None,
            };
            let fed = oms_store::stock::engines::owners(&mut tx).await?.into_keys().collect();
            let items = store::items_of(&mut tx, vec![plan.id]).await?;
            let mine: BTreeSet<i64> = items.iter().filter(|i| i.state == "waiting").map(|i| i.id).collect();
            let all: Vec<i64> = packages.keys().copied().collect();
            let asked = store::asked_of(&mut tx, all).await?;
            let mut work = Work::new(&mut ids.ids, fed);
            work.command(&doer, "cancellation withdrawn");
            for (id, mut package) in packages {
                let asks = asked.get(&id).map(Vec::as_slice).unwrap_or_default();
                let is_mine = |a: &Asked| mine.contains(&a.id);
                // What another plan asks of it is still asked.
                let goes_back = package.state == states::CANCELLATION_WAITING
                    && asks.iter().any(is_mine)
                    && asks.iter().all(is_mine);
                if goes_back {
                    let (to, transition) = way_back(&flow, &package)?;
                    work.step(&mut package, &Step::new(to, transition), &doer);
                }
                work.keep(&package);
            }
            let Written::Done(slots) = work.run(&mut tx, &[]).await? else {
                return Err(StoreError::Corrupt("going on asks for no stock".into()).into());
            };
            store::withdraw(&mut tx, plan.id, REASON, now_us).await?;
            slots.write(&mut tx).await?;
        }
        "refused" => return Ok(()),
        decided => {
            if let Some(order) = &held {
                let detail = json!({"cancellation_plan": plan.id, "state": decided, "hub": "withdrawn"});
                let row = ids.ids.rows.next().expect("ids were taken");
                hub_changes::note(&mut tx, row, order.id, "cancellation", &detail, now_us).await?;
            }
        }
    }
    Ok(tx.commit().await?)
}

/// The state a package was in when its cancellation was asked for, and the transition that leads back to it.
fn way_back(flow: &Flow, package: &HeldPackage) -> Result<(i64, (i64, i64))> {
    let to = package.effective();
    let refuses = |t: &&oms_store::rules::transitions::Transition| {
        t.definition.from == states::CANCELLATION_WAITING && t.definition.code == "REFUSE_CANCELLATION"
    };
    let ways = || flow.all().iter().filter(refuses);
    let way = ways().find(|t| t.definition.to == to).or_else(|| ways().next());
    let way = way.ok_or_else(|| {
        let message = format!(
            "Package {} waits for its cancellation, which the hub has withdrawn, and no transition REFUSE_CANCELLATION \
             leads out of that state; make one.",
            package.number
        );
        Refusal::invalid("transition", "no_such_step", message)
    })?;
    Ok((to, (way.id, way.rev)))
}

/// It is over before it was heard of, and stays so when its beginning comes late.
async fn unknown(app: &App, wanted: &Wanted) -> Result<()> {
    let mut ids = receive_ids(app, wanted).await?;
    let plan = NewPlan {
        id: ids.plan,
        job_id: ids.rows.next().expect("ids were taken"),
        omnitron_id: wanted.omnitron_id,
        source: "hub",
        order_id: None,
        order_omnitron_id: wanted.order_omnitron_id,
        plan_type: wanted.plan_type.clone(),
        items: Vec::new(),
    };
    let mut tx = app.store.begin().await?;
    if !store::receive_ended(&mut tx, &plan, REASON, app.now_us()).await? {
        // Its beginning came between the reading and now: once more, as one that is known.
        return Err(StoreError::Moved.into());
    }
    Ok(tx.commit().await?)
}
