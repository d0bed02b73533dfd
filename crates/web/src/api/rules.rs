//! Rules that people set: scenarios, transitions, reasons for refusing, schedules.

pub(crate) mod denial_reasons;
pub(crate) mod scenario_versions;
pub(crate) mod scenarios;
pub(crate) mod schedules;
pub(crate) mod transitions;
