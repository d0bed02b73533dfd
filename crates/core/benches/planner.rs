//! The pure planner: one order on one snapshot, at 30 to 5,000 locations and 1 to 60 lines, with sorted
//! rules. `cargo bench -p oms-core --bench planner` prints the median and the 99th percentile a size.
//! Building the board of the order's stock is part of the time.

use std::hint::black_box;
use std::time::Instant;

use oms_core::ids::{LineId, LocationId, OrderId, ProductId, ScenarioId};
use oms_core::locations::LocationKind;
use oms_core::plan::{
    Area, LineSnap, LocationSnap, OrderSnap, ScenarioSnap, Snapshot, StockSnap, plan, snapshot,
};
use oms_core::queries::Facts;
use oms_core::scenarios::{OrderTraits, Scenario};
use serde_json::json;

/// The goal: p99 at 200 locations by 12 lines, in microseconds.
const GOAL_US: u128 = 1_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn scenario() -> ScenarioSnap {
    let body = json!({"name": "Bench", "default_stock_location": "L00000", "rules": [
        {"name": "All from one", "products": "all_from_one", "sort": [{"by": "distance"}, {"by": "priority"}]},
        {"name": "Stores with room", "products": "whole_lines", "filters": [{"type": "location_type", "value": "store"},
            {"type": "SELECT_BY_QUOTA"}], "sort": [{"by": "stock", "order": "desc"}, {"by": "density"}, {"by": "distance"}]},
        {"name": "Nearest first", "products": "units", "sort": [{"by": "distance"}]}]});
    ScenarioSnap {
        id: ScenarioId(1),
        version: 1,
        scenario: Scenario::from_json(&body).expect("a valid scenario"),
    }
}

/// An order of so many lines in a country of so many locations, a third of which have each product.
fn world(dice: &mut Dice, locations: usize, lines: usize) -> Snapshot {
    let location = |i: usize, dice: &mut Dice| LocationSnap {
        id: LocationId(i as i64 + 1),
        erp_code: format!("L{i:05}"),
        kind: if i.is_multiple_of(20) { LocationKind::Warehouse } else { LocationKind::Store },
        is_active: true,
        is_fulfillment_center: true,
        priority: dice.below(5) as i64,
        open_packages: dice.below(40) as i64,
        max_quota: Some(30),
        flags: vec![],
        tags: vec![],
        area: Area::default(),
        packaging_minutes: None,
        exit_minutes: None,
        is_closed: false,
        minutes_to_cut_off: None,
        engine: None,
    };
    let mut stock = Vec::new();
    for product in 0..lines as i64 {
        for location in (0..locations).filter(|_| dice.below(3) == 0).collect::<Vec<_>>() {
            let available = dice.below(4) as i64;
            stock.push(StockSnap { product: ProductId(product), location, available, reserved: 0 });
        }
    }
    let line = |i: usize, dice: &mut Dice| LineSnap {
        id: LineId(i as i64),
        product: ProductId(i as i64),
        units: 1 + dice.below(3) as i64,
        price_minor: None,
        facts: Facts::new(),
    };
    let order = OrderSnap {
        id: OrderId(1),
        traits: OrderTraits::default(),
        facts: Facts::new(),
        area: Area::default(),
        lines: (0..lines).map(|i| line(i, dice)).collect(),
        distances_m: (0..locations).map(|_| Some(dice.below(900_000) as i64)).collect(),
        replaces: None,
        packages: 0,
        excluded: vec![],
        excluded_sources: vec![],
        bring_to: None,
    };
    Snapshot {
        v: snapshot::FORMAT,
        geo: true,
        locations: (0..locations).map(|i| location(i, dice)).collect(),
        stock,
        safety: vec![],
        engines_down: vec![],
        unsaid: vec![],
        scenarios: vec![scenario()],
        transfers: vec![],
        lanes: vec![],
        orders: vec![order],
    }
}

fn main() {
    // `cargo test --benches` compiles and runs this: one round a size then.
    let quick = !std::env::args().any(|a| a == "--bench");
    println!("| locations | lines | median, µs | p99, µs |\n| --- | --- | --- | --- |");
    for locations in [30, 200, 1_000, 5_000] {
        for lines in [1, 3, 12, 60] {
            let rounds = if quick { 1 } else { (4_000_000 / (locations * lines)).clamp(100, 3_000) };
            let mut dice = Dice((locations * 100 + lines) as u64);
            let worlds: Vec<_> = (0..rounds.min(50)).map(|_| world(&mut dice, locations, lines)).collect();
            let mut times: Vec<u128> = (0..rounds)
                .map(|i| {
                    let world = &worlds[i % worlds.len()];
                    let began = Instant::now();
                    black_box(plan(black_box(world)));
                    began.elapsed().as_nanos() / 100
                })
                .collect();
            times.sort_unstable();
            let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
            let us = |tenths: u128| format!("{}.{}", tenths / 10, tenths % 10);
            println!("| {locations} | {lines} | {} | {} |", us(at(50)), us(at(99)));
            if (locations, lines) == (200, 12) && !quick && at(99) / 10 > GOAL_US {
                println!("200 locations by 12 lines: p99 is above {GOAL_US} µs");
            }
        }
    }
}
