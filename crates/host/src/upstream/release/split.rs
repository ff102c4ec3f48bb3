//! Which requests the candidate gets: a share of callers, each of whom stays on its side.
//!
//! Decided by the flags' own targeting function: a caller is its principal, without one its
//! address, and every replica and every restart decides alike.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use plimsoll_core::Result;

use crate::flags::{Context, Flag, Rule, Share};

/// Parts of a whole: one is a thousandth of a per cent.
pub const WHOLE: u32 = Share::BUCKETS;

/// A growing or shrinking share of callers under one name.
pub struct Split {
    name: &'static str,
    flag: RwLock<(u32, Arc<Flag>)>,
}

impl Split {
    /// Nobody yet.
    ///
    /// # Errors
    /// `ConfigInvalid` when the name is none.
    pub fn new(name: &'static str) -> Result<Split> {
        Ok(Split { name, flag: RwLock::new((0, Arc::new(flag(name, 0)?))) })
    }

    /// Whether this caller is among the share, in thousandths of a per cent.
    pub fn takes(&self, share: u32, principal: Option<&str>, address: IpAddr) -> bool {
        if share == 0 {
            return false;
        }
        let known = self.flag.read().unwrap_or_else(PoisonError::into_inner).clone();
        let flag = if known.0 == share {
            known.1
        } else {
            let Ok(made) = flag(self.name, share).map(Arc::new) else { return false };
            *self.flag.write().unwrap_or_else(PoisonError::into_inner) = (share, made.clone());
            made
        };
        flag.decide(&Context { principal, address: Some(address), ..Context::default() }).variant == IN
    }
}

const IN: &str = "in";

fn flag(name: &str, share: u32) -> Result<Flag> {
    Flag::new(name, "out", vec![Rule::part(Share::thousandths(share), IN)])
}

/// Reads `10%`, `0.5%`, `33.333%` as thousandths of a per cent.
pub fn share(text: &str) -> Option<u32> {
    <Share as crate::config::Setting>::from_text(text).ok().map(Share::parts)
}

/// A share as it can be written.
pub fn shown(parts: u32) -> String {
    Share::thousandths(parts).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_callers_is_held_and_everybody_stays_while_it_grows() {
        let (split, address) = (Split::new("release").unwrap(), "192.0.2.1".parse().unwrap());
        let within = |share: u32| (0..10_000).filter(|n| split.takes(share, Some(&format!("usr_{n}")), address)).collect::<Vec<u32>>();
        let (few, many) = (within(10_000), within(20_000));
        assert!((850..1150).contains(&few.len()), "{}", few.len());
        assert!(few.iter().all(|caller| many.contains(caller)) && many.len() > few.len());
        assert_eq!((within(0).len(), within(WHOLE).len()), (0, 10_000));
    }

    #[test]
    fn a_share_is_written_with_its_sign() {
        assert_eq!((share("12.5%"), share("10"), share("101%"), shown(12_500)), (Some(12_500), None, None, "12.5%".to_owned()));
    }
}
