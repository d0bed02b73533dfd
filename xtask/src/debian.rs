//! Programs that come as packages of Debian.

use std::path::Path;
use std::process::Command;

use crate::steps::{output, run};

/// Installs packages where that is ours to do: as root, on Debian. Says whether it was.
pub fn install(packages: &[&str]) -> Result<bool, String> {
    let root = output("id", &["-u"]).as_deref() == Some("0");
    if !root || !Path::new("/etc/debian_version").exists() {
        return Ok(false);
    }
    println!("installing from Debian: {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let install = [&["install", "-y"], packages].concat();
    // The lists may be old or missing; the installation says what is wrong if they stay so.
    if apt(&install).is_err() {
        apt(&["update"])?;
        apt(&install)?;
    }
    Ok(true)
}
