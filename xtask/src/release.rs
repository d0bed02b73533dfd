//! The binary as it is handed out: what a backtrace needs stands in a file beside it, which the binary names. With the file
//! in the same folder backtraces have their lines; without it they have names of functions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Steps, cargo};

const BINARY: &str = "oms";
const DEBUG: &str = "oms.debug";

/// `cargo xtask release`
pub fn release() -> Result<(), String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let folder = target.join("release");
    let mut steps = Steps::default();
    let built = steps.run("build", cargo().args(["build", "--release", "--locked", "-p", BINARY]));
    if built && steps.work("split", || split(&folder)).is_some() {
        for name in [BINARY, DEBUG] {
            println!("{:>5} MB  {}", megabytes(&folder.join(name))?, folder.join(name).display());
        }
    }
    steps.finish()
}

fn split(folder: &Path) -> Result<(), String> {
    let objcopy =
        |arguments: &[&str]| crate::steps::run(Command::new("objcopy").args(arguments).current_dir(folder));
    // Both are made anew and put in their places last: a call that is cut off leaves the binary as it was.
    let link = format!("--add-gnu-debuglink={DEBUG}");
    objcopy(&["--only-keep-debug", "--compress-debug-sections", BINARY, DEBUG])?;
    objcopy(&["--strip-debug", &link, BINARY, "oms.stripped"])?;
    std::fs::rename(folder.join("oms.stripped"), folder.join(BINARY)).map_err(|e| e.to_string())
}

fn megabytes(path: &Path) -> Result<u64, String> {
    let bytes = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?.len();
    Ok(bytes.div_ceil(1 << 20))
}
