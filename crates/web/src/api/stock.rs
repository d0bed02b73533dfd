//! Stock: levels and their ledger, outside engines, what is kept back, what is missing.

pub(crate) mod discrepancies;
pub(crate) mod engines;
pub(crate) mod safety_stocks;
pub(crate) mod stocks;
