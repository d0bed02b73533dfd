//! Throw-away databases: a SQLite file, or a database of its own on a real PostgreSQL server.

use std::path::Path;

use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

/// Names the PostgreSQL server for tests: the address of a database whose user may create others.
pub const POSTGRES_VARIABLE: &str = "OMS_TEST_POSTGRES";

/// Which engine a database runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the test server.
    Postgres,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// An empty database, removed when this value is dropped.
#[derive(Debug)]
pub struct Database {
    /// What the product is given as `--database`.
    pub url: String,
    engine: Engine,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(TempDir),
    Server { admin: String, name: String },
}

impl Database {
    /// A SQLite file in a folder of its own. The file is not there yet.
    pub fn sqlite() -> Self {
        let folder = tempfile::Builder::new().prefix("oms-test-").tempdir();
        let folder = folder.expect("a temporary folder can be made; check that TMPDIR is writable");
        let url = format!("sqlite://{}", folder.path().join("oms.db").display());
        Self { url, engine: Engine::Sqlite, place: Place::Folder(folder) }
    }

    /// A database on the server that [`POSTGRES_VARIABLE`] names.
    ///
    /// # Panics
    /// Without a server: a test that needs PostgreSQL fails without it, it is never skipped.
    pub fn postgres() -> Self {
        let admin = std::env::var(POSTGRES_VARIABLE).ok().filter(|url| !url.trim().is_empty());
        let admin = admin.unwrap_or_else(|| {
            panic!(
                "{POSTGRES_VARIABLE} is not set and this test needs a real PostgreSQL: run `cargo xtask ci` or \
                 `cargo xtask test`, or start a server with `cargo xtask postgres` and export what it prints"
            )
        });
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).expect("the system gives random bytes");
        let name = format!("oms_test_{}", hex::encode(random));
        let mut url = Url::parse(&admin)
            .unwrap_or_else(|error| panic!("{POSTGRES_VARIABLE} is not a database address: {error}"));
        url.set_path(&name);
        // template0: nobody can be connected to it, so that many tests may create at once.
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        if let Err(error) = execute(&admin, create) {
            panic!("no database could be made on the server of {POSTGRES_VARIABLE}: {error}");
        }
        Self { url: url.into(), engine: Engine::Postgres, place: Place::Server { admin, name } }
    }

    /// A database of this engine.
    pub fn of(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::sqlite(),
            Engine::Postgres => Self::postgres(),
        }
    }

    /// One database of each engine, for the tests that must hold on both.
    pub fn each() -> [Self; 2] {
        [Self::sqlite(), Self::postgres()]
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The folder of a SQLite database, which a test may put other files into.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder.path()),
            Place::Server { .. } => None,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Server { admin, name } = &self.place {
            // FORCE ends what a failed test left connected.
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            if let Err(error) = execute(admin, drop) {
                eprintln!("the test database {name} stays behind: {error}");
            }
        }
    }
}

/// Runs one statement on a thread and runtime of its own, so that it works inside and outside of
/// asynchronous tests.
fn execute(admin: &str, statement: String) -> Result<(), String> {
    let admin = admin.to_owned();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let run = async {
            let mut connection = PgConnection::connect(&admin).await?;
            connection.execute(sqlx::AssertSqlSafe(statement)).await?;
            connection.close().await
        };
        runtime.map_err(|e| e.to_string())?.block_on(run).map_err(|e| e.to_string())
    };
    std::thread::spawn(work).join().unwrap_or_else(|_| Err("the thread for it died".to_owned()))
}
