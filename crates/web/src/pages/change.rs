//! One change that a form asks for: a transaction, and its refusal as sentences.

use oms_app::{Error, Result as AppResult};
use oms_store::Tx;
use oms_store::access::logs::Actor;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::json_form::Fault;
use crate::ui::visit::Visit;

/// Begins. Ids are taken before: SQLite has one writer.
pub(crate) async fn begin(state: &WebState, visit: &Visit) -> Result<(Tx, Actor), Problem> {
    let actor = state.app.actor(&visit.who.actor()).await?;
    let tx = state.app.store.begin().await.map_err(Error::from)?;
    Ok((tx, actor))
}

/// Keeps what was done, or throws it away and says why.
pub(crate) async fn end<T>(tx: Tx, done: AppResult<T>) -> Result<Result<T, Vec<String>>, Problem> {
    Ok(end_at(tx, done).await?.map_err(|fault| vec![fault.sentence()]))
}

/// As [`end`], and says where.
pub(crate) async fn end_at<T>(tx: Tx, done: AppResult<T>) -> Result<Result<T, Fault>, Problem> {
    let done = told_at(done)?;
    if done.is_ok() {
        tx.commit().await.map_err(Error::from)?;
    }
    Ok(done)
}

/// A refusal as sentences a form can show; what else failed stays a problem.
pub(crate) fn told<T>(done: AppResult<T>) -> Result<Result<T, Vec<String>>, Problem> {
    Ok(told_at(done)?.map_err(|fault| vec![fault.sentence()]))
}

/// As [`told`], and says where.
pub(crate) fn told_at<T>(done: AppResult<T>) -> Result<Result<T, Fault>, Problem> {
    match done {
        Ok(made) => Ok(Ok(made)),
        Err(Error::Refused(refusal)) => Ok(Err(Fault { field: refusal.field, message: refusal.message })),
        Err(other) => Err(other.into()),
    }
}
