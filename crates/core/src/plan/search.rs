//! Placing units: what is left of an order, and one rule's run.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::board::Board;
use super::explain::{Attempt, Chosen, ChosenTransfer, MAX_LISTED, Ranked};
use super::filter::{self, Reason};
use super::snapshot::{Area, LaneSnap, OrderSnap, Snapshot};
use super::{score, transfers};
use crate::ids::{LineId, ProductId};
use crate::queries::{Facts, Subject};
use crate::scenarios::{ProductMode, Rule};

/// A package in the making.
#[derive(Clone)]
pub(super) struct WorkPackage {
    pub(super) location: usize,
    /// Line and units, those brought by transfers included.
    pub(super) items: Vec<(LineId, i64)>,
    pub(super) transfers: Vec<WorkTransfer>,
    /// A rule with the quota filter opened it.
    pub(super) by_quota: bool,
}

/// Units on their way to a packing location.
#[derive(Clone)]
pub(super) struct WorkTransfer {
    pub(super) from: usize,
    pub(super) items: Vec<(LineId, i64)>,
}

/// What is left of an order, and the packages made of it so far.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) remaining: Vec<i64>,
    pub(super) packages: Vec<WorkPackage>,
}

impl Work {
    pub(super) fn new(order: &OrderSnap) -> Self {
        Self { remaining: order.lines.iter().map(|l| l.units).collect(), packages: Vec::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.remaining.iter().all(|&n| n == 0)
    }

    pub(super) fn leftovers(&self, order: &OrderSnap) -> Vec<(LineId, i64)> {
        order.lines.iter().zip(&self.remaining).filter(|(_, n)| **n > 0).map(|(l, n)| (l.id, *n)).collect()
    }

    pub(super) fn has_package(&self, location: usize) -> bool {
        self.packages.iter().any(|p| p.location == location)
    }

    /// What queries of a rule are asked of.
    pub(super) fn subject<'a>(&self, order: &'a OrderSnap, extra: Facts) -> Subject<'a> {
        let left = || order.lines.iter().zip(&self.remaining).filter(|(_, n)| **n > 0);
        Subject {
            order: &order.facts,
            lines: left().map(|(l, _)| &l.facts).collect(),
            units: left().map(|(_, n)| *n).collect(),
            extra,
        }
    }

    fn progress(&self, order: &OrderSnap) -> Facts {
        let lines = self.remaining.iter().filter(|n| **n > 0).count();
        let units: i64 = self.remaining.iter().sum();
        let packages = order.packages + self.packages.len() as i64;
        Facts::from([
            ("remaining.lines".to_owned(), lines.into()),
            ("remaining.units".to_owned(), units.into()),
            ("order.packages".to_owned(), packages.into()),
        ])
    }

    /// Gives units of a line to the package of a location.
    fn place(&mut self, order: &OrderSnap, package: usize, line: usize, units: i64) {
        self.remaining[line] -= units;
        add(&mut self.packages[package].items, order.lines[line].id, units);
    }

    /// The package of a location: one a location, whichever rule chose it.
    fn package(&mut self, location: usize, by_quota: bool) -> usize {
        self.packages.iter().position(|p| p.location == location).unwrap_or_else(|| {
            self.packages.push(WorkPackage { location, items: Vec::new(), transfers: Vec::new(), by_quota });
            self.packages.len() - 1
        })
    }
}

fn add(items: &mut Vec<(LineId, i64)>, id: LineId, units: i64) {
    match items.iter_mut().find(|(l, _)| *l == id) {
        Some((_, n)) => *n += units,
        None => items.push((id, units)),
    }
}

/// Where goods are to go: to the customer, or to a location that packs them.
pub(super) struct Target<'a> {
    /// Candidates pack; otherwise they send to a location that packs.
    pub(super) packs: bool,
    order: &'a OrderSnap,
    pub(super) area: Area,
    /// To each location from its nearest sources, for transfers.
    lanes: &'a [LaneSnap],
    pub(super) excluded: &'a [usize],
    packages: Vec<usize>,
    /// A distance as a counterfactual supposes it.
    pub(super) supposed: Option<(usize, i64)>,
}

impl<'a> Target<'a> {
    pub(super) fn customer(order: &'a OrderSnap, work: &Work) -> Self {
        Self {
            packs: true,
            order,
            area: order.area,
            lanes: &[],
            excluded: &order.excluded,
            packages: work.packages.iter().map(|p| p.location).collect(),
            supposed: None,
        }
    }

    pub(super) fn location(snapshot: &'a Snapshot, order: &'a OrderSnap, to: usize) -> Self {
        let first = snapshot.lanes.partition_point(|l| l.to < to);
        let last = snapshot.lanes.partition_point(|l| l.to <= to);
        Self {
            packs: false,
            order,
            area: snapshot.locations[to].area,
            lanes: &snapshot.lanes[first..last],
            excluded: &order.excluded_sources,
            packages: Vec::new(),
            supposed: None,
        }
    }

    /// Metres between a candidate and the target.
    pub(super) fn distance(&self, location: usize) -> Option<i64> {
        if let Some((_, metres)) = self.supposed.filter(|(l, _)| *l == location) {
            return Some(metres);
        }
        if self.packs {
            return self.order.distances_m.get(location).copied().flatten();
        }
        let found = self.lanes.binary_search_by_key(&location, |l| l.from);
        found.ok().map(|i| self.lanes[i].metres)
    }

    pub(super) fn has_package(&self, location: usize) -> bool {
        self.packages.contains(&location)
    }
}

/// Lines that are placed together: whole in one place, or a single line that may be divided.
pub(super) struct Piece {
    pub(super) lines: Vec<usize>,
    pub(super) whole: bool,
}

/// Cuts what is left into pieces, as the rule's mode and `keep_together` say.
pub(super) fn pieces(rule: &Rule, order: &OrderSnap, remaining: &[i64]) -> Vec<Piece> {
    let left = (0..order.lines.len()).filter(|&i| remaining[i] > 0);
    if rule.products == ProductMode::AllFromOne {
        return vec![Piece { lines: left.collect(), whole: true }];
    }
    let whole = rule.products == ProductMode::WholeLines;
    let Some(field) = rule.keep_together.as_deref() else {
        return left.map(|line| Piece { lines: vec![line], whole }).collect();
    };
    let together = |line: usize| order.lines[line].facts.get(field);
    let mut pieces: Vec<Piece> = Vec::new();
    for line in left {
        let group = together(line);
        let same = pieces.iter_mut().find(|p| group.is_some() && together(p.lines[0]) == group);
        match same {
            Some(piece) => piece.lines.push(line),
            None => pieces.push(Piece { lines: vec![line], whole: whole || group.is_some() }),
        }
    }
    pieces
}

/// The board less what a plan in the making means to take.
pub(super) struct Draft<'b, 'a> {
    pub(super) board: &'b Board<'a>,
    pub(super) order: &'b OrderSnap,
    taken: Vec<(ProductId, usize, i64)>,
}

impl<'b, 'a> Draft<'b, 'a> {
    pub(super) fn new(board: &'b Board<'a>, order: &'b OrderSnap) -> Self {
        Self { board, order, taken: Vec::new() }
    }

    fn available(&self, product: ProductId, location: usize) -> i64 {
        let taken = self.taken.iter().filter(|t| t.0 == product && t.1 == location).map(|t| t.2).sum::<i64>();
        self.board.available(product, location, self.order) - taken
    }

    fn take(&mut self, product: ProductId, location: usize, units: i64) {
        self.taken.push((product, location, units));
    }

    /// Takes what the location has of the pieces; whole ones only whole. Returns line and units.
    pub(super) fn give(&mut self, pieces: &[Piece], remaining: &[i64], location: usize) -> Vec<(usize, i64)> {
        let mut given = Vec::new();
        for piece in pieces {
            let before = (self.taken.len(), given.len());
            for &line in &piece.lines {
                let product = self.order.lines[line].product;
                let units = self.available(product, location).min(remaining[line]);
                if units < remaining[line] && piece.whole {
                    self.taken.truncate(before.0);
                    given.truncate(before.1);
                    break;
                }
                if units > 0 {
                    self.take(product, location, units);
                    given.push((line, units));
                }
            }
        }
        given
    }
}

/// What a location has of the products still to be placed.
#[derive(Clone, Copy, Default)]
pub(super) struct Has {
    /// Units available, at most those needed of each product.
    pub(super) covered: i64,
    /// All units available.
    pub(super) whole: i64,
}

/// What each location has of the needed products, and how many units are needed.
pub(super) fn coverage(board: &Board<'_>, order: &OrderSnap, remaining: &[i64]) -> (Vec<Has>, i64) {
    let mut needs: BTreeMap<ProductId, i64> = BTreeMap::new();
    for (line, &n) in order.lines.iter().zip(remaining).filter(|(_, n)| **n > 0) {
        *needs.entry(line.product).or_insert(0) += n;
    }
    let mut all = vec![Has::default(); board.snapshot.locations.len()];
    for (&product, &need) in &needs {
        for &(location, raw) in board.of(product) {
            let available = board.less_safety(raw, product, location, order);
            all[location].covered += available.min(need);
            all[location].whole += available;
        }
    }
    (all, needs.values().sum())
}

/// A candidate with its sort keys and what it has of the units needed.
pub(super) struct Candidate {
    pub(super) location: usize,
    pub(super) keys: Vec<Option<i64>>,
    pub(super) covered: i64,
}

/// Candidates of a rule, best first, and the locations it removed.
pub(super) struct Field {
    pub(super) candidates: Vec<Candidate>,
    pub(super) removed: Vec<(usize, Reason)>,
}

/// Filters and ranks the locations.
pub(super) fn field(rule: &Rule, board: &Board<'_>, target: &Target<'_>, all: &[Has]) -> Field {
    let (mut removed, mut candidates) = (Vec::new(), Vec::with_capacity(all.len()));
    for (location, &has) in all.iter().enumerate() {
        match filter::removed_by(rule, board, target, location) {
            Some(reason) => removed.push((location, reason)),
            None => candidates.push(Candidate {
                location,
                keys: score::keys(rule, board, target, location, has),
                covered: has.covered,
            }),
        }
    }
    candidates.sort_unstable_by(|a, b| order_of(rule, a, b));
    Field { candidates, removed }
}

pub(super) fn order_of(rule: &Rule, a: &Candidate, b: &Candidate) -> Ordering {
    score::compare(rule, (&a.keys, a.location), (&b.keys, b.location))
}

/// What one location would pack.
pub(super) struct Offer {
    /// Line and units, those brought by transfers included.
    lines: Vec<(usize, i64)>,
    transfers: Vec<transfers::Brought>,
}

/// What a rule needs to know of the order while it runs.
pub(super) struct Asking<'a> {
    pub(super) rule: &'a Rule,
    pub(super) order: &'a OrderSnap,
    pub(super) needed: i64,
}

impl Asking<'_> {
    /// What the location would pack of what is left, or why nothing.
    pub(super) fn offer(
        &self,
        board: &Board<'_>,
        work: &Work,
        location: usize,
        covered: i64,
    ) -> Result<Offer, Reason> {
        let (rule, order) = (self.rule, self.order);
        let pieces = pieces(rule, order, &work.remaining);
        let short = || Reason::numbers("stock", Some(covered), self.needed);
        let all_here = covered == self.needed;
        let offer = if rule.transferable && !all_here {
            self.with_transfers(board, work, pieces, location)
        } else if rule.products == ProductMode::AllFromOne && !all_here {
            return Err(short());
        } else {
            let lines = Draft::new(board, order).give(&pieces, &work.remaining, location);
            Offer { lines, transfers: Vec::new() }
        };
        if offer.lines.is_empty() {
            return Err(short());
        }
        self.limits(work, location, &offer).map_or(Ok(offer), Err)
    }

    /// Own units first, the rest brought; a whole piece that stays short is left out.
    fn with_transfers(
        &self,
        board: &Board<'_>,
        work: &Work,
        mut pieces: Vec<Piece>,
        location: usize,
    ) -> Offer {
        loop {
            let mut draft = Draft::new(board, self.order);
            let open: Vec<Piece> = pieces
                .iter()
                .flat_map(|p| &p.lines)
                .map(|&l| Piece { lines: vec![l], whole: false })
                .collect();
            let mut wanted = vec![0; work.remaining.len()];
            open.iter().for_each(|p| wanted[p.lines[0]] = work.remaining[p.lines[0]]);
            let mut got = vec![0; wanted.len()];
            draft.give(&open, &wanted, location).into_iter().for_each(|(line, units)| got[line] = units);
            let missing: Vec<i64> = wanted.iter().zip(&got).map(|(w, g)| w - g).collect();
            let brought = transfers::assign(&mut draft, work, location, missing);
            brought.iter().flat_map(|b| &b.lines).for_each(|&(line, units)| got[line] += units);
            let short = |p: &Piece| p.whole && p.lines.iter().any(|&l| got[l] < work.remaining[l]);
            match pieces.iter().position(short) {
                Some(i) => drop(pieces.remove(i)),
                None => {
                    let lines = got.into_iter().enumerate().filter(|(_, n)| *n > 0).collect();
                    return Offer { lines, transfers: brought };
                }
            }
        }
    }

    /// Which limit of the rule forbids to open a package for this, if one does.
    fn limits(&self, work: &Work, location: usize, offer: &Offer) -> Option<Reason> {
        let packages = self.order.packages + work.packages.len() as i64;
        if work.has_package(location) {
            return None;
        }
        let rule = self.rule;
        if let Some(most) = rule.max_packages.filter(|most| packages >= *most) {
            return Some(Reason::numbers("max_packages", Some(packages), most));
        }
        if packages == 0 {
            return None;
        }
        let units = || offer.lines.iter().map(|l| l.1).sum();
        if let Some((least, units)) =
            rule.min_units_per_extra_package.map(|n| (n, units())).filter(|(n, u)| u < n)
        {
            return Some(Reason::numbers("min_units_per_extra_package", Some(units), least));
        }
        let price = |line: usize| self.order.lines[line].price_minor.unwrap_or(0);
        // Bounded, not wrapped: what is beyond all bounds is certainly enough.
        let worth = offer.lines.iter().map(|&(line, units)| price(line).saturating_mul(units));
        let value = || worth.clone().fold(0_i64, i64::saturating_add);
        let (least, value): (i64, i64) =
            rule.min_value_per_extra_package.map(|n| (n, value())).filter(|(n, v)| v < n)?;
        Some(Reason::numbers("min_value_per_extra_package", Some(value), least))
    }
}

/// Makes an offer fact.
fn accept(
    by_quota: bool,
    order: &OrderSnap,
    board: &mut Board<'_>,
    work: &mut Work,
    location: usize,
    offer: Offer,
) -> Chosen {
    let package = work.package(location, by_quota);
    let mut own: BTreeMap<usize, i64> = offer.lines.iter().copied().collect();
    let mut chosen =
        Chosen { location: board.location(location).id, lines: Vec::new(), transfers: Vec::new() };
    for brought in offer.transfers {
        let mut items = Vec::new();
        for &(line, units) in &brought.lines {
            board.take(order.lines[line].product, brought.from, units);
            *own.get_mut(&line).expect("what is brought is part of the offer") -= units;
            items.push((order.lines[line].id, units));
        }
        let from = board.location(brought.from).id;
        chosen.transfers.push(ChosenTransfer { from, rule: brought.rule, lines: items.clone() });
        let transfers = &mut work.packages[package].transfers;
        match transfers.iter_mut().find(|t| t.from == brought.from) {
            Some(same) => items.into_iter().for_each(|(id, units)| add(&mut same.items, id, units)),
            None => transfers.push(WorkTransfer { from: brought.from, items }),
        }
    }
    for (&line, &units) in own.iter().filter(|(_, n)| **n > 0) {
        board.take(order.lines[line].product, location, units);
    }
    for (line, units) in offer.lines {
        work.place(order, package, line, units);
        chosen.lines.push((order.lines[line].id, units));
    }
    chosen
}

/// Brings what it can to the location that packs, from sources other than those that failed.
pub(super) fn bring(board: &mut Board<'_>, order: &OrderSnap, work: &mut Work, to: usize) -> Option<Chosen> {
    let mut draft = Draft::new(board, order);
    let brought = transfers::assign(&mut draft, work, to, work.remaining.clone());
    let mut sums: BTreeMap<usize, i64> = BTreeMap::new();
    for (line, units) in brought.iter().flat_map(|b| &b.lines) {
        *sums.entry(*line).or_default() += units;
    }
    let offer = Offer { lines: sums.into_iter().collect(), transfers: brought };
    (!offer.lines.is_empty()).then(|| accept(false, order, board, work, to, offer))
}

/// Runs one rule on what is left of the order and says why it chose what it chose.
pub(super) fn run_rule(
    rule: (usize, &Rule),
    board: &mut Board<'_>,
    order: &OrderSnap,
    work: &mut Work,
) -> Attempt {
    let target = Target::customer(order, work);
    let run = run(rule, board, order, work, &target);
    let Run { mut attempt, ranked, removed } = run;
    explain(&mut attempt, board, &ranked, &removed);
    attempt
}

/// A rule's run with all it looked at.
pub(super) struct Run {
    /// Without its lists of locations.
    pub(super) attempt: Attempt,
    /// Best first.
    pub(super) ranked: Vec<Candidate>,
    pub(super) removed: Vec<(usize, Reason)>,
}

/// Runs one rule towards a target.
pub(super) fn run(
    (index, rule): (usize, &Rule),
    board: &mut Board<'_>,
    order: &OrderSnap,
    work: &mut Work,
    target: &Target<'_>,
) -> Run {
    let lines = work.remaining.iter().filter(|n| **n > 0).count();
    let mut attempt = Attempt { rule: rule.name.clone(), index, lines, ..Attempt::default() };
    if !runs(rule, order, work) {
        attempt.skipped = true;
        return Run { attempt, ranked: Vec::new(), removed: Vec::new() };
    }
    let (all, needed) = coverage(board, order, &work.remaining);
    let asking = Asking { rule, order, needed };
    let Field { candidates, removed: by_filter } = field(rule, board, target, &all);
    attempt.candidates = all.len();

    let can = |c: &Candidate| match (rule.products, rule.transferable) {
        (_, true) => true,
        (ProductMode::AllFromOne, false) => c.covered == needed,
        (ProductMode::WholeLines | ProductMode::Units, false) => c.covered > 0,
    };
    let mut removed = Vec::new();
    let mut ranked = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if !can(&candidate) {
            removed.push((candidate.location, Reason::numbers("stock", Some(candidate.covered), needed)));
        } else if work.is_done() {
            ranked.push(candidate);
        } else {
            match asking.offer(board, work, candidate.location, candidate.covered) {
                Err(reason) => removed.push((candidate.location, reason)),
                Ok(offer) => {
                    let by_quota = rule.by_quota();
                    attempt.chosen.push(accept(by_quota, order, board, work, candidate.location, offer));
                    ranked.push(candidate);
                }
            }
        }
    }
    removed.extend(by_filter);
    Run { attempt, ranked, removed }
}

/// Whether the rule's `when` holds.
pub(super) fn runs(rule: &Rule, order: &OrderSnap, work: &Work) -> bool {
    rule.when.as_ref().is_none_or(|when| when.holds(&work.subject(order, work.progress(order))))
}

/// Lists the best of those ranked and removed, and counts the rest.
fn explain(attempt: &mut Attempt, board: &Board<'_>, ranked: &[Candidate], removed: &[(usize, Reason)]) {
    attempt.ranked_more = ranked.len().saturating_sub(MAX_LISTED);
    let shown = ranked.iter().take(MAX_LISTED);
    attempt
        .ranked
        .extend(shown.map(|c| Ranked { location: board.location(c.location).id, keys: c.keys.clone() }));
    let mut more: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, (location, reason)) in removed.iter().enumerate() {
        if i < MAX_LISTED {
            attempt.removed.push(reason.removed(board, *location));
        } else {
            *more.entry(reason.by).or_default() += 1;
        }
    }
    attempt.removed_more = more.into_iter().map(|(by, n)| (by.to_owned(), n)).collect();
}
