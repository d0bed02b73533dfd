//! A reference consumer of webhooks: what another company's software needs to do to know each record as the OMS knows it,
//! whatever is lost, late or sent twice on the way.

use std::collections::BTreeMap;

use serde_json::Value;

/// A record as the consumer knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Of the last change it was told of.
    pub seq: i64,
    pub payload: Value,
}

/// A consumer. Keep what it knows where a transaction can hold it, and answer 2xx when that is committed.
#[derive(Debug, Default)]
pub struct Consumer {
    records: BTreeMap<(String, i64), Known>,
}

/// What a delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// The record changed.
    New,
    /// It was known: the delivery came again, or it is another type of a change that was told.
    Again,
    /// A change before it was never told: read the record, or the feed, from there.
    Gap,
}

impl Consumer {
    /// Takes a delivery's body, once its signature was found right.
    pub fn take(&mut self, body: &[u8]) -> Result<Took, String> {
        let said: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        let event = &said["event"];
        let number = |key: &str| event[key].as_i64().ok_or_else(|| format!("{key} is missing: {event}"));
        let entity = event["entity"].as_str().ok_or("entity is missing")?;
        let (id, seq) = (number("entity_id")?, number("seq")?);
        let known = self.records.get(&(entity.to_owned(), id)).map_or(0, |k| k.seq);
        if seq <= known {
            return Ok(Took::Again);
        }
        let took = if event["prev_seq"].as_i64().unwrap_or(0) > known { Took::Gap } else { Took::New };
        let payload = said["payload"].clone();
        self.records.insert((entity.to_owned(), id), Known { seq, payload });
        Ok(took)
    }

    /// Every record it knows, by kind and id.
    pub fn records(&self) -> &BTreeMap<(String, i64), Known> {
        &self.records
    }
}
