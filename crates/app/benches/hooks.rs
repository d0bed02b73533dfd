//! Webhooks to receivers on this machine, from a database that already holds changes (`--bench planning` leaves one).
//!
//! `cargo bench -p oms-app --bench hooks -- --database URL [--hooks 10] [--events 2000] [--hang 0]`
//!
//! Each hook is told of so many changes, the payloads of which are rendered once; `--hang` of them never answer. Says how many
//! deliveries a second the others got. Hooks of an earlier run are switched off first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use oms_app::hooks::{self, HookInput, deliveries, sending};
use oms_app::upkeep::changes;
use oms_app::{App, events};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::hooks::all_types;
use oms_store::{Options, Store, args};
use serde_json::json;
use tokio::net::TcpListener;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Args {
    database: String,
    hooks: usize,
    events: i64,
    hang: usize,
}

fn args() -> Option<Args> {
    let mut args = Args { database: String::new(), hooks: 10, events: 2_000, hang: 0 };
    let mut words = std::env::args().skip(1).filter(|a| a != "--bench");
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--database" => args.database = value,
            "--hooks" => args.hooks = value.parse().ok()?,
            "--events" => args.events = value.parse().ok()?,
            "--hang" => args.hang = value.parse().ok()?,
            _ => return None,
        }
    }
    (!args.database.is_empty()).then_some(args)
}

#[tokio::main]
async fn main() {
    let Some(args) = args() else {
        eprintln!("usage: hooks --database URL [--hooks N] [--events N] [--hang N]");
        // `cargo test --benches` runs this without arguments: nothing to measure, nothing wrong.
        return;
    };
    let store = Store::open(&args.database, Options::default()).await.expect("the database opens");
    let http = HttpClient::new(NetPolicy::with_loopback()).expect("a client");
    let app = App::start(store, http, oms_app::system_clock()).await.expect("the app starts");
    while changes::place_tick(&app).await.expect("positions") {}
    let mut tx = app.store.begin().await.expect("tx");
    tx.execute("UPDATE hooks SET is_active = FALSE", args![]).await.expect("earlier hooks");
    tx.commit().await.expect("commit");

    let taken = Arc::new(AtomicU64::new(0));
    let (quick, hanging) = (receiver(taken.clone()).await, hanging().await);
    let began = Instant::now();
    let mut wanted = 0;
    for n in 0..args.hooks {
        let url = if n < args.hang { &hanging } else { &quick };
        let made = told(&app, url, args.events).await;
        wanted += if n < args.hang { 0 } else { made };
    }
    println!("{} hooks, {} deliveries made in {:.2} s", args.hooks, wanted, began.elapsed().as_secs_f64());
    let began = Instant::now();
    while taken.load(Ordering::Relaxed) < wanted {
        sending::tick(&app).await.expect("a tick");
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{wanted} deliveries in {seconds:.2} s: {:.0} a second; {} of {} hooks never answered",
        wanted as f64 / seconds,
        args.hang,
        args.hooks
    );
}

/// Takes whatever comes.
async fn receiver(taken: Arc<AtomicU64>) -> String {
    let router = Router::new().fallback(move || {
        let taken = taken.clone();
        async move {
            taken.fetch_add(1, Ordering::Relaxed);
            StatusCode::NO_CONTENT
        }
    });
    serve(router).await
}

/// Takes a connection and says nothing.
async fn hanging() -> String {
    serve(Router::new().fallback(|| async {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        StatusCode::NO_CONTENT
    }))
    .await
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    url
}

/// Makes a hook of all types and has it told of the first changes there are.
async fn told(app: &App, url: &str, events: i64) -> u64 {
    let said = HookInput {
        event_type: json!(
            all_types().into_iter().filter(|t| t.matches('.').count() == 1).collect::<Vec<_>>()
        ),
        target_url: url.to_owned(),
        secret_key: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
        callback: json!({}),
        additional_headers: json!({}),
        config: json!({}),
        retry_countdown_config: json!({}),
        is_active: true,
    };
    let (ids, actor) = (hooks::ids(app).await.expect("ids"), app.actor("bench").await.expect("actor"));
    let mut tx = app.store.begin().await.expect("tx");
    let hook = hooks::create(&mut tx, app, ids, &actor, said).await.expect("a hook");
    tx.commit().await.expect("commit");
    let until = events.min(events::read(app, &events::Asked::default()).await.expect("the feed").head);
    let range = deliveries::range(app, hook.id, 0, until).await.expect("a range");
    let actor = app.actor("bench").await.expect("actor");
    let mut tx = app.store.begin().await.expect("tx");
    let made = deliveries::resend_range(&mut tx, &actor, range).await.expect("deliveries");
    tx.commit().await.expect("commit");
    made["new"].as_u64().unwrap_or(0)
}
