//! Webhooks registered at the hub.

use serde_json::Value;

use super::wire::{Fields, HubRecord, Record};

/// A registered webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct HubWebhook {
    pub pk: i64,
    pub event_type: String,
    pub target_url: String,
    pub is_active: bool,
}

impl HubRecord for HubWebhook {
    const PATH: &'static str = "webhooks/";
    const LIMIT: u32 = 100;

    fn read(value: &Value) -> Record<Self> {
        let f = Fields::of(value)?;
        let url = f.text("target_url");
        Ok(Self {
            pk: f.pk()?,
            event_type: f.needed_code("event_type")?,
            target_url: f.need("target_url", url)?,
            is_active: f.flag("is_active", true),
        })
    }

    fn pk(&self) -> i64 {
        self.pk
    }
}
