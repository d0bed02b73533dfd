//! `oms serve`.

use std::process::ExitCode;
use std::sync::Arc;

use oms_app::orders::intake;
use oms_app::{App, access};
use oms_connect::http::HttpClient;
use oms_connect::policy::NetPolicy;
use oms_web::WebState;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Outcome;
use crate::cli::{KeyArgs, ServeArgs};
use crate::hub::listen;
use crate::keys;
use crate::node::{Node, stop_signal};

/// Runs a node until it is told to stop.
pub async fn run(args: ServeArgs) -> Outcome {
    let policy = NetPolicy::parse(&args.allow_net).map_err(|e| e.to_string())?;
    let listener = listen(args.listen, "--listen").await?;
    let app = open(&args.database.database, &args.key, policy).await?;
    let api = Api::start(app.clone(), listener)?;
    println!("OMS at {}", api.base_url);
    if let Some(secret) = access::first_admin_link(&app).await.map_err(|e| e.to_string())? {
        println!(
            "No user exists yet. Create the first administrator within {} minutes at",
            access::LINK_MINUTES
        );
        println!("    {}/first-admin?link={secret}", api.base_url);
    }
    let node = Node::start(app, args.workers);
    stop_signal().await;
    println!("Stopping.");
    api.stop().await;
    node.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Opens the database and puts the application together.
pub async fn open(database: &str, key: &KeyArgs, policy: NetPolicy) -> Result<Arc<App>, String> {
    let store = keys::open(database, key).await?;
    let http = HttpClient::new(policy).map_err(|e| e.to_string())?;
    App::start(store, http, oms_app::system_clock()).await.map_err(|e| e.to_string())
}

/// The listening API.
pub struct Api {
    pub base_url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Api {
    /// Begins to answer.
    pub fn start(app: Arc<App>, listener: TcpListener) -> Result<Self, String> {
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let mailbox = Arc::new(intake::mailbox(app.clone()));
        let router = oms_web::router(WebState::new(app, mailbox));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
            let serving =
                axum::serve(listener, service).with_graceful_shutdown(async { drop(stopped.await) });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the API stopped");
            }
        });
        Ok(Self { base_url: format!("http://{address}"), stop, server })
    }

    /// Ends after the requests under way.
    pub async fn stop(self) {
        /// Longer than any request may take.
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(35);
        drop(self.stop);
        if tokio::time::timeout(PATIENCE, self.server).await.is_err() {
            tracing::warn!("requests were still under way; stopping all the same");
        }
    }
}
