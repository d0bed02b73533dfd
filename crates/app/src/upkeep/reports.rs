//! Flat rows for spreadsheets and business intelligence: pages of reports, whole reports, and the rows that
//! a list's filters leave.

use oms_core::refusal::Refusal;
use oms_store::Tx;
use oms_store::lists::reports::{self as store, Cell, Key, Report, Span};
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
    // One more than is wanted tells whether there are more.
    let mut rows = report.page(&mut app.store.read().await?, span, limit + 1).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, has_more))
}

/// All rows of a span. `limit`: that many at most; without one, more than a file holds are refused.
pub async fn whole(app: &App, report: &Report, span: &Span, limit: Option<usize>) -> Result<Vec<Vec<Cell>>> {
    let most = limit.map_or(MAX_ROWS, |limit| limit.min(MAX_ROWS));
    let wanted = if limit.is_none() { most + 1 } else { most };
    let mut tx = app.store.read().await?;
    match report.key {
        Key::Id => {
            let ids = report.ids(&mut tx, span, wanted).await?;
            refuse_beyond(most, ids.len(), report)?;
            by_ids(&mut tx, report, &ids).await
        }
        Key::Place => {
            let rows = by_pages(&mut tx, report, span.clone(), wanted).await?;
            refuse_beyond(most, rows.len(), report)?;
            Ok(rows)
        }
    }
}

async fn by_ids(tx: &mut Tx, report: &Report, ids: &[i64]) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::with_capacity(ids.len());
    for part in ids.chunks(PAGE) {
        rows.extend(report.by_ids(tx, part).await?);
    }
    Ok(rows)
}

async fn by_pages(tx: &mut Tx, report: &Report, mut span: Span, wanted: usize) -> Result<Vec<Vec<Cell>>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    while rows.len() < wanted {
        let limit = PAGE.min(wanted - rows.len());
        let more = report.page(tx, &span, limit).await?;
        let is_last = more.len() < limit;
        span.after = more.last().and_then(|row| report.after(row)).or(span.after);
        rows.extend(more);
        if is_last {
            break;
        }
    }
    Ok(rows)
}

fn refuse_beyond(most: usize, rows: usize, report: &Report) -> Result<(), Refusal> {
    match (rows > most, report.created) {
        (false, _) => Ok(()),
        (true, Some(_)) => {
            let how = "created_date__gte and created_date__lt, or read it in parts with limit and after";
            Err(too_many(how))
        }
        (true, None) => Err(too_many("limit and after, in parts")),
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
    by_ids(&mut tx, report, &ids).await
}
