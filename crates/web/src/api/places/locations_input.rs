//! A location as callers write it, each field checked and named.

use oms_core::calendars::Calendar;
use oms_core::codes;
use oms_core::geo::Point;
use oms_core::locations::LocationKind;
use oms_core::refusal::Refusal;
use oms_store::orders::people::NewAddress;
use oms_store::places::locations::Properties;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The largest `conf` or `tags`, in bytes of JSON.
const MAX_JSON: usize = 16 << 10;
/// The most tags a location carries.
const MAX_TAGS: usize = 100;
/// Priorities and quotas beyond this are typing errors.
const MAX_NUMBER: i64 = 1_000_000_000;
/// A month, in minutes: no target is longer.
const MAX_MINUTES: i64 = 31 * 24 * 60;
/// Shown by reading; taken and not looked at, so that a record that was read may be sent back.
const READ_ONLY: [&str; 6] = ["id", "created_date", "modified_date", "quota", "available_quota", "version"];

/// What can be written of a location.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the fields are read one by one")]
pub(crate) struct LocationInput {
    /// Required for a new one; 1 to 255 characters, unique.
    erp_code: Option<String>,
    /// Required for a new one; 1 to 255 characters.
    name: Option<String>,
    /// `store` or `warehouse`; required for a new one.
    stock_location_type: Option<String>,
    omnitron_id: Option<i64>,
    is_fulfillment_center: Option<bool>,
    is_pickup_location: Option<bool>,
    is_delivery_location: Option<bool>,
    is_return_available: Option<bool>,
    is_fast_delivery_available: Option<bool>,
    is_shipper: Option<bool>,
    is_active: Option<bool>,
    priority: Option<i64>,
    /// null: no limit.
    max_quota: Option<i64>,
    /// The stock engine's id; null: the built-in one.
    engine: Option<i64>,
    email: Option<String>,
    daytime_phone: Option<String>,
    evening_phone: Option<String>,
    fax_number: Option<String>,
    targeted_packaging_minutes: Option<i64>,
    targeted_exit_minutes: Option<i64>,
    #[schema(value_type = Option<Object>)]
    conf: Option<Value>,
    /// **Ours.** When it works: `{"time_zone", "weekly": {"mon": [["09:00", "18:00"]], …}, "holidays": [],
    /// "exceptions": [{"date", "hours"}], "cut_off": "16:00"}`; null: always.
    #[schema(value_type = Option<Object>)]
    calendar: Option<Value>,
    /// Objects with a `name`.
    #[schema(value_type = Option<Vec<Object>>)]
    tags: Option<Value>,
    /// Places by their ids here, or as the objects that reading shows.
    #[schema(value_type = Option<Object>)]
    address: Option<Value>,
}

fn wrong(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

fn object(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| wrong("non_field_errors", "An object is expected."))
}

/// A whole location: what is left out gets its default.
pub(crate) fn whole(value: &Value) -> Result<Properties, Refusal> {
    let map = object(value)?;
    let required = |field: &str| {
        let text = map.get(field).and_then(Value::as_str).filter(|t| !t.trim().is_empty());
        text.ok_or_else(|| Refusal::invalid(field, "required", format!("{field} is required.")))
    };
    let (erp_code, name) = (required("erp_code")?, required("name")?);
    let kind = kind(required("stock_location_type")?)?;
    let mut p = oms_app::places::locations::blank(erp_code, name, kind);
    onto(&mut p, value)?;
    Ok(p)
}

fn kind(text: &str) -> Result<LocationKind, Refusal> {
    LocationKind::parse(text)
        .ok_or_else(|| wrong("stock_location_type", format!("{text:?} is not store or warehouse.")))
}

/// Writes what is given onto a location.
pub(crate) fn onto(p: &mut Properties, value: &Value) -> Result<(), Refusal> {
    for (key, v) in object(value)? {
        match key.as_str() {
            "erp_code" => p.erp_code = code(key, v)?.ok_or_else(|| empty(key))?,
            "name" => p.name = text(key, v, 255)?.ok_or_else(|| empty(key))?,
            "stock_location_type" => p.kind = kind(v.as_str().unwrap_or_default())?,
            "omnitron_id" => p.omnitron_id = number(key, v, 1, i64::MAX)?,
            "is_fulfillment_center" => p.is_fulfillment_center = flag(key, v)?,
            "is_pickup_location" => p.is_pickup_location = flag(key, v)?,
            "is_delivery_location" => p.is_delivery_location = flag(key, v)?,
            "is_return_available" => p.is_return_available = flag(key, v)?,
            "is_fast_delivery_available" => p.is_fast_delivery_available = flag(key, v)?,
            "is_shipper" => p.is_shipper = flag(key, v)?,
            "is_active" => p.is_active = flag(key, v)?,
            "priority" => p.priority = number(key, v, -MAX_NUMBER, MAX_NUMBER)?.ok_or_else(|| empty(key))?,
            "max_quota" => p.max_quota = number(key, v, 0, MAX_NUMBER)?,
            "engine" => p.engine = number(key, v, 1, i64::MAX)?,
            "email" => p.email = text(key, v, 254)?,
            "daytime_phone" => p.daytime_phone = text(key, v, 128)?,
            "evening_phone" => p.evening_phone = text(key, v, 128)?,
            "fax_number" => p.fax_number = text(key, v, 128)?,
            "targeted_packaging_minutes" => p.targeted_packaging_minutes = number(key, v, 0, MAX_MINUTES)?,
            "targeted_exit_minutes" => p.targeted_exit_minutes = number(key, v, 0, MAX_MINUTES)?,
            "conf" => p.conf = conf(v)?,
            "tags" => p.tags = tags(v)?,
            "calendar" => p.calendar = calendar(v)?,
            "address" => p.address = address(&p.address, v)?,
            known if READ_ONLY.contains(&known) => {}
            unknown => {
                let message = format!("{unknown:?} is not a property of a location.");
                return Err(Refusal::invalid(unknown, "unknown_field", message));
            }
        }
    }
    Ok(())
}

fn empty(field: &str) -> Refusal {
    Refusal::invalid(field, "required", format!("{field} cannot be empty."))
}

fn text(field: &str, v: &Value, most: usize) -> Result<Option<String>, Refusal> {
    match v {
        Value::Null => Ok(None),
        Value::String(s) if s.chars().count() > most => {
            Err(wrong(field, format!("{field} has at most {most} characters.")))
        }
        Value::String(s) => Ok(Some(s.trim().to_owned()).filter(|s| !s.is_empty())),
        _ => Err(wrong(field, format!("{field} is text."))),
    }
}

/// A text that names the location: nothing in it is unseen.
fn code(field: &str, v: &Value) -> Result<Option<String>, Refusal> {
    let code = text(field, v, codes::MAX_CHARS)?;
    code.as_deref().map(codes::clean).transpose().map_err(|e| wrong(field, format!("{field}: {e}.")))?;
    Ok(code)
}

fn flag(field: &str, v: &Value) -> Result<bool, Refusal> {
    v.as_bool().ok_or_else(|| wrong(field, format!("{field} is true or false.")))
}

fn number(field: &str, v: &Value, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
    if v.is_null() {
        return Ok(None);
    }
    let number = v.as_i64().filter(|n| (least..=most).contains(n));
    number.map(Some).ok_or_else(|| wrong(field, format!("{field} is a whole number from {least} to {most}.")))
}

fn calendar(v: &Value) -> Result<Value, Refusal> {
    if v.is_null() {
        return Ok(Value::Null);
    }
    let calendar = Calendar::from_json(v)?;
    Ok(serde_json::to_value(calendar).unwrap_or_default())
}

fn conf(v: &Value) -> Result<Value, Refusal> {
    if v.is_object() && v.to_string().len() <= MAX_JSON {
        return Ok(v.clone());
    }
    Err(wrong("conf", format!("conf is an object of at most {MAX_JSON} bytes.")))
}

fn tags(v: &Value) -> Result<Value, Refusal> {
    let named = |t: &Value| t["name"].as_str().is_some_and(|n| !n.trim().is_empty());
    let fits = v.as_array().is_some_and(|list| list.len() <= MAX_TAGS && list.iter().all(named));
    if fits && v.to_string().len() <= MAX_JSON {
        return Ok(v.clone());
    }
    Err(wrong("tags", format!("tags is a list of at most {MAX_TAGS} objects, each with a name.")))
}

/// An address written over the one before.
fn address(before: &NewAddress, v: &Value) -> Result<NewAddress, Refusal> {
    let map = v.as_object().ok_or_else(|| wrong("address", "address is an object."))?;
    let mut a = before.clone();
    for (key, v) in map {
        let field = &format!("address.{key}");
        match key.as_str() {
            "title" => a.title = text(field, v, 255)?,
            "first_name" => a.first_name = text(field, v, 255)?,
            "last_name" => a.last_name = text(field, v, 255)?,
            "phone_number" => a.phone = text(field, v, 128)?,
            "email" => a.email = text(field, v, 254)?,
            "company_name" => a.company_name = text(field, v, 255)?,
            "line" => a.line = text(field, v, 1_024)?,
            "postcode" => a.postcode = text(field, v, 64)?,
            "notes" => a.notes = text(field, v, 1_024)?,
            "country" => a.country_id = place(field, v)?,
            "city" => a.city_id = place(field, v)?,
            "township" => a.township_id = place(field, v)?,
            "district" => a.district_id = place(field, v)?,
            "latitude" | "longitude" | "id" | "omnitron_id" | "mapping" | "is_active" => {}
            unknown => {
                let message = format!("{unknown:?} is not a property of an address.");
                return Err(Refusal::invalid(field, "unknown_field", message));
            }
        }
    }
    match (map.get("latitude"), map.get("longitude")) {
        (None, None) => {}
        (None | Some(Value::Null), None | Some(Value::Null)) => a.point = None,
        (lat, lon) => {
            let both = degrees(lat).zip(degrees(lon));
            let point = both.and_then(|(lat, lon)| Point::from_degrees(lat, lon));
            let message = "latitude is -90 to 90 and longitude -180 to 180 degrees; both or neither.";
            a.point = Some(point.ok_or_else(|| wrong("address.latitude", message))?);
        }
    }
    Ok(a)
}

fn degrees(v: Option<&Value>) -> Option<f64> {
    let v = v?;
    v.as_f64().or_else(|| v.as_str()?.trim().parse().ok()).filter(|d| d.is_finite())
}

/// A place by id, or as the object that reading shows.
fn place(field: &str, v: &Value) -> Result<Option<i64>, Refusal> {
    let id = if v.is_object() { v.get("pk").or_else(|| v.get("id")).unwrap_or(&Value::Null) } else { v };
    number(field, id, 1, i64::MAX)
}
