//! The screens in a real browser, over the real binary: the ways people go, what a machine can judge of
//! accessibility, and pictures to look at. `cargo xtask browser` builds the binary and says where it is.

mod chromium;
mod database;
#[cfg(feature = "measure")]
mod paint;
mod place;
#[path = "../../../crates/oms/tests/oms/support/process.rs"]
#[expect(dead_code, reason = "the binary's own tests use all of it")]
mod process;
mod screens;
mod walks;

use std::path::Path;
use std::process::{Command, Stdio};

/// The binary in a folder of its own, without settings from this shell.
fn oms(folder: &Path, arguments: &[&str]) -> Command {
    let binary = std::env::var("OMS_TEST_BINARY").expect("the path of oms; cargo xtask browser sets it");
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OMS_")) {
        command.env_remove(name);
    }
    command
}
