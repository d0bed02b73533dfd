//! Turning the hub's orders into ours: references resolved, quantities checked, the version digested.

use std::collections::HashMap;
use std::sync::Arc;

use oms_connect::hub::{HubAddress, HubCustomer, HubItem, HubOrder, Record, Ref};
use oms_core::orders::OrderStatus;
use oms_core::refusal::Refusal;
use oms_core::settings::OrderFiltering;
use oms_store::orders::hub_orders::{HubVersion, Rejected};
use oms_store::orders::people::{NewAddress, NewCustomer};
use oms_store::orders::{NewLine, NewOrder};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::places::geography::Places;
use crate::{Result, orders};

/// Customers and addresses that the orders name only by pk.
#[derive(Default)]
pub(super) struct People {
    pub(super) customers: HashMap<i64, HubCustomer>,
    pub(super) addresses: HashMap<i64, HubAddress>,
}

/// What turning hub orders into ours needs to know.
pub(super) struct Context {
    pub(super) places: Arc<Places>,
    pub(super) channels: HashMap<i64, i64>,
    pub(super) products: HashMap<i64, i64>,
    /// Why records of products could not be read.
    pub(super) unreadable_products: HashMap<i64, String>,
    pub(super) people: People,
    pub(super) filter: OrderFiltering,
}

impl Context {
    pub(super) fn read(&self, order: &HubOrder, items: &[Record<HubItem>]) -> Result<NewOrder, Refusal> {
        let refuse = |field: &str, code, message: String| Refusal::invalid(field, code, message);
        let channel_id = *self.channels.get(&order.channel_pk).ok_or_else(|| {
            refuse(
                "channel",
                "unknown_channel",
                format!("The hub has no channel {} although the order is of it.", order.channel_pk),
            )
        })?;
        let mut lines = Vec::with_capacity(items.len());
        for item in items {
            let item = item.as_ref().map_err(|e| refuse("items", "unreadable_item", e.to_string()))?;
            if matches!(item.status, OrderStatus::Canceled | OrderStatus::Refunded) {
                continue;
            }
            lines.push(self.line(item)?);
        }
        if lines.len() > orders::MAX_LINES {
            return Err(refuse(
                "items",
                "too_many_lines",
                format!("The order has more than {} lines.", orders::MAX_LINES),
            ));
        }
        let order_type = order.order_type.as_deref().unwrap_or_default();
        let mut filtered_out = self.filter.filters_out(order.status, order.channel_pk, order_type);
        if lines.is_empty() && filtered_out.is_none() {
            filtered_out = Some("the order has no line that is not cancelled".into());
        }
        let customer = match &order.customer {
            Some(Ref::Full(c)) => customer(c),
            Some(Ref::Pk(pk)) => self.people.customers.get(pk).map(customer).unwrap_or_default(),
            None => NewCustomer::default(),
        };
        Ok(NewOrder {
            hub: Some((order.pk, version(order, items))),
            filtered_out,
            channel_id,
            number: order.number.clone(),
            hub_status: order.status.code(),
            placed_us: order.placed_us,
            customer,
            shipping_address: self.address(&order.shipping_address).unwrap_or_default(),
            billing_address: self.address(&order.billing_address),
            currency: order.currency.clone(),
            amount_minor: Some(order.amount_minor),
            shipping_amount_minor: Some(order.shipping_amount_minor),
            discount_amount_minor: Some(order.discount_amount_minor),
            shipping_option: order.shipping_option_slug.clone(),
            payment_option: order.payment_option_slug.clone(),
            delivery_type: order.delivery_type.clone(),
            delivery_range: (!order.delivery_range.is_null()).then(|| order.delivery_range.to_string()),
            cargo_company: order.cargo_company_pk,
            tracking_number: order.tracking_number.clone(),
            carrier_shipping_code: order.carrier_shipping_code.clone(),
            notes: order.notes.clone(),
            language_code: order.language_code.clone(),
            order_type: order.order_type.clone(),
            extra: order.extra_field.to_string(),
            lines,
        })
    }

    /// The record of an order that [`Context::read`] refuses.
    pub(super) fn rejected(
        &self,
        order: &HubOrder,
        items: &[Record<HubItem>],
        refusal: &Refusal,
    ) -> Rejected {
        let products = items.iter().flatten().map(|i| i.product_pk);
        Rejected {
            pk: order.pk,
            number: order.number.clone(),
            modified_us: Some(order.modified_us),
            reason: refusal.message.clone(),
            missing_product: products.into_iter().find(|pk| !self.products.contains_key(pk)),
        }
    }

    fn line(&self, item: &HubItem) -> Result<NewLine, Refusal> {
        let units = item
            .quantity
            .as_ref()
            .map_err(|e| Refusal::invalid("items", e.code(), format!("Item {}: {e}", item.pk)))?;
        let product_id = *self.products.get(&item.product_pk).ok_or_else(|| {
            let why = self.unreadable_products.get(&item.product_pk);
            let why = why.map_or("which the hub does not have".to_owned(), |why| {
                format!("which cannot be read: {why}")
            });
            let message = format!("Item {} names product {}, {why}.", item.pk, item.product_pk);
            Refusal::invalid("items", "unknown_product", message)
        })?;
        Ok(NewLine {
            omnitron_id: Some(item.pk),
            product_id,
            units: units.get(),
            price_minor: Some(item.price_minor),
            discount_minor: Some(item.discount_minor),
            retail_price_minor: item.retail_price_minor,
            currency: item.currency.clone(),
            tax_rate: Some(item.tax_rate.clone()),
            attributes: item.attributes.to_string(),
            hub_status: Some(item.status.code()),
            hub_fields: said(&item.others),
        })
    }

    fn address(&self, reference: &Option<Ref<HubAddress>>) -> Option<NewAddress> {
        match reference.as_ref()? {
            Ref::Full(a) => Some(self.places.address(a)),
            Ref::Pk(pk) => self.people.addresses.get(pk).map(|a| self.places.address(a)),
        }
    }
}

/// What else a record of the hub says, if anything.
pub(super) fn said(others: &Value) -> Option<String> {
    others.as_object().filter(|said| !said.is_empty()).map(|_| others.to_string())
}

fn customer(c: &HubCustomer) -> NewCustomer {
    NewCustomer {
        omnitron_id: Some(c.pk),
        first_name: c.first_name.clone(),
        last_name: c.last_name.clone(),
        email: c.email.clone(),
        phone: c.phone_number.clone(),
        customer_type: c.user_type.clone(),
    }
}

/// The version of a hub order: when it changed, and the digest of what it says without that time.
fn version(order: &HubOrder, items: &[Record<HubItem>]) -> HubVersion {
    let mut hash = Sha256::new();
    hash_without_time(&mut hash, &order.raw);
    for item in items {
        match item {
            Ok(item) => hash_without_time(&mut hash, &item.raw),
            Err(e) => hash.update(e.to_string()),
        }
    }
    HubVersion { modified_us: order.modified_us, content_hash: hash.finalize().into() }
}

fn hash_without_time(hash: &mut Sha256, record: &Value) {
    for (key, value) in record.as_object().into_iter().flatten().filter(|(key, _)| *key != "modified_date") {
        hash.update(key);
        hash.update([0]);
        hash.update(value.to_string());
        hash.update([0]);
    }
}
