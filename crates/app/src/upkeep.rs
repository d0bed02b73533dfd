//! Upkeep: jobs, nodes, what is counted and looked after for people.

pub mod changes;
pub mod coalesce;
pub mod history;
pub mod idempotency;
pub mod jobs;
pub mod nodes;
pub mod reports;
pub mod saved_views;
pub mod search;
pub mod today;
pub mod totals;
