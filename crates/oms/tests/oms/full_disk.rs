//! A disk that takes no more, under load: what was acknowledged stays, `/ready` tells the truth, and writing goes on by
//! itself within a second of there being room.
//!
//! What stands for the disk is the system's limit on the size of files, which needs no right to mount anything: SQLite's
//! log cannot grow, as on a disk whose write fails.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use oms_testkit::{Database, Engine};
use tempfile::tempdir;

use crate::support::{Caller, Process, assert_sound, oms, query, run};

const WRITERS: usize = 4;

/// What the writers ask for.
trait Asks {
    fn write(&self, setting: &str) -> (u16, String);
    fn ready(&self) -> u16;
}

impl Asks for Caller {
    fn write(&self, setting: &str) -> (u16, String) {
        let path = format!("/api/v1/oms/settings/application_settings/{setting}/");
        self.call("PATCH", &path, r#"{"json_value":{"every_minutes":30}}"#)
    }

    fn ready(&self) -> u16 {
        self.call("GET", "/ready", "").0
    }
}

/// The largest file that the process may write from now on.
fn limit(process: u32, bytes: &str) {
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")]);
    assert!(prlimit.stdin(Stdio::null()).status().unwrap().success());
}

fn accounts(folder: &Path, database: &str) -> String {
    let mut user = oms(folder, &["user", "create", "ada", "--database", database]);
    user.env("OMS_PASSWORD", "a long password");
    assert!(run(user).status.success());
    run(oms(folder, &["token", "create", "ada", "--database", database])).stdout[0].clone()
}

#[test]
fn writing_goes_on_by_itself_when_the_disk_takes_it_again() {
    let (folder, database) = (tempdir().unwrap(), Database::of(Engine::Sqlite));
    let token = accounts(folder.path(), &database.url);
    // The signal that comes with the limit is ignored, as a disk sends none.
    let serve = ["serve", "--database", &database.url, "--listen", "127.0.0.1:0"];
    let plain = oms(folder.path(), &serve);
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(command);
    let line = process.line("OMS at ");
    let caller = Caller { base: line.split_once("OMS at ").unwrap().1.to_owned(), token };
    let (status, made) = caller.call(
        "POST",
        "/api/v1/oms/settings/application_settings/",
        r#"{"key":"REPLANNING","json_value":{"every_minutes":30}}"#,
    );
    assert_eq!(status, 201, "{made}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let setting = made["id"].to_string();

    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (caller, setting) = (caller.clone(), setting.clone());
            let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
            spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let (status, text) = caller.write(&setting);
                    assert!(matches!(status, 200 | 503 | 507), "{status} {text}");
                    acknowledged.fetch_add(u64::from(status == 200), Ordering::SeqCst);
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(500));
    for round in 0..3 {
        let log = format!("{}-wal", database.url.strip_prefix("sqlite://").unwrap());
        limit(process.id(), &std::fs::metadata(log).unwrap().len().to_string());
        let until = Instant::now() + Duration::from_secs(10);
        let refused = loop {
            let answer = caller.write(&setting);
            if answer.0 != 200 {
                break answer;
            }
            assert!(Instant::now() < until, "round {round}: the limit stops nothing");
        };
        assert!(refused.1.contains("database_io"), "{refused:?}");
        assert_eq!(caller.ready(), 503, "round {round}");
        sleep(Duration::from_millis(300));
        assert_eq!(caller.write(&setting).0, 503, "round {round}");

        limit(process.id(), "unlimited");
        let freed = Instant::now();
        while caller.write(&setting).0 != 200 {
            assert!(freed.elapsed() < Duration::from_secs(1), "round {round}: writing does not go on");
        }
        assert_eq!(caller.ready(), 200, "round {round}");
    }
    stop.store(true, Ordering::SeqCst);
    writers.into_iter().for_each(|w| w.join().unwrap());
    process.kill();
    let kept: u64 =
        query(&database, "SELECT CAST(COUNT(*) AS TEXT) FROM audit_log WHERE action = 'setting.updated'")[0]
            .parse()
            .unwrap();
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert!(acknowledged > 20 && kept >= acknowledged, "{acknowledged} acknowledged, {kept} kept");
    assert_sound(folder.path(), &database.url);
}
