//! `cargo xtask bench`: the figures of docs/benchmarks.md, with commits that wait for the disk.

use std::path::Path;
use std::process::Command;

use crate::browser;
use crate::postgres::{Durability, Postgres};
use crate::steps::{Steps, cargo};

/// Runs every figure on a folder of orders, and `--copies` of it for the growth; those of lists, or of first paint.
pub fn bench(arguments: &[String]) -> Result<(), String> {
    let (data, copies) = match arguments {
        [paint] if paint == "paint" => {
            let mut steps = Steps::default();
            browser::paint(&mut steps);
            return steps.finish();
        }
        [lists] if lists == "lists" => {
            return with_folder(|steps, folder| lists_of(steps, "1000000", folder));
        }
        [lists, flag, packages] if lists == "lists" && flag == "--packages" => {
            return with_folder(|steps, folder| lists_of(steps, packages, folder));
        }
        [data] => (data, "10"),
        [data, flag, copies] if flag == "--copies" => (data, copies.as_str()),
        _ => {
            return Err(
                "cargo xtask bench DIR [--copies N]: the folder of orders is needed; or lists [--packages N]; or paint"
                    .into(),
            );
        }
    };
    with_folder(|steps, folder| measure(steps, data, copies, folder))
}

/// Runs a measurement with a folder of its own for SQLite's files.
fn with_folder(run: impl FnOnce(&mut Steps, &Path)) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("oms-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut steps = Steps::default();
    run(&mut steps, &folder);
    std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    steps.finish()
}

/// Every list, filter and search on so many packages. How a server's disk is set does not matter to reading.
fn lists_of(steps: &mut Steps, packages: &str, folder: &Path) {
    let Some(server) = steps.work("postgresql", || Postgres::start(Durability::Fast)) else { return };
    let sqlite = format!("sqlite://{}", folder.join("lists.db").display());
    for (engine, url) in [("sqlite", sqlite.as_str()), ("postgresql", server.url())] {
        let mut command = cargo();
        command.args(["bench", "-q", "-p", "oms-app", "--bench", "lists", "--locked", "--"]);
        command.args(["--database", url, "--packages", packages]);
        steps.run(&format!("lists, {engine}"), &mut command);
    }
}

fn measure(steps: &mut Steps, data: &str, copies: &str, folder: &Path) {
    let Some(server) = steps.work("postgresql", || Postgres::start(Durability::Full)) else { return };
    let sqlite = format!("sqlite://{}", folder.join("bench.db").display());
    let postgres = server.url().to_owned();
    steps.run(
        "build",
        cargo().args(["bench", "-p", "oms-app", "--bench", "planning", "--no-run", "--locked"]),
    );
    for (engine, url) in [("sqlite", &sqlite), ("postgresql", &postgres)] {
        for workers in ["1", "2"] {
            steps.run(
                &format!("planning, {engine}, {workers} workers"),
                &mut planning(url, data, workers, "1"),
            );
        }
    }
    steps.run("planning, sqlite, growth", &mut planning(&sqlite, data, "2", copies));
    steps.run("planning, postgresql, growth", &mut planning(&postgres, data, "2", copies));
    for url in [&sqlite, &postgres] {
        steps.run("demo, hub to packages", &mut demo(url, data));
    }
}

fn planning(url: &str, data: &str, workers: &str, copies: &str) -> Command {
    let mut command = cargo();
    command.args(["bench", "-q", "-p", "oms-app", "--bench", "planning", "--locked", "--"]);
    command.args(["--database", url, "--data", data, "--workers", workers, "--copies", copies]);
    command
}

fn demo(url: &str, data: &str) -> Command {
    let mut command = cargo();
    command.args([
        "run",
        "-q",
        "--release",
        "--locked",
        "--",
        "demo",
        "--fresh",
        "--until-idle",
        "--database",
        url,
    ]);
    command.args(["--data", data, "--listen", "127.0.0.1:0", "--hub-listen", "127.0.0.1:0"]);
    command
}
