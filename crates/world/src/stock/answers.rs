//! The shapes the service answers in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Door, PAGE_ROWS, StockService};

type Parameters = Query<Vec<(String, String)>>;

fn all<'a>(parameters: &'a Parameters, name: &str) -> Vec<&'a str> {
    parameters.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
}

impl StockService {
    /// What stands of SKUs, at the locations named; at all if none is.
    fn find(&self, skus: &[&str], locations: &[&str]) -> Vec<(String, String, String)> {
        let mut state = self.state();
        state.asked.push(skus.iter().map(|s| (*s).to_owned()).collect());
        let wanted =
            |sku: &str, l: &str| skus.contains(&sku) && (locations.is_empty() || locations.contains(&l));
        let rows = state.shelf.iter().filter(|((sku, location), _)| wanted(sku, location));
        rows.map(|((sku, location), units)| (sku.clone(), location.clone(), units.clone())).collect()
    }
}

/// `?sku=A&sku=B&location=WH1` to `{"A": {"WH1": "5.00"}}`.
pub(super) async fn multiple(State(s): State<Arc<StockService>>, q: Parameters) -> Json<Value> {
    let mut answer: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (sku, location, units) in s.find(&all(&q, "sku"), &all(&q, "location")) {
        answer.entry(sku).or_default().insert(location, units);
    }
    Json(json!(answer))
}

/// `?sku=A` to `{"WH1": "5.00"}`.
pub(super) async fn single(State(s): State<Arc<StockService>>, q: Parameters) -> Response {
    let skus = all(&q, "sku");
    if skus.len() != 1 {
        return (StatusCode::BAD_REQUEST, "one sku").into_response();
    }
    let rows = s.find(&skus, &all(&q, "location"));
    Json(rows.into_iter().map(|(_, l, units)| (l, Value::from(units))).collect::<Value>()).into_response()
}

/// A brand of its own mind: `?product=A` to `{"data": {"rows": [{"item": {"code": "A"}, "depot": "WH1",
/// "qty": 5.5, "held": 1}]}}`, numbers as numbers.
pub(super) async fn odd(State(s): State<Arc<StockService>>, q: Parameters) -> Json<Value> {
    let row = |(sku, location, units): (String, String, String)| {
        let qty: Value = serde_json::from_str(&units).unwrap_or(Value::from(units));
        json!({"item": {"code": sku}, "depot": location, "qty": qty, "held": 1})
    };
    let rows: Vec<_> = s.find(&all(&q, "product"), &[]).into_iter().map(row).collect();
    Json(json!({"data": {"rows": rows}}))
}

/// `{"username", "password"}` to `{"token"}`.
pub(super) async fn token(State(s): State<Arc<StockService>>, Json(body): Json<Value>) -> Response {
    let mut state = s.state();
    let Door::Token { username, password, .. } = &state.door else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if body["username"] != username.as_str() || body["password"] != password.as_str() {
        return (StatusCode::BAD_REQUEST, Json(json!({"non_field_errors": ["Unable to log in."]})))
            .into_response();
    }
    let token = format!("stock-token-{}", s.logins.fetch_add(1, Ordering::SeqCst) + 1);
    state.tokens.insert(token.clone());
    Json(json!({"token": token, "expires_in": 3600})).into_response()
}

fn page(q: &Parameters, path: &str, rows: Vec<Value>) -> Json<Value> {
    let number = |name: &str, or: usize| all(q, name).first().and_then(|t| t.parse().ok()).unwrap_or(or);
    let (page, limit) = (number("page", 1).max(1), number("limit", PAGE_ROWS).clamp(1, PAGE_ROWS));
    let count = rows.len();
    let next = (page * limit < count).then(|| format!("{path}?page={}", page + 1));
    let rows: Vec<_> = rows.into_iter().skip((page - 1) * limit).take(limit).collect();
    Json(json!({"count": count, "next": next, "previous": null, "results": rows}))
}

/// Whippy Ware's stocks; two units of each are reserved.
pub(super) async fn whippy_stocks(State(s): State<Arc<StockService>>, q: Parameters) -> Json<Value> {
    let skus: Vec<&str> = all(&q, "sku__in").into_iter().flat_map(|t| t.split(',')).collect();
    let ids = location_ids(&s);
    let row = |(i, (sku, location, units)): (usize, (String, String, String))| {
        json!({"id": i + 1, "sku": sku, "provider": 1, "location": ids[&location], "stock": units, "period": null,
               "unittype": "quantity", "stock_type": "physical", "reserved_stock": "2.00", "is_active": true,
               "created_date": "2031-03-05T00:00:00Z", "modified_date": "2031-03-05T00:00:00Z"})
    };
    let rows = s.find(&skus, &[]).into_iter().enumerate().map(row).collect();
    page(&q, "/api/v1/stocks/", rows)
}

/// Whippy Ware's locations.
pub(super) async fn whippy_locations(State(s): State<Arc<StockService>>, q: Parameters) -> Json<Value> {
    let row = |(code, id): (String, usize)| {
        json!({"id": id, "name": code, "code": code, "provider": 1, "is_active": true,
               "created_date": "2031-03-05T00:00:00Z", "modified_date": "2031-03-05T00:00:00Z"})
    };
    page(&q, "/api/v1/stock-locations/", location_ids(&s).into_iter().map(row).collect())
}

/// Ids far from any count of units, so that a mix-up shows.
fn location_ids(s: &StockService) -> BTreeMap<String, usize> {
    let codes: BTreeSet<String> = s.state().shelf.keys().map(|(_, location)| location.clone()).collect();
    codes.into_iter().enumerate().map(|(i, code)| (code, 7_000 + i)).collect()
}
