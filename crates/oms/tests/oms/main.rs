//! The binary as a process: demo, guide and kills.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod decision;
mod demo;
mod guide;
mod kill;
mod support;
