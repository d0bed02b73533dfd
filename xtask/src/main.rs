//! The project's own chores, run as `cargo xtask <chore>`.

mod bench;
mod ci;
mod postgres;
mod steps;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <chore>

  ci                      every check: style, lints, build, all tests
  test [arguments]        the tests alone, with a PostgreSQL of their own; arguments go to nextest,
                          for example: cargo xtask test -p oms-store
  bench DIR [--copies N]  the figures of docs/benchmarks.md, on a folder of orders
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
        "ci" if rest.is_empty() => ci::ci(),
        "test" => ci::test(rest),
        "bench" => bench::bench(rest),
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
