//! How fast a client can pull the whole hub. Not run by default: name a data directory in `OMS_WORLD_DATA`.

mod common;

use common::{Running, config};
use oms_world::data::Dataset;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn pull_everything() {
    let dir = std::env::var("OMS_WORLD_DATA").expect("OMS_WORLD_DATA names a data directory");
    let began = std::time::Instant::now();
    let data = Dataset::load(dir.as_ref()).expect("loads");
    let loaded = began.elapsed();
    let run = Running::start(config(data.clone())).await;
    let opened = began.elapsed();
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
    let total = began.elapsed() - opened;
    println!(
        "loaded {loaded:?}, opened {:?}, pulled {bytes} bytes in {total:?} (orders {orders_s:.2} s, items {items_s:.2} s)",
        opened - loaded
    );
}
