//! The product that the model is held against: one shop, driven by commands and cancellations, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use oms_app::App;
use oms_app::orders::cancellations;
use oms_app::packages::commands::outside::{self, Far, FarError, Parcel, Told};
use oms_app::packages::commands::{self, Desk, Outcome, Request};
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_core::transitions::{Definition, default_flow};
use oms_store::args;
use oms_testkit::Database;
use serde_json::{Value, json};

use super::*;
use crate::support::shop::{Shop, refusal_text};

/// A carrier that does what the package's id says: a label, none yet, or a refusal.
struct Carrier;

pub(super) fn carrier_refuses(package: i64) -> bool {
    package % 3 == 0
}

pub(super) fn label_comes_later(package: i64) -> bool {
    package % 3 == 1
}

impl Far for Carrier {
    fn ask<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Told, FarError>> {
        Box::pin(async move {
            if !parcel.is_label_only && carrier_refuses(parcel.package_id) {
                return Err(FarError::Refused("no such address".into()));
            }
            let has_label = parcel.is_label_only || !label_comes_later(parcel.package_id);
            let label = has_label.then(|| "^XA^XZ".to_owned());
            Ok(Told { cargo_company: Some("demo".into()), label, ..Told::default() })
        })
    }

    fn find<'a>(&'a self, _: &'a Parcel) -> BoxFuture<'a, Result<Option<Told>, FarError>> {
        Box::pin(async { Ok(None) })
    }
}

pub(super) struct World {
    shop: Shop,
    desk: Arc<Desk>,
    flow: Vec<Definition>,
    reasons: [i64; 3],
    locations: Vec<(i64, String)>,
}

impl World {
    pub(super) async fn open(database: Database, sequences: u64) -> Self {
        let shop = Shop::open(database, PLACES).await;
        shop.rules(json!([{"name": "Nearest", "products": "units", "sort": [{"by": "distance"}]}])).await;
        // Enough that planners mostly find some, and not so much that none ever lacks.
        let units = 4 * sequences as i64;
        let rows: Vec<(String, &str)> =
            (0..PLACES).flat_map(|p| SKUS.map(|sku| (format!("L{p}"), sku))).collect();
        let rows: Vec<(&str, &str, i64)> = rows.iter().map(|(l, sku)| (l.as_str(), *sku, units)).collect();
        shop.stock(&rows).await;
        let mut reasons = [0; 3];
        for (slot, (is_missing, excludes)) in reasons.iter_mut().zip(REASONS) {
            let effect = if is_missing { "missing" } else { "none" };
            let title = format!("{effect} {excludes}");
            *slot = shop
                .denial_reason(json!({"title": title, "stock_effect": effect, "excludes_location": excludes}))
                .await;
        }
        shop.app.set_far(Arc::new(Carrier));
        let desk = Arc::new(commands::desk(shop.app.clone(), refusal_text));
        let rows = shop
            .app
            .store
            .read()
            .await
            .unwrap()
            .fetch("SELECT id, erp_code FROM locations ORDER BY id", vec![])
            .await;
        let read = |row: &oms_store::Row| {
            let mut c = row.cols();
            (c.i64().unwrap(), c.text().unwrap())
        };
        let locations = rows.unwrap().iter().map(read).collect();
        let flow =
            default_flow().into_iter().map(|(_, d)| d).filter(|d| d.entity == Entity::Package).collect();
        Self { shop, desk, flow, reasons, locations }
    }

    pub(super) fn app(&self) -> &App {
        &self.shop.app
    }

    pub(super) fn time(&self) -> &crate::support::Time {
        &self.shop.time
    }

    /// Sends a command through the desk, or as another process would, on its own.
    async fn send(&self, m: &Move, through_desk: bool) -> (u16, String) {
        let body = json!({"slug": m.definition.slug, "input_parameters": m.input});
        let body = Body::read(Entity::Package, m.package, &body).unwrap();
        let request =
            Request { entity: Entity::Package, id: m.package, body, actor: "test".into(), key: None };
        let answer = if through_desk {
            self.desk.run(request).await.unwrap()
        } else {
            match commands::run(self.app(), vec![request], false, refusal_text).await.remove(0).unwrap() {
                Outcome::Answered(answer) => answer,
                Outcome::Outside(id) => outside::run(self.app(), id, refusal_text).await.unwrap(),
            }
        };
        (answer.status, answer.body)
    }

    /// The order's packages as the database has them.
    pub(super) async fn packages(&self, order: i64) -> BTreeMap<i64, Package> {
        let sql = "SELECT p.id, p.location_id, p.state, p.held_state, i.id, i.order_item_id, i.quantity FROM packages p \
                   JOIN package_items i ON i.package_id = p.id WHERE p.order_id = $1 ORDER BY p.id, i.id";
        let rows = self.app().store.read().await.unwrap().fetch(sql, args![order]).await.unwrap();
        let mut packages = BTreeMap::new();
        for row in &rows {
            let mut c = row.cols();
            let id = c.i64().unwrap();
            let (location, state, held) = (c.i64().unwrap(), c.i64().unwrap(), c.opt_i64().unwrap());
            let blank = Package { id, location, state, held, items: BTreeMap::new() };
            let item = (c.i64().unwrap(), (c.i64().unwrap(), c.i64().unwrap()));
            packages.entry(id).or_insert(blank).items.insert(item.0, item.1);
        }
        packages
    }

    pub(super) async fn order(&self, seed: u64, random: &mut Random) -> Model {
        let mut skus = SKUS.to_vec();
        skus.rotate_left(random.below(3));
        let lines: Vec<(&'static str, i64)> =
            skus[..1 + random.below(3)].iter().map(|sku| (*sku, 1 + random.below(4) as i64)).collect();
        let in_store = random.one_in(2);
        let order = self.shop.order_of(&format!("M-{seed}"), &lines, in_store.then_some("in_store")).await;
        let sql = "SELECT t.id, p.sku FROM order_items t JOIN products p ON p.id = t.product_id WHERE t.order_id = $1 ORDER BY t.line";
        let rows = self.app().store.read().await.unwrap().fetch(sql, args![order]).await.unwrap();
        let ids = rows.iter().map(|r| r.i64(0).unwrap());
        Model {
            order,
            in_store,
            lines: ids.zip(lines).collect(),
            packages: BTreeMap::new(),
            shipped_by: BTreeSet::new(),
            excluded: BTreeSet::new(),
            apart: BTreeMap::new(),
            lost: BTreeMap::new(),
            asked: BTreeMap::new(),
            rests: Vec::new(),
            story: vec![format!("seed {seed}")],
        }
    }

    /// Any command for a package: mostly one that may be run now.
    fn choose(&self, model: &Model, random: &mut Random) -> Option<Move> {
        let live: Vec<&Package> = model.packages.values().filter(|p| p.state != 900).collect();
        if live.is_empty() {
            return None;
        }
        let package = live[random.below(live.len())];
        let legal: Vec<&Definition> = self.flow.iter().filter(|d| d.from == package.state).collect();
        let definition = match legal.as_slice() {
            legal if !legal.is_empty() && !random.one_in(4) => legal[random.below(legal.len())],
            _ => &self.flow[random.below(self.flow.len())],
        };
        let reason = random.below(3);
        let mut missing = BTreeMap::new();
        let mut input = json!({});
        match definition.code.as_str() {
            "REFUSE_WITH_DENIAL_REASON" => input = json!({"denial_reason": self.reasons[reason]}),
            "PRODUCT_NOT_FOUND" | "PRODUCT_NOT_FOUND_ADVANCED" => {
                for (&item, &(_, units)) in &package.items {
                    if missing.is_empty() || random.one_in(2) {
                        missing.insert(item, 1 + random.below(units as usize) as i64);
                    }
                }
                let list: Vec<Value> =
                    missing.iter().map(|(id, n)| json!({"id": id, "quantity": n})).collect();
                input = json!({"package_items": list});
            }
            "UPDATE_INVOICE" => input = json!({"invoice_number": "I", "invoice_date": "2031-03-05"}),
            "MANUAL_PLANNING" => {
                let groups: Vec<Value> = package
                    .items
                    .keys()
                    .map(|id| json!({"package_items": [id], "stock_location": self.locations[random.below(PLACES)].1}))
                    .collect();
                input = json!({"assignment_groups": groups});
            }
            "ADVANCED_SHIPMENT" => input = json!({"tracking_number": "T", "shipping_company": "c"}),
            "UPDATE_SHIPMENT_INFO" => input = json!({"query_number": "Q"}),
            _ => {}
        }
        Some(Move { package: package.id, definition: definition.clone(), input, reason, missing })
    }
}

impl World {
    /// One step of a sequence: a command, a race of two, or a cancellation.
    pub(super) async fn step(&self, model: &mut Model, random: &mut Random) {
        if random.one_in(8) {
            return self.cancel(model, random).await;
        }
        let Some(m) = self.choose(model, random) else { return };
        let simple = |m: &Move| {
            let planned = [
                "REFUSE_WITH_DENIAL_REASON",
                "PRODUCT_NOT_FOUND",
                "PRODUCT_NOT_FOUND_ADVANCED",
                "MANUAL_PLANNING",
                "ACCEPT_CANCELLATION",
                "PACKED_FOR_REFUND",
                "COMPLETE_PACKAGING_WITH_SHIPMENT",
                "UPDATE_SHIPMENT_LABEL",
            ];
            !planned.contains(&m.definition.code.as_str())
        };
        if random.one_in(4)
            && simple(&m)
            && let Some(mut other) = self.choose(model, random)
            && simple(&other)
        {
            // The other command was chosen for any package of the order; the race is for this one.
            other.package = m.package;
            return self.race(model, &m, &other).await;
        }
        self.command(model, &m, random.one_in(2)).await;
    }

    async fn command(&self, model: &mut Model, m: &Move, through_desk: bool) {
        let says = model.says(m);
        let before = model.packages[&m.package].clone();
        let closing = match m.definition.code.as_str() {
            "PACKED_FOR_REFUND" => self.open_discrepancies(m.package).await,
            _ => Vec::new(),
        };
        let answer = self.send(m, through_desk).await;
        model.story.push(format!("{} of {} ({:?}): {answer:?}", m.definition.slug, m.package, m.input));
        let done = answer.0 == 204;
        if (says == Says::Done && !done) || (says == Says::Refused && done) {
            model.fail(format!("the model says {says:?}, the answer is {answer:?}"));
        }
        if !done {
            let found = self.packages(model.order).await;
            model.adopt(found, &[]);
            return;
        }
        let given_up = by_line(before.items.values());
        match m.definition.code.as_str() {
            "REFUSE_WITH_DENIAL_REASON" => {
                let (is_missing, excludes) = REASONS[m.reason];
                if is_missing {
                    before.items.values().for_each(|(line, n)| model.set_apart(before.location, *line, *n));
                }
                if excludes {
                    model.excluded.extend(given_up.keys().map(|line| (*line, before.location)));
                }
                self.planned_again(model, &before, &given_up).await;
            }
            "PRODUCT_NOT_FOUND" => {
                m.missing
                    .iter()
                    .for_each(|(item, n)| model.set_apart(before.location, before.items[item].0, *n));
                let lost = m.missing.keys().map(|item| (before.items[item].0, before.location));
                model.excluded.extend(lost);
                self.planned_again(model, &before, &given_up).await;
            }
            "PRODUCT_NOT_FOUND_ADVANCED" => {
                m.missing
                    .iter()
                    .for_each(|(item, n)| model.set_apart(before.location, before.items[item].0, *n));
                let lost = m.missing.keys().map(|item| (before.items[item].0, before.location));
                model.excluded.extend(lost);
                let missing = by_line(
                    m.missing.iter().map(|(i, n)| (before.items[i].0, *n)).collect::<Vec<_>>().iter(),
                );
                if missing == given_up {
                    return self.planned_again(model, &before, &given_up).await;
                }
                let p = model.packages.get_mut(&m.package).unwrap();
                m.missing.iter().for_each(|(item, n)| p.items.get_mut(item).unwrap().1 -= n);
                p.items.retain(|_, (_, n)| *n > 0);
                let new = model.adopt(self.packages(model.order).await, &[]);
                model.check_planned(&new, &missing);
            }
            "MANUAL_PLANNING" => {
                model.packages.get_mut(&m.package).unwrap().state = 900;
                let new = model.adopt(self.packages(model.order).await, &[]);
                let groups = m.input["assignment_groups"].as_array().unwrap();
                let wanted: Vec<&str> =
                    groups.iter().map(|g| g["stock_location"].as_str().unwrap()).collect();
                let code = |id: i64| self.locations.iter().find(|l| l.0 == id).map_or("", |l| l.1.as_str());
                let got: Vec<&str> = new.iter().map(|p| code(p.location)).collect();
                if got != wanted || new.iter().any(|p| p.state != 100) {
                    model.fail(format!("planned by hand for {wanted:?}, made {new:?}"));
                }
            }
            "ACCEPT_CANCELLATION" => {
                let asked = model.asked.remove(&m.package).unwrap();
                self.ended(model, &before, &asked, before.held.unwrap(), None).await;
                let known: BTreeSet<i64> = model.packages.keys().copied().collect();
                self.take_rests(model).await;
                if model.shipped_by.contains(&m.package) {
                    // The carrier's parcel goes on with the rest.
                    let rest = model.packages.keys().filter(|id| !known.contains(id));
                    let rest: Vec<i64> = rest.copied().collect();
                    model.shipped_by.extend(rest);
                }
            }
            "PACKED_FOR_REFUND" => {
                for (place, sku, units) in closing {
                    let sku = SKUS.into_iter().find(|s| *s == sku).unwrap();
                    *model.apart.entry((place, sku)).or_default() -= units;
                    *model.lost.entry((place, sku)).or_default() += units;
                }
                model.apply(m);
                model.adopt(self.packages(model.order).await, &[]);
            }
            _ => {
                model.apply(m);
                model.adopt(self.packages(model.order).await, &[]);
            }
        }
    }

    /// A package was given up as a whole: it is replaced, or out of stock because nobody has any of it.
    async fn planned_again(&self, model: &mut Model, before: &Package, units: &Units) {
        let found = self.packages(model.order).await;
        let now = found[&before.id].state;
        let new = model.adopt(found, &[before.id]);
        match now {
            900 => model.check_planned(&new, units),
            920 if new.is_empty() => {}
            other => model.fail(format!("a package that was given up is in state {other}; new: {new:?}")),
        }
    }

    /// A package ended because units were cancelled; the rest goes on in `state` at the same location.
    async fn ended(
        &self,
        model: &mut Model,
        before: &Package,
        cancelled: &Units,
        state: i64,
        held: Option<i64>,
    ) {
        for (line, n) in cancelled {
            model.lines.get_mut(line).unwrap().1 -= n;
        }
        model.packages.get_mut(&before.id).unwrap().state = 900;
        model.packages.get_mut(&before.id).unwrap().held = None;
        let mut rest = by_line(before.items.values());
        cancelled.iter().for_each(|(line, n)| *rest.get_mut(line).unwrap() -= n);
        rest.retain(|_, n| *n > 0);
        model.rests.push((before.location, state, held, rest));
    }

    /// Two clients send one command each for one package at the same time: it must be as if one had come first.
    async fn race(&self, model: &mut Model, a: &Move, b: &Move) {
        let serial = |first: &Move, second: &Move| {
            let mut after = model.clone();
            let ok = |after: &mut Model, m: &Move| {
                let done = after.says(m) == Says::Done;
                if done {
                    after.apply(m);
                }
                done
            };
            let (one, two) = (ok(&mut after, first), ok(&mut after, second));
            (one, two, after)
        };
        let (ab, ba) = (serial(a, b), serial(b, a));
        let (first, second) = tokio::join!(self.send(a, true), self.send(b, false));
        model
            .story
            .push(format!("race of {} {first:?} and {} {second:?}", a.definition.slug, b.definition.slug));
        let done = (first.0 == 204, second.0 == 204);
        let found = self.packages(model.order).await;
        for (says, after) in [((ab.0, ab.1), ab.2), ((ba.1, ba.0), ba.2)] {
            if says == done && after.packages.get(&a.package) == found.get(&a.package) {
                let story = std::mem::take(&mut model.story);
                *model = Model { story, ..after };
                model.adopt(found, &[]);
                return;
            }
        }
        model.fail(format!("no order of the two explains {done:?} and {:?}", found.get(&a.package)));
    }

    /// Some units of a line are not wanted any more.
    async fn cancel(&self, model: &mut Model, random: &mut Random) {
        let lines: Vec<i64> = model.lines.keys().copied().collect();
        let line = lines[random.below(lines.len())];
        let units = 1 + random.below(3) as i64;
        let mut ranked: Vec<(Package, (i64, bool))> =
            model.packages.values().filter_map(|p| Some((p.clone(), rank(p.state)?))).collect();
        ranked.sort_by_key(|(p, rank)| (*rank, p.id));
        // Units that are asked of a location already cannot be asked again.
        let asked_of = |p: i64| model.asked.get(&p).and_then(|a| a.get(&line)).copied().unwrap_or(0);
        let waiting: i64 = model.asked.keys().map(|p| asked_of(*p)).sum();
        let mut left = units.min(model.lines[&line].1 - waiting);
        let (mut at_once, mut wait) = (Vec::new(), Vec::new());
        for (p, (_, must_wait)) in &ranked {
            let own = by_line(p.items.values()).get(&line).copied().unwrap_or(0) - asked_of(p.id);
            let take = left.min(own);
            if take > 0 {
                left -= take;
                match *must_wait {
                    true => wait.push((p.id, take)),
                    false => at_once.push((p.clone(), take)),
                }
            }
        }
        let body = json!({"items": [{"order_item": line, "quantity": units}]});
        let wanted = cancellations::read_api(model.order, &body).unwrap();
        let ids = cancellations::direct_ids(self.app(), &wanted).await.unwrap();
        let actor = self.app().actor("test").await.unwrap();
        let mut tx = self.app().store.begin().await.unwrap();
        let decided = cancellations::cancel(&mut tx, self.app(), ids, actor, &wanted).await;
        if let Err(oms_app::Error::Store(error)) = &decided
            && error.is_retryable()
        {
            // Another client's transaction was in the way; the step is not taken.
            return;
        }
        decided.unwrap();
        if tx.commit().await.is_err() {
            return;
        }
        model.story.push(format!("cancel {units} of line {line}: at once {at_once:?}, asked {wait:?}"));
        for (p, take) in &at_once {
            let state = p.state;
            self.ended(model, p, &Units::from([(line, *take)]), state, p.held).await;
        }
        for (id, take) in &wait {
            let p = model.packages.get_mut(id).unwrap();
            if p.state != 800 {
                p.held = Some(p.state);
                p.state = 800;
            }
            *model.asked.entry(*id).or_default().entry(line).or_default() += take;
        }
        self.take_rests(model).await;
    }

    /// The rests of ended packages are there as new ones.
    pub(super) async fn take_rests(&self, model: &mut Model) {
        let mut wanted = std::mem::take(&mut model.rests);
        wanted.retain(|(.., rest)| !rest.is_empty());
        let new = model.adopt(self.packages(model.order).await, &[]);
        let mut got: Vec<_> =
            new.iter().map(|p| (p.location, p.state, p.held, by_line(p.items.values()))).collect();
        wanted.sort();
        got.sort();
        if got != wanted {
            model.fail(format!("the rests are {wanted:?}, made were {got:?}"));
        }
    }

    async fn open_discrepancies(&self, package: i64) -> Vec<(i64, String, i64)> {
        let sql = "SELECT d.location_id, p.sku, d.quantity FROM discrepancies d JOIN products p ON p.id = d.product_id \
                   JOIN package_items i ON i.id = d.package_item_id WHERE d.state = 'open' AND i.package_id = $1";
        let rows = self.app().store.read().await.unwrap().fetch(sql, args![package]).await.unwrap();
        let read = |row: &oms_store::Row| {
            let mut c = row.cols();
            (c.i64().unwrap(), c.text().unwrap(), c.i64().unwrap())
        };
        rows.iter().map(read).collect()
    }

    /// Balances and quotas are what the models' packages say.
    pub(super) async fn compare(&self, models: &[Model], stocked: i64) {
        let mut balances: BTreeMap<(i64, &str), (i64, i64, i64)> = BTreeMap::new();
        let mut slots: BTreeMap<i64, i64> = BTreeMap::new();
        for (id, _) in &self.locations {
            slots.insert(*id, 0);
            balances.extend(SKUS.map(|sku| ((*id, sku), (stocked, 0, 0))));
        }
        for model in models {
            for p in model.packages.values() {
                *slots.get_mut(&p.location).unwrap() += i64::from(has_slot(p.effective()));
                for (line, n) in p.items.values() {
                    let b = balances.get_mut(&(p.location, model.lines[line].0)).unwrap();
                    match has(p.effective()) {
                        Has::Reserved => b.1 += n,
                        Has::Consumed => b.0 -= n,
                        Has::Nothing => {}
                    }
                }
            }
            model.apart.iter().for_each(|(place, n)| balances.get_mut(place).unwrap().2 += n);
            model.lost.iter().for_each(|(place, n)| balances.get_mut(place).unwrap().0 -= n);
        }
        let sql = "SELECT s.location_id, p.sku, s.on_hand, s.reserved, s.quarantined FROM stocks s JOIN products p ON p.id = s.product_id";
        for row in self.app().store.read().await.unwrap().fetch(sql, vec![]).await.unwrap() {
            let mut c = row.cols();
            let (location, sku) = (c.i64().unwrap(), c.text().unwrap());
            let got = (c.i64().unwrap(), c.i64().unwrap(), c.i64().unwrap());
            assert_eq!(Some(&got), balances.get(&(location, sku.as_str())), "{sku} at location {location}");
        }
        let rows = self
            .app()
            .store
            .read()
            .await
            .unwrap()
            .fetch("SELECT location_id, quota FROM location_loads", vec![])
            .await;
        for row in rows.unwrap() {
            let (location, quota) = (row.i64(0).unwrap(), row.i64(1).unwrap());
            assert_eq!(Some(&quota), slots.get(&location), "quota of location {location}");
        }
    }
}
