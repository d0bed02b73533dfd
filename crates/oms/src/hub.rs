//! `oms hub`: the demo hub alone; and its start for `oms demo`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use oms_world::data::{Dataset, GenerateSize};
use oms_world::hub::{self, Hub, HubConfig};
use tokio::net::TcpListener;

use crate::Outcome;
use crate::cli::HubArgs;
use crate::node::stop_signal;

/// The seed of the world that is generated when no data is given.
const SEED: u64 = 1;

/// Reads the data, or generates a small world.
pub fn dataset(dir: Option<&Path>) -> Result<Dataset, String> {
    match dir {
        Some(dir) => Dataset::load(dir).map_err(|e| e.to_string()),
        None => Ok(Dataset::generate(SEED, GenerateSize::default())),
    }
}

/// Opens a listening socket, or says which address is taken.
pub async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|e| format!("{address} cannot be listened on ({e}); choose another with {flag}"))
}

/// Opens the hub over its data and state.
pub async fn open(config: HubConfig) -> Result<Arc<Hub>, String> {
    if let Some(dir) =
        config.state_path.as_deref().and_then(Path::parent).filter(|d| !d.as_os_str().is_empty())
    {
        std::fs::create_dir_all(dir)
            .map_err(|e| format!("the folder {} cannot be made: {e}", dir.display()))?;
    }
    hub::open(config, oms_app::system_clock()).await.map_err(|e| e.to_string())
}

/// Runs until it is told to stop.
pub async fn run(args: HubArgs) -> Outcome {
    let made = args.password.is_none();
    let password = args.password.unwrap_or_else(|| hex::encode(oms_app::random_bytes::<12>()));
    let mut config = HubConfig::new(dataset(args.data.as_deref())?, password.clone());
    config.username = args.username.clone();
    config.state_path = Some(args.state);
    config.login_limit = args.login_limit;
    config.keep_dates = args.keep_dates;
    let hub = open(config).await?;
    let listener = listen(args.listen, "--listen").await?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    println!("Demo hub with {} orders at http://{address}/api/v1/", hub.order_count());
    if made {
        println!("User {}, password {password}", args.username);
    } else {
        println!("User {}, password as given", args.username);
    }
    hub::serve(hub, listener, stop_signal()).await.map_err(|e| e.to_string())?;
    Ok(ExitCode::SUCCESS)
}
