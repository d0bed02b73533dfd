//! `oms doctor`: where the steps of the installation stand.

use std::process::ExitCode;

use oms_app::App;
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;

use crate::cli::DoctorArgs;
use crate::{Outcome, check, keys};

/// Prints every step, what it needs and where it is done. Fails while one needs a person.
pub async fn run(args: DoctorArgs) -> Outcome {
    check::must_exist(&args.database.database)?;
    let store = keys::open(&args.database.database, &args.key).await?;
    let http = HttpClient::new(NetPolicy::public_only()).map_err(|e| e.to_string())?;
    let app = App::beside(store, http, oms_app::system_clock());
    let standing = oms_web::setup_steps(&app).await.map_err(|e| e.to_string())?;
    for step in &standing.steps {
        println!("{:>2}  {:<9}  {}: {}", step.number, word(step.state), step.title, step.message);
        if let (Some(done), Some(total)) = (step.done, step.total) {
            println!("               {done} of {total}");
        }
        if let Some(error) = &step.error {
            println!("               {error}");
        }
        if matches!(step.state, "needs_you" | "failed") {
            println!("               {}", step.about);
            println!("               On the screen: {}", step.screen);
        }
    }
    let open = standing.steps.iter().filter(|s| matches!(s.state, "needs_you" | "failed")).count();
    match open {
        0 => println!("Nothing needs you."),
        1 => println!("1 step needs you."),
        n => println!("{n} steps need you."),
    }
    Ok(if standing.is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn word(state: &str) -> &str {
    match state {
        "needs_you" => "needs you",
        other => other,
    }
}
