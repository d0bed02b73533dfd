//! What must hold in any world: random ones, each from a seed. `OMS_WORLDS` says how many (10,000 unless
//! told), `OMS_SEED` where they begin.

use std::collections::BTreeMap;

use super::*;
use crate::plan::board::safety;
use crate::queries::{Query, Subject};
use crate::scenarios::{AreaLevel, Filter, LocationFlag, ProductMode, Rule, Sort, SortBy, SortOrder};

/// How many worlds, and the first one's seed.
pub fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let first = number("OMS_SEED").unwrap_or(1);
    first..first + number("OMS_WORLDS").unwrap_or(default)
}

/// SplitMix64: a small generator that gives the same world for a seed everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to n - 1.
    pub fn below(&mut self, n: i64) -> i64 {
        (self.next() % n as u64) as i64
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as i64) as usize].clone()
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i as i64 + 1) as usize);
        }
    }
}

const CHANNELS: [&str; 2] = ["web", "market"];

fn random_location(dice: &mut Dice, i: usize) -> LocationSnap {
    LocationSnap {
        is_active: !dice.one_in(10),
        is_fulfillment_center: !dice.one_in(10),
        priority: dice.below(3),
        open_packages: dice.below(3),
        max_quota: (!dice.one_in(4)).then(|| dice.below(5)),
        flags: LocationFlag::ALL.into_iter().filter(|_| dice.one_in(2)).collect(),
        tags: ["fast", "big"].into_iter().filter(|_| dice.one_in(2)).map(str::to_owned).collect(),
        area: random_area(dice),
        packaging_minutes: dice.one_in(2).then(|| dice.below(60)),
        exit_minutes: dice.one_in(2).then(|| dice.below(60)),
        is_closed: dice.one_in(5),
        minutes_to_cut_off: (!dice.one_in(4)).then(|| dice.below(60) - 10),
        engine: dice.one_in(5).then_some(7),
        ..location(i)
    }
}

fn random_area(dice: &mut Dice) -> Area {
    let mut id = |n| (!dice.one_in(6)).then(|| dice.below(n));
    Area { country: id(1), city: id(2), township: id(3), district: id(3) }
}

fn random_filter(dice: &mut Dice, locations: &[LocationSnap]) -> Filter {
    let mut codes = || (0..3).map(|_| dice.of(locations).erp_code).collect::<Vec<_>>();
    let erp_codes = codes();
    match dice.below(12) {
        0 => Filter::Locations { erp_codes },
        1 => Filter::ExceptLocations { erp_codes },
        2 => Filter::LocationType { value: dice.of(&[LocationKind::Store, LocationKind::Warehouse]) },
        3 => Filter::SameArea {
            level: dice.of(&[AreaLevel::Country, AreaLevel::City, AreaLevel::Township, AreaLevel::District]),
        },
        4 | 5 => Filter::SelectByQuota {},
        6 => Filter::Tags { any: vec![dice.of(&["fast", "big"]).to_owned()] },
        7 => Filter::Flags { all: vec![dice.of(&LocationFlag::ALL)] },
        8 => Filter::MaxDistance { metres: dice.below(60) },
        9 => Filter::Open {},
        10 => Filter::BeforeCutOff { minutes: dice.below(40) },
        _ => Filter::PackagingTime { max_minutes: dice.below(60) },
    }
}

fn random_rule(dice: &mut Dice, i: usize, locations: &[LocationSnap], family: Family) -> Rule {
    let all = [
        SortBy::Distance,
        SortBy::Priority,
        SortBy::Stock,
        SortBy::Coverage,
        SortBy::Density,
        SortBy::PackagingTime,
        SortBy::ExitTime,
    ];
    let filters = (0..dice.below(3)).map(|_| random_filter(dice, locations)).collect();
    let sort = (0..dice.below(3))
        .map(|_| Sort {
            by: dice.of(&all),
            order: dice.of(&[SortOrder::Asc, SortOrder::Asc, SortOrder::Desc]),
        })
        .collect();
    let packs = family == Family::Distribution;
    let mut limit = |n| (packs && dice.one_in(6)).then(|| 1 + dice.below(n));
    let (max_packages, min_units, min_value) = (limit(3), limit(4), limit(300));
    let when = json!({"field": "remaining.units", "op": "gt", "value": dice.below(5)});
    let when = (packs && dice.one_in(5)).then(|| serde_json::from_value::<Query>(when).expect("a query"));
    Rule {
        name: format!("rule {i}"),
        when,
        products: dice.of(&[ProductMode::AllFromOne, ProductMode::WholeLines, ProductMode::Units]),
        filters,
        sort,
        transferable: packs && dice.one_in(4),
        max_packages,
        keep_together: dice.one_in(4).then(|| "line.attributes.set".to_owned()),
        min_units_per_extra_package: min_units,
        min_value_per_extra_package: min_value,
    }
}

fn random_order(dice: &mut Dice, id: i64, locations: usize) -> OrderSnap {
    let lines: Vec<_> = (0..1 + dice.below(5)).map(|_| (dice.below(5), 1 + dice.below(4))).collect();
    let mut one = order(id, &lines, &[]);
    one.traits.channel = Some(dice.of(&CHANNELS).to_owned());
    one.area = random_area(dice);
    one.distances_m = (0..locations).map(|_| (!dice.one_in(8)).then(|| dice.below(60))).collect();
    one.packages = if dice.one_in(4) { dice.below(3) } else { 0 };
    one.excluded = (0..locations).filter(|_| dice.one_in(12)).collect();
    one.excluded_sources = (0..locations).filter(|_| dice.one_in(12)).collect();
    for line in &mut one.lines {
        line.price_minor = (!dice.one_in(5)).then(|| dice.below(100));
        if dice.one_in(2) {
            line.facts.insert("line.attributes.set".to_owned(), dice.below(2).into());
        }
    }
    one
}

/// A small world in which everything that rules can say may be said.
pub fn world(seed: u64) -> Snapshot {
    let dice = &mut Dice::new(seed);
    let n = 1 + dice.below(7) as usize;
    let locations: Vec<_> = (0..n).map(|i| random_location(dice, i)).collect();
    let rules = |dice: &mut Dice, family| -> Vec<Rule> {
        (0..1 + dice.below(3) as usize).map(|i| random_rule(dice, i, &locations, family)).collect()
    };
    let mut chosen = scenario(demo_rules(), [None, Some(150)][dice.below(2) as usize]);
    chosen.scenario.rules = rules(dice, Family::Distribution);
    let mut transfers = chosen.clone();
    transfers.scenario.rules = rules(dice, Family::Transfer);
    let mut stock = BTreeMap::new();
    for _ in 0..dice.below(24) {
        stock.insert((dice.below(5), dice.below(n as i64) as usize), 1 + dice.below(6));
    }
    let safety = (0..if dice.one_in(2) { 0 } else { dice.below(4) }).map(|_| SafetySnap {
        product: dice.one_in(2).then(|| ProductId(dice.below(5))),
        location: dice.one_in(2).then(|| dice.below(n as i64) as usize),
        channel: dice.one_in(2).then(|| dice.of(&CHANNELS).to_owned()),
        units: dice.below(3),
    });
    // One row a triple, as in the database.
    let safety: BTreeMap<_, _> = safety.map(|s| ((s.product, s.location, s.channel.clone()), s)).collect();
    let safety = safety.into_values().collect();
    let orders = (0..1 + dice.below(5)).map(|i| random_order(dice, i + 1, n)).collect();
    let lanes = (0..n).flat_map(|to| (0..n).map(move |from| (to, from))).filter(|(a, b)| a != b);
    let lanes = lanes.filter(|_| !dice.one_in(5)).map(|(to, from)| LaneSnap {
        to,
        from,
        metres: (to * 7 + from * 3) as i64 % 11,
    });
    Snapshot {
        geo: true,
        lanes: lanes.collect(),
        safety,
        engines_down: if dice.one_in(8) { vec![EngineSnap { id: 7, allow_partial: true }] } else { vec![] },
        unsaid: if dice.one_in(4) {
            vec![UnsaidSnap { engine: 7, product: ProductId(dice.below(5)), allow_partial: true }]
        } else {
            vec![]
        },
        locations: locations.clone(),
        scenarios: vec![chosen],
        transfers: vec![transfers],
        orders,
        ..snapshot(
            demo_rules(),
            &stock.into_iter().map(|((p, l), n)| (p, l, n)).collect::<Vec<_>>(),
            vec![],
            n,
        )
    }
}

/// The filters told again, by somebody who reads the guide and not the code.
fn allowed(
    filter: &Filter,
    s: &Snapshot,
    order: &OrderSnap,
    place: usize,
    open: i64,
    has_package: bool,
) -> bool {
    let l = &s.locations[place];
    match filter {
        Filter::Locations { erp_codes } => erp_codes.contains(&l.erp_code),
        Filter::ExceptLocations { erp_codes } => !erp_codes.contains(&l.erp_code),
        Filter::LocationType { value } => l.kind == *value,
        Filter::SameArea { level } => {
            let (a, b) = match level {
                AreaLevel::Country => (l.area.country, order.area.country),
                AreaLevel::City => (l.area.city, order.area.city),
                AreaLevel::Township => (l.area.township, order.area.township),
                AreaLevel::District => (l.area.district, order.area.district),
            };
            matches!((a, b), (Some(a), Some(b)) if a == b)
        }
        Filter::SelectByQuota {} => has_package || l.max_quota.is_some_and(|most| open < most),
        Filter::Tags { any } => l.tags.iter().any(|t| any.contains(t)),
        Filter::Flags { all } => all.iter().all(|f| l.flags.contains(f)),
        Filter::MaxDistance { metres } => order.distances_m[place].is_some_and(|d| d <= *metres),
        Filter::Open {} => !l.is_closed,
        Filter::BeforeCutOff { minutes } => match l.minutes_to_cut_off {
            Some(left) => left >= *minutes,
            None => !l.is_closed,
        },
        Filter::PackagingTime { max_minutes } => l.packaging_minutes.is_some_and(|m| m <= *max_minutes),
        Filter::ExitTime { max_minutes } => l.exit_minutes.is_some_and(|m| m <= *max_minutes),
    }
}

/// Stock and load as the decisions leave them, told again.
struct Ledger {
    stock: BTreeMap<(ProductId, usize), i64>,
    open: Vec<i64>,
}

fn place_of(s: &Snapshot, id: LocationId) -> usize {
    s.locations.iter().position(|l| l.id == id).expect("a location of the snapshot")
}

fn check_attempts(s: &Snapshot, order: &OrderSnap, p: &Planned, ledger: &mut Ledger) {
    let rules = &s.scenarios[0].scenario.rules;
    let mut remaining: BTreeMap<LineId, i64> = order.lines.iter().map(|l| (l.id, l.units)).collect();
    let mut packages: Vec<usize> = Vec::new();
    for attempt in &p.attempts {
        let rule = &rules[attempt.index];
        let before = remaining.clone();
        let had = packages.clone();
        let left: i64 = before.values().sum();
        let held = rule.when.as_ref().is_none_or(|w| {
            let extra = Facts::from([("remaining.units".to_owned(), left.into())]);
            w.holds(&Subject { order: &order.facts, lines: vec![], units: vec![], extra })
        });
        assert_eq!(attempt.skipped, !held);
        if rule.products == ProductMode::AllFromOne && !attempt.chosen.is_empty() {
            assert_eq!(attempt.chosen.len(), 1);
            assert_eq!(attempt.chosen[0].lines.iter().map(|l| l.1).sum::<i64>(), left);
        }
        for chosen in &attempt.chosen {
            let place = place_of(s, chosen.location);
            let snap = &s.locations[place];
            assert!(snap.is_active && snap.is_fulfillment_center && !order.excluded.contains(&place));
            assert!(s.engines_down.iter().all(|e| snap.engine != Some(e.id)));
            let unsaid = |id| {
                s.unsaid.iter().any(|u| snap.engine == Some(u.engine) && u.product == line(order, id).product)
            };
            let brought = |id| {
                chosen.transfers.iter().flat_map(|t| &t.lines).filter(|l| l.0 == id).map(|l| l.1).sum::<i64>()
            };
            assert!(
                chosen.lines.iter().all(|&(id, n)| !unsaid(id) || n == brought(id)),
                "nobody said it is there"
            );
            for filter in &rule.filters {
                let open = ledger.open[place];
                assert!(
                    allowed(filter, s, order, place, open, had.contains(&place)),
                    "{filter:?} let {place} pass"
                );
            }
            let units: i64 = chosen.lines.iter().map(|l| l.1).sum();
            let value: i64 =
                chosen.lines.iter().map(|&(id, n)| line(order, id).price_minor.unwrap_or(0) * n).sum();
            if !packages.contains(&place) {
                let count = order.packages + packages.len() as i64;
                assert!(rule.max_packages.is_none_or(|most| count < most), "a package over max_packages");
                if count > 0 {
                    assert!(rule.min_units_per_extra_package.is_none_or(|least| units >= least));
                    assert!(rule.min_value_per_extra_package.is_none_or(|least| value >= least));
                }
                packages.push(place);
            }
            let mut own: BTreeMap<LineId, i64> = chosen.lines.iter().copied().collect();
            for transfer in &chosen.transfers {
                assert!(rule.transferable && snap.flags.contains(&LocationFlag::DeliveryLocation));
                assert_ne!(transfer.from, chosen.location);
                assert!(!order.excluded_sources.contains(&place_of(s, transfer.from)));
                for &(id, n) in &transfer.lines {
                    *own.get_mut(&id).expect("a transfer brings what is packed") -= n;
                    take(s, order, ledger, place_of(s, transfer.from), id, n);
                }
            }
            own.into_iter().for_each(|(id, n)| take(s, order, ledger, place, id, n));
            for &(id, n) in &chosen.lines {
                let left = remaining.get_mut(&id).expect("a line of the order");
                *left -= n;
                assert!(*left >= 0, "a unit was planned twice");
                let set = rule.keep_together.as_ref().and_then(|f| line(order, id).facts.get(f));
                if rule.products != ProductMode::Units || set.is_some() {
                    assert_eq!(n, before[&id], "a whole line was divided");
                }
                if let Some(set) = set {
                    let field = rule.keep_together.as_ref().expect("has a set");
                    for other in
                        order.lines.iter().filter(|l| l.facts.get(field) == Some(set) && before[&l.id] > 0)
                    {
                        assert!(chosen.lines.iter().any(|(id, _)| *id == other.id), "a set was divided");
                    }
                }
            }
        }
    }
    packages.iter().for_each(|&place| ledger.open[place] += 1);
}

fn line(order: &OrderSnap, id: LineId) -> &LineSnap {
    order.lines.iter().find(|l| l.id == id).expect("a line of the order")
}

fn take(s: &Snapshot, order: &OrderSnap, ledger: &mut Ledger, place: usize, id: LineId, units: i64) {
    if units == 0 {
        return;
    }
    let product = line(order, id).product;
    let left = ledger.stock.get_mut(&(product, place)).expect("taken only where there is stock");
    *left -= units;
    let kept = safety(&s.safety, product, place, order.traits.channel.as_deref());
    assert!(*left >= kept, "{product} at {place}: {left} left, {kept} to be kept");
}

fn check_packages(s: &Snapshot, order: &OrderSnap, p: &Planned) {
    for line in &order.lines {
        let placed = p.packages.iter().flat_map(|k| &k.items).filter(|(l, _)| *l == line.id);
        assert_eq!(placed.map(|(_, n)| n).sum::<i64>(), line.units, "a unit was dropped");
    }
    let stocked: Vec<_> = p.packages.iter().filter(|k| k.has_stock()).collect();
    let mut places: Vec<_> = stocked.iter().map(|k| k.location).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), stocked.len(), "two packages of one order at one location");
    let several = order.packages + stocked.len() as i64 > 1;
    let first = s.scenarios[0].scenario.initial_status.filter(|_| several).unwrap_or(100);
    for package in &p.packages {
        assert!(package.items.iter().all(|(_, n)| *n > 0));
        let expected = match (package.has_stock(), package.transfers.is_empty()) {
            (false, true) => (packages::OUT_OF_STOCK, None),
            (true, true) => (first, None),
            (true, false) => (packages::WAITING_FOR_TRANSFER, Some(first)),
            (false, false) => panic!("an Out of Stock package waits for a transfer"),
        };
        assert_eq!((package.state, package.released_to), expected);
        assert!(package.items.iter().all(|&(l, n)| package.brought(l) <= n));
    }
    let chosen: BTreeMap<(LocationId, LineId), i64> = p
        .attempts
        .iter()
        .flat_map(|a| &a.chosen)
        .flat_map(|c| c.lines.iter().map(|&(l, n)| ((c.location, l), n)))
        .fold(BTreeMap::new(), |mut sums, (key, n)| {
            *sums.entry(key).or_default() += n;
            sums
        });
    let packed: BTreeMap<_, _> =
        stocked.iter().flat_map(|k| k.items.iter().map(|&(l, n)| ((k.location, l), n))).collect();
    assert_eq!(chosen, packed, "the explanation tells of other packages than were made");
}

/// A rule that takes any unit from anywhere leaves none that is free.
fn check_completeness(s: &Snapshot, order: &OrderSnap, p: &Planned, ledger: &Ledger) {
    let takes_all = |r: &Rule| {
        r.products == ProductMode::Units
            && r.filters.is_empty()
            && r.when.is_none()
            && r.keep_together.is_none()
            && r.max_packages.is_none()
            && r.min_units_per_extra_package.is_none()
            && r.min_value_per_extra_package.is_none()
    };
    if !s.scenarios[0].scenario.rules.iter().any(takes_all) {
        return;
    }
    for &(id, _) in p.packages.iter().filter(|k| !k.has_stock()).flat_map(|k| &k.items) {
        let product = line(order, id).product;
        for (place, snap) in s.locations.iter().enumerate() {
            let kept = safety(&s.safety, product, place, order.traits.channel.as_deref());
            let free = ledger.stock.get(&(product, place)).copied().unwrap_or(0) - kept;
            let down = s.engines_down.iter().any(|e| snap.engine == Some(e.id))
                || s.unsaid.iter().any(|u| snap.engine == Some(u.engine) && u.product == product);
            let usable =
                snap.is_active && snap.is_fulfillment_center && !down && !order.excluded.contains(&place);
            assert!(!usable || free <= 0, "short although {place} has {free} of {product}");
        }
    }
}

fn shuffled(s: &Snapshot, dice: &mut Dice) -> Snapshot {
    let mut mixed = s.clone();
    let mut from: Vec<usize> = (0..s.locations.len()).collect();
    dice.shuffle(&mut from);
    let to = |old: usize| from.iter().position(|&f| f == old).expect("a permutation");
    mixed.locations = from.iter().map(|&i| s.locations[i].clone()).collect();
    mixed.locations.iter_mut().for_each(|l| dice.shuffle(&mut l.flags));
    mixed.stock.iter_mut().for_each(|r| r.location = to(r.location));
    mixed.lanes.iter_mut().for_each(|r| (r.to, r.from) = (to(r.to), to(r.from)));
    mixed.safety.iter_mut().for_each(|r| r.location = r.location.map(to));
    for order in &mut mixed.orders {
        order.distances_m = from.iter().map(|&i| order.distances_m[i]).collect();
        order.excluded.iter_mut().for_each(|l| *l = to(*l));
        order.excluded_sources.iter_mut().for_each(|l| *l = to(*l));
        dice.shuffle(&mut order.excluded);
    }
    dice.shuffle(&mut mixed.stock);
    dice.shuffle(&mut mixed.lanes);
    dice.shuffle(&mut mixed.safety);
    mixed
}

#[test]
fn in_any_world_stock_safety_quota_filters_and_limits_hold_and_no_unit_is_lost() {
    let (mut planned_units, mut brought, mut short) = (0, 0, 0);
    for seed in seeds(10_000) {
        let s = world(seed);
        let outcome = std::panic::catch_unwind(|| {
            let decisions = plan(&s);
            let stock = s.stock.iter().map(|r| ((r.product, r.location), r.available)).collect();
            let mut ledger = Ledger { stock, open: s.locations.iter().map(|l| l.open_packages).collect() };
            let mut sums = (0, 0, 0);
            for (order, decision) in s.orders.iter().zip(&decisions) {
                let p = planned(decision);
                check_attempts(&s, order, p, &mut ledger);
                check_packages(&s, order, p);
                check_completeness(&s, order, p, &ledger);
                for k in &p.packages {
                    let units: i64 = k.items.iter().map(|i| i.1).sum();
                    if k.has_stock() {
                        sums.0 += units
                    } else {
                        sums.2 += units
                    }
                    sums.1 += k.transfers.iter().flat_map(|t| &t.items).map(|i| i.1).sum::<i64>();
                }
            }
            let bytes = serde_json::to_vec(&decisions).expect("json");
            let kept: Snapshot =
                serde_json::from_slice(&serde_json::to_vec(&s).expect("json")).expect("json");
            assert_eq!(serde_json::to_vec(&plan(&kept)).expect("json"), bytes, "a replay differs");
            let mixed = shuffled(&s, &mut Dice::new(seed ^ 0xabcd));
            assert_eq!(mixed.clone().canonical(), s.clone().canonical());
            assert_eq!(
                serde_json::to_vec(&plan(&mixed.canonical())).expect("json"),
                bytes,
                "the order of rows shows"
            );
            sums
        });
        let sums = outcome.unwrap_or_else(|_| panic!("world {seed}: OMS_SEED={seed} OMS_WORLDS=1"));
        planned_units += sums.0;
        brought += sums.1;
        short += sums.2;
    }
    assert!(planned_units > 0 && short > 0, "worlds in which nothing happens prove nothing");
    println!("{planned_units} units planned, {brought} of them by transfer, {short} short");
}

/// Decisions that were made before `stock` counted the whole amount: snapshots of this file's worlds as they were then.
const FORMAT_2: &str = include_str!("format_2.jsonl");

#[test]
fn decisions_of_the_format_before_are_made_again_as_they_were() {
    let mut sorted_by_stock = 0;
    for line in FORMAT_2.lines() {
        let kept: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let s: Snapshot = serde_json::from_value(kept["snapshot"].clone()).expect("a snapshot");
        assert_eq!(s.v, 2);
        assert_eq!(serde_json::to_value(&s).expect("JSON"), kept["snapshot"], "world {}", kept["seed"]);
        assert_eq!(
            serde_json::to_value(plan(&s)).expect("JSON"),
            kept["decisions"],
            "world {}",
            kept["seed"]
        );
        let newer = Snapshot { v: snapshot::FORMAT, ..s.clone() };
        sorted_by_stock += usize::from(plan(&newer) != plan(&s));
    }
    assert!(sorted_by_stock > 0, "no decision would differ today: the file proves nothing");
}
