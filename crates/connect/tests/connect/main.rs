//! The guarded client and the hub's client over real sockets.

mod authenticity;
mod http;
mod hub;
mod support;
