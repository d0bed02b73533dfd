//! The guide of commands does what it says: its lines run, word for word, against the demo.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use oms_testkit::Database;
use oms_world::data::slice_dir;
use support::{Process, assert_sound, oms};
use tempfile::tempdir;

const GUIDE: &str = include_str!("../../../docs/guide/commands.md");
const TOKEN: &str = "the-token-of-the-guide-0123456789abcdef";

/// The guide's blocks: the lines to run, and what they print, if the guide says.
fn blocks() -> Vec<(String, Option<String>)> {
    let mut blocks: Vec<(String, Option<String>)> = Vec::new();
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        let kind = match line {
            "```sh" | "```text" => line,
            _ => continue,
        };
        let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
        match kind {
            "```sh" => blocks.push((body.join("\n"), None)),
            _ => blocks.last_mut().unwrap().1 = Some(body.join("\n")),
        }
    }
    blocks
}

#[test]
fn every_line_of_the_guide_does_what_it_says() {
    let blocks = blocks();
    assert!(blocks.iter().filter(|b| b.1.is_some()).count() >= 9, "the guide lost its blocks");
    for database in Database::each() {
        let engine = database.engine();
        let folder = tempdir().unwrap();
        let data = slice_dir();
        let arguments = [
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
        ];
        let mut demo = Process::start(oms(folder.path(), &arguments));
        let started = demo.line("OMS at http");
        let address = started.split("OMS at ").nth(1).unwrap().trim().to_owned();
        demo.line("The OMS goes on at");

        // One shell for all blocks, each followed by a line that nothing else prints.
        let mut script = String::new();
        for (i, (lines, _)) in blocks.iter().enumerate() {
            script.push_str(&format!("{lines}\necho '=== {i}'\n"));
        }
        let mut shell = Command::new("sh")
            .args(["-eu", "-s"])
            .env("OMS", format!("{address}/api/v1/oms"))
            .env("TOKEN", TOKEN)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let done = shell.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        let mut printed = out.as_ref();
        for (i, (lines, expected)) in blocks.iter().enumerate() {
            let (own, rest) = printed
                .split_once(&format!("=== {i}\n"))
                .unwrap_or_else(|| panic!("on {engine}, block {i} did not end: {printed}\n{err}\n{lines}"));
            if let Some(expected) = expected {
                assert_eq!(own.trim_end(), expected, "on {engine}, of:\n{lines}\n{err}");
            }
            printed = rest;
        }
        assert!(done.status.success(), "on {engine}: {err}");
        demo.kill();
        assert_sound(folder.path(), &database.url);
    }
}
