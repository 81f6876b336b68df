//! Which addresses are the internet. Pure.
//!
//! Owns the rule that keeps a client from reaching, through an image's URL, what only this host or its network can
//! reach. It lists what is public rather than what isn't where that is possible: a range that is assigned later stays
//! closed. Never resolves a name.
//!
//! Source: IANA's registries of special-purpose addresses (IPv4, IPv6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What isn't public in IPv4: network and prefix length.
const CLOSED_V4: &[([u8; 4], u32)] = &[
    // This network, and this host.
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Shared between a carrier and its customers.
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local: the metadata of most clouds is here.
    ([169, 254, 0, 0], 16),
    // Public by the registries, and yet the host's own service on every machine of Azure.
    ([168, 63, 129, 16], 32),
    ([172, 16, 0, 0], 12),
    // Assignments of the protocol itself.
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    // Relays from 6to4: they lead to any IPv6 address.
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    // Benchmarks.
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, then what is reserved, then broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// The one public part of IPv6, 2000::/3.
const PUBLIC_V6: (u16, u16) = (0xe000, 0x2000);

/// Whether everybody on the internet can reach this address, as far as the address itself tells.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !CLOSED_V4.iter().any(|&(network, length)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == u32::from_be_bytes(network)
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let s = address.segments();
    // NAT64: where a network has IPv6 alone, its resolver gives these for names that have IPv4 alone.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let (mask, public) = PUBLIC_V6;
    if s[0] & mask != public {
        return false;
    }
    // Assignments of the protocol (Teredo, benchmarks, ORCHID, …) and documentation; then 6to4, which embeds any IPv4
    // address; then documentation again.
    let closed = (s[0] == 0x2001 && (s[1] < 0x200 || s[1] == 0xdb8))
        || s[0] == 0x2002
        || (s[0] == 0x3fff && s[1] < 0x1000);
    !closed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().expect("an address"))
    }

    #[test]
    fn the_internet_is_public() {
        let addresses = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2001:200::",
            "2a00:1450::1",
            "3ffe:ffff::1",
            "3fff:1000::",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ];
        for address in addresses {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn what_only_a_neighbour_can_reach_is_not() {
        let addresses = [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ];
        for address in addresses {
            assert!(!public(address), "{address}");
            assert!(!public(&format!("::ffff:{address}")), "{address} mapped");
            assert!(!public(&format!("64:ff9b::{address}")), "{address} by NAT64");
            assert!(!public(&format!("::{address}")), "{address} compatible");
        }
    }

    #[test]
    fn what_is_not_public_in_ipv6() {
        let addresses = [
            "::",
            "::1",
            "::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "1fff::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff:ffff::",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ];
        for address in addresses {
            assert!(!public(address), "{address}");
        }
    }

    proptest! {
        /// The standard library's own notions agree where it has them.
        #[test]
        fn nothing_that_the_standard_library_knows_to_be_private_passes(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            let private = ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || ip.is_unspecified();
            prop_assert!(!(private && is_public_v4(ip)), "{}", ip);
        }

        #[test]
        fn every_public_ipv6_address_is_in_the_public_part_or_embeds_a_public_one(bits: u128) {
            let ip = Ipv6Addr::from_bits(bits);
            let outside = ip.is_loopback() || ip.is_multicast() || ip.is_unique_local() || ip.is_unicast_link_local();
            prop_assert!(!(outside && is_public_v6(ip)), "{}", ip);
        }
    }
}
