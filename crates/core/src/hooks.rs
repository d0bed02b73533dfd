//! Webhooks: what can be subscribed to, how a delivery is tried again, which headers may be added, and when a receiver is
//! left alone for a while.
//!
//! Fields and event types are those of the published contract; how a retry is configured is open there and is ours.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::events as types;
use crate::packages::STATES as PACKAGE_STATES;
use crate::reading;
use crate::refusal::Refusal;
use crate::secrets::Secrets;
use crate::transfers::STATES as TRANSFER_STATES;

/// The longest address of a receiver.
pub const MAX_URL: usize = 2_000;
/// The longest secret.
pub const MAX_SECRET: usize = 500;
/// How long signatures are made with the former secret too after it was changed, so that a receiver can follow.
pub const FORMER_SECRET_US: i64 = 24 * 3_600 * 1_000_000;
/// Seconds between two tries, at most: a day.
pub const MOST_PAUSE_S: u64 = 24 * 3_600;
/// Tries of one delivery, at most.
pub const MOST_TRIES: u32 = 20;
/// Headers a hook may add.
const MAX_HEADERS: usize = 20;
/// Characters of a header's name, and of its value.
const MAX_HEADER_NAME: usize = 100;
const MAX_HEADER_VALUE: usize = 2_000;
/// Headers that are ours to send.
const OURS: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "content-encoding",
    "connection",
    "cookie",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// What a hook is told of: a type as the lists of the contract write it, or several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventTypes(Vec<String>);

impl EventTypes {
    /// Types one hook may have.
    const MOST: usize = 40;

    /// Reads and checks a type, or a list of them. The contract's own sample writes `package-created`, so that is taken too.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let wrong = |message: String| Err(Refusal::invalid("event_type", "invalid", message));
        let given: Vec<&str> = match value {
            Value::String(one) => vec![one],
            Value::Array(list) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).collect()
            }
            _ => return wrong("A type is expected, or a list of types.".into()),
        };
        if given.is_empty() || given.len() > Self::MOST {
            return wrong(format!("1 to {} types are expected.", Self::MOST));
        }
        let mut types = Vec::new();
        for text in given {
            let kind = match text.trim() {
                "package-created" => types::PACKAGE_CREATED,
                other => other,
            };
            if !is_event_type(kind) {
                return wrong(format!("{text:?} is no type of event. For example: {}.", NAMED.join(", ")));
            }
            if !types.iter().any(|t| t == kind) {
                types.push(kind.to_owned());
            }
        }
        Ok(Self(types))
    }

    /// From how they are stored, checked before.
    pub fn stored(value: &Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    /// As it is shown: one type is a text, as documented.
    pub fn to_json(&self) -> Value {
        match &self.0[..] {
            [one] => Value::from(one.clone()),
            several => Value::from(several.to_vec()),
        }
    }

    /// The types.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Whether a hook can be made for a type.
pub fn is_event_type(kind: &str) -> bool {
    NAMED.contains(&kind)
        || of_state(kind, "package.status.")
            .is_some_and(|word| PACKAGE_STATES.iter().any(|s| s.snake == word))
        || of_state(kind, "transfer.status.")
            .is_some_and(|word| TRANSFER_STATES.iter().any(|s| s.word == word))
}

fn of_state<'k>(kind: &'k str, prefix: &str) -> Option<&'k str> {
    kind.strip_prefix(prefix)
}

/// Every type a hook can be made for: those with a name of their own, and those of the states of packages and transfers.
pub fn all_types() -> Vec<String> {
    let named = NAMED.iter().map(|kind| (*kind).to_owned());
    let packages = PACKAGE_STATES.iter().map(|s| format!("package.status.{}", s.snake));
    let transfers = TRANSFER_STATES.iter().map(|s| format!("transfer.status.{}", s.word));
    let mut all: Vec<String> = named.chain(packages).chain(transfers).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Types that are not made of a state.
pub const NAMED: &[&str] = &[
    types::ORDER_CREATED,
    types::ORDER_UPDATED,
    types::ORDER_PLANNED,
    types::ORDER_MULTIPLE_PACKAGES,
    types::PACKAGE_CREATED,
    types::PACKAGE_TRANSITIONED,
    types::PACKAGE_REFUSED,
    types::PACKAGE_AWB_NUMBER,
    types::PACKAGE_INVOICE_UPDATED,
    types::PACKAGE_UPDATED,
    types::SHIPMENT_CREATED,
    types::SHIPMENT_UPDATED,
    types::SHIPMENT_CANCELLED,
    types::TRANSFER_CREATED,
    types::TRANSFER_TRANSITIONED,
    types::STOCK_LOCATION_CREATED,
    types::STOCK_LOCATION_UPDATED,
];

/// How long a delivery that failed waits for its next try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    #[serde(rename = "type")]
    pub kind: RetryKind,
    /// The first pause, in seconds; of `random` the shortest.
    pub base: u64,
    /// The longest pause, in seconds.
    pub max: u64,
    /// Tries in all, the first included; after the last the delivery is given up, visibly.
    pub attempts: u32,
}

/// How pauses grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RetryKind {
    /// Always the same.
    Fixed,
    /// Longer by the first with each try.
    Linear,
    /// Twice as long with each try.
    Exponential,
    /// Anything between the shortest and the longest.
    Random,
}

impl Default for Retry {
    /// Some two days: 5 s doubled up to 6 h.
    fn default() -> Self {
        Self { kind: RetryKind::Exponential, base: 5, max: 6 * 3_600, attempts: MOST_TRIES }
    }
}

impl Retry {
    /// Reads and checks one; an empty object is the default.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let retry: Self = reading::read(value, "retry_countdown_config")?;
        let wrong = |part: &str, message: String| {
            Err(Refusal::invalid(format!("retry_countdown_config.{part}"), "invalid", message))
        };
        if !(1..=MOST_PAUSE_S).contains(&retry.base) {
            return wrong("base", format!("1 to {MOST_PAUSE_S} seconds are expected."));
        }
        if !(retry.base..=MOST_PAUSE_S).contains(&retry.max) {
            return wrong("max", format!("{} (base) to {MOST_PAUSE_S} seconds are expected.", retry.base));
        }
        if !(1..=MOST_TRIES).contains(&retry.attempts) {
            return wrong("attempts", format!("1 to {MOST_TRIES} tries are expected."));
        }
        Ok(retry)
    }

    /// The pause after a failed try (the first is 1), in microseconds; none after the last. `chance` is any number: up to a
    /// fifth of the pause is added by it, so that what failed together is not tried together.
    pub fn pause_us(&self, failed: u32, chance: u64) -> Option<i64> {
        if failed >= self.attempts {
            return None;
        }
        let (first, longest) = (self.base.saturating_mul(1_000_000), self.max.saturating_mul(1_000_000));
        let base = match self.kind {
            RetryKind::Fixed => first,
            RetryKind::Linear => first.saturating_mul(u64::from(failed)),
            RetryKind::Exponential => first.saturating_mul(1 << (failed - 1).min(40)),
            RetryKind::Random => return i64::try_from(first + chance % (longest - first + 1)).ok(),
        };
        let base = base.min(longest);
        i64::try_from(base + chance % (base / 5 + 1)).ok()
    }
}

/// Reads and checks headers that a hook adds.
pub fn headers(value: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = |field: String, message: &str| Refusal::invalid(field, "invalid", message);
    let empty = Map::new();
    let given = match value {
        Value::Null => &empty,
        Value::Object(given) => given,
        _ => return Err(wrong("additional_headers".into(), "An object of texts is expected, or {}.")),
    };
    if given.len() > MAX_HEADERS {
        return Err(wrong("additional_headers".into(), "At most 20 headers are expected."));
    }
    let mut headers = Vec::new();
    for (name, text) in given {
        let field = format!("additional_headers.{name}");
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || name.len() > MAX_HEADER_NAME || !name.chars().all(is_token) {
            return Err(wrong(
                field,
                "A header's name is of ASCII letters, digits and hyphens, at most 100 of them.",
            ));
        }
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(wrong(field, "This header is sent by the delivery itself."));
        }
        let text = text.as_str().filter(|t| {
            t.len() <= MAX_HEADER_VALUE && t.chars().all(|c| c == '\t' || (' '..='~').contains(&c))
        });
        let text = text
            .ok_or_else(|| wrong(field, "A text of visible ASCII is expected, at most 2,000 characters."))?;
        headers.push((name.clone(), text.to_owned()));
    }
    Ok(headers)
}

/// Checks a secret: of the form of Standard Webhooks (`whsec_` and the base64 of 24 to 64 bytes), or any text, which is the key
/// as it is written.
pub fn check_secret(secret: &str) -> Result<(), Refusal> {
    let wrong = |message: String| Err(Refusal::invalid("secret_key", "invalid", message));
    if secret.len() > MAX_SECRET || secret.chars().any(char::is_control) {
        return wrong(format!("At most {MAX_SECRET} characters without control characters are expected."));
    }
    let Some(encoded) = secret.strip_prefix("whsec_") else { return Ok(()) };
    let digits = encoded.trim_end_matches('=');
    let is_base64 = encoded.len().is_multiple_of(4)
        && encoded.len() - digits.len() <= 2
        && digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
    if !is_base64 || !(24..=64).contains(&(digits.len() * 3 / 4)) {
        return wrong("Behind whsec_ the base64 of 24 to 64 bytes is expected.".into());
    }
    Ok(())
}

/// What of a delivery a hook decides itself; `{}` is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookConfig {
    /// How long one answer may take, 500 to 15,000.
    pub timeout_ms: u64,
    /// Deliveries under way at once, 1 to 32. Those of one record always follow each other.
    pub concurrency: u32,
}

impl Default for HookConfig {
    fn default() -> Self {
        Self { timeout_ms: 10_000, concurrency: 8 }
    }
}

impl HookConfig {
    /// Reads and checks one.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let config: Self = reading::read(value, "config")?;
        let wrong =
            |part: &str, message: &str| Err(Refusal::invalid(format!("config.{part}"), "invalid", message));
        if !(500..=15_000).contains(&config.timeout_ms) {
            return wrong("timeout_ms", "500 to 15000 milliseconds are expected.");
        }
        if !(1..=32).contains(&config.concurrency) {
            return wrong("concurrency", "1 to 32 are expected.");
        }
        Ok(config)
    }
}

/// Failures in a row after which a receiver is left alone.
pub const PAUSE_AFTER: i64 = 10;

/// How long a receiver is left alone after so many failures in a row, in microseconds: half a minute, then twice as long
/// after each further failure, up to an hour. None: it goes on.
pub fn pause_us(failures: i64) -> Option<i64> {
    let further = failures.checked_sub(PAUSE_AFTER).filter(|n| *n >= 0)?;
    Some((30_000_000i64 << further.min(7)).min(3_600_000_000))
}

/// Where the secrets of a hook stand in `{"target_url", "secret_key", "additional_headers": {name: {"value"}}}`: the values of
/// added headers may be passwords.
pub const SECRETS: Secrets =
    Secrets { keys: &["secret_key", "value"], addresses: &["target_url"], entry: "" };

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documented_types_can_be_subscribed_to_and_others_not() {
        let documented = [
            "package.created",
            "package.status.transitioned",
            "package.status.preparing",
            "package.status.packed",
            "package.status.shipped",
            "package.status.delivered",
            "package.status.out_of_stock",
            "package.status.packed_for_refund",
            "package.status.cancelled",
            "package.refused",
            "package.shipment.awb_number",
            "shipment.created",
            "shipment.status.updated",
            "shipment.cancelled",
            "transfer.status.created",
            "transfer.status.transitioned",
            "transfer.status.ready_to_shipment",
            "transfer.status.in_transit",
            "transfer.status.transferred",
            "transfer.status.cancelled",
            "stock_location.created",
            "stock_location.updated",
            "order.fulfillment.multiple_packages",
        ];
        documented.iter().for_each(|kind| assert!(is_event_type(kind), "{kind}"));
        assert!(all_types().iter().all(|kind| is_event_type(kind)));
        for other in
            ["package-created", "package.status.", "package.status.lost", "transfer.status.delivered", ""]
        {
            assert!(!is_event_type(other), "{other}");
        }
    }

    #[test]
    fn types_are_read_one_or_several_and_the_sample_as_it_is_printed() {
        let read = |value: Value| EventTypes::from_json(&value).map(|t| t.to_json());
        assert_eq!(read(json!("package-created")), Ok(json!("package.created")));
        let two = json!(["package.created", "shipment.created", "package.created"]);
        assert_eq!(read(two), Ok(json!(["package.created", "shipment.created"])));
        for wrong in [json!([]), json!(1), json!(["package.created", 1]), json!("package.lost"), Value::Null]
        {
            assert_eq!(read(wrong.clone()).expect_err("wrong").field, "event_type", "{wrong}");
        }
    }

    #[test]
    fn secrets_of_the_scheme_are_whole() {
        for good in ["plain words", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "s"] {
            assert_eq!(check_secret(good), Ok(()), "{good}");
        }
        for wrong in ["whsec_short", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w", "whsec_", "a\nb"] {
            assert_eq!(check_secret(wrong).expect_err(wrong).field, "secret_key");
        }
    }

    #[test]
    fn receivers_that_fail_are_left_alone_for_longer_and_longer() {
        assert_eq!(pause_us(PAUSE_AFTER - 1), None);
        assert_eq!(pause_us(PAUSE_AFTER), Some(30_000_000));
        assert_eq!(pause_us(PAUSE_AFTER + 1), Some(60_000_000));
        assert_eq!(pause_us(i64::MAX), Some(3_600_000_000));
    }

    #[test]
    fn pauses_grow_as_configured_and_end() {
        let seconds = |config: Value, chance: u64| -> Vec<i64> {
            let retry = Retry::from_json(&config).expect("valid");
            (1..).map_while(|failed| retry.pause_us(failed, chance)).map(|us| us / 1_000_000).collect()
        };
        assert_eq!(seconds(json!({"type": "fixed", "base": 7, "max": 9, "attempts": 4}), 0), [7, 7, 7]);
        assert_eq!(seconds(json!({"type": "linear", "base": 7, "max": 20, "attempts": 4}), 0), [7, 14, 20]);
        let doubled = json!({"type": "exponential", "base": 1, "max": 5, "attempts": 5});
        assert_eq!(seconds(doubled.clone(), 0), [1, 2, 4, 5]);
        assert_eq!(seconds(doubled, u64::MAX).len(), 4, "any chance is within bounds");
        let random = json!({"type": "random", "base": 10, "max": 20, "attempts": 20});
        assert!(seconds(random, 12_345_678_901).iter().all(|s| (10..=20).contains(s)));
        assert_eq!(Retry::from_json(&json!({})), Ok(Retry::default()));
        assert_eq!(seconds(json!({"attempts": 1}), 0), [] as [i64; 0]);
    }

    #[test]
    fn wrong_parts_are_named() {
        let field = |config: Value| Retry::from_json(&config).expect_err("wrong").field;
        assert_eq!(field(json!({"base": 0})), "retry_countdown_config.base");
        assert_eq!(field(json!({"base": 9, "max": 8})), "retry_countdown_config.max");
        assert_eq!(field(json!({"attempts": 21})), "retry_countdown_config.attempts");
        assert_eq!(field(json!({"type": "never"})), "retry_countdown_config.type");
        assert_eq!(field(json!({"pause": 1})), "retry_countdown_config.pause");
        let header = |name: &str, value: Value| headers(&json!({name: value})).map_err(|r| r.field);
        assert_eq!(header("X-Brand", json!("blue")), Ok(vec![("X-Brand".into(), "blue".into())]));
        for (name, value) in [
            ("Host", json!("x")),
            ("Webhook-Id", json!("x")),
            ("a b", json!("x")),
            ("X", json!("é")),
            ("X", json!("a\r\nY: b")),
            ("X", json!(1)),
        ] {
            assert_eq!(header(name, value), Err(format!("additional_headers.{name}")));
        }
        assert!(headers(&json!([])).is_err());
        assert_eq!(headers(&Value::Null), Ok(Vec::new()));
    }
}
