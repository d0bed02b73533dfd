//! A throw-away PostgreSQL: a server of our own in a temporary folder, on a free loopback port.
//!
//! A small shell, the keeper, starts the server and waits for the end of its own input. That input is
//! a pipe we hold: it ends when we are done and just as well when we are killed, so the server never
//! outlives us and only the process we started is ever stopped.

use std::fs;
use std::io::{BufRead, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::debian;
use crate::steps::{output, run};

/// Where tests find the server (`oms-testkit` and `browser/tests/browser/database.rs` read it).
pub const VARIABLE: &str = "OMS_TEST_POSTGRES";
/// Every test has a database and several connections, and many tests run at once.
const MAX_CONNECTIONS: u32 = 300;
/// A busy machine takes a few seconds; more means that it will not come.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A fast shutdown takes less than a second.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// The free port may be taken before the server has it.
const PORT_TRIES: u32 = 5;
/// Lines of the server's log shown when it does not start.
const LOG_LINES: usize = 20;

/// Starts the server, waits for the end of input, stops the server, removes the folder.
const KEEPER: &str = r#"
folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
"#;

/// Whether commits survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// They do not: tests need speed.
    Fast,
    /// They do: benches measure the truth.
    Full,
}

/// A running server; dropping it stops it and removes its files.
pub struct Postgres {
    keeper: Child,
    folder: PathBuf,
    url: String,
    psql: PathBuf,
}

/// `cargo xtask postgres`
pub fn chore(arguments: &[String]) -> Result<(), String> {
    let durability = match arguments {
        [] => Durability::Fast,
        [flag] if flag == "--durable" => Durability::Full,
        _ => return Err("`cargo xtask postgres` knows --durable only".to_owned()),
    };
    let server = Postgres::start(durability)?;
    println!("export OMS_TEST_POSTGRES={}", server.url());
    println!("Enter or Ctrl-C stops it.");
    let _ = std::io::stdout().flush();
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
        // No terminal: somebody started us in the background and will kill us.
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

impl Postgres {
    /// Starts a server and waits until it takes connections.
    pub fn start(durability: Durability) -> Result<Self, String> {
        let programs = programs()?;
        let owner = Owner::find()?;
        let mut failure = String::new();
        for attempt in 0..PORT_TRIES {
            match Self::attempt(&programs, &owner, durability, attempt) {
                Ok(server) => return Ok(server),
                // Only the race for the port is worth another try.
                Err(error) if error.contains("Address already in use") => failure = error,
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    fn attempt(programs: &Path, owner: &Owner, durability: Durability, attempt: u32) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("oms-postgres-{}-{attempt}", std::process::id()));
        fs::create_dir(&folder).map_err(|e| format!("{} could not be made: {e}", folder.display()))?;
        let server = Self::launch(programs, owner, durability, &folder);
        match server {
            Ok(server) => Ok(server),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    fn launch(programs: &Path, owner: &Owner, durability: Durability, folder: &Path) -> Result<Self, String> {
        let prepared = fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .and_then(|()| owner.ids.map_or(Ok(()), |(uid, gid)| chown(folder, Some(uid), Some(gid))));
        prepared.map_err(|e| format!("{} could not be prepared: {e}", folder.display()))?;

        let data = folder.join("data");
        let mut initdb = owner.command(programs.join("initdb"), folder);
        initdb.arg("-D").arg(&data);
        initdb.args(["-U", "oms", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.stdout(Stdio::null()))?;

        let port = free_port()?;
        let mut keeper = owner.command("sh", folder);
        keeper.args(["-c", KEEPER, "keeper"]).arg(folder).arg(programs.join("postgres"));
        keeper.arg("-D").arg(&data).arg("-k").arg(folder).args(["-p", &port.to_string()]);
        let mut settings =
            vec!["listen_addresses=127.0.0.1".to_owned(), format!("max_connections={MAX_CONNECTIONS}")];
        if durability == Durability::Fast {
            settings
                .extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(String::from));
        }
        for setting in &settings {
            keeper.args(["-c", setting]);
        }
        // A group of its own: Ctrl-C reaches us, and the keeper hears of it by its input.
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let keeper = keeper.spawn().map_err(|e| format!("sh could not be started: {e}"))?;
        let url = format!("postgres://oms@127.0.0.1:{port}/postgres");
        let psql = Some(programs.join("psql")).filter(|p| p.is_file()).unwrap_or_else(|| "psql".into());
        let server = Self { keeper, folder: folder.to_owned(), url, psql };
        server.wait_until_ready(&data)?;
        Ok(server)
    }

    /// The address of its `postgres` database; the user may do everything.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its client.
    pub fn psql(&self) -> &Path {
        &self.psql
    }

    fn wait_until_ready(&self, data: &Path) -> Result<(), String> {
        let start = Instant::now();
        let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        loop {
            // The server writes its state as the last line of this file.
            let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            if state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            let text = log();
            let failed = text.lines().any(|line| line.contains("FATAL:"));
            if failed || start.elapsed() > START_LIMIT {
                let lines: Vec<&str> = text.lines().collect();
                let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
                return Err(format!("the server does not start; its log ends:\n{tail}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let start = Instant::now();
        while start.elapsed() < STOP_LIMIT {
            match self.keeper.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        eprintln!("xtask: the server in {} does not stop", self.folder.display());
    }
}

/// Who the server runs as: PostgreSQL refuses to run as root.
struct Owner {
    ids: Option<(u32, u32)>,
}

impl Owner {
    fn find() -> Result<Self, String> {
        let number = |arguments: &[&str]| output("id", arguments)?.parse::<u32>().ok();
        if number(&["-u"]) != Some(0) {
            return Ok(Self { ids: None });
        }
        for user in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (number(&["-u", user]), number(&["-g", user])) {
                return Ok(Self { ids: Some((uid, gid)) });
            }
        }
        Err("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody; run this as \
             another user"
            .to_owned())
    }

    /// A program run as this owner inside its folder, which it may certainly enter.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("HOME", folder);
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
        command
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    listener.map(|address| address.port()).map_err(|e| format!("no free port: {e}"))
}

/// The folder with `initdb` and `postgres`, installed first where that is ours to do.
fn programs() -> Result<PathBuf, String> {
    if let Some(folder) = find_programs() {
        return Ok(folder);
    }
    if debian::install(&["postgresql"])?
        && let Some(folder) = find_programs()
    {
        return Ok(folder);
    }
    Err("initdb and postgres were found neither on PATH, nor below /usr/lib/postgresql, nor by pg_config; \
         install PostgreSQL 13 or newer (Debian: apt-get install postgresql)"
        .to_owned())
}

fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|p| p.is_absolute()).collect();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    let number = |path: &PathBuf| path.file_name().and_then(|n| n.to_str()?.parse::<u32>().ok());
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    folders.extend(versions.into_iter().map(|version| version.join("bin")));
    folders.extend(output("pg_config", &["--bindir"]).map(PathBuf::from));
    folders.into_iter().find(|folder| ["initdb", "postgres"].iter().all(|p| folder.join(p).is_file()))
}
