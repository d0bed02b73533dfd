//! The real binary as a process, and what must come out of a data directory, from its files alone.

mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use oms_store::{Options, Store};
use oms_testkit::Database;
use oms_world::data::{Dataset, slice_dir};
use serde_json::Value;

use process::GLANCE;
pub use process::{Ended, PATIENCE, Process, run};

/// The binary in a folder of its own, without settings from this shell.
pub fn oms(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oms"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OMS_")) {
        command.env_remove(name);
    }
    command
}

/// The demo on this data and database, until all is planned, at ports of the system's choice.
pub fn demo(folder: &Path, data: &Path, database: &str, more: &[&str]) -> Command {
    let listen = ["--until-idle", "--listen", "127.0.0.1:0", "--hub-listen", "127.0.0.1:0"];
    let data = ["demo", "--data", data.to_str().unwrap(), "--database", database];
    oms(folder, &[&data, listen.as_slice(), more].concat())
}

/// A caller with a token.
#[derive(Clone)]
pub struct Caller {
    pub base: String,
    pub token: String,
}

impl Caller {
    /// The status and the body of an answer; 0 where there was none.
    pub fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-m", "20", "-w", "\n%{http_code}", "-X", method]);
        curl.args(["-H", &format!("Authorization: Token {}", self.token)]);
        if !body.is_empty() {
            curl.args(["-H", "Content-Type: application/json", "-d", body]);
        }
        let output = curl.arg(format!("{}{path}", self.base)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (text, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), text.to_owned())
    }
}

/// Waits for a condition, bounded.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "it never happens that {what}");
        sleep(GLANCE * 5);
    }
}

/// The closing line of a demo that went well.
pub fn summary(ended: &Ended) -> Value {
    assert!(ended.status.success(), "{ended:?}");
    let line = ended.stdout.last().unwrap_or_else(|| panic!("{ended:?}"));
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
}

/// Asserts that `oms check` finds nothing.
pub fn assert_sound(folder: &Path, database: &str) {
    let ended = run(oms(folder, &["check", "--database", database]));
    assert!(ended.status.success(), "{ended:#?}");
    assert!(ended.stdout.last().is_some_and(|l| l.ends_with("checks hold.")), "{ended:?}");
}

/// Every decision of the database recomputes to the bytes that are kept.
pub fn assert_replays(folder: &Path, database: &str) {
    let ended = run(oms(folder, &["decision", "replay", "--all", "--database", database]));
    assert!(ended.status.success(), "{ended:#?}");
    assert!(ended.stdout.last().is_some_and(|l| l.ends_with("replay to the same bytes.")), "{ended:?}");
}

/// What a data directory must become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    pub orders: i64,
    pub lines: i64,
    pub units: i64,
    pub units_reserved: i64,
    pub units_out_of_stock: i64,
}

impl Counts {
    /// From the files: of each SKU, what is asked for as far as the country has it.
    pub fn of_files(dir: &Path) -> Self {
        let data = Dataset::load(dir).unwrap();
        let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for line in data.orders.iter().flat_map(|o| &o.lines) {
            sums.entry(&line.sku).or_default().0 += line.quantity;
        }
        for row in &data.stock {
            sums.entry(&row.sku).or_default().1 += row.quantity;
        }
        let units = sums.values().map(|(demand, _)| demand).sum();
        let units_reserved = sums.values().map(|(demand, stock)| demand.min(stock)).sum();
        Self {
            orders: data.orders.len() as i64,
            lines: data.line_count() as i64,
            units,
            units_reserved,
            units_out_of_stock: units - units_reserved,
        }
    }

    pub fn of_summary(summary: &Value) -> Self {
        let n = |key: &str| summary[key].as_i64().unwrap_or_else(|| panic!("no number {key}: {summary}"));
        Self {
            orders: n("orders"),
            lines: n("lines"),
            units: n("units"),
            units_reserved: n("units_reserved"),
            units_out_of_stock: n("units_out_of_stock"),
        }
    }
}

/// Makes a data directory beside the slice: of every third SKU, half of what is asked for is there.
pub fn slice_with_a_third_short(to: &Path) {
    let from = slice_dir();
    for file in std::fs::read_dir(&from).unwrap() {
        let file = file.unwrap();
        if !file.file_name().to_string_lossy().starts_with("stock.") {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let data = Dataset::load(&from).unwrap();
    let mut demand: BTreeMap<&str, i64> = BTreeMap::new();
    for line in data.orders.iter().flat_map(|o| &o.lines) {
        *demand.entry(&line.sku).or_default() += line.quantity;
    }
    let third = demand.iter().step_by(3);
    let mut left: BTreeMap<&str, i64> = third.map(|(sku, units)| (*sku, units / 2)).collect();
    let mut text = String::from("erp_code,sku,quantity\n");
    for row in &data.stock {
        let mut units = row.quantity;
        if let Some(left) = left.get_mut(row.sku.as_str()) {
            units = units.min(*left);
            *left -= units;
        }
        text += &format!("{},{},{units}\n", row.erp_code, row.sku);
    }
    std::fs::write(to.join("stock.csv"), text).unwrap();
}

/// Number, location and contents of every package, by number.
pub fn packages(database: &Database) -> Vec<String> {
    let sql = "SELECT p.number || ' at ' || l.erp_code || ' in ' || p.state || ': ' || t.line || ' ' || c.sku || ' x ' || i.quantity \
               FROM packages p JOIN locations l ON l.id = p.location_id JOIN package_items i ON i.package_id = p.id \
               JOIN order_items t ON t.id = i.order_item_id JOIN products c ON c.id = i.product_id ORDER BY p.number, t.line";
    query(database, sql)
}

/// The texts a query gives.
pub fn query(database: &Database, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&database.url, Options::default()).await.unwrap();
        let rows = store.read().await.unwrap().fetch(sql, vec![]).await.unwrap();
        let texts = rows.iter().map(|r| r.cols().text().unwrap()).collect();
        store.close().await;
        texts
    })
}
