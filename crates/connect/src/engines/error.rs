//! What can go wrong with a stock engine.

use oms_core::engines::answers::Unreadable;

use crate::http::HttpError;

/// Why an engine gave no reading. No text holds a secret, a path or a part of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It does not know us.
    #[error("the stock service refused our credentials with status {status}; correct auth of the engine")]
    Credentials {
        /// The status.
        status: u16,
    },
    /// The call was not made because of a setting.
    #[error("the stock service was not called: {what}")]
    Refused {
        /// What was refused and what to do.
        what: String,
    },
    /// Another 4xx, or a redirect.
    #[error(
        "the stock service refused the request with status {status}; check service.url, service.type and \
         service.parameters of the engine"
    )]
    BadRequest {
        /// The status.
        status: u16,
    },
    /// It asks for patience.
    #[error(
        "the stock service is asked too often (status 429); raise max_age_seconds of STOCK_ENGINES or its limit"
    )]
    Throttled,
    /// A 5xx.
    #[error("the stock service failed with status {status}; whoever runs it must look at its log")]
    Server {
        /// The status.
        status: u16,
    },
    /// No answer at all.
    #[error("the stock service could not be reached: {what}")]
    Unreachable {
        /// What happened and what to check.
        what: String,
    },
    /// No answer in time.
    #[error(
        "the stock service took longer than {ms} ms; make it faster or raise service.timeout_ms of the engine"
    )]
    TooSlow {
        /// The limit.
        ms: u64,
    },
    /// An answer that cannot be read.
    #[error(
        "the answer of the stock service is not as configured: {what}; correct service.mapping of the engine or the service"
    )]
    WrongShape {
        /// What was expected and found.
        what: String,
    },
    /// The service that gives tokens.
    #[error("no token from auth.url of the engine: {what}")]
    Token {
        /// What happened.
        what: String,
        /// Whether a person has to change something.
        operator: bool,
    },
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineErrorClass {
    /// Ask again later.
    Retry,
    /// A person has to change the engine's configuration, or the service.
    Operator,
}

impl EngineError {
    /// What to do about it.
    pub fn class(&self) -> EngineErrorClass {
        match self {
            Self::Throttled | Self::Server { .. } | Self::Unreachable { .. } | Self::TooSlow { .. } => {
                EngineErrorClass::Retry
            }
            Self::Token { operator: false, .. } => EngineErrorClass::Retry,
            Self::Credentials { .. }
            | Self::Refused { .. }
            | Self::BadRequest { .. }
            | Self::WrongShape { .. }
            | Self::Token { .. } => EngineErrorClass::Operator,
        }
    }

    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Credentials { .. } => "engine_credentials",
            Self::Refused { .. } => "engine_refused_by_policy",
            Self::BadRequest { .. } => "engine_bad_request",
            Self::Throttled => "engine_throttled",
            Self::Server { .. } => "engine_server_error",
            Self::Unreachable { .. } => "engine_unreachable",
            Self::TooSlow { .. } => "engine_too_slow",
            Self::WrongShape { .. } => "engine_wrong_shape",
            Self::Token { .. } => "engine_token",
        }
    }

    /// Whether the same request may pass a moment later.
    pub(super) fn is_worth_a_retry(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::Unreachable { .. })
            || matches!(self, Self::Token { operator: false, .. })
    }

    pub(super) fn from_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Credentials { status },
            429 => Self::Throttled,
            500.. => Self::Server { status },
            _ => Self::BadRequest { status },
        }
    }

    pub(super) fn from_http(error: HttpError) -> Self {
        match error {
            HttpError::InvalidUrl { .. } | HttpError::Refused { .. } => {
                Self::Refused { what: error.to_string() }
            }
            HttpError::TooLarge { .. } => Self::WrongShape { what: error.to_string() },
            HttpError::Dns { .. }
            | HttpError::Connect { .. }
            | HttpError::Timeout { .. }
            | HttpError::Truncated { .. }
            | HttpError::Protocol { .. } => Self::Unreachable { what: error.to_string() },
        }
    }
}

impl From<Unreadable> for EngineError {
    fn from(error: Unreadable) -> Self {
        Self::WrongShape { what: error.0 }
    }
}
