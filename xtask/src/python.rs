//! Python with the independent library that checks how webhooks are signed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::debian;
use crate::steps::run;
use crate::tools;

/// Where tests find the folder of its programs (`crates/oms/tests/oms/guide.rs` reads it).
pub const VARIABLE: &str = "OMS_TEST_PYTHON";
/// The library of the scheme's own authors, from PyPI.
const LIBRARY: &str = "standardwebhooks==1.1.0";

/// Makes sure that it is there; gives the folder of its programs.
pub fn webhooks() -> Result<PathBuf, String> {
    let home = tools::folder().join("python");
    let programs = home.join("bin");
    let python = programs.join("python3");
    let knows = || {
        let mut ask = Command::new(&python);
        ask.args(["-c", "import standardwebhooks"]).stdout(Stdio::null()).stderr(Stdio::null());
        run(&mut ask).is_ok()
    };
    if knows() {
        return Ok(programs);
    }
    println!("{LIBRARY} is not installed: installing it once");
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
    if make().is_err() {
        debian::install(&["python3", "python3-venv"])?;
        make()?;
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", LIBRARY]))?;
    Ok(programs)
}
