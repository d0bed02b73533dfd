//! Base records as the wire has them: one struct a kind, serialised straight from the data.

use oms_core::time;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::base::{BASE_CARGO, CARGOS, CHANNELS, REASONS};
use super::kind::{Kind, MODELS};
use super::world::{Ref, Take, World};

/// Currency of the demo.
const CURRENCY: &str = "try";
/// Tax of the demo, in percent.
const TAX: &str = "20.00";
const NO_MONEY: Money = Money(0);

/// Prints as an ISO time.
pub(crate) struct Time(pub i64);
/// Prints as a decimal string with two places.
pub(crate) struct Money(pub i64);
/// Prints as `{}`.
#[derive(Serialize)]
struct Empty {}
/// Prints as `{"<key>": "<count>"}`.
struct Quantity<'a>(&'a str, i64);
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
struct Stem {
    id: i64,
    pk: i64,
    created_date: Time,
    modified_date: Time,
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
struct OrderRow<'a> {
    id: i64,
    pk: i64,
    number: &'a str,
    channel: Ref<'a>,
    status: &'a str,
    date_placed: Time,
    customer: Ref<'a>,
    shipping_address: Ref<'a>,
    billing_address: Ref<'a>,
    currency: &'a str,
    amount: Money,
    shipping_amount: Money,
    shipping_tax_rate: &'a str,
    net_shipping_amount: Money,
    discount_amount: Money,
    refund_amount: Money,
    discount_refund_amount: Money,
    shipping_refund_amount: Money,
    installment_interest_amount: Money,
    payment_option: i64,
    payment_option_slug: &'a str,
    bin_number: Option<&'a str>,
    installment: Option<i64>,
    installment_count: i64,
    cargo_company: i64,
    tracking_number: Option<&'a str>,
    carrier_shipping_code: Option<&'a str>,
    delivery_type: Option<&'a str>,
    delivery_range: Option<&'a str>,
    shipping_option_slug: &'a str,
    invoice_number: Option<&'a str>,
    invoice_date: Option<&'a str>,
    e_archive_url: Option<&'a str>,
    is_send: bool,
    segment: Option<i64>,
    external_status: Option<&'a str>,
    client_type: &'a str,
    remote_addr: &'a str,
    has_gift_box: bool,
    gift_box_note: Option<&'a str>,
    language_code: &'a str,
    notes: Option<&'a str>,
    extra_field: Empty,
    created_date: Time,
    modified_date: Time,
}

#[derive(Serialize)]
struct ItemRow<'a> {
    id: i64,
    pk: i64,
    order: i64,
    product: Ref<'a>,
    price_list: i64,
    stock_list: i64,
    status: &'a str,
    price_currency: &'a str,
    price: Money,
    tax_rate: &'a str,
    retail_price: Money,
    discount_amount: Money,
    installment_interest_amount: Money,
    shipping_company: Option<&'a str>,
    shipment_code: Option<&'a str>,
    tracking_number: Option<&'a str>,
    carrier_shipping_code: Option<&'a str>,
    invoice_number: Option<&'a str>,
    invoice_date: Option<&'a str>,
    e_archive_url: Option<&'a str>,
    cancel_status: Option<&'a str>,
    is_tradable: bool,
    datasource: Option<i64>,
    reconciliation: Option<i64>,
    cancellation_reconciliation: Option<i64>,
    original_stock: Option<i64>,
    shipping_option_group: Option<i64>,
    forced_refund: Option<bool>,
    parent: Option<i64>,
    delivered_date: Option<&'a str>,
    estimated_delivery_date: Option<&'a str>,
    extra_field: Empty,
    attributes: Quantity<'a>,
    attributes_kwargs: Empty,
    localized_attributes: Empty,
    localized_attributes_kwargs: Empty,
    created_date: Time,
    modified_date: Time,
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
struct CustomerRow<'a> {
    #[serde(flatten)]
    stem: Stem,
    channel: i64,
    email: String,
    first_name: &'a str,
    last_name: &'a str,
    phone_number: String,
    is_active: bool,
    channel_code: &'a str,
    erp_code: Option<&'a str>,
    attributes: Empty,
    attributes_kwargs: Empty,
    localized_attributes: Empty,
    localized_attributes_kwargs: Empty,
    extra_field: Empty,
    email_allowed: bool,
    sms_allowed: bool,
    call_allowed: bool,
    date_joined: Time,
    gender: Option<&'a str>,
    user_type: &'a str,
    date_of_birth: Option<&'a str>,
}

#[derive(Serialize)]
struct Coordinates {
    latitude: f64,
    longitude: f64,
}

#[derive(Serialize)]
struct AddressRow<'a> {
    id: i64,
    pk: i64,
    email: String,
    phone_number: String,
    first_name: &'a str,
    last_name: &'a str,
    country: Ref<'a>,
    city: Ref<'a>,
    township: Ref<'a>,
    district: Ref<'a>,
    line: String,
    title: &'a str,
    postcode: &'a str,
    notes: Option<&'a str>,
    company_name: Option<&'a str>,
    tax_office: Option<&'a str>,
    tax_no: Option<&'a str>,
    e_bill_taxpayer: bool,
    hash_data: String,
    address_type: &'a str,
    retail_store: Option<i64>,
    remote_id: Option<&'a str>,
    identity_number: Option<&'a str>,
    extra_field: Coordinates,
    customer: i64,
    is_active: bool,
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

const FIRST_NAMES: [&str; 16] = [
    "Ada", "Bora", "Can", "Deniz", "Ece", "Firat", "Gizem", "Hakan", "Irmak", "Kaan", "Lale", "Mert",
    "Nehir", "Onur", "Pelin", "Selin",
];
const LAST_NAMES: [&str; 15] = [
    "Akarsu", "Bulut", "Cevher", "Dalga", "Ekin", "Firtina", "Gunes", "Irmak", "Kaya", "Liman", "Mese",
    "Orman", "Pinar", "Ruzgar", "Yildiz",
];

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
            Kind::Customer => {
                let c = &base.data.customers[at];
                let (first_name, last_name) = person(pk);
                take.take(&CustomerRow {
                    stem: stem(),
                    channel: 1,
                    email: email(pk),
                    first_name,
                    last_name,
                    phone_number: phone(pk),
                    is_active: true,
                    channel_code: &c.code,
                    erp_code: None,
                    attributes: Empty {},
                    attributes_kwargs: Empty {},
                    localized_attributes: Empty {},
                    localized_attributes_kwargs: Empty {},
                    extra_field: Empty {},
                    email_allowed: false,
                    sms_allowed: false,
                    call_allowed: false,
                    date_joined: Time(base.began_us),
                    gender: None,
                    user_type: "registered",
                    date_of_birth: None,
                })
            }
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

    fn order_row(&self, pk: i64, deep: bool) -> OrderRow<'_> {
        let at = pk as usize - 1;
        let order = &self.base.data.orders[at];
        let customer = order.customer as i64 + 1;
        OrderRow {
            id: pk,
            pk,
            number: &order.number,
            channel: self.reference(Kind::Channel, 1, deep, false),
            status: "400",
            date_placed: Time(order.placed_us),
            customer: self.reference(Kind::Customer, customer, deep, false),
            shipping_address: self.reference(Kind::Address, customer, deep, true),
            billing_address: self.reference(Kind::Address, customer, deep, true),
            currency: CURRENCY,
            amount: Money(self.base.amounts[at]),
            shipping_amount: NO_MONEY,
            shipping_tax_rate: TAX,
            net_shipping_amount: NO_MONEY,
            discount_amount: NO_MONEY,
            refund_amount: NO_MONEY,
            discount_refund_amount: NO_MONEY,
            shipping_refund_amount: NO_MONEY,
            installment_interest_amount: NO_MONEY,
            payment_option: 1,
            payment_option_slug: "card",
            bin_number: None,
            installment: None,
            installment_count: 1,
            cargo_company: BASE_CARGO,
            tracking_number: None,
            carrier_shipping_code: None,
            delivery_type: None,
            delivery_range: None,
            shipping_option_slug: "standard",
            invoice_number: None,
            invoice_date: None,
            e_archive_url: None,
            is_send: false,
            segment: None,
            external_status: None,
            client_type: "default",
            remote_addr: "192.0.2.1",
            has_gift_box: false,
            gift_box_note: None,
            language_code: "tr-tr",
            notes: None,
            extra_field: Empty {},
            created_date: Time(order.placed_us),
            modified_date: Time(order.placed_us),
        }
    }

    fn item_row(&self, pk: i64, deep: bool) -> ItemRow<'_> {
        let at = pk as usize - 1;
        let order_at = self.base.item_order[at] as usize;
        let order = &self.base.data.orders[order_at];
        let line = &order.lines[at - self.base.first_item[order_at] as usize];
        ItemRow {
            id: pk,
            pk,
            order: order_at as i64 + 1,
            product: self.reference(Kind::Product, i64::from(self.base.item_product[at]), deep, false),
            price_list: 1,
            stock_list: 1,
            status: "400",
            price_currency: CURRENCY,
            price: Money(line.unit_price_minor),
            tax_rate: TAX,
            retail_price: Money(line.unit_price_minor),
            discount_amount: NO_MONEY,
            installment_interest_amount: NO_MONEY,
            shipping_company: None,
            shipment_code: None,
            tracking_number: None,
            carrier_shipping_code: None,
            invoice_number: None,
            invoice_date: None,
            e_archive_url: None,
            cancel_status: None,
            is_tradable: false,
            datasource: None,
            reconciliation: None,
            cancellation_reconciliation: None,
            original_stock: None,
            shipping_option_group: None,
            forced_refund: None,
            parent: None,
            delivered_date: None,
            estimated_delivery_date: None,
            extra_field: Empty {},
            attributes: Quantity(&self.base.quantity_key, line.quantity),
            attributes_kwargs: Empty {},
            localized_attributes: Empty {},
            localized_attributes_kwargs: Empty {},
            created_date: Time(order.placed_us),
            modified_date: Time(order.placed_us),
        }
    }

    fn address_row(&self, pk: i64, deep: bool) -> AddressRow<'_> {
        let at = pk as usize - 1;
        let customer = &self.base.data.customers[at];
        let township = self.base.customer_township[at];
        let city = self.base.townships[township as usize - 1].city;
        let country = self.base.cities[city as usize - 1].country;
        let (first_name, last_name) = person(pk);
        AddressRow {
            id: pk,
            pk,
            email: email(pk),
            phone_number: phone(pk),
            first_name,
            last_name,
            country: self.reference(Kind::Country, country, deep, false),
            city: self.reference(Kind::City, city, deep, false),
            township: self.reference(Kind::Township, township, deep, false),
            district: self.reference(Kind::District, township, deep, false),
            line: format!("{} Garden Road", pk % 200 + 1),
            title: "home",
            postcode: "",
            notes: None,
            company_name: None,
            tax_office: None,
            tax_no: None,
            e_bill_taxpayer: false,
            hash_data: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, email(pk).as_bytes())
                .simple()
                .to_string(),
            address_type: "customer",
            retail_store: None,
            remote_id: None,
            identity_number: None,
            extra_field: Coordinates { latitude: customer.lat, longitude: customer.lon },
            customer: pk,
            is_active: true,
            created_date: Time(self.base.began_us),
            modified_date: Time(self.base.began_us),
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

fn person(pk: i64) -> (&'static str, &'static str) {
    let at = pk as usize;
    (FIRST_NAMES[at % FIRST_NAMES.len()], LAST_NAMES[at % LAST_NAMES.len()])
}

fn email(pk: i64) -> String {
    format!("shopper-{pk}@example.com")
}

fn phone(pk: i64) -> String {
    format!("5550{pk:06}")
}
