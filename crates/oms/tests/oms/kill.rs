//! The demo under `kill -9` at random moments, started again with the same command each time: what is
//! there in the end is what the files say, as if nothing had happened.
//!
//! `OMS_KILLS` sets how often each is killed, `OMS_KILL_SEED` repeats a run.

use std::path::Path;
use std::time::Duration;

use crate::support::{
    Counts, Process, assert_sound, demo, packages, query, run, slice_with_a_third_short, summary, wait_for,
};
use oms_testkit::{Database, Engine};
use oms_world::data::slice_dir;
use tempfile::tempdir;

/// Kills of a demo on SQLite.
const KILLS: u64 = 8;
/// Kills on PostgreSQL, where each start first waits for the leases of the one before to end.
const KILLS_POSTGRES: u64 = 4;
/// The latest moment of a kill after the start, or after the beginning of intake and planning.
const LATEST_MS: u64 = 2_500;
/// What the demo says when it begins to take orders and to plan them.
const TAKING: &str = "Taking and planning";

struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("OMS_KILL_SEED").ok().map(|s| s.parse().unwrap());
        let seed = given.unwrap_or_else(|| {
            let mut bytes = [0; 4];
            getrandom::fill(&mut bytes).unwrap();
            u64::from(u32::from_be_bytes(bytes))
        });
        println!("OMS_KILL_SEED={seed}");
        Self(seed)
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn kills(otherwise: u64) -> u64 {
    std::env::var("OMS_KILLS").map_or(otherwise, |n| n.parse().unwrap())
}

/// Kills the demo so often, lets it finish, and compares with the files; with one worker also with
/// the packages of a run that nothing disturbed.
fn survives(engine: Engine, data: &Path, workers: &str, times: u64) {
    let (folder, database) = (tempdir().unwrap(), Database::of(engine));
    let start = || demo(folder.path(), data, &database.url, &["--workers", workers]);
    let mut random = Random::new();
    let (mut killed, mut last_words) = (0, Vec::new());
    for n in 0..times {
        let mut process = Process::start(start());
        // Every other kill is in the part where orders are taken and planned, the others are anywhere.
        let part = if n % 2 == 0 { "the start" } else { TAKING };
        if n % 2 == 1 && process.line_or_end(TAKING).is_none() {
            summary(&process.wait());
            break;
        }
        let moment = random.below(LATEST_MS);
        if process.ends_within(Duration::from_millis(moment)) {
            summary(&process.wait());
            break;
        }
        let ended = process.kill();
        assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("oms: "), "{}", ended.stderr);
        last_words
            .push(format!("{moment} ms after {part}: {}", ended.stdout.last().map_or("", String::as_str)));
        killed += 1;
    }
    println!("killed {killed} times on {engine}: {last_words:#?}");
    assert!(killed > 0, "the demo was never killed");
    let end = summary(&run(start()));
    assert_eq!(Counts::of_summary(&end), Counts::of_files(data), "on {engine} after {killed} kills");
    assert_sound(folder.path(), &database.url);

    if workers == "1" {
        let (folder, undisturbed) = (tempdir().unwrap(), Database::of(engine));
        summary(&run(demo(folder.path(), data, &undisturbed.url, &["--workers", workers])));
        let (ours, theirs) = (packages(&database), packages(&undisturbed));
        let differ: Vec<_> = ours.iter().zip(&theirs).filter(|(a, b)| a != b).take(5).collect();
        assert!(
            ours == theirs,
            "{} and {} lines of packages, the first that differ: {differ:#?}",
            ours.len(),
            theirs.len()
        );
    }
}

#[test]
fn a_killed_demo_with_one_worker_ends_with_the_same_packages_on_sqlite() {
    survives(Engine::Sqlite, &slice_dir(), "1", kills(KILLS));
}

#[test]
fn a_killed_demo_with_eight_workers_ends_with_the_same_counts_on_sqlite() {
    let data = tempdir().unwrap();
    slice_with_a_third_short(data.path());
    survives(Engine::Sqlite, data.path(), "8", kills(KILLS));
}

#[test]
fn a_killed_demo_with_one_worker_ends_with_the_same_packages_on_postgres() {
    survives(Engine::Postgres, &slice_dir(), "1", kills(KILLS_POSTGRES));
}

#[test]
fn a_killed_demo_with_eight_workers_ends_with_the_same_counts_on_postgres() {
    let data = tempdir().unwrap();
    slice_with_a_third_short(data.path());
    survives(Engine::Postgres, data.path(), "8", kills(KILLS_POSTGRES));
}

/// Kills the demo between two batches of plans: what is planned stays, and the rest is planned as it
/// would have been.
#[test]
fn a_demo_killed_in_the_middle_of_planning_ends_with_the_same_packages() {
    let data = tempdir().unwrap();
    slice_with_a_third_short(data.path());
    let expected = Counts::of_files(data.path());
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (folder, database, undisturbed) =
            (tempdir().unwrap(), Database::of(engine), Database::of(engine));
        let start =
            |database: &Database| demo(folder.path(), data.path(), &database.url, &["--workers", "1"]);
        let mut process = Process::start(start(&database));
        process.line(TAKING);
        let planned = || {
            let sql = "SELECT CAST(COUNT(*) AS TEXT) FROM plans WHERE state = 'completed'";
            query(&database, sql)[0].parse::<i64>().unwrap()
        };
        wait_for("planning has begun", || planned() > 0);
        process.kill();
        let done = planned();
        assert!(done > 0 && done < expected.orders, "killed after {done} of {} orders", expected.orders);
        assert_sound(folder.path(), &database.url);

        assert_eq!(Counts::of_summary(&summary(&run(start(&database)))), expected);
        assert_sound(folder.path(), &database.url);
        summary(&run(start(&undisturbed)));
        let (ours, theirs) = (packages(&database), packages(&undisturbed));
        let differ: Vec<_> = ours.iter().zip(&theirs).filter(|(a, b)| a != b).take(5).collect();
        assert!(ours == theirs, "on {engine}, killed after {done} orders, other packages: {differ:#?}");
    }
}
