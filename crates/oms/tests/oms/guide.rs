//! The guides that are tests: their `sh` blocks run in one shell against the demo, as a reader would run
//! them, and each prints what the `text` block below it says.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Ended, Process, assert_replays, assert_sound, oms, run};
use oms_testkit::{Database, Engine};
use oms_world::data::slice_dir;
use tempfile::tempdir;

const TOKEN: &str = "guide-0123456789abcdef";
/// The folder of a Python that has the library of Standard Webhooks; `cargo xtask` says it.
const PYTHON: &str = "OMS_TEST_PYTHON";
/// Begins the line that a shell prints before each block.
const MARK: &str = "=== sh block of line ";

/// A `sh` block of a guide.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    /// Of the guide, where the block begins.
    line: usize,
    script: String,
    /// What it must print; `None`: the guide does not say.
    prints: Option<String>,
}

/// The steps of a guide. A `text` block belongs to the `sh` block right above it.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = guide.lines().enumerate().peekable();
    let mut is_right_above = false;
    while let Some((at, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            is_right_above &= line.is_empty();
            continue;
        };
        let mut body = String::new();
        let closed = lines.by_ref().map(|(_, l)| l).any(|line| {
            let ends = line == "```";
            if !ends {
                body += line;
                body.push('\n');
            }
            ends
        });
        assert!(closed, "the block of line {} has no end", at + 1);
        match kind {
            "sh" => steps.push(Step { line: at + 1, script: body, prints: None }),
            "text" => {
                let above = steps.last_mut().filter(|_| is_right_above);
                let above =
                    above.unwrap_or_else(|| panic!("the text of line {} is below no sh block", at + 1));
                assert!(
                    above.prints.replace(body).is_none(),
                    "two texts below the block of line {}",
                    above.line
                );
            }
            _ => {}
        }
        is_right_above = kind == "sh";
    }
    steps
}

/// All steps as one script that says where it is.
fn script(steps: &[Step]) -> String {
    let mut all = String::new();
    for step in steps {
        writeln!(all, "printf '\\n{MARK}%s\\n' {}", step.line).unwrap();
        all += &step.script;
    }
    all
}

/// What each block printed, with its line.
fn printed(ended: &Ended) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    for line in &ended.stdout {
        match (line.strip_prefix(MARK), blocks.last_mut()) {
            (Some(at), _) => blocks.push((at.parse().unwrap(), String::new())),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => assert_eq!(line, ""),
        }
    }
    blocks
}

/// Runs a guide against a demo of the slice.
fn holds(guide: &str, engine: Engine) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide").join(guide);
    let steps = steps(&std::fs::read_to_string(&path).unwrap());
    assert!(steps.iter().filter(|s| s.prints.is_some()).count() > 6, "{guide} shows hardly anything");

    let (database, folder) = (Database::of(engine), tempdir().unwrap());
    let data = slice_dir();
    let mut demo = Process::start(oms(
        folder.path(),
        &[
            "demo",
            "--data",
            data.to_str().unwrap(),
            "--database",
            &database.url,
            "--token",
            TOKEN,
            "--listen",
            "127.0.0.1:0",
            "--hub-listen",
            "127.0.0.1:0",
        ],
    ));
    let line = demo.line("The OMS goes on at ");
    let url = line.split_whitespace().find(|w| w.starts_with("http://")).unwrap().to_owned();

    let file = folder.path().join("guide.sh");
    std::fs::write(&file, script(&steps)).unwrap();
    let mut shell = Command::new("sh");
    shell.arg("-eu").arg(&file).current_dir(folder.path()).stdin(Stdio::null());
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    // No settings of this machine's user, and no proxy before a server of this machine.
    shell.env("HOME", folder.path()).env("NO_PROXY", "127.0.0.1").env("OMS", url).env("TOKEN", TOKEN);
    if let Ok(programs) = std::env::var(PYTHON) {
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{programs}:{path}"));
    }
    let ended = run(shell);

    let blocks = printed(&ended);
    let last = blocks.last().map_or(0, |(line, _)| *line);
    assert!(ended.status.success(), "{guide} on {engine}: the block of line {last} failed: {ended:#?}");
    let lines: Vec<_> = blocks.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, steps.iter().map(|s| s.line).collect::<Vec<_>>(), "{ended:#?}");
    for (step, (_, text)) in steps.iter().zip(&blocks) {
        if let Some(wanted) = &step.prints {
            let at = format!("{guide} on {engine}, the block of line {}", step.line);
            assert_eq!(text.trim_end(), wanted.trim_end(), "{at}: {}", ended.stderr);
        }
    }
    assert!(demo.is_running());
    assert_sound(folder.path(), &database.url);
    assert_replays(folder.path(), &database.url);
}

#[test]
fn the_guide_to_commands_holds_on_sqlite() {
    holds("commands.md", Engine::Sqlite);
}

#[test]
fn the_guide_to_commands_holds_on_postgres() {
    holds("commands.md", Engine::Postgres);
}

#[test]
fn the_guide_to_events_holds_on_sqlite() {
    holds("events.md", Engine::Sqlite);
}

#[test]
fn the_guide_to_events_holds_on_postgres() {
    holds("events.md", Engine::Postgres);
}

#[test]
fn the_guide_to_webhooks_holds_on_sqlite() {
    holds("webhooks.md", Engine::Sqlite);
}

#[test]
fn the_guide_to_webhooks_holds_on_postgres() {
    holds("webhooks.md", Engine::Postgres);
}

#[test]
fn a_text_belongs_to_the_block_right_above_it() {
    let guide = "A\n```sh\necho 1\n```\n```text\n1\n```\n\n```sh\nx=2\n```\nB\n```\nanything\n```\n";
    let first = Step { line: 2, script: "echo 1\n".into(), prints: Some("1\n".into()) };
    let second = Step { line: 9, script: "x=2\n".into(), prints: None };
    assert_eq!(steps(guide), [first, second]);
    for wrong in ["```text\n1\n```\n", "```sh\n1\n```\nbut\n```text\n1\n```\n", "```sh\n1\n"] {
        assert!(std::panic::catch_unwind(|| steps(wrong)).is_err(), "{wrong}");
    }
}
