//! Who counts as one client.

use std::net::{IpAddr, Ipv4Addr};

/// The addresses that one client can speak from: an IPv4 address, or an IPv6 network of 64 bits, since that is what
/// a provider hands to one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressGroup {
    /// One address; IPv4-mapped IPv6 is the same.
    V4(Ipv4Addr),
    /// The first four groups.
    V6([u16; 4]),
}

impl AddressGroup {
    /// The group of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> AddressGroup {
        AddressGroup::of(text.parse().unwrap())
    }

    #[test]
    fn spellings_and_neighbours_are_one_client() {
        assert_eq!(group("::ffff:192.0.2.1"), group("192.0.2.1"));
        assert_eq!(group("2001:db8::1"), group("2001:0db8:0000:0000:ffff:ffff:ffff:ffff"));
        assert_ne!(group("2001:db8::1"), group("2001:db8:0:1::1"));
        assert_ne!(group("192.0.2.1"), group("192.0.2.2"));
    }
}
