//! Name resolution that refuses addresses the policy does not permit.
//!
//! It runs for every new connection, and the connection goes to the address that was checked: a name
//! that moves between check and connection gains nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::NetPolicy;

/// Addresses taken from one answer; more only slow a failing connection down.
const MAX_ADDRESSES: usize = 16;

/// Which part of the policy holds for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The public internet and opened networks: https on its usual ports.
    Public,
    /// Opened networks only: plain http, or an unusual port.
    OpenedOnly,
}

impl Scope {
    pub(super) fn permits(self, policy: &NetPolicy, address: IpAddr) -> bool {
        match self {
            Self::Public => policy.permits(address),
            Self::OpenedOnly => policy.is_opened(address),
        }
    }

    /// The refusal of an address, as a text that says how to permit it.
    pub(super) fn refusal(self, address: IpAddr) -> String {
        let address = address.to_canonical();
        if self == Self::OpenedOnly && crate::policy::is_public(address) {
            format!(
                "plain http and ports other than 443 and 8443 are not used on the public internet; \
                 use https, or open {address} with --allow-net"
            )
        } else {
            format!(
                "{address} is not a public address; if this is intended, open its network with --allow-net"
            )
        }
    }
}

/// Marks a refusal so that it can be told from other resolver errors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Blocked(pub(super) String);

pub(super) struct GuardedResolver {
    pub(super) policy: Arc<NetPolicy>,
    pub(super) scope: Scope,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, scope) = (Arc::clone(&self.policy), self.scope);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let mut addresses: Vec<SocketAddr> = found.collect();
            // One refused address refuses the name: an answer that mixes both is an attack or a mistake.
            if let Some(bad) = addresses.iter().find(|a| !scope.permits(&policy, a.ip())) {
                return Err(Blocked(scope.refusal(bad.ip())).into());
            }
            addresses.truncate(MAX_ADDRESSES);
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
