//! The slowest tests of a run, from the report that the test runner leaves.

use std::path::Path;

/// So many are printed.
const SHOWN: usize = 10;
/// The test runner's own store, in the workspace wherever the target folder is.
const STORE: &str = "target/nextest";
/// As `.config/nextest.toml` names it, in a folder a profile.
const REPORT: &str = "junit.xml";

/// Prints the slowest tests of the run that just ended; nothing where it left no report.
pub fn print(arguments: &[String]) {
    let profile = arguments.iter().skip_while(|a| *a != "--profile").nth(1).map_or("default", String::as_str);
    let report = Path::new(STORE).join(profile).join(REPORT);
    let Ok(text) = std::fs::read_to_string(&report) else { return };
    let mut tests = times(&text);
    tests.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("\nseconds  the slowest tests");
    for (seconds, name) in tests.iter().take(SHOWN) {
        println!("{seconds:>7.1}  {name}");
    }
    // An older run's report must not be taken for the next one's.
    let _ = std::fs::remove_file(&report);
}

/// Each test case's seconds and name.
fn times(report: &str) -> Vec<(f64, String)> {
    let attribute = |case: &str, name: &str| {
        let (_, rest) = case.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let case = |case: &str| {
        let (case, _) = case.split_once('>')?;
        let seconds = attribute(case, "time")?.parse().ok()?;
        Some((seconds, format!("{} {}", attribute(case, "classname")?, attribute(case, "name")?)))
    };
    report.split("<testcase").skip(1).filter_map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn a_report_is_read() {
        let report = r#"<testsuite name="a" time="9.000"><testcase name="x::y" classname="oms::oms" time="1.250">
            </testcase><testcase name="z" classname="oms-app" timestamp="2026" time="0.5"/></testsuite>"#;
        let names = [(1.25, "oms::oms x::y".to_owned()), (0.5, "oms-app z".to_owned())];
        assert_eq!(times(report), names);
    }
}
