//! Outside stock engines: what kinds there are, how one is called and how its answers are read.
//!
//! The documented part of a configuration is `auth` and `service.url` and `service.type`; the rest is
//! ours and may be left out.

pub mod answers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::secrets::Secrets;
use crate::settings;

/// The longest name of an engine, in characters.
pub const MAX_NAME: usize = 255;
/// The largest configuration, in bytes of JSON: a few hundred location codes and room to spare.
pub const MAX_CONFIG_BYTES: usize = 64 * 1024;
/// Engines of one installation: a brand has one or two; each costs every plan a look.
pub const MAX_ENGINES: usize = 50;
/// Milliseconds one question may take, its retries included.
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=20_000;
/// The longest field name, pointer, header prefix or location code.
const MAX_WORD: usize = 255;
/// Keys whose strings are secrets, at any depth of a configuration.
pub const SECRETS: Secrets = Secrets { keys: &["password"], addresses: &["url"], entry: "" };

/// A kind of engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// A brand's own service, called as documented.
    Service,
    /// Akinon's stock consolidation application.
    WhippyWare,
    /// Quartermaster's own ledger.
    BuiltIn,
}

/// A row of the table of engine types.
#[derive(Debug)]
pub struct EngineType {
    pub kind: EngineKind,
    /// The word on the wire: `stock_engine_type`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Whether it cannot work without `username` and `password`.
    pub needs_credentials: bool,
    /// A valid configuration with every part that a form asks for, as JSON. What it leaves out is kept as it is.
    pub form: &'static str,
    /// A valid configuration, as JSON.
    pub example: &'static str,
}

/// The words that a part of a configuration may be, by its path.
pub const CHOICES: &[(&str, &[&str])] = &[
    ("auth.type", &["anonymous", "basic_auth", "token"]),
    ("service.type", &["multiple", "single"]),
    ("service.mapping.shape", &["by_sku_then_location", "by_location_then_sku", "rows"]),
];

/// Every type there is.
pub const ENGINE_TYPES: &[EngineType] = &[
    EngineType {
        kind: EngineKind::Service,
        name: "service",
        about: "The brand's own stock service: asked for SKUs by GET, anonymously, with a password or with a token.",
        needs_credentials: false,
        form: r#"{"service":{"url":"https://yourstockservice.com/api/query/","type":"multiple","timeout_ms":3000,"mapping":{"at":"/data","shape":"rows","sku":"sku","location":"location","units":"units","reserved":"reserved"}},"auth":{"type":"token","username":"oms","password":"…","url":"https://yourstockservice.com/api/token/","prefix":"Token","field":"token"},"locations":{},"allow_partial":false}"#,
        example: r#"{"auth":{"type":"basic_auth","username":"oms","password":"…"},"service":{"url":"https://yourstockservice.com/api/query/","type":"multiple"}}"#,
    },
    EngineType {
        kind: EngineKind::WhippyWare,
        name: "whippy_ware",
        about: "Whippy Ware: stock lists at /api/v1/stocks/, location codes at /api/v1/stock-locations/ below the address given.",
        needs_credentials: true,
        form: r#"{"service":{"url":"https://whippy.example","timeout_ms":3000},"auth":{"type":"basic_auth","username":"oms","password":"…","url":"https://whippy.example/token/","prefix":"Token","field":"token"},"locations":{},"allow_partial":false}"#,
        example: r#"{"auth":{"type":"basic_auth","username":"oms","password":"…"},"service":{"url":"https://whippy.example"}}"#,
    },
    EngineType {
        kind: EngineKind::BuiltIn,
        name: "built_in",
        about: "Quartermaster's own ledger: stock is loaded by POST to /api/v1/oms/stocks/ and nobody is called.",
        needs_credentials: false,
        form: "{}",
        example: "{}",
    },
];

impl EngineKind {
    /// Its row of the table.
    pub fn row(self) -> &'static EngineType {
        ENGINE_TYPES.iter().find(|t| t.kind == self).expect("every kind has its row")
    }

    /// The wire word.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// From the wire word.
    pub fn parse(text: &str) -> Option<Self> {
        ENGINE_TYPES.iter().find(|t| t.name == text).map(|t| t.kind)
    }

    /// Whether somebody else is called.
    pub fn is_outside(self) -> bool {
        self != Self::BuiltIn
    }
}

/// How an engine is called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    #[serde(default)]
    pub auth: Auth,
    #[serde(default)]
    pub service: Service,
    /// The engine's code of a location to our `erp_code`, where they differ.
    #[serde(default)]
    pub locations: BTreeMap<String, String>,
    /// Whether planning goes on without this engine's locations while it is down.
    #[serde(default)]
    pub allow_partial: bool,
}

/// How we show who we are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    #[serde(rename = "type", default)]
    pub kind: AuthKind,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    /// Where a token is fetched; `token` only.
    #[serde(default)]
    pub url: Option<String>,
    /// What stands before the token in the `Authorization` header. Not given: `Token`.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The token's field in the answer, a name or a JSON pointer. Not given: `token`.
    #[serde(default)]
    pub field: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    #[default]
    Anonymous,
    BasicAuth,
    Token,
}

/// What is called and how it answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    #[serde(default)]
    pub url: String,
    #[serde(rename = "type", default)]
    pub mode: Mode,
    /// Milliseconds one question may take, its retries included. Not given: 3,000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    #[serde(default)]
    pub parameters: Parameters,
    #[serde(default)]
    pub mapping: Option<Mapping>,
}

fn timeout_ms() -> u64 {
    3_000
}

/// How many SKUs one request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All of them.
    #[default]
    Multiple,
    /// One.
    Single,
}

/// Names of the request's parameters, each repeated for each value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    pub sku: String,
    /// Empty: locations are not sent.
    pub location: String,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { sku: "sku".into(), location: "location".into() }
    }
}

/// Where a brand's answer holds what we look for. A field is a name, or a JSON pointer that begins
/// with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// JSON pointer to the list or object; empty: the answer itself.
    pub at: String,
    pub shape: Shape,
    pub sku: String,
    pub location: String,
    pub units: String,
    /// Units the brand has promised to others: taken off. Not given: nothing is.
    pub reserved: Option<String>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            at: String::new(),
            shape: Shape::default(),
            sku: "sku".into(),
            location: "location".into(),
            units: "units".into(),
            reserved: None,
        }
    }
}

/// How an answer is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `{"SKU": {"LOCATION": "5.00"}}`; of a `single` service `{"LOCATION": "5.00"}`.
    #[default]
    BySkuThenLocation,
    /// `{"LOCATION": {"SKU": "5.00"}}`.
    ByLocationThenSku,
    /// `[{"sku": "SKU", "location": "LOCATION", "units": "5.00"}]`; rows of one place add up.
    Rows,
}

impl EngineConfig {
    /// Reads and checks a configuration; the refusal names the part that is wrong.
    pub fn from_json(kind: EngineKind, value: &Value) -> Result<Self, Refusal> {
        if value.to_string().len() > MAX_CONFIG_BYTES {
            return Err(wrong("config", format!("A configuration holds at most {MAX_CONFIG_BYTES} bytes.")));
        }
        let config: Self = settings::read(value)?;
        if kind.is_outside() {
            config.check(kind)?;
        }
        Ok(config)
    }

    fn check(&self, kind: EngineKind) -> Result<(), Refusal> {
        address("service.url", &self.service.url)?;
        self.auth.check()?;
        if kind.row().needs_credentials && self.auth.kind == AuthKind::Anonymous {
            return Err(wrong("auth.type", format!("{} needs basic_auth or token.", kind.as_str())));
        }
        if !TIMEOUT_MS.contains(&self.service.timeout_ms) {
            return Err(wrong("service.timeout_ms", "100 to 20,000 milliseconds are expected."));
        }
        word("service.parameters.sku", &self.service.parameters.sku)?;
        if !self.service.parameters.location.is_empty() {
            word("service.parameters.location", &self.service.parameters.location)?;
        }
        if let Some(mapping) = &self.service.mapping {
            mapping.check()?;
        }
        for (theirs, ours) in &self.locations {
            word("locations", theirs)?;
            word("locations", ours)?;
        }
        let mut ours: Vec<_> = self.locations.values().collect();
        ours.sort_unstable();
        match ours.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(wrong("locations", format!("Two codes stand for {}; keep one.", pair[0]))),
            None => Ok(()),
        }
    }

    /// Our `erp_code` of the engine's code.
    pub fn erp_code<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.locations.get(theirs).map_or(theirs, String::as_str)
    }

    /// The engine's code of our `erp_code`.
    pub fn code_of<'a>(&'a self, erp_code: &'a str) -> &'a str {
        self.locations.iter().find(|(_, ours)| *ours == erp_code).map_or(erp_code, |(theirs, _)| theirs)
    }

    /// The mapping that reads the engine's answers.
    pub fn mapping(&self, kind: EngineKind) -> Mapping {
        match (&self.service.mapping, kind) {
            (Some(mapping), _) => mapping.clone(),
            (None, EngineKind::WhippyWare) => Mapping {
                at: "/results".into(),
                shape: Shape::Rows,
                units: "stock".into(),
                // Promised to orders we know nothing of.
                reserved: Some("reserved_stock".into()),
                ..Mapping::default()
            },
            (None, _) => Mapping::default(),
        }
    }
}

impl Auth {
    fn check(&self) -> Result<(), Refusal> {
        let given = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.is_empty());
        if self.kind == AuthKind::Anonymous {
            return Ok(());
        }
        if !given(&self.username) {
            return Err(wrong("auth.username", "basic_auth and token need a username."));
        }
        if self.kind == AuthKind::BasicAuth && self.username.as_deref().is_some_and(|u| u.contains(':')) {
            return Err(wrong("auth.username", "A username of basic_auth holds no colon."));
        }
        if !given(&self.password) {
            return Err(wrong("auth.password", "basic_auth and token need a password."));
        }
        if self.kind == AuthKind::Token {
            address("auth.url", self.url.as_deref().unwrap_or_default())?;
        }
        for (field, text) in [("auth.prefix", &self.prefix), ("auth.field", &self.field)] {
            if text.as_ref().is_some_and(|t| t.len() > MAX_WORD || t.chars().any(char::is_control)) {
                return Err(wrong(field, "At most 255 characters without control characters are expected."));
            }
        }
        Ok(())
    }

    /// What stands before the token.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or("Token")
    }

    /// The token's field in the answer.
    pub fn field(&self) -> &str {
        self.field.as_deref().unwrap_or("token")
    }
}

impl Mapping {
    fn check(&self) -> Result<(), Refusal> {
        if !self.at.is_empty() && !self.at.starts_with('/') {
            let message = "A JSON pointer is expected: it begins with /, for example /data/stocks.";
            return Err(wrong("service.mapping.at", message));
        }
        word("service.mapping.sku", &self.sku)?;
        word("service.mapping.location", &self.location)?;
        word("service.mapping.units", &self.units)?;
        self.reserved.as_deref().map_or(Ok(()), |r| word("service.mapping.reserved", r))
    }
}

/// An address without a user or password, which would be shown with it.
fn address(field: &str, url: &str) -> Result<(), Refusal> {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next();
    if host.is_some_and(|h| h.contains('@')) {
        return Err(wrong(field, "An address holds no user or password; put them into auth."));
    }
    settings::check_url(field, url)
}

fn word(field: &str, text: &str) -> Result<(), Refusal> {
    if (1..=MAX_WORD).contains(&text.len()) {
        return Ok(());
    }
    Err(wrong(field, format!("1 to {MAX_WORD} characters are expected.")))
}

fn wrong(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

/// A configuration as it may be shown.
pub fn masked(config: &Value) -> Value {
    SECRETS.masked(config)
}

/// A configuration with its masked secrets replaced by those stored, where they still go to the same address.
pub fn unmasked(config: &Value, stored: Option<&Value>) -> Result<Value, Refusal> {
    SECRETS.unmasked(config, stored)
}

/// What the breaker does about an engine that fails, in microseconds.
pub mod breaker {
    /// Failures in a row that open it.
    pub const FAILURES: i64 = 5;
    /// How long it is open the first time; each failed trial doubles it.
    pub const FIRST_PAUSE_US: i64 = 10_000_000;
    /// It is never open longer.
    pub const LONGEST_PAUSE_US: i64 = 300_000_000;

    /// How long nobody calls after so many failures in a row; `None` while it stays closed.
    pub fn pause_us(failures: i64) -> Option<i64> {
        let doublings = u32::try_from((failures - FAILURES).min(10)).ok()?;
        Some((FIRST_PAUSE_US << doublings).min(LONGEST_PAUSE_US))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_has_a_valid_example_that_shows_no_secret() {
        for row in ENGINE_TYPES {
            let value: Value = serde_json::from_str(row.example).expect(row.name);
            EngineConfig::from_json(row.kind, &value).unwrap_or_else(|r| panic!("{}: {r}", row.name));
            assert!(!masked(&value).to_string().contains('…'), "{}", row.name);
            assert_eq!(EngineKind::parse(row.name), Some(row.kind));
        }
    }

    #[test]
    fn every_form_and_every_choice_in_it_is_valid() {
        for row in ENGINE_TYPES {
            let form: Value = serde_json::from_str(row.form).expect(row.name);
            EngineConfig::from_json(row.kind, &form).unwrap_or_else(|r| panic!("{}: {r}", row.name));
            for (path, words) in CHOICES {
                let at = format!("/{}", path.replace('.', "/"));
                for word in words.iter().filter(|_| form.pointer(&at).is_some()) {
                    let mut chosen = form.clone();
                    *chosen.pointer_mut(&at).expect("it is there") = (*word).into();
                    let read = EngineConfig::from_json(row.kind, &chosen);
                    let is_refused_rightly = row.needs_credentials && *word == "anonymous";
                    assert_eq!(read.is_ok(), !is_refused_rightly, "{}: {path}: {word}: {read:?}", row.name);
                }
            }
        }
    }

    #[test]
    fn wrong_parts_are_named() {
        let good = json!({"auth": {"type": "token", "username": "u", "password": "p", "url": "https://a.example"},
                          "service": {"url": "https://s.example", "type": "multiple"}});
        EngineConfig::from_json(EngineKind::Service, &good).expect("valid");
        let field = |at: &str, value: Value| {
            let mut config = good.clone();
            let (parent, key) = at.rsplit_once('/').expect("a path");
            config.pointer_mut(parent).expect("a parent")[key] = value;
            EngineConfig::from_json(EngineKind::Service, &config).expect_err(at).field
        };
        assert_eq!(field("/service/url", json!("ftp://x")), "service.url");
        assert_eq!(field("/service/url", json!("https://u:p@s.example/")), "service.url");
        assert_eq!(field("/service/timeout_ms", json!(99)), "service.timeout_ms");
        assert_eq!(field("/service/type", json!("many")), "service.type");
        assert_eq!(field("/service/mapping", json!({"at": "data"})), "service.mapping.at");
        assert_eq!(field("/service/mapping", json!({"sku": ""})), "service.mapping.sku");
        assert_eq!(field("/service/kind", json!(1)), "service.kind");
        assert_eq!(field("/auth/username", json!("")), "auth.username");
        assert_eq!(field("/auth/password", json!(null)), "auth.password");
        assert_eq!(field("/auth/url", json!(null)), "auth.url");
        assert_eq!(field("/locations", json!({"A": "X", "B": "X"})), "locations");
    }

    #[test]
    fn a_stored_secret_is_kept_only_for_the_addresses_it_was_stored_for() {
        let stored = json!({"auth": {"password": "p"}, "service": {"url": "https://s.example"}});
        let shown = masked(&stored);
        assert_eq!(unmasked(&shown, Some(&stored)).expect("kept"), stored);
        assert!(unmasked(&shown, None).is_err());
        let moved = json!({"auth": {"password": "********"}, "service": {"url": "https://evil.example"}});
        assert!(unmasked(&moved, Some(&stored)).is_err());
    }

    #[test]
    fn the_breaker_doubles_up_to_five_minutes() {
        assert_eq!(breaker::pause_us(4), None);
        assert_eq!(breaker::pause_us(5), Some(10_000_000));
        assert_eq!(breaker::pause_us(6), Some(20_000_000));
        assert_eq!(breaker::pause_us(10), Some(300_000_000));
        assert_eq!(breaker::pause_us(i64::MAX), Some(300_000_000));
    }
}
