//! Tools for tests: real databases that live as long as one test.

mod database;

pub use database::{Database, Engine, POSTGRES_VARIABLE};
