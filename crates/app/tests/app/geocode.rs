//! Addresses without coordinates: asked of a geocoder over a real socket, kept, and placed at their town
//! when nobody knows or nobody answers.

use std::sync::Arc;

use crate::support::shop::Shop;
use crate::support::{SECOND_US, assert_sound, number};
use oms_app::orders;
use oms_app::setup::settings;
use oms_store::args;
use oms_testkit::Database;
use oms_world::geocoder::{self, Fault, GeocoderService};
use serde_json::json;
use tokio::net::TcpListener;

const KEY: &str = "the key of the map";

/// A shop with stock at L0 (where the sea is) and at L3, 30 km east, and a geocoder of a shape. The city
/// with id 900 lies at L0.
async fn shop(database: Database, shape: &str) -> (Shop, Arc<GeocoderService>) {
    let shop = Shop::open(database, 4).await;
    shop.rules(json!([{"name": "Near", "products": "units", "sort": [{"by": "distance"}]}])).await;
    shop.stock(&[("L0", "A", 50), ("L3", "A", 50)]).await;
    let mut tx = shop.app.store.begin().await.unwrap();
    tx.execute("INSERT INTO countries (id, name, code, is_active, created_us, modified_us) VALUES (900, 'Arda', 'ar', TRUE, 1, 1)", vec![]).await.unwrap();
    let city = "INSERT INTO cities (id, country_id, name, is_active, lat_udeg, lon_udeg, created_us, modified_us) \
                VALUES (900, 900, 'Port', TRUE, $1, $2, 1, 1)";
    tx.execute(city, args![41_000_000i64, 29_000_000i64]).await.unwrap();
    tx.commit().await.unwrap();
    let service = GeocoderService::new(KEY);
    service.put("east street", 41.0, 29.36);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{shape}/", listener.local_addr().unwrap());
    tokio::spawn(geocoder::serve(service.clone(), listener, std::future::pending()));
    let provider = json!({"provider": shape, "api_key": KEY, "url": url});
    settings::put(&shop.app, "test", "GEOCODE_PROVIDER_SETTINGS", &provider).await.unwrap();
    let discovery = json!({"enabled": true, "provider": shape, "api_key": KEY});
    settings::put(&shop.app, "test", "GEOLOCATION_DISCOVERY", &discovery).await.unwrap();
    (shop, service)
}

/// Takes and plans an order to an address without coordinates; tells where it is packed.
async fn packed_for(shop: &Shop, n: &str, line: &str, city: Option<i64>) -> String {
    let address = json!({"first_name": n, "line": line, "city": city});
    let order = json!({"number": n, "channel": 1, "date_placed": "2031-03-05T11:00:00Z",
        "lines": [{"sku": "A", "quantity": 1}], "shipping_address": address});
    let batch = orders::read_batch(&json!({"orders": [order]})).unwrap();
    let ids = orders::api_ids(&shop.app, &batch).await.unwrap();
    let actor = shop.app.actor("test").await.unwrap();
    let mut tx = shop.app.store.begin().await.unwrap();
    for answer in orders::take_api_batch(&mut tx, batch, ids, &actor).await.unwrap() {
        answer.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(crate::support::plan(&shop.app).await, 1, "an order waits for a geocoder");
    let sql = "SELECT l.erp_code FROM packages p JOIN locations l ON l.id = p.location_id JOIN orders o ON o.id = p.order_id \
               WHERE o.number = $1";
    crate::support::texts(&shop.app, sql, args![n]).await.pop().unwrap()
}

#[tokio::test]
async fn an_address_is_asked_for_once_and_then_known() {
    for shape in ["google", "yandex"] {
        for database in Database::each() {
            let (shop, service) = shop(database, shape).await;
            assert_eq!(packed_for(&shop, "G-1", "East Street 5", Some(900)).await, "L3");
            assert_eq!(service.requests(), 1, "{shape}");
            // Another person at the same address.
            assert_eq!(packed_for(&shop, "G-2", "East Street 5 ", Some(900)).await, "L3");
            assert_eq!(service.requests(), 1, "what was answered is kept");
            // What it does not know is at the town, and is not asked for again either.
            assert_eq!(packed_for(&shop, "G-3", "Nowhere 1", Some(900)).await, "L0");
            assert_eq!(packed_for(&shop, "G-4", "Nowhere 1", Some(900)).await, "L0");
            assert_eq!(service.requests(), 2);
            let kept = "SELECT COUNT(*) FROM geocodes WHERE found = TRUE";
            assert_eq!(number(&shop.app, kept).await, 1);
            shop.time.advance(200 * 24 * 3_600 * SECOND_US);
            packed_for(&shop, "G-5", "East Street 5", Some(900)).await;
            assert_eq!(service.requests(), 3, "an answer is not good for ever");
            assert_sound(&shop.app).await;
        }
    }
}

#[tokio::test]
async fn a_geocoder_that_fails_stops_no_order() {
    for database in Database::each() {
        let (shop, service) = shop(database, "google").await;
        for (i, fault) in
            [Fault::Status(500), Fault::Garbage, Fault::Slow(3_500), Fault::OverLimit].into_iter().enumerate()
        {
            service.misbehave(Some(fault));
            let n = format!("F-{i}");
            assert_eq!(packed_for(&shop, &n, "East Street 5", Some(900)).await, "L0", "{fault:?}");
        }
        // Over the limit: nobody asks for a minute, then all is well again.
        service.misbehave(None);
        let before = service.requests();
        assert_eq!(packed_for(&shop, "F-8", "East Street 5", Some(900)).await, "L0");
        assert_eq!(service.requests(), before);
        shop.time.advance(61 * SECOND_US);
        assert_eq!(packed_for(&shop, "F-9", "East Street 5", Some(900)).await, "L3");
        // Nobody knows where it is: the tie ends at erp_code.
        assert_eq!(packed_for(&shop, "F-10", "Somewhere", None).await, "L0");
        assert_sound(&shop.app).await;
    }
}

#[tokio::test]
async fn without_a_geocoders_settings_a_map_provider_measures_nothing() {
    let shop = Shop::open(Database::sqlite(), 4).await;
    shop.rules(json!([{"name": "Near", "products": "units", "sort": [{"by": "distance", "order": "desc"}]}]))
        .await;
    shop.stock(&[("L0", "A", 50), ("L3", "A", 50)]).await;
    let order = shop.planned("M-1", &[("A", 1)]).await;
    assert_eq!(shop.packages(order).await, ["P1 at L3: 100, A 1"], "the great circle needs no key");
    let discovery = json!({"enabled": true, "provider": "google", "api_key": KEY});
    settings::put(&shop.app, "test", "GEOLOCATION_DISCOVERY", &discovery).await.unwrap();
    let order = shop.planned("M-2", &[("A", 1)]).await;
    assert_eq!(shop.packages(order).await, ["P1 at L0: 100, A 1"], "both settings are needed");
}

#[tokio::test]
async fn five_failures_in_a_row_pause_and_a_wrong_key_too() {
    let (shop, service) = shop(Database::sqlite(), "yandex").await;
    service.misbehave(Some(Fault::Status(503)));
    for i in 0..7 {
        packed_for(&shop, &format!("P-{i}"), "East Street 5", Some(900)).await;
    }
    assert_eq!(service.requests(), 5);
    shop.time.advance(61 * SECOND_US);
    service.misbehave(None);
    let url = number(&shop.app, "SELECT id FROM settings WHERE key = 'GEOCODE_PROVIDER_SETTINGS'").await;
    let kept = settings::get(&shop.app, url).await.unwrap().value;
    let wrong = json!({"provider": "yandex", "api_key": "another", "url": kept["url"]});
    settings::put(&shop.app, "test", "GEOCODE_PROVIDER_SETTINGS", &wrong).await.unwrap();
    packed_for(&shop, "P-8", "East Street 5", Some(900)).await;
    packed_for(&shop, "P-9", "East Street 5", Some(900)).await;
    assert_eq!(service.requests(), 6, "a key that is refused is not shown again for a while");
}
