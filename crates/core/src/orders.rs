//! Orders: the status codes the hub and we share.
//!
//! Source: the public order status list of Akinon's integration guide; 425 exists in the OMS only.

/// Status of an order or order item. On the wire a string holding the number (`"400"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderStatus {
    CancellationWaiting = 50,
    Canceled = 100,
    Waiting = 200,
    PaymentWaiting = 300,
    ConfirmationWaiting = 350,
    Approved = 400,
    Inactive = 425,
    Preparing = 450,
    Shipped = 500,
    ShippedAndInformed = 510,
    ReadyForPickup = 520,
    AttemptedDelivery = 540,
    ReviewStarted = 544,
    ReviewWaiting = 545,
    WaitingForPayment = 546,
    Paid = 547,
    Delivered = 550,
    Refunded = 600,
}

impl OrderStatus {
    /// Every status with its wire name.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::CancellationWaiting, "cancellation_waiting"),
        (Self::Canceled, "canceled"),
        (Self::Waiting, "waiting"),
        (Self::PaymentWaiting, "payment_waiting"),
        (Self::ConfirmationWaiting, "confirmation_waiting"),
        (Self::Approved, "approved"),
        (Self::Inactive, "inactive"),
        (Self::Preparing, "preparing"),
        (Self::Shipped, "shipped"),
        (Self::ShippedAndInformed, "shipped_and_informed"),
        (Self::ReadyForPickup, "ready_for_pickup"),
        (Self::AttemptedDelivery, "attempted_delivery"),
        (Self::ReviewStarted, "review_started"),
        (Self::ReviewWaiting, "review_waiting"),
        (Self::WaitingForPayment, "waiting_for_payment"),
        (Self::Paid, "paid"),
        (Self::Delivered, "delivered"),
        (Self::Refunded, "refunded"),
    ];

    /// The number.
    pub fn code(self) -> i64 {
        self as i64
    }

    /// The wire name, for example `approved`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(s, _)| *s == self).map_or("", |(_, n)| n)
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.iter().map(|(s, _)| *s).find(|s| s.code() == code)
    }

    /// From a code as string or number, or from a name: the documents show all three.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Number(n) => Self::from_code(n.as_i64()?),
            serde_json::Value::String(s) => match s.trim().parse::<i64>() {
                Ok(code) => Self::from_code(code),
                Err(_) => Self::ALL.iter().find(|(_, n)| *n == s.trim()).map(|(s, _)| *s),
            },
            _ => None,
        }
    }
}

/// When a shopper wants an order, from the hub's `delivery_range`: an object with `lower` and `upper`, each a moment or a
/// day, either of which may be missing. The contract leaves its form open, so anything else means nothing.
pub fn delivery_range(text: &str) -> (Option<i64>, Option<i64>) {
    let range: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let end = |name: &str| range[name].as_str().and_then(|t| crate::time::parse_us(t).ok());
    (end("lower"), end("upper"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_code_and_name() {
        for value in [json!("400"), json!(400), json!("approved")] {
            assert_eq!(OrderStatus::from_json(&value), Some(OrderStatus::Approved));
        }
        assert_eq!(OrderStatus::from_json(&json!("401")), None);
        assert_eq!(OrderStatus::Approved.name(), "approved");
    }
}
