//! One-time codes by which a customer takes a package in a store. Only a salted digest is kept.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::{StoreError, Tx, args};

/// A code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickupCode {
    salt: Vec<u8>,
    digest: Vec<u8>,
    pub tries_left: i64,
    pub expires_us: i64,
}

impl PickupCode {
    /// A code to be kept.
    pub fn new(code: &str, salt: [u8; 16], tries: i64, expires_us: i64) -> Self {
        Self { salt: salt.to_vec(), digest: digest(&salt, code), tries_left: tries, expires_us }
    }

    /// Whether this is the code. Every digit is looked at, right or wrong.
    pub fn is(&self, code: &str) -> bool {
        let given = digest(&self.salt, code);
        given.len() == self.digest.len()
            && given.iter().zip(&self.digest).fold(0, |d, (a, b)| d | (a ^ b)) == 0
    }
}

fn digest(salt: &[u8], code: &str) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(code).finalize().to_vec()
}

/// Keeps a package's code in place of an earlier one.
pub async fn put(tx: &mut Tx, package_id: i64, code: &PickupCode, now_us: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO pickup_codes (package_id, salt, digest, tries_left, expires_us, created_us) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (package_id) DO UPDATE SET salt = excluded.salt, \
               digest = excluded.digest, tries_left = excluded.tries_left, expires_us = excluded.expires_us, \
               created_us = excluded.created_us";
    let values =
        args![package_id, code.salt.clone(), code.digest.clone(), code.tries_left, code.expires_us, now_us];
    tx.execute(sql, values).await?;
    Ok(())
}

/// The codes of packages, held.
pub async fn of_packages(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, PickupCode>, StoreError> {
    let head = "SELECT package_id, salt, digest, tries_left, expires_us FROM pickup_codes WHERE package_id";
    let lock = format!("ORDER BY package_id{}", tx.dialect().for_update());
    let rows = tx.fetch_in(head, ids, &lock).await?;
    let one = |row: &crate::Row| {
        let mut c = row.cols();
        let id = c.i64()?;
        let (salt, digest) = (c.bytes()?, c.bytes()?);
        Ok((id, PickupCode { salt, digest, tries_left: c.i64()?, expires_us: c.i64()? }))
    };
    rows.iter().map(one).collect()
}
