//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Where `oms demo` keeps its database unless told otherwise.
pub const DEMO_DATABASE: &str = "sqlite://oms-demo/oms.db";

/// Quartermaster: takes a brand's orders, decides which store packs what, and keeps everybody informed.
#[derive(Parser)]
#[command(name = "oms", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// What is logged, for example `info` or `oms_app=debug`.
    #[arg(long, global = true, env = "OMS_LOG", value_name = "FILTER")]
    pub log: Option<String>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Try it: starts a demo hub and the OMS, and turns the hub's orders into packages.
    Demo(DemoArgs),
    /// Run the OMS: API, intake and planning.
    Serve(ServeArgs),
    /// Run the demo hub alone: an Omnitron-compatible server.
    Hub(HubArgs),
    /// Prove the invariants of a database; exits 1 with the first broken rows if one does not hold.
    Check(DatabaseArgs),
    /// Where the steps of the installation stand, and what each needs; exits 1 while one needs a person.
    Doctor(DoctorArgs),
    /// Decisions: replayed from their kept input, or compared with another scenario.
    #[command(subcommand)]
    Decision(DecisionCommand),
    /// Jobs: work that waits, and work that died with its reason.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Args)]
pub struct DatabaseArgs {
    /// `sqlite://path/to/oms.db` or `postgres://user@host/database`.
    #[arg(long, env = "OMS_DATABASE", value_name = "URL")]
    pub database: String,
}

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub key: KeyArgs,
}

#[derive(Args)]
pub struct KeyArgs {
    /// The file of the key that seals secrets in the database. Without it: beside the SQLite file, or in this folder, named
    /// after the database. It is made at the first start; every node needs the same.
    #[arg(long, env = "OMS_SECRETS_KEY", value_name = "FILE")]
    pub secrets_key: Option<PathBuf>,
}

#[derive(Args)]
pub struct DemoArgs {
    /// A folder of orders, customers, locations, stock and products; without it a small world is generated.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The OMS's database.
    #[arg(long, env = "OMS_DATABASE", value_name = "URL", default_value = DEMO_DATABASE)]
    pub database: String,
    #[command(flatten)]
    pub key: KeyArgs,
    /// Where the OMS listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7080")]
    pub listen: SocketAddr,
    /// Where the demo hub listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7081")]
    pub hub_listen: SocketAddr,
    /// Presets an administrator's API token, for scripts; otherwise one is made and printed.
    #[arg(long, env = "OMS_DEMO_TOKEN", value_name = "TOKEN")]
    pub token: Option<String>,
    /// Planning workers. With 1, planning begins when the hub's orders are in, so that its result repeats.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,
    /// Start over: removes what an earlier demo left in the database and the hub.
    #[arg(long)]
    pub fresh: bool,
    /// Stop when all is planned, and print the counts as one JSON object.
    #[arg(long)]
    pub until_idle: bool,
    /// Leave the orders' times as the data has them instead of moving them to this week.
    #[arg(long)]
    pub keep_dates: bool,
}

#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub key: KeyArgs,
    /// Where the OMS listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7080")]
    pub listen: SocketAddr,
    /// Planning workers.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=64))]
    pub workers: u16,
    /// Networks beyond the public internet that outgoing calls may reach, for example 10.1.0.0/16.
    #[arg(long, env = "OMS_ALLOW_NET", value_name = "CIDR", value_delimiter = ',')]
    pub allow_net: Vec<String>,
}

#[derive(Args)]
pub struct HubArgs {
    /// Where the hub listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7081")]
    pub listen: SocketAddr,
    /// A folder of orders, customers, locations, stock and products; without it a small world is generated.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The technical user the OMS signs in as.
    #[arg(long, value_name = "NAME", default_value = oms_world::hub::DEFAULT_USERNAME)]
    pub username: String,
    /// Its password; made and printed when absent.
    #[arg(long, env = "OMS_HUB_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Where changes made by callers are kept.
    #[arg(long, value_name = "FILE", default_value = "oms-demo/hub.db")]
    pub state: PathBuf,
    /// Sign-ins allowed in six minutes; no limit when absent.
    #[arg(long, value_name = "N")]
    pub login_limit: Option<u32>,
    /// Leave the orders' times as the data has them instead of moving them to this week.
    #[arg(long)]
    pub keep_dates: bool,
}

#[derive(Subcommand)]
pub enum DecisionCommand {
    /// Recompute decisions and compare them byte for byte; exits 1 with the first that differ.
    Replay(ReplayArgs),
    /// Show what another scenario, or another version of one, would have decided on the same input.
    Diff(DiffArgs),
}

#[derive(Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The id of an order (its plan has the same).
    #[arg(conflicts_with = "all")]
    pub id: Option<i64>,
    /// Every decision of the database.
    #[arg(long)]
    pub all: bool,
}

#[derive(Args)]
pub struct DiffArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The id of an order (its plan has the same).
    pub id: i64,
    /// The id of the distribution scenario to try.
    #[arg(long, value_name = "N")]
    pub scenario: i64,
    /// One of its versions; the current one when absent.
    #[arg(long, value_name = "V")]
    pub version: Option<i64>,
}

#[derive(Subcommand)]
pub enum JobsCommand {
    /// Print jobs, the newest first.
    List(JobsListArgs),
    /// Try jobs again at once, with all their tries before them.
    Retry(JobArgs),
    /// Give jobs up: fetches of hub records and replans of packages.
    Drop(JobArgs),
}

#[derive(Args)]
pub struct JobsListArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// runnable, leased or dead.
    #[arg(long, value_name = "STATE", default_value = "dead")]
    pub state: String,
    /// fetch, plan, replan or cancel; all when absent.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Jobs printed at most.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub limit: i64,
}

#[derive(Args)]
pub struct JobArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The ids that `oms jobs list` prints.
    #[arg(required = true)]
    pub ids: Vec<i64>,
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Create an administrator. The password is asked for, or read from OMS_PASSWORD.
    Create(UserArgs),
}

#[derive(Args)]
pub struct UserArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The user's name.
    pub username: String,
    /// The password; asked for on the terminal when absent.
    #[arg(long, env = "OMS_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
}

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create an API token of a user and print it: it is shown this once.
    Create(TokenArgs),
}

#[derive(Args)]
pub struct TokenArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The user the token acts as.
    pub username: String,
    /// What the token is for.
    #[arg(long, default_value = "cli")]
    pub name: String,
}
