//! The only crate that calls out: a guarded HTTP client, and clients for the systems of others.
//!
//! Every outgoing request of the product goes through [`http::HttpClient`], which refuses addresses
//! that are not on the public internet unless the operator opened their network ([`policy::NetPolicy`]).

pub mod engines;
pub mod geocode;
pub mod hooks;
pub mod http;
pub mod hub;
pub mod policy;
