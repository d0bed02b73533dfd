//! Outside stock engines: how they are called, how they fare, and what they read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oms_core::engines::{EngineKind, SECRETS, breaker};
use oms_core::stocks::Movement;
use serde_json::Value as Json;

use crate::access::logs::{self, Actor};
use crate::batch::Rows;
use crate::stock::stocks::{self, LedgerRows, Place};
use crate::{StoreError, Tx, args};

/// The longest text kept of a failure.
const MAX_ERROR: usize = 500;

/// An engine as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    pub id: i64,
    pub name: String,
    pub kind: EngineKind,
    /// With its secrets; mask it before it is shown.
    pub config: Json,
    pub is_active: bool,
    pub allow_partial: bool,
    /// Counts changes of the engine and of which locations it feeds.
    pub version: i64,
    /// Failures in a row.
    pub failures: i64,
    /// Until when nobody calls it.
    pub open_until_us: Option<i64>,
    pub last_error: Option<String>,
    pub last_error_us: Option<i64>,
    pub last_ok_us: Option<i64>,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of engines reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.name, t.type, t.config, t.is_active, t.allow_partial, t.version, t.failures, \
                           t.open_until_us, t.last_error, t.last_error_us, t.last_ok_us, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`], its secrets as they are stored.
pub fn read(row: &crate::Row) -> Result<Engine, StoreError> {
    let mut c = row.cols();
    let (id, name, kind) = (c.i64()?, c.text()?, c.text()?);
    let kind = EngineKind::parse(&kind)
        .ok_or_else(|| StoreError::Corrupt(format!("stock engine {id} has the unknown type {kind:?}")))?;
    Ok(Engine {
        id,
        name,
        kind,
        config: c.json()?,
        is_active: c.bool()?,
        allow_partial: c.bool()?,
        version: c.i64()?,
        failures: c.i64()?,
        open_until_us: c.opt_i64()?,
        last_error: c.opt_text()?,
        last_error_us: c.opt_i64()?,
        last_ok_us: c.opt_i64()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// Where the secrets of an engine are sealed for.
fn place(id: i64) -> String {
    format!("stock_engines/{id}")
}

fn opened(tx: &Tx, row: &crate::Row) -> Result<Engine, StoreError> {
    let stored = read(row)?;
    Ok(Engine { config: tx.open_json(&SECRETS, &place(stored.id), stored.config)?, ..stored })
}

fn sealed(tx: &Tx, id: i64, config: &Json) -> String {
    tx.seal_json(&SECRETS, &place(id), config).to_string()
}

/// Seals what stands unsealed or under an older key.
pub(crate) async fn seal_anew(tx: &mut Tx) -> Result<(), StoreError> {
    let rows = tx.fetch(format!("SELECT {COLUMNS} FROM stock_engines t ORDER BY t.id"), vec![]).await?;
    for row in &rows {
        // Read also where nothing is to be done: what does not open is told at the start.
        let (stored, whole) = (read(row)?, opened(tx, row)?);
        if tx.is_stale_json(&SECRETS, &stored.config) {
            let config = sealed(tx, whole.id, &whole.config);
            let sql = "UPDATE stock_engines SET config = $2 WHERE id = $1";
            tx.execute(sql, args![whole.id, config]).await?;
        }
    }
    Ok(())
}

/// Every engine, by id.
pub async fn all(tx: &mut Tx) -> Result<Vec<Engine>, StoreError> {
    let rows = tx.fetch(format!("SELECT {COLUMNS} FROM stock_engines t ORDER BY t.id"), vec![]).await?;
    rows.iter().map(|row| opened(tx, row)).collect()
}

/// One engine, held until the transaction ends.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<Engine>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM stock_engines t WHERE t.id = $1{}", tx.dialect().for_update());
    tx.first(sql, args![id]).await?.as_ref().map(|row| opened(tx, row)).transpose()
}

/// What of an engine people set.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEngine {
    pub name: String,
    pub kind: EngineKind,
    /// With its secrets.
    pub config: Json,
    pub is_active: bool,
    pub allow_partial: bool,
}

/// Writes a new engine; `false` if the name is taken.
pub async fn insert(tx: &mut Tx, id: i64, new: &NewEngine, now_us: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO stock_engines (id, name, type, config, is_active, allow_partial, version, failures, created_us, \
               modified_us) VALUES ($1, $2, $3, $4, $5, $6, 1, 0, $7, $7) ON CONFLICT (name) DO NOTHING";
    let values = args![
        id,
        &new.name,
        new.kind.as_str(),
        sealed(tx, id, &new.config),
        new.is_active,
        new.allow_partial,
        now_us
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a locked engine another content. Its health starts anew, and its readings are asked for again.
pub async fn update(tx: &mut Tx, id: i64, new: &NewEngine, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE stock_engines SET name = $2, type = $3, config = $4, is_active = $5, allow_partial = $6, \
               failures = 0, open_until_us = NULL, modified_us = $7 WHERE id = $1";
    let values = args![
        id,
        &new.name,
        new.kind.as_str(),
        sealed(tx, id, &new.config),
        new.is_active,
        new.allow_partial,
        now_us
    ];
    tx.execute(sql, values).await?;
    forget_readings(tx, id).await
}

/// Makes every reading of an engine old: it feeds other places than when it was asked, or answers otherwise.
pub async fn forget_readings(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE stock_engines SET version = version + 1 WHERE id = $1", args![id]).await?;
    // Old rather than gone: what is fed always has a reading.
    tx.execute("UPDATE stock_readings SET read_at_us = 0 WHERE engine_id = $1", args![id]).await?;
    Ok(())
}

/// Engines that are called: active, not the built-in one, and feeding an active location.
pub async fn called(tx: &mut Tx) -> Result<Vec<Engine>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM stock_engines t WHERE t.is_active = TRUE AND t.type <> $1 AND EXISTS \
         (SELECT 1 FROM locations l WHERE l.engine = t.id AND l.is_active = TRUE) ORDER BY t.id"
    );
    let rows = tx.fetch(sql, args![EngineKind::BuiltIn.as_str()]).await?;
    rows.iter().map(|row| opened(tx, row)).collect()
}

/// The active locations that an engine feeds: `erp_code` to id.
pub async fn fed_by(tx: &mut Tx, id: i64) -> Result<BTreeMap<String, i64>, StoreError> {
    let sql = "SELECT erp_code, id FROM locations WHERE engine = $1 AND is_active = TRUE ORDER BY erp_code";
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok((c.text()?, c.i64()?))
    };
    tx.fetch(sql, args![id]).await?.iter().map(one).collect()
}

/// The locations that outside engines feed, with the engine's name. An engine that is not active still
/// owns its locations' numbers.
pub async fn owners(tx: &mut Tx) -> Result<HashMap<i64, (i64, String)>, StoreError> {
    let sql = "SELECT l.id, t.id, t.name FROM stock_engines t JOIN locations l ON l.engine = t.id WHERE t.type <> $1";
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok((c.i64()?, (c.i64()?, c.text()?)))
    };
    tx.fetch(sql, args![EngineKind::BuiltIn.as_str()]).await?.iter().map(one).collect()
}

/// Those of the products that an engine was not asked for since `since_us`, with their SKUs.
pub async fn stale(
    tx: &mut Tx,
    id: i64,
    products: &[i64],
    since_us: i64,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut rows = Rows::new(3);
    products.iter().for_each(|&product| rows.push(args![product, id, since_us]));
    let body = "SELECT p.sku, p.id FROM v JOIN products p ON p.id = v.p WHERE NOT EXISTS \
                (SELECT 1 FROM stock_readings r WHERE r.engine_id = v.e AND r.product_id = v.p AND r.read_at_us >= v.s)";
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok((c.text()?, c.i64()?))
    };
    tx.with_values("p, e, s", rows, body).await?.iter().map(one).collect()
}

/// What an engine was asked for at one moment and what it answered.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    pub engine_id: i64,
    /// The engine's version when it was asked.
    pub version: i64,
    /// When it was asked: what changed there afterwards is not in it.
    pub read_at_us: i64,
    /// Every product it was asked for.
    pub products: &'a [i64],
    /// The locations it was asked for.
    pub locations: &'a [i64],
    /// Units by place; a place that was asked for and is not here has none.
    pub units: &'a BTreeMap<Place, i64>,
}

/// A reading's differences from what stands, found before ids are taken.
pub async fn differences(tx: &mut Tx, reading: &Reading<'_>) -> Result<BTreeSet<Place>, StoreError> {
    let locations: BTreeSet<i64> = reading.locations.iter().copied().collect();
    let head =
        "SELECT s.product_id, s.location_id, s.on_hand FROM stocks s WHERE s.on_hand <> 0 AND s.product_id";
    let mut standing = BTreeMap::new();
    for row in tx.fetch_in(head, reading.products.iter().copied(), "").await? {
        let place = (row.i64(0)?, row.i64(1)?);
        if locations.contains(&place.1) {
            standing.insert(place, row.i64(2)?);
        }
    }
    let units = |place: &Place| reading.units.get(place).copied().unwrap_or(0);
    let changed = standing.iter().filter(|(place, n)| units(place) != **n).map(|(place, _)| *place);
    let news = reading.units.iter().filter(|(place, n)| **n != 0 && !standing.contains_key(place));
    Ok(changed.chain(news.map(|(place, _)| *place)).collect())
}

/// Stores a reading: of products whose stored one is older, where the number is another one. Returns how
/// many balances changed; `None` if the engine has changed since it was asked. `ids` has one for each of
/// `places`, the [`differences`] found before; a balance that differs only since then is left to the
/// next reading, and counts as old until then.
pub async fn store(
    tx: &mut Tx,
    reading: &Reading<'_>,
    places: &BTreeSet<Place>,
    ids: &mut impl Iterator<Item = i64>,
    actor: &Actor,
) -> Result<Option<usize>, StoreError> {
    // Held until the end: one node stores the readings of an engine at a time.
    match lock(tx, reading.engine_id).await? {
        Some(engine) if engine.version == reading.version && engine.is_active => {}
        _ => return Ok(None),
    }
    let newer = renew(tx, reading).await?;
    let found: BTreeSet<Place> = differences(tx, reading).await?;
    let late: BTreeSet<i64> = found.difference(places).map(|place| place.0).collect();
    let wanted: Vec<Place> =
        places.intersection(&found).filter(|place| newer.contains(&place.0)).copied().collect();
    make_old(tx, reading.engine_id, late.intersection(&newer).copied()).await?;
    if wanted.is_empty() {
        return Ok(Some(0));
    }
    logs::record_command(tx, actor, "stock.read").await?;
    let mut rows = Rows::new(6);
    let engine = reading.engine_id;
    wanted.iter().for_each(|&(p, l)| rows.push(args![p, l, 0i64, 0i64, 0i64, engine]));
    let head = "INSERT INTO stocks (product_id, location_id, on_hand, reserved, quarantined, engine_id)";
    tx.insert(head, rows, "ON CONFLICT (product_id, location_id) DO NOTHING").await?;

    let (mut ledger, mut rows) = (LedgerRows::default(), Rows::new(4));
    let before = stocks::lock(tx, wanted.iter().copied()).await?;
    for (place, old) in before {
        let units = reading.units.get(&place).copied().unwrap_or(0);
        if units != old.on_hand {
            let id = ids.next().expect("an id was taken for every place");
            ledger.push(id, place, Movement::Reading, (units - old.on_hand, 0, 0), None, actor);
            rows.push(args![place.0, place.1, units, engine]);
        }
    }
    let changed = rows.len();
    let body = "UPDATE stocks SET on_hand = v.n, engine_id = v.e FROM v \
                WHERE stocks.product_id = v.p AND stocks.location_id = v.l";
    tx.execute_values("p, l, n, e", rows, body).await?;
    ledger.write(tx).await?;
    Ok(Some(changed))
}

/// Notes when the products were asked for; returns those whose stored reading was older.
async fn renew(tx: &mut Tx, reading: &Reading<'_>) -> Result<BTreeSet<i64>, StoreError> {
    let products: BTreeSet<i64> = reading.products.iter().copied().collect();
    let mut rows = Rows::new(3);
    products.iter().for_each(|&p| rows.push(args![reading.engine_id, p, reading.read_at_us]));
    let head = "INSERT INTO stock_readings (engine_id, product_id, read_at_us)";
    let tail = "ON CONFLICT (engine_id, product_id) DO UPDATE SET read_at_us = excluded.read_at_us \
                WHERE stock_readings.read_at_us < excluded.read_at_us RETURNING product_id";
    tx.insert_returning(head, rows, tail).await?.iter().map(|r| r.i64(0)).collect()
}

async fn make_old(tx: &mut Tx, id: i64, products: impl Iterator<Item = i64>) -> Result<(), StoreError> {
    let mut rows = Rows::new(2);
    products.for_each(|p| rows.push(args![id, p]));
    let body = "UPDATE stock_readings SET read_at_us = 0 FROM v \
                WHERE stock_readings.engine_id = v.e AND stock_readings.product_id = v.p";
    tx.execute_values("e, p", rows, body).await?;
    Ok(())
}

/// Takes the one trial call of an open breaker whose pause is over; until `until_us` nobody else does.
pub async fn claim_trial(tx: &mut Tx, id: i64, now_us: i64, until_us: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE stock_engines SET open_until_us = $3 WHERE id = $1 AND open_until_us <= $2";
    Ok(tx.execute(sql, args![id, now_us, until_us]).await? == 1)
}

/// Notes that an engine answered: the breaker closes.
pub async fn answered(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE stock_engines SET failures = 0, open_until_us = NULL, last_ok_us = $2 WHERE id = $1";
    tx.execute(sql, args![id, now_us]).await?;
    Ok(())
}

/// Notes that an engine failed, and opens the breaker after too many in a row. Returns until when it is
/// open. A failure of a call made under another version says nothing of the engine as it is now.
pub async fn failed(
    tx: &mut Tx,
    id: i64,
    version: i64,
    error: &str,
    now_us: i64,
) -> Result<Option<i64>, StoreError> {
    let Some(engine) = lock(tx, id).await?.filter(|e| e.version == version) else { return Ok(None) };
    let failures = engine.failures + 1;
    let open_until_us = breaker::pause_us(failures).map(|pause| now_us + pause);
    let error: String = error.chars().take(MAX_ERROR).collect();
    let sql = "UPDATE stock_engines SET failures = $2, open_until_us = $3, last_error = $4, last_error_us = $5 WHERE id = $1";
    tx.execute(sql, args![id, failures, open_until_us, error, now_us]).await?;
    Ok(open_until_us)
}
