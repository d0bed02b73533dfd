//! Carriers: cargo companies and when they apply.

pub(crate) mod cargo_companies;
pub(crate) mod conditions;
