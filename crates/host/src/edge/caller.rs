//! Layer `caller`: whose address counts, and whether the caller's own connection was encrypted.
//!
//! What a request says about its origin is worth as much as the peer that wrote it. Only a peer
//! inside `[server] trusted_proxies` is believed, and only about the hop before it: the list is
//! walked from the right, and the first address that is not a trusted proxy is the caller.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, Request, header};
use plimsoll_core::{Code, Result};

use super::config::ProxyHeader;
use crate::{Body, exchange::Exchange};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A network in the form address and prefix length, IPv4 inside IPv6 (`::ffff:a.b.c.d`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    bits: u128,
    mask: u128,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        // An IPv4 network is one of the last 32 bits of its mapped form.
        let (widest, above) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = length.unwrap_or(widest);
        if length > widest {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - above - length).unwrap_or(0);
        Some(Network { bits: wide(address) & mask, mask })
    }
    pub(crate) fn holds(self, address: IpAddr) -> bool {
        wide(address) & self.mask == self.bits
    }
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

/// The one form of an address: IPv4 stays IPv4 where a dual-stack socket shows it inside IPv6.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Whether `address` belongs to this machine or to a network that is not routed publicly.
pub fn is_inside(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(four) => four.is_loopback() || four.is_private() || four.is_link_local() || is_shared(four),
        IpAddr::V6(six) => six.is_loopback() || is_unique_local(six) || six.is_unicast_link_local(),
    }
}
/// 100.64.0.0/10, which cloud providers use for their own machinery.
fn is_shared(four: Ipv4Addr) -> bool {
    four.octets()[0] == 100 && four.octets()[1] & 0xc0 == 64
}
fn is_unique_local(six: Ipv6Addr) -> bool {
    six.segments()[0] & 0xfe00 == 0xfc00
}

/// The proxies that are believed, and the header they write.
#[derive(Debug)]
pub struct Proxies {
    networks: Vec<Network>,
    header: ProxyHeader,
}

/// What is known about the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Caller {
    address: IpAddr,
    /// What a trusted proxy said, if it said anything.
    secure: Option<bool>,
}

impl Proxies {
    pub(super) fn new(networks: &[String], header: ProxyHeader) -> Result<Proxies> {
        let parse = |text: &String| {
            Network::parse(text).ok_or_else(|| {
                Code::ConfigInvalid
                    .because(format!("`[server] trusted_proxies` holds \"{text}\"; write an address or a network such as \"10.0.0.0/8\""))
            })
        };
        Ok(Proxies { networks: networks.iter().map(parse).collect::<Result<_>>()?, header })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }

    /// The way a request has come, for the services behind: the caller, then each trusted proxy, the
    /// nearest last. What a caller invented in front of that is not part of it.
    pub(crate) fn way(&self, caller: IpAddr, peer: IpAddr, headers: &HeaderMap) -> Vec<IpAddr> {
        let peer = canonical(peer);
        if self.networks.is_empty() || !self.trusts(peer) || caller == peer {
            return vec![caller];
        }
        let named = |hop: &str| match self.header {
            ProxyHeader::XForwardedFor => node(hop),
            ProxyHeader::Forwarded => pair(hop, "for").and_then(node),
        };
        let line = if self.header == ProxyHeader::Forwarded { header::FORWARDED } else { X_FORWARDED_FOR };
        let mut way = vec![peer];
        for hop in from_the_right(headers, &line, ',') {
            let Some(found) = named(hop) else { break };
            way.push(found);
            if !self.trusts(found) {
                break;
            }
        }
        way.reverse();
        way
    }

    /// Whether `peer` is believed about what it says of the caller.
    pub(crate) fn believes(&self, peer: IpAddr) -> bool {
        !self.networks.is_empty() && self.trusts(canonical(peer))
    }

    /// The name that the caller asked for, in the words of a trusted proxy; not yet held against
    /// the list of names.
    pub(super) fn asked_for<'h>(&self, peer: IpAddr, headers: &'h HeaderMap) -> Option<&'h str> {
        if !self.believes(peer) {
            return None;
        }
        let said = match self.header {
            // The nearest proxy writes last; what stands before it may be the caller's invention.
            ProxyHeader::XForwardedFor => from_the_right(headers, &X_FORWARDED_HOST, ',').next(),
            ProxyHeader::Forwarded => {
                let mut named = None;
                for element in from_the_right(headers, &header::FORWARDED, ',') {
                    named = pair(element, "host").or(named);
                    if !pair(element, "for").and_then(node).is_some_and(|hop| self.trusts(hop)) {
                        break;
                    }
                }
                named
            }
        };
        said.filter(|name| !name.is_empty())
    }

    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let peer = canonical(peer);
        if self.networks.is_empty() || !self.trusts(peer) {
            return Caller { address: peer, secure: None };
        }
        match self.header {
            ProxyHeader::XForwardedFor => self.by_x_forwarded(peer, headers),
            ProxyHeader::Forwarded => self.by_forwarded(peer, headers),
        }
    }

    fn by_x_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let mut address = peer;
        for hop in from_the_right(headers, &X_FORWARDED_FOR, ',') {
            // Beyond something unreadable nothing is known: the last proxy stands for the caller.
            let Some(found) = node(hop) else { break };
            address = found;
            if !self.trusts(found) {
                break;
            }
        }
        // The nearest proxy writes last; what stands before it may be the caller's invention.
        let secure = from_the_right(headers, &X_FORWARDED_PROTO, ',').next().map(|scheme| scheme.eq_ignore_ascii_case("https"));
        Caller { address, secure }
    }

    /// RFC 7239.
    fn by_forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let mut caller = Caller { address: peer, secure: None };
        for element in from_the_right(headers, &header::FORWARDED, ',') {
            let Some(found) = pair(element, "for").and_then(node) else { break };
            caller.address = found;
            caller.secure = pair(element, "proto").map(|scheme| scheme.eq_ignore_ascii_case("https")).or(caller.secure);
            if !self.trusts(found) {
                break;
            }
        }
        caller
    }
}

/// The elements of a list header, last first, over all its lines.
fn from_the_right<'h>(headers: &'h HeaderMap, name: &HeaderName, separator: char) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    lines.filter_map(|line| line.to_str().ok()).flat_map(move |line| line.rsplit(separator)).map(str::trim)
}

/// What an element of `Forwarded` says of `wanted` (RFC 7239 §4).
fn pair<'h>(element: &'h str, wanted: &str) -> Option<&'h str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().trim_matches('"'))
}

/// An address with or without port: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(canonical)
}

/// Notes whose address counts.
pub fn check(x: &mut Exchange, request: &mut Request<Body>) -> Result<()> {
    let caller = x.host.edge.proxies.caller(x.peer.ip(), request.headers());
    x.caller = caller.address;
    x.secure = caller.secure.unwrap_or(x.secure);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }
    fn proxies(header: ProxyHeader) -> Proxies {
        Proxies::new(&["10.0.0.0/8".into(), "fd00::/8".into(), "192.0.2.7".into()], header).unwrap()
    }
    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_stranger_is_not_believed_about_itself() {
        let lied = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https")]);
        let caller = proxies(ProxyHeader::XForwardedFor).caller(ip("203.0.113.9"), &lied);
        assert_eq!(caller, Caller { address: ip("203.0.113.9"), secure: None });
        assert_eq!(Proxies::new(&[], ProxyHeader::XForwardedFor).unwrap().caller(ip("10.0.0.1"), &lied).address, ip("10.0.0.1"));
    }

    #[test]
    fn the_first_address_from_the_right_that_is_no_proxy_is_the_caller() {
        let seen = headers(&[
            ("x-forwarded-for", "6.6.6.6, 203.0.113.9"),
            ("x-forwarded-for", "10.0.0.2:443"),
            ("x-forwarded-proto", "http, https"),
        ]);
        let caller = proxies(ProxyHeader::XForwardedFor).caller(ip("::ffff:10.0.0.1"), &seen);
        assert_eq!(caller, Caller { address: ip("203.0.113.9"), secure: Some(true) });
    }

    #[test]
    fn the_way_begins_with_the_caller_and_holds_nothing_it_invented() {
        let seen = headers(&[("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("x-forwarded-for", "10.0.0.2")]);
        let way = |peer: &str| proxies(ProxyHeader::XForwardedFor).way(ip("203.0.113.9"), ip(peer), &seen);
        assert_eq!(way("10.0.0.1"), [ip("203.0.113.9"), ip("10.0.0.2"), ip("10.0.0.1")]);
        assert_eq!(way("203.0.113.9"), [ip("203.0.113.9")], "a stranger's word is no part of it");
        let seen = headers(&[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:1\";proto=https, for=10.0.0.2")]);
        let way = proxies(ProxyHeader::Forwarded).way(ip("2001:db8::1"), ip("10.0.0.1"), &seen);
        assert_eq!(way, [ip("2001:db8::1"), ip("10.0.0.2"), ip("10.0.0.1")]);
    }

    #[test]
    fn beyond_an_unreadable_hop_the_last_proxy_stands_for_the_caller() {
        let seen = headers(&[("x-forwarded-for", "6.6.6.6, unknown, 10.0.0.2")]);
        assert_eq!(proxies(ProxyHeader::XForwardedFor).caller(ip("10.0.0.1"), &seen).address, ip("10.0.0.2"));
    }

    #[test]
    fn only_the_header_that_the_proxy_writes_is_read() {
        let both = headers(&[("forwarded", "for=\"[2001:db8::1]:4711\";proto=https, for=10.0.0.2"), ("x-forwarded-for", "6.6.6.6")]);
        assert_eq!(
            proxies(ProxyHeader::Forwarded).caller(ip("10.0.0.1"), &both),
            Caller { address: ip("2001:db8::1"), secure: Some(true) }
        );
        assert_eq!(proxies(ProxyHeader::XForwardedFor).caller(ip("10.0.0.1"), &both).address, ip("6.6.6.6"));
    }

    #[test]
    fn the_name_asked_for_is_what_a_trusted_proxy_says() {
        let seen = headers(&[
            ("x-forwarded-host", "invented.example, api.example:8443"),
            ("forwarded", "for=6.6.6.6;host=invented.example, for=203.0.113.9;host=\"b.example\", for=10.0.0.2;host=inner"),
        ]);
        let asked = |header, peer: &str| proxies(header).asked_for(ip(peer), &seen);
        assert_eq!(asked(ProxyHeader::XForwardedFor, "10.0.0.1"), Some("api.example:8443"));
        assert_eq!(asked(ProxyHeader::Forwarded, "10.0.0.1"), Some("b.example"), "the one header that the proxy writes");
        assert_eq!(asked(ProxyHeader::XForwardedFor, "203.0.113.9"), None, "a stranger is not believed");
        assert_eq!(proxies(ProxyHeader::Forwarded).asked_for(ip("10.0.0.1"), &headers(&[("x-forwarded-host", "c.example")])), None);
    }

    #[test]
    fn networks_are_read_strictly() {
        for good in ["0.0.0.0/0", "10.0.0.0/8", "::/0", "::1", "[::1]", "127.0.0.1/32", "fe80::/10"] {
            assert!(Network::parse(good).is_some(), "{good}");
        }
        for bad in ["", "10.0.0.0/33", "10.0/8", "::/129", "proxy.example.org", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(Network::parse(bad).is_none(), "{bad}");
        }
        assert!(!Network::parse("0.0.0.0/0").unwrap().holds(ip("2001:db8::1")), "an IPv4 network holds no IPv6 address");
        assert!(Network::parse("::/0").unwrap().holds(ip("2001:db8::1")));
        assert!(Proxies::new(&["10.0.0.0/33".into()], ProxyHeader::Forwarded).is_err());
    }

    #[test]
    fn inside_means_this_machine_or_an_unrouted_network() {
        for inside in ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "169.254.1.1", "::1", "fd12::1", "fe80::1", "::ffff:10.0.0.1"]
        {
            assert!(is_inside(ip(inside)), "{inside}");
        }
        for outside in ["8.8.8.8", "100.128.0.1", "2001:db8::1", "172.32.0.1"] {
            assert!(!is_inside(ip(outside)), "{outside}");
        }
    }
}
