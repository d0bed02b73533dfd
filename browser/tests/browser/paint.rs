//! A measurement, not a test: how long a visitor waits for the first picture of a list. It runs alone, by `cargo xtask bench
//! paint`: beside other tests on two cores it would measure those.

use std::time::Duration;

use crate::chromium::{Browser, DESKTOP};
use crate::database::Kind;
use crate::place::Demo;

/// In the middle of some visits.
const GOAL_MS: f64 = 200.0;
const VISITS: usize = 7;
const LISTS: [&str; 7] = ["orders", "packages", "transfers", "stock", "stock-locations", "jobs", "logs"];

#[tokio::test]
async fn lists_are_painted_at_once() {
    let demo = Demo::start(Kind::Sqlite);
    let browser = demo.browser(DESKTOP).await;
    let mut late = Vec::new();
    for list in LISTS {
        let mut took = Vec::new();
        for _ in 0..VISITS {
            browser.go(&format!("/en/oms/{list}")).await;
            took.push(first_paint_ms(&browser).await);
        }
        took.sort_by(f64::total_cmp);
        let (middle, slowest) = (took[VISITS / 2], took[VISITS - 1]);
        println!("{list}: first painted after {middle:.0} ms, the slowest after {slowest:.0} ms");
        if middle > GOAL_MS {
            late.push(format!("{list}: first painted after {took:?} ms"));
        }
    }
    assert!(late.is_empty(), "{}", late.join("\n"));
}

/// Milliseconds from asking for the page to its first picture.
async fn first_paint_ms(browser: &Browser) -> f64 {
    let script = "return performance.getEntriesByName('first-paint')[0]?.startTime";
    for _ in 0..100 {
        if let Some(ms) = browser.js(script).await.as_f64() {
            return ms;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the page was not painted within two seconds")
}
