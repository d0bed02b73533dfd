//! Webhooks: what can be subscribed to, how a delivery is tried again, and which headers may be added.
//!
//! Fields and event types are those of the published contract; how a retry is configured is open there and is ours.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::events as types;
use crate::packages::STATES as PACKAGE_STATES;
use crate::reading;
use crate::refusal::Refusal;
use crate::transfers::STATES as TRANSFER_STATES;

/// Seconds between two tries, at most: a day.
pub const MOST_PAUSE_S: u64 = 24 * 3_600;
/// Tries of one delivery, at most.
pub const MOST_TRIES: u32 = 50;
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
    "connection",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

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
    /// The first pause; of `random` the shortest.
    pub seconds: u64,
    /// The longest pause.
    pub max_seconds: u64,
    /// Tries in all, the first included; after the last the delivery is given up, visibly.
    pub tries: u32,
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
    /// Some three days: 5 s doubled up to 6 h.
    fn default() -> Self {
        Self { kind: RetryKind::Exponential, seconds: 5, max_seconds: 6 * 3_600, tries: 24 }
    }
}

impl Retry {
    /// Reads and checks one; an empty object is the default.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let retry: Self = reading::read(value, "retry_countdown_config")?;
        let wrong = |part: &str, message: String| {
            Err(Refusal::invalid(format!("retry_countdown_config.{part}"), "invalid", message))
        };
        if !(1..=MOST_PAUSE_S).contains(&retry.seconds) {
            return wrong("seconds", format!("1 to {MOST_PAUSE_S} seconds are expected."));
        }
        if !(retry.seconds..=MOST_PAUSE_S).contains(&retry.max_seconds) {
            return wrong(
                "max_seconds",
                format!("{} (seconds) to {MOST_PAUSE_S} are expected.", retry.seconds),
            );
        }
        if !(1..=MOST_TRIES).contains(&retry.tries) {
            return wrong("tries", format!("1 to {MOST_TRIES} tries are expected."));
        }
        Ok(retry)
    }

    /// The pause after a failed try (the first is 1), in microseconds; none after the last. `chance` is any number: up to a
    /// fifth of the pause is added by it, so that what failed together is not tried together.
    pub fn pause_us(&self, failed: u32, chance: u64) -> Option<i64> {
        if failed >= self.tries {
            return None;
        }
        let (first, longest) =
            (self.seconds.saturating_mul(1_000_000), self.max_seconds.saturating_mul(1_000_000));
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
        for other in
            ["package-created", "package.status.", "package.status.lost", "transfer.status.delivered", ""]
        {
            assert!(!is_event_type(other), "{other}");
        }
    }

    #[test]
    fn pauses_grow_as_configured_and_end() {
        let seconds = |config: Value, chance: u64| -> Vec<i64> {
            let retry = Retry::from_json(&config).expect("valid");
            (1..).map_while(|failed| retry.pause_us(failed, chance)).map(|us| us / 1_000_000).collect()
        };
        assert_eq!(
            seconds(json!({"type": "fixed", "seconds": 7, "max_seconds": 9, "tries": 4}), 0),
            [7, 7, 7]
        );
        assert_eq!(
            seconds(json!({"type": "linear", "seconds": 7, "max_seconds": 20, "tries": 4}), 0),
            [7, 14, 20]
        );
        let doubled = json!({"type": "exponential", "seconds": 1, "max_seconds": 5, "tries": 5});
        assert_eq!(seconds(doubled.clone(), 0), [1, 2, 4, 5]);
        assert_eq!(seconds(doubled, u64::MAX).len(), 4, "any chance is within bounds");
        let random = json!({"type": "random", "seconds": 10, "max_seconds": 20, "tries": 40});
        assert!(seconds(random, 12_345_678_901).iter().all(|s| (10..=20).contains(s)));
        assert_eq!(Retry::from_json(&json!({})), Ok(Retry::default()));
        assert_eq!(seconds(json!({"tries": 1}), 0), [] as [i64; 0]);
    }

    #[test]
    fn wrong_parts_are_named() {
        let field = |config: Value| Retry::from_json(&config).expect_err("wrong").field;
        assert_eq!(field(json!({"seconds": 0})), "retry_countdown_config.seconds");
        assert_eq!(field(json!({"seconds": 9, "max_seconds": 8})), "retry_countdown_config.max_seconds");
        assert_eq!(field(json!({"tries": 51})), "retry_countdown_config.tries");
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
