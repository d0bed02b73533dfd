//! Taking orders: the one path that hub orders and API orders share.

pub mod cancellations;
pub mod hub_records;
pub mod intake;

use oms_core::refusal::Refusal;
use oms_core::{codes, money, quantity::Units, time};
use oms_store::Tx;
use oms_store::access::logs::{self, Actor};
use oms_store::ids::IdKind;
use oms_store::orders::people::{NewAddress, NewCustomer};
use oms_store::orders::{self as store, AcceptIds, Accepted, NewLine, NewOrder};
use oms_store::places::channels;
use serde_json::Value;

use crate::setup::settings;
use crate::stock::stocks;
use crate::{App, Result, views};

/// Of orders that name no currency, where the regional settings have none either.
const CURRENCY: &str = "try";

/// The most orders one call may bring.
pub const MAX_ORDERS: usize = 256;
/// The most lines one order may have: far above any basket, and a bound on one transaction.
pub const MAX_LINES: usize = 1_000;

/// Takes the ids a batch may need.
pub(crate) async fn ids(app: &App, orders: &[NewOrder]) -> Result<AcceptIds> {
    let (orders, items, customers, addresses, rows) = store::ids_needed(orders);
    Ok(AcceptIds {
        orders: app.store.take_ids(IdKind::Order, orders).await?,
        items: app.store.take_ids(IdKind::OrderItem, items).await?,
        customers: app.store.take_ids(IdKind::Customer, customers).await?,
        addresses: app.store.take_ids(IdKind::Address, addresses).await?,
        rows: app.store.take_ids(IdKind::Row, rows).await?,
    })
}

/// Orders of the API, read and checked, before their channel and products are known.
pub struct ApiBatch {
    orders: Vec<Result<ApiOrder, Refusal>>,
}

struct ApiOrder {
    channel: i64,
    skus: Vec<String>,
    order: NewOrder,
}

/// Reads the body `{"orders": [...]}`. The batch as a whole is refused only for its size or shape.
pub fn read_batch(body: &Value) -> Result<ApiBatch, Refusal> {
    let Some(list) = body.get("orders").and_then(Value::as_array) else {
        return Err(Refusal::invalid("orders", "required", "A list of orders is expected under \"orders\"."));
    };
    if list.is_empty() || list.len() > MAX_ORDERS {
        return Err(Refusal::invalid(
            "orders",
            "invalid",
            format!("1 to {MAX_ORDERS} orders a call are taken."),
        ));
    }
    Ok(ApiBatch { orders: list.iter().map(read_order).collect() })
}

impl ApiBatch {
    /// Why the first order that is refused is, if one is.
    pub fn refused(&self) -> Option<&Refusal> {
        self.orders.iter().find_map(|o| o.as_ref().err())
    }
}

/// Ids for a batch of the API, taken before its transaction.
pub struct ApiIds {
    accept: AcceptIds,
    products: std::ops::RangeFrom<i64>,
}

/// Takes them.
pub async fn api_ids(app: &App, batch: &ApiBatch) -> Result<ApiIds> {
    let orders: Vec<NewOrder> = batch.orders.iter().flatten().map(|o| o.order.clone()).collect();
    let skus = batch.orders.iter().flatten().map(|o| o.skus.len()).sum();
    Ok(ApiIds {
        accept: ids(app, &orders).await?,
        products: app.store.take_ids(IdKind::Product, skus).await?,
    })
}

/// Takes a batch of the API: an answer an order, in order.
pub async fn take_api_batch(
    tx: &mut Tx,
    batch: ApiBatch,
    ids: ApiIds,
    actor: &Actor,
) -> Result<Vec<Result<Accepted, Refusal>>> {
    let ApiIds { mut accept, products: mut product_ids } = ids;
    let channels = channels::all(tx).await?;
    let regions = settings::regions(tx).await?;
    let good = batch.orders.iter().flatten();
    let skus = good.flat_map(|o| &o.skus).map(String::as_str);
    let products = stocks::products_of(tx, skus, &mut product_ids, actor.at_us).await?;
    let addresses = |o: &ApiOrder| [Some(o.order.shipping_address.clone()), o.order.billing_address.clone()];
    let addresses: Vec<_> = batch.orders.iter().flatten().flat_map(addresses).flatten().collect();
    let places = views::Places::of(tx, addresses.iter()).await?;
    let complete = |o: ApiOrder| {
        views::refuse_unknown_places(&places, "shipping_address", &o.order.shipping_address)?;
        if let Some(billing) = &o.order.billing_address {
            views::refuse_unknown_places(&places, "billing_address", billing)?;
        }
        let found = channels
            .iter()
            .find(|c| c.id == o.channel)
            .or(channels.iter().find(|c| c.omnitron_id == Some(o.channel)));
        let channel = found.ok_or_else(|| {
            Refusal::invalid(
                "channel",
                "not_found",
                format!("There is no channel {}; run the channels setup step.", o.channel),
            )
        })?;
        let mut order = o.order;
        order.channel_id = channel.id;
        let region = regions.channel(channel.id);
        if order.currency.is_empty() {
            order.currency = region.currency.unwrap_or_else(|| CURRENCY.into());
        }
        order.language_code = order.language_code.take().or(region.language);
        order.lines.iter_mut().zip(&o.skus).for_each(|(line, sku)| line.product_id = products[sku]);
        Ok(order)
    };
    let orders: Vec<Result<NewOrder, Refusal>> =
        batch.orders.into_iter().map(|o| o.and_then(complete)).collect();
    let new: Vec<NewOrder> = orders.iter().flatten().cloned().collect();
    logs::record_command(tx, actor, "orders.accept").await?;
    let mut answers = store::accept(tx, &new, &mut accept, actor).await?.into_iter();
    let one = |o: Result<NewOrder, Refusal>| match o {
        Ok(_) => match answers.next().expect("an answer an order") {
            Accepted::Rejected(refusal) => Err(refusal),
            accepted => Ok(accepted),
        },
        Err(refusal) => Err(refusal),
    };
    Ok(orders.into_iter().map(one).collect())
}

fn read_order(value: &Value) -> Result<ApiOrder, Refusal> {
    let fields = Fields::of(value, "")?;
    fields.refuse_unknown(&[
        "number",
        "channel",
        "date_placed",
        "currency",
        "amount",
        "shipping_amount",
        "discount_amount",
        "shipping_option_slug",
        "payment_option_slug",
        "delivery_type",
        "notes",
        "language_code",
        "order_type",
        "customer",
        "shipping_address",
        "billing_address",
        "lines",
    ])?;
    let number = fields.code("number", 128)?.ok_or_else(|| required("number"))?;
    let channel = fields.id("channel")?.ok_or_else(|| required("channel"))?;
    let placed = fields.text("date_placed", 40)?.ok_or_else(|| required("date_placed"))?;
    let placed_us = time::parse_us(&placed).map_err(|e| wrong("date_placed", e.to_string()))?;
    let lines = value
        .get("lines")
        .and_then(Value::as_array)
        .filter(|l| !l.is_empty())
        .ok_or_else(|| required("lines"))?;
    if lines.len() > MAX_LINES {
        return Err(wrong("lines", format!("An order has at most {MAX_LINES} lines.")));
    }
    let read: Vec<_> = lines.iter().enumerate().map(|(i, line)| read_line(i, line)).collect();
    Refusal::of_all(read.iter().filter_map(|line| line.as_ref().err().cloned()))?;
    let (skus, lines) = read.into_iter().flatten().unzip();
    let nobody = Value::Object(serde_json::Map::new());
    let customer = value.get("customer").filter(|c| !c.is_null()).unwrap_or(&nobody);
    let customer = Fields::of(customer, "customer")?;
    customer.refuse_unknown(&["first_name", "last_name", "email", "phone_number", "customer_type"])?;
    let address = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => read_address(name, v).map(Some),
    };
    let currency = fields.text("currency", 3)?.map(|c| c.to_lowercase());
    let order = NewOrder {
        hub: None,
        filtered_out: None,
        channel_id: channel,
        number,
        hub_status: 400,
        placed_us,
        customer: NewCustomer {
            omnitron_id: None,
            first_name: customer.text("first_name", 255)?,
            last_name: customer.text("last_name", 255)?,
            email: customer.text("email", 254)?,
            phone: customer.text("phone_number", 128)?,
            customer_type: customer.text("customer_type", 64)?,
        },
        shipping_address: address("shipping_address")?.ok_or_else(|| required("shipping_address"))?,
        billing_address: address("billing_address")?,
        currency: currency.unwrap_or_default(),
        amount_minor: fields.money("amount")?,
        shipping_amount_minor: fields.money("shipping_amount")?,
        discount_amount_minor: fields.money("discount_amount")?,
        shipping_option: fields.text("shipping_option_slug", 128)?,
        payment_option: fields.text("payment_option_slug", 128)?,
        delivery_type: fields.text("delivery_type", 64)?,
        delivery_range: None,
        cargo_company: None,
        tracking_number: None,
        carrier_shipping_code: None,
        notes: fields.text("notes", 320)?,
        language_code: fields.text("language_code", 16)?,
        order_type: fields.text("order_type", 64)?,
        extra: "{}".into(),
        lines,
    };
    Ok(ApiOrder { channel, skus, order })
}

fn read_line(i: usize, value: &Value) -> Result<(String, NewLine), Refusal> {
    let fields = Fields::of(value, &format!("lines[{i}]"))?;
    fields.refuse_unknown(&["sku", "quantity", "price", "discount_amount", "tax_rate"])?;
    let at = |field: &str| fields.path(field);
    let sku = fields.code("sku", 255)?.ok_or_else(|| required(&at("sku")))?;
    let quantity = value.get("quantity").ok_or_else(|| required(&at("quantity")))?;
    let units =
        Units::from_json(quantity).map_err(|e| Refusal::invalid(at("quantity"), e.code(), e.to_string()))?;
    let line = NewLine {
        omnitron_id: None,
        product_id: 0,
        units: units.get(),
        price_minor: fields.money("price")?,
        discount_minor: fields.money("discount_amount")?,
        retail_price_minor: None,
        currency: None,
        tax_rate: fields.text("tax_rate", 16)?,
        attributes: "{}".into(),
        hub_status: None,
        hub_fields: None,
    };
    Ok((sku, line))
}

fn read_address(at: &str, value: &Value) -> Result<NewAddress, Refusal> {
    let fields = Fields::of(value, at)?;
    fields.refuse_unknown(&[
        "first_name",
        "last_name",
        "phone_number",
        "email",
        "country",
        "city",
        "township",
        "district",
        "line",
        "postcode",
        "notes",
        "company_name",
        "latitude",
        "longitude",
    ])?;
    let point = match (fields.degrees("latitude")?, fields.degrees("longitude")?) {
        (Some(lat), Some(lon)) => Some(
            oms_core::geo::Point::from_degrees(lat, lon)
                .ok_or_else(|| wrong(at, "latitude is -90 to 90 and longitude -180 to 180 degrees."))?,
        ),
        (None, None) => None,
        _ => return Err(wrong(at, "latitude and longitude come together or not at all.")),
    };
    Ok(NewAddress {
        first_name: fields.text("first_name", 255)?,
        last_name: fields.text("last_name", 255)?,
        phone: fields.text("phone_number", 128)?,
        email: fields.text("email", 254)?,
        country_id: fields.id("country")?,
        city_id: fields.id("city")?,
        township_id: fields.id("township")?,
        district_id: fields.id("district")?,
        line: fields.text("line", 255)?,
        postcode: fields.text("postcode", 64)?,
        notes: fields.text("notes", 512)?,
        company_name: fields.text("company_name", 255)?,
        point,
        ..NewAddress::default()
    })
}

fn required(field: &str) -> Refusal {
    Refusal::invalid(field, "required", format!("{field} is required."))
}

fn wrong(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(field, "invalid", message)
}

/// The fields of a JSON object from outside, and where it stands.
struct Fields<'a> {
    map: &'a serde_json::Map<String, Value>,
    at: String,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value, at: &str) -> Result<Self, Refusal> {
        let field = if at.is_empty() { "non_field_errors" } else { at };
        let map = value.as_object().ok_or_else(|| wrong(field, "An object is expected."))?;
        Ok(Self { map, at: at.to_owned() })
    }

    fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    fn wrong(&self, name: &str, message: impl Into<String>) -> Refusal {
        wrong(&self.path(name), message)
    }

    /// The value under a name; `null` counts as missing.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|v| !v.is_null())
    }

    fn refuse_unknown(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.map.keys().find(|k| !known.contains(&k.as_str())) {
            Some(unknown) => {
                let message = format!("{unknown:?} is not known here. Known: {}.", known.join(", "));
                Err(self.wrong(unknown, message))
            }
            None => Ok(()),
        }
    }

    fn text(&self, name: &str, max_chars: usize) -> Result<Option<String>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(s)) if s.trim().is_empty() => Ok(None),
            Some(Value::String(s)) if s.chars().count() > max_chars => {
                Err(self.wrong(name, format!("{name} has at most {max_chars} characters.")))
            }
            Some(Value::String(s)) if s.contains('\0') => {
                Err(self.wrong(name, format!("{name} holds a NUL character.")))
            }
            Some(Value::String(s)) => Ok(Some(s.trim().to_owned())),
            // Taken digit for digit, or not at all: a postcode is a code too.
            Some(Value::Number(n)) => codes::number(n).map(Some).map_err(|e| self.wrong(name, e.to_string())),
            Some(_) => Err(self.wrong(name, format!("{name} is text."))),
        }
    }

    /// A text that names a thing: nothing in it is unseen.
    fn code(&self, name: &str, max_chars: usize) -> Result<Option<String>, Refusal> {
        let code = self.text(name, max_chars)?;
        code.as_deref()
            .map(codes::clean)
            .transpose()
            .map_err(|e| self.wrong(name, format!("{name}: {e}.")))?;
        Ok(code)
    }

    fn id(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let id =
            |v: &Value| v.as_i64().ok_or_else(|| self.wrong(name, format!("{name} is the id of a {name}.")));
        self.get(name).map(id).transpose()
    }

    fn degrees(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let degrees = |v: &Value| v.as_f64().or_else(|| v.as_str()?.trim().parse().ok());
        let read =
            |v: &Value| degrees(v).ok_or_else(|| self.wrong(name, format!("{name} is a number of degrees.")));
        self.get(name).map(read).transpose()
    }

    fn money(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let value = self.get(name).unwrap_or(&Value::Null);
        money::from_json(value).map_err(|e| self.wrong(name, e.to_string()))
    }
}
