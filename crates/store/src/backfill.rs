//! What rows of before get with a migration and SQL alone cannot make: folded names, and wished times of delivery.

use oms_core::orders::delivery_range;
use oms_core::search::fold;

use crate::batch::Rows;
use crate::{Row, StoreError, Tx, Value, args};

/// Tables whose rows have a name to be found by, with its columns.
const NAMED: [(&str, &str); 6] = [
    ("customers", "first_name"),
    ("customers", "last_name"),
    ("countries", "name"),
    ("cities", "name"),
    ("townships", "name"),
    ("districts", "name"),
];
/// Rows read at once.
const PAGE: i64 = 5_000;

/// Fills the columns that lists are narrowed by.
pub(crate) async fn filters(tx: &mut Tx) -> Result<(), StoreError> {
    for (table, name) in NAMED {
        let body = format!("UPDATE {table} SET {name}_folded = v.folded FROM v WHERE {table}.id = v.id");
        each(tx, (table, name), ("id, folded", &body), |id, name| args![id, fold(name)]).await?;
    }
    let body =
        "UPDATE orders SET delivery_from_us = v.a, delivery_until_us = v.b FROM v WHERE orders.id = v.id";
    let range = |id: i64, text: &str| {
        let (from, until) = delivery_range(text);
        args![id, from, until]
    };
    each(tx, ("orders", "delivery_range"), ("id, a, b", body), range).await
}

/// Writes what is made of a column's text, row by row.
async fn each(
    tx: &mut Tx,
    (table, column): (&str, &str),
    (columns, body): (&str, &str),
    made: impl Fn(i64, &str) -> Vec<Value>,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT id, {column} FROM {table} WHERE id > $1 AND {column} IS NOT NULL ORDER BY id LIMIT $2"
    );
    let mut last = i64::MIN;
    loop {
        let found = tx.fetch(sql.clone(), args![last, PAGE]).await?;
        let Some(end) = found.last() else { return Ok(()) };
        last = end.i64(0)?;
        let mut rows = Rows::new(columns.split(',').count());
        for row in &found {
            let (id, text) = read(row)?;
            rows.push(made(id, &text));
        }
        tx.execute_values(columns, rows, body).await?;
    }
}

fn read(row: &Row) -> Result<(i64, String), StoreError> {
    let mut c = row.cols();
    Ok((c.i64()?, c.text()?))
}
