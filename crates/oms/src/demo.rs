//! `oms demo`: a hub with a retailer's orders, the OMS, and the whole way from one to packages in the other.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use oms_app::App;
use oms_app::access::{self, LINK_MINUTES};
use oms_app::rules::scenarios;
use oms_app::setup::settings;
use oms_app::setup::{self, SetupTask};
use oms_app::stock::stocks::{self, StockRow};
use oms_app::upkeep::totals::{self, Totals};
use oms_connect::policy::NetPolicy;
use oms_core::locations::LocationKind;
use oms_core::permissions::Role;
use oms_store::Store;
use oms_store::setup::TaskState;
use oms_world::data::Dataset;
use oms_world::hub::{Hub, HubConfig};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::Outcome;
use crate::cli::DemoArgs;
use crate::hub::{self, listen};
use crate::keys;
use crate::node::{Node, stop_signal};
use crate::serve::{self, Api};

/// The fact that says which data the database was made with.
const DATA: &str = "demo_data";
/// The fact that counts the stock rows already loaded.
const STOCK_LOADED: &str = "demo_stock_rows";
const ADMIN: &str = "demo";
const ACTOR: &str = "system:demo";
/// How often the progress is read.
const GLANCE: Duration = Duration::from_millis(200);

/// Runs the demo.
pub async fn run(args: DemoArgs) -> Outcome {
    let dataset = hub::dataset(args.data.as_deref())?;
    let hub_state = hub_state_path(&args.database)?;
    if args.fresh {
        Store::wipe(&args.database).await.map_err(|e| e.to_string())?;
        let hub_url = format!("sqlite://{}", hub_state.display());
        Store::wipe(&hub_url).await.map_err(|e| e.to_string())?;
    }
    let app = serve::open(&args.database, &args.key, NetPolicy::with_loopback()).await?;
    refuse_other_data(&app, &dataset).await?;
    let before = totals::read(&app).await.map_err(text)?;

    let password = hex::encode(oms_app::random_bytes::<12>());
    let (hub, hub_url, hub_stop) = start_hub(&args, &dataset, &password, hub_state).await?;
    let api = Api::start(app.clone(), listen(args.listen, "--listen").await?)?;
    println!("Demo hub at {hub_url}, OMS at {}", api.base_url);
    let token = accounts(&app, args.token.as_deref()).await?;
    configure(&app, &hub_url, &password, &api.base_url).await?;

    let began = Instant::now();
    let mut node = Node::start_setup(app.clone());
    for task in [SetupTask::Addresses, SetupTask::StockLocations, SetupTask::Channels, SetupTask::Webhooks] {
        run_task(&app, task).await?;
    }
    load_stock(&app, &dataset).await?;
    define_scenario(&app, &dataset).await?;

    println!("Taking and planning {} orders with {} workers", hub.order_count(), args.workers);
    node.start_intake();
    let finished = intake_and_planning(&app, &hub, &mut node, args.workers).await?;
    let seconds = began.elapsed().as_secs_f64();
    let after = totals::read(&app).await.map_err(text)?;

    if finished && args.until_idle {
        stop_all(api, node, hub_stop).await;
        println!("{}", summary(&after, &before, seconds, &args.database));
        return Ok(ExitCode::SUCCESS);
    }
    if finished {
        report(&after, seconds);
        println!(
            "The OMS goes on at {} until you stop it (ctrl-c). API description: {}/api/docs/",
            api.base_url, api.base_url
        );
        println!("Open the back office, signed in as {ADMIN} (works once, within {LINK_MINUTES} minutes):");
        println!("    {}", sign_in_link(&app, &api.base_url).await?);
        println!("Sign-in of the hub: user {}, password {password}", oms_world::hub::DEFAULT_USERNAME);
        println!("Administrator's token: {token}");
        println!(
            "    curl -H 'Authorization: Token {token}' '{}/api/v1/oms/packages/?limit=3'",
            api.base_url
        );
        stop_signal().await;
    }
    stop_all(api, node, hub_stop).await;
    if finished || !args.until_idle {
        Ok(ExitCode::SUCCESS)
    } else {
        Err("stopped before all was planned".into())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn stop_all(api: Api, node: Node, hub_stop: oneshot::Sender<()>) {
    println!("Stopping.");
    api.stop().await;
    node.stop().await;
    drop(hub_stop);
}

/// The hub's own file: beside the SQLite database and named after it.
fn hub_state_path(database: &str) -> Result<PathBuf, String> {
    let path = match database.strip_prefix("sqlite://") {
        Some(path) => PathBuf::from(path).with_extension("hub.db"),
        None => PathBuf::from(format!("oms-demo/{}.hub.db", keys::name(database))),
    };
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)
            .map_err(|e| format!("the folder {} cannot be made: {e}", dir.display()))?;
    }
    Ok(path)
}

async fn refuse_other_data(app: &App, dataset: &Dataset) -> Result<(), String> {
    let ours = dataset.identity();
    match totals::fact(app, DATA).await.map_err(text)? {
        None => totals::set_fact(app, DATA, &ours).await.map_err(text),
        Some(theirs) if theirs == ours => Ok(()),
        Some(theirs) => Err(format!(
            "this database was made with other data ({}… and not {}…); give that data, another --database, or --fresh to start over",
            &theirs[..theirs.len().min(12)],
            &ours[..12]
        )),
    }
}

async fn start_hub(
    args: &DemoArgs,
    dataset: &Dataset,
    password: &str,
    state: PathBuf,
) -> Result<(Arc<Hub>, String, oneshot::Sender<()>), String> {
    let mut config = HubConfig::new(dataset.clone(), password);
    config.state_path = Some(state);
    config.keep_dates = args.keep_dates;
    let hub = hub::open(config).await?;
    let listener = listen(args.hub_listen, "--hub-listen").await?;
    let url = format!("http://{}/api/v1", listener.local_addr().map_err(text)?);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = oms_world::hub::serve(hub.clone(), listener, async { drop(stopped.await) });
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the demo hub stopped");
        }
    });
    Ok((hub, url, stop))
}

/// The administrator and a token of theirs.
async fn accounts(app: &App, preset: Option<&str>) -> Result<String, String> {
    let password = hex::encode(oms_app::random_bytes::<16>());
    match access::create_user(app, ACTOR, ADMIN, &password, Role::Administrator).await {
        Ok(_) => println!("Administrator {ADMIN}, password {password}"),
        Err(oms_app::Error::Refused(_)) => {}
        Err(other) => return Err(other.to_string()),
    }
    match preset {
        Some(token) => {
            access::preset_token(app, ADMIN, "demo", token).await.map_err(text)?;
            Ok(token.to_owned())
        }
        None => access::create_token(app, ADMIN, "demo").await.map_err(text),
    }
}

async fn sign_in_link(app: &App, base_url: &str) -> Result<String, String> {
    let secret = access::sessions::link(app, ADMIN).await.map_err(text)?;
    Ok(format!("{base_url}/sign-in?link={secret}"))
}

/// Seed steps 7 to 9: where the hub is, which orders are taken, how distance is measured, which
/// webhooks to register. Writes the hub's address and password anew at each start.
async fn configure(app: &App, hub_url: &str, password: &str, base_url: &str) -> Result<(), String> {
    let username = oms_world::hub::DEFAULT_USERNAME;
    let put = async |key: &str, value: Value| settings::put(app, ACTOR, key, &value).await.map_err(text);
    put(
        "OMNITRON_CLIENT_SETTINGS",
        json!({"auth": {"username": username, "password": password}, "urls": {"base_url": hub_url, "oms_url": format!("{base_url}/api/v1")},
               "timeouts": {"read": 30000, "connect": 6000}, "endpoint_conf": []}),
    )
    .await?;
    put("ORDER_FILTERING", json!({"order_statuses": ["400"], "channels": [], "exclude_order_types": []}))
        .await?;
    put("ORDER_ITEM_QUANTITY_KEY", json!({"key": oms_world::hub::DEFAULT_QUANTITY_KEY})).await?;
    put("GEOLOCATION_DISCOVERY", json!({"enabled": true, "provider": "haversine"})).await?;
    let (token, secret) = (hub_token(app).await?, hub_secret(app).await?);
    let events: Vec<_> = oms_core::settings::HUB_EVENTS.iter().map(|(event, _)| *event).collect();
    put(
        "OMNITRON_WEBHOOKS",
        json!({"target_base_url": base_url, "events": events, "token": token, "secret_key": secret}),
    )
    .await
}

/// What the hub signs its webhooks with; the same at every start too.
async fn hub_secret(app: &App) -> Result<String, String> {
    const HUB_SECRET: &str = "demo_hub_secret";
    if let Some(secret) = totals::fact(app, HUB_SECRET).await.map_err(text)? {
        return Ok(secret);
    }
    let secret = hex::encode(oms_app::random_bytes::<24>());
    totals::set_fact(app, HUB_SECRET, &secret).await.map_err(text)?;
    Ok(secret)
}

/// The token the hub sends with its webhooks; the same at every start, because the hub keeps it.
async fn hub_token(app: &App) -> Result<String, String> {
    const HUB_TOKEN: &str = "demo_hub_token";
    const HUB_USER: &str = "hub";
    if let Some(token) = totals::fact(app, HUB_TOKEN).await.map_err(text)? {
        return Ok(token);
    }
    let password = hex::encode(oms_app::random_bytes::<16>());
    match access::create_user(app, ACTOR, HUB_USER, &password, Role::Hub).await {
        Ok(_) | Err(oms_app::Error::Refused(_)) => {}
        Err(other) => return Err(other.to_string()),
    }
    let token = access::create_token(app, HUB_USER, "webhooks").await.map_err(text)?;
    totals::set_fact(app, HUB_TOKEN, &token).await.map_err(text)?;
    Ok(token)
}

fn bar(total: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:24} {wide_bar} {human_pos}/{human_len} {elapsed}");
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what.to_owned())
}

async fn run_task(app: &App, task: SetupTask) -> Result<(), String> {
    if setup::is_required(app, task).await.map_err(text)? {
        let mut tx = app.store.begin().await.map_err(text)?;
        match setup::execute(&mut tx, task, app.now_us()).await {
            Ok(()) => tx.commit().await.map_err(text)?,
            // An earlier run that was cut off goes on by itself.
            Err(oms_app::Error::Refused(_)) => {}
            Err(other) => return Err(other.to_string()),
        }
    } else if setup::status(app, task).await.map_err(text)?.state != TaskState::Working {
        println!("Setup: {} are in step with the hub", task.name());
        return Ok(());
    }
    let bar = bar(0, task.name());
    loop {
        let now = setup::status(app, task).await.map_err(text)?;
        bar.set_length(now.total as u64);
        bar.set_position(now.done as u64);
        match now.state {
            TaskState::Finished => {
                bar.finish_and_clear();
                println!("Setup: {} copied ({})", task.name(), now.done);
                return Ok(());
            }
            TaskState::Failed => {
                bar.finish_and_clear();
                return Err(format!("setup of {} failed: {}", task.name(), now.error.unwrap_or_default()));
            }
            TaskState::Ready | TaskState::Working => tokio::time::sleep(GLANCE / 4).await,
        }
    }
}

/// Loads the stock in slices; each notes how far it came, so that a demo cut off here goes on.
async fn load_stock(app: &App, dataset: &Dataset) -> Result<(), String> {
    let loaded: usize =
        totals::fact(app, STOCK_LOADED).await.map_err(text)?.and_then(|n| n.parse().ok()).unwrap_or(0);
    let rows = &dataset.stock[loaded.min(dataset.stock.len())..];
    if rows.is_empty() {
        println!("Stock: {} rows are loaded", dataset.stock.len());
        return Ok(());
    }
    let bar = bar(dataset.stock.len() as u64, "stock");
    bar.set_position(loaded as u64);
    let mut done = loaded;
    for slice in rows.chunks(stocks::MAX_ROWS) {
        let row = |r: &oms_world::data::StockRow| StockRow {
            erp_code: r.erp_code.clone(),
            sku: r.sku.clone(),
            on_hand: r.quantity,
        };
        let slice: Vec<_> = slice.iter().map(row).collect();
        let (ids, actor) =
            (stocks::ids(app, slice.len()).await.map_err(text)?, app.actor(ACTOR).await.map_err(text)?);
        done += slice.len();
        let mut tx = app.store.begin().await.map_err(text)?;
        stocks::set(&mut tx, ids, &actor, &slice).await.map_err(text)?;
        oms_store::setup::settings::set_fact(&mut tx, STOCK_LOADED, &done.to_string()).await.map_err(text)?;
        tx.commit().await.map_err(text)?;
        bar.set_position(done as u64);
    }
    bar.finish_and_clear();
    app.store.analyze_stock().await.map_err(text)?;
    println!("Stock: {done} rows loaded");
    Ok(())
}

/// The demo's fixed scenario.
async fn define_scenario(app: &App, dataset: &Dataset) -> Result<(), String> {
    let first = dataset.locations.iter().find(|l| l.kind.name() == LocationKind::Warehouse.as_str());
    let default = first.or(dataset.locations.first()).ok_or("the data has no location")?;
    let body = json!({
        "name": "Demo",
        "description": "All from one location if one has everything, else from the nearest ones.",
        "default_stock_location": default.erp_code,
        "rules": [
            {"name": "All from one", "products": "all_from_one", "sort": [{"by": "distance"}, {"by": "priority"}]},
            {"name": "Nearest first", "products": "units", "sort": [{"by": "distance"}]}
        ]
    });
    let stored = scenarios::put(app, ACTOR, &body).await.map_err(text)?;
    println!(
        "Scenario \"{}\", version {}; what nobody has waits at {}",
        stored.scenario.name, stored.version, default.erp_code
    );
    for rule in &stored.scenario.rules {
        let sort: Vec<_> = rule.sort.iter().map(|s| format!("{:?}", s.by).to_lowercase()).collect();
        println!("    {}: {:?}, sorted by {}", rule.name, rule.products, sort.join(", "));
    }
    Ok(())
}

/// Waits until every hub order is taken and planned; `false` if the process is told to stop before.
async fn intake_and_planning(app: &App, hub: &Hub, node: &mut Node, workers: u16) -> Result<bool, String> {
    let total = hub.order_count() as u64;
    let bars = indicatif::MultiProgress::new();
    let (taken, planned) = (bars.add(bar(total, "orders taken")), bars.add(bar(total, "orders planned")));
    if workers > 1 {
        node.start_planning(workers);
    }
    let mut stop = std::pin::pin!(stop_signal());
    loop {
        let now = totals::progress(app).await.map_err(text)?;
        let waiting = now.plan.runnable + now.plan.leased;
        taken.set_position(now.hub_orders as u64);
        planned.set_position((now.hub_orders - waiting).max(0) as u64);
        let all_in = node.has_caught_up()
            && now.hub_orders as usize >= hub.order_count()
            && now.fetch.runnable + now.fetch.leased == 0;
        // Plan jobs that a killed demo still leases stand before the others: without them one worker's
        // result would not repeat.
        if all_in && now.plan.leased == 0 {
            node.start_planning(workers);
        }
        if all_in && now.nothing_to_do() {
            bars.clear().map_err(text)?;
            return Ok(true);
        }
        tokio::select! {
            () = &mut stop => return Ok(false),
            () = tokio::time::sleep(GLANCE) => {}
        }
    }
}

fn report(t: &Totals, seconds: f64) {
    println!("{} orders became {} packages in {seconds:.1} s:", t.orders, t.packages);
    println!(
        "    {} lines, {} units: {} reserved, {} out of stock",
        t.lines, t.units, t.units_reserved, t.units_out_of_stock
    );
    println!("    {} orders in more than one package", t.orders_split);
}

/// The closing line of `--until-idle`. Counts are of the database; seconds and the rate of this process.
fn summary(after: &Totals, before: &Totals, seconds: f64, database: &str) -> Value {
    let this_run = after.orders - before.orders;
    let round = |x: f64| (x * 1_000.0).round() / 1_000.0;
    json!({
        "orders": after.orders,
        "lines": after.lines,
        "units": after.units,
        "packages": after.packages,
        "units_reserved": after.units_reserved,
        "units_out_of_stock": after.units_out_of_stock,
        "orders_split": after.orders_split,
        "orders_this_run": this_run,
        "seconds": round(seconds),
        "orders_per_second": round(this_run as f64 / seconds.max(0.001)),
        "database": without_password(database),
    })
}

/// An address that may be printed.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (user, rest))) => {
            format!("{scheme}://{}@{rest}", user.split(':').next().unwrap_or_default())
        }
        None => url.to_owned(),
    }
}
