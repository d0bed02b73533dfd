//! How candidates rank.

use std::cmp::Ordering;

use super::board::Board;
use super::search::{Has, Target};
use crate::scenarios::{Rule, SortBy, SortOrder};

/// The rule's sort keys of one location; `None` is unknown. `has`: of the products still to be placed.
pub(super) fn keys(
    rule: &Rule,
    board: &Board<'_>,
    target: &Target<'_>,
    location: usize,
    has: Has,
) -> Vec<Option<i64>> {
    let snap = board.location(location);
    let key = |by| match by {
        SortBy::Distance => target.distance(location),
        SortBy::Priority => Some(snap.priority),
        SortBy::Stock if board.snapshot.since(3) => Some(has.whole),
        SortBy::Stock | SortBy::Coverage => Some(has.covered),
        SortBy::Density => Some(board.open_packages[location]),
        SortBy::PackagingTime => snap.packaging_minutes,
        SortBy::ExitTime => snap.exit_minutes,
    };
    rule.sort.iter().map(|s| key(s.by)).collect()
}

/// Compares two candidates by their keys; an unknown key is last in either direction. Ties end at
/// `erp_code`, which is the order of the locations themselves.
pub(super) fn compare(rule: &Rule, a: (&[Option<i64>], usize), b: (&[Option<i64>], usize)) -> Ordering {
    let by_keys = rule.sort.iter().zip(a.0.iter().zip(b.0)).map(|(sort, (x, y))| match (x, y) {
        (Some(x), Some(y)) if sort.order == SortOrder::Desc => y.cmp(x),
        (Some(x), Some(y)) => x.cmp(y),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
    by_keys.fold(Ordering::Equal, Ordering::then).then(a.1.cmp(&b.1))
}
