//! The pure heart of Quartermaster: domain words, the planner and the state table.
//!
//! Nothing here does I/O, reads a clock, draws random numbers or is `async`. The same input gives
//! the same bytes out on every machine: that is what makes a decision replayable.

pub mod calendars;
pub mod cargo_companies;
pub mod codes;
pub mod commands;
pub mod engines;
pub mod events;
pub mod geo;
pub mod hooks;
pub mod ids;
pub mod locations;
pub mod money;
pub mod orders;
pub mod packages;
pub mod permissions;
pub mod plan;
pub mod quantity;
pub mod queries;
pub mod reading;
pub mod refusal;
pub mod scenarios;
pub mod schedules;
pub mod seal;
pub mod search;
pub mod secrets;
pub mod settings;
pub mod stocks;
pub mod time;
pub mod transfers;
pub mod transitions;
