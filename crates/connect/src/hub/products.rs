//! Products.

use oms_core::time::format_us;
use serde_json::Value;

use super::wire::{Fields, HubRecord, Record};

/// Products may carry long attribute lists.
const PRODUCT_LIMIT: u32 = 200;

/// Keys that are kept as they came.
const OTHER_KEYS: [&str; 3] = ["productimage_set", "attributes_kwargs", "extra_attributes"];

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
    /// What else it says that people and software are shown: images and further attributes.
    pub others: Value,
    pub modified_us: Option<i64>,
}

impl HubRecord for HubProduct {
    const PATH: &'static str = "products/";
    const LIMIT: u32 = PRODUCT_LIMIT;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        let modified_us = f.time_us("modified_date")?;
        let mut others = f.as_they_came(&OTHER_KEYS);
        others.extend(modified_us.map(|at| ("modified_date".to_owned(), format_us(at).into())));
        let inner = f.object("attributes").and_then(|attributes| attributes.text("barcode"));
        Ok(Self {
            pk: f.pk()?,
            sku: f.needed_code("sku")?,
            name: f.name("name"),
            base_code: f.code("base_code")?,
            barcode: f.code("barcode")?.or(inner),
            attributes: f.json("attributes"),
            others: others.into(),
            modified_us,
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}
