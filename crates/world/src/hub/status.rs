//! Which status an item may move to, and what an order's status follows from.

use oms_core::orders::OrderStatus;

use OrderStatus::{
    Approved, AttemptedDelivery, Canceled, CancellationWaiting, ConfirmationWaiting, Delivered,
    PaymentWaiting, Preparing, ReadyForPickup, Refunded, Shipped, ShippedAndInformed, Waiting,
};

/// Status of every base order and item.
pub(crate) const BASE_STATUS: i64 = OrderStatus::Approved as i64;

/// Whether an item may go from one status to another; `held` is the one it had before it waited for its
/// cancellation, the only one it may go back to.
pub(crate) fn may_move(from: OrderStatus, to: OrderStatus, held: Option<OrderStatus>) -> bool {
    if from == to {
        return true;
    }
    match from {
        Waiting | PaymentWaiting | ConfirmationWaiting | Approved => {
            matches!(to, Approved | Preparing | CancellationWaiting | Canceled)
        }
        Preparing => matches!(to, Shipped | ReadyForPickup | CancellationWaiting | Canceled),
        Shipped => matches!(to, AttemptedDelivery | Delivered),
        AttemptedDelivery => matches!(to, Shipped | Delivered),
        ShippedAndInformed | ReadyForPickup => to == Delivered,
        CancellationWaiting => to == Canceled || held.unwrap_or(Approved) == to,
        Delivered => to == Refunded,
        _ => false,
    }
}

/// An order's status: the lowest of its items that are still alive; refunded or cancelled when none is.
pub(crate) fn of_order(items: impl Iterator<Item = i64>) -> Option<i64> {
    let (canceled, refunded) = (Canceled.code(), Refunded.code());
    let (mut lowest, mut any_refunded, mut any) = (None::<i64>, false, false);
    for code in items {
        any = true;
        any_refunded |= code == refunded;
        if code != canceled && code != refunded {
            lowest = Some(lowest.map_or(code, |l| l.min(code)));
        }
    }
    any.then(|| lowest.unwrap_or(if any_refunded { refunded } else { canceled }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_follow_the_table() {
        let all = || OrderStatus::ALL.into_iter().map(|(s, _)| s);
        let legal =
            all().flat_map(|a| all().map(move |b| (a, b))).filter(|(a, b)| a != b && may_move(*a, *b, None));
        // 200/300/350 to four each, 400 to three others, 450 to four, 500 two, 540 two, 510 and 520 one, 50 two, 550 one.
        assert_eq!(legal.count(), 12 + 3 + 4 + 2 + 2 + 2 + 2 + 1);
        assert!(may_move(CancellationWaiting, Preparing, Some(Preparing)));
        assert!(!may_move(CancellationWaiting, Approved, Some(Preparing)));
        assert!(!may_move(Shipped, Approved, None));
    }

    #[test]
    fn the_order_follows_its_items() {
        assert_eq!(of_order([500, 450, 100].into_iter()), Some(450));
        assert_eq!(of_order([100, 100].into_iter()), Some(100));
        assert_eq!(of_order([100, 600].into_iter()), Some(600));
        assert_eq!(of_order([].into_iter()), None);
    }
}
