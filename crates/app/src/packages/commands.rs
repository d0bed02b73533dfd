//! Commands: what people and software do to packages and transfers. Commands that arrive together are written
//! in one transaction; each is decided on its own and refused on its own.

pub(crate) mod decide;
pub mod outside;
pub(crate) mod replan;
mod transfer;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use oms_core::commands::input::{Body, Given};
use oms_core::commands::{Command, Entity, command};
use oms_core::refusal::Refusal;
use oms_store::access::logs::{Actor, Personal};
use oms_store::access::{self, NewKey};
use oms_store::ids::IdKind;
use oms_store::packages::commands::{Doer, Ids, Work, Written};
use oms_store::packages::held::{self, HeldPackage, Size};
use oms_store::rules::transitions::Transition;
use oms_store::stock::engines as engine_store;
use oms_store::stock::stocks::Place;
use oms_store::{StoreError, Tx};

use crate::guard::{caught, spawned};
use crate::rules::transitions::{self, Flow};
use crate::stock::engines::{self, EngineState};
use crate::upkeep::coalesce::Coalescer;
use crate::upkeep::idempotency::{Answer, Key, answer_kept};
use crate::{App, Error, Result};

/// Tries of one transaction that met another's lock.
pub(crate) const TRIES: usize = 8;

/// A command as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub entity: Entity,
    pub id: i64,
    pub body: Body,
    /// `user:7`.
    pub actor: String,
    pub key: Option<Key>,
}

/// What became of a command in its first transaction.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, or refused.
    Answered(Answer),
    /// It waits for an answer from outside; the id of the command.
    Outside(i64),
}

/// How a refusal is put on the wire; the web layer's.
pub type RefusalAnswer = fn(&Refusal) -> Answer;

/// Takes commands, many at once.
pub struct Desk {
    app: Arc<App>,
    quick: Coalescer<Request, Result<Outcome>>,
    /// Commands that ask outside stock engines first: a slow engine must not hold up the others.
    asking: Coalescer<Request, Result<Outcome>>,
    refusal_answer: RefusalAnswer,
}

/// Starts the desk.
pub fn desk(app: Arc<App>, refusal_answer: RefusalAnswer) -> Desk {
    let start = |asks| {
        Coalescer::start(app.clone(), move |app, batch| {
            Box::pin(async move { Ok(run(&app, batch, asks, refusal_answer).await) })
        })
    };
    Desk { quick: start(false), asking: start(true), app: app.clone(), refusal_answer }
}

impl Desk {
    /// Runs a command to its end and answers: 204, or the refusal. A caller that goes away changes nothing.
    pub async fn run(self: &Arc<Self>, request: Request) -> Result<Answer> {
        let queue = match self.asks_engines(&request).await? {
            true => &self.asking,
            false => &self.quick,
        };
        match queue.submit(request).await?? {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::Outside(id) => {
                let (app, refusal_answer) = (self.app.clone(), self.refusal_answer);
                spawned("an outside command", async move { outside::run(&app, id, refusal_answer).await })
                    .await
            }
        }
    }

    async fn asks_engines(&self, request: &Request) -> Result<bool> {
        if engines::none(&self.app).await {
            return Ok(false);
        }
        let flow = transitions::flow(&self.app).await?;
        Ok(flow.named(&request.body).is_ok_and(|t| command(&t.definition.code).is_some_and(Command::plans)))
    }
}

/// Runs a batch of commands; one result a command, in order.
pub async fn run(
    app: &App,
    batch: Vec<Request>,
    asks: bool,
    refusal_answer: RefusalAnswer,
) -> Vec<Result<Outcome>> {
    let mut results: Vec<Option<Result<Outcome>>> = batch.iter().map(|_| None).collect();
    let mut rest: Vec<(usize, Request)> = batch.into_iter().enumerate().collect();
    while !rest.is_empty() {
        let sizes = match sizes(app, &rest).await {
            Ok(sizes) => sizes,
            Err(error) => {
                tracing::error!(%error, commands = rest.len(), "commands cannot be read for");
                let error = Arc::new(error);
                rest.drain(..).for_each(|(i, _)| results[i] = Some(Err(Error::Batch(error.clone()))));
                break;
            }
        };
        let (wave, later) = next_wave(rest, &sizes);
        rest = later;
        let (at, requests): (Vec<usize>, Vec<Request>) = wave.into_iter().unzip();
        let done = run_wave(app, requests, &sizes, asks, refusal_answer).await;
        at.into_iter().zip(done).for_each(|(i, r)| results[i] = Some(r));
    }
    results.into_iter().map(|r| r.expect("every command got a result")).collect()
}

/// Which package each command is about, and how much it may write.
async fn sizes(app: &App, requests: &[(usize, Request)]) -> Result<Sizes> {
    let mut tx = app.store.read().await?;
    let transfers: Vec<i64> =
        requests.iter().filter(|(_, r)| r.entity == Entity::Transfer).map(|(_, r)| r.id).collect();
    let packages = oms_store::packages::transfers::packages_of(&mut tx, transfers).await?;
    let direct = requests.iter().filter(|(_, r)| r.entity == Entity::Package).map(|(_, r)| r.id);
    let ids: BTreeSet<i64> = direct.chain(packages.values().copied()).collect();
    Ok(Sizes { packages, sizes: held::sizes(&mut tx, ids.into_iter().collect()).await? })
}

struct Sizes {
    /// The package of each transfer.
    packages: HashMap<i64, i64>,
    sizes: HashMap<i64, Size>,
}

impl Sizes {
    fn package(&self, request: &Request) -> Option<i64> {
        match request.entity {
            Entity::Package => Some(request.id),
            Entity::Transfer => self.packages.get(&request.id).copied(),
        }
    }

    fn of(&self, request: &Request) -> Option<Size> {
        self.sizes.get(&self.package(request)?).copied()
    }
}

type Numbered = Vec<(usize, Request)>;

/// The commands that one transaction takes: one an order, because they move its counters, one a key, and a
/// transfer's command alone.
fn next_wave(requests: Numbered, sizes: &Sizes) -> (Numbered, Numbered) {
    let (mut orders, mut keys) = (HashSet::new(), HashSet::new());
    let (mut wave, mut later) = (Vec::new(), Vec::new());
    let mut is_full = false;
    for (i, request) in requests {
        let order = sizes.of(&request).map(|s| s.order_id);
        let key = request.key.as_ref().map(|k| (k.scope.clone(), k.key.clone()));
        let alone = request.entity == Entity::Transfer;
        let fits = !is_full
            && (!alone || wave.is_empty())
            && order.is_none_or(|o| !orders.contains(&o))
            && key.as_ref().is_none_or(|k| !keys.contains(k));
        if !fits {
            later.push((i, request));
            continue;
        }
        is_full |= alone;
        orders.extend(order);
        keys.extend(key);
        wave.push((i, request));
    }
    (wave, later)
}

/// Runs commands in one transaction; if that fails, each alone, so that one does not take the others with it.
async fn run_wave(
    app: &App,
    wave: Vec<Request>,
    sizes: &Sizes,
    asks: bool,
    refusal_answer: RefusalAnswer,
) -> Vec<Result<Outcome>> {
    let n = wave.len();
    match caught("commands", try_wave(app, &wave, sizes, asks, refusal_answer)).await {
        Ok(done) => done.into_iter().map(Ok).collect(),
        Err(error) if n == 1 => vec![Err(error)],
        Err(error) => {
            tracing::info!(%error, commands = n, "a batch of commands is run one by one");
            let mut done = Vec::with_capacity(n);
            for request in &wave {
                let one = try_wave(app, std::slice::from_ref(request), sizes, asks, refusal_answer);
                done.push(caught("a command", one).await.map(|mut list| list.remove(0)));
            }
            done
        }
    }
}

async fn try_wave(
    app: &App,
    wave: &[Request],
    sizes: &Sizes,
    asks: bool,
    refusal_answer: RefusalAnswer,
) -> Result<Vec<Outcome>> {
    let mut tried = 0;
    loop {
        tried += 1;
        match wave_in_tx(app, wave, sizes, asks, refusal_answer).await {
            Err(Error::Store(error)) if error.is_retryable() && tried < TRIES => pause(tried).await,
            // Only one command can have been refused this late: the one that is alone.
            Err(Error::Refused(refusal)) if wave.len() == 1 => {
                let answer = keep_refusal(app, &wave[0], &refusal, refusal_answer).await?;
                return Ok(vec![Outcome::Answered(answer)]);
            }
            other => return other,
        }
    }
}

/// Lets the transaction that was in the way get on: some milliseconds, more each time, and never the same for two.
pub(crate) async fn pause(tried: usize) {
    let [random] = crate::random_bytes::<1>();
    let most_us = 2_000u64 << tried.min(6);
    tokio::time::sleep(Duration::from_micros(most_us / 2 + most_us * u64::from(random) / 510)).await;
}

/// Keeps the answer of a command that was refused after its transaction had begun to write.
async fn keep_refusal(
    app: &App,
    request: &Request,
    refusal: &Refusal,
    refusal_answer: RefusalAnswer,
) -> Result<Answer> {
    let answer = refusal_answer(refusal);
    let Some(key) = &request.key else { return Ok(answer) };
    let command_id = app.store.take_id(IdKind::Row).await?;
    let mut tx = app.store.begin().await?;
    let kept = claim(&mut tx, std::iter::once((key, command_id)), app.now_us()).await?;
    if let Some(earlier) = kept.into_values().next() {
        return Ok(answer_kept(key, earlier).unwrap_or_else(|r| refusal_answer(&r)));
    }
    access::keep_answers(&mut tx, &[(&key.scope, &key.key, answer.status.into(), &answer.body)]).await?;
    tx.commit().await?;
    Ok(answer)
}

type Kept = HashMap<(String, String), access::KeptAnswer>;

async fn claim(tx: &mut Tx, keys: impl Iterator<Item = (&Key, i64)>, now_us: i64) -> Result<Kept> {
    let keys: Vec<NewKey<'_>> = keys
        .map(|(key, command_id)| NewKey {
            scope: &key.scope,
            key: &key.key,
            fingerprint: key.fingerprint,
            command_id,
        })
        .collect();
    if keys.is_empty() {
        return Ok(Kept::new());
    }
    Ok(access::claim_keys(tx, &keys, now_us).await?)
}

/// A command that is understood, before it is decided.
pub(crate) struct Ready<'r> {
    /// Its place in the wave.
    pub at: usize,
    pub request: &'r Request,
    pub transition: Transition,
    pub command: &'static Command,
    pub given: Given,
    pub doer: Doer,
}

async fn wave_in_tx(
    app: &App,
    wave: &[Request],
    sizes: &Sizes,
    asks: bool,
    refusal_answer: RefusalAnswer,
) -> Result<Vec<Outcome>> {
    let mut commands = app.store.take_ids(IdKind::Row, wave.len()).await?;
    let command_ids: Vec<i64> = commands.by_ref().take(wave.len()).collect();
    let flow = transitions::flow(app).await?;
    if let [only] = wave
        && only.entity == Entity::Transfer
    {
        return transfer::run(app, only, command_ids[0], &flow, refusal_answer).await.map(|o| vec![o]);
    }
    let engines = if asks { ask_engines(app, wave, sizes).await? } else { Vec::new() };
    let bounds = Bounds::of(wave, sizes);
    let mut ids = bounds.take(app).await?;
    let mut plan_ids = replan::take_ids(app, wave, sizes, &flow).await?;
    let now_us = app.now_us();

    let mut tx = app.store.begin().await?;
    let keyed = wave.iter().zip(&command_ids).filter_map(|(r, id)| Some((r.key.as_ref()?, *id)));
    let kept = claim(&mut tx, keyed, now_us).await?;
    let mut outcomes: Vec<Option<Outcome>> =
        wave.iter().map(|r| kept_outcome(r, &kept, refusal_answer)).collect();
    let is_kept: Vec<bool> = outcomes.iter().map(Option::is_some).collect();
    let open = || (0..wave.len()).filter(|&i| !is_kept[i]);
    let mut held = held::packages(&mut tx, open().map(|i| wave[i].id).collect()).await?;
    let parts: usize = held.values().map(|p| p.items.iter().map(|i| 1 + i.holds.len()).sum::<usize>()).sum();
    if parts > bounds.parts {
        // It grew between the reading and now: once more, with more ids.
        return Err(StoreError::Moved.into());
    }

    let mut refused: Vec<(usize, Refusal)> = Vec::new();
    let mut ready = Vec::new();
    for i in open() {
        let doer = doer(app, &wave[i], command_ids[i], now_us);
        match understand(&flow, &wave[i], held.get(&wave[i].id), doer) {
            Ok((transition, command, given, doer)) => {
                ready.push(Ready { at: i, request: &wave[i], transition, command, given, doer });
            }
            Err(refusal) => refused.push((i, refusal)),
        }
    }
    let known = decide::Known::load(app, &mut tx, &ready, &held).await?;
    let fed: HashSet<i64> = engine_store::owners(&mut tx).await?.into_keys().collect();
    let mut work = Work::new(&mut ids, fed);
    let (mut subjects, mut given_up, mut begun) = (Vec::new(), Vec::new(), Vec::new());
    let mut changed = 0usize;
    for one in &ready {
        let package = held.get_mut(&one.request.id).expect("what is understood is held");
        let products: Vec<i64> = package.items.iter().map(|i| i.product_id).collect();
        match decide::decide(&mut work, package, one, &known) {
            Ok(decided) => {
                work.command(&one.doer, one.command.code);
                changed += 1;
                if let Some(subject) = decided.replan {
                    subjects.push(subject);
                    given_up.extend(products);
                }
                if decided.asks_outside {
                    let begun_one = outside::begin(one, package);
                    outcomes[one.at] = Some(Outcome::Outside(begun_one.id));
                    begun.push(begun_one);
                }
                work.keep(package);
            }
            Err(refusal) => refused.push((one.at, refusal)),
        }
    }
    if changed > 0 || work.has_effects() {
        let slots = match work.run(&mut tx, &given_up).await? {
            Written::Done(slots) => slots,
            Written::Short(place) => return Err(not_enough(&mut tx, place).await?.into()),
        };
        for one in begun {
            oms_store::packages::outside::begin(&mut tx, &one, &app.node, outside::LEASE_US, now_us).await?;
        }
        if subjects.is_empty() {
            slots.write(&mut tx).await?;
        } else {
            replan::run(&mut tx, app, &subjects, &engines, &mut plan_ids, slots, now_us).await?;
        }
    }
    for (i, refusal) in refused {
        outcomes[i] = Some(Outcome::Answered(refusal_answer(&refusal)));
    }
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|o| o.unwrap_or(Outcome::Answered(DONE))).collect();
    keep_outcomes(&mut tx, wave, &is_kept, &outcomes).await?;
    tx.commit().await?;
    Ok(outcomes)
}

async fn not_enough(tx: &mut Tx, (product, location): Place) -> Result<Refusal> {
    let places = oms_store::places::locations::by_ids(tx, vec![location]).await?;
    let place = places.get(&location).map_or_else(|| location.to_string(), |l| l.properties.erp_code.clone());
    let products = oms_store::orders::order_views::products(tx, vec![product]).await?;
    let sku = products.get(&product).map_or_else(|| product.to_string(), |p| p.sku.clone());
    let message = format!("{place} does not have enough of {sku} free; look at its stock.");
    Ok(Refusal::invalid("stock_location", "not_enough_stock", message))
}

/// The documented answer of a command that is done.
pub const DONE: Answer = Answer { status: 204, body: String::new() };

fn kept_outcome(request: &Request, kept: &Kept, refusal_answer: RefusalAnswer) -> Option<Outcome> {
    let key = request.key.as_ref()?;
    let earlier = kept.get(&(key.scope.clone(), key.key.clone()))?;
    let answer = answer_kept(key, earlier.clone()).unwrap_or_else(|r| refusal_answer(&r));
    Some(Outcome::Answered(answer))
}

async fn keep_outcomes(tx: &mut Tx, wave: &[Request], is_kept: &[bool], outcomes: &[Outcome]) -> Result<()> {
    let mut answers = Vec::new();
    for ((request, outcome), _) in wave.iter().zip(outcomes).zip(is_kept).filter(|(_, kept)| !**kept) {
        if let (Some(key), Outcome::Answered(answer)) = (&request.key, outcome) {
            answers.push((
                key.scope.as_str(),
                key.key.as_str(),
                i64::from(answer.status),
                answer.body.as_str(),
            ));
        }
    }
    Ok(access::keep_answers(tx, &answers).await?)
}

/// How many ids a wave may need.
struct Bounds {
    parts: usize,
    packages: usize,
    commands: usize,
}

impl Bounds {
    fn of(wave: &[Request], sizes: &Sizes) -> Self {
        let of = wave.iter().filter_map(|r| sizes.of(r));
        // Half as much again: transfers may arrive meanwhile.
        let parts = of.map(|s| s.parts).sum::<usize>();
        // A plan by hand makes a package a group, and each group has an item.
        let packages = parts + wave.len();
        Self { parts: parts + parts / 2, packages, commands: wave.len() }
    }

    async fn take(&self, app: &App) -> Result<Ids> {
        let (store, parts) = (&app.store, self.parts);
        Ok(Ids {
            // A step and its event up to three times; ledger rows and reservations of each part, twice.
            rows: store.take_ids(IdKind::Row, self.commands * 12 + parts * 10 + self.packages * 2).await?,
            packages: store.take_ids(IdKind::Package, self.packages).await?,
            items: store.take_ids(IdKind::PackageItem, parts).await?,
            discrepancies: store.take_ids(IdKind::Discrepancy, parts).await?,
            shipments: store.take_ids(IdKind::Shipment, self.commands).await?,
        })
    }
}

async fn ask_engines(app: &App, wave: &[Request], sizes: &Sizes) -> Result<Vec<EngineState>> {
    let packages: Vec<i64> = wave.iter().filter_map(|r| sizes.package(r)).collect();
    let products =
        oms_store::planning::plans::products_asked(&mut app.store.read().await?, &packages, true).await?;
    engines::refresh(app, &products).await
}

pub(crate) fn doer(app: &App, request: &Request, command_id: i64, at_us: i64) -> Doer {
    let actor = Actor { command_id, name: request.actor.clone(), node: app.node.clone(), at_us };
    let personal = request.body.remote.mail.as_ref().map(|mail| Personal {
        salt: crate::random_bytes(),
        text: serde_json::json!({"remote_user_mail": mail}).to_string(),
    });
    Doer { actor, attributes: String::new(), personal }
}

/// The public attributes of a log entry, as documented.
pub(crate) fn attributes(transition: &Transition, request: &Request) -> String {
    let mut attributes = serde_json::json!({
        "command.slug": transition.definition.slug,
        "command.transition_id": transition.id,
    });
    if let Some(pk) = &request.body.remote.pk {
        attributes["remote_user_pk"] = pk.as_str().into();
    }
    attributes.to_string()
}

type Understood = (Transition, &'static Command, Given, Doer);

/// Finds the transition, and checks all that needs no more than the package's row.
fn understand(
    flow: &Flow,
    request: &Request,
    package: Option<&HeldPackage>,
    mut doer: Doer,
) -> Result<Understood, Refusal> {
    let package = package.ok_or_else(|| Refusal::not_found("package", request.id))?;
    let named = flow.named(&request.body)?;
    if named.definition.entity != request.entity {
        let message = format!("{} is a transition of transfers.", named.definition.slug);
        return Err(Refusal::invalid("transition", "wrong_entity", message));
    }
    if let Some(expected) = request.body.expected_version
        && expected != package.version
    {
        return Err(moved_on(package, expected));
    }
    if package.busy.is_some() {
        let message = format!(
            "Package {} is busy: an earlier command waits for an answer from outside. Try again when it is done.",
            package.number
        );
        return Err(Refusal::invalid("non_field_errors", "busy", message));
    }
    let command = command(&named.definition.code).ok_or_else(|| unknown_command(named))?;
    let transition = flow.for_package(named, command, package)?;
    let given = request.body.given(command)?;
    doer.attributes = attributes(&transition, request);
    Ok((transition, command, given, doer))
}

fn unknown_command(t: &Transition) -> Refusal {
    let message = format!(
        "{} names the command {}, which this version does not have.",
        t.definition.slug, t.definition.code
    );
    Refusal::invalid("transition", "unknown_command", message)
}

fn moved_on(package: &HeldPackage, expected: i64) -> Refusal {
    let message = format!(
        "Package {} has version {}, not {expected}: somebody changed it. Look at it and decide anew.",
        package.number, package.version
    );
    let mut refusal = Refusal::conflict("version_conflict", message);
    refusal.current = Some(Box::new(serde_json::json!({
        "id": package.id,
        "number": package.number,
        "state": package.state.to_string(),
        "version": package.version,
        "modified_date": oms_core::time::format_us(package.modified_us),
    })));
    refusal
}
