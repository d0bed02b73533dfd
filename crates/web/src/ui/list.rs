//! Lists: one look and one behaviour for all. A list is a table of columns, the filters people may use, and a
//! function that makes a row's cells; chips, sorting, paging, choice of columns, saved views, ticking and the
//! rows that change by themselves come from here.

use axum::response::Response;
use maud::{Markup, html};
use oms_app::views;
use oms_core::refusal::Refusal;
use oms_store::lists::{Ask, List};

use crate::ui::shell::COUNT;
use crate::ui::visit::Visit;
use crate::ui::{fields, shell};

/// Rows a page.
pub(crate) const ROWS: i64 = 50;
/// The most pages with a link: further back a filter finds faster.
const PAGES: i64 = 10_000;

/// One column.
pub(crate) struct Column {
    /// Its name in addresses.
    pub name: &'static str,
    /// The words' key of its head.
    pub word: &'static str,
    pub is_number: bool,
    /// The orders of the list that sort by it, ascending and descending.
    pub sort: Option<(&'static str, &'static str)>,
    /// Whether it is shown unless the reader chose.
    pub is_shown: bool,
}

impl Column {
    pub(crate) const fn new(name: &'static str, word: &'static str) -> Self {
        Self { name, word, is_number: false, sort: None, is_shown: true }
    }

    pub(crate) const fn number(self) -> Self {
        Self { is_number: true, ..self }
    }

    pub(crate) const fn sorted(self, up: &'static str, down: &'static str) -> Self {
        Self { sort: Some((up, down)), ..self }
    }

    pub(crate) const fn hidden(self) -> Self {
        Self { is_shown: false, ..self }
    }
}

/// How a filter is given.
pub(crate) enum Field {
    Text,
    Day,
    /// Value and word.
    Choice(Vec<(String, String)>),
    /// The same, several at once, sent as values between commas.
    Choices(Vec<(String, String)>),
}

/// A filter that people are offered; its name is the list's own.
pub(crate) struct Offered {
    pub name: &'static str,
    pub word: &'static str,
    pub field: Field,
}

impl Offered {
    pub(crate) fn text(name: &'static str, word: &'static str) -> Self {
        Self { name, word, field: Field::Text }
    }

    pub(crate) fn day(name: &'static str, word: &'static str) -> Self {
        Self { name, word, field: Field::Day }
    }

    pub(crate) fn choice(name: &'static str, word: &'static str, choices: Vec<(String, String)>) -> Self {
        Self { name, word, field: Field::Choice(choices) }
    }

    pub(crate) fn choices(name: &'static str, word: &'static str, choices: Vec<(String, String)>) -> Self {
        Self { name, word, field: Field::Choices(choices) }
    }

    /// What a chip says of a value.
    fn said(&self, value: &str) -> String {
        let (Field::Choice(choices) | Field::Choices(choices)) = &self.field else { return value.to_owned() };
        let word =
            |part: &str| choices.iter().find(|(v, _)| v == part).map_or(part.to_owned(), |(_, w)| w.clone());
        value.split(',').map(word).collect::<Vec<_>>().join(", ")
    }
}

/// A view under a name: a preset, or one that a person kept.
pub(crate) struct View {
    pub name: String,
    /// The query without its mark.
    pub query: String,
    /// The id of one that was kept.
    pub id: Option<i64>,
}

/// A list as a screen shows it.
pub(crate) struct Listing<'l> {
    /// The address under `/{lang}/oms/`, also the name saved views are kept under.
    pub name: &'static str,
    pub title: &'l str,
    pub columns: &'static [Column],
    pub filters: Vec<Offered>,
    pub views: Vec<View>,
    /// What stands beside the count: a button for a new record, an export.
    pub tools: Markup,
    /// Buttons for ticked rows; empty: rows cannot be ticked.
    pub bulk: Option<Markup>,
    /// The words' key of the sentence for a list without rows and filters.
    pub empty: &'static str,
    /// The kind of record, if its rows change by themselves.
    pub live: Option<&'static str>,
}

/// One row.
pub(crate) struct Line {
    pub id: i64,
    /// Where it leads; empty: nowhere.
    pub href: String,
    /// What a screen reader calls it.
    pub label: String,
    /// One a column of the table, shown or not.
    pub cells: Vec<Markup>,
}

/// The part of a list that a reader asks for. Fields left empty in a form are no filters.
pub(crate) fn ask(visit: &Visit, list: &List) -> Result<Ask, Refusal> {
    let filters: Vec<(String, String)> =
        given(visit).map(|(n, v)| (n.clone(), v.trim().to_owned())).collect();
    let conditions = views::conditions(list, &filters)?;
    // The newest first, where a list can be sorted so.
    let wished = visit.asked("sort").unwrap_or("-created_date");
    let order = list.orders.iter().find(|(n, _)| *n == wished).map(|(n, _)| (*n).to_owned());
    Ok(Ask { conditions, order, page: page_number(visit), limit: ROWS, ..Ask::default() })
}

fn page_number(visit: &Visit) -> i64 {
    visit.asked("page").and_then(|p| p.parse().ok()).filter(|p| (1..=PAGES).contains(p)).unwrap_or(1)
}

const OWN: [&str; 5] = ["page", "sort", "cols", "add", "selected"];

/// The filters given.
fn given(visit: &Visit) -> impl Iterator<Item = &(String, String)> {
    visit.query.iter().filter(|(n, v)| !OWN.contains(&n.as_str()) && !v.trim().is_empty())
}

/// The same for chips and forms, several values of one name between commas.
fn joined(visit: &Visit) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in given(visit) {
        match all.iter_mut().find(|(n, _)| n == name) {
            Some((_, values)) => values.push_str(&format!(",{}", value.trim())),
            None => all.push((name.clone(), value.trim().to_owned())),
        }
    }
    all
}

impl Listing<'_> {
    /// The whole screen: what was just done, what went wrong, the list.
    pub(crate) fn answer(&self, visit: &Visit, wrong: &[String], count: i64, lines: &[Line]) -> Response {
        let content = html! {
            (fields::said(visit))
            (fields::refused(visit, wrong))
            (self.show(visit, count, lines))
        };
        shell::page(visit, self.title, &content)
    }

    /// The screen's content. `count`: rows on all pages.
    pub(crate) fn show(&self, visit: &Visit, count: i64, lines: &[Line]) -> Markup {
        let given = joined(visit);
        html! {
            div.head {
                h1 { (self.title) }
                span.count { (visit.number(count)) }
                div.tools {
                    (self.tools)
                    (self.choose_columns(visit))
                }
            }
            (self.chips(visit, &given))
            (self.saved(visit, &given))
            @if lines.is_empty() {
                (self.nothing(visit, &given))
            } @else {
                (self.table(visit, lines, count))
                (pager(visit, count, lines.len() as i64))
            }
        }
    }

    fn shown(&self, visit: &Visit) -> Vec<usize> {
        let chosen: Vec<&str> =
            visit.query.iter().filter(|(n, _)| n == "cols").map(|(_, v)| v.as_str()).collect();
        let is_shown = |c: &Column| if chosen.is_empty() { c.is_shown } else { chosen.contains(&c.name) };
        (0..self.columns.len()).filter(|i| is_shown(&self.columns[*i])).collect()
    }

    fn choose_columns(&self, visit: &Visit) -> Markup {
        let shown = self.shown(visit);
        html! {
            details.menu {
                summary { (visit.t("list-columns")) }
                form method="get" {
                    @for (name, value) in visit.query.iter().filter(|(n, _)| n != "cols") { input type="hidden" name=(name) value=(value); }
                    @for (i, column) in self.columns.iter().enumerate() {
                        label { input type="checkbox" name="cols" value=(column.name) checked[shown.contains(&i)]; " " (visit.t(column.word)) }
                    }
                    button { (visit.t("list-apply")) }
                }
            }
        }
    }

    fn chips(&self, visit: &Visit, given: &[(String, String)]) -> Markup {
        html! {
            div.chips {
                @for (name, value) in given {
                    @let offered = self.filters.iter().find(|f| f.name == name);
                    @let word = offered.map_or(name.as_str(), |f| visit.t(f.word));
                    @let said = offered.map_or_else(|| value.clone(), |f| f.said(value));
                    a.chip href=(visit.here_with(&[(name, None), ("page", None)])) aria-label=(visit.say("list-without", &[&word, &said])) {
                        span.soft { (word) ": " } (said) " " span aria-hidden="true" { "×" }
                    }
                }
                details.menu.filter {
                    summary { "+ " (visit.t("list-filter")) }
                    form method="get" data-filter {
                        @for (name, value) in visit.query.iter().filter(|(n, _)| n == "cols" || n == "sort") { input type="hidden" name=(name) value=(value); }
                        @for (name, value) in given.iter().filter(|(n, _)| !self.filters.iter().any(|f| f.name == n)) { input type="hidden" name=(name) value=(value); }
                        @for filter in &self.filters { (field(visit, filter, given)) }
                        button.primary { (visit.t("list-apply")) }
                    }
                }
            }
        }
    }

    fn saved(&self, visit: &Visit, given: &[(String, String)]) -> Markup {
        let here = crate::paging::form(given);
        html! {
            nav.views aria-label=(visit.t("list-views")) {
                @for view in &self.views {
                    span {
                        a href={ (visit.path) "?" (view.query) } aria-current=[(view.query == here).then_some("true")] { (view.name) }
                        @if let Some(id) = view.id {
                            form method="post" action=(visit.href(&format!("views/{id}/forget"))) {
                                (visit.guard()) input type="hidden" name="back" value=(visit.here_with(&[]));
                                button.plain aria-label=(visit.say("list-forget", &[&view.name])) { "×" }
                            }
                        }
                    }
                }
                @if !given.is_empty() && !self.views.iter().any(|v| v.query == here) {
                    details.menu {
                        summary { (visit.t("list-keep")) }
                        form method="post" action=(visit.href("views")) {
                            (visit.guard())
                            input type="hidden" name="list" value=(self.name);
                            input type="hidden" name="query" value=(here);
                            label for="view-name" { (visit.t("list-view_name")) }
                            input #view-name name="name" required maxlength="60";
                            button.primary { (visit.t("form-save")) }
                        }
                    }
                }
            }
        }
    }

    fn nothing(&self, visit: &Visit, given: &[(String, String)]) -> Markup {
        html! {
            div.empty {
                @if given.is_empty() {
                    p { (visit.t(self.empty)) }
                } @else {
                    p { (visit.t("list-nothing_fits")) }
                    p { a href=(visit.path) { (visit.t("list-clear")) } }
                }
            }
        }
    }

    fn table(&self, visit: &Visit, lines: &[Line], count: i64) -> Markup {
        let shown = self.shown(visit);
        let ids = lines.iter().map(|l| l.id.to_string()).collect::<Vec<_>>().join(",");
        let body = html! {
            div.scroll tabindex="0" role="region" aria-label=(self.title) {
                table.list data-live=[self.live] data-ids=(ids) data-after=(visit.position) {
                    thead { tr {
                        @if self.bulk.is_some() { th.tick { input type="checkbox" data-all aria-label=(visit.t("list-all")); } }
                        @for i in &shown { (head(visit, &self.columns[*i])) }
                    } }
                    tbody {
                        @for line in lines {
                            tr data-id=(line.id) {
                                @if self.bulk.is_some() {
                                    td.tick { input type="checkbox" name="id" value=(line.id) aria-label=(visit.say("list-tick", &[&line.label])); }
                                }
                                @for (at, i) in shown.iter().enumerate() {
                                    td.number[self.columns[*i].is_number] {
                                        @if at == 0 && !line.href.is_empty() { a.row href=(line.href) { (line.cells[*i]) } } @else { (line.cells[*i]) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        };
        html! {
            @match &self.bulk {
                Some(buttons) => {
                    form method="post" action=(visit.href(&format!("{}/bulk", self.name))) data-bulk {
                        (visit.guard())
                        input type="hidden" name="back" value=(visit.here_with(&[]));
                        (body)
                        div.bulk {
                            span data-chosen=(visit.say("list-chosen", &[&COUNT])) { (visit.t("list-chosen_none")) }
                            @if count > lines.len() as i64 {
                                input type="hidden" name="query" value=(crate::paging::form(&given(visit).cloned().collect::<Vec<_>>()));
                                label { input type="checkbox" name="all" value="1" data-everything; " " (visit.say("list-all_fitting", &[&visit.number(count)])) }
                            }
                            (buttons)
                        }
                    }
                }
                None => { (body) }
            }
        }
    }
}

/// Words of the data with what they are called.
pub(crate) fn words(visit: &Visit, prefix: &str, all: &[&str]) -> Vec<(String, String)> {
    all.iter().map(|w| ((*w).to_owned(), visit.lang.t(&format!("{prefix}{w}")).to_owned())).collect()
}

/// A button of one row; for screen readers with the row's name.
pub(crate) fn button(visit: &Visit, to: &str, word: &str, label: &str) -> Markup {
    html! {
        form.inline method="post" action=(visit.href(to)) {
            (visit.guard())
            input type="hidden" name="back" value=(visit.here_with(&[]));
            button aria-label=(format!("{} {label}", visit.t(word))) { (visit.t(word)) }
        }
    }
}

fn head(visit: &Visit, column: &Column) -> Markup {
    let word = visit.t(column.word);
    let Some((up, down)) = column.sort else {
        return html! { th.number[column.is_number] scope="col" { (word) } };
    };
    let now = visit.asked("sort").unwrap_or_default();
    let (next, sorted, arrow) = match now {
        n if n == down => (up, Some("descending"), " ↓"),
        n if n == up => (down, Some("ascending"), " ↑"),
        _ => (down, None, ""),
    };
    html! {
        th.number[column.is_number] scope="col" aria-sort=[sorted] {
            a href=(visit.here_with(&[("sort", Some(next)), ("page", None)])) { (word) (arrow) }
        }
    }
}

fn field(visit: &Visit, filter: &Offered, given: &[(String, String)]) -> Markup {
    let value = given.iter().find(|(n, _)| n == filter.name).map_or("", |(_, v)| v.as_str());
    let id = format!("filter-{}", filter.name);
    html! {
        @match &filter.field {
            Field::Choices(choices) => {
                fieldset {
                    legend { (visit.t(filter.word)) }
                    @for (v, word) in choices {
                        label { input type="checkbox" name=(filter.name) value=(v) checked[value.split(',').any(|x| x == v)]; " " (word) }
                    }
                }
            }
            Field::Choice(choices) => {
                label for=(id) { (visit.t(filter.word)) }
                select id=(id) name=(filter.name) {
                    option value="" { "–" }
                    @for (v, word) in choices { option value=(v) selected[v == value] { (word) } }
                }
            }
            Field::Day => {
                label for=(id) { (visit.t(filter.word)) }
                input id=(id) type="date" name=(filter.name) value=(value);
            }
            Field::Text => {
                label for=(id) { (visit.t(filter.word)) }
                input id=(id) name=(filter.name) value=(value) maxlength="200";
            }
        }
    }
}

fn pager(visit: &Visit, count: i64, rows: i64) -> Markup {
    let page = page_number(visit);
    let from = (page - 1) * ROWS + 1;
    let to = from + rows - 1;
    let (before, after) = ((page - 1).to_string(), (page + 1).to_string());
    html! {
        nav.pager aria-label=(visit.t("list-pages")) {
            span { (visit.say("list-range", &[&visit.number(from), &visit.number(to), &visit.number(count)])) }
            @if page > 1 { a rel="prev" href=(visit.here_with(&[("page", Some(&before))])) { (visit.t("list-previous")) } }
            @if to < count { a rel="next" href=(visit.here_with(&[("page", Some(&after))])) { (visit.t("list-next")) } }
        }
    }
}
