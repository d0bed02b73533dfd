//! Flat lists for spreadsheets and business intelligence.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use oms_app::upkeep::reports;
use oms_core::refusal::Refusal;
use oms_core::time;
use oms_store::lists::reports::{ALL, After, Cell, Key, Report, Shape, Span};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::auth::Who;
use crate::export::{self, Format, Table};
use crate::input::Query;
use crate::paging::{address, form, read_format, whole, wrong};
use crate::problem::Problem;
use crate::state::WebState;

/// Rows a page if the caller does not say.
const DEFAULT_ROWS: usize = 100;
/// What may be asked of a report.
const PARAMETERS: &str = "format, created_date__gte, created_date__lt, after, limit";

/// A report that can be read.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportView {
    name: &'static str,
    /// What a row is.
    description: &'static str,
    /// Where it is read.
    url: String,
    /// Whether `created_date__gte` and `created_date__lt` narrow it.
    has_dates: bool,
    columns: Vec<ColumnView>,
}

/// A column of a report.
#[derive(Serialize, ToSchema)]
pub(crate) struct ColumnView {
    /// Stays as it is.
    name: &'static str,
    /// `integer`, `text`, `money`, `time` or `boolean`; any may be null.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Every report.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportsView {
    results: Vec<ReportView>,
}

/// Rows of a report.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportPage {
    report: &'static str,
    /// Address of the next rows; null: there are none.
    next: Option<String>,
    /// One object a row, its keys the columns.
    #[schema(value_type = Vec<Object>)]
    results: Vec<Map<String, Value>>,
}

fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::Int => "integer",
        Shape::Money => "money",
        Shape::Time => "time",
        Shape::Flag => "boolean",
        Shape::Text | Shape::State | Shape::StateName | Shape::OrderStatus => "text",
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Int(number) => number.into(),
        Cell::Flag(flag) => flag.into(),
        Cell::Text(text) => text.into(),
        Cell::Money(_) | Cell::Time(_) => cell.text().into(),
    }
}

/// What is asked of a report.
struct Asked {
    format: Format,
    span: Span,
    limit: Option<usize>,
    /// What a link to the next rows repeats.
    kept: Vec<(String, String)>,
}

impl Asked {
    fn read(report: &Report, given: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut asked = Self { format: Format::Json, span: Span::default(), limit: None, kept: Vec::new() };
        for (name, text) in given {
            let moment = || match report.created {
                Some(_) => time::parse_us(&text).map(Some).map_err(|e| wrong(&name, format!("{name}: {e}."))),
                None => {
                    Err(wrong(&name, format!("The rows of {} have no dates: they tell of now.", report.name)))
                }
            };
            match name.as_str() {
                "format" => asked.format = read_format(&text)?,
                "created_date__gte" => asked.span.created_from_us = moment()?,
                "created_date__lt" => asked.span.created_before_us = moment()?,
                "limit" => asked.limit = Some(whole(&name, &text)?.min(reports::MAX_ROWS as i64) as usize),
                "after" => asked.span.after = Some(after(report, &text)?),
                _ => {
                    let message = format!("{name:?} is not a parameter of reports. Known: {PARAMETERS}.");
                    return Err(Refusal::invalid(name.as_str(), "unknown_parameter", message));
                }
            }
            if name != "after" {
                asked.kept.push((name, text));
            }
        }
        Ok(asked)
    }
}

fn after(report: &Report, text: &str) -> Result<After, Refusal> {
    After::parse(report.key, text).ok_or_else(|| {
        let form = match report.key {
            Key::Id => "a whole number",
            Key::Place => "two whole numbers with a hyphen between them",
        };
        wrong("after", format!("after is the id of the last row that was read: {form}."))
    })
}

/// **Ours.** List the flat lists for spreadsheets and business intelligence.
#[utoipa::path(get, path = "/api/v1/oms/reports/", tag = "reports", responses((status = 200, body = ReportsView)))]
pub(crate) async fn list(parts: Parts) -> Json<ReportsView> {
    let here = address(&parts);
    let view = |report: &Report| ReportView {
        name: report.name,
        description: report.about,
        url: format!("{here}{}/", report.name),
        has_dates: report.created.is_some(),
        columns: report.columns.iter().map(|c| ColumnView { name: c.name, kind: kind(c.shape) }).collect(),
    };
    Json(ReportsView { results: ALL.into_iter().map(view).collect() })
}

/// **Ours.** Rows of a report, in the order of their ids, which says nothing of time. JSON comes in pages: follow
/// `next`, or send the id of the last row as `after`. A file holds all rows and is refused where they are more than
/// 100,000; with `limit` it holds that many, and `after` reads on. Nothing of a person is in any row.
#[utoipa::path(get, path = "/api/v1/oms/reports/{name}/", tag = "reports",
    params(("name" = String, Path, description = "`order-lines`, `packages`, `package-items`, `transfers`, \
               `transfer-items`, `stocks` or `state-transitions`."),
           ("format" = Option<String>, Query, description = "`json` or a file: `csv`, `html`, `xlsx`; `xls` gives an .xlsx file too."),
           ("created_date__gte" = Option<String>, Query, description = "ISO 8601. Not of `stocks`."),
           ("created_date__lt" = Option<String>, Query, description = "ISO 8601. Not of `stocks`."),
           ("after" = Option<String>, Query, description = "The id of the last row that was read."),
           ("limit" = Option<i64>, Query, description = "Rows. JSON: 100 if you do not say, and at most 1,000; more means 1,000.")),
    responses((status = 200, content((ReportPage = "application/json"), (String = "text/csv"), (String = "text/html"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub(crate) async fn get(
    State(state): State<WebState>,
    Who(who): Who,
    Path(name): Path<String>,
    Query(given): Query,
    parts: Parts,
) -> Result<Response, Problem> {
    let report = reports::named(&name)?;
    if !who.role.may(report.permission) {
        let detail = "Your role does not include what this report tells; ask an administrator.";
        return Err(Problem::access(StatusCode::FORBIDDEN, "permission_denied", detail));
    }
    let asked = Asked::read(report, given)?;
    if asked.format != Format::Json {
        let turn = export::turn().await?;
        let rows = reports::whole(&state.app, report, &asked.span, asked.limit).await?;
        return export::file(turn, asked.format, Table::of(report, rows), state.app.now_us()).await;
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS).min(reports::PAGE);
    let (rows, has_more) = reports::page(&state.app, report, &asked.span, limit).await?;
    let last = rows.last().and_then(|row| row.first()).filter(|_| has_more);
    let next = last.map(|key| {
        let mut query = asked.kept.clone();
        query.push(("after".into(), key.text()));
        format!("{}?{}", address(&parts), form(&query))
    });
    let object = |row: Vec<Cell>| {
        report.columns.iter().zip(row).map(|(column, cell)| (column.name.to_owned(), value(cell))).collect()
    };
    let results = rows.into_iter().map(object).collect();
    Ok(Json(ReportPage { report: report.name, next, results }).into_response())
}
