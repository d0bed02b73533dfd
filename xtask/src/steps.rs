//! Steps run one after another with their output live, and a table of what they took.

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

/// What came of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// The steps of one run.
#[derive(Default)]
pub struct Steps {
    done: Vec<(String, Outcome, Duration)>,
}

impl Steps {
    /// Runs a piece of work as a step; says whether it succeeded.
    pub fn work<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, String>) -> Option<T> {
        announce(name);
        let start = Instant::now();
        let result = work();
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed };
        self.done.push((name.to_owned(), outcome, start.elapsed()));
        result.inspect_err(|error| eprintln!("xtask: {name}: {error}")).ok()
    }

    /// Runs a program as a step; says whether it succeeded.
    pub fn run(&mut self, name: &str, command: &mut Command) -> bool {
        self.work(name, || run(command)).is_some()
    }

    /// Notes a step that could not run because an earlier one failed.
    pub fn skip(&mut self, name: &str) {
        self.done.push((name.to_owned(), Outcome::Skipped, Duration::ZERO));
    }

    /// Prints the table; an error if any step failed.
    pub fn finish(self) -> Result<(), String> {
        let width = self.done.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max("together".len());
        println!("\n{:width$}  minutes  result", "step");
        for (name, outcome, time) in &self.done {
            println!("{name:width$}  {:>7.2}  {}", minutes(*time), outcome.word());
        }
        let total = self.done.iter().map(|(_, _, time)| *time).sum();
        let bad: Vec<&str> =
            self.done.iter().filter(|s| s.1 != Outcome::Passed).map(|s| s.0.as_str()).collect();
        println!(
            "{:width$}  {:>7.2}  {}",
            "together",
            minutes(total),
            if bad.is_empty() { "ok" } else { "FAILED" }
        );
        if bad.is_empty() { Ok(()) } else { Err(format!("not passed: {}", bad.join(", "))) }
    }
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

fn announce(name: &str) {
    println!("\n== {name}");
    // The programs write to the same place: our line comes first.
    let _ = std::io::stdout().flush();
}

/// Runs a program with its output live.
pub fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => Err(format!("{program} could not be started: {error}")),
    }
}

/// Runs a program and gives what it printed, without the line end.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The cargo we were started by.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
