//! Whippy Ware: pages of stock rows, whose locations are ids with their codes in another list.

use std::collections::HashMap;
use std::sync::Arc;

use oms_core::engines::answers::{self, Readings, Wanted, field};
use serde_json::Value;
use url::Url;

use super::{EngineClient, EngineError};
use crate::http::Request;

/// Where its lists begin, below the configured address.
const STOCKS: &str = "api/v1/stocks/";
const LOCATIONS: &str = "api/v1/stock-locations/";
/// Rows a page.
const PAGE_ROWS: usize = 500;
/// Pages of one list: 100 SKUs at 500 locations. A list that is longer is not of these SKUs.
const MAX_PAGES: usize = 100;

impl EngineClient {
    pub(super) async fn whippy(&self, skus: &[&str], wanted: &Wanted) -> Result<Readings, EngineError> {
        let joined = skus.join(",");
        // A server that does not know the filter answers with everything, which is read all the same.
        let filter = if joined.contains(',') && skus.len() == 1 { "sku" } else { "sku__in" };
        let mut rows = self.walk(STOCKS, &[(filter, &joined)]).await?;
        rows.retain(|row| row.get("is_active").and_then(Value::as_bool) != Some(false));
        self.name_locations(&mut rows).await?;
        let mut answer = Value::Array(rows);
        if !self.mapping.at.is_empty() {
            // The mapping reads a page as it came; here all pages are one list.
            for key in self.mapping.at.rsplit('/').filter(|key| !key.is_empty()) {
                answer = Value::Object([(key.to_owned(), answer)].into_iter().collect());
            }
        }
        Ok(answers::read(&self.config, &self.mapping, &answer, None, &self.narrowed(skus, wanted))?)
    }

    /// Puts codes where rows have ids. Ids that are not known are looked up once; what stays unknown is
    /// left as it is, for it may be a code already.
    async fn name_locations(&self, rows: &mut [Value]) -> Result<(), EngineError> {
        let id = |row: &Value| match field(row, &self.mapping.location) {
            Some(Value::Number(n)) => Some(n.to_string()),
            Some(Value::String(s)) => Some(s.clone()),
            _ => None,
        };
        let mut places = self.places.lock().await.clone();
        if rows.iter().filter_map(id).any(|id| !places.contains_key(&id)) {
            places = Arc::new(self.codes().await?);
            *self.places.lock().await = places.clone();
        }
        for row in rows {
            if let Some(code) = id(row).and_then(|id| places.get(&id))
                && let Some(place) = row.get_mut(&self.mapping.location)
            {
                *place = code.as_str().into();
            }
        }
        Ok(())
    }

    async fn codes(&self) -> Result<HashMap<String, String>, EngineError> {
        let mut codes = HashMap::new();
        for row in self.walk(LOCATIONS, &[]).await? {
            let (Some(id), Some(code)) = (row["id"].as_i64(), row["code"].as_str()) else {
                let what = format!("a row of {LOCATIONS} has no whole number id and text code");
                return Err(EngineError::WrongShape { what });
            };
            codes.insert(id.to_string(), code.to_owned());
        }
        Ok(codes)
    }

    /// All rows of a list.
    async fn walk(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, EngineError> {
        let wrong = |what: String| Err(EngineError::WrongShape { what });
        let url = self.below(path)?;
        let mut rows = Vec::new();
        for page in 1..=MAX_PAGES {
            let mut request = Request::get(url.clone());
            for (name, value) in query {
                request = request.query(name, value);
            }
            request = request.query("page", &page.to_string()).query("limit", &PAGE_ROWS.to_string());
            let answer = self.get(request).await?;
            let mut value = answers::json(&answer.bytes)?;
            let Some(Value::Array(part)) = value.get_mut("results").map(Value::take) else {
                return wrong(format!("a page of {path} with a list of results is expected"));
            };
            let more = value.get("next").is_some_and(|next| !next.is_null());
            if more && part.is_empty() {
                return wrong(format!("page {page} of {path} is empty and names another page"));
            }
            rows.extend(part);
            if !more {
                return match value.get("count").and_then(Value::as_u64) {
                    // Rows that moved between pages would otherwise read as none.
                    Some(count) if count != rows.len() as u64 => {
                        wrong(format!("{path} says {count} rows and gave {}", rows.len()))
                    }
                    _ => Ok(rows),
                };
            }
        }
        wrong(format!("{path} has more than {MAX_PAGES} pages for these SKUs; it seems to ignore sku__in"))
    }

    fn below(&self, path: &str) -> Result<Url, EngineError> {
        let base = self.url.as_str().trim_end_matches('/');
        super::parse_url(&self.http, "service.url", &format!("{base}/{path}"))
    }
}
