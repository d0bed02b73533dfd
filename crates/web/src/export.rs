//! Files of flat rows: CSV, XLSX and HTML. What stands in them was typed by people somewhere, and a program
//! that opens them must not run it.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, html};
use oms_core::time::format_us;
use oms_store::lists::reports::{Cell, Report};
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, XlsxError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::Problem;

/// Files made at once: the largest takes some hundred megabytes while it is made.
const FILES_AT_ONCE: usize = 2;
/// The longest text of a spreadsheet's cell, in UTF-16 units.
const LONGEST_CELL: usize = 32_767;

/// What the API's description says of the parameter.
pub(crate) const FORMAT_TEXT: &str = "`json`, or a file of flat rows with fixed columns: `csv`, `html`, `xlsx`; `xls` gives an .xlsx file too. \
     A file holds all rows that fit the filters, whatever page and limit say, and at most 100,000: narrow what is more. \
     Times are UTC. In CSV and HTML a text that a spreadsheet would run as a formula begins with an apostrophe.";

static FILES: Semaphore = Semaphore::const_new(FILES_AT_ONCE);

/// What a list is answered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    /// Also asked for as `xls`: what opens that opens this.
    Xlsx,
    Html,
}

impl Format {
    /// From the `format` parameter.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "xls" | "xlsx" => Some(Self::Xlsx),
            "html" => Some(Self::Html),
            _ => None,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// Rows with their columns.
pub(crate) struct Table {
    /// Of the file and the sheet.
    pub name: &'static str,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A report's rows.
    pub(crate) fn of(report: &Report, rows: Vec<Vec<Cell>>) -> Self {
        Self { name: report.name, columns: report.columns.iter().map(|c| c.name).collect(), rows }
    }
}

/// The right to make a file: taken before its rows are read, so that few callers' rows are held at once.
pub(crate) async fn turn() -> Result<SemaphorePermit<'static>, Problem> {
    FILES.acquire().await.map_err(|_| Problem::failure())
}

/// The table as a file to save.
pub(crate) async fn file(
    turn: SemaphorePermit<'static>,
    format: Format,
    table: Table,
    now_us: i64,
) -> Result<Response, Problem> {
    let day = format_us(now_us);
    let day = day.split('T').next().unwrap_or_default();
    let disposition = format!("attachment; filename=\"{}-{day}.{}\"", table.name, format.extension());
    // The turn goes with the work: a caller who leaves does not end it.
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        render(format, &table)
    });
    let bytes = made.await.map_err(|_| Problem::failure())?.map_err(|error| {
        tracing::error!(%error, "a file of rows could not be made");
        Problem::failure()
    })?;
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    let disposition = HeaderValue::from_str(&disposition).map_err(|_| Problem::failure())?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// Why a file could not be made.
#[derive(Debug)]
enum Failed {
    Csv(csv::Error),
    Xlsx(XlsxError),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Csv(e) => e.fmt(f),
            Self::Xlsx(e) => e.fmt(f),
        }
    }
}

fn render(format: Format, table: &Table) -> Result<Vec<u8>, Failed> {
    match format {
        Format::Json | Format::Html => Ok(as_html(table).into_bytes()),
        Format::Csv => as_csv(table).map_err(Failed::Csv),
        Format::Xlsx => as_xlsx(table).map_err(Failed::Xlsx),
    }
}

/// Whether a spreadsheet takes a cell that begins so for a formula.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

/// What some programs drop at a cell's start, so that what follows begins it.
fn is_dropped(c: char) -> bool {
    matches!(c, '\t' | '\r' | '\n' | '\0')
}

/// A text that no spreadsheet takes for a formula. `separators`: where a program may begin a cell inside the
/// text, because it splits lines otherwise than they were written.
fn guarded(text: &str, separators: &[char]) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    if text.starts_with(is_dropped) {
        safe.push('\'');
    }
    let mut is_start = true;
    for c in text.chars() {
        if is_start && begins_formula(c) {
            safe.push('\'');
        }
        safe.push(c);
        // Quotation marks and blanks at a cell's start are dropped by some programs.
        is_start = separators.contains(&c) || (is_start && matches!(c, '"' | ' '));
    }
    safe
}

/// Where programs of some languages split a line, whatever is quoted.
const CSV_SEPARATORS: [char; 4] = [';', '\t', '\n', '\r'];

fn as_csv(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::<u8>::new());
    writer.write_record(&table.columns)?;
    for row in &table.rows {
        for cell in row {
            match cell {
                Cell::Text(text) => writer.write_field(guarded(text, &CSV_SEPARATORS))?,
                other => writer.write_field(other.text())?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.into_inner().map_err(|e| csv::Error::from(std::io::Error::other(e.to_string())))
}

fn as_html(table: &Table) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (table.name) } }
            body {
                table {
                    thead { tr { @for name in &table.columns { th { (name) } } } }
                    tbody {
                        @for row in &table.rows {
                            tr {
                                @for cell in row {
                                    @match cell {
                                        Cell::Text(text) => td { (guarded(text, &[])) },
                                        other => td { (other.text()) },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// What fits into a cell.
fn fitting(text: &str) -> &str {
    let mut units = 0;
    let cut = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > LONGEST_CELL
    });
    cut.map_or(text, |(at, _)| &text[..at])
}

fn as_xlsx(table: &Table) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let bold = CellFormat::new().set_bold();
    let time = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    let money = CellFormat::new().set_num_format("0.00");
    let sheet = workbook.add_worksheet().set_name(table.name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (x, name) in (0u16..).zip(&table.columns) {
        sheet.write_string_with_format(0, x, *name, &bold)?;
    }
    for (y, row) in (1u32..).zip(&table.rows) {
        for (x, cell) in (0u16..).zip(row) {
            match cell {
                Cell::Empty => continue,
                // Written as strings, which no program reads as formulas.
                Cell::Text(text) => sheet.write_string(y, x, fitting(text))?,
                Cell::Int(number) => sheet.write_number(y, x, *number as f64)?,
                Cell::Money(minor) => sheet.write_number_with_format(y, x, *minor as f64 / 100.0, &money)?,
                Cell::Time(us) => match ExcelDateTime::from_timestamp(us.div_euclid(1_000_000)) {
                    Ok(at) => sheet.write_datetime_with_format(y, x, at, &time)?,
                    // Before 1900 a spreadsheet has no days.
                    Err(_) => sheet.write_string(y, x, format_us(*us))?,
                },
                Cell::Flag(flag) => sheet.write_boolean(y, x, *flag)?,
            };
        }
    }
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(texts: &[&str]) -> Table {
        let rows = texts.iter().map(|t| {
            vec![Cell::Text((*t).into()), Cell::Int(-5), Cell::Money(-250), Cell::Time(0), Cell::Empty]
        });
        Table { name: "test", columns: vec!["text", "int", "money", "time", "empty"], rows: rows.collect() }
    }

    const CANARIES: [&str; 14] = [
        "=1+1", "+1", "-1+1|cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＋1", "－1", "＠1",
        " =1", "\"=1",
    ];

    #[test]
    fn text_stays_text_and_numbers_stay_numbers() {
        let bytes = as_csv(&table(&CANARIES)).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), CANARIES.len());
        for (row, canary) in rows.iter().zip(CANARIES) {
            let cell = row.get(0).unwrap();
            let first = cell.trim_start_matches([' ', '"']).chars().next().unwrap();
            assert!(!begins_formula(first) && !is_dropped(first), "{cell:?}");
            assert_eq!(cell.replace('\'', ""), canary, "nothing but the mark is added");
            assert_eq!((row.get(1), row.get(2)), (Some("-5"), Some("-2.50")));
            assert_eq!((row.get(3), row.get(4)), (Some("1970-01-01T00:00:00.000000Z"), Some("")));
        }
        // A program that splits at semicolons begins a cell there.
        assert_eq!(guarded("a;=1;b", &CSV_SEPARATORS), "a;'=1;b");
        assert_eq!(guarded("Kadıköy-1 a=b, c+d", &CSV_SEPARATORS), "Kadıköy-1 a=b, c+d");
        let text = as_html(&table(&["=1", "<script>", "a&b"]));
        assert!(text.contains("<td>'=1</td>") && text.contains("<td>&lt;script&gt;</td>"), "{text}");
        assert!(text.contains("<td>-5</td>") && text.contains("<td>a&amp;b</td>"));
    }

    #[test]
    fn fields_are_quoted_as_the_standard_says() {
        let bytes = as_csv(&table(&["a\"b,c", "d\r\ne"])).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("text,int,money,time,empty\r\n\"a\"\"b,c\",-5,"), "{text:?}");
        assert!(text.contains("\"d\r\ne\",-5"), "{text:?}");
    }

    #[test]
    fn a_workbook_takes_every_text() {
        let long = "𝄞".repeat(20_000);
        let mut texts = CANARIES.to_vec();
        texts.push(&long);
        let bytes = as_xlsx(&table(&texts)).unwrap();
        assert!(bytes.starts_with(b"PK"));
        assert_eq!(fitting(&long).encode_utf16().count(), LONGEST_CELL - 1);
        assert_eq!(fitting("short"), "short");
    }

    #[test]
    fn formats_are_known_by_their_names() {
        assert_eq!(Format::parse("xls"), Some(Format::Xlsx));
        assert_eq!(Format::parse("pdf"), None);
    }
}
