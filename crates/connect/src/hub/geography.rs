//! Countries, cities, townships and districts, sales channels, and stores.

use oms_core::geo::Point;
use serde_json::Value;

use super::wire::{Fields, HubRecord, Record};

/// Small records: many go into one page.
const GEO_LIMIT: u32 = 1000;
/// Stores are larger and fewer.
const STORE_LIMIT: u32 = 200;

/// A country.
#[derive(Debug, Clone, PartialEq)]
pub struct HubCountry {
    pub pk: i64,
    pub name: String,
    /// ISO 3166 alpha-2, in upper case.
    pub code: String,
    pub is_active: bool,
}

impl HubRecord for HubCountry {
    const PATH: &'static str = "countries/";
    const LIMIT: u32 = GEO_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            name: f.name("name"),
            code: f.code("code")?.unwrap_or_default().to_ascii_uppercase(),
            is_active: f.flag("is_active", true),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// A city.
#[derive(Debug, Clone, PartialEq)]
pub struct HubCity {
    pub pk: i64,
    pub name: String,
    pub country_pk: i64,
    pub postcode: Option<String>,
    pub is_active: bool,
    pub point: Option<Point>,
}

impl HubRecord for HubCity {
    const PATH: &'static str = "cities/";
    const LIMIT: u32 = GEO_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            name: f.name("name"),
            country_pk: f.needed_reference("country")?,
            postcode: f.text("postcode"),
            is_active: f.flag("is_active", true),
            point: f.point(),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// A township.
#[derive(Debug, Clone, PartialEq)]
pub struct HubTownship {
    pub pk: i64,
    pub name: String,
    pub city_pk: i64,
    pub postcode: Option<String>,
    pub is_active: bool,
    pub point: Option<Point>,
}

impl HubRecord for HubTownship {
    const PATH: &'static str = "townships/";
    const LIMIT: u32 = GEO_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            name: f.name("name"),
            city_pk: f.needed_reference("city")?,
            postcode: f.text("postcode"),
            is_active: f.flag("is_active", true),
            point: f.point(),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// A district.
#[derive(Debug, Clone, PartialEq)]
pub struct HubDistrict {
    pub pk: i64,
    pub name: String,
    pub city_pk: i64,
    pub township_pk: i64,
    /// `zipcode`, else `postcode`.
    pub postcode: Option<String>,
    pub is_active: bool,
    pub point: Option<Point>,
}

impl HubRecord for HubDistrict {
    const PATH: &'static str = "districts/";
    const LIMIT: u32 = GEO_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            name: f.name("name"),
            city_pk: f.needed_reference("city")?,
            township_pk: f.needed_reference("township")?,
            postcode: f.text("zipcode").or_else(|| f.text("postcode")),
            is_active: f.flag("is_active", true),
            point: f.point(),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// A sales channel.
#[derive(Debug, Clone, PartialEq)]
pub struct HubChannel {
    pub pk: i64,
    pub name: String,
    pub channel_type: String,
    pub catalog_pk: Option<i64>,
    pub conf: Value,
    pub is_active: bool,
}

impl HubRecord for HubChannel {
    const PATH: &'static str = "channels/";
    const LIMIT: u32 = STORE_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            name: f.name("name"),
            channel_type: f.code("channel_type")?.unwrap_or_default(),
            catalog_pk: f.reference("catalog")?,
            conf: f.json("conf"),
            is_active: f.flag("is_active", true),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// What kind of place a store record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubStoreKind {
    /// Open to shoppers.
    Store,
    /// Not open to shoppers.
    Warehouse,
}

/// A store or warehouse.
#[derive(Debug, Clone, PartialEq)]
pub struct HubStore {
    pub pk: i64,
    pub name: String,
    pub address: String,
    pub township_pk: Option<i64>,
    /// Known when the township came as an object.
    pub city_pk: Option<i64>,
    /// Known when the city came as an object.
    pub country_pk: Option<i64>,
    pub district_pk: Option<i64>,
    pub phone: Option<String>,
    pub fax: Option<String>,
    pub channels: Vec<i64>,
    pub click_and_collect: bool,
    pub fast_delivery: bool,
    pub is_active: bool,
    pub point: Option<Point>,
    pub erp_code: Option<String>,
    /// From `extra_field.kind`; `None` when the hub does not say.
    pub kind: Option<HubStoreKind>,
}

impl HubRecord for HubStore {
    const PATH: &'static str = "retail_stores/detailed/";
    const LIMIT: u32 = STORE_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        let township = f.object("township").or_else(|| f.object("township_id"));
        let city = township.as_ref().and_then(|t| t.object("city"));
        let city_pk = match &township {
            Some(township) => township.reference("city")?,
            None => f.reference("city")?,
        };
        let country_pk = match &city {
            Some(city) => city.reference("country")?,
            None => f.reference("country")?,
        };
        let kind = f.object("extra_field").and_then(|extra| extra.text("kind"));
        Ok(Self {
            pk: f.pk()?,
            name: f.name("name"),
            address: f.text("address").unwrap_or_default(),
            township_pk: f.reference_of("township", "township_id")?,
            city_pk,
            country_pk,
            district_pk: f.reference_of("district", "district_id")?,
            phone: f.text("phone_number"),
            fax: f.text("fax_phone_number"),
            channels: f.references("channels"),
            click_and_collect: f.flag("click_and_collect", false),
            fast_delivery: f.flag("fast_delivery", false),
            is_active: f.flag("is_active", true),
            point: f.point(),
            erp_code: f.clean_code("erp_code")?,
            kind: match kind.as_deref() {
                Some("store") => Some(HubStoreKind::Store),
                Some("warehouse") => Some(HubStoreKind::Warehouse),
                _ => None,
            },
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}
