//! The address tree: country, city, township, district. Copied from the hub.

use std::collections::{BTreeMap, HashMap};

use oms_core::geo::Point;
use oms_core::search::fold;

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// A level of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Country,
    City,
    Township,
    District,
}

impl Level {
    /// From the root down.
    pub const ALL: [Self; 4] = [Self::Country, Self::City, Self::Township, Self::District];

    /// The table, which is also the resource's name on the API.
    pub fn table(self) -> &'static str {
        match self {
            Self::Country => "countries",
            Self::City => "cities",
            Self::Township => "townships",
            Self::District => "districts",
        }
    }

    /// The columns that point up the tree.
    pub fn parents(self) -> &'static [&'static str] {
        match self {
            Self::Country => &[],
            Self::City => &["country_id"],
            Self::Township => &["city_id"],
            Self::District => &["city_id", "township_id"],
        }
    }
}

/// A place of the hub to be copied.
#[derive(Debug, Clone)]
pub struct NewPlace {
    /// Used only if the place is new.
    pub id: i64,
    pub omnitron_id: i64,
    pub name: String,
    /// ISO alpha-2, of a country.
    pub code: Option<String>,
    /// Our ids of [`Level::parents`].
    pub parents: Vec<i64>,
    pub is_active: bool,
    pub point: Option<Point>,
}

/// A place as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub name: String,
    pub code: Option<String>,
    pub parents: Vec<i64>,
    pub is_active: bool,
    pub point: Option<Point>,
    pub created_us: i64,
    pub modified_us: i64,
}

/// Writes places of a level, new or changed.
pub async fn upsert(tx: &mut Tx, level: Level, places: &[NewPlace], now_us: i64) -> Result<(), StoreError> {
    let by_pk: BTreeMap<i64, &NewPlace> = places.iter().map(|p| (p.omnitron_id, p)).collect();
    let mut columns = vec![
        "id",
        "omnitron_id",
        "name",
        "name_folded",
        "is_active",
        "lat_udeg",
        "lon_udeg",
        "created_us",
        "modified_us",
    ];
    columns.extend(level.parents());
    if level == Level::Country {
        columns.push("code");
    }
    let mut rows = Rows::new(columns.len());
    for p in by_pk.values() {
        let (lat, lon) = (p.point.map(|p| p.lat_udeg), p.point.map(|p| p.lon_udeg));
        let mut row =
            args![p.id, p.omnitron_id, &p.name, fold(&p.name), p.is_active, lat, lon, now_us, now_us];
        row.extend(p.parents.iter().map(|&id| id.into()));
        if level == Level::Country {
            row.push(p.code.clone().unwrap_or_default().into());
        }
        rows.push(row);
    }
    let kept = ["id", "omnitron_id", "created_us"];
    let set: Vec<_> =
        columns.iter().filter(|c| !kept.contains(c)).map(|c| format!("{c} = excluded.{c}")).collect();
    let head = format!("INSERT INTO {} ({})", level.table(), columns.join(", "));
    tx.insert(&head, rows, &format!("ON CONFLICT (omnitron_id) DO UPDATE SET {}", set.join(", "))).await?;
    Ok(())
}

/// Our ids by the hub's.
pub async fn ids(tx: &mut Tx, level: Level) -> Result<HashMap<i64, i64>, StoreError> {
    let sql = format!("SELECT omnitron_id, id FROM {} WHERE omnitron_id IS NOT NULL", level.table());
    tx.fetch(sql, vec![]).await?.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect()
}

/// The points of a level, by our id.
pub async fn points(tx: &mut Tx, level: Level) -> Result<HashMap<i64, Point>, StoreError> {
    let sql = format!("SELECT id, lat_udeg, lon_udeg FROM {} WHERE lat_udeg IS NOT NULL", level.table());
    let rows = tx.fetch(sql, vec![]).await?;
    rows.iter().map(|r| Ok((r.i64(0)?, Point { lat_udeg: r.i64(1)?, lon_udeg: r.i64(2)? }))).collect()
}

/// How many places a level has.
pub async fn count(tx: &mut Tx, level: Level) -> Result<i64, StoreError> {
    tx.scalar(format!("SELECT COUNT(*) FROM {}", level.table()), vec![]).await
}

/// What a SELECT of a level reads, for [`read`].
pub fn columns(level: Level) -> String {
    let code = if level == Level::Country { "t.code" } else { "NULL" };
    let parents: Vec<_> = level.parents().iter().map(|p| format!(", t.{p}")).collect();
    format!(
        "t.id, t.omnitron_id, t.name, CAST({code} AS TEXT), t.is_active, t.lat_udeg, t.lon_udeg, t.created_us, t.modified_us{}",
        parents.concat()
    )
}

/// Reads a row of [`columns`].
pub fn read(level: Level, row: &crate::Row) -> Result<Place, StoreError> {
    let mut c = row.cols();
    Ok(Place {
        id: c.i64()?,
        omnitron_id: c.opt_i64()?,
        name: c.text()?,
        code: c.opt_text()?,
        is_active: c.bool()?,
        point: Point::from_udeg(c.opt_i64()?, c.opt_i64()?),
        created_us: c.i64()?,
        modified_us: c.i64()?,
        parents: level.parents().iter().map(|_| c.i64()).collect::<Result<_, _>>()?,
    })
}

/// Places of a level by id.
pub async fn by_ids(tx: &mut Tx, level: Level, ids: Vec<i64>) -> Result<HashMap<i64, Place>, StoreError> {
    let head = format!("SELECT {} FROM {} t WHERE t.id", columns(level), level.table());
    let rows = tx.fetch_in(&head, ids, "").await?;
    rows.iter().map(|r| read(level, r).map(|p| (p.id, p))).collect()
}
