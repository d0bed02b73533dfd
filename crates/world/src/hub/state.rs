//! The state file: what callers changed, in a small SQLite database beside the data.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Row, SqlitePool};

use super::kind::Kind;
use super::world::Change;

/// Raised when the file's layout changes; an older or newer file is refused.
const VERSION: &str = "1";
/// Records of one statement; its parameters stay far below what SQLite takes.
const ROWS: usize = 256;
/// How long a write waits for another process that looks into the file.
const BUSY: Duration = Duration::from_secs(5);

/// Why a hub could not be opened or written to.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("the hub's state file {path}: {source}")]
    State { path: String, source: sqlx::Error },
    #[error("the hub's state file {path} was made with other data ({theirs}) than was given now ({ours})")]
    OtherData { path: String, theirs: String, ours: String },
    #[error("the hub's state file {path} has layout {found}, this program writes {VERSION}")]
    Layout { path: String, found: String },
    #[error("the hub's webhook client: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the hub's server: {0}")]
    Serve(#[from] std::io::Error),
}

/// The file, or nothing when a hub lives in memory only.
pub(crate) struct State {
    pool: Option<SqlitePool>,
    path: String,
}

/// What a state file held when it was opened.
#[derive(Default)]
pub(crate) struct Remembered {
    pub shift_weeks: Option<i64>,
    pub changes: Vec<Change>,
    pub tokens: Vec<String>,
}

impl State {
    /// Opens or makes the file; refuses one that was made with other data.
    pub(crate) async fn open(path: Option<&Path>, identity: &str) -> Result<(Self, Remembered), HubError> {
        let Some(path) = path else {
            return Ok((Self { pool: None, path: String::new() }, Remembered::default()));
        };
        let name = path.display().to_string();
        let failed = |source| HubError::State { path: name.clone(), source };
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|e| failed(sqlx::Error::Io(e)))?;
        }
        // A demo's state survives the end of the process at any moment; a power cut may take the last changes.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(failed)?;
        let state = Self { pool: Some(pool.clone()), path: name.clone() };
        state.lay_out(&pool, identity).await?;
        let remembered = read(&pool).await.map_err(failed)?;
        Ok((state, remembered))
    }

    async fn lay_out(&self, pool: &SqlitePool, identity: &str) -> Result<(), HubError> {
        let failed = |source| HubError::State { path: self.path.clone(), source };
        for statement in [
            "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, pk INTEGER NOT NULL, fields TEXT, \
             PRIMARY KEY (kind, pk)) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS tokens (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE)",
        ] {
            sqlx::query(statement).execute(pool).await.map_err(failed)?;
        }
        for (key, value) in [("layout", VERSION), ("identity", identity)] {
            let insert =
                sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING");
            insert.bind(key).bind(value).execute(pool).await.map_err(failed)?;
            let row = sqlx::query("SELECT value FROM meta WHERE key = $1").bind(key).fetch_one(pool).await;
            let found: String = row.and_then(|r| r.try_get(0)).map_err(failed)?;
            let path = self.path.clone();
            match key {
                "layout" if found != VERSION => return Err(HubError::Layout { path, found }),
                "identity" if found != identity => {
                    return Err(HubError::OtherData { path, theirs: found, ours: identity.to_owned() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Stores by how many weeks the orders were moved.
    pub(crate) async fn put_shift(&self, weeks: i64) -> Result<(), HubError> {
        let Some(pool) = &self.pool else { return Ok(()) };
        let insert = sqlx::query("INSERT INTO meta (key, value) VALUES ('shift_weeks', $1)");
        insert.bind(weeks.to_string()).execute(pool).await.map(drop).map_err(|e| self.failed(e))
    }

    /// Stores the changes of one request, all or none.
    pub(crate) async fn put(&self, changes: &[Change]) -> Result<(), HubError> {
        let Some(pool) = &self.pool else { return Ok(()) };
        put(pool, changes).await.map_err(|e| self.failed(e))
    }

    /// Stores a token's hash and forgets the oldest beyond `keep`.
    pub(crate) async fn put_token(&self, hash: &str, keep: i64) -> Result<(), HubError> {
        let Some(pool) = &self.pool else { return Ok(()) };
        let insert = sqlx::query("INSERT INTO tokens (hash) VALUES ($1)").bind(hash);
        insert.execute(pool).await.map_err(|e| self.failed(e))?;
        let forget = "DELETE FROM tokens WHERE id NOT IN (SELECT id FROM tokens ORDER BY id DESC LIMIT $1)";
        sqlx::query(forget).bind(keep).execute(pool).await.map(drop).map_err(|e| self.failed(e))
    }

    /// Forgets every token.
    pub(crate) async fn drop_tokens(&self) -> Result<(), HubError> {
        let Some(pool) = &self.pool else { return Ok(()) };
        sqlx::query("DELETE FROM tokens").execute(pool).await.map(drop).map_err(|e| self.failed(e))
    }

    fn failed(&self, source: sqlx::Error) -> HubError {
        HubError::State { path: self.path.clone(), source }
    }
}

async fn put(pool: &SqlitePool, changes: &[Change]) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    for some in changes.chunks(ROWS) {
        let mut upsert = QueryBuilder::new("INSERT INTO records (kind, pk, fields) ");
        upsert.push_values(some, |mut row, change| {
            let text =
                change.fields.as_ref().map(|f| serde_json::to_string(f).unwrap_or_else(|_| "{}".to_owned()));
            row.push_bind(change.kind.name()).push_bind(change.pk).push_bind(text);
        });
        upsert.push(" ON CONFLICT (kind, pk) DO UPDATE SET fields = excluded.fields");
        upsert.build().execute(&mut *tx).await?;
    }
    tx.commit().await
}

async fn read(pool: &SqlitePool) -> Result<Remembered, sqlx::Error> {
    let shift = sqlx::query("SELECT value FROM meta WHERE key = 'shift_weeks'").fetch_optional(pool).await?;
    let shift: Option<String> = shift.map(|r| r.try_get(0)).transpose()?;
    let mut changes = Vec::new();
    for row in sqlx::query("SELECT kind, pk, fields FROM records ORDER BY kind, pk").fetch_all(pool).await? {
        let kind: String = row.try_get(0)?;
        let Some(kind) = Kind::from_name(&kind) else { continue };
        let text: Option<String> = row.try_get(2)?;
        let fields = text.map(|t| serde_json::from_str(&t)).transpose();
        let fields = fields.map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
        changes.push(Change { kind, pk: row.try_get(1)?, fields });
    }
    let tokens = sqlx::query("SELECT hash FROM tokens ORDER BY id").fetch_all(pool).await?;
    let tokens = tokens.iter().map(|r| r.try_get(0)).collect::<Result<_, _>>()?;
    Ok(Remembered { shift_weeks: shift.and_then(|s| s.parse().ok()), changes, tokens })
}
