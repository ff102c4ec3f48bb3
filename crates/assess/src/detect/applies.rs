//! Where a practice has a meaning at all.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::Deserialize;

use super::Pattern;
use crate::{Applies, fact::Facts};

/// A condition of the catalogue: it is met where one of the patterns finds something.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    any: Vec<Pattern>,
    otherwise: String,
}

/// Which conditions this repository meets.
pub(super) struct Applicable {
    refused: BTreeMap<&'static str, String>,
}

fn conditions() -> &'static BTreeMap<String, Condition> {
    static CONDITIONS: OnceLock<BTreeMap<String, Condition>> = OnceLock::new();
    // A file of ours that does not parse would make everything apply; a test refuses that.
    CONDITIONS.get_or_init(|| toml::from_str(include_str!("applies.toml")).unwrap_or_default())
}

impl Applicable {
    pub(super) fn new(facts: &Facts) -> Applicable {
        let mut refused = BTreeMap::new();
        for applies in Applies::ALL {
            let Some(condition) = conditions().get(applies.name()) else { continue };
            if !condition.any.iter().any(|pattern| !pattern.find(facts).is_empty()) {
                refused.insert(applies.name(), condition.otherwise.clone());
            }
        }
        Applicable { refused }
    }
    /// Why a practice with this condition has no meaning here.
    pub(super) fn refuses(&self, applies: Applies) -> Option<String> {
        self.refused.get(applies.name()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_can_be_read() {
        let read: BTreeMap<String, Condition> = toml::from_str(include_str!("applies.toml")).unwrap();
        assert!(read.keys().all(|name| Applies::ALL.iter().any(|applies| applies.name() == name)), "{:?}", read.keys());
        assert!(read.contains_key("http"));
    }

    #[test]
    fn a_name_that_only_holds_the_name_of_a_database_is_none() {
        let data = &conditions()["data"];
        let fits = |name: &str, ecosystem: &str| {
            let mut fact = crate::fact::Fact::new(crate::fact::Kind::Dependency, name, 1, 1).with("ecosystem", ecosystem);
            fact.attrs.push(("scope".into(), "run".into()));
            data.any.iter().any(|pattern| pattern.matches(&Facts::default(), &fact))
        };
        assert!(!fits("golang.org/x/oauth2", "go") && !fits("github.com/segmentio/encoding", "go"));
        assert!(fits("com.h2database:h2", "maven") && fits("entgo.io/ent", "go"));
    }
}
