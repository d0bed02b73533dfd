//! `oms`: the Quartermaster order management system, one binary.

mod accounts;
mod check;
mod cli;
mod decision;
mod demo;
mod doctor;
mod hub;
mod jobs;
mod keys;
mod node;
mod serve;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

/// Much memory is freed on another thread than took it, between the database's and the workers'; the C
/// library's allocator spent a sixth of the time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command gives: the process's exit code, or a text for the person who ran it.
type Outcome = Result<ExitCode, String>;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    telemetry::start(cli.log.as_deref());
    let outcome = match cli.command {
        cli::Command::Demo(args) => demo::run(args).await,
        cli::Command::Serve(args) => serve::run(args).await,
        cli::Command::Hub(args) => hub::run(args).await,
        cli::Command::Check(args) => check::run(args).await,
        cli::Command::Doctor(args) => doctor::run(args).await,
        cli::Command::Decision(cli::DecisionCommand::Replay(args)) => decision::replay(args).await,
        cli::Command::Decision(cli::DecisionCommand::Diff(args)) => decision::diff(args).await,
        cli::Command::Jobs(cli::JobsCommand::List(args)) => jobs::list(args).await,
        cli::Command::Jobs(cli::JobsCommand::Retry(args)) => jobs::retry(args).await,
        cli::Command::Jobs(cli::JobsCommand::Drop(args)) => jobs::drop(args).await,
        cli::Command::User(cli::UserCommand::Create(args)) => accounts::create_user(args).await,
        cli::Command::Token(cli::TokenCommand::Create(args)) => accounts::create_token(args).await,
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("oms: {message}");
        ExitCode::FAILURE
    })
}
