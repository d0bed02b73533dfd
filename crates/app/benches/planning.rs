//! Planning alone: from accepted orders to committed packages, on a database of your choice.
//!
//! `cargo bench -p oms-app --bench planning -- --database URL [--data DIR] [--workers N] [--copies N]`
//!
//! With `--copies N` the month is accepted and planned N times over (stock with it), and each copy is
//! timed: the last against the first shows whether an order costs more when many are stored. The
//! database is wiped first.

use std::sync::Arc;
use std::time::Instant;

use oms_app::rules::scenarios;
use oms_app::setup::settings;
use oms_app::stock::stocks::{self, StockRow};
use oms_app::{App, planning};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::geo::Point;
use oms_core::locations::LocationKind;
use oms_store::access::logs;
use oms_store::ids::IdKind;
use oms_store::orders::people::{NewAddress, NewCustomer};
use oms_store::orders::products::{self, NewProduct};
use oms_store::orders::{self as order_store, AcceptIds, NewLine, NewOrder};
use oms_store::places::channels;
use oms_store::{Options, Store};
use oms_world::data::{Dataset, GenerateSize};
use serde_json::json;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Args {
    database: String,
    data: Option<String>,
    workers: usize,
    copies: usize,
}

fn args() -> Option<Args> {
    let mut args = Args { database: String::new(), data: None, workers: 2, copies: 1 };
    let mut words = std::env::args().skip(1).filter(|a| a != "--bench");
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()) {
            ("--database", Some(v)) => args.database = v,
            ("--data", Some(v)) => args.data = Some(v),
            ("--workers", Some(v)) => args.workers = v.parse().ok()?,
            ("--copies", Some(v)) => args.copies = v.parse().ok()?,
            _ => return None,
        }
    }
    (!args.database.is_empty()).then_some(args)
}

#[tokio::main]
async fn main() {
    let Some(args) = args() else {
        eprintln!("usage: planning --database URL [--data DIR] [--workers N] [--copies N]");
        // `cargo test --benches` runs this without arguments: nothing to measure, nothing wrong.
        return;
    };
    let dataset = match &args.data {
        Some(dir) => Dataset::load(dir.as_ref()).expect("the data can be read"),
        None => Dataset::generate(1, GenerateSize::default()),
    };
    Store::wipe(&args.database).await.expect("the database can be wiped");
    let store = Store::open(&args.database, Options::default()).await.expect("the database opens");
    let http = HttpClient::new(NetPolicy::public_only()).expect("a client");
    let app = App::start(store, http, oms_app::system_clock()).await.expect("the app starts");
    let world = prepare(&app, &dataset).await;

    for copy in 0..args.copies {
        add_stock(&app, &dataset, copy as i64 + 1).await;
        let began = Instant::now();
        accept(&app, &dataset, &world, copy).await;
        let accepted = began.elapsed().as_secs_f64();
        let began = Instant::now();
        plan(&app, args.workers).await;
        let planned = began.elapsed().as_secs_f64();
        let n = dataset.orders.len() as f64;
        println!(
            "copy {:>2}: {} orders accepted in {accepted:.2} s ({:.0}/s), planned in {planned:.2} s ({:.0}/s) with {} workers",
            copy + 1,
            dataset.orders.len(),
            n / accepted,
            n / planned,
            args.workers
        );
    }
    let totals = oms_app::upkeep::totals::read(&app).await.expect("totals");
    println!("{} packages, {} of {} units reserved", totals.packages, totals.units_reserved, totals.units);
}

/// What accepting needs to know of the world.
struct World {
    channel: i64,
    /// Products by SKU.
    products: std::collections::HashMap<String, i64>,
}

async fn prepare(app: &App, dataset: &Dataset) -> World {
    settings::put(app, "bench", "GEOLOCATION_DISCOVERY", &json!({"enabled": true, "provider": "haversine"}))
        .await
        .expect("setting");
    let channel = app.store.take_id(IdKind::Channel).await.expect("id");
    let mut tx = app.store.begin().await.expect("tx");
    let new = channels::NewChannel {
        id: channel,
        omnitron_id: Some(1),
        name: "Web".into(),
        channel_type: "web".into(),
        configuration: "{}".into(),
        is_active: true,
    };
    channels::upsert(&mut tx, &[new], app.now_us()).await.expect("channel");
    tx.commit().await.expect("commit");
    for l in &dataset.locations {
        let kind = LocationKind::parse(l.kind.name()).expect("a kind");
        let mut p = oms_app::places::locations::blank(&l.erp_code, &l.name, kind);
        p.address.point = Point::from_degrees(l.lat, l.lon);
        let (ids, actor) = (
            oms_app::places::locations::ids(app).await.expect("ids"),
            app.actor("bench").await.expect("actor"),
        );
        let mut tx = app.store.begin().await.expect("tx");
        oms_app::places::locations::create(&mut tx, ids, &actor, &p).await.expect("location");
        tx.commit().await.expect("commit");
    }
    let mut skus: Vec<&str> = dataset.orders.iter().flat_map(|o| &o.lines).map(|l| l.sku.as_str()).collect();
    skus.sort_unstable();
    skus.dedup();
    let ids = app.store.take_ids(IdKind::Product, skus.len()).await.expect("ids");
    let new = |(sku, id): (&&str, i64)| NewProduct {
        id,
        omnitron_id: None,
        sku: (*sku).into(),
        name: (*sku).into(),
        base_code: None,
        barcode: None,
        attributes: "{}".into(),
        hub_fields: None,
    };
    let rows: Vec<_> = skus.iter().zip(ids).map(new).collect();
    let mut tx = app.store.begin().await.expect("tx");
    let products = products::upsert(&mut tx, &rows, app.now_us()).await.expect("products");
    tx.commit().await.expect("commit");
    let default =
        dataset.locations.iter().find(|l| l.kind.name() == "warehouse").unwrap_or(&dataset.locations[0]);
    let body = json!({"name": "Bench", "default_stock_location": default.erp_code, "rules": [
        {"name": "All from one", "products": "all_from_one", "sort": [{"by": "distance"}, {"by": "priority"}]},
        {"name": "Nearest first", "products": "units", "sort": [{"by": "distance"}]}]});
    scenarios::put(app, "bench", &body).await.expect("scenario");
    World { channel, products }
}

/// States `times` the data's stock, so that each copy of the month finds one more month of it.
async fn add_stock(app: &App, dataset: &Dataset, times: i64) {
    for slice in dataset.stock.chunks(stocks::MAX_ROWS) {
        let row = |r: &oms_world::data::StockRow| StockRow {
            erp_code: r.erp_code.clone(),
            sku: r.sku.clone(),
            on_hand: r.quantity * times,
        };
        let rows: Vec<_> = slice.iter().map(row).collect();
        let (ids, actor) =
            (stocks::ids(app, rows.len()).await.expect("ids"), app.actor("bench").await.expect("actor"));
        let mut tx = app.store.begin().await.expect("tx");
        stocks::set(&mut tx, ids, &actor, &rows).await.expect("stock");
        tx.commit().await.expect("commit");
    }
    app.store.analyze_stock().await.expect("analyze");
}

async fn accept(app: &App, dataset: &Dataset, world: &World, copy: usize) {
    for slice in dataset.orders.chunks(100) {
        let orders: Vec<NewOrder> = slice.iter().map(|o| new_order(o, dataset, world, copy)).collect();
        let (n, items, customers, addresses, rows) = order_store::ids_needed(&orders);
        let take = async |kind, n| app.store.take_ids(kind, n).await.expect("ids");
        let mut ids = AcceptIds {
            orders: take(IdKind::Order, n).await,
            items: take(IdKind::OrderItem, items).await,
            customers: take(IdKind::Customer, customers).await,
            addresses: take(IdKind::Address, addresses).await,
            rows: take(IdKind::Row, rows).await,
        };
        let actor = app.actor("bench").await.expect("actor");
        let mut tx = app.store.begin().await.expect("tx");
        logs::record_command(&mut tx, &actor, "orders.accept").await.expect("command");
        order_store::accept(&mut tx, &orders, &mut ids, &actor).await.expect("accepted");
        tx.commit().await.expect("commit");
    }
}

fn new_order(o: &oms_world::data::Order, dataset: &Dataset, world: &World, copy: usize) -> NewOrder {
    let customer = &dataset.customers[o.customer];
    let line = |l: &oms_world::data::Line| NewLine {
        omnitron_id: None,
        product_id: world.products[&l.sku],
        units: l.quantity,
        price_minor: Some(l.unit_price_minor),
        discount_minor: None,
        retail_price_minor: None,
        currency: None,
        tax_rate: None,
        attributes: "{}".into(),
        hub_status: None,
        hub_fields: None,
    };
    NewOrder {
        hub: None,
        filtered_out: None,
        channel_id: world.channel,
        number: format!("{}-{copy}", o.number),
        hub_status: 400,
        placed_us: o.placed_us + copy as i64,
        customer: NewCustomer { first_name: Some(customer.code.clone()), ..NewCustomer::default() },
        shipping_address: NewAddress {
            line: Some("1 Main St".into()),
            point: Point::from_degrees(customer.lat, customer.lon),
            ..NewAddress::default()
        },
        billing_address: None,
        currency: "try".into(),
        amount_minor: None,
        shipping_amount_minor: None,
        discount_amount_minor: None,
        shipping_option: Some("standard".into()),
        payment_option: Some("card".into()),
        delivery_type: None,
        delivery_range: None,
        cargo_company: None,
        tracking_number: None,
        carrier_shipping_code: None,
        notes: None,
        language_code: None,
        order_type: None,
        extra: "{}".into(),
        lines: o.lines.iter().map(line).collect(),
    }
}

async fn plan(app: &Arc<App>, workers: usize) {
    let mut loops = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let app = app.clone();
        loops.spawn(async move {
            while planning::tick(&app, planning::BATCH).await.expect("a tick").claimed > 0 {}
        });
    }
    while let Some(done) = loops.join_next().await {
        done.expect("a planner");
    }
}
