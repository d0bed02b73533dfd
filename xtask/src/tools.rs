//! Programs of cargo's that are installed once and kept outside the target folder, which a clean build throws away.

use std::path::PathBuf;
use std::process::Stdio;

use crate::steps::{cargo, run};

/// A subcommand of cargo's.
pub struct Tool {
    /// What is written after `cargo`.
    name: &'static str,
    package: &'static str,
    /// The version that the project is checked with.
    version: &'static str,
    /// Whether it is worth the minutes to build it optimised.
    optimised: bool,
}

/// Runs the tests.
pub const NEXTEST: Tool =
    Tool { name: "nextest", package: "cargo-nextest", version: "0.9.143", optimised: true };
/// Reads deny.toml.
pub const DENY: Tool = Tool { name: "deny", package: "cargo-deny", version: "0.20.2", optimised: false };
/// Finds declared dependencies that nothing uses.
pub const MACHETE: Tool =
    Tool { name: "machete", package: "cargo-machete", version: "0.9.2", optimised: false };

/// Makes sure that a tool is there.
pub fn cargo_tool(tool: &Tool) -> Result<(), String> {
    let mut version = cargo();
    version.args([tool.name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if run(&mut version).is_ok() {
        return Ok(());
    }
    println!("{} is not installed: installing {} once", tool.package, tool.version);
    let mut install = cargo();
    install.args(["install", "--locked", tool.package, "--version", tool.version]);
    if !tool.optimised {
        install.arg("--debug");
    }
    run(install.arg("--target-dir").arg(folder()))
}

/// What is fetched once and kept.
pub fn folder() -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(".cache/quartermaster/tools")
}
