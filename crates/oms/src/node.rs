//! A running node: the loops around the ticks. Only this file sleeps.

use std::sync::Arc;
use std::time::Duration;

use oms_app::guard::caught;
use oms_app::hooks;
use oms_app::orders::cancellations;
use oms_app::orders::intake::{self, PollCursor, Polled};
use oms_app::packages::{bulk, commands};
use oms_app::rules::schedules;
use oms_app::upkeep::{changes, nodes, search};
use oms_app::{App, planning, setup};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long an idle loop waits before it looks again.
const IDLE: Duration = Duration::from_millis(150);
/// How often the hub is asked for changes when it had none; webhooks are faster.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_millis(nodes::HEARTBEAT_MS);
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// How often commands are looked for whose process is gone.
const OUTSIDE_LOOK: Duration = Duration::from_secs(5);
/// How often is looked whether the next sweep over what is out of stock is due.
const REPLAN_LOOK: Duration = Duration::from_secs(20);
/// How often is looked whether a brand's own job is due.
const SCHEDULE_LOOK: Duration = Duration::from_secs(1);
/// How often the counts and search terms of lists are looked after.
const LISTS_LOOK: Duration = Duration::from_secs(2);
/// Fetches under way at once: one waits for the hub while another writes.
const FETCHERS: usize = 2;

/// The loops of a node.
pub struct Node {
    app: Arc<App>,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
    planners: u16,
    caught_up: watch::Receiver<bool>,
}

impl Node {
    /// Starts a node whole: setup, intake and planning.
    pub fn start(app: Arc<App>, workers: u16) -> Self {
        let mut node = Self::start_setup(app);
        node.start_intake();
        node.start_planning(workers);
        node
    }

    /// Starts heartbeat, sweep, positions, word of changes, webhooks, and the setup tasks only.
    pub fn start_setup(app: Arc<App>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut loops = JoinSet::new();
        loops.spawn(every(stopped.clone(), HEARTBEAT, app.clone(), "heartbeat", async |app| {
            nodes::heartbeat_tick(app).await.map(|_| ())
        }));
        loops.spawn(every(stopped.clone(), SWEEP_EVERY, app.clone(), "sweep", async |app| {
            nodes::sweep_tick(app).await.map(|_| ())
        }));
        loops.spawn(every(stopped.clone(), LISTS_LOOK, app.clone(), "lists", async |app| {
            while search::tick(app).await? {}
            Ok(())
        }));
        loops.spawn(every(stopped.clone(), SCHEDULE_LOOK, app.clone(), "schedules", async |app| {
            schedules::tick(app).await.map(|_| ())
        }));
        loops.spawn(busy(stopped.clone(), app.clone(), "positions", async |app| {
            changes::place_tick(app).await
        }));
        loops.spawn(busy(stopped.clone(), app.clone(), "changes", async |app| changes::tell_tick(app).await));
        loops.spawn(busy(stopped.clone(), app.clone(), "hook deliveries", async |app| {
            hooks::fan_out::tick(app).await
        }));
        loops.spawn(busy(stopped.clone(), app.clone(), "hook sending", async |app| {
            hooks::sending::tick(app).await
        }));
        loops.spawn(busy(stopped, app.clone(), "setup", async |app| Ok(setup::tick(app).await?.is_some())));
        Self { app, stop, loops, planners: 0, caught_up: watch::channel(false).1 }
    }

    /// Starts polling the hub and fetching what it tells of.
    pub fn start_intake(&mut self) {
        let (caught_up_tx, caught_up) = watch::channel(false);
        self.caught_up = caught_up;
        for _ in 0..FETCHERS {
            self.loops.spawn(busy(self.stop.subscribe(), self.app.clone(), "fetch", async |app| {
                Ok(intake::fetch_tick(app).await?.jobs > 0)
            }));
        }
        self.loops.spawn(poll(self.stop.subscribe(), self.app.clone(), caught_up_tx));
    }

    /// Starts planning workers.
    pub fn start_planning(&mut self, workers: u16) {
        for _ in self.planners..workers {
            self.loops.spawn(busy(self.stop.subscribe(), self.app.clone(), "plan", async |app| {
                Ok(planning::tick(app, planning::BATCH).await?.claimed > 0)
            }));
        }
        if self.planners == 0 && workers > 0 {
            self.loops.spawn(busy(self.stop.subscribe(), self.app.clone(), "replan", async |app| {
                Ok(planning::replan_tick(app, planning::BATCH).await?.claimed > 0)
            }));
            self.loops.spawn(busy(self.stop.subscribe(), self.app.clone(), "cancel", async |app| {
                Ok(cancellations::tick(app).await? > 0)
            }));
            self.loops.spawn(busy(self.stop.subscribe(), self.app.clone(), "bulk", async |app| {
                bulk::tick(app, oms_web::refusal_answer).await
            }));
            self.loops.spawn(every(
                self.stop.subscribe(),
                OUTSIDE_LOOK,
                self.app.clone(),
                "outside",
                async |app| commands::outside::tick(app, oms_web::refusal_answer).await.map(|_| ()),
            ));
            let stop = self.stop.subscribe();
            self.loops.spawn(every(stop, REPLAN_LOOK, self.app.clone(), "replan sweep", async |app| {
                planning::replan_sweep_tick(app).await.map(|_| ())
            }));
        }
        self.planners = workers;
    }

    /// Whether the poll has reached the end of the hub's changes at least once.
    pub fn has_caught_up(&self) -> bool {
        *self.caught_up.borrow()
    }

    /// Stops the loops after the step each is in, and lets the leases go.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
        if let Err(error) = nodes::end(&self.app).await {
            tracing::warn!(%error, "the leases were not let go; they end by themselves");
        }
        self.app.store.close().await;
    }
}

/// Waits, or returns `true` at once when told to stop.
async fn wait(stop: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::select! {
        _ = stop.wait_for(|s| *s) => true,
        () = tokio::time::sleep(time) => false,
    }
}

fn back_off(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(6)).min(LONGEST_WAIT)
}

/// Runs a step at fixed times.
async fn every(
    mut stop: watch::Receiver<bool>,
    time: Duration,
    app: Arc<App>,
    name: &'static str,
    step: impl AsyncFn(&App) -> oms_app::Result<()>,
) {
    while !wait(&mut stop, time).await {
        if let Err(error) = caught(name, step(&app)).await {
            tracing::error!(%error, task = name, "a step failed; it is tried again at its next time");
        }
    }
}

/// Runs a step again at once while it finds work.
async fn busy(
    mut stop: watch::Receiver<bool>,
    app: Arc<App>,
    name: &'static str,
    step: impl AsyncFn(&App) -> oms_app::Result<bool>,
) {
    let mut failures = 0;
    loop {
        let pause = match caught(name, step(&app)).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => IDLE,
            Err(error) => {
                failures += 1;
                tracing::error!(%error, task = name, failures, "a step failed; it is tried again");
                if wait(&mut stop, back_off(failures)).await {
                    return;
                }
                continue;
            }
        };
        failures = 0;
        if wait(&mut stop, pause).await {
            return;
        }
    }
}

async fn poll(mut stop: watch::Receiver<bool>, app: Arc<App>, caught_up: watch::Sender<bool>) {
    let (mut cursor, mut failures) = (PollCursor::default(), 0);
    loop {
        let pause = match caught("poll", intake::poll_tick(&app, &mut cursor)).await {
            Ok(Polled::Page { more: true, .. }) => {
                failures = 0;
                Duration::ZERO
            }
            Ok(polled) => {
                failures = 0;
                if let Polled::Page { more: false, .. } = polled {
                    caught_up.send_replace(true);
                }
                POLL_EVERY
            }
            Err(error) => {
                failures += 1;
                // A page number may no longer exist; what was read is noted, so the walk starts there.
                cursor = PollCursor::default();
                tracing::warn!(%error, failures, "the hub could not be polled; it is tried again");
                back_off(failures)
            }
        };
        if wait(&mut stop, pause).await {
            return;
        }
    }
}

/// Resolves when the process is asked to stop.
pub async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(_) => return drop(interrupt.await),
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
