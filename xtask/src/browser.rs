//! The back office in a real browser: Chromium, chromedriver and axe, the walks, and the pictures of all screens.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::debian;
use crate::postgres::{self, Durability, Postgres};
use crate::steps::{Steps, cargo, output, run};

/// The version of axe-core that pages are looked at with.
const AXE: &str = "4.14.1";
/// The SHA-256 of its package on the npm registry.
const AXE_SHA256: &str = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";
/// Where the tests find the binary (`browser/tests/browser/main.rs` reads it).
const BINARY_VARIABLE: &str = "OMS_TEST_BINARY";
/// Where the tests find axe (`browser/tests/browser/chromium.rs` reads it).
const AXE_VARIABLE: &str = "OMS_TEST_AXE";
/// Where the tests find PostgreSQL's client (`browser/tests/browser/database.rs` reads it).
const PSQL_VARIABLE: &str = "OMS_TEST_PSQL";
/// Where the tests put the pictures of all screens (`browser/tests/browser/screens.rs` reads it).
const SCREENSHOTS_VARIABLE: &str = "OMS_SCREENSHOTS";
/// Where the pictures go unless `--out` says otherwise.
const SCREENSHOTS: &str = "target/screenshots";

/// `cargo xtask browser`
pub fn browser(arguments: &[String]) -> Result<(), String> {
    let mut steps = Steps::default();
    walks(&mut steps, arguments);
    steps.finish()
}

/// The tests in a browser, as steps of their own; arguments go to the test binary.
pub fn walks(steps: &mut Steps, arguments: &[String]) {
    let Some(found) = steps.work("browser tools", tools) else { return steps.skip("browser") };
    steps.run("browser", tests(&found).args(arguments));
}

/// `cargo xtask screens`
pub fn screens(arguments: &[String]) -> Result<(), String> {
    let folder = match arguments {
        [] => Path::new(SCREENSHOTS),
        [flag, folder] if flag == "--out" => Path::new(folder),
        _ => return Err("`cargo xtask screens` knows --out DIR only".to_owned()),
    };
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    // The tests run in the folder of their package.
    let folder = folder.canonicalize().map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut steps = Steps::default();
    match steps.work("browser tools", tools) {
        Some(found) => {
            let mut command = tests(&found);
            command.arg("screens::");
            steps.run("screens", command.env(SCREENSHOTS_VARIABLE, &folder));
            println!("\n{}", folder.display());
        }
        None => steps.skip("screens"),
    }
    steps.finish()
}

/// `cargo xtask bench paint`: first paint of lists, with nothing beside it.
pub fn paint(steps: &mut Steps) {
    let Some(found) = steps.work("browser tools", tools) else { return steps.skip("first paint") };
    let mut command = cargo();
    command.args(["test", "--manifest-path", "browser/Cargo.toml", "--locked", "--features", "measure"]);
    command.args(["--test", "browser", "--", "--nocapture", "paint::"]);
    steps.run("first paint", found.told(&mut command));
}

/// The tests over the binary that was just built. Each has a server, a hub and a browser of its own.
fn tests(found: &Found) -> Command {
    let mut command = cargo();
    command.args(["test", "--manifest-path", "browser/Cargo.toml", "--locked", "--test", "browser", "--"]);
    found.told(command.args(["--test-threads", "2"]));
    command
}

/// What the tests need to know.
struct Found {
    axe: PathBuf,
    binary: PathBuf,
    postgres: Postgres,
}

impl Found {
    /// Tells a run of the tests.
    fn told<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env(AXE_VARIABLE, &self.axe).env(BINARY_VARIABLE, &self.binary);
        command.env(postgres::VARIABLE, self.postgres.url()).env(PSQL_VARIABLE, self.postgres.psql())
    }
}

/// The binary, Chromium, chromedriver, axe and a PostgreSQL.
fn tools() -> Result<Found, String> {
    chromium()?;
    let axe = axe()?;
    run(cargo().args(["build", "--locked", "--package", "oms"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let binary = target.join("debug/oms");
    let binary = binary.canonicalize().map_err(|e| format!("{}: {e}", binary.display()))?;
    Ok(Found { axe, binary, postgres: Postgres::start(Durability::Fast)? })
}

fn chromium() -> Result<(), String> {
    let are_there =
        || ["chromium", "chromedriver"].iter().all(|program| output(program, &["--version"]).is_some());
    if are_there() || debian::install(&["chromium", "chromium-driver"])? && are_there() {
        return Ok(());
    }
    Err("chromium and chromedriver were not found on PATH; install them (Debian, as root: apt-get install \
         chromium chromium-driver)"
        .to_owned())
}

/// Fetched once from the npm registry; its checksum stands here, so that another file is never run.
fn axe() -> Result<PathBuf, String> {
    let folder = crate::tools::folder().join(format!("axe-core-{AXE}"));
    let script = folder.join("package/axe.min.js");
    if script.is_file() {
        return Ok(script);
    }
    if output("npm", &["--version"]).is_none() {
        return Err(format!(
            "npm was not found, and axe-core {AXE} is fetched with it; install npm (Debian: apt-get install npm), or \
             unpack the package axe-core {AXE} in {}",
            folder.display()
        ));
    }
    println!("axe-core {AXE} is not here: fetching it once");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", &format!("axe-core@{AXE}")]).current_dir(&folder).stdout(Stdio::null());
    run(&mut pack)?;
    let archive = folder.join(format!("axe-core-{AXE}.tgz"));
    let sum = output("sha256sum", &[&archive.to_string_lossy()]).unwrap_or_default();
    if !sum.starts_with(AXE_SHA256) {
        return Err(format!("{} is not the file it should be: its SHA-256 is {sum}", archive.display()));
    }
    run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder).arg("package/axe.min.js"))?;
    Ok(script)
}
