//! What a program that runs a hub may do to it without HTTP: demos and tests of the OMS.

use axum::http::StatusCode;
use oms_core::money::format_minor;
use serde_json::{Value, json};

use super::Hub;
use super::cancellations::object;
use super::change::Then;
use super::kind::Kind;
use super::orders::touch;
use super::reply::Reply;
use super::world::Fields;

/// Why a call from inside was refused: the answer a caller over HTTP would have got.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the hub refused with {status}: {body}")]
pub struct Refused {
    pub status: u16,
    pub body: String,
}

impl From<Reply> for Refused {
    fn from(reply: Reply) -> Self {
        Self { status: reply.status.as_u16(), body: String::from_utf8_lossy(&reply.body).into_owned() }
    }
}

/// An order to make: who, and how many of which SKU at which price in minor units.
#[derive(Debug, Clone)]
pub struct NewOrder {
    pub number: String,
    pub channel: i64,
    /// Key of the customer and of the address both.
    pub customer: i64,
    pub lines: Vec<(String, i64, i64)>,
}

/// A change to an order nobody asked for over HTTP.
#[derive(Debug, Clone, Default)]
pub struct Touch {
    pub notes: Option<String>,
    /// Item key and its new count.
    pub quantity: Option<(i64, i64)>,
    /// Another price of an item, in minor units, and what the order comes to with it.
    pub price: Option<(i64, i64)>,
}

impl Hub {
    /// Makes an order, as a sales channel would, and gives its key.
    pub async fn create_order(&self, order: NewOrder) -> Result<i64, Refused> {
        let items = self.new_items(&order)?;
        let NewOrder { number, channel, customer, .. } = order;
        let head = json!({ "number": number, "customer": customer, "shipping_address": customer,
            "billing_address": customer });
        let reply =
            self.create_order_at(channel, object(json!({ "order": head, "order_item": items }))).await?;
        Ok(key_of(&reply))
    }

    fn new_items(&self, order: &NewOrder) -> Result<Vec<Value>, Refused> {
        let world = self.world();
        let item = |(sku, quantity, price): &(String, i64, i64)| {
            let product = world.base.product_by_sku.get(sku).copied();
            let product =
                product.ok_or_else(|| Reply::field("sku", format!("There is no product {sku}.")))?;
            let price = format_minor(*price);
            let attributes: Fields =
                [(world.base.quantity_key.clone(), quantity.to_string().into())].into_iter().collect();
            Ok(json!({ "product": product, "price": price, "attributes": attributes }))
        };
        order.lines.iter().map(item).collect()
    }

    /// Changes an order so that it shows up in the next poll, and tells the registered targets.
    pub async fn touch_order(&self, pk: i64, with: Touch) -> Result<(), Refused> {
        self.change(|draft| {
            draft.fields(Kind::Order, pk)?;
            if let Some(notes) = with.notes {
                draft.set(Kind::Order, pk, object(json!({ "notes": notes })))?;
            }
            if let Some((item, units)) = with.quantity {
                if !draft.items_of(pk).contains(&item) {
                    return Err(Reply::not_found());
                }
                let mut attributes =
                    draft.fields(Kind::OrderItem, item)?.remove("attributes").unwrap_or_default();
                attributes[&draft.world().base.quantity_key] = units.to_string().into();
                draft.set(Kind::OrderItem, item, object(json!({ "attributes": attributes })))?;
            }
            if let Some((item, price)) = with.price {
                if !draft.items_of(pk).contains(&item) {
                    return Err(Reply::not_found());
                }
                let key = draft.world().base.quantity_key.clone();
                let attributes =
                    draft.fields(Kind::OrderItem, item)?.remove("attributes").unwrap_or_default();
                let units: i64 = attributes[&key].as_str().and_then(|n| n.parse().ok()).unwrap_or(1);
                let (one, all) = (format_minor(price), format_minor(price * units));
                draft.set(Kind::OrderItem, item, object(json!({ "price": one })))?;
                draft.set(Kind::Order, pk, object(json!({ "amount": all })))?;
            }
            touch(draft, pk)?;
            Ok(Then::Say(Reply::none()))
        })
        .await?;
        Ok(())
    }

    /// Cancels a whole order, as its shopper would.
    pub async fn cancel_order(&self, pk: i64) -> Result<(), Refused> {
        self.cancel(pk, object(json!({ "is_all": true }))).await?;
        Ok(())
    }

    /// Patches an item, as the OMS would.
    pub async fn update_item(&self, pk: i64, patch: Value) -> Result<(), Refused> {
        self.patch_item(pk, object(patch)).await?;
        Ok(())
    }

    /// Gives a product other fields, as the brand's catalogue would.
    pub async fn update_product(&self, pk: i64, fields: Value) -> Result<(), Refused> {
        self.change(|draft| {
            draft.set(Kind::Product, pk, object(fields))?;
            Ok(Then::Say(Reply::none()))
        })
        .await?;
        Ok(())
    }

    /// Hides a product of the base, or shows it again: a catalogue that is behind its orders.
    pub async fn show_product(&self, pk: i64, is_shown: bool) -> Result<(), Refused> {
        self.change(|draft| {
            match is_shown {
                true => draft.bring_back(Kind::Product, pk),
                false => draft.delete(Kind::Product, pk)?,
            }
            Ok(Then::Say(Reply::none()))
        })
        .await?;
        Ok(())
    }

    /// The key of a SKU.
    pub fn product_of(&self, sku: &str) -> Option<i64> {
        self.world().base.product_by_sku.get(sku).copied()
    }

    /// Forgets every token: the next call of each client gets a `401`.
    pub async fn forget_tokens(&self) -> Result<(), Refused> {
        self.state.drop_tokens().await.map_err(|e| Self::broken(&e))?;
        self.access().clear();
        Ok(())
    }

    /// A record as the wire has it, flat; `None` when the path names none. For example `("orders", 1)`.
    pub fn record(&self, resource: &str, pk: i64) -> Option<Value> {
        let kind = Kind::from_name(resource)?;
        let world = self.world();
        world.exists(kind, pk).then(|| Value::Object(world.visit(kind, pk, false, super::world::IntoFields)))
    }

    /// How many orders the hub has now.
    pub fn order_count(&self) -> usize {
        self.world().keys(Kind::Order).len()
    }

    /// Keys of an order's items.
    pub fn items_of(&self, order: i64) -> Vec<i64> {
        self.world().items_of(order).collect()
    }
}

fn key_of(reply: &Reply) -> i64 {
    debug_assert_eq!(reply.status, StatusCode::CREATED);
    let value: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    value.get("pk").and_then(Value::as_i64).unwrap_or_default()
}
