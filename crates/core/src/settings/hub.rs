//! Settings about the hub: how it is reached, which orders are taken, and which webhooks it sends.

use serde::Deserialize;
use serde_json::Value;

use super::{check_url, wrong};
use crate::refusal::Refusal;

/// `OMNITRON_CLIENT_SETTINGS`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSettings {
    pub auth: HubAuth,
    pub urls: HubUrls,
    #[serde(default)]
    pub timeouts: HubTimeouts,
    #[serde(default)]
    pub endpoint_conf: Vec<HubEndpoint>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubAuth {
    pub username: String,
    pub password: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubUrls {
    pub base_url: String,
    #[serde(default)]
    pub oms_url: Option<String>,
}

/// Milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubTimeouts {
    pub read: u64,
    pub connect: u64,
}

impl Default for HubTimeouts {
    fn default() -> Self {
        Self { read: 6_000, connect: 6_000 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubEndpoint {
    pub endpoint: String,
    pub base_url: String,
    pub auth: HubEndpointAuth,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubEndpointAuth {
    pub token: String,
}

impl HubSettings {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.auth.username.is_empty() || self.auth.password.is_empty() {
            return Err(wrong("auth", "username and password of the hub's technical user are required."));
        }
        check_url("base_url", &self.urls.base_url)?;
        for endpoint in &self.endpoint_conf {
            check_url("endpoint_conf", &endpoint.base_url)?;
        }
        let bounds = 100..=120_000;
        if !bounds.contains(&self.timeouts.read) || !bounds.contains(&self.timeouts.connect) {
            return Err(wrong("timeouts", "Time-outs are milliseconds, 100 to 120,000."));
        }
        Ok(())
    }
}

/// `ORDER_FILTERING`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFiltering {
    pub order_statuses: Vec<Value>,
    #[serde(default)]
    pub channels: Vec<i64>,
    #[serde(default)]
    pub exclude_order_types: Vec<String>,
}

impl Default for OrderFiltering {
    fn default() -> Self {
        Self { order_statuses: vec!["400".into()], channels: Vec::new(), exclude_order_types: Vec::new() }
    }
}

impl OrderFiltering {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.order_statuses.is_empty() {
            return Err(wrong(
                "order_statuses",
                "At least one status is needed, or no order would ever be taken.",
            ));
        }
        match self.order_statuses.iter().find(|s| crate::orders::OrderStatus::from_json(s).is_none()) {
            Some(unknown) => Err(wrong("order_statuses", format!("{unknown} is not an order status."))),
            None => Ok(()),
        }
    }

    /// Why an order is not taken; `None` if it is.
    pub fn filters_out(
        &self,
        status: crate::orders::OrderStatus,
        channel: i64,
        order_type: &str,
    ) -> Option<String> {
        if !self.order_statuses.iter().any(|s| crate::orders::OrderStatus::from_json(s) == Some(status)) {
            return Some(format!("status {} is not in ORDER_FILTERING", status.code()));
        }
        if !self.channels.is_empty() && !self.channels.contains(&channel) {
            return Some(format!("channel {channel} is not in ORDER_FILTERING"));
        }
        self.exclude_order_types
            .iter()
            .any(|t| t == order_type)
            .then(|| format!("order type {order_type:?} is excluded by ORDER_FILTERING"))
    }
}

/// `OMNITRON_WEBHOOKS`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubWebhooks {
    pub target_base_url: String,
    pub events: Vec<String>,
    /// Sent by the hub as `Authorization: Token …`.
    pub token: String,
    /// What the hub signs with. None: it does not.
    #[serde(default)]
    pub secret_key: Option<String>,
}
