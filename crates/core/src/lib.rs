//! The pure heart of Quartermaster: domain words, the planner and the state table.
//!
//! Nothing here does I/O, reads a clock, draws random numbers or is `async`. The same input gives
//! the same bytes out on every machine: that is what makes a decision replayable.

pub mod geo;
pub mod ids;
pub mod money;
pub mod orders;
pub mod quantity;
pub mod time;
