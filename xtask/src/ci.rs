//! Every check of the project, in the order in which they fail fastest.

use crate::postgres::{self, Durability, Postgres};
use crate::steps::{Steps, cargo};
use crate::{browser, python, slowest, tools};

/// Where the property tests' random worlds begin (`crates/core/src/plan/tests/worlds.rs` reads it).
const SEED_VARIABLE: &str = "OMS_SEED";

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What CI runs.
    Whole,
    /// What fits between two edits.
    Quick,
}

/// `cargo xtask ci`
pub fn ci(arguments: &[String]) -> Result<(), String> {
    let extent = match arguments {
        [] => Extent::Whole,
        [flag] if flag == "--quick" => Extent::Quick,
        _ => return Err("`cargo xtask ci` knows --quick only".to_owned()),
    };
    let mut steps = Steps::default();
    steps.run("style", cargo().args(["fmt", "--all", "--check"]));
    if extent == Extent::Whole {
        dependencies(&mut steps);
    }
    steps.run(
        "lints",
        cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    );
    let mut arguments = vec!["--workspace".to_owned(), "--locked".to_owned()];
    match extent {
        Extent::Whole => {
            let mut doc = cargo();
            doc.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
            // It is built with private items, so what links to one leads somewhere.
            let flags = "-D warnings -A rustdoc::private-intra-doc-links";
            steps.run("documentation", doc.env("RUSTDOCFLAGS", flags));
            tests(&mut steps, &arguments);
            browser::walks(&mut steps, &[]);
        }
        Extent::Quick => {
            arguments.extend(["--profile".to_owned(), "quick".to_owned()]);
            tests(&mut steps, &arguments);
        }
    }
    steps.finish()
}

/// What we depend on: licences, bans and sources by deny.toml, and nothing that is declared and not used.
fn dependencies(steps: &mut Steps) {
    if steps.work("cargo-deny", || tools::cargo_tool(&tools::DENY)).is_some() {
        // Advisories are left out: their database is a repository that a build machine may not reach.
        steps.run(
            "dependencies",
            cargo().args([
                "deny",
                "--workspace",
                "--locked",
                "check",
                "--hide-inclusion-graph",
                "licenses",
                "bans",
                "sources",
            ]),
        );
    } else {
        steps.skip("dependencies");
    }
    if steps.work("cargo-machete", || tools::cargo_tool(&tools::MACHETE)).is_some() {
        // It takes the variable for a sign that it was started by `cargo run`, as we were, and reads other arguments then.
        steps.run("unused", cargo().args(["machete", "--with-metadata"]).env_remove("CARGO_PKG_NAME"));
    } else {
        steps.skip("unused");
    }
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
    if steps.work("test runner", || tools::cargo_tool(&tools::NEXTEST)).is_none() {
        return steps.skip("tests");
    }
    let Some(python) = steps.work("webhook tools", python::webhooks) else { return steps.skip("tests") };
    let given = std::env::var(postgres::VARIABLE).ok().filter(|url| !url.trim().is_empty());
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
    command.args(["nextest", "run"]).args(arguments).env(python::VARIABLE, python);
    steps.run("tests", command.env(postgres::VARIABLE, url).env(SEED_VARIABLE, seed));
    slowest::print(arguments);
}

/// Another seed at each run.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) % 1_000_000_000
}
