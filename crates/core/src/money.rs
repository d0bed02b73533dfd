//! Money: minor units and a currency. On the wire a string with two decimals (`"259.80"`).

use rust_decimal::Decimal;

/// The largest amount taken from outside, in minor units (12 digits with 2 decimals).
pub const MAX_MINOR: i64 = 999_999_999_999;

/// Why an amount was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("amount {0:?} is not money: a decimal with at most 2 places and 12 digits is expected")]
pub struct MoneyError(pub String);

/// Reads `"259.80"`, `259.8` or `"0"` into minor units (25980).
pub fn parse_minor(text: &str) -> Result<i64, MoneyError> {
    let wrong = || MoneyError(text.chars().take(40).collect());
    let amount: Decimal = text.trim().parse().map_err(|_| wrong())?;
    let minor = amount.checked_mul(Decimal::ONE_HUNDRED).ok_or_else(wrong)?.normalize();
    if minor.scale() > 0 {
        return Err(wrong());
    }
    let minor = i64::try_from(minor).map_err(|_| wrong())?;
    if minor.abs() > MAX_MINOR { Err(wrong()) } else { Ok(minor) }
}

/// Reads money from JSON: a string or a number. `null` is `None`.
pub fn from_json(value: &serde_json::Value) -> Result<Option<i64>, MoneyError> {
    match value {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(s) => parse_minor(s).map(Some),
        serde_json::Value::Number(n) => parse_minor(&n.to_string()).map(Some),
        other => Err(MoneyError(other.to_string())),
    }
}

/// Prints minor units as the wire has them: `25980` is `"259.80"`.
pub fn format_minor(minor: i64) -> String {
    Decimal::new(minor, 2).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for (text, minor) in [("259.80", 25980), ("0.00", 0), ("-1.05", -105), ("0.05", 5)] {
            assert_eq!(parse_minor(text), Ok(minor));
            assert_eq!(format_minor(minor), text);
        }
        assert_eq!(parse_minor("3"), Ok(300));
        assert_eq!(parse_minor("3.100"), Ok(310));
    }

    #[test]
    fn refuses_what_is_not_money() {
        for text in ["", "1.005", "abc", "1e99", "99999999999999", "NaN"] {
            assert!(parse_minor(text).is_err(), "{text}");
        }
    }
}
