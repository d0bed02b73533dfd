//! The demo world: what Quartermaster works with when no company is connected.
//!
//! [`data`] reads a retailer's month from files or makes a small country from a seed; [`hub`] serves it
//! over HTTP the way an Omnitron does, and remembers what callers change; [`stock`] is a brand's stock service.

pub mod consumer;
pub mod data;
pub mod geocoder;
pub mod hub;
pub mod stock;
