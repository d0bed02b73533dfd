//! Places: locations, the address tree, coordinates, sales channels.

pub(crate) mod channels;
pub(crate) mod geography;
pub(crate) mod locations;
pub(crate) mod locations_input;
