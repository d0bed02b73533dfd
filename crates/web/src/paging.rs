//! Pages of lists: which part is asked for, and the documented frame around it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use oms_app::views;
use oms_core::refusal::Refusal;
use oms_store::lists::{Ask, List, Page, Place, has_places};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::export::Format;
use crate::input::Query;
use crate::problem::Problem;

/// Rows a page if the caller does not say.
pub(crate) const DEFAULT_LIMIT: i64 = 20;
/// Rows a page at most: callers that ask for more get this many and a `next`.
pub(crate) const MAX_LIMIT: i64 = 100;

/// Bytes of the digest at a cursor's end.
const CURSOR_DIGEST: usize = 8;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    /// Rows on all pages.
    pub count: i64,
    /// Address of the next page.
    pub next: Option<String>,
    /// Address of the page before.
    pub previous: Option<String>,
    /// Ours: what `cursor` takes to go on behind the last row, in lists sorted by id or by a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    pub results: Vec<T>,
}

/// A list's query: the page, the order, the filters and where it was asked.
pub(crate) struct ListQuery {
    pub page: i64,
    pub limit: Option<i64>,
    sort: Option<String>,
    /// What is left are filters.
    pub filters: Vec<(String, String)>,
    cursor: Option<String>,
    address: String,
    path: String,
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
            cursor: None,
            address: address(parts),
            path: parts.uri.path().to_owned(),
            given,
        };
        let mut format = Format::Json;
        for (name, text) in &query.given {
            match name.as_str() {
                "page" => query.page = whole(name, text)?,
                "limit" | "page_size" => query.limit = Some(whole(name, text)?.min(MAX_LIMIT)),
                "sort" => query.sort = Some(text.clone()).filter(|s| !s.is_empty()),
                "cursor" => query.cursor = Some(text.clone()),
                "format" => format = read_format(text)?,
                _ => query.filters.push((name.clone(), text.clone())),
            }
        }
        if query.cursor.is_some() && query.given.iter().any(|(name, _)| name == "page") {
            return Err(wrong("cursor", "page and cursor exclude each other: send one of them.").into());
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
        let mut ask = Ask {
            conditions,
            order: self.sort.clone(),
            page: self.page,
            limit: self.limit(DEFAULT_LIMIT),
            counts_all: true,
            after: None,
        };
        if let Some(cursor) = &self.cursor {
            if !has_places(list, &ask) {
                return Err(wrong("cursor", "This list has no cursor in this order: use page.").into());
            }
            ask.after = Some(self.read_cursor(cursor)?);
        }
        Ok(ask)
    }

    /// The cursor of a place in this very list: with these filters, in this order.
    fn cursor(&self, place: Place) -> String {
        let mut bytes = Vec::with_capacity(16 + CURSOR_DIGEST);
        bytes.extend(place.key.to_be_bytes());
        bytes.extend(place.id.to_be_bytes());
        let digest = self.cursor_digest(&bytes);
        bytes.extend(digest);
        hex::encode(bytes)
    }

    fn read_cursor(&self, text: &str) -> Result<Place, Refusal> {
        let read = || {
            let bytes = hex::decode(text).ok()?;
            let (place, digest) = bytes.split_at_checked(16)?;
            let (key, id) = place.split_at(8);
            let place = Place {
                key: i64::from_be_bytes(key.try_into().ok()?),
                id: i64::from_be_bytes(id.try_into().ok()?),
            };
            (digest == self.cursor_digest(&bytes[..16])).then_some(place)
        };
        read().ok_or_else(|| {
            wrong("cursor", "The cursor is not one that this list gave with these filters in this order.")
        })
    }

    /// Ties a cursor to its list, filters and order. It holds nothing that its reader may not know, so that a digest
    /// without a secret will do: it is there to find mistakes.
    fn cursor_digest(&self, place: &[u8]) -> [u8; CURSOR_DIGEST] {
        let mut hash = Sha256::new();
        hash.update(b"cursor 1");
        hash.update(place);
        let sort = self.sort.clone().unwrap_or_default();
        let of = (self.path.trim_end_matches('/').to_owned(), sort);
        for (name, value) in std::iter::once(&of).chain(&self.filters) {
            for text in [name, value] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        std::array::from_fn(|i| digest[i])
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
        let is_full = page.rows.len() as i64 == limit;
        let next_cursor = page.last.filter(|_| is_full).map(|place| self.cursor(place));
        let (next, previous) = match &self.cursor {
            Some(_) => (next_cursor.as_ref().map(|c| self.link("cursor", c)), None),
            None => (
                (self.page < pages).then(|| self.link("page", &(self.page + 1).to_string())),
                (self.page > 1).then(|| self.link("page", &(self.page - 1).to_string())),
            ),
        };
        let results = page.rows.into_iter().map(view).collect();
        Ok(Paged { count: page.count, next, previous, next_cursor, results })
    }

    fn link(&self, name: &str, value: &str) -> String {
        let mut query = form(&[(name.to_owned(), value.to_owned())]);
        for pair in self.given.iter().filter(|(name, _)| name != "page" && name != "cursor") {
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
