//! A shop without a hub: locations on a line, stock as stated, orders taken as the API takes them.

use std::sync::Arc;

use oms_app::packages::commands::{self, Outcome};
use oms_app::places::locations;
use oms_app::rules::{denial_reasons, scenarios};
use oms_app::setup::settings;
use oms_app::stock::stocks;
use oms_app::upkeep::idempotency::Answer;
use oms_app::{App, orders, planning};
use oms_core::commands::Entity;
use oms_core::commands::input::Body;
use oms_core::geo::Point;
use oms_core::locations::LocationKind;
use oms_core::refusal::Refusal;
use oms_core::scenarios::Family;
use oms_store::ids::IdKind;
use oms_store::places::channels;
use oms_testkit::Database;
use serde_json::{Value, json};

use super::{Time, node};

/// How tests see a refusal: its code and its text.
pub fn refusal_text(refusal: &Refusal) -> Answer {
    Answer { status: 400, body: format!("{} {}", refusal.code, refusal.message) }
}

pub struct Shop {
    pub app: Arc<App>,
    pub time: Time,
    pub database: Database,
}

impl Shop {
    /// Locations `L0`, `L1`, …, each ten kilometres further east; orders go to where `L0` is.
    pub async fn open(database: Database, places: usize) -> Self {
        let time = Time::new();
        let app = node(&database.url, &time).await;
        settings::put(
            &app,
            "test",
            "GEOLOCATION_DISCOVERY",
            &json!({"enabled": true, "provider": "haversine"}),
        )
        .await
        .unwrap();
        let channel = channels::NewChannel {
            id: app.store.take_id(IdKind::Channel).await.unwrap(),
            omnitron_id: Some(1),
            name: "Web".into(),
            channel_type: "web".into(),
            configuration: "{}".into(),
            is_active: true,
        };
        let mut tx = app.store.begin().await.unwrap();
        channels::upsert(&mut tx, &[channel], app.now_us()).await.unwrap();
        tx.commit().await.unwrap();
        let shop = Self { app, time, database };
        for i in 0..places {
            shop.location(&format!("L{i}"), |p| {
                p.address.point = Point::from_degrees(41.0, 29.0 + i as f64 * 0.12)
            })
            .await;
        }
        shop
    }

    pub async fn location(
        &self,
        erp_code: &str,
        with: impl FnOnce(&mut oms_store::places::locations::Properties),
    ) {
        let mut p = locations::blank(erp_code, erp_code, LocationKind::Store);
        with(&mut p);
        let (ids, actor) = (locations::ids(&self.app).await.unwrap(), self.app.actor("test").await.unwrap());
        let mut tx = self.app.store.begin().await.unwrap();
        locations::create(&mut tx, ids, &actor, &p).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn stock(&self, rows: &[(&str, &str, i64)]) {
        let row = |&(erp_code, sku, on_hand): &(&str, &str, i64)| stocks::StockRow {
            erp_code: erp_code.into(),
            sku: sku.into(),
            on_hand,
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        let ids = stocks::ids(&self.app, rows.len()).await.unwrap();
        let actor = self.app.actor("test").await.unwrap();
        let mut tx = self.app.store.begin().await.unwrap();
        stocks::set(&mut tx, ids, &actor, &rows).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Puts a distribution scenario with these rules and `L0` as default location.
    pub async fn rules(&self, rules: Value) {
        let body = json!({"name": "Shop", "default_stock_location": "L0", "rules": rules});
        scenarios::put(&self.app, "test", &body).await.unwrap();
    }

    /// Puts a transfer scenario with these rules.
    pub async fn transfer_rules(&self, rules: Value) {
        let body = json!({"name": "Transfers", "rules": rules});
        let sent = scenarios::Sent { family: Family::Transfer, body: &body, comment: "" };
        scenarios::put_sent(&self.app, "test", sent).await.unwrap();
    }

    /// Takes an order of these SKUs and units; returns its id.
    pub async fn order(&self, number: &str, lines: &[(&str, i64)]) -> i64 {
        self.order_of(number, lines, None).await
    }

    /// The same with a delivery type.
    pub async fn order_of(&self, number: &str, lines: &[(&str, i64)], delivery_type: Option<&str>) -> i64 {
        let lines: Vec<Value> =
            lines.iter().map(|(sku, n)| json!({"sku": sku, "quantity": n, "price": "10.00"})).collect();
        let body = json!({"orders": [{"number": number, "channel": 1, "date_placed": "2031-03-05T11:00:00Z",
            "lines": lines, "delivery_type": delivery_type, "shipping_address": {"line": "Here 1", "latitude": 41.0, "longitude": 29.0}}]});
        let batch = orders::read_batch(&body).unwrap();
        let ids = orders::api_ids(&self.app, &batch).await.unwrap();
        let actor = self.app.actor("test").await.unwrap();
        let mut tx = self.app.store.begin().await.unwrap();
        for answer in orders::take_api_batch(&mut tx, batch, ids, &actor).await.unwrap() {
            answer.unwrap();
        }
        tx.commit().await.unwrap();
        let sql = "SELECT id FROM orders WHERE number = $1";
        self.app.store.read().await.unwrap().scalar(sql, oms_store::args![number]).await.unwrap()
    }

    /// Takes an order and plans it.
    pub async fn planned(&self, number: &str, lines: &[(&str, i64)]) -> i64 {
        let order = self.order(number, lines).await;
        super::plan(&self.app).await;
        order
    }

    /// Runs a command of a package by slug; the status and, if it was refused, the code and text.
    pub async fn command(&self, package: i64, slug: &str, input: Value) -> (u16, String) {
        self.send(Entity::Package, package, json!({"slug": slug, "input_parameters": input})).await
    }

    /// Runs a command of a transfer by slug.
    pub async fn transfer(&self, transfer: i64, slug: &str, input: Value) -> (u16, String) {
        self.send(Entity::Transfer, transfer, json!({"slug": slug, "input_parameters": input})).await
    }

    /// Sends a command's body as it is.
    pub async fn send(&self, entity: Entity, id: i64, body: Value) -> (u16, String) {
        let request = match Body::read(entity, id, &body) {
            Ok(body) => commands::Request { entity, id, body, actor: "test".into(), key: None },
            Err(refusal) => return (400, format!("{} {}", refusal.code, refusal.message)),
        };
        let mut done = commands::run(&self.app, vec![request], false, refusal_text).await;
        match done.remove(0).unwrap() {
            Outcome::Answered(answer) => (answer.status, answer.body),
            Outcome::Outside(id) => {
                let answer = commands::outside::run(&self.app, id, refusal_text).await.unwrap();
                (answer.status, answer.body)
            }
        }
    }

    /// The ids of the order's packages that are not cancelled, in the order they were made.
    pub async fn package_ids(&self, order: i64) -> Vec<i64> {
        let sql = "SELECT id FROM packages WHERE order_id = $1 AND state <> 900 ORDER BY n";
        let rows = self.app.store.read().await.unwrap().fetch(sql, oms_store::args![order]).await.unwrap();
        rows.iter().map(|r| r.i64(0).unwrap()).collect()
    }

    /// The ids of a package's items.
    pub async fn item_ids(&self, package: i64) -> Vec<i64> {
        let sql = "SELECT id FROM package_items WHERE package_id = $1 ORDER BY id";
        let rows = self.app.store.read().await.unwrap().fetch(sql, oms_store::args![package]).await.unwrap();
        rows.iter().map(|r| r.i64(0).unwrap()).collect()
    }

    /// On hand, reserved and quarantined units of a SKU at a location.
    pub async fn balance(&self, erp_code: &str, sku: &str) -> (i64, i64, i64) {
        let sql = "SELECT s.on_hand, s.reserved, s.quarantined FROM stocks s JOIN locations l ON l.id = s.location_id \
                   JOIN products p ON p.id = s.product_id WHERE l.erp_code = $1 AND p.sku = $2";
        let args = oms_store::args![erp_code, sku];
        let row = self.app.store.read().await.unwrap().first(sql, args).await.unwrap().unwrap();
        (row.i64(0).unwrap(), row.i64(1).unwrap(), row.i64(2).unwrap())
    }

    /// A reason for refusing; returns its id.
    pub async fn denial_reason(&self, body: Value) -> i64 {
        let (ids, actor) =
            (denial_reasons::ids(&self.app).await.unwrap(), self.app.actor("test").await.unwrap());
        let mut tx = self.app.store.begin().await.unwrap();
        let made = denial_reasons::create(&mut tx, &actor, ids, &body).await.unwrap();
        tx.commit().await.unwrap();
        made.id
    }

    /// Plans packages anew that are out of stock; returns how many were looked at.
    pub async fn replan(&self) -> usize {
        planning::replan_tick(&self.app, planning::BATCH).await.unwrap().claimed
    }

    /// The order's packages: `P1 at L0: 300, A 2, B 1` and the like, those that were cancelled left out.
    pub async fn packages(&self, order: i64) -> Vec<String> {
        let sql = "SELECT 'P' || p.n || ' at ' || l.erp_code || ': ' || p.state || (SELECT string_agg(x.t, '') FROM \
                   (SELECT ', ' || d.sku || ' ' || i.quantity t FROM package_items i JOIN products d ON d.id = i.product_id \
                   WHERE i.package_id = p.id ORDER BY d.sku) x) FROM packages p JOIN locations l ON l.id = p.location_id \
                   WHERE p.order_id = $1 AND p.state <> 900 ORDER BY p.n";
        super::texts(&self.app, sql, oms_store::args![order]).await
    }

    /// The order's transfers: `T1 from L2: waiting, A 1` and the like, with their ids.
    pub async fn transfers(&self, order: i64) -> Vec<(i64, String)> {
        let sql = "SELECT t.id, 'T' || t.n || ' from ' || l.erp_code || ': ' || t.state || (SELECT string_agg(x.t, '') FROM \
                   (SELECT ', ' || d.sku || ' ' || i.quantity t FROM transfer_items i JOIN products d ON d.id = i.product_id \
                   WHERE i.transfer_id = t.id ORDER BY d.sku) x) FROM transfers t JOIN locations l ON l.id = t.from_location_id \
                   JOIN packages p ON p.id = t.package_id WHERE p.order_id = $1 ORDER BY t.n";
        let rows = self.app.store.read().await.unwrap().fetch(sql, oms_store::args![order]).await.unwrap();
        let read = |row: &oms_store::Row| {
            let mut c = row.cols();
            (c.i64().unwrap(), c.text().unwrap())
        };
        rows.iter().map(read).collect()
    }
}
