//! Addresses that everybody can reach, and those that only this machine or its network can.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the public internet. What is inside of another address counts as well.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => four(address),
        IpAddr::V6(address) => six(address),
    }
}

fn four(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b)) // shared with the provider
        || (a == 192 && b == 0 && c == 0) // protocols
        || (a == 192 && b == 88 && c == 99) // relays
        || (a == 198 && (b == 18 || b == 19)) // measurements
        || a >= 224) // groups, reserved, broadcast
}

fn six(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        four(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Translated to the other version, whose rules hold.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        // Tunnels, benchmarks, identifiers, documents.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Nothing outside of this block is given to anybody.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}
