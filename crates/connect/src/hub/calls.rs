//! The named reads and writes of the hub.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use futures::{StreamExt, TryStreamExt, stream};
use oms_core::time::format_us;
use reqwest::Method;
use serde_json::{Value, json};

use super::geography::{HubChannel, HubCity, HubCountry, HubDistrict, HubStore, HubTownship};
use super::lists::{Page, Progress, check_length, joined};
use super::orders::{HubItem, HubOrder};
use super::people::{HubAddress, HubCustomer};
use super::products::HubProduct;
use super::webhooks::HubWebhook;
use super::wire::{Fields, HubRecord, Record};
use super::{HubClient, HubError};

/// Orders whose items are asked for in one request.
pub const ORDERS_PER_ITEM_REQUEST: usize = 100;
/// Items in one page: half a kilobyte each.
pub const ITEMS_PER_PAGE: u32 = 2000;
/// Single reads under way at once when the hub cannot be asked for several orders' items.
const SINGLE_READS: usize = 4;

/// The items of each order asked for; an order without items has an empty list.
pub type ItemsByOrder = HashMap<i64, Vec<Record<HubItem>>>;

impl HubClient {
    /// The user our token belongs to: proves that address, user and password are right.
    pub async fn active_user(&self) -> Result<Value, HubError> {
        self.call(Method::GET, "active_user/", &[], None).await
    }

    /// All countries.
    pub async fn countries(
        &self,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<HubCountry>>, HubError> {
        self.read_all(progress).await
    }

    /// All cities.
    pub async fn cities(
        &self,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<HubCity>>, HubError> {
        self.read_all(progress).await
    }

    /// All townships.
    pub async fn townships(
        &self,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<HubTownship>>, HubError> {
        self.read_all(progress).await
    }

    /// All districts.
    pub async fn districts(
        &self,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<HubDistrict>>, HubError> {
        self.read_all(progress).await
    }

    /// All sales channels.
    pub async fn channels(
        &self,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<HubChannel>>, HubError> {
        self.read_all(progress).await
    }

    /// All stores and warehouses.
    pub async fn stores(
        &self,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<HubStore>>, HubError> {
        self.read_all(progress).await
    }

    /// One page of the orders changed at or after a time, oldest change first.
    pub async fn orders_modified_since(
        &self,
        since_us: i64,
        page: u32,
        limit: u32,
    ) -> Result<Page<Record<HubOrder>>, HubError> {
        let since = format_us(since_us);
        let query = [("sort", "modified_date"), ("modified_date__gte", since.as_str())];
        let found = self.list_page(HubOrder::PATH, &query, page, limit).await?;
        Ok(found.map(|value| HubOrder::read(&value)))
    }

    /// The orders with these keys; those the hub does not have are not among them.
    pub async fn orders_by_pk(&self, pks: &[i64]) -> Result<Vec<Record<HubOrder>>, HubError> {
        self.read_by_pk(pks).await
    }

    /// The customers with these keys.
    pub async fn customers_by_pk(&self, pks: &[i64]) -> Result<Vec<Record<HubCustomer>>, HubError> {
        self.read_by_pk(pks).await
    }

    /// The addresses with these keys.
    pub async fn addresses_by_pk(&self, pks: &[i64]) -> Result<Vec<Record<HubAddress>>, HubError> {
        self.read_by_pk(pks).await
    }

    /// The products with these keys.
    pub async fn products_by_pk(&self, pks: &[i64]) -> Result<Vec<Record<HubProduct>>, HubError> {
        self.read_by_pk(pks).await
    }

    /// The items of these orders. A hub that cannot be asked for several orders at once is found out
    /// by its answer, and asked for one order at a time as long as this client lives.
    pub async fn order_items(&self, orders: &[i64], quantity_key: &str) -> Result<ItemsByOrder, HubError> {
        let mut wanted = orders.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut all = ItemsByOrder::with_capacity(wanted.len());
        for chunk in wanted.chunks(ORDERS_PER_ITEM_REQUEST) {
            let together = if chunk.len() == 1 || self.filters.ignores_order_in.load(Ordering::Relaxed) {
                None
            } else {
                self.items_together(chunk, quantity_key).await?
            };
            match together {
                Some(items) => all.extend(items),
                None => all.extend(self.items_singly(chunk, quantity_key).await?),
            }
        }
        Ok(all)
    }

    /// `None` when the answer cannot be divided among the orders.
    async fn items_together(
        &self,
        orders: &[i64],
        quantity_key: &str,
    ) -> Result<Option<ItemsByOrder>, HubError> {
        let list = joined(orders);
        let query = [("order__in", list.as_str()), ("sort", "pk")];
        let wanted: HashSet<i64> = orders.iter().copied().collect();
        let mut items: ItemsByOrder = orders.iter().map(|pk| (*pk, Vec::new())).collect();
        let (mut done, mut page_number) = (0u64, 1u32);
        loop {
            let page = self.list_page("order_items/", &query, page_number, ITEMS_PER_PAGE).await?;
            done += page.results.len() as u64;
            for value in &page.results {
                match order_of(value) {
                    Some(order) if wanted.contains(&order) => {
                        items.entry(order).or_default().push(HubItem::read(value, quantity_key));
                    }
                    Some(_) => {
                        tracing::warn!(
                            "the hub ignores order__in; items are read order by order from now on"
                        );
                        self.filters.ignores_order_in.store(true, Ordering::Relaxed);
                        return Ok(None);
                    }
                    // Whose item this is cannot be said: ask in a way that does.
                    None => return Ok(None),
                }
            }
            if !page.next {
                return check_length("order_items/", page.count, done).map(|()| Some(items));
            }
            if page.results.is_empty() || page_number == super::lists::MAX_PAGES {
                return Err(HubError::Truncated);
            }
            page_number += 1;
        }
    }

    async fn items_singly(&self, orders: &[i64], quantity_key: &str) -> Result<ItemsByOrder, HubError> {
        let read_one = |order: i64| async move {
            let pk = order.to_string();
            let query = [("order", pk.as_str()), ("sort", "pk")];
            let mut items = Vec::new();
            let mut foreign = false;
            // An answer with foreign items is of the whole hub: one page is enough to know.
            let first = self.list_page("order_items/", &query, 1, ITEMS_PER_PAGE).await?;
            let is_foreign = |value: &Value| order_of(value).is_some_and(|of| of != order);
            foreign |= first.results.iter().any(is_foreign);
            if !foreign && !first.next && first.results.len() as u64 >= first.count {
                items.extend(first.results.iter().map(|value| HubItem::read(value, quantity_key)));
            } else if !foreign {
                self.walk("order_items/", &query, ITEMS_PER_PAGE, |page, _| {
                    foreign |= page.iter().any(is_foreign);
                    items.extend(page.iter().map(|value| HubItem::read(value, quantity_key)));
                })
                .await?;
            }
            if foreign {
                let what = format!("it was asked for the items of order {order} and gave those of others");
                return Err(HubError::WrongShape { path: "order_items/".to_owned(), what });
            }
            Ok((order, items))
        };
        stream::iter(orders.iter().copied()).map(read_one).buffered(SINGLE_READS).try_collect().await
    }

    /// The webhooks registered at the hub.
    pub async fn list_webhooks(&self) -> Result<Vec<Record<HubWebhook>>, HubError> {
        self.read_all(|_| {}).await
    }

    /// Switches a registered webhook on or off.
    pub async fn switch_webhook(&self, pk: i64, is_active: bool) -> Result<Record<HubWebhook>, HubError> {
        let path = format!("{}{pk}/", HubWebhook::PATH);
        let answer = self.call(Method::PATCH, &path, &[], Some(json!({"is_active": is_active}))).await?;
        Ok(HubWebhook::read(&answer))
    }

    /// Registers a webhook. The headers are sent along with every call of the hub, which signs them where there is a secret.
    pub async fn register_webhook(
        &self,
        event_type: &str,
        target_url: &str,
        additional_headers: &[(String, String)],
        secret_key: Option<&str>,
    ) -> Result<Record<HubWebhook>, HubError> {
        let headers: HashMap<&str, &str> =
            additional_headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = json!({
            "event_type": event_type,
            "target_url": target_url,
            "is_active": true,
            "additional_headers": headers,
            "secret_key": secret_key,
        });
        let answer = self.call(Method::POST, HubWebhook::PATH, &[], Some(body)).await?;
        Ok(HubWebhook::read(&answer))
    }
}

fn order_of(value: &Value) -> Option<i64> {
    Fields::of(value).ok()?.reference("order").ok().flatten()
}
