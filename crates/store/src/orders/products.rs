//! Products: one a SKU, and the hub's products by its pk.

use std::collections::HashMap;

use crate::batch::Rows;
use crate::upkeep::search::Terms;
use crate::{StoreError, Tx, args};

/// A product to be written if its SKU is new, or refreshed.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Used only if the SKU is new.
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub sku: String,
    pub name: String,
    pub base_code: Option<String>,
    pub barcode: Option<String>,
    /// JSON.
    pub attributes: String,
    /// JSON: what else the hub says of it. None: it was not the hub that said so.
    pub hub_fields: Option<String>,
}

/// A product known by the hub's pk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub id: i64,
    /// When the hub's record was read last.
    pub read_us: i64,
}

/// The products known by the hub's pk.
pub async fn by_hub_pk(tx: &mut Tx, pks: &[i64]) -> Result<HashMap<i64, Known>, StoreError> {
    let head = "SELECT omnitron_id, product_id, read_us FROM hub_products WHERE omnitron_id";
    let rows = tx.fetch_in(head, pks.iter().copied(), "").await?;
    rows.iter().map(|r| Ok((r.i64(0)?, Known { id: r.i64(1)?, read_us: r.i64(2)? }))).collect()
}

/// The products of SKUs.
pub async fn by_sku(tx: &mut Tx, skus: &[String]) -> Result<HashMap<String, i64>, StoreError> {
    let rows = tx.fetch_in("SELECT sku, id FROM products WHERE sku", skus, "").await?;
    let one = |r: &crate::Row| {
        let mut c = r.cols();
        Ok((c.text()?, c.i64()?))
    };
    rows.iter().map(one).collect()
}

/// Writes products and their hub pks; returns the id of each SKU.
pub async fn upsert(
    tx: &mut Tx,
    new: &[NewProduct],
    now_us: i64,
) -> Result<HashMap<String, i64>, StoreError> {
    // One row a SKU and in SKU order: a statement may not touch a row twice, and two nodes must not
    // lock the same rows in different orders.
    let by_sku: std::collections::BTreeMap<_, _> = new.iter().map(|p| (p.sku.as_str(), p)).collect();
    let mut rows = Rows::new(9);
    for p in by_sku.values() {
        let (base, barcode) = (p.base_code.as_deref(), p.barcode.as_deref());
        let hub_fields = p.hub_fields.as_deref();
        rows.push(args![p.id, &p.sku, &p.name, base, barcode, &p.attributes, hub_fields, now_us, now_us]);
    }
    let head = "INSERT INTO products (id, sku, name, base_code, barcode, attributes, hub_fields, created_us, modified_us)";
    // A product made for an API order knows only its SKU; the hub's word is better.
    let tail = "ON CONFLICT (sku) DO UPDATE SET name = CASE WHEN excluded.name = excluded.sku THEN products.name ELSE excluded.name END, \
                base_code = COALESCE(excluded.base_code, products.base_code), \
                barcode = COALESCE(excluded.barcode, products.barcode), \
                attributes = CASE WHEN excluded.attributes = '{}' THEN products.attributes ELSE excluded.attributes END, \
                hub_fields = COALESCE(excluded.hub_fields, products.hub_fields), \
                modified_us = excluded.modified_us RETURNING sku, id, name, barcode";
    let (mut ids, mut terms) = (HashMap::new(), Terms::default());
    for row in tx.insert_returning(head, rows, tail).await? {
        let mut c = row.cols();
        let (sku, id, name, barcode) = (c.text()?, c.i64()?, c.text()?, c.opt_text()?);
        terms.product(id, &sku, &name, barcode.as_deref());
        ids.insert(sku, id);
    }
    terms.write(tx).await?;
    let hub: std::collections::BTreeMap<_, _> =
        new.iter().filter_map(|p| Some((p.omnitron_id?, ids[&p.sku]))).collect();
    let mut rows = Rows::new(3);
    hub.into_iter().for_each(|(pk, id)| rows.push(args![pk, id, now_us]));
    let tail = "ON CONFLICT (omnitron_id) DO UPDATE SET product_id = excluded.product_id, read_us = excluded.read_us";
    tx.insert("INSERT INTO hub_products (omnitron_id, product_id, read_us)", rows, tail).await?;
    Ok(ids)
}
