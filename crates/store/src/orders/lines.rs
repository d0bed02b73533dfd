//! The lines of orders: written, told of, and found again in a newer version of the hub's.

use std::collections::BTreeMap;

use crate::batch::Rows;
use crate::orders::{NewLine, NewOrder};
use crate::{Row, StoreError, Tx, Value, args};

/// How many columns [`INSERT_ITEMS`] names.
pub(super) const ITEM_COLUMNS: usize = 15;
pub(super) const INSERT_ITEMS: &str = "INSERT INTO order_items (id, order_id, line, omnitron_id, product_id, quantity, \
    quantity_cancelled, price_minor, discount_minor, retail_price_minor, price_currency, tax_rate, attributes, \
    hub_status, hub_fields)";

pub(super) fn line_row(id: i64, order_id: i64, n: usize, line: &NewLine, cancelled: i64) -> Vec<Value> {
    args![
        id,
        order_id,
        n,
        line.omnitron_id,
        line.product_id,
        line.units,
        cancelled,
        line.price_minor,
        line.discount_minor,
        line.retail_price_minor,
        line.currency.as_deref(),
        line.tax_rate.as_deref(),
        &line.attributes,
        line.hub_status,
        line.hub_fields.as_deref(),
    ]
}

/// What a change of an order tells that may change again: the hub's status of it and of its lines, and the units that
/// are cancelled with it.
pub(super) struct Told {
    status: i64,
    lines: usize,
    /// Of lines whose status is not the order's.
    statuses: BTreeMap<i64, i64>,
    cancelled: BTreeMap<i64, i64>,
}

impl Told {
    pub(super) fn of(order: &NewOrder) -> Self {
        let lines = order.lines.len();
        Self { status: order.hub_status, lines, statuses: BTreeMap::new(), cancelled: BTreeMap::new() }
    }

    pub(super) fn line(&mut self, id: i64, line: &NewLine) {
        let own = line.hub_status.filter(|status| *status != self.status);
        self.statuses.extend(own.map(|status| (id, status)));
    }

    pub(super) fn cancelled(&mut self, id: i64, units: i64) {
        if units > 0 {
            self.cancelled.insert(id, units);
        }
    }

    pub(super) fn delta(&self) -> serde_json::Value {
        let mut delta = serde_json::json!({"lines": self.lines, "status": self.status});
        for (key, units) in [("line_status", &self.statuses), ("cancelled", &self.cancelled)] {
            if !units.is_empty() {
                delta[key] = serde_json::json!(units);
            }
        }
        delta
    }
}

/// A line as it is here.
pub(super) struct OurLine {
    pub(super) id: i64,
    pub(super) cancelled: i64,
    /// What the hub last said of it.
    pub(super) line: NewLine,
}

impl OurLine {
    pub(super) fn left(&self) -> i64 {
        self.line.units - self.cancelled
    }

    /// Whether a newer version says the same of product and units. What was cancelled here may be gone there or not.
    pub(super) fn agrees(&self, theirs: &NewLine) -> bool {
        self.line.product_id == theirs.product_id
            && (theirs.units == self.line.units || theirs.units == self.left())
    }

    /// Whether a newer version says the same of prices, taxes and attributes.
    pub(super) fn has_terms_of(&self, theirs: &NewLine) -> bool {
        let terms = |l: &NewLine| {
            let amounts = (l.price_minor, l.discount_minor, l.retail_price_minor);
            (amounts, l.currency.clone(), l.tax_rate.clone(), l.attributes.clone())
        };
        terms(&self.line) == terms(theirs)
    }
}

pub(super) async fn our_lines(tx: &mut Tx, order_id: i64) -> Result<Vec<OurLine>, StoreError> {
    let sql = "SELECT id, quantity_cancelled, omnitron_id, product_id, quantity, price_minor, discount_minor, \
               retail_price_minor, price_currency, tax_rate, attributes, hub_status, hub_fields FROM order_items WHERE order_id = $1 ORDER BY line";
    let one = |row: &Row| {
        let mut c = row.cols();
        Ok(OurLine {
            id: c.i64()?,
            cancelled: c.i64()?,
            line: NewLine {
                omnitron_id: c.opt_i64()?,
                product_id: c.i64()?,
                units: c.i64()?,
                price_minor: c.opt_i64()?,
                discount_minor: c.opt_i64()?,
                retail_price_minor: c.opt_i64()?,
                currency: c.opt_text()?,
                tax_rate: c.opt_text()?,
                attributes: c.text()?,
                hub_status: c.opt_i64()?,
                hub_fields: c.opt_text()?,
            },
        })
    };
    tx.fetch(sql, args![order_id]).await?.iter().map(one).collect()
}

/// The line here that each line of a newer version is: the one with the hub's key, else one of the same product.
pub(super) fn same_lines(ours: &[OurLine], theirs: &[NewLine]) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; ours.len()];
    let mut find = |wanted: &NewLine| {
        let is_it = |o: &OurLine| match wanted.omnitron_id {
            Some(key) => o.line.omnitron_id == Some(key),
            None => o.line.omnitron_id.is_none() && o.line.product_id == wanted.product_id,
        };
        let at = (0..ours.len()).find(|&i| free[i] && is_it(&ours[i]))?;
        free[at] = false;
        Some(at)
    };
    theirs.iter().map(&mut find).collect()
}

/// What nothing here goes by follows the hub's newer version: its status of each line, and what else it says.
pub(super) async fn follow_hub<'a>(
    tx: &mut Tx,
    lines: impl Iterator<Item = (&'a OurLine, &'a NewLine)>,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(3);
    for (own, newer) in lines {
        if (own.line.hub_status, &own.line.hub_fields) != (newer.hub_status, &newer.hub_fields) {
            rows.push(args![own.id, newer.hub_status, newer.hub_fields.as_deref()]);
        }
    }
    let body = "UPDATE order_items SET hub_status = v.status, hub_fields = v.fields FROM v WHERE order_items.id = v.id";
    tx.execute_values("id, status, fields", rows, body).await?;
    Ok(())
}
