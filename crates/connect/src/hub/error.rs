//! What can go wrong with a call to the hub, and who can mend it.

use crate::http::HttpError;

/// The wait when a throttled answer does not name one.
pub const DEFAULT_RETRY_AFTER_S: u64 = 60;
/// A hub that asks for more is asked again after this.
pub const MAX_RETRY_AFTER_S: u64 = 3600;

/// Why a call to the hub failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The hub does not accept our user.
    #[error(
        "the hub refused our sign-in ({what}); check user and password in OMNITRON_CLIENT_SETTINGS and that the user exists there"
    )]
    Unauthorized {
        /// Which step failed.
        what: String,
    },
    /// The hub, or our own limit on sign-ins, asks us to wait.
    #[error("the hub asks for fewer requests; the call is repeated in {retry_after_s} s")]
    Throttled {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// A 5xx answer.
    #[error("the hub failed with status {status}; the call is repeated later")]
    Server {
        /// The status.
        status: u16,
    },
    /// A success that is not JSON, for example a maintenance page.
    #[error(
        "the hub answered something that is not JSON ({what}); check base_url, the call is repeated later"
    )]
    NotJson {
        /// What it looks like.
        what: String,
    },
    /// The answer broke off, or a list gave fewer records than it counts.
    #[error("the hub's answer is incomplete; the call is repeated later")]
    Truncated,
    /// No answer at all.
    #[error("the hub cannot be reached: {what}")]
    Unreachable {
        /// What the network said.
        what: String,
    },
    /// The call was not made, or leads elsewhere, because of a setting.
    #[error("the hub was not called: {what}")]
    Refused {
        /// What was refused and what to do.
        what: String,
    },
    /// A 4xx answer.
    #[error("the hub refused the request with status {status}: {body}")]
    BadRequest {
        /// The status.
        status: u16,
        /// The start of its answer.
        body: String,
    },
    /// JSON, but not as agreed.
    #[error("the hub's answer to {path} is not as agreed: {what}; report it to whoever runs the hub")]
    WrongShape {
        /// The path called.
        path: String,
        /// What is wrong.
        what: String,
    },
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubErrorClass {
    /// Try again; after this many seconds if the hub named them, else by back-off.
    Retry {
        /// The hub's own wish.
        after_s: Option<u64>,
    },
    /// A person has to change a setting or a permission.
    Operator,
    /// The same request will fail again.
    Permanent,
}

impl HubError {
    /// What to do about it.
    pub fn class(&self) -> HubErrorClass {
        match self {
            Self::Throttled { retry_after_s } => HubErrorClass::Retry { after_s: Some(*retry_after_s) },
            Self::Server { .. } | Self::NotJson { .. } | Self::Truncated | Self::Unreachable { .. } => {
                HubErrorClass::Retry { after_s: None }
            }
            Self::BadRequest { status: 408 | 425, .. } => HubErrorClass::Retry { after_s: None },
            Self::Unauthorized { .. } | Self::Refused { .. } | Self::BadRequest { status: 403, .. } => {
                HubErrorClass::Operator
            }
            Self::BadRequest { .. } | Self::WrongShape { .. } => HubErrorClass::Permanent,
        }
    }

    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "hub_unauthorized",
            Self::Throttled { .. } => "hub_throttled",
            Self::Server { .. } => "hub_server_error",
            Self::NotJson { .. } => "hub_not_json",
            Self::Truncated => "hub_truncated",
            Self::Unreachable { .. } => "hub_unreachable",
            Self::Refused { .. } => "hub_refused_by_policy",
            Self::BadRequest { .. } => "hub_bad_request",
            Self::WrongShape { .. } => "hub_wrong_shape",
        }
    }

    pub(super) fn from_http(path: &str, error: HttpError) -> Self {
        match error {
            HttpError::InvalidUrl { .. } | HttpError::Refused { .. } => {
                Self::Refused { what: error.to_string() }
            }
            HttpError::TooLarge { .. } => Self::WrongShape { path: path.to_owned(), what: error.to_string() },
            HttpError::Truncated { .. } => Self::Truncated,
            HttpError::Dns { .. }
            | HttpError::Connect { .. }
            | HttpError::Timeout { .. }
            | HttpError::Protocol { .. } => Self::Unreachable { what: error.to_string() },
        }
    }

    pub(super) fn throttled(retry_after_s: Option<u64>) -> Self {
        let wait = retry_after_s.unwrap_or(DEFAULT_RETRY_AFTER_S).clamp(1, MAX_RETRY_AFTER_S);
        Self::Throttled { retry_after_s: wait }
    }
}
