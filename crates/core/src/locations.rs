//! Locations: stores and warehouses.

use serde::{Deserialize, Serialize};

/// What a location is. On the wire `store` or `warehouse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    Store,
    Warehouse,
}

impl LocationKind {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Warehouse => "warehouse",
        }
    }

    /// From the wire word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "store" => Some(Self::Store),
            "warehouse" => Some(Self::Warehouse),
            _ => None,
        }
    }
}
