//! The demo hub over real sockets.

mod common;
mod faults;
mod odd;
mod reading;
mod speed;
mod writing;
