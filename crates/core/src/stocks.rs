//! Stock: the kinds of movement in the ledger and what each does.

/// Why a balance changed. One ledger row a movement; the sums of the rows are the balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// The number on the shelf was stated from outside (load, count): `d_on_hand` is the difference.
    Received,
    /// Units promised to a package item.
    Reserve,
    /// A promise taken back.
    Release,
    /// Promised units left the shelf.
    Consume,
    /// Units that came by transfer, promised to the item they came for.
    Arrive,
    /// Units that had left the shelf went back to it.
    Return,
    /// Units that are not where the books have them: nobody may promise them until somebody looked.
    Quarantine,
    /// Quarantined units were found.
    Found,
    /// Quarantined units are gone.
    Lost,
    /// An outside stock engine reads another number than before: `d_on_hand` is the difference.
    Reading,
}

impl Movement {
    /// The word in the ledger's `kind` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Consume => "consume",
            Self::Arrive => "arrive",
            Self::Return => "return",
            Self::Quarantine => "quarantine",
            Self::Found => "found",
            Self::Lost => "lost",
            Self::Reading => "reading",
        }
    }
}

/// The most units one (location, SKU) balance may hold; keeps every sum far from the limits of `i64`.
pub const MAX_ON_HAND: i64 = 1_000_000_000;
