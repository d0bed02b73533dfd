//! Refusals: answers to a person who can act. A failure (an operator must act) is an error instead.

/// Why something was not done, with a stable code and a text that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub kind: RefusalKind,
    /// Stable, machine-readable, for example `duplicate_key`.
    pub code: &'static str,
    /// The input it is about, if it is about one; `non_field_errors` otherwise.
    pub field: String,
    /// What happened and what to do.
    pub message: String,
    /// The record as it stands, for a caller who had an older one.
    pub current: Option<Box<serde_json::Value>>,
}

/// Which kind of answer a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The input is wrong (400).
    Invalid,
    /// No such record (404).
    NotFound,
    /// The record has moved on, or another run is in progress (409).
    Conflict,
    /// A rule of the domain forbids it (406).
    NotAcceptable,
    /// Well-formed, but it contradicts an earlier request (422).
    Unprocessable,
}

impl Refusal {
    /// A wrong input.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Invalid, code, field: field.into(), message: message.into(), current: None }
    }

    /// An absent record.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self {
            kind: RefusalKind::NotFound,
            code: "not_found",
            field: "detail".into(),
            message: format!("There is no {what} {id}."),
            current: None,
        }
    }

    /// The same refusal with another text.
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// A record that has moved on, or a task that already runs.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::Conflict,
            code,
            field: "non_field_errors".into(),
            message: message.into(),
            current: None,
        }
    }
}
