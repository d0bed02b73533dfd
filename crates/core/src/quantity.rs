//! Units of a product. Whole, positive and bounded wherever they come from outside.

use serde::{Deserialize, Serialize};

/// The most units one order line may ask for: far above any real line, low enough that sums of
/// lines never come near the limits of an `i64`.
pub const MAX_UNITS: i64 = 1_000_000;

/// A whole number of units, `1..=MAX_UNITS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Units(i64);

/// Why a quantity was refused. Each kind has its own stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("quantity is zero; an order line asks for at least 1 unit")]
    Zero,
    #[error("quantity {0} is negative; an order line asks for at least 1 unit")]
    Negative(String),
    #[error("quantity {0} is not whole; units cannot be divided")]
    Fractional(String),
    #[error("quantity {0} is above the limit of {MAX_UNITS} units a line")]
    TooLarge(String),
    #[error("quantity {0:?} is not a number")]
    NotANumber(String),
}

impl QuantityError {
    /// The stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Zero => "quantity_zero",
            Self::Negative(_) => "quantity_negative",
            Self::Fractional(_) => "quantity_fractional",
            Self::TooLarge(_) => "quantity_too_large",
            Self::NotANumber(_) => "quantity_not_a_number",
        }
    }
}

impl Units {
    /// Checks a whole number.
    pub fn new(units: i64) -> Result<Self, QuantityError> {
        match units {
            0 => Err(QuantityError::Zero),
            n if n < 0 => Err(QuantityError::Negative(n.to_string())),
            n if n > MAX_UNITS => Err(QuantityError::TooLarge(n.to_string())),
            n => Ok(Self(n)),
        }
    }

    /// Reads a quantity as it stands in JSON: a number or a string holding one (`2`, `"2"`, `"2.00"`).
    pub fn from_json(value: &serde_json::Value) -> Result<Self, QuantityError> {
        match value {
            serde_json::Value::Number(n) => Self::parse(&n.to_string()),
            serde_json::Value::String(s) => Self::parse(s.trim()),
            other => Err(QuantityError::NotANumber(other.to_string())),
        }
    }

    /// Reads a quantity from text.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let shown = || text.chars().take(40).collect::<String>();
        let number = text
            .parse::<rust_decimal::Decimal>()
            .or_else(|_| rust_decimal::Decimal::from_scientific(text))
            .map_err(|_| {
                if looks_numeric(text) {
                    QuantityError::TooLarge(shown())
                } else {
                    QuantityError::NotANumber(shown())
                }
            })?;
        if !number.fract().is_zero() {
            return Err(QuantityError::Fractional(shown()));
        }
        match i64::try_from(number.trunc()) {
            Ok(n) => Self::new(n),
            Err(_) if number.is_sign_negative() => Err(QuantityError::Negative(shown())),
            Err(_) => Err(QuantityError::TooLarge(shown())),
        }
    }

    /// The number of units.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A number too long for a decimal is still a number, only an absurd one.
fn looks_numeric(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'))
        && text.chars().any(|c| c.is_ascii_digit())
}

impl TryFrom<i64> for Units {
    type Error = QuantityError;
    fn try_from(units: i64) -> Result<Self, QuantityError> {
        Self::new(units)
    }
}

impl From<Units> for i64 {
    fn from(units: Units) -> i64 {
        units.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_whole_numbers_however_they_are_written() {
        for value in [json!(3), json!("3"), json!("3.00"), json!(3.0), json!(" 3 "), json!("3e0")] {
            assert_eq!(Units::from_json(&value).map(Units::get), Ok(3), "{value}");
        }
    }

    #[test]
    fn refuses_the_rest_by_name() {
        let code = |v| Units::from_json(&v).expect_err("must be refused").code();
        assert_eq!(code(json!(0)), "quantity_zero");
        assert_eq!(code(json!("0.00")), "quantity_zero");
        assert_eq!(code(json!(-1)), "quantity_negative");
        assert_eq!(code(json!("1.5")), "quantity_fractional");
        assert_eq!(code(json!(1e30)), "quantity_too_large");
        assert_eq!(code(json!("99999999999999999999999999999999999999")), "quantity_too_large");
        assert_eq!(code(json!("two")), "quantity_not_a_number");
        assert_eq!(code(json!(null)), "quantity_not_a_number");
        assert_eq!(code(json!("")), "quantity_not_a_number");
    }
}
