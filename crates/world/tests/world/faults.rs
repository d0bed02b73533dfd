//! Faults on order, the login limit, and webhooks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{PASSWORD, Running, config, small};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use oms_world::hub::{Fault, HubConfig, Touch};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn raw(run: &Running, path: &str) -> Result<(u16, HeaderMap, String), reqwest::Error> {
    let request = run.client.get(run.url(path)).header("Authorization", format!("Token {}", run.token));
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok((status, headers, answer.text().await?))
}

#[tokio::test]
async fn the_hub_misbehaves_as_told() {
    let run = Running::start(config(small())).await;
    let faults = run.hub.faults();
    faults.next(1, Fault::Unauthorized);
    assert_eq!(raw(&run, "orders/").await.expect("answer").0, 401);
    faults.next(1, Fault::TooManyRequests { retry_after_s: 7 });
    let (status, headers, _) = raw(&run, "orders/").await.expect("answer");
    assert_eq!((status, headers["retry-after"].to_str().ok()), (429, Some("7")));
    for (fault, wanted) in [(Fault::ErrorPage, 500), (Fault::PageForJson, 200)] {
        faults.next(1, fault);
        let (status, headers, body) = raw(&run, "orders/").await.expect("answer");
        assert_eq!((status, headers["content-type"].to_str().ok()), (wanted, Some("text/html")));
        assert!(body.starts_with("<!doctype"));
    }
    faults.next(1, Fault::Truncated);
    let (_, _, body) = raw(&run, "orders/").await.expect("answer");
    assert!(serde_json::from_str::<Value>(&body).is_err() && body.starts_with("{\"count\""));
    for fault in [Fault::CutOff, Fault::Drop, Fault::DropAfter] {
        // A client may repeat a request on a reused connection that died, so the fault outlasts that.
        faults.always_on("orders/", fault);
        assert!(raw(&run, "orders/").await.is_err(), "{fault:?}");
        faults.clear();
    }
    let began = Instant::now();
    faults.next_on("products/", 1, Fault::Delay { ms: 120 });
    raw(&run, "orders/").await.expect("answer");
    assert_eq!(raw(&run, "products/").await.expect("answer").0, 200);
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert!(faults.met() >= 9);
    run.get("orders/").await;
    run.hub.forget_tokens().await.expect("forgotten");
    assert_eq!(raw(&run, "orders/").await.expect("answer").0, 401);
}

#[tokio::test]
async fn logins_are_throttled_when_told() {
    let run = Running::start(HubConfig { login_limit: Some(2), ..config(small()) }).await;
    run.login().await;
    let body = json!({ "username": "oms.application", "password": PASSWORD });
    let answer = run.client.post(run.url("auth/login/")).json(&body).send().await.expect("answer");
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
}

type Seen = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

async fn receive(
    State((seen, failures)): State<(Seen, Arc<Mutex<u32>>)>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let mut failures = failures.lock().expect("lock");
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::BAD_GATEWAY;
    }
    seen.lock().expect("lock").push((headers, serde_json::from_str(&body).expect("json")));
    StatusCode::OK
}

#[tokio::test]
async fn targets_are_told() {
    let run = Running::start(config(small())).await;
    let seen = Seen::default();
    let app = Router::new().route("/hook", post(receive)).with_state((seen.clone(), Arc::new(Mutex::new(1))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let target = format!("http://localhost:{}/hook", listener.local_addr().expect("address").port());
    tokio::spawn(async move { axum::serve(listener, app).await });
    for event in
        ["order.updated", "cancellation_plan.created", "cancellation_plan.updated", "retail_store.updated"]
    {
        let hook = json!({ "event_type": event, "target_url": target, "secret_key": "hush",
            "additional_headers": { "x-from": "hub" } });
        let (status, made) = run.post("webhooks/", hook.clone()).await;
        assert_eq!((status, made.get("_secret_key"), made.get("secret_key")), (201, None, None));
        assert_eq!(run.post("webhooks/", hook).await.0, 200);
    }
    assert_eq!(run.get("webhooks/").await["count"], 4);
    for bad in ["http://example.com/hook", "ftp://localhost/", "nowhere"] {
        assert_eq!(
            run.post("webhooks/", json!({ "event_type": "order.created", "target_url": bad })).await.0,
            400
        );
    }
    run.hub.touch_order(1, Touch::default()).await.expect("touched");
    run.hub.cancel_order(2).await.expect("cancelled");
    run.patch("cancellation_plans/1/", json!({ "status": "rejected" })).await;
    run.patch("retail_stores/1/", json!({ "name": "Renamed" })).await;
    for _ in 0..200 {
        if seen.lock().expect("lock").len() >= 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let seen = seen.lock().expect("lock").clone();
    let of = |event: &str| -> Vec<&Value> {
        seen.iter().map(|(_, body)| body).filter(|b| b["event"]["type"] == event).collect()
    };
    assert_eq!((of("order.updated").len(), of("retail_store.updated").len()), (2, 1));
    let plan = of("cancellation_plan.created")[0];
    assert_eq!(
        (&plan["payload"]["order"]["pk"], &plan["payload"]["order"]["status"]),
        (&json!(2), &json!("50"))
    );
    assert_eq!(of("cancellation_plan.updated")[0]["payload"]["status"], "rejected");
    assert!(seen.iter().all(|(h, b)| h["content-type"] == "application/json"
        && h["x-from"] == "hub"
        && b["event"]["uuid"].as_str().map(str::len) == Some(32)));
    assert_eq!(run.send("DELETE", "webhooks/1/", None).await.0, 204);
}
