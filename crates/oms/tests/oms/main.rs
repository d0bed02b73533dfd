//! The binary as a process: demo, guide, kills and a disk that takes no more.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod decision;
mod demo;
mod doctor;
mod full_disk;
mod guide;
mod kill;
mod support;
mod webhooks;
