//! Transfers: goods on their way from one location to the one that packs them.

/// What a transfer in this state holds of the stock of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferStock {
    /// Reserved at the source.
    AtSource,
    /// Left the source, not yet at the destination.
    OnTheWay,
    /// Nothing: arrived, or never left.
    None,
}

/// One row of the state table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferState {
    /// Ours, as stored.
    pub code: i64,
    /// `enum_value` on the wire, a word. Documented: `waiting`; the others follow the event names.
    pub word: &'static str,
    /// Display name.
    pub name: &'static str,
    pub stock: TransferStock,
    /// Its package waits for it.
    pub open: bool,
}

pub const WAITING: i64 = 10;
pub const READY_TO_SHIPMENT: i64 = 20;
pub const IN_TRANSIT: i64 = 30;
pub const TRANSFERRED: i64 = 40;
pub const OUT_OF_STOCK: i64 = 90;
pub const CANCELLED: i64 = 95;

/// The `enum_class` of transfer states on the wire.
pub const ENUM_CLASS: &str = "TransferStatus";

macro_rules! states {
    ($($code:ident $word:literal $name:literal $stock:ident $open:literal;)*) => {
        /// Every transfer state.
        pub const STATES: &[TransferState] = &[$(TransferState {
            code: $code, word: $word, name: $name, stock: TransferStock::$stock, open: $open,
        }),*];
    };
}

states! {
    WAITING "waiting" "Waiting for transfer" AtSource true;
    READY_TO_SHIPMENT "ready_to_shipment" "Ready for Shipment" AtSource true;
    IN_TRANSIT "in_transit" "In Transit" OnTheWay true;
    TRANSFERRED "transferred" "Transferred" None false;
    OUT_OF_STOCK "out_of_stock" "Out of Stock" None false;
    CANCELLED "cancelled" "Cancelled" None false;
}

/// The state of a code.
pub fn state(code: i64) -> Option<&'static TransferState> {
    STATES.iter().find(|s| s.code == code)
}

/// `<package number>T<n>`; n counts from 1 within the package and is never reused.
pub fn number(package_number: &str, n: i64) -> String {
    format!("{package_number}T{n}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_open_as_long_as_it_holds_goods() {
        for s in STATES {
            assert_eq!(s.open, s.stock != TransferStock::None, "{}", s.name);
            assert_eq!(state(s.code), Some(s));
        }
        assert_eq!(number("R1P1", 2), "R1P1T2");
    }
}
