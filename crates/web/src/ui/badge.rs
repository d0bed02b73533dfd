//! States: each a colour, a shape and a word.

use maud::{Markup, html};
use oms_core::packages::{self, Kind};
use oms_core::transfers;

use crate::ui::visit::Visit;

/// The class that gives the colour, and the shape.
fn looks(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Waiting => ("waiting", "○"),
        Kind::InHand => ("in-hand", "◐"),
        Kind::NeedsYou => ("needs-you", "▲"),
        Kind::Failed => ("failed", "✕"),
        Kind::Done => ("done", "●"),
    }
}

/// A word with the colour and shape of a kind.
pub(crate) fn of_kind(kind: Kind, word: &str) -> Markup {
    let (class, shape) = looks(kind);
    html! { span class={ "state " (class) } { span.shape aria-hidden="true" { (shape) } " " (word) } }
}

/// A package's state.
pub(crate) fn package(visit: &Visit, code: i64) -> Markup {
    let kind = packages::state(code).map_or(Kind::NeedsYou, |s| s.kind);
    of_kind(kind, &package_word(visit, code))
}

/// The name of a package's state.
pub(crate) fn package_word(visit: &Visit, code: i64) -> String {
    let english = packages::state(code).map_or("?", |s| s.name);
    visit.lang.find(&format!("state-{code}")).unwrap_or(english).to_owned()
}

/// The kind of a transfer's state.
pub(crate) fn transfer_kind(code: i64) -> Kind {
    match code {
        transfers::WAITING => Kind::Waiting,
        transfers::READY_TO_SHIPMENT | transfers::IN_TRANSIT => Kind::InHand,
        transfers::TRANSFERRED | transfers::CANCELLED => Kind::Done,
        _ => Kind::NeedsYou,
    }
}

/// A transfer's state.
pub(crate) fn transfer(visit: &Visit, code: i64) -> Markup {
    of_kind(transfer_kind(code), &transfer_word(visit, code))
}

/// The name of a transfer's state.
pub(crate) fn transfer_word(visit: &Visit, code: i64) -> String {
    let english = transfers::state(code).map_or("?", |s| s.name);
    visit.lang.find(&format!("transfer_state-{code}")).unwrap_or(english).to_owned()
}

/// The state of an order's plan.
pub(crate) fn plan(visit: &Visit, state: &str) -> Markup {
    let kind = match state {
        "completed" | "cancelled" => Kind::Done,
        "start" => Kind::Waiting,
        _ => Kind::NeedsYou,
    };
    let key = format!("plan_state-{state}");
    of_kind(kind, visit.lang.find(&key).unwrap_or(state))
}
