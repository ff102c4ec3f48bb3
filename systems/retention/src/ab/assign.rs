//! Who gets which model.

use std::sync::Arc;

use plimsoll::{
    Result, Tx,
    flags::{Context, Flag, Rule, Share, Wheel},
};

use super::test::{self, Variant};
use crate::{
    models::{self, Loaded, Shelf},
    record::Day,
    score::{Charted, Judged, judge},
};

/// The division of people among the variants of a test, by the host's flag function: it follows from the test and the
/// person's identity at the source alone, is the same on every replica and after every restart, and growing a share
/// only moves people into it.
#[derive(Debug, Clone)]
pub struct Split(Flag);

impl Split {
    /// Of a test by its number, whose variants have these shares, in thousandths of a per cent.
    ///
    /// # Errors
    /// `ConfigInvalid` where no variant has a share or a name comes twice.
    pub fn new<'v>(test: i64, variants: impl IntoIterator<Item = (&'v str, u32)>) -> Result<Split> {
        let mut first = "";
        let shares = variants.into_iter().inspect(|(name, _)| {
            if first.is_empty() {
                first = *name;
            }
        });
        let shares: Vec<(&str, Share)> = shares.map(|(name, parts)| (name, Share::thousandths(parts))).collect();
        let rule = Rule { when: Vec::new(), rollout: Share::ALL, serve: Wheel::new(shares)? };
        Flag::new(&format!("ab-test {test}"), first, vec![rule]).map(Split)
    }

    /// The variant of a person.
    pub fn variant(&self, uuid: &str) -> &str {
        self.0.decide(&Context { principal: Some(uuid), ..Context::default() }).variant
    }
}

/// Who answers now: the active model, or while a test runs the model of each person's variant.
pub struct Answering {
    /// The active model.
    pub model: Arc<Loaded>,
    running: Option<Running>,
}

struct Running {
    id: i64,
    split: Split,
    arms: Vec<Arm>,
}

/// A variant's name and its model.
type Arm = (Arc<str>, Arc<Loaded>);

impl Answering {
    /// Who answers in this snapshot.
    ///
    /// # Errors
    /// What [`models::active`] says; what a model of a variant says that does not load any more.
    pub(crate) fn of(tx: &Tx<'_>, shelf: &Shelf) -> Result<Answering> {
        let model = models::active(tx, shelf)?;
        let running = test::running(tx)?.map(|test| {
            let load = |one: &Variant| Ok((Arc::from(one.name.as_str()), models::load(tx, shelf, one.model_id)?));
            let arms = test.variants.iter().map(load).collect::<Result<Vec<_>>>()?;
            Ok::<_, plimsoll::Error>(Running { id: test.id, split: test.split()?, arms })
        });
        Ok(Answering { model, running: running.transpose()? })
    }

    /// One model for everybody, whatever is active and tested.
    pub(crate) fn only(model: Arc<Loaded>) -> Answering {
        Answering { model, running: None }
    }

    /// Every model that may answer, each once.
    pub(crate) fn models(&self) -> Vec<&Arc<Loaded>> {
        let mut all = vec![&self.model];
        for (_, model) in self.running.iter().flat_map(|running| &running.arms) {
            if !all.iter().any(|known| known.id == model.id) {
                all.push(model);
            }
        }
        all
    }

    /// The number of the test that runs.
    pub(crate) fn test(&self) -> Option<i64> {
        self.running.as_ref().map(|running| running.id)
    }

    fn arm(&self, one: &Charted) -> Option<(i64, &Arm)> {
        let running = self.running.as_ref()?;
        let variant = running.split.variant(&one.patient.person.uuid);
        running.arms.iter().find(|(name, _)| **name == *variant).map(|arm| (running.id, arm))
    }

    /// The model that answers about a person.
    pub(crate) fn for_person(&self, one: &Charted) -> &Arc<Loaded> {
        self.arm(one).map_or(&self.model, |(_, (_, model))| model)
    }

    /// Asks about a person.
    ///
    /// # Errors
    /// What [`judge`] says.
    pub(crate) fn judge(&self, one: &Charted, as_of: Day, overrides: &[(usize, f64)]) -> Result<Judged> {
        let mut said = judge(self.for_person(one), &one.history, as_of, overrides)?;
        said.test = self.arm(one).map(|(test, (name, _))| (test, name.clone()));
        Ok(said)
    }
}
