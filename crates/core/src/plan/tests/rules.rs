//! Each rule kind by example; docs/scenarios.md tells the same.
