//! The base of a hub's world: a pure function of the data. A record's key is its place in file order.

use std::collections::HashMap;

use crate::data::{Dataset, Product};

use super::kind::{Kind, MODELS};

/// A country, found on the places of the data.
pub(crate) struct Country {
    pub name: String,
    pub code: String,
}

/// A city (province) and the country it lies in.
pub(crate) struct City {
    pub name: String,
    pub country: i64,
}

/// A township, its city, and the middle of the stores in it (of the customers if it has none).
pub(crate) struct Township {
    pub name: String,
    pub city: i64,
    pub lat: f64,
    pub lon: f64,
}

/// Carriers of the demo: key, name and slug; the keys are their places.
pub(crate) const CARGOS: [(&str, &str); 5] = [
    ("Harbour", "harbour"),
    ("Lantern", "lantern"),
    ("Meadow", "meadow"),
    ("Pebble", "pebble"),
    ("Swift", "swift"),
];
/// The carrier every base order asks for (Swift).
pub(crate) const BASE_CARGO: i64 = 5;
/// Reasons a shopper may give: what they end, and the words.
pub(crate) const REASONS: [(&str, &str); 6] = [
    ("cancel", "Changed my mind"),
    ("cancel", "Ordered by mistake"),
    ("cancel", "Delivery takes too long"),
    ("refund", "Not as described"),
    ("refund", "Arrived damaged"),
    ("refund", "Wrong product"),
];
/// Channels: name and type. Every base order came through the first.
pub(crate) const CHANNELS: [(&str, &str); 2] = [("Web shop", "web"), ("Marketplace", "sales_channel")];
/// ISO 3166 codes of countries the known data names; any other gets its first two letters.
const CODES: [(&str, &str); 2] = [("Turkey", "TR"), ("Türkiye", "TR")];

/// What never changes while a hub runs.
pub(crate) struct Base {
    pub data: Dataset,
    /// When everything but orders was made: just before the first order.
    pub began_us: i64,
    pub countries: Vec<Country>,
    pub cities: Vec<City>,
    pub townships: Vec<Township>,
    pub store_township: Vec<i64>,
    pub customer_township: Vec<i64>,
    pub products: Vec<Product>,
    pub product_by_sku: HashMap<String, i64>,
    pub amounts: Vec<i64>,
    /// First item (0-based) of each order, and the end of the last.
    pub first_item: Vec<u32>,
    /// Order (0-based) of each item.
    pub item_order: Vec<u32>,
    /// Product key of each item.
    pub item_product: Vec<u32>,
    pub quantity_key: String,
}

impl Base {
    pub(crate) fn new(data: Dataset, quantity_key: String) -> Self {
        let mut places = Places::default();
        let store_township = data
            .locations
            .iter()
            .map(|l| places.add(&l.country, &l.city, &l.township, l.lat, l.lon))
            .collect();
        let stores_end = places.townships.len();
        let customer_township = data
            .customers
            .iter()
            .map(|c| places.add_home(stores_end, &c.country, &c.city, &c.township, c.lat, c.lon))
            .collect();
        let (products, product_by_sku) = products(&data);
        let mut first_item = vec![0];
        let mut item_order = Vec::with_capacity(data.line_count());
        let mut item_product = Vec::with_capacity(data.line_count());
        let mut amounts = Vec::with_capacity(data.orders.len());
        for (at, order) in data.orders.iter().enumerate() {
            let mut amount = 0_i64;
            for line in &order.lines {
                item_order.push(at as u32);
                item_product.push(product_by_sku.get(&line.sku).copied().unwrap_or_default() as u32);
                amount = amount.saturating_add(line.quantity.saturating_mul(line.unit_price_minor));
            }
            first_item.push(item_order.len() as u32);
            amounts.push(amount);
        }
        let began_us = data.orders.iter().map(|o| o.placed_us).min().unwrap_or_default();
        Self {
            began_us,
            countries: places.countries,
            cities: places.cities,
            townships: places.townships.into_iter().map(|t| t.township).collect(),
            store_township,
            customer_township,
            products,
            product_by_sku,
            amounts,
            first_item,
            item_order,
            item_product,
            quantity_key,
            data,
        }
    }

    /// How many records of a kind the base has; their keys are 1 to this.
    pub(crate) fn count(&self, kind: Kind) -> i64 {
        let count = match kind {
            Kind::Country => self.countries.len(),
            Kind::City => self.cities.len(),
            Kind::Township | Kind::District => self.townships.len(),
            Kind::Channel => CHANNELS.len(),
            Kind::RetailStore => self.data.locations.len(),
            Kind::Order => self.data.orders.len(),
            Kind::OrderItem => self.item_order.len(),
            Kind::Product => self.products.len(),
            Kind::Customer | Kind::Address => self.data.customers.len(),
            Kind::Cargo => CARGOS.len(),
            Kind::CancellationReason => REASONS.len(),
            Kind::ContentType => MODELS.len(),
            Kind::CancellationRequest
            | Kind::CancellationPlan
            | Kind::BatchRequest
            | Kind::IntegrationAction
            | Kind::Mapping
            | Kind::Webhook => 0,
        };
        count as i64
    }

    /// When a base record last changed, as far as the base knows.
    pub(crate) fn modified_us(&self, kind: Kind, pk: i64) -> i64 {
        let order = match kind {
            Kind::Order => pk as usize - 1,
            Kind::OrderItem => self.item_order[pk as usize - 1] as usize,
            _ => return self.began_us,
        };
        self.data.orders[order].placed_us
    }

    /// Item keys of a base order.
    pub(crate) fn items_of(&self, order: i64) -> std::ops::Range<i64> {
        let at = order as usize;
        if order < 1 || at >= self.first_item.len() {
            return 0..0;
        }
        i64::from(self.first_item[at - 1]) + 1..i64::from(self.first_item[at]) + 1
    }
}

fn products(data: &Dataset) -> (Vec<Product>, HashMap<String, i64>) {
    let mut products = Vec::with_capacity(data.products.len());
    let mut by_sku = HashMap::with_capacity(data.products.len());
    let named = data.products.iter().cloned();
    let unnamed = data.orders.iter().flat_map(|o| &o.lines).map(|l| Product::unnamed(&l.sku));
    for product in named.chain(unnamed) {
        if !by_sku.contains_key(&product.sku) {
            by_sku.insert(product.sku.clone(), products.len() as i64 + 1);
            products.push(product);
        }
    }
    (products, by_sku)
}

struct Sighting {
    township: Township,
    seen: f64,
}

/// Collects countries, cities and townships in the order they are first seen.
#[derive(Default)]
struct Places {
    countries: Vec<Country>,
    cities: Vec<City>,
    townships: Vec<Sighting>,
    country_pk: HashMap<String, i64>,
    city_pk: HashMap<(i64, String), i64>,
    township_pk: HashMap<(i64, String), i64>,
}

impl Places {
    fn add(&mut self, country: &str, city: &str, township: &str, lat: f64, lon: f64) -> i64 {
        let pk = self.township(country, city, township);
        let sighting = &mut self.townships[pk as usize - 1];
        sighting.seen += 1.0;
        sighting.township.lat += (lat - sighting.township.lat) / sighting.seen;
        sighting.township.lon += (lon - sighting.township.lon) / sighting.seen;
        pk
    }

    /// As `add`, but leaves a township that has stores where they are.
    fn add_home(
        &mut self,
        stores_end: usize,
        country: &str,
        city: &str,
        township: &str,
        lat: f64,
        lon: f64,
    ) -> i64 {
        let pk = self.township(country, city, township);
        if pk as usize > stores_end { self.add(country, city, township, lat, lon) } else { pk }
    }

    fn township(&mut self, country: &str, city: &str, township: &str) -> i64 {
        let next = self.countries.len() as i64 + 1;
        let country_pk = *self.country_pk.entry(country.to_owned()).or_insert(next);
        if country_pk == next {
            self.countries.push(Country { name: country.to_owned(), code: country_code(country) });
        }
        let next = self.cities.len() as i64 + 1;
        let city_pk = *self.city_pk.entry((country_pk, city.to_owned())).or_insert(next);
        if city_pk == next {
            self.cities.push(City { name: city.to_owned(), country: country_pk });
        }
        let next = self.townships.len() as i64 + 1;
        let pk = *self.township_pk.entry((city_pk, township.to_owned())).or_insert(next);
        if pk == next {
            let township = Township { name: township.to_owned(), city: city_pk, lat: 0.0, lon: 0.0 };
            self.townships.push(Sighting { township, seen: 0.0 });
        }
        pk
    }
}

fn country_code(name: &str) -> String {
    match CODES.iter().find(|(n, _)| *n == name) {
        Some((_, code)) => (*code).to_owned(),
        None => {
            name.chars().filter(char::is_ascii_alphabetic).take(2).collect::<String>().to_ascii_uppercase()
        }
    }
}
