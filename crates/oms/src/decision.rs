//! `oms decision`: replays decisions from their kept input, and compares them with another scenario.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use oms_app::planning::decisions::{self, Replayed};
use oms_app::rules::scenarios;
use oms_app::{App, views};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::plan::{Attempt, Decision};
use oms_store::{Options, Store};

use crate::Outcome;
use crate::cli::{DiffArgs, ReplayArgs};

/// Differences shown; one is enough to look into, and thousands would hide it.
const SHOWN: usize = 20;

async fn open(database: &str) -> Result<Arc<App>, String> {
    // Opening would make the file, and an empty database has no decisions.
    if let Some(path) = database.strip_prefix("sqlite://")
        && !std::path::Path::new(path).exists()
    {
        return Err(format!("there is no database at {path}; check the path given with --database"));
    }
    let store = Store::open(database, Options::default()).await.map_err(|e| e.to_string())?;
    let http = HttpClient::new(NetPolicy::public_only()).map_err(|e| e.to_string())?;
    Ok(App::beside(store, http, oms_app::system_clock()))
}

/// Recomputes decisions and compares them byte for byte.
pub async fn replay(args: ReplayArgs) -> Outcome {
    if args.id.is_none() && !args.all {
        return Err("name the id of an order, or give --all for every decision".into());
    }
    let app = open(&args.database.database).await?;
    let replayed = match args.id {
        Some(id) => decisions::replay(&app, id).await,
        None => {
            let bar = ProgressBar::no_length();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} decisions replayed, {per_sec}") {
                bar.set_style(style);
            }
            let replayed = decisions::replay_all(&app, |n| bar.set_position(n as u64)).await;
            bar.finish_and_clear();
            replayed
        }
    };
    let replayed = replayed.map_err(|e| e.to_string())?;
    app.store.close().await;
    Ok(report(&replayed))
}

fn report(replayed: &Replayed) -> ExitCode {
    for (order, n, what) in replayed.different.iter().take(SHOWN) {
        println!("Order {order}, decision {n}: {what}");
    }
    if replayed.different.len() > SHOWN {
        println!("… and {} more.", replayed.different.len() - SHOWN);
    }
    if replayed.older > 0 {
        println!("{} decisions are of an older version's format and were not replayed.", replayed.older);
    }
    let all = replayed.decisions;
    if replayed.different.is_empty() {
        println!("All {all} decisions replay to the same bytes.");
        return ExitCode::SUCCESS;
    }
    println!("{} of {all} decisions do not replay.", replayed.different.len());
    ExitCode::FAILURE
}

/// Shows what another scenario, or another version of one, would have decided on the same input.
pub async fn diff(args: DiffArgs) -> Outcome {
    let app = open(&args.database.database).await?;
    let scenario = scenarios::version(&app, args.scenario, args.version).await.map_err(|e| e.to_string())?;
    let compared = decisions::compare(&app, args.id, &scenario).await.map_err(|e| e.to_string())?;
    let set = views::plan(&app, args.id).await.map_err(|e| e.to_string())?;
    app.store.close().await;
    let skus = set.items.iter().map(|i| (i.id, set.products.get(&i.product_id).map_or("?", |p| &p.sku)));
    let told = Told { erp_codes: &set.erp_codes, skus: skus.collect() };
    println!("As decided:");
    told.print(&compared.kept);
    println!("With scenario {} ({:?}):", args.scenario, scenario.name);
    told.print(&compared.other);
    match first_parting(&compared.kept, &compared.other) {
        None => println!("The packages are the same."),
        Some(n) => println!("They part at rule {}.", n + 1),
    }
    Ok(ExitCode::SUCCESS)
}

/// The first rule whose choice differs; `None` if the packages are the same.
fn first_parting(kept: &Decision, other: &Decision) -> Option<usize> {
    let (Decision::Planned(kept), Decision::Planned(other)) = (kept, other) else {
        return (kept != other).then_some(0);
    };
    if kept.packages == other.packages {
        return None;
    }
    let chosen = |attempts: &[Attempt], i: usize| attempts.get(i).map(|a| a.chosen.clone());
    let longest = kept.attempts.len().max(other.attempts.len());
    (0..longest).find(|&i| chosen(&kept.attempts, i) != chosen(&other.attempts, i)).or(Some(0))
}

/// Prints decisions with the names people know.
struct Told<'a> {
    erp_codes: &'a HashMap<i64, String>,
    /// By line.
    skus: HashMap<i64, &'a str>,
}

impl Told<'_> {
    fn print(&self, decision: &Decision) {
        let plan = match decision {
            Decision::Planned(plan) => plan,
            Decision::Waits(reason) => return println!("    waits: {}", reason.text()),
        };
        for package in &plan.packages {
            let state = oms_core::packages::state(package.state).map_or("?", |s| s.name);
            println!("    {} ({state}): {}", self.place(package.location.0), self.items(&package.items));
            for transfer in &package.transfers {
                println!("        {} from {}", self.items(&transfer.items), self.place(transfer.from.0));
            }
        }
    }

    fn place(&self, location: i64) -> &str {
        self.erp_codes.get(&location).map_or("?", String::as_str)
    }

    fn items(&self, items: &[(oms_core::ids::LineId, i64)]) -> String {
        let one = |(line, n): &(oms_core::ids::LineId, i64)| {
            format!("{} {n}", self.skus.get(&line.0).copied().unwrap_or("?"))
        };
        items.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}
