//! Flat rows for spreadsheets and business intelligence: pages of reports, whole reports, and the rows that
//! a list's filters leave.

use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::lists::reports::{self as store, Cell, Report, Span};
use oms_store::lists::{self, Ask, List};

use crate::{App, Result};

/// Rows of a file: as many as a server can hold for a few callers at once, and as people can still open.
pub const MAX_ROWS: usize = 100_000;
/// Rows read at once.
pub const PAGE: usize = 1_000;

/// The report of a name; an unknown one is refused with those there are.
pub fn named(name: &str) -> Result<&'static Report> {
    Ok(store::by_name(name).ok_or_else(|| {
        let names: Vec<_> = store::ALL.iter().map(|r| r.name).collect();
        let message = format!("There is no report of that name. There are: {}.", names.join(", "));
        Refusal::not_found("report", name).with_message(message)
    })?)
}

/// The next rows of a report, and whether there are more.
pub async fn page(app: &App, report: &Report, span: &Span, limit: usize) -> Result<(Vec<Vec<Cell>>, bool)> {
    let mut tx = app.store.read().await?;
    let (mut span, mut rows) = (span.clone(), Vec::new());
    let has_more = read(&mut tx, report, &mut span, limit, &mut rows).await?;
    Ok((rows, has_more))
}

/// All rows of a span. `limit`: that many at most; without one, more than a file holds are refused.
pub async fn whole(app: &App, report: &Report, span: &Span, limit: Option<usize>) -> Result<Vec<Vec<Cell>>> {
    let most = limit.map_or(MAX_ROWS, |limit| limit.min(MAX_ROWS));
    let (rows, has_more) = page(app, report, span, most).await?;
    if has_more && limit.is_none() {
        return Err(too_many(match report.created {
            Some(_) => "created_date__gte and created_date__lt, or read it in parts with limit and after",
            None => "limit and after, in parts",
        })
        .into());
    }
    Ok(rows)
}

async fn read(
    tx: &mut Tx,
    report: &Report,
    span: &mut Span,
    most: usize,
    rows: &mut Vec<Vec<Cell>>,
) -> Result<bool> {
    loop {
        // One more than is wanted tells whether there are more.
        let wanted = (most - rows.len() + 1).min(PAGE);
        let mut more = report.page(tx, span, wanted).await?;
        let is_last = more.len() < wanted;
        if rows.len() + more.len() > most {
            more.truncate(most - rows.len());
            rows.append(&mut more);
            return Ok(true);
        }
        span.after = more.last().and_then(|row| report.after(row)).or(span.after);
        rows.append(&mut more);
        if is_last {
            return Ok(false);
        }
    }
}

fn too_many(how: &str) -> Refusal {
    let message =
        format!("This would be more than {MAX_ROWS} rows, the most a file holds. Narrow it by {how}.");
    Refusal::invalid("format", "too_many_rows", message)
}

/// The rows of a report that a list's filters leave, in the list's order.
pub async fn of_list(app: &App, report: &Report, list: &List, ask: &Ask) -> Result<Vec<Vec<Cell>>> {
    let mut tx = app.store.read().await?;
    let ids = lists::ids(&mut tx, list, ask, MAX_ROWS + 1).await?;
    if ids.len() > MAX_ROWS {
        return Err(too_many("a filter, for example created_date__gte and created_date__lt").into());
    }
    let mut rows = Vec::with_capacity(ids.len());
    for part in ids.chunks(PAGE) {
        rows.extend(report.by_ids(&mut tx, part).await?);
    }
    Ok(rows)
}
