//! Locations as objects.

use oms_core::time::format_us;
use oms_store::places::locations::Location;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::objects::addresses::{AddressView, address};
use crate::views::Places;

/// A store or warehouse.
#[derive(Serialize, ToSchema)]
pub struct LocationView {
    /// Its address as an object.
    address: Option<AddressView>,
    #[serde(flatten)]
    flat: FlatLocation,
}

/// What a location is without the records around it.
#[derive(Serialize, ToSchema)]
pub struct FlatLocation {
    id: i64,
    created_date: String,
    modified_date: String,
    omnitron_id: Option<i64>,
    name: String,
    /// `store` or `warehouse`.
    stock_location_type: &'static str,
    erp_code: String,
    is_fulfillment_center: bool,
    is_pickup_location: bool,
    is_delivery_location: bool,
    is_fast_delivery_available: bool,
    is_return_available: bool,
    /// Ours.
    is_shipper: bool,
    is_active: bool,
    priority: i64,
    /// Packages that may hold a slot here; null: no limit.
    max_quota: Option<i64>,
    /// Packages that hold a slot here.
    quota: i64,
    /// What is left of `max_quota`.
    available_quota: Option<i64>,
    engine: Option<i64>,
    email: Option<String>,
    daytime_phone: Option<String>,
    evening_phone: Option<String>,
    fax_number: Option<String>,
    /// Ours.
    /// **Ours.** When it works; null: always.
    #[schema(value_type = Option<Object>)]
    calendar: Option<serde_json::Value>,
    targeted_packaging_minutes: Option<i64>,
    /// Ours.
    targeted_exit_minutes: Option<i64>,
    #[schema(value_type = Object)]
    conf: Value,
    #[schema(value_type = Vec<Object>)]
    tags: Value,
    /// Ours: counts its changes.
    version: i64,
}

/// A location without the records around it.
pub fn flat(l: &Location) -> FlatLocation {
    let p = &l.properties;
    FlatLocation {
        id: l.id,
        created_date: format_us(l.created_us),
        modified_date: format_us(l.modified_us),
        omnitron_id: p.omnitron_id,
        name: p.name.clone(),
        stock_location_type: p.kind.as_str(),
        erp_code: p.erp_code.clone(),
        is_fulfillment_center: p.is_fulfillment_center,
        is_pickup_location: p.is_pickup_location,
        is_delivery_location: p.is_delivery_location,
        is_fast_delivery_available: p.is_fast_delivery_available,
        is_return_available: p.is_return_available,
        is_shipper: p.is_shipper,
        is_active: p.is_active,
        priority: p.priority,
        max_quota: p.max_quota,
        quota: l.quota,
        available_quota: p.max_quota.map(|most| (most - l.quota).max(0)),
        engine: p.engine,
        email: p.email.clone(),
        daytime_phone: p.daytime_phone.clone(),
        evening_phone: p.evening_phone.clone(),
        fax_number: p.fax_number.clone(),
        calendar: Some(p.calendar.clone()).filter(|c| !c.is_null()),
        targeted_packaging_minutes: p.targeted_packaging_minutes,
        targeted_exit_minutes: p.targeted_exit_minutes,
        conf: p.conf.clone(),
        tags: p.tags.clone(),
        version: l.version,
    }
}

/// A location as an object.
pub fn view(l: &Location, places: &Places) -> LocationView {
    let nested = l.address_id.map(|id| address(Some(id), &l.properties.address, places));
    LocationView { address: nested, flat: flat(l) }
}
