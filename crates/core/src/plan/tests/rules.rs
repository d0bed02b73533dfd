//! The worked examples of docs/scenarios.md, each planned as it is written there. Every kind of rule part
//! must have one.

use std::collections::BTreeMap;

use super::*;
use crate::queries::FIELDS;
use crate::scenarios::{Filter, LocationFlag, ProductMode, SortBy};

const GUIDE: &str = include_str!("../../../../../docs/scenarios.md");

/// Location, SKU, channel (`null`: any), units.
type Kept = (Option<String>, Option<String>, Option<String>, i64);

/// An example as the guide has it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    locations: Vec<Place>,
    order: Order,
    rules: serde_json::Value,
    #[serde(default)]
    transfer_rules: Option<serde_json::Value>,
    /// From, to, metres.
    #[serde(default)]
    lanes: Vec<(String, String, i64)>,
    #[serde(default)]
    safety: Vec<Kept>,
    #[serde(default)]
    initial_status: Option<i64>,
    /// `L1: A 2, B 1`, with `(A 1 from L2)` behind it where a transfer brings some; `out of stock: A 1`.
    plan: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Place {
    code: String,
    #[serde(default)]
    metres: Option<i64>,
    #[serde(default)]
    stock: BTreeMap<String, i64>,
    /// Whatever else the snapshot may say of a location.
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    lines: Vec<Line>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    area: Area,
    #[serde(default)]
    fields: Facts,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: String,
    units: i64,
    #[serde(default)]
    price: Option<i64>,
    #[serde(default)]
    fields: Facts,
}

fn product(sku: &str) -> ProductId {
    ProductId(i64::from(sku.as_bytes()[0]))
}

fn sku(product: ProductId) -> char {
    char::from(product.0 as u8)
}

fn world_of(example: &Example) -> Snapshot {
    let place =
        |code: &str| example.locations.iter().position(|l| l.code == code).expect("a code of the example");
    let snap = |(i, l): (usize, &Place)| {
        let mut snap =
            serde_json::to_value(LocationSnap { erp_code: l.code.clone(), ..location(i) }).expect("json");
        snap.as_object_mut().expect("an object").insert("kind".into(), json!("store"));
        for (key, value) in &l.more {
            let known = LocationSnap {
                priority: 1,
                open_packages: 1,
                max_quota: Some(1),
                flags: vec![LocationFlag::Shipper],
                tags: vec!["t".into()],
                area: Area { city: Some(1), ..Area::default() },
                packaging_minutes: Some(1),
                exit_minutes: Some(1),
                is_closed: true,
                minutes_to_cut_off: Some(1),
                engine: Some(1),
                ..location(0)
            };
            assert!(
                serde_json::to_value(known).expect("json").get(key).is_some(),
                "{key} says nothing of a location"
            );
            snap[key] = value.clone();
        }
        serde_json::from_value::<LocationSnap>(snap).expect("a location")
    };
    let first = &example.locations[0].code;
    let scenario = |family, rules: &serde_json::Value| {
        let mut body = json!({"name": "Example", "rules": rules});
        if family == Family::Distribution {
            body["default_stock_location"] = json!(first);
            body["initial_status"] = json!(example.initial_status);
        }
        let scenario = Scenario::read(&body, family).unwrap_or_else(|r| panic!("{}: {}", r.field, r.message));
        ScenarioSnap { id: ScenarioId(1), version: 1, scenario }
    };
    let line = |(i, l): (usize, &Line)| LineSnap {
        id: LineId(i as i64),
        product: product(&l.sku),
        units: l.units,
        price_minor: l.price,
        facts: l.fields.clone().into_iter().chain([("line.sku".to_owned(), json!(l.sku))]).collect(),
    };
    let stock = example.locations.iter().enumerate().flat_map(|(location, l)| {
        l.stock.iter().map(move |(sku, n)| StockSnap {
            product: product(sku),
            location,
            available: *n,
            reserved: 0,
        })
    });
    Snapshot {
        v: snapshot::FORMAT,
        geo: true,
        locations: example.locations.iter().enumerate().map(snap).collect(),
        stock: stock.collect(),
        safety: example
            .safety
            .iter()
            .map(|(l, s, c, units)| SafetySnap {
                location: l.as_deref().map(place),
                product: s.as_deref().map(product),
                channel: c.clone(),
                units: *units,
            })
            .collect(),
        engines_down: vec![],
        unsaid: vec![],
        scenarios: vec![scenario(Family::Distribution, &example.rules)],
        transfers: example.transfer_rules.iter().map(|r| scenario(Family::Transfer, r)).collect(),
        lanes: example
            .lanes
            .iter()
            .map(|(from, to, metres)| LaneSnap { from: place(from), to: place(to), metres: *metres })
            .collect(),
        orders: vec![OrderSnap {
            traits: OrderTraits { channel: example.order.channel.clone(), ..OrderTraits::default() },
            facts: example.order.fields.clone(),
            area: example.order.area,
            lines: example.order.lines.iter().enumerate().map(line).collect(),
            distances_m: example.locations.iter().map(|l| l.metres).collect(),
            ..order(1, &[], &[])
        }],
    }
    .canonical()
}

fn told(s: &Snapshot, package: &PlannedPackage) -> String {
    let code = |id: LocationId| &s.locations.iter().find(|l| l.id == id).expect("known").erp_code;
    let items = |items: &[(LineId, i64)]| {
        let of = |id: LineId| s.orders[0].lines.iter().find(|l| l.id == id).expect("its line").product;
        let list: Vec<_> = items.iter().map(|&(line, n)| format!("{} {n}", sku(of(line)))).collect();
        list.join(", ")
    };
    if !package.has_stock() {
        return format!("out of stock: {}", items(&package.items));
    }
    let brought = package.transfers.iter().map(|t| format!(" ({} from {})", items(&t.items), code(t.from)));
    let state = if package.state == 150 { " as 150" } else { "" };
    format!("{}{state}: {}{}", code(package.location), items(&package.items), brought.collect::<String>())
}

fn examples() -> Vec<(String, Example)> {
    let mut all = Vec::new();
    let mut heading = String::new();
    let mut block: Option<String> = None;
    for line in GUIDE.lines() {
        match (&mut block, line) {
            (None, "```json example") => block = Some(String::new()),
            (None, line) if line.starts_with('#') => heading = line.trim_start_matches('#').trim().to_owned(),
            (Some(text), "```") => {
                let example = serde_json::from_str(text).unwrap_or_else(|e| panic!("{heading}: {e}"));
                all.push((heading.clone(), example));
                block = None;
            }
            (Some(text), line) => *text += line,
            _ => {}
        }
    }
    all
}

#[test]
fn every_worked_example_of_the_guide_plans_as_it_says() {
    let examples = examples();
    assert!(examples.len() > 20, "the guide's examples are not found");
    for (heading, example) in &examples {
        let s = world_of(example);
        let decisions = plan(&s);
        let got: Vec<_> = planned(&decisions[0]).packages.iter().map(|p| told(&s, p)).collect();
        assert_eq!(got, example.plan, "{heading}");
    }
}

#[test]
fn every_kind_of_rule_part_has_a_worked_example() {
    let rules: Vec<_> = examples()
        .iter()
        .flat_map(|(_, e)| {
            let s = world_of(e);
            let chain = |list: &[ScenarioSnap]| {
                list.iter().flat_map(|s| s.scenario.rules.clone()).collect::<Vec<_>>()
            };
            [chain(&s.scenarios), chain(&s.transfers)].concat()
        })
        .collect();
    let filters: Vec<&str> = rules.iter().flat_map(|r| &r.filters).map(Filter::word).collect();
    for word in [
        "locations",
        "except_locations",
        "location_type",
        "same_area",
        "SELECT_BY_QUOTA",
        "tags",
        "flags",
        "max_distance",
        "open",
        "before_cut_off",
        "packaging_time",
        "exit_time",
    ] {
        assert!(filters.contains(&word), "no example of the filter {word}");
    }
    for by in [
        SortBy::Distance,
        SortBy::Priority,
        SortBy::Stock,
        SortBy::Coverage,
        SortBy::Density,
        SortBy::PackagingTime,
        SortBy::ExitTime,
    ] {
        assert!(rules.iter().flat_map(|r| &r.sort).any(|s| s.by == by), "no example of the sort {by:?}");
    }
    for mode in [ProductMode::AllFromOne, ProductMode::WholeLines, ProductMode::Units] {
        assert!(rules.iter().any(|r| r.products == mode), "no example of {mode:?}");
    }
    let has = |keeps: fn(&crate::scenarios::Rule) -> bool| rules.iter().any(keeps);
    assert!(has(|r| r.when.is_some()) && has(|r| r.transferable) && has(|r| r.max_packages.is_some()));
    assert!(has(|r| r.keep_together.is_some()) && has(|r| r.min_units_per_extra_package.is_some()));
    assert!(has(|r| r.min_value_per_extra_package.is_some()) && has(|r| r.sort.len() > 1));
    for field in FIELDS {
        assert!(
            GUIDE.contains(&format!("`{}", field.name)),
            "the guide does not name the field {}",
            field.name
        );
    }
}
