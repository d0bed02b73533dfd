//! The only crate that touches the OMS's database.
//!
//! [`Store`] opens SQLite or PostgreSQL by URL; both run the same schema text and the same queries.
//! All reads and writes go through a [`Tx`]. One file a noun; each holds the SQL of that noun.

pub mod batch;
pub mod check;
pub mod db;
mod dialect;
pub mod history;
pub mod ids;
mod migrate;

pub mod access;
pub mod cancellations;
pub mod channels;
pub mod commands;
pub mod decisions;
pub mod denial_reasons;
pub mod discrepancies;
pub mod doctor;
pub mod engines;
pub mod events;
pub mod exclusions;
pub mod geocodes;
pub mod geography;
pub mod held;
pub mod hub_changes;
pub mod hub_orders;
pub mod inbox;
pub mod jobs;
pub mod lineage;
pub mod list_counts;
pub mod lists;
pub mod loads;
pub mod locations;
pub mod logs;
pub mod order_views;
pub mod orders;
pub mod outside;
pub mod packages;
pub mod people;
pub mod pickup_codes;
pub mod plans;
pub mod products;
pub mod safety_stocks;
pub mod saved_views;
pub mod scenarios;
pub mod schedules;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod shipments;
pub mod stocks;
pub mod today;
pub mod totals;
pub mod transfers;
pub mod transitions;
pub mod wakes;

pub use db::{Cols, Options, Row, Store, StoreError, Tx, Value};
