//! The project's own chores, run as `cargo xtask <chore>`.

mod bench;
mod browser;
mod ci;
mod debian;
mod postgres;
mod python;
mod release;
mod slowest;
mod steps;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <chore>

  ci [--quick]            every check: style, dependencies, lints, documentation, all tests.
                          --quick is for between two edits: style, lints, and the tests that do not repeat, kill or
                          start whole processes
  test [arguments]        the tests alone, with a PostgreSQL of their own; arguments go to nextest,
                          for example: cargo xtask test -p oms-store
  browser [arguments]     the tests in headless Chromium; arguments go to them, for example:
                          cargo xtask browser walks::sqlite
  screens [--out DIR]     pictures of every screen at two widths, in both languages and themes, and what is
                          wrong on each; in target/screenshots unless --out says otherwise
  bench DIR [--copies N]  the figures of docs/benchmarks.md, on a folder of orders
  bench paint             how long lists take to their first picture in a browser
  bench lists [--packages N]
                          every list, filter and search on a million packages, on both databases
  release                 the binary as it is handed out, with what backtraces need in a file beside it
  postgres [--durable]    a throw-away PostgreSQL until Enter or Ctrl-C; prints its address.
                          --durable keeps the settings that survive a power cut, for benches
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (chore, rest) = match arguments.split_first() {
        Some((chore, rest)) => (chore.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let result = match chore {
        "ci" => ci::ci(rest),
        "test" => ci::test(rest),
        "browser" => browser::browser(rest),
        "screens" => browser::screens(rest),
        "bench" => bench::bench(rest),
        "release" => release::release(),
        "postgres" => postgres::chore(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("`cargo xtask {}` is unknown\n\n{HELP}", arguments.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
