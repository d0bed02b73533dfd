//! Lists followed by cursor, and search.

use serde_json::{Value, json};

use crate::support::{OMS, Server, on_each};

/// A warehouse, a scenario and planned orders `N1` to `N9`, each with a package.
async fn shop(s: &Server) {
    s.warehouse("W1").await;
    s.stock("W1", "Işık-A", 100).await.is(200);
    let rule = json!({"name": "any", "products": "units"});
    let scenario = json!({"name": "All", "default_stock_location": "W1", "rules": [rule]});
    s.post(&format!("{OMS}/distribution-scenarios/"), &scenario).await.is(201);
    let channel = s.channel().await;
    let orders: Vec<Value> = (1..=9)
        .map(|n| {
            json!({
                "number": format!("N{n}"), "channel": channel, "date_placed": "2031-03-04T09:15:27.104233Z", "amount": "1.00",
                "customer": {"first_name": "Ada", "last_name": "Lovelace"},
                "shipping_address": {"first_name": "Ada", "line": "Street 1", "latitude": 41.0, "longitude": 29.0},
                "shipping_option_slug": "standard", "delivery_type": "home",
                "lines": [{"sku": "Işık-A", "quantity": 1, "price": "1.00"}]
            })
        })
        .collect();
    s.post(&format!("{OMS}/orders/"), &json!({"orders": orders})).await.is(200);
    oms_app::planning::tick(&s.app, 256).await.unwrap();
}

#[tokio::test]
async fn a_list_is_followed_by_cursor_from_both_ends_and_with_filters() {
    on_each(|s| async move {
        shop(&s).await;
        for query in [
            "packages/?limit=4",
            "packages/?limit=4&sort=-created_date",
            "packages/?limit=4&sort=id&state=100",
            "packages/?limit=4&sort=-modified_date",
            // In the order of another table's moments.
            "packages/package-items/?limit=4",
            "packages/package-items/?limit=4&sort=-created_date&state=100",
            "packages/package-items/?limit=4&id__gt=0",
        ] {
            let pages = format!("{OMS}/{}", query.replace("limit=4", "limit=100"));
            let all = s.get(&pages).await.is(200).json()["results"].as_array().unwrap().clone();
            assert_eq!(all.len(), 9, "{query}");
            let (mut followed, mut next) = (Vec::new(), Some(String::new()));
            while let Some(cursor) = next {
                let page = s.get(&format!("{OMS}/{query}{cursor}")).await.is(200).json();
                assert_eq!(page["count"], 9, "the count is of all, {query}");
                followed.extend(page["results"].as_array().unwrap().clone());
                next = page["next_cursor"].as_str().map(|c| format!("&cursor={c}"));
                if cursor.is_empty() {
                    assert!(page["next"].as_str().unwrap().contains("page=2"), "{query}");
                }
            }
            assert_eq!(followed, all, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn items_stand_in_the_order_of_their_packages_and_by_id_where_ids_are_asked_for() {
    on_each(|s| async move {
        shop(&s).await;
        let ids = async |query: &str| -> Vec<i64> {
            let page = s.get(&format!("{OMS}/packages/package-items/?{query}")).await.is(200).json();
            page["results"].as_array().unwrap().iter().map(|i| i["id"].as_i64().unwrap()).collect()
        };
        // The first package is made older than it is, so that both orders differ.
        let last = *ids("sort=id").await.last().unwrap();
        let mut tx = s.app.store.begin().await.unwrap();
        let sql = "UPDATE packages SET created_us = 1 WHERE id = (SELECT package_id FROM package_items WHERE id = $1)";
        tx.execute(sql, oms_store::args![last]).await.unwrap();
        tx.commit().await.unwrap();
        let by_age = ids("").await;
        assert_eq!((by_age[0], by_age.len()), (last, 9));
        let by_id = ids("id__gt=0").await;
        assert!(by_id.is_sorted() && by_id.len() == 9, "{by_id:?}");
    })
    .await;
}

#[tokio::test]
async fn a_cursor_that_the_list_did_not_give_is_refused() {
    on_each(|s| async move {
        shop(&s).await;
        let first = s.get(&format!("{OMS}/packages/?limit=2")).await.is(200).json();
        let cursor = first["next_cursor"].as_str().unwrap().to_owned();
        s.get(&format!("{OMS}/packages/?limit=2&cursor={cursor}")).await.is(200);
        let mut forged = cursor.clone();
        forged.replace_range(3..4, if &cursor[3..4] == "0" { "1" } else { "0" });
        for query in [
            format!("packages/?limit=2&cursor={forged}"),
            "packages/?cursor=".to_owned(),
            "packages/?cursor=zz".to_owned(),
            format!("packages/?cursor={}", &cursor[..cursor.len() - 2]),
            format!("packages/?cursor={cursor}&page=1"),
            format!("packages/?cursor={cursor}&state=100"),
            format!("packages/?cursor={cursor}&sort=-created_date"),
            format!("orders/?cursor={cursor}"),
            format!("stocklocations/?cursor={cursor}&sort=name"),
        ] {
            let reply = s.get(&format!("{OMS}/{query}")).await;
            assert!(matches!(reply.status, 400), "{query}: {} {}", reply.status, reply.body);
        }
    })
    .await;
}

#[tokio::test]
async fn everything_is_found_by_how_it_begins() {
    on_each(|s| async move {
        shop(&s).await;
        let found = async |text: &str| {
            let reply = s.get(&format!("{OMS}/search/?q={text}")).await.is(200).json();
            let results = reply["results"].as_array().unwrap().clone();
            results
                .iter()
                .map(|r| format!("{} {}", r["entity"].as_str().unwrap(), r["label"].as_str().unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(found("n3").await, ["order N3", "package N3P1"]);
        assert_eq!(found("N3P").await, ["package N3P1"]);
        assert_eq!(found("n3p1").await, ["package N3P1"]);
        assert_eq!(found("n").await.len(), 18, "nine orders and their packages");
        for typed in ["isik", "I%C5%9EIK-a", "%C4%B1%C5%9F%C4%B1k"] {
            let hits = found(typed).await;
            assert!(hits.contains(&"product Işık-A".to_owned()), "{typed}: {hits:?}");
            assert!(hits.contains(&"package N9P1".to_owned()), "the packages of the only product: {hits:?}");
        }
        assert!(found("nothing").await.is_empty());
        assert!(found("%20").await.is_empty());
        assert_eq!(
            s.get(&format!("{OMS}/search/?q=n&limit=2")).await.is(200).json()["results"]
                .as_array()
                .unwrap()
                .len(),
            4
        );
        let package = s.get(&format!("{OMS}/search/?q=n3p1")).await.is(200).json()["results"][0].clone();
        assert_eq!((&package["erp_code"], &package["state"]["enum_value"]), (&json!("W1"), &json!("100")));
        for wrong in ["search/", "search/?q=a&limit=0", "search/?q=a&page=1"] {
            s.get(&format!("{OMS}/{wrong}")).await.is(400);
        }
    })
    .await;
}
