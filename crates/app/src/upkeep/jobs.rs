//! Jobs, for the person who looks after them: what waits, what died of what, tried again or given up.

use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::lists::{self, Ask, Page};
use oms_store::orders::inbox;
use oms_store::upkeep::jobs::{self as store, JobKind, Waiting};
use serde_json::json;

use crate::{App, Result};

/// A page of jobs.
pub async fn list(app: &App, ask: &Ask) -> Result<Page<Waiting>> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<_, _>>()?;
    Ok(page.with(rows))
}

async fn held(tx: &mut Tx, id: i64) -> Result<Waiting> {
    let job = store::hold(tx, id).await?.ok_or_else(|| Refusal::not_found("job", id))?;
    if job.state == "leased" {
        let message = format!("Job {id} is being worked on; look again in a few seconds.");
        return Err(Refusal::conflict("job_running", message).into());
    }
    Ok(job)
}

async fn note(tx: &mut Tx, audit_id: i64, job: &Waiting, action: &str, actor: &Actor) -> Result<()> {
    logs::record_command(tx, actor, action).await?;
    let detail =
        json!({"kind": job.kind, "ref": job.ref_id, "attempts": job.attempts, "last_error": job.last_error});
    Ok(logs::audit(tx, audit_id, "job", job.id, action, &detail, actor).await?)
}

/// Tries a job again at once, with all its tries before it.
pub async fn retry(tx: &mut Tx, audit_id: i64, id: i64, actor: &Actor) -> Result<()> {
    let job = held(tx, id).await?;
    note(tx, audit_id, &job, "job.retry", actor).await?;
    Ok(store::retry(tx, id, actor.at_us).await?)
}

/// Gives a job up, where nothing hangs on it: a hub record is looked at again when the hub names it, a package by the next
/// sweep.
pub async fn drop(tx: &mut Tx, audit_id: i64, id: i64, actor: &Actor) -> Result<()> {
    let job = held(tx, id).await?;
    let instead = match job.kind.as_str() {
        "plan" => format!("order {} would never be planned; cancel the order instead", job.ref_id),
        "cancel" => format!("cancellation {} would never be decided on; try it again instead", job.ref_id),
        "bulk" => format!("the rest of bulk action {} would wait for good; try it again instead", job.ref_id),
        _ => String::new(),
    };
    if !instead.is_empty() {
        let message = format!("Job {id} cannot be dropped: {instead}.");
        return Err(Refusal::conflict("job_needed", message).into());
    }
    note(tx, audit_id, &job, "job.drop", actor).await?;
    if job.kind == JobKind::Fetch.as_str() {
        let why = job.last_error.as_deref().unwrap_or("never tried");
        let outcome = format!("dropped by {}: {why}", actor.name);
        inbox::settle(tx, &[(job.ref_id, false, outcome)], actor.at_us).await?;
        return Ok(store::drop_one(tx, JobKind::Fetch, job.ref_id).await?);
    }
    Ok(store::drop_one(tx, JobKind::Replan, job.ref_id).await?)
}
