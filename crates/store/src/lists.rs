//! Lists: filters, sorting and paging that every list of the API shares. A list is a table of filters;
//! nothing that comes from outside becomes part of a statement's text.

pub mod logs;
pub mod reports;
mod shape;
pub mod tables;
pub mod transfers;

use std::collections::HashMap;

use shape::{Lookup, Text, Way, is_ordered, joins, looks_further};

use crate::list_counts::{self, Counted};
use crate::{Row, StoreError, Tx, Value};

/// A word that callers use, and the number that is stored for it.
pub type Word = (&'static str, i64);

/// What a filter's text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Int,
    /// Whole numbers between commas.
    Ints,
    /// Text, compared exactly.
    Text,
    /// Texts between commas, compared exactly.
    Texts,
    /// Text, compared as people write it: without regard to case and accents.
    Folded,
    /// How a text begins; the clause has two places, the first and the last text that begin so.
    Prefix,
    /// How the number begins that this one is made of by a letter and a count (`n`); the clause has three places, the first
    /// and the last text that begin so, and the beginning.
    PrefixOfBase,
    /// Anywhere in a text; the clause is a LIKE with `\\` as escape.
    Contains,
    /// Words between commas, each of this table; the clause compares with their numbers.
    Words(&'static [Word]),
    /// The same; whole numbers stand for themselves.
    Codes(&'static [Word]),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// `true`, which the clause stands for, or `false`, for which this one does. Neither has a place.
    Switch(&'static str),
    /// A whole number; the clause is `IN` over all of these but it.
    OtherThan(&'static [i64]),
    /// ISO 8601.
    Time,
    /// A day, or a moment; the clause has two places, the first moment and the first one after it.
    Day,
}

/// One filter of a list.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// The query parameter.
    pub name: &'static str,
    /// How its text is read.
    pub kind: Kind,
    /// The condition, with a `?` where a value goes.
    pub clause: &'static str,
}

impl Filter {
    /// A row of a list's table.
    pub const fn new(name: &'static str, kind: Kind, clause: &'static str) -> Self {
        Self { name, kind, clause }
    }
}

/// A filter with the values a caller gave.
#[derive(Debug, Clone)]
pub struct Condition {
    pub clause: &'static str,
    /// One a place of the clause; for lists any number, all for its only place.
    pub values: Vec<Value>,
}

impl Condition {
    /// The row with this id.
    pub fn id(id: i64) -> Self {
        Self { clause: "t.id = ?", values: vec![id.into()] }
    }
}

/// One way to sort: the name callers use and the columns.
pub type Order = (&'static str, &'static str);

/// One list: where its rows come from and how callers may narrow and sort it.
#[derive(Debug)]
pub struct List {
    /// Without joins, for counting where no condition needs them.
    pub table: &'static str,
    /// Joined where a condition or column looks further than `t`.
    pub joins: &'static str,
    /// Columns of `t` that an index holds followed by the default order's: rows that fit them are read in order.
    pub ordered: &'static [&'static str],
    /// Moments that an index of their table holds by spans of [`SPAN_US`], each followed by what of that table the default
    /// order is by: the column, and its table with its alias.
    pub spans: &'static [(&'static str, &'static str)],
    /// What its rows are counted as by state, and the column of the state.
    pub counted: Option<(Counted, &'static str)>,
    pub filters: &'static [Filter],
    /// The first is the default, and the second the same from the end where `ordered` names columns.
    pub orders: &'static [Order],
}

/// Rows that are counted for a screen. More are "more than this many".
pub const COUNTED: i64 = 10_000;
/// Rows of another table among which a count looks for enough of a list's first.
const LOOKED_THROUGH: i64 = 2 * COUNTED;
/// Rows of another table by which a list's are found; with more, each of the list's rows is asked.
const MOST_FOUND_BY: i64 = 10 * COUNTED;

/// 30 days: the spans of indexes over moments. The schema's have the same number.
pub const SPAN_US: i64 = 2_592_000_000_000;
/// Spans that are merged, at most; with more the list is read in its order.
const MOST_SPANS: i64 = 200;

/// Rows at a list's start, for each row of a page, among which a page is looked for before anything else is tried.
const WINDOW: i64 = 50;
/// Rows that fit and are sorted rather than looked for in the order of the list, where its start has too few of them.
const MOST_SORTED: i64 = 10 * COUNTED;
/// The column that an index holds with what each list is sorted by, so that rows found by it are sorted without being read.
const SORTED_UNREAD: &str = "t.number ";

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub conditions: Vec<Condition>,
    /// A name of [`List::orders`].
    pub order: Option<String>,
    /// From 1.
    pub page: i64,
    pub limit: i64,
    /// All rows are counted, however many; else up to [`COUNTED`].
    pub counts_all: bool,
    /// Only what comes behind this place, whatever the page. See [`has_places`].
    pub after: Option<Place>,
}

impl Ask {
    /// The row with this id alone.
    pub fn id(id: i64) -> Self {
        Self { conditions: vec![Condition::id(id)], page: 1, limit: 1, ..Self::default() }
    }
}

/// Where a row stands in a list: what the list is sorted by, and the row's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub key: i64,
    pub id: i64,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Rows on all pages.
    pub count: i64,
    /// Whether there are exactly so many; else there are more.
    pub is_exact: bool,
    /// Where the last row stands, in a list that has places.
    pub last: Option<Place>,
    pub rows: Vec<T>,
}

impl<T> Page<T> {
    /// Rows that are all there is.
    pub fn whole(rows: Vec<T>) -> Self {
        Self { count: rows.len() as i64, is_exact: true, last: None, rows }
    }

    /// The same page with its rows read further.
    pub fn map<U>(self, read: impl FnMut(T) -> U) -> Page<U> {
        let rows = self.rows.into_iter().map(read).collect();
        Page { count: self.count, is_exact: self.is_exact, last: self.last, rows }
    }

    /// The same page with these rows in place of its own.
    pub fn with<U>(&self, rows: Vec<U>) -> Page<U> {
        Page { count: self.count, is_exact: self.is_exact, last: self.last, rows }
    }
}

/// The columns a list is sorted by. Whoever goes from id to id and says no order means theirs.
fn order_of(list: &List, ask: &Ask) -> &'static str {
    let named = ask.order.as_deref().and_then(|name| list.orders.iter().find(|(n, _)| *n == name));
    let default = list.orders.first().map_or("t.id", |(_, columns)| columns);
    let goes_by_id = || ask.conditions.iter().any(|c| c.clause.starts_with("t.id "));
    match named {
        Some((_, columns)) => columns,
        None if looks_further(default) && goes_by_id() => "t.id",
        None => default,
    }
}

/// The sort key (none: the id) of a list whose rows have places, and whether it goes down: sorted by the id, or by a
/// moment and the id.
fn place_columns(order: &'static str) -> Option<(Option<&'static str>, bool)> {
    let (columns, down) = match order.strip_suffix(" DESC") {
        Some(_) => (order.replace(" DESC", ""), true),
        None => (order.to_owned(), false),
    };
    match columns.split(", ").collect::<Vec<_>>()[..] {
        ["t.id"] => Some((None, down)),
        [key, "t.id"] if key.ends_with("_us") => Some((order.split([' ', ',']).next(), down)),
        _ => None,
    }
}

/// Whether a list's rows have places in the order asked for: then it can be followed from row to row.
pub fn has_places(list: &List, ask: &Ask) -> bool {
    place_columns(order_of(list, ask)).is_some()
}

/// A part of a list: its conditions, one beside them, and that one's values.
type Part<'a> = (Vec<(&'a Condition, Way)>, String, Vec<Value>);

/// How the rows of a page are looked for.
enum Parts<'a> {
    /// All that fit, then sorted.
    Few,
    /// In the list's order.
    One,
    /// The same for each value of a condition.
    Values(usize, Vec<&'a Value>),
    /// The same for each span of a moment.
    Spans(&'static str, std::ops::RangeInclusive<i64>),
}

/// How a list's conditions are asked.
struct Plan<'a> {
    list: &'a List,
    ask: &'a Ask,
    order: &'static str,
    /// How many rows of another table fit each condition, as far as that matters.
    others: Vec<i64>,
}

impl<'a> Plan<'a> {
    async fn new(tx: &mut Tx, list: &'a List, ask: &'a Ask) -> Result<Self, StoreError> {
        let mut others = Vec::with_capacity(ask.conditions.len());
        for condition in &ask.conditions {
            others.push(match Lookup::of(condition) {
                Some(lookup) => {
                    let probe = lookup.probe(tx.dialect(), condition, LOOKED_THROUGH + 1);
                    tx.scalar(probe.sql, probe.values).await?
                }
                None => 0,
            });
        }
        Ok(Self { list, ask, order: order_of(list, ask), others })
    }

    /// Looks further where more others fit than were looked through.
    async fn look_further(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        for (condition, others) in self.ask.conditions.iter().zip(&mut self.others) {
            if let Some(lookup) = Lookup::of(condition).filter(|_| *others > LOOKED_THROUGH) {
                let probe = lookup.probe(tx.dialect(), condition, MOST_FOUND_BY + 1);
                *others = tx.scalar(probe.sql, probe.values).await?;
            }
        }
        Ok(())
    }

    /// The conditions where rows are found by them; `wide`: how those are asked that more than `most` others fit.
    fn driven(&self, most: i64, wide: Way) -> Vec<(&'a Condition, Way)> {
        let way = |others: &i64| if *others > most { wide } else { Way::Driven };
        self.ask.conditions.iter().zip(self.others.iter().map(way)).collect()
    }

    /// The conditions where rows are read in the list's order.
    fn walked(&self) -> Vec<(&'a Condition, Way)> {
        let is_default = self.is_default_order();
        let by = self.order.split([' ', ',']).next().unwrap_or_default();
        let way = |c: &Condition| {
            let is_of_order = c.clause.split(' ').next() == Some(by);
            if is_of_order || is_default && is_ordered(self.list, c) { Way::Ordered } else { Way::Walked }
        };
        self.ask.conditions.iter().map(|c| (c, way(c))).collect()
    }

    /// Whether so few rows of another table fit a condition that reading the list's rows by them and sorting those
    /// takes less time than reading the list in order until a page is full.
    fn is_found_by_few(&self) -> bool {
        let lookups = self.ask.conditions.iter().zip(&self.others).filter(|(c, _)| Lookup::of(c).is_some());
        // One row of another table may have half the list's: a page has more than enough, and stands near the start.
        lookups.into_iter().any(|(_, n)| (COUNTED / 2..=LOOKED_THROUGH).contains(n))
    }

    /// The table with the joins that a text and the order need.
    fn from(&self, text: &str) -> String {
        format!("{}{}", self.list.table, joins(self.list, text))
    }

    fn clauses(&self) -> String {
        let further =
            self.ask.conditions.iter().filter(|c| Lookup::of(c).is_none() && !c.clause.starts_with("EXISTS"));
        further.map(|c| c.clause).collect::<Vec<_>>().join(" ")
    }

    /// The count kept by state, where the conditions ask for nothing else.
    async fn kept_count(&self, tx: &mut Tx) -> Result<Option<i64>, StoreError> {
        let Some((what, column)) = self.list.counted else { return Ok(None) };
        let states: Option<Vec<i64>> = match self.ask.conditions.as_slice() {
            [] => None,
            [c] if c.clause.split(' ').next() == Some(column)
                && (c.clause.ends_with(" = ?") || c.clause.ends_with(" IN (?)")) =>
            {
                Some(c.values.iter().filter_map(Value::as_i64).collect())
            }
            _ => return Ok(None),
        };
        let counts = list_counts::by_state(tx, what).await?;
        let is_asked = |state: &i64| states.as_ref().is_none_or(|s| s.contains(state));
        Ok(Some(counts.iter().filter(|(state, _)| is_asked(state)).map(|(_, n)| n).sum()))
    }

    /// How many rows fit, up to a limit, where they are found by the conditions.
    async fn count_driven(&self, tx: &mut Tx, limit: Option<i64>) -> Result<i64, StoreError> {
        let text = self.counting(tx, &self.driven(MOST_FOUND_BY, Way::Walked), limit);
        tx.scalar(text.sql, text.values).await
    }

    /// The statement that counts what fits, up to a limit.
    fn counting(&self, tx: &Tx, ways: &[(&Condition, Way)], limit: Option<i64>) -> Text {
        let from = self.from(&self.clauses());
        let what = if limit.is_some() { "1" } else { "COUNT(*)" };
        let mut text = Text { sql: format!("SELECT {what} FROM {from}"), values: Vec::new() };
        text.conditions(tx.dialect(), ways);
        if let Some(limit) = limit {
            text.sql = format!("SELECT COUNT(*) FROM ({} LIMIT {limit}) x", text.sql);
        }
        text
    }

    /// How many rows fit, and whether there are no more.
    async fn count(&mut self, tx: &mut Tx) -> Result<(i64, bool), StoreError> {
        if let Some(count) = self.kept_count(tx).await? {
            return Ok((count, true));
        }
        let mut is_more = false;
        if self.others.iter().any(|n| *n > LOOKED_THROUGH) {
            // Enough are usually found by the first rows of the other table.
            let ways = self.driven(LOOKED_THROUGH, Way::Some(LOOKED_THROUGH));
            let text = self.counting(tx, &ways, Some(COUNTED + 1));
            is_more = tx.scalar(text.sql, text.values).await? > COUNTED;
        }
        if !is_more {
            self.look_further(tx).await?;
            let count = self.count_driven(tx, Some(COUNTED + 1)).await?;
            if count <= COUNTED {
                return Ok((count, true));
            }
        }
        if !self.ask.counts_all {
            return Ok((COUNTED, false));
        }
        self.look_further(tx).await?;
        Ok((self.count_driven(tx, None).await?, true))
    }

    /// Whether the list is asked for in its default order or the same from the end.
    fn is_default_order(&self) -> bool {
        self.list.orders.iter().take(2).any(|(_, columns)| *columns == self.order)
    }

    /// How a list is read in its order: rows of each part stand in order, and the first of each are merged.
    async fn parts(&mut self, tx: &mut Tx) -> Result<Parts<'a>, StoreError> {
        if !self.is_default_order() {
            return Ok(Parts::One);
        }
        for (at, c) in self.ask.conditions.iter().enumerate() {
            let is_equal = c.clause.contains("IN (?)") || c.clause.ends_with(" = ?");
            if is_ordered(self.list, c) && c.values.len() > 1 && is_equal {
                let mut values: Vec<&Value> = Vec::new();
                c.values.iter().for_each(|v| {
                    if !values.contains(&v) {
                        values.push(v)
                    }
                });
                return Ok(Parts::Values(at, values));
            }
        }
        // Moments go with the order of a list more often than not, and then from its other end.
        for (column, table) in self.list.spans {
            let bounds = self.ask.conditions.iter().filter_map(|c| shape::bounds(c, column));
            let Some((from, to)) = bounds.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))) else { continue };
            let end = |down: &str| {
                format!(
                    "SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {column}{down} LIMIT 1"
                )
            };
            let (first, last) = (tx.first(end(""), vec![]).await?, tx.first(end(" DESC"), vec![]).await?);
            let (Some(first), Some(last)) = (first, last) else { continue };
            let spans =
                from.max(first.i64(0)?).div_euclid(SPAN_US)..=to.min(last.i64(0)?).div_euclid(SPAN_US);
            if spans.end() - spans.start() < MOST_SPANS {
                return Ok(Parts::Spans(column, spans));
            }
        }
        // Where what fits stands at the list's far end, reading it in order reads it whole.
        if self.walked().iter().any(|(_, way)| *way == Way::Walked)
            && self.is_first_page()
            && !self.is_full_at_start(tx).await?
        {
            self.look_further(tx).await?;
            let is_unread = self.ask.conditions.iter().all(|c| c.clause.starts_with(SORTED_UNREAD));
            if is_unread || self.count_driven(tx, Some(MOST_SORTED + 1)).await? <= MOST_SORTED {
                return Ok(Parts::Few);
            }
        }
        Ok(Parts::One)
    }

    fn is_first_page(&self) -> bool {
        self.ask.page == 1 && self.ask.after.is_none() && !looks_further(self.order)
    }

    /// Whether the list's first rows have a page of those that fit.
    async fn is_full_at_start(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let mut text = Text::default();
        let window = self.ask.limit.saturating_mul(WINDOW);
        let start = format!("(SELECT * FROM {} ORDER BY {} LIMIT {window}) t", self.list.table, self.order);
        text.sql.push_str(&format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {start}{}",
            joins(self.list, &self.clauses())
        ));
        let ways: Vec<_> = self.ask.conditions.iter().map(|c| (c, Way::Walked)).collect();
        text.conditions(tx.dialect(), &ways);
        text.sql.push_str(&format!(" LIMIT {}) x", self.ask.limit));
        Ok(tx.scalar(text.sql, text.values).await? >= self.ask.limit)
    }

    /// The statement that gives the ids (and the columns the list is sorted by) of a part of the list. `are_few`: rows
    /// that fit are few enough to be sorted.
    fn ids(&self, tx: &Tx, parts: &Parts<'_>, (limit, offset): (i64, i64)) -> Text {
        let keys: Vec<&str> = self.order.split(", ").map(|c| c.trim_end_matches(" DESC")).collect();
        let down = |n: usize| {
            if self.order.split(", ").nth(n).is_some_and(|c| c.ends_with(" DESC")) { " DESC" } else { "" }
        };
        let columns: Vec<String> = keys.iter().enumerate().map(|(n, c)| format!("{c} AS k{n}")).collect();
        let by: Vec<String> = (0..keys.len()).map(|n| format!("k{n}{}", down(n))).collect();
        let (columns, by) = (columns.join(", "), by.join(", "));
        let dialect = tx.dialect();
        let mut from = self.from(&format!("{} {}", self.clauses(), self.order));
        // Rows in the order of another table: that table is read first, by its index.
        if let (Parts::One | Parts::Spans(..), Some((alias, _))) = (parts, keys[0].split_once('.'))
            && alias != "t"
        {
            from = from
                .replace(&format!(" ON {alias}.id = "), &format!(" ON {} = ", dialect.not_found_by(alias)));
        }
        let head = format!("SELECT t.id AS id, {columns} FROM {from}");
        let mut text = Text::default();
        // Each part: a condition in place of one of the list's, or beside them all.
        let mut merge = |parts: Vec<Part<'_>>| {
            text.sql.push_str("SELECT id, k0 FROM (");
            for (n, (ways, beside, values)) in parts.into_iter().enumerate() {
                text.sql.push_str(if n == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
                text.sql.push_str(&head);
                text.conditions(dialect, &ways);
                text.push(&beside, &values);
                self.behind(&mut text, keys[0], "t.id", " AND ");
                let most = text.value(limit + offset);
                text.sql.push_str(&format!(" ORDER BY {} LIMIT {most}) p{n}", self.order));
            }
            text.sql.push_str(&format!(") x ORDER BY {by}"));
        };
        match parts {
            Parts::Few => {
                text.sql = format!("WITH f AS MATERIALIZED ({head}");
                text.conditions(dialect, &self.driven(MOST_FOUND_BY, Way::Walked));
                text.sql.push_str(") SELECT id, k0 FROM f");
                self.behind(&mut text, "k0", "id", " WHERE ");
                text.sql.push_str(&format!(" ORDER BY {by}"));
            }
            Parts::One => {
                let walked = self.walked();
                text.sql = head;
                text.conditions(dialect, &walked);
                self.behind(&mut text, keys[0], "t.id", if walked.is_empty() { " WHERE " } else { " AND " });
                text.sql.push_str(&format!(" ORDER BY {}", self.order));
            }
            Parts::Values(at, values) => {
                let clause = self.ask.conditions[*at].clause;
                let each: Vec<Condition> =
                    values.iter().map(|v| Condition { clause, values: vec![(*v).clone()] }).collect();
                let one = |condition| {
                    let mut ways = self.walked();
                    ways[*at] = (condition, Way::Ordered);
                    (ways, String::new(), Vec::new())
                };
                merge(each.iter().map(one).collect());
            }
            Parts::Spans(column, spans) => {
                let ways: Vec<_> = self.ask.conditions.iter().map(|c| (c, Way::Walked)).collect();
                let one =
                    |span: i64| (ways.clone(), format!(" AND {column} / {SPAN_US} = ?"), vec![span.into()]);
                merge(spans.clone().map(one).collect());
            }
        }
        let (limit, offset) = (text.value(limit), text.value(offset));
        text.sql.push_str(&format!(" LIMIT {limit} OFFSET {offset}"));
        text
    }

    /// Adds that rows stand behind the place asked for.
    fn behind(&self, text: &mut Text, key: &str, id: &str, and: &str) {
        let Some((place, (column, down))) = self.ask.after.zip(place_columns(self.order)) else { return };
        let than = if down { "<" } else { ">" };
        let condition = match column {
            None => format!("{id} {than} {}", text.value(place.id)),
            Some(_) => {
                let (at, of) = (text.value(place.key), text.value(place.id));
                let behind = format!("({key}, {id}) {than} ({at}, {of})");
                // Of two tables no index holds both: the moment alone is what one finds.
                if looks_further(key) && key.contains('.') {
                    format!("{key} {than}= {at} AND {behind}")
                } else {
                    behind
                }
            }
        };
        text.sql.push_str(and);
        text.sql.push_str(&condition);
    }
}

/// Counts a list and reads one page of it. `columns` may name the joined tables. Columns are read once the ids of the
/// page are known: what is skipped on the way to a late page costs an entry of an index each, not a row.
pub async fn page(tx: &mut Tx, list: &List, columns: &str, ask: &Ask) -> Result<Page<Row>, StoreError> {
    let mut plan = Plan::new(tx, list, ask).await?;
    let (count, is_exact) = plan.count(tx).await?;
    let offset = match ask.after {
        Some(_) => 0,
        None => (ask.page - 1).saturating_mul(ask.limit),
    };
    if count == 0 || is_exact && offset >= count {
        return Ok(Page { count, is_exact, last: None, rows: Vec::new() });
    }
    if !columns.starts_with("t.id,") {
        let rows = rows_without_id(tx, &plan, columns, offset).await?;
        return Ok(Page { count, is_exact, last: None, rows });
    }
    let are_few = !ask.conditions.is_empty() && (is_exact && count <= COUNTED || plan.is_found_by_few());
    let parts = if are_few { Parts::Few } else { plan.parts(tx).await? };
    let text = plan.ids(tx, &parts, (ask.limit, offset));
    let found = tx.fetch(text.sql, text.values).await?;
    let ids = found.iter().map(|r| r.i64(0)).collect::<Result<Vec<_>, _>>()?;
    let last = match (found.last(), place_columns(plan.order)) {
        (Some(row), Some((Some(_), _))) => Some(Place { id: row.i64(0)?, key: row.i64(1)? }),
        (Some(row), Some((None, _))) => Some(Place { id: row.i64(0)?, key: 0 }),
        _ => None,
    };
    let head = format!("SELECT {columns} FROM {} WHERE t.id", plan.from(columns));
    let mut rows: HashMap<i64, Row> = HashMap::with_capacity(ids.len());
    for row in tx.fetch_in(&head, ids.iter().copied(), "").await? {
        rows.insert(row.i64(0)?, row);
    }
    Ok(Page { count, is_exact, last, rows: ids.iter().filter_map(|id| rows.remove(id)).collect() })
}

/// The rows of a part of a list whose table has no id.
async fn rows_without_id(
    tx: &mut Tx,
    plan: &Plan<'_>,
    columns: &str,
    offset: i64,
) -> Result<Vec<Row>, StoreError> {
    let from = plan.from(&format!("{columns} {} {}", plan.clauses(), plan.order));
    let mut text = Text { sql: format!("SELECT {columns} FROM {from}"), values: Vec::new() };
    text.conditions(tx.dialect(), &plan.walked());
    let (limit, offset) = (text.value(plan.ask.limit), text.value(offset));
    text.sql.push_str(&format!(" ORDER BY {} LIMIT {limit} OFFSET {offset}", plan.order));
    tx.fetch(text.sql, text.values).await
}

/// The ids of a list's rows in the order asked for, at most this many: whoever then reads the rows in parts
/// reads each once, whatever is written meanwhile.
pub async fn ids(tx: &mut Tx, list: &List, ask: &Ask, most: usize) -> Result<Vec<i64>, StoreError> {
    let mut plan = Plan::new(tx, list, ask).await?;
    plan.look_further(tx).await?;
    let order = plan.order;
    let needed = format!("{} {}", plan.clauses(), if looks_further(order) { order } else { "" });
    let mut text = Text { sql: format!("SELECT t.id FROM {}", plan.from(&needed)), values: Vec::new() };
    text.conditions(tx.dialect(), &plan.driven(MOST_FOUND_BY, Way::Walked));
    let most = text.value(most);
    text.sql.push_str(&format!(" ORDER BY {order} LIMIT {most}"));
    tx.fetch(text.sql, text.values).await?.iter().map(|row| row.i64(0)).collect()
}

/// Whether the database answers.
pub async fn ping(tx: &mut Tx) -> Result<(), StoreError> {
    tx.scalar("SELECT COUNT(*) FROM leases", vec![]).await.map(|_| ())
}

/// How many rows some tables hold, for a page that says what runs here.
pub async fn totals(tx: &mut Tx) -> Result<(i64, Vec<(i64, i64)>, Vec<(String, i64)>), StoreError> {
    let orders = list_counts::by_state(tx, Counted::Order).await?.values().sum();
    let packages = list_counts::by_state(tx, Counted::Package).await?.into_iter().collect();
    let rows = tx.fetch("SELECT kind, COUNT(*) FROM jobs GROUP BY kind ORDER BY kind", vec![]).await?;
    let job = |r: &Row| {
        let mut c = r.cols();
        Ok((c.text()?, c.i64()?))
    };
    Ok((orders, packages, rows.iter().map(job).collect::<Result<_, StoreError>>()?))
}
