//! Writes what has queued, at most a batch, in one transaction: several times the durable throughput
//! for a little waiting.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::guard::caught;
use crate::{App, Error, Result};

/// The most items one transaction takes.
pub const MAX_BATCH: usize = 256;
/// How often the collector lets others run before the next batch begins, while callers who just got their answer
/// are not back yet: they come back at once, and a batch of all of them costs little more than one of half. Some
/// tenths of a millisecond in all; a timer would take one or two.
const TURNS: usize = 1_000;
/// Items that may wait; beyond them callers are told to come back.
const QUEUE: usize = 4_096;

type Waiter<T, R> = (T, oneshot::Sender<Result<R>>);

/// Collects single items into batches.
pub struct Coalescer<T, R> {
    queue: mpsc::Sender<Waiter<T, R>>,
}

impl<T: Send + 'static, R: Send + 'static> Coalescer<T, R> {
    /// Starts the collector. `write` gets a batch and answers one result an item, in order.
    pub fn start(
        app: Arc<App>,
        write: impl Fn(Arc<App>, Vec<T>) -> BoxFuture<'static, Result<Vec<R>>> + Send + 'static,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Waiter<T, R>>(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(MAX_BATCH);
            while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
                let n = batch.len();
                let (items, callers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
                // Whatever happens to one batch, the next is written.
                match caught("a batch", write(app.clone(), items)).await {
                    Ok(results) => {
                        callers.into_iter().zip(results).for_each(|(caller, r)| drop(caller.send(Ok(r))));
                    }
                    Err(error) => {
                        tracing::error!(%error, items = callers.len(), "a batch was not written; its callers are told so");
                        let error = Arc::new(error);
                        for caller in callers {
                            drop(caller.send(Err(Error::Batch(error.clone()))));
                        }
                    }
                }
                for _ in 0..TURNS {
                    if n == 1 || waiting.len() >= n {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        Self { queue }
    }

    /// Hands in an item and waits until it is written. [`Error::Busy`]: the queue is full; [`Error::Batch`]: the batch
    /// it was in failed.
    pub async fn submit(&self, item: T) -> Result<R> {
        let (answer, written) = oneshot::channel();
        self.queue.try_send((item, answer)).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Closed(_) => Error::Stopping,
        })?;
        written.await.unwrap_or(Err(Error::Stopping))
    }
}
