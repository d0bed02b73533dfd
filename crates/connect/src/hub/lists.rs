//! Reading lists: pages, whole lists, and records by key.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::Value;

use super::wire::{HubRecord, Record, key_of};
use super::{HubClient, HubError};

/// Pages of one list: with 1,000 records each far more than any hub holds.
pub const MAX_PAGES: u32 = 10_000;
/// Records asked for by key in one request; their keys make an address of two kilobytes.
pub const KEYS_PER_REQUEST: usize = 200;
/// Single reads under way at once when the hub cannot be asked for several.
const SINGLE_READS: usize = 4;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Records of the whole list.
    pub count: u64,
    /// Whether another page follows.
    pub next: bool,
    /// The records of this page.
    pub results: Vec<T>,
}

impl<T> Page<T> {
    pub(super) fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { count: self.count, next: self.next, results: self.results.into_iter().map(f).collect() }
    }
}

/// How far the reading of a whole list has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records read.
    pub done: u64,
    /// Records of the whole list, as the hub counts them.
    pub total: u64,
}

/// Query parameters.
pub type Query<'a> = &'a [(&'a str, &'a str)];

impl HubClient {
    /// One page of any list; pages count from 1.
    pub async fn list_page(
        &self,
        path: &str,
        query: Query<'_>,
        page: u32,
        limit: u32,
    ) -> Result<Page<Value>, HubError> {
        let (page, limit) = (page.max(1).to_string(), limit.max(1).to_string());
        let mut all = query.to_vec();
        all.extend([("limit", limit.as_str()), ("page", page.as_str())]);
        let answer = self.call(Method::GET, path, &all, None).await?;
        read_page(path, answer)
    }

    /// A whole list, page by page; `each` gets every page as it comes.
    pub async fn walk(
        &self,
        path: &str,
        query: Query<'_>,
        limit: u32,
        mut each: impl FnMut(Vec<Value>, Progress) + Send,
    ) -> Result<(), HubError> {
        let wrong = |what: String| Err(HubError::WrongShape { path: path.to_owned(), what });
        let mut done = 0u64;
        for number in 1..=MAX_PAGES {
            let page = self.list_page(path, query, number, limit).await?;
            if page.next && page.results.is_empty() {
                return wrong(format!("page {number} is empty though another one follows"));
            }
            done += page.results.len() as u64;
            each(page.results, Progress { done, total: page.count });
            if !page.next {
                return check_length(path, page.count, done);
            }
        }
        wrong(format!("it has more than {MAX_PAGES} pages"))
    }

    /// A whole list in memory.
    pub async fn list_all(
        &self,
        path: &str,
        query: Query<'_>,
        limit: u32,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Value>, HubError> {
        let mut all = Vec::new();
        self.walk(path, query, limit, |mut page, at| {
            all.append(&mut page);
            progress(at);
        })
        .await?;
        Ok(all)
    }

    /// All records of one kind, in the order of their keys.
    pub async fn read_all<T: HubRecord>(
        &self,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Record<T>>, HubError> {
        let mut all = Vec::new();
        self.walk(T::PATH, &[("sort", "pk")], T::LIMIT, |page, at| {
            all.extend(page.iter().map(T::read));
            progress(at);
        })
        .await?;
        Ok(all)
    }

    /// The records with these keys, in any order; those the hub does not have are not among them.
    pub async fn read_by_pk<T: HubRecord>(&self, pks: &[i64]) -> Result<Vec<Record<T>>, HubError> {
        let mut all = Vec::with_capacity(pks.len());
        let mut wanted = pks.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let at_once = KEYS_PER_REQUEST.min(T::LIMIT as usize);
        for chunk in wanted.chunks(at_once) {
            let found = if self.filters.ignores_pk_in.load(Ordering::Relaxed) {
                None
            } else {
                self.read_chunk(T::PATH, chunk).await?
            };
            let found = match found {
                Some(found) => found,
                None => self.read_singly(T::PATH, chunk).await?,
            };
            all.extend(found.iter().map(T::read));
        }
        Ok(all)
    }

    /// `None` when the answer shows that the hub does not know the filter.
    async fn read_chunk(&self, path: &str, pks: &[i64]) -> Result<Option<Vec<Value>>, HubError> {
        let wanted: HashSet<i64> = pks.iter().copied().collect();
        let list = joined(pks);
        let query = [("pk__in", list.as_str()), ("sort", "pk")];
        let mut found = Vec::with_capacity(pks.len());
        let limit = u32::try_from(pks.len()).unwrap_or(u32::MAX);
        for number in 1..=MAX_PAGES {
            let mut page = self.list_page(path, &query, number, limit).await?;
            let foreign = |value: &Value| key_of(value).is_some_and(|pk| !wanted.contains(&pk));
            if page.results.iter().any(foreign) || page.count > pks.len() as u64 {
                tracing::warn!(path, "the hub ignores pk__in; records are read one by one from now on");
                self.filters.ignores_pk_in.store(true, Ordering::Relaxed);
                return Ok(None);
            }
            let (next, empty) = (page.next, page.results.is_empty());
            found.append(&mut page.results);
            if !next || empty {
                check_length(path, page.count, found.len() as u64)?;
                break;
            }
        }
        Ok(Some(found))
    }

    async fn read_singly(&self, path: &str, pks: &[i64]) -> Result<Vec<Value>, HubError> {
        // `orders/detailed/` has its single form at `orders/7/detailed/`.
        let (head, tail) = match path.strip_suffix("detailed/") {
            Some(head) => (head, "detailed/"),
            None => (path, ""),
        };
        let read_one = |pk: i64| async move {
            match self.call(Method::GET, &format!("{head}{pk}/{tail}"), &[], None).await {
                Ok(value) => Ok(Some(value)),
                Err(HubError::BadRequest { status: 404, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let reads = stream::iter(pks.iter().copied()).map(read_one).buffered(SINGLE_READS);
        let found: Vec<Option<Value>> = reads.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// Keys as the hub wants several of them.
pub(super) fn joined(pks: &[i64]) -> String {
    pks.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

/// A list that gave fewer records than it counts was cut, or changed while it was read: read it again.
pub(super) fn check_length(path: &str, count: u64, done: u64) -> Result<(), HubError> {
    if done >= count {
        return Ok(());
    }
    tracing::warn!(path, count, done, "the hub's list gave fewer records than it counts");
    Err(HubError::Truncated)
}

/// The usual envelope, or a bare array.
fn read_page(path: &str, answer: Value) -> Result<Page<Value>, HubError> {
    let wrong = |what: &str| HubError::WrongShape { path: path.to_owned(), what: what.to_owned() };
    match answer {
        Value::Array(results) => Ok(Page { count: results.len() as u64, next: false, results }),
        Value::Object(mut map) => {
            let Some(Value::Array(results)) = map.remove("results") else {
                return Err(wrong("it holds no list under results"));
            };
            let next = map.get("next").is_some_and(|n| !matches!(n, Value::Null | Value::Bool(false)));
            let count = map.get("count").and_then(Value::as_u64).unwrap_or(results.len() as u64);
            Ok(Page { count, next, results })
        }
        _ => Err(wrong("it is neither a list nor a page of one")),
    }
}
