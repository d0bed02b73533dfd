//! Everything that differs between the two engines: type names, row locks, the start of a write
//! transaction, and which error codes mean "try again".

use std::borrow::Cow;

use crate::db::Trouble;

/// Which engine a store runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The engine's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Translates the schema's type names. A line that begins with `--postgres:` is for PostgreSQL alone.
    pub(crate) fn schema(self, text: &str) -> String {
        match self {
            // An INTEGER primary key is the table's own b-tree; a BIGINT one would be a second index.
            Self::Sqlite => {
                text.replace("--sqlite:", "").replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
            }
            Self::Postgres => text
                .replace("--postgres:", "")
                .replace(" BLOB", " BYTEA")
                .replace(" TEXT", " TEXT COLLATE \"C\""),
        }
    }

    /// Appended to a SELECT that must hold its rows. SQLite's writers already exclude each other.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Appended to a SELECT that claims rows others may be claiming too.
    pub fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Columns of a list's table, written so that SQLite finds no rows by them: it knows nothing of how many fit, and
    /// would rather sort half a table than read a page in order. PostgreSQL knows, and needs no telling.
    pub(crate) fn not_by_index(self, columns: &str) -> String {
        match self {
            Self::Sqlite => match columns.strip_prefix("t.") {
                Some(rest) => format!("+t.{}", rest.replace(" t.", " +t.")),
                None => columns.to_owned(),
            },
            Self::Postgres => columns.to_owned(),
        }
    }

    /// A clause about places of a name, written so that PostgreSQL knows how few there are: as a join. SQLite looks the
    /// places up once as the clause stands, and would begin a join with the orders.
    pub(crate) fn places_named(self, clause: &str) -> Cow<'_, str> {
        let parts = || {
            let (before, rest) = clause.split_once(" IN (SELECT g.id FROM ")?;
            let (from, column) = before.rsplit_once(" WHERE ")?;
            let (named, after) = rest.split_once(')')?;
            let (table, name) = named.split_once(" WHERE ")?;
            Some(format!("{from} JOIN {table} ON g.id = {column} WHERE {name}{after}"))
        };
        match self {
            Self::Postgres => parts().map_or(Cow::from(clause), Cow::from),
            Self::Sqlite => clause.into(),
        }
    }

    /// The id of a joined table, written so that SQLite does not look its rows up by it, and so begins with them.
    /// PostgreSQL weighs what a page costs by itself.
    pub(crate) fn not_found_by(self, alias: &str) -> String {
        match self {
            Self::Sqlite => format!("+{alias}.id"),
            Self::Postgres => format!("{alias}.id"),
        }
    }

    /// The first statement of a write transaction.
    pub(crate) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Whether an error code means that the same transaction may succeed if it is tried again.
    pub(crate) fn is_retryable(self, code: &str) -> bool {
        match self {
            // Busy, busy snapshot, locked.
            Self::Sqlite => matches!(code, "5" | "517" | "6" | "262"),
            // Serialization failure, deadlock, lock not available, too many connections, shutting down.
            Self::Postgres => matches!(code, "40001" | "40P01" | "55P03" | "53300" | "57P01" | "57P03"),
        }
    }

    /// What keeps the database from writing, if an error code says so.
    pub(crate) fn trouble(self, code: &str) -> Option<Trouble> {
        let is = |codes: &[&str]| codes.contains(&code);
        match self {
            // SQLITE_FULL; SQLITE_READONLY, SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_CANTOPEN with what extends them,
            // which stands above the lowest eight bits.
            Self::Sqlite if is(&["13"]) => Some(Trouble::Full),
            Self::Sqlite => {
                let kind = code.parse::<u32>().ok()? & 0xff;
                matches!(kind, 8 | 10 | 11 | 14).then_some(Trouble::Io)
            }
            // Class 53: insufficient resources, of which too many connections end by themselves; 58: system error.
            Self::Postgres if is(&["53100", "53200"]) => Some(Trouble::Full),
            Self::Postgres => code.starts_with("58").then_some(Trouble::Io),
        }
    }

    /// Whether an error code says that the disk did not take what it was given.
    pub(crate) fn is_failed_sync(self, code: &str) -> bool {
        // SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC; PostgreSQL's server panics by itself.
        self == Self::Sqlite && matches!(code, "1034" | "1290")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_name_are_joined_on_postgresql_alone() {
        let clause = "t.a IN (SELECT o.id FROM x a JOIN o ON o.a = a.id WHERE a.city_id IN (SELECT g.id FROM cities g WHERE g.name_folded = ?))";
        assert_eq!(Dialect::Sqlite.places_named(clause), clause);
        let joined = "t.a IN (SELECT o.id FROM x a JOIN o ON o.a = a.id JOIN cities g ON g.id = a.city_id WHERE g.name_folded = ?)";
        assert_eq!(Dialect::Postgres.places_named(clause), joined);
        assert_eq!(Dialect::Postgres.places_named("t.a = ?"), "t.a = ?");
    }
}
