//! Transfers and their items: listed, shown, narrowed, and beside the package items they are for.

use serde_json::{Value, json};

use crate::support::{OMS, Server, on_each};

/// W0 packs and has one A; W1 sends two A, W2 one B. One order, `T-1`; returns its id.
pub async fn shop(s: &Server) -> i64 {
    for (i, erp) in ["W0", "W1", "W2"].into_iter().enumerate() {
        let id = s.warehouse(erp).await;
        let change = json!({"priority": i});
        s.write("PATCH", &format!("{OMS}/stocklocations/{id}/"), &change).await.is(200);
    }
    for (erp, sku, on_hand) in [("W0", "A", 1), ("W1", "A", 2), ("W2", "B", 5)] {
        s.stock(erp, sku, on_hand).await.is(200);
    }
    let rules = json!([{"name": "One place", "products": "all_from_one", "transferable": true,
        "filters": [{"type": "locations", "erp_codes": ["W0"]}], "sort": [{"by": "priority"}]}]);
    let scenario = json!({"name": "All", "default_stock_location": "W0", "rules": rules});
    s.post(&format!("{OMS}/distribution-scenarios/"), &scenario).await.is(201);
    let bring = json!({"name": "Bring", "rules": [{"name": "any", "products": "units", "sort": [{"by": "priority"}]}]});
    s.post(&format!("{OMS}/transfer-scenarios/"), &bring).await.is(201);
    let channel = s.channel().await;
    let order = json!({"number": "T-1", "channel": channel, "date_placed": "2031-03-04T09:15:27Z",
        "shipping_address": {"line": "Street 1"}, "customer": {"first_name": "Ada", "last_name": "Lovelace"},
        "lines": [{"sku": "A", "quantity": 3, "price": "10.00"}, {"sku": "B", "quantity": 1, "price": "5.00"}]});
    s.post(&format!("{OMS}/orders/"), &json!({"orders": [order]})).await.is(200);
    assert_eq!(oms_app::planning::tick(&s.app, 256).await.expect("a tick").planned, 1);
    s.get(&format!("{OMS}/orders/")).await.is(200).json()["results"][0]["id"].as_i64().expect("an order")
}

fn numbers(page: &Value) -> Vec<&str> {
    page["results"].as_array().expect("results").iter().filter_map(|t| t["number"].as_str()).collect()
}

#[tokio::test]
async fn transfers_are_listed_narrowed_and_shown() {
    on_each(|s| async move {
        let order = shop(&s).await;
        let list = format!("{OMS}/transfer_orders/");
        let all = s.get(&list).await.is(200).json();
        assert_eq!(numbers(&all), ["T-1P1T1", "T-1P1T2"]);
        let first = &all["results"][0];
        assert_eq!(
            (&first["state"]["enum_class"], &first["state"]["enum_value"], &first["state"]["content_type"]),
            (&json!("TransferStatus"), &json!("waiting"), &json!("transferorder"))
        );
        assert_eq!(
            (&first["order"], &first["order_id"], &first["order_number"]),
            (&json!(order), &json!(order), &json!("T-1"))
        );
        assert_eq!(
            (&first["source"]["erp_code"], &first["destination"]["erp_code"]),
            (&json!("W1"), &json!("W0"))
        );
        assert_eq!(
            (&first["commands"][0]["slug"], &first["extra_information"], &first["is_detached"]),
            (&json!("TRANSFER_READY_FOR_DISPATCH"), &json!({}), &json!(false))
        );
        let item = &first["transfer_item_set"][0];
        assert_eq!(
            (&item["quantity"], &item["stock_code"], &item["unit_type"]),
            (&json!(2), &json!("A"), &json!("quantity"))
        );
        assert_eq!(s.get(&format!("{list}{}/", first["id"])).await.is(200).json(), *first);
        s.get(&format!("{list}99999999/")).await.is(404);

        let short = s.get(&format!("{list}short/")).await.is(200).json();
        let told = &short["results"][1];
        assert_eq!(
            (&told["state"], &told["source_erp_code"], &told["order"]),
            (&json!("waiting"), &json!("W2"), &json!(order))
        );

        let both = ["T-1P1T1", "T-1P1T2"].as_slice();
        let package = first["package"].as_i64().unwrap();
        let destination = first["destination"]["id"].as_i64().unwrap();
        assert_eq!(told["destination"], destination);
        for (query, expected) in [
            ("state=10&state__enum_value=waiting,in_transit".to_owned(), both),
            ("state__enum_value=transferred".to_owned(), &[]),
            (format!("order={order}&order__number=T-1&order__date_placed=2031-03-04"), both),
            (format!("package={package}&package_number=T-1P1"), both),
            ("order__customer__first_name=Ada&order__customer__last_name=Lovelace".to_owned(), both),
            ("order__customer__first_name=Eve".to_owned(), &[]),
            ("product_sku=B".to_owned(), &both[1..]),
            ("product_barcode=none".to_owned(), &[]),
            ("source__erp_code=W1".to_owned(), &both[..1]),
            ("source__erp_code=W1,W2&destination__erp_code=W0".to_owned(), both),
            ("erp_code=W0".to_owned(), both),
            ("location__erp_code=W2".to_owned(), &both[1..]),
            ("retail_store__erp_code=W2".to_owned(), &[]),
            ("destination__country=1".to_owned(), &[]),
            (format!("pk__in={}&id__gte=1&id__lt=9999999", first["id"]), &both[..1]),
            ("created_date__gte=2020-01-01&sort=-created_date&number=T-1P1T2".to_owned(), &both[1..]),
            ("sort=order_id&limit=1".to_owned(), &both[..1]),
        ] {
            let page = s.get(&format!("{list}?{query}")).await.is(200).json();
            assert_eq!(numbers(&page), *expected, "{query}");
            assert_eq!(
                numbers(&s.get(&format!("{list}short/?{query}")).await.is(200).json()),
                *expected,
                "{query}"
            );
        }
        let wrong = s.get(&format!("{list}?state__enum_value=lost")).await.is(400);
        assert!(wrong.body.contains("in_transit"), "the refusal names the words: {}", wrong.body);
        s.get(&format!("{list}?colour=red")).await.is(400);
        s.get(&format!("{list}?sort=number")).await.is(400);
    })
    .await;
}

#[tokio::test]
async fn transfer_items_are_listed_narrowed_and_shown() {
    on_each(|s| async move {
        let order = shop(&s).await;
        let list = format!("{OMS}/transfer-items/");
        let all = s.get(&list).await.is(200).json();
        assert_eq!(all["count"], 2);
        let item = &all["results"][0];
        assert_eq!(
            (&item["name"], &item["product"]["sku"], &item["state"]["enum_value"]),
            (&json!("A"), &json!("A"), &json!("waiting"))
        );
        assert_eq!(s.get(&format!("{list}{}/", item["id"])).await.is(200).json(), *item);
        s.get(&format!("{list}99999999/")).await.is(404);
        let simple = s.get(&format!("{list}list-simple/")).await.is(200).json();
        assert_eq!(
            (&simple["results"][0]["product"], &simple["results"][0]["stock_code"]),
            (&item["product"]["id"], &json!("A"))
        );
        for (query, count) in [
            (
                format!(
                    "transfer_order={}&product={}&quantity=2",
                    item["transfer_order"], item["product"]["id"]
                ),
                1,
            ),
            (format!("order={order}&quantity__gt=1"), 1),
            ("quantity__gte=1&quantity__lte=2&sort=-order_id".to_owned(), 2),
            ("quantity__lt=1".to_owned(), 0),
            (
                format!(
                    "package_item={}&state__enum_value=waiting&sort=-modified_date",
                    item["package_item"]
                ),
                1,
            ),
        ] {
            assert_eq!(s.get(&format!("{list}?{query}")).await.is(200).json()["count"], count, "{query}");
        }
        let package_item =
            s.get(&format!("{OMS}/packages/package-items/{}/", item["package_item"])).await.is(200).json();
        let coming = &package_item["transfer_orders"];
        assert_eq!((coming.as_array().unwrap().len(), &coming[0]["id"]), (1, &item["transfer_order"]));
        assert_eq!((&coming[0]["source_erp_code"], &coming[0]["quantity"]), (&json!("W1"), &json!(2)));
        let package = s.get(&format!("{OMS}/packages/{}/", package_item["package"])).await.is(200).json();
        assert!(package["packageitem_set"].as_array().unwrap().contains(&package_item));
    })
    .await;
}
