//! A command of a transfer, in a transaction of its own: its package, its sister transfers and perhaps a new
//! plan hang on it.

use oms_core::commands::{Act, command};
use oms_core::refusal::Refusal;
use oms_store::access;

use super::{DONE, Outcome, RefusalAnswer, Request, attributes, claim, doer, kept_outcome, unknown_command};
use crate::packages::transfers::{self, Told};
use crate::rules::transitions::Flow;
use crate::{App, Result};

pub(super) async fn run(
    app: &App,
    request: &Request,
    command_id: i64,
    flow: &Flow,
    refusal_answer: RefusalAnswer,
) -> Result<Outcome> {
    let named = flow.named(&request.body)?;
    let command = command(&named.definition.code).ok_or_else(|| unknown_command(named))?;
    if named.definition.entity != request.entity {
        let message = format!("{} is a transition of packages.", named.definition.slug);
        return Err(Refusal::invalid("transition", "wrong_entity", message).into());
    }
    let given = request.body.given(command)?;
    let looks_elsewhere = matches!(command.act, Act::TransferNotFound | Act::TransferOutOfStock);
    let ids = transfers::ids(app, request.id, looks_elsewhere).await?;
    let mut doer = doer(app, request, command_id, app.now_us());
    doer.attributes = attributes(named, request);

    let mut tx = app.store.begin().await?;
    let keyed = request.key.iter().map(|key| (key, command_id));
    let kept = claim(&mut tx, keyed, doer.actor.at_us).await?;
    if let Some(outcome) = kept_outcome(request, &kept, refusal_answer) {
        return Ok(outcome);
    }
    let told =
        Told { transition: named, act: command.act, given: &given, expected: request.body.expected_version };
    transfers::run(&mut tx, ids, &doer, request.id, &told, flow).await?;
    if let Some(key) = &request.key {
        access::keep_answers(&mut tx, &[(&key.scope, &key.key, DONE.status.into(), "")]).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Answered(DONE))
}
