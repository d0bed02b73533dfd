//! Places: locations, the address tree, coordinates, sales channels.

pub mod channels;
pub mod geocode;
pub mod geography;
pub mod locations;
