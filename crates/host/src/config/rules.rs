//! Rules over several keys.

use super::{
    effective::Config,
    fault::{Fault, Place},
};

/// Where a rule says what it refuses.
#[derive(Debug)]
pub struct Rules<'a> {
    config: &'a Config,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(config: &'a Config) -> Rules<'a> {
        Rules { config, faults: Vec::new() }
    }

    /// Refuses the value of `key`. The fault stands where the value came from. `message` says what
    /// is wrong and names no secret; `help` says what to do and may
    /// be empty.
    pub fn refuse(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let entry = self.config.entry(key);
        let place = match entry.map(|entry| entry.place.clone()) {
            // The excerpt belongs to where the secret's file was named.
            Some(Place::SecretFile { named_by, .. }) => *named_by,
            place => place.unwrap_or(Place::Default),
        };
        let by_default = matches!(place, Place::Default);
        let help = Some(help.into()).filter(|help| !help.is_empty());
        let mut fault = Fault::new(place, message, help);
        if by_default {
            fault.message = format!("{} (`{key}` has its default)", fault.message);
        }
        fault.excerpt = entry.and_then(|entry| entry.excerpt.clone());
        self.faults.push(fault);
    }
}
