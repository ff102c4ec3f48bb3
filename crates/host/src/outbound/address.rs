//! Which addresses of the network a stranger may send us to: those that everybody could reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::edge::caller::canonical;

/// Networks of IPv4 that are not the public internet, with the reason (IANA's registry of special
/// purpose addresses, RFC 6890 and its successors).
const SPECIAL: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "means this machine or this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "is private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "is shared between a provider and its customers"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "is this machine"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "is link-local, where clouds keep their metadata"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "is private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "is kept for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "is kept for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "is a relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "is private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "is kept for measurements"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "is kept for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "is kept for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "is multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "is reserved"),
    // Publicly numbered, and yet the machine itself in one cloud: its metadata and its DNS.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "is a cloud's metadata"),
];

/// Why nobody may be sent to `address`; nothing for an address of the public internet.
pub fn inside(address: IpAddr) -> Option<&'static str> {
    match canonical(address) {
        IpAddr::V4(four) => inside_four(four),
        IpAddr::V6(six) => inside_six(six),
    }
}

fn inside_four(address: Ipv4Addr) -> Option<&'static str> {
    let within = |network: Ipv4Addr, length: u32| (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0;
    SPECIAL.iter().find(|(network, length, _)| within(*network, *length)).map(|(.., why)| *why)
}

/// Only 2000::/3 is the public internet, and not all of it. What carries an IPv4 address is judged
/// by that address where it would be unpacked, and refused where nobody needs it any more.
fn inside_six(address: Ipv6Addr) -> Option<&'static str> {
    let s = address.segments();
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inside_four(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("is this machine"),
        _ if s[0] & 0xfe00 == 0xfc00 => Some("is unique to a site"),
        _ if s[0] & 0xffc0 == 0xfe80 => Some("is link-local"),
        _ if s[0] & 0xff00 == 0xff00 => Some("is multicast"),
        _ if s[0] & 0xe000 != 0x2000 => Some("is not of the public internet"),
        _ if s[0] == 0x2001 && s[1] < 0x0200 => Some("is kept for protocols"),
        _ if s[0] == 0x2001 && s[1] == 0x0db8 => Some("is kept for documentation"),
        _ if s[0] == 0x2002 => Some("is a tunnel to an IPv4 address"),
        _ if s[0] == 0x3fff && s[1] & 0xf000 == 0 => Some("is kept for documentation"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_public_internet_is_outside() {
        let within = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::7f00:1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::7f00:1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
            "5f00::1",
        ];
        for text in within {
            assert!(inside(text.parse().unwrap()).is_some(), "{text}");
        }
        let outside = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "2001:200::1",
        ];
        for text in outside {
            assert_eq!(inside(text.parse().unwrap()), None, "{text}");
        }
    }
}
