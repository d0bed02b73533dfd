//! Times: microseconds since 1970 UTC inside, ISO 8601 with microseconds and `Z` on the wire.

use jiff::civil::DateTime;
use jiff::{Timestamp, Zoned};

/// Why a time was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time: ISO 8601 is expected, for example 2031-03-04T09:15:27.104233Z")]
pub struct TimeError(pub String);

/// Reads the forms that occur: `…T…Z`, `…T…+03:00`, a wall clock's time with the name of its zone
/// (`…T…[Europe/Istanbul]`), `… …` without a zone, which is UTC, and a bare date.
pub fn parse_us(text: &str) -> Result<i64, TimeError> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_microsecond());
    }
    let wrong = || TimeError(text.chars().take(40).collect());
    if text.contains('[') {
        // Never read without its zone: ten o'clock in Istanbul is not ten o'clock UTC.
        return text.parse::<Zoned>().map(|z| z.timestamp().as_microsecond()).map_err(|_| wrong());
    }
    let naive: DateTime = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(|d| d.at(0, 0, 0, 0)))
        .map_err(|_| wrong())?;
    Ok(naive.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?.timestamp().as_microsecond())
}

/// Prints `2031-03-04T09:15:27.104233Z`. A value outside the calendar prints as the epoch.
pub fn format_us(us: i64) -> String {
    let time = Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_the_wire() {
        let us = parse_us("2031-03-04T09:15:27.104233Z").expect("utc");
        assert_eq!(format_us(us), "2031-03-04T09:15:27.104233Z");
        assert_eq!(parse_us("2031-03-04T12:15:27.104233+03:00"), Ok(us));
        assert_eq!(format_us(parse_us("2031-03-04 09:15:27").expect("naive")), "2031-03-04T09:15:27.000000Z");
        assert_eq!(format_us(parse_us("2031-03-04").expect("date")), "2031-03-04T00:00:00.000000Z");
        assert!(parse_us("yesterday").is_err());
    }

    #[test]
    fn a_wall_clock_is_read_in_its_zone() {
        let us = parse_us("2026-11-25T07:00:00Z").expect("utc");
        assert_eq!(parse_us("2026-11-25T10:00:00[Europe/Istanbul]"), Ok(us));
        assert_eq!(parse_us("2026-11-25 10:00:00[Europe/Istanbul]"), Ok(us));
        assert_eq!(parse_us("2026-11-25T10:00:00+03:00[Europe/Istanbul]"), Ok(us));
        assert!(parse_us("2026-11-25T10:00:00[Europe/Nowhere]").is_err());
        assert!(parse_us("2026-11-25T10:00:00[").is_err());
    }
}
