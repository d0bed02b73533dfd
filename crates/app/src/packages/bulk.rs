//! One command on many records, as a job: it goes on when its page is closed and when its process ends, each record is
//! asked once, and the rows that failed can be asked again.

use futures::future::join_all;
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_core::refusal::Refusal;
use oms_store::ids::IdKind;
use oms_store::packages::bulk as store;
pub use oms_store::packages::bulk::{BulkRow, Progress, Run, Which};
use oms_store::upkeep::jobs::{self, Job, JobKind, NewJob};
use serde_json::Value;

use crate::guard::caught;
use crate::packages::commands::{self, Outcome, RefusalAnswer, Request, outside};
use crate::upkeep::idempotency::{Answer, Key, fingerprint};
use crate::{App, Error, Result};

/// The most records of one run.
pub const MOST: usize = 10_000;
/// Records asked in one transaction: other commands get their turn between two.
const CHUNK: i64 = 32;
/// How long until a run that could not go on is tried again.
const AGAIN_US: i64 = 5_000_000;
/// How long the results of a run are kept.
pub(crate) const KEEP_US: i64 = 30 * 24 * 3_600 * 1_000_000;

/// Begins a run: `body` is what the command takes, without the record. Returns its id.
pub async fn begin(app: &App, entity: Entity, body: &Value, records: &[i64], actor: &str) -> Result<i64> {
    if records.is_empty() || records.len() > MOST {
        let message = format!("1 to {MOST} records are expected; {} were chosen.", records.len());
        return Err(Refusal::invalid("id", "bulk_size", message).into());
    }
    // Said before anything begins where it fits no record at all.
    Body::read(entity, records[0], body)?;
    let (run_id, job_id) = (app.store.take_id(IdKind::Row).await?, app.store.take_id(IdKind::Row).await?);
    let now = app.now_us();
    let run = Run {
        id: run_id,
        entity: entity.as_str().to_owned(),
        body: body.to_string(),
        actor: actor.to_owned(),
        created_us: now,
        finished_us: None,
    };
    let mut tx = app.store.begin().await?;
    store::add(&mut tx, &run, records).await?;
    let job = NewJob { id: job_id, kind: JobKind::Bulk, ref_id: run_id, sort: (now, run_id) };
    jobs::add(&mut tx, &[job], now).await?;
    tx.commit().await?;
    Ok(run_id)
}

/// Begins a run of the rows of another that failed.
pub async fn again(app: &App, run_id: i64, actor: &str) -> Result<i64> {
    let mut tx = app.store.read().await?;
    let run = store::by_id(&mut tx, run_id).await?.ok_or_else(|| Refusal::not_found("bulk run", run_id))?;
    let failed = store::rows(&mut tx, run_id, Which::Failed, 0, MOST as i64).await?;
    drop(tx);
    let records: Vec<i64> = failed.iter().map(|row| row.record_id).collect();
    begin(app, entity_of(&run)?, &body_of(&run)?, &records, actor).await
}

/// A run, how far it is, and a page of its rows: those that failed first to be seen, then the others.
pub async fn look(app: &App, run_id: i64, most: i64) -> Result<(Run, Progress, Vec<BulkRow>)> {
    let mut tx = app.store.read().await?;
    let run = store::by_id(&mut tx, run_id).await?.ok_or_else(|| Refusal::not_found("bulk run", run_id))?;
    let progress = store::progress(&mut tx, run_id).await?;
    let mut rows = store::rows(&mut tx, run_id, Which::Failed, 0, most).await?;
    let others = store::rows(&mut tx, run_id, Which::All, 0, most).await?;
    rows.extend(others.into_iter().filter(|r| r.answer.as_ref().is_none_or(|(status, _)| *status < 300)));
    rows.truncate(most as usize);
    Ok((run, progress, rows))
}

/// Takes one run on to its end. Returns whether there was one.
pub async fn tick(app: &App, refusal_answer: RefusalAnswer) -> Result<bool> {
    if !jobs::any_due(&mut app.store.read().await?, JobKind::Bulk, app.now_us()).await? {
        return Ok(false);
    }
    let mut tx = app.store.begin().await?;
    let claimed = jobs::claim(&mut tx, JobKind::Bulk, &app.node, 1, app.now_us()).await?;
    let _held = app.in_hand.jobs(&claimed);
    tx.commit().await?;
    let Some(job) = claimed.first() else { return Ok(false) };
    if let Err(error) = caught("a bulk action", work(app, job, refusal_answer)).await {
        tracing::warn!(%error, run = job.ref_id, "a bulk action could not go on; it is tried again");
        let (text, at) = (error.to_string(), app.now_us() + AGAIN_US);
        let mut tx = app.store.begin().await?;
        let tries = jobs::MAX_ATTEMPTS;
        jobs::give_back(&mut tx, std::slice::from_ref(job), &app.node, at, Some(&text), tries).await?;
        tx.commit().await?;
    }
    Ok(true)
}

async fn work(app: &App, job: &Job, refusal_answer: RefusalAnswer) -> Result<()> {
    let run_id = job.ref_id;
    let run = store::by_id(&mut app.store.read().await?, run_id).await?;
    let run = run.ok_or_else(|| Refusal::not_found("bulk run", run_id))?;
    let (entity, body) = (entity_of(&run)?, body_of(&run)?);
    let mut last = 0;
    loop {
        let waiting = store::rows(&mut app.store.read().await?, run_id, Which::Waiting, last, CHUNK).await?;
        let Some(end) = waiting.last() else { break };
        last = end.n;
        let answers = ask(app, &run, entity, &body, &waiting, refusal_answer).await?;
        let rows: Vec<_> = waiting
            .iter()
            .zip(&answers)
            .map(|(row, a)| (row.n, i64::from(a.status), a.body.as_str()))
            .collect();
        let mut tx = app.store.begin().await?;
        store::settle(&mut tx, run_id, &rows).await?;
        tx.commit().await?;
    }
    let mut tx = app.store.begin().await?;
    if jobs::finish(&mut tx, &[job.id], &app.node).await?.is_empty() {
        // Another process took it over and ends it.
        return Ok(());
    }
    store::finish(&mut tx, run_id, app.now_us()).await?;
    Ok(tx.commit().await?)
}

/// Asks each record. A row's key makes it one effect however often it is asked: after a kill the row still waits.
async fn ask(
    app: &App,
    run: &Run,
    entity: Entity,
    body: &Value,
    rows: &[BulkRow],
    refusal_answer: RefusalAnswer,
) -> Result<Vec<Answer>> {
    let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
    let mut asked = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        match Body::read(entity, row.record_id, body) {
            Ok(read) => {
                let key = Key {
                    scope: format!("bulk {}", run.id),
                    key: row.n.to_string(),
                    fingerprint: fingerprint(body),
                };
                let actor = run.actor.clone();
                asked.push((at, Request { entity, id: row.record_id, body: read, actor, key: Some(key) }));
            }
            Err(refusal) => answers[at] = Some(refusal_answer(&refusal)),
        }
    }
    let (places, requests): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let outcomes = commands::run(app, requests, true, refusal_answer).await;
    let ends = join_all(outcomes.into_iter().map(|outcome| async move {
        match outcome {
            Ok(Outcome::Answered(answer)) => Ok(answer),
            Ok(Outcome::Outside(id)) => outside::run(app, id, refusal_answer).await,
            Err(Error::Refused(refusal)) => Ok(refusal_answer(&refusal)),
            Err(error) => Err(error),
        }
    }));
    for (at, end) in places.into_iter().zip(ends.await) {
        answers[at] = Some(end?);
    }
    Ok(answers.into_iter().map(|a| a.expect("each row was asked or refused")).collect())
}

fn entity_of(run: &Run) -> Result<Entity> {
    let found = Entity::parse(&run.entity);
    Ok(found.ok_or_else(|| Refusal::not_found(&run.entity, run.id))?)
}

fn body_of(run: &Run) -> Result<Value> {
    let wrong = |e: serde_json::Error| {
        oms_store::StoreError::Corrupt(format!("the body of bulk run {}: {e}", run.id))
    };
    Ok(serde_json::from_str(&run.body).map_err(wrong)?)
}
