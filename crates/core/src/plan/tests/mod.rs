mod counterfactuals;
mod rules;
mod worlds;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ids::{OrderId, ProductId};
use crate::locations::LocationKind;
use crate::queries::Facts;
use crate::scenarios::{Family, LocationFlag, OrderTraits, Scenario};

fn scenario(rules: serde_json::Value, initial: Option<i64>) -> ScenarioSnap {
    let body =
        json!({"name": "s", "default_stock_location": "L0", "initial_status": initial, "rules": rules});
    ScenarioSnap {
        id: ScenarioId(1),
        version: 1,
        scenario: Scenario::from_json(&body).expect("valid scenario"),
    }
}

fn demo_rules() -> serde_json::Value {
    json!([
        {"name": "one", "products": "all_from_one", "sort": [{"by": "distance"}, {"by": "priority"}]},
        {"name": "any", "products": "units", "sort": [{"by": "distance"}]}
    ])
}

fn location(i: usize) -> LocationSnap {
    LocationSnap {
        id: LocationId(100 + i as i64),
        erp_code: format!("L{i}"),
        kind: if i.is_multiple_of(3) { LocationKind::Warehouse } else { LocationKind::Store },
        is_active: true,
        is_fulfillment_center: true,
        priority: 0,
        open_packages: 0,
        max_quota: None,
        flags: vec![LocationFlag::DeliveryLocation],
        tags: vec![],
        area: Area::default(),
        packaging_minutes: None,
        exit_minutes: None,
        is_closed: false,
        minutes_to_cut_off: None,
        engine: None,
    }
}

fn order(id: i64, lines: &[(i64, i64)], distances: &[i64]) -> OrderSnap {
    OrderSnap {
        id: OrderId(id),
        traits: OrderTraits::default(),
        facts: Facts::new(),
        area: Area::default(),
        lines: lines
            .iter()
            .enumerate()
            .map(|(i, &(product, units))| LineSnap {
                id: LineId(id * 1000 + i as i64),
                product: ProductId(product),
                units,
                price_minor: None,
                facts: Facts::new(),
            })
            .collect(),
        distances_m: distances.iter().map(|&d| Some(d)).collect(),
        replaces: None,
        packages: 0,
        excluded: vec![],
        excluded_sources: vec![],
        bring_to: None,
    }
}

fn snapshot(
    rules: serde_json::Value,
    stock: &[(i64, usize, i64)],
    orders: Vec<OrderSnap>,
    n: usize,
) -> Snapshot {
    let mut stock: Vec<_> = stock
        .iter()
        .map(|&(p, location, available)| StockSnap {
            product: ProductId(p),
            location,
            available,
            reserved: 0,
        })
        .collect();
    stock.sort_by_key(|s| (s.product, s.location));
    Snapshot {
        v: snapshot::FORMAT,
        geo: true,
        safety: vec![],
        engines_down: vec![],
        unsaid: vec![],
        transfers: vec![],
        lanes: vec![],
        locations: (0..n).map(location).collect(),
        stock,
        scenarios: vec![scenario(rules, Some(150))],
        orders,
    }
}

fn planned(decision: &Decision) -> &Planned {
    match decision {
        Decision::Planned(p) => p,
        Decision::Waits(r) => panic!("waits: {r:?}"),
    }
}

#[test]
fn one_location_with_everything_beats_a_nearer_one_without() {
    let orders = vec![order(1, &[(1, 1), (2, 2)], &[10, 20, 5])];
    let s = snapshot(
        demo_rules(),
        &[(1, 0, 1), (2, 0, 2), (1, 1, 9), (2, 1, 9), (1, 2, 5), (2, 2, 1)],
        orders,
        3,
    );
    let decisions = plan(&s);
    let p = planned(&decisions[0]);
    assert_eq!(p.packages.len(), 1);
    assert_eq!(p.packages[0].location, LocationId(100));
    assert_eq!(p.packages[0].state, packages::WAITING);
    let attempt = &p.attempts[0];
    assert_eq!(
        attempt.removed[0],
        Removed { location: LocationId(102), by: "stock".into(), have: Some(2), need: Some(3) }
    );
    assert_eq!(attempt.ranked.iter().map(|r| r.location.0).collect::<Vec<_>>(), [100, 101]);
}

#[test]
fn what_no_place_has_becomes_an_out_of_stock_package_at_the_default_location() {
    let orders = vec![order(1, &[(1, 3), (2, 1)], &[10, 20])];
    let s = snapshot(demo_rules(), &[(1, 0, 1), (1, 1, 1)], orders, 2);
    let decisions = plan(&s);
    let p = planned(&decisions[0]);
    let shape: Vec<_> = p.packages.iter().map(|p| (p.location.0, p.state, p.items.clone())).collect();
    assert_eq!(
        shape,
        [
            (100, 150, vec![(LineId(1000), 1)]),
            (101, 150, vec![(LineId(1000), 1)]),
            (100, packages::OUT_OF_STOCK, vec![(LineId(1000), 1), (LineId(1001), 1)]),
        ]
    );
}

#[test]
fn a_single_package_with_stock_starts_waiting_even_beside_an_out_of_stock_one() {
    let orders = vec![order(1, &[(1, 2)], &[10, 20])];
    let s = snapshot(demo_rules(), &[(1, 0, 1)], orders, 2);
    let decisions = plan(&s);
    assert_eq!(planned(&decisions[0]).packages.iter().map(|p| p.state).collect::<Vec<_>>(), [100, 920]);
}

#[test]
fn a_whole_line_is_never_divided() {
    let rules = json!([{"name": "lines", "products": "whole_lines", "sort": [{"by": "distance"}]}]);
    let orders = vec![order(1, &[(1, 3), (2, 1)], &[10, 20])];
    let s = snapshot(rules, &[(1, 0, 2), (1, 1, 3), (2, 0, 1)], orders, 2);
    let decisions = plan(&s);
    let shape: Vec<_> =
        planned(&decisions[0]).packages.iter().map(|p| (p.location.0, p.items.clone())).collect();
    assert_eq!(shape, [(100, vec![(LineId(1001), 1)]), (101, vec![(LineId(1000), 3)])]);
}

#[test]
fn filters_and_sorts_combine_in_order() {
    let rules = json!([{"name": "r", "products": "units",
        "filters": [{"type": "location_type", "value": "store"}, {"type": "except_locations", "erp_codes": ["L1"]}],
        "sort": [{"by": "priority", "order": "desc"}, {"by": "stock", "order": "desc"}, {"by": "density"}]}]);
    let mut s = snapshot(
        rules,
        &[(1, 0, 9), (1, 1, 9), (1, 2, 5), (1, 4, 7), (1, 5, 7)],
        vec![order(1, &[(1, 8)], &[])],
        6,
    );
    s.locations[2].priority = 1;
    s.locations[4].open_packages = 3;
    let decisions = plan(&s);
    let p = planned(&decisions[0]);
    let ranked: Vec<_> = p.attempts[0].ranked.iter().map(|r| (r.location.0, r.keys.clone())).collect();
    assert_eq!(
        ranked,
        [
            (102, vec![Some(1), Some(5), Some(0)]),
            (105, vec![Some(0), Some(7), Some(0)]),
            (104, vec![Some(0), Some(7), Some(3)])
        ]
    );
    let by: Vec<_> = p.attempts[0].removed.iter().map(|r| r.by.as_str()).collect();
    assert_eq!(by, ["location_type", "except_locations", "location_type"]);
}

#[test]
fn no_scenario_and_no_default_location_wait_with_a_reason() {
    let mut s = snapshot(demo_rules(), &[(1, 0, 1)], vec![order(1, &[(1, 1)], &[1])], 1);
    s.scenarios[0].scenario.default_stock_location = "gone".into();
    assert_eq!(plan(&s), [Decision::Waits(WaitReason::NoDefaultLocation { erp_code: "gone".into() })]);
    s.scenarios[0].scenario.is_active = false;
    assert_eq!(plan(&s), [Decision::Waits(WaitReason::NoScenario)]);
}

fn any_batch() -> impl Strategy<Value = Snapshot> {
    let locations = 1..6usize;
    locations.prop_flat_map(|n| {
        let stock = prop::collection::btree_map((0..5i64, 0..n), 1..6i64, 0..20);
        let line = (0..5i64, 1..5i64);
        let orders = prop::collection::vec(
            (prop::collection::vec(line, 1..6), prop::collection::vec(0..50i64, n)),
            1..8,
        );
        let mode = prop::sample::select(vec!["all_from_one", "whole_lines", "units"]);
        (stock, orders, mode).prop_map(move |(stock, orders, first)| {
            let rules = json!([
                {"name": "first", "products": first, "sort": [{"by": "density"}, {"by": "distance"}]},
                {"name": "any", "products": "units", "sort": [{"by": "distance"}]}
            ]);
            let stock: Vec<_> = stock.into_iter().map(|((p, l), a)| (p, l, a)).collect();
            let orders = orders
                .into_iter()
                .enumerate()
                .map(|(i, (lines, d))| order(i as i64 + 1, &lines, &d))
                .collect();
            snapshot(rules, &stock, orders, n)
        })
    })
}

proptest! {
    #[test]
    fn every_unit_is_placed_once_nothing_is_oversold_and_scarcity_is_real(s in any_batch()) {
        let decisions = plan(&s);
        let mut left: std::collections::BTreeMap<_, i64> =
            s.stock.iter().map(|r| ((r.product, s.locations[r.location].id), r.available)).collect();
        for (order, decision) in s.orders.iter().zip(&decisions) {
            let p = planned(decision);
            let mut short = Vec::new();
            for line in &order.lines {
                let placed: i64 = p.packages.iter().flat_map(|k| &k.items).filter(|(l, _)| *l == line.id).map(|(_, n)| n).sum();
                prop_assert_eq!(placed, line.units);
            }
            for package in &p.packages {
                for &(line, units) in &package.items {
                    prop_assert!(units > 0);
                    let product = order.lines.iter().find(|l| l.id == line).expect("a line of the order").product;
                    if package.has_stock() {
                        let row = left.get_mut(&(product, package.location)).expect("taken only where there is stock");
                        *row -= units;
                        prop_assert!(*row >= 0);
                    } else {
                        short.push(product);
                    }
                }
            }
            for product in short {
                prop_assert!(left.iter().all(|((p, _), n)| *p != product || *n == 0), "short although a unit is free");
            }
            let mut places: Vec<_> = p.packages.iter().filter(|k| k.has_stock()).map(|k| k.location).collect();
            places.dedup();
            prop_assert_eq!(places.len(), p.packages.iter().filter(|k| k.has_stock()).count());
        }
    }

    #[test]
    fn batches_do_not_change_plans_and_plans_repeat_to_the_byte(s in any_batch(), cut in 0..8usize) {
        let whole = plan(&s);
        prop_assert_eq!(serde_json::to_vec(&whole).unwrap(), serde_json::to_vec(&plan(&s)).unwrap());
        let cut = cut.min(s.orders.len());
        let mut first = s.clone();
        first.orders.truncate(cut);
        let mut second = s.clone();
        second.orders.drain(..cut);
        let mut decisions = plan(&first);
        for (order, decision) in first.orders.iter().zip(&decisions) {
            for package in planned(decision).packages.iter().filter(|k| k.has_stock()) {
                let place = s.locations.iter().position(|l| l.id == package.location).expect("known");
                second.locations[place].open_packages += 1;
                for &(line, units) in &package.items {
                    let product = order.lines.iter().find(|l| l.id == line).expect("its line").product;
                    second.stock.iter_mut().find(|r| r.product == product && r.location == place).expect("had it").available -= units;
                }
            }
        }
        second.stock.retain(|r| r.available > 0);
        decisions.extend(plan(&second));
        prop_assert_eq!(decisions, whole);
    }
}

#[test]
fn values_beyond_all_bounds_are_enough_and_do_not_wrap() {
    let rules = json!([{"name": "one", "products": "units", "filters": [{"type": "locations", "erp_codes": ["L0"]}]},
        {"name": "dear", "products": "units", "min_value_per_extra_package": 10_000}]);
    let lines: Vec<(i64, i64)> = (1..=11).map(|product| (product, 1_000_000)).collect();
    let mut dear = order(1, &lines, &[]);
    dear.lines.iter_mut().for_each(|l| l.price_minor = Some(999_999_999_999));
    // The first line from L0; the other ten are worth more than an i64 holds.
    let stock: Vec<(i64, usize, i64)> =
        (1..=11).map(|product| (product, usize::from(product > 1), 1_000_000)).collect();
    let s = snapshot(rules, &stock, vec![dear], 2);
    let decisions = plan(&s);
    let places: Vec<_> =
        planned(&decisions[0]).packages.iter().map(|p| (p.location.0, p.items.len())).collect();
    assert_eq!(places, [(100, 1), (101, 10)]);
}
