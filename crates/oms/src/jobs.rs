//! `oms jobs`: what waits and what died, tried again or given up.

use std::process::ExitCode;

use oms_app::upkeep::jobs;
use oms_app::{App, views};
use oms_core::time::format_us;
use oms_store::ids::IdKind;
use oms_store::lists::Ask;
use oms_store::upkeep::jobs::LIST;

use crate::Outcome;
use crate::accounts::app;
use crate::cli::{JobArgs, JobsListArgs};

const ACTOR: &str = "system:cli";

/// Prints jobs, one a line.
pub async fn list(args: JobsListArgs) -> Outcome {
    let app = app(&args.database.database).await?;
    let mut given = vec![("state".to_owned(), args.state)];
    given.extend(args.kind.map(|kind| ("kind".to_owned(), kind)));
    let conditions = views::conditions(&LIST, &given).map_err(|e| e.to_string())?;
    let ask = Ask { conditions, page: 1, limit: args.limit, counts_all: true, ..Ask::default() };
    let page = jobs::list(&app, &ask).await.map_err(|e| e.to_string())?;
    for job in &page.rows {
        let error = job.last_error.as_deref().unwrap_or("-");
        let due = format_us(job.run_at_us);
        println!(
            "{}  {} of {}  {}  tries {}  due {due}  {error}",
            job.id, job.kind, job.ref_id, job.state, job.attempts
        );
    }
    println!("{} of {} jobs.", page.rows.len(), page.count);
    Ok(ExitCode::SUCCESS)
}

/// Tries jobs again at once.
pub async fn retry(args: JobArgs) -> Outcome {
    each(args, async |app, id| {
        let (audit, actor) = (app.store.take_id(IdKind::Row).await?, app.actor(ACTOR).await?);
        let mut tx = app.store.begin().await?;
        jobs::retry(&mut tx, audit, id, &actor).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Gives jobs up.
pub async fn drop(args: JobArgs) -> Outcome {
    each(args, async |app, id| {
        let (audit, actor) = (app.store.take_id(IdKind::Row).await?, app.actor(ACTOR).await?);
        let mut tx = app.store.begin().await?;
        jobs::drop(&mut tx, audit, id, &actor).await?;
        Ok(tx.commit().await?)
    })
    .await
}

async fn each(args: JobArgs, work: impl AsyncFn(&App, i64) -> oms_app::Result<()>) -> Outcome {
    let app = app(&args.database.database).await?;
    let mut outcome = ExitCode::SUCCESS;
    for id in args.ids {
        match work(&app, id).await {
            Ok(()) => println!("Job {id}: done."),
            Err(error) => {
                eprintln!("Job {id}: {error}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    Ok(outcome)
}
