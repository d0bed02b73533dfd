//! Carriers: who takes parcels, and when.

pub mod cargo_companies;
pub mod conditions;
