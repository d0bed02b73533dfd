//! Records as objects, with the documented keys: what the API answers, the feed tells and webhooks send is rendered here and
//! nowhere else.

pub mod addresses;
pub mod commands;
pub mod locations;
pub mod orders;
pub mod package_items;
pub mod packages;
pub mod shipments;
pub mod states;
pub mod transfer_items;
pub mod transfers;
