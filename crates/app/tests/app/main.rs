//! The use cases on real databases, beside the demo world over real sockets.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod cancellation_table;
mod cancellations;
mod changes;
mod check;
mod command_model;
mod command_table;
mod commands;
mod engines;
mod full_disk;
mod geocode;
mod hook_addresses;
mod hook_leases;
mod hub_cancellations;
mod hub_changes;
mod hub_records;
mod intake;
mod lists;
mod outside;
mod panics;
mod passwords;
mod payloads;
mod places_and_times;
mod plannable;
mod planning;
mod planning_limits;
mod refusals;
mod replanning;
mod retention;
mod schedules;
mod seals;
mod setting_up;
mod support;
mod transfers;
