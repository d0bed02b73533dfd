//! The input of a batch: read in one transaction, built into a snapshot, decided on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_core::calendars::{self, Calendar};
use oms_core::geo::{self, Point};
use oms_core::ids::{LineId, OrderId, PackageId, ProductId, ScenarioId};
use oms_core::plan::{
    Attempt, Decision, EngineSnap, LaneSnap, LineSnap, LocationSnap, OrderSnap, SafetySnap, ScenarioSnap,
    Snapshot, StockSnap, UnsaidSnap, WaitReason, snapshot,
};
use oms_core::queries::Facts;
use oms_core::scenarios::{Family, Filter, OrderTraits, Rule, SortBy};
use oms_store::Tx;
use oms_store::planning::plans::{
    self as store, BatchInput, Candidate, Decided, LineToPlan, OrderToPlan, Targets, Wait,
};
use oms_store::rules::scenarios;
use oms_store::stock::safety_stocks::{self, SafetyStock};
use oms_store::stock::stocks::{self, Place};
use oms_store::upkeep::jobs::Job;
use sha2::{Digest, Sha256};

use crate::places::geocode;
use crate::setup::settings;
use crate::stock::engines::{self, EngineState};
use crate::{App, Result};

/// zstd's fastest level: the snapshot is mostly distances.
const ZSTD_LEVEL: i32 = 1;
/// How many nearest sources of each location are known to transfer scenarios that look at distance.
const LANES: usize = 64;

/// Whether the stock read is also held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Nothing,
    Stock,
}

/// What a batch is decided on, before distances are measured.
pub(crate) struct Input {
    /// In the order of their jobs.
    pub(crate) orders: Vec<OrderToPlan>,
    candidates: Vec<Candidate>,
    available: BTreeMap<Place, stocks::Free>,
    scenarios: Vec<ScenarioSnap>,
    transfers: Vec<ScenarioSnap>,
    geo: bool,
    /// Stock engines that cannot be planned with, or not for some products.
    down: Vec<EngineState>,
    safety: Vec<SafetyStock>,
    /// Of the locations that have one, by id.
    calendars: HashMap<i64, Calendar>,
    now_us: i64,
    /// How often scenarios had changed when they were read.
    generation: i64,
}

impl Input {
    /// Puts other distribution scenarios in place of those that were read.
    pub(crate) fn set_scenarios(&mut self, scenarios: Vec<ScenarioSnap>) {
        self.scenarios = scenarios;
    }

    /// The distribution scenarios that were read.
    pub(crate) fn scenarios(&self) -> &[ScenarioSnap] {
        &self.scenarios
    }

    /// The locations, and whether distances and areas are known.
    pub(crate) fn places(&self) -> (Vec<LocationSnap>, bool) {
        (self.candidates.iter().map(|c| c.snap.clone()).collect(), self.geo)
    }

    /// How many locations there are.
    pub(crate) fn locations(&self) -> usize {
        self.candidates.len()
    }
}

/// Brings the readings of outside stock engines up to date for what these jobs ask for; no transaction
/// may be open. Returns how the engines are, none if there are none.
pub(crate) async fn ask_engines(app: &App, jobs: &[Job], anew: bool) -> Result<Vec<EngineState>> {
    if engines::none(app).await {
        return Ok(Vec::new());
    }
    let mut tx = app.store.read().await?;
    let ids: Vec<i64> = jobs.iter().map(|j| j.ref_id).collect();
    let products = store::products_asked(&mut tx, &ids, anew).await?;
    drop(tx);
    engines::refresh(app, &products).await
}

/// Asks the geocoder for addresses without coordinates that these jobs go to; no transaction may be open.
pub(crate) async fn ask_geocoder(app: &App, jobs: &[Job], anew: bool) -> Result<()> {
    let mut tx = app.store.read().await?;
    if !settings::geocodes(&mut tx).await? {
        return Ok(());
    }
    let ids: Vec<i64> = jobs.iter().map(|j| j.ref_id).collect();
    let addresses = store::addresses_asked(&mut tx, &ids, anew).await?;
    drop(tx);
    geocode::fill(app, &addresses).await
}

/// Reads what orders and packages are decided on. `anew`: the jobs name packages that are out of stock.
pub(crate) async fn read(
    tx: &mut Tx,
    jobs: &[Job],
    anew: bool,
    hold: Hold,
    engines: &[EngineState],
    now_us: i64,
) -> Result<Input> {
    let ids: Vec<i64> = jobs.iter().map(|j| j.ref_id).collect();
    let mut found = match anew {
        true => store::read_packages(tx, &ids).await?,
        false => store::read_orders(tx, &ids).await?,
    };
    let orders = ids.iter().filter_map(|id| found.remove(id)).collect();
    read_for(tx, orders, hold, engines, now_us).await
}

/// Reads what these orders are decided on. `engines`: as [`ask_engines`] found them.
pub(crate) async fn read_for(
    tx: &mut Tx,
    mut orders: Vec<OrderToPlan>,
    hold: Hold,
    engines: &[EngineState],
    now_us: i64,
) -> Result<Input> {
    let snap = |s: scenarios::Stored| ScenarioSnap {
        id: ScenarioId(s.id),
        version: s.version,
        scenario: s.scenario,
    };
    let generation = scenarios::generation(tx).await?;
    let mut active = scenarios::active(tx, Family::Distribution).await?;
    let transferable = active.iter().flat_map(|s| &s.scenario.rules).any(|r| r.transferable);
    let transfers = if transferable { scenarios::active(tx, Family::Transfer).await? } else { Vec::new() };
    let asks_lines = |s: &scenarios::Stored| s.scenario.fields().iter().any(|f| f.starts_with("line."));
    if active.iter().chain(&transfers).any(asks_lines) {
        store::read_line_facts(tx, &mut orders.iter_mut().collect::<Vec<_>>()).await?;
    }
    let products: BTreeSet<i64> = orders.iter().flat_map(|o| &o.lines).map(|l| l.product).collect();
    let products = Vec::from_iter(products);
    let mut candidates = store::read_candidates(tx).await?;
    place(tx, &mut orders, &mut candidates).await?;
    let available = match hold {
        Hold::Nothing => stocks::of_products(tx, &products).await?,
        Hold::Stock => {
            let held = stocks::lock_products(tx, &products).await?;
            if active.iter().flat_map(|s| &s.scenario.rules).any(Rule::by_quota) {
                store::lock_loads(tx, candidates.iter().map(|c| c.snap.id.0).collect::<BTreeSet<_>>())
                    .await?;
            }
            held
        }
    };
    Ok(Input {
        orders,
        available,
        scenarios: active.drain(..).map(snap).collect(),
        transfers: transfers.into_iter().map(snap).collect(),
        geo: settings::measures_distance(tx).await?,
        safety: safety_stocks::all_for(tx, &products).await?,
        calendars: calendars(&candidates)?,
        now_us,
        down: engines.iter().filter(|e| !e.usable || !e.unsaid.is_empty()).cloned().collect(),
        candidates,
        generation,
    })
}

fn calendars(candidates: &[Candidate]) -> Result<HashMap<i64, Calendar>> {
    let read = |c: &Candidate| {
        let calendar = Calendar::from_json(c.calendar.as_ref()?);
        Some(calendar.map(|calendar| (c.snap.id.0, calendar)))
    };
    Ok(candidates.iter().filter_map(read).collect::<Result<_, _>>()?)
}

/// Gives orders and locations whose address has no coordinates those of the geocoder, or of the town.
pub(crate) async fn place(
    tx: &mut Tx,
    orders: &mut [OrderToPlan],
    candidates: &mut [Candidate],
) -> Result<()> {
    let lost_orders = orders.iter().filter(|o| o.point.is_none()).filter_map(|o| o.address_id);
    let lost_places = candidates.iter().filter(|c| c.point.is_none()).filter_map(|c| c.address_id);
    let mut lost: Vec<i64> = lost_orders.chain(lost_places).collect();
    lost.sort_unstable();
    lost.dedup();
    let points = geocode::points(tx, &lost).await?;
    for order in orders.iter_mut().filter(|o| o.point.is_none()) {
        order.point = order.address_id.and_then(|a| points.get(&a).copied());
    }
    for candidate in candidates.iter_mut().filter(|c| c.point.is_none()) {
        candidate.point = candidate.address_id.and_then(|a| points.get(&a).copied());
    }
    Ok(())
}

/// A snapshot with everything needed to commit its decisions.
pub(crate) fn decide(input: Input) -> (Vec<Decided>, BatchInput) {
    let snapshot = build(&input);
    let mut decisions = oms_core::plan::plan(&snapshot);
    let bytes = serde_json::to_vec(&snapshot).expect("a snapshot is JSON");
    let result_hashes = decisions.iter().map(crate::planning::decisions::result_hash).collect();
    let attempts: Vec<Vec<Attempt>> =
        decisions.iter_mut().map(crate::planning::decisions::take_attempts).collect();
    let attempts = serde_json::to_vec(&attempts).expect("an explanation is JSON");
    let pack = |bytes: &[u8]| zstd::bulk::compress(bytes, ZSTD_LEVEL).expect("memory can be compressed");
    let batch = BatchInput {
        compressed: pack(&bytes),
        hash: Sha256::digest(&bytes).into(),
        attempts: pack(&attempts),
        result_hashes,
        scenarios_generation: input.generation,
    };
    let targets: Vec<_> = decisions.iter().map(|d| targets_of(&input, d)).collect();
    let decided = input.orders.into_iter().zip(decisions).zip(targets).enumerate();
    let decided = decided.map(|(ordinal, ((order, decision), targets))| Decided {
        safety: safety_of(&snapshot, ordinal, &decision),
        wait: wait_of(&decision, &input.down),
        targets,
        order,
        ordinal,
        decision,
    });
    (decided.collect(), batch)
}

/// How long an order waits for a stock engine, and what is said of it.
fn wait_of(decision: &Decision, down: &[EngineState]) -> Option<Wait> {
    let Decision::Waits(WaitReason::EngineDown { engine }) = decision else { return None };
    let state = down.iter().find(|e| e.id == *engine)?;
    let why = state.reason.as_deref().unwrap_or("It does not answer.");
    let text =
        format!("The order waits for the stock engine {}; nothing is planned on guesses. {why}", state.name);
    Some(Wait { text, until_us: state.next_try_us })
}

/// What an order must leave at the places it takes from.
fn safety_of(snapshot: &Snapshot, ordinal: usize, decision: &Decision) -> HashMap<Place, i64> {
    let Decision::Planned(plan) = decision else { return HashMap::new() };
    if snapshot.safety.is_empty() {
        return HashMap::new();
    }
    let order = &snapshot.orders[ordinal];
    let product: HashMap<LineId, ProductId> = order.lines.iter().map(|l| (l.id, l.product)).collect();
    let here: HashMap<_, _> = snapshot.locations.iter().enumerate().map(|(i, l)| (l.id, i)).collect();
    let own = plan
        .packages
        .iter()
        .filter(|p| p.has_stock())
        .flat_map(|p| p.items.iter().map(|i| (p.location, i.0)));
    let sent =
        plan.packages.iter().flat_map(|p| &p.transfers).flat_map(|t| t.items.iter().map(|i| (t.from, i.0)));
    let channel = order.traits.channel.as_deref();
    own.chain(sent)
        .map(|(location, line)| {
            let units = oms_core::plan::safety(&snapshot.safety, product[&line], here[&location], channel);
            ((product[&line].0, location.0), units)
        })
        .filter(|(_, units)| *units > 0)
        .collect()
}

/// Builds the snapshot of a batch.
pub(crate) fn build(input: &Input) -> Snapshot {
    let place: HashMap<i64, usize> =
        input.candidates.iter().enumerate().map(|(i, c)| (c.snap.id.0, i)).collect();
    let stock = input.available.iter().filter_map(|(&(product, location), free)| {
        let location = *place.get(&location)?;
        Some(StockSnap {
            product: ProductId(product),
            location,
            available: free.available,
            reserved: free.reserved,
        })
    });
    let rules = || input.scenarios.iter().flat_map(|s| &s.scenario.rules);
    let fields: BTreeSet<&str> =
        input.scenarios.iter().chain(&input.transfers).flat_map(|s| s.scenario.fields()).collect();
    let wanted = Wanted {
        distances: input.geo && rules().any(looks_at_distance),
        prices: rules().any(|r| r.min_value_per_extra_package.is_some()),
        areas: rules().flat_map(|r| &r.filters).any(|f| matches!(f, Filter::SameArea { .. })),
        fields,
    };
    let by_distance =
        input.transfers.iter().flat_map(|s: &ScenarioSnap| &s.scenario.rules).any(looks_at_distance);
    let snapshot = Snapshot {
        v: snapshot::FORMAT,
        geo: input.geo,
        locations: input.candidates.iter().map(|c| location_snap(c, input)).collect(),
        stock: stock.collect(),
        safety: input.safety.iter().filter_map(|s| safety_snap(s, &place)).collect(),
        engines_down: input
            .down
            .iter()
            .filter(|e| !e.usable)
            .map(|e| EngineSnap { id: e.id, allow_partial: e.allow_partial })
            .collect(),
        unsaid: input.down.iter().filter(|e| e.usable).flat_map(unsaid_snaps).collect(),
        scenarios: input.scenarios.clone(),
        transfers: input.transfers.clone(),
        lanes: if input.geo && by_distance { lanes(&input.candidates) } else { Vec::new() },
        orders: input.orders.iter().map(|o| wanted.order(o, &input.candidates, &place)).collect(),
    };
    snapshot.canonical()
}

fn unsaid_snaps(engine: &EngineState) -> impl Iterator<Item = UnsaidSnap> {
    let (engine_id, allow_partial) = (engine.id, engine.allow_partial);
    engine.unsaid.iter().map(move |&product| UnsaidSnap {
        engine: engine_id,
        product: ProductId(product),
        allow_partial,
    })
}

/// A location as it stands now: its calendar becomes open or closed, and minutes to the cut-off.
fn location_snap(candidate: &Candidate, input: &Input) -> LocationSnap {
    let mut snap = candidate.snap.clone();
    if let Some(calendar) = input.calendars.get(&snap.id.0) {
        let now = calendars::hours_at(calendar, input.now_us);
        snap.is_closed = !now.open;
        snap.minutes_to_cut_off = now.minutes_to_cut_off;
    }
    snap
}

pub(crate) fn safety_snap(s: &SafetyStock, place: &HashMap<i64, usize>) -> Option<SafetySnap> {
    Some(SafetySnap {
        product: s.product_id.map(ProductId),
        location: s.location_id.map(|l| place.get(&l).copied().ok_or(())).transpose().ok()?,
        channel: s.channel.map(|c| c.to_string()),
        units: s.units,
    })
}

/// When packages made now should be packed and gone, in the working time of each location.
fn targets_of(input: &Input, decision: &Decision) -> HashMap<i64, Targets> {
    let Decision::Planned(plan) = decision else { return HashMap::new() };
    let mut targets = HashMap::new();
    for package in plan.packages.iter().filter(|p| p.has_stock()) {
        let Some(candidate) = input.candidates.iter().find(|c| c.snap.id == package.location) else {
            continue;
        };
        let calendar = input.calendars.get(&package.location.0);
        let after =
            |minutes: Option<i64>| Some(calendars::add_working_minutes(calendar, input.now_us, minutes?));
        let (packaging_us, exit_us) =
            (after(candidate.snap.packaging_minutes), after(candidate.snap.exit_minutes));
        if packaging_us.is_some() || exit_us.is_some() {
            targets.insert(package.location.0, Targets { packaging_us, exit_us });
        }
    }
    targets
}

fn looks_at_distance(rule: &Rule) -> bool {
    rule.sort.iter().any(|s| s.by == SortBy::Distance)
        || rule.filters.iter().any(|f| matches!(f, Filter::MaxDistance { .. }))
}

/// What the scenarios look at: nothing else goes into the snapshot.
struct Wanted<'a> {
    distances: bool,
    prices: bool,
    areas: bool,
    fields: BTreeSet<&'a str>,
}

impl Wanted<'_> {
    fn facts(&self, all: &Facts) -> Facts {
        all.iter()
            .filter(|(name, _)| self.fields.contains(name.as_str()))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect()
    }

    fn order(&self, o: &OrderToPlan, candidates: &[Candidate], place: &HashMap<i64, usize>) -> OrderSnap {
        let line = |l: &LineToPlan| LineSnap {
            id: LineId(l.id),
            product: ProductId(l.product),
            units: l.units,
            price_minor: l.price_minor.filter(|_| self.prices),
            facts: self.facts(&l.facts),
        };
        OrderSnap {
            id: OrderId(o.id),
            traits: OrderTraits {
                channel: Some(o.channel.to_string()),
                shipping: o.shipping_option.clone(),
                payment: o.payment_option.clone(),
                customer_type: o.customer_type.clone(),
            },
            facts: self.facts(&o.facts),
            area: if self.areas { o.area } else { Default::default() },
            lines: o.lines.iter().map(line).collect(),
            distances_m: if self.distances { distances(o.point, candidates) } else { Vec::new() },
            replaces: o.replaces.map(|r| PackageId(r.package)),
            packages: o.packages,
            excluded: o.excluded.iter().filter_map(|l| place.get(l).copied()).collect(),
            excluded_sources: o.excluded_sources.iter().filter_map(|l| place.get(l).copied()).collect(),
            bring_to: o.bring_to.and_then(|to| place.get(&to).copied()),
        }
    }
}

fn distances(point: Option<Point>, candidates: &[Candidate]) -> Vec<Option<i64>> {
    candidates.iter().map(|c| Some(geo::distance_m(point?, c.point?))).collect()
}

/// The ways to each location from its nearest others.
fn lanes(candidates: &[Candidate]) -> Vec<LaneSnap> {
    let known = || candidates.iter().enumerate().filter_map(|(i, c)| Some((i, c.point?)));
    let mut lanes = Vec::new();
    for (to, here) in known() {
        let mut nearest: Vec<LaneSnap> = known()
            .filter(|(from, _)| *from != to)
            .map(|(from, there)| LaneSnap { to, from, metres: geo::distance_m(there, here) })
            .collect();
        nearest.sort_unstable_by_key(|l| (l.metres, l.from));
        nearest.truncate(LANES);
        lanes.extend(nearest);
    }
    lanes
}
