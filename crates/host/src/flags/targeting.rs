//! The targeting function.

use plimsoll_core::{Code, Error, Result};

use super::{
    bucket::{Key, sign, ticket, wait},
    condition::Condition,
    context::Context,
    share::Share,
};

/// Why a variant was chosen; the words of OpenFeature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is nothing to decide: no rules, or one that holds for everybody.
    Static,
    /// The conditions of a rule hold, and nothing else was asked.
    TargetingMatch,
    /// A rollout or the weights decided.
    Split,
    /// No rule decided.
    Default,
    /// The flag is switched off.
    Disabled,
    /// A rule needs a unit and nothing is known that could be one. The fallback holds.
    Error,
}

impl Reason {
    /// As OpenFeature and OFREP write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Static => "STATIC",
            Reason::TargetingMatch => "TARGETING_MATCH",
            Reason::Split => "SPLIT",
            Reason::Default => "DEFAULT",
            Reason::Disabled => "DISABLED",
            Reason::Error => "ERROR",
        }
    }
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'f> {
    /// The variant.
    pub variant: &'f str,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, from 0.
    pub rule: Option<usize>,
    /// The unit's bucket, where one was asked for.
    pub bucket: Option<u32>,
}

/// Variants of a rule, each with its weight.
#[derive(Debug, Clone)]
pub struct Wheel(Vec<Slot>);

#[derive(Debug, Clone)]
struct Slot {
    variant: Box<str>,
    weight: u32,
    sign: u64,
}

impl Wheel {
    /// One variant for everybody.
    pub fn one(variant: &str) -> Wheel {
        Wheel(vec![Slot { variant: variant.into(), weight: 1, sign: 0 }])
    }

    /// Variants in proportion to their weights; the weights need no particular sum.
    ///
    /// # Errors
    /// `ConfigInvalid` when all weights are zero or a name comes twice.
    pub fn new<'a>(weights: impl IntoIterator<Item = (&'a str, Share)>) -> Result<Wheel> {
        let mut slots: Vec<Slot> = Vec::new();
        for (variant, weight) in weights {
            if slots.iter().any(|slot| &*slot.variant == variant) {
                return Err(wrong(format!("the variant `{variant}` comes twice in one rule")));
            }
            slots.push(Slot { variant: variant.into(), weight: weight.parts(), sign: sign(variant) });
        }
        // Who weighs nothing is never chosen.
        slots.retain(|slot| slot.weight > 0);
        if slots.is_empty() { Err(wrong("a rule needs a variant with a weight above zero")) } else { Ok(Wheel(slots)) }
    }

    /// The slot for a draw: the shortest wait, divided by the weight.
    fn turn(&self, draw: u64) -> &str {
        if let [only] = self.0.as_slice() {
            return &only.variant;
        }
        let waits = self.0.iter().map(|slot| (slot, wait(ticket(draw, slot.sign))));
        let shortest = waits.reduce(|best, other| {
            let (mine, theirs) = (u128::from(best.1) * u128::from(other.0.weight), u128::from(other.1) * u128::from(best.0.weight));
            // The name breaks a tie, so that the order of the list never matters.
            if (theirs, &other.0.variant) < (mine, &best.0.variant) { other } else { best }
        });
        shortest.map_or("", |(slot, _)| &slot.variant)
    }
}

/// When it applies, for how many, and what they get.
#[derive(Debug, Clone)]
pub struct Rule {
    /// All of them have to hold; none holds always.
    pub when: Vec<Condition>,
    /// For which part of the units it decides.
    pub rollout: Share,
    /// What they get.
    pub serve: Wheel,
}

impl Rule {
    /// Everybody for whom the conditions hold gets the variant.
    pub fn all(when: Vec<Condition>, variant: &str) -> Rule {
        Rule { when, rollout: Share::ALL, serve: Wheel::one(variant) }
    }
    /// A part of everybody gets the variant.
    pub fn part(rollout: Share, variant: &str) -> Rule {
        Rule { when: Vec::new(), rollout, serve: Wheel::one(variant) }
    }
}

/// A flag with its rules.
#[derive(Debug, Clone)]
pub struct Flag {
    name: Box<str>,
    key: Key,
    enabled: bool,
    fallback: Box<str>,
    rules: Vec<Rule>,
}

impl Flag {
    /// A flag that is on. The name is part of every bucket: another name deals the units anew.
    ///
    /// # Errors
    /// `ConfigInvalid` for an empty name, or one with a NUL character.
    pub fn new(name: &str, fallback: &str, rules: Vec<Rule>) -> Result<Flag> {
        if name.is_empty() || name.contains('\0') {
            return Err(wrong("a flag needs a name without NUL characters"));
        }
        Ok(Flag { name: name.into(), key: Key::new(name), enabled: true, fallback: fallback.into(), rules })
    }

    /// The same, switched on or off.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Flag {
        self.enabled = enabled;
        self
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// What holds where no rule decides.
    pub fn fallback(&self) -> &str {
        &self.fallback
    }
    /// Its rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Decides. Nothing is allocated; a hash is made at most once, and only if a rollout or weights
    /// ask for it.
    pub fn decide(&self, context: &Context<'_>) -> Decision<'_> {
        let fallback = |reason, bucket| Decision { variant: &self.fallback, reason, rule: None, bucket };
        if !self.enabled {
            return fallback(Reason::Disabled, None);
        }
        if self.rules.is_empty() {
            return fallback(Reason::Static, None);
        }
        let mut spot = None;
        for (at, rule) in self.rules.iter().enumerate() {
            if rule.rollout == Share::NONE || !rule.when.iter().all(|condition| condition.holds(context)) {
                continue;
            }
            if rule.rollout == Share::ALL
                && let [only] = rule.serve.0.as_slice()
            {
                let reason = if rule.when.is_empty() && at == 0 { Reason::Static } else { Reason::TargetingMatch };
                return Decision {
                    variant: &only.variant,
                    reason,
                    rule: Some(at),
                    bucket: spot.map(|spot: super::bucket::Spot| spot.bucket),
                };
            }
            let here = match spot {
                Some(known) => known,
                // Without a unit nothing could be sticky, and chance is no answer.
                None => match context.unit() {
                    Some(unit) => *spot.insert(self.key.spot(&unit)),
                    None => return Decision { rule: Some(at), ..fallback(Reason::Error, None) },
                },
            };
            if rule.rollout.takes(here.bucket) {
                let variant = rule.serve.turn(here.draw);
                return Decision { variant, reason: Reason::Split, rule: Some(at), bucket: Some(here.bucket) };
            }
        }
        fallback(Reason::Default, spot.map(|spot| spot.bucket))
    }
}

fn wrong(because: impl Into<String>) -> Error {
    Code::ConfigInvalid.because(because.into())
}
