//! Planning: batches and what they are decided on, plans, decisions, what may be asked again.

pub mod decisions;
pub mod exclusions;
pub mod loads;
pub mod plans;
pub mod wakes;
