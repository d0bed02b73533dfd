//! Many rows in one statement: multi-row `VALUES`, in chunks of few different sizes so that few
//! different statements are ever prepared.

use std::fmt::Write as _;

use crate::db::Dialect;
use crate::{Row, StoreError, Tx, Value};

/// SQLite's limit on parameters of one statement (PostgreSQL's is twice that).
const MAX_PARAMETERS: usize = 32_766;
/// The most rows a statement: beyond this a longer text gains nothing.
const MAX_ROWS: usize = 512;

/// Rows to be written, all of the same width.
pub struct Rows {
    width: usize,
    values: Vec<Value>,
}

impl Rows {
    /// No rows yet, of `width` columns.
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Value>) {
        assert_eq!(row.len(), self.width, "every row of a batch has the same columns");
        self.values.extend(row);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes the rows off in chunks of the sizes of [`chunk`].
    fn chunks(self) -> impl Iterator<Item = (usize, Vec<Value>)> {
        let width = self.width;
        let largest = largest_chunk(width);
        let mut values = self.values.into_iter();
        std::iter::from_fn(move || {
            let left = values.len() / width;
            if left == 0 {
                return None;
            }
            let n = chunk(left, largest);
            Some((n, values.by_ref().take(n * width).collect()))
        })
    }
}

/// How many of the rows left go into the next statement: powers of two from 64 on, below that multiples of
/// eight and then all. Sixteen sizes in all, and no batch of fewer than 64 rows takes more than two statements:
/// commands come in batches of some dozens, and each statement costs them a turn of the database's thread.
fn chunk(left: usize, largest: usize) -> usize {
    match left {
        0..8 => left,
        8..64 => left / 8 * 8,
        _ => 1 << left.ilog2(),
    }
    .min(largest)
}

fn largest_chunk(width: usize) -> usize {
    let most = (MAX_PARAMETERS / width).clamp(1, MAX_ROWS);
    1 << most.ilog2()
}

/// `(?,?),(?,?)` on SQLite and `($1,$2),($3,$4)` on PostgreSQL. SQLite finds a numbered parameter by
/// walking a list of all of them, so that binding thousands would take their square.
fn values_list(dialect: Dialect, rows: usize, width: usize) -> String {
    let mut text = String::with_capacity(rows * width * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { "," };
            let _ = match dialect {
                Dialect::Sqlite => write!(text, "{comma}?"),
                Dialect::Postgres => write!(text, "{comma}${}", row * width + column + 1),
            };
        }
        text.push(')');
    }
    text
}

impl Tx {
    /// `head VALUES (…),(…) tail`, for all rows; returns how many were hit.
    pub async fn insert(&mut self, head: &str, rows: Rows, tail: &str) -> Result<u64, StoreError> {
        let width = rows.width;
        let mut hit = 0;
        for (n, values) in rows.chunks() {
            hit += self
                .execute(format!("{head} VALUES {} {tail}", values_list(self.dialect(), n, width)), values)
                .await?;
        }
        Ok(hit)
    }

    /// Like [`Tx::insert`] with a `RETURNING` in the tail; returns its rows.
    pub async fn insert_returning(
        &mut self,
        head: &str,
        rows: Rows,
        tail: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let width = rows.width;
        let mut back = Vec::new();
        for (n, values) in rows.chunks() {
            back.extend(
                self.fetch(format!("{head} VALUES {} {tail}", values_list(self.dialect(), n, width)), values)
                    .await?,
            );
        }
        Ok(back)
    }

    /// `WITH v(columns) AS (VALUES …) body`: a statement that joins the rows it is given. Returns the
    /// rows of the body's SELECT or RETURNING.
    pub async fn with_values(
        &mut self,
        columns: &str,
        rows: Rows,
        body: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let width = rows.width;
        let mut back = Vec::new();
        for (n, values) in rows.chunks() {
            let sql =
                format!("WITH v({columns}) AS (VALUES {}) {body}", values_list(self.dialect(), n, width));
            back.extend(self.fetch(sql, values).await?);
        }
        Ok(back)
    }

    /// Like [`Tx::with_values`] for a body that gives no rows; returns how many were hit.
    pub async fn execute_values(&mut self, columns: &str, rows: Rows, body: &str) -> Result<u64, StoreError> {
        let width = rows.width;
        let mut hit = 0;
        for (n, values) in rows.chunks() {
            let list = values_list(self.dialect(), n, width);
            hit += self.execute(format!("WITH v({columns}) AS (VALUES {list}) {body}"), values).await?;
        }
        Ok(hit)
    }

    /// Runs `head IN (…) tail` for all ids; returns the rows. `head` ends with the column's name.
    pub async fn fetch_in(
        &mut self,
        head: &str,
        ids: impl IntoIterator<Item = impl Into<Value>>,
        tail: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Rows::new(1);
        ids.into_iter().for_each(|id| rows.push(vec![id.into()]));
        let mut back = Vec::new();
        for (n, values) in rows.chunks() {
            let list = values_list(self.dialect(), 1, n);
            back.extend(self.fetch(format!("{head} IN {list} {tail}"), values).await?);
        }
        Ok(back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_of_few_sizes_within_the_limits() {
        let mut rows = Rows::new(40);
        (0..1003).for_each(|i| rows.push(vec![Value::from(i as i64); 40]));
        let sizes: Vec<_> = rows.chunks().map(|(n, v)| (n, v.len())).collect();
        assert_eq!(sizes.iter().map(|(n, _)| n).sum::<usize>(), 1003);
        assert!(sizes.iter().all(|(n, v)| *v == n * 40 && *v <= MAX_PARAMETERS));
        let different: std::collections::BTreeSet<usize> = (1..5_000).map(|left| chunk(left, 512)).collect();
        assert_eq!(different.len(), 7 + 7 + 4, "each is a prepared statement a table");
        assert!((1..64).all(|n| n - chunk(n, 512) < 8), "two statements at most");
        assert_eq!(values_list(Dialect::Postgres, 2, 2), "($1,$2),($3,$4)");
        assert_eq!(values_list(Dialect::Sqlite, 2, 2), "(?,?),(?,?)");
    }
}
