//! The linter (to come).
