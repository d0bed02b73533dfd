//! Store, transaction, value and row: one small surface over sqlx's two drivers.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction,
};

pub use crate::dialect::Dialect;
use crate::seals::Seals;

/// Read connections on SQLite: enough for a busy back office, few enough to stay in cache.
const SQLITE_READERS: u32 = 8;
/// Connections of one node to PostgreSQL: workers, intake and requests; a server's default is 100.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a transaction waits for a connection before it is refused.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Statements kept prepared a connection; batches come in a few sizes each.
const STATEMENT_CACHE: usize = 1_024;
/// Below this, a WAL database can be corrupted by a checkpoint race.
const OLDEST_SQLITE: &str = "3.51.3";

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether a commit waits for the disk. Off only in model and property tests.
    pub durable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { durable: true }
    }
}

/// What went wrong in the database. An operator must act, except where [`StoreError::is_retryable`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Url(String),
    #[error("the database refused: {source}")]
    Sql {
        dialect: Dialect,
        #[source]
        source: sqlx::Error,
    },
    #[error("a record grew between its reading and its change")]
    Moved,
    #[error("the database holds what it must not: {0}")]
    Corrupt(String),
    #[error("the secret at {place} cannot be read: {why}")]
    Sealed { place: String, why: String },
}

impl StoreError {
    fn code(&self) -> Option<String> {
        match self {
            Self::Sql { source: sqlx::Error::Database(e), .. } => e.code().map(|c| c.into_owned()),
            _ => None,
        }
    }

    /// Whether the same work may succeed if it is tried again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Sql { source: sqlx::Error::PoolTimedOut | sqlx::Error::Io(_), .. } => true,
            Self::Moved => true,
            Self::Sql { dialect, .. } => self.code().is_some_and(|c| dialect.is_retryable(&c)),
            _ => false,
        }
    }

    /// What keeps the database from writing, if that is what failed; the text is the database's own.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Sql { source: sqlx::Error::WorkerCrashed, .. } => Some(Trouble::Io),
            Self::Sql { dialect, .. } => dialect.trouble(&self.code()?),
            _ => None,
        }
    }

    /// Whether a unique key was already taken.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Sql { source: sqlx::Error::Database(e), .. } if e.is_unique_violation())
    }

    /// Whether a constraint of the schema was broken: the data is wrong, not the moment.
    pub fn is_constraint(&self) -> bool {
        use sqlx::error::ErrorKind::*;
        matches!(self, Self::Sql { source: sqlx::Error::Database(e), .. }
            if matches!(e.kind(), UniqueViolation | ForeignKeyViolation | NotNullViolation | CheckViolation))
    }
}

/// A value on its way into a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    I64(Option<i64>),
    Text(Option<String>),
    Bool(bool),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// The whole number it is, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::I64(v) => *v,
            _ => None,
        }
    }
}

macro_rules! into_value {
    ($($from:ty => $variant:ident($v:ident) $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self { Self::$variant($to) }
        }
    )*};
}

into_value! {
    i64 => I64(v) Some(v);
    Option<i64> => I64(v) v;
    usize => I64(v) Some(v as i64);
    bool => Bool(v) v;
    String => Text(v) Some(v);
    &String => Text(v) Some(v.clone());
    &str => Text(v) Some(v.to_owned());
    Option<String> => Text(v) v;
    Option<&str> => Text(v) v.map(str::to_owned);
    Vec<u8> => Bytes(v) Some(v);
    &[u8] => Bytes(v) Some(v.to_vec());
    [u8; 32] => Bytes(v) Some(v.to_vec());
    Option<Vec<u8>> => Bytes(v) v;
}

/// Builds the arguments of a query: `args![id, "name", None::<i64>]`.
#[macro_export]
macro_rules! args {
    ($($v:expr),* $(,)?) => { vec![$($crate::Value::from($v)),*] };
}

/// A row that came back.
pub enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

macro_rules! column {
    ($self:ident, $i:expr) => {
        match $self {
            Row::Sqlite(r) => {
                r.try_get($i).map_err(|e| wrong_column(r.columns().get($i).map(|c| c.name()), e))
            }
            Row::Postgres(r) => {
                r.try_get($i).map_err(|e| wrong_column(r.columns().get($i).map(|c| c.name()), e))
            }
        }
    };
}

fn wrong_column(name: Option<&str>, e: sqlx::Error) -> StoreError {
    StoreError::Corrupt(format!("column {}: {e}", name.unwrap_or("beyond the last")))
}

impl Row {
    pub fn i64(&self, i: usize) -> Result<i64, StoreError> {
        column!(self, i)
    }

    /// Reads the columns from the first on, in the order of the SELECT.
    pub fn cols(&self) -> Cols<'_> {
        Cols { row: self, next: 0 }
    }
}

/// Reads a row's columns one after the other.
pub struct Cols<'r> {
    row: &'r Row,
    next: usize,
}

macro_rules! cols {
    ($($name:ident -> $type:ty;)*) => {$(
        pub fn $name(&mut self) -> Result<$type, StoreError> {
            let (row, i) = (self.row, self.next);
            self.next += 1;
            column!(row, i)
        }
    )*};
}

impl Cols<'_> {
    cols! {
        i64 -> i64;
        opt_i64 -> Option<i64>;
        text -> String;
        opt_text -> Option<String>;
        bool -> bool;
        bytes -> Vec<u8>;
        opt_bytes -> Option<Vec<u8>>;
    }

    /// A column of JSON text.
    pub fn json(&mut self) -> Result<serde_json::Value, StoreError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|e| StoreError::Corrupt(format!("a JSON column: {e}")))
    }

    /// A column of JSON text, or null.
    pub fn opt_json(&mut self) -> Result<serde_json::Value, StoreError> {
        let read = |text: String| serde_json::from_str(&text);
        let value = self.opt_text()?.map(read).transpose();
        Ok(value.map_err(|e| StoreError::Corrupt(format!("a JSON column: {e}")))?.unwrap_or_default())
    }
}

/// What keeps a database from writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room.
    Full,
    /// Reading or writing failed, or what it writes to may not be written.
    Io,
}

/// Whether what writes still can. On SQLite a connection whose write failed for another reason than its data is not
/// used again: SQLite ended its transaction by itself, and the driver does not know it.
#[derive(Debug, Default)]
struct WriterHealth {
    is_unsound: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl WriterHealth {
    /// Hears of an error, and gives it back.
    fn noted(&self, error: StoreError) -> StoreError {
        let is_of_data = error.is_constraint() || error.is_retryable();
        if !is_of_data && matches!(error, StoreError::Sql { .. }) {
            self.is_unsound.store(true, Ordering::SeqCst);
        }
        if error.trouble().is_some() {
            *self.failure() = Some(error.to_string());
        }
        error
    }

    /// A transaction was committed.
    fn wrote(&self) {
        *self.failure() = None;
    }

    /// Whether the connection that waits may be used. Asked once a failure: the next one is new.
    fn is_sound(&self) -> bool {
        !self.is_unsound.swap(false, Ordering::SeqCst)
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Pools {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

/// The database.
pub struct Store {
    pools: Pools,
    health: Arc<WriterHealth>,
    pub ids: crate::ids::Ids,
    pub(crate) seals: Option<Arc<Seals>>,
}

impl Store {
    /// Opens `sqlite://path` or `postgres://…` and brings its schema up to date.
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let store = Self::connect(url, options).await?;
        crate::migrate::run(&store).await?;
        Ok(store)
    }

    /// Opens a database as it is.
    pub(crate) async fn connect(url: &str, options: Options) -> Result<Self, StoreError> {
        let health = Arc::new(WriterHealth::default());
        let pools = if let Some(path) = url.strip_prefix("sqlite://") {
            open_sqlite(path, options, health.clone()).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url, options).await?
        } else {
            return Err(StoreError::Url(format!(
                "{:?} is not a database address; use sqlite://path/to/oms.db or postgres://user@host/database",
                url.split('@').next_back().unwrap_or_default()
            )));
        };
        let dialect = match pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        };
        Ok(Self { pools, health, ids: crate::ids::Ids::new(dialect), seals: None })
    }

    /// Which engine this is.
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Begins a write transaction. Dropped without [`Tx::commit`], it leaves nothing.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let begin = self.dialect().begin_write();
        let inner = match &self.pools {
            Pools::Sqlite { writer, .. } => writer.begin_with(begin).await.map(Inner::Sqlite),
            Pools::Postgres(pool) => pool.begin_with(begin).await.map(Inner::Postgres),
        };
        let inner = inner.map_err(|e| self.health.noted(self.error(e)))?;
        Ok(Tx { inner, health: Some(self.health.clone()), seals: self.seals.clone() })
    }

    /// Begins a transaction that only reads: on SQLite a stable snapshot beside the writer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { readers, .. } => readers.begin().await.map(Inner::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Inner::Postgres),
        };
        Ok(Tx { inner: inner.map_err(|e| self.error(e))?, health: None, seals: self.seals.clone() })
    }

    /// Why the last write failed, if the database could not take it and none succeeded since.
    pub fn write_failure(&self) -> Option<String> {
        self.health.failure().clone()
    }

    /// Closes all connections; on SQLite the log is folded into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Refreshes the query planner's statistics after a bulk load of stock. Only of what was loaded:
    /// PostgreSQL that has counted an empty table reads it whole until it counts again, and every
    /// reference to a growing order would cost as many reads as there are orders.
    pub async fn analyze_stock(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for table in ["stocks", "products", "locations"] {
            tx.execute(format!("ANALYZE {table}"), vec![]).await?;
        }
        tx.commit().await
    }

    /// Refreshes the statistics of all tables, as PostgreSQL does by itself within a minute of a bulk load: until
    /// then it guesses, and reads whole tables where it should look rows up. Nothing on SQLite, which does not guess.
    pub async fn analyze(&self) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.execute("ANALYZE", vec![]).await?;
        tx.commit().await
    }

    fn error(&self, source: sqlx::Error) -> StoreError {
        StoreError::Sql { dialect: self.dialect(), source }
    }
}

async fn open_sqlite(path: &str, options: Options, health: Arc<WriterHealth>) -> Result<Pools, StoreError> {
    let sql = |source| StoreError::Sql { dialect: Dialect::Sqlite, source };
    let file = PathBuf::from(path);
    if let Some(dir) = file.parent().filter(|d| !d.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)
            .map_err(|e| StoreError::Url(format!("the folder {} cannot be made: {e}", dir.display())))?;
    }
    // FULL: with NORMAL an acknowledged commit can be lost in a power cut.
    let synchronous = if options.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
    let connect = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-65536")
        // Pages between two checkpoints (64 MiB): a page that many batches touch is copied once.
        .pragma("wal_autocheckpoint", "16384")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(STATEMENT_CACHE)
        // Rows cross from SQLite's thread in groups: one at a time would wake both threads for each.
        .row_buffer_size(1_024)
        // A batch's text fills pages of a log and says nothing.
        .disable_statement_logging();
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Full or broken: SQLite rolled back by itself, and the driver's connection never begins again.
        .before_acquire(move |_, _| {
            let is_sound = health.is_sound();
            Box::pin(async move { Ok(is_sound) })
        })
        .connect_with(connect.clone())
        .await
        .map_err(sql)?;
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&writer).await.map_err(sql)?;
    let number = |v: &str| v.split('.').filter_map(|p| p.parse::<u32>().ok()).collect::<Vec<_>>();
    if number(&version) < number(OLDEST_SQLITE) {
        return Err(StoreError::Url(format!(
            "SQLite {version} is too old: {OLDEST_SQLITE} or newer is needed"
        )));
    }
    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(connect.pragma("query_only", "ON"))
        .await
        .map_err(sql)?;
    Ok(Pools::Sqlite { readers, writer })
}

async fn open_postgres(url: &str, options: Options) -> Result<Pools, StoreError> {
    let sql = |source| StoreError::Sql { dialect: Dialect::Postgres, source };
    let mut connect = PgConnectOptions::from_str(url)
        .map_err(sql)?
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging();
    if !options.durable {
        connect = connect.options([("synchronous_commit", "off")]);
    }
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(connect)
        .await
        .map_err(sql)?;
    Ok(Pools::Postgres(pool))
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction on either engine.
pub struct Tx {
    inner: Inner,
    /// Of a transaction that writes: who hears of its failures.
    health: Option<Arc<WriterHealth>>,
    pub(crate) seals: Option<Arc<Seals>>,
}

/// Binds the values and runs one method of a sqlx query on the transaction's connection.
macro_rules! dispatch {
    ($self:ident, $sql:expr, $args:expr, |$query:ident, $conn:ident| $run:expr, $sqlite:expr, $postgres:expr) => {{
        let done = match &mut $self.inner {
            Inner::Sqlite(tx) => {
                let ($query, $conn) = (bound!(Sqlite, $sql, $args), &mut **tx);
                $run.map($sqlite).map_err(|source| StoreError::Sql { dialect: Dialect::Sqlite, source })
            }
            Inner::Postgres(tx) => {
                let ($query, $conn) = (bound!(Postgres, $sql, $args), &mut **tx);
                $run.map($postgres).map_err(|source| StoreError::Sql { dialect: Dialect::Postgres, source })
            }
        };
        done.map_err(|error| $self.noted(error))
    }};
}

macro_rules! bound {
    ($db:ty, $sql:expr, $args:expr) => {{
        let mut query = sqlx::query::<$db>(AssertSqlSafe($sql));
        for value in $args {
            query = match value {
                Value::I64(v) => query.bind(v),
                Value::Text(v) => query.bind(v),
                Value::Bool(v) => query.bind(v),
                Value::Bytes(v) => query.bind(v),
            };
        }
        query
    }};
}

impl Tx {
    fn noted(&self, error: StoreError) -> StoreError {
        match &self.health {
            Some(health) => health.noted(error),
            None => error,
        }
    }

    /// Which engine this is.
    pub fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Sqlite(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; returns the rows it hit. Text is never built from outside input.
    pub async fn execute(&mut self, sql: impl Into<String>, args: Vec<Value>) -> Result<u64, StoreError> {
        let sql = sql.into();
        dispatch!(
            self,
            sql,
            args,
            |query, conn| query.execute(conn).await,
            |r: sqlx::sqlite::SqliteQueryResult| r.rows_affected(),
            |r: sqlx::postgres::PgQueryResult| r.rows_affected()
        )
    }

    /// All rows of a query.
    pub async fn fetch(&mut self, sql: impl Into<String>, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        dispatch!(
            self,
            sql,
            args,
            |query, conn| query.fetch_all(conn).await,
            |rows: Vec<_>| rows.into_iter().map(Row::Sqlite).collect(),
            |rows: Vec<_>| rows.into_iter().map(Row::Postgres).collect()
        )
    }

    /// The first row of a query, if there is one.
    pub async fn first(
        &mut self,
        sql: impl Into<String>,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(sql, args).await?.into_iter().next())
    }

    /// The single whole number a query gives.
    pub async fn scalar(&mut self, sql: impl Into<String>, args: Vec<Value>) -> Result<i64, StoreError> {
        let row = self.first(sql, args).await?;
        row.ok_or_else(|| StoreError::Corrupt("a query that gives one row gave none".into()))?.i64(0)
    }

    /// Makes the transaction's work durable. A disk that fails to sync ends the process: what it
    /// holds is then unknown, and only a restart reads the truth.
    pub async fn commit(self) -> Result<(), StoreError> {
        let (dialect, health) = (self.dialect(), self.health);
        let done = match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => tx.commit().await,
        };
        if let (Ok(()), Some(health)) = (&done, &health) {
            health.wrote();
        }
        done.map_err(|source| {
            let error = StoreError::Sql { dialect, source };
            if error.code().is_some_and(|c| dialect.is_failed_sync(&c)) {
                tracing::error!(%error, "the disk failed to sync; stopping so that a restart reads what is really there");
                std::process::abort();
            }
            match &health {
                Some(health) => health.noted(error),
                None => error,
            }
        })
    }

    /// Drops the transaction's work.
    pub async fn rollback(self) -> Result<(), StoreError> {
        let dialect = self.dialect();
        let done = match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await,
            Inner::Postgres(tx) => tx.rollback().await,
        };
        done.map_err(|source| StoreError::Sql { dialect, source })
    }
}
