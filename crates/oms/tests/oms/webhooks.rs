//! Webhooks while the server is killed: a consumer behind a receiver that fails now and then ends with what the feed says.
//!
//! `OMS_HOOK_KILLS` says how often the server is killed on each database.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oms_testkit::{Database, Engine};
use oms_world::consumer::{Consumer, Took};
use oms_world::data::slice_dir;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{Caller, Process, assert_sound, oms, wait_for};

/// Kills on SQLite; on PostgreSQL each start first waits for the leases of the one before to end.
const KILLS: u64 = 5;
const KILLS_POSTGRES: u64 = 2;
const TOKEN: &str = "webhooks-0123456789abcdef";
const OMS: &str = "/api/v1/oms";

/// What the receiver took.
#[derive(Default)]
struct Taken {
    consumer: Consumer,
    requests: u64,
    gaps: Vec<String>,
}

/// A receiver that takes what it hears, and says so four times of five: one time it fails, and one of ten it hangs up.
fn receiver() -> (String, Arc<Mutex<Taken>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Taken::default()));
    let shared = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = shared.clone();
            // A caller that is killed while it is answered is none of ours.
            std::thread::spawn(move || hear(&stream, &taken));
        }
    });
    (url, taken)
}

fn hear(mut stream: &TcpStream, taken: &Mutex<Taken>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let n = {
        let mut taken = taken.lock().unwrap();
        taken.requests += 1;
        let n = taken.requests;
        // What it fails at it has not taken; what it hangs up at it has.
        if n % 5 != 3 && taken.consumer.take(&body) == Ok(Took::Gap) {
            taken.gaps.push(String::from_utf8_lossy(&body).into_owned());
        }
        n
    };
    match n % 10 {
        3 | 8 => stream.write_all(b"HTTP/1.1 500 Sorry\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        5 => Ok(()),
        _ => stream.write_all(b"HTTP/1.1 204 Taken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn ask(caller: &Caller, path: &str) -> Value {
    let (status, body) = caller.call("GET", path, "");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The last change of each record behind a position, as the feed has it.
fn last_changes(caller: &Caller, begin: i64) -> BTreeMap<(String, i64), (i64, Value)> {
    let (mut after, mut last) = (begin, BTreeMap::new());
    loop {
        let part = ask(caller, &format!("{OMS}/events/?after={after}&limit=500"));
        for e in part["results"].as_array().unwrap() {
            let record = (e["entity"].as_str().unwrap().to_owned(), number(&e["entity_id"]));
            last.insert(record, (number(&e["seq"]), e["payload"].clone()));
        }
        after = number(&part["next"]);
        if part["next"] == part["head"] {
            return last;
        }
    }
}

fn survives(engine: Engine) {
    let usual = if engine == Engine::Sqlite { KILLS } else { KILLS_POSTGRES };
    let kills = std::env::var("OMS_HOOK_KILLS").map_or(usual, |n| n.parse().unwrap());
    let (folder, database) = (tempdir().unwrap(), Database::of(engine));
    let data = slice_dir();
    let start = || {
        let arguments =
            ["demo", "--data", data.to_str().unwrap(), "--database", &database.url, "--token", TOKEN];
        let listen = ["--listen", "127.0.0.1:0", "--hub-listen", "127.0.0.1:0"];
        let mut process = Process::start(oms(folder.path(), &[&arguments[..], &listen].concat()));
        let line = process.line("The OMS goes on at ");
        let base = line.split_whitespace().find(|w| w.starts_with("http://")).unwrap().to_owned();
        (process, Caller { base, token: TOKEN.into() })
    };
    let (url, taken) = receiver();
    let (mut process, mut caller) = start();
    let types = json!([
        "order.updated",
        "order.planned",
        "package.created",
        "package.updated",
        "package.status.transitioned"
    ]);
    let retry = json!({"type": "fixed", "base": 1, "max": 1, "attempts": 20});
    let hook = json!({"event_type": types, "target_url": url, "retry_countdown_config": retry});
    let (status, made) = caller.call("POST", "/whisperer/hooks/", &hook.to_string());
    assert_eq!(status, 201, "{made}");
    let begin = number(&ask(&caller, &format!("{OMS}/events/"))["head"]);

    let flow = ask(&caller, &format!("{OMS}/state-transitions/?limit=100"));
    let flow = flow["results"].as_array().unwrap();
    let transition = |slug: &str| flow.iter().find(|t| t["slug"] == slug).unwrap()["id"].clone();
    let steps = [transition("PKG_DEALLOCATE_RESERVATIONS"), transition("BLOCK_THE_PACKAGE_FROM_PREPARING")];
    for round in 0..kills {
        let list = ask(&caller, &format!("{OMS}/packages/short/?state__enum_value__in=100&limit=30"));
        let packages: Vec<i64> =
            list["results"].as_array().unwrap().iter().map(|p| number(&p["id"])).collect();
        for step in &steps {
            for package in &packages {
                let body = json!({"transition": step, "input_parameters": {}}).to_string();
                assert_eq!(caller.call("POST", &format!("{OMS}/packages/{package}/command/"), &body).0, 204);
            }
        }
        // While it sends: each time a little later.
        std::thread::sleep(Duration::from_millis(40 * round));
        let ended = process.kill();
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        (process, caller) = start();
    }
    let waiting = || number(&ask(&caller, &format!("{OMS}/oms_hook_events/?state=waiting&limit=1"))["count"]);
    let cursor = || {
        let sql = "SELECT CASE WHEN c.position = h.position THEN 'all' ELSE 'some' END FROM hook_cursor c, event_head h";
        crate::support::query(&database, sql) == ["all"]
    };
    wait_for("everything is told", || cursor() && waiting() == 0);

    let last = last_changes(&caller, begin);
    let taken = taken.lock().unwrap();
    assert!(taken.gaps.is_empty(), "{:#?}", taken.gaps);
    assert!(last.len() >= 30, "hardly anything was told: {}", last.len());
    for (record, (seq, payload)) in &last {
        let known =
            taken.consumer.records().get(record).unwrap_or_else(|| panic!("{record:?} was never told"));
        assert_eq!((known.seq, &known.payload), (*seq, payload), "{record:?}");
    }
    println!("{engine}: {kills} kills, {} records, {} requests", last.len(), taken.requests);
    drop(process.kill());
    assert_sound(folder.path(), &database.url);
}

#[test]
fn a_consumer_ends_with_what_the_feed_says_whatever_is_killed_on_sqlite() {
    survives(Engine::Sqlite);
}

#[test]
fn a_consumer_ends_with_what_the_feed_says_whatever_is_killed_on_postgres() {
    survives(Engine::Postgres);
}
