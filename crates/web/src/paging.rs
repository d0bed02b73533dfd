//! Pages of lists: which part is asked for, and the documented frame around it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use oms_app::views;
use oms_core::refusal::Refusal;
use oms_store::lists::{Ask, List, Page};
use serde::Serialize;
use utoipa::ToSchema;

use crate::export::Format;
use crate::input::Query;
use crate::problem::Problem;

/// Rows a page if the caller does not say.
pub(crate) const DEFAULT_LIMIT: i64 = 20;
/// Rows a page at most: callers that ask for more get this many and a `next`.
pub(crate) const MAX_LIMIT: i64 = 100;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    /// Rows on all pages.
    pub count: i64,
    /// Address of the next page.
    pub next: Option<String>,
    /// Address of the page before.
    pub previous: Option<String>,
    pub results: Vec<T>,
}

/// A list's query: the page, the order, the filters and where it was asked.
pub(crate) struct ListQuery {
    pub page: i64,
    pub limit: Option<i64>,
    sort: Option<String>,
    /// What is left are filters.
    pub filters: Vec<(String, String)>,
    address: String,
    given: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ExportQuery { list, format } = ExportQuery::from_request_parts(parts, state).await?;
        match format {
            Format::Json => Ok(list),
            _ => Err(wrong(
                "format",
                "This list answers JSON alone. Files are made of transfer_orders/, transfer-items/ and the lists \
                 under reports/.",
            )
            .into()),
        }
    }
}

/// The query of a list that is also made into files.
pub(crate) struct ExportQuery {
    pub list: ListQuery,
    pub format: Format,
}

impl<S: Send + Sync> FromRequestParts<S> for ExportQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(given) = Query::from_request_parts(parts, state).await?;
        let mut query = ListQuery {
            page: 1,
            limit: None,
            sort: None,
            filters: Vec::new(),
            address: address(parts),
            given,
        };
        let mut format = Format::Json;
        for (name, text) in &query.given {
            match name.as_str() {
                "page" => query.page = whole(name, text)?,
                "limit" | "page_size" => query.limit = Some(whole(name, text)?.min(MAX_LIMIT)),
                "sort" => query.sort = Some(text.clone()).filter(|s| !s.is_empty()),
                "format" => format = read_format(text)?,
                _ => query.filters.push((name.clone(), text.clone())),
            }
        }
        Ok(Self { list: query, format })
    }
}

/// Reads the `format` parameter.
pub(crate) fn read_format(text: &str) -> Result<Format, Refusal> {
    Format::parse(text).ok_or_else(|| wrong("format", "format is one of json, csv, xls, xlsx and html."))
}

pub(crate) fn wrong(name: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(name, "invalid", message)
}

pub(crate) fn whole(name: &str, text: &str) -> Result<i64, Refusal> {
    let number = text.trim().parse::<i64>().ok().filter(|n| *n >= 1);
    number.ok_or_else(|| wrong(name, format!("{name} is a whole number from 1.")))
}

/// Scheme, host and path as the caller wrote them.
pub(crate) fn address(parts: &Parts) -> String {
    let header = |name| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let host = header(header::HOST).or(parts.uri.authority().map(|a| a.as_str())).unwrap_or("localhost");
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']'))
        .collect();
    let secure = parts.headers.get("x-forwarded-proto").is_some_and(|v| v == "https");
    format!("{}://{host}{}", if secure { "https" } else { "http" }, parts.uri.path())
}

impl ListQuery {
    /// What the store is asked, by the list's table.
    pub(crate) fn ask(&self, list: &List) -> Result<Ask, Problem> {
        if let Some(sort) = &self.sort
            && !list.orders.iter().any(|(name, _)| name == sort)
        {
            let known: Vec<_> = list.orders.iter().map(|(n, _)| *n).collect();
            return Err(wrong(
                "sort",
                format!("{sort:?} is not an order here. Known: {}.", known.join(", ")),
            )
            .into());
        }
        let conditions = views::conditions(list, &self.filters)?;
        Ok(Ask { conditions, order: self.sort.clone(), page: self.page, limit: self.limit(DEFAULT_LIMIT) })
    }

    /// Rows a page.
    pub(crate) fn limit(&self, default: i64) -> i64 {
        self.limit.unwrap_or(default)
    }

    /// The documented frame around a page. A page beyond the last is not there.
    pub(crate) fn frame<T, U>(
        &self,
        page: Page<T>,
        limit: i64,
        view: impl FnMut(T) -> U,
    ) -> Result<Paged<U>, Problem> {
        let pages = (page.count + limit - 1) / limit;
        if self.page > pages.max(1) {
            let message = format!("There is no page {}; the last one is {}.", self.page, pages.max(1));
            return Err(Problem::new(StatusCode::NOT_FOUND, "detail", "not_found", message));
        }
        Ok(Paged {
            count: page.count,
            next: (self.page < pages).then(|| self.link(self.page + 1)),
            previous: (self.page > 1).then(|| self.link(self.page - 1)),
            results: page.rows.into_iter().map(view).collect(),
        })
    }

    fn link(&self, page: i64) -> String {
        let mut query = form(&[("page".to_owned(), page.to_string())]);
        for pair in self.given.iter().filter(|(name, _)| name != "page") {
            query.push('&');
            query.push_str(&form(std::slice::from_ref(pair)));
        }
        format!("{}?{query}", self.address)
    }
}

/// `name=value` with everything but letters, digits and `-._~,` escaped.
pub(crate) fn form(pairs: &[(String, String)]) -> String {
    let escape = |text: &str| {
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    };
    pairs.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect::<Vec<_>>().join("&")
}
