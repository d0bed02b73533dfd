//! Identifiers: one newtype a kind of record, all `i64`.
//!
//! Ids are handed out in blocks, known before a row is written, and say nothing of time.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// An order, our copy of the hub's.
    OrderId,
    /// One order line.
    LineId,
    /// A product (one SKU).
    ProductId,
    /// A store or warehouse.
    LocationId,
    /// A sales channel.
    ChannelId,
    /// A package: the items of one order that leave from one location.
    PackageId,
    /// One order line's units inside a package.
    PackageItemId,
    /// A distribution scenario.
    ScenarioId,
    /// An order execution plan.
    PlanId,
    /// A person or a piece of software that may sign in.
    UserId,
}
