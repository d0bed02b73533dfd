//! What would have made a location win.
//!
//! The winner of an attempt is the first location it chose, if it chose one. For each other location: the smallest
//! change of one number (units of stock, metres, priority, open packages, minutes, slots) with which it would have been
//! that first one; and for a location that filters removed, where it would rank without them. A location that no change
//! of one number helps is not told of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::board::Board;
use super::explain::Removed;
use super::filter;
use super::search::{self, Asking, Candidate, Target, Work, coverage};
use super::snapshot::{LocationSnap, OrderSnap, Snapshot};
use super::{Moment, score};
use crate::ids::{LocationId, ProductId};
use crate::scenarios::{Filter, Rule, SortBy};

/// More units than this are no small change; none is stated then.
const MAX_UNITS: usize = 500;

/// The losers of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losers {
    pub rule: String,
    /// The rule's place in the scenario's chain.
    pub index: usize,
    /// None: it placed nothing.
    pub winner: Option<LocationId>,
    /// The others that one change would help, those that ranked first.
    pub losers: Vec<Loser>,
}

/// One location that was not chosen first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loser {
    pub location: LocationId,
    /// Its place among those that ranked, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// What removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removed>,
    /// Each alone would have made it the winner, and one less would not.
    pub changes: Vec<Change>,
    /// Where it would rank without the filters that removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<Without>,
}

/// One number, as it is and as it would have to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// More stock of these products.
    Units { add: Vec<(ProductId, i64)> },
    /// Another distance to the delivery address.
    Metres { have: i64, need: i64 },
    /// More minutes to the cut-off.
    Minutes { have: i64, need: i64 },
    /// A larger `max_quota` (none counts as 0).
    Quota { have: i64, need: i64 },
    /// In a rule that sorts by `stock`: another amount of all that is still to be placed, by more or less of this product.
    Stock { product: ProductId, have: i64, need: i64 },
    /// Another priority.
    Priority { have: i64, need: i64 },
    /// Another number of open packages.
    OpenPackages { have: i64, need: i64 },
    /// Another targeted packaging time, in minutes.
    PackagingMinutes { have: i64, need: i64 },
    /// Another targeted exit time, in minutes.
    ExitMinutes { have: i64, need: i64 },
}

/// The filters that removed a location, and its rank in the same attempt without them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    pub filters: Vec<String>,
    /// `None`: it would still not rank, for lack of stock or by a limit.
    pub rank: Option<usize>,
}

/// The losers of every attempt that an order's rules made, by its ordinal in the batch.
pub fn losers(snapshot: &Snapshot, ordinal: usize) -> Vec<Losers> {
    let Some(order) = snapshot.orders.get(ordinal) else { return Vec::new() };
    let mut board = Board::new(snapshot);
    for earlier in &snapshot.orders[..ordinal] {
        super::plan_order(snapshot, &mut board, earlier, &mut |_| {});
    }
    let mut all = Vec::new();
    super::plan_order(snapshot, &mut board, order, &mut |moment| all.extend(of_attempt(&moment, order)));
    all
}

fn of_attempt(moment: &Moment<'_, '_>, order: &OrderSnap) -> Option<Losers> {
    let board = moment.board.of_order(order);
    let (index, rule) = moment.rule;
    let target = Target::customer(order, moment.work);
    let run = search::run(moment.rule, &mut board.clone(), order, &mut moment.work.clone(), &target);
    if run.attempt.skipped {
        return None;
    }
    let winner = run.attempt.chosen.first().map(|c| c.location);
    let place = run.ranked.iter().position(|c| Some(board.location(c.location).id) == winner);
    let (_, needed) = coverage(&board, order, &moment.work.remaining);
    let winning = place.map(|place| &run.ranked[place]);
    let mut stage = Stage {
        board,
        work: moment.work,
        order,
        rule: moment.rule,
        needed,
        winning,
        lifted: BTreeMap::new(),
    };

    let mut losers = Vec::new();
    for (i, candidate) in run.ranked.iter().enumerate().filter(|(i, _)| Some(*i) != place) {
        losers.push(stage.loser(candidate.location, Some(i + 1), None));
    }
    for (location, reason) in &run.removed {
        let removed = reason.removed(&stage.board, *location);
        losers.push(stage.loser(*location, None, Some(removed)));
    }
    losers.retain(|l| !l.changes.is_empty() || l.without.as_ref().is_some_and(|w| w.rank.is_some()));
    Some(Losers { rule: rule.name.clone(), index, winner, losers })
}

/// An attempt as it stood, on which suppositions are tried.
struct Stage<'s, 'a> {
    /// Knows the order's products only.
    board: Board<'a>,
    work: &'s Work,
    order: &'s OrderSnap,
    rule: (usize, &'s Rule),
    needed: i64,
    /// None: nobody was chosen.
    winning: Option<&'s Candidate>,
    /// Who ranks without a set of filters, by the set.
    lifted: BTreeMap<Vec<usize>, Vec<usize>>,
}

/// What is supposed of one location.
#[derive(Default)]
struct Supposition {
    units: Vec<(ProductId, i64)>,
    metres: Option<i64>,
    open_packages: Option<i64>,
    snap: Option<LocationSnap>,
}

/// Units by product, in the order in which the products first appear.
fn tally(units: &[ProductId]) -> Vec<(ProductId, i64)> {
    let mut sums: Vec<(ProductId, i64)> = Vec::new();
    for &product in units {
        match sums.iter_mut().find(|(p, _)| *p == product) {
            Some((_, n)) => *n += 1,
            None => sums.push((product, 1)),
        }
    }
    sums
}

impl Stage<'_, '_> {
    fn loser(&mut self, location: usize, rank: Option<usize>, removed: Option<Removed>) -> Loser {
        let mut changes =
            vec![self.units(location), self.metres(location), self.minutes(location), self.quota(location)];
        let sorted_by: Vec<SortBy> = self.rule.1.sort.iter().map(|s| s.by).collect();
        changes.extend(sorted_by.into_iter().map(|by| self.key(location, by)));
        Loser {
            location: self.board.location(location).id,
            rank,
            removed,
            changes: changes.into_iter().flatten().collect(),
            without: self.without(location),
        }
    }

    /// Whether the location would be chosen first.
    fn wins(&mut self, location: usize, suppose: Supposition) -> bool {
        let mut target = Target::customer(self.order, self.work);
        target.supposed = suppose.metres.map(|metres| (location, metres));
        self.board.supposed = suppose.snap.map(|snap| (location, snap));
        suppose.units.iter().for_each(|&(product, n)| self.board.add(product, location, n));
        let open_packages = self.board.open_packages[location];
        self.board.open_packages[location] = suppose.open_packages.unwrap_or(open_packages);
        let wins = if self.rule.1.transferable {
            // What a location has more, or may send, others may get by transfer: all must be asked again.
            self.first(&target) == Some(location)
        } else {
            self.outranks(location, &target)
        };
        suppose.units.iter().for_each(|&(product, n)| self.board.add(product, location, -n));
        self.board.open_packages[location] = open_packages;
        self.board.supposed = None;
        wins
    }

    fn first(&self, target: &Target<'_>) -> Option<usize> {
        let run = search::run(self.rule, &mut self.board.clone(), self.order, &mut self.work.clone(), target);
        let winner = run.attempt.chosen.first()?.location;
        run.ranked.iter().map(|c| c.location).find(|&l| self.board.location(l).id == winner)
    }

    /// Whether the location passes, ranks before the winner and has something to give. Nothing else of
    /// the attempt depends on it.
    fn outranks(&self, location: usize, target: &Target<'_>) -> bool {
        let (_, rule) = self.rule;
        if filter::removed_by(rule, &self.board, target, location).is_some() {
            return false;
        }
        let has = coverage(&self.board, self.order, &self.work.remaining).0[location];
        let covered = has.covered;
        let keys = score::keys(rule, &self.board, target, location, has);
        let mine = Candidate { location, keys, covered };
        let asking = Asking { rule, order: self.order, needed: self.needed };
        self.winning.is_none_or(|winning| search::order_of(rule, &mine, winning).is_lt())
            && asking.offer(&self.board, self.work, location, covered).is_ok()
    }

    /// The fewest units that would do, the cheapest piece to complete first.
    fn units(&mut self, location: usize) -> Option<Change> {
        let target = Target::customer(self.order, self.work);
        if filter::removed_by(self.rule.1, &self.board, &target, location).is_some() {
            return None;
        }
        let fill = self.shortage(location);
        if fill.len() > MAX_UNITS {
            return None;
        }
        let enough = (1..=fill.len()).map(|n| tally(&fill[..n])).find(|add| self.wins_with(location, add))?;
        Some(Change::Units { add: self.without_needless(location, enough) })
    }

    fn wins_with(&mut self, location: usize, add: &[(ProductId, i64)]) -> bool {
        self.wins(location, Supposition { units: add.to_vec(), ..Supposition::default() })
    }

    /// Leaves out every unit that is not needed.
    fn without_needless(&mut self, location: usize, mut add: Vec<(ProductId, i64)>) -> Vec<(ProductId, i64)> {
        let one_less = |add: &[(ProductId, i64)], i: usize| {
            let mut less = add.to_vec();
            less[i].1 -= 1;
            less
        };
        while let Some(less) =
            (0..add.len()).map(|i| one_less(&add, i)).find(|less| self.wins_with(location, less))
        {
            add = less;
            add.retain(|(_, units)| *units > 0);
        }
        add
    }

    /// The product of each unit that the location misses, the piece that misses fewest first. At most
    /// [`MAX_UNITS`] and one.
    fn shortage(&self, location: usize) -> Vec<ProductId> {
        let pieces = search::pieces(self.rule.1, self.order, &self.work.remaining);
        let mut have: BTreeMap<ProductId, i64> = BTreeMap::new();
        let mut missing: Vec<Vec<ProductId>> = Vec::new();
        for piece in pieces {
            let mut of_piece = Vec::new();
            for line in piece.lines {
                let product = self.order.lines[line].product;
                let available = || self.board.available(product, location, self.order);
                let left = have.entry(product).or_insert_with(available);
                let short = (self.work.remaining[line] - *left).max(0);
                *left = (*left - self.work.remaining[line]).max(0);
                let most = MAX_UNITS + 1 - of_piece.len().min(MAX_UNITS);
                of_piece.extend(std::iter::repeat_n(product, (short as usize).min(most)));
            }
            missing.push(of_piece);
        }
        missing.sort_by_key(Vec::len);
        missing.into_iter().flatten().take(MAX_UNITS + 1).collect()
    }

    /// The nearest distance that would do: where it wins is one stretch, which ends at the winner's
    /// distance or at a limit.
    fn metres(&mut self, location: usize) -> Option<Change> {
        let target = Target::customer(self.order, self.work);
        let have = target.distance(location)?;
        let mut ends: Vec<i64> = Vec::new();
        if let Some(winner) = self.winning.and_then(|w| target.distance(w.location)) {
            ends.extend([winner - 1, winner, winner + 1]);
        }
        ends.extend(self.rule.1.filters.iter().filter_map(|f| match f {
            Filter::MaxDistance { metres } => Some(*metres),
            _ => None,
        }));
        ends.retain(|&end| end >= 0 && end != have);
        ends.sort_by_key(|end| (end.abs_diff(have), *end));
        let wins = |end: &i64| {
            let suppose = Supposition { metres: Some(*end), ..Supposition::default() };
            self.wins(location, suppose)
        };
        ends.into_iter().find(wins).map(|need| Change::Metres { have, need })
    }

    fn minutes(&mut self, location: usize) -> Option<Change> {
        let snap = self.board.location(location).clone();
        let have = snap.minutes_to_cut_off?;
        let needs = self.rule.1.filters.iter().filter_map(|f| match f {
            Filter::BeforeCutOff { minutes } => Some(*minutes),
            _ => None,
        });
        let need = needs.max().filter(|need| *need > have)?;
        let snap = LocationSnap { minutes_to_cut_off: Some(need), ..snap };
        let suppose = Supposition { snap: Some(snap), ..Supposition::default() };
        self.wins(location, suppose).then_some(Change::Minutes { have, need })
    }

    fn quota(&mut self, location: usize) -> Option<Change> {
        let snap = self.board.location(location).clone();
        let have = snap.max_quota.unwrap_or(0);
        let need = self.board.open_packages[location] + 1;
        if !self.rule.1.by_quota() || self.work.has_package(location) || have >= need {
            return None;
        }
        let snap = LocationSnap { max_quota: Some(need), ..snap };
        let suppose = Supposition { snap: Some(snap), ..Supposition::default() };
        self.wins(location, suppose).then_some(Change::Quota { have, need })
    }

    /// The nearest value of a sort key that would do: where it wins is one stretch, which ends at the winner's value.
    fn key(&mut self, location: usize, by: SortBy) -> Option<Change> {
        let at = self.rule.1.sort.iter().position(|s| s.by == by)?;
        let winner = self.winning?.keys[at]?;
        let snap = self.board.location(location).clone();
        let has = coverage(&self.board, self.order, &self.work.remaining).0[location];
        let have = match by {
            SortBy::Priority => snap.priority,
            SortBy::Density => self.board.open_packages[location],
            SortBy::Stock if self.board.snapshot.since(3) => has.whole,
            SortBy::PackagingTime => snap.packaging_minutes?,
            SortBy::ExitTime => snap.exit_minutes?,
            // Told as metres and units.
            SortBy::Distance | SortBy::Coverage | SortBy::Stock => return None,
        };
        let mut ends = [winner - 1, winner, winner + 1];
        ends.sort_by_key(|end| (end.abs_diff(have), *end));
        let is_possible = |end: i64| end != have && (by == SortBy::Priority || end >= 0);
        let product = self.fullest(location)?;
        let suppose = |need: i64| {
            let with = |snap: LocationSnap| Supposition { snap: Some(snap), ..Supposition::default() };
            match by {
                SortBy::Priority => with(LocationSnap { priority: need, ..snap.clone() }),
                SortBy::Density => Supposition { open_packages: Some(need), ..Supposition::default() },
                SortBy::PackagingTime => with(LocationSnap { packaging_minutes: Some(need), ..snap.clone() }),
                SortBy::ExitTime => with(LocationSnap { exit_minutes: Some(need), ..snap.clone() }),
                _ => Supposition { units: vec![(product, need - have)], ..Supposition::default() },
            }
        };
        let need = ends.into_iter().find(|&end| is_possible(end) && self.wins(location, suppose(end)))?;
        // Where less would do, something else is in the way, and is told by another change.
        if self.wins(location, suppose(need + (have - need).signum())) {
            return None;
        }
        Some(match by {
            SortBy::Priority => Change::Priority { have, need },
            SortBy::Density => Change::OpenPackages { have, need },
            SortBy::PackagingTime => Change::PackagingMinutes { have, need },
            SortBy::ExitTime => Change::ExitMinutes { have, need },
            _ => Change::Stock { product, have, need },
        })
    }

    /// The product still to be placed of which the location has most: the first of them.
    fn fullest(&self, location: usize) -> Option<ProductId> {
        let left = self.order.lines.iter().zip(&self.work.remaining).filter(|(_, n)| **n > 0);
        let have = |product| self.board.available(product, location, self.order);
        left.map(|(l, _)| l.product).rev().max_by_key(|&product| have(product))
    }

    /// Where it would rank if the filters that refuse it were not in the rule.
    fn without(&mut self, location: usize) -> Option<Without> {
        let target = Target::customer(self.order, self.work);
        let (index, rule) = self.rule;
        let refuses = |f: &Filter| filter::refuses(f, &self.board, &target, location).is_some();
        let refusing: Vec<usize> =
            rule.filters.iter().enumerate().filter(|(_, f)| refuses(f)).map(|(i, _)| i).collect();
        if refusing.is_empty() {
            return None;
        }
        let filters = refusing.iter().map(|&i| rule.filters[i].word().to_owned()).collect();
        let (board, order, work) = (&self.board, self.order, self.work);
        let ranked = self.lifted.entry(refusing.clone()).or_insert_with(|| {
            let mut open = rule.clone();
            let mut i = 0;
            open.filters.retain(|_| {
                i += 1;
                !refusing.contains(&(i - 1))
            });
            let run = search::run((index, &open), &mut board.clone(), order, &mut work.clone(), &target);
            run.ranked.iter().map(|c| c.location).collect()
        });
        let rank = ranked.iter().position(|&l| l == location).map(|i| i + 1);
        Some(Without { filters, rank })
    }
}
