//! Base records as the wire has them: one struct a kind, serialised straight from the data.

use oms_core::time;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::base::{CARGOS, CHANNELS, REASONS};
use super::kind::{Kind, MODELS};
use super::world::{Ref, Take, World};

/// Prints as an ISO time.
pub(crate) struct Time(pub i64);
/// Prints as a decimal string with two places.
pub(crate) struct Money(pub i64);
/// Prints as `{}`.
#[derive(Serialize)]
pub(super) struct Empty {}
/// Prints as `{"<key>": "<count>"}`.
pub(super) struct Quantity<'a>(pub &'a str, pub i64);
/// Prints a code as a string holding the number.
struct Code(i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&time::format_us(self.0))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let sign = if self.0 < 0 { "-" } else { "" };
        let minor = self.0.unsigned_abs();
        s.collect_str(&format_args!("{sign}{}.{:02}", minor / 100, minor % 100))
    }
}

impl Serialize for Quantity<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &Code(self.1))?;
        map.end()
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

/// Key and dates, the same on every record.
#[derive(Serialize)]
pub(super) struct Stem {
    pub id: i64,
    pub pk: i64,
    pub created_date: Time,
    pub modified_date: Time,
}

#[derive(Serialize)]
struct CountryRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    name: &'a str,
    code: &'a str,
    is_active: bool,
    translations: Empty,
}

#[derive(Serialize)]
struct PlaceRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    name: &'a str,
    is_active: bool,
    postcode: &'a str,
    translations: Empty,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Ref<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<Ref<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    township: Option<Ref<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zipcode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
}

#[derive(Serialize)]
struct ChannelRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    name: &'a str,
    catalog: i64,
    channel_type: &'a str,
    conf: Empty,
    category_tree: Option<i64>,
    is_active: bool,
    schema: Empty,
}

#[derive(Serialize)]
struct KindField<'a> {
    kind: &'a str,
}

#[derive(Serialize)]
struct StoreRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    name: &'a str,
    address: String,
    township: Ref<'a>,
    district: Option<i64>,
    phone_number: String,
    fax_phone_number: &'a str,
    channels: [i64; 1],
    store_type: Option<i64>,
    click_and_collect: bool,
    fast_delivery: bool,
    store_hours: [[&'a str; 2]; 7],
    is_active: bool,
    latitude: f64,
    longitude: f64,
    kapida_enabled: bool,
    erp_code: &'a str,
    image: Option<&'a str>,
    extra_field: KindField<'a>,
}

#[derive(Serialize)]
struct ProductAttributes<'a> {
    department: &'a str,
    brand: &'a str,
    product_category: &'a str,
    product_type: &'a str,
    package_size: &'a str,
}

#[derive(Serialize)]
struct ProductRow<'a> {
    id: i64,
    pk: i64,
    name: String,
    sku: &'a str,
    base_code: &'a str,
    is_active: bool,
    attribute_set: i64,
    attributes: ProductAttributes<'a>,
    productimage_set: [(); 0],
    created_date: Time,
    modified_date: Time,
}

#[derive(Serialize)]
struct CargoRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    name: &'a str,
    erp_code: String,
    shipping_company: &'a str,
}

#[derive(Serialize)]
struct ReasonRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    cancellation_type: &'a str,
    extra_information_needed: bool,
    order: i64,
    subject: &'a str,
    is_active: bool,
    send_to_remote: bool,
    send_to_oms: bool,
    translations: Empty,
    uuid: String,
}

#[derive(Serialize)]
struct ContentTypeRow<'a> {
    id: i64,
    pk: i64,
    app_label: &'a str,
    model: &'a str,
}

impl World {
    /// Shows a base record to `take`. The key must be one the base has.
    pub(crate) fn base_row<T: Take>(&self, kind: Kind, pk: i64, deep: bool, take: T) -> T::Out {
        let base = &*self.base;
        let at = pk as usize - 1;
        let dates = || (Time(base.began_us), Time(base.began_us));
        let stem =
            || Stem { id: pk, pk, created_date: Time(base.began_us), modified_date: Time(base.began_us) };
        let (created_date, modified_date) = dates();
        match kind {
            Kind::Country => {
                let c = &base.countries[at];
                take.take(&CountryRow {
                    stem: stem(),
                    name: &c.name,
                    code: &c.code,
                    is_active: true,
                    translations: Empty {},
                })
            }
            Kind::City => {
                let c = &base.cities[at];
                let country = Some(self.reference(Kind::Country, c.country, deep, false));
                take.take(&PlaceRow { country, ..place(stem(), &c.name) })
            }
            Kind::Township => {
                let t = &base.townships[at];
                let city = Some(self.reference(Kind::City, t.city, deep, false));
                let (latitude, longitude) = (Some(t.lat), Some(t.lon));
                take.take(&PlaceRow { city, latitude, longitude, ..place(stem(), &t.name) })
            }
            Kind::District => {
                // The data knows no districts; each township has one of its name, so that addresses have one too.
                let t = &base.townships[at];
                let city = Some(self.reference(Kind::City, t.city, deep, false));
                let township = Some(self.reference(Kind::Township, pk, deep, false));
                take.take(&PlaceRow { city, township, zipcode: Some(""), ..place(stem(), &t.name) })
            }
            Kind::Channel => {
                let (name, channel_type) = CHANNELS[at];
                take.take(&ChannelRow {
                    stem: stem(),
                    name,
                    catalog: pk,
                    channel_type,
                    conf: Empty {},
                    category_tree: None,
                    is_active: true,
                    schema: Empty {},
                })
            }
            Kind::RetailStore => {
                let l = &base.data.locations[at];
                take.take(&StoreRow {
                    stem: stem(),
                    name: &l.name,
                    address: format!("{pk} Market Street, {}, {}", l.township, l.city),
                    township: self.reference(Kind::Township, base.store_township[at], deep, true),
                    district: None,
                    phone_number: format!("555{:07}", 1_000_000 + pk),
                    fax_phone_number: "",
                    channels: [1],
                    store_type: None,
                    click_and_collect: l.kind == crate::data::LocationKind::Store,
                    fast_delivery: false,
                    store_hours: [["09:00", "21:00"]; 7],
                    is_active: true,
                    latitude: l.lat,
                    longitude: l.lon,
                    kapida_enabled: false,
                    erp_code: &l.erp_code,
                    image: None,
                    extra_field: KindField { kind: l.kind.name() },
                })
            }
            Kind::Order => take.take(&self.order_row(pk, deep)),
            Kind::OrderItem => take.take(&self.item_row(pk, deep)),
            Kind::Product => {
                let p = &base.products[at];
                take.take(&ProductRow {
                    id: pk,
                    pk,
                    name: p.name(),
                    sku: &p.sku,
                    base_code: &p.sku,
                    is_active: true,
                    attribute_set: 1,
                    attributes: ProductAttributes {
                        department: &p.department,
                        brand: &p.brand,
                        product_category: &p.category,
                        product_type: &p.kind,
                        package_size: &p.package_size,
                    },
                    productimage_set: [],
                    created_date,
                    modified_date,
                })
            }
            Kind::Customer => take.take(&self.customer_row(pk)),
            Kind::Address => take.take(&self.address_row(pk, deep)),
            Kind::Cargo => {
                let (name, slug) = CARGOS[at];
                take.take(&CargoRow {
                    stem: stem(),
                    name,
                    erp_code: format!("{slug}-erp"),
                    shipping_company: slug,
                })
            }
            Kind::CancellationReason => {
                let (cancellation_type, subject) = REASONS[at];
                take.take(&ReasonRow {
                    stem: stem(),
                    cancellation_type,
                    extra_information_needed: false,
                    order: pk,
                    subject,
                    is_active: true,
                    send_to_remote: true,
                    send_to_oms: true,
                    translations: Empty {},
                    uuid: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, subject.as_bytes()).to_string(),
                })
            }
            Kind::ContentType => {
                let (app_label, model) = MODELS[at];
                take.take(&ContentTypeRow { id: pk, pk, app_label, model })
            }
            // These have no base records; an empty object is what is left to say.
            Kind::CancellationRequest
            | Kind::CancellationPlan
            | Kind::BatchRequest
            | Kind::IntegrationAction
            | Kind::Mapping
            | Kind::Webhook => take.take(&Empty {}),
        }
    }
}

fn place(stem: Stem, name: &str) -> PlaceRow<'_> {
    PlaceRow {
        stem,
        name,
        is_active: true,
        postcode: "",
        translations: Empty {},
        country: None,
        priority: None,
        city: None,
        township: None,
        zipcode: None,
        latitude: None,
        longitude: None,
    }
}
