//! A share of units, in thousandths of a per cent.

use std::fmt;

use crate::config::{Node, Setting, Wrong};

/// A part of all units, written as `10%`, `0.5%` or `33.333%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share(u32);

impl Share {
    /// Nobody.
    pub const NONE: Share = Share(0);
    /// Everybody.
    pub const ALL: Share = Share(Share::BUCKETS);
    /// Parts that a whole has: one is a thousandth of a per cent.
    pub const BUCKETS: u32 = 100_000;

    /// So many thousandths of a per cent; at most everybody.
    pub const fn thousandths(parts: u32) -> Share {
        if parts > Share::BUCKETS { Share::ALL } else { Share(parts) }
    }
    /// So many per cent; at most everybody.
    pub const fn percent(percent: u32) -> Share {
        Share::thousandths(percent.saturating_mul(1000))
    }
    /// In thousandths of a per cent.
    pub const fn parts(self) -> u32 {
        self.0
    }
    /// Whether a unit in this bucket belongs to it.
    pub const fn takes(self, bucket: u32) -> bool {
        bucket < self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        match rest {
            0 => write!(f, "{whole}%"),
            rest => write!(f, "{whole}.{}%", format!("{rest:03}").trim_end_matches('0')),
        }
    }
}

impl Setting for Share {
    fn kind() -> String {
        "a share such as 10% or 0.001%".into()
    }
    fn example() -> String {
        "\"10%\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        let Some(text) = value.text() else {
            // 0.1 could mean a tenth or a tenth of a per cent: nobody may have to guess.
            wrong.push(Wrong::other_type::<Self>(value).help("write it in quotes and with its sign, such as \"10%\""));
            return None;
        };
        Self::from_text(text).map_err(|it| wrong.push(it.at(value.span()))).ok()
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let help = "write a number from 0 to 100 with at most three digits behind the point, and the sign %";
        read(text).ok_or_else(|| Wrong::text::<Self>(text).help(help))
    }
    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

fn read(text: &str) -> Option<Share> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let (whole, rest) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = match rest {
        None => 0,
        // `12.5` is 500 thousandths behind the point.
        Some(rest) => format!("{rest:0<3}").parse().ok().filter(|_| digits(rest) && rest.len() <= 3)?,
    };
    let whole: u32 = whole.parse().ok().filter(|_| digits(whole))?;
    let parts = whole.checked_mul(1000)?.checked_add(rest)?;
    (parts <= Share::BUCKETS).then_some(Share(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_a_resolution_of_a_thousandth_of_a_per_cent() {
        let cases = [
            ("0%", 0),
            ("0.001%", 1),
            ("0.01%", 10),
            ("12.5%", 12_500),
            ("33.333%", 33_333),
            (" 10 % ", 10_000),
            ("100%", 100_000),
            ("100.000%", 100_000),
        ];
        for (text, parts) in cases {
            assert_eq!(Share::from_text(text).unwrap().parts(), parts, "{text}");
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in
            ["", "%", "10", "0.1", "10 percent", "-1%", "+1%", "100.001%", "101%", "1.0000%", ".5%", "5.%", "1e1%", "99999999999%", "1,5%"]
        {
            assert!(Share::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_shown_as_it_can_be_written() {
        for parts in [0, 1, 10, 100, 1000, 12_500, 33_333, 99_999, 100_000] {
            let share = Share::thousandths(parts);
            assert_eq!(Share::from_text(&share.to_string()).unwrap(), share);
        }
        assert_eq!((Share::thousandths(12_500).to_string(), Share::thousandths(50).show()), ("12.5%".into(), "\"0.05%\"".into()));
        assert_eq!(Share::percent(200), Share::ALL);
    }
}
