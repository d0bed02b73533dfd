//! The hub's client against small hubs that behave well and badly.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Logins, hub, json_answer, serve, serve_raw, settings, token};
use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use oms_connect::hub::{EndpointConf, HubClient, HubError, HubErrorClass, Ref};
use oms_core::orders::OrderStatus;
use secrecy::SecretString;
use serde_json::{Value, json};

type Params = Query<HashMap<String, String>>;

/// Pages a list as the hub does.
fn paged(all: &[Value], params: &HashMap<String, String>) -> Response {
    let number = |key: &str, missing: usize| params.get(key).and_then(|v| v.parse().ok()).unwrap_or(missing);
    let (page, limit) = (number("page", 1), number("limit", 10));
    let results: Vec<&Value> = all.iter().skip((page - 1) * limit).take(limit).collect();
    let next = (page * limit < all.len()).then_some("http://elsewhere.example/?page=2");
    json_answer(json!({"count": all.len(), "next": next, "previous": null, "results": results}))
}

async fn with(logins: &Logins, path: &str, answer: Response) -> HubClient {
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let route = get(move || async move { (parts.status, parts.headers.clone(), bytes.clone()) });
    hub(serve(logins.routes().route(path, route)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_first_calls_sign_in_once() {
    let logins = Logins::default();
    let hub = with(&logins, "/api/v1/active_user/", json_answer(json!({"pk": 1}))).await;
    let calls = (0..1000).map(|_| {
        let hub = hub.clone();
        tokio::spawn(async move { hub.active_user().await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("joined"), Ok(json!({"pk": 1})));
    }
    assert_eq!(logins.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_first_calls_with_a_wrong_password_sign_in_once_too() {
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let refuse = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        (StatusCode::BAD_REQUEST, axum::Json(json!({"non_field_errors": ["no"]})))
    };
    let address = serve(Router::new().route("/api/v1/auth/login/", axum::routing::post(refuse))).await;
    let hub = hub(address);
    let calls = (0..1000).map(|_| {
        let hub = hub.clone();
        tokio::spawn(async move { hub.active_user().await })
    });
    for call in calls.collect::<Vec<_>>() {
        let error = call.await.expect("joined").expect_err("refused");
        assert!(matches!(error, HubError::Unauthorized { .. }), "{error:?}");
        assert_eq!(error.class(), HubErrorClass::Operator);
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    // Later tries are kept below the hub's throttle.
    let _ = hub.login().await;
    let _ = hub.login().await;
    let error = hub.login().await.expect_err("throttled by ourselves");
    assert!(matches!(error.class(), HubErrorClass::Retry { after_s: Some(1..=361) }), "{error:?}");
    assert_eq!(tries.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_renewed_once_for_all_who_meet_it() {
    let logins = Logins::default();
    let answer = |headers: HeaderMap| async move {
        if token(&headers) == "t2" {
            json_answer(json!({"pk": 1}))
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    };
    let hub = hub(serve(logins.routes().route("/api/v1/active_user/", get(answer))).await);
    hub.login().await.expect("signed in");
    let calls = (0..50).map(|_| {
        let hub = hub.clone();
        tokio::spawn(async move { hub.active_user().await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("joined"), Ok(json!({"pk": 1})));
    }
    assert_eq!(logins.count(), 2);
}

#[tokio::test]
async fn a_second_refusal_is_an_error() {
    let (logins, calls) = (Logins::default(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&calls);
    let answer = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        StatusCode::UNAUTHORIZED
    };
    let hub = hub(serve(logins.routes().route("/api/v1/active_user/", get(answer))).await);
    let error = hub.active_user().await.expect_err("refused");
    assert!(matches!(error, HubError::Unauthorized { .. }), "{error:?}");
    assert_eq!((logins.count(), calls.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test]
async fn bad_answers_are_told_apart() {
    let html = || "<html><h1>Back soon</h1></html>".to_owned();
    let cases: Vec<(Response, HubErrorClass, &str)> = vec![
        (
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "17")], "").into_response(),
            HubErrorClass::Retry { after_s: Some(17) },
            "hub_throttled",
        ),
        (
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "soon")], "").into_response(),
            HubErrorClass::Retry { after_s: Some(60) },
            "hub_throttled",
        ),
        (
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "99999999")], "").into_response(),
            HubErrorClass::Retry { after_s: Some(3600) },
            "hub_throttled",
        ),
        (
            (StatusCode::INTERNAL_SERVER_ERROR, html()).into_response(),
            HubErrorClass::Retry { after_s: None },
            "hub_server_error",
        ),
        ((StatusCode::OK, html()).into_response(), HubErrorClass::Retry { after_s: None }, "hub_not_json"),
        (
            (StatusCode::FOUND, [("location", "http://127.0.0.1/")], "").into_response(),
            HubErrorClass::Operator,
            "hub_refused_by_policy",
        ),
        (
            (StatusCode::FORBIDDEN, "{\"detail\":\"no\"}").into_response(),
            HubErrorClass::Operator,
            "hub_bad_request",
        ),
        (
            (StatusCode::NOT_FOUND, "{\"detail\":\"gone\"}").into_response(),
            HubErrorClass::Permanent,
            "hub_bad_request",
        ),
        (json_answer(json!({"results": 7})), HubErrorClass::Permanent, "hub_wrong_shape"),
        (json_answer(json!("text")), HubErrorClass::Permanent, "hub_wrong_shape"),
        (
            json_answer(json!({"count": 3, "next": null, "results": []})),
            HubErrorClass::Retry { after_s: None },
            "hub_truncated",
        ),
        (
            json_answer(json!({"count": 3, "next": "x", "results": []})),
            HubErrorClass::Permanent,
            "hub_wrong_shape",
        ),
    ];
    for (answer, class, code) in cases {
        let hub = with(&Logins::default(), "/api/v1/channels/", answer).await;
        let error = hub.channels(|_| {}).await.expect_err(code);
        assert_eq!((error.class(), error.code()), (class, code), "{error}");
    }
}

#[tokio::test]
async fn network_failures_are_told_apart() {
    let cut = serve_raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"key\":", false).await;
    assert_eq!(hub(cut).login().await, Err(HubError::Truncated));
    let mute = serve_raw("", true).await;
    let mut slow = settings(mute);
    (slow.read_timeout_ms, slow.connect_timeout_ms) = (100, 100);
    let error =
        HubClient::new(crate::support::http(), slow).expect("a client").login().await.expect_err("mute");
    assert!(matches!(error, HubError::Unreachable { .. }), "{error:?}");
    let large = serve_raw("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{", true).await;
    assert!(matches!(hub(large).login().await, Err(HubError::WrongShape { .. })));
    let mut private = settings(mute);
    private.base_url = "http://192.168.1.1/api/v1".to_owned();
    let error = HubClient::new(crate::support::http(), private).expect_err("private");
    assert_eq!(error.class(), HubErrorClass::Operator);
    assert!(error.to_string().contains("--allow-net"), "{error}");
}

#[tokio::test]
async fn whole_lists_are_read_page_by_page_and_bad_records_cost_only_themselves() {
    let logins = Logins::default();
    let all: Vec<Value> = (1..=2500)
        .map(|n| match n {
            7 => json!({"pk": n, "name": "no city"}),
            8 => json!("not even an object"),
            9 => json!({"id": "9", "name": "strings\u{0}", "city": "3", "township": {"pk": 4}, "latitude": "41.0", "longitude": 29.0, "is_active": "False", "new_key": {}}),
            _ => json!({"pk": n, "name": format!("d{n}"), "city": 3, "township": 4, "zipcode": "34000"}),
        })
        .collect();
    let districts = get(move |params: Params| async move { paged(&all, &params) });
    let hub = hub(serve(logins.routes().route("/api/v1/districts/", districts)).await);
    let mut seen = Vec::new();
    let found = hub.districts(|at| seen.push((at.done, at.total))).await.expect("districts");
    assert_eq!(seen, [(1000, 2500), (2000, 2500), (2500, 2500)]);
    assert_eq!(found.len(), 2500);
    let bad: Vec<Option<i64>> = found.iter().filter_map(|d| d.as_ref().err()).map(|e| e.pk).collect();
    assert_eq!(bad, [Some(7), None]);
    let nine = found[8].as_ref().expect("district 9");
    assert_eq!(
        (nine.pk, nine.name.as_str(), nine.city_pk, nine.township_pk, nine.is_active),
        (9, "strings", 3, 4, false)
    );
    assert!(nine.point.is_some());
}

fn order(pk: i64) -> Value {
    json!({"pk": pk, "number": format!("W-{pk}"), "channel": {"id": 7, "name": "Web"}, "status": "400",
        "date_placed": "2031-03-04T09:15:27.104233Z", "customer": {"pk": 71, "email": "mira@shop.example"},
        "shipping_address": {"pk": 81, "line": "9 Pier Rd", "country": {"id": 1, "name": "Turkey", "code": "tr"}, "city": {"pk": 31}, "township": 640, "district": null},
        "billing_address": 82, "currency": "TRY", "amount": "259.80", "shipping_amount": 9.9, "discount_amount": null,
        "cargo_company": 5, "extra_field": {}, "created_date": "2031-03-04 09:15:28", "modified_date": "2031-03-04T09:15:28.000001Z"})
}

#[tokio::test]
async fn orders_are_read_in_both_forms() {
    let logins = Logins::default();
    let list = get(|params: Params| async move {
        if params.contains_key("pk__in") {
            assert_eq!(params["pk__in"], "9001,9002");
            return json_answer(json!({"count": 1, "next": null, "results": [order(9001)]}));
        }
        assert_eq!(
            (params["sort"].as_str(), params["modified_date__gte"].as_str()),
            ("modified_date", "1970-01-01T00:00:00.000005Z")
        );
        assert_eq!((params["limit"].as_str(), params["page"].as_str()), ("100", "2"));
        let bad = json!({"pk": 3, "status": "999"});
        json_answer(json!({"count": 102, "next": null, "results": [order(9001), bad]}))
    });
    let hub = hub(serve(logins.routes().route("/api/v1/orders/detailed/", list)).await);
    let page = hub.orders_modified_since(5, 2, 100).await.expect("a page");
    assert_eq!((page.count, page.next, page.results.len()), (102, false, 2));
    let first = page.results[0].as_ref().expect("an order");
    assert_eq!((first.number.as_str(), first.channel_pk, first.status), ("W-9001", 7, OrderStatus::Approved));
    assert_eq!(
        (first.amount_minor, first.shipping_amount_minor, first.discount_amount_minor),
        (25980, 990, 0)
    );
    assert_eq!(first.currency, "try");
    assert_eq!(first.billing_address, Some(Ref::Pk(82)));
    let address = first.shipping_address.as_ref().and_then(Ref::full).expect("a whole address");
    assert_eq!(
        (address.country.pk, address.country.code.as_deref(), address.township.pk),
        (Some(1), Some("tr"), Some(640))
    );
    assert_eq!(first.raw, order(9001));
    let error = page.results[1].as_ref().expect_err("unknown status");
    assert!(error.pk == Some(3) && error.reason.contains("999"), "{error}");
    assert_eq!(hub.orders_by_pk(&[9002, 9001, 9002]).await.expect("orders").len(), 1);
}

fn item(pk: i64, order: i64, attributes: Value) -> Value {
    json!({"pk": pk, "order": order, "product": 55, "status": "400", "price": "129.90", "price_currency": "try",
        "tax_rate": "20.00", "attributes": attributes})
}

fn some_items() -> Vec<Value> {
    vec![
        item(1, 10, json!({})),
        item(2, 10, json!({"qty": "3"})),
        item(3, 11, json!({"qty": 2.0})),
        item(4, 11, json!({"qty": "1.5"})),
        json!({"pk": 5, "order": 11}),
        item(6, 12, json!(null)),
        item(7, 99, json!({})),
    ]
}

async fn items_hub(knows_order_in: bool, requests: Arc<AtomicUsize>) -> HubClient {
    let list = get(move |params: Params| async move {
        requests.fetch_add(1, Ordering::SeqCst);
        let asked = params.get("order").or(params.get("order__in").filter(|_| knows_order_in));
        let wanted: Option<Vec<i64>> =
            asked.map(|text| text.split(',').map(|pk| pk.parse().expect("a key")).collect());
        let fits =
            |item: &Value| wanted.as_ref().is_none_or(|w| w.contains(&item["order"].as_i64().unwrap_or(0)));
        paged(&some_items().into_iter().filter(fits).collect::<Vec<_>>(), &params)
    });
    hub(serve(Logins::default().routes().route("/api/v1/order_items/", list)).await)
}

#[tokio::test]
async fn items_are_divided_among_their_orders_whether_or_not_the_hub_can() {
    for knows_order_in in [true, false] {
        let requests = Arc::new(AtomicUsize::new(0));
        let hub = items_hub(knows_order_in, Arc::clone(&requests)).await;
        for round in 1..=2 {
            let items = hub.order_items(&[12, 10, 11, 13], "qty").await.expect("items");
            let mut orders: Vec<i64> = items.keys().copied().collect();
            orders.sort_unstable();
            assert_eq!(orders, [10, 11, 12, 13]);
            let units = |order: i64| -> Vec<Option<i64>> {
                items[&order]
                    .iter()
                    .map(|item| item.as_ref().ok()?.quantity.as_ref().ok().map(|q| q.get()))
                    .collect()
            };
            assert_eq!((units(10), units(11)), (vec![Some(1), Some(3)], vec![Some(2), None, None]));
            assert_eq!((units(12), units(13)), (vec![Some(1)], vec![]));
            assert_eq!(
                items[&11][1].as_ref().expect("read").quantity.as_ref().expect_err("half").code(),
                "quantity_fractional"
            );
            assert_eq!(items[&11][2].as_ref().expect_err("unreadable").pk, Some(5));
            // The first round of a hub without the filter costs one request more.
            let expected = if knows_order_in { round } else { 1 + 4 * round };
            assert_eq!(requests.load(Ordering::SeqCst), expected);
        }
    }
}

#[tokio::test]
async fn a_hub_that_ignores_every_filter_is_an_error_and_not_a_mix_up() {
    let all = get(|params: Params| async move { paged(&some_items(), &params) });
    let hub = hub(serve(Logins::default().routes().route("/api/v1/order_items/", all)).await);
    assert!(matches!(hub.order_items(&[10, 11], "qty").await, Err(HubError::WrongShape { .. })));
}

#[tokio::test]
async fn records_are_read_by_key_whether_or_not_the_hub_can() {
    let product = |pk: i64| json!({"pk": pk, "sku": format!("S-{pk}"), "name": "n", "base_code": "b", "attributes": {"barcode": "869"}});
    for knows_pk_in in [true, false] {
        let list = get(move |params: Params| async move {
            let wanted: Vec<i64> = params["pk__in"].split(',').map(|pk| pk.parse().expect("a key")).collect();
            let fits = |pk: &i64| !knows_pk_in || wanted.contains(pk);
            paged(&(1..=300).filter(fits).map(product).collect::<Vec<_>>(), &params)
        });
        let single = get(move |Path(pk): Path<i64>| async move {
            if pk <= 300 { json_answer(product(pk)) } else { StatusCode::NOT_FOUND.into_response() }
        });
        let router = Logins::default()
            .routes()
            .route("/api/v1/products/", list)
            .route("/api/v1/products/{pk}/", single);
        let hub = hub(serve(router).await);
        let wanted: Vec<i64> = (2..=250).chain([999]).collect();
        let found = hub.products_by_pk(&wanted).await.expect("products");
        let pks: Vec<i64> = found.iter().map(|p| p.as_ref().expect("read").pk).collect();
        assert_eq!(pks, (2..=250).collect::<Vec<_>>());
        assert_eq!(found[0].as_ref().expect("read").barcode.as_deref(), Some("869"));
    }
}

#[tokio::test]
async fn stores_know_where_they_are() {
    let store = json!({"pk": 501, "name": "Quay", "address": "4 Quay St", "township": {"pk": 640, "city": {"pk": 31, "country": 1}},
        "district": 4102, "channels": [7, {"id": 8}], "click_and_collect": true, "latitude": 41.01, "longitude": 28.97,
        "erp_code": "ST-501", "extra_field": {"kind": "warehouse"}});
    let answer = json_answer(json!([store]));
    let hub = with(&Logins::default(), "/api/v1/retail_stores/detailed/", answer).await;
    let found = hub.stores(|_| {}).await.expect("stores");
    let store = found[0].as_ref().expect("a store");
    assert_eq!(
        (store.township_pk, store.city_pk, store.country_pk, store.district_pk),
        (Some(640), Some(31), Some(1), Some(4102))
    );
    assert_eq!(
        (store.channels.as_slice(), store.kind),
        (&[7, 8][..], Some(oms_connect::hub::HubStoreKind::Warehouse))
    );
}

#[tokio::test]
async fn an_endpoint_with_its_own_address_gets_its_own_token_and_no_other() {
    let logins = Logins::default();
    let main = serve(logins.routes()).await;
    let cities = get(|headers: HeaderMap| async move {
        assert_eq!(token(&headers), "own");
        json_answer(json!([{"pk": 1, "name": "c", "country": 1}]))
    });
    let other = serve(Router::new().route("/seller/cities/", cities)).await;
    let mut settings = settings(main);
    let token = SecretString::from("own");
    settings.endpoint_conf.push(EndpointConf {
        endpoint: "cities".to_owned(),
        base_url: format!("http://{other}/seller"),
        token,
    });
    assert!(!format!("{settings:?}").contains("secret"), "secrets are not printed");
    let hub = HubClient::new(crate::support::http(), settings).expect("a client");
    assert_eq!(hub.cities(|_| {}).await.expect("cities").len(), 1);
    assert_eq!(logins.count(), 0);
}

#[tokio::test]
async fn webhooks_are_listed_and_registered() {
    let list = get(|| async {
        json_answer(json!([{"pk": 1, "event_type": "order.created", "target_url": "http://x.example/"}]))
    });
    let hooks = list.post(|body: axum::Json<Value>| async move {
        assert_eq!(body.0["additional_headers"], json!({"X-Key": "k"}));
        let mut hook = body.0;
        hook["pk"] = json!(2);
        (StatusCode::CREATED, axum::Json(hook))
    });
    let hub = hub(serve(Logins::default().routes().route("/api/v1/webhooks/", hooks)).await);
    assert_eq!(hub.list_webhooks().await.expect("webhooks").len(), 1);
    let headers = [("X-Key".to_owned(), "k".to_owned())];
    let hook = hub
        .register_webhook("order.updated", "http://x.example/y", &headers, None)
        .await
        .expect("registered");
    assert_eq!(hook.expect("read").pk, 2);
}

#[tokio::test]
async fn paths_cannot_leave_the_base() {
    let hub = hub(serve(Logins::default().routes()).await);
    for path in ["/etc", "//evil.example/", "http://evil.example/", "../x/", "a?b", "a b", ""] {
        let error = hub.get(path, &[]).await.expect_err(path);
        assert!(matches!(error, HubError::Refused { .. }), "{path}: {error:?}");
    }
}
