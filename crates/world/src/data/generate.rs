//! A small invented country, made from a seed.
//!
//! Only whole-number draws and the four basic operations are used, so that every machine makes the same
//! world. Stock is laid out along the demand: most units where the customer lives, some in warehouses, a
//! few nowhere. A planner has routing to do and some orders stay out of stock.

use sha2::{Digest, Sha256};

use super::{Customer, Dataset, Line, Location, LocationKind, Order, Product, StockRow};

/// How much of everything a generated world has. Zeroes count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerateSize {
    pub orders: usize,
    pub customers: usize,
    /// Stores and warehouses together.
    pub locations: usize,
    /// How many of the locations are warehouses.
    pub warehouses: usize,
    pub skus: usize,
}

impl Default for GenerateSize {
    fn default() -> Self {
        Self { orders: 600, customers: 400, locations: 40, warehouses: 4, skus: 300 }
    }
}

/// Raised when the same seed would make another world, so that old databases are refused.
const VERSION: u32 = 1;
const COUNTRY: &str = "Arda";
/// Monday 2024-01-01 00:00 UTC; the hub moves the orders to this week anyway.
const FIRST_DAY_US: i64 = 1_704_067_200_000_000;
const SPAN_DAYS: u64 = 28;
/// Of a hundred units asked for, so many lie in a store of the customer's town…
const PERCENT_IN_TOWN: u64 = 55;
/// …and so many up to here in the town or a warehouse; the rest lies nowhere.
const PERCENT_ANYWHERE: u64 = 94;

const FIRST: [&str; 12] =
    ["Kara", "Ak", "Yeni", "Gum", "Deniz", "Orman", "Tas", "Bag", "Cam", "Su", "Gol", "Kum"];
const SECOND: [&str; 10] = ["pinar", "kale", "hisar", "koy", "tepe", "dere", "liman", "ova", "kent", "saray"];
const DEPARTMENTS: [&str; 5] = ["GROCERY", "PRODUCE", "DRUG GM", "DELI", "PASTRY"];
const KINDS: [&str; 12] = [
    "TEA", "COFFEE", "OLIVES", "PASTA", "RICE", "SOAP", "APPLES", "CHEESE", "BREAD", "JUICE", "HONEY",
    "LENTILS",
];
const SIZES: [&str; 6] = ["250 G", "500 G", "1 KG", "330 ML", "1 L", ""];

/// SplitMix64: eight lines, good enough for a demo, and ours to keep the same for ever.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; the tiny bias of the remainder does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// An index where small ones are drawn more often, as some products and towns are.
    fn skewed(&mut self, len: usize) -> usize {
        self.index(len).min(self.index(len))
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.index(from.len())]
    }

    /// Degrees between two bounds, to five places (about a metre).
    fn degrees(&mut self, low: f64, high: f64) -> f64 {
        let at = low + (high - low) * (self.below(1_000_000) as f64 / 1_000_000.0);
        (at * 100_000.0).round() / 100_000.0
    }
}

pub(super) fn generate(seed: u64, size: GenerateSize) -> Dataset {
    let mut draw = Draw(seed);
    let locations = locations(&mut draw, size);
    let (customers, homes) = customers(&mut draw, size, &locations);
    let products = products(&mut draw, size);
    let prices: Vec<i64> = products.iter().map(|_| 195 + 10 * draw.below(480) as i64).collect();
    let orders = orders(&mut draw, size, customers.len(), &products, &prices);
    let stock = stock(&mut draw, &orders, &homes, &locations);
    let label = format!("generated v{VERSION} seed {seed} size {size:?}");
    let identity = hex::encode(Sha256::digest(label.as_bytes()));
    Dataset { orders, customers, locations, stock, products, identity }
}

fn locations(draw: &mut Draw, size: GenerateSize) -> Vec<Location> {
    let count = size.locations.max(1);
    let warehouses = size.warehouses.min(count);
    let mut locations: Vec<Location> = Vec::with_capacity(count);
    for i in 0..count {
        // Every eighth place shares a town with an earlier one: real towns have several stores.
        let twin = (i % 8 == 7).then(|| locations[draw.skewed(i)].clone());
        let (city, township, lat, lon) = match twin {
            Some(t) => {
                (t.city, t.township, t.lat + draw.degrees(-0.03, 0.03), t.lon + draw.degrees(-0.03, 0.03))
            }
            None => {
                let town = town(i);
                (
                    format!("{} Province", town_of_province(i)),
                    town,
                    draw.degrees(36.5, 41.5),
                    draw.degrees(27.0, 43.5),
                )
            }
        };
        let kind = if i < warehouses { LocationKind::Warehouse } else { LocationKind::Store };
        let word = if i < warehouses { "Warehouse" } else { "Store" };
        let number = i + 1;
        locations.push(Location {
            erp_code: format!("L{number:03}"),
            kind,
            name: format!("{township} {word} {number}"),
            country: COUNTRY.into(),
            city,
            township,
            lat,
            lon,
        });
    }
    locations
}

fn town(i: usize) -> String {
    let round = i / (FIRST.len() * SECOND.len());
    let name = format!("{}{}", FIRST[i % FIRST.len()], SECOND[(i / FIRST.len() + i) % SECOND.len()]);
    if round == 0 { name } else { format!("{name} {}", round + 1) }
}

fn town_of_province(i: usize) -> String {
    // Three towns a province, named after the first of them.
    town(i - i % 3)
}

fn customers(draw: &mut Draw, size: GenerateSize, locations: &[Location]) -> (Vec<Customer>, Vec<usize>) {
    let mut homes = Vec::new();
    let mut customers = Vec::new();
    for i in 0..size.customers.max(1) {
        let home = draw.skewed(locations.len());
        let near = &locations[home];
        customers.push(Customer {
            code: format!("C{:05}", i + 1),
            country: near.country.clone(),
            city: near.city.clone(),
            township: near.township.clone(),
            lat: near.lat + draw.degrees(-0.15, 0.15),
            lon: near.lon + draw.degrees(-0.15, 0.15),
        });
        homes.push(home);
    }
    (customers, homes)
}

fn products(draw: &mut Draw, size: GenerateSize) -> Vec<Product> {
    (0..size.skus.max(1))
        .map(|i| {
            let kind = KINDS[i % KINDS.len()];
            Product {
                sku: format!("SKU-{:04}", i + 1),
                department: draw.pick(&DEPARTMENTS).into(),
                brand: if draw.below(3) == 0 { "Private" } else { "National" }.into(),
                category: kind.into(),
                kind: format!("{kind} No {}", i / KINDS.len() + 1),
                package_size: draw.pick(&SIZES).into(),
            }
        })
        .collect()
}

fn orders(
    draw: &mut Draw,
    size: GenerateSize,
    people: usize,
    products: &[Product],
    prices: &[i64],
) -> Vec<Order> {
    let mut times: Vec<i64> = (0..size.orders.max(1)).map(|_| draw_time(draw)).collect();
    times.sort_unstable();
    let mut orders = Vec::with_capacity(times.len());
    for (i, placed_us) in times.into_iter().enumerate() {
        let mut lines: Vec<Line> = Vec::new();
        for _ in 0..=draw.skewed(9) {
            let product = draw.skewed(products.len());
            let sku = products[product].sku.clone();
            if lines.iter().any(|l| l.sku == sku) {
                continue;
            }
            let quantity = 1 + draw.below(12) as i64 / 9 + draw.below(30) as i64 / 29;
            lines.push(Line { sku, quantity, unit_price_minor: prices[product] });
        }
        orders.push(Order {
            number: format!("D{:07}", i + 1),
            customer: draw.index(people),
            placed_us,
            lines,
        });
    }
    orders
}

fn draw_time(draw: &mut Draw) -> i64 {
    // Nobody buys at four in the morning: hours 7 to 22, the later ones of two draws.
    let day = draw.below(SPAN_DAYS) as i64;
    let minute = 7 * 60 + draw.below(900).max(draw.below(900)) as i64;
    let second = draw.below(60) as i64;
    FIRST_DAY_US + ((day * 1440 + minute) * 60 + second) * 1_000_000
}

fn stock(draw: &mut Draw, orders: &[Order], homes: &[usize], locations: &[Location]) -> Vec<StockRow> {
    let warehouses: Vec<usize> =
        (0..locations.len()).filter(|&i| locations[i].kind == LocationKind::Warehouse).collect();
    let mut units: std::collections::BTreeMap<(usize, &str), i64> = std::collections::BTreeMap::new();
    for order in orders {
        for line in &order.lines {
            for _ in 0..line.quantity {
                let percent = draw.below(100);
                let at = if percent < PERCENT_IN_TOWN || warehouses.is_empty() {
                    homes[order.customer]
                } else {
                    warehouses[draw.index(warehouses.len())]
                };
                if percent < PERCENT_ANYWHERE {
                    *units.entry((at, line.sku.as_str())).or_default() += 1;
                }
            }
        }
    }
    let row = |((at, sku), quantity): ((usize, &str), i64)| StockRow {
        erp_code: locations[at].erp_code.clone(),
        sku: sku.to_owned(),
        quantity,
    };
    units.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_world() {
        let (a, b) = (generate(1, GenerateSize::default()), generate(1, GenerateSize::default()));
        assert_eq!(a, b);
        let c = generate(2, GenerateSize::default());
        assert_ne!(a.identity(), c.identity());
        assert_ne!(a.orders, c.orders);
    }

    #[test]
    fn the_world_is_whole_and_scarce() {
        let data = generate(3, GenerateSize::default());
        assert_eq!((data.orders.len(), data.locations.len(), data.products.len()), (600, 40, 300));
        assert_eq!(data.locations.iter().filter(|l| l.kind == LocationKind::Warehouse).count(), 4);
        assert!(data.orders.iter().all(|o| !o.lines.is_empty() && o.customer < data.customers.len()));
        let asked: i64 = data.orders.iter().flat_map(|o| &o.lines).map(|l| l.quantity).sum();
        let held: i64 = data.stock.iter().map(|s| s.quantity).sum();
        assert!(held < asked && held > asked * 85 / 100, "{held} of {asked}");
    }

    #[test]
    fn the_smallest_world_does_not_panic() {
        let none = GenerateSize { orders: 0, customers: 0, locations: 0, warehouses: 3, skus: 0 };
        assert_eq!(generate(9, none).orders.len(), 1);
    }
}
