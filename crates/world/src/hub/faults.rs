//! Faults on order: a test tells the hub to misbehave, and how. Nothing over HTTP can.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `401`, as if the token had died.
    Unauthorized,
    /// `429` with so many seconds in `Retry-After`.
    TooManyRequests { retry_after_s: u32 },
    /// `500` with an HTML page.
    ErrorPage,
    /// `200` with an HTML page, as a captive proxy answers.
    PageForJson,
    /// A whole HTTP answer whose JSON stops in the middle.
    Truncated,
    /// An answer whose connection ends in the middle.
    CutOff,
    /// The right answer, so many milliseconds late.
    Delay { ms: u64 },
    /// The connection closes without an answer; the request was not carried out.
    Drop,
    /// The connection closes without an answer, though the request was carried out.
    DropAfter,
}

struct Plan {
    prefix: String,
    fault: Fault,
    /// Requests it still holds for; `None` is until cleared.
    left: Option<u32>,
}

/// The faults a hub is told to have.
#[derive(Default)]
pub struct Faults {
    plans: Mutex<Vec<Plan>>,
    met: Mutex<u64>,
}

impl Faults {
    /// The next `count` requests meet this fault.
    pub fn next(&self, count: u32, fault: Fault) {
        self.next_on("", count, fault);
    }

    /// The next `count` requests whose path (after `/api/v1/`) begins with `prefix` meet this fault.
    pub fn next_on(&self, prefix: &str, count: u32, fault: Fault) {
        self.plans().push(Plan { prefix: prefix.to_owned(), fault, left: Some(count) });
    }

    /// Every request whose path begins with `prefix` meets this fault until cleared.
    pub fn always_on(&self, prefix: &str, fault: Fault) {
        self.plans().push(Plan { prefix: prefix.to_owned(), fault, left: None });
    }

    /// Behaves again.
    pub fn clear(&self) {
        self.plans().clear();
    }

    /// How many requests met a fault so far.
    pub fn met(&self) -> u64 {
        *self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault a request to this path meets, if any; the earliest told comes first.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut plans = self.plans();
        let at = plans.iter().position(|p| path.starts_with(&p.prefix) && p.left != Some(0))?;
        let fault = plans[at].fault;
        if let Some(left) = &mut plans[at].left {
            *left -= 1;
            if *left == 0 {
                plans.remove(at);
            }
        }
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Some(fault)
    }

    fn plans(&self) -> MutexGuard<'_, Vec<Plan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
