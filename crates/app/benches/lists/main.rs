//! Every list of the API, each of its filters, the pairs that saved views use, its first hundred pages, and search, on a
//! database of many packages.
//!
//! `cargo bench -p oms-app --bench lists -- --database URL [--packages 1000000] [--keep]`
//!
//! Times are of the functions that HTTP calls, with a hundred rows a page and all that rows point at, counted as screens
//! count (up to 10,000) and, beside it, in full as the API does. It fails when the screen's p95 of a line is over the
//! limit. The database is wiped first; with `--keep` one made by an earlier run is used as it is.

mod questions;
mod world;

use std::time::{Duration, Instant};

use oms_app::access::logs;
use oms_app::packages::transfer_views;
use oms_app::upkeep::{search, today};
use oms_app::{App, packages, views};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_store::lists::Ask;
use oms_store::{Options, Store};
use questions::{Noun, values};

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a line's p95 may be.
const LIMIT: Duration = Duration::from_millis(100);
/// Rows a page: the most the API gives.
const ROWS: i64 = 100;
/// How often each question is asked.
const TIMES: usize = 3;
const PAGES: i64 = 100;

struct Args {
    database: String,
    packages: i64,
    keep: bool,
}

fn args() -> Option<Args> {
    let mut args = Args { database: String::new(), packages: 1_000_000, keep: false };
    let mut words = std::env::args().skip(1).filter(|a| a != "--bench");
    while let Some(word) = words.next() {
        match word.as_str() {
            "--database" => args.database = words.next()?,
            "--packages" => args.packages = words.next()?.parse().ok()?,
            "--keep" => args.keep = true,
            _ => return None,
        }
    }
    (!args.database.is_empty()).then_some(args)
}

#[tokio::main]
async fn main() {
    let Some(args) = args() else {
        eprintln!("usage: lists --database URL [--packages N] [--keep]");
        // `cargo test --benches` runs this without arguments: nothing to measure, nothing wrong.
        return;
    };
    if !args.keep {
        Store::wipe(&args.database).await.expect("the database can be wiped");
    }
    let store = Store::open(&args.database, Options { durable: false }).await.expect("the database opens");
    let http = HttpClient::new(NetPolicy::public_only()).expect("a client");
    let app = App::start(store, http, oms_app::system_clock()).await.expect("the app starts");
    if !args.keep {
        let began = Instant::now();
        world::build(&app, args.packages).await;
        app.store.analyze().await.expect("statistics");
        println!("{} packages made in {:.0} s", args.packages, began.elapsed().as_secs_f64());
    }
    println!("| list | what | p50, ms | p95, ms | max, ms | p95 counted in full, ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut bench = Bench { app: &app, packages: args.packages, over: Vec::new(), totals: Vec::new() };
    for noun in Noun::ALL {
        bench.noun(noun).await;
    }
    bench.search().await;
    bench.movements().await;
    bench.end();
}

/// Reads a page as HTTP does.
async fn read(noun: Noun, app: &App, ask: &Ask) -> usize {
    match noun {
        Noun::Packages => packages::list(app, ask).await.expect("packages").page.rows.len(),
        Noun::PackageItems => packages::items(app, ask).await.expect("package items").page.rows.len(),
        Noun::Orders => views::orders(app, ask).await.expect("orders").page.rows.len(),
        Noun::Plans => views::plans(app, ask).await.expect("plans").page.rows.len(),
        Noun::Transfers => transfer_views::list(app, ask).await.expect("transfers").page.rows.len(),
        Noun::TransferItems => transfer_views::items(app, ask).await.expect("transfer items").page.rows.len(),
        Noun::Steps => logs::list(app, ask).await.expect("steps").rows.len(),
        Noun::Stocks => views::stocks(app, ask).await.expect("stocks").rows.len(),
    }
}

struct Bench<'a> {
    app: &'a App,
    packages: i64,
    /// Lines over the limit.
    over: Vec<String>,
    /// Every time of a screen, by list.
    totals: Vec<(String, Duration)>,
}

fn at(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted
        .get(((sorted.len().max(1) - 1) as f64 * share).ceil() as usize)
        .map_or(0.0, |d| d.as_secs_f64() * 1e3)
}

impl Bench<'_> {
    async fn noun(&mut self, noun: Noun) {
        let list = noun.list();
        // The default, and the same from the end.
        let orders: Vec<&str> = list.orders.iter().map(|(name, _)| *name).collect();
        for order in &orders {
            let mut times = Vec::new();
            let pages: Vec<i64> = if orders[..orders.len().min(2)].contains(order) {
                (1..=PAGES).collect()
            } else {
                vec![1, 2, PAGES]
            };
            for page in &pages {
                times.push(
                    self.time(noun, Ask { page: *page, order: Some((*order).into()), ..Ask::default() })
                        .await,
                );
            }
            let last = pages.len();
            self.line(noun, &format!("{last} of the first {PAGES} pages by {order}"), &times, &[]);
        }
        for filter in list.filters {
            let values = values(noun, self.packages, filter.name);
            let given = values.into_iter().map(|v| vec![(filter.name.to_owned(), v)]).collect();
            self.questions(noun, filter.name, given).await;
        }
        for [first, second] in noun.pairs() {
            let mut given = Vec::new();
            for a in values(noun, self.packages, first) {
                for b in values(noun, self.packages, second) {
                    given.push(vec![((*first).to_owned(), a.clone()), ((*second).to_owned(), b)]);
                }
            }
            self.questions(noun, &format!("{first} and {second}"), given).await;
        }
    }

    /// Asks for the first page of each question, in the default order and from the end.
    async fn questions(&mut self, noun: Noun, what: &str, given: Vec<Vec<(String, String)>>) {
        let list = noun.list();
        let (mut screen, mut whole, mut slowest) = (Vec::new(), Vec::new(), (Duration::ZERO, String::new()));
        for filters in given {
            let conditions = views::conditions(list, &filters).expect("filters of the list");
            for (order, _) in list.orders.iter().take(2) {
                let ask = Ask {
                    conditions: conditions.clone(),
                    order: Some((*order).into()),
                    page: 1,
                    ..Ask::default()
                };
                for _ in 0..TIMES {
                    let time = self.time(noun, ask.clone()).await;
                    if time > slowest.0 {
                        slowest = (time, format!("{filters:?} by {order}"));
                    }
                    screen.push(time);
                }
                whole.push(self.time(noun, Ask { counts_all: true, ..ask }).await);
            }
        }
        if slowest.0 > LIMIT {
            eprintln!("{noun:?} {:.0} ms: {}", slowest.0.as_secs_f64() * 1e3, slowest.1);
        }
        self.line(noun, what, &screen, &whole);
    }

    async fn time(&self, noun: Noun, ask: Ask) -> Duration {
        let ask = Ask { limit: ROWS, ..ask };
        let began = Instant::now();
        read(noun, self.app, &ask).await;
        began.elapsed()
    }

    fn line(&mut self, noun: impl std::fmt::Debug, what: &str, screen: &[Duration], whole: &[Duration]) {
        let name = format!("{noun:?}").replace('"', "");
        let p95 = at(screen, 0.95);
        let full = if whole.is_empty() { String::new() } else { format!("{:.1}", at(whole, 0.95)) };
        println!("| {name} | {what} | {:.1} | {p95:.1} | {:.1} | {full} |", at(screen, 0.5), at(screen, 1.0));
        if p95 > LIMIT.as_secs_f64() * 1e3 {
            self.over.push(format!("{name}, {what}: {p95:.0} ms"));
        }
        self.totals.extend(screen.iter().map(|d| (name.clone(), *d)));
    }

    /// Prefixes of one to eight letters, of everything that is searched.
    async fn search(&mut self) {
        let mut whole: Vec<String> =
            vec!["tr500012".into(), "sku-0007".into(), "gomlek".into(), "Kırmızı".into(), "869000009".into()];
        whole.extend([17, self.packages / 3, self.packages * 3 / 4].map(|n| format!("b{}", 1_000_000 + n)));
        for letters in 1..=8 {
            let mut times = Vec::new();
            for text in whole.iter().filter(|t| t.chars().count() >= letters) {
                let prefix: String = text.chars().take(letters).collect();
                for _ in 0..TIMES {
                    let began = Instant::now();
                    search::find(self.app, &prefix, 20).await.expect("finds");
                    times.push(began.elapsed());
                }
            }
            self.line("Search", &format!("{letters} letters"), &times, &[]);
        }
        let mut times = Vec::new();
        for text in
            [format!("B{}P", 1_000_000 + self.packages / 3), "TR500000010".into(), "SKU-000007-M".into()]
        {
            let began = Instant::now();
            assert!(!search::find(self.app, &text, 20).await.expect("finds").is_empty(), "{text}");
            times.push(began.elapsed());
        }
        self.line("Search", "whole numbers", &times, &[]);
    }

    async fn movements(&mut self) {
        let mut times = Vec::new();
        for _ in 0..10 {
            let began = Instant::now();
            today::movements(self.app).await.expect("packages by location");
            times.push(began.elapsed());
        }
        self.line("Movements", "packages by location and state", &times, &[]);
    }

    fn end(self) {
        let mut names: Vec<&String> = self.totals.iter().map(|(n, _)| n).collect();
        names.dedup();
        println!("\n| list | questions | p50, ms | p95, ms | max, ms |\n| --- | --- | --- | --- | --- |");
        for name in names {
            let times: Vec<Duration> =
                self.totals.iter().filter(|(n, _)| n == name).map(|(_, d)| *d).collect();
            println!(
                "| {name} | {} | {:.1} | {:.1} | {:.1} |",
                times.len(),
                at(&times, 0.5),
                at(&times, 0.95),
                at(&times, 1.0)
            );
        }
        if !self.over.is_empty() {
            eprintln!("over {} ms:\n{}", LIMIT.as_millis(), self.over.join("\n"));
            std::process::exit(1);
        }
    }
}
