//! Carriers: which accounts a brand has, and when each applies.

pub mod cargo_companies;
pub mod conditions;
