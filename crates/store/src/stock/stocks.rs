//! Stock: balances changed only by conditional updates, and the ledger that explains them.

use std::collections::{BTreeMap, BTreeSet};

use oms_core::stocks::Movement;

use crate::access::logs::Actor;
use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// (product, location): the key of a balance, and the order in which balances are locked.
pub type Place = (i64, i64);

/// What a movement adds: on hand, reserved, quarantined.
pub type Deltas = (i64, i64, i64);

/// What a balance holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    pub on_hand: i64,
    pub reserved: i64,
    pub quarantined: i64,
}

impl Balance {
    /// What may still be promised.
    pub fn available(self) -> i64 {
        self.on_hand - self.reserved - self.quarantined
    }
}

fn read(rows: Vec<crate::Row>) -> Result<BTreeMap<Place, Balance>, StoreError> {
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let place = (c.i64()?, c.i64()?);
        Ok((place, Balance { on_hand: c.i64()?, reserved: c.i64()?, quarantined: c.i64()? }))
    };
    rows.iter().map(one).collect()
}

const COLUMNS: &str = "s.product_id, s.location_id, s.on_hand, s.reserved, s.quarantined";

/// What is free of a product at a place, and what is promised of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    pub available: i64,
    pub reserved: i64,
}

/// The balances of products that are not empty. One row a product crosses from the database: its places
/// as text, `location:available:reserved,…`.
pub async fn of_products(tx: &mut Tx, products: &[i64]) -> Result<BTreeMap<Place, Free>, StoreError> {
    let head = "SELECT s.product_id, string_agg(s.location_id || ':' || (s.on_hand - s.reserved - s.quarantined) \
                || ':' || s.reserved, ',') FROM stocks s WHERE (s.on_hand > 0 OR s.reserved > 0) AND s.product_id";
    let mut available = BTreeMap::new();
    for row in tx.fetch_in(head, products.iter().copied(), "GROUP BY s.product_id").await? {
        let mut c = row.cols();
        let (product, places) = (c.i64()?, c.text()?);
        for place in places.split(',') {
            let mut numbers = place.split(':').map(|n| n.parse::<i64>().ok());
            let mut next = || numbers.next().flatten();
            let (Some(location), Some(available_here), Some(reserved)) = (next(), next(), next()) else {
                return Err(StoreError::Corrupt(format!("stock of product {product}: {place:?}")));
            };
            available.insert((product, location), Free { available: available_here, reserved });
        }
    }
    Ok(available)
}

/// The same, with every row of the products locked in key order.
pub async fn lock_products(tx: &mut Tx, products: &[i64]) -> Result<BTreeMap<Place, Free>, StoreError> {
    if tx.dialect() == crate::db::Dialect::Sqlite {
        // The writer is ours: nobody else changes them.
        return of_products(tx, products).await;
    }
    let lock = tx.dialect().for_update();
    let head = format!("SELECT {COLUMNS} FROM stocks s WHERE s.product_id");
    let tail = format!("ORDER BY s.product_id, s.location_id{lock}");
    let balances = read(tx.fetch_in(&head, products.iter().copied(), &tail).await?)?;
    let free = |b: Balance| Free { available: b.available(), reserved: b.reserved };
    Ok(balances.into_iter().map(|(place, b)| (place, free(b))).collect())
}

/// Holds every balance of products in key order. On SQLite the writer holds them all.
pub async fn hold_products(tx: &mut Tx, products: impl Iterator<Item = i64>) -> Result<(), StoreError> {
    if tx.dialect() == crate::db::Dialect::Sqlite {
        return Ok(());
    }
    let products: std::collections::BTreeSet<i64> = products.collect();
    let head = "SELECT product_id FROM stocks WHERE product_id";
    tx.fetch_in(head, products, "ORDER BY product_id, location_id FOR UPDATE").await?;
    Ok(())
}

/// Locks balances in key order and reads them. `places` ascend.
pub async fn lock(
    tx: &mut Tx,
    places: impl IntoIterator<Item = Place>,
) -> Result<BTreeMap<Place, Balance>, StoreError> {
    let mut rows = Rows::new(2);
    places.into_iter().for_each(|(product, location)| rows.push(args![product, location]));
    let lock = match tx.dialect() {
        crate::db::Dialect::Sqlite => "",
        crate::db::Dialect::Postgres => " FOR UPDATE OF s",
    };
    let body = format!(
        "SELECT {COLUMNS} FROM v JOIN stocks s ON s.product_id = v.p AND s.location_id = v.l \
         ORDER BY s.product_id, s.location_id{lock}"
    );
    read(tx.with_values("p, l", rows, &body).await?)
}

/// Units to be promised at a place, and the safety that must stay there afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    pub units: i64,
    pub safety: i64,
}

/// Adds to `reserved` where the guard holds; the balances after it are the answer.
pub async fn reserve(
    tx: &mut Tx,
    grants: &BTreeMap<Place, Grant>,
) -> Result<BTreeMap<Place, Balance>, StoreError> {
    let mut rows = Rows::new(4);
    for (&(product, location), grant) in grants {
        rows.push(args![product, location, grant.units, grant.safety]);
    }
    let body = "UPDATE stocks SET reserved = reserved + v.n FROM v WHERE stocks.product_id = v.p \
                AND stocks.location_id = v.l AND on_hand - reserved - quarantined - v.safety >= v.n \
                RETURNING product_id, location_id, on_hand, reserved, quarantined";
    read(tx.with_values("p, l, n, safety", rows, body).await?)
}

/// Moves balances by sums of their ledger rows. Every place must be there.
pub async fn shift(
    tx: &mut Tx,
    moves: &BTreeMap<Place, Deltas>,
) -> Result<BTreeMap<Place, Balance>, StoreError> {
    let mut rows = Rows::new(5);
    for (&(product, location), &(d_on_hand, d_reserved, d_quarantined)) in moves {
        rows.push(args![product, location, d_on_hand, d_reserved, d_quarantined]);
    }
    let body = "UPDATE stocks SET on_hand = on_hand + v.h, reserved = reserved + v.r, quarantined = quarantined + v.q FROM v \
                WHERE stocks.product_id = v.p AND stocks.location_id = v.l \
                RETURNING product_id, location_id, on_hand, reserved, quarantined";
    let after = read(tx.with_values("p, l, h, r, q", rows, body).await?)?;
    match moves.keys().find(|place| !after.contains_key(place)) {
        Some(place) => Err(StoreError::Corrupt(format!(
            "there is no balance of product {} at location {}",
            place.0, place.1
        ))),
        None => Ok(after),
    }
}

/// Makes sure that balances are there, empty ones if need be.
pub async fn open(tx: &mut Tx, places: impl IntoIterator<Item = Place>) -> Result<(), StoreError> {
    let mut rows = Rows::new(5);
    places.into_iter().for_each(|(product, location)| rows.push(args![product, location, 0i64, 0i64, 0i64]));
    let head = "INSERT INTO stocks (product_id, location_id, on_hand, reserved, quarantined)";
    tx.insert(head, rows, "ON CONFLICT (product_id, location_id) DO NOTHING").await?;
    Ok(())
}

/// Collects ledger rows, and which products they make more available.
pub struct LedgerRows {
    rows: Rows,
    risen: BTreeMap<i64, i64>,
}

impl Default for LedgerRows {
    fn default() -> Self {
        Self { rows: Rows::new(9), risen: BTreeMap::new() }
    }
}

impl LedgerRows {
    /// Adds a movement `(d_on_hand, d_reserved, d_quarantined)`.
    pub fn push(
        &mut self,
        id: i64,
        place: Place,
        movement: Movement,
        d: Deltas,
        reservation: Option<i64>,
        actor: &Actor,
    ) {
        let (product, location) = place;
        if d.0 - d.1 - d.2 > 0 {
            self.risen.insert(product, actor.at_us);
        }
        self.rows.push(args![
            id,
            product,
            location,
            movement.as_str(),
            d.0,
            d.1,
            d.2,
            reservation,
            actor.command_id
        ]);
    }

    /// Writes them.
    pub async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let head = "INSERT INTO stock_ledger (id, product_id, location_id, kind, d_on_hand, d_reserved, d_quarantined, \
                    reservation_id, command_id)";
        tx.insert(head, self.rows, "").await?;
        let mut risen = Rows::new(2);
        self.risen.into_iter().for_each(|(product, at_us)| risen.push(args![product, at_us]));
        let tail = "ON CONFLICT (product_id) DO UPDATE SET at_us = excluded.at_us \
                    WHERE stock_rises.at_us < excluded.at_us";
        tx.insert("INSERT INTO stock_rises (product_id, at_us)", risen, tail).await?;
        Ok(())
    }
}

/// A stated number of units on the shelf.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    pub place: Place,
    pub on_hand: i64,
    /// For the ledger row.
    pub ledger_id: i64,
}

/// Why a count was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCounted {
    /// It is below what is already promised there, and set aside besides.
    BelowPromised { place: Place, reserved: i64, quarantined: i64 },
    /// An outside engine says what stands there; its name.
    FedBy(Place, String),
}

impl NotCounted {
    /// Where.
    pub fn place(&self) -> Place {
        match self {
            Self::BelowPromised { place, .. } | Self::FedBy(place, _) => *place,
        }
    }
}

/// Sets `on_hand` to what was counted, with a ledger row of the difference. A count states what stands there, so it
/// settles what was missing at the place, and the location may be asked for the product again. Returns the places that
/// were left as they were.
pub async fn set_on_hand(
    tx: &mut Tx,
    counts: &[Count],
    actor: &Actor,
) -> Result<Vec<NotCounted>, StoreError> {
    let owners = crate::stock::engines::owners(tx).await?;
    let fed = |place: Place| Some(NotCounted::FedBy(place, owners.get(&place.1)?.1.clone()));
    let mut refused: Vec<_> = counts.iter().filter_map(|c| fed(c.place)).collect();
    let ours = counts.iter().filter(|c| !owners.contains_key(&c.place.1));
    let wanted: BTreeMap<Place, &Count> = ours.map(|c| (c.place, c)).collect();
    let missing = hold_open_discrepancies(tx, &wanted).await?;
    open(tx, wanted.keys().copied()).await?;
    let before = lock(tx, wanted.keys().copied()).await?;
    let (mut ledger, mut rows, mut closed) = (LedgerRows::default(), Rows::new(4), Rows::new(4));
    let mut counted = BTreeSet::new();
    for (place, count) in wanted {
        let old = before.get(&place).copied().unwrap_or_default();
        let open: &[(i64, i64)] = missing.get(&place).map(Vec::as_slice).unwrap_or_default();
        let settled: i64 = open.iter().map(|(_, units)| units).sum();
        if count.on_hand < old.reserved + old.quarantined - settled {
            let (reserved, quarantined) = (old.reserved, old.quarantined - settled);
            refused.push(NotCounted::BelowPromised { place, reserved, quarantined });
            continue;
        }
        let d = (count.on_hand - old.on_hand, 0, -settled);
        if d != (0, 0, 0) {
            ledger.push(count.ledger_id, place, Movement::Received, d, None, actor);
        }
        let word = if count.on_hand < old.on_hand { "lost" } else { "found" };
        open.iter().for_each(|(id, _)| closed.push(args![*id, word, actor.at_us, &actor.name]));
        rows.push(args![place.0, place.1, count.on_hand, settled]);
        counted.insert(place);
    }
    for product in crate::planning::exclusions::end_counted(tx, &counted).await? {
        ledger.risen.insert(product, actor.at_us);
    }
    let body = "UPDATE discrepancies SET state = v.word, closed_us = v.at, closed_by = v.by_whom FROM v \
                WHERE discrepancies.id = v.id";
    tx.execute_values("id, word, at, by_whom", closed, body).await?;
    // A place that an engine fed before is the built-in one's again once it is counted.
    let body = "UPDATE stocks SET on_hand = v.n, quarantined = stocks.quarantined - v.settled, engine_id = NULL FROM v \
                WHERE stocks.product_id = v.p AND stocks.location_id = v.l \
                AND (stocks.on_hand <> v.n OR v.settled > 0 OR stocks.engine_id IS NOT NULL)";
    tx.execute_values("p, l, n, settled", rows, body).await?;
    ledger.write(tx).await?;
    Ok(refused)
}

/// Holds what is missing at places that are counted: each discrepancy's id and units. Held before the balances, as
/// whoever closes one does.
async fn hold_open_discrepancies(
    tx: &mut Tx,
    counted: &BTreeMap<Place, &Count>,
) -> Result<BTreeMap<Place, Vec<(i64, i64)>>, StoreError> {
    let locations: BTreeSet<i64> = counted.keys().map(|(_, location)| *location).collect();
    let head = "SELECT id, product_id, location_id, quantity FROM discrepancies WHERE state = 'open' AND location_id";
    let tail = format!("ORDER BY id{}", tx.dialect().for_update());
    let mut open: BTreeMap<Place, Vec<(i64, i64)>> = BTreeMap::new();
    for row in tx.fetch_in(head, locations, &tail).await? {
        let mut c = row.cols();
        let (id, place, units) = (c.i64()?, (c.i64()?, c.i64()?), c.i64()?);
        if counted.contains_key(&place) {
            open.entry(place).or_default().push((id, units));
        }
    }
    Ok(open)
}
