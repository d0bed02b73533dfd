//! Upkeep: jobs, nodes, what is counted and looked after for people.

pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod reports;
pub(crate) mod search;
