//! Search by how a number, a SKU, a word of a product's name or a tracking number begins.
//!
//! Terms are kept folded, written with the records they are of. Packages and transfers have none: their numbers begin
//! with their order's, which finds them.

use std::collections::{BTreeMap, BTreeSet};

use oms_core::search::{fold, last_with_prefix, words};

use crate::batch::Rows;
use crate::setup::settings;
use crate::{Row, StoreError, Tx, args};

/// Terms of orders: their numbers.
pub const ORDER: i64 = 1;
/// Terms of products: SKU, barcode, the words of the name.
pub const PRODUCT: i64 = 2;
/// Terms of shipments: their tracking numbers, also former ones.
pub const SHIPMENT: i64 = 3;

/// Packages and transfers of one order that are looked through; an order has a handful.
const MOST_OF_AN_ORDER: i64 = 50;

/// Terms to be written.
#[derive(Debug, Default)]
pub struct Terms(BTreeSet<(i64, String, i64)>);

impl Terms {
    fn add(&mut self, kind: i64, term: String, id: i64) {
        if !term.is_empty() {
            self.0.insert((kind, term, id));
        }
    }

    /// An order's number.
    pub fn order(&mut self, id: i64, number: &str) {
        self.add(ORDER, fold(number), id);
    }

    /// What a product is known by.
    pub fn product(&mut self, id: i64, sku: &str, name: &str, barcode: Option<&str>) {
        self.add(PRODUCT, fold(sku), id);
        self.add(PRODUCT, fold(barcode.unwrap_or_default()), id);
        if name != sku {
            words(name).into_iter().for_each(|word| self.add(PRODUCT, word, id));
        }
    }

    /// A shipment's tracking number.
    pub fn shipment(&mut self, id: i64, tracking_number: &str) {
        self.add(SHIPMENT, fold(tracking_number), id);
    }

    /// Writes them, in the order of their key: two nodes that know the same product do not lock each other out.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut rows = Rows::new(3);
        self.0.into_iter().for_each(|(kind, term, id)| rows.push(args![kind, term, id]));
        let tail = "ON CONFLICT (kind, term, entity_id) DO NOTHING";
        tx.insert("INSERT INTO search_terms (kind, term, entity_id)", rows, tail).await?;
        Ok(())
    }
}

/// What a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    Order,
    Package,
    Transfer,
    Product,
}

impl Found {
    /// Its word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Package => "package",
            Self::Transfer => "transfer",
            Self::Product => "product",
        }
    }
}

/// One record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub entity: Found,
    pub id: i64,
    /// Its number, or its SKU.
    pub label: String,
    /// Of an order: its channel's name. Of a product: its own.
    pub name: Option<String>,
    /// Of a package: the code of its location. Of a transfer: of the one it goes to.
    pub location: Option<String>,
    /// Of a package or transfer; of an order, the hub's.
    pub state: Option<i64>,
}

/// The ids of one kind whose terms begin so, by term.
async fn by_prefix(tx: &mut Tx, kind: i64, prefix: &str, limit: i64) -> Result<Vec<i64>, StoreError> {
    // A product may be met by several of its words: twice as many are read as are shown.
    let sql = "SELECT entity_id FROM search_terms WHERE kind = $1 AND term >= $2 AND term <= $3 \
               ORDER BY kind, term, entity_id LIMIT $4";
    let rows = tx.fetch(sql, args![kind, prefix, last_with_prefix(prefix), limit * 2]).await?;
    let mut ids: Vec<i64> = Vec::new();
    for row in &rows {
        let id = row.i64(0)?;
        if !ids.contains(&id) && (ids.len() as i64) < limit {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Where a text that is the number of a package or transfer may end the number of its order: before a `p` that
/// only digits follow, or digits, a `t` and digits.
fn order_numbers(text: &str) -> impl Iterator<Item = &str> {
    let is_tail = |tail: &str| {
        let after = tail.trim_start_matches(|c: char| c.is_ascii_digit());
        after.is_empty()
            || after
                .strip_prefix('t')
                .is_some_and(|n| tail.len() > after.len() && n.chars().all(|c| c.is_ascii_digit()))
    };
    text.match_indices('p')
        .filter(move |(at, _)| *at > 0 && is_tail(&text[at + 1..]))
        .map(move |(at, _)| &text[..at])
}

/// Everything that begins with the text, at most `limit` of each kind: orders, packages, transfers, products.
pub async fn find(tx: &mut Tx, text: &str, limit: i64) -> Result<Vec<Hit>, StoreError> {
    let text = fold(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let orders = by_prefix(tx, ORDER, &text, limit).await?;
    let products = by_prefix(tx, PRODUCT, &text, limit).await?;
    let shipments = by_prefix(tx, SHIPMENT, &text, limit).await?;

    let mut of_orders = orders.clone();
    for number in order_numbers(&text) {
        let sql =
            "SELECT entity_id FROM search_terms WHERE kind = $1 AND term = $2 ORDER BY entity_id LIMIT $3";
        for row in tx.fetch(sql, args![ORDER, number, limit]).await? {
            of_orders.push(row.i64(0)?);
        }
    }
    let (mut packages, mut transfers) = numbered(tx, &of_orders, &text).await?;
    shipped(tx, shipments, &mut packages, &mut transfers).await?;
    if let [product] = products[..] {
        holding(tx, product, limit, &mut packages).await?;
    }
    for ids in [&mut packages, &mut transfers] {
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        ids.truncate(limit.unsigned_abs() as usize);
    }

    let mut hits = order_hits(tx, orders).await?;
    hits.extend(package_hits(tx, packages).await?);
    hits.extend(transfer_hits(tx, transfers).await?);
    hits.extend(product_hits(tx, products).await?);
    Ok(hits)
}

/// The packages and transfers of orders whose numbers begin so.
async fn numbered(tx: &mut Tx, orders: &[i64], text: &str) -> Result<(Vec<i64>, Vec<i64>), StoreError> {
    let (mut packages, mut all) = (Vec::new(), Vec::new());
    for &order in orders {
        let sql = "SELECT id, number FROM packages WHERE order_id = $1 ORDER BY n LIMIT $2";
        for row in tx.fetch(sql, args![order, MOST_OF_AN_ORDER]).await? {
            let mut c = row.cols();
            let (id, number) = (c.i64()?, c.text()?);
            all.push(id);
            if fold(&number).starts_with(text) {
                packages.push(id);
            }
        }
    }
    let head = "SELECT id, number FROM transfers WHERE package_id";
    let mut transfers = Vec::new();
    for row in tx.fetch_in(head, all, "ORDER BY package_id, n").await? {
        let mut c = row.cols();
        let (id, number) = (c.i64()?, c.text()?);
        if fold(&number).starts_with(text) {
            transfers.push(id);
        }
    }
    Ok((packages, transfers))
}

/// The packages and transfers of shipments.
async fn shipped(
    tx: &mut Tx,
    shipments: Vec<i64>,
    packages: &mut Vec<i64>,
    transfers: &mut Vec<i64>,
) -> Result<(), StoreError> {
    let head = "SELECT package_id, transfer_id FROM shipments WHERE id";
    for row in tx.fetch_in(head, shipments, "ORDER BY id").await? {
        let mut c = row.cols();
        packages.extend(c.opt_i64()?);
        transfers.extend(c.opt_i64()?);
    }
    Ok(())
}

/// Packages that hold a product.
async fn holding(tx: &mut Tx, product: i64, limit: i64, packages: &mut Vec<i64>) -> Result<(), StoreError> {
    let sql = "SELECT package_id FROM package_items WHERE product_id = $1 ORDER BY product_id DESC, package_id DESC LIMIT $2";
    for row in tx.fetch(sql, args![product, limit]).await? {
        packages.push(row.i64(0)?);
    }
    Ok(())
}

/// The rows in the order their ids were found.
async fn in_order(
    tx: &mut Tx,
    head: &str,
    ids: Vec<i64>,
    read: impl Fn(&Row) -> Result<Hit, StoreError>,
) -> Result<Vec<Hit>, StoreError> {
    let rows = tx.fetch_in(head, ids.iter().copied(), "").await?;
    let mut hits: BTreeMap<i64, Hit> =
        rows.iter().map(|r| read(r).map(|h| (h.id, h))).collect::<Result<_, StoreError>>()?;
    Ok(ids.iter().filter_map(|id| hits.remove(id)).collect())
}

async fn order_hits(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Hit>, StoreError> {
    let head = "SELECT t.id, t.number, c.name, t.hub_status FROM orders t JOIN channels c ON c.id = t.channel_id WHERE t.id";
    in_order(tx, head, ids, |row| {
        let mut c = row.cols();
        let (id, label, name) = (c.i64()?, c.text()?, c.opt_text()?);
        Ok(Hit { entity: Found::Order, id, label, name, location: None, state: Some(c.i64()?) })
    })
    .await
}

async fn package_hits(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Hit>, StoreError> {
    let head = "SELECT t.id, t.number, l.erp_code, t.state FROM packages t JOIN locations l ON l.id = t.location_id WHERE t.id";
    in_order(tx, head, ids, |row| {
        let mut c = row.cols();
        let (id, label, location) = (c.i64()?, c.text()?, c.opt_text()?);
        Ok(Hit { entity: Found::Package, id, label, name: None, location, state: Some(c.i64()?) })
    })
    .await
}

async fn transfer_hits(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Hit>, StoreError> {
    let head = "SELECT t.id, t.number, l.erp_code, t.state FROM transfers t JOIN locations l ON l.id = t.to_location_id WHERE t.id";
    in_order(tx, head, ids, |row| {
        let mut c = row.cols();
        let (id, label, location) = (c.i64()?, c.text()?, c.opt_text()?);
        Ok(Hit { entity: Found::Transfer, id, label, name: None, location, state: Some(c.i64()?) })
    })
    .await
}

async fn product_hits(tx: &mut Tx, ids: Vec<i64>) -> Result<Vec<Hit>, StoreError> {
    in_order(tx, "SELECT t.id, t.sku, t.name FROM products t WHERE t.id", ids, |row| {
        let mut c = row.cols();
        let (id, label, name) = (c.i64()?, c.text()?, c.opt_text()?);
        Ok(Hit { entity: Found::Product, id, label, name, location: None, state: None })
    })
    .await
}

/// The fact that says how far the records of a kind that are older than the terms have theirs. Gone: all have.
fn mark(kind: i64) -> String {
    format!("search_terms_{kind}")
}

/// Writes the terms of at most `most` records that are older than the table; returns how many there were. Records
/// made meanwhile bring their own.
pub async fn fill(tx: &mut Tx, most: i64) -> Result<usize, StoreError> {
    let sources = [
        (ORDER, "SELECT id, number, NULL, NULL FROM orders"),
        (PRODUCT, "SELECT id, sku, name, barcode FROM products"),
        (SHIPMENT, "SELECT id, COALESCE(tracking_number, ''), NULL, NULL FROM shipments"),
    ];
    for (kind, select) in sources {
        let mark = mark(kind);
        let Some(done) = settings::fact(tx, &mark).await? else { continue };
        let after: i64 =
            done.parse().map_err(|_| StoreError::Corrupt(format!("fact {mark} is no number")))?;
        let rows =
            tx.fetch(format!("{select} WHERE id > $1 ORDER BY id LIMIT $2"), args![after, most]).await?;
        let (mut terms, mut last) = (Terms::default(), after);
        for row in &rows {
            let mut c = row.cols();
            let (id, text, name, barcode) = (c.i64()?, c.text()?, c.opt_text()?, c.opt_text()?);
            match kind {
                ORDER => terms.order(id, &text),
                PRODUCT => terms.product(id, &text, name.as_deref().unwrap_or_default(), barcode.as_deref()),
                _ => terms.shipment(id, &text),
            }
            last = id;
        }
        terms.write(tx).await?;
        if rows.is_empty() {
            settings::forget_fact(tx, &mark).await?;
            continue;
        }
        settings::set_fact(tx, &mark, &last.to_string()).await?;
        return Ok(rows.len());
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_order_is_read_off_those_of_its_packages() {
        let of = |text: &'static str| order_numbers(text).collect::<Vec<_>>();
        assert_eq!(of("1001p2"), ["1001"]);
        assert_eq!(of("1001p2t1"), ["1001"]);
        assert_eq!(of("1001p"), ["1001"]);
        assert_eq!(of("sp12p3"), ["sp12"]);
        assert!(of("p12").is_empty() && of("1001").is_empty() && of("1001pt1").is_empty());
    }
}
