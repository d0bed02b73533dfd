//! How fast a client can pull the whole hub. Not run by default: name a data directory in `OMS_WORLD_DATA`.

use crate::common::{Running, config_at};
use oms_world::data::Dataset;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn pull_everything() {
    let dir = std::env::var("OMS_WORLD_DATA").expect("OMS_WORLD_DATA names a data directory");
    let began = std::time::Instant::now();
    let data = Dataset::load(dir.as_ref()).expect("loads");
    let loaded = began.elapsed();
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("hub.db");
    let run = Running::start(config_at(data.clone(), &path)).await;
    println!("loaded {loaded:?}, opened {:?}", began.elapsed() - loaded);
    pull(&run, &data).await;

    let began = std::time::Instant::now();
    for pk in 1..=2_000_i64 {
        run.hub.update_item(pk, json!({ "tracking_number": pk.to_string() })).await.expect("updated");
    }
    println!("2000 single changes in {:?}", began.elapsed());
    let began = std::time::Instant::now();
    let items: Vec<i64> = (1..=data.line_count() as i64).collect();
    for chunk in items.chunks(5_000) {
        let set: Vec<Value> = chunk.iter().map(|pk| json!({ "id": pk, "status": "450" })).collect();
        let (status, _) = run.patch("order_items/bulk_status_update/", json!({ "orderitem_set": set })).await;
        assert_eq!(status, 200);
    }
    println!("{} changes in bulk in {:?}", items.len(), began.elapsed());
    pull(&run, &data).await;
    let began = std::time::Instant::now();
    drop(run);
    Running::start(config_at(data.clone(), &path)).await;
    println!("opened with all items changed in {:?}", began.elapsed());
}

async fn pull(run: &Running, data: &Dataset) {
    let began = std::time::Instant::now();
    let (mut bytes, mut next, mut seen) = (0, 1, 0);
    let (mut items_s, mut orders_s) = (0.0, 0.0);
    let get = async |path: String| {
        let request = run.client.get(run.url(&path)).header("Authorization", format!("Token {}", run.token));
        request.send().await.expect("answer").bytes().await.expect("body")
    };
    loop {
        let at = std::time::Instant::now();
        let path = format!(
            "orders/detailed/?sort=modified_date&modified_date__gte=2000-01-01&limit=100&page={next}"
        );
        let page = get(path).await;
        orders_s += at.elapsed().as_secs_f64();
        bytes += page.len();
        let end = page.windows(11).position(|w| w == b"\"next\":null").is_some();
        let keys: Vec<String> =
            (seen + 1..=(seen + 100).min(data.orders.len())).map(|k| k.to_string()).collect();
        let at = std::time::Instant::now();
        bytes += get(format!("order_items/?order__in={}&limit=5000", keys.join(","))).await.len();
        items_s += at.elapsed().as_secs_f64();
        seen += 100;
        next += 1;
        if end {
            break;
        }
    }
    let products: Vec<i64> = (1..=data.products.len() as i64 + 2).collect();
    for chunk in products.chunks(500) {
        let keys: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        bytes += get(format!("products/?pk__in={}&limit=500", keys.join(","))).await.len();
    }
    let total = began.elapsed();
    println!("pulled {bytes} bytes in {total:?} (orders {orders_s:.2} s, items {items_s:.2} s)");
}
