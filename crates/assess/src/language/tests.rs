//! What the tests of languages share.

use crate::{
    fact::{Facts, Kind},
    source::Tree,
};

/// The facts of these files together.
pub(super) fn all<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Facts {
    crate::wiring::facts(&Tree::of(files))
}

/// The facts of a kind, as `path:line name [guards]`.
pub(super) fn shown(facts: &Facts, kind: Kind) -> Vec<String> {
    facts
        .of(kind)
        .map(|fact| format!("{}:{} {} [{}]", facts.path(fact.file), fact.line, fact.name, fact.all("guard").collect::<Vec<_>>().join(" ")))
        .collect()
}
