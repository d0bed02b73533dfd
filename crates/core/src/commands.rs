//! Commands: what people and software may do to a package or a transfer. One row of this table a command;
//! the steps it may be bound to, its input form, the check of a transition's conf, the reference page and
//! the tests all come from it.
//!
//! Five codes are documented (`PKG_STATE_TRANSITION`, `PKG_DEALLOCATE_RESERVATIONS`, `UNBLOCK_THE_PACKAGE`,
//! `TRANSFER_OUT_OF_STOCK`, `UPDATE_SHIPMENT_LABEL`); the others are ours. Class names are the documented ones.

pub mod input;
pub mod reference;

use crate::packages as p;
use crate::transfers as t;

/// The kind of record a command is run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    Package,
    Transfer,
}

impl Entity {
    /// The stored word, and the key of the record's id in a command's body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Transfer => "transfer",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Package, Self::Transfer].into_iter().find(|e| e.as_str() == text)
    }

    /// The display name of a state of such a record.
    pub fn state_name(self, code: i64) -> &'static str {
        let name = match self {
            Self::Package => p::state(code).map(|s| s.name),
            Self::Transfer => t::state(code).map(|s| s.name),
        };
        name.unwrap_or("an unknown state")
    }

    /// The word of a state of such a record, as slugs and event types use it.
    pub fn state_word(self, code: i64) -> &'static str {
        let word = match self {
            Self::Package => p::state(code).map(|s| s.snake),
            Self::Transfer => t::state(code).map(|s| s.word),
        };
        word.unwrap_or("unknown")
    }
}

/// What a command does besides taking its record from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing: stock and quota follow the state table.
    Step,
    /// Asks a carrier for a shipment; packed when it answers.
    PackWithShipment,
    /// The location does not pack it: it is planned again elsewhere.
    Refuse,
    /// Units are missing: all of the package is planned again.
    NotFound,
    /// Units are missing: they alone are planned again.
    NotFoundAdvanced,
    /// The items are set aside for a refund; their discrepancies end.
    PackForRefund,
    Block,
    /// Back to the state before.
    Unblock,
    UpdateInvoice,
    /// A person says which location packs what.
    PlanByHand,
    /// Waits for the customer; a code may be needed to take it.
    ReadyForPickup,
    /// The customer takes it, with the code if one is needed.
    HandOver,
    /// Leaves with a carrier; what is told of the parcel is recorded.
    Ship,
    UpdateShipmentInfo,
    /// Asks the carrier for the label again.
    UpdateShipmentLabel,
    AcceptCancellation,
    /// Back to the state before.
    RefuseCancellation,
    TransferReady,
    TransferDispatch,
    TransferDeliver,
    /// The source has nothing of it: other sources are looked for.
    TransferNotFound,
    /// The source lacks the named items: other sources are looked for.
    TransferOutOfStock,
}

/// A key that a transition's conf may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conf {
    /// Whether the hub is told; on unless `false`. Documented.
    SyncRemoteOrderStatus,
    /// Whether bill data is refreshed. Documented.
    RemoteBillFulfillmentCall,
    /// Which invoice service is called. Documented.
    RemoteInvoiceCall,
}

impl Conf {
    /// The key.
    pub fn key(self) -> &'static str {
        match self {
            Self::SyncRemoteOrderStatus => "sync_remote_order_status",
            Self::RemoteBillFulfillmentCall => "remote_bill_fulfillment_call",
            Self::RemoteInvoiceCall => "remote_invoice_call",
        }
    }
}

/// What an input's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// 1 to this many characters.
    Text(usize),
    /// The id of a denial reason.
    DenialReason,
    /// Ids of package items, or `{"id", "quantity"}` for some units of one.
    PackageItems,
    /// Ids of transfer items.
    TransferItems,
    /// `[{"package_items": [id], "stock_location": "erp_code"}]`.
    Assignments,
    /// A day, `2031-03-05`.
    Day,
}

/// One input of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    pub key: &'static str,
    pub kind: InputKind,
    pub is_required: bool,
    pub about: &'static str,
}

/// One row of the table.
#[derive(Debug)]
pub struct Command {
    /// Stable; what a transition names.
    pub code: &'static str,
    /// The documented class, or our name in the same manner.
    pub class: &'static str,
    pub entity: Entity,
    /// The label of its button if a transition does not say otherwise.
    pub name: &'static str,
    pub act: Act,
    /// Every step a transition may bind it to: from, to. Equal: the state stays.
    pub edges: &'static [(i64, i64)],
    pub inputs: &'static [Input],
    pub conf: &'static [Conf],
    /// Event types beside those of the new state.
    pub events: &'static [&'static str],
    /// Whether it waits for an answer from outside.
    pub asks_outside: bool,
}

impl Command {
    /// Whether what it frees is planned again in its transaction.
    pub fn plans(&self) -> bool {
        use Act::{NotFound, NotFoundAdvanced, Refuse, TransferNotFound, TransferOutOfStock};
        matches!(self.act, Refuse | NotFound | NotFoundAdvanced | TransferNotFound | TransferOutOfStock)
    }

    /// Whether the package goes back to the state it was held in, whichever of its transitions is named.
    pub fn returns_to_held(&self) -> bool {
        matches!(self.act, Act::Unblock | Act::RefuseCancellation)
    }
}

/// The command of a code.
pub fn command(code: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.code == code)
}

/// The commands that a transition between two states may name.
pub fn between(entity: Entity, from: i64, to: i64) -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(move |c| c.entity == entity && c.edges.contains(&(from, to)))
}

const TO_PACKED: &[(i64, i64)] =
    &[(p::WAITING, p::PACKED), (p::PREPARING, p::PACKED), (p::READY_FOR_PACKAGING, p::PACKED)];
const TO_SHIPPED: &[(i64, i64)] = &[(p::PACKED, p::SHIPPED)];

/// Steps of the generic command: forward, or sideways where stock and slot stay. Never into a state that has a
/// command of its own, never past packing or shipping.
const GENERIC: &[(i64, i64)] = &[
    (p::WAITING, p::WAITING_REMOTE_ACTION),
    (p::WAITING, p::PREPARING),
    (p::WAITING, p::READY_FOR_PACKAGING),
    (p::WAITING_REMOTE_ACTION, p::WAITING),
    (p::WAITING_REMOTE_ACTION, p::PREPARING),
    (p::WAITING_REMOTE_ACTION, p::READY_FOR_PACKAGING),
    (p::PREPARING, p::READY_FOR_PACKAGING),
    (p::PREPARING, p::PACKED),
    (p::READY_FOR_PACKAGING, p::PREPARING),
    (p::READY_FOR_PACKAGING, p::PACKED),
    (p::PACKED, p::READY_FOR_CUSTOMER),
    (p::PACKED, p::SHIPPED),
    (p::SHIPPED, p::READY_FOR_CUSTOMER),
    (p::SHIPPED, p::ATTEMPTED_DELIVERY),
    (p::SHIPPED, p::DELIVERY_FAILED),
    (p::SHIPPED, p::DELIVERED),
    (p::ATTEMPTED_DELIVERY, p::SHIPPED),
    (p::ATTEMPTED_DELIVERY, p::DELIVERY_FAILED),
    (p::ATTEMPTED_DELIVERY, p::DELIVERED),
    (p::DELIVERY_FAILED, p::SHIPPED),
    (p::DELIVERY_FAILED, p::DELIVERED),
];

const fn input(key: &'static str, kind: InputKind, is_required: bool, about: &'static str) -> Input {
    Input { key, kind, is_required, about }
}

const TRACKING: &[Input] = &[
    input("tracking_number", InputKind::Text(128), false, "The carrier's number of the parcel."),
    input("shipping_company", InputKind::Text(128), false, "The carrier: its erp_code or name."),
];
const TRACKING_REQUIRED: &[Input] = &[
    input("tracking_number", InputKind::Text(128), true, "The carrier's number of the parcel."),
    input("shipping_company", InputKind::Text(128), true, "The carrier: its erp_code or name."),
];
const MISSING_ITEMS: &[Input] = &[
    input(
        "package_items",
        InputKind::PackageItems,
        false,
        "What is missing: item ids, or {id, quantity}. None: all of it.",
    ),
    input("denial_reason", InputKind::DenialReason, false, "Why, as the id of a denial reason."),
];

macro_rules! commands {
    ($($code:literal $class:literal $entity:ident $name:literal $act:ident $edges:expr, $inputs:expr, [$($conf:ident)*], $events:expr, $outside:literal;)*) => {
        /// Every command.
        pub const COMMANDS: &[Command] = &[$(Command {
            code: $code, class: $class, entity: Entity::$entity, name: $name, act: Act::$act, edges: $edges,
            inputs: $inputs, conf: &[$(Conf::$conf),*], events: $events, asks_outside: $outside,
        }),*];
    };
}

commands! {
    "PKG_DEALLOCATE_RESERVATIONS" "DeAllocatePackageReservationsCommand" Package "Start preparing" Step
        &[(p::WAITING, p::PREPARING)], &[], [SyncRemoteOrderStatus], &[], false;
    "PKG_STATE_TRANSITION" "PackageStateTransitionCommand" Package "Change state" Step
        GENERIC, &[], [SyncRemoteOrderStatus], &[], false;
    "COMPLETE_PACKAGING_WITHOUT_SHIPMENT" "CompletePackingWithoutShipmentCommand" Package "Pack without shipment" Step
        TO_PACKED, &[], [SyncRemoteOrderStatus RemoteBillFulfillmentCall RemoteInvoiceCall], &[], false;
    "COMPLETE_PACKAGING_WITH_SHIPMENT" "CompletePackingCommand" Package "Pack" PackWithShipment
        TO_PACKED, &[], [SyncRemoteOrderStatus RemoteBillFulfillmentCall RemoteInvoiceCall], &["shipment.created"], true;
    "CHANNEL_BASED_COMPLETE_PACKAGING" "ChannelBasedCompletePackingCommand" Package "Pack for the channel" Step
        TO_PACKED, &[], [RemoteBillFulfillmentCall RemoteInvoiceCall], &[], false;
    "REFUSE_WITH_DENIAL_REASON" "PackageRefuseWithDenialReasonCommand" Package "Refuse" Refuse
        &[(p::WAITING, p::NEEDS_RESCHEDULING), (p::WAITING_REMOTE_ACTION, p::NEEDS_RESCHEDULING),
          (p::PREPARING, p::NEEDS_RESCHEDULING)],
        &[input("denial_reason", InputKind::DenialReason, true, "Why, as the id of a denial reason.")], [],
        &["package.refused"], false;
    "PRODUCT_NOT_FOUND" "DetectedOutOfStockItemCommand" Package "Product not found" NotFound
        &[(p::WAITING, p::OUT_OF_STOCK), (p::WAITING_REMOTE_ACTION, p::OUT_OF_STOCK),
          (p::PREPARING, p::OUT_OF_STOCK), (p::READY_FOR_PACKAGING, p::OUT_OF_STOCK)],
        MISSING_ITEMS, [], &[], false;
    "PRODUCT_NOT_FOUND_ADVANCED" "DetectedOutOfStockItemCommandAdvanced" Package "Some products not found" NotFoundAdvanced
        &[(p::WAITING, p::WAITING), (p::WAITING_REMOTE_ACTION, p::WAITING_REMOTE_ACTION),
          (p::PREPARING, p::PREPARING), (p::READY_FOR_PACKAGING, p::READY_FOR_PACKAGING)],
        &[
            input("package_items", InputKind::PackageItems, true, "What is missing: item ids, or {id, quantity}."),
            input("denial_reason", InputKind::DenialReason, false, "Why, as the id of a denial reason."),
        ], [], &[], false;
    "PACKED_FOR_REFUND" "PackagePackedForRefundCommand" Package "Set aside for refund" PackForRefund
        &[(p::WAITING, p::PACKED_FOR_REFUND), (p::OUT_OF_STOCK, p::PACKED_FOR_REFUND)], &[], [SyncRemoteOrderStatus], &[], false;
    "BLOCK_THE_PACKAGE" "BlockThePackageCommand" Package "Block" Block
        &[(p::WAITING, p::BLOCKED), (p::WAITING_REMOTE_ACTION, p::BLOCKED), (p::PREPARING, p::BLOCKED),
          (p::READY_FOR_PACKAGING, p::BLOCKED)], &[], [], &[], false;
    "UNBLOCK_THE_PACKAGE" "UnblockThePackageCommand" Package "Unblock" Unblock
        &[(p::BLOCKED, p::WAITING), (p::BLOCKED, p::WAITING_REMOTE_ACTION), (p::BLOCKED, p::PREPARING),
          (p::BLOCKED, p::READY_FOR_PACKAGING)], &[], [], &[], false;
    "UPDATE_INVOICE" "UpdateInvoiceOfThePackageCommand" Package "Update invoice" UpdateInvoice
        &[(p::PACKED, p::PACKED), (p::READY_FOR_CUSTOMER, p::READY_FOR_CUSTOMER), (p::SHIPPED, p::SHIPPED),
          (p::ATTEMPTED_DELIVERY, p::ATTEMPTED_DELIVERY), (p::DELIVERY_FAILED, p::DELIVERY_FAILED), (p::DELIVERED, p::DELIVERED)],
        &[
            input("invoice_number", InputKind::Text(64), true, "The invoice's number."),
            input("invoice_date", InputKind::Day, true, "The invoice's day."),
            input("invoice_document_type", InputKind::Text(32), false, "For example pdf or url."),
            input("invoice_document", InputKind::Text(65_536), false, "The document: an address, or base64."),
        ], [RemoteInvoiceCall], &["package.invoice.updated"], false;
    "MANUAL_PLANNING" "ManualPlanningCommand" Package "Plan by hand" PlanByHand
        &[(p::WAITING, p::CANCELLED), (p::WAITING_REMOTE_ACTION, p::CANCELLED), (p::PREPARING, p::CANCELLED),
          (p::READY_FOR_PACKAGING, p::CANCELLED), (p::NEEDS_RESCHEDULING, p::CANCELLED), (p::OUT_OF_STOCK, p::CANCELLED)],
        &[input("assignment_groups", InputKind::Assignments, true, "Every item of the package in one group: [{package_items, stock_location}].")],
        [], &["package.created"], false;
    "READY_FOR_PICKUP" "ReadyForPickupCommand" Package "Ready for the customer" ReadyForPickup
        &[(p::PACKED, p::READY_FOR_CUSTOMER), (p::SHIPPED, p::READY_FOR_CUSTOMER)], &[], [SyncRemoteOrderStatus], &[], false;
    "SELF_SERVICE_DELIVERY" "SelfServicePackageDeliveryCommand" Package "Hand over" HandOver
        &[(p::READY_FOR_CUSTOMER, p::DELIVERED)],
        &[input("code", InputKind::Text(12), false, "The customer's one-time code, where codes are on.")], [SyncRemoteOrderStatus], &[], false;
    "SHIP_THE_PACKAGE" "ShipThePackageCommand" Package "Ship" Ship
        TO_SHIPPED, TRACKING, [SyncRemoteOrderStatus RemoteInvoiceCall], &[], false;
    "SHIPMENT_ORDER" "ShipThePackageBasicCommand" Package "Shipment order" Ship
        TO_SHIPPED, TRACKING, [SyncRemoteOrderStatus RemoteInvoiceCall], &[], false;
    "ADVANCED_SHIPMENT" "ShipThePackageAdvancedCommand" Package "Ship with tracking number" Ship
        TO_SHIPPED, TRACKING_REQUIRED, [SyncRemoteOrderStatus RemoteInvoiceCall], &[], false;
    "SHIP_WITHOUT_INTEGRATION" "ShipThePackageWithoutShipmentIntegrationCommand" Package "Ship without carrier" Ship
        TO_SHIPPED, &[], [], &[], false;
    "UPDATE_SHIPMENT_STATUS" "UpdatePackageShipmentStatusCommand" Package "Delivered" Step
        &[(p::SHIPPED, p::DELIVERED), (p::ATTEMPTED_DELIVERY, p::DELIVERED), (p::DELIVERY_FAILED, p::DELIVERED)],
        &[], [SyncRemoteOrderStatus], &[], false;
    "UPDATE_SHIPMENT_INFO" "UpdateShipmentInfoOfThePackageCommand" Package "Update tracking" UpdateShipmentInfo
        &[(p::PACKED, p::PACKED), (p::SHIPPED, p::SHIPPED), (p::ATTEMPTED_DELIVERY, p::ATTEMPTED_DELIVERY), (p::DELIVERED, p::DELIVERED)],
        &[
            input("tracking_number", InputKind::Text(128), false, "The carrier's number of the parcel."),
            input("shipping_company", InputKind::Text(128), false, "The carrier: its erp_code or name."),
            input("query_number", InputKind::Text(128), false, "The number the carrier is asked by, if it is another."),
        ], [SyncRemoteOrderStatus], &["package.shipment.awb_number"], false;
    "UPDATE_SHIPMENT_LABEL" "UpdateShipmentLabelOfThePackageCommand" Package "Renew label" UpdateShipmentLabel
        &[(p::PREPARING, p::PREPARING), (p::WAITING_CARGO_LABEL, p::PACKED), (p::PACKED, p::PACKED), (p::SHIPPED, p::SHIPPED)],
        &[input("package_items", InputKind::PackageItems, false, "Taken for compatibility; may be empty.")], [], &[], true;
    "ACCEPT_CANCELLATION" "AcceptCancellationCommand" Package "Accept cancellation" AcceptCancellation
        &[(p::CANCELLATION_WAITING, p::CANCELLED)], &[], [SyncRemoteOrderStatus], &[], false;
    "REFUSE_CANCELLATION" "RefuseCancellationCommand" Package "Refuse cancellation" RefuseCancellation
        &[(p::CANCELLATION_WAITING, p::WAITING_CARGO_LABEL), (p::CANCELLATION_WAITING, p::PACKED),
          (p::CANCELLATION_WAITING, p::READY_FOR_CUSTOMER)], &[], [], &[], false;
    "TRANSFER_READY_FOR_DISPATCH" "TransferReadyForDispatchCommand" Transfer "Ready for dispatch" TransferReady
        &[(t::WAITING, t::READY_TO_SHIPMENT)], &[], [], &[], false;
    "TRANSFER_ORDER_ADVANCED" "TransferOrderAdvancedCommand" Transfer "Ready with tracking number" TransferReady
        &[(t::WAITING, t::READY_TO_SHIPMENT)], TRACKING_REQUIRED, [], &["shipment.created"], false;
    "TRANSFER_DISPATCH" "TransferDispatchCommand" Transfer "Dispatch" TransferDispatch
        &[(t::WAITING, t::IN_TRANSIT), (t::READY_TO_SHIPMENT, t::IN_TRANSIT)], &[], [], &[], false;
    "TRANSFER_DELIVERED" "TransferDeliveredCommand" Transfer "Delivered" TransferDeliver
        &[(t::IN_TRANSIT, t::TRANSFERRED)], &[], [], &[], false;
    "TRANSFER_PRODUCT_NOT_FOUND" "TransferProductNotFoundCommand" Transfer "Product not found" TransferNotFound
        &[(t::WAITING, t::OUT_OF_STOCK)], &[], [], &["transfer.status.created"], false;
    "TRANSFER_OUT_OF_STOCK" "TransferOutOfStockCommand" Transfer "Out of stock" TransferOutOfStock
        &[(t::WAITING, t::OUT_OF_STOCK)],
        &[input("transfer_items", InputKind::TransferItems, false, "What is missing. None: all of it.")], [],
        &["transfer.status.created"], false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_step_keeps_the_books() {
        let mut codes: Vec<_> = COMMANDS.iter().map(|c| c.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), COMMANDS.len());
        for c in COMMANDS.iter().filter(|c| c.entity == Entity::Package) {
            for &(from, to) in c.edges {
                let (from, to) = (p::state(from).expect("known"), p::state(to).expect("known"));
                if c.returns_to_held() || from.code == p::CANCELLATION_WAITING {
                    continue;
                }
                assert!(p::stock_move(from, to).is_some(), "{} {} to {}", c.code, from.name, to.name);
                assert!(!from.terminal || from.code == to.code, "{} leaves {}", c.code, from.name);
                let takes_a_slot = from.slot == p::Slot::Free && to.slot == p::Slot::Held;
                assert!(!takes_a_slot, "{} takes a slot anew", c.code);
            }
        }
    }

    #[test]
    fn what_a_pair_of_states_offers() {
        let codes = |from, to| between(Entity::Package, from, to).map(|c| c.code).collect::<Vec<_>>();
        assert_eq!(codes(p::WAITING, p::PREPARING), ["PKG_DEALLOCATE_RESERVATIONS", "PKG_STATE_TRANSITION"]);
        assert_eq!(codes(p::BLOCKED, p::PREPARING), ["UNBLOCK_THE_PACKAGE"]);
        assert!(codes(p::WAITING, p::DELIVERED).is_empty(), "nothing is delivered before it is packed");
    }
}
