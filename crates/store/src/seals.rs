//! Secrets at rest: sealed as they are written and opened as they are read, here and nowhere above.

use std::sync::Arc;

use oms_core::seal::{self, Keys, NONCE_BYTES};
use oms_core::secrets::Secrets;
use serde_json::Value as Json;

use crate::setup::settings;
use crate::{Store, StoreError, Tx};

/// The fact that names the key.
const KEY: &str = "secrets_key";

/// The installation's keys, and where nonces come from.
pub struct Seals {
    pub keys: Keys,
    pub nonce: fn() -> [u8; NONCE_BYTES],
}

impl Store {
    /// Seals secrets from now on, and those that stand in the database unsealed or under an older key. Fails where one does
    /// not open with these keys.
    pub async fn sealed_with(mut self, seals: Seals) -> Result<Self, StoreError> {
        let known = self.sealed_by().await?;
        if let Some(id) = known.filter(|id| !seals.keys.has(id)) {
            let why = format!("secrets are sealed with key {id}, which is not among those given");
            return Err(StoreError::Sealed { place: "this database".into(), why });
        }
        let first = seals.keys.first().to_owned();
        self.seals = Some(Arc::new(seals));
        let mut tx = self.begin().await?;
        settings::set_fact(&mut tx, KEY, &first).await?;
        settings::seal_anew(&mut tx).await?;
        crate::stock::engines::seal_anew(&mut tx).await?;
        crate::hooks::seal_anew(&mut tx).await?;
        crate::carriers::cargo_companies::seal_anew(&mut tx).await?;
        tx.commit().await?;
        Ok(self)
    }

    /// The name of the key that secrets are sealed with; none: no process had one yet.
    pub async fn sealed_by(&self) -> Result<Option<String>, StoreError> {
        settings::fact(&mut self.read().await?, KEY).await
    }
}

impl Tx {
    /// A secret as it is stored.
    pub(crate) fn seal(&self, place: &str, text: &str) -> String {
        match &self.seals {
            Some(seals) => seals.keys.seal(place, text, (seals.nonce)()),
            None => text.to_owned(),
        }
    }

    /// A secret as it was given.
    pub(crate) fn open(&self, place: &str, text: &str) -> Result<String, StoreError> {
        let broken = |why: String| StoreError::Sealed { place: place.to_owned(), why };
        match (&self.seals, seal::key_of(text)) {
            (Some(seals), _) => seals.keys.open(place, text).map_err(|e| broken(e.to_string())),
            (None, None) => Ok(text.to_owned()),
            (None, Some(id)) => Err(broken(format!("it is sealed with key {id}, and no key was given"))),
        }
    }

    /// JSON as it is stored: its secrets sealed.
    pub(crate) fn seal_json(&self, secrets: &Secrets, place: &str, value: &Json) -> Json {
        let mut sealed = value.clone();
        let done =
            secrets.change(&mut sealed, place, &mut |at, text| Ok::<_, StoreError>(self.seal(at, text)));
        done.expect("sealing does not fail");
        sealed
    }

    /// JSON as it was given: its secrets opened.
    pub(crate) fn open_json(
        &self,
        secrets: &Secrets,
        place: &str,
        mut value: Json,
    ) -> Result<Json, StoreError> {
        secrets.change(&mut value, place, &mut |at, text| self.open(at, text))?;
        Ok(value)
    }

    /// Whether a secret must be sealed anew: it stands as it was given, or under an older key.
    pub(crate) fn is_stale(&self, text: &str) -> bool {
        self.seals.as_ref().is_some_and(|seals| !seals.keys.is_current(text))
    }

    /// Whether JSON holds such a secret.
    pub(crate) fn is_stale_json(&self, secrets: &Secrets, value: &Json) -> bool {
        let (mut copy, mut is_stale) = (value.clone(), false);
        let _ = secrets.change(&mut copy, "", &mut |_, text| {
            is_stale |= self.is_stale(text);
            Ok::<_, StoreError>(text.to_owned())
        });
        is_stale
    }
}
