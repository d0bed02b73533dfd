//! Commands from many clients at once, durable, on a database of your choice.
//!
//! `cargo bench -p oms-app --bench commands -- --database URL [--clients 32] [--commands 20000] [--locations 200] [--lines 2]
//! [--waiting 0]`
//!
//! The mix: 40 % DeAllocate, 30 % complete packaging without shipment, 20 % ship, 5 % refuse and plan
//! again, 5 % block and unblock. Packages are spread evenly over the locations. The database is wiped first. With `--waiting N`
//! so many deliveries wait for a webhook's receiver that is away, and a node's loops make and send others beside the commands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oms_app::hooks::{self, HookInput, fan_out, sending};
use oms_app::packages::commands::{self, Desk, Request};
use oms_app::rules::{denial_reasons, scenarios};
use oms_app::setup::settings;
use oms_app::stock::stocks::{self, StockRow};
use oms_app::upkeep::changes;
use oms_app::upkeep::idempotency::{Answer, Key};
use oms_app::{App, orders, planning};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_core::geo::Point;
use oms_core::locations::LocationKind;
use oms_core::refusal::Refusal;
use oms_store::hooks::deliveries::{self, Delivery};
use oms_store::ids::IdKind;
use oms_store::places::channels;
use oms_store::{Options, Store, args};
use serde_json::{Value, json};

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// SKUs of which every location has plenty.
const SKUS: usize = 50;

struct Args {
    database: String,
    clients: usize,
    commands: usize,
    locations: usize,
    lines: usize,
    waiting: usize,
}

fn args() -> Option<Args> {
    let mut args =
        Args { database: String::new(), clients: 32, commands: 20_000, locations: 200, lines: 2, waiting: 0 };
    let mut words = std::env::args().skip(1).filter(|a| a != "--bench");
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--database" => args.database = value,
            "--clients" => args.clients = value.parse().ok()?,
            "--commands" => args.commands = value.parse().ok()?,
            "--locations" => args.locations = value.parse().ok()?,
            "--lines" => args.lines = value.parse().ok()?,
            "--waiting" => args.waiting = value.parse().ok()?,
            _ => return None,
        }
    }
    (!args.database.is_empty()).then_some(args)
}

#[tokio::main]
async fn main() {
    let Some(args) = args() else {
        eprintln!(
            "usage: commands --database URL [--clients N] [--commands N] [--locations N] [--lines N] [--waiting N]"
        );
        // `cargo test --benches` runs this without arguments: nothing to measure, nothing wrong.
        return;
    };
    Store::wipe(&args.database).await.expect("the database can be wiped");
    let store = Store::open(&args.database, Options::default()).await.expect("the database opens");
    let http = HttpClient::new(NetPolicy::with_loopback()).expect("a client");
    let app = App::start(store, http, oms_app::system_clock()).await.expect("the app starts");
    let reason = prepare(&app, &args).await;
    let packages = packages(&app).await;
    let desk = Arc::new(commands::desk(app.clone(), refused));
    let share = packages.len() / args.clients;
    let each = args.commands / args.clients;

    if args.waiting > 0 {
        let began = Instant::now();
        wait_for_a_receiver(&app, args.waiting).await;
        println!("{} deliveries wait, made in {:.0} s", args.waiting, began.elapsed().as_secs_f64());
        tokio::spawn(loops(app.clone()));
    }

    let began = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for (n, own) in packages.chunks(share).take(args.clients).enumerate() {
        clients.spawn(client(desk.clone(), n as u64, own.to_vec(), each, reason));
    }
    let (mut done, mut waits) = ([0usize; 5], Vec::new());
    while let Some(result) = clients.join_next().await {
        let (kinds, mut times) = result.expect("a client");
        kinds.iter().zip(&mut done).for_each(|(n, sum)| *sum += n);
        waits.append(&mut times);
    }
    let seconds = began.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let n: usize = done.iter().sum();
    println!(
        "{n} commands of {} clients over {} locations in {seconds:.2} s: {:.0}/s; p50 {:.1} ms, p99 {:.1} ms; \
         deallocate {}, pack {}, ship {}, refuse {}, block and unblock {}",
        args.clients,
        args.locations,
        n as f64 / seconds,
        at(0.5),
        at(0.99),
        done[0],
        done[1],
        done[2],
        done[3],
        done[4]
    );
    let mut tx = app.store.read().await.expect("reads");
    let findings = oms_store::check::run(&mut tx, app.now_us(), |_| {}).await.expect("checks");
    assert!(findings.is_empty(), "{findings:?}");
}

/// A webhook whose receiver is away, and so many deliveries that wait for it.
async fn wait_for_a_receiver(app: &Arc<App>, waiting: usize) {
    let said = HookInput {
        event_type: json!(["package.status.transitioned", "package.created", "stock_location.updated"]),
        // Nobody listens there.
        target_url: "http://127.0.0.1:9/".into(),
        secret_key: None,
        callback: json!({}),
        additional_headers: json!({}),
        config: json!({"timeout_ms": 500}),
        retry_countdown_config: json!({}),
        is_active: true,
    };
    let (ids, actor) = (hooks::ids(app).await.expect("ids"), app.actor("bench").await.expect("actor"));
    let mut tx = app.store.begin().await.expect("tx");
    let hook = hooks::create(&mut tx, app, ids, &actor, said).await.expect("a hook");
    tx.commit().await.expect("commit");
    // What they all say is said of a location.
    let sql = "SELECT MIN(id) FROM locations";
    let location = app.store.read().await.expect("reads").scalar(sql, args![]).await.expect("a location");
    let told =
        hooks::deliveries::publication(app, hook.id, "stock_location", location).await.expect("a payload");
    let actor = app.actor("bench").await.expect("actor");
    let mut tx = app.store.begin().await.expect("tx");
    hooks::deliveries::publish(&mut tx, &actor, told).await.expect("published");
    let row = tx.first("SELECT event_uuid FROM hook_payloads", args![]).await.expect("reads").expect("one");
    let event_uuid = row.cols().text().expect("a text");
    tx.commit().await.expect("commit");
    let n: Vec<i64> = (0..waiting as i64).collect();
    for part in n.chunks(5_000) {
        let ids = app.store.take_ids(IdKind::Row, part.len()).await.expect("ids");
        let one = |(n, id): (&i64, i64)| Delivery {
            id,
            hook_id: hook.id,
            position: 0,
            part: *n,
            uuid: format!("00000000-0000-8000-8000-{n:012x}"),
            kind: "package.status.transitioned".into(),
            event_uuid: event_uuid.clone(),
            entity: "package".into(),
            entity_id: -1 - n / 4,
            seq: 1 + n % 4,
            prev_seq: None,
            state: "waiting".into(),
            tries: 0,
            attempts: 0,
            due_us: app.now_us(),
            published_by: None,
            created_us: app.now_us(),
            finished_us: None,
        };
        let rows: Vec<Delivery> = part.iter().zip(ids).map(one).collect();
        let mut tx = app.store.begin().await.expect("tx");
        deliveries::insert(&mut tx, &rows).await.expect("deliveries");
        tx.commit().await.expect("commit");
    }
    app.store.analyze().await.expect("analyze");
}

/// What a node does about changes and webhooks, as long as the bench runs.
async fn loops(app: Arc<App>) {
    loop {
        let mut is_busy = changes::place_tick(&app).await.expect("positions");
        is_busy |= fan_out::tick(&app).await.expect("deliveries");
        is_busy |= sending::tick(&app).await.expect("sending");
        if !is_busy {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
}

fn refused(r: &Refusal) -> Answer {
    Answer { status: 400, body: r.message.clone() }
}

/// Locations far apart, stock everywhere, and orders next door to each; returns a denial reason.
async fn prepare(app: &Arc<App>, args: &Args) -> i64 {
    let on = json!({"enabled": true, "provider": "haversine"});
    settings::put(app, "bench", "GEOLOCATION_DISCOVERY", &on).await.expect("setting");
    let channel = channels::NewChannel {
        id: app.store.take_id(IdKind::Channel).await.expect("id"),
        omnitron_id: Some(1),
        name: "Web".into(),
        channel_type: "web".into(),
        configuration: "{}".into(),
        is_active: true,
    };
    let mut tx = app.store.begin().await.expect("tx");
    channels::upsert(&mut tx, &[channel], app.now_us()).await.expect("channel");
    tx.commit().await.expect("commit");
    let place = |i: usize| (36.0 + (i / 20) as f64 * 0.5, 27.0 + (i % 20) as f64 * 0.8);
    for i in 0..args.locations.max(2) {
        let code = format!("L{i}");
        let mut p = oms_app::places::locations::blank(&code, &code, LocationKind::Store);
        p.address.point = Point::from_degrees(place(i).0, place(i).1);
        let (ids, actor) = (
            oms_app::places::locations::ids(app).await.expect("ids"),
            app.actor("bench").await.expect("actor"),
        );
        let mut tx = app.store.begin().await.expect("tx");
        oms_app::places::locations::create(&mut tx, ids, &actor, &p).await.expect("location");
        tx.commit().await.expect("commit");
    }
    let row = |i: usize| StockRow {
        erp_code: format!("L{}", i / SKUS),
        sku: format!("S{}", i % SKUS),
        on_hand: 1_000_000,
    };
    let rows: Vec<StockRow> = (0..args.locations.max(2) * SKUS).map(row).collect();
    for rows in rows.chunks(stocks::MAX_ROWS) {
        let (ids, actor) =
            (stocks::ids(app, rows.len()).await.expect("ids"), app.actor("bench").await.expect("actor"));
        let mut tx = app.store.begin().await.expect("tx");
        stocks::set(&mut tx, ids, &actor, rows).await.expect("stock");
        tx.commit().await.expect("commit");
    }
    app.store.analyze_stock().await.expect("analyze");
    let body = json!({"name": "Bench", "default_stock_location": "L0", "rules": [
        {"name": "Nearest", "products": "all_from_one", "sort": [{"by": "distance"}]}]});
    scenarios::put(app, "bench", &body).await.expect("scenario");
    // What is used up of waiting packages, and a half more; plus what is there from the start.
    let orders = args.commands * 7 / 10 + args.clients * 20;
    let order = |i: usize| {
        let (lat, lon) = place(i % args.locations);
        let lines: Vec<Value> = (0..args.lines)
            .map(|l| json!({"sku": format!("S{}", (i * 7 + l * 3) % SKUS), "quantity": 1, "price": "10.00"}))
            .collect();
        json!({"number": format!("B{i}"), "channel": 1, "date_placed": "2031-03-05T11:00:00Z", "lines": lines,
            "shipping_address": {"line": "Here 1", "latitude": lat, "longitude": lon}})
    };
    let all: Vec<usize> = (0..orders).collect();
    for slice in all.chunks(orders::MAX_ORDERS) {
        let body = json!({"orders": slice.iter().map(|&i| order(i)).collect::<Vec<_>>()});
        let batch = orders::read_batch(&body).expect("orders");
        let ids = orders::api_ids(app, &batch).await.expect("ids");
        let actor = app.actor("bench").await.expect("actor");
        let mut tx = app.store.begin().await.expect("tx");
        for answer in orders::take_api_batch(&mut tx, batch, ids, &actor).await.expect("taken") {
            answer.expect("an order");
        }
        tx.commit().await.expect("commit");
    }
    while planning::tick(app, planning::BATCH).await.expect("planned").claimed > 0 {}
    // What PostgreSQL does within a minute; the bench does not wait for it.
    app.store.analyze().await.expect("analyze");
    let (ids, actor) =
        (denial_reasons::ids(app).await.expect("ids"), app.actor("bench").await.expect("actor"));
    let mut tx = app.store.begin().await.expect("tx");
    let made = denial_reasons::create(&mut tx, &actor, ids, &json!({"title": "Busy"})).await.expect("reason");
    tx.commit().await.expect("commit");
    made.id
}

/// The waiting packages, in an order that spreads the locations over the clients.
async fn packages(app: &App) -> Vec<i64> {
    let mut tx = app.store.read().await.expect("reads");
    let rows =
        tx.fetch("SELECT id FROM packages WHERE state = 100 ORDER BY id", args![]).await.expect("reads");
    rows.iter().map(|r| r.i64(0).expect("an id")).collect()
}

/// One client: it sends its next command when the last one is answered.
async fn client(
    desk: Arc<Desk>,
    seed: u64,
    mut waiting: Vec<i64>,
    commands: usize,
    reason: i64,
) -> ([usize; 5], Vec<Duration>) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % 100
    };
    let (mut preparing, mut packed, mut blocked) = (Vec::new(), Vec::new(), None);
    let (mut done, mut waits) = ([0; 5], Vec::with_capacity(commands));
    for n in 0..commands {
        let draw = next();
        let (kind, id, slug, input) = if draw < 30
            && let Some(id) = preparing.pop()
        {
            packed.push(id);
            (1, id, "COMPLETE_PACKAGING_WITHOUT_SHIPMENT_FROM_PREPARING", json!({}))
        } else if (30..50).contains(&draw) && packed.len() > 1 {
            (
                2,
                packed.remove(0),
                "ADVANCED_SHIPMENT",
                json!({"tracking_number": format!("T{seed}-{n}"), "shipping_company": "yurtici"}),
            )
        } else if (50..55).contains(&draw) {
            let id = waiting.pop().expect("enough packages");
            (3, id, "REFUSE_WITH_DENIAL_REASON", json!({"denial_reason": reason}))
        } else if (55..60).contains(&draw) {
            match blocked.take() {
                Some(id) => {
                    waiting.insert(0, id);
                    (4, id, "UNBLOCK_THE_PACKAGE", json!({}))
                }
                None => {
                    let id = waiting.pop().expect("enough packages");
                    blocked = Some(id);
                    (4, id, "BLOCK_THE_PACKAGE", json!({}))
                }
            }
        } else {
            let id = waiting.pop().expect("enough packages");
            preparing.insert(0, id);
            (0, id, "PKG_DEALLOCATE_RESERVATIONS", json!({}))
        };
        let body = json!({"slug": slug, "input_parameters": input});
        let key = Key { scope: "bench".into(), key: format!("{seed}-{n}"), fingerprint: [0; 32] };
        let request = Request {
            entity: Entity::Package,
            id,
            body: Body::read(Entity::Package, id, &body).expect("a body"),
            actor: format!("user:{seed}"),
            key: Some(key),
        };
        let began = Instant::now();
        let answer = desk.run(request).await.expect("an answer");
        waits.push(began.elapsed());
        assert_eq!(answer.status, 204, "{slug}: {}", answer.body);
        done[kind] += 1;
    }
    (done, waits)
}
