//! Random commands from many clients against a simple model: what the model says is what the database has.
//!
//! A sequence is one order with its packages, driven by one client through random commands, legal and not;
//! now and then two clients race for one package. Many sequences run at once on the same few balances. The
//! model knows the state table by heart (decisions.md), and no more: what the planner chooses is read, held
//! against what must be true of it, and taken over.
//!
//! `OMS_SEQUENCES` says how many sequences run on each database, `OMS_SEED` where their seeds begin.

mod webhooks;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::support::assert_sound;
use oms_core::transitions::Definition;
use oms_testkit::Database;
use serde_json::Value;
use world::{World, carrier_refuses, label_comes_later};

/// Sequences on each database if nobody says otherwise: CI's share of 20,000.
const SEQUENCES: u64 = 700;
/// Sequences at once.
const CLIENTS: usize = 12;
/// Commands of a sequence, at most.
const STEPS: usize = 9;
const PLACES: usize = 4;
const SKUS: [&str; 3] = ["A", "B", "C"];

/// xorshift64*: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What a package in an effective state has of stock, by decisions.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    Reserved,
    Consumed,
    Nothing,
}

fn has(effective: i64) -> Has {
    match effective {
        100 | 150 | 300 => Has::Reserved,
        200 | 400 | 450 | 500 | 550 | 600 | 650 | 660 | 700 => Has::Consumed,
        900 | 910 | 920 | 1100 => Has::Nothing,
        other => panic!("{other} is no state with effects of its own"),
    }
}

fn has_slot(effective: i64) -> bool {
    matches!(effective, 100 | 150 | 200 | 300 | 400 | 450)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    id: i64,
    location: i64,
    state: i64,
    held: Option<i64>,
    /// Line and units, by item.
    items: BTreeMap<i64, (i64, i64)>,
}

impl Package {
    fn effective(&self) -> i64 {
        self.held.unwrap_or(self.state)
    }
}

/// An order and what the model knows of it.
#[derive(Debug, Clone)]
struct Model {
    order: i64,
    in_store: bool,
    /// SKU and units wanted, by line.
    lines: BTreeMap<i64, (&'static str, i64)>,
    packages: BTreeMap<i64, Package>,
    /// Packages that a carrier knows.
    shipped_by: BTreeSet<i64>,
    /// Line and location: it refused it.
    excluded: BTreeSet<(i64, i64)>,
    /// Units set apart: location, SKU.
    apart: BTreeMap<(i64, &'static str), i64>,
    /// Units gone for good.
    lost: BTreeMap<(i64, &'static str), i64>,
    /// Units that a location is asked to let go, by package.
    asked: BTreeMap<i64, Units>,
    /// What must be there as a new package: location, state, held state, units.
    rests: Vec<(i64, i64, Option<i64>, Units)>,
    /// What happened, for a failure's report.
    story: Vec<String>,
}

/// Reasons by their place in [`World::reasons`]: is it missing, is the location left out.
const REASONS: [(bool, bool); 3] = [(false, true), (true, true), (false, false)];

/// One command as it is sent.
#[derive(Debug, Clone)]
struct Move {
    package: i64,
    definition: Definition,
    input: Value,
    /// For refusals: which reason; for missing products: units by item.
    reason: usize,
    missing: BTreeMap<i64, i64>,
}

/// What the model says of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Done,
    Refused,
    /// Stock of others decides.
    Either,
}

/// Units by line.
type Units = BTreeMap<i64, i64>;

fn by_line<'i>(items: impl Iterator<Item = &'i (i64, i64)>) -> Units {
    let mut units = Units::new();
    items.for_each(|(line, n)| *units.entry(*line).or_default() += n);
    units.retain(|_, n| *n > 0);
    units
}

impl Model {
    fn says(&self, m: &Move) -> Says {
        let p = &self.packages[&m.package];
        let d = &m.definition;
        if d.from != p.state {
            return Says::Refused;
        }
        match d.code.as_str() {
            "SELF_SERVICE_DELIVERY" if !self.in_store => Says::Refused,
            "COMPLETE_PACKAGING_WITH_SHIPMENT" if carrier_refuses(p.id) => Says::Refused,
            "UPDATE_SHIPMENT_LABEL" if !self.shipped_by.contains(&p.id) => Says::Refused,
            "MANUAL_PLANNING" => Says::Either,
            _ => Says::Done,
        }
    }

    /// Applies a command that was done and in which no planner had a say.
    fn apply(&mut self, m: &Move) {
        let d = &m.definition;
        let p = self.packages.get_mut(&m.package).unwrap();
        match d.code.as_str() {
            "BLOCK_THE_PACKAGE" => {
                p.held = Some(p.state);
                p.state = 930;
            }
            "UNBLOCK_THE_PACKAGE" | "REFUSE_CANCELLATION" => p.state = p.held.take().unwrap(),
            "COMPLETE_PACKAGING_WITH_SHIPMENT" => {
                self.shipped_by.insert(p.id);
                p.state = if label_comes_later(p.id) { 450 } else { 500 };
            }
            _ => p.state = d.to,
        }
        if d.code == "REFUSE_CANCELLATION" {
            self.asked.remove(&m.package);
        }
    }

    fn fail(&self, what: String) -> ! {
        panic!("{what}\n{}\nmodel: {:#?}", self.story.join("\n"), self.packages)
    }

    /// Holds the database's packages against the model's, takes over those that are new, and returns them.
    fn adopt(&mut self, found: BTreeMap<i64, Package>, gone: &[i64]) -> Vec<Package> {
        for (id, ours) in &self.packages {
            if gone.contains(id) {
                continue;
            }
            if found.get(id) != Some(ours) {
                self.fail(format!("package {id} is {:?}, not {ours:?}", found.get(id)));
            }
        }
        let new: Vec<Package> =
            found.values().filter(|p| !self.packages.contains_key(&p.id)).cloned().collect();
        self.packages.extend(found);
        let live = self.packages.values().filter(|p| p.state != 900).flat_map(|p| p.items.values());
        let wanted = by_line(self.lines.iter().map(|(line, (_, n))| (*line, *n)).collect::<Vec<_>>().iter());
        let placed = by_line(live);
        if placed != wanted {
            self.fail(format!("wanted {wanted:?}, in live packages {placed:?}"));
        }
        new
    }

    /// What a planner made of units that a location gave up.
    fn check_planned(&self, new: &[Package], units: &Units) {
        let live: Vec<&Package> = new.iter().filter(|p| p.state != 900).collect();
        let placed = by_line(live.iter().flat_map(|p| p.items.values()));
        if &placed != units {
            self.fail(format!("{units:?} were given up and {placed:?} planned"));
        }
        for p in live {
            if !matches!(p.state, 100 | 920) || p.held.is_some() {
                self.fail(format!("a planned package is in state {}", p.state));
            }
            let refused = |line: &i64| self.excluded.contains(&(*line, p.location));
            if p.state == 100 && units.keys().any(refused) {
                self.fail(format!("location {} refused and was asked again", p.location));
            }
        }
    }

    fn set_apart(&mut self, place: i64, line: i64, units: i64) {
        *self.apart.entry((place, self.lines[&line].0)).or_default() += units;
    }
}

/// Where a cancellation takes units first; those that must be asked come last. By decisions.md and the guide.
fn rank(state: i64) -> Option<(i64, bool)> {
    match state {
        910 | 920 => Some((0, false)),
        100 | 150 | 300 => Some((1, false)),
        930 => Some((2, false)),
        200 | 400 => Some((3, false)),
        450 | 500 | 550 => Some((4, true)),
        800 => Some((5, true)),
        _ => None,
    }
}

async fn sequence(world: Arc<World>, mut model: Model, mut random: Random) -> Model {
    for _ in 0..1 + random.below(STEPS) {
        world.step(&mut model, &mut random).await;
        if !model.rests.is_empty() {
            world.take_rests(&mut model).await;
        }
    }
    model
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_commands_of_many_clients_do_what_the_model_says() {
    let sequences = from_environment("OMS_SEQUENCES").unwrap_or(SEQUENCES);
    let first = from_environment("OMS_SEED").unwrap_or(1);
    for database in Database::each() {
        let engine = database.engine();
        let world = Arc::new(World::open(database, sequences).await);
        let mut models = Vec::new();
        let seeds: Vec<u64> = (first..first + sequences).collect();
        for (round, group) in seeds.chunks(CLIENTS).enumerate() {
            if round.is_power_of_two() {
                // The throw-away PostgreSQL runs without the daemon that keeps statistics while tables grow.
                world.app().store.analyze().await.unwrap();
            }
            let mut begun = Vec::new();
            for &seed in group {
                let mut random = Random::new(seed);
                let model = world.order(seed, &mut random).await;
                begun.push((model, random));
            }
            crate::support::plan(world.app()).await;
            let mut clients = tokio::task::JoinSet::new();
            for (mut model, random) in begun {
                model.packages = world.packages(model.order).await;
                clients.spawn(sequence(world.clone(), model, random));
            }
            while let Some(done) = clients.join_next().await {
                models.push(done.unwrap_or_else(|e| panic!("on {engine}: {e}")));
            }
        }
        world.compare(&models, 4 * sequences as i64).await;
        assert_sound(world.app()).await;
        let mut ends: BTreeMap<i64, usize> = BTreeMap::new();
        models.iter().flat_map(|m| m.packages.values()).for_each(|p| *ends.entry(p.state).or_default() += 1);
        eprintln!("{engine}: {sequences} sequences from seed {first}; packages by state {ends:?}");
        assert!(sequences < 500 || ends.len() >= 13, "hardly any state was reached: {ends:?}");
    }
}
