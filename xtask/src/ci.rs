//! Every check of the project, in the order in which they fail fastest.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::postgres::{Durability, Postgres};
use crate::steps::{Steps, cargo, run};

/// The version of the test runner that the project is checked with.
const NEXTEST: &str = "0.9.143";
/// Where tests find the PostgreSQL server (`oms-testkit` reads it).
const POSTGRES_VARIABLE: &str = "OMS_TEST_POSTGRES";
/// Where the property tests' random worlds begin (`crates/core/src/plan/tests/worlds.rs` reads it).
const SEED_VARIABLE: &str = "OMS_SEED";

/// `cargo xtask ci`
pub fn ci() -> Result<(), String> {
    let mut steps = Steps::default();
    steps.run("style", cargo().args(["fmt", "--all", "--check"]));
    steps.run(
        "lints",
        cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    );
    if steps.run("build", cargo().args(["build", "--workspace", "--locked"])) {
        tests(&mut steps, &["--workspace".to_owned(), "--locked".to_owned()]);
    } else {
        steps.skip("tests");
    }
    steps.finish()
}

/// `cargo xtask test`
pub fn test(arguments: &[String]) -> Result<(), String> {
    let mut steps = Steps::default();
    // A bare call means all packages; `default-members` would mean the binary's alone.
    let all = ["--workspace".to_owned()];
    tests(&mut steps, if arguments.is_empty() { &all } else { arguments });
    steps.finish()
}

fn tests(steps: &mut Steps, arguments: &[String]) {
    if steps.work("test runner", test_runner).is_none() {
        return steps.skip("tests");
    }
    let given = std::env::var(POSTGRES_VARIABLE).ok().filter(|url| !url.trim().is_empty());
    // Kept until the tests are over: dropping it stops the server.
    let (url, _server) = match given {
        Some(url) => (url, None),
        None => match steps.work("postgresql", || Postgres::start(Durability::Fast)) {
            Some(server) => (server.url().to_owned(), Some(server)),
            None => return steps.skip("tests"),
        },
    };
    let seed = std::env::var(SEED_VARIABLE).unwrap_or_else(|_| fresh_seed().to_string());
    println!(
        "random worlds begin at seed {seed} ({SEED_VARIABLE}={seed} repeats them; OMS_WORLDS=100000 makes more)"
    );
    let mut command = cargo();
    command.args(["nextest", "run"]).args(arguments);
    steps.run("tests", command.env(POSTGRES_VARIABLE, url).env(SEED_VARIABLE, seed));
}

/// Another seed at each run.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) % 1_000_000_000
}

fn test_runner() -> Result<(), String> {
    let mut version = cargo();
    version.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if run(&mut version).is_ok() {
        return Ok(());
    }
    println!("cargo-nextest is not installed: installing {NEXTEST} once");
    let mut install: Command = cargo();
    install.args(["install", "--locked", "cargo-nextest", "--version", NEXTEST]);
    // Outside the project's target folder, which a clean build throws away.
    install.arg("--target-dir").arg(tools_folder());
    run(&mut install)
}

fn tools_folder() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(".cache/quartermaster/tools")
}
