//! One change that a form asks for: a transaction, and its refusal as sentences.

use oms_app::{Error, Result as AppResult};
use oms_store::Tx;
use oms_store::access::logs::Actor;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::visit::Visit;

/// Begins. Ids are taken before: SQLite has one writer.
pub(crate) async fn begin(state: &WebState, visit: &Visit) -> Result<(Tx, Actor), Problem> {
    let actor = state.app.actor(&visit.who.actor()).await?;
    let tx = state.app.store.begin().await.map_err(Error::from)?;
    Ok((tx, actor))
}

/// Keeps what was done, or throws it away and says why.
pub(crate) async fn end<T>(tx: Tx, done: AppResult<T>) -> Result<Result<T, Vec<String>>, Problem> {
    let done = told(done)?;
    if done.is_ok() {
        tx.commit().await.map_err(Error::from)?;
    }
    Ok(done)
}

/// A refusal as sentences a form can show; what else failed stays a problem.
pub(crate) fn told<T>(done: AppResult<T>) -> Result<Result<T, Vec<String>>, Problem> {
    match done {
        Ok(made) => Ok(Ok(made)),
        Err(Error::Refused(refusal))
            if refusal.field == "non_field_errors" || refusal.message.contains(&refusal.field) =>
        {
            Ok(Err(vec![refusal.message]))
        }
        Err(Error::Refused(refusal)) => Ok(Err(vec![format!("{}: {}", refusal.field, refusal.message)])),
        Err(other) => Err(other.into()),
    }
}
