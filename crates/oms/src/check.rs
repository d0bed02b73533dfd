//! `oms check`.

use std::process::ExitCode;

use oms_store::{Options, Store, check};

use crate::Outcome;
use crate::cli::DatabaseArgs;

/// Refuses a SQLite file that is not there: opening would make it.
pub(crate) fn must_exist(database: &str) -> Result<(), String> {
    match database.strip_prefix("sqlite://") {
        Some(path) if !std::path::Path::new(path).exists() => {
            Err(format!("there is no database at {path}; check the path given with --database"))
        }
        _ => Ok(()),
    }
}

/// Runs every check and says what it found.
pub async fn run(args: DatabaseArgs) -> Outcome {
    // An empty database breaks no invariant.
    must_exist(&args.database)?;
    let store = Store::open(&args.database, Options::default()).await.map_err(|e| e.to_string())?;
    let now_us = oms_app::system_clock()();
    let mut tx = store.read().await.map_err(|e| e.to_string())?;
    let mut done = 0;
    let findings = check::run(&mut tx, now_us, |_| done += 1).await.map_err(|e| e.to_string())?;
    for finding in &findings {
        println!("{} does not hold: {} ({} broken rows)", finding.id, finding.says, finding.count);
        finding.rows.iter().for_each(|row| println!("    {row}"));
    }
    if findings.is_empty() {
        println!("All {done} checks hold.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} of {done} checks do not hold.", findings.len());
    Ok(ExitCode::FAILURE)
}
