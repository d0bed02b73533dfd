//! One request of a person in the back office: who they are, how they want to read, and where they are.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use oms_app::access::Principal;
use oms_core::permissions::Permission;

use crate::paging::form;
use crate::ui::words::Lang;

/// See the module. Made by the guard of screens.
#[derive(Clone)]
pub(crate) struct Visit {
    pub who: Principal,
    pub lang: Lang,
    pub zone: TimeZone,
    /// `light` or `dark`; nothing: as the machine has it.
    pub theme: Option<String>,
    /// What every form sends back, so that nobody else's page can.
    pub csrf: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub now_us: i64,
    /// Changes before it are on the page; the page follows those after it.
    pub position: i64,
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = crate::problem::Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(crate::problem::Problem::failure)
    }
}

impl Visit {
    /// The phrase of a key.
    pub(crate) fn t<'k>(&self, key: &'k str) -> &'k str {
        self.lang.t(key)
    }

    /// The phrase of a key with its places filled.
    pub(crate) fn say(&self, key: &str, parts: &[&dyn Display]) -> String {
        self.lang.say(key, parts)
    }

    /// The address of a screen: `href("packages/7")` is `/en/oms/packages/7`.
    pub(crate) fn href(&self, screen: &str) -> String {
        match screen {
            "" => format!("/{}/oms", self.lang.code()),
            screen => format!("/{}/oms/{screen}", self.lang.code()),
        }
    }

    /// This address with some of the query's parameters changed; `None` takes one away.
    pub(crate) fn here_with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut query: Vec<(String, String)> =
            self.query.iter().filter(|(k, _)| !changes.iter().any(|(name, _)| name == k)).cloned().collect();
        for (name, value) in changes {
            query.extend(value.map(|v| ((*name).to_owned(), v.to_owned())));
        }
        match query.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, form(&query)),
        }
    }

    /// This address in another language.
    pub(crate) fn in_language(&self, lang: Lang) -> String {
        let rest = self.path.get(3..).unwrap_or("/oms");
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", form(&self.query)) };
        format!("/{}{rest}{query}", lang.code())
    }

    /// The first value of a parameter.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.who.role.may(permission)
    }

    /// How long ago, with the exact moment behind it.
    pub(crate) fn when(&self, at_us: i64) -> Markup {
        let (iso, exact) = (self.iso(at_us), self.exact(at_us));
        html! { time datetime=(iso) title=(exact) data-when { (self.ago(at_us)) } }
    }

    /// The moment in the reader's zone, the zone named.
    pub(crate) fn exact(&self, at_us: i64) -> String {
        let at = self.zoned(at_us);
        at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// The time of day in the reader's zone.
    pub(crate) fn clock(&self, at_us: i64) -> String {
        self.zoned(at_us).strftime("%H:%M:%S").to_string()
    }

    /// The moment in another zone, that one named.
    pub(crate) fn exact_in(&self, at_us: i64, zone: TimeZone) -> String {
        self.zoned(at_us).with_time_zone(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    fn iso(&self, at_us: i64) -> String {
        Timestamp::from_microsecond(at_us)
            .map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .unwrap_or_default()
    }

    pub(crate) fn zoned(&self, at_us: i64) -> jiff::Zoned {
        Timestamp::from_microsecond(at_us).unwrap_or_default().to_zoned(self.zone.clone())
    }

    /// `12 m`, `3 h`, `2 d`; a day beyond a month.
    pub(crate) fn ago(&self, at_us: i64) -> String {
        let seconds = (self.now_us - at_us) / 1_000_000;
        if !(-86_400..45 * 86_400).contains(&seconds) {
            return self.zoned(at_us).strftime("%Y-%m-%d").to_string();
        }
        self.span(seconds)
    }

    /// A length of time in its largest unit.
    pub(crate) fn span(&self, seconds: i64) -> String {
        match seconds.abs() {
            s if s < 60 => self.t("app-now").to_owned(),
            s if s < 3_600 => self.say("app-minutes", &[&(s / 60)]),
            s if s < 172_800 => self.say("app-hours", &[&(s / 3_600)]),
            s => self.say("app-days", &[&(s / 86_400)]),
        }
    }

    /// A whole number with its thousands apart.
    pub(crate) fn number(&self, n: i64) -> String {
        let digits = n.unsigned_abs().to_string();
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(if self.lang == Lang::Tr { '.' } else { ',' });
            }
            out.push(digit);
        }
        if n < 0 { format!("−{out}") } else { out }
    }

    /// An amount in minor units with its currency.
    pub(crate) fn money(&self, minor: i64, currency: &str) -> String {
        let (point, cents) = (if self.lang == Lang::Tr { ',' } else { '.' }, (minor % 100).abs());
        format!("{}{point}{cents:02} {}", self.number(minor / 100), currency.to_uppercase())
    }

    /// The hidden fields of every form that changes something.
    pub(crate) fn guard(&self) -> Markup {
        html! { input type="hidden" name="_csrf" value=(self.csrf); }
    }
}
