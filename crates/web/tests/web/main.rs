//! The web side over real sockets, on both engines; every answer is checked against its description.

mod access;
mod commands;
mod document;
mod engines;
mod first_admin;
mod intake;
mod logs;
mod orders;
mod planning;
mod records;
mod reports;
mod support;
mod transfers;
