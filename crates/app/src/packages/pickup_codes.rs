//! One-time codes by which a customer takes a package in a store. The brand's own software sends them.

use oms_core::packages::READY_FOR_CUSTOMER;
use oms_core::refusal::Refusal;
use oms_core::settings::Otp;
use oms_store::packages::pickup_codes::{self as store, PickupCode};

use crate::setup::settings;
use crate::{App, Result};

/// Guesses before a code is dead.
pub const TRIES: i64 = 5;

/// A code as it is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// Six digits.
    pub code: String,
    pub expires_us: i64,
}

/// Makes a code for a package that waits for its customer; an earlier one is void. It is told here and
/// nowhere else.
pub async fn create(app: &App, package_id: i64) -> Result<NewCode> {
    let code = six_digits();
    let mut tx = app.store.begin().await?;
    let held = oms_store::packages::held::packages(&mut tx, vec![package_id]).await?.remove(&package_id);
    let package = held.ok_or_else(|| Refusal::not_found("package", package_id))?;
    if package.state != READY_FOR_CUSTOMER {
        let message = format!(
            "Package {} does not wait for its customer; a code is made when it is Ready For Customer.",
            package.number
        );
        return Err(Refusal::invalid("package", "wrong_state", message).into());
    }
    let otp: Otp = settings::typed(&mut tx, "IS_OTP_ENABLED").await?.unwrap_or_default();
    let now = app.now_us();
    let expires_us = now + otp.minutes() * 60_000_000;
    let kept = PickupCode::new(&code, crate::random_bytes(), TRIES, expires_us);
    store::put(&mut tx, package_id, &kept, now).await?;
    tx.commit().await?;
    Ok(NewCode { code, expires_us })
}

/// Every code is as likely as any other.
fn six_digits() -> String {
    const CODES: u64 = 1_000_000;
    const FAIR: u64 = u64::MAX - u64::MAX % CODES;
    loop {
        let n = u64::from_be_bytes(crate::random_bytes());
        if n < FAIR {
            return format!("{:06}", n % CODES);
        }
    }
}
