//! Rules that people set: scenarios, transitions, reasons for refusing, schedules.

pub mod denial_reasons;
pub mod scenarios;
pub mod schedules;
pub mod transitions;
