//! Webhooks through chaos: a receiver that drops, fails, stalls and answers too late, in front of a consumer of sixty lines.
//! Whatever happens, the consumer ends with each record as the server has it, and hears of none out of sequence.
//!
//! `OMS_HOOK_SEEDS` says how many seeds run on each database, `OMS_SEED` where they begin. Each fifth group of seeds loses its
//! process in the middle: a new one goes on, and what was under way is forgotten (kills of a real process are in the
//! binary's tests).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use oms_app::hooks::{self, HookInput, fan_out, sending};
use oms_app::upkeep::changes;
use oms_app::{App, events};
use oms_core::events::entity;
use oms_core::hooks::all_types;
use oms_store::args;
use oms_world::consumer::{Consumer, Took};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::support::{SECOND_US, Time, node};

/// Seeds on each database if nobody says otherwise.
const SEEDS: u64 = 200;
/// Seeds at once.
const GROUP: usize = 40;
/// The shortest there is, so that stalls cost little.
const TIMEOUT: Duration = Duration::from_millis(500);

struct Ears {
    consumer: Consumer,
    random: Random,
    is_calm: bool,
    /// Of each id the bytes that came first, and how often it came.
    heard: HashMap<String, (Bytes, u64)>,
    faults: Vec<String>,
}

type Shared = Arc<Mutex<Ears>>;

/// Takes a delivery and answers as chance has it. What is answered badly may have been taken or not: the sender cannot know.
async fn hear(State(ears): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let (fate, is_taken) = {
        let mut ears = ears.lock().unwrap();
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        let (first, times) = ears.heard.entry(id.clone()).or_insert_with(|| (body.clone(), 0));
        *times += 1;
        if *first != body {
            ears.faults.push(format!("delivery {id} came with other bytes"));
        }
        let fate = if ears.is_calm { 100 } else { ears.random.below(40) };
        let is_taken = fate > 5 || ears.random.one_in(2);
        if is_taken {
            match ears.consumer.take(&body) {
                Ok(Took::Gap) => ears.faults.push(format!("a gap before {}", String::from_utf8_lossy(&body))),
                Ok(_) => {}
                Err(error) => ears.faults.push(error),
            }
        }
        (fate, is_taken)
    };
    match fate {
        0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        // Too late, whatever it says.
        2 => {
            tokio::time::sleep(TIMEOUT + Duration::from_millis(200)).await;
            StatusCode::OK.into_response()
        }
        // The connection breaks off.
        3 | 4 => {
            let broken = futures::stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("gone"))]);
            (StatusCode::OK, Body::from_stream(broken)).into_response()
        }
        // Byte by byte, without an end.
        5 => {
            let drip = futures::stream::unfold((), async |()| {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from(".")), ()))
            });
            (StatusCode::OK, Body::from_stream(Box::pin(drip))).into_response()
        }
        _ => {
            assert!(is_taken);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn listen(random: Random) -> (String, Shared) {
    let ears = Arc::new(Mutex::new(Ears {
        consumer: Consumer::default(),
        random,
        is_calm: false,
        heard: HashMap::new(),
        faults: Vec::new(),
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(hear).with_state(ears.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, ears)
}

async fn subscribe(app: &App, url: &str) -> i64 {
    let said = HookInput {
        event_type: json!(
            all_types()
                .into_iter()
                .filter(|t| !t.contains(".status."))
                .chain([
                    "package.status.transitioned".into(),
                    "package.status.packed".into(),
                    "transfer.status.created".into(),
                    "transfer.status.transitioned".into(),
                    "shipment.status.updated".into(),
                ])
                .collect::<Vec<String>>()
        ),
        target_url: url.to_owned(),
        secret_key: None,
        callback: json!({}),
        additional_headers: json!({}),
        config: json!({"timeout_ms": TIMEOUT.as_millis() as u64, "concurrency": 16}),
        retry_countdown_config: json!({"type": "fixed", "base": 1, "max": 1, "attempts": 20}),
        is_active: true,
    };
    let (ids, actor) = (hooks::ids(app).await.unwrap(), app.actor("test").await.unwrap());
    let mut tx = app.store.begin().await.unwrap();
    let hook = hooks::create(&mut tx, app, ids, &actor, said).await.unwrap();
    tx.commit().await.unwrap();
    hook.id
}

/// One turn of a node's loops.
async fn turn(app: &App) {
    changes::place_tick(app).await.unwrap();
    fan_out::tick(app).await.unwrap();
    while sending::tick(app).await.unwrap() {}
}

/// Sends until nothing waits, the clock going on as far as pauses ask for.
async fn drain(app: &App, time: &Time) {
    while changes::place_tick(app).await.unwrap() {}
    while fan_out::tick(app).await.unwrap() {}
    for _ in 0..500 {
        while sending::tick(app).await.unwrap() {}
        let sql = "SELECT COUNT(*) FROM hook_deliveries WHERE state = 'waiting'";
        if crate::support::number(app, sql).await == 0 {
            return;
        }
        time.advance(20 * SECOND_US);
    }
    panic!("deliveries wait for good");
}

/// Records by kind and id, with the change up to which each was compared.
type Compared = HashMap<(String, i64), i64>;

/// Each record the consumer heard of is as the server has it, and it heard of all that changed. What did not change since it
/// was last compared is not looked at again.
async fn compare(app: &App, ears: &Shared, seeds: &[u64], compared: &mut Compared) {
    let known = {
        let ears = ears.lock().unwrap();
        assert!(ears.faults.is_empty(), "seeds {seeds:?}: {:#?}", ears.faults);
        ears.consumer.records().clone()
    };
    let sql = "SELECT entity, entity_id, MAX(seq) FROM events WHERE position > (SELECT MIN(from_position) FROM hooks) \
               GROUP BY entity, entity_id";
    let changed = app.store.read().await.unwrap().fetch(sql, args![]).await.unwrap();
    assert_eq!(changed.len(), known.len(), "seeds {seeds:?}");
    for row in changed {
        let mut c = row.cols();
        let (entity, id, seq) = (c.text().unwrap(), c.i64().unwrap(), c.i64().unwrap());
        let ours = &known[&(entity.clone(), id)];
        assert_eq!(ours.seq, seq, "{entity} {id}, seeds {seeds:?}");
        if compared.insert((entity.clone(), id), seq) == Some(seq) {
            continue;
        }
        let mut theirs = events::now(app, &entity, id).await.unwrap();
        let mut told = ours.payload.clone();
        if entity == entity::ORDER {
            // Changes of packages are told of packages.
            for order in [&mut theirs, &mut told] {
                order["packages"].take();
            }
        }
        let found = differences("", &told, &theirs);
        assert!(
            found.is_empty(),
            "{entity} {id} at {seq}, seeds {seeds:?}: told and true differ:\n{found:#?}"
        );
    }
}

/// Where two objects differ.
fn differences(at: &str, a: &Value, b: &Value) -> Vec<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.keys().eq(y.keys()) => {
            x.iter().flat_map(|(key, a)| differences(&format!("{at}.{key}"), a, &y[key])).collect()
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => x
            .iter()
            .zip(y)
            .enumerate()
            .flat_map(|(i, (a, b))| differences(&format!("{at}.{i}"), a, b))
            .collect(),
        _ if a == b => Vec::new(),
        _ => vec![format!("{at}: {a} and {b}")],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_behind_a_chaotic_receiver_ends_in_the_servers_state() {
    let seeds = from_environment("OMS_HOOK_SEEDS").unwrap_or(SEEDS);
    let first = from_environment("OMS_SEED").unwrap_or(1);
    for database in Database::each() {
        let (engine, url) = (database.engine(), database.url.clone());
        let world = Arc::new(World::open(database, seeds).await);
        let (target, ears) = listen(Random::new(first)).await;
        subscribe(world.app(), &target).await;
        // A node of its own sends, so that it can be lost.
        let mut sender = node(&url, world.time()).await;
        let mut compared = Compared::new();
        let all: Vec<u64> = (first..first + seeds).collect();
        for (round, group) in all.chunks(GROUP).enumerate() {
            ears.lock().unwrap().is_calm = false;
            let mut begun = Vec::new();
            for &seed in group {
                let mut random = Random::new(seed);
                begun.push((world.order(seed, &mut random).await, random));
            }
            crate::support::plan(world.app()).await;
            let mut clients = tokio::task::JoinSet::new();
            for (mut model, random) in begun {
                model.packages = world.packages(model.order).await;
                clients.spawn(sequence(world.clone(), model, random));
            }
            // Sent while they work.
            while !clients.is_empty() {
                while let Some(done) = clients.try_join_next() {
                    done.unwrap_or_else(|e| panic!("on {engine}: {e}"));
                }
                changes::place_tick(&sender).await.unwrap();
                fan_out::tick(&sender).await.unwrap();
                sending::tick(&sender).await.unwrap();
            }
            for _ in 0..4 {
                turn(&sender).await;
                world.time().advance(2 * SECOND_US);
            }
            if round % 5 == 2 {
                // Its leases end by themselves.
                sender = node(&url, world.time()).await;
                world.time().advance(11 * SECOND_US);
            }
            ears.lock().unwrap().is_calm = true;
            drain(&sender, world.time()).await;
            compare(world.app(), &ears, group, &mut compared).await;
        }
        assert_sound(world.app()).await;
        let (told, again) = {
            let ears = ears.lock().unwrap();
            (ears.heard.len(), ears.heard.values().filter(|(_, n)| *n > 1).count())
        };
        eprintln!("{engine}: {seeds} seeds from {first}; {told} deliveries, {again} of them more than once");
        assert!(again > told / 100, "chaos did hardly anything");
    }
}
