//! `oms user create` and `oms token create`.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use oms_app::{App, access};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_core::permissions::Role;
use oms_store::{Options, Store};

use crate::Outcome;
use crate::cli::{TokenArgs, UserArgs};

/// The use cases over a database, beside a node that may be running.
pub(crate) async fn app(database: &str) -> Result<Arc<App>, String> {
    let store = Store::open(database, Options::default()).await.map_err(|e| e.to_string())?;
    let http = HttpClient::new(NetPolicy::public_only()).map_err(|e| e.to_string())?;
    Ok(App::beside(store, http, oms_app::system_clock()))
}

/// Creates an administrator.
pub async fn create_user(args: UserArgs) -> Outcome {
    let password = match args.password {
        Some(password) => password,
        None => ask_password()?,
    };
    let app = app(&args.database.database).await?;
    access::create_user(&app, "system:cli", &args.username, &password, Role::Administrator)
        .await
        .map_err(|e| e.to_string())?;
    println!("Created the administrator {}.", args.username);
    Ok(ExitCode::SUCCESS)
}

/// One line from the terminal, or from a pipe.
fn ask_password() -> Result<String, String> {
    if std::io::stdin().is_terminal() {
        print!("Password (shown as you type; OMS_PASSWORD avoids that): ");
        std::io::stdout().flush().map_err(|e| e.to_string())?;
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| format!("the password could not be read: {e}"))?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        Err("a password is needed: type it, or set OMS_PASSWORD".into())
    } else {
        Ok(password)
    }
}

/// Creates a token and prints it.
pub async fn create_token(args: TokenArgs) -> Outcome {
    let app = app(&args.database.database).await?;
    let token = access::create_token(&app, &args.username, &args.name).await.map_err(|e| e.to_string())?;
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}
