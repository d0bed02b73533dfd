//! Planning: batches and what they are decided on, plans, decisions, what may be asked again.

pub(crate) mod decisions;
pub(crate) mod dry_runs;
pub(crate) mod exclusions;
pub(crate) mod plans;
