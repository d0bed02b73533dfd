//! Stock: levels and their ledger, outside engines, what is kept back, what is missing.

pub mod discrepancies;
pub mod engines;
pub mod lineage;
pub mod safety_stocks;
pub mod stocks;
