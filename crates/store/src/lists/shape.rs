//! The texts of a list's statements. The same conditions are written in two ways, because neither database can be
//! trusted to see which is fast: *driven*, where rows are found by the conditions and then sorted, for conditions that
//! few rows fit; *walked*, where rows are read in the order of the list until the page is full, for all others.

use super::{Condition, List};
use crate::Value;
use crate::db::Dialect;

/// A condition of the form `t.column IN (SELECT key FROM rest)`: it is about another table's rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup {
    column: &'static str,
    key: &'static str,
    rest: &'static str,
}

impl Lookup {
    /// The condition's parts, if it has this form.
    pub(super) fn of(condition: &Condition) -> Option<Self> {
        let (column, inner) = condition.clause.split_once(" IN (SELECT ")?;
        let (key, rest) = inner.strip_suffix(')')?.split_once(" FROM ")?;
        column.starts_with("t.").then_some(Self { column, key, rest })
    }

    /// The statement that says whether more than `most` of the other rows fit.
    pub(super) fn probe(self, dialect: Dialect, condition: &Condition, most: i64) -> Text {
        let mut text = Text::default();
        text.sql.push_str("SELECT COUNT(*) FROM (SELECT 1 FROM ");
        text.push(&dialect.places_named(self.rest), &condition.values);
        text.sql.push_str(&format!(" LIMIT {most}) x"));
        text
    }
}

/// How a condition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it stands.
    Driven,
    /// The first so many of the other rows alone, for counting.
    Some(i64),
    /// Asked of each row, so that it finds none.
    Walked,
    /// As it stands, its column being one that an index holds before what the list is sorted by.
    Ordered,
}

/// A statement in the making.
#[derive(Debug, Default, Clone)]
pub(super) struct Text {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Text {
    /// Adds text with a `?` where a value goes. More values than places: either is meant, so the only place takes all,
    /// and of several the condition is said once for each round of values.
    pub(super) fn push(&mut self, clause: &str, values: &[Value]) {
        let places = clause.matches('?').count();
        if places == 1 && values.len() > 1 && !clause.contains("(?)") {
            let start = clause.split('?').next().unwrap_or_default();
            if start.ends_with(" = ") {
                return self.push(&clause.replace(" = ?", " IN (?)"), values);
            }
        }
        let is_list = places == 1 && clause.contains("(?)");
        if places > 0 && values.len() > places && !is_list {
            return self.push_either(clause, values.chunks(places));
        }
        let each = if is_list { values.len() } else { 1 };
        let mut parts = clause.split('?');
        self.sql.push_str(parts.next().unwrap_or_default());
        let mut given = values.iter();
        for part in parts {
            let start = self.values.len();
            self.values.extend(given.by_ref().take(each).cloned());
            let numbers: Vec<_> = (start + 1..=self.values.len()).map(|i| format!("${i}")).collect();
            self.sql.push_str(&numbers.join(","));
            self.sql.push_str(part);
        }
    }

    /// Adds a condition once for each round of values, with OR between them. What repeats is the condition alone: of one
    /// about another table's rows what stands behind its WHERE.
    fn push_either<'v>(&mut self, clause: &str, rounds: impl Iterator<Item = &'v [Value]>) {
        let is_own = clause.starts_with("t.") && !clause.contains(" IN (SELECT ");
        let (head, said) = clause.rsplit_once(" WHERE ").filter(|_| !is_own).unwrap_or(("", clause));
        let open = said.matches('(').count();
        let (said, tail) = match said.strip_suffix(')') {
            Some(inner) if said.matches(')').count() > open => (inner, ")"),
            _ => (said, ""),
        };
        if !head.is_empty() {
            self.sql.push_str(&format!("{head} WHERE "));
        }
        for (n, round) in rounds.enumerate() {
            self.sql.push_str(if n == 0 { "(" } else { " OR " });
            self.push(said, round);
        }
        self.sql.push_str(&format!("){tail}"));
    }

    /// Adds a value and returns its place.
    pub(super) fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds the conditions, each in its way.
    pub(super) fn conditions(&mut self, dialect: Dialect, conditions: &[(&Condition, Way)]) {
        for (n, (condition, way)) in conditions.iter().enumerate() {
            self.sql.push_str(if n == 0 { " WHERE " } else { " AND " });
            self.condition(dialect, condition, *way);
        }
    }

    fn condition(&mut self, dialect: Dialect, condition: &Condition, way: Way) {
        let Condition { clause, values } = condition;
        let clause = &dialect.places_named(clause);
        match (way, Lookup::of(condition)) {
            (Way::Some(most), Some(Lookup { column, key, rest })) => {
                self.sql.push_str(&format!("{column} IN (SELECT {key} FROM "));
                self.push(&dialect.places_named(rest), values);
                self.sql.push_str(&format!(" LIMIT {most})"));
            }
            (Way::Walked, Some(Lookup { column, key, rest })) => {
                self.sql.push_str("EXISTS (SELECT 1 FROM ");
                self.push(&dialect.places_named(rest), values);
                self.sql.push_str(&format!(" AND {key} = {})", dialect.not_by_index(column)));
            }
            (Way::Walked, None) if clause.starts_with("t.") => {
                self.push(&dialect.not_by_index(clause), values)
            }
            // One value is compared, not looked for in a list: only so does an index give the rows in order.
            (Way::Ordered, _) if values.len() == 1 => self.push(&clause.replace("IN (", "= ("), values),
            _ => self.push(clause, values),
        }
    }
}

/// Whether rows that fit a condition stand in an index in the order of the list.
pub(super) fn is_ordered(list: &List, condition: &Condition) -> bool {
    let Some((column, rest)) = condition.clause.split_once(' ') else { return false };
    let names_one = Lookup::of(condition).is_none() || rest.contains("IN (?)");
    list.ordered.contains(&column) && names_one
}

/// Between which moments a condition wants a column, if it is all that it asks.
pub(super) fn bounds(condition: &Condition, column: &str) -> Option<(i64, i64)> {
    let mut bounds = (0, i64::MAX);
    if condition.values.len() > condition.clause.matches('?').count() {
        return None;
    }
    for (part, value) in condition.clause.split(" AND ").zip(&condition.values) {
        let (value, what) = (value.as_i64()?, part.strip_prefix(column)?);
        match what {
            " > ?" | " >= ?" => bounds.0 = bounds.0.max(value),
            " < ?" | " <= ?" => bounds.1 = bounds.1.min(value),
            _ => return None,
        }
    }
    Some(bounds)
}

/// Whether a column is not of the table itself.
pub(super) fn looks_further(columns: &str) -> bool {
    columns.split(',').any(|c| !c.trim_start().starts_with("t."))
}

/// The joins of a list that a text names, and those they need.
pub(super) fn joins(list: &List, text: &str) -> String {
    let mut starts: Vec<usize> = list.joins.match_indices(" JOIN ").map(|(at, _)| at).collect();
    for at in &mut starts {
        *at = list.joins[..*at].strip_suffix(" LEFT").map_or(*at, str::len);
    }
    let (mut named, mut kept) = (text.to_owned(), Vec::new());
    let mut end = list.joins.len();
    for start in starts.into_iter().rev() {
        let piece = &list.joins[start..end];
        end = start;
        let alias =
            piece.split(" ON ").next().and_then(|head| head.split_whitespace().last()).unwrap_or_default();
        if names(&named, alias) {
            named.push_str(piece.split_once(" ON ").map_or("", |(_, on)| on));
            kept.push(piece);
        }
    }
    kept.reverse();
    kept.concat()
}

/// Whether a text reads a column of a table called so.
fn names(text: &str, alias: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(alias)
        .any(|(at, _)| text[at + alias.len()..].starts_with('.') && !text[..at].ends_with(is_word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List = List {
        table: "things t",
        joins: " JOIN orders o ON o.id = t.order_id JOIN places l ON l.id = t.place_id \
                LEFT JOIN people k ON k.id = o.person_id",
        ordered: &["t.place_id"],
        spans: &[],
        counted: None,
        filters: &[],
        orders: &[],
    };

    fn written(dialect: Dialect, conditions: &[(&Condition, Way)]) -> String {
        let mut text = Text::default();
        text.conditions(dialect, conditions);
        text.sql
    }

    #[test]
    fn places_are_numbered_and_lists_widen_them() {
        let one = Condition { clause: "t.a = ?", values: vec![1i64.into()] };
        let many = Condition { clause: "o.b IN (?)", values: vec![2i64.into(), 3i64.into()] };
        let two = Condition { clause: "t.c >= ? AND t.c < ?", values: vec![4i64.into(), 5i64.into()] };
        let all = [(&one, Way::Driven), (&many, Way::Driven), (&two, Way::Driven)];
        let expected = " WHERE t.a = $1 AND o.b IN ($2,$3) AND t.c >= $4 AND t.c < $5";
        assert_eq!(written(Dialect::Postgres, &all), expected);
        let walked = all.map(|(c, _)| (c, Way::Walked));
        let hidden = " WHERE +t.a = $1 AND o.b IN ($2,$3) AND +t.c >= $4 AND +t.c < $5";
        assert_eq!(written(Dialect::Sqlite, &walked), hidden);
        assert_eq!(written(Dialect::Postgres, &walked), expected);
    }

    #[test]
    fn more_values_than_places_mean_either() {
        let values = |all: &[i64]| all.iter().map(|v| Value::from(*v)).collect::<Vec<_>>();
        for (clause, given, expected) in [
            ("t.a = ?", values(&[1, 2]), "t.a IN ($1,$2)"),
            ("t.a >= ?", values(&[1, 2]), "(t.a >= $1 OR t.a >= $2)"),
            (
                "t.a >= ? AND t.a <= ?",
                values(&[1, 2, 3, 4]),
                "(t.a >= $1 AND t.a <= $2 OR t.a >= $3 AND t.a <= $4)",
            ),
            (
                "t.o IN (SELECT o.id FROM orders o WHERE o.n >= ? AND o.n <= ?)",
                values(&[1, 2, 3, 4]),
                "t.o IN (SELECT o.id FROM orders o WHERE (o.n >= $1 AND o.n <= $2 OR o.n >= $3 AND o.n <= $4))",
            ),
            (
                "t.o IN (SELECT o.id FROM orders o WHERE o.n = ?)",
                values(&[1, 2]),
                "t.o IN (SELECT o.id FROM orders o WHERE o.n IN ($1,$2))",
            ),
        ] {
            let one = Condition { clause, values: given };
            assert_eq!(written(Dialect::Postgres, &[(&one, Way::Driven)]), format!(" WHERE {expected}"));
        }
        let clause = "t.o IN (SELECT o.id FROM orders o WHERE o.n >= ? AND o.n <= ?)";
        let one = Condition { clause, values: values(&[1, 2, 3, 4]) };
        let walked = " WHERE EXISTS (SELECT 1 FROM orders o WHERE (o.n >= $1 AND o.n <= $2 OR o.n >= $3 AND o.n <= $4) \
                      AND o.id = t.o)";
        assert_eq!(written(Dialect::Postgres, &[(&one, Way::Walked)]), walked);
        assert_eq!(bounds(&Condition { clause: "t.a >= ?", values: values(&[1, 2]) }, "t.a"), None);
    }

    #[test]
    fn other_tables_are_looked_up_or_asked_row_by_row() {
        let clause = "t.order_id IN (SELECT o.id FROM orders o WHERE o.number = ?)";
        let one = Condition { clause, values: vec!["7".into()] };
        assert_eq!(
            written(Dialect::Sqlite, &[(&one, Way::Driven)]),
            format!(" WHERE {}", clause.replace('?', "$1"))
        );
        let limited = " WHERE t.order_id IN (SELECT o.id FROM orders o WHERE o.number = $1 LIMIT 5)";
        assert_eq!(written(Dialect::Sqlite, &[(&one, Way::Some(5))]), limited);
        let walked = " WHERE EXISTS (SELECT 1 FROM orders o WHERE o.number = $1 AND o.id = +t.order_id)";
        assert_eq!(written(Dialect::Sqlite, &[(&one, Way::Walked)]), walked);
        let clause = "t.place_id IN (SELECT l.id FROM places l WHERE l.code IN (?))";
        let one = Condition { clause, values: vec!["7".into()] };
        assert!(is_ordered(&LIST, &one));
        let ordered = " WHERE t.place_id = (SELECT l.id FROM places l WHERE l.code = ($1))";
        assert_eq!(written(Dialect::Sqlite, &[(&one, Way::Ordered)]), ordered);
        let kind = "t.place_id IN (SELECT l.id FROM places l WHERE l.kind = ?)";
        assert!(
            !is_ordered(&LIST, &Condition { clause: kind, values: vec!["7".into()] }),
            "it names many places"
        );
    }

    #[test]
    fn only_what_is_read_is_joined() {
        assert_eq!(joins(&LIST, "t.id"), "");
        assert_eq!(joins(&LIST, "l.code = 1"), " JOIN places l ON l.id = t.place_id");
        let both = " JOIN orders o ON o.id = t.order_id LEFT JOIN people k ON k.id = o.person_id";
        assert_eq!(joins(&LIST, "k.name"), both);
        assert_eq!(joins(&LIST, "xl.code"), "");
    }
}
