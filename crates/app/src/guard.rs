//! A panic stays in the step it happened in: it is logged, told as a failure, and everything else goes on.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use crate::{Error, Result};

/// Runs a step; a panic in it is its failure. What the step had not committed is gone with it, so nothing half done
/// is seen by others.
pub async fn caught<T>(step: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => done,
        Err(payload) => Err(panicked(step, payload.as_ref())),
    }
}

/// Runs what computes for long on a thread of its own; a panic in it is a failure.
pub(crate) async fn blocking<T: Send + 'static>(
    step: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(payload) => panicked(step, payload.as_ref()),
        Err(_) => Error::Stopping,
    })
}

/// Runs a step that goes on when its caller is gone; a panic in it is a failure.
pub async fn spawned<T: Send + 'static>(
    step: &'static str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(caught(step, work)).await.unwrap_or(Err(Error::Stopping))
}

fn panicked(step: &'static str, payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(|t| (*t).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(step, message, "a step panicked; the others go on");
    Error::Panicked { step, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_that_names_its_step() {
        let error = caught::<()>("counting", async { panic!("{} is too much", 7) }).await.unwrap_err();
        assert_eq!(error.to_string(), "counting panicked: 7 is too much");
        let error = blocking("adding", || -> i64 { panic!("no") }).await.unwrap_err();
        assert_eq!(error.to_string(), "adding panicked: no");
        let error = spawned::<()>("going on", async { panic!("no") }).await.unwrap_err();
        assert_eq!(error.to_string(), "going on panicked: no");
        assert_eq!(blocking("adding", || 2 + 2).await.unwrap(), 4);
    }
}
