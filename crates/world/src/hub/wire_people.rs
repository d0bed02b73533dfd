//! Base customers and their addresses as the wire has them. The data knows neither names nor streets; they are made.

use serde::Serialize;

use super::kind::Kind;
use super::wire::{Empty, Stem, Time};
use super::world::{Ref, World};

#[derive(Serialize)]
pub(super) struct CustomerRow<'a> {
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
pub(super) struct AddressRow<'a> {
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
const FIRST_NAMES: [&str; 16] = [
    "Ada", "Bora", "Can", "Deniz", "Ece", "Firat", "Gizem", "Hakan", "Irmak", "Kaan", "Lale", "Mert",
    "Nehir", "Onur", "Pelin", "Selin",
];
const LAST_NAMES: [&str; 15] = [
    "Akarsu", "Bulut", "Cevher", "Dalga", "Ekin", "Firtina", "Gunes", "Irmak", "Kaya", "Liman", "Mese",
    "Orman", "Pinar", "Ruzgar", "Yildiz",
];
impl World {
    /// A base customer, as the wire has it.
    pub(super) fn customer_row(&self, pk: i64) -> CustomerRow<'_> {
        let began = || Time(self.base.began_us);
        let customer = &self.base.data.customers[pk as usize - 1];
        let (first_name, last_name) = person(pk);
        CustomerRow {
            stem: Stem { id: pk, pk, created_date: began(), modified_date: began() },
            channel: 1,
            email: email(pk),
            first_name,
            last_name,
            phone_number: phone(pk),
            is_active: true,
            channel_code: &customer.code,
            erp_code: None,
            attributes: Empty {},
            attributes_kwargs: Empty {},
            localized_attributes: Empty {},
            localized_attributes_kwargs: Empty {},
            extra_field: Empty {},
            email_allowed: false,
            sms_allowed: false,
            call_allowed: false,
            date_joined: began(),
            gender: None,
            user_type: "registered",
            date_of_birth: None,
        }
    }

    /// A base address, as the wire has it.
    pub(super) fn address_row(&self, pk: i64, deep: bool) -> AddressRow<'_> {
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
