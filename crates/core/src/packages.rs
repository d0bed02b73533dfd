//! Packages: the state table and package numbers.
//!
//! The table is the one place that knows a state's code, what it does to stock and quota, and
//! whether it is alive. Six codes are documented (100, 200, 400, 500, 920, 1100), the rest are ours.

/// What a package in this state holds of the stock of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockEffect {
    /// A live reservation for each item.
    Reserved,
    /// The units have left the shelf.
    Consumed,
    /// Nothing.
    None,
    /// What the state before it held (`held_state`).
    AsBefore,
}

/// Whether a package in this state counts against its location's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Held,
    Free,
    AsBefore,
}

/// How the state is shown: a colour, a shape and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Waiting,
    InHand,
    NeedsYou,
    Failed,
    Done,
}

/// One row of the state table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageState {
    /// `enum_value` on the wire, there as a string of digits.
    pub code: i64,
    /// Display name.
    pub name: &'static str,
    /// Word used in event types, for example `out_of_stock`.
    pub snake: &'static str,
    pub kind: Kind,
    pub stock: StockEffect,
    pub slot: Slot,
    /// Its items count as placed.
    pub live: bool,
    /// Nothing leaves it.
    pub terminal: bool,
}

/// Codes used by name in the code.
pub const WAITING: i64 = 100;
pub const WAITING_REMOTE_ACTION: i64 = 150;
pub const PREPARING: i64 = 200;
pub const WAITING_FOR_TRANSFER: i64 = 300;
pub const READY_FOR_PACKAGING: i64 = 400;
pub const WAITING_CARGO_LABEL: i64 = 450;
pub const PACKED: i64 = 500;
pub const READY_FOR_CUSTOMER: i64 = 550;
pub const SHIPPED: i64 = 600;
pub const ATTEMPTED_DELIVERY: i64 = 650;
pub const DELIVERY_FAILED: i64 = 660;
pub const DELIVERED: i64 = 700;
pub const CANCELLATION_WAITING: i64 = 800;
pub const CANCELLED: i64 = 900;
pub const NEEDS_RESCHEDULING: i64 = 910;
pub const OUT_OF_STOCK: i64 = 920;
pub const BLOCKED: i64 = 930;
pub const PACKED_FOR_REFUND: i64 = 1100;

macro_rules! states {
    ($($code:literal $name:literal $snake:literal $kind:ident $stock:ident $slot:ident $live:literal $terminal:literal;)*) => {
        /// Every package state, ascending by code.
        pub const STATES: &[PackageState] = &[$(PackageState {
            code: $code, name: $name, snake: $snake, kind: Kind::$kind, stock: StockEffect::$stock,
            slot: Slot::$slot, live: $live, terminal: $terminal,
        }),*];
    };
}

states! {
    100 "Waiting" "waiting" Waiting Reserved Held true false;
    150 "Waiting Remote Action" "waiting_remote_action" Waiting Reserved Held true false;
    200 "Preparing" "preparing" InHand Consumed Held true false;
    300 "Waiting for Transfer" "waiting_transfer" Waiting Reserved Held true false;
    400 "Ready for Packaging" "ready_for_packaging" InHand Consumed Held true false;
    450 "Waiting Cargo Label" "waiting_cargo_label" InHand Consumed Held true false;
    500 "Packed" "packed" InHand Consumed Free true false;
    550 "Ready For Customer" "ready_for_customer" InHand Consumed Free true false;
    600 "Shipped" "shipped" InHand Consumed Free true false;
    650 "Attempted Delivery" "attempted_delivery" NeedsYou Consumed Free true false;
    660 "Delivery Failed" "delivery_failed" Failed Consumed Free true false;
    700 "Delivered" "delivered" Done Consumed Free true true;
    800 "Cancellation Waiting" "cancellation_waiting" NeedsYou AsBefore AsBefore true false;
    900 "Cancelled" "cancelled" Done None Free false true;
    910 "Needs Rescheduling" "needs_rescheduling" NeedsYou None Free true false;
    920 "Out of Stock" "out_of_stock" NeedsYou None Free true false;
    930 "Blocked" "blocked" NeedsYou AsBefore AsBefore true false;
    1100 "Packed for Refund" "packed_for_refund" Done None Free true true;
}

/// What happens to the promised or taken units of a package's items when its state changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockMove {
    /// Nothing.
    Keep,
    /// Promised units leave the shelf: (-n, -n, 0).
    Consume,
    /// A promise is taken back: (0, -n, 0).
    Release,
    /// Units that had left the shelf go back to it: (+n, 0, 0).
    Return,
}

/// What a step from an effective state to another does to stock; `None`: no step can do that, because
/// stock would have to be promised anew.
pub fn stock_move(from: &PackageState, to: &PackageState) -> Option<StockMove> {
    use StockEffect::{AsBefore, Consumed, None as Nothing, Reserved};
    match (from.stock, to.stock) {
        (_, AsBefore) | (Reserved, Reserved) | (Consumed, Consumed) | (Nothing, Nothing) => {
            Some(StockMove::Keep)
        }
        (Reserved, Consumed) => Some(StockMove::Consume),
        (Reserved, Nothing) => Some(StockMove::Release),
        (Consumed, Nothing) => Some(StockMove::Return),
        (AsBefore | Nothing | Consumed, _) => None,
    }
}

/// Whether a package holds a slot after a step. One that was given back is not taken again.
pub fn holds_slot_after(holds: bool, to: &PackageState) -> bool {
    match to.slot {
        Slot::Held | Slot::AsBefore => holds,
        Slot::Free => false,
    }
}

/// The state of a code.
pub fn state(code: i64) -> Option<&'static PackageState> {
    STATES.iter().find(|s| s.code == code)
}

/// `<order number>P<n>`; n counts from 1 within the order and is never reused.
pub fn number(order_number: &str, n: i64) -> String {
    format!("{order_number}P{n}")
}

/// The `enum_class` of package states on the wire.
pub const ENUM_CLASS: &str = "PackageStatus";
/// The `enum_class` of package item states on the wire; items follow their package.
pub const ITEM_ENUM_CLASS: &str = "PackageItemStatus";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_words_are_unique() {
        assert!(STATES.windows(2).all(|w| w[0].code < w[1].code));
        let mut words: Vec<_> = STATES.iter().map(|s| s.snake).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), STATES.len());
    }

    #[test]
    fn stock_goes_forward_back_to_the_shelf_or_nowhere() {
        let of = |code| state(code).expect("a state of the table");
        assert_eq!(stock_move(of(WAITING), of(PREPARING)), Some(StockMove::Consume));
        assert_eq!(stock_move(of(WAITING), of(NEEDS_RESCHEDULING)), Some(StockMove::Release));
        assert_eq!(stock_move(of(PREPARING), of(NEEDS_RESCHEDULING)), Some(StockMove::Return));
        assert_eq!(stock_move(of(PREPARING), of(BLOCKED)), Some(StockMove::Keep));
        assert_eq!(stock_move(of(PREPARING), of(WAITING)), None, "what left the shelf is not promised again");
        assert_eq!(stock_move(of(OUT_OF_STOCK), of(WAITING)), None);
    }

    #[test]
    fn only_cancelled_is_not_live_and_a_slot_needs_stock_behind_it() {
        for s in STATES {
            assert_eq!(s.live, s.code != CANCELLED, "{}", s.name);
            assert!(s.slot != Slot::Held || s.stock != StockEffect::None, "{}", s.name);
            assert_eq!(s.slot == Slot::AsBefore, s.stock == StockEffect::AsBefore, "{}", s.name);
        }
    }
}
