//! Lists: filters, sorting and paging that every list of the API shares. A list is a table of filters;
//! nothing that comes from outside becomes part of a statement's text.

pub mod logs;
pub mod reports;
pub mod tables;
pub mod transfers;

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
    /// How a text begins; the clause has two places, the first and the last text that begin so.
    Prefix,
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
    pub filters: &'static [Filter],
    /// The first is the default.
    pub orders: &'static [Order],
}

impl Ask {
    /// The row with this id alone.
    pub fn id(id: i64) -> Self {
        Self { conditions: vec![Condition::id(id)], order: None, page: 1, limit: 1 }
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub conditions: Vec<Condition>,
    /// A name of [`List::orders`].
    pub order: Option<String>,
    /// From 1.
    pub page: i64,
    pub limit: i64,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Rows on all pages.
    pub count: i64,
    pub rows: Vec<T>,
}

impl<T> Page<T> {
    /// The same page with its rows read further.
    pub fn map<U>(self, read: impl FnMut(T) -> U) -> Page<U> {
        Page { count: self.count, rows: self.rows.into_iter().map(read).collect() }
    }
}

/// The conditions as text, their values, and whether one looks further than the table.
fn condition_text(conditions: &[Condition]) -> (String, Vec<Value>, bool) {
    let (mut text, mut values, mut wide) = (String::new(), Vec::new(), false);
    for condition in conditions {
        text.push_str(if text.is_empty() { " WHERE " } else { " AND " });
        wide |= !condition.clause.starts_with("t.") && !condition.clause.starts_with("EXISTS");
        let places = condition.clause.matches('?').count();
        let each = if places == 1 { condition.values.len() } else { 1 };
        let mut parts = condition.clause.split('?');
        text.push_str(parts.next().unwrap_or_default());
        let mut given = condition.values.iter();
        for part in parts {
            let start = values.len();
            values.extend(given.by_ref().take(each).cloned());
            let numbers: Vec<_> = (start + 1..=values.len()).map(|i| format!("${i}")).collect();
            text.push_str(&numbers.join(","));
            text.push_str(part);
        }
    }
    (text, values, wide)
}

/// The columns a list is sorted by.
fn order_of(list: &List, ask: &Ask) -> &'static str {
    let named = ask.order.as_deref().and_then(|name| list.orders.iter().find(|(n, _)| *n == name));
    named.or(list.orders.first()).map_or("t.id", |(_, columns)| columns)
}

/// Whether a column is not of the table itself.
fn looks_further(columns: &str) -> bool {
    columns.split(',').any(|c| !c.trim_start().starts_with("t."))
}

/// Counts a list and reads one page of it. `columns` may name the joined tables; they are joined only
/// where something is read of them, so that a plain list sorts its own rows alone.
pub async fn page(tx: &mut Tx, list: &List, columns: &str, ask: &Ask) -> Result<Page<Row>, StoreError> {
    let (text, values, wide) = condition_text(&ask.conditions);
    let from = |wide: bool| format!("{}{}", list.table, if wide { list.joins } else { "" });
    let count = tx.scalar(format!("SELECT COUNT(*) FROM {}{text}", from(wide)), values.clone()).await?;
    let order = order_of(list, ask);
    let offset = (ask.page - 1).saturating_mul(ask.limit);
    if count == 0 || offset >= count {
        return Ok(Page { count, rows: Vec::new() });
    }
    let n = values.len();
    let wide = wide || looks_further(columns);
    let sql = format!(
        "SELECT {columns} FROM {}{text} ORDER BY {order} LIMIT ${} OFFSET ${}",
        from(wide),
        n + 1,
        n + 2
    );
    let mut values = values;
    values.extend([Value::from(ask.limit), Value::from(offset)]);
    Ok(Page { count, rows: tx.fetch(sql, values).await? })
}

/// The ids of a list's rows in the order asked for, at most this many: whoever then reads the rows in parts
/// reads each once, whatever is written meanwhile.
pub async fn ids(tx: &mut Tx, list: &List, ask: &Ask, most: usize) -> Result<Vec<i64>, StoreError> {
    let (text, mut values, wide) = condition_text(&ask.conditions);
    let order = order_of(list, ask);
    let wide = wide || looks_further(order);
    values.push(most.into());
    let (from, joins) = (list.table, if wide { list.joins } else { "" });
    let sql = format!("SELECT t.id FROM {from}{joins}{text} ORDER BY {order} LIMIT ${}", values.len());
    tx.fetch(sql, values).await?.iter().map(|row| row.i64(0)).collect()
}

/// Whether the database answers.
pub async fn ping(tx: &mut Tx) -> Result<(), StoreError> {
    tx.scalar("SELECT COUNT(*) FROM leases", vec![]).await.map(|_| ())
}

/// How many rows some tables hold, for a page that says what runs here.
pub async fn totals(tx: &mut Tx) -> Result<(i64, Vec<(i64, i64)>, Vec<(String, i64)>), StoreError> {
    let orders = tx.scalar("SELECT COUNT(*) FROM orders", vec![]).await?;
    let rows = tx.fetch("SELECT state, COUNT(*) FROM packages GROUP BY state ORDER BY state", vec![]).await?;
    let packages = rows.iter().map(|r| Ok((r.i64(0)?, r.i64(1)?))).collect::<Result<_, StoreError>>()?;
    let rows = tx.fetch("SELECT kind, COUNT(*) FROM jobs GROUP BY kind ORDER BY kind", vec![]).await?;
    let job = |r: &Row| {
        let mut c = r.cols();
        Ok((c.text()?, c.i64()?))
    };
    Ok((orders, packages, rows.iter().map(job).collect::<Result<_, StoreError>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_and_lists_widen_them() {
        let one = Condition { clause: "t.a = ?", values: vec![1i64.into()] };
        let many = Condition { clause: "o.b IN (?)", values: vec![2i64.into(), 3i64.into()] };
        let two = Condition { clause: "t.c >= ? AND t.c < ?", values: vec![4i64.into(), 5i64.into()] };
        let (text, values, wide) = condition_text(&[one, many, two]);
        assert_eq!(text, " WHERE t.a = $1 AND o.b IN ($2,$3) AND t.c >= $4 AND t.c < $5");
        assert_eq!((values.len(), wide), (5, true));
    }
}
