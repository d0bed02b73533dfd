//! Shipments as objects.

use oms_core::time::format_us;
use oms_store::packages::shipments::Shipment;
use serde_json::{Value, json};

/// A shipment as its package shows it.
pub fn view(s: &Shipment) -> Value {
    json!({"id": s.id, "state": s.state, "cargo_company": s.cargo_company, "tracking_number": s.tracking_number,
        "query_number": s.query_number, "awb_number": s.awb_number, "tracking_url": s.tracking_url,
        "created_date": format_us(s.created_us), "modified_date": format_us(s.modified_us)})
}

/// A shipment by itself, with what it carries, as it was at a moment in a state.
pub fn view_at(s: &Shipment, state: &str, at_us: i64) -> Value {
    let mut view = view(&Shipment { state: state.to_owned(), modified_us: at_us, ..s.clone() });
    view["package"] = s.package_id.into();
    view["transfer_order"] = s.transfer_id.into();
    view
}
