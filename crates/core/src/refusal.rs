//! Refusals: answers to a person who can act. A failure (an operator must act) is an error instead.

/// Refused inputs that one answer tells of.
pub const MOST_TOLD: usize = 20;

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
    /// Other inputs of the same request that are refused, with their messages.
    pub also: Vec<(String, String)>,
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
    /// It was here and is kept no longer (410).
    Gone,
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
        Self {
            kind: RefusalKind::Invalid,
            code,
            field: field.into(),
            message: message.into(),
            also: Vec::new(),
            current: None,
        }
    }

    /// An absent record.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self {
            kind: RefusalKind::NotFound,
            code: "not_found",
            field: "detail".into(),
            message: format!("There is no {what} {id}."),
            also: Vec::new(),
            current: None,
        }
    }

    /// What was here and is kept no longer.
    pub fn gone(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Gone, ..Self::invalid(field, code, message) }
    }

    /// One refusal for several inputs, the first of them in front; none if all are well. At most [`MOST_TOLD`] are told.
    pub fn of_all(refused: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let mut refused = refused.into_iter();
        let Some(mut first) = refused.next() else { return Ok(()) };
        first.also.extend(refused.take(MOST_TOLD - 1).map(|r| (r.field, r.message)));
        Err(first)
    }

    /// The same refusal of an input below another.
    pub fn below(mut self, at: &str) -> Self {
        let below = |field: &str| match field {
            "non_field_errors" => at.to_owned(),
            field => format!("{at}.{field}"),
        };
        self.field = below(&self.field);
        self.also.iter_mut().for_each(|(field, _)| *field = below(field));
        self
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
            also: Vec::new(),
            current: None,
        }
    }
}
