//! Idempotency keys: the answer of a POST, kept in the transaction of its effect.

use futures::future::BoxFuture;
use oms_core::refusal::Refusal;
use oms_store::{Tx, access};
use sha2::{Digest, Sha256};

use crate::{App, Error, Result};

/// A key with what it is valid for.
#[derive(Debug, Clone)]
pub struct Key {
    /// Token owner, method, route pattern and path ids.
    pub scope: String,
    /// 1 to 255 visible characters.
    pub key: String,
    /// SHA-256 of the canonical body.
    pub fingerprint: [u8; 32],
}

/// What was answered, or is answered again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// The fingerprint of a JSON body: key order and spaces do not matter.
pub fn fingerprint(body: &serde_json::Value) -> [u8; 32] {
    // serde_json's map is sorted, so its text is canonical.
    Sha256::digest(body.to_string()).into()
}

/// Reads the header's value.
pub fn parse_key(text: &str) -> Result<String, Refusal> {
    if (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    let message = "Idempotency-Key holds 1 to 255 visible ASCII characters.";
    Err(Refusal::invalid("Idempotency-Key", "idempotency_key_invalid", message))
}

/// Runs `work` in a transaction of its own and commits it together with its answer. With a key, a
/// repeat is answered from what was kept, and the effect happens once. A refusal leaves no effect; with
/// a key it is kept too.
pub async fn run<'a, F>(
    app: &'a App,
    key: Option<Key>,
    refusal_answer: fn(&Refusal) -> Answer,
    work: F,
) -> Result<Answer>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<Answer>> + Send + 'a,
{
    let mut tx = app.store.begin().await?;
    if let Some(key) = &key
        && let Some(kept) = claim(&mut tx, key, app.now_us()).await?
    {
        return Ok(kept);
    }
    match work(&mut tx).await {
        Ok(answer) => {
            if let Some(key) = &key {
                access::keep_answer(&mut tx, &key.scope, &key.key, answer.status.into(), &answer.body)
                    .await?;
            }
            tx.commit().await?;
            Ok(answer)
        }
        Err(Error::Refused(refusal)) => {
            tx.rollback().await?;
            let answer = refusal_answer(&refusal);
            if let Some(key) = &key {
                let mut tx = app.store.begin().await?;
                if let Some(kept) = claim(&mut tx, key, app.now_us()).await? {
                    return Ok(kept);
                }
                access::keep_answer(&mut tx, &key.scope, &key.key, answer.status.into(), &answer.body)
                    .await?;
                tx.commit().await?;
            }
            Ok(answer)
        }
        Err(other) => Err(other),
    }
}

/// Runs `work` that calls outside, with no transaction open: at most once a key. While it runs, and for good if this
/// process ends in the middle, a repeat hears that it is running: nobody knows what the other side did.
pub async fn run_outside(
    app: &App,
    key: Option<Key>,
    refusal_answer: fn(&Refusal) -> Answer,
    work: impl Future<Output = Result<Answer>>,
) -> Result<Answer> {
    if let Some(key) = &key {
        let mut tx = app.store.begin().await?;
        if let Some(kept) = claim(&mut tx, key, app.now_us()).await? {
            return Ok(kept);
        }
        tx.commit().await?;
    }
    let answer = match work.await {
        Err(Error::Refused(refusal)) => refusal_answer(&refusal),
        other => other?,
    };
    if let Some(key) = &key {
        let mut tx = app.store.begin().await?;
        access::keep_answer(&mut tx, &key.scope, &key.key, answer.status.into(), &answer.body).await?;
        tx.commit().await?;
    }
    Ok(answer)
}

async fn claim(tx: &mut Tx, key: &Key, now_us: i64) -> Result<Option<Answer>> {
    let Some(kept) = access::claim_key(tx, &key.scope, &key.key, key.fingerprint, now_us).await? else {
        return Ok(None);
    };
    Ok(Some(answer_kept(key, kept)?))
}

/// The answer that was kept for a key: refused if the key was used for another body, or its command is still
/// being executed.
pub(crate) fn answer_kept(key: &Key, kept: access::KeptAnswer) -> Result<Answer, Refusal> {
    if kept.fingerprint != key.fingerprint {
        let message =
            "This Idempotency-Key was sent with another body before; use a new key for a new request.";
        let mut refusal = Refusal::invalid("Idempotency-Key", "idempotency_key_reused", message);
        refusal.kind = oms_core::refusal::RefusalKind::Unprocessable;
        return Err(refusal);
    }
    if kept.status == 0 {
        let message = "The first request with this Idempotency-Key is still running; ask again in a second.";
        return Err(Refusal::conflict(IN_PROGRESS, message));
    }
    Ok(Answer { status: u16::try_from(kept.status).unwrap_or(500), body: kept.body })
}

/// The code of the refusal while a key's first request runs.
pub const IN_PROGRESS: &str = "idempotency_key_in_progress";
