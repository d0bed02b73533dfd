//! The web side over real sockets, on both engines; every answer is checked against its description.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod access;
mod bulk;
mod carriers;
mod codes;
mod commands;
mod document;
mod engines;
mod events;
mod first_admin;
mod hooks;
mod hub_records;
mod intake;
mod lists;
mod live;
mod logs;
mod orders;
mod planning;
mod records;
mod regions;
mod reports;
mod screens;
mod sessions;
mod setup;
mod support;
mod transfers;
