//! Application settings: one row of this table a key. Parser, validator, masking and the reference
//! page all come from it.

mod hub;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use hub::{
    HubAuth, HubEndpoint, HubEndpointAuth, HubSettings, HubTimeouts, HubUrls, HubWebhooks, OrderFiltering,
};

use crate::reading;
use crate::refusal::Refusal;
use crate::secrets::{self, Secrets};

/// The largest value of a setting, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;

/// One setting.
pub struct Setting {
    pub key: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// A valid example, as JSON.
    pub example: &'static str,
    /// Its secrets, and where they are sent.
    pub secrets: Secrets,
    validate: fn(&Value) -> Result<(), Refusal>,
}

/// Every key there is.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "OMNITRON_CLIENT_SETTINGS",
        about: "How to reach the commerce hub: credentials, addresses, time-outs in milliseconds, and other addresses for single endpoints.",
        example: r#"{"auth":{"username":"oms.application","password":"…"},"urls":{"base_url":"https://brand-omnitron.example/api/v1","oms_url":"https://brand-oms.example/api/v1"},"timeouts":{"read":6000,"connect":6000},"endpoint_conf":[]}"#,
        secrets: Secrets { keys: &["password", "token"], addresses: &["base_url"], entry: "endpoint" },
        validate: |v| read::<HubSettings>(v).and_then(|s| s.check()),
    },
    Setting {
        key: "ORDER_FILTERING",
        about: "Which orders are taken: by status code, by the hub's channel ids (empty: all), leaving out order types.",
        example: r#"{"order_statuses":["400"],"channels":[],"exclude_order_types":[]}"#,
        secrets: secrets::NONE,
        validate: |v| read::<OrderFiltering>(v).and_then(|s| s.check()),
    },
    Setting {
        key: "ORDER_ITEM_QUANTITY_KEY",
        about: "The key of an order item's attributes that holds the count of a merged line.",
        example: r#"{"key":"quantity"}"#,
        secrets: secrets::NONE,
        validate: |v| {
            let s: QuantityKey = read(v)?;
            if s.key.trim().is_empty() || s.key.len() > 64 {
                return Err(wrong("key", "A key of 1 to 64 characters is expected."));
            }
            Ok(())
        },
    },
    Setting {
        key: "GEOLOCATION_DISCOVERY",
        about: "Whether distance is measured: as the crow flies, whoever is the provider. haversine uses the coordinates \
                that are known; google and yandex have GEOCODE_PROVIDER_SETTINGS asked for those that are missing. An \
                api_key here is accepted and not used.",
        example: r#"{"enabled":true,"provider":"haversine"}"#,
        secrets: Secrets { keys: &["api_key"], addresses: &["provider"], entry: "" },
        validate: |v| read::<GeolocationDiscovery>(v).map(drop),
    },
    Setting {
        key: "GEOCODE_PROVIDER_SETTINGS",
        about: "The service that turns an address into coordinates.",
        example: r#"{"provider":"google","api_key":"…","url":"https://maps.googleapis.com/maps/api/geocode/json"}"#,
        secrets: Secrets { keys: &["api_key"], addresses: &["url"], entry: "" },
        validate: |v| {
            let s: GeocodeProvider = read(v)?;
            check_url("url", &s.url)
        },
    },
    Setting {
        key: "STOCK_ENGINES",
        about: "How old a reading of an outside stock engine may be before a plan asks again, in seconds.",
        example: r#"{"max_age_seconds":30}"#,
        secrets: secrets::NONE,
        validate: |v| read::<StockEngines>(v).and_then(|s| s.check()),
    },
    Setting {
        key: "REPLANNING",
        about: "How often packages that are out of stock are tried again of which more became available.",
        example: r#"{"every_minutes":30}"#,
        secrets: secrets::NONE,
        validate: |v| {
            let s: Replanning = read(v)?;
            match s.every_minutes {
                1..=1_440 => Ok(()),
                _ => Err(wrong("every_minutes", "1 to 1,440 minutes are expected.")),
            }
        },
    },
    Setting {
        key: "RETENTION",
        about: "For how many days what was told is kept: changes in the feed of events (null: for good), and deliveries of \
                webhooks that ended, with what they said and each try. Steps, decisions and stock movements are always kept.",
        example: r#"{"events_days":null,"deliveries_days":30}"#,
        secrets: secrets::NONE,
        validate: |v| read::<Retention>(v)?.check(),
    },
    Setting {
        key: "MULTI_REGIONAL_SETTINGS",
        about: "Time zone, currency and language of the brand, and of channels (by id) and locations (by ERP code) where they \
                differ. Screens are shown in the reader's own language and zone where they chose them.",
        example: r#"{"time_zone":"Europe/Istanbul","currency":"try","language":"tr","channels":{"2":{"currency":"eur","language":"en"}},"locations":{"L001":{"time_zone":"Europe/Berlin"}}}"#,
        secrets: secrets::NONE,
        validate: |v| read::<MultiRegional>(v).and_then(|s| s.check()),
    },
    Setting {
        key: "IS_OTP_ENABLED",
        about: "Whether a customer needs a one-time code to take a package in a store, and for how many minutes a code is good.",
        example: r#"{"is_enabled_otp":true,"minutes":15}"#,
        secrets: secrets::NONE,
        validate: |v| {
            let s: Otp = read(v)?;
            match s.minutes() {
                1..=1_440 => Ok(()),
                _ => Err(wrong("minutes", "1 to 1,440 minutes are expected.")),
            }
        },
    },
    Setting {
        key: "OMNITRON_WEBHOOKS",
        about: "The webhooks to register on the hub: event types, our public address, the token the hub sends, and, where the \
                hub signs what it sends as Standard Webhooks has it, the secret: then what is not signed is refused.",
        example: r#"{"target_base_url":"https://brand-oms.example","events":["order.created","order.updated"],"token":"…"}"#,
        secrets: Secrets { keys: &["token", "secret_key"], addresses: &["target_base_url"], entry: "" },
        validate: |v| {
            let s: HubWebhooks = read(v)?;
            if let Some(secret) = &s.secret_key {
                crate::hooks::check_secret(secret)?;
            }
            check_url("target_base_url", &s.target_base_url)?;
            match s.events.iter().find(|e| !HUB_EVENTS.iter().any(|(known, _)| known == e)) {
                Some(unknown) => {
                    Err(wrong("events", format!("{unknown:?} is not an event the OMS listens to.")))
                }
                None => Ok(()),
            }
        },
    },
    Setting {
        key: "remote_invoice_call",
        about: "Where to ask for an invoice when a package ships; time-outs in seconds.",
        example: r#"{"auth":{"request_type":"anonymous"},"timeouts":{"read":10,"connect":60},"remote_url":"https://erp.example/invoice","generate_invoice_number":true,"generate_invoice_url":true}"#,
        secrets: Secrets { keys: &["password", "token"], addresses: &["remote_url"], entry: "" },
        validate: |v| {
            let s: InvoiceCall = read(v)?;
            check_url("remote_url", &s.remote_url)
        },
    },
];

/// The hub's events we listen to, each with the path it is sent to.
pub const HUB_EVENTS: &[(&str, &str)] = &[
    ("order.created", "/api/v1/oms/orders_omnitron/"),
    ("order.updated", "/api/v1/oms/orders_omnitron/"),
    ("cancellation_plan.created", "/api/v1/oms/cancellation_plan/"),
    ("cancellation_plan.updated", "/api/v1/oms/cancellation_plan/"),
    ("retail_store.created", "/api/v1/oms/stocklocations-webhook"),
    ("retail_store.updated", "/api/v1/oms/stocklocations-webhook"),
];

/// The setting of a key.
pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|s| s.key == key)
}

impl Setting {
    /// Checks a value and returns it with masked secrets replaced by those stored.
    pub fn accept(&self, value: &Value, stored: Option<&Value>) -> Result<Value, Refusal> {
        if value.to_string().len() > MAX_BYTES {
            return Err(wrong("json_value", format!("A setting holds at most {MAX_BYTES} bytes.")));
        }
        let value = self.secrets.unmasked(value, stored)?;
        (self.validate)(&value)?;
        Ok(value)
    }

    /// The value as it may be shown.
    pub fn masked(&self, value: &Value) -> Value {
        self.secrets.masked(value)
    }
}

fn wrong(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

/// Reads a stored or sent value as its type; the refusal names the part.
pub fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    reading::read(value, "").map_err(|mut refusal| {
        if refusal.field == "non_field_errors" {
            refusal.field = "json_value".into();
        }
        refusal
    })
}

pub(crate) fn check_url(field: &str, url: &str) -> Result<(), Refusal> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest)
            if !rest.is_empty()
                && !rest.starts_with('/')
                && url.len() <= 2000
                && !url.contains(char::is_whitespace) =>
        {
            Ok(())
        }
        _ => Err(wrong(
            field,
            format!("{url:?} is not an address: http:// or https:// and a host are expected."),
        )),
    }
}

/// `IS_OTP_ENABLED`: `true`, or an object.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Otp {
    Flag(bool),
    #[serde(rename_all = "snake_case")]
    Detailed {
        is_enabled_otp: bool,
        minutes: Option<i64>,
    },
}

impl Default for Otp {
    fn default() -> Self {
        Self::Flag(false)
    }
}

impl Otp {
    /// Whether codes are needed.
    pub fn is_enabled(self) -> bool {
        match self {
            Self::Flag(on) | Self::Detailed { is_enabled_otp: on, .. } => on,
        }
    }

    /// How long a code is good.
    pub fn minutes(self) -> i64 {
        match self {
            Self::Detailed { minutes: Some(minutes), .. } => minutes,
            _ => 15,
        }
    }
}

/// `ORDER_ITEM_QUANTITY_KEY`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantityKey {
    pub key: String,
}

/// `RETENTION`, in days of 24 hours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// None: for good.
    #[serde(default)]
    pub events_days: Option<i64>,
    #[serde(default = "Retention::deliveries")]
    pub deliveries_days: i64,
}

impl Retention {
    /// Deliveries hold personal data.
    fn deliveries() -> i64 {
        30
    }

    fn check(&self) -> Result<(), Refusal> {
        let is_fine = |days: i64| (1..=3_650).contains(&days);
        if !self.events_days.is_none_or(is_fine) {
            return Err(wrong("events_days", "1 to 3,650 days are expected, or null for good."));
        }
        if !is_fine(self.deliveries_days) {
            return Err(wrong("deliveries_days", "1 to 3,650 days are expected."));
        }
        Ok(())
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { events_days: None, deliveries_days: Self::deliveries() }
    }
}

/// `REPLANNING`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replanning {
    pub every_minutes: i64,
}

impl Default for Replanning {
    fn default() -> Self {
        Self { every_minutes: 30 }
    }
}

/// What differs between regions. Missing: as the brand has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// An IANA name.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// ISO 4217, in small letters as on the wire.
    #[serde(default)]
    pub currency: Option<String>,
    /// ISO 639-1.
    #[serde(default)]
    pub language: Option<String>,
}

/// `MULTI_REGIONAL_SETTINGS`. The documents name the page (Multi Regional Settings) and nothing of its form: it is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiRegional {
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    channels: BTreeMap<String, Region>,
    #[serde(default)]
    locations: BTreeMap<String, Region>,
}

/// The zone of a brand that says nothing of it: that of the documented system's home.
pub const TIME_ZONE: &str = "Europe/Istanbul";

impl MultiRegional {
    /// Of the brand.
    pub fn brand(&self) -> Region {
        Region {
            time_zone: self.time_zone.clone(),
            currency: self.currency.clone(),
            language: self.language.clone(),
        }
    }

    /// Of a channel by its id here.
    pub fn channel(&self, id: i64) -> Region {
        self.within(self.channels.get(&id.to_string()))
    }

    /// Of a location.
    pub fn location(&self, erp_code: &str) -> Region {
        self.within(self.locations.get(erp_code))
    }

    fn within(&self, region: Option<&Region>) -> Region {
        let (own, brand) = (region.cloned().unwrap_or_default(), self.brand());
        Region {
            time_zone: own.time_zone.or(brand.time_zone),
            currency: own.currency.or(brand.currency),
            language: own.language.or(brand.language),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        check_region("", &self.brand())?;
        if let Some(id) = self.channels.keys().find(|id| id.parse::<i64>().is_err()) {
            return Err(wrong("channels", format!("{id:?} is not the id of a channel.")));
        }
        let parts = [("channels", &self.channels), ("locations", &self.locations)];
        for (part, regions) in parts {
            for (name, region) in regions {
                check_region(&format!("{part}.{name}."), region)?;
            }
        }
        Ok(())
    }
}

fn check_region(at: &str, region: &Region) -> Result<(), Refusal> {
    let letters = |text: &str, n: usize| text.len() == n && text.chars().all(|c| c.is_ascii_lowercase());
    if let Some(zone) = region.time_zone.as_deref().filter(|z| jiff::tz::TimeZone::get(z).is_err()) {
        let message = format!("{zone:?} is not a time zone; a name such as Europe/Istanbul is expected.");
        return Err(wrong(&format!("{at}time_zone"), message));
    }
    if let Some(currency) = region.currency.as_deref().filter(|c| !letters(c, 3)) {
        let message =
            format!("{currency:?} is not a currency; three small letters such as try are expected.");
        return Err(wrong(&format!("{at}currency"), message));
    }
    if let Some(language) = region.language.as_deref().filter(|l| !letters(l, 2)) {
        let message = format!("{language:?} is not a language; two small letters such as tr are expected.");
        return Err(wrong(&format!("{at}language"), message));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeoProvider {
    Google,
    Yandex,
    Haversine,
}

/// `GEOLOCATION_DISCOVERY`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeolocationDiscovery {
    pub enabled: bool,
    pub provider: GeoProvider,
    #[serde(default)]
    pub api_key: Option<String>,
    #[serde(default)]
    pub cache_ttl_seconds: Option<u32>,
}

/// `STOCK_ENGINES`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockEngines {
    pub max_age_seconds: i64,
}

impl Default for StockEngines {
    fn default() -> Self {
        Self { max_age_seconds: 30 }
    }
}

impl StockEngines {
    fn check(&self) -> Result<(), Refusal> {
        match self.max_age_seconds {
            1..=3_600 => Ok(()),
            _ => Err(wrong("max_age_seconds", "1 to 3,600 seconds are expected.")),
        }
    }
}

/// `GEOCODE_PROVIDER_SETTINGS`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeocodeProvider {
    pub provider: GeocodeKind,
    pub api_key: String,
    pub url: String,
}

/// Whose wire shape a geocoder speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeocodeKind {
    Google,
    Yandex,
}

impl GeocodeKind {
    /// The setting's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Yandex => "yandex",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceCall {
    #[serde(rename = "auth")]
    _auth: InvoiceAuth,
    #[serde(rename = "timeouts")]
    _timeouts: InvoiceTimeouts,
    remote_url: String,
    #[serde(default, rename = "generate_invoice_number")]
    _number: bool,
    #[serde(default, rename = "generate_invoice_url")]
    _url: bool,
}

/// Seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceTimeouts {
    #[serde(rename = "read")]
    _read: u32,
    #[serde(rename = "connect")]
    _connect: u32,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "request_type", rename_all = "snake_case")]
enum InvoiceAuth {
    Anonymous,
    BasicAuth {
        #[serde(rename = "username")]
        _username: String,
        #[serde(rename = "password")]
        _password: String,
    },
    Token {
        #[serde(rename = "token")]
        _token: String,
        #[serde(default, rename = "token_prefix")]
        _prefix: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_example_is_valid_and_shows_no_secret() {
        for s in SETTINGS {
            let value: Value = serde_json::from_str(s.example).expect(s.key);
            let stored = s.accept(&value, None).unwrap_or_else(|r| panic!("{}: {r}", s.key));
            let shown = s.masked(&stored).to_string();
            assert!(s.secrets.is_empty() || !shown.contains('…'), "{}: {shown}", s.key);
        }
    }

    #[test]
    fn a_masked_secret_keeps_the_stored_one_and_never_becomes_it() {
        let s = setting("OMNITRON_CLIENT_SETTINGS").expect("known");
        let stored: Value = serde_json::from_str(s.example).expect("example");
        let sent = s.masked(&stored);
        let kept = s.accept(&sent, Some(&stored)).expect("valid");
        assert_eq!(kept["auth"]["password"], stored["auth"]["password"]);
        assert!(s.accept(&sent, None).is_err());
    }

    #[test]
    fn no_stored_secret_follows_its_address() {
        for s in SETTINGS.iter().filter(|s| !s.secrets.is_empty()) {
            let stored: Value = serde_json::from_str(s.example).expect(s.key);
            let mut sent = s.masked(&stored);
            let mut moved = 0;
            move_addresses(&mut sent, s.secrets.addresses, &mut moved);
            assert_eq!(moved, s.secrets.addresses.len(), "{}: its example has each address", s.key);
            if sent.to_string().contains(secrets::MASK) {
                let refused = s.accept(&sent, Some(&stored)).expect_err(s.key);
                assert!(refused.message.contains("address has changed"), "{}: {}", s.key, refused.message);
            }
        }
    }

    fn move_addresses(value: &mut Value, addresses: &[&str], moved: &mut usize) {
        for (key, v) in value.as_object_mut().into_iter().flatten() {
            match v {
                Value::String(text) if addresses.contains(&key.as_str()) => {
                    *text =
                        if text.contains("://") { "https://evil.example/".into() } else { "google".into() };
                    *moved += 1;
                }
                _ => move_addresses(v, addresses, moved),
            }
        }
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        let refused =
            |key, value: Value| setting(key).expect(key).accept(&value, None).expect_err("must be refused");
        assert_eq!(refused("ORDER_FILTERING", json!({"order_statuses": ["401"]})).field, "order_statuses");
        assert_eq!(refused("ORDER_FILTERING", json!({"statuses": []})).field, "statuses");
        let google = json!({"enabled": true, "provider": "google"});
        let accepted = setting("GEOLOCATION_DISCOVERY").expect("it is one").accept(&google, None);
        assert_eq!(accepted.expect("no key is asked for that nothing uses"), google);
        assert_eq!(
            refused(
                "OMNITRON_CLIENT_SETTINGS",
                json!({"auth": {"username": "a", "password": "b"}, "urls": {"base_url": "ftp://x"}})
            )
            .field,
            "base_url"
        );
        assert_eq!(
            refused("ORDER_FILTERING", json!(3)).message,
            "an object is expected, found the number 3."
        );
        let deep = json!({"auth": {"username": 1, "password": "b"}, "urls": {"base_url": "https://x"}});
        assert_eq!(refused("OMNITRON_CLIENT_SETTINGS", deep).field, "auth.username");
    }
}
