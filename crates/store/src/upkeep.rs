//! Upkeep: jobs, nodes, what is counted and looked after for people.

pub mod history;
pub mod jobs;
pub mod saved_views;
pub mod search;
pub mod today;
pub mod totals;
