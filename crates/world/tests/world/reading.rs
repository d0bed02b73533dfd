//! Reading the hub: login, pages, filters, and that what it serves is what the data holds.

use crate::common::{NOW_US, PASSWORD, Running, config, slice, small};
use oms_world::data::WEEK_US;
use serde_json::{Value, json};

#[tokio::test]
async fn login_and_tokens() {
    let run = Running::start(config(small())).await;
    for (body, status) in [
        (json!({ "username": "oms.application", "password": "wrong" }), 400),
        (json!({ "username": "oms.application" }), 400),
        (json!({ "username": "oms.application", "password": PASSWORD }), 200),
    ] {
        let answer = run.client.post(run.url("auth/login/")).json(&body).send().await.expect("answer");
        assert_eq!(answer.status(), status);
    }
    for header in [None, Some("Token 0123"), Some("Bearer 0123")] {
        let mut request = run.client.get(run.url("orders/"));
        if let Some(header) = header {
            request = request.header("Authorization", header);
        }
        let answer = request.send().await.expect("answer");
        assert_eq!(answer.status(), 401);
        let body: Value = answer.json().await.expect("json");
        assert!(body["detail"].is_string() && body["code"].is_string());
    }
    assert_eq!(run.get("active_user/").await["username"], "oms.application");
}

#[tokio::test]
async fn pages_walk_to_a_null() {
    let run = Running::start(config(small())).await;
    let first = run.get("orders/").await;
    assert_eq!((first["count"].as_i64(), first["results"].as_array().map(Vec::len)), (Some(30), Some(10)));
    assert_eq!(first["previous"], Value::Null);
    let second = run.get(first["next"].as_str().expect("next")).await;
    assert!(second["previous"].as_str().expect("previous").ends_with("/api/v1/orders/"));
    let last = run.get("orders/?limit=15&page=2").await;
    assert_eq!(last["next"], Value::Null);
    assert_eq!(
        run.send("GET", "orders/?limit=15&page=3", None).await,
        (404, json!({ "detail": "Invalid page." }))
    );
    let none = run.get("orders/?number=nothing").await;
    assert_eq!((none["count"].as_i64(), &none["next"]), (Some(0), &Value::Null));
    let i1 = run.get(&format!("http://{}/api/i1/orders/1/", run.at)).await;
    assert_eq!(i1, run.get("orders/1/").await);
}

#[tokio::test]
async fn everything_the_data_holds_is_served() {
    let data = slice();
    let run = Running::start(config(data.clone())).await;
    let orders = run
        .all("orders/detailed/?sort=modified_date&modified_date__gte=2000-01-01T00:00:00Z&limit=100")
        .await;
    assert_eq!(orders.len(), data.orders.len());
    let mut lines = 0;
    for page in orders.chunks(100) {
        let keys: Vec<String> = page.iter().map(|o| o["pk"].to_string()).collect();
        let items = run.all(&format!("order_items/?order__in={}&limit=2000&sort=id", keys.join(","))).await;
        let skus: Vec<String> = items.iter().map(|i| i["product"].to_string()).collect();
        let products = run.all(&format!("products/?pk__in={}&limit=500", skus.join(","))).await;
        for item in &items {
            let order = &data.orders[item["order"].as_i64().expect("order") as usize - 1];
            let product = products.iter().find(|p| p["pk"] == item["product"]).expect("product");
            let units: i64 = item["attributes"]["quantity"].as_str().expect("count").parse().expect("number");
            assert!(order.lines.iter().any(|l| product["sku"] == l.sku && l.quantity == units));
            assert_eq!(item["status"], "400");
        }
        lines += items.len();
    }
    assert_eq!(lines, data.line_count());
    for (order, row) in data.orders.iter().zip(&orders) {
        let minor: i64 = order.lines.iter().map(|l| l.quantity * l.unit_price_minor).sum();
        assert_eq!(row["amount"], format!("{}.{:02}", minor / 100, minor % 100));
        assert_eq!(row["number"], order.number);
        let home = &data.customers[order.customer];
        assert_eq!(row["shipping_address"]["extra_field"]["latitude"], home.lat);
        assert_eq!(row["shipping_address"]["township"]["name"], home.township);
        assert_eq!(row["shipping_address"]["city"]["name"], home.city);
        assert_eq!(row["channel"]["channel_type"], "web");
        assert_eq!(row["id"], row["pk"]);
    }
}

#[tokio::test]
async fn times_are_moved_by_whole_weeks() {
    let data = small();
    let run = Running::start(config(data.clone())).await;
    let weeks = data.shift_weeks_for(NOW_US);
    let last = data.orders.last().expect("orders").placed_us + weeks * WEEK_US;
    let row = &run.get("orders/?sort=-date_placed&limit=1").await["results"][0];
    assert_eq!(row["date_placed"], oms_core::time::format_us(last));
    assert!(last <= NOW_US && last > NOW_US - WEEK_US);
    let kept = Running::start(hub_keeping_dates()).await;
    let row = &kept.get("orders/?limit=1").await["results"][0];
    assert_eq!(row["created_date"], oms_core::time::format_us(data.orders[0].placed_us));
}

fn hub_keeping_dates() -> oms_world::hub::HubConfig {
    oms_world::hub::HubConfig { keep_dates: true, ..config(small()) }
}

#[tokio::test]
async fn filters() {
    let run = Running::start(config(small())).await;
    for (path, count) in [
        ("orders/?status=400", 30),
        ("orders/?status__in=100,550", 0),
        ("orders/?is_send=False", 30),
        ("orders/?is_send=1", 0),
        ("orders/?pk__in=1,2,3,99", 3),
        ("orders/?id__gt=28", 2),
        ("orders/?pk__lte=4&pk__gte=3", 2),
        ("orders/?channel_id=2", 0),
        ("channel/1/orders/", 30),
        ("channel/2/orders/", 0),
        ("orders/?colour=blue&status__nonsense=1", 30),
        ("orders/?number=D0000004", 1),
        ("orders/?created_date__gt=2000-01-01%2000:00:00", 30),
        ("orders/?date_placed__lt=2000-01-01T00:00:00%2B03:00", 0),
        ("retail_stores/?erp_code=L001", 1),
        ("countries/?code__exact=AR&is_active=True", 1),
        ("countries/?mapping__code__exact=1_Arda", 0),
        ("cities/?name__iexact=AKKALE%20province&country=1", 0),
        ("products/?sku__in=SKU-0001,SKU-0002", 2),
        ("customers/?email__startswith=shopper-1", 4),
        ("customers/?email=SHOPPER-1@example.com", 0),
        ("customers/?email__iexact=SHOPPER-1@example.com", 1),
        ("orders/?segment__isnull=true", 30),
    ] {
        assert_eq!(run.get(path).await["count"], count, "{path}");
    }
    let city = run.get("townships/1/").await["city"].clone();
    assert_eq!(run.get(&format!("townships/?country=1&city={city}&pk=1")).await["count"], 1);
    assert_eq!(run.get("townships/?country=2").await["count"], 0);
    for path in ["orders/?modified_date__gte=soon", "orders/?pk=x", "orders/?segment__isnull=maybe"] {
        let (status, body) = run.send("GET", path, None).await;
        assert_eq!((status, &body["code"]), (400, &json!("invalid")), "{path}");
    }
    let down: Vec<i64> =
        run.all("orders/?sort=-id&limit=7").await.iter().filter_map(|o| o["pk"].as_i64()).collect();
    assert_eq!(down, (1..=30).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn places_and_stores() {
    let run = Running::start(config(slice())).await;
    let stores = run.all("retail_stores/detailed/?limit=50").await;
    assert_eq!(stores.len(), 200);
    assert_eq!(stores.iter().filter(|s| s["extra_field"]["kind"] == "warehouse").count(), 20);
    assert!(stores.iter().all(|s| s["township"]["city"]["country"] == 1 && s["district"].is_null()));
    let flat = run.get("retail_stores/1/").await;
    let township = run.get(&format!("townships/{}/", flat["township"])).await;
    assert!(township["latitude"].is_number());
    assert_eq!(run.get("countries/").await["results"][0]["code"], "TR");
    let district = run.get("districts/1/detailed/").await;
    assert_eq!(district["township"]["pk"], 1);
    for path in [
        "channels/1/",
        "cargos/5/",
        "cargo_companies/5/",
        "channel/1/cargos/5/",
        "cancellation_reasons/1/",
        "addresses/1/",
    ] {
        run.get(path).await;
    }
    assert_eq!(run.get("content_types/?model=order").await[0]["app_label"], "orders");
    for path in ["nothing/", "orders/0/", "orders/99999999/", "channel/9/orders/", "mappings/", "orders/x/"] {
        assert_eq!(run.send("GET", path, None).await.0, 404, "{path}");
    }
    assert_eq!(run.send("DELETE", "orders/1/", None).await.0, 405);
    let by_number = run.get("orders/1/").await["number"].as_str().expect("number").to_owned();
    assert_eq!(run.get(&format!("order_number/{by_number}/")).await["pk"], 1);
    let whole = run.get("orders_integration/1/detailed_integration/").await;
    let items = run.get("order_items/detailed_integration/?order=1&limit=1000").await;
    assert_eq!(whole["orderitem_set"], items["results"]);
    assert!(items["results"][0]["product"]["sku"].is_string());
}
