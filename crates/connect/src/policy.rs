//! Which addresses may be called: the public internet, and what the operator opened on top.
//!
//! A URL in a setting or a webhook is somebody's input. Without this check it could point at the
//! machine itself, at its neighbours or at a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks the operator may open; a start with more is a mistake in the configuration.
pub const MAX_NETS: usize = 256;

/// The networks opened by the operator (`--allow-net`, `OMS_ALLOW_NET`) besides the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetPolicy {
    allowed: Vec<IpNet>,
}

/// Why a list of networks was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetPolicyError {
    /// The text is neither a network nor an address.
    #[error("{0:?} is not a network; write it like 192.168.10.0/24, fd12:3456::/32 or 10.0.0.7")]
    NotANetwork(String),
    /// More than [`MAX_NETS`].
    #[error("more than {MAX_NETS} networks; join neighbouring ones into larger networks")]
    TooMany,
}

impl NetPolicy {
    /// The public internet only.
    pub fn public_only() -> Self {
        Self::default()
    }

    /// The public internet and this machine itself: what the demo needs.
    pub fn with_loopback() -> Self {
        let v4 = IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8);
        let v6 = IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128);
        Self { allowed: vec![v4, v6] }
    }

    /// Reads networks; each text may hold several, separated by commas or blanks.
    pub fn parse<I, S>(texts: I) -> Result<Self, NetPolicyError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut policy = Self::default();
        for text in texts {
            let words = text.as_ref().split(|c: char| c == ',' || c.is_whitespace());
            for word in words.filter(|word| !word.is_empty()) {
                let net = word
                    .parse::<IpNet>()
                    .or_else(|_| word.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| NetPolicyError::NotANetwork(word.chars().take(60).collect()))?;
                if policy.allowed.len() == MAX_NETS {
                    return Err(NetPolicyError::TooMany);
                }
                policy.allow(net);
            }
        }
        Ok(policy)
    }

    /// Opens one more network.
    pub fn allow(&mut self, net: IpNet) {
        if !self.allowed.contains(&net) {
            self.allowed.push(net);
        }
    }

    /// The opened networks, to show them to the operator.
    pub fn nets(&self) -> &[IpNet] {
        &self.allowed
    }

    /// Whether the operator opened the network of this address.
    pub fn is_opened(&self, address: IpAddr) -> bool {
        let inner = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&inner) || net.contains(&address))
    }

    /// Whether this address may be called.
    pub fn permits(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_opened(address)
    }
}

/// Whether an address lies on the public internet. An IPv4 address wrapped in IPv6 is judged by the
/// inner one; other ways to embed one (6to4, NAT64, Teredo) count as not public.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let refused = match address.octets() {
        // This network, private, loopback, multicast, reserved and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Shared by carriers (CGNAT).
        [100, 64..=127, ..] => true,
        // Link-local, where clouds keep their metadata service.
        [169, 254, ..] => true,
        [172, 16..=31, ..] | [192, 168, ..] => true,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => false,
    };
    !refused
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is handed out as public space: everything else (loopback, unique local,
    // link-local, multicast, NAT64, IPv4-compatible, discard) falls out here.
    let refused = match address.segments() {
        [first, ..] if first & 0xe000 != 0x2000 => true,
        // Protocol assignments, among them Teredo, and documentation.
        [0x2001, second, ..] if second < 0x0200 || second == 0x0db8 => true,
        // 6to4.
        [0x2002, ..] => true,
        // Documentation.
        [0x3fff, second, ..] if second < 0x1000 => true,
        _ => false,
    };
    !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn public_addresses_pass() {
        for text in ["1.1.1.1", "100.63.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(is_public(ip(text)), "{text}");
        }
    }

    #[test]
    fn everything_else_does_not() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:2::1",
            "3fff::1",
            "2002:7f00:1::",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(text)), "{text}");
            assert!(!NetPolicy::public_only().permits(ip(text)), "{text}");
        }
    }

    #[test]
    fn an_opened_network_is_permitted_and_no_other() {
        let policy = NetPolicy::parse(["10.1.0.0/16, fd12::/16", "192.168.1.7"]).expect("networks");
        assert_eq!(policy.nets().len(), 3);
        assert!(policy.permits(ip("10.1.2.3")));
        assert!(policy.permits(ip("::ffff:10.1.2.3")));
        assert!(policy.permits(ip("fd12::9")));
        assert!(policy.permits(ip("192.168.1.7")));
        assert!(!policy.permits(ip("192.168.1.8")));
        assert!(!policy.permits(ip("10.2.0.1")));
        assert!(NetPolicy::with_loopback().permits(ip("::1")));
        assert!(NetPolicy::parse(["nonsense"]).is_err());
    }
}
