//! The key that seals secrets in the database: a file of its own, made at the first start.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use oms_core::seal::{KEY_BYTES, Keys};
use oms_store::seals::Seals;
use oms_store::{Options, Store};

use crate::cli::KeyArgs;

/// Opens a database with its key.
pub async fn open(database: &str, args: &KeyArgs) -> Result<Store, String> {
    let store = Store::open(database, Options::default()).await.map_err(|e| e.to_string())?;
    let path = args.secrets_key.clone().unwrap_or_else(|| beside(database));
    let named = |what: String| format!("the key file {}: {what}", path.display());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            if let Some(id) = store.sealed_by().await.map_err(|e| e.to_string())? {
                return Err(named(format!(
                    "it is not there, and secrets in the database are sealed with key {id}. Put it there, or say with \
                     --secrets-key where it is"
                )));
            }
            make(&path).map_err(|e| named(e.to_string()))?
        }
        Err(e) => return Err(named(e.to_string())),
    };
    let keys = Keys::read(&text).map_err(named)?;
    store.sealed_with(Seals { keys, nonce: oms_app::random_bytes }).await.map_err(|e| e.to_string())
}

/// Where the key of a database is, unless somebody says otherwise.
fn beside(database: &str) -> PathBuf {
    match database.strip_prefix("sqlite://") {
        Some(path) => PathBuf::from(path).with_extension("key"),
        None => PathBuf::from(format!("{}.key", name(database))),
    }
}

/// The name of a PostgreSQL database, as a file may be called.
pub fn name(url: &str) -> String {
    let name = url.split(['/', '?']).filter(|p| !p.is_empty()).nth(2).unwrap_or("oms");
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// Makes a key file that its owner alone can read, whole or not at all; another process may be first.
fn make(path: &Path) -> std::io::Result<String> {
    let bytes: [u8; KEY_BYTES] = oms_app::random_bytes();
    let text = Keys::text(bytes);
    let part = path.with_extension(format!("key-{}", hex::encode(&bytes[..4])));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&part, path);
    fs::remove_file(&part)?;
    match linked {
        Ok(()) => {
            tracing::info!(file = %path.display(), "made the key that seals secrets; keep it apart from backups");
            Ok(text)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => fs::read_to_string(path),
        Err(e) => Err(e),
    }
}
