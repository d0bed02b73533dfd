//! The databases that the binary runs on in these tests: a file in the test's folder, or one of a server's.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the server is; `cargo xtask browser` sets it.
const POSTGRES_VARIABLE: &str = "OMS_TEST_POSTGRES";
/// PostgreSQL's client; `cargo xtask browser` sets it.
const PSQL_VARIABLE: &str = "OMS_TEST_PSQL";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// One database. Those of the server end with it.
pub struct Database {
    kind: Kind,
    name: String,
}

impl Database {
    /// A name that no other test has.
    pub fn new(kind: Kind, of: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { kind, name: format!("{of}_{}_{next}", std::process::id()) }
    }

    /// As the binary takes it, in the folder of its test.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::Sqlite => format!("sqlite://oms-demo/{}.db", self.name),
            Kind::Postgres => {
                let server = variable(POSTGRES_VARIABLE);
                let (server, _) = server.rsplit_once('/').expect("the server's address ends with a database");
                format!("{server}/{}", self.name)
            }
        }
    }

    /// Makes it, empty; of a file its folder, for the file is made by the binary.
    pub fn create(&self, folder: &Path) {
        match self.kind {
            Kind::Sqlite => std::fs::create_dir_all(folder.join("oms-demo")).unwrap(),
            Kind::Postgres => psql(&format!("CREATE DATABASE {}", self.name)),
        }
    }

    /// A copy, with the state of its hub, in another test's folder. Nobody may be using it.
    pub fn copy(&self, from: &Path, to: &Path) -> Self {
        let copy = Self::new(self.kind, "copy");
        if self.kind == Kind::Postgres {
            psql(&format!("CREATE DATABASE {} TEMPLATE {}", copy.name, self.name));
        }
        // What the demo wrote, and the key of its secrets, which stands beside its folder where PostgreSQL has the rest.
        for folder in ["", "oms-demo"] {
            let (from, to) = (from.join(folder), to.join(folder));
            std::fs::create_dir_all(&to).unwrap();
            let files = std::fs::read_dir(from).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file());
            for file in files {
                let name = file.file_name().unwrap().to_str().unwrap().replace(&self.name, &copy.name);
                std::fs::copy(&file, to.join(name)).unwrap();
            }
        }
        copy
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: cargo xtask browser sets it"))
}

fn psql(sql: &str) {
    let mut command = Command::new(variable(PSQL_VARIABLE));
    command.args(["--quiet", "--no-psqlrc", "--dbname", &variable(POSTGRES_VARIABLE), "--command", sql]);
    let out = command.output().unwrap();
    assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
}
