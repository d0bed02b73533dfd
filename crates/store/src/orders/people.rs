//! Customers and addresses: written once a content, so that an order keeps what it was sent with.

use std::collections::{BTreeMap, HashMap};

use oms_core::geo::Point;
use oms_core::search::fold;
use sha2::{Digest, Sha256};

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// Somebody who ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewCustomer {
    pub omnitron_id: Option<i64>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub customer_type: Option<String>,
}

/// Where something is sent, billed or kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewAddress {
    pub omnitron_id: Option<i64>,
    pub title: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    /// Our ids, where the address tree has been copied.
    pub country_id: Option<i64>,
    pub city_id: Option<i64>,
    pub township_id: Option<i64>,
    pub district_id: Option<i64>,
    pub line: Option<String>,
    pub postcode: Option<String>,
    pub notes: Option<String>,
    pub company_name: Option<String>,
    pub point: Option<Point>,
    /// The hub's key of the store where the shopper collects, if it is the address of one.
    pub retail_store: Option<i64>,
    /// The hub's country, city, township and district, while one of them is not here.
    pub hub_places: Option<HubPlaces>,
}

/// The hub's keys of a country, city, township and district.
pub type HubPlaces = [Option<i64>; 4];

type Key = (Option<i64>, [u8; 32]);

impl NewCustomer {
    fn hash(&self) -> [u8; 32] {
        digest(&[
            self.first_name.as_deref(),
            self.last_name.as_deref(),
            self.email.as_deref(),
            self.phone.as_deref(),
            self.customer_type.as_deref(),
        ])
    }
}

impl NewAddress {
    fn hash(&self) -> [u8; 32] {
        let numbers: Vec<String> = [
            self.country_id,
            self.city_id,
            self.township_id,
            self.district_id,
            self.point.map(|p| p.lat_udeg),
            self.point.map(|p| p.lon_udeg),
        ]
        .iter()
        .map(|n| n.map_or_else(String::new, |n| n.to_string()))
        .collect();
        let mut parts = vec![
            self.title.as_deref(),
            self.first_name.as_deref(),
            self.last_name.as_deref(),
            self.phone.as_deref(),
            self.email.as_deref(),
            self.line.as_deref(),
            self.postcode.as_deref(),
            self.notes.as_deref(),
            self.company_name.as_deref(),
        ];
        parts.extend(numbers.iter().map(|n| Some(n.as_str())));
        let unresolved = self.hub_places.map(|places| format!("{places:?}"));
        parts.extend(unresolved.iter().map(|u| Some(u.as_str())));
        let store = self.retail_store.map(|pk| format!("store {pk}"));
        parts.extend(store.iter().map(|s| Some(s.as_str())));
        digest(&parts)
    }
}

fn digest(parts: &[Option<&str>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.map_or(u64::MAX, |p| p.len() as u64).to_be_bytes());
        hash.update(part.unwrap_or_default().as_bytes());
    }
    hash.finalize().into()
}

/// Writes those not yet known; returns the id of each, in the order given.
pub async fn save_customers(
    tx: &mut Tx,
    people: &[&NewCustomer],
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<Vec<i64>, StoreError> {
    let keys: Vec<Key> = people.iter().map(|p| (p.omnitron_id, p.hash())).collect();
    let mut known = known(tx, "customers", &keys).await?;
    let mut rows = Rows::new(11);
    let result = assign(&keys, &mut known, ids, |i, id| {
        let p = people[i];
        rows.push(args![
            id,
            p.omnitron_id,
            keys[i].1,
            p.first_name.clone(),
            p.last_name.clone(),
            p.email.clone(),
            p.phone.clone(),
            p.customer_type.clone(),
            now_us,
            p.first_name.as_deref().map(fold),
            p.last_name.as_deref().map(fold),
        ]);
    });
    let head = "INSERT INTO customers (id, omnitron_id, content_hash, first_name, last_name, email, phone, \
                customer_type, created_us, first_name_folded, last_name_folded)";
    let won = tx.insert_returning(head, rows, SAVE).await?;
    adopt(result, won)
}

/// Writes those not yet known; returns the id of each, in the order given.
pub async fn save_addresses(
    tx: &mut Tx,
    addresses: &[&NewAddress],
    ids: &mut impl Iterator<Item = i64>,
    now_us: i64,
) -> Result<Vec<i64>, StoreError> {
    let keys: Vec<Key> = addresses.iter().map(|a| (a.omnitron_id, a.hash())).collect();
    let mut known = known(tx, "addresses", &keys).await?;
    let mut rows = Rows::new(21);
    let result = assign(&keys, &mut known, ids, |i, id| {
        let a = addresses[i];
        rows.push(args![
            id,
            a.omnitron_id,
            keys[i].1,
            a.title.clone(),
            a.first_name.clone(),
            a.last_name.clone(),
            a.phone.clone(),
            a.email.clone(),
            a.country_id,
            a.city_id,
            a.township_id,
            a.district_id,
            a.line.clone(),
            a.postcode.clone(),
            a.notes.clone(),
            a.company_name.clone(),
            a.point.map(|p| p.lat_udeg),
            a.point.map(|p| p.lon_udeg),
            a.hub_places.map(|places| serde_json::json!(places).to_string()),
            now_us,
            a.retail_store
        ]);
    });
    let head = "INSERT INTO addresses (id, omnitron_id, content_hash, title, first_name, last_name, phone, email, \
                country_id, city_id, township_id, district_id, line, postcode, notes, company_name, lat_udeg, \
                lon_udeg, hub_places, created_us, retail_store)";
    let won = tx.insert_returning(head, rows, SAVE).await?;
    adopt(result, won)
}

/// Another node may have written the same content meanwhile: then its row, and so its id, is ours too.
const SAVE: &str = "ON CONFLICT (omnitron_id, content_hash) DO UPDATE SET content_hash = excluded.content_hash \
                    RETURNING id, omnitron_id, content_hash";

async fn known(tx: &mut Tx, table: &str, keys: &[Key]) -> Result<HashMap<Key, i64>, StoreError> {
    let mut pks: Vec<i64> = keys.iter().filter_map(|k| k.0).collect();
    pks.sort_unstable();
    pks.dedup();
    let head = format!("SELECT id, omnitron_id, content_hash FROM {table} WHERE omnitron_id");
    tx.fetch_in(&head, pks, "").await?.iter().map(key_and_id).collect()
}

fn key_and_id(row: &crate::Row) -> Result<(Key, i64), StoreError> {
    let mut c = row.cols();
    let (id, pk, hash) = (c.i64()?, c.opt_i64()?, c.bytes()?);
    let hash = hash.try_into().map_err(|_| StoreError::Corrupt("a content hash is not 32 bytes".into()))?;
    Ok(((pk, hash), id))
}

/// Gives each key its known id or a new one, calling `write` for the new.
fn assign(
    keys: &[Key],
    known: &mut HashMap<Key, i64>,
    ids: &mut impl Iterator<Item = i64>,
    mut write: impl FnMut(usize, i64),
) -> Vec<(Key, i64)> {
    let mut fresh = BTreeMap::new();
    let mut result = Vec::with_capacity(keys.len());
    for (i, key) in keys.iter().enumerate() {
        let found = key.0.and_then(|_| known.get(key).copied());
        let id = found.unwrap_or_else(|| {
            let id = ids.next().expect("ids were taken for every record");
            fresh.insert((*key, i), id);
            if key.0.is_some() {
                known.insert(*key, id);
            }
            id
        });
        result.push((*key, id));
    }
    // In key order, so that two nodes never lock the same rows in different orders.
    fresh.into_iter().for_each(|((_, i), id)| write(i, id));
    result
}

fn adopt(mut result: Vec<(Key, i64)>, won: Vec<crate::Row>) -> Result<Vec<i64>, StoreError> {
    let won = won.iter().map(key_and_id).collect::<Result<HashMap<_, _>, _>>()?;
    for (key, id) in &mut result {
        if let (Some(_), Some(theirs)) = (key.0, won.get(key)) {
            *id = *theirs;
        }
    }
    Ok(result.into_iter().map(|(_, id)| id).collect())
}

/// Whether an address names a place of the hub that is not here.
pub async fn any_unresolved(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.first("SELECT 1 FROM addresses WHERE hub_places IS NOT NULL LIMIT 1", vec![]).await?.is_some())
}

/// Reads what stands in `hub_places` of an address, named by its id or its location's.
pub(crate) fn hub_places(id: i64, stored: Option<String>) -> Result<Option<HubPlaces>, StoreError> {
    let corrupt = |e| StoreError::Corrupt(format!("the hub's places of the address of {id}: {e}"));
    stored.map(|text| serde_json::from_str(&text).map_err(corrupt)).transpose()
}

/// Addresses behind this id that name places that are not here, held, in order of id.
pub async fn unresolved(tx: &mut Tx, after: i64, limit: usize) -> Result<Vec<(i64, HubPlaces)>, StoreError> {
    let lock = tx.dialect().for_update();
    let sql = format!(
        "SELECT id, hub_places FROM addresses WHERE hub_places IS NOT NULL AND id > $1 ORDER BY id LIMIT $2{lock}"
    );
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        Ok((id, hub_places(id, c.opt_text()?)?.unwrap_or_default()))
    };
    tx.fetch(sql, args![after, limit]).await?.iter().map(one).collect()
}

/// The places of an address, known by now: our country, city, township and district.
#[derive(Debug, Clone, Copy)]
pub struct Resolved {
    pub address_id: i64,
    pub places: [Option<i64>; 4],
    /// Where its township lies, for an address without a point of its own.
    pub township_point: Option<Point>,
    /// Whether a place is still not here.
    pub is_partly: bool,
}

/// Gives addresses the places that came after them. What a person set meanwhile stays.
pub async fn resolve(tx: &mut Tx, resolved: &[Resolved]) -> Result<(), StoreError> {
    for r in resolved {
        let [country, city, township, district] = r.places;
        let (lat, lon) = (r.township_point.map(|p| p.lat_udeg), r.township_point.map(|p| p.lon_udeg));
        let sql = "UPDATE addresses SET country_id = COALESCE(country_id, $2), city_id = COALESCE(city_id, $3), \
                   township_id = COALESCE(township_id, $4), district_id = COALESCE(district_id, $5), \
                   lat_udeg = CASE WHEN lat_udeg IS NULL THEN $6 ELSE lat_udeg END, \
                   lon_udeg = CASE WHEN lon_udeg IS NULL THEN $7 ELSE lon_udeg END, \
                   hub_places = CASE WHEN $8 = 1 THEN hub_places END WHERE id = $1";
        let values = args![r.address_id, country, city, township, district, lat, lon, i64::from(r.is_partly)];
        tx.execute(sql, values).await?;
    }
    Ok(())
}
