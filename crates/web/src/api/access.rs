//! Access: who may do what, and who did.

pub(crate) mod logs;
pub(crate) mod sessions;
