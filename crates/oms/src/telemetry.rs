//! Logs, on standard error: standard output is for what a command answers.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging: text on a terminal, JSON lines elsewhere.
pub fn start(filter: Option<&str>) {
    let filter =
        EnvFilter::try_new(filter.unwrap_or("warn,oms=info,oms_app=info,oms_web=info,oms_store=info"))
            .unwrap_or_else(|error| {
                eprintln!("oms: the log filter is not understood ({error}); logging warnings");
                EnvFilter::new("warn")
            });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.compact().init();
    } else {
        builder.json().init();
    }
}
