//! The only crate that touches the OMS's database.
//!
//! [`Store`] opens SQLite or PostgreSQL by URL; both run the same schema text and the same queries.
//! All reads and writes go through a [`Tx`]. One file a noun, in the room of its subject; each holds the SQL of
//! that noun. What all rooms stand on is beside this file.

mod backfill;
pub mod batch;
pub mod check;
pub mod db;
mod dialect;
pub mod events;
pub mod ids;
pub mod list_counts;
pub mod lists;
mod migrate;
pub mod seals;

// The rooms.
pub mod access;
pub mod carriers;
pub mod hooks;
pub mod orders;
pub mod packages;
pub mod places;
pub mod planning;
pub mod rules;
pub mod setup;
pub mod stock;
pub mod upkeep;

pub use db::{Cols, Options, Row, Store, StoreError, Tx, Value};
