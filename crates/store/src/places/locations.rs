//! Locations: stores and warehouses with all their properties, and how loaded each is.

use std::collections::HashMap;

use oms_core::events::{self as types, entity};
use oms_core::geo::Point;
use oms_core::locations::LocationKind;
use serde_json::Value as Json;

use crate::access::logs::Actor;
use crate::events::{EventRows, NewEvent};
use crate::orders::people::{self, NewAddress};
use crate::{StoreError, Tx, args};

/// Everything about a location that people or the hub set.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    pub omnitron_id: Option<i64>,
    pub erp_code: String,
    pub name: String,
    pub kind: LocationKind,
    pub is_fulfillment_center: bool,
    pub is_pickup_location: bool,
    pub is_delivery_location: bool,
    pub is_return_available: bool,
    pub is_fast_delivery_available: bool,
    pub is_shipper: bool,
    pub is_active: bool,
    pub priority: i64,
    pub max_quota: Option<i64>,
    pub engine: Option<i64>,
    pub email: Option<String>,
    pub daytime_phone: Option<String>,
    pub evening_phone: Option<String>,
    pub fax_number: Option<String>,
    pub targeted_packaging_minutes: Option<i64>,
    pub targeted_exit_minutes: Option<i64>,
    pub conf: Json,
    pub tags: Json,
    /// Null: always open.
    pub calendar: Json,
    pub address: NewAddress,
}

/// A location as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    pub id: i64,
    pub address_id: Option<i64>,
    pub properties: Properties,
    /// Packages that hold a slot there.
    pub quota: i64,
    /// What the hub last said, digested; `None` for a location the hub does not know.
    pub hub_hash: Option<Vec<u8>>,
    pub event_seq: i64,
    pub version: i64,
    pub created_us: i64,
    pub modified_us: i64,
}

/// The FROM clause that [`COLUMNS`] reads.
pub const FROM: &str = "locations t LEFT JOIN location_loads d ON d.location_id = t.id \
                        LEFT JOIN addresses a ON a.id = t.address_id";

/// What a SELECT of locations reads, for [`read`].
pub const COLUMNS: &str = "t.id, t.address_id, COALESCE(d.quota, 0), t.hub_hash, t.event_seq, t.version, t.created_us, \
    t.modified_us, t.omnitron_id, t.erp_code, t.name, t.kind, t.is_fulfillment_center, t.is_pickup_location, \
    t.is_delivery_location, t.is_return_available, t.is_fast_delivery_available, t.is_shipper, t.is_active, t.priority, \
    t.max_quota, t.engine, t.email, t.daytime_phone, t.evening_phone, t.fax_number, t.targeted_packaging_minutes, \
    t.targeted_exit_minutes, t.conf, t.tags, t.calendar, a.title, a.first_name, a.last_name, a.phone, a.email, a.country_id, \
    a.city_id, a.township_id, a.district_id, a.line, a.postcode, a.notes, a.company_name, a.lat_udeg, a.lon_udeg, \
    a.hub_places";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &crate::Row) -> Result<Location, StoreError> {
    let mut c = row.cols();
    let (id, address_id, quota, hub_hash) = (c.i64()?, c.opt_i64()?, c.i64()?, c.opt_bytes()?);
    let (event_seq, version, created_us, modified_us) = (c.i64()?, c.i64()?, c.i64()?, c.i64()?);
    let properties = Properties {
        omnitron_id: c.opt_i64()?,
        erp_code: c.text()?,
        name: c.text()?,
        kind: LocationKind::parse(&c.text()?)
            .ok_or_else(|| StoreError::Corrupt(format!("location {id} has an unknown kind")))?,
        is_fulfillment_center: c.bool()?,
        is_pickup_location: c.bool()?,
        is_delivery_location: c.bool()?,
        is_return_available: c.bool()?,
        is_fast_delivery_available: c.bool()?,
        is_shipper: c.bool()?,
        is_active: c.bool()?,
        priority: c.i64()?,
        max_quota: c.opt_i64()?,
        engine: c.opt_i64()?,
        email: c.opt_text()?,
        daytime_phone: c.opt_text()?,
        evening_phone: c.opt_text()?,
        fax_number: c.opt_text()?,
        targeted_packaging_minutes: c.opt_i64()?,
        targeted_exit_minutes: c.opt_i64()?,
        conf: c.json()?,
        tags: c.json()?,
        calendar: match c.opt_text()? {
            None => Json::Null,
            Some(text) => serde_json::from_str(&text)
                .map_err(|e| StoreError::Corrupt(format!("the calendar of location {id}: {e}")))?,
        },
        address: NewAddress {
            omnitron_id: None,
            title: c.opt_text()?,
            first_name: c.opt_text()?,
            last_name: c.opt_text()?,
            phone: c.opt_text()?,
            email: c.opt_text()?,
            country_id: c.opt_i64()?,
            city_id: c.opt_i64()?,
            township_id: c.opt_i64()?,
            district_id: c.opt_i64()?,
            line: c.opt_text()?,
            postcode: c.opt_text()?,
            notes: c.opt_text()?,
            company_name: c.opt_text()?,
            point: Point::from_udeg(c.opt_i64()?, c.opt_i64()?),
            retail_store: None,
            hub_places: people::hub_places(id, c.opt_text()?)?,
        },
    };
    Ok(Location { id, address_id, properties, quota, hub_hash, event_seq, version, created_us, modified_us })
}

/// Every location, by `erp_code`.
pub async fn all(tx: &mut Tx) -> Result<Vec<Location>, StoreError> {
    tx.fetch(format!("SELECT {COLUMNS} FROM {FROM} ORDER BY t.erp_code"), vec![])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Locations by id.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, Location>, StoreError> {
    let rows = tx.fetch_in(&format!("SELECT {COLUMNS} FROM {FROM} WHERE t.id"), ids, "").await?;
    rows.iter().map(|r| read(r).map(|l| (l.id, l))).collect()
}

/// Id and whether it is in use, of the locations with these codes.
pub async fn by_erp_codes(
    tx: &mut Tx,
    codes: Vec<String>,
) -> Result<HashMap<String, (i64, bool)>, StoreError> {
    let rows = tx.fetch_in("SELECT erp_code, id, is_active FROM locations WHERE erp_code", codes, "").await?;
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        Ok((c.text()?, (c.i64()?, c.bool()?)))
    };
    rows.iter().map(one).collect()
}

/// One location, held until the transaction ends.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<Location>, StoreError> {
    let sql = format!("SELECT id FROM locations WHERE id = $1{}", tx.dialect().for_update());
    tx.fetch(sql, args![id]).await?;
    Ok(by_ids(tx, vec![id]).await?.remove(&id))
}

/// The location with an `erp_code` or a hub pk.
pub async fn find(
    tx: &mut Tx,
    erp_code: &str,
    omnitron_id: Option<i64>,
) -> Result<Vec<Location>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM {FROM} WHERE t.erp_code = $1 OR t.omnitron_id = $2 ORDER BY t.id");
    tx.fetch(sql, args![erp_code, omnitron_id]).await?.iter().map(read).collect()
}

/// Ids that writing a location may need.
#[derive(Debug, Clone, Copy)]
pub struct SaveIds {
    /// Used only if it is new.
    pub location: i64,
    pub address: i64,
    pub event: i64,
}

/// Writes a new location (`before` is none) or the next version of one that is locked, with its event.
pub async fn save(
    tx: &mut Tx,
    before: Option<&Location>,
    p: &Properties,
    hub_hash: Option<[u8; 32]>,
    ids: SaveIds,
    actor: &Actor,
) -> Result<i64, StoreError> {
    let address =
        people::save_addresses(tx, &[&p.address], &mut std::iter::once(ids.address), actor.at_us).await?;
    let (id, seq) = before.map_or((ids.location, 1), |b| (b.id, b.event_seq + 1));
    let hub_hash = hub_hash.map(|h| h.to_vec()).or_else(|| before.and_then(|b| b.hub_hash.clone()));
    let mut values = args![id, address[0], seq, actor.at_us, hub_hash];
    values.extend(args![
        p.omnitron_id,
        &p.erp_code,
        &p.name,
        p.kind.as_str(),
        p.is_fulfillment_center,
        p.is_pickup_location,
        p.is_delivery_location,
        p.is_return_available,
        p.is_fast_delivery_available,
        p.is_shipper,
        p.is_active,
        p.priority,
        p.max_quota,
        p.engine,
        p.email.as_deref(),
        p.daytime_phone.as_deref(),
        p.evening_phone.as_deref(),
        p.fax_number.as_deref(),
        p.targeted_packaging_minutes,
        p.targeted_exit_minutes,
        p.conf.to_string(),
        p.tags.to_string(),
        Some(&p.calendar).filter(|c| !c.is_null()).map(Json::to_string),
    ]);
    let columns = [
        "omnitron_id",
        "erp_code",
        "name",
        "kind",
        "is_fulfillment_center",
        "is_pickup_location",
        "is_delivery_location",
        "is_return_available",
        "is_fast_delivery_available",
        "is_shipper",
        "is_active",
        "priority",
        "max_quota",
        "engine",
        "email",
        "daytime_phone",
        "evening_phone",
        "fax_number",
        "targeted_packaging_minutes",
        "targeted_exit_minutes",
        "conf",
        "tags",
        "calendar",
    ];
    if before.is_none() {
        let places: Vec<_> = (6..6 + columns.len()).map(|i| format!("${i}")).collect();
        let sql = format!(
            "INSERT INTO locations (id, address_id, event_seq, modified_us, hub_hash, created_us, version, {}) \
             VALUES ($1, $2, $3, $4, $5, $4, 1, {})",
            columns.join(", "),
            places.join(", ")
        );
        tx.execute(sql, values).await?;
    } else {
        let set: Vec<_> = columns.iter().enumerate().map(|(i, c)| format!("{c} = ${}", i + 6)).collect();
        let sql = format!(
            "UPDATE locations SET address_id = $2, event_seq = $3, modified_us = $4, hub_hash = $5, \
             version = version + 1, {} WHERE id = $1",
            set.join(", ")
        );
        tx.execute(sql, values).await?;
    }
    let mut events = EventRows::default();
    let kind = if before.is_none() { types::STOCK_LOCATION_CREATED } else { types::STOCK_LOCATION_UPDATED };
    let delta = serde_json::json!({});
    events.push(
        &NewEvent {
            id: ids.event,
            entity: entity::STOCK_LOCATION,
            entity_id: id,
            seq,
            kind,
            also: &[],
            delta,
        },
        actor,
    );
    events.write(tx).await?;
    Ok(id)
}

/// What refers to a location and keeps it from being deleted: table, column, and what people call it. A test holds it
/// against the schema.
const REFERENCES: [(&str, &str, &str); 7] = [
    ("packages", "location_id", "packages"),
    ("stock_ledger", "location_id", "stock movements"),
    ("safety_stocks", "location_id", "safety stock"),
    ("transfers", "from_location_id", "transfers from it"),
    ("transfers", "to_location_id", "transfers to it"),
    ("exclusions", "location_id", "order lines it was excluded from"),
    ("discrepancies", "location_id", "discrepancies"),
];
/// What goes with a location: its counters and its balances, which are empty where nothing ever moved.
const GO_WITH_IT: [&str; 2] = ["location_loads", "stocks"];

/// Deletes a location that nothing refers to; else says what does.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<Vec<&'static str>, StoreError> {
    let mut refer = Vec::new();
    for (table, column, what) in REFERENCES {
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = $1 LIMIT 1");
        if tx.first(sql, args![id]).await?.is_some() {
            refer.push(what);
        }
    }
    if refer.is_empty() {
        for table in GO_WITH_IT {
            tx.execute(format!("DELETE FROM {table} WHERE location_id = $1"), args![id]).await?;
        }
        tx.execute("DELETE FROM locations WHERE id = $1", args![id]).await?;
    }
    Ok(refer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_refers_to_a_location_is_known() {
        let mut table = "";
        for line in crate::migrate::MIGRATIONS.iter().flat_map(|(_, sql)| sql.lines()) {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.split(' ').next().unwrap_or_default();
            }
            if line.contains("REFERENCES locations (id)") {
                let column = line.split_whitespace().next().unwrap_or_default();
                let known =
                    GO_WITH_IT.contains(&table) || REFERENCES.iter().any(|r| (r.0, r.1) == (table, column));
                assert!(known, "{table}.{column} refers to a location, and deleting one does not look there");
            }
        }
    }
}
