//! The demo hub.
