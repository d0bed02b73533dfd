//! The data a world is made of: orders, customers, places, stock and products.

mod generate;
mod load;

use std::path::{Path, PathBuf};

pub use generate::GenerateSize;
pub use load::DataError;

/// Microseconds in a week: order times move by whole weeks so that weekday and hour stay real.
pub const WEEK_US: i64 = 7 * 24 * 3600 * 1_000_000;

/// An order with its lines, in file order.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub number: String,
    /// Index into [`Dataset::customers`].
    pub customer: usize,
    pub placed_us: i64,
    pub lines: Vec<Line>,
}

/// One line of an order: so many units of one SKU.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub sku: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
}

/// A customer and the home orders are delivered to.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    pub code: String,
    pub country: String,
    pub city: String,
    pub township: String,
    pub lat: f64,
    pub lon: f64,
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationKind {
    Store,
    Warehouse,
}

impl LocationKind {
    /// The word used in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Warehouse => "warehouse",
        }
    }
}

/// A store or warehouse that holds stock.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    pub erp_code: String,
    pub kind: LocationKind,
    pub name: String,
    pub country: String,
    pub city: String,
    pub township: String,
    pub lat: f64,
    pub lon: f64,
}

/// Units of a SKU at a location when the world begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRow {
    pub erp_code: String,
    pub sku: String,
    pub quantity: i64,
}

/// A product; every text but the SKU may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub sku: String,
    pub department: String,
    pub brand: String,
    pub category: String,
    pub kind: String,
    pub package_size: String,
}

impl Product {
    /// A product known by its SKU only.
    pub fn unnamed(sku: &str) -> Self {
        let none = String::new;
        Self {
            sku: sku.into(),
            department: none(),
            brand: none(),
            category: none(),
            kind: none(),
            package_size: none(),
        }
    }

    /// The name shown to people: type and size, else category, else the SKU.
    pub fn name(&self) -> String {
        let base = [&self.kind, &self.category, &self.sku].into_iter().find(|s| !s.is_empty());
        let base = base.map_or("", |s| s.as_str());
        if self.package_size.is_empty() { base.to_owned() } else { format!("{base} {}", self.package_size) }
    }
}

/// Everything a world begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub orders: Vec<Order>,
    pub customers: Vec<Customer>,
    pub locations: Vec<Location>,
    pub stock: Vec<StockRow>,
    pub products: Vec<Product>,
    identity: String,
}

impl Dataset {
    /// Reads a data directory: `order_lines`, `customers`, `stock_locations`, `stock` and `products`,
    /// each as `.csv` or `.csv.gz`.
    pub fn load(dir: &Path) -> Result<Self, DataError> {
        load::load(dir)
    }

    /// Makes a small country of its own; the same seed and size give the same world on every machine.
    pub fn generate(seed: u64, size: GenerateSize) -> Self {
        generate::generate(seed, size)
    }

    /// What this was made of, as a SHA-256 in hex: a database made with other data can be refused by it.
    pub fn identity(&self) -> String {
        self.identity.clone()
    }

    /// Number of order lines.
    pub fn line_count(&self) -> usize {
        self.orders.iter().map(|o| o.lines.len()).sum()
    }

    /// Whole weeks to add so that the last order falls within the seven days before `now_us`, never after it.
    pub fn shift_weeks_for(&self, now_us: i64) -> i64 {
        let last = self.orders.iter().map(|o| o.placed_us).max();
        last.map_or(0, |last| now_us.saturating_sub(last).div_euclid(WEEK_US))
    }

    /// Moves every order by so many weeks.
    pub fn apply_shift(&mut self, weeks: i64) {
        let by = weeks.saturating_mul(WEEK_US);
        for order in &mut self.orders {
            order.placed_us = order.placed_us.saturating_add(by);
        }
    }
}

/// The small committed slice of real data, for tests of this and other crates.
pub fn slice_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("slice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shift_is_whole_weeks_and_never_reaches_the_future() {
        let mut data = Dataset::generate(7, GenerateSize::default());
        for now in [1_800_000_000_000_000, 1_800_000_000_000_001, 2_345_678_901_234_567] {
            let weeks = data.shift_weeks_for(now);
            data.apply_shift(weeks);
            let last = data.orders.iter().map(|o| o.placed_us).max().expect("orders");
            assert!(last <= now && last > now - WEEK_US);
            assert_eq!(data.shift_weeks_for(now), 0);
        }
    }

    #[test]
    fn the_slice_loads() {
        let data = Dataset::load(&slice_dir()).expect("slice");
        assert_eq!(data.locations.len(), 200);
        assert!(data.orders.len() >= 800);
        assert!(data.locations.iter().any(|l| l.kind == LocationKind::Warehouse));
        assert_eq!(data.identity(), Dataset::load(&slice_dir()).expect("slice").identity());
    }
}
