//! Slows guessing of passwords: so many wrong ones a name and an address, then wait. In memory of one
//! node; nothing is locked for good.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Wrong passwords a name within the window: twenty guesses an hour.
const WRONG_A_NAME: usize = 5;
/// Wrong passwords an address within the window: an office behind one address still gets in.
const WRONG_AN_ADDRESS: usize = 50;
/// The window.
const WINDOW_US: i64 = 15 * 60 * 1_000_000;
/// Names and addresses remembered; beyond them the whole memory is swept, lest it grow without end.
const MAX_KEYS: usize = 20_000;

/// When each name and address was last wrong.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, VecDeque<i64>>>);

/// Who tries to sign in.
pub(crate) struct Attempt {
    keys: [(String, usize); 2],
}

impl Attempt {
    pub(crate) fn new(username: &str, address: &str) -> Self {
        Self {
            keys: [
                (format!("name:{username}"), WRONG_A_NAME),
                (format!("address:{address}"), WRONG_AN_ADDRESS),
            ],
        }
    }
}

impl Throttle {
    /// Counts a try before the password is looked at, so that many at once cannot slip through.
    /// Refused with the seconds to wait.
    pub(crate) fn enter(&self, attempt: &Attempt, now_us: i64) -> Result<(), u64> {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() > MAX_KEYS {
            wrong.retain(|_, times| times.back().is_some_and(|t| now_us - t < WINDOW_US));
        }
        for (key, most) in &attempt.keys {
            let Some(times) = wrong.get_mut(key) else { continue };
            times.retain(|t| now_us - t < WINDOW_US);
            if times.len() >= *most {
                let oldest = times.front().copied().unwrap_or(now_us);
                let wait_us = (oldest + WINDOW_US - now_us).max(1_000_000);
                return Err(u64::try_from(wait_us / 1_000_000).unwrap_or(1));
            }
        }
        for (key, _) in &attempt.keys {
            wrong.entry(key.clone()).or_default().push_back(now_us);
        }
        Ok(())
    }

    /// The password was not looked at: its try does not count.
    pub(crate) fn withdraw(&self, attempt: &Attempt) {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in &attempt.keys {
            if let Some(times) = wrong.get_mut(key) {
                times.pop_back();
            }
        }
    }

    /// The password was right: its try does not count, and the name starts afresh.
    pub(crate) fn succeed(&self, attempt: &Attempt) {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [(name, _), (address, _)] = &attempt.keys;
        wrong.remove(name);
        if let Some(times) = wrong.get_mut(address) {
            times.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_then_wait_then_again() {
        let (throttle, attempt) = (Throttle::default(), Attempt::new("ada", "10.0.0.1"));
        for second in 0..5 {
            assert_eq!(throttle.enter(&attempt, second * 1_000_000), Ok(()));
        }
        assert!(throttle.enter(&attempt, 5_000_000).is_err_and(|wait| (800..=900).contains(&wait)));
        assert_eq!(throttle.enter(&Attempt::new("bob", "10.0.0.1"), 5_000_000), Ok(()));
        assert_eq!(throttle.enter(&attempt, WINDOW_US + 1), Ok(()), "nothing is locked for good");
    }

    #[test]
    fn the_right_password_clears_the_name() {
        let (throttle, attempt) = (Throttle::default(), Attempt::new("ada", "10.0.0.1"));
        for _ in 0..20 {
            assert_eq!(throttle.enter(&attempt, 0), Ok(()));
            throttle.succeed(&attempt);
        }
    }
}
