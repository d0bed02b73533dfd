//! Placing units: the stock board of a batch, what is left of an order, and one rule's run.

use std::collections::{BTreeMap, HashMap};

use super::explain::{Attempt, Chosen, MAX_LISTED, Ranked, Removed};
use super::snapshot::{LocationSnap, OrderSnap, Snapshot};
use super::{filter, score};
use crate::ids::{LineId, ProductId};
use crate::scenarios::{ProductMode, Rule};

/// The stock and load of the batch as it stands after the orders planned so far.
pub(super) struct Board<'a> {
    locations: &'a [LocationSnap],
    /// Per product, `(location, available)` ascending by location. Looked up, never iterated: the
    /// order of a hash map must not reach a decision.
    stock: HashMap<ProductId, Vec<(usize, i64)>>,
    open_packages: Vec<i64>,
}

impl<'a> Board<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut stock: HashMap<ProductId, Vec<(usize, i64)>> = HashMap::new();
        for row in &snapshot.stock {
            stock.entry(row.product).or_default().push((row.location, row.available));
        }
        for rows in stock.values_mut() {
            rows.sort_unstable();
        }
        let open_packages = snapshot.locations.iter().map(|l| l.open_packages).collect();
        Self { locations: &snapshot.locations, stock, open_packages }
    }

    pub(super) fn location(&self, index: usize) -> &'a LocationSnap {
        &self.locations[index]
    }

    pub(super) fn open_packages(&self, index: usize) -> i64 {
        self.open_packages[index]
    }

    /// Counts the order's packages, once it is planned, for the orders after it.
    pub(super) fn count_packages(&mut self, made: &[WorkPackage]) {
        for package in made {
            self.open_packages[package.location] += 1;
        }
    }

    fn of(&self, product: ProductId) -> &[(usize, i64)] {
        self.stock.get(&product).map_or(&[], Vec::as_slice)
    }

    fn available(&self, product: ProductId, location: usize) -> i64 {
        let rows = self.of(product);
        rows.binary_search_by_key(&location, |r| r.0).map_or(0, |i| rows[i].1)
    }

    fn take(&mut self, product: ProductId, location: usize, units: i64) {
        let rows = self.stock.get_mut(&product).expect("units are taken only where the board has them");
        let i = rows.binary_search_by_key(&location, |r| r.0).expect("the location has the product");
        rows[i].1 -= units;
        assert!(rows[i].1 >= 0, "the board never gives more than it has");
    }
}

/// A package in the making.
pub(super) struct WorkPackage {
    pub(super) location: usize,
    pub(super) items: Vec<(LineId, i64)>,
}

/// What is left of an order, and the packages made of it so far.
pub(super) struct Work {
    remaining: Vec<i64>,
    packages: Vec<WorkPackage>,
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

    pub(super) fn into_packages(self) -> Vec<WorkPackage> {
        self.packages
    }

    /// Units still to be placed, by product (one product may stand in several lines).
    fn needs(&self, order: &OrderSnap) -> BTreeMap<ProductId, i64> {
        let mut needs = BTreeMap::new();
        for (line, &n) in order.lines.iter().zip(&self.remaining).filter(|(_, n)| **n > 0) {
            *needs.entry(line.product).or_insert(0) += n;
        }
        needs
    }

    /// Gives units of a line to a location: one package a location, whichever rule chose it.
    fn place(&mut self, line: usize, id: LineId, location: usize, units: i64) {
        self.remaining[line] -= units;
        let package = match self.packages.iter().position(|p| p.location == location) {
            Some(i) => &mut self.packages[i],
            None => {
                self.packages.push(WorkPackage { location, items: Vec::new() });
                self.packages.last_mut().expect("just pushed")
            }
        };
        match package.items.iter_mut().find(|(l, _)| *l == id) {
            Some((_, n)) => *n += units,
            None => package.items.push((id, units)),
        }
    }
}

/// A candidate with its sort keys and what it has of the units needed.
struct Candidate {
    location: usize,
    keys: Vec<Option<i64>>,
    covered: i64,
}

/// Runs one rule on what is left of the order and says why it chose what it chose.
pub(super) fn run_rule(rule: &Rule, board: &mut Board<'_>, order: &OrderSnap, work: &mut Work) -> Attempt {
    let needs = work.needs(order);
    let needed: i64 = needs.values().sum();
    let covered = coverage(board, &needs);

    let mut removed_by_filter = Vec::new();
    let mut candidates = Vec::with_capacity(board.locations.len());
    for (location, snap) in board.locations.iter().enumerate() {
        match filter::removed_by(rule, snap) {
            Some(by) => removed_by_filter.push((location, by)),
            None => candidates.push(Candidate {
                location,
                keys: score::keys(rule, board, order, location, covered[location]),
                covered: covered[location],
            }),
        }
    }
    candidates.sort_unstable_by(|a, b| score::compare(rule, (&a.keys, a.location), (&b.keys, b.location)));
    let enough = |c: &Candidate| match rule.products {
        ProductMode::AllFromOne => c.covered == needed,
        ProductMode::WholeLines | ProductMode::Units => c.covered > 0,
    };
    let (ranked, short): (Vec<_>, Vec<_>) = candidates.into_iter().partition(enough);

    let mut attempt = Attempt {
        rule: rule.name.clone(),
        lines: work.remaining.iter().filter(|n| **n > 0).count(),
        candidates: board.locations.len(),
        ..Attempt::default()
    };
    explain_removed(&mut attempt, board, &short, needed, &removed_by_filter);
    attempt.ranked_more = ranked.len().saturating_sub(MAX_LISTED);
    attempt.ranked.extend(
        ranked
            .iter()
            .take(MAX_LISTED)
            .map(|c| Ranked { location: board.location(c.location).id, keys: c.keys.clone() }),
    );
    for candidate in &ranked {
        if work.is_done() {
            break;
        }
        let lines = give(rule.products, board, order, work, candidate.location);
        if !lines.is_empty() {
            attempt.chosen.push(Chosen { location: board.location(candidate.location).id, lines });
        }
    }
    attempt
}

/// For each location, how many of the needed units it has.
fn coverage(board: &Board<'_>, needs: &BTreeMap<ProductId, i64>) -> Vec<i64> {
    let mut covered = vec![0; board.locations.len()];
    for (&product, &need) in needs {
        for &(location, available) in board.of(product) {
            covered[location] += available.min(need);
        }
    }
    covered
}

/// Gives the location what the mode lets it take; returns lines and units.
fn give(
    mode: ProductMode,
    board: &mut Board<'_>,
    order: &OrderSnap,
    work: &mut Work,
    location: usize,
) -> Vec<(LineId, i64)> {
    let mut given = Vec::new();
    for (i, line) in order.lines.iter().enumerate() {
        let wanted = work.remaining[i];
        let available = board.available(line.product, location);
        let units = match mode {
            ProductMode::WholeLines if available < wanted => 0,
            _ => available.min(wanted),
        };
        if units > 0 {
            board.take(line.product, location, units);
            work.place(i, line.id, location, units);
            given.push((line.id, units));
        }
    }
    given
}

/// Lists the best of those removed and counts the rest by what removed them.
fn explain_removed(
    attempt: &mut Attempt,
    board: &Board<'_>,
    short: &[Candidate],
    needed: i64,
    by_filter: &[(usize, &'static str)],
) {
    let stock = short.iter().map(|c| (c.location, "stock", Some(c.covered)));
    let filters = by_filter.iter().map(|&(location, by)| (location, by, None));
    let mut more: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, (location, by, have)) in stock.chain(filters).enumerate() {
        if i < MAX_LISTED {
            let location = board.location(location).id;
            attempt.removed.push(Removed { location, by: by.into(), have, need: have.map(|_| needed) });
        } else {
            *more.entry(by).or_default() += 1;
        }
    }
    attempt.removed_more = more.into_iter().map(|(by, n)| (by.to_owned(), n)).collect();
}
