//! Time zone, currency and language by brand, channel, location and person (`MULTI_REGIONAL_SETTINGS`).

use oms_app::setup::settings;
use serde_json::{Value, json};

use crate::commands::shop;
use crate::support::{OMS, Server, on_each};

async fn put(s: &Server, value: &Value) -> Result<(), oms_app::Error> {
    settings::put(&s.app, "test", "MULTI_REGIONAL_SETTINGS", value).await
}

#[tokio::test]
async fn what_nobody_said_is_as_the_channel_has_it_and_then_the_brand() {
    on_each(|s| async move {
        shop(&s, 1).await;
        let channel = s.get(&format!("{OMS}/channels/")).await.is(200).json()["results"][0]["id"].as_i64().unwrap();
        let order = async |number: &str, more: Value| {
            let mut order = json!({"number": number, "channel": channel, "date_placed": "2031-03-04T22:15:27Z",
                "shipping_address": {"line": "Street 1"}, "lines": [{"sku": "A", "quantity": 1, "price": "1.00"}]});
            more.as_object().unwrap().iter().for_each(|(k, v)| order[k] = v.clone());
            s.post(&format!("{OMS}/orders/"), &json!({"orders": [order]})).await.is(200);
            let found = s.get(&format!("{OMS}/orders/?number={number}")).await.is(200).json()["results"][0].clone();
            (found["id"].as_i64().unwrap(), found["currency"].clone(), found["language_code"].clone())
        };
        assert_eq!(order("R1", json!({})).await.1, "try", "with no setting at all");
        let brand = json!({"currency": "gbp", "language": "tr", "time_zone": "Europe/London",
            "channels": {channel.to_string(): {"currency": "eur", "time_zone": "Asia/Tokyo"}},
            "locations": {"W2": {"time_zone": "Europe/Berlin"}}});
        put(&s, &brand).await.unwrap();
        let (id, currency, language) = order("R2", json!({})).await;
        assert_eq!((&currency, &language), (&json!("eur"), &json!("tr")), "the channel's, then the brand's");
        let (_, currency, language) = order("R3", json!({"currency": "usd", "language_code": "de"})).await;
        assert_eq!((&currency, &language), (&json!("usd"), &json!("de")), "what is said stands");

        // Screens: the brand's zone for who chose none, the channel's clock beside it, the location's for its hours.
        let ada = s.sign_in("ada", "a long password").await;
        let page = s.see(&ada, &format!("/en/oms/orders/{id}")).await.is(200).body;
        assert!(page.contains("2031-03-04 22:15:27 GMT") && page.contains("2031-03-05 07:15:27 JST"), "{page}");
        let places = s.get(&format!("{OMS}/stocklocations/?erp_code=W2")).await.is(200).json();
        let place = places["results"][0]["id"].as_i64().unwrap();
        let page = s.see(&ada, &format!("/en/oms/stock-locations/{place}")).await.is(200).body;
        assert!(page.contains("value=\"Europe/Berlin\""), "{page}");
        let home = s.send("GET", "/", &[("Cookie", &ada.cookie)], "").await;
        assert!(home.header("location").is_none_or(|to| to.starts_with("/tr/")), "the brand's language: {home:?}");
    })
    .await;
}

#[tokio::test]
async fn wrong_zones_currencies_and_languages_are_refused_by_name() {
    on_each(|s| async move {
        for (value, at) in [
            (json!({"time_zone": "Europe/Atlantis"}), "time_zone"),
            (json!({"currency": "TRY"}), "currency"),
            (json!({"channels": {"1": {"language": "Turkish"}}}), "channels.1.language"),
            (json!({"locations": {"L001": {"time_zone": "local"}}}), "locations.L001.time_zone"),
            (json!({"channels": {"web": {}}}), "channels"),
            (json!({"zone": "UTC"}), "zone"),
        ] {
            let refused = put(&s, &value).await.expect_err("must be refused").to_string();
            let body = json!({"key": "MULTI_REGIONAL_SETTINGS", "json_value": value});
            let answer = s.post("/api/v1/oms/settings/application_settings/", &body).await;
            assert!(answer.status >= 400 && answer.body.contains(at), "{value}: {refused} {}", answer.body);
        }
    })
    .await;
}
