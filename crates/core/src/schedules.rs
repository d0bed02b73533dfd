//! Jobs that a brand defines: a cron expression in a time zone, and one of a table of actions.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_cron::Schedule;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calendars;
use crate::refusal::Refusal;

/// The longest cron expression.
const MAX_CRON: usize = 200;
/// The largest body of an HTTP call, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The most headers of an HTTP call.
const MAX_HEADERS: usize = 20;

/// What a schedule can do: one row of this table an action.
pub struct ActionKind {
    pub code: &'static str,
    pub about: &'static str,
    /// Valid parameters, as JSON.
    pub example: &'static str,
}

/// Every action there is.
pub const ACTIONS: &[ActionKind] = &[
    ActionKind {
        code: "replan_out_of_stock",
        about: "Plan packages anew that are out of stock and of whose products more became available.",
        example: "{}",
    },
    ActionKind {
        code: "run_setup_task",
        about: "Run a setup task: addresses, stock_locations, channels or webhooks.",
        example: r#"{"task":"stock_locations"}"#,
    },
    ActionKind {
        code: "http_call",
        about: "Call an address of the brand; headers are shown to whoever may read schedules.",
        example: r#"{"method":"POST","url":"https://brand.example/nightly","headers":{"X-Reason":"nightly"},"body":{"day":"yesterday"}}"#,
    },
];

/// An action with its parameters, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    ReplanOutOfStock,
    RunSetupTask { task: String },
    HttpCall(HttpCall),
}

/// A call of the brand's own address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    /// `GET` or `POST`.
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    /// Sent as JSON with a POST.
    #[serde(default)]
    pub body: Option<Value>,
}

/// The setup tasks a schedule may run.
pub const TASKS: [&str; 4] = ["addresses", "stock_locations", "channels", "webhooks"];

fn wrong(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

impl Action {
    /// Reads an action by its code.
    pub fn read(code: &str, parameters: &Value) -> Result<Self, Refusal> {
        let empty = parameters.as_object().is_some_and(serde_json::Map::is_empty);
        match code {
            "replan_out_of_stock" if empty => Ok(Self::ReplanOutOfStock),
            "replan_out_of_stock" => Err(wrong("parameters", "replan_out_of_stock takes none: {}.")),
            "run_setup_task" => match parameters.get("task").and_then(Value::as_str) {
                Some(task) if TASKS.contains(&task) => Ok(Self::RunSetupTask { task: task.to_owned() }),
                _ => Err(wrong("parameters.task", format!("task is one of {}.", TASKS.join(", ")))),
            },
            "http_call" => Ok(Self::HttpCall(read_call(parameters)?)),
            other => {
                let known: Vec<_> = ACTIONS.iter().map(|a| a.code).collect();
                let message = format!("{other:?} is not an action. Known: {}.", known.join(", "));
                Err(Refusal::invalid("action", "invalid_choice", message))
            }
        }
    }
}

fn read_call(parameters: &Value) -> Result<HttpCall, Refusal> {
    let call: HttpCall = crate::reading::read(parameters, "parameters")?;
    if !matches!(call.method.as_str(), "GET" | "POST") {
        return Err(wrong("parameters.method", "method is GET or POST."));
    }
    crate::settings::check_url("parameters.url", &call.url)?;
    let plain = |text: &str| {
        !text.is_empty() && text.len() <= 1_000 && text.chars().all(|c| (' '..='~').contains(&c))
    };
    let name_ok =
        |name: &str| name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if call.headers.len() > MAX_HEADERS
        || !call.headers.iter().all(|(k, v)| !k.is_empty() && name_ok(k) && plain(v))
    {
        return Err(wrong(
            "parameters.headers",
            format!("At most {MAX_HEADERS} headers of visible characters."),
        ));
    }
    if call.body.as_ref().is_some_and(|b| b.to_string().len() > MAX_BODY) {
        return Err(wrong("parameters.body", format!("A body has at most {MAX_BODY} bytes.")));
    }
    Ok(call)
}

/// When something runs.
pub struct Cron {
    schedule: Schedule,
    zone: TimeZone,
}

impl Cron {
    /// Reads a cron expression of five fields (minute, hour, day of month, month, day of week; 0 and 7
    /// are Sunday, names work too) in a named time zone.
    pub fn parse(text: &str, time_zone: &str) -> Result<Self, Refusal> {
        let zone = calendars::zone(time_zone).ok_or_else(|| {
            wrong(
                "time_zone",
                format!("{time_zone:?} is not a time zone; a name like Europe/Istanbul is expected."),
            )
        })?;
        let refused = || {
            let message =
                format!("{text:?} is not a cron expression; five fields like \"30 2 * * 1-5\" are expected.");
            wrong("cron", message)
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else { return Err(refused()) };
        if text.len() > MAX_CRON {
            return Err(refused());
        }
        let weekday = weekday_names(weekday).ok_or_else(refused)?;
        let six = format!("0 {minute} {hour} {day} {month} {weekday}");
        Ok(Self { schedule: Schedule::from_str(&six).map_err(|_| refused())?, zone })
    }

    /// The first moment after this one; `None` if there is none.
    pub fn next_after(&self, us: i64) -> Option<i64> {
        let after = Timestamp::from_microsecond(us).ok()?.to_zoned(self.zone.clone());
        self.schedule.after(after).next().map(|z| z.timestamp().as_microsecond())
    }
}

/// Writes the numbers of a weekday field as names, which mean the same everywhere: 0 and 7 are Sunday.
fn weekday_names(field: &str) -> Option<String> {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let name = |part: &str| match part.parse::<usize>() {
        Ok(n) => NAMES.get(n).map(|name| (*name).to_owned()),
        Err(_) => Some(part.to_owned()),
    };
    let item = |item: &str| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let ends = range.split('-').map(name).collect::<Option<Vec<_>>>()?.join("-");
        Some(step.map_or(ends.clone(), |step| format!("{ends}/{step}")))
    };
    Some(field.split(',').map(item).collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a moment").as_microsecond()
    }

    fn next(cron: &str, zone: &str, after: &str) -> String {
        let next = Cron::parse(cron, zone).unwrap_or_else(|r| panic!("{}", r.message)).next_after(us(after));
        Timestamp::from_microsecond(next.expect("there is one")).expect("a moment").to_string()
    }

    #[test]
    fn five_fields_run_by_the_wall_clock() {
        assert_eq!(next("30 2 * * *", "UTC", "2026-11-23T02:30:00Z"), "2026-11-24T02:30:00Z");
        assert_eq!(next("*/15 * * * *", "Europe/Istanbul", "2026-11-23T02:31:00Z"), "2026-11-23T02:45:00Z");
        assert_eq!(next("0 9 * * 1-5", "Europe/Istanbul", "2026-11-27T06:00:00Z"), "2026-11-30T06:00:00Z");
        assert_eq!(next("0 9 * * 0", "UTC", "2026-11-23T00:00:00Z"), "2026-11-29T09:00:00Z");
        assert_eq!(next("0 9 * * 7", "UTC", "2026-11-23T00:00:00Z"), "2026-11-29T09:00:00Z");
        assert_eq!(next("0 9 * * Mon,Wed", "UTC", "2026-11-23T10:00:00Z"), "2026-11-25T09:00:00Z");
        // The clocks go back in Berlin: still nine in the morning.
        assert_eq!(next("0 9 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z"), "2026-10-25T08:00:00Z");
        assert_eq!(next("0 9 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z"), "2026-10-24T07:00:00Z");
    }

    #[test]
    fn what_is_no_cron_expression_or_action_is_refused_by_name() {
        for cron in ["", "* * * *", "* * * * * *", "61 * * * *", "0 9 * * 8", "every day", "@daily"] {
            assert_eq!(Cron::parse(cron, "UTC").err().map(|r| r.field), Some("cron".into()), "{cron}");
        }
        assert_eq!(Cron::parse("* * * * *", "Mars").err().map(|r| r.field), Some("time_zone".into()));
        let refused =
            |code: &str, parameters: Value| Action::read(code, &parameters).expect_err("refused").field;
        assert_eq!(refused("sleep", json!({})), "action");
        assert_eq!(refused("run_setup_task", json!({"task": "all"})), "parameters.task");
        assert_eq!(refused("replan_out_of_stock", json!({"all": true})), "parameters");
        assert_eq!(
            refused("http_call", json!({"method": "PUT", "url": "https://a.example"})),
            "parameters.method"
        );
        assert_eq!(refused("http_call", json!({"method": "GET", "url": "ftp://a"})), "parameters.url");
        assert_eq!(
            refused(
                "http_call",
                json!({"method": "GET", "url": "https://a.example", "headers": {"a b": "c"}})
            ),
            "parameters.headers"
        );
        for action in ACTIONS {
            let example = serde_json::from_str(action.example).expect("JSON");
            Action::read(action.code, &example).unwrap_or_else(|r| panic!("{}: {}", action.code, r.message));
        }
    }
}
