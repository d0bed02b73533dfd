//! Where the browser goes: the demo of the binary, or an empty OMS beside a demo hub, on either database.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::chromium::{Browser, Look};
use crate::database::{Database, Kind};
use crate::oms;
use crate::process::Process;

/// A running demo with its administrator.
pub struct Demo {
    pub base: String,
    pub password: String,
    pub token: String,
    /// The address that signs its administrator in once.
    pub link: String,
    _process: Process,
    _folder: TempDir,
}

const ARGUMENTS: [&str; 6] = ["demo", "--listen", "127.0.0.1:0", "--hub-listen", "127.0.0.1:0", "--database"];

/// What the demo makes, made once a kind of database for all tests: planning takes longer than most of them.
struct Planned {
    folder: TempDir,
    database: Database,
    password: String,
}

impl Planned {
    fn get(kind: Kind) -> &'static Self {
        static SQLITE: OnceLock<Planned> = OnceLock::new();
        static POSTGRES: OnceLock<Planned> = OnceLock::new();
        let planned = match kind {
            Kind::Sqlite => &SQLITE,
            Kind::Postgres => &POSTGRES,
        };
        planned.get_or_init(|| Self::make(kind))
    }

    fn make(kind: Kind) -> Self {
        let folder = tempdir().unwrap();
        let database = Database::new(kind, "planned");
        database.create(folder.path());
        let url = database.url();
        let arguments = [&ARGUMENTS[..], &[&url, "--until-idle"]].concat();
        let mut process = Process::start(oms(folder.path(), &arguments));
        let password = after(&process.line("password "), "password ");
        let ended = process.wait();
        assert!(ended.status.success(), "{ended:#?}");
        Self { folder, database, password }
    }
}

fn after(line: &str, mark: &str) -> String {
    line.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in {line:?}")).1.trim().to_owned()
}

impl Demo {
    /// Starts it on a copy of a database in which all is planned.
    pub fn start(kind: Kind) -> Self {
        let planned = Planned::get(kind);
        let folder = tempdir().unwrap();
        let database = planned.database.copy(planned.folder.path(), folder.path());
        let url = database.url();
        let mut process = Process::start(oms(folder.path(), &[&ARGUMENTS[..], &[&url]].concat()));
        let base = after(&process.line("OMS at "), "OMS at ");
        let link = after(&process.line("/sign-in?"), &base);
        let token = after(&process.line("token: "), "token: ");
        Self { base, password: planned.password.clone(), token, link, _process: process, _folder: folder }
    }

    /// A browser of its administrator.
    pub async fn browser(&self, look: Look) -> Browser {
        let browser = Browser::open(&self.base, look).await;
        browser.sign_in("demo", &self.password).await;
        browser
    }

    /// Asks the API beside the browser, as another program would.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-X", method, "-H", &format!("Authorization: Token {}", self.token)]);
        if let Some(body) = body {
            curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let out = curl.arg(format!("{}/api/v1/oms{path}", self.base)).output().unwrap();
        // What is done without more words is answered with none.
        if out.stdout.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{path}: {e}: {out:?}"))
    }
}

/// An OMS nobody has set up yet, and the hub it can be set up against.
pub struct Empty {
    pub base: String,
    /// The address of the first administrator's page.
    pub link: String,
    pub hub_url: String,
    _oms: Process,
    _hub: Process,
    _folder: TempDir,
}

/// The password of the hub's technical user.
pub const HUB_PASSWORD: &str = "the hub's password";

impl Empty {
    pub fn start(kind: Kind) -> Self {
        let folder = tempdir().unwrap();
        let database = Database::new(kind, "empty");
        database.create(folder.path());
        let hub = ["hub", "--listen", "127.0.0.1:0", "--password", HUB_PASSWORD, "--state", "hub.db"];
        let mut hub = Process::start(oms(folder.path(), &hub));
        let line = hub.line("http://");
        let url = line.split_whitespace().find(|w| w.starts_with("http://")).unwrap();
        let hub_url =
            url.trim_end_matches(['.', ',', '/']).trim_end_matches("/api/v1").to_owned() + "/api/v1";
        let serve =
            ["serve", "--database", &database.url(), "--listen", "127.0.0.1:0", "--allow-net", "127.0.0.0/8"];
        let mut oms = Process::start(oms(folder.path(), &serve));
        let base = after(&oms.line("OMS at "), "OMS at ");
        let link = after(&oms.line("/first-admin"), &base);
        Self { base, link, hub_url, _oms: oms, _hub: hub, _folder: folder }
    }
}

/// Another company's software that hears webhooks: it fails until it is mended.
pub struct Receiver {
    pub url: String,
    is_mended: Arc<AtomicBool>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = is_mended.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A caller that goes away while it is answered is none of ours.
                let _ = answer(&stream, mended.load(Ordering::SeqCst));
            }
        });
        Self { url, is_mended }
    }

    pub fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }
}

/// Reads a whole request and answers it.
fn answer(mut stream: &TcpStream, is_mended: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let status = if is_mended { "204 No Content" } else { "500 Internal Server Error" };
    stream
        .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes())
}
