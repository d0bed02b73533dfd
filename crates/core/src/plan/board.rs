//! The stock and load of a batch as they stand after the orders planned so far.

use std::collections::HashMap;

use super::snapshot::{LocationSnap, OrderSnap, SafetySnap, Snapshot, StockSnap};
use crate::ids::ProductId;

/// What is left to give. Looked up, never iterated: the order of a hash map must not reach a decision.
#[derive(Clone)]
pub(super) struct Board<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// Per product, `(location, available)` ascending by location.
    stock: HashMap<ProductId, Vec<(usize, i64)>>,
    /// Packages that hold a slot, by location.
    pub(super) open_packages: Vec<i64>,
    /// A location as a counterfactual supposes it.
    pub(super) supposed: Option<(usize, LocationSnap)>,
}

impl<'a> Board<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut stock: HashMap<ProductId, Vec<(usize, i64)>> = HashMap::new();
        let is_said = |row: &&StockSnap| {
            let engine = snapshot.locations[row.location].engine;
            !snapshot.unsaid.iter().any(|u| Some(u.engine) == engine && u.product == row.product)
        };
        for row in snapshot.stock.iter().filter(is_said) {
            stock.entry(row.product).or_default().push((row.location, row.available));
        }
        stock.values_mut().for_each(|rows| rows.sort_unstable());
        let open_packages = snapshot.locations.iter().map(|l| l.open_packages).collect();
        Self { snapshot, stock, open_packages, supposed: None }
    }

    /// A copy that knows the order's products only.
    pub(super) fn of_order(&self, order: &OrderSnap) -> Self {
        let products = order.lines.iter().map(|l| l.product);
        let stock = products.filter_map(|p| Some((p, self.stock.get(&p)?.clone()))).collect();
        Self { snapshot: self.snapshot, stock, open_packages: self.open_packages.clone(), supposed: None }
    }

    pub(super) fn location(&self, index: usize) -> &LocationSnap {
        match &self.supposed {
            Some((i, snap)) if *i == index => snap,
            _ => &self.snapshot.locations[index],
        }
    }

    /// Where the product is, and how much of it, before safety.
    pub(super) fn of(&self, product: ProductId) -> &[(usize, i64)] {
        self.stock.get(&product).map_or(&[], Vec::as_slice)
    }

    /// What of the product this order may have from the location.
    pub(super) fn available(&self, product: ProductId, location: usize, order: &OrderSnap) -> i64 {
        self.less_safety(self.raw(product, location), product, location, order)
    }

    /// What of the product is there and not promised; negative where an outside engine found less than
    /// was promised.
    pub(super) fn raw(&self, product: ProductId, location: usize) -> i64 {
        let rows = self.of(product);
        rows.binary_search_by_key(&location, |r| r.0).map_or(0, |i| rows[i].1)
    }

    pub(super) fn less_safety(
        &self,
        raw: i64,
        product: ProductId,
        location: usize,
        order: &OrderSnap,
    ) -> i64 {
        if self.snapshot.safety.is_empty() {
            return raw.max(0);
        }
        (raw - safety(&self.snapshot.safety, product, location, order.traits.channel.as_deref())).max(0)
    }

    pub(super) fn take(&mut self, product: ProductId, location: usize, units: i64) {
        let rows = self.stock.get_mut(&product).expect("units are taken only where the board has them");
        let i = rows.binary_search_by_key(&location, |r| r.0).expect("the location has the product");
        rows[i].1 -= units;
        assert!(rows[i].1 >= 0, "the board never gives more than it has");
    }

    /// Adds units at a location: for counterfactuals and their tests.
    pub(super) fn add(&mut self, product: ProductId, location: usize, units: i64) {
        let rows = self.stock.entry(product).or_default();
        match rows.binary_search_by_key(&location, |r| r.0) {
            Ok(i) => rows[i].1 += units,
            Err(i) => rows.insert(i, (location, units)),
        }
    }
}

/// The safety of the most specific row.
pub fn safety(rows: &[SafetySnap], product: ProductId, location: usize, channel: Option<&str>) -> i64 {
    let fits = |row: &&SafetySnap| {
        row.product.is_none_or(|p| p == product)
            && row.location.is_none_or(|l| l == location)
            && row.channel.as_deref().is_none_or(|c| Some(c) == channel)
    };
    let weight = |row: &&SafetySnap| {
        4 * i64::from(row.product.is_some())
            + 2 * i64::from(row.location.is_some())
            + i64::from(row.channel.is_some())
    };
    rows.iter().filter(fits).max_by_key(weight).map_or(0, |row| row.units)
}
