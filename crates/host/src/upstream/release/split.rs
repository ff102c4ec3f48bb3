//! Which requests the candidate gets: a share of callers, each of whom stays on its side.
//!
//! A caller is its principal, without one its address (an IPv6 address counts as its /64). Its
//! bucket follows from `SHA-256(name ‖ 0 ‖ kind ‖ 0 ‖ unit)` alone, so every replica and every
//! restart decides alike, and a growing share only takes callers in.

use std::net::IpAddr;

use ring::digest::{Context, SHA256};

/// Parts of a whole: one is a thousandth of a per cent.
pub const WHOLE: u32 = 100_000;

/// The bucket of a caller under a name, from 0 to 99 999.
pub fn bucket(name: &str, principal: Option<&str>, address: IpAddr) -> u32 {
    let mut context = Context::new(&SHA256);
    context.update(name.as_bytes());
    context.update(&[0]);
    match (principal, address.to_canonical()) {
        (Some(id), _) => {
            context.update(b"principal\0");
            context.update(id.as_bytes());
        }
        (None, IpAddr::V4(four)) => {
            context.update(b"address\0");
            context.update(&four.octets());
        }
        (None, IpAddr::V6(six)) => {
            context.update(b"address\0");
            context.update(&six.octets()[..8]);
        }
    }
    let hash = context.finish();
    let number = hash.as_ref()[..8].iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    u32::try_from((u128::from(number) * u128::from(WHOLE)) >> 64).unwrap_or(WHOLE - 1)
}

/// Reads `10%`, `0.5%`, `33.333%` as thousandths of a per cent.
pub fn share(text: &str) -> Option<u32> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || whole.len() > 3 || rest.len() > 3 {
        return None;
    }
    let rest: u32 = format!("{rest:0<3}").parse().ok()?;
    let parts = whole.parse::<u32>().ok()? * 1000 + rest;
    (parts <= WHOLE).then_some(parts)
}

/// A share as it can be written.
pub fn shown(parts: u32) -> String {
    match (parts / 1000, parts % 1000) {
        (whole, 0) => format!("{whole}%"),
        (whole, rest) => format!("{whole}.{}%", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_callers_is_held_and_everybody_stays() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let all: Vec<u32> = (0..10_000).map(|n| bucket("release", Some(&format!("usr_{n}")), address)).collect();
        let within = |parts: u32| all.iter().filter(|bucket| **bucket < parts).count();
        assert!((850..1150).contains(&within(10_000)), "{}", within(10_000));
        assert_eq!((within(0), within(WHOLE)), (0, 10_000));
        assert_eq!(bucket("release", Some("usr_1"), address), bucket("release", Some("usr_1"), "192.0.2.2".parse().unwrap()));
        assert_eq!(bucket("release", None, "2001:db8::1".parse().unwrap()), bucket("release", None, "2001:db8::2".parse().unwrap()));
        assert_ne!(bucket("release", Some("usr_1"), address), bucket("mirror", Some("usr_1"), address));
    }

    #[test]
    fn a_share_is_written_with_its_sign() {
        for (text, parts) in [("0%", 0), ("0.001%", 1), ("12.5%", 12_500), (" 10 % ", 10_000), ("100%", WHOLE)] {
            assert_eq!(share(text), Some(parts), "{text}");
            assert_eq!(share(&shown(parts)), Some(parts));
        }
        for wrong in ["", "%", "10", "-1%", "100.001%", "1.0000%", ".5%", "5.%", "1e1%"] {
            assert_eq!(share(wrong), None, "{wrong}");
        }
    }
}
