//! Customers and addresses.

use oms_core::geo::Point;
use serde_json::Value;

use super::wire::{Fields, HubRecord, Record};

/// Records of half a kilobyte.
const PEOPLE_LIMIT: u32 = 200;

/// A customer.
#[derive(Debug, Clone, PartialEq)]
pub struct HubCustomer {
    pub pk: i64,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone_number: Option<String>,
    pub channel_pk: Option<i64>,
    pub channel_code: Option<String>,
    pub erp_code: Option<String>,
    pub user_type: Option<String>,
    pub is_active: bool,
    pub extra_field: Value,
    pub modified_us: Option<i64>,
}

impl HubRecord for HubCustomer {
    const PATH: &'static str = "customers/";
    const LIMIT: u32 = PEOPLE_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            email: f.text("email"),
            first_name: f.text("first_name"),
            last_name: f.text("last_name"),
            phone_number: f.text("phone_number"),
            channel_pk: f.reference("channel")?,
            channel_code: f.code("channel_code")?,
            erp_code: f.code("erp_code")?,
            user_type: f.text("user_type"),
            is_active: f.flag("is_active", true),
            extra_field: f.json("extra_field"),
            modified_us: f.time_us("modified_date")?,
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

/// A place named by key, and by name when the hub sent the whole record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HubPlace {
    pub pk: Option<i64>,
    pub name: Option<String>,
    /// ISO code, of countries only.
    pub code: Option<String>,
}

/// An address of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct HubAddress {
    pub pk: i64,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub country: HubPlace,
    pub city: HubPlace,
    pub township: HubPlace,
    pub district: HubPlace,
    pub line: String,
    pub title: Option<String>,
    pub postcode: Option<String>,
    pub notes: Option<String>,
    pub company_name: Option<String>,
    pub tax_office: Option<String>,
    pub tax_no: Option<String>,
    pub e_bill_taxpayer: bool,
    pub identity_number: Option<String>,
    /// `customer` or `retail_store`; the latter means the shopper collects it there.
    pub address_type: Option<String>,
    pub retail_store_pk: Option<i64>,
    pub customer_pk: Option<i64>,
    pub point: Option<Point>,
    pub extra_field: Value,
    pub modified_us: Option<i64>,
}

impl HubRecord for HubAddress {
    const PATH: &'static str = "addresses/";
    const LIMIT: u32 = PEOPLE_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        Ok(Self {
            pk: f.pk()?,
            email: f.text("email"),
            phone_number: f.text("phone_number"),
            first_name: f.text("first_name"),
            last_name: f.text("last_name"),
            country: place(&f, "country")?,
            city: place(&f, "city")?,
            township: place(&f, "township")?,
            district: place(&f, "district")?,
            line: f.text("line").unwrap_or_default(),
            title: f.text("title"),
            postcode: f.text("postcode"),
            notes: f.text("notes"),
            company_name: f.text("company_name"),
            tax_office: f.text("tax_office"),
            tax_no: f.text("tax_no"),
            e_bill_taxpayer: f.flag("e_bill_taxpayer", false),
            identity_number: f.text("identity_number"),
            address_type: f.text("address_type"),
            retail_store_pk: f.reference("retail_store")?,
            customer_pk: f.reference("customer")?,
            // The contract has no coordinates in an address; hubs that know them put them beside it.
            point: f.point().or_else(|| f.object("extra_field")?.point()),
            extra_field: f.json("extra_field"),
            modified_us: f.time_us("modified_date")?,
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}

fn place(f: &Fields<'_>, key: &str) -> Record<HubPlace> {
    let whole = f.object(key);
    let text = |name: &str| whole.as_ref().and_then(|whole| whole.text(name));
    Ok(HubPlace { pk: f.reference(key)?, name: text("name"), code: text("code") })
}
