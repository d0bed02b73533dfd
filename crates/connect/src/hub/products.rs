//! Products.

use serde_json::Value;

use super::wire::{Fields, HubRecord, Record};

/// Products may carry long attribute lists.
const PRODUCT_LIMIT: u32 = 200;

/// A product (one SKU).
#[derive(Debug, Clone, PartialEq)]
pub struct HubProduct {
    pub pk: i64,
    pub sku: String,
    pub name: String,
    pub base_code: Option<String>,
    /// `barcode` of the record, else of its attributes.
    pub barcode: Option<String>,
    pub attributes: Value,
    pub modified_us: Option<i64>,
}

impl HubRecord for HubProduct {
    const PATH: &'static str = "products/";
    const LIMIT: u32 = PRODUCT_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        let inner = f.object("attributes").and_then(|attributes| attributes.text("barcode"));
        Ok(Self {
            pk: f.pk()?,
            sku: f.needed_code("sku")?,
            name: f.name("name"),
            base_code: f.code("base_code")?,
            barcode: f.code("barcode")?.or(inner),
            attributes: f.json("attributes"),
            modified_us: f.time_us("modified_date")?,
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}
