//! Calendars: when a location works, and until when an order still leaves today.
//!
//! Times are the wall clock of the calendar's time zone. The zones are those compiled in, so that every
//! machine agrees.

use std::sync::OnceLock;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::refusal::Refusal;

/// The most spans a day.
pub const MAX_SPANS: usize = 6;
/// The most holidays, and the most exceptions: some years ahead.
pub const MAX_DAYS: usize = 400;
/// How far ahead working time is looked for.
const LOOK_AHEAD_DAYS: i64 = 366;
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

/// When a location works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// An IANA name, for example `Europe/Istanbul`.
    pub time_zone: String,
    /// Opening spans by weekday; a missing day is closed.
    #[serde(default)]
    pub weekly: Weekly,
    /// Closed throughout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Date>,
    /// Days with other hours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// Orders planned after this leave another day; without it the last closing time counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<Clock>,
}

/// From and to, the end not included.
pub type OpenSpan = (Clock, Clock);

/// Opening spans by weekday.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weekly {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mon: Vec<OpenSpan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tue: Vec<OpenSpan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wed: Vec<OpenSpan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thu: Vec<OpenSpan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fri: Vec<OpenSpan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sat: Vec<OpenSpan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sun: Vec<OpenSpan>,
}

impl Weekly {
    fn days(&self) -> [(&'static str, &[OpenSpan]); 7] {
        [
            ("mon", &self.mon),
            ("tue", &self.tue),
            ("wed", &self.wed),
            ("thu", &self.thu),
            ("fri", &self.fri),
            ("sat", &self.sat),
            ("sun", &self.sun),
        ]
    }

    fn of(&self, day: Weekday) -> &[OpenSpan] {
        self.days()[usize::from(day.to_monday_zero_offset() as u8)].1
    }
}

/// A day with other hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub date: Date,
    /// None: closed.
    #[serde(default)]
    pub hours: Vec<OpenSpan>,
}

/// A time of the wall clock in whole minutes, `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Clock(u16);

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time of day: \"00:00\" to \"24:00\" is expected");
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let number = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
        match (number(hours), number(minutes)) {
            (Some(24), Some(0)) => Ok(Self(24 * 60)),
            (Some(h @ 0..=23), Some(m @ 0..=59)) => Ok(Self(h * 60 + m)),
            _ => Err(wrong()),
        }
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        format!("{:02}:{:02}", clock.0 / 60, clock.0 % 60)
    }
}

/// How a location stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoursNow {
    pub open: bool,
    /// Whole minutes to today's cut-off, negative once it has passed; `None` on a day that is closed.
    pub minutes_to_cut_off: Option<i64>,
}

pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled).get(name).ok()
}

fn wrong(at: impl Into<String>, message: impl Into<String>) -> Refusal {
    Refusal::invalid(at, "invalid", message)
}

impl Calendar {
    /// Reads and checks a calendar; refusals name the part, below `calendar`.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let calendar: Self = crate::reading::read(value, "calendar")?;
        if zone(&calendar.time_zone).is_none() {
            let message = format!(
                "{:?} is not a time zone; a name like Europe/Istanbul is expected.",
                calendar.time_zone
            );
            return Err(wrong("calendar.time_zone", message));
        }
        for (day, spans) in calendar.weekly.days() {
            check_spans(spans, &format!("calendar.weekly.{day}"))?;
        }
        if calendar.holidays.len() > MAX_DAYS || calendar.exceptions.len() > MAX_DAYS {
            return Err(wrong(
                "calendar.holidays",
                format!("At most {MAX_DAYS} holidays and exceptions are kept."),
            ));
        }
        for (i, exception) in calendar.exceptions.iter().enumerate() {
            check_spans(&exception.hours, &format!("calendar.exceptions[{i}].hours"))?;
        }
        Ok(calendar)
    }

    /// The opening spans of a day, in moments.
    fn spans_on(&self, zone: &TimeZone, date: Date) -> Vec<(i64, i64)> {
        let moment = |clock: Clock| moment(zone, date, clock);
        let spans = self.hours_on(date).iter().map(|(from, to)| (moment(*from), moment(*to)));
        spans.filter(|(from, to)| from < to).collect()
    }

    fn hours_on(&self, date: Date) -> &[OpenSpan] {
        match self.exceptions.iter().find(|e| e.date == date) {
            Some(exception) => &exception.hours,
            None if self.holidays.contains(&date) => &[],
            None => self.weekly.of(date.weekday()),
        }
    }
}

fn check_spans(spans: &[OpenSpan], at: &str) -> Result<(), Refusal> {
    if spans.len() > MAX_SPANS {
        return Err(wrong(at, format!("A day has at most {MAX_SPANS} spans.")));
    }
    let ordered = spans.iter().all(|(from, to)| from < to) && spans.windows(2).all(|w| w[0].1 <= w[1].0);
    if ordered { Ok(()) } else { Err(wrong(at, "Spans end after they begin, ascend and do not overlap.")) }
}

/// A wall-clock time as a moment. One that a change of the clocks skips is taken as much later, one that
/// comes twice the first time.
fn moment(zone: &TimeZone, date: Date, clock: Clock) -> i64 {
    let days = i32::from(clock.0 / (24 * 60));
    let time = Time::new((clock.0 / 60 % 24) as i8, (clock.0 % 60) as i8, 0, 0).unwrap_or(Time::midnight());
    let date = date.checked_add(days.days()).unwrap_or(date);
    let zoned = zone.to_ambiguous_zoned(date.to_datetime(time)).compatible();
    zoned.map_or(i64::MAX, |z| z.timestamp().as_microsecond())
}

/// How a location with this calendar stands at a moment.
pub fn hours_at(calendar: &Calendar, at_us: i64) -> HoursNow {
    let closed = HoursNow { open: false, minutes_to_cut_off: None };
    let (Some(zone), Ok(at)) = (zone(&calendar.time_zone), Timestamp::from_microsecond(at_us)) else {
        return closed;
    };
    let today = at.to_zoned(zone.clone()).date();
    let spans = calendar.spans_on(&zone, today);
    let Some(last) = spans.last() else { return closed };
    let cut_off = calendar.cut_off.map_or(last.1, |clock| moment(&zone, today, clock));
    HoursNow {
        open: spans.iter().any(|(from, to)| (*from..*to).contains(&at_us)),
        minutes_to_cut_off: Some((cut_off - at_us).div_euclid(MINUTE_US)),
    }
}

/// The moment after so many minutes of working time; without a calendar all time is. Where a year ahead
/// holds too little of it: a year later.
pub fn add_working_minutes(calendar: Option<&Calendar>, from_us: i64, minutes: i64) -> i64 {
    let mut left = minutes.max(0).saturating_mul(MINUTE_US);
    let at_the_latest = from_us.saturating_add(LOOK_AHEAD_DAYS * DAY_US);
    let Some(calendar) = calendar else { return from_us.saturating_add(left) };
    let (Some(zone), Ok(from)) = (zone(&calendar.time_zone), Timestamp::from_microsecond(from_us)) else {
        return at_the_latest;
    };
    if left == 0 {
        return from_us;
    }
    let mut date = from.to_zoned(zone.clone()).date();
    for _ in 0..=LOOK_AHEAD_DAYS {
        for (begin, end) in calendar.spans_on(&zone, date) {
            let begin = begin.max(from_us);
            let length = (end - begin).max(0);
            if left <= length {
                return (begin + left).min(at_the_latest);
            }
            left -= length;
        }
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    at_the_latest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a moment").as_microsecond()
    }

    fn shop(zone: &str) -> Calendar {
        let day = json!([["09:00", "12:00"], ["13:00", "18:00"]]);
        let weekly =
            json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": [["10:00", "14:00"]]});
        let value = json!({"time_zone": zone, "weekly": weekly, "holidays": ["2026-12-25"],
            "exceptions": [{"date": "2026-12-24", "hours": [["09:00", "12:00"]]}], "cut_off": "16:00"});
        let calendar = Calendar::from_json(&value).expect("valid");
        assert_eq!(
            Calendar::from_json(&serde_json::to_value(&calendar).expect("json")),
            Ok(calendar.clone())
        );
        calendar
    }

    #[test]
    fn open_and_cut_off_follow_the_wall_clock() {
        let c = shop("Europe/Istanbul");
        let at = |text: &str| hours_at(&c, us(text));
        // Wednesday 2026-11-25, three hours ahead of UTC.
        assert_eq!(at("2026-11-25T07:30:00Z"), HoursNow { open: true, minutes_to_cut_off: Some(330) });
        assert_eq!(at("2026-11-25T09:00:00Z"), HoursNow { open: false, minutes_to_cut_off: Some(240) });
        assert_eq!(at("2026-11-25T13:00:30Z"), HoursNow { open: true, minutes_to_cut_off: Some(-1) });
        assert_eq!(at("2026-11-29T09:00:00Z"), HoursNow { open: false, minutes_to_cut_off: None });
        assert_eq!(at("2026-12-25T09:00:00Z"), HoursNow { open: false, minutes_to_cut_off: None });
        assert_eq!(at("2026-12-24T10:00:00Z"), HoursNow { open: false, minutes_to_cut_off: Some(180) });
    }

    #[test]
    fn working_minutes_skip_what_is_closed() {
        let c = shop("Europe/Istanbul");
        let add = |from: &str, minutes| add_working_minutes(Some(&c), us(from), minutes);
        assert_eq!(add("2026-11-25T08:30:00Z", 30), us("2026-11-25T09:00:00Z"));
        assert_eq!(add("2026-11-25T08:30:00Z", 31), us("2026-11-25T10:01:00Z"));
        // Friday evening: the rest comes on Saturday, then on Monday.
        assert_eq!(add("2026-11-27T14:30:00Z", 60), us("2026-11-28T07:30:00Z"));
        assert_eq!(add("2026-11-28T10:30:00Z", 60), us("2026-11-30T06:30:00Z"));
        assert_eq!(add_working_minutes(None, us("2026-11-28T10:30:00Z"), 60), us("2026-11-28T11:30:00Z"));
        let never = Calendar::from_json(&json!({"time_zone": "UTC"})).expect("valid");
        assert_eq!(add_working_minutes(Some(&never), 0, 1), LOOK_AHEAD_DAYS * DAY_US);
    }

    #[test]
    fn the_clocks_change_and_hours_stay_on_the_wall() {
        for (zone, before, after) in [
            ("Europe/Berlin", ("2026-10-24", "08:00"), ("2026-10-26", "09:00")),
            ("America/New_York", ("2026-10-31", "14:00"), ("2026-11-02", "15:00")),
        ] {
            let day = json!([["10:00", "12:00"]]);
            let weekly = json!({"mon": day, "sat": day});
            let c = Calendar::from_json(&json!({"time_zone": zone, "weekly": weekly})).expect("valid");
            let at = |(date, time): (&str, &str)| us(&format!("{date}T{time}:00Z"));
            assert!(hours_at(&c, at(before)).open && hours_at(&c, at(after)).open, "{zone}");
            assert!(!hours_at(&c, at(before) - 1).open && !hours_at(&c, at(after) - 1).open, "{zone}");
            assert_eq!(add_working_minutes(Some(&c), at(before), 121), at(after) + MINUTE_US, "{zone}");
        }
        // 02:30 does not exist on that night; a span over it is an hour shorter.
        let c = Calendar::from_json(
            &json!({"time_zone": "Europe/Berlin", "weekly": {"sun": [["01:00", "04:00"]]}}),
        );
        let c = c.expect("valid");
        assert_eq!(
            add_working_minutes(Some(&c), us("2026-03-29T00:00:00Z"), 120),
            us("2026-03-29T02:00:00Z")
        );
    }

    #[test]
    fn each_wrong_part_is_named() {
        let refused = |value: Value| {
            let r = Calendar::from_json(&value).expect_err("must be refused");
            format!("{}: {}", r.field, r.message)
        };
        assert!(
            refused(json!({"time_zone": "Mars/Olympus"})).contains("\"Mars/Olympus\" is not a time zone")
        );
        assert!(
            refused(json!({"time_zone": "UTC", "weekly": {"mon": [["09:00", "25:00"]]}})).contains("25:00")
        );
        assert!(
            refused(json!({"time_zone": "UTC", "weekly": {"mon": [["09:00", "09:00"]]}}))
                .starts_with("calendar.weekly.mon")
        );
        assert!(
            refused(json!({"time_zone": "UTC", "weekly": {"fri": [["09:00", "12:00"], ["11:00", "13:00"]]}}))
                .contains("overlap")
        );
        assert!(refused(json!({"time_zone": "UTC", "weekly": {"someday": []}})).contains("someday"));
        assert!(
            refused(json!({"time_zone": "UTC", "holidays": ["2026-13-01"]})).contains("calendar.holidays[0]")
        );
        assert!(refused(json!({"time_zone": "UTC", "exceptions": [{"date": "2026-01-01", "hours": [["12:00", "11:00"]]}]})).starts_with("calendar.exceptions[0]"));
    }

    proptest! {
        #[test]
        fn working_time_adds_up(from in 1_700_000_000i64..1_900_000_000, a in 0i64..3_000, b in 0i64..3_000) {
            let c = shop("Europe/Berlin");
            let from = from * 1_000_000;
            let first = add_working_minutes(Some(&c), from, a);
            prop_assert!(first >= from);
            let both = add_working_minutes(Some(&c), from, a + b);
            prop_assert!(both >= first);
            prop_assert_eq!(add_working_minutes(Some(&c), first, b), both);
        }
    }
}
