//! What can go wrong with an outgoing request.

/// Why a request got no usable answer. Texts name the host, never the path or query, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The URL cannot be called at all.
    #[error("{url:?} cannot be called: {what}")]
    InvalidUrl {
        /// The address as given, shortened, without user and password.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// The address is not on the public internet and its network was not opened.
    #[error("{host} was not called: {what}")]
    Refused {
        /// The host as written.
        host: String,
        /// What was refused and how to permit it.
        what: String,
    },
    /// The name has no address.
    #[error("the name {host} could not be resolved: {what}; check the spelling and the name server")]
    Dns {
        /// The host as written.
        host: String,
        /// What the resolver said.
        what: String,
    },
    /// No connection, or no trusted one.
    #[error("no connection to {host}: {what}; check that it is up and reachable from here")]
    Connect {
        /// The host as written.
        host: String,
        /// What the system said.
        what: String,
    },
    /// The far side was too slow.
    #[error("{host} was too slow: {what}")]
    Timeout {
        /// The host as written.
        host: String,
        /// Which wait ran out.
        what: String,
    },
    /// The answer is larger than the caller permits.
    #[error("the answer of {host} is larger than {max_bytes} bytes and was not read further")]
    TooLarge {
        /// The host as written.
        host: String,
        /// The cap.
        max_bytes: usize,
    },
    /// The answer broke off before its end.
    #[error("the answer of {host} broke off after {got_bytes} bytes")]
    Truncated {
        /// The host as written.
        host: String,
        /// How much had arrived.
        got_bytes: usize,
    },
    /// The far side does not speak HTTP as it should.
    #[error("{host} did not answer in proper HTTP: {what}")]
    Protocol {
        /// The host as written.
        host: String,
        /// What was wrong.
        what: String,
    },
}

impl HttpError {
    /// Whether the same request may succeed later without anybody changing a setting.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::InvalidUrl { .. } | Self::Refused { .. } | Self::TooLarge { .. } => false,
            Self::Dns { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Truncated { .. }
            | Self::Protocol { .. } => true,
        }
    }

    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "invalid_url",
            Self::Refused { .. } => "blocked_address",
            Self::Dns { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::Truncated { .. } => "truncated",
            Self::Protocol { .. } => "protocol",
        }
    }
}
